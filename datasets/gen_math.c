/* gen_math.c - the data set builtin:math: one cluster a problem, one document a language.
 * Every cluster draws from its own stream (seed, family and place in it), so a new family or a
 * longer one leaves the other problems as they are. */
#include "datasets/gen_math.h"
#include <stdio.h>
#include <string.h>
#include "datasets/gen_math_table.h"
#include "datasets/gen_text.h"
#include "harness/base/rng.h"

enum { DRAWS_MAX = 10000 };

typedef struct {
    int64_t left, right, result;
    char op; /* + - x / */
} math_step;

typedef struct {
    const math_family *family;
    int64_t number[MATH_NUMBERS];
    math_step step[MATH_STEPS_MAX];
    size_t n_steps;
    size_t thing, person, other; /* indices into the tables; other != person */
} math_problem;

static bool operand(int64_t *out, char c, const math_problem *p)
{
    if (c >= 'a' && c < 'a' + MATH_NUMBERS) {
        *out = p->number[c - 'a'];
        return true;
    }
    if (c >= '0' && c <= '9') {
        *out = c - '0';
        return true;
    }
    const size_t i = (size_t)(c - 'p');
    if (c < 'p' || i >= p->n_steps) return false;
    *out = p->step[i].result;
    return true;
}

static bool apply(math_step *s)
{
    switch (s->op) {
    case '+':
        s->result = s->left + s->right;
        return true;
    case '-':
        s->result = s->left - s->right;
        return true;
    case 'x':
        s->result = s->left * s->right;
        return true;
    case '/':
        if (s->right == 0 || s->left % s->right != 0) return false;
        s->result = s->left / s->right;
        return true;
    default:
        return false;
    }
}

/* Run the family's formula; false: a remainder or a result out of range, draw again. */
static bool solve(math_problem *p)
{
    p->n_steps = 0;
    for (const char *f = p->family->steps; *f; f += f[3] == ' ' ? 4 : 3) {
        math_step s = {.op = f[1]};
        if (!operand(&s.left, f[0], p) || !operand(&s.right, f[2], p) || !apply(&s)) return false;
        if (s.result < p->family->result.lo || s.result > p->family->result.hi) return false;
        p->step[p->n_steps++] = s;
    }
    return true;
}

static bool same_numbers(const math_problem *a, const math_problem *b)
{
    return memcmp(a->number, b->number, sizeof a->number) == 0;
}

/* Draw a problem that is unlike the family's earlier ones. */
static waage_status draw(math_problem *p, const math_problem *earlier, size_t n_earlier, rng *r,
                         waage_err *err)
{
    const math_family *f = p->family;
    for (int attempt = 0; attempt < DRAWS_MAX; attempt++) {
        for (size_t i = 0; i < MATH_NUMBERS; i++)
            p->number[i] = f->number[i].hi ? rng_between(r, f->number[i].lo, f->number[i].hi) : 0;
        bool fresh = solve(p);
        for (size_t i = 0; fresh && i < n_earlier; i++)
            fresh = !same_numbers(p, &earlier[i]);
        if (!fresh) continue;
        p->thing = (size_t)rng_below(r, math_n_things);
        p->person = (size_t)rng_below(r, math_n_people);
        p->other = (p->person + 1 + (size_t)rng_below(r, math_n_people - 1)) % math_n_people;
        return WAAGE_OK;
    }
    return waage_err_set(err, WAAGE_EINVAL, "builtin:math: family %s has too few problems",
                         f->name);
}

static const char *op_text(char op)
{
    return op == 'x' ? "×" : op == '/' ? "÷" : op == '-' ? "-" : "+";
}

