/* report_json.c - everything the other formats show, for programs: verdicts, scores, comparisons,
 * validity, manifest, samples. Numbers are doubles with 17 digits, shares (not percent); keys keep
 * their order. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "reports/verdict.h"
#include "reports/writers.h"

enum { REPORT_VERSION = 1 };

typedef struct { /* a JSON text in the making: commas and newlines take care of themselves */
    strbuf *out;
    bool first; /* nothing yet in the innermost list or map */
} json;

/* --- building --------------------------------------------------------------------------------- */

static void next(json *j, const char *key)
{
    if (!j->first) strbuf_putc(j->out, ',');
    j->first = false;
    if (!key) return;
    strbuf_put_json(j->out, key, strlen(key));
    strbuf_putc(j->out, ':');
}

static void open_(json *j, const char *key, char bracket)
{
    next(j, key);
    strbuf_putc(j->out, bracket);
    j->first = true;
}

static void close_(json *j, char bracket)
{
    strbuf_putc(j->out, bracket);
    if (bracket == '}') strbuf_putc(j->out, '\n');
    j->first = false;
}

static void text(json *j, const char *key, const char *s)
{
    next(j, key);
    if (s)
        strbuf_put_json(j->out, s, strlen(s));
    else
        strbuf_puts(j->out, "null");
}

static void number(json *j, const char *key, double x)
{
    char s[40];
    next(j, key);
    snprintf(s, sizeof s, "%.17g", x);
    strbuf_puts(j->out, isfinite(x) ? s : "null");
}

static void count(json *j, const char *key, size_t n)
{
    next(j, key);
    strbuf_printf(j->out, "%zu", n);
}

static void truth(json *j, const char *key, bool b)
{
    next(j, key);
    strbuf_puts(j->out, b ? "true" : "false");
}

static void interval(json *j, const char *key, stats_interval ci)
{
    open_(j, key, '[');
    number(j, NULL, ci.lo);
    number(j, NULL, ci.hi);
    close_(j, ']');
}

static void mean(json *j, const char *key, const analysis_mean *m)
{
    open_(j, key, '{');
    count(j, "n", m->n);
    if (m->n) {
        number(j, "mean", m->mean);
        interval(j, "ci95", m->ci);
        if (m->n_clusters) count(j, "clusters", m->n_clusters);
    }
    close_(j, '}');
}

static void slices(json *j, const char *key, const analysis_slice *s, size_t n)
{
    if (!n) return;
    open_(j, key, '{');
    for (size_t i = 0; i < n; i++)
        mean(j, s[i].name, &s[i].score);
    close_(j, '}');
}

static void settings(json *j, const char *key, const store_setting *s, size_t n)
{
    open_(j, key, '{');
    for (size_t i = 0; i < n; i++)
        text(j, s[i].key, s[i].value);
    close_(j, '}');
}

/* --- verdict, models, tasks --------------------------------------------------------------------
 */

static void put_texts(json *j, const char *key, const verdict_text *t, size_t n)
{
    open_(j, key, '[');
    for (size_t i = 0; i < n; i++) {
        strbuf line = STRBUF_EMPTY;
        for (size_t k = 0; k < t[i].n_spans; k++)
            strbuf_puts(&line, t[i].spans[k].text);
        text(j, NULL, strbuf_str(&line));
        strbuf_free(&line);
    }
    close_(j, ']');
}

static void put_models(json *j, const view *v)
{
    open_(j, "models", '[');
    for (size_t i = 0; i < v->d->n_models; i++) {
        const store_model *m = &v->d->models[i];
        const view_model *vm = &v->models[i];
        open_(j, NULL, '{');
        text(j, "label", m->label);
        text(j, "uri", m->uri);
        text(j, "runner", m->kind);
        text(j, "sha256", m->sha256);
        text(j, "training", vm->training);
        text(j, "quantisation", vm->quant);
        text(j, "licence", vm->licence);
        text(j, "openness", vm->openness);
        truth(j, "can_chat", m->can_chat);
        text(j, "no_chat", m->no_chat);
        text(j, "meta_json", m->meta_json);
        close_(j, '}');
    }
    close_(j, ']');
}

