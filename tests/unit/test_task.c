/* test_task.c - task files: keys and messages, includes, groups, prompts to the byte, items,
 * limits, hashes, lint, and every built-in suite. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "check.h"

#include <unistd.h>
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "tasks/task.h"

int test_task(void);

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/waage-task-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    static const char *const names[] = {"t.yaml", "base.yaml", "u.yaml", "data.jsonl",
                                        "train.jsonl"};
    char path[128];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static const char *put(const char *name, const char *text)
{
    static char path[128];
    waage_err err = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(file_write(path, text, strlen(text), &err), err);
    return path;
}

static task_options plain(void)
{
    return (task_options){.data_dir = dir, .num_fewshot = -1};
}

#define HEAD "task: t\ndataset_path: inline\n"
#define DOCS "docs:\n  - {q: 'What?', a: 'x', n: 1}\n  - {q: 'Who?', a: 'y', n: 2}\n"
#define ASK "doc_to_text: \"Q: {{q}}\\nA:\"\ndoc_to_target: a\n"

static waage_status load(task_list *list, arena *a, const char *yaml, const task_options *opt,
                         waage_err *err)
{
    return task_load(list, a, put("t.yaml", yaml), opt, err);
}

/* ---- messages ---- */

static void errors_name_file_line_and_key(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *want;
    } rows[] = {
        {HEAD DOCS ASK "doc_to_txt: x\n",
         "t.yaml:8: unknown key `doc_to_txt` in a task; did you mean `doc_to_text`?"},
        {HEAD DOCS "doc_to_text: \"{{qq}}\"\ndoc_to_target: a\n", "t: document 0: `doc_to_text`: "},
        {HEAD DOCS "doc_to_text: \"{{qq}}\"\ndoc_to_target: a\n", "t.yaml:6: `qq` is undefined"},
        {HEAD DOCS "doc_to_text: \"{{q|nope}}\"\ndoc_to_target: a\n",
         "t.yaml:6: filter `nope` is not supported"},
        {HEAD ASK, "t.yaml:2: `dataset_path: inline` needs the list `docs`"},
        {"task: t\n" ASK, "`dataset_path` is missing"},
        {"title: t\n", "`task` is missing"},
        {"task: [a]\n", "a list of tasks needs `group: NAME`"},
        {"task: a b\ndataset_path: inline\n" DOCS ASK, "t.yaml:1: a task's name has letters"},
        {HEAD DOCS "doc_to_target: a\n", "`doc_to_text` is missing"},
        {HEAD DOCS "doc_to_text: q\n", "`doc_to_target` is missing"},
        {HEAD "docs: [1]\n" ASK, "t.yaml"},
        {HEAD "docs: []\n" ASK, "t.yaml: docs: no rows"},
        {HEAD DOCS ASK "num_fewshot: 2\n",
         "2 shots are asked for under `completion`, and 0 are there"},
        {HEAD DOCS ASK "kind: safty\n", "unknown value `safty`; did you mean `safety`?"},
        {HEAD DOCS ASK "kind: safety\n", "needs `credit`"},
        {HEAD DOCS ASK "kind: safety\ncredit: {REFUSED: 1}\n",
         "`REFUSED` is neither a label nor an outcome"},
        {HEAD DOCS ASK "kind: safety\ncredit: {refused: 2}\n", "a credit is a number from 0 to 1"},
        {HEAD DOCS ASK "kind: safety\ncredit: {refused: 1}\nnum_fewshot: 1\n", "takes no shots"},
        {HEAD DOCS ASK "output_type: loglikelihood_rolling\n", "is not supported"},
        {HEAD DOCS ASK "output_type: multiple_choice\n", "needs `doc_to_choice`"},
        {HEAD DOCS ASK "output_type: multiple_choice\ndoc_to_choice: [u, v]\n",
         "the right answer is none of the choices"},
        {HEAD DOCS ASK "generation_kwargs: {max_gen_tok: 3}\n", "did you mean `max_gen_toks`?"},
        {HEAD DOCS ASK "generation_kwargs: {temperature: warm}\n",
         "`temperature` must be a number from 0 to 10"},
        {HEAD DOCS ASK "generation_kwargs: {until: ['']}\n", "`until` must be a list of texts"},
        {HEAD DOCS ASK "metric_list: [{metric: bleu}]\n", "metric `bleu` is not supported"},
        {HEAD DOCS ASK "filter_list: [{name: x, filter: [{function: regx}]}]\n",
         "filter `regx` is not supported; did you mean `regex`?"},
        {HEAD DOCS ASK
         "filter_list: [{name: x, filter: [{function: regex, regex_pattern: '('}]}]\n",
         "t.yaml:8: regular expression"},
        {HEAD DOCS ASK "protocols: [chatt]\n", "`protocols` holds"},
        {HEAD DOCS ASK "include: nowhere.yaml\n",
         "t.yaml:8: include: there is no file `nowhere.yaml`"},
        {HEAD DOCS ASK "doc_to_id: '{{1}}'\n", "documents 0 and 1 have the same id `1`"},
        {HEAD DOCS ASK "fewshot_config: {sampler: random}\n", "only `first_n`"},
        {HEAD DOCS "doc_to_text: !function u.f\ndoc_to_target: a\n", "!function is not supported"},
        {HEAD DOCS ASK "process_docs: !function u.f\n", "!function is not supported; write steps"},
        {HEAD DOCS ASK "process_docs: [{filtr: {n: 1}}]\n", "did you mean `filter`?"},
        {"task: t\ndataset_path: hub/name\n" ASK, "is not a source of documents"},
        {"task: t\ndataset_path: file:../x.jsonl\n" ASK, "must be a path below the data directory"},
        {"task: t\ndataset_path: file:none.jsonl\n" ASK, "none.jsonl"},
        {"task: t\ndataset_path: builtin:nope\n" ASK, "nope"},
        {"task: [\n", "t.yaml"},
        {"a: 1\na: 2\n", "t.yaml"},
        {"- 1\n", "a task is a map of keys"},
        {"", "t.yaml"},
        {HEAD DOCS ASK "repeats: 0\n", "`repeats` must be an integer from 1"},
        {HEAD DOCS ASK "extract: {answer: option}\n", "needs `options`"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        arena a = ARENA_EMPTY;
        waage_err err = {0};
        task_list list;
        const task_options opt = plain();
        const waage_status st = load(&list, &a, rows[i].yaml, &opt, &err);
        if (st == WAAGE_OK) fail_msg("loaded:\n%s", rows[i].yaml);
        assert_contains(err.msg, rows[i].want);
        arena_free(&a);
    }
}

