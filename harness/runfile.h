/* runfile.h - RUN.yaml: models, suites and settings of a run, and the same settings as options of
 * the command line (docs/cli.md). Paths in the file are relative to the file. */
#ifndef HARNESS_RUNFILE_H
#define HARNESS_RUNFILE_H
#include "harness/engine_opts.h"
#include "harness/openness.h"
#include "harness/opts.h"

typedef struct {
    const char *label; /* NULL: the model's own name */
    const char *uri;
    const char *licence, *cutoff; /* for reports, or NULL */
    const char *openness;         /* in words, or NULL; or, part by part: */
    openness published;
} runfile_model;

/* Every field has an option in RUNFILE_SETTINGS; the zero value is the default unless said
 * otherwise. */
typedef struct {
    size_t limit;     /* 0: all items */
    opts_list items;  /* empty: all */
    uint32_t repeats; /* 0: as the task says */
    uint64_t seed;
    int num_fewshot;                     /* default -1: as the task says */
    uint32_t max_tokens;                 /* 0: as the task says */
    const char *protocol;                /* NULL: all that the suite offers */
    const char *system;                  /* text of the system message, or NULL */
    const char *system_file;             /* read into `system` by runfile_finish_settings */
    const char *reasoning;               /* NULL: as the task says */
    const char *date;                    /* NULL: ENGINE_DATE */
    const char *activations, *kv_format; /* NULL: "i16", "f32" */
    const char *data;                    /* directory with data files, or NULL */
    /* the machine: enters no digest */
    size_t threads, batch, kv_memory, weights_memory;
    double budget;          /* US dollars for all that the directory holds; 0: no bound */
    uint64_t budget_tokens; /* the same in tokens */
    const char *isa;
} runfile_settings;
#define RUNFILE_SETTINGS_DEFAULT                                                                   \
    {                                                                                              \
        .num_fewshot = -1                                                                          \
    }

/* Rows for an option table whose struct has `runfile_settings` at this offset. */
#define RUNFILE_AT(base, field) ((base) + offsetof(runfile_settings, field))
#define RUNFILE_SETTINGS(base)                                                                     \
    {0,        "limit",                                                                            \
     OPT_SIZE, RUNFILE_AT(base, limit),                                                            \
     "N",      "a seeded sample of N items per task, stratified by level"},                        \
        {0, "items", OPT_LIST, RUNFILE_AT(base, items), "ID", "only these items (ID,ID...)"},      \
        {0,       "repeats",                                                                       \
         OPT_U32, RUNFILE_AT(base, repeats),                                                       \
         "N",     "answers per item (default: the task's)"},                                       \
        {0, "seed", OPT_U64, RUNFILE_AT(base, seed), "N", "of samplers and samples (default 0)"},  \
        {0,       "num-fewshot",                                                                   \
         OPT_INT, RUNFILE_AT(base, num_fewshot),                                                   \
         "N",     "worked examples before the question (default: the task's)"},                    \
        {0,       "max-tokens",                                                                    \
         OPT_U32, RUNFILE_AT(base, max_tokens),                                                    \
         "N",     "limit of an answer (default: the task's)"},                                     \
        {0,                                                                                        \
         "protocol",                                                                               \
         OPT_CHOICE,                                                                               \
         RUNFILE_AT(base, protocol),                                                               \
         "completion|chat",                                                                        \
         "only this one (default: all that a suite offers)"},                                      \
        {0,        "system",                                                                       \
         OPT_TEXT, RUNFILE_AT(base, system_file),                                                  \
         "FILE",   "system message for chat, from a file"},                                        \
        {0,                                                                                        \
         "reasoning",                                                                              \
         OPT_TEXT,                                                                                 \
         RUNFILE_AT(base, reasoning),                                                              \
         "off|low|medium|high|N",                                                                  \
         "how chats think: effort, tokens of thought, or both (high:2048)"},                       \
        ENGINE_OPT_DATE(RUNFILE_AT(base, date)),                                                   \
        ENGINE_OPT_ACTIVATIONS(RUNFILE_AT(base, activations)),                                     \
        ENGINE_OPT_KV_FORMAT(RUNFILE_AT(base, kv_format)),                                         \
        {0, "data", OPT_TEXT, RUNFILE_AT(base, data), "DIR", "where data files are"},              \
        ENGINE_OPT_THREADS(RUNFILE_AT(base, threads)), ENGINE_OPT_BATCH(RUNFILE_AT(base, batch)),  \
        {0,        "budget",                                                                       \
         OPT_REAL, RUNFILE_AT(base, budget),                                                       \
         "USD",    "stop before a directory's models behind APIs cost more"},                      \
        {0,       "budget-tokens",                                                                 \
         OPT_U64, RUNFILE_AT(base, budget_tokens),                                                 \
         "N",     "the same in tokens, in and out"},                                               \
        ENGINE_OPT_KV_MEMORY(RUNFILE_AT(base, kv_memory)),                                         \
        ENGINE_OPT_WEIGHTS_MEMORY(RUNFILE_AT(base, weights_memory)),                               \
        ENGINE_OPT_ISA(RUNFILE_AT(base, isa))

typedef struct {
    const runfile_model *models;
    size_t n_models;
    opts_list suites;
    runfile_settings settings;
} runfile;

/* WAAGE_EFORMAT names file, line and the nearest known key. Strings live in `a`. */
WAAGE_MUST_CHECK waage_status runfile_parse(runfile *out, arena *a, const char *text, size_t len,
                                            const char *name, waage_err *err);
WAAGE_MUST_CHECK waage_status runfile_read(runfile *out, arena *a, const char *path,
                                           waage_err *err);
/* YAML that runfile_parse reads back. Paths of files that exist are written relative to dir. */
WAAGE_MUST_CHECK waage_status runfile_print(strbuf *out, const runfile *f, const char *dir,
                                            waage_err *err);
/* Read `system_file` into `system`, check the date and the reasoning. */
WAAGE_MUST_CHECK waage_status runfile_finish_settings(runfile_settings *s, arena *a,
                                                      waage_err *err);
/* "label=URI" or "URI". */
WAAGE_MUST_CHECK waage_status runfile_split_model(runfile_model *out, arena *a, const char *word,
                                                  waage_err *err);
/* `into` also has what `more` has: models by label or URI, suites by name; items become all when
 * either has all. */
WAAGE_MUST_CHECK waage_status runfile_merge(runfile *into, const runfile *more, arena *a,
                                            waage_err *err);
#endif
