/* test_report.c - what a report says, and what it must not: sentences, escaping, determinism, caps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "harness/analysis.h"
#include "harness/base/value.h"
#include "reports/escape.h"
#include "reports/report.h"
#include "run_fixture.h"

static fixture *make_run(void)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fix_make(f);
    return f;
}

static void end_run(fixture *f)
{
    fix_free(f);
    free(f);
}

static strbuf write_runs(const char *format, const report_options *opt, const report_run *runs,
                         size_t n)
{
    strbuf out = STRBUF_EMPTY;
    waage_err err = {0};
    if (report_write(&out, format, opt, runs, n, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    return out;
}

/* Without figures: what gnuplot draws is tested on its own. */
static strbuf write_report(fixture *f, const char *format, int transcripts)
{
    const report_options opt = {transcripts, NULL, NULL, ""};
    const report_run run = {&f->d, "DIR", "aaaa", "5c04e5d19e57", NULL, 0, "models: []\n"};
    return write_runs(format, &opt, &run, 1);
}

static void has(const strbuf *b, const char *s)
{
    if (!strstr(strbuf_str(b), s)) fail_msg("not in the report: %s", s);
}

static void lacks(const strbuf *b, const char *s)
{
    if (strstr(strbuf_str(b), s)) fail_msg("in the report: %s", s);
}

/* --- sentences ------------------------------------------------------------------------------- */

static void verdict_names_suite_protocol_kind_and_quantisation(void **state)
{
    (void)state;
    fixture *f = make_run();
    strbuf b = write_report(f, "md", 0);
    has(&b,
        "On Maths \\(completion, 4 shots\\), **SmolLM2-135M** \\(instruct, Q4\\_1\\) answers 22 of "
        "100 more items correctly than **Gemma-3-270M** \\(base, Q4\\_K\\_M\\).");
    has(&b, "Holm-adjusted over 2 tests");
    has(&b, "Not measurable \\(discrimination 0.10, 0.20 needed\\): **SmolLM2-135M** on Safety");
    has(&b,
        "no chat template\\): **Gemma-3-270M** on Maths \\(chat\\), Safety \\(chat\\), Censorship");
    lacks(&b, "winner");
    strbuf_free(&b);
    end_run(f);
}

static void what_is_not_shown_comes_with_what_could_have_been(void **state)
{
    (void)state;
    fixture *f = make_run();
    for (size_t i = 0; i < f->d.n_scores; i++) /* the second answers reasoning as the first did */
        for (size_t k = 0; k < i; k++)
            if (strcmp(f->scores[i].key.task, "reasoning") == 0 &&
                strcmp(f->scores[i].key.model, "Gemma-3-270M") == 0 &&
                f->scores[k].key.item == f->scores[i].key.item)
                f->scores[i].credit = f->scores[k].credit;
    strbuf b = write_report(f, "md", 0);
    has(&b, "On Reasoning \\(completion, log-likelihood\\) the data cannot tell them apart.");
    has(&b, "p = 1 \\(smallest difference these 300 items would have shown:");
    has(&b, "No difference shown; one of ");
    lacks(&b, "equal");
    strbuf_free(&b);
    end_run(f);
}

/* A floor is a want of evidence: that the model is no better than guessing would be a claim. */
static void a_floor_claims_nothing(void **state)
{
    (void)state;
    fixture *f = make_run();
    for (size_t i = 0; i < f->d.n_items; i++)
        if (strcmp(f->items[i].task, "math") == 0) f->items[i].chance = 0.45;
    strbuf b = write_report(f, "md", 0);
    has(&b, "above guessing or one constant answer: no verdict.");
    has(&b, "not shown to score above");
    lacks(&b, "no better than");
    strbuf_free(&b);
    end_run(f);
}

