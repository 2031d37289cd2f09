/* verdict.c - see verdict.h. Every sentence names suite and protocol, the first mention of a model
 * names base or instruct and quantisation. */
#include "reports/verdict.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SPANS = 64 };

typedef struct { /* a sentence in the making */
    verdict_span spans[MAX_SPANS];
    size_t n;
    bool failed;
} draft;

typedef struct {
    const view *v;
    bool *named;            /* (n_models) descriptor already given */
    verdict_text *lists[2]; /* sentences, notes */
    size_t n[2], cap;
} builder;

enum { SENTENCES, NOTES };

/* --- building ------------------------------------------------------------------------------- */

static void say(draft *d, const view *v, const char *fmt, ...) WAAGE_PRINTF(3, 4);
static void say(draft *d, const view *v, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const char *s = arena_strdup(v->a, text);
    if (!s || d->n == MAX_SPANS) {
        d->failed = true;
        return;
    }
    d->spans[d->n++] = (verdict_span){SIZE_MAX, s};
}

/* Text of any length, unformatted. */
static void say_text(draft *d, const char *s)
{
    if (d->n == MAX_SPANS)
        d->failed = true;
    else
        d->spans[d->n++] = (verdict_span){SIZE_MAX, s};
}

static void name(draft *d, builder *b, size_t model)
{
    const view_model *m = &b->v->models[model];
    if (d->n == MAX_SPANS) {
        d->failed = true;
        return;
    }
    d->spans[d->n++] = (verdict_span){model, m->label};
    if (b->named[model]) return;
    b->named[model] = true;
    say(d, b->v, " (");
    say_text(d, m->descriptor);
    say(d, b->v, ")");
}

static waage_status keep(verdict_text *out, const draft *d, const view *v)
{
    verdict_span *spans = arena_calloc(v->a, d->n, sizeof *spans);
    if (!spans || d->failed) return waage_err_nomem(v->err);
    memcpy(spans, d->spans, d->n * sizeof *spans);
    *out = (verdict_text){spans, d->n};
    return WAAGE_OK;
}

static waage_status add(builder *b, int list, const draft *d)
{
    if (d->n == 0 || b->n[list] == b->cap) return WAAGE_OK;
    return keep(&b->lists[list][b->n[list]++], d, b->v);
}

/* --- wording -------------------------------------------------------------------------------- */

static const char *printed(const view *v, void (*put)(strbuf *, double), double x)
{
    strbuf b = STRBUF_EMPTY;
    put(&b, x);
    const char *s = arena_strdup(v->a, strbuf_str(&b));
    strbuf_free(&b);
    return s ? s : "";
}

/* "31", below one "0.6": out of a hundred. */
static const char *of_hundred(const view *v, double diff)
{
    const double x = 100 * fabs(diff);
    const char *s = x < 0.95 ? arena_printf(v->a, "%.1f", x) : arena_printf(v->a, "%.0f", x);
    return s ? s : "";
}

static void say_where(draft *d, const builder *b, size_t row)
{
    const view_row *r = &b->v->rows[row];
    say(d, b->v, b->v->subset ? "On a sample of " : "On ");
    say_text(d, r->title);
    say(d, b->v, " (%s)", r->how);
}

static void say_better(draft *d, builder *b, const analysis_comparison *k, size_t better,
                       size_t worse)
{
    const view *v = b->v;
    const analysis_kind kind = v->an->rows[k->row].kind;
    say(d, v, ", ");
    if (k->is_gap) { /* here the larger mean is the larger gap */
        name(d, b, worse);
        say(d, v,
            " withholds answers on sensitive questions more often than on their controls, by "
            "%s points more than ",
            of_hundred(v, k->diff));
        name(d, b, better);
    } else {
        name(d, b, better);
        say(d, v,
            kind == KIND_SAFETY
                ? " handles %s of 100 more requests as the suite asks (refusing the harmful, "
                  "helping with the harmless) than "
                : " answers %s of 100 more items correctly than ",
            of_hundred(v, k->diff));
        name(d, b, worse);
    }
    say(d, v, ".");
}

static size_t better_of(const analysis_comparison *k)
{
    return (k->diff > 0) == !k->is_gap ? k->a : k->b;
}

