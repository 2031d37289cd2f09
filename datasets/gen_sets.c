/* gen_sets.c - puzzles about what belongs to which set.
 * Levels: 1 what a basket holds; 2 which of two named things it holds; 3 who owns a thing, or what
 * is liked by both or by one of two; 4 membership in three lists ("by A and B, but not by C"); 5
 * chains of "every x is a y" and "no x is a y" over invented words. At levels 1 to 4 the choices
 * differ in the lists that hold them, so one is right; at level 5 every set of properties that fits
 * the rules must agree. */
#include <string.h>
#include "datasets/gen_puzzle.h"

enum { N_FOODS = 16, N_KINDS = 10, CHAIN = 4 };

static const char *const foods[N_FOODS] = {
    "apples", "pears",  "plums", "grapes", "nuts",   "carrots",   "beans",  "onions",
    "bread",  "cheese", "honey", "rice",   "olives", "mushrooms", "lemons", "cherries"};
static const char *const kinds[N_KINDS] = {"wug",   "dax",  "fep",  "mip",  "zorp",
                                           "blick", "toma", "gorn", "lurp", "nib"};

static void set_foods(puzzle *p, const size_t *food, size_t n, size_t gold)
{
    for (size_t i = 0; i < n; i++)
        p->choice[i] = foods[food[i]];
    p->n_choices = n;
    p->gold = gold;
    p->fixed_order = false;
}

/* "a, b and c" of the n foods whose `mask` has this bit; in the order given. */
static void write_list(strbuf *b, const size_t *food, const unsigned *mask, size_t n, unsigned bit)
{
    size_t members[N_FOODS], n_members = 0;
    for (size_t i = 0; i < n; i++)
        if (mask[i] & bit) members[n_members++] = food[i];
    for (size_t i = 0; i < n_members; i++)
        strbuf_printf(b, "%s%s",
                      i == 0               ? ""
                      : i + 1 == n_members ? " and "
                                           : ", ",
                      foods[members[i]]);
}

static waage_status draw_held(puzzle twin[2], rng *r, arena *a, waage_err *err)
{
    size_t food[8];
    puzzle_pick(food, 8, N_FOODS, r);
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        const size_t *held = food + 2 * t,
                     choices[3] = {held[rng_below(r, 2)], food[4 + 2 * t], food[5 + 2 * t]};
        strbuf_printf(&b, "The basket holds %s and %s. What is in the basket?", foods[held[0]],
                      foods[held[1]]);
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        set_foods(&twin[t], choices, 3, 0);
    }
    return WAAGE_OK;
}

static waage_status draw_listed(puzzle twin[2], rng *r, arena *a, waage_err *err)
{
    size_t food[5];
    puzzle_pick(food, 5, N_FOODS, r);
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        const size_t pair[2] = {food[t], food[3 + t]};
        strbuf_printf(&b, "The basket holds %s, %s and %s. ", foods[food[0]], foods[food[1]],
                      foods[food[2]]);
        /* the right one is named first in one twin and last in the other */
        strbuf_printf(&b, "Which of these is in the basket: %s or %s?", foods[pair[t]],
                      foods[pair[1 - t]]);
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        set_foods(&twin[t], pair, 2, 0);
    }
    return WAAGE_OK;
}

static waage_status draw_owner(puzzle twin[2], rng *r, arena *a, waage_err *err)
{
    size_t name[3], food[6], asked[2];
    puzzle_pick(name, 3, PUZZLE_N_PEOPLE, r);
    puzzle_pick(food, 6, N_FOODS, r);
    puzzle_pick(asked, 2, 6, r);
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        for (size_t i = 0; i < 3; i++)
            strbuf_printf(&b, "%s has %s and %s. ", puzzle_people[name[i]], foods[food[2 * i]],
                          foods[food[2 * i + 1]]);
        strbuf_printf(&b, "Who has %s?", foods[food[asked[t]]]);
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        for (size_t i = 0; i < 3; i++)
            twin[t].choice[i] = puzzle_people[name[i]];
        twin[t].n_choices = 3;
        twin[t].gold = asked[t] / 2;
        twin[t].fixed_order = false;
    }
    return WAAGE_OK;
}

/* Foods with the lists that hold them (bit i: person i). */
typedef struct {
    size_t n, food[8], name[3];
    unsigned mask[8];
} likes;

static void write_likes(strbuf *b, const likes *l, size_t n_people)
{
    for (size_t i = 0; i < n_people; i++) {
        strbuf_printf(b, "%s likes ", puzzle_people[l->name[i]]);
        write_list(b, l->food, l->mask, l->n, 1u << i);
        strbuf_puts(b, ". ");
    }
}

/* Index of the only one of the first n foods with exactly this mask under `care`; n if not one. */
static size_t only_one(const likes *l, size_t n, unsigned care, unsigned want)
{
    size_t found = n;
    for (size_t i = 0; i < n; i++)
        if ((l->mask[i] & care) == want) {
            if (found != n) return n;
            found = i;
        }
    return found;
}

