/* report_json.c - everything the other formats show, for programs: verdicts, scores, comparisons,
 * validity, manifest, samples. Numbers are doubles with 17 digits, shares (not percent); keys keep
 * their order. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "reports/json_parts.h"
#include "reports/side.h"
#include "reports/verdict.h"
#include "reports/writers.h"

enum { REPORT_VERSION = 2 };

/* --- verdict, models, tasks --------------------------------------------------------------------
 */

static void put_texts(json *j, const char *key, const verdict_text *t, size_t n)
{
    json_open(j, key, '[');
    for (size_t i = 0; i < n; i++) {
        strbuf line = STRBUF_EMPTY;
        for (size_t k = 0; k < t[i].n_spans; k++)
            strbuf_puts(&line, t[i].spans[k].text);
        json_text(j, NULL, strbuf_str(&line));
        strbuf_free(&line);
    }
    json_close(j, ']');
}

static void put_published(json *j, const view_model *vm)
{
    json_open(j, "published", '{');
    json_text(j, "weights", vm->published.weights);
    json_text(j, "licence", vm->published.licence);
    json_text(j, "data", vm->published.data);
    json_text(j, "code", vm->published.code);
    json_text(j, "class", vm->published.class);
    json_text(j, "source", vm->published.source);
    json_text(j, "date", vm->published.date);
    json_text(j, "by", vm->published.by);
    json_close(j, '}');
}

static void put_taken(json *j, const side_model *s)
{
    json_open(j, "taken", '{');
    json_count(j, "answers", s->n_answers);
    if (s->has_tokens) {
        json_count(j, "prompt_tokens", (size_t)s->prompt);
        json_count(j, "completion_tokens", (size_t)s->completion);
        if (s->has_thought) json_count(j, "thought_tokens", (size_t)s->thought);
    }
    if (s->has_cost) json_number(j, "cost_usd", s->cost);
    if (s->has_cost && s->n_right > 0)
        json_number(j, "cost_usd_per_right", s->cost_of_right / s->n_right);
    if (s->n_timed) {
        json_number(j, "median_seconds", s->median);
        json_number(j, "p95_seconds", s->p95);
    }
    if (s->joules > 0) json_number(j, "joules_per_item", s->joules);
    json_count(j, "blocked", s->n_blocked);
    json_text(j, "filter", s->layer);
    json_close(j, '}');
}