static void put_tasks(json *j, const view *v)
{
    open_(j, "tasks", '[');
    for (size_t i = 0; i < v->d->n_tasks; i++) {
        const store_task *t = &v->d->tasks[i];
        open_(j, NULL, '{');
        text(j, "name", t->name);
        text(j, "suite", t->group);
        text(j, "title", t->title);
        text(j, "kind", t->kind);
        number(j, "version", t->version);
        text(j, "hash", t->hash);
        text(j, "data_hash", t->data_hash);
        text(j, "rules_version", t->rules_version);
        text(j, "licence", t->licence);
        truth(j, "redistribute", t->redistribute);
        close_(j, '}');
    }
    close_(j, ']');
}

/* --- cells ------------------------------------------------------------------------------------ */

static void put_safety(json *j, const analysis_safety *s)
{
    open_(j, "safety", '{');
    mean(j, "refused_unsafe", &s->refused_unsafe);
    mean(j, "refused_safe", &s->refused_safe);
    number(j, "discrimination", s->j);
    interval(j, "discrimination_ci95", s->j_ci);
    truth(j, "measurable", s->measurable);
    close_(j, '}');
}

static void put_gap(json *j, const char *key, const analysis_gap *g)
{
    open_(j, key, '{');
    if (g->actor) text(j, "actor", g->actor);
    count(j, "pairs", g->n_pairs);
    count(j, "pairs_gated", g->n_gated);
    mean(j, "nonanswers_sensitive", &g->na_sensitive);
    mean(j, "nonanswers_control", &g->na_control);
    mean(j, "gap", &g->gap);
    mean(j, "gap_ungated", &g->gap_ungated);
    mean(j, "coverage_lost", &g->soft);
    if (g->has_asymmetry) {
        number(j, "asymmetry", g->asymmetry);
        interval(j, "asymmetry_ci95", g->asymmetry_ci);
    }
    close_(j, '}');
}

static void put_censorship(json *j, const analysis_censorship *c)
{
    open_(j, "censorship", '{');
    truth(j, "measurable", c->measurable);
    put_gap(j, "all", &c->all);
    open_(j, "by_actor", '[');
    for (size_t i = 0; i < c->n_actors; i++)
        put_gap(j, NULL, &c->by_actor[i]);
    close_(j, ']');
    close_(j, '}');
}

static void put_labels(json *j, const analysis_labels *l)
{
    open_(j, "labels", '{');
    for (size_t i = 0; i < l->n_rows; i++) {
        open_(j, l->rows[i].label, '{');
        for (size_t o = 0; o < l->n_roles; o++)
            count(j, *l->roles[o] ? l->roles[o] : "all", l->rows[i].n[o]);
        close_(j, '}');
    }
    close_(j, '}');
}

static void put_groups(json *j, const char *key, const analysis_incomplete *g, size_t n)
{
    open_(j, key, '[');
    for (size_t i = 0; i < n; i++) {
        open_(j, NULL, '{');
        text(j, "actor", g[i].actor);
        text(j, "language", g[i].language);
        text(j, "host", g[i].host);
        mean(j, "ours", &g[i].ours);
        mean(j, "recorded", &g[i].recorded);
        close_(j, '}');
    }
    close_(j, ']');
}

static void put_contrasts(json *j, const analysis_recorded *r)
{
    open_(j, "contrasts", '[');
    for (size_t i = 0; i < r->n_contrasts; i++) {
        const analysis_contrast *c = &r->contrasts[i];
        open_(j, NULL, '{');
        text(j, "actor", c->actor);
        text(j, "language", c->language);
        count(j, "n_actor", c->n_actor);
        count(j, "n_others", c->n_others);
        number(j, "ours", c->ours);
        interval(j, "ours_ci95", c->ours_ci);
        number(j, "recorded", c->recorded);
        interval(j, "recorded_ci95", c->recorded_ci);
        close_(j, '}');
    }
    close_(j, ']');
}

