/* task_impl.h - what the parts of a task share; not for other modules.
 * YAML text -> definition with includes resolved (task_file.c) -> checked settings (task_def.c) ->
 * items (task_docs.c) -> prompts (prompt.c) -> verdicts (score.c). */
#ifndef TASKS_TASK_IMPL_H
#define TASKS_TASK_IMPL_H
#include "tasks/extract.h"
#include "tasks/field.h"
#include "tasks/filter.h"
#include "tasks/label.h"
#include "tasks/task.h"

/* A resolved definition: the file that each key came from is kept for messages. */
typedef struct {
    const value *map;    /* after include, `include` itself gone */
    const value *origin; /* key -> file */
    const char *file;    /* of the task itself, for messages: "suites/math.yaml" */
    const char *dir;     /* directory of a file on disk, NULL for a built-in one */
    const char *group;   /* of the group file it was loaded through, or NULL */
} task_def;

/* How an item is put to a model under one protocol. */
typedef struct {
    const field *text, *target, *description, *gen_prefix;
    const field *shot_text, *shot_target, *shot_choice;
    const char *system;
    int num_fewshot;
    bool multiturn;
    const char *fewshot_delimiter, *target_delimiter;
    const char **until; /* (n_until) */
    size_t n_until;
    uint32_t max_tokens; /* 0: no limit given */
    reasoning think;     /* chat */
} task_style;

/* What a document gives beyond the public item. */
typedef struct {
    const value *vars;    /* the document and `doc` */
    const char **choices; /* (n_choices) */
    size_t n_choices;
    const bool *is_true;  /* (n_choices) for mc2: which choices are right; NULL: only gold_choice */
    const char **options; /* (n_options) words or choice texts of a generated answer */
    size_t n_options;     /* letters: how many there are; 0: unknown */
    const value *facts, *falsehoods;
} task_row;

/* Rules that the tasks of one list share. */
typedef struct {
    extract_rules *extract;
    label_rules *labels; /* NULL: no task needs them */
    const char *version;
} task_shared;

typedef enum { METRIC_ACC, METRIC_ACC_NORM, METRIC_ACC_BYTES, METRIC_MC2 } choice_metric;

struct task {
    task_info info;
    task_def def;
    task_options opt;
    task_shared *shared;
    task_style style[2]; /* by protocol */
    sampling sample_by;
    const field *doc_to_choice, *doc_to_target;
    const field **turns; /* (n_turns) or NULL */
    size_t n_turns;
    const value **shots; /* (n_shots) documents with `doc` */
    size_t n_shots;
    const char *shot_match; /* fewshot_config.match, or NULL */
    size_t n_held_out;      /* fewshot_config.hold_out */
    extractor *extract;     /* TASK_GENERATE with kind accuracy, or with `extract` */
    filter_list *filters;   /* NULL: none */
    text_match match;       /* exact_match options */
    choice_metric metric;
    bool has_labels;
    label_scheme scheme;
    const value *credit; /* map or NULL */
    task_item *items;    /* (info.n_items) */
    task_row *rows;      /* (info.n_items) */
};

/* task_file.c */
/* Every task that `suite` names, in order. */
WAAGE_MUST_CHECK waage_status task_file_resolve(task_def **out, size_t *n, arena *a,
                                                const char *suite, waage_err *err);
/* A setting with its file: fails with "FILE:LINE: ...". */
waage_status task_def_fail(const task_def *d, const value *at, const char *key, waage_err *err,
                           const char *fmt, ...) WAAGE_PRINTF(5, 6);
const char *task_def_file(const task_def *d, const char *key);
/* Keys of a map against a NULL-terminated list; an unknown one is an error with the nearest name.
 */
WAAGE_MUST_CHECK waage_status task_check_keys(const value *map, const char *const *known,
                                              const char *file, const char *what, waage_err *err);
extern const char *const task_keys[]; /* of a task file, sorted */
extern const char *const task_keys_ignored[];

/* task_def.c: settings; task_docs.c: documents and items. */
WAAGE_MUST_CHECK waage_status task_read_settings(task *t, arena *a, waage_err *err);
WAAGE_MUST_CHECK waage_status task_read_documents(task *t, arena *a, waage_err *err);
/* A document with `doc` added. */
WAAGE_MUST_CHECK waage_status task_make_vars(const value **out, const value *doc, arena *a,
                                             waage_err *err);
/* Does the shot go with the document (fewshot_config.match)? */
bool task_shot_fits(const task *t, const value *shot, const value *vars);
/* The choices of a document as text. */
WAAGE_MUST_CHECK waage_status task_read_choices(const field *f, const value *vars,
                                                const char ***out, size_t *n, arena *a,
                                                waage_err *err);
/* JSON of a value on one line, keys sorted. NULL when memory is out. */
const char *task_canonical_json(arena *a, const value *v);
#endif