/* Eight clusters carry no interval into the first line. */
static void few_clusters_give_no_sentence(void **state)
{
    (void)state;
    fixture *f = make_run();
    f->d.n_models = 1;
    size_t n = 0;
    for (size_t i = 0; i < f->d.n_scores; i++)
        if (strcmp(f->scores[i].key.model, "SmolLM2-135M") == 0) f->scores[n++] = f->scores[i];
    f->d.n_scores = n;
    n = 0;
    for (size_t i = 0; i < f->d.n_responses; i++)
        if (strcmp(f->responses[i].key.model, "SmolLM2-135M") == 0)
            f->responses[n++] = f->responses[i];
    f->d.n_responses = n;
    for (size_t i = 0; i < f->d.n_items; i++) {
        static const char *const eight[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
        f->items[i].cluster = eight[i % 8];
    }
    strbuf b = write_report(f, "md", 0);
    lacks(&b, "of 100 items correctly");
    has(&b, "This run allows no verdict on");
    has(&b, "fewer than 20 independent clusters");
    strbuf_free(&b);
    end_run(f);
}

static void one_model_gets_scores_not_comparisons(void **state)
{
    (void)state;
    fixture *f = make_run();
    f->d.n_models = 1;
    size_t n = 0; /* drop what the second model said */
    for (size_t i = 0; i < f->d.n_scores; i++)
        if (strcmp(f->scores[i].key.model, "SmolLM2-135M") == 0) f->scores[n++] = f->scores[i];
    f->d.n_scores = n;
    n = 0;
    for (size_t i = 0; i < f->d.n_responses; i++)
        if (strcmp(f->responses[i].key.model, "SmolLM2-135M") == 0)
            f->responses[n++] = f->responses[i];
    f->d.n_responses = n;
    strbuf b = write_report(f, "md", 0);
    has(&b, "**SmolLM2-135M** \\(instruct, Q4\\_1\\) answers 49 of 100 items correctly \\(95 % "
            "interval");
    lacks(&b, "more items correctly than");
    strbuf_free(&b);
    b = write_report(f, "html", -1);
    has(&b, "SmolLM2-135M");
    strbuf_free(&b);
    end_run(f);
}

/* --- HTML ------------------------------------------------------------------------------------ */

/* Every opened element is closed, in order. Knows the void elements and skips style and script. */
static void is_balanced(const char *p)
{
    static const char *const empty[] = {"!doctype", "meta",   "br",  "input",
                                        "rect",     "circle", "path"};
    char stack[64][16], name[16];
    size_t depth = 0;
    while ((p = strchr(p, '<')) != NULL) {
        const bool close = p[1] == '/';
        p += 1 + close;
        size_t n = 0;
        for (; n < 15 && *p && !strchr(" >/\n", *p); p++)
            name[n++] = *p;
        name[n] = '\0';
        const char *end = strchr(p, '>');
        assert_non_null(end);
        bool is_empty = end[-1] == '/';
        for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
            is_empty = is_empty || strcmp(name, empty[i]) == 0;
        p = end;
        if (is_empty) continue;
        if (close) {
            if (depth == 0 || strcmp(stack[depth - 1], name) != 0)
                fail_msg("</%s> closes <%s>: %.120s", name, depth ? stack[depth - 1] : "", p);
            depth--;
            continue;
        }
        assert_true(depth < 64);
        strcpy(stack[depth++], name);
        if (strcmp(name, "style") == 0 || strcmp(name, "script") == 0) p = strstr(p, "</");
    }
    assert_int_equal(depth, 0);
}

static void page_is_balanced_and_needs_no_network(void **state)
{
    (void)state;
    fixture *f = make_run();
    f->models[f->d.n_models++] = (store_model){
        .label = "recorded", .uri = "replay:x.jsonl", .kind = "replay", .can_chat = true};
    fix_recorded(f, "recorded");
    const report_options opt = REPORT_OPTIONS_DEFAULT; /* with figures where gnuplot is there */
    const report_run run = {.data = &f->d};
    strbuf b = write_runs("html", &opt, &run, 1);
    is_balanced(strbuf_str(&b));
    lacks(&b, "http://");
    lacks(&b, "https://");
    lacks(&b, " src=");
    lacks(&b, "<link");
    lacks(&b, "@import");
    has(&b, "default-src 'none'");
    has(&b, "Our labels against the recorded ones");
    has(&b, "Described, not tested: by the recorded labels, answers about ");
    strbuf_free(&b);
    end_run(f);
}

#define RLO "\xE2\x80\xAE"

static void hostile_text_is_shown_not_obeyed(void **state)
{
    (void)state;
    static const char evil[] =
        "</pre></details><script>alert(1)</script>\" onmouseover='x' &amp; " RLO
        "txt.exe\x1b[31m\x07 \xff\xfe `x` $(rm -rf)";
    fixture *f = make_run();
    f->models[0].label = evil;
    f->models[0].uri = f->models[0].sha256 = evil;
    f->models[0].meta_json = "{\"quantisation\": \"<b>q</b>\", \"licence\": \"<i>\"}";
    f->models[1].no_chat = evil;
    f->tasks[0].title = f->tasks[0].licence = evil;
    f->settings[0].value = f->manifest[0].value = evil;
    f->items[0].question = f->items[0].level = evil;
    for (size_t i = 0; i < f->d.n_scores; i++) {
        if (strcmp(f->scores[i].key.model, "SmolLM2-135M") == 0) f->scores[i].key.model = evil;
        f->scores[i].reason = f->scores[i].rule = evil;
        if (f->scores[i].extracted) f->scores[i].extracted = evil;
        if (f->scores[i].label && i % 3 == 0) f->scores[i].label = evil;
    }
    for (size_t i = 0; i < f->d.n_responses; i++) {
        if (strcmp(f->responses[i].key.model, "SmolLM2-135M") == 0)
            f->responses[i].key.model = evil;
        f->responses[i].text = f->responses[i].prompt = f->responses[i].thought = evil;
        f->responses[i].host = f->responses[i].recorded_label = evil;
    }
    strbuf b = write_report(f, "html", REPORT_TRANSCRIPTS_ALL);
    is_balanced(strbuf_str(&b));
    lacks(&b, "<script>alert");
    lacks(&b, "<b>q</b>");
    lacks(&b, "' onmouseover");
    lacks(&b, "\" onmouseover");
    lacks(&b, RLO);
    lacks(&b, "\x1b");
    lacks(&b, "\x07");
    lacks(&b, "\xff");
    has(&b, "<span class=\"ctl\">U+202E</span>");
    has(&b, "<span class=\"ctl\">U+001B</span>");
    has(&b, "<span class=\"ctl\">0xFF</span>");
    strbuf_free(&b);
    b = write_report(f, "md", 2);
    lacks(&b, "<script>alert(1)</script>\\\"");
    lacks(&b, RLO);
    lacks(&b, "\x1b");
    strbuf_free(&b);
    b = write_report(f, "json", -1);
    value *v;
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    if (json_parse(&v, &a, strbuf_str(&b), b.len, "report", 1, &err) != WAAGE_OK)
        fail_msg("%s", err.msg);
    arena_free(&a);
    strbuf_free(&b);
    end_run(f);
}

static void figures_carry_labels_and_theme_colours(void **state)
{
    (void)state;
    if (system("gnuplot --version >/dev/null 2>&1") != 0) {
        print_message("skipped: gnuplot is not installed\n");
        skip();
    }
    fixture *f = make_run();
    f->tasks[0].title = "<Ma'ths> `id` @1@";
    const report_options opt = {0, NULL, NULL, NULL};
    const report_run run = {.data = &f->d};
    strbuf b = write_runs("html", &opt, &run, 1);
    const char *svg = strstr(strbuf_str(&b), "<svg class=\"plot diff\"");
    assert_non_null(svg);
    has(&b, "&lt;Ma&#39;ths&gt; `id` @1@, completion</text>");
    has(&b, "var(--m0)");
    has(&b, "<svg class=\"plot levels\"");
    lacks(&b, "gnuplot_plot");
    lacks(&b, "rgb( 10");
    is_balanced(strbuf_str(&b));
    strbuf again = write_runs("html", &opt, &run, 1);
    assert_string_equal(strbuf_str(&b), strbuf_str(&again));
    strbuf_free(&b);
    strbuf_free(&again);
    end_run(f);
}

static void without_gnuplot_the_report_says_so(void **state)
{
    (void)state;
    fixture *f = make_run();
    const report_options opt = {0, NULL, NULL, "/no/such/gnuplot"};
    const report_run run = {.data = &f->d};
    strbuf b = write_runs("html", &opt, &run, 1);
    has(&b, "No figure: gnuplot is not installed, or failed.");
    has(&b, "+22.2");
    lacks(&b, "<svg");
    strbuf_free(&b);
    end_run(f);
}

/* --- transcripts ------------------------------------------------------------------------------ */

static void transcripts_can_be_all_some_or_none(void **state)
{
    (void)state;
    fixture *f = make_run();
    strbuf all = write_report(f, "html", -1), some = write_report(f, "html", 7),
           none = write_report(f, "html", 0);
    has(&all, "id=\"s1-completion-360\"");
    has(&all, "--items math-0359</code>");
    has(&all, "exact prompt, the same for all models");
    has(&some, "Transcripts of 7 of 360 items");
    has(&some, "id=\"s1-completion-7\"");
    lacks(&some, "id=\"s1-completion-8\"");
    has(&none, "Transcripts were left out");
    lacks(&none, "class=\"item\"");
    strbuf_free(&all);
    strbuf_free(&some);
    strbuf_free(&none);
    end_run(f);
}

static void long_transcripts_are_capped_with_a_note(void **state)
{
    (void)state;
    fixture *f = make_run();
    char *text = malloc(200001);
    assert_non_null(text);
    memset(text, 'x', 200000);
    text[200000] = '\0';
    for (size_t i = 0; i < f->d.n_responses; i++)
        f->responses[i].text = text;
    strbuf b = write_report(f, "html", -1);
    assert_true(b.len < (size_t)30 << 20);
    has(&b, "of 360 items, to keep this file readable");
    is_balanced(strbuf_str(&b));
    strbuf_free(&b);
    free(text);
    end_run(f);
}

static void restricted_texts_stay_out_unless_asked_for(void **state)
{
    (void)state;
    static const char *const formats[] = {"html", "csv", "json", "md"};
    fixture *f = make_run();
    f->tasks[0].redistribute = false;
    f->items[0].question = "SECRET question";
    f->items[0].gold = "SECRET gold";
    for (size_t i = 0; i < f->d.n_responses; i++)
        if (f->responses[i].key.item == f->items[0].id) f->responses[i].prompt = "SECRET prompt";
    for (size_t i = 0; i < 4; i++) {
        strbuf b = write_report(f, formats[i], 5);
        lacks(&b, "SECRET");
        strbuf_free(&b);
        b = write_report(f, formats[i], REPORT_TRANSCRIPTS_ALL);
        has(&b, "SECRET question");
        strbuf_free(&b);
    }
    strbuf b = write_report(f, "html", -1);
    has(&b, "does not allow its texts to be passed on");
    strbuf_free(&b);
    end_run(f);
}

static void the_command_for_an_item_is_safe_to_paste(void **state)
{
    (void)state;
    fixture *f = make_run();
    for (size_t i = 0; i < f->d.n_responses; i++)
        if (f->responses[i].key.item == f->items[3].id) f->responses[i].key.item = "a b'; rm -rf ~";
    for (size_t i = 0; i < f->d.n_scores; i++)
        if (f->scores[i].key.item == f->items[3].id) f->scores[i].key.item = "a b'; rm -rf ~";
    f->items[3].id = "a b'; rm -rf ~";
    strbuf b = write_report(f, "html", -1);
    has(&b, "--items &#39;a b&#39;\\&#39;&#39;; rm -rf ~&#39;</code>");
    strbuf_free(&b);
    end_run(f);
}

/* --- CSV and JSON ----------------------------------------------------------------------------- */

static size_t count_csv_rows(const char *p)
{
    size_t n = 0;
    bool quoted = false;
    for (; *p; p++) {
        if (*p == '"') quoted = !quoted;
        if (*p == '\n' && !quoted) n++;
    }
    assert_false(quoted);
    return n;
}

static void csv_has_a_row_for_every_sample(void **state)
{
    (void)state;
    fixture *f = make_run();
    f->responses[0].text = "a,\"b\"\r\nc";
    strbuf b = write_report(f, "csv", -1);
    assert_int_equal(count_csv_rows(strbuf_str(&b)), f->d.n_scores + 1);
    has(&b, "model,suite,task,protocol,item,sample,");
    has(&b, "\"a,\"\"b\"\"\r\nc\"");
    strbuf_free(&b);
    end_run(f);
}

static void json_says_what_the_analysis_says(void **state)
{
    (void)state;
    fixture *f = make_run();
    strbuf b = write_report(f, "json", 0);
    arena a = ARENA_EMPTY;
    value *v;
    waage_err err = {0};
    analysis an;
    assert_int_equal(json_parse(&v, &a, strbuf_str(&b), b.len, "report", 1, &err), WAAGE_OK);
    assert_int_equal(analysis_make(&an, &f->d, &a, &err), WAAGE_OK);
    const value *k = value_at(value_get(v, "comparisons"), 0);
    assert_true(value_get_float(k, "difference", 9) == an.comparisons[0].diff);
    assert_true(value_get_float(k, "p_holm", 9) == an.comparisons[0].p_adjusted);
    assert_string_equal(value_get_str(k, "verdict", ""), "different");
    const value *score = value_at(value_get(v, "scores"), 0);
    assert_true(value_get_float(value_get(score, "score"), "mean", 9) ==
                an.rows[0].cells[0].score.mean);
    assert_null(value_get(v, "samples")); /* --transcripts none */
    assert_string_equal(value_get_str(value_at(value_get(v, "runs"), 0), "scores_digest", ""),
                        "5c04e5d19e57");
    strbuf_free(&b);
    arena_free(&a);
    end_run(f);
}

static void equal_stores_give_equal_bytes(void **state)
{
    (void)state;
    static const char *const formats[] = {"html", "csv", "json", "md"};
    fixture *f = make_run(), *g = make_run();
    for (size_t i = 0; i < 4; i++) {
        strbuf a = write_report(f, formats[i], -1), b = write_report(g, formats[i], -1);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.s, b.s, a.len);
        strbuf_free(&a);
        strbuf_free(&b);
    }
    end_run(f);
    end_run(g);
}

