/* test_side.c - open and closed models side by side: tokens, money, times, filters, protocols, and
 * tokens of thought against accuracy, in all formats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "harness/analysis.h"
#include "reports/report.h"
#include "run_fixture.h"

int test_side(void);

enum { N_ITEMS = 20 };

/* Local "open" answers half right in 1..20 s; "low" and "high" are one served model that thinks 10
 * and 100 tokens, one answer of each stopped by a filter. */
static fixture *make_run(void)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    rng_init(&f->r, 5, 1);
    f->d = (store_data){.models = f->models,
                        .tasks = f->tasks,
                        .items = f->items,
                        .responses = f->responses,
                        .scores = f->scores,
                        .settings = f->settings,
                        .manifest = f->manifest};
    f->models[0] = (store_model){
        .label = "open",
        .uri = "a.gguf",
        .kind = "local",
        .sha256 = "aa",
        .can_chat = true,
        .meta_json =
            "{\"quantisation\": \"Q4_1\", \"openness\": {\"weights\": \"open\", \"licence\": "
            "\"MIT\", \"data\": \"part\", \"code\": \"unknown\", \"class\": \"III\", "
            "\"source\": \"example.org/card\", \"date\": \"2026-05-01\", \"by\": \"name "
            "a\"}}"};
    for (size_t m = 1; m < 3; m++)
        f->models[m] = (store_model){
            .label = m == 1 ? "low" : "high",
            .uri = "openai:m",
            .kind = "http",
            .sha256 = m == 1 ? "bb" : "cc",
            .can_chat = true,
            .meta_json = m == 1 ? "{\"model\": \"m\", \"effort\": \"low\", \"price_input\": 2.0, "
                                  "\"price_cached\": 2.0, \"price_output\": 8.0, \"price_date\": "
                                  "\"2026-06-01\"}"
                                : "{\"model\": \"m\", \"effort\": \"high\"}"};
    f->d.n_models = 3;
    f->manifest[f->d.n_manifest++] = (store_setting){"left out:high", "temperature"};
    f->manifest[f->d.n_manifest++] = (store_setting){"energy:open", "812.5 J for 50 items"};
    fix_task(f, "sums", "accuracy")->definition_json =
        "{\"generation_kwargs\": {\"temperature\": 0}, \"extract\": {\"answer\": \"letter\"}}";
    for (size_t i = 0; i < N_ITEMS; i++) {
        store_item *it = fix_item(f, "sums", arena_printf(&f->a, "s-%02zu", i));
        it->question = "2 + 2?";
        it->gold = "4";
        for (size_t m = 0; m < 3; m++) {
            const bool stopped = m > 0 && i == 0;
            const bool right = m == 0 ? i % 2 == 1 : m == 2 || i < 10;
            store_score *s = fix_answer(f, f->models[m].label, it, PROTOCOL_CHAT, 0,
                                        stopped ? OUTCOME_BLOCKED : OUTCOME_ANSWERED, right, "4");
            store_response *rp = &f->responses[f->d.n_responses - 1];
            s->extracted = "4";
            rp->prompt_tokens = 100;
            rp->completion_tokens = m == 2 ? 110 : 20;
            rp->thought_tokens = m == 0 ? 0 : m == 1 ? 10 : 100;
            rp->thought_is = m == 0 ? THOUGHT_ABSENT : THOUGHT_PRESENT;
            rp->wall_ms = m == 0 ? 1000.0 * (double)(i + 1) : 500;
            rp->has_cost = m > 0;
            rp->cost = m == 0 ? 0 : 0.01;
            if (stopped) rp->finish = FINISH_FILTER;
        }
    }
    return f;
}

static void end_run(fixture *f)
{
    arena_free(&f->a);
    free(f);
}

