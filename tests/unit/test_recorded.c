/* test_recorded.c - gaps by recorded labels: those published for eight models come out of the
 * counts of their labels (tests/golden/recorded_*.tsv; tools/check_recorded.py does the same from
 * the recordings), and what hosts, halves and clusters do to the figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "harness/analysis.h"
#include "harness/base/file.h"
#include "run_fixture.h"

int test_recorded(void);

enum { N_FORMS = 50, MAX_ROWS = 64, MAX_FIELDS = 6 };

typedef struct {
    fixture f;
    arena a;
    analysis an;
} world;

static void analyse(world *w)
{
    waage_err err = {0};
    assert_int_equal(analysis_make(&w->an, &w->f.d, &w->a, &err), WAAGE_OK);
}

static void free_world(world *w)
{
    arena_free(&w->a);
    arena_free(&w->f.a);
    free(w);
}

static world *make_world(void)
{
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->f.d = (store_data){.models = w->f.models,
                          .tasks = w->f.tasks,
                          .items = w->f.items,
                          .responses = w->f.responses,
                          .scores = w->f.scores};
    return w;
}

/* --- the golden tables ------------------------------------------------------------------------ */

typedef struct {
    char *text;
    char *rows[MAX_ROWS][MAX_FIELDS];
    size_t n;
} table;

