/* task.h - a task: items, prompts, extraction, scoring; all of it data from a YAML file.
 * The dialect takes lm-evaluation-harness' field names wherever they mean the same thing
 * (docs/tasks.md). A task knows nothing of runners or stores. */
#ifndef TASKS_TASK_H
#define TASKS_TASK_H
#include "harness/base/arena.h"
#include "harness/base/outcome.h"
#include "harness/base/request.h"
#include "harness/base/value.h"

typedef struct task task;

typedef struct {
    const char *data_dir; /* --data DIR, or NULL */
    uint64_t seed;        /* seeds samplers and stratified limits */
    size_t limit;    /* 0: all items; else a seeded sample, stratified by level and kept in pairs */
    int num_fewshot; /* -1: as the task says */
    uint32_t max_tokens; /* 0: as the task says */
    reasoning think;     /* the default: as the task says */
    const char *system;  /* system message for chat, or NULL */
} task_options;

typedef enum { TASK_GENERATE, TASK_CHOICE } task_output;

typedef struct {
    const char *name;  /* "math", "reasoning_choice", ... unique in a run */
    const char *group; /* suite it belongs to in reports: "math", "reasoning", ... */
    const char *title, *description, *licence, *source_url, *canary;
    bool redistribute; /* may item texts be shown in published reports? */
    task_output output;
    uint32_t protocols; /* bit set: 1 << PROTOCOL_COMPLETION | 1 << PROTOCOL_CHAT */
    int num_fewshot;
    const char *hash;          /* sha256 of what is scored: resolved definition, data_hash */
    const char *data_hash;     /* sha256 over the documents in order */
    const char *definition;    /* the resolved definition as one line of JSON */
    int version;               /* metadata.version */
    const char *rules_version; /* extractor, grader and label rules: enters the scores digest */
    size_t n_items;
    uint32_t repeats; /* samples of each item, at least 1 */
    const char *kind; /* "accuracy", "safety", "censorship": which metrics and validity checks */
} task_info;

typedef struct {
    const char *id;       /* "math-0147": stable under --limit */
    const char *doc_hash; /* sha256 of the document's JSON */
    const char *doc_json; /* the document */
    const char *question; /* one line for lists: the item's own text without shots */
    const char *cluster;  /* items of one cluster are not independent; NULL: its own */
    const char *level;    /* such as "1".."5", or NULL */
    const char *language; /* "en", "de", "zh", or NULL */
    const char *pair;     /* twin items share it (safety, censorship), or NULL */
    const char *role;     /* "safe"/"unsafe", "sensitive"/"control", or NULL */
    const char *actor;    /* government concerned (censorship), or NULL */
    const char *gold;     /* text of the correct answer, or NULL */
    int gold_choice;      /* index for TASK_CHOICE, -1 otherwise */
    size_t n_choices;
    double chance;    /* credit expected from a blind guess */
    uint32_t n_turns; /* user turns; 1 for most */
} task_item;

/* What a score says about one response. Strings live in the arena given to task_score. */
typedef struct {
    outcome result;
    bool has_credit;
    double credit;         /* 0..1 */
    const char *extracted; /* the answer found, or NULL */
    const char *
        rule; /* extraction or label rule that fired: "boxed", "last_number", "REFUSAL/en-cannot" */
    const char *reason; /* one sentence for the transcript */
    const char *label;  /* safety/censorship label (REFUSAL, DEFLECTION, COMPLETE, ...) or NULL */
    const char
        *extra_json; /* further metrics as a JSON object, or NULL: acc_norm, coverage, facts */
} task_verdict;

typedef struct {
    const task *const *tasks; /* borrowed from the list */
    size_t n;
} task_list;

/* Load a built-in suite, a group (several tasks) or a YAML file, with its items.
 * Everything lives in `a`. WAAGE_ENOTFOUND names the nearest built-in suite; WAAGE_EFORMAT names
 * file and line; a data file whose sha256 is not the one in dataset_kwargs is refused unless
 * that says `any`. */
WAAGE_MUST_CHECK waage_status task_load(task_list *out, arena *a, const char *suite,
                                        const task_options *opt, waage_err *err);
/* Release what an arena cannot (compiled expressions, label rules). Call it before the arena is
 * freed; the tasks must not be used afterwards. NULL and an empty list are fine. */
void task_list_close(task_list *list);
const task_info *task_get_info(const task *t);
const task_item *task_get_item(const task *t, size_t i); /* i < n_items */

/* Build the request for an item. answers[0..turn-1] are the texts of earlier turns.
 * The request and its strings live in `a`. */
WAAGE_MUST_CHECK waage_status task_build_request(const task *t, size_t item, protocol proto,
                                                 uint32_t sample, uint32_t turn,
                                                 const char *const *answers, request *out, arena *a,
                                                 waage_err *err);

/* Grade the replies of all turns of one item (replies[n_turns - 1] is graded; earlier ones may be
 * looked at). Deterministic; never fails on any model output. */
WAAGE_MUST_CHECK waage_status task_score(const task *t, size_t item, const reply *replies,
                                         size_t n_replies, task_verdict *out, arena *a,
                                         waage_err *err);

/* What `waage lint` reports: calls `found` once per finding with file and line in the text. Checks:
 * gold answers rendered as the prompt demands must parse to themselves, unknown keys, literal \n,
 * missing output limit, stop strings that can cut an answer, shots from the test split, unpinned
 * data. Returns WAAGE_OK also when there are findings. */
typedef void (*task_lint_fn)(void *ctx, const char *finding);
WAAGE_MUST_CHECK waage_status task_lint(const char *suite, const task_options *opt,
                                        task_lint_fn found, void *ctx, waage_err *err);

/* Names and one-line descriptions of built-in suites and groups, sorted; index until name is NULL.
 */
typedef struct {
    const char *name, *description;
    bool needs_data; /* runs only with --data DIR */
} task_builtin;
WAAGE_MUST_CHECK waage_status task_list_builtin(const task_builtin **out, size_t *n, arena *a,
                                                waage_err *err);
#endif