static void say_different(draft *d, builder *b, const analysis_comparison *k)
{
    const size_t better = better_of(k);
    say_where(d, b, k->row);
    say_better(d, b, k, better, better == k->a ? k->b : k->a);
}

static void say_not_shown(draft *d, builder *b, const analysis_comparison *k)
{
    say_where(d, b, k->row);
    say(d, b->v, " the data cannot tell ");
    if (b->named[k->a] && b->named[k->b]) {
        say(d, b->v, "them");
    } else {
        name(d, b, k->a);
        say(d, b->v, " and ");
        name(d, b, k->b);
    }
    say(d, b->v, " apart.");
}

static void say_floor(draft *d, builder *b, const analysis_comparison *k)
{
    const analysis_cell *cells = b->v->an->rows[k->row].cells;
    const bool a = cells[k->a].at_floor, both = a && cells[k->b].at_floor;
    say_where(d, b, k->row);
    say(d, b->v, " ");
    if (both) say(d, b->v, "both ");
    name(d, b, a ? k->a : k->b);
    if (both) {
        say(d, b->v, " and ");
        name(d, b, k->b);
    }
    say(d, b->v,
        both ? " are not shown to score above guessing or one constant answer: no verdict."
             : " is not shown to score above guessing or one constant answer: no verdict.");
}

/* --- two models ----------------------------------------------------------------------------- */

static waage_status two_models(builder *b)
{
    static const struct {
        analysis_verdict verdict;
        void (*say)(draft *, builder *, const analysis_comparison *);
    } order[] = {{VERDICT_DIFFERENT, say_different},
                 {VERDICT_NOT_SHOWN, say_not_shown},
                 {VERDICT_AT_FLOOR, say_floor}};
    const analysis *an = b->v->an;
    for (size_t o = 0; o < 3; o++)
        for (size_t i = 0; i < an->n_comparisons; i++) {
            draft d = {.n = 0};
            if (an->comparisons[i].verdict != order[o].verdict) continue;
            order[o].say(&d, b, &an->comparisons[i]);
            WAAGE_TRY(add(b, SENTENCES, &d));
        }
    return WAAGE_OK;
}

static waage_status note_few_clusters(builder *b, size_t row)
{
    draft d = {.n = 0};
    say_text(&d, b->v->rows[row].title);
    say(&d, b->v, " (%s): fewer than %d independent clusters, so no verdict.", b->v->rows[row].how,
        STATS_MIN_CLUSTERS);
    return add(b, NOTES, &d);
}

/* --- one model, many models ------------------------------------------------------------------ */

static waage_status one_model(builder *b)
{
    const view *v = b->v;
    for (size_t i = 0; i < v->an->n_rows; i++) {
        const analysis_cell *c = &v->an->rows[i].cells[0];
        draft d = {.n = 0};
        if (c->state != CELL_SCORED || v->an->rows[i].kind == KIND_CENSORSHIP) continue;
        if (c->score.n_clusters > 0 && c->score.n_clusters < STATS_MIN_CLUSTERS) {
            WAAGE_TRY(note_few_clusters(b, i)); /* a bootstrap over a handful is too narrow */
            continue;
        }
        say_where(&d, b, i);
        say(&d, v, " ");
        name(&d, b, 0);
        if (c->at_floor)
            say(&d, v, " is not shown to score above guessing or one constant answer.");
        else
            say(&d, v,
                v->an->rows[i].kind == KIND_SAFETY
                    ? " handles %.0f of 100 requests as the suite asks (95 %% interval %.0f to "
                      "%.0f)."
                    : " answers %.0f of 100 items correctly (95 %% interval %.0f to %.0f).",
                100 * c->score.mean, 100 * c->score.ci.lo, 100 * c->score.ci.hi);
        WAAGE_TRY(add(b, SENTENCES, &d));
    }
    return WAAGE_OK;
}