static void formats_are_sorted_and_unknown_ones_refused(void **state)
{
    (void)state;
    for (size_t i = 0; report_formats[i + 1].name; i++)
        assert_true(strcmp(report_formats[i].name, report_formats[i + 1].name) < 0);
    strbuf out = STRBUF_EMPTY;
    waage_err err = {0};
    const store_data d = {0};
    const report_run run = {.data = &d};
    assert_int_equal(report_write(&out, "pdf", NULL, &run, 1, &err), WAAGE_EINVAL);
    assert_non_null(strstr(err.msg, "pdf"));
    assert_int_equal(report_write(&out, "html", NULL, NULL, 0, &err), WAAGE_EINVAL);
    for (size_t i = 0; report_formats[i].name; i++) /* an empty run is no crash */
        assert_int_equal(report_write(&out, report_formats[i].name, NULL, &run, 1, &err), WAAGE_OK);
    strbuf_free(&out);
}

/* --- several runs ------------------------------------------------------------------------------
 */

/* Keep one model's answers. */
static void keep_model(fixture *f, size_t model)
{
    const char *label = f->models[model].label;
    size_t n = 0;
    for (size_t i = 0; i < f->d.n_scores; i++)
        if (strcmp(f->scores[i].key.model, label) == 0) f->scores[n++] = f->scores[i];
    f->d.n_scores = n;
    n = 0;
    for (size_t i = 0; i < f->d.n_responses; i++)
        if (strcmp(f->responses[i].key.model, label) == 0) f->responses[n++] = f->responses[i];
    f->d.n_responses = n;
    f->models[0] = f->models[model];
    f->d.n_models = 1;
}

