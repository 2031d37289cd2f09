/* cmd_model.h - what the commands share that open one model: options, and a single request. */
#ifndef HARNESS_CMD_MODEL_H
#define HARNESS_CMD_MODEL_H
#include "harness/cmd.h"
#include "harness/runfile.h"
#include "runners/runner.h"

typedef struct {
    const char *uri; /* -m; a label in front of it is dropped */
    runner_options open_as;
} cmd_model;

#define CMD_MODEL_AT(base, field)                                                                  \
    ((base) + offsetof(cmd_model, open_as) + offsetof(runner_options, field))
/* Rows of an option table whose struct has a cmd_model at this offset. */
#define CMD_MODEL_OPTION(base)                                                                     \
    {                                                                                              \
        'm', "model", OPT_TEXT, (base) + offsetof(cmd_model, uri), "MODEL",                        \
            "GGUF file, replay:FILE, openai:NAME, http://..."                                      \
    }
#define CMD_DATE_HELP "today, for chat templates (default " RUNFILE_DATE ")"
#define CMD_ENGINE_OPTIONS(base)                                                                   \
    {0,                                                                                            \
     "activations",                                                                                \
     OPT_CHOICE,                                                                                   \
     CMD_MODEL_AT(base, activations),                                                              \
     "i8|i16|f32",                                                                                 \
     "grade of the local engine (default i16)"},                                                   \
        {0,                                                                                        \
         "kv-format",                                                                              \
         OPT_CHOICE,                                                                               \
         CMD_MODEL_AT(base, kv_format),                                                            \
         "f32|f16|q8",                                                                             \
         "how keys and values are kept (default f32)"},                                            \
        {0, "date", OPT_TEXT, CMD_MODEL_AT(base, date), "YYYY-MM-DD", CMD_DATE_HELP},              \
        {0, "threads", OPT_SIZE, CMD_MODEL_AT(base, n_threads), "N", "default: all processors"},   \
        {0, "batch", OPT_SIZE, CMD_MODEL_AT(base, n_batch), "N", "sequences at a time"},           \
        {0,         "kv-memory",                                                                   \
         OPT_BYTES, CMD_MODEL_AT(base, kv_memory),                                                 \
         "SIZE",    "for keys and values, such as 2G"},                                            \
        {0,                                                                                        \
         "weights-memory",                                                                         \
         OPT_BYTES,                                                                                \
         CMD_MODEL_AT(base, weights_memory),                                                       \
         "SIZE",                                                                                   \
         "for repacked weights; the rest is read from the file (default: what is there)"},         \
    {                                                                                              \
        0, "isa", OPT_TEXT, CMD_MODEL_AT(base, isa), "NAME",                                       \
            "instruction set of the kernels (default: the best here)"                              \
    }

/* Open the model; WAAGE_EINVAL when none was named. */
WAAGE_MUST_CHECK waage_status cmd_model_open(runner **out, const cmd_model *m, bool inspect_only,
                                             arena *a, waage_err *err);

/* Requests known beforehand, run at once. done gets the index of its request. */
typedef struct {
    const request *requests;
    size_t n;
    waage_status (*done)(void *ctx, size_t i, const reply *rp, waage_err *err);
    void (*stream)(void *ctx, const char *text, size_t len); /* may be NULL */
    void *ctx;
} cmd_batch;
WAAGE_MUST_CHECK waage_status cmd_model_run(runner *r, const cmd_batch *b, waage_err *err);

/* All of a file, or of standard input for "-": malloc'd, NUL-terminated, at most 64 MiB. */
WAAGE_MUST_CHECK waage_status cmd_read_text(char **out, size_t *len, const char *path,
                                            waage_err *err);

#endif