/* "3 × 4 = 12. 12 + 5 = 17." */
static waage_status write_steps(const char **out, arena *a, const math_problem *p,
                                math_language lang, waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    for (size_t i = 0; i < p->n_steps; i++) {
        const math_step *s = &p->step[i];
        strbuf_printf(&b, "%s%lld %s %lld = %lld%s", i && lang != MATH_ZH ? " " : "",
                      (long long)s->left, op_text(s->op), (long long)s->right, (long long)s->result,
                      lang == MATH_ZH ? "。" : ".");
    }
    waage_status st = strbuf_check(&b, err);
    if (st == WAAGE_OK && !(*out = arena_strndup(a, strbuf_str(&b), b.len)))
        st = waage_err_nomem(err);
    strbuf_free(&b);
    return st;
}

static waage_status write_texts(const char **question, const char **solution, arena *a,
                                const math_problem *p, math_language lang, waage_err *err)
{
    char num[MATH_NUMBERS][24], answer[24];
    const char *steps = NULL;
    for (size_t i = 0; i < MATH_NUMBERS; i++)
        snprintf(num[i], sizeof num[i], "%lld", (long long)p->number[i]);
    snprintf(answer, sizeof answer, "%lld", (long long)p->step[p->n_steps - 1].result);
    WAAGE_TRY(write_steps(&steps, a, p, lang, err));
    const gen_var vars[] = {
        {"a", num[0]},
        {"b", num[1]},
        {"c", num[2]},
        {"d", num[3]},
        {"n", math_people[p->person].name[lang]},
        {"k", math_people[p->other].name[lang]},
        {"o", math_things[p->thing].name[lang]},
        {"m", math_things[p->thing].measure},
        {"steps", steps},
        {"v", answer},
    };
    const size_t n = sizeof vars / sizeof vars[0];
    WAAGE_TRY(gen_text_make(question, a, p->family->text[lang], vars, n, err));
    return gen_text_make(solution, a, math_answer_text[lang], vars, n, err);
}

static waage_status add_row(value *rows, arena *a, const math_problem *p, size_t cluster,
                            math_language lang, waage_err *err)
{
    const char *question = NULL, *solution = NULL;
    char id[32];
    WAAGE_TRY(write_texts(&question, &solution, a, p, lang, err));
    value *row = value_map(a);
    snprintf(id, sizeof id, "math-%03zu-%s", cluster, math_language_code[lang]);
    bool ok = value_map_set(a, row, "id", value_str(a, id));
    id[strlen(id) - 3] = 0;
    ok = ok && value_map_set(a, row, "cluster", value_str(a, id)) &&
         value_map_set(a, row, "level", value_int(a, p->family->level)) &&
         value_map_set(a, row, "language", value_str(a, math_language_code[lang])) &&
         value_map_set(a, row, "family", value_str(a, p->family->name)) &&
         value_map_set(a, row, "question", value_str(a, question)) &&
         value_map_set(a, row, "solution", value_str(a, solution)) &&
         value_map_set(a, row, "answer", value_int(a, p->step[p->n_steps - 1].result)) &&
         value_list_add(a, rows, row);
    return ok ? WAAGE_OK : waage_err_nomem(err);
}

waage_status gen_math(value *rows, arena *a, const value *args, waage_err *err)
{
    uint64_t seed;
    size_t cluster = 0;
    WAAGE_TRY(gen_text_seed(&seed, args, "math", err));
    for (size_t f = 0; f < math_n_families; f++) {
        const size_t n = (size_t)math_families[f].n_clusters;
        math_problem *made = arena_calloc(a, n, sizeof *made);
        if (!made) return waage_err_nomem(err);
        for (size_t i = 0; i < n; i++) {
            rng r;
            rng_init(&r, seed, (uint64_t)f << 32 | i);
            made[i].family = &math_families[f];
            WAAGE_TRY(draw(&made[i], made, i, &r, err));
            cluster++;
            for (int lang = 0; lang < MATH_LANGUAGES; lang++)
                WAAGE_TRY(add_row(rows, a, &made[i], cluster, (math_language)lang, err));
        }
    }
    return WAAGE_OK;
}