static void runs_of_equal_hashes_are_joined(void **state)
{
    (void)state;
    fixture *whole = make_run(), *f = make_run(), *g = make_run();
    keep_model(f, 0);
    keep_model(g, 1);
    g->settings[1].value = "7";
    const report_run runs[] = {{.data = &f->d, .dir = "A"}, {.data = &g->d, .dir = "B"}};
    const report_options opt = {0, NULL, NULL, ""};
    strbuf joined = write_runs("md", &opt, runs, 2), one = write_report(whole, "md", 0);
    has(&joined, "answers 22 of 100 more items correctly than");
    has(&joined, "The setting seed differs: 1, in run 2 7.");
    has(&one, "answers 22 of 100 more items correctly than");
    strbuf_free(&joined);
    strbuf_free(&one);
    end_run(whole);
    end_run(f);
    end_run(g);
}

static void other_data_is_kept_apart_and_named(void **state)
{
    (void)state;
    fixture *f = make_run(), *g = make_run();
    keep_model(f, 0);
    keep_model(g, 1);
    g->tasks[0].data_hash = "another";
    g->items[400].doc_hash = "changed";
    g->models[0].label = f->models[0].label; /* the same name for other weights */
    for (size_t i = 0; i < g->d.n_scores; i++)
        g->scores[i].key.model = f->models[0].label;
    for (size_t i = 0; i < g->d.n_responses; i++)
        g->responses[i].key.model = f->models[0].label;
    const report_run runs[] = {{.data = &f->d}, {.data = &g->d}};
    const report_options opt = {0, NULL, NULL, ""};
    strbuf b = write_runs("md", &opt, runs, 2);
    has(&b, "math has another definition, other data or other rules of scoring in run 2 and is "
            "kept apart.");
    has(&b, "SmolLM2-135M stands for other weights in run 2 and is kept apart.");
    has(&b, "1 items of run 2 have the id of another document");
    has(&b, "**SmolLM2-135M \\(run 2\\)**");
    lacks(&b, "On Maths");
    has(&b, "On Reasoning");
    strbuf_free(&b);
    end_run(f);
    end_run(g);
}

