/* bench_tokenizer.c - speed of a model's tokenizer on one core, in MB/s of processor time, the text
 * cut into documents of about 4 kB. Not part of the tests. make build/release/bench_tokenizer &&
 * build/release/bench_tokenizer TEXT MODEL.gguf... */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "harness/base/file.h"
#include "runners/local/tokenizer.h"

enum { DOCUMENT = 4096, RUNS = 3 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* the machine may be shared */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Documents end behind a line, or where the text does. */
static size_t document_end(const char *text, size_t len, size_t from)
{
    size_t end = from + DOCUMENT < len ? from + DOCUMENT : len;
    while (end < len && text[end - 1] != '\n' && end - from < 4 * DOCUMENT)
        end++;
    while (end < len && ((unsigned char)text[end] & 0xC0) == 0x80)
        end++;
    return end;
}

static waage_status encode_all(const tokenizer *t, const char *text, size_t len, size_t *n_ids,
                               waage_err *err)
{
    *n_ids = 0;
    for (size_t at = 0, end; at < len; at = end) {
        arena a = ARENA_EMPTY;
        const int32_t *ids;
        size_t n;
        end = document_end(text, len, at);
        WAAGE_TRY(tokenizer_encode(t, text + at, end - at, false, false, &a, &ids, &n, err));
        *n_ids += n;
        arena_free(&a);
    }
    return WAAGE_OK;
}

static waage_status measure(const char *path, const char *text, size_t len, waage_err *err)
{
    gguf *g;
    tokenizer *t;
    double best = 1e9;
    size_t n_ids = 0;
    WAAGE_TRY(gguf_open(&g, path, err));
    waage_status st = tokenizer_create(&t, g, err);
    for (int run = 0; run < RUNS && st == WAAGE_OK; run++) {
        const double from = now();
        st = encode_all(t, text, len, &n_ids, err);
        if (now() - from < best) best = now() - from;
    }
    if (st == WAAGE_OK)
        printf("%-40s %8.2f MB/s %6.3f s %9zu tokens\n", path, (double)len / best / 1e6, best,
               n_ids);
    tokenizer_free(t);
    gguf_close(g);
    return st;
}

int main(int argc, char **argv)
{
    char *text = NULL;
    size_t len = 0;
    waage_err err = {0};
    if (argc < 3) {
        fputs("bench_tokenizer TEXT MODEL.gguf...\n", stderr);
        return 2;
    }
    waage_status st = file_read(&text, &len, argv[1], (size_t)1 << 30, &err);
    for (int i = 2; i < argc && st == WAAGE_OK; i++)
        st = measure(argv[i], text, len, &err);
    if (st != WAAGE_OK) fprintf(stderr, "%s\n", err.msg);
    free(text);
    return st != WAAGE_OK;
}
