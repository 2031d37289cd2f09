/* gen_dates.c - puzzles about weekdays and dates (Gregorian calendar).
 * Levels: 1 the next weekday or month; 2 the one before; 3 tomorrow, yesterday, or the weekday n
 * days from today; 4 date within a month or across its end; 5 across the end of February, leap
 * years and the century rule included. Answers come from day numbers; the wrong choices are other
 * days, so one choice is right. */
#include "datasets/gen_puzzle.h"

static const char *const weekdays[7] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};
static const char *const months[12] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};

typedef struct {
    int year, month, day; /* month and day from 1 */
} civil;

/* Days since 1 March of year 0, for years >= 1: months counted from March put the leap day last. */
static int day_number(civil c)
{
    const int y = c.month <= 2 ? c.year - 1 : c.year, m = (c.month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + c.day - 1;
}

static civil from_day_number(int n)
{
    civil c = {n / 366, 3, 1};
    while (day_number((civil){c.year + 1, 3, 1}) <= n)
        c.year++;
    for (;;) {
        const civil next = {c.month == 12 ? c.year + 1 : c.year, c.month % 12 + 1, 1};
        if (day_number(next) > n) break;
        c = next;
    }
    c.day = n - day_number(c) + 1;
    return c;
}

/* "Which day comes right after Monday?"; wrong: three and five steps on. */
static waage_status draw_next(puzzle twin[2], bool before, rng *r, arena *a, waage_err *err)
{
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        const size_t n = t == 0 ? 7 : 12, at = (size_t)rng_below(r, n);
        const char *const *list = t == 0 ? weekdays : months;
        strbuf_printf(&b, "Which %s comes right %s %s?", t == 0 ? "day" : "month",
                      before ? "before" : "after", list[at]);
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        for (size_t i = 0; i < 3; i++) {
            const size_t step = 1 + 2 * i;
            twin[t].choice[i] = list[(at + (before ? n - step : step)) % n];
        }
        twin[t].n_choices = 3;
        twin[t].gold = 0;
        twin[t].fixed_order = false;
    }
    return WAAGE_OK;
}

static void set_weekdays(puzzle *p, int gold, int today, int mirror, size_t n)
{
    /* plausible: today itself, the other direction, one off */
    const int day[] = {gold, today, mirror, gold + 1, gold + 6};
    p->n_choices = 0;
    for (size_t i = 0; i < sizeof day / sizeof day[0] && p->n_choices < n; i++) {
        bool fresh = true;
        for (size_t j = 0; j < p->n_choices; j++)
            fresh = fresh && p->choice[j] != weekdays[day[i] % 7];
        if (fresh) p->choice[p->n_choices++] = weekdays[day[i] % 7];
    }
    p->gold = 0;
    p->fixed_order = false;
}

static waage_status draw_weekday(puzzle twin[2], rng *r, arena *a, waage_err *err)
{
    const int today = (int)rng_below(r, 7);
    const int n = rng_below(r, 2) == 0 ? 1 : (int)rng_between(r, 2, 6);
    for (int t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        const int gold = (today + (t == 0 ? n : 7 - n)) % 7;
        strbuf_printf(&b, "Today is %s. ", weekdays[today]);
        if (n == 1)
            strbuf_puts(&b, t == 0 ? "Which day is tomorrow?" : "Which day was yesterday?");
        else
            strbuf_printf(
                &b, t == 0 ? "Which day is it in %d days?" : "Which day was it %d days ago?", n);
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        set_weekdays(&twin[t], gold, today, (today + (t == 0 ? 7 - n : n)) % 7, n == 1 ? 3 : 4);
    }
    return WAAGE_OK;
}

static waage_status put_date(const char **out, int number, arena *a, waage_err *err)
{
    const civil c = from_day_number(number);
    *out = arena_printf(a, "%d %s", c.day, months[c.month - 1]);
    return *out ? WAAGE_OK : waage_err_nomem(err);
}

static waage_status write_date(puzzle *p, int start, int shift, rng *r, arena *a, waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    const civil c = from_day_number(start);
    strbuf_printf(&b, "Today is %d %s %d. ", c.day, months[c.month - 1], c.year);
    strbuf_printf(&b, shift > 0 ? "Which date is it in %d days?" : "Which date was it %d days ago?",
                  shift > 0 ? shift : -shift);
    WAAGE_TRY(puzzle_take(&p->question, &b, a, err));
    /* off by one to both sides (wrong month length), and a week or ten days off */
    const int far = rng_below(r, 2) ? 7 : 10;
    const int wrong[] = {1, -1, rng_below(r, 2) ? far : -far};
    WAAGE_TRY(put_date(&p->choice[0], start + shift, a, err));
    for (size_t i = 0; i < 3; i++)
        WAAGE_TRY(put_date(&p->choice[i + 1], start + shift + wrong[i], a, err));
    p->n_choices = 4;
    p->gold = 0;
    p->fixed_order = false;
    return WAAGE_OK;
}

/* Does the way from start by shift days cross the end of a month? */
static bool crosses(int start, int shift)
{
    return from_day_number(start).month != from_day_number(start + shift).month;
}

static waage_status draw_date(puzzle twin[2], bool *ok, int level, rng *r, arena *a, waage_err *err)
{
    static const int years[] = {2000, 2023, 2024, 2025, 2028, 2100, 1900, 1996};
    int shift[2], start[2];
    if (level == 5) {
        const int y = years[rng_below(r, 8)];
        start[0] = day_number((civil){y, 2, (int)rng_between(r, 22, 28)});
        start[1] = day_number((civil){y, 3, (int)rng_between(r, 1, 8)});
    } else {
        start[0] = day_number((civil){(int)rng_between(r, 2001, 2030), (int)rng_between(r, 1, 12),
                                      (int)rng_between(r, 1, 28)});
        start[1] = start[0];
    }
    shift[0] = (int)rng_between(r, 3, level == 4 ? 9 : 18);
    shift[1] = -(int)rng_between(r, 3, level == 4 ? 9 : 18);
    *ok = true;
    for (size_t t = 0; t < 2; t++) {
        if (level == 5 && !crosses(start[t], shift[t])) *ok = false;
        WAAGE_TRY(write_date(&twin[t], start[t], shift[t], r, a, err));
    }
    return WAAGE_OK;
}

waage_status puzzle_draw_dates(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                               waage_err *err)
{
    *ok = true;
    if (level <= 2) return draw_next(twin, level == 2, r, a, err);
    if (level == 3) return draw_weekday(twin, r, a, err);
    return draw_date(twin, ok, level, r, a, err);
}