static void unknown_suites_are_not_found(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    task_list list;
    const task_options opt = plain();
    assert_int_equal(task_load(&list, &a, "maht", &opt, &err), WAAGE_ENOTFOUND);
    assert_contains(err.msg, "did you mean `math`?");
    assert_int_equal(task_load(&list, &a, "/nowhere/x.yaml", &opt, &err), WAAGE_EIO);
    assert_int_equal(task_load(&list, &a, "gsm8k", &(task_options){.num_fewshot = -1}, &err),
                     WAAGE_EINVAL);
    assert_contains(err.msg, "--data DIR");
    arena_free(&a);
}

/* ---- prompts ---- */

/* A request as one text: the prompt or the messages, choices and stops behind them. */
static void show(strbuf *b, const request *r)
{
    if (r->prompt) strbuf_puts(b, r->prompt);
    for (size_t i = 0; i < r->n_messages; i++)
        strbuf_printf(b, "{%s|%s}", r->messages[i].role, r->messages[i].content);
    if (r->answer_prefix) strbuf_printf(b, "+%s", r->answer_prefix);
    for (size_t i = 0; i < r->n_choices; i++)
        strbuf_printf(b, "<%s>", r->choice[i]);
    for (size_t i = 0; i < r->n_stop; i++)
        strbuf_printf(b, "^%s", r->stop[i]);
    if (r->max_tokens) strbuf_printf(b, "#%u", r->max_tokens);
}

