/* fuzz_runfile.c - RUN.yaml from anybody: no crash, and what was read can be written and read
 * again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "harness/runfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena a = ARENA_EMPTY;
    runfile f, again;
    waage_err err;
    if (runfile_parse(&f, &a, (const char *)data, size, "run.yaml", &err) == WAAGE_OK) {
        strbuf b = STRBUF_EMPTY;
        if (runfile_print(&b, &f, "/nonexistent", &err) == WAAGE_OK &&
            (runfile_parse(&again, &a, strbuf_str(&b), b.len, "again", &err) != WAAGE_OK ||
             again.n_models != f.n_models || again.suites.n != f.suites.n))
            abort();
        strbuf_free(&b);
    }
    arena_free(&a);
    return 0;
}