static void answers_scored_by_other_rules_are_kept_apart(void **state)
{
    (void)state;
    fixture *f = make_run(), *g = make_run();
    keep_model(f, 0);
    keep_model(g, 1);
    g->tasks[0].rules_version = "extract-2";
    const report_run runs[] = {{.data = &f->d}, {.data = &g->d}};
    const report_options opt = {0, NULL, NULL, ""};
    strbuf b = write_runs("md", &opt, runs, 2);
    has(&b, "other rules of scoring in run 2 and is kept apart.");
    lacks(&b, "On Maths");
    has(&b, "On Reasoning");
    strbuf_free(&b);
    end_run(f);
    end_run(g);
}

static void a_run_joined_with_itself_counts_once(void **state)
{
    (void)state;
    fixture *f = make_run();
    const report_run runs[] = {{.data = &f->d}, {.data = &f->d}};
    const report_options opt = {0, NULL, NULL, ""};
    strbuf b = write_runs("md", &opt, runs, 2);
    has(&b, "of run 2 are in an earlier run too; those are used.");
    has(&b, "answers 22 of 100 more items correctly than");
    has(&b, "| 360 |");
    lacks(&b, "| 720 |");
    strbuf_free(&b);
    end_run(f);
}

/* --- escaping --------------------------------------------------------------------------------- */