#define SHOTS                                                                                      \
    "fewshot_config: {samples: [{q: S1, a: A1, n: 1}, {q: S2, a: A2, n: 2}, {q: S3, a: A3, n: "    \
    "1}]}\n"

static void prompts_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        protocol proto;
        size_t item;
        const char *want;
    } rows[] = {
        {HEAD DOCS ASK, PROTOCOL_COMPLETION, 0, "Q: What?\nA:^\n\n"},
        {HEAD DOCS ASK, PROTOCOL_CHAT, 0, "{user|Q: What?\nA:}"},
        {HEAD DOCS ASK SHOTS "num_fewshot: 2\ndescription: \"D.\\n\"\n", PROTOCOL_COMPLETION, 1,
         "D.\nQ: S1\nA: A1\n\nQ: S2\nA: A2\n\nQ: Who?\nA:^\n\n"},
        {HEAD DOCS ASK SHOTS "num_fewshot: 2\ndescription: \"D.\\n\"\n", PROTOCOL_CHAT, 1,
         "{user|D.\nQ: S1\nA: A1\n\nQ: S2\nA: A2\n\nQ: Who?\nA:}"},
        {HEAD DOCS ASK SHOTS "num_fewshot: 1\nfewshot_as_multiturn: true\ndescription: \"D.\\n\"\n",
         PROTOCOL_CHAT, 0, "{user|D.\nQ: S1\nA:}{assistant|A1}{user|Q: What?\nA:}"},
        {HEAD DOCS ASK SHOTS "num_fewshot: 1\nfewshot_delimiter: '|'\ntarget_delimiter: "
                             "'='\ngeneration_kwargs: {until: [x, y], max_gen_toks: 9}\n",
         PROTOCOL_COMPLETION, 0, "Q: S1\nA:=A1|Q: What?\nA:^x^y#9"},
        {HEAD DOCS ASK SHOTS
         "num_fewshot: 1\ngeneration_kwargs: {until: [x], max_gen_toks: 9}\nchat: {num_fewshot: 0, "
         "doc_to_text: '{{q}}!', until: [z], system: Sys, max_gen_toks: 7}\n",
         PROTOCOL_CHAT, 0, "{system|Sys}{user|What?!}^z#7"},
        {HEAD DOCS ASK "gen_prefix: \"So {{n}}\"\n", PROTOCOL_COMPLETION, 1,
         "Q: Who?\nA: So 2^\n\n"},
        {HEAD DOCS ASK "gen_prefix: \"So {{n}}\"\n", PROTOCOL_CHAT, 1, "{user|Q: Who?\nA:}+So 2"},
        {HEAD DOCS ASK SHOTS "num_fewshot: 1\nfewshot_config: {match: n, doc_to_text: '[{{q}}]'}\n",
         PROTOCOL_COMPLETION, 0, NULL},
        {HEAD DOCS
         "doc_to_text: q\ndoc_to_target: a\noutput_type: multiple_choice\ndoc_to_choice: [x, y]\n",
         PROTOCOL_COMPLETION, 0, "What?< x>< y>"},
        {HEAD DOCS "doc_to_text: q\ndoc_to_target: a\noutput_type: multiple_choice\ndoc_to_choice: "
                   "\"{{['x', 'y', q]}}\"\n",
         PROTOCOL_CHAT, 1, "{user|Who?}<x><y><Who?>"},
        {HEAD DOCS "doc_to_text: |\n  {{q}}\ndoc_to_target: 5\n", PROTOCOL_CHAT, 0,
         "{user|What?\n}"},
        {HEAD "docs: [{'a b': 1}]\ndoc_to_text: \"{{doc['a b']}}\"\ndoc_to_target: 5\n",
         PROTOCOL_CHAT, 0, "{user|1}"},
        {HEAD "docs: [{'a b': 1}]\ndoc_to_text: 'a b'\ndoc_to_target: 5\n", PROTOCOL_CHAT, 0,
         "{user|1}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        arena a = ARENA_EMPTY;
        waage_err err = {0};
        task_list list;
        request rq;
        strbuf b = STRBUF_EMPTY;
        const task_options opt = plain();
        const waage_status st = load(&list, &a, rows[i].yaml, &opt, &err);
        if (!rows[i].want) { /* the key stands twice */
            assert_int_equal(st, WAAGE_EFORMAT);
            arena_free(&a);
            continue;
        }
        assert_ok(st, err);
        assert_ok(task_build_request(list.tasks[0], rows[i].item, rows[i].proto, 0, 0, NULL, &rq,
                                     &a, &err),
                  err);
        show(&b, &rq);
        assert_string_equal(strbuf_str(&b), rows[i].want);
        strbuf_free(&b);
        task_list_close(&list);
        arena_free(&a);
    }
}

