/* test_puzzles.c - builtin:reasoning: shape, balance, and every answer worked out again from the
 * printed question by solvers that share nothing with the generator (it draws a truth and writes it
 * down; these read the text and deduce). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/dataset.h"

enum { WORDS_MAX = 160, WORD_MAX = 24, PEOPLE_MAX = 8 };

/* The question as words; '.', ',' , '?', ':', '(' and ')' are words of their own. */
typedef struct {
    char w[WORDS_MAX][WORD_MAX];
    size_t n;
} words;

static bool is_mark(char c)
{
    return c && strchr(".,?:()", c);
}

static void split(words *out, const char *s)
{
    memset(out, 0, sizeof *out);
    while (*s) {
        if (*s == ' ') {
            s++;
            continue;
        }
        assert_true(out->n < WORDS_MAX);
        size_t len = 0;
        if (is_mark(*s))
            len = 1;
        else
            while (s[len] && s[len] != ' ' && !is_mark(s[len]))
                len++;
        assert_true(len < WORD_MAX);
        memcpy(out->w[out->n++], s, len);
        s += len;
    }
}

static bool is(const words *x, size_t i, const char *word)
{
    return i < x->n && strcmp(x->w[i], word) == 0;
}

static size_t find(const words *x, size_t from, const char *word)
{
    for (size_t i = from; i < x->n; i++)
        if (is(x, i, word)) return i;
    return x->n;
}

/* Where the last sentence (the question) begins. */
static size_t last_sentence(const words *x)
{
    size_t at = 0;
    for (size_t i = 0; i + 1 < x->n; i++)
        if (is(x, i, ".")) at = i + 1;
    return at;
}

/* --- names -> small indices, in order of appearance */
typedef struct {
    const char *name[PEOPLE_MAX];
    size_t n;
} people;

static size_t person(people *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->name[i], name) == 0) return i;
    assert_true(p->n < PEOPLE_MAX);
    p->name[p->n] = name;
    return p->n++;
}

static bool is_low(const char *word)
{
    static const char *const low[] = {"shorter",  "younger",  "slower",  "lighter",  "poorer",
                                      "shortest", "youngest", "slowest", "lightest", "poorest"};
    for (size_t i = 0; i < sizeof low / sizeof low[0]; i++)
        if (strcmp(low[i], word) == 0) return true;
    return false;
}

/* "A, B and C stand in a line, in this order. Who is first?" */
static void solve_line(char *out, const words *x)
{
    strcpy(out, is(x, x->n - 2, "first") ? x->w[0] : x->w[find(x, 0, "and") + 1]);
}

/* Transitive closure of the clauses; the rank is the number of people above. */
static void solve_ordering(char *out, const words *x)
{
    if (is(x, 0, "Which")) { /* the next number or letter */
        if (is(x, 1, "number"))
            snprintf(out, WORD_MAX, "%d", atoi(x->w[5]) + 1);
        else
            snprintf(out, WORD_MAX, "%c", x->w[5][0] + 1);
        return;
    }
    if (find(x, 0, "than") == x->n) {
        solve_line(out, x);
        return;
    }
    people p = {0};
    bool above[PEOPLE_MAX][PEOPLE_MAX] = {{false}};
    for (size_t i = 0; (i = find(x, i, "than")) < x->n; i++) {
        const size_t a = person(&p, x->w[i - 3]), b = person(&p, x->w[i + 1]);
        const bool low = is_low(x->w[i - 1]);
        above[low ? b : a][low ? a : b] = true;
    }
    for (size_t k = 0; k < p.n; k++)
        for (size_t i = 0; i < p.n; i++)
            for (size_t j = 0; j < p.n; j++)
                above[i][j] = above[i][j] || (above[i][k] && above[k][j]);
    const size_t mark = find(x, 0, "?");
    const bool low = is_low(x->w[mark - 1]);
    const size_t place = is(x, mark - 2, "second") ? 1 : is(x, mark - 2, "third") ? 2 : 0;
    for (size_t i = 0; i < p.n; i++) {
        size_t n_above = 0, n_below = 0;
        for (size_t j = 0; j < p.n; j++) {
            n_above += above[j][i];
            n_below += above[i][j];
        }
        assert_int_equal(n_above + n_below, p.n - 1); /* the order is complete */
        if ((low ? n_below : n_above) == place) strcpy(out, p.name[i]);
    }
}