static void escapes_keep_what_is_harmless(void **state)
{
    (void)state;
    strbuf b = STRBUF_EMPTY;
    escape_puts_html(&b, "a\tb\nc \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x94\xAC \xE8\x8E\x89");
    assert_string_equal(strbuf_str(&b),
                        "a\tb\nc \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x94\xAC \xE8\x8E\x89");
    strbuf_clear(&b);
    escape_puts_html(&b, "\xE2\x80\x8B\xF3\xA0\x81\x81\xC2\x85\xED\xA0\x80");
    has(&b, "U+200B");
    has(&b, "U+E0041");
    has(&b, "U+0085");
    has(&b, "0xED"); /* a surrogate is no UTF-8 */
    strbuf_clear(&b);
    escape_puts_shell(&b, "math-0147");
    assert_string_equal(strbuf_str(&b), "math-0147");
    strbuf_clear(&b);
    escape_puts_shell(&b, "");
    assert_string_equal(strbuf_str(&b), "''");
    strbuf_clear(&b);
    escape_put_md_block(&b, "``` x ````");
    assert_true(strncmp(strbuf_str(&b), "`````text\n", 10) == 0);
    strbuf_free(&b);
}

int test_report(void);
int test_report(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdict_names_suite_protocol_kind_and_quantisation),
        cmocka_unit_test(what_is_not_shown_comes_with_what_could_have_been),
        cmocka_unit_test(a_floor_claims_nothing),
        cmocka_unit_test(few_clusters_give_no_sentence),
        cmocka_unit_test(one_model_gets_scores_not_comparisons),
        cmocka_unit_test(page_is_balanced_and_needs_no_network),
        cmocka_unit_test(hostile_text_is_shown_not_obeyed),
        cmocka_unit_test(figures_carry_labels_and_theme_colours),
        cmocka_unit_test(without_gnuplot_the_report_says_so),
        cmocka_unit_test(transcripts_can_be_all_some_or_none),
        cmocka_unit_test(long_transcripts_are_capped_with_a_note),
        cmocka_unit_test(restricted_texts_stay_out_unless_asked_for),
        cmocka_unit_test(the_command_for_an_item_is_safe_to_paste),
        cmocka_unit_test(csv_has_a_row_for_every_sample),
        cmocka_unit_test(json_says_what_the_analysis_says),
        cmocka_unit_test(equal_stores_give_equal_bytes),
        cmocka_unit_test(formats_are_sorted_and_unknown_ones_refused),
        cmocka_unit_test(runs_of_equal_hashes_are_joined),
        cmocka_unit_test(other_data_is_kept_apart_and_named),
        cmocka_unit_test(answers_scored_by_other_rules_are_kept_apart),
        cmocka_unit_test(a_run_joined_with_itself_counts_once),
        cmocka_unit_test(escapes_keep_what_is_harmless),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