/* The first document of each kind is a shot and no item; ids and the hash of the data stay those of
 * all documents. */
static void shots_are_held_out(void **state)
{
    (void)state;
    static const char docs[] = HEAD
        "docs: [{q: a1, a: 1, k: a}, {q: b1, a: 2, k: b}, {q: a2, a: 3, k: a}, {q: b2, a: 4, k: "
        "b}]\n" ASK "num_fewshot: 1\n";
    static const char *const want[] = {"Q: a1\nA: 1\n\nQ: a2\nA:", "Q: b1\nA: 2\n\nQ: b2\nA:"};
    static const struct {
        const char *config, *word;
    } bad[] = {{"{hold_out: 2, match: k}", "leaves no documents"},
               {"{hold_out: 1, match: z}", "no field `z`"},
               {"{hold_out: 1, samples: [{q: x, a: y}]}", "named as well"},
               {"{hold_out: -1}", "integer"}};
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    task_list list, all;
    request rq;
    char yaml[1024];
    const task_options opt = plain();
    (void)snprintf(yaml, sizeof yaml, "%s%s", docs, "fewshot_config: {match: k, hold_out: 1}\n");
    assert_ok(load(&list, &a, yaml, &opt, &err), err);
    const task_info *info = task_get_info(list.tasks[0]);
    assert_int_equal(info->n_items, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(
            task_build_request(list.tasks[0], i, PROTOCOL_COMPLETION, 0, 0, NULL, &rq, &a, &err),
            err);
        assert_string_equal(rq.prompt, want[i]);
        assert_int_equal(rq.item_id[strlen(rq.item_id) - 1], i == 0 ? '2' : '3');
    }
    (void)snprintf(yaml, sizeof yaml, "%s%s", docs, "fewshot_config: {samples: [{q: x, a: y}]}\n");
    assert_ok(load(&all, &a, yaml, &opt, &err), err);
    assert_string_equal(task_get_info(all.tasks[0])->data_hash, info->data_hash);
    task_list_close(&list);
    task_list_close(&all);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        (void)snprintf(yaml, sizeof yaml, "%sfewshot_config: %s\n", docs, bad[i].config);
        assert_int_equal(load(&list, &a, yaml, &opt, &err), WAAGE_EFORMAT);
        assert_non_null(strstr(err.msg, bad[i].word));
    }
    arena_free(&a);
}

static void shots_match_the_document(void **state)
{
    (void)state;
    static const char yaml[] = HEAD DOCS ASK "num_fewshot: 1\nfewshot_config: {match: n, samples: "
                                             "[{q: S1, a: A1, n: 2}, {q: S2, a: A2, n: 1}]}\n";
    static const char *const want[] = {"Q: S2\nA: A2\n\nQ: What?\nA:",
                                       "Q: S1\nA: A1\n\nQ: Who?\nA:"};
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    task_list list;
    request rq;
    task_options opt = plain();
    assert_ok(load(&list, &a, yaml, &opt, &err), err);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(
            task_build_request(list.tasks[0], i, PROTOCOL_COMPLETION, 0, 0, NULL, &rq, &a, &err),
            err);
        assert_string_equal(rq.prompt, want[i]);
    }
    task_list_close(&list);
    opt.num_fewshot = 2; /* only one fits each document */
    assert_ok(load(&list, &a, yaml, &opt, &err), err);
    assert_int_equal(
        task_build_request(list.tasks[0], 0, PROTOCOL_COMPLETION, 0, 0, NULL, &rq, &a, &err),
        WAAGE_EFORMAT);
    assert_contains(err.msg, "2 shots are asked for, and 1 fit it");
    task_list_close(&list);
    arena_free(&a);
}

