/* cmd_model.h - what the commands share that open one model: options, and a single request. */
#ifndef HARNESS_CMD_MODEL_H
#define HARNESS_CMD_MODEL_H
#include "harness/cmd.h"
#include "harness/engine_opts.h"
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
#define CMD_ENGINE_OPTIONS(base)                                                                   \
    ENGINE_OPT_ACTIVATIONS(CMD_MODEL_AT(base, activations)),                                       \
        ENGINE_OPT_KV_FORMAT(CMD_MODEL_AT(base, kv_format)),                                       \
        ENGINE_OPT_DATE(CMD_MODEL_AT(base, date)),                                                 \
        ENGINE_OPT_THREADS(CMD_MODEL_AT(base, n_threads)),                                         \
        ENGINE_OPT_BATCH(CMD_MODEL_AT(base, n_batch)),                                             \
        ENGINE_OPT_KV_MEMORY(CMD_MODEL_AT(base, kv_memory)),                                       \
        ENGINE_OPT_WEIGHTS_MEMORY(CMD_MODEL_AT(base, weights_memory)),                             \
        ENGINE_OPT_ISA(CMD_MODEL_AT(base, isa))

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
