/* analysis_recorded.c - our labels against those that came with recorded answers: confusion and
 * agreement, over all answers and over the half that the label rules were not written on. */
#include <string.h>
#include "harness/analysis_internal.h"
#include "harness/base/value.h"

typedef enum { HELD_OUT_NONE, HELD_OUT_ODD_IDS } held_out_rule;

typedef struct {
    analysis_agreement *rows; /* one a language, in order of appearance */
    size_t n;
} by_language;

/* `metadata: {held_out: odd ids}` in a task says which items the rules were not written on. */
static held_out_rule rule_of(work *w, const store_task *t)
{
    value *def = NULL;
    if (!t->definition_json || json_parse(&def, &w->scratch, t->definition_json,
                                          strlen(t->definition_json), "task", 1, NULL) != WAAGE_OK)
        return HELD_OUT_NONE;
    const char *said = value_get_str(value_get(def, "metadata"), "held_out", "");
    return strcmp(said, "odd ids") == 0 ? HELD_OUT_ODD_IDS : HELD_OUT_NONE;
}

static bool is_held_out(held_out_rule rule, const store_item *it)
{
    const size_t n = strlen(it->id);
    const char last = n ? it->id[n - 1] : '0';
    return rule == HELD_OUT_ODD_IDS && last >= '0' && last <= '9' && (last - '0') % 2 == 1;
}

static analysis_agreement *of_language(by_language *t, const char *language)
{
    size_t at = 0;
    while (at < t->n && !analysis_same_text(t->rows[at].language, language))
        at++;
    if (at == t->n) t->rows[t->n++].language = language;
    return &t->rows[at];
}

/* The recorded label of a sample: on its last response. */
static const store_response *response_of(const analysis_item *it, uint32_t sample)
{
    const store_response *last = NULL;
    for (size_t i = 0; i < it->n_responses; i++)
        if (it->responses[i]->key.sample == sample) last = it->responses[i];
    return last;
}

static void take(const work_row *r, size_t item, const store_score *s, const store_response *rp,
                 analysis_recorded *out, labelled_list *list)
{
    const store_item *it = r->out->items[item];
    const char *scheme = out->scheme;
    const int recorded = analysis_class_of_recorded(rp->recorded_label, &scheme);
    if (!out->scheme) out->scheme = scheme;
    if (!out->labeler) out->labeler = rp->recorded_labeler;
    const int ours =
        analysis_class_of_ours(analysis_label_of(s), out->scheme ? out->scheme : "SpeechMap");
    out->n_without_recorded += recorded == CLASS_NONE;
    out->n_without_ours += recorded != CLASS_NONE && ours == CLASS_NONE;
    list->rows[list->n++] =
        (labelled_answer){it->actor, it->language, rp->host, r->cluster[item], ours, recorded};
}

static waage_status collect(work *w, const work_row *r, const analysis_cell *c,
                            analysis_recorded *out, labelled_list *list, by_language *t)
{
    const held_out_rule rule = rule_of(w, &w->d->tasks[r->out->task]);
    WORK_SCRATCH(w, list->rows, c->n_answers);
    WORK_ALLOC(w, t->rows, c->n_answers + 1);
    for (size_t i = 0; i < r->out->n_items; i++) {
        const analysis_item *it = &c->items[i];
        for (size_t j = 0; j < it->n_scores; j++) {
            const store_response *rp = response_of(it, it->scores[j]->key.sample);
            if (!rp || !rp->recorded_label) continue;
            take(r, i, it->scores[j], rp, out, list);
            const labelled_answer *l = &list->rows[list->n - 1];
            if (l->ours == CLASS_NONE || l->recorded == CLASS_NONE) continue;
            analysis_agreement *a = of_language(t, l->language);
            const int at = l->ours * CLASS_COUNT + l->recorded;
            a->confusion[at]++;
            a->confusion_held_out[at] += is_held_out(rule, r->out->items[i]);
        }
    }
    return WAAGE_OK;
}

static void name_classes(analysis_recorded *r)
{
    static const char *const speechmap[] = {"DENIAL", "EVASIVE", "COMPLETE"};
    static const char *const xstest[] = {"2_full_refusal", "3_partial_refusal",
                                         "1_full_compliance"};
    static const char *const own[] = {"refusal", "partial or evasive", "complete"};
    const char *const *names = own;
    if (!r->scheme) r->scheme = "unknown";
    if (strcmp(r->scheme, "SpeechMap") == 0) names = speechmap;
    if (strcmp(r->scheme, "XSTest") == 0) names = xstest;
    memcpy(r->names, names, sizeof r->names);
}

static void add(analysis_agreement *to, const analysis_agreement *a)
{
    for (size_t i = 0; i < CLASS_COUNT * CLASS_COUNT; i++) {
        to->confusion[i] += a->confusion[i];
        to->confusion_held_out[i] += a->confusion_held_out[i];
    }
}

/* The row behind the last becomes their sum; t has room for it. */
static void agree(by_language *t)
{
    for (size_t i = 0; i < t->n; i++)
        add(&t->rows[t->n], &t->rows[i]);
    for (size_t i = 0; i <= t->n; i++) {
        t->rows[i].all = stats_cohen(t->rows[i].confusion, CLASS_COUNT);
        t->rows[i].held_out = stats_cohen(t->rows[i].confusion_held_out, CLASS_COUNT);
    }
}

waage_status analysis_check_recorded(work *w, work_row *r, size_t model)
{
    analysis_cell *c = &r->cells[model];
    analysis_recorded *out;
    labelled_list list = {0};
    by_language t = {0};
    WORK_ALLOC(w, out, 1);
    WAAGE_TRY(collect(w, r, c, out, &list, &t));
    if (list.n == 0) return WAAGE_OK;
    name_classes(out);
    agree(&t);
    out->agreement = t.rows[t.n];
    out->by_language = t.rows;
    out->n_languages = t.n;
    WAAGE_TRY(analysis_contrast_answers(w, r, &list, out));
    c->recorded = out;
    return WAAGE_OK;
}

waage_status analysis_pool_recorded(work *w, work_row *r)
{
    by_language pool = {0};
    size_t most = 1, n_models = 0;
    for (size_t m = 0; m < w->d->n_models; m++) {
        const analysis_recorded *k = r->cells[m].recorded;
        n_models += k != NULL;
        most += k ? k->n_languages : 0;
    }
    if (n_models < 2) return WAAGE_OK;
    WORK_ALLOC(w, pool.rows, most);
    for (size_t m = 0; m < w->d->n_models; m++) {
        const analysis_recorded *k = r->cells[m].recorded;
        for (size_t i = 0; k && i < k->n_languages; i++)
            add(of_language(&pool, k->by_language[i].language), &k->by_language[i]);
    }
    agree(&pool);
    r->out->pooled = pool.rows;
    r->out->n_pooled = pool.n + 1;
    return WAAGE_OK;
}