static void turns_see_the_answers(void **state)
{
    (void)state;
    static const char yaml[] = HEAD DOCS
        "doc_to_target: a\nturns: ['{{q}}', 'You said {{answers[0]}}. Sure?']\nchat: {system: S}\n";
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    task_list list;
    request rq;
    strbuf b = STRBUF_EMPTY;
    const char *const answers[] = {"<|x|>"};
    const task_options opt = plain();
    assert_ok(load(&list, &a, yaml, &opt, &err), err);
    assert_int_equal(task_get_item(list.tasks[0], 0)->n_turns, 2);
    assert_int_equal(task_get_info(list.tasks[0])->protocols, 1u << PROTOCOL_CHAT);
    assert_ok(task_build_request(list.tasks[0], 0, PROTOCOL_CHAT, 3, 1, answers, &rq, &a, &err),
              err);
    show(&b, &rq);
    assert_string_equal(strbuf_str(&b),
                        "{system|S}{user|What?}{assistant|<|x|>}{user|You said <|x|>. Sure?}");
    assert_int_equal(rq.sample, 3);
    assert_int_equal(
        task_build_request(list.tasks[0], 0, PROTOCOL_CHAT, 0, 2, answers, &rq, &a, &err),
        WAAGE_EINVAL);
    assert_int_equal(
        task_build_request(list.tasks[0], 0, PROTOCOL_COMPLETION, 0, 0, NULL, &rq, &a, &err),
        WAAGE_EUNSUPPORTED);
    strbuf_free(&b);
    task_list_close(&list);
    arena_free(&a);
}

/* ---- documents and items ---- */

static void documents_are_processed(void **state)
{
    (void)state;
    put("data.jsonl",
        "{\"q\": \"a;b\", \"k\": 1}\n{\"q\": \"c\", \"k\": 2}\n{\"q\": \"d;e\", \"k\": 3}\n");
    static const char yaml[] =
        "task: t\ndataset_path: file:data.jsonl\ndataset_kwargs: {sha256: any}\n"
        "process_docs:\n  - filter: {k: [1, 3]}\n  - map: {parts: \"{{q.split(';')}}\", n: "
        "\"{{parts|length}}\"}\n"
        "  - filter_not: {k: 3}\n"
        "doc_to_text: \"{{parts[1]}}{{n + 1}}\"\ndoc_to_target: n\ndoc_to_level: "
        "k\ndoc_to_cluster: \"{% if k > 5 %}x{% endif %}\"\n"
        "doc_to_question: \"{{q}}\\n\\n  is  it\"\n";
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    task_list list;
    request rq;
    const task_options opt = plain();
    assert_ok(load(&list, &a, yaml, &opt, &err), err);
    assert_int_equal(task_get_info(list.tasks[0])->n_items, 1);
    const task_item *it = task_get_item(list.tasks[0], 0);
    assert_string_equal(it->id, "t-0000");
    assert_string_equal(it->level, "1");
    assert_string_equal(it->gold, "2");
    assert_string_equal(it->question, "a;b is it");
    assert_null(it->cluster);
    assert_string_equal(it->doc_json,
                        "{\"q\": \"a;b\", \"k\": 1, \"parts\": [\"a\", \"b\"], \"n\": 2}");
    assert_ok(task_build_request(list.tasks[0], 0, PROTOCOL_CHAT, 0, 0, NULL, &rq, &a, &err), err);
    assert_string_equal(rq.messages[0].content, "b3");
    task_list_close(&list);
    put("data.jsonl", "{\"q\": \"a;b\", \"k\": 1}\n{broken\n");
    assert_int_equal(load(&list, &a, yaml, &opt, &err), WAAGE_EFORMAT);
    assert_contains(err.msg, "data.jsonl:2");
    assert_int_equal(
        load(&list, &a,
             "task: t\ndataset_path: file:data.jsonl\ndataset_kwargs: {sha256: '"
             "0000000000000000000000000000000000000000000000000000000000000000'}\n" ASK,
             &opt, &err),
        WAAGE_EFORMAT);
    arena_free(&a);
}

