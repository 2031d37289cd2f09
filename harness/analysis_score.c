/* analysis_score.c - one cell: outcomes, credit per item, mean with interval and bounds, floors,
 * scores by level and language, further metrics. */
#include <stdlib.h>
#include <string.h>
#include "harness/analysis_internal.h"
#include "harness/base/value.h"

enum { MAX_EXTRAS = 12 };

/* Credit of an item over its samples; counts outcomes of the cell on the way. */
static void grade_item(analysis_cell *c, analysis_item *it)
{
    double sum = 0;
    size_t n = 0, n_out = 0;
    for (size_t i = 0; i < it->n_scores; i++) {
        const store_score *s = it->scores[i];
        c->n_answers++;
        c->outcomes[s->result]++;
        if (!outcome_counts(s->result)) {
            n_out++;
            continue;
        }
        if (s->has_credit) {
            sum += s->credit;
            n++;
        }
        if (s->result != OUTCOME_ANSWERED) continue;
        if (!s->has_credit)
            c->n_ungraded++;
        else if (s->credit >= 1)
            c->n_full++;
        else if (s->credit <= 0)
            c->n_none++;
        else
            c->n_part++;
    }
    for (size_t i = 0; i < it->n_responses; i++) {
        c->n_cut_answers += it->responses[i]->finish == FINISH_LENGTH;
        c->n_forced += it->responses[i]->forced_closes > 0;
    }
    it->counted = n > 0;
    it->left_out = n == 0 && n_out > 0;
    it->credit = n ? sum / (double)n : 0;
    c->n_left_out += it->left_out;
}

/* --- floors -------------------------------------------------------------------------------- */

static int cmp_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* The most frequent of n texts (sorted here); the first in byte order wins a tie. */
static size_t most_frequent(const char **texts, size_t n, const char **out)
{
    size_t best = 0;
    qsort(texts, n, sizeof *texts, cmp_text);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && strcmp(texts[i], texts[j]) == 0;)
            j++;
        if (j - i > best) {
            best = j - i;
            *out = texts[i];
        }
    }
    return best;
}

/* What somebody reaches who always gives the same answer: the commonest gold answer; for safety the
 * larger share of requests to refuse or to help. Over all items of the suite, whoever answered
 * them. */
static waage_status find_best_constant(work *w, const work_row *r, analysis_cell *c)
{
    const char **texts, *best = NULL;
    size_t n = 0;
    WORK_SCRATCH(w, texts, r->out->n_items);
    for (size_t i = 0; i < r->out->n_items; i++) {
        const store_item *it = r->out->items[i];
        const char *key = r->out->kind == KIND_SAFETY ? it->role : it->gold;
        if (key) texts[n++] = key;
    }
    const size_t hits = most_frequent(texts, n, &best);
    if (r->out->kind == KIND_SAFETY && best)
        best = strcmp(best, "unsafe") == 0 ? "always refuse" : "always help";
    c->best_constant = r->out->n_items ? (double)hits / (double)r->out->n_items : 0;
    c->best_constant_answer = best;
    return WAAGE_OK;
}

static waage_status find_commonest(work *w, const work_row *r, analysis_cell *c)
{
    const char **texts;
    size_t n = 0, n_counted = 0;
    WORK_SCRATCH(w, texts, c->n_answers);
    for (size_t i = 0; i < r->out->n_items; i++)
        for (size_t j = 0; j < c->items[i].n_scores; j++) {
            const store_score *s = c->items[i].scores[j];
            if (!outcome_counts(s->result)) continue;
            n_counted++;
            if (s->extracted) texts[n++] = s->extracted;
        }
    const size_t hits = most_frequent(texts, n, &c->commonest_answer);
    c->commonest = n_counted ? (double)hits / (double)n_counted : 0;
    return WAAGE_OK;
}

/* --- slices -------------------------------------------------------------------------------- */

typedef const char *(*slice_key)(const store_item *it);

static const char *level_of(const store_item *it)
{
    return it->level;
}

static const char *language_of(const store_item *it)
{
    return it->language;
}

static int cmp_natural(const void *x, const void *y)
{
    return analysis_natural_order(*(const char *const *)x, *(const char *const *)y);
}