static void solve_tracking(char *out, const words *x)
{
    const size_t q = last_sentence(x);
    if (is(x, q, "Where")) { /* the last sentence that puts the thing somewhere */
        const char *thing = x->w[q + 3];
        for (size_t i = 0; i < q; i++)
            if (is(x, i, thing)) {
                const size_t in = find(x, i, "in");
                snprintf(out, WORD_MAX * 2, "in the %s", x->w[in + 2]);
            }
        return;
    }
    people p = {0};
    const char *ball[PEOPLE_MAX] = {NULL};
    for (size_t i = 0; i < q; i++) {
        if (is(x, i, "has")) ball[person(&p, x->w[i - 1])] = x->w[i + 2];
        if (!is(x, i, "swap")) continue;
        const size_t a = person(&p, x->w[i - 3]), b = person(&p, x->w[i - 1]);
        const char *t = ball[a];
        ball[a] = ball[b];
        ball[b] = t;
    }
    char *who = (char[WORD_MAX]){0};
    strcpy(who, x->w[q + 3]);
    *strchr(who, '\'') = 0;
    strcpy(out, ball[person(&p, who)]);
}

static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                   "Friday", "Saturday", "Sunday"};
static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};

static int index_in(const char *const *list, int n, const char *word)
{
    for (int i = 0; i < n; i++)
        if (strcmp(list[i], word) == 0) return i;
    fail_msg("%s is in no list", word);
    return -1;
}

static int month_length(int year, int month)
{
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return length[month] + (month == 1 && leap);
}

/* Day by day, by the lengths of the months. */
static void solve_dates(char *out, const words *x)
{
    const bool month_asked = is(x, 1, "month");
    if (is(x, 0, "Which")) { /* comes right after or before */
        const char *const *list = month_asked ? months : days;
        const int len = month_asked ? 12 : 7, step = is(x, 4, "after") ? 1 : len - 1;
        strcpy(out, list[(index_in(list, len, x->w[5]) + step) % len]);
        return;
    }
    const bool ago = find(x, 0, "ago") < x->n || find(x, 0, "yesterday") < x->n;
    const size_t in = find(x, 0, "in"), back = find(x, 0, "ago");
    const int n = back < x->n ? atoi(x->w[back - 2]) : in < x->n ? atoi(x->w[in + 1]) : 1;
    if (is(x, 3, ".")) {
        const int today = index_in(days, 7, x->w[2]);
        strcpy(out, days[(today + (ago ? 7 - n : n)) % 7]);
        return;
    }
    int day = atoi(x->w[2]), month = index_in(months, 12, x->w[3]), year = atoi(x->w[4]);
    for (int i = 0; i < n; i++) {
        day += ago ? -1 : 1;
        if (day == 0) {
            month = (month + 11) % 12;
            year -= month == 11;
            day = month_length(year, month);
        } else if (day > month_length(year, month)) {
            month = (month + 1) % 12;
            year += month == 0;
            day = 1;
        }
    }
    snprintf(out, WORD_MAX * 2, "%d %s", day, months[month]);
}

/* Spread what is known from the person whose habit is told, until nothing new comes. */
static void solve_chain(char *out, const words *x, size_t q)
{
    people p = {0};
    int honest[PEOPLE_MAX]; /* 1, 0, -1 unknown */
    for (size_t i = 0; i < PEOPLE_MAX; i++)
        honest[i] = -1;
    for (size_t pass = 0; pass < PEOPLE_MAX; pass++)
        for (size_t i = 0; i < q; i++) {
            if (is(x, i, "always") && !is(x, i - 1, "either") && !is(x, i - 1, "or"))
                honest[person(&p, x->w[i - 1])] = is(x, i + 1, "tells");
            if (!is(x, i, "says")) continue;
            const size_t speaker = person(&p, x->w[i - 1]), about = person(&p, x->w[i + 2]);
            if (honest[about] >= 0) honest[speaker] = honest[about] == is(x, i + 3, "tells");
        }
    const int asked = honest[person(&p, x->w[q + 1])];
    assert_true(asked >= 0);
    strcpy(out, asked == is(x, q + 2, "tell") ? "Yes" : "No");
}