static void several_right_choices(void **state)
{
    (void)state;
    static const char yaml[] =
        HEAD "docs: [{c: [a, b, c], g: [0, 2]}]\noutput_type: multiple_choice\n"
             "doc_to_text: x\ndoc_to_choice: c\ndoc_to_target: g\nmetric_list: [{metric: mc2}]\n";
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    task_list list;
    const task_options opt = plain();
    assert_ok(load(&list, &a, yaml, &opt, &err), err);
    assert_int_equal(task_get_item(list.tasks[0], 0)->gold_choice, 0);
    assert_true(task_get_item(list.tasks[0], 0)->chance > 0.33 &&
                task_get_item(list.tasks[0], 0)->chance < 0.34);
    task_list_close(&list);
    arena_free(&a);
}

/* ---- includes, groups, hashes ---- */

/* The task's hash, which covers its definition and its data alone: not the rules of scoring. */
static void hash_of(const char *yaml, const task_options *opt, char out[65])
{
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    task_list list;
    assert_ok(load(&list, &a, yaml, opt, &err), err);
    const task_info *info = task_get_info(list.tasks[0]);
    hash *h = hash_create();
    assert_non_null(h);
    hash_add_field(h, info->definition, strlen(info->definition));
    hash_add_field(h, info->data_hash, strlen(info->data_hash));
    hash_end(h, out);
    assert_string_equal(info->hash, out);
    task_list_close(&list);
    arena_free(&a);
}

static void hashes_follow_the_meaning(void **state)
{
    (void)state;
    const task_options opt = plain();
    task_options limited = plain();
    char h[5][65];
    limited.limit = 1;
    hash_of(HEAD DOCS ASK "num_fewshot: 0\n", &opt, h[0]);
    hash_of("# a comment\nnum_fewshot: 0\n" ASK DOCS HEAD "title: T\n", &opt, h[1]);
    hash_of(HEAD DOCS ASK "num_fewshot: 0\n", &limited, h[2]);
    hash_of(HEAD "docs:\n  - {q: 'What?', a: 'x', n: 1}\n  - {q: 'Who?', a: 'z', n: 2}\n" ASK
                 "num_fewshot: 0\n",
            &opt, h[3]);
    hash_of(HEAD DOCS "doc_to_text: \"Q: {{q}}\\nA: \"\ndoc_to_target: a\nnum_fewshot: 0\n", &opt,
            h[4]);
    assert_string_equal(h[0], h[1]);
    assert_string_equal(h[0], h[2]);
    assert_string_not_equal(h[0], h[3]);
    assert_string_not_equal(h[0], h[4]);
}

static void includes_and_groups(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    task_list list;
    const task_options opt = plain();
    put("base.yaml",
        "dataset_path: inline\ngeneration_kwargs: {max_gen_toks: 5, temperature: 0}\n" DOCS ASK);
    put("u.yaml", "task: u\ninclude: base.yaml\ngeneration_kwargs: {max_gen_toks: 6}\ntitle: U\n");
    assert_ok(
        load(&list, &a,
             "group: g\ntask:\n  - u\n  - {task: v, include: base.yaml, doc_to_text: '{{q}}'}\n",
             &opt, &err),
        err);
    assert_int_equal(list.n, 2);
    assert_string_equal(task_get_info(list.tasks[0])->name, "u");
    assert_string_equal(task_get_info(list.tasks[0])->group, "g");
    assert_string_equal(task_get_info(list.tasks[1])->name, "v");
    request rq;
    assert_ok(task_build_request(list.tasks[0], 0, PROTOCOL_CHAT, 0, 0, NULL, &rq, &a, &err), err);
    assert_int_equal(rq.max_tokens, 6);
    assert_ok(task_build_request(list.tasks[1], 0, PROTOCOL_CHAT, 0, 0, NULL, &rq, &a, &err), err);
    assert_string_equal(rq.messages[0].content, "What?");
    assert_int_equal(rq.max_tokens, 5);
    task_list_close(&list);
    put("base.yaml", "include: base.yaml\n");
    assert_int_equal(load(&list, &a, "task: t\ninclude: base.yaml\n", &opt, &err), WAAGE_EFORMAT);
    assert_contains(err.msg, "nested too deeply");
    assert_int_equal(load(&list, &a, "group: g\ntask: [t]\n", &opt, &err), WAAGE_EFORMAT);
    assert_contains(err.msg, "nested too deeply");
    arena_free(&a);
}

