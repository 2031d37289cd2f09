/* engine_fixture.h - an opened model with all that batch and probe need; for the engine's tests. */
#ifndef TESTS_ENGINE_FIXTURE_H
#define TESTS_ENGINE_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "harness/base/file.h"
#include "runners/local/batch.h"
#include "runners/local/probe.h"

/* Every architecture, and configurations that reach each branch: tests/fixtures/NAME.gguf,
 * tests/golden/NAME.logits. Made by tools/make_tiny_models.py and, with experts,
 * tools/tiny_experts.py. */
static const char *const tiny_models[] = {
    "tiny-llama",   "tiny-gemma3",   "tiny-gptoss",    "tiny-dsv3",
    "tiny-dsv2",    "tiny-dsv2lite", "tiny-qwen3moe",  "tiny-llama-bias",
    "tiny-mistral", "tiny-qwen2",    "tiny-qwen3",     "tiny-gpt2",
    "tiny-olmo2",   "tiny-phi3",     "tiny-phi3-long", "tiny-gemma3-linear",
};
enum { N_TINY = sizeof tiny_models / sizeof *tiny_models };

static inline const char *tiny_path(char buf[128], const char *name)
{
    (void)snprintf(buf, 128, "tests/fixtures/%s.gguf", name);
    return buf;
}

typedef struct {
    gguf *file;
    pool *threads;
    model *m;
    kvcache *kv;
    const kern_set *kern;
} engine_fixture;

typedef struct {
    size_t n_threads, n_slots, chunk, kv_pages;
    size_t weights;  /* bytes of packed panels; 0: all */
    const char *isa; /* NULL: the best one */
    kern_grade grade;
    kern_kv_format kv_format;
} engine_setup;

static inline void must(waage_status st, const waage_err *err)
{
    if (st != WAAGE_OK) fail_msg("%s", err->msg);
}

static inline void fixture_open(engine_fixture *f, const char *path, const engine_setup *s)
{
    waage_err err = {0};
    memset(f, 0, sizeof *f);
    f->kern = kern_set_find(s->isa);
    assert_non_null(f->kern);
    must(gguf_open(&f->file, path, &err), &err);
    must(pool_create(&f->threads, s->n_threads, &err), &err);
    must(model_load(&f->m, f->file, f->threads, s->weights > 0 ? s->weights : SIZE_MAX, &err),
         &err);
    const kv_shape shape = model_kv_shape(&f->m->p, s->kv_format);
    must(kvcache_create(&f->kv, shape, s->kv_pages * kvcache_page_bytes(shape), f->threads, &err),
         &err);
}

/* Without guesses, in grade i16. */
static inline batch_options fixture_batch(const engine_fixture *f, size_t n_slots, size_t chunk,
                                          batch_hooks hooks)
{
    return (batch_options){.m = f->m,
                           .kern = f->kern,
                           .threads = f->threads,
                           .kv = f->kv,
                           .n_slots = n_slots,
                           .chunk_tokens = chunk,
                           .hooks = hooks};
}

/* The hook `done` of tests that count jobs: ctx is a size_t. */
static inline waage_status fixture_count_done(void *ctx, batch_job *job, waage_err *err)
{
    size_t *n_done = ctx;
    (void)err;
    if (job->error) fail_msg("%s", job->error);
    ++*n_done;
    return WAAGE_OK;
}

static inline void fixture_close(engine_fixture *f)
{
    kvcache_free(f->kv);
    model_free(f->m);
    pool_free(f->threads);
    gguf_close(f->file);
}

/* Give token `id` an infinite element in its embedding, wherever the panel keeps it. The embedding
 * is F16, 64 wide and packed first, as in tiny-llama. */
static inline void fixture_poison(engine_fixture *f, size_t id)
{
    const kern_matrix *w = &f->m->embed;
    uint8_t *panel = (uint8_t *)f->m->panels.data + id / KERN_PANEL_ROWS * w->panel_bytes;
    bool found = false;
    float row[64];
    assert_int_equal(w->k, 64);
    for (size_t at = 0; at + 2 <= w->panel_bytes && !found; at += 2) {
        const uint8_t inf[2] = {0x00, 0x7C};
        uint8_t saved[2];
        memcpy(saved, panel + at, 2);
        memcpy(panel + at, inf, 2);
        panel_row_f32(w->type, panel, id % KERN_PANEL_ROWS, 64, row);
        for (size_t k = 0; k < 64; k++)
            found = found || row[k] > 1e30f;
        if (!found) memcpy(panel + at, saved, 2);
    }
    assert_true(found);
}

/* Path of a model that is not in the repository, or NULL with a note. */
static inline const char *real_model(char *buf, size_t cap, const char *name)
{
    const char *dir = getenv("WAAGE_MODELS");
    (void)snprintf(buf, cap, "%s/%s", dir ? dir : ".cache/models", name);
    if (file_exists(buf)) return buf;
    fprintf(stderr, "   skipped: no %s (set WAAGE_MODELS)\n", buf);
    return NULL;
}

#endif