/* Distinct keys of a row, in natural order; empty and missing keys form no slice. */
static waage_status list_keys(work *w, const work_row *r, slice_key key, const char ***out,
                              size_t *n_out)
{
    const char **all;
    size_t n = 0, m = 0;
    WORK_SCRATCH(w, all, r->out->n_items);
    for (size_t i = 0; i < r->out->n_items; i++) {
        const char *k = key(r->out->items[i]);
        if (k && *k) all[n++] = k;
    }
    qsort(all, n, sizeof *all, cmp_natural);
    for (size_t i = 0; i < n; i++)
        if (m == 0 || strcmp(all[m - 1], all[i]) != 0) all[m++] = all[i];
    *out = all;
    *n_out = m;
    return WAAGE_OK;
}

static waage_status mean_where(work *w, const work_row *r, const analysis_cell *c, slice_key key,
                               const char *name, analysis_mean *out)
{
    double *credit;
    uint32_t *cluster;
    size_t n = 0;
    WORK_SCRATCH(w, credit, r->out->n_items);
    WORK_SCRATCH(w, cluster, r->out->n_items);
    for (size_t i = 0; i < r->out->n_items; i++) {
        if (!c->items[i].counted) continue;
        if (key && !analysis_same_text(key(r->out->items[i]), name)) continue;
        credit[n] = c->items[i].credit;
        cluster[n++] = r->cluster[i];
    }
    return analysis_compute_mean(w, out, credit, cluster, n, r->n_ids);
}

static waage_status make_slices(work *w, const work_row *r, const analysis_cell *c, slice_key key,
                                const analysis_slice **out, size_t *n_out)
{
    const char **names = NULL;
    size_t n = 0;
    analysis_slice *s;
    WAAGE_TRY(list_keys(w, r, key, &names, &n));
    WORK_ALLOC(w, s, n);
    for (size_t i = 0; i < n; i++) {
        s[i].name = names[i];
        WAAGE_TRY(mean_where(w, r, c, key, names[i], &s[i].score));
    }
    *out = s;
    *n_out = n;
    return WAAGE_OK;
}

/* --- further metrics: numbers in extra_json, e.g. acc_norm ---------------------------------- */

typedef struct {
    const char *names[MAX_EXTRAS];
    double *sum[MAX_EXTRAS]; /* (n_items) */
    double *n[MAX_EXTRAS];   /* samples in the sum */
    size_t n_names;
} extras;