static void put_recorded(json *j, const analysis_recorded *r)
{
    open_(j, "recorded", '{');
    text(j, "scheme", r->scheme);
    text(j, "labelled_by", r->labeler);
    open_(j, "classes", '[');
    for (size_t i = 0; i < CLASS_COUNT; i++)
        text(j, NULL, r->names[i]);
    close_(j, ']');
    open_(j, "confusion_ours_by_recorded", '[');
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        open_(j, NULL, '[');
        for (size_t k = 0; k < CLASS_COUNT; k++)
            count(j, NULL, (size_t)r->confusion[i * CLASS_COUNT + k]);
        close_(j, ']');
    }
    close_(j, ']');
    count(j, "n", (size_t)r->agreement.n);
    number(j, "accuracy", r->agreement.accuracy);
    interval(j, "accuracy_ci95", r->agreement.accuracy_ci);
    if (r->agreement.has_kappa) {
        number(j, "kappa", r->agreement.kappa);
        interval(j, "kappa_ci95", r->agreement.kappa_ci);
    }
    count(j, "without_our_label", r->n_without_ours);
    count(j, "without_recorded_label", r->n_without_recorded);
    put_groups(j, "incomplete_by_actor", r->by_actor, r->n_by_actor);
    put_groups(j, "incomplete_by_host", r->by_host, r->n_by_host);
    put_contrasts(j, r);
    close_(j, '}');
}

static void put_cell(json *j, const view *v, size_t row, size_t model)
{
    const analysis_row *r = &v->an->rows[row];
    const analysis_cell *c = &r->cells[model];
    open_(j, NULL, '{');
    text(j, "model", v->models[model].label);
    text(j, "task", v->d->tasks[r->task].name);
    text(j, "protocol", protocol_name(r->proto));
    text(j, "state", analysis_state_name(c->state));
    text(j, "why", c->why);
    count(j, "items", r->n_items);
    count(j, "answers", c->n_answers);
    mean(j, "score", &c->score);
    interval(j, "bounds", c->bounds);
    count(j, "items_left_out", c->n_left_out);
    count(j, "replies_cut", c->n_cut_answers);
    count(j, "thoughts_ended_by_force", c->n_forced);
    open_(j, "outcomes", '{');
    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        count(j, outcome_name((outcome)o), c->outcomes[o]);
    close_(j, '}');
    number(j, "chance", c->chance);
    number(j, "best_constant", c->best_constant);
    text(j, "best_constant_answer",
         view_may_show(v, &v->d->tasks[r->task]) ? c->best_constant_answer : NULL);
    number(j, "commonest", c->commonest);
    text(j, "commonest_answer", c->commonest_answer);
    truth(j, "at_floor", c->at_floor);
    slices(j, "levels", c->levels, c->n_levels);
    slices(j, "languages", c->languages, c->n_languages);
    slices(j, "metrics", c->extras, c->n_extras);
    if (c->safety) put_safety(j, c->safety);
    if (c->censorship) put_censorship(j, c->censorship);
    if (c->labels) put_labels(j, c->labels);
    if (c->recorded) put_recorded(j, c->recorded);
    close_(j, '}');
}