static void solve_truth(char *out, const words *x)
{
    const size_t q = last_sentence(x);
    if (!is(x, q, "What")) {
        solve_chain(out, x, q);
        return;
    }
    const size_t says = find(x, 0, "says"), either = find(x, 0, "either");
    if (either == x->n) { /* honest speaker: the colour said of the object */
        assert_true(find(x, 0, "tells") < says);
        const size_t object = find(x, says, x->w[x->n - 2]);
        strcpy(out, x->w[object + 2]);
        return;
    }
    const char *speaker = x->w[says - 1], *said = x->w[says + 5];
    bool honest = false;
    for (size_t i = either; i < says; i++)
        if (is(x, i, speaker) && is(x, i + 1, "always")) honest = is(x, i + 2, "tells");
    const char *first = x->w[either + 1], *second = x->w[either + 3];
    strcpy(out, honest ? said : strcmp(said, first) == 0 ? second : first);
}

/* expression := term [("and"|"or") term]; term := "not" term | "(" expression ")" | True | False */
static bool read_expression(const words *x, size_t *i);

static bool read_term(const words *x, size_t *i)
{
    if (is(x, *i, "not")) {
        (*i)++;
        return !read_term(x, i);
    }
    if (is(x, *i, "(")) {
        (*i)++;
        const bool v = read_expression(x, i);
        assert_true(is(x, *i, ")"));
        (*i)++;
        return v;
    }
    const bool v = is(x, *i, "True");
    assert_true(v || is(x, *i, "False"));
    (*i)++;
    return v;
}

static bool read_expression(const words *x, size_t *i)
{
    const bool l = read_term(x, i);
    if (!is(x, *i, "and") && !is(x, *i, "or")) return l;
    const bool both = is(x, *i, "and");
    (*i)++;
    const bool r = read_term(x, i);
    return both ? l && r : l || r;
}

static void solve_boolean(char *out, const words *x)
{
    size_t i = find(x, 0, ":") + 1;
    bool v;
    if (is(x, 0, "True")) {
        const int l = atoi(x->w[i]), r = atoi(x->w[i + 4]);
        v = is(x, i + 2, "greater") ? l > r : l < r;
    } else {
        v = read_expression(x, &i);
        assert_int_equal(i, x->n);
    }
    strcpy(out, v ? "True" : "False");
}

/* Does the sentence "NAME likes/has ..." hold the food? */
static bool listed(const words *x, const char *name, const char *food)
{
    for (size_t i = 0; i + 1 < x->n; i++) {
        if (!is(x, i, name) || !(is(x, i + 1, "likes") || is(x, i + 1, "has"))) continue;
        const size_t end = find(x, i, ".");
        return find(x, i, food) < end;
    }
    fail_msg("nothing is told about %s", name);
    return false;
}

/* "Every x is a y" makes what follows from the start grow; "No x is a y" ends in No. */
static void solve_rules(char *out, const words *x, size_t q)
{
    const char *goal = x->w[x->n - 2];
    char kind[WORD_MAX];
    strcpy(kind, x->w[q - 2]); /* "NAME is a KIND ." */
    for (size_t step = 0; step < PEOPLE_MAX; step++)
        for (size_t i = 0; i < q; i++) {
            if (!is(x, i + 1, kind) || !(is(x, i, "Every") || is(x, i, "No"))) continue;
            if (strcmp(x->w[i + 4], goal) == 0) {
                strcpy(out, is(x, i, "Every") ? "Yes" : "No");
                return;
            }
            if (is(x, i, "Every")) strcpy(kind, x->w[i + 4]);
        }
    fail_msg("nothing follows");
}

static void solve_sets(char *out, const words *x, const value *choices)
{
    const size_t q = last_sentence(x);
    if (is(x, q, "Is")) {
        solve_rules(out, x, q);
        return;
    }
    for (size_t c = 0; c < value_len(choices); c++) {
        const char *choice = value_at(choices, c)->u.str.s;
        bool right;
        if (is(x, q, "Which") || is(x, q + 1, "is")) { /* What is in the basket? */
            right = find(x, 0, choice) < q;
        } else if (is(x, q, "Who")) {
            right = listed(x, choice, x->w[q + 2]);
        } else if (is(x, q + 1, "does")) { /* What does A like that B does not like? */
            right = listed(x, x->w[q + 2], choice) && !listed(x, x->w[q + 5], choice);
        } else { /* What do [both] A and B like[, but not C]? */
            const size_t a = q + (is(x, q + 2, "both") ? 3 : 2), no = find(x, q, "not");
            right = listed(x, x->w[a], choice) && listed(x, x->w[a + 2], choice) &&
                    (no == x->n || !listed(x, x->w[no + 1], choice));
        }
        if (!right) continue;
        if (out[0]) fail_msg("two choices are right: %s, %s", out, choice);
        strcpy(out, choice);
    }
}