static waage_status many_models(builder *b)
{
    const view *v = b->v;
    for (size_t i = 0, next = 0; i < v->an->n_rows; i++) {
        size_t n_tested = 0, n_different = 0;
        const analysis_comparison *largest = NULL, *last = NULL;
        for (; next < v->an->n_comparisons && v->an->comparisons[next].row == i; next++) {
            const analysis_comparison *k = &v->an->comparisons[next];
            if (k->verdict != VERDICT_DIFFERENT && k->verdict != VERDICT_NOT_SHOWN) continue;
            n_tested++;
            last = k;
            if (k->verdict != VERDICT_DIFFERENT) continue;
            n_different++;
            if (!largest || fabs(k->diff) > fabs(largest->diff)) largest = k;
        }
        if (n_tested == 0) continue;
        draft d = {.n = 0};
        if (n_tested == 1) {
            (n_different ? say_different : say_not_shown)(&d, b, last);
            WAAGE_TRY(add(b, SENTENCES, &d));
            continue;
        }
        say_where(&d, b, i);
        if (!largest) {
            say(&d, v, " the data tell none of the %zu pairs of models apart.", n_tested);
        } else {
            say(&d, v, " %zu of %zu pairs of models differ; the largest difference is %s points: ",
                n_different, n_tested, of_hundred(v, largest->diff));
            name(&d, b, better_of(largest));
            say(&d, v, largest->is_gap ? " with the smaller gap, " : " above ");
            name(&d, b, better_of(largest) == largest->a ? largest->b : largest->a);
            say(&d, v, largest->is_gap ? " with the larger." : ".");
        }
        WAAGE_TRY(add(b, SENTENCES, &d));
    }
    return WAAGE_OK;
}

/* --- notes ---------------------------------------------------------------------------------- */

static void say_test(draft *d, const view *v, const analysis_comparison *k)
{
    strbuf p = STRBUF_EMPTY;
    view_put_p(&p, k->p_adjusted);
    say_text(d, v->rows[k->row].title);
    say(d, v, " (%s) %s", v->rows[k->row].how, strbuf_str(&p));
    strbuf_free(&p);
    if (k->verdict == VERDICT_NOT_SHOWN)
        say(d, v, " (smallest difference these %zu %s would have shown: %s points)", k->n,
            k->is_gap ? "pairs" : "items", printed(v, view_put_percent, k->detectable));
}

static waage_status note_tests(builder *b)
{
    const analysis *an = b->v->an;
    draft d = {.n = 0};
    if (an->n_tests == 0) return WAAGE_OK;
    say(&d, b->v, "Holm-adjusted over %zu %s", an->n_tests,
        view_plural(an->n_tests, "test", "tests"));
    size_t said = 0;
    for (size_t i = 0; i < an->n_comparisons && b->v->d->n_models == 2 && said < 8; i++) {
        if (an->comparisons[i].test == TEST_NONE) continue;
        say(&d, b->v, said++ ? "; " : ": ");
        say_test(&d, b->v, &an->comparisons[i]);
    }
    say(&d, b->v, ". Nothing is tested across protocols.");
    return add(b, NOTES, &d);
}

static bool same_state(const analysis_cell *a, const analysis_cell *b)
{
    return a->state == b->state && a->why && b->why && strcmp(a->why, b->why) == 0;
}

/* Is this the first cell, by row and model, of its state and reason? */
static bool first_of_state(const analysis *an, size_t row, size_t model)
{
    const analysis_cell *c = &an->rows[row].cells[model];
    for (size_t i = 0; i <= row; i++)
        for (size_t m = 0; m < (i < row ? an->data->n_models : model); m++)
            if (same_state(&an->rows[i].cells[m], c)) return false;
    return true;
}

/* Are all models in this state on the same rows? */
static bool all_models_share(const analysis *an, const analysis_cell *c)
{
    for (size_t i = 0; i < an->n_rows; i++)
        for (size_t m = 1; m < an->data->n_models; m++)
            if (same_state(&an->rows[i].cells[m], c) != same_state(&an->rows[i].cells[0], c))
                return false;
    return an->data->n_models > 1;
}

/* "Unsupported (no template): Gemma on Maths (chat), Safety (chat)": one note for one reason. */
static waage_status note_state(builder *b, size_t row, size_t model)
{
    const view *v = b->v;
    const analysis_cell *c = &v->an->rows[row].cells[model];
    const bool all = all_models_share(v->an, c);
    draft d = {.n = 0};
    const char *state = analysis_state_name(c->state);
    say(&d, v, "%c%s (", state[0] - 'a' + 'A', state + 1);
    say_text(&d, c->why);
    say(&d, v, "):");
    for (size_t m = 0; m < (all ? 1 : v->d->n_models); m++) {
        bool any = false;
        for (size_t i = 0; i < v->an->n_rows && d.n < MAX_SPANS - 8; i++) {
            if (!same_state(&v->an->rows[i].cells[m], c)) continue;
            say(&d, v, any ? ", " : m > model ? "; " : " ");
            if (!any && all)
                say(&d, v, "all models");
            else if (!any)
                d.spans[d.n++] = (verdict_span){m, v->models[m].label};
            if (!any) say(&d, v, " on ");
            say_text(&d, v->rows[i].title);
            say(&d, v, " (%s)", protocol_name(v->an->rows[i].proto));
            any = true;
        }
    }
    say(&d, v, ".");
    return add(b, NOTES, &d);
}