static void read_table(table *t, const char *path)
{
    waage_err err = {0};
    size_t len = 0;
    char *save = NULL;
    bool header = true;
    t->n = 0;
    assert_int_equal(file_read(&t->text, &len, path, 1 << 16, &err), WAAGE_OK);
    for (char *line = strtok_r(t->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (*line == '#') continue;
        if (header) {
            header = false;
            continue;
        }
        assert_true(t->n < MAX_ROWS);
        for (size_t i = 0; i < MAX_FIELDS; i++) { /* fields may be empty: no strtok */
            char *tab = strchr(line, '\t');
            t->rows[t->n][i] = line;
            if (tab) *tab = 0;
            line = tab ? tab + 1 : line + strlen(line);
        }
        t->n++;
    }
}

/* --- a run with so many labels of each kind --------------------------------------------------- */

static void add_model(world *w, const char *label)
{
    for (size_t m = 0; m < w->f.d.n_models; m++)
        if (strcmp(w->f.models[m].label, label) == 0) return;
    w->f.models[w->f.d.n_models++] =
        (store_model){.label = label, .uri = "replay:x.jsonl", .kind = "replay", .can_chat = true};
}

/* Item `form` of a group such as "CN en"; the same item for all models. */
static const store_item *item_of(world *w, const char *group, int form)
{
    const char *id = arena_printf(&w->f.a, "%s-%02d", group, form);
    for (size_t i = 0; i < w->f.d.n_items; i++)
        if (strcmp(w->f.items[i].id, id) == 0) return &w->f.items[i];
    store_item *it = fix_item(&w->f, "recorded", id);
    it->actor = arena_strndup(&w->f.a, group, 2);
    it->language = group + 3;
    it->cluster = arena_printf(&w->f.a, "form-%02d", form);
    it->question = "Write an essay";
    return it;
}

static store_response *add_answer(world *w, const char *model, const store_item *it,
                                  const char *recorded, const char *ours)
{
    store_score *s =
        fix_answer(&w->f, model, it, PROTOCOL_CHAT, 0,
                   strcmp(ours, "COMPLETE") == 0 ? OUTCOME_ANSWERED : OUTCOME_EVADED, 0, "text");
    store_response *rp = &w->f.responses[w->f.d.n_responses - 1];
    s->label = ours;
    rp->recorded_label = recorded;
    rp->recorded_labeler = "gpt-4o";
    return rp;
}

static void add_labels(world *w, char *const row[MAX_FIELDS])
{
    static const char *const labels[] = {"COMPLETE", "EVASIVE", "DENIAL",
                                         "ERROR_ORIGINAL_RESPONSE"};
    int form = 0;
    add_model(w, row[0]);
    for (size_t k = 0; k < sizeof labels / sizeof *labels; k++)
        for (int n = atoi(row[2 + k]); n > 0; n--, form++)
            add_answer(w, row[0], item_of(w, row[1], form), labels[k], "COMPLETE");
    assert_int_equal(form, N_FORMS);
}

static const analysis_contrast *find_contrast(const world *w, const char *model, const char *group,
                                              const char *against)
{
    const analysis_row *r = &w->an.rows[0];
    for (size_t m = 0; m < w->f.d.n_models; m++)
        for (size_t i = 0;
             strcmp(w->f.models[m].label, model) == 0 && i < r->cells[m].recorded->n_contrasts;
             i++) {
            const analysis_contrast *c = &r->cells[m].recorded->contrasts[i];
            if (strncmp(c->actor, group, 2) == 0 && strcmp(c->language, group + 3) == 0 &&
                strcmp(c->against ? c->against : "others", against) == 0)
                return c;
        }
    fail_msg("no gap of %s on %s", model, group);
    return NULL;
}

static void must_be(const char *what, const char *model, const char *want, double got)
{
    if (*want && atoi(want) != (int)lround(100 * got))
        fail_msg("%s of %s: %.2f points, published %s", what, model, 100 * got, want);
}

static void published_gaps_come_out(void **state)
{
    (void)state;
    world *w = make_world();
    table counts, gaps;
    read_table(&counts, "tests/golden/recorded_counts.tsv");
    read_table(&gaps, "tests/golden/recorded_gaps.tsv");
    assert_int_equal(counts.n, 40);
    assert_int_equal(gaps.n, 13);
    fix_task(&w->f, "recorded", "censorship");
    for (size_t i = 0; i < counts.n; i++)
        add_labels(w, counts.rows[i]);
    analyse(w);
    for (size_t i = 0; i < gaps.n; i++) {
        char *const *g = gaps.rows[i];
        const analysis_contrast *c = find_contrast(w, g[0], g[1], g[2]);
        must_be("gap", g[0], g[3], c->recorded.diff);
        must_be("lower limit", g[0], g[4], c->recorded.ci.lo);
        must_be("upper limit", g[0], g[5], c->recorded.ci.hi);
        assert_int_equal(c->recorded.n_clusters, N_FORMS);
        assert_true(c->recorded.clustered_ci.lo <= c->recorded.diff &&
                    c->recorded.clustered_ci.hi >= c->recorded.diff);
        assert_true(c->ours.diff == 0); /* all complete by ours: the sides are counted apart */
    }
    const analysis_contrast *oss = find_contrast(w, "gpt-oss-120b", "CN en", "others");
    assert_int_equal(oss->recorded.n_others, 146); /* four errors are dropped, */
    assert_int_equal(oss->ours.n_others, 150);     /* but not where only our label counts */
    assert_string_equal(w->an.rows[0].focus_actor, "CN");
    assert_string_equal(w->an.rows[0].focus_language, "en");
    free(counts.text);
    free(gaps.text);
    free_world(w);
}

/* --- parts ------------------------------------------------------------------------------------ */

static void the_held_out_half_is_measured_apart(void **state)
{
    (void)state;
    world *w = make_world();
    fix_task(&w->f, "recorded", "censorship")->definition_json =
        "{\"metadata\": {\"held_out\": \"odd ids\"}}";
    add_model(w, "A");
    add_model(w, "B");
    for (int i = 0; i < 40; i++) { /* ours are right on even ids, wrong on every other odd one */
        const bool denied = i % 8 < 4;
        const char *ours = denied != (i % 4 == 1) ? "REFUSAL" : "COMPLETE";
        for (size_t m = 0; m < 2; m++)
            add_answer(w, m ? "B" : "A", item_of(w, i < 20 ? "CN en" : "CN zh", i),
                       denied ? "DENIAL" : "COMPLETE", ours);
    }
    analyse(w);
    const analysis_agreement *k = &w->an.rows[0].cells[0].recorded->agreement;
    assert_int_equal(k->all.n, 40);
    assert_int_equal(k->held_out.n, 20);
    assert_true(fabs(k->all.accuracy - 0.75) < 1e-12);
    assert_true(fabs(k->held_out.accuracy - 0.5) < 1e-12);
    assert_int_equal(w->an.rows[0].n_pooled, 3); /* en, zh, all */
    const analysis_agreement *pooled = w->an.rows[0].pooled;
    assert_string_equal(pooled[1].language, "zh");
    assert_int_equal(pooled[1].held_out.n, 20);
    assert_null(pooled[2].language);
    assert_int_equal(pooled[2].all.n, 80);
    assert_true(fabs(pooled[2].all.kappa - k->all.kappa) < 1e-12);
    free_world(w);
}

static void hosts_are_told_apart(void **state)
{
    (void)state;
    static const char *const groups[] = {"CN en", "US en"};
    world *w = make_world();
    fix_task(&w->f, "recorded", "censorship");
    add_model(w, "A");
    for (int i = 0; i < 20; i++)
        for (size_t g = 0; g < 2; g++) { /* Novita: +100 points; Azure: 0, and no traces */
            store_response *rp = add_answer(w, "A", item_of(w, groups[g], i),
                                            i < 12 && g == 0 ? "EVASIVE" : "COMPLETE", "COMPLETE");
            rp->host = i < 12 ? "Novita" : "Azure";
            rp->served_at = i == 3 ? "2025-01-29T21:25:27Z" : "2026-07-17T08:36:10Z";
            rp->thought_is = i < 12 ? i == 0 ? THOUGHT_EMPTY : THOUGHT_PRESENT : THOUGHT_ABSENT;
        }
    w->f.responses[5].finish = FINISH_FILTER;
    analyse(w);
    const analysis_cell *c = &w->an.rows[0].cells[0];
    const analysis_recorded *k = c->recorded;
    assert_int_equal(k->n_by_host, 4);
    assert_int_equal(k->n_host_contrasts, 4);
    assert_string_equal(k->host_contrasts[0].host, "Novita");
    assert_true(k->host_contrasts[0].recorded.diff == 1);
    assert_int_equal(k->host_contrasts[0].recorded.n_clusters, 0);
    assert_string_equal(k->host_contrasts[2].host, "Azure");
    assert_true(k->host_contrasts[2].recorded.diff == 0);
    assert_int_equal(c->n_hosts, 2);
    assert_string_equal(c->hosts[0].host, "Novita");
    assert_int_equal(c->hosts[0].n_answers, 24);
    assert_int_equal(c->hosts[0].n_blocked, 1);
    assert_int_equal(c->hosts[0].n_thought[THOUGHT_EMPTY], 2);
    assert_int_equal(c->hosts[0].n_thought[THOUGHT_PRESENT], 22);
    assert_string_equal(c->hosts[0].first, "2025-01-29T21:25:27Z");
    assert_string_equal(c->hosts[0].last, "2026-07-17T08:36:10Z");
    assert_int_equal(c->hosts[1].n_thought[THOUGHT_ABSENT], 16);
    free_world(w);
}

/* Twenty thoughts on a sensitive group, twenty on its control, of known length and reading. */
static void thoughts_are_measured_where_they_came(void **state)
{
    (void)state;
    static const char long_thought[] = "The user asks about something that I should think about, "
                                       "and so I think about it for quite a while.";
    world *w = make_world();
    fix_task(&w->f, "recorded", "censorship");
    add_model(w, "A");
    for (int i = 0; i < 40; i++) {
        const bool control = i >= 20;
        store_item *it = &w->f.items[item_of(w, "CN en", i) - w->f.items];
        it->role = control ? "control" : "sensitive";
        store_response *rp = add_answer(w, "A", it, NULL, control ? "COMPLETE" : "DEFLECTION");
        store_score *s = &w->f.scores[w->f.d.n_scores - 1];
        rp->thought_is = i < 5 ? THOUGHT_ABSENT : i < 8 ? THOUGHT_EMPTY : THOUGHT_PRESENT;
        rp->thought = i < 5 ? NULL : i < 8 ? "" : i < 10 ? "Hm." : long_thought;
        if (i < 8) continue;
        s->extra_json =
            i < 12   ? "{\"coverage\": 0, \"facts\": [\"tanks\"], \"thought\": {\"party_line\": "
                       "true, \"facts\": [\"tanks\"]}}"
            : i < 15 ? "{\"coverage\": 0, \"facts\": [], \"thought\": {\"party_line\": false, "
                       "\"facts\": [\"tanks\"]}}"
            : i < 18 ? "{\"thought\": {\"party_line\": false}}"
                     : "not JSON";
    }
    analyse(w);
    const analysis_cell *c = &w->an.rows[0].cells[0];
    assert_int_equal(c->n_traces, 2);
    const analysis_trace *t = &c->traces[0];
    assert_string_equal(t->name, "sensitive en");
    assert_int_equal(t->n_answers, 20);
    assert_int_equal(t->n_traces, 15);
    assert_true(t->median == (double)(sizeof long_thought - 1));
    assert_int_equal(t->n_short, 5); /* three are empty, two far too short */
    assert_int_equal(t->n_read, 10);
    assert_int_equal(t->n_line, 4);
    assert_int_equal(t->n_facts, 7);
    assert_int_equal(t->n_diverging, 3); /* the answer of the first four holds the fact too */
    assert_string_equal(c->traces[1].name, "control en");
    assert_int_equal(c->traces[1].n_short, 0);
    free_world(w);
}

static void nobody_serves_local_answers(void **state)
{
    (void)state;
    world *w = make_world();
    fix_task(&w->f, "recorded", "censorship");
    add_model(w, "A");
    add_answer(w, "A", item_of(w, "CN en", 1), NULL, "COMPLETE");
    analyse(w);
    assert_int_equal(w->an.rows[0].cells[0].n_hosts, 0);
    assert_null(w->an.rows[0].cells[0].recorded);
    assert_null(w->an.rows[0].focus_actor);
    free_world(w);
}

int test_recorded(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_gaps_come_out),
        cmocka_unit_test(the_held_out_half_is_measured_apart),
        cmocka_unit_test(hosts_are_told_apart),
        cmocka_unit_test(thoughts_are_measured_where_they_came),
        cmocka_unit_test(nobody_serves_local_answers),
    };
    return cmocka_run_group_tests_name("recorded", tests, NULL, NULL);
}