static void solve(char *out, const value *row)
{
    static words x;
    const char *family = value_get_str(row, "family", "");
    split(&x, value_get_str(row, "question", ""));
    out[0] = 0;
    if (strcmp(family, "ordering") == 0) solve_ordering(out, &x);
    if (strcmp(family, "tracking") == 0) solve_tracking(out, &x);
    if (strcmp(family, "dates") == 0) solve_dates(out, &x);
    if (strcmp(family, "truth") == 0) solve_truth(out, &x);
    if (strcmp(family, "boolean") == 0) solve_boolean(out, &x);
    if (strcmp(family, "sets") == 0) solve_sets(out, &x, value_get(row, "choices"));
}

static dataset load(arena *a, int64_t seed)
{
    dataset d = {0};
    waage_err err = {0};
    value *args = value_map(a);
    value_map_set(a, args, "seed", value_int(a, seed));
    if (dataset_generate(&d, a, "reasoning", args, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    return d;
}

static void test_answers(void **state)
{
    (void)state;
    for (int64_t seed = 0; seed < 20; seed++) {
        arena a = ARENA_EMPTY;
        const dataset d = load(&a, seed);
        for (size_t i = 0; i < value_len(d.rows); i++) {
            const value *row = value_at(d.rows, i);
            char answer[WORD_MAX * 2];
            solve(answer, row);
            if (strcmp(answer, value_get_str(row, "answer", "")) != 0)
                fail_msg("%s: generator says %s, the test %s", value_get_str(row, "question", ""),
                         value_get_str(row, "answer", ""), answer);
        }
        arena_free(&a);
    }
}

static void check_row(const value *row)
{
    const value *choices = value_get(row, "choices");
    const int64_t gold = value_get_int(row, "gold", -1), n = value_get_int(row, "n_choices", 0);
    assert_int_equal(value_len(choices), n);
    assert_true(n >= 2 && n <= 5 && gold >= 0 && gold < n);
    assert_string_equal(value_at(choices, (size_t)gold)->u.str.s, value_get_str(row, "answer", ""));
    assert_int_equal(value_get_str(row, "letter", "?")[0], 'A' + gold);
    char line[64];
    snprintf(line, sizeof line, "%c) %s", (char)('A' + gold), value_get_str(row, "answer", ""));
    assert_non_null(strstr(value_get_str(row, "options", ""), line));
    for (size_t i = 0; i < value_len(choices); i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(value_at(choices, i)->u.str.s, value_at(choices, j)->u.str.s);
}

static void test_shape(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    const dataset d = load(&a, 1);
    size_t per_level[6] = {0};
    assert_true(value_len(d.rows) >= 300);
    for (size_t i = 0; i < value_len(d.rows); i++) {
        const value *row = value_at(d.rows, i), *mate = value_at(d.rows, i ^ 1);
        check_row(row);
        assert_string_equal(value_get_str(row, "cluster", "x"),
                            value_get_str(mate, "cluster", "y"));
        const int64_t level = value_get_int(row, "level", 0);
        assert_true(level >= 1 && level <= 5);
        per_level[level]++;
    }
    for (size_t level = 1; level <= 5; level++)
        assert_int_equal(per_level[level], value_len(d.rows) / 5);
    arena_free(&a);
}

/* Within a level and number of choices, gold positions differ by one at most. */
static void test_balance(void **state)
{
    (void)state;
    for (int64_t seed = 1; seed <= 5; seed++) {
        arena a = ARENA_EMPTY;
        const dataset d = load(&a, seed);
        size_t count[6][6][5] = {{{0}}};
        for (size_t i = 0; i < value_len(d.rows); i++) {
            const value *row = value_at(d.rows, i);
            count[value_get_int(row, "level", 0)][value_get_int(row, "n_choices", 0)]
                 [value_get_int(row, "gold", 0)]++;
        }
        for (size_t level = 1; level <= 5; level++)
            for (size_t n = 2; n <= 5; n++)
                for (size_t g = 0; g < n; g++) {
                    assert_true(count[level][n][g] <= count[level][n][0] + 1);
                    assert_true(count[level][n][0] <= count[level][n][g] + 1);
                }
        arena_free(&a);
    }
}

int test_puzzles(void);
int test_puzzles(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_balance),
    };
    return cmocka_run_group_tests_name("puzzles", tests, NULL, NULL);
}
