/* test_engine_memory.c - what loading a real model costs: private memory, as the system counts it.
 */
#include "engine_fixture.h"

/* Private memory of this process in bytes; 0 where the system does not say. */
static size_t private_bytes(void)
{
    char line[128];
    unsigned long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && kib == 0 && fgets(line, sizeof line, f))
        (void)sscanf(line, "RssAnon: %lu", &kib);
    if (f) (void)fclose(f);
    return (size_t)kib * 1024;
}

/* Panels are only ever added while a model loads: what is there at the end was the peak. */
static size_t loading_costs(const char *path, size_t weights, bool mapped)
{
    engine_fixture f;
    const engine_setup s = {.n_threads = 2, .kv_pages = 4, .weights = weights};
    const size_t before = private_bytes();
    fixture_open(&f, path, &s);
    const size_t after = private_bytes();
    assert_true((f.m->n_mapped > 0) == mapped);
    fixture_close(&f);
    return after > before ? after - before : 0;
}

static void test_loading(void **state)
{
    static const char *const names[] = {"SmolLM2-135M-Instruct.Q4_1.gguf",
                                        "gemma-3-270m-q4_k_m.gguf"};
    char path[4096];
    const size_t slack = 4 << 20; /* tables, arenas, rounding to huge pages */
    (void)state;
    if (private_bytes() == 0) return;
    for (size_t i = 0; i < 2; i++) {
        if (!real_model(path, sizeof path, names[i])) continue;
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        assert_int_equal(fseek(file, 0, SEEK_END), 0);
        const size_t n = (size_t)ftell(file), limit = 16 << 20;
        (void)fclose(file);
        assert_in_range(loading_costs(path, 0, false), n / 2, n / 10 * 11);
        assert_in_range(loading_costs(path, limit, true), limit / 2, limit + slack);
    }
}

int test_engine_memory(void);
int test_engine_memory(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_loading)};
    return cmocka_run_group_tests_name("engine_memory", tests, NULL, NULL);
}