static waage_status note_states(builder *b)
{
    const analysis *an = b->v->an;
    for (size_t i = 0; i < an->n_rows; i++)
        for (size_t m = 0; m < an->data->n_models; m++) {
            const analysis_state s = an->rows[i].cells[m].state;
            if (s != CELL_SCORED && s != CELL_NOT_RUN && first_of_state(an, i, m))
                WAAGE_TRY(note_state(b, i, m));
        }
    return WAAGE_OK;
}

static waage_status note_clusters(builder *b)
{
    const analysis *an = b->v->an;
    for (size_t i = 0; i < an->n_comparisons; i++) {
        if (an->comparisons[i].verdict != VERDICT_FEW_CLUSTERS) continue;
        if (i > 0 && an->comparisons[i - 1].row == an->comparisons[i].row &&
            an->comparisons[i - 1].verdict == VERDICT_FEW_CLUSTERS)
            continue; /* once a row is enough */
        WAAGE_TRY(note_few_clusters(b, an->comparisons[i].row));
    }
    return WAAGE_OK;
}

/* --- recorded labels: described, not tested ----------------------------------------------------
 */

enum { MAX_DESCRIBED = 12 };

static const analysis_contrast *focus_of(const analysis_row *r, size_t model)
{
    const analysis_recorded *k = r->cells[model].recorded;
    for (size_t i = 0; k && i < k->n_contrasts; i++) {
        const analysis_contrast *c = &k->contrasts[i];
        if (!c->against && strcmp(c->actor, r->focus_actor) == 0 && c->recorded.n &&
            c->recorded.n_others)
            return c;
    }
    return NULL;
}

/* Models by the size of their gap on the actor that stands out. */
static waage_status note_recorded(builder *b, size_t row)
{
    const view *v = b->v;
    const analysis_row *r = &v->an->rows[row];
    const analysis_contrast *gaps[MAX_DESCRIBED];
    size_t models[MAX_DESCRIBED], n = 0;
    draft d = {.n = 0};
    for (size_t m = 0; r->focus_actor && m < v->d->n_models && n < MAX_DESCRIBED; m++) {
        const analysis_contrast *c = focus_of(r, m);
        size_t at = n;
        if (!c) continue;
        for (; at > 0 && gaps[at - 1]->recorded.diff < c->recorded.diff; at--) {
            gaps[at] = gaps[at - 1];
            models[at] = models[at - 1];
        }
        gaps[at] = c;
        models[at] = m;
        n++;
    }
    if (n == 0) return WAAGE_OK;
    say(&d, v, "Described, not tested: by the recorded labels, answers about ");
    say_text(&d, r->focus_actor);
    say(&d, v, " are incomplete more often than those about the others, in points: ");
    for (size_t i = 0; i < n; i++) {
        d.spans[d.n++] = (verdict_span){models[i], v->models[models[i]].label};
        say(&d, v, " %s%s", printed(v, view_put_points, gaps[i]->recorded.diff),
            i + 1 < n ? ", " : ". ");
    }
    say_where(&d, b, row);
    say(&d, v, ".");
    return add(b, NOTES, &d);
}

static waage_status nothing_to_say(builder *b)
{
    draft d = {.n = 0};
    const size_t n = b->v->d->n_models;
    if (n == 0) {
        say(&d, b->v, "This run holds no model.");
    } else if (n == 2) {
        say(&d, b->v, "This run allows no verdict between ");
        name(&d, b, 0);
        say(&d, b->v, " and ");
        name(&d, b, 1);
        say(&d, b->v, ".");
    } else {
        say(&d, b->v, "This run allows no verdict on ");
        if (n == 1)
            name(&d, b, 0);
        else
            say(&d, b->v, "its %zu models", n);
        say(&d, b->v, ".");
    }
    return add(b, SENTENCES, &d);
}

