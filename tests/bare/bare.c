/* bare.c - kernels, GGUF and graph without anything else, for processors that only an emulator
 * offers: linked statically over libc. `bare kernels` runs the kernel tests; `bare logits FILE...`
 * feeds token ids to models and prints a digest of the logits for each grade and key/value format.
 * Every kernel set of this machine must give the same digest, and so must every machine:
 * tests/bare/run.sh compares what this prints here and there. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runners/local/probe.h"
#include "tests/emulated/emulated.h"

int test_attention(void), test_fmath(void), test_kernels(void), test_kernels_ops(void),
    test_quant(void);

/* The native sets are what is compared here; emulated ones have their place in run_tests. */
const kern_set *emulated_set_find(const char *name)
{
    (void)name;
    return NULL;
}

enum { TOKENS = 100, FIRST_CHUNK = 37 };

static const char *const grade_names[] = {"i16", "i8", "f32"};

typedef struct {
    gguf *file;
    pool *threads;
    model *m;
} loaded;

static void check(waage_status st, const waage_err *err)
{
    if (st == WAAGE_OK) return;
    fprintf(stderr, "%s\n", err->msg);
    exit(1);
}

/* FNV-1a over the rows, which come in order: one thread, one row at a time. */
static void hash_row(void *ctx, size_t slice, size_t pos, const float *logits, size_t thread)
{
    const loaded *l = ((void **)ctx)[0];
    uint64_t *h = ((void **)ctx)[1];
    (void)slice, (void)pos, (void)thread;
    for (size_t i = 0; i < l->m->p.n_vocab; i++) {
        uint32_t bits;
        memcpy(&bits, &logits[i], sizeof bits);
        for (int byte = 0; byte < 4; byte++)
            *h = (*h ^ (bits >> 8 * byte & 255)) * 1099511628211u;
    }
}

static uint64_t digest(const loaded *l, const kern_set *kern, kern_grade grade, kern_kv_format f)
{
    const kv_shape shape = model_kv_shape(&l->m->p, f);
    int32_t tokens[TOKENS];
    uint64_t h = 14695981039346656037u, state = 9;
    void *ctx[] = {(void *)(uintptr_t)l, &h};
    waage_err err = {0};
    kvcache *kv;
    probe *p;
    for (size_t i = 0; i < TOKENS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        tokens[i] = (int32_t)((state >> 33) % l->m->p.n_vocab);
    }
    check(kvcache_create(&kv, shape, 4 * kvcache_page_bytes(shape), l->threads, &err), &err);
    const forward_options fo = {.m = l->m,
                                .kern = kern,
                                .grade = grade,
                                .threads = l->threads,
                                .kv = kv,
                                .max_tokens = TOKENS};
    check(probe_create(&p, &fo, kv, TOKENS, &err), &err);
    check(probe_read(p, tokens, FIRST_CHUNK, 0, hash_row, ctx, &err), &err);
    check(probe_read(p, tokens + FIRST_CHUNK, TOKENS - FIRST_CHUNK, 0, hash_row, ctx, &err), &err);
    probe_free(p);
    kvcache_free(kv);
    return h;
}

static int logits_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    loaded l;
    waage_err err = {0};
    int bad = 0;
    check(gguf_open(&l.file, path, &err), &err);
    check(pool_create(&l.threads, 1, &err), &err);
    check(model_load(&l.m, l.file, l.threads, SIZE_MAX, &err), &err);
    for (kern_grade g = KERN_GRADE_I16; g <= KERN_GRADE_F32; g++)
        for (kern_kv_format f = KERN_KV_F32; f < KERN_KV_FORMATS; f++) {
            if (f != KERN_KV_F32 && g != KERN_GRADE_I16) continue; /* an emulator takes its time */
            uint64_t first = 0;
            for (size_t k = 0; kern_sets[k]; k++) {
                if (!kern_sets[k]->available()) continue;
                const uint64_t h = digest(&l, kern_sets[k], g, f);
                if (first == 0) first = h;
                if (h == first) continue;
                fprintf(stderr, "%s %s %s: %s differs\n", name, grade_names[g],
                        kvcache_format_names[f], kern_sets[k]->name);
                bad = 1;
            }
            printf("%s %s %s %016" PRIx64 "\n", name, grade_names[g], kvcache_format_names[f],
                   first);
        }
    model_free(l.m);
    pool_free(l.threads);
    gguf_close(l.file);
    return bad;
}

int main(int argc, char **argv)
{
    fprintf(stderr, "kernel sets here:");
    for (size_t k = 0; kern_sets[k]; k++)
        if (kern_sets[k]->available()) fprintf(stderr, " %s", kern_sets[k]->name);
    fputc('\n', stderr);
    if (argc == 2 && strcmp(argv[1], "kernels") == 0)
        return test_fmath() + test_quant() + test_kernels_ops() + test_attention() + test_kernels();
    if (argc > 2 && strcmp(argv[1], "logits") == 0) {
        int bad = 0;
        for (int i = 2; i < argc; i++)
            bad |= logits_of(argv[i]);
        return bad;
    }
    fprintf(stderr, "usage: bare kernels | bare logits FILE...\n");
    return 2;
}