static void put_comparison(json *j, const view *v, const analysis_comparison *k)
{
    const analysis_row *r = &v->an->rows[k->row];
    open_(j, NULL, '{');
    text(j, "task", v->d->tasks[r->task].name);
    text(j, "protocol", protocol_name(r->proto));
    text(j, "first", v->models[k->a].label);
    text(j, "second", v->models[k->b].label);
    text(j, "measure", k->is_gap ? "censorship gap" : "credit");
    count(j, "n", k->n);
    count(j, "only_first_counts", k->n_only_a);
    count(j, "only_second_counts", k->n_only_b);
    count(j, "clusters", k->n_clusters);
    if (k->n) {
        number(j, "mean_first", k->mean_a);
        number(j, "mean_second", k->mean_b);
        number(j, "difference", k->diff);
        interval(j, "ci95", k->ci);
    }
    if (k->has_table) {
        open_(j, "table", '{');
        count(j, "both", (size_t)k->table.both);
        count(j, "only_first", (size_t)k->table.only_a);
        count(j, "only_second", (size_t)k->table.only_b);
        count(j, "neither", (size_t)k->table.neither);
        close_(j, '}');
    }
    text(j, "test", analysis_test_name(k->test));
    if (k->test != TEST_NONE) {
        number(j, "p", k->p);
        number(j, "p_holm", k->p_adjusted);
        number(j, "detectable", k->detectable);
    }
    text(j, "verdict", analysis_verdict_name(k->verdict));
    close_(j, '}');
}

/* --- samples ---------------------------------------------------------------------------------- */

static void put_response(json *j, const store_response *rp, bool may_show)
{
    open_(j, NULL, '{');
    count(j, "turn", rp->key.turn);
    text(j, "prompt_hash", rp->prompt_hash);
    if (may_show) text(j, "prompt", rp->prompt);
    text(j, "finish", finish_name(rp->finish));
    if (rp->error) text(j, "error", rp->error);
    text(j, "thought_state", thought_name(rp->thought_is));
    if (rp->thought) text(j, "thought", rp->thought);
    text(j, "answer", rp->text);
    if (rp->n_choices) {
        open_(j, "choice_logprobs", '[');
        for (size_t i = 0; i < rp->n_choices; i++)
            number(j, NULL, rp->choices[i].logprob);
        close_(j, ']');
    }
    count(j, "prompt_tokens", rp->prompt_tokens);
    count(j, "completion_tokens", rp->completion_tokens);
    count(j, "thought_tokens", rp->thought_tokens);
    count(j, "forced_closes", rp->forced_closes);
    if (rp->has_cost) number(j, "cost_usd", rp->cost);
    if (rp->model_version) text(j, "model_version", rp->model_version);
    if (rp->host) text(j, "host", rp->host);
    if (rp->served_at) text(j, "served_at", rp->served_at);
    if (rp->recorded_label) text(j, "recorded_label", rp->recorded_label);
    if (rp->recorded_labeler) text(j, "recorded_labeler", rp->recorded_labeler);
    close_(j, '}');
}

static void put_sample(json *j, const store_score *s, const analysis_item *it, bool may_show)
{
    open_(j, NULL, '{');
    text(j, "model", s->key.model);
    text(j, "task", s->key.task);
    text(j, "protocol", protocol_name(s->key.proto));
    text(j, "item", s->key.item);
    count(j, "sample", s->key.sample);
    text(j, "outcome", outcome_name(s->result));
    if (s->has_credit) number(j, "credit", s->credit);
    text(j, "extracted", s->extracted);
    text(j, "rule", s->rule);
    text(j, "reason", s->reason);
    if (s->label) text(j, "label", s->label);
    if (s->extra_json) text(j, "extra_json", s->extra_json);
    open_(j, "responses", '[');
    for (size_t i = 0; i < it->n_responses; i++)
        if (it->responses[i]->key.sample == s->key.sample)
            put_response(j, it->responses[i], may_show);
    close_(j, ']');
    close_(j, '}');
}

static size_t n_shown(const view *v, size_t n)
{
    const int t = v->opt->transcripts;
    return t >= 0 && (size_t)t < n ? (size_t)t : n;
}