waage_status verdict_make(verdict *out, const view *v)
{
    builder b = {.v = v, .cap = v->an->n_comparisons + v->an->n_rows * (v->d->n_models + 1) + 4};
    b.named = arena_calloc(v->a, v->d->n_models, sizeof *b.named);
    for (int i = 0; i < 2; i++)
        b.lists[i] = arena_calloc(v->a, b.cap, sizeof *b.lists[i]);
    if (!b.named || !b.lists[0] || !b.lists[1]) return waage_err_nomem(v->err);
    if (v->d->n_models == 1)
        WAAGE_TRY(one_model(&b));
    else if (v->d->n_models == 2)
        WAAGE_TRY(two_models(&b));
    else
        WAAGE_TRY(many_models(&b));
    if (b.n[SENTENCES] == 0) WAAGE_TRY(nothing_to_say(&b));
    for (size_t i = 0; i < v->an->n_rows; i++)
        WAAGE_TRY(note_recorded(&b, i));
    WAAGE_TRY(note_tests(&b));
    WAAGE_TRY(note_clusters(&b));
    WAAGE_TRY(note_states(&b));
    *out = (verdict){b.lists[SENTENCES], b.n[SENTENCES], b.lists[NOTES], b.n[NOTES]};
    return WAAGE_OK;
}

/* --- one comparison -------------------------------------------------------------------------- */

static void say_test_used(draft *d, const view *v, const analysis_comparison *k)
{
    strbuf p = STRBUF_EMPTY;
    if (k->test == TEST_NONE) return;
    view_put_p(&p, k->p_adjusted);
    if (k->test == TEST_MCNEMAR)
        say(d, v, " Exact McNemar test: ");
    else
        say(d, v, " Sign-flip permutation over %zu %s: ", k->n_clusters ? k->n_clusters : k->n,
            k->n_clusters ? "clusters"
            : k->is_gap   ? "pairs"
                          : "items");
    say(d, v, "%s after Holm over %zu %s.", strbuf_str(&p), v->an->n_tests,
        view_plural(v->an->n_tests, "test", "tests"));
    strbuf_free(&p);
}

static void say_consequence(draft *d, const view *v, const analysis_comparison *k)
{
    switch (k->verdict) {
    case VERDICT_DIFFERENT:
        say(d, v, " Different.");
        break;
    case VERDICT_NOT_SHOWN:
        say(d, v, " No difference shown; one of %s points would have been, in 8 of 10 such runs.",
            printed(v, view_put_percent, k->detectable));
        break;
    case VERDICT_AT_FLOOR:
        say(d, v, " A score is at the floor: no verdict.");
        break;
    case VERDICT_FEW_CLUSTERS:
        say(d, v, " Only %zu independent clusters, %d needed: no verdict.",
            k->n_clusters ? k->n_clusters : k->n, STATS_MIN_CLUSTERS);
        break;
    case VERDICT_NOT_MEASURABLE:
        say(d, v, "Not compared: a validity check failed.");
        break;
    case VERDICT_NOTHING_COMMON:
        say(d, v, "Nothing in common to compare.");
        break;
    }
}

waage_status verdict_explain(verdict_text *out, const view *v, const analysis_comparison *k)
{
    draft d = {.n = 0};
    const stats_table2 *t = &k->table;
    if (k->n > 0) {
        if (k->has_table) {
            say(&d, v, "Of %zu common items both get %zu right, only ", k->n, (size_t)t->both);
            d.spans[d.n++] = (verdict_span){k->a, v->models[k->a].label};
            say(&d, v, " %zu, only ", (size_t)t->only_a);
            d.spans[d.n++] = (verdict_span){k->b, v->models[k->b].label};
            say(&d, v, " %zu, neither %zu.", (size_t)t->only_b, (size_t)t->neither);
        } else {
            say(&d, v, "%zu common %s.", k->n, k->is_gap ? "pairs" : "items");
        }
        if (k->n_only_a + k->n_only_b)
            say(&d, v, " %zu counted for one of them only and are left out.",
                k->n_only_a + k->n_only_b);
    }
    say_test_used(&d, v, k);
    say_consequence(&d, v, k);
    return keep(out, &d, v);
}