static strbuf write_as(fixture *f, const char *format, const char *gnuplot)
{
    const report_options opt = {0, NULL, NULL, gnuplot};
    const report_run run = {.data = &f->d, .dir = "DIR"};
    strbuf out = STRBUF_EMPTY;
    waage_err err = {0};
    if (report_write(&out, format, &opt, &run, 1, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    return out;
}

static void has(const strbuf *b, const char *s)
{
    if (!strstr(strbuf_str(b), s)) fail_msg("not in the report: %s", s);
}

static void lacks(const strbuf *b, const char *s)
{
    if (strstr(strbuf_str(b), s)) fail_msg("in the report: %s", s);
}

static void both_sides_stand_beside_each_other(void **state)
{
    (void)state;
    fixture *f = make_run();
    strbuf b = write_as(f, "md", "");
    has(&b, "## Open and closed side by side");
    has(&b, "| open | open | MIT | part | unknown | III | example.org/card, 2026-05-01 |");
    has(&b, "| low | unknown | unknown | unknown | unknown | unknown |  |");
    /* 20 answers of 100 in; median of 1..20 s; no cost, for nobody was paid */
    has(&b, "| open | 20 | 2000 | 400 | 0 |  |  | 10.5 | 19.1 | 0 (none: weights alone) |");
    /* 9 of 10 right ones count, the filtered one does not: 20 cents for 9 */
    has(&b, "| low | 20 | 2000 | 400 | 200 | $0.2000 | $0.0222 | 0.5 | 0.5 | 1 (the server) |");
    has(&b, "| sums, chat | open | a letter, generated; own template, exact; greedy |");
    has(&b,
        "| sums, chat | low | a letter, generated; server's template, not known; greedy; thinks: "
        "low |");
    has(&b, "greedy asked, refused: temperature; thinks: high |");
    has(&b, "| sums, chat | open | as by default | 0 | 20 | 50.0 ");
    has(&b, "| sums, chat | low | low | 10 | 20 | 47.4 ");
    has(&b, "Energy for an item, open: 16.2 J");
    lacks(&b, "Energy for an item, low");
    has(&b, "| sums, chat | high | high | 100 | 110 | 100.0 ");
    strbuf_free(&b);
    b = write_as(f, "json", "");
    has(&b,
        "\"published\":{\"weights\":\"open\",\"licence\":\"MIT\",\"data\":\"part\",\"code\":null,"
        "\"class\":\"III\"");
    has(&b, "\"joules_per_item\":16.25,");
    has(&b, "\"median_seconds\":10.5,");
    has(&b, "\"effort\":\"high\"");
    strbuf_free(&b);
    b = write_as(f, "html", "");
    has(&b, "<h2 id=\"models\">Open and closed side by side</h2>");
    has(&b, "$2 in, $2 cached, $8 out a million tokens (2026-06-01)");
    has(&b, "Tokens of thought against accuracy");
    strbuf_free(&b);
    end_run(f);
}

/* Thoughts that nobody counted have no number of tokens; recordings have no times and no price. */
static void what_is_not_known_is_not_a_number(void **state)
{
    (void)state;
    fixture *f = make_run();
    for (size_t i = 0; i < f->d.n_responses; i++) {
        store_response *rp = &f->responses[i];
        if (strcmp(rp->key.model, "low") == 0) rp->thought_tokens = 0;
        if (strcmp(rp->key.model, "high") == 0) {
            rp->wall_ms = 0;
            rp->has_cost = i % 2 == 0;
        }
    }
    f->models[2].kind = "replay";
    strbuf b = write_as(f, "md", "");
    has(&b, "| low | 20 | 2000 | 400 | not counted | $0.2000 | $0.0222 | 0.5 | 0.5 |");
    has(&b, "| high | 20 | 2000 | 2200 | 2000 |  |  |  |  | 1 (the host that was recorded) |");
    has(&b, "template not recorded; sampling not recorded; thinks: high |");
    has(&b, "| sums, chat | low | low | not counted | 20 | 47.4 ");
    strbuf_free(&b);
    for (size_t i = 0; i < f->d.n_responses; i++)
        f->responses[i].thought_tokens = 0;
    b = write_as(f, "md", "");
    lacks(&b, "thought tokens for an answer"); /* nobody is known to have thought */
    strbuf_free(&b);
    end_run(f);
}

/* What safety and errors cost is part of the cost, but buys no right answer. */
static void only_suites_with_right_answers_pay_for_them(void **state)
{
    (void)state;
    fixture *f = make_run();
    fix_task(f, "probe", "safety");
    for (size_t i = 0; i < 2; i++) {
        const store_item *it = fix_item(f, "probe", i ? "p-1" : "p-0");
        (void)fix_answer(f, "low", it, PROTOCOL_CHAT, 0, i ? OUTCOME_ERROR : OUTCOME_ANSWERED, 0,
                         "no");
        store_response *rp = &f->responses[f->d.n_responses - 1];
        rp->finish = i ? FINISH_ERROR : FINISH_STOP;
        rp->prompt_tokens = i ? 0 : 100;
        rp->has_cost = true;
        rp->cost = i ? 0.5 : 1;
    }
    strbuf b = write_as(f, "md", "");
    has(&b, "| low | 21 | 2100 | 400 | 200 | $1.70 | $0.0222 | 0.5 | 0.5 | 1 (the server) |");
    has(&b, "47.4 [");
    strbuf_free(&b);
    b = write_as(f, "json", "");
    has(&b, "\"cost_usd\":1.7");
    has(&b, "\"cost_usd_per_right\":0.0222222");
    strbuf_free(&b);
    end_run(f);
}

static void efforts_of_one_model_are_joined_in_the_figure(void **state)
{
    (void)state;
    fixture *f = make_run();
    strbuf b = write_as(f, "html", NULL), figure = STRBUF_EMPTY;
    const char *from = strstr(strbuf_str(&b), "<svg class=\"plot levels\"");
    const char *to = from ? strstr(from, "</svg>") : NULL;
    if (to) { /* gnuplot is installed */
        strbuf_put(&figure, from, (size_t)(to - from));
        has(&figure, "Score in percent against tokens of thought");
        has(&figure, "var(--m0)");
        has(&figure, "var(--m1)"); /* the family's colour is its first model's */
        lacks(&figure, "var(--m2)");
    }
    strbuf_free(&figure);
    strbuf_free(&b);
    end_run(f);
}

int test_side(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_stand_beside_each_other),
        cmocka_unit_test(what_is_not_known_is_not_a_number),
        cmocka_unit_test(only_suites_with_right_answers_pay_for_them),
        cmocka_unit_test(efforts_of_one_model_are_joined_in_the_figure),
    };
    return cmocka_run_group_tests_name("side", tests, NULL, NULL);
}
