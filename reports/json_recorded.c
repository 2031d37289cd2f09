/* json_recorded.c - labels of recorded answers, and who served them, for the JSON report. */
#include "reports/json_parts.h"

static void put_groups(json *j, const char *key, const analysis_incomplete *g, size_t n)
{
    json_open(j, key, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(j, NULL, '{');
        json_text(j, "actor", g[i].actor);
        json_text(j, "language", g[i].language);
        json_text(j, "host", g[i].host);
        json_mean(j, "ours", &g[i].ours);
        json_mean(j, "recorded", &g[i].recorded);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_unpaired(json *j, const char *key, const analysis_unpaired *u)
{
    json_open(j, key, '{');
    json_count(j, "n", u->n);
    json_count(j, "n_others", u->n_others);
    if (u->n && u->n_others) {
        json_number(j, "difference", u->diff);
        json_interval(j, "ci95", u->ci);
        json_count(j, "clusters", u->n_clusters);
        if (u->n_clusters) json_interval(j, "ci95_clustered", u->clustered_ci);
    }
    json_close(j, '}');
}

static void put_contrasts(json *j, const char *key, const analysis_contrast *c, size_t n)
{
    json_open(j, key, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(j, NULL, '{');
        json_text(j, "actor", c[i].actor);
        json_text(j, "language", c[i].language);
        json_text(j, "host", c[i].host);
        json_text(j, "against_language", c[i].against);
        put_unpaired(j, "ours", &c[i].ours);
        put_unpaired(j, "recorded", &c[i].recorded);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_confusion(json *j, const char *key, const uint64_t *n)
{
    json_open(j, key, '[');
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        json_open(j, NULL, '[');
        for (size_t k = 0; k < CLASS_COUNT; k++)
            json_count(j, NULL, (size_t)n[i * CLASS_COUNT + k]);
        json_close(j, ']');
    }
    json_close(j, ']');
}

static void put_measured(json *j, const char *key, const stats_agreement *a)
{
    json_open(j, key, '{');
    json_count(j, "n", (size_t)a->n);
    if (a->n) {
        json_number(j, "accuracy", a->accuracy);
        json_interval(j, "accuracy_ci95", a->accuracy_ci);
    }
    if (a->has_kappa) {
        json_number(j, "kappa", a->kappa);
        json_interval(j, "kappa_ci95", a->kappa_ci);
    }
    json_close(j, '}');
}

static void put_agreement(json *j, const char *key, const analysis_agreement *a)
{
    json_open(j, key, '{');
    json_text(j, "language", a->language);
    put_confusion(j, "confusion_ours_by_recorded", a->confusion);
    put_measured(j, "all", &a->all);
    put_measured(j, "held_out", &a->held_out);
    json_close(j, '}');
}

void json_put_recorded(json *j, const analysis_recorded *r)
{
    json_open(j, "recorded", '{');
    json_text(j, "scheme", r->scheme);
    json_text(j, "labelled_by", r->labeler);
    json_open(j, "classes", '[');
    for (size_t i = 0; i < CLASS_COUNT; i++)
        json_text(j, NULL, r->names[i]);
    json_close(j, ']');
    put_agreement(j, "agreement", &r->agreement);
    json_open(j, "agreement_by_language", '[');
    for (size_t i = 0; i < r->n_languages; i++)
        put_agreement(j, NULL, &r->by_language[i]);
    json_close(j, ']');
    json_count(j, "without_our_label", r->n_without_ours);
    json_count(j, "without_recorded_label", r->n_without_recorded);
    put_groups(j, "incomplete_by_actor", r->by_actor, r->n_by_actor);
    put_groups(j, "incomplete_by_host", r->by_host, r->n_by_host);
    put_contrasts(j, "contrasts", r->contrasts, r->n_contrasts);
    put_contrasts(j, "contrasts_by_host", r->host_contrasts, r->n_host_contrasts);
    json_close(j, '}');
}

void json_put_hosts(json *j, const analysis_cell *c)
{
    json_open(j, "hosts", '[');
    for (size_t i = 0; i < c->n_hosts; i++) {
        const analysis_host *s = &c->hosts[i];
        json_open(j, NULL, '{');
        json_text(j, "host", s->host);
        json_text(j, "first", s->first);
        json_text(j, "last", s->last);
        json_count(j, "answers", s->n_answers);
        json_count(j, "blocked", s->n_blocked);
        json_open(j, "thought", '{');
        for (size_t k = THOUGHT_ABSENT; k <= THOUGHT_PRESENT; k++)
            json_count(j, thought_name((thought_state)k), s->n_thought[k]);
        json_close(j, '}');
        json_close(j, '}');
    }
    json_close(j, ']');
}

void json_put_traces(json *j, const analysis_cell *c)
{
    json_open(j, "traces", '[');
    for (size_t i = 0; i < c->n_traces; i++) {
        const analysis_trace *t = &c->traces[i];
        json_open(j, NULL, '{');
        json_text(j, "group", t->name);
        json_count(j, "answers", t->n_answers);
        json_count(j, "returned", t->n_traces);
        json_number(j, "median_control_bytes", t->median);
        if (t->median > 0) json_count(j, "suppressed", t->n_short);
        json_count(j, "read", t->n_read);
        json_count(j, "captured", t->n_line);
        json_count(j, "with_facts", t->n_facts);
        json_count(j, "diverging", t->n_diverging);
        json_close(j, '}');
    }
    json_close(j, ']');
}
