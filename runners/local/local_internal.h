/* local_internal.h - what an open GGUF model consists of; shared by local.c (life and facts),
 * local_run.c (running requests) and the tests. */
#ifndef RUNNERS_LOCAL_LOCAL_INTERNAL_H
#define RUNNERS_LOCAL_LOCAL_INTERNAL_H
#include "runners/local/batch.h"
#include "runners/local/gguf.h"
#include "runners/local/prompt.h"
#include "runners/runner.h"

typedef struct {
    runner base; /* first member */
    arena arena; /* strings and metadata */
    gguf *file;
    tokenizer *tok; /* NULL only when inspected; no_tokenizer then says why */
    const char *no_tokenizer;
    prompt_maker prompts;
    channels ch;
    const int32_t *end_thought; /* (n_end_thought) tokens that end a thought by force */
    size_t n_end_thought;
    runner_info info;
    char sha256[HASH_HEX];
    /* what follows is NULL when only facts were asked for */
    pool *threads;
    const kern_set *kern;
    kern_grade grade;
    kern_kv_format kv_format;
    model *model;
    kvcache *kv;
    size_t n_batch;
    size_t chunk_tokens; /* of one step */
    uint32_t n_measured; /* loads timed so far */
} local_model;

WAAGE_MUST_CHECK waage_status local_run(runner *r, const runner_io *io, waage_err *err);

#endif