static bool number_of(const value *v, double *out)
{
    if (v->kind == VALUE_BOOL) *out = v->u.b;
    if (v->kind == VALUE_INT) *out = (double)v->u.i;
    if (v->kind == VALUE_FLOAT) *out = v->u.f;
    return v->kind == VALUE_BOOL || v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

static waage_status add_extra(work *w, const work_row *r, extras *e, size_t item, const char *name,
                              double v)
{
    size_t k = analysis_find_text(e->names, e->n_names, name);
    if (k == e->n_names) {
        if (k == MAX_EXTRAS) return WAAGE_OK;
        e->names[k] = arena_strdup(w->a, name);
        if (!e->names[k]) return waage_err_nomem(w->err);
        WORK_SCRATCH(w, e->sum[k], r->out->n_items);
        WORK_SCRATCH(w, e->n[k], r->out->n_items);
        e->n_names++;
    }
    e->sum[k][item] += v;
    e->n[k][item] += 1;
    return WAAGE_OK;
}

static waage_status read_extras(work *w, const work_row *r, extras *e, const analysis_item *it,
                                size_t at)
{
    for (size_t j = 0; j < it->n_scores; j++) {
        const char *text = it->scores[j]->extra_json;
        value *v;
        if (!text || !outcome_counts(it->scores[j]->result)) continue;
        /* Not ours to judge here: what does not parse has no numbers. */
        if (json_parse(&v, &w->scratch, text, strlen(text), "extra", 1, NULL) != WAAGE_OK) continue;
        if (v->kind != VALUE_MAP) continue;
        for (size_t i = 0; i < v->u.map.n; i++) {
            double x;
            if (number_of(v->u.map.pairs[i].val, &x))
                WAAGE_TRY(add_extra(w, r, e, at, v->u.map.pairs[i].key, x));
        }
    }
    return WAAGE_OK;
}

/* Only what is a share in every item: a mean of other numbers would need a unit. */
static waage_status make_extras(work *w, const work_row *r, analysis_cell *c)
{
    extras e = {.n_names = 0};
    analysis_slice *out;
    double *share;
    uint32_t *cluster;
    for (size_t i = 0; i < r->out->n_items; i++)
        WAAGE_TRY(read_extras(w, r, &e, &c->items[i], i));
    WORK_ALLOC(w, out, e.n_names);
    WORK_SCRATCH(w, share, r->out->n_items);
    WORK_SCRATCH(w, cluster, r->out->n_items);
    for (size_t k = 0; k < e.n_names; k++) {
        size_t n = 0;
        bool shares = true;
        for (size_t i = 0; i < r->out->n_items; i++) {
            if (e.n[k][i] <= 0) continue;
            share[n] = e.sum[k][i] / e.n[k][i];
            shares = shares && share[n] >= 0 && share[n] <= 1;
            cluster[n++] = r->cluster[i];
        }
        if (!shares) continue;
        out[c->n_extras].name = e.names[k];
        WAAGE_TRY(analysis_compute_mean(w, &out[c->n_extras++].score, share, cluster, n, r->n_ids));
    }
    c->extras = out;
    return WAAGE_OK;
}

/* --- the cell ------------------------------------------------------------------------------ */

/* Why nothing was answered: the reason of the first answer that has one. */
static const char *first_reason(const work_row *r, const analysis_cell *c)
{
    for (size_t i = 0; i < r->out->n_items; i++) {
        const analysis_item *it = &c->items[i];
        for (size_t j = 0; j < it->n_responses; j++)
            if (it->responses[j]->error) return it->responses[j]->error;
        for (size_t j = 0; j < it->n_scores; j++)
            if (it->scores[j]->reason) return it->scores[j]->reason;
    }
    return NULL;
}

static void set_state(const work *w, const work_row *r, size_t model, analysis_cell *c)
{
    const store_model *m = &w->d->models[model];
    const bool chat = r->out->proto == PROTOCOL_CHAT;
    const bool able = chat ? m->can_chat : m->can_complete;
    c->state = CELL_SCORED;
    if (c->n_answers > 0 && c->outcomes[OUTCOME_UNSUPPORTED] == c->n_answers) {
        c->state = CELL_UNSUPPORTED;
        c->why = chat && !able && m->no_chat ? m->no_chat : first_reason(r, c);
    } else if (c->n_answers == 0 && !able && !analysis_same_text(m->kind, "replay")) {
        c->state = CELL_UNSUPPORTED;
        c->why = chat && m->no_chat ? m->no_chat : "the model has no such protocol";
    } else if (c->n_answers == 0) {
        c->state = CELL_NOT_RUN;
        c->why = "not in this run";
    } else if (c->score.n == 0 && r->out->kind == KIND_ACCURACY) {
        c->state = CELL_NO_ANSWERS;
        c->why = first_reason(r, c);
    }
    if (c->state != CELL_SCORED && !c->why) c->why = "no reason was stored";
}

waage_status analysis_score_cell(work *w, work_row *r, size_t model)
{
    analysis_cell *c = &r->cells[model];
    double chance = 0;
    for (size_t i = 0; i < r->out->n_items; i++) {
        analysis_item *it = &r->items[model][i];
        grade_item(c, it);
        if (it->counted) chance += r->out->items[i]->chance;
    }
    WAAGE_TRY(mean_where(w, r, c, NULL, NULL, &c->score));
    const double n = (double)c->score.n, out = (double)c->n_left_out, sum = c->score.mean * n;
    c->bounds = n + out > 0 ? (stats_interval){sum / (n + out), (sum + out) / (n + out)}
                            : (stats_interval){0, 1};
    c->chance = n > 0 ? chance / n : 0;
    WAAGE_TRY(find_best_constant(w, r, c));
    WAAGE_TRY(find_commonest(w, r, c));
    c->at_floor = r->out->kind != KIND_CENSORSHIP && n > 0 &&
                  (c->score.ci.lo <= c->chance || c->score.ci.lo <= c->best_constant);
    WAAGE_TRY(make_slices(w, r, c, level_of, &c->levels, &c->n_levels));
    WAAGE_TRY(make_slices(w, r, c, language_of, &c->languages, &c->n_languages));
    if (r->out->kind == KIND_ACCURACY) WAAGE_TRY(make_extras(w, r, c));
    set_state(w, r, model, c);
    return WAAGE_OK;
}