static void put_items(json *j, const view *v)
{
    open_(j, "items", '[');
    for (size_t i = 0; i < v->d->n_items; i++) {
        const store_item *it = &v->d->items[i];
        const store_task *t = NULL;
        for (size_t k = 0; k < v->d->n_tasks && !t; k++)
            if (strcmp(v->d->tasks[k].name, it->task) == 0) t = &v->d->tasks[k];
        const bool may_show = t && view_may_show(v, t);
        open_(j, NULL, '{');
        text(j, "task", it->task);
        text(j, "id", it->id);
        text(j, "doc_hash", it->doc_hash);
        if (may_show) text(j, "question", it->question);
        if (may_show && it->gold) text(j, "gold", it->gold);
        if (it->cluster) text(j, "cluster", it->cluster);
        if (it->level) text(j, "level", it->level);
        if (it->language) text(j, "language", it->language);
        if (it->pair) text(j, "pair", it->pair);
        if (it->role) text(j, "role", it->role);
        if (it->actor) text(j, "actor", it->actor);
        number(j, "chance", it->chance);
        close_(j, '}');
    }
    close_(j, ']');
}

static void put_samples(json *j, const view *v)
{
    open_(j, "samples", '[');
    for (size_t m = 0; m < v->d->n_models; m++)
        for (size_t i = 0; i < v->an->n_rows; i++) {
            const analysis_row *r = &v->an->rows[i];
            const bool may_show = view_may_show(v, &v->d->tasks[r->task]);
            for (size_t k = 0; k < n_shown(v, r->n_items); k++) {
                const analysis_item *it = &r->cells[m].items[k];
                for (size_t s = 0; s < it->n_scores; s++)
                    put_sample(j, it->scores[s], it, may_show);
            }
        }
    close_(j, ']');
}

static void put_runs(json *j, const view *v)
{
    open_(j, "runs", '[');
    for (size_t i = 0; i < v->n_runs; i++) {
        const report_run *r = &v->runs[i];
        open_(j, NULL, '{');
        text(j, "dir", r->dir);
        text(j, "answers_digest", r->answers_digest);
        text(j, "scores_digest", r->scores_digest);
        open_(j, "digests", '[');
        for (size_t k = 0; k < r->n_digests; k++) {
            open_(j, NULL, '{');
            text(j, "model", r->digests[k].model);
            text(j, "task", r->digests[k].task);
            text(j, "protocol", protocol_name(r->digests[k].proto));
            text(j, "answers", r->digests[k].answers);
            text(j, "scores", r->digests[k].scores);
            close_(j, '}');
        }
        close_(j, ']');
        text(j, "run_yaml", r->run_yaml);
        close_(j, '}');
    }
    close_(j, ']');
}

waage_status report_write_json(strbuf *out, const view *v)
{
    json j = {out, true};
    verdict vd;
    WAAGE_TRY(verdict_make(&vd, v));
    open_(&j, NULL, '{');
    number(&j, "waage_report", REPORT_VERSION);
    truth(&j, "subset", v->subset);
    put_texts(&j, "verdict", vd.sentences, vd.n_sentences);
    put_texts(&j, "notes", vd.notes, vd.n_notes);
    open_(&j, "joining", '[');
    for (size_t i = 0; i < v->n_notes; i++)
        text(&j, NULL, v->notes[i]);
    close_(&j, ']');
    put_runs(&j, v);
    settings(&j, "settings", v->d->settings, v->d->n_settings);
    settings(&j, "manifest", v->d->manifest, v->d->n_manifest);
    put_models(&j, v);
    put_tasks(&j, v);
    open_(&j, "scores", '[');
    for (size_t i = 0; i < v->an->n_rows; i++)
        for (size_t m = 0; m < v->d->n_models; m++)
            put_cell(&j, v, i, m);
    close_(&j, ']');
    count(&j, "tests", v->an->n_tests);
    open_(&j, "comparisons", '[');
    for (size_t i = 0; i < v->an->n_comparisons; i++)
        put_comparison(&j, v, &v->an->comparisons[i]);
    close_(&j, ']');
    if (v->opt->transcripts != REPORT_TRANSCRIPTS_NONE) {
        put_items(&j, v);
        put_samples(&j, v);
    }
    close_(&j, '}');
    return strbuf_check(out, v->err);
}