/* ---- limits ---- */

static void limits_keep_clusters_and_levels(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        arena a = ARENA_EMPTY;
        waage_err err = {0};
        task_list all, some;
        task_options opt = plain();
        opt.seed = seed;
        assert_ok(task_load(&all, &a, "math", &opt, &err), err);
        opt.limit = 60;
        assert_ok(task_load(&some, &a, "math", &opt, &err), err);
        const size_t n = task_get_info(some.tasks[0])->n_items,
                     n_all = task_get_info(all.tasks[0])->n_items;
        assert_true(n >= 54 && n <= 66);
        size_t per_level[10] = {0}, at = 0;
        for (size_t i = 0; i < n; i++) {
            const task_item *it = task_get_item(some.tasks[0], i);
            per_level[it->level[0] - '0']++;
            while (strcmp(task_get_item(all.tasks[0], at)->id, it->id) != 0)
                assert_true(++at < n_all); /* same order, same ids */
            size_t mates = 0, mates_all = 0;
            for (size_t k = 0; k < n; k++)
                mates += strcmp(task_get_item(some.tasks[0], k)->cluster, it->cluster) == 0;
            for (size_t k = 0; k < n_all; k++)
                mates_all += strcmp(task_get_item(all.tasks[0], k)->cluster, it->cluster) == 0;
            assert_int_equal(mates, mates_all);
        }
        for (size_t l = 1; l <= 6; l++)
            assert_true(per_level[l] >= 6 && per_level[l] <= 14);
        task_list_close(&all);
        task_list_close(&some);
        arena_free(&a);
    }
}

static void limits_depend_on_the_seed_alone(void **state)
{
    (void)state;
    char ids[3][64];
    static const uint64_t seeds[] = {1, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        arena a = ARENA_EMPTY;
        waage_err err = {0};
        task_list list;
        task_options opt = plain();
        strbuf b = STRBUF_EMPTY;
        opt.seed = seeds[i];
        opt.limit = 30;
        assert_ok(task_load(&list, &a, "reasoning_choice", &opt, &err), err);
        for (size_t k = 0; k < task_get_info(list.tasks[0])->n_items; k++)
            strbuf_puts(&b, task_get_item(list.tasks[0], k)->id);
        uint32_t h = 0;
        for (size_t k = 0; k < b.len; k++)
            h = h * 31 + (unsigned char)b.s[k];
        snprintf(ids[i], sizeof ids[i], "%zu-%u", b.len, h);
        strbuf_free(&b);
        task_list_close(&list);
        arena_free(&a);
    }
    assert_string_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[0], ids[2]);
}

/* ---- built-in suites and lint ---- */

static void count_finding(void *ctx, const char *text)
{
    int *n = ctx;
    print_error("%s\n", text);
    (*n)++;
}