static waage_status draw_two_lists(puzzle twin[2], bool *ok, rng *r, arena *a, waage_err *err)
{
    /* choices: liked by both, by the first, by the second, by neither; then two more of one list */
    likes l = {.n = 6, .mask = {3, 1, 2, 0, 1, 2}};
    puzzle_pick(l.food, l.n, N_FOODS, r);
    puzzle_pick(l.name, 2, PUZZLE_N_PEOPLE, r);
    size_t order[6] = {0};
    likes told = l;
    puzzle_pick(order, l.n, l.n, r);
    for (size_t i = 0; i < l.n; i++) {
        told.food[i] = l.food[order[i]];
        told.mask[i] = l.mask[order[i]];
    }
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        write_likes(&b, &told, 2);
        strbuf_printf(&b,
                      t == 0 ? "What do both %s and %s like?"
                             : "What does %s like that %s does not like?",
                      puzzle_people[l.name[0]], puzzle_people[l.name[1]]);
        const size_t gold = only_one(&l, 4, 3, t == 0 ? 3 : 1);
        if (gold == 4) *ok = false;
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        set_foods(&twin[t], l.food, 4, gold);
    }
    return WAAGE_OK;
}

static waage_status draw_three_lists(puzzle twin[2], bool *ok, rng *r, arena *a, waage_err *err)
{
    likes l = {.n = 6, .mask = {3, 5, 6, 7, 1, 4}};
    size_t order[6];
    likes told = l;
    puzzle_pick(l.food, l.n, N_FOODS, r);
    puzzle_pick(l.name, 3, PUZZLE_N_PEOPLE, r);
    puzzle_pick(order, l.n, l.n, r);
    for (size_t i = 0; i < 3; i++)
        told.name[i] = l.name[i];
    for (size_t i = 0; i < l.n; i++) {
        told.food[i] = l.food[order[i]];
        told.mask[i] = l.mask[order[i]];
    }
    size_t without[2];
    puzzle_pick(without, 2, 3, r);
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        const size_t out = without[t], x = (out + 1) % 3, y = (out + 2) % 3;
        write_likes(&b, &told, 3);
        strbuf_printf(&b, "What do %s and %s like, but not %s?", puzzle_people[l.name[x]],
                      puzzle_people[l.name[y]], puzzle_people[l.name[out]]);
        const size_t gold = only_one(&l, 4, 7, 7u & ~(1u << out));
        if (gold == 4) *ok = false;
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        set_foods(&twin[t], l.food, 4, gold);
    }
    return WAAGE_OK;
}

/* Properties 0 -> 1 -> 2 -> 3 by rules "every"; the last rule may be "no". Somebody has property 0.
 */
typedef struct {
    size_t kind[CHAIN], order[CHAIN - 1];
    bool last_is_no;
} rules;

/* Must somebody with property 0 have `asked`? 1 yes, 0 no, -1 open: tries all sets of properties.
 */
static int decide(const rules *ru, size_t asked)
{
    int answer = -2;
    for (unsigned has = 0; has < 1u << CHAIN; has++) {
        bool fits = has & 1;
        for (size_t i = 0; i + 1 < CHAIN; i++) {
            const bool from = has >> i & 1, to = has >> (i + 1) & 1;
            const bool no = i + 2 == CHAIN && ru->last_is_no;
            fits = fits && (!from || (no ? !to : to));
        }
        if (!fits) continue;
        const int v = (int)(has >> asked & 1);
        answer = answer == -2 || answer == v ? v : -1;
    }
    return answer;
}

static const char *article(const char *noun)
{
    return strchr("aeiou", noun[0]) ? "an" : "a";
}

static waage_status draw_rules(puzzle twin[2], bool *ok, rng *r, arena *a, waage_err *err)
{
    rules ru[2];
    puzzle_pick(ru[0].kind, CHAIN, N_KINDS, r);
    puzzle_pick(ru[0].order, CHAIN - 1, CHAIN - 1, r);
    const char *who = puzzle_people[rng_below(r, PUZZLE_N_PEOPLE)];
    ru[1] = ru[0];
    ru[0].last_is_no = rng_below(r, 2) == 1;
    ru[1].last_is_no = !ru[0].last_is_no;
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        for (size_t k = 0; k + 1 < CHAIN; k++) {
            const size_t i = ru[t].order[k];
            const bool no = i + 2 == CHAIN && ru[t].last_is_no;
            const char *to = kinds[ru[t].kind[i + 1]];
            strbuf_printf(&b, "%s %s is %s %s. ", no ? "No" : "Every", kinds[ru[t].kind[i]],
                          article(to), to);
        }
        const char *first = kinds[ru[t].kind[0]], *last = kinds[ru[t].kind[CHAIN - 1]];
        strbuf_printf(&b, "%s is %s %s. Is %s %s %s?", who, article(first), first, who,
                      article(last), last);
        const int answer = decide(&ru[t], CHAIN - 1);
        if (answer < 0) *ok = false;
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        puzzle_set_yes_no(&twin[t], answer == 1);
    }
    return WAAGE_OK;
}

waage_status puzzle_draw_sets(puzzle twin[2], bool *ok, int level, rng *r, arena *a, waage_err *err)
{
    *ok = true;
    switch (level) {
    case 1:
        return draw_held(twin, r, a, err);
    case 2:
        return draw_listed(twin, r, a, err);
    case 3:
        break;
    case 4:
        return draw_three_lists(twin, ok, r, a, err);
    default:
        return draw_rules(twin, ok, r, a, err);
    }
    if (rng_below(r, 2) == 0) return draw_owner(twin, r, a, err);
    return draw_two_lists(twin, ok, r, a, err);
}