static void put_models(json *j, const view *v, const side_model *side)
{
    json_open(j, "models", '[');
    for (size_t i = 0; i < v->d->n_models; i++) {
        const store_model *m = &v->d->models[i];
        const view_model *vm = &v->models[i];
        json_open(j, NULL, '{');
        json_text(j, "label", m->label);
        json_text(j, "uri", m->uri);
        json_text(j, "runner", m->kind);
        json_text(j, "sha256", m->sha256);
        json_text(j, "training", vm->training);
        json_text(j, "quantisation", vm->quant);
        json_text(j, "licence", vm->licence);
        json_text(j, "openness", vm->openness);
        json_text(j, "effort", vm->effort);
        json_truth(j, "can_chat", m->can_chat);
        json_text(j, "no_chat", m->no_chat);
        put_published(j, vm);
        put_taken(j, &side[i]);
        json_text(j, "meta_json", m->meta_json);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_tasks(json *j, const view *v)
{
    json_open(j, "tasks", '[');
    for (size_t i = 0; i < v->d->n_tasks; i++) {
        const store_task *t = &v->d->tasks[i];
        json_open(j, NULL, '{');
        json_text(j, "name", t->name);
        json_text(j, "suite", t->group);
        json_text(j, "title", t->title);
        json_text(j, "kind", t->kind);
        json_number(j, "version", t->version);
        json_text(j, "hash", t->hash);
        json_text(j, "data_hash", t->data_hash);
        json_text(j, "rules_version", t->rules_version);
        json_text(j, "licence", t->licence);
        json_truth(j, "redistribute", t->redistribute);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* --- cells ------------------------------------------------------------------------------------ */

static void put_safety(json *j, const analysis_safety *s)
{
    json_open(j, "safety", '{');
    json_mean(j, "refused_unsafe", &s->refused_unsafe);
    json_mean(j, "refused_safe", &s->refused_safe);
    json_number(j, "discrimination", s->j);
    json_interval(j, "discrimination_ci95", s->j_ci);
    json_truth(j, "measurable", s->measurable);
    json_close(j, '}');
}

static void put_gap(json *j, const char *key, const analysis_gap *g)
{
    json_open(j, key, '{');
    if (g->actor) json_text(j, "actor", g->actor);
    json_count(j, "pairs", g->n_pairs);
    json_count(j, "pairs_gated", g->n_gated);
    json_mean(j, "nonanswers_sensitive", &g->na_sensitive);
    json_mean(j, "nonanswers_control", &g->na_control);
    json_mean(j, "gap", &g->gap);
    json_mean(j, "gap_ungated", &g->gap_ungated);
    json_mean(j, "coverage_lost", &g->soft);
    if (g->has_asymmetry) {
        json_number(j, "asymmetry", g->asymmetry);
        json_interval(j, "asymmetry_ci95", g->asymmetry_ci);
    }
    json_close(j, '}');
}

static void put_censorship(json *j, const analysis_censorship *c)
{
    json_open(j, "censorship", '{');
    json_truth(j, "measurable", c->measurable);
    put_gap(j, "all", &c->all);
    json_open(j, "by_actor", '[');
    for (size_t i = 0; i < c->n_actors; i++)
        put_gap(j, NULL, &c->by_actor[i]);
    json_close(j, ']');
    json_close(j, '}');
}

static void put_labels(json *j, const analysis_labels *l)
{
    json_open(j, "labels", '{');
    for (size_t i = 0; i < l->n_rows; i++) {
        json_open(j, l->rows[i].label, '{');
        for (size_t o = 0; o < l->n_roles; o++)
            json_count(j, *l->roles[o] ? l->roles[o] : "all", l->rows[i].n[o]);
        json_close(j, '}');
    }
    json_close(j, '}');
}

static void put_cell(json *j, const view *v, size_t row, size_t model)
{
    const analysis_row *r = &v->an->rows[row];
    const analysis_cell *c = &r->cells[model];
    json_open(j, NULL, '{');
    json_text(j, "model", v->models[model].label);
    json_text(j, "task", v->d->tasks[r->task].name);
    json_text(j, "protocol", protocol_name(r->proto));
    json_text(j, "state", analysis_state_name(c->state));
    json_text(j, "why", c->why);
    json_text(j, "how", side_protocol(v, row, model));
    json_count(j, "items", r->n_items);
    json_count(j, "answers", c->n_answers);
    json_mean(j, "score", &c->score);
    json_interval(j, "bounds", c->bounds);
    json_count(j, "items_left_out", c->n_left_out);
    json_count(j, "replies_cut", c->n_cut_answers);
    json_count(j, "thoughts_ended_by_force", c->n_forced);
    json_open(j, "outcomes", '{');
    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        json_count(j, outcome_name((outcome)o), c->outcomes[o]);
    json_close(j, '}');
    json_number(j, "chance", c->chance);
    json_number(j, "best_constant", c->best_constant);
    json_text(j, "best_constant_answer",
              view_may_show(v, &v->d->tasks[r->task]) ? c->best_constant_answer : NULL);
    json_number(j, "commonest", c->commonest);
    json_text(j, "commonest_answer", c->commonest_answer);
    json_truth(j, "at_floor", c->at_floor);
    json_slices(j, "levels", c->levels, c->n_levels);
    json_slices(j, "languages", c->languages, c->n_languages);
    json_slices(j, "metrics", c->extras, c->n_extras);
    if (c->safety) put_safety(j, c->safety);
    if (c->censorship) put_censorship(j, c->censorship);
    if (c->labels) put_labels(j, c->labels);
    if (c->recorded) json_put_recorded(j, c->recorded);
    if (c->n_hosts) json_put_hosts(j, c);
    if (c->n_traces) json_put_traces(j, c);
    json_close(j, '}');
}

static void put_comparison(json *j, const view *v, const analysis_comparison *k)
{
    const analysis_row *r = &v->an->rows[k->row];
    json_open(j, NULL, '{');
    json_text(j, "task", v->d->tasks[r->task].name);
    json_text(j, "protocol", protocol_name(r->proto));
    json_text(j, "first", v->models[k->a].label);
    json_text(j, "second", v->models[k->b].label);
    json_text(j, "measure", k->is_gap ? "censorship gap" : "credit");
    json_count(j, "n", k->n);
    json_count(j, "only_first_counts", k->n_only_a);
    json_count(j, "only_second_counts", k->n_only_b);
    json_count(j, "clusters", k->n_clusters);
    if (k->n) {
        json_number(j, "mean_first", k->mean_a);
        json_number(j, "mean_second", k->mean_b);
        json_number(j, "difference", k->diff);
        json_interval(j, "ci95", k->ci);
    }
    if (k->has_table) {
        json_open(j, "table", '{');
        json_count(j, "both", (size_t)k->table.both);
        json_count(j, "only_first", (size_t)k->table.only_a);
        json_count(j, "only_second", (size_t)k->table.only_b);
        json_count(j, "neither", (size_t)k->table.neither);
        json_close(j, '}');
    }
    json_text(j, "test", analysis_test_name(k->test));
    if (k->test != TEST_NONE) {
        json_number(j, "p", k->p);
        json_number(j, "p_holm", k->p_adjusted);
        json_number(j, "detectable", k->detectable);
    }
    json_text(j, "verdict", analysis_verdict_name(k->verdict));
    json_close(j, '}');
}

/* --- samples ---------------------------------------------------------------------------------- */

static void put_response(json *j, const store_response *rp, bool may_show)
{
    json_open(j, NULL, '{');
    json_count(j, "turn", rp->key.turn);
    json_text(j, "prompt_hash", rp->prompt_hash);
    if (may_show) json_text(j, "prompt", rp->prompt);
    json_text(j, "finish", finish_name(rp->finish));
    if (rp->error) json_text(j, "error", rp->error);
    json_text(j, "thought_state", thought_name(rp->thought_is));
    if (rp->thought) json_text(j, "thought", rp->thought);
    json_text(j, "answer", rp->text);
    if (rp->n_choices) {
        json_open(j, "choice_logprobs", '[');
        for (size_t i = 0; i < rp->n_choices; i++)
            json_number(j, NULL, rp->choices[i].logprob);
        json_close(j, ']');
    }
    json_count(j, "prompt_tokens", rp->prompt_tokens);
    json_count(j, "completion_tokens", rp->completion_tokens);
    json_count(j, "thought_tokens", rp->thought_tokens);
    json_count(j, "forced_closes", rp->forced_closes);
    if (rp->has_cost) json_number(j, "cost_usd", rp->cost);
    if (rp->model_version) json_text(j, "model_version", rp->model_version);
    if (rp->host) json_text(j, "host", rp->host);
    if (rp->served_at) json_text(j, "served_at", rp->served_at);
    if (rp->recorded_label) json_text(j, "recorded_label", rp->recorded_label);
    if (rp->recorded_labeler) json_text(j, "recorded_labeler", rp->recorded_labeler);
    json_close(j, '}');
}

static void put_sample(json *j, const store_score *s, const analysis_item *it, bool may_show)
{
    json_open(j, NULL, '{');
    json_text(j, "model", s->key.model);
    json_text(j, "task", s->key.task);
    json_text(j, "protocol", protocol_name(s->key.proto));
    json_text(j, "item", s->key.item);
    json_count(j, "sample", s->key.sample);
    json_text(j, "outcome", outcome_name(s->result));
    if (s->has_credit) json_number(j, "credit", s->credit);
    json_text(j, "extracted", s->extracted);
    json_text(j, "rule", s->rule);
    json_text(j, "reason", s->reason);
    if (s->label) json_text(j, "label", s->label);
    if (s->extra_json) json_text(j, "extra_json", s->extra_json);
    json_open(j, "responses", '[');
    for (size_t i = 0; i < it->n_responses; i++)
        if (it->responses[i]->key.sample == s->key.sample)
            put_response(j, it->responses[i], may_show);
    json_close(j, ']');
    json_close(j, '}');
}

static size_t n_shown(const view *v, size_t n)
{
    const int t = v->opt->transcripts;
    return t >= 0 && (size_t)t < n ? (size_t)t : n;
}

static void put_items(json *j, const view *v)
{
    json_open(j, "items", '[');
    for (size_t i = 0; i < v->d->n_items; i++) {
        const store_item *it = &v->d->items[i];
        const store_task *t = NULL;
        for (size_t k = 0; k < v->d->n_tasks && !t; k++)
            if (strcmp(v->d->tasks[k].name, it->task) == 0) t = &v->d->tasks[k];
        const bool may_show = t && view_may_show(v, t);
        json_open(j, NULL, '{');
        json_text(j, "task", it->task);
        json_text(j, "id", it->id);
        json_text(j, "doc_hash", it->doc_hash);
        if (may_show) json_text(j, "question", it->question);
        if (may_show && it->gold) json_text(j, "gold", it->gold);
        if (it->cluster) json_text(j, "cluster", it->cluster);
        if (it->level) json_text(j, "level", it->level);
        if (it->language) json_text(j, "language", it->language);
        if (it->pair) json_text(j, "pair", it->pair);
        if (it->role) json_text(j, "role", it->role);
        if (it->actor) json_text(j, "actor", it->actor);
        json_number(j, "chance", it->chance);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_samples(json *j, const view *v)
{
    json_open(j, "samples", '[');
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
    json_close(j, ']');
}

static void put_runs(json *j, const view *v)
{
    json_open(j, "runs", '[');
    for (size_t i = 0; i < v->n_runs; i++) {
        const report_run *r = &v->runs[i];
        json_open(j, NULL, '{');
        json_text(j, "dir", r->dir);
        json_text(j, "answers_digest", r->answers_digest);
        json_text(j, "scores_digest", r->scores_digest);
        json_open(j, "digests", '[');
        for (size_t k = 0; k < r->n_digests; k++) {
            json_open(j, NULL, '{');
            json_text(j, "model", r->digests[k].model);
            json_text(j, "task", r->digests[k].task);
            json_text(j, "protocol", protocol_name(r->digests[k].proto));
            json_text(j, "answers", r->digests[k].answers);
            json_text(j, "scores", r->digests[k].scores);
            json_close(j, '}');
        }
        json_close(j, ']');
        json_text(j, "run_yaml", r->run_yaml);
        json_close(j, '}');
    }
    json_close(j, ']');
}

waage_status report_write_json(strbuf *out, const view *v)
{
    json j = {out, true};
    verdict vd;
    const side_model *side = NULL;
    WAAGE_TRY(verdict_make(&vd, v));
    WAAGE_TRY(side_make(&side, v));
    json_open(&j, NULL, '{');
    json_number(&j, "waage_report", REPORT_VERSION);
    json_truth(&j, "subset", v->subset);
    put_texts(&j, "verdict", vd.sentences, vd.n_sentences);
    put_texts(&j, "notes", vd.notes, vd.n_notes);
    json_open(&j, "joining", '[');
    for (size_t i = 0; i < v->n_notes; i++)
        json_text(&j, NULL, v->notes[i]);
    json_close(&j, ']');
    put_runs(&j, v);
    json_settings(&j, "settings", v->d->settings, v->d->n_settings);
    json_settings(&j, "manifest", v->d->manifest, v->d->n_manifest);
    put_models(&j, v, side);
    put_tasks(&j, v);
    json_open(&j, "scores", '[');
    for (size_t i = 0; i < v->an->n_rows; i++)
        for (size_t m = 0; m < v->d->n_models; m++)
            put_cell(&j, v, i, m);
    json_close(&j, ']');
    json_count(&j, "tests", v->an->n_tests);
    json_open(&j, "comparisons", '[');
    for (size_t i = 0; i < v->an->n_comparisons; i++)
        put_comparison(&j, v, &v->an->comparisons[i]);
    json_close(&j, ']');
    if (v->opt->transcripts != REPORT_TRANSCRIPTS_NONE) {
        put_items(&j, v);
        put_samples(&j, v);
    }
    json_close(&j, '}');
    return strbuf_check(out, v->err);
}