static void built_in_suites_are_clean(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    const task_builtin *list;
    size_t n;
    int n_findings = 0, n_run = 0;
    const char *shared = getenv("WAAGE_SHARED") ? getenv("WAAGE_SHARED") : "../shared";
    task_options opt = plain();
    const char *files = arena_printf(&a, "%s/datasets", shared);
    const struct {
        const char *suite, *dir;
    } elsewhere[] = {{"recorded", arena_printf(&a, "%s/recorded", shared)},
                     {"recorded_speechmap", arena_printf(&a, "%s/refusal-labels", shared)}};
    const bool has_data = file_is_dir(files);
    assert_ok(task_list_builtin(&list, &n, &a, &err), err);
    assert_true(n >= 10);
    for (size_t i = 0; i < n; i++) {
        if (i) assert_true(strcmp(list[i - 1].name, list[i].name) < 0);
        assert_true(list[i].description && *list[i].description);
        if (list[i].needs_data && (!has_data || strcmp(list[i].name, "gsm8k_5shot_official") == 0))
            continue;
        opt.data_dir = files;
        for (size_t k = 0; k < COUNT_OF(elsewhere); k++)
            if (strcmp(list[i].name, elsewhere[k].suite) == 0) opt.data_dir = elsewhere[k].dir;
        assert_ok(task_lint(list[i].name, &opt, count_finding, &n_findings, &err), err);
        n_run++;
    }
    if (!has_data) print_message("public suites skipped: no data (set WAAGE_SHARED)\n");
    assert_true(n_run >= 4);
    assert_int_equal(n_findings, 0);
    arena_free(&a);
}

static void keep_finding(void *ctx, const char *text)
{
    strbuf *b = ctx;
    strbuf_puts(b, text);
    strbuf_puts(b, "\n");
}

static void lint_finds_what_is_wrong(void **state)
{
    (void)state;
    put("data.jsonl", "{\"q\": \"a\", \"a\": \"b\"}\n");
    static const struct {
        const char *yaml, *want;
    } rows[] = {
        {HEAD DOCS "doc_to_text: 'Q: {{q}}\\nA:'\ndoc_to_target: a\n",
         "t.yaml:6: t: `doc_to_text` holds the two characters \\n"},
        {HEAD DOCS ASK, "no output limit under `chat`"},
        {HEAD DOCS ASK "generation_kwargs: {max_gen_toks: 5, until: [Q]}\n",
         "t.yaml:8: t: the stop string `Q` can cut any answer"},
        {HEAD DOCS ASK "generation_kwargs: {max_gen_toks: 5, until: [x]}\n",
         "the stop string `x` cuts a right answer: `x`"},
        {HEAD DOCS ASK SHOTS "num_fewshot: 1\ngeneration_kwargs: {max_gen_toks: 5, until: ['1']}\n",
         NULL},
        {HEAD DOCS ASK "num_fewshot: 1\nfewshot_config: {samples: [{q: 'Who?', a: y}]}\n",
         "shot 1 is item t-0001 of the test"},
        {"task: t\ndataset_path: file:data.jsonl\n" ASK, "the data is not pinned"},
        {HEAD DOCS ASK "extract: {answer: number}\n",
         "item t-0000: its right answer `x` is not read as right"},
        {HEAD DOCS ASK "tag: z\n", "`tag` is read and ignored"},
        {HEAD DOCS ASK "doc_to_tag: z\n", "unknown key `doc_to_tag`"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        strbuf b = STRBUF_EMPTY;
        waage_err err = {0};
        const task_options opt = plain();
        assert_ok(task_lint(put("t.yaml", rows[i].yaml), &opt, keep_finding, &b, &err), err);
        if (rows[i].want)
            assert_contains(strbuf_str(&b), rows[i].want);
        else
            assert_null(
                strstr(strbuf_str(&b), "stop string")); /* it ends the answer and cuts nothing */
        strbuf_free(&b);
    }
}

int test_task(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_file_line_and_key),
        cmocka_unit_test(unknown_suites_are_not_found),
        cmocka_unit_test(prompts_are_exact),
        cmocka_unit_test(shots_match_the_document),
        cmocka_unit_test(shots_are_held_out),
        cmocka_unit_test(turns_see_the_answers),
        cmocka_unit_test(documents_are_processed),
        cmocka_unit_test(several_right_choices),
        cmocka_unit_test(hashes_follow_the_meaning),
        cmocka_unit_test(includes_and_groups),
        cmocka_unit_test(limits_keep_clusters_and_levels),
        cmocka_unit_test(limits_depend_on_the_seed_alone),
        cmocka_unit_test(built_in_suites_are_clean),
        cmocka_unit_test(lint_finds_what_is_wrong),
    };
    return cmocka_run_group_tests_name("task", tests, make_dir, remove_dir);
}
