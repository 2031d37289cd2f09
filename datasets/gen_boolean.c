/* gen_boolean.c - puzzles about the value of a logical expression.
 * Levels: 1 a comparison of two numbers; 2 to 5 expressions over True and False with 2, 3, 5 and 7
 * leaves. Every compound part stands in parentheses, so no rule of precedence is needed. The twin
 * changes one leaf such that the value changes, which balances True and False exactly. */
#include "datasets/gen_puzzle.h"

enum { LEAVES_MAX = 7, NODES_MAX = 2 * LEAVES_MAX };

typedef struct {
    bool leaf, leaf_value, negated, conjunction;
    size_t left, right; /* indices of the parts of a compound */
} node;

typedef struct {
    node at[NODES_MAX];
    size_t n;
} expression;

/* A random tree with n_leaves leaves; returns its index. */
static size_t grow(expression *e, size_t n_leaves, rng *r)
{
    const size_t i = e->n++;
    node *x = &e->at[i];
    *x = (node){.negated = rng_below(r, 3) == 0};
    if (n_leaves == 1) {
        x->leaf = true;
        x->leaf_value = rng_below(r, 2) == 1;
        return i;
    }
    const size_t n_left = 1 + (size_t)rng_below(r, n_leaves - 1);
    x->conjunction = rng_below(r, 2) == 1;
    const size_t left = grow(e, n_left, r);
    e->at[i].left = left;
    e->at[i].right = grow(e, n_leaves - n_left, r);
    return i;
}

static bool evaluate(const expression *e, size_t i)
{
    const node *x = &e->at[i];
    bool v = x->leaf_value;
    if (!x->leaf) {
        const bool l = evaluate(e, x->left), r = evaluate(e, x->right);
        v = x->conjunction ? l && r : l || r;
    }
    return v != x->negated;
}

static void write(strbuf *b, const expression *e, size_t i)
{
    const node *x = &e->at[i];
    if (x->negated) strbuf_puts(b, "not ");
    if (x->leaf) {
        strbuf_puts(b, x->leaf_value ? "True" : "False");
        return;
    }
    const bool parentheses = i != 0 || x->negated;
    if (parentheses) strbuf_puts(b, "(");
    write(b, e, x->left);
    strbuf_puts(b, x->conjunction ? " and " : " or ");
    write(b, e, x->right);
    if (parentheses) strbuf_puts(b, ")");
}

static void set_true_false(puzzle *p, bool v)
{
    p->choice[0] = "True";
    p->choice[1] = "False";
    p->n_choices = 2;
    p->gold = v ? 0 : 1;
    p->fixed_order = true;
}

static waage_status draw_comparison(puzzle twin[2], rng *r, arena *a, waage_err *err)
{
    const int lo = (int)rng_between(r, 1, 49), hi = (int)rng_between(r, lo + 1, 50);
    const bool greater = rng_below(r, 2) == 1;
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        const bool hi_first = t == 0;
        strbuf_printf(&b, "True or False: %d is %s than %d.", hi_first ? hi : lo,
                      greater ? "greater" : "less", hi_first ? lo : hi);
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        set_true_false(&twin[t], hi_first == greater);
    }
    return WAAGE_OK;
}

/* Change the first leaf (from a random one on) that changes the value; false: there is none. */
static bool flip_value(expression *e, rng *r)
{
    const bool before = evaluate(e, 0);
    const size_t from = (size_t)rng_below(r, e->n);
    for (size_t k = 0; k < e->n; k++) {
        node *x = &e->at[(from + k) % e->n];
        if (!x->leaf) continue;
        x->leaf_value = !x->leaf_value;
        if (evaluate(e, 0) != before) return true;
        x->leaf_value = !x->leaf_value;
    }
    return false;
}

waage_status puzzle_draw_boolean(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                                 waage_err *err)
{
    static const size_t n_leaves[] = {0, 2, 3, 5, 7};
    expression e = {.n = 0};
    *ok = true;
    if (level == 1) return draw_comparison(twin, r, a, err);
    grow(&e, n_leaves[level - 1], r);
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        if (t == 1 && !flip_value(&e, r)) *ok = false;
        strbuf_puts(&b, "What is the value of this expression: ");
        write(&b, &e, 0);
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        set_true_false(&twin[t], evaluate(&e, 0));
    }
    return WAAGE_OK;
}
