/* test_engine.c - the engine's promise: what a request gets back is a function of the model and the
 * request. The same three dozen jobs run under every combination of slots, threads, chunks, memory
 * and kernel set, and must give the same bits; the hash of those bits is kept for each grade. */
#include "engine_fixture.h"
#include "harness/base/hash.h"
#include "harness/base/rng.h"

enum { N_JOBS = 36, MAX_TOKENS = 400, N_CHOICES = 3 };

typedef struct {
    batch_job jobs[N_JOBS];
    int32_t tokens[N_JOBS][N_CHOICES][MAX_TOKENS];
    batch_choice choices[N_JOBS][N_CHOICES];
    size_t n_done;
    char hex[HASH_HEX];
} workload;

static void fill_random(int32_t *t, size_t from, size_t to, uint64_t stream, size_t n_vocab)
{
    rng r;
    rng_init(&r, 5, stream);
    for (size_t i = from; i < to; i++)
        t[i] = (int32_t)rng_below(&r, n_vocab);
}

/* Two thirds generate (greedy and sampled, short and long), one third scores three choices. Half of
 * them begin with the same 150 tokens. */
static void plan_jobs(workload *w, size_t n_vocab)
{
    memset(w, 0, sizeof *w);
    for (size_t i = 0; i < N_JOBS; i++) {
        batch_job *j = &w->jobs[i];
        const size_t shared = i % 2 == 0 ? 150 : 0, n = shared + 3 + i * 37 % 90;
        for (size_t c = 0; c < N_CHOICES; c++) {
            fill_random(w->tokens[i][c], 0, shared, 1, n_vocab);
            fill_random(w->tokens[i][c], shared, n, 100 + i, n_vocab);
            fill_random(w->tokens[i][c], n, n + 40, 1000 + i * 3 + c, n_vocab);
            w->choices[i][c] = (batch_choice){
                .tokens = w->tokens[i][c], .n = n + (c == 0 ? 1 : 1 + (i + c) * 7 % 40), .cut = n};
        }
        j->user = w;
        if (i % 3 == 2) {
            j->kind = REQUEST_LOGLIK;
            j->choices = w->choices[i];
            j->n_choices = N_CHOICES;
            continue;
        }
        j->kind = REQUEST_GENERATE;
        j->prompt = w->tokens[i][0];
        j->n_prompt = n;
        j->max_new = 5 + i * 11 % 70;
        j->how = (sampling){.temperature = i % 4 == 1 ? 0.9 : 0,
                            .top_p = i % 8 == 1 ? 0.8 : 1.0,
                            .top_k = i % 8 == 5 ? 20 : 0,
                            .seed = 11};
        j->item_key = 77 + i;
        j->sample = (uint32_t)(i % 5);
    }
}

static bool on_token(void *ctx, batch_job *job, int32_t id, float logprob, batch_forced *then)
{
    (void)ctx, (void)job, (void)then;
    assert_true(logprob <= 0.0f);
    return id == 2; /* an end of text, so that lengths differ */
}

static waage_status on_done(void *ctx, batch_job *job, waage_err *err)
{
    workload *w = job->user;
    (void)ctx, (void)err;
    if (job->error) fail_msg("%s", job->error);
    w->n_done++;
    return WAAGE_OK;
}

static void hash_workload(workload *w)
{
    hash *h = hash_create();
    assert_non_null(h);
    for (size_t i = 0; i < N_JOBS; i++) {
        batch_job *j = &w->jobs[i];
        hash_add(h, j->tokens, j->n_new * sizeof *j->tokens);
        hash_add(h, j->logprobs, j->n_new * sizeof *j->logprobs);
        for (size_t c = 0; c < j->n_choices; c++) {
            const size_t n = j->choices[c].n - j->choices[c].cut;
            hash_add(h, j->choices[c].logprobs, n * sizeof(float));
            hash_add(h, j->choices[c].greedy, n);
        }
        batch_free_results(j);
    }
    hash_end(h, w->hex);
}

static void run_workload(workload *w, const char *name, const engine_setup *s)
{
    engine_fixture f;
    waage_err err = {0};
    char path[128];
    fixture_open(&f, tiny_path(path, name), s);
    plan_jobs(w, f.m->p.n_vocab);
    batch_options bo =
        fixture_batch(&f, s->n_slots, s->chunk, (batch_hooks){NULL, on_token, on_done});
    bo.grade = s->grade;
    batch *b;
    must(batch_create(&b, &bo, &err), &err);
    size_t next = 0;
    for (size_t steps = 0; w->n_done < N_JOBS; steps++) {
        while (next < N_JOBS && batch_n_waiting(b) < s->n_slots)
            must(batch_add(b, &w->jobs[next++], &err), &err);
        must(batch_step(b, &err), &err);
        assert_true(steps < 100000);
    }
    batch_free(b);
    assert_int_equal(kvcache_n_held(f.kv), 0); /* every page came back */
    hash_workload(w);
    fixture_close(&f);
}

static const struct {
    const char *name;
    kern_grade grade;
} grades[] = {{"i16", KERN_GRADE_I16}, {"i8", KERN_GRADE_I8}, {"f32", KERN_GRADE_F32}};
enum { N_GRADES = 3 };

/* Models that run in every key/value format: plain, with sinks and a window, with keys and values
 * of two lengths. */
static bool stores_apart(size_t m)
{
    static const char *const names[] = {"tiny-llama", "tiny-gptoss", "tiny-dsv3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(tiny_models[m], names[i]) == 0) return true;
    return false;
}

/* Rows of tests/golden/tiny-hashes.txt: "i16", or "i16+q8" where keys and values are not f32. */
static void setup_name(char name[16], size_t grade, kern_kv_format kv)
{
    const char *plus = kv == KERN_KV_F32 ? "" : "+";
    (void)snprintf(name, 16, "%s%s%s", grades[grade].name, plus,
                   *plus ? kvcache_format_names[kv] : "");
}

/* Hash of the jobs under a setup; the fixture's plain setup is one thread, one slot. */
static void check_setup(const char *name, const engine_setup *s, const char *expected,
                        const char *what)
{
    static workload w;
    run_workload(&w, name, s);
    if (strcmp(w.hex, expected) != 0)
        fail_msg("%s, %s: other bits: slots %zu, threads %zu, chunk %zu, pages %zu, isa %s", name,
                 what, s->n_slots, s->n_threads, s->chunk, s->kv_pages, s->isa ? s->isa : "best");
}

static const engine_setup plain = {.n_threads = 1, .n_slots = 1, .chunk = 512, .kv_pages = 200};

static void read_golden_hash(char out[HASH_HEX], const char *name, const char *grade)
{
    char *text, line[64];
    size_t len;
    waage_err err = {0};
    must(file_read(&text, &len, "tests/golden/tiny-hashes.txt", 65536, &err), &err);
    (void)snprintf(line, sizeof line, "%s %s ", name, grade);
    const char *at = strstr(text, line);
    out[0] = '\0';
    if (at) (void)snprintf(out, HASH_HEX, "%.64s", at + strlen(line));
    free(text);
}

static void test_committed_hashes(void **state)
{
    (void)state;
    static workload w;
    size_t n_bad = 0;
    for (size_t m = 0; m < N_TINY; m++)
        for (size_t g = 0; g < N_GRADES * KERN_KV_FORMATS; g++) {
            char expected[HASH_HEX], name[16];
            engine_setup s = plain;
            s.grade = grades[g % N_GRADES].grade;
            s.kv_format = (kern_kv_format)(g / N_GRADES);
            s.n_slots = 8;
            if (s.kv_format != KERN_KV_F32 && (s.grade != KERN_GRADE_I16 || !stores_apart(m)))
                continue;
            run_workload(&w, tiny_models[m], &s);
            setup_name(name, g % N_GRADES, s.kv_format);
            read_golden_hash(expected, tiny_models[m], name);
            if (strcmp(expected, w.hex) == 0) continue;
            n_bad++;
            fprintf(stderr, "   now: %s %s %s\n", tiny_models[m], name, w.hex);
        }
    if (n_bad > 0)
        fail_msg(
            "%zu hashes differ from tests/golden/tiny-hashes.txt; bits may change only together "
            "with KERN_ARITHMETIC_VERSION",
            n_bad);
}

/* The first two models run under everything, the others take turns: what they add stands above the
 * kernels. */
enum { N_WHOLE = 2 };

static bool has_turn(size_t m, size_t i, size_t n)
{
    return m < N_WHOLE || i % n == m % n;
}

/* Each grade under one setting that differs from the committed one in everything. */
static void test_kernel_sets(void **state)
{
    (void)state;
    for (size_t k = 0; kern_sets[k]; k++) {
        if (!kern_sets[k]->available()) continue;
        for (size_t m = 0; m < N_TINY; m++)
            for (size_t g = 0; g < N_GRADES + (stores_apart(m) ? KERN_KV_FORMATS - 1 : 0); g++) {
                char expected[HASH_HEX], name[16];
                const size_t grade = g < N_GRADES ? g : 0; /* i16 in the other formats */
                if (g < N_GRADES && !has_turn(m, g, N_GRADES)) continue;
                engine_setup s = {.n_threads = 2,
                                  .n_slots = 5,
                                  .chunk = 100,
                                  .kv_pages = 60,
                                  .isa = kern_sets[k]->name,
                                  .grade = grades[grade].grade,
                                  .kv_format = (kern_kv_format)(g - (g < N_GRADES ? g : 2))};
                setup_name(name, grade, s.kv_format);
                read_golden_hash(expected, tiny_models[m], name);
                check_setup(tiny_models[m], &s, expected, "kernel set");
            }
    }
}

static void test_batch_threads_chunks_memory(void **state)
{
    (void)state;
    static const engine_setup setups[] = {
        {.n_threads = 1, .n_slots = 1, .chunk = 512, .kv_pages = 200},
        {.n_threads = 2, .n_slots = 2, .chunk = 512, .kv_pages = 200},
        {.n_threads = 3, .n_slots = 33, .chunk = 512, .kv_pages = 200},
        {.n_threads = 1, .n_slots = 33, .chunk = 33, .kv_pages = 200},
        {.n_threads = 2, .n_slots = 4, .chunk = 1, .kv_pages = 200},
        {.n_threads = 2, .n_slots = 3, .chunk = 64, .kv_pages = 200},
        {.n_threads = 2,
         .n_slots = 33,
         .chunk = 512,
         .kv_pages = 7},                                            /* sequences lose their pages */
        {.n_threads = 3, .n_slots = 4, .chunk = 77, .kv_pages = 5}, /* one sequence, and no more */
    };
    for (size_t m = 0; m < N_TINY; m++) {
        for (size_t i = 0; i < sizeof setups / sizeof *setups; i++)
            for (kern_kv_format f = KERN_KV_F32; f < KERN_KV_FORMATS; f++) {
                if (!has_turn(m, i, 4)) continue;
                if (f != KERN_KV_F32 && (f != 1 + i / 2 % 2 || !stores_apart(m))) continue;
                char expected[HASH_HEX], name[16];
                engine_setup s = setups[i];
                s.kv_format = f;
                setup_name(name, 0, f);
                read_golden_hash(expected, tiny_models[m], name);
                check_setup(tiny_models[m], &s, expected, "batch");
            }
    }
}

/* Nothing packed, or two thirds: panels packed for the moment give the same bits. */
static void test_weights_memory(void **state)
{
    (void)state;
    for (size_t m = 0; m < N_TINY; m++)
        for (size_t g = 0; g < N_GRADES; g++)
            for (size_t third = 0; third < 3 && (m == 0 || g == 0); third += 2) {
                char path[128], expected[HASH_HEX];
                if (!has_turn(m, g, N_GRADES)) continue;
                engine_setup s = {.n_threads = 2,
                                  .n_slots = 8,
                                  .chunk = 100,
                                  .kv_pages = 200,
                                  .grade = grades[g].grade};
                engine_fixture f;
                fixture_open(&f, tiny_path(path, tiny_models[m]), &s);
                assert_int_equal(f.m->n_mapped, 0);
                s.weights = f.m->panels.n_bytes * third / 3 + 1;
                fixture_close(&f);
                fixture_open(&f, tiny_path(path, tiny_models[m]), &s);
                const bool transposed =
                    f.m->p.latent.kv_rank > 0; /* those are packed in any case */
                assert_true(f.m->n_mapped > 0);
                assert_true(transposed || f.m->panels.n_bytes <= s.weights);
                assert_true(third == 0 || f.m->panels.n_bytes > s.weights / 4);
                assert_non_null(f.m->embed.rows); /* the least used */
                fixture_close(&f);
                read_golden_hash(expected, tiny_models[m], grades[g].name);
                check_setup(tiny_models[m], &s, expected, "weights memory");
            }
}

/* ---- Sharing ---- */

static const char llama_path[] = "tests/fixtures/tiny-llama.gguf";
static const char gemma_path[] = "tests/fixtures/tiny-gemma3.gguf";

static void run_jobs(batch *b, batch_job *jobs, size_t n, workload *w)
{
    waage_err err = {0};
    w->n_done = 0;
    for (size_t i = 0; i < n; i++)
        must(batch_add(b, &jobs[i], &err), &err);
    while (w->n_done < n)
        must(batch_step(b, &err), &err);
}

/* The same request a second time finds its prompt's whole pages, and so do neighbours that start
 * together. */
static void test_prefix_is_shared(void **state)
{
    (void)state;
    static workload w;
    engine_fixture f;
    waage_err err = {0};
    batch *b;
    fixture_open(&f, llama_path, &plain);
    plan_jobs(&w, f.m->p.n_vocab);
    const batch_options bo = {.m = f.m,
                              .kern = f.kern,
                              .threads = f.threads,
                              .kv = f.kv,
                              .n_slots = 8,
                              .chunk_tokens = 512,
                              .hooks = {NULL, on_token, on_done}};
    must(batch_create(&b, &bo, &err), &err);
    batch_job jobs[4];
    for (size_t i = 0; i < 4; i++)
        jobs[i] = (batch_job){.kind = REQUEST_GENERATE,
                              .user = &w,
                              .prompt = w.tokens[0][0],
                              .n_prompt = 130,
                              .max_new = 4};
    run_jobs(b, jobs, 4, &w);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(jobs[i].n_computed + jobs[i].n_shared, 130);
        assert_int_equal(jobs[i].n_shared, i == 0 ? 0 : 128);
        assert_int_equal(jobs[i].n_new, jobs[0].n_new);
        assert_memory_equal(jobs[i].logprobs, jobs[0].logprobs, jobs[0].n_new * sizeof(float));
        if (i > 0) batch_free_results(&jobs[i]);
    }
    batch_free_results(&jobs[0]);
    batch_free(b);
    fixture_close(&f);
}

/* Prompts with the same beginning compute it once, also the part that fills no page, whether they
 * start together or one after the other. */
static void test_parts_of_pages_are_shared(void **state)
{
    (void)state;
    enum { N = 6, SAME = 100 };
    static workload w;
    for (size_t n_slots = 1; n_slots <= N; n_slots += N - 1) {
        engine_fixture f;
        waage_err err = {0};
        batch *b;
        fixture_open(&f, gemma_path, &plain);
        plan_jobs(&w, f.m->p.n_vocab);
        const batch_options bo = {.m = f.m,
                                  .kern = f.kern,
                                  .threads = f.threads,
                                  .kv = f.kv,
                                  .n_slots = n_slots,
                                  .chunk_tokens = 512,
                                  .hooks = {NULL, on_token, on_done}};
        must(batch_create(&b, &bo, &err), &err);
        batch_job jobs[N];
        for (size_t i = 0; i < N; i++) { /* the last two are the same prompt */
            const size_t k = i < N - 1 ? i : N - 2;
            fill_random(w.tokens[i][0], 0, SAME, 1, f.m->p.n_vocab);
            fill_random(w.tokens[i][0], SAME, 121, 7 + k, f.m->p.n_vocab);
            jobs[i] = (batch_job){.kind = REQUEST_GENERATE,
                                  .user = &w,
                                  .prompt = w.tokens[i][0],
                                  .n_prompt = 121,
                                  .max_new = 3};
        }
        run_jobs(b, jobs, N, &w);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(jobs[i].n_computed + jobs[i].n_shared, 121);
            assert_int_equal(jobs[i].n_shared, i == 0 ? 0 : i < N - 1 ? SAME : 120);
        }
        assert_memory_equal(jobs[N - 1].logprobs, jobs[N - 2].logprobs, sizeof(float));
        for (size_t i = 0; i < N; i++)
            batch_free_results(&jobs[i]);
        batch_free(b);
        assert_int_equal(kvcache_n_held(f.kv), 0);
        fixture_close(&f);
    }
}

/* Three choices behind 131 tokens: the prompt runs once. */
static void test_choices_share_their_prompt(void **state)
{
    (void)state;
    static workload w;
    engine_fixture f;
    waage_err err = {0};
    batch *b;
    fixture_open(&f, gemma_path, &plain);
    plan_jobs(&w, f.m->p.n_vocab);
    const batch_options bo = {.m = f.m,
                              .kern = f.kern,
                              .threads = f.threads,
                              .kv = f.kv,
                              .n_slots = 1,
                              .chunk_tokens = 512,
                              .hooks = {NULL, on_token, on_done}};
    must(batch_create(&b, &bo, &err), &err);
    batch_choice c[3];
    for (size_t i = 0; i < 3; i++) {
        w.tokens[1][i][131] = (int32_t)i + 5; /* the choices part here */
        for (size_t k = 0; k < 131; k++)
            w.tokens[1][i][k] = w.tokens[1][0][k];
        c[i] = (batch_choice){.tokens = w.tokens[1][i], .n = 131 + 4, .cut = 131};
    }
    batch_job job = {.kind = REQUEST_LOGLIK, .user = &w, .choices = c, .n_choices = 3};
    run_jobs(b, &job, 1, &w);
    assert_int_equal(job.n_computed, 131 + 3 * 3); /* a choice's last token is only predicted */
    batch_free_results(&job);
    batch_free(b);
    assert_int_equal(kvcache_n_held(f.kv), 0);
    fixture_close(&f);
}

static void run_generate(batch *b, workload *w, batch_job *job, size_t n_prompt, size_t max_new)
{
    *job = (batch_job){.kind = REQUEST_GENERATE,
                       .user = w,
                       .prompt = w->tokens[0][0],
                       .n_prompt = n_prompt,
                       .max_new = max_new};
    run_jobs(b, job, 1, w);
}

/* Longrope: a request that may outgrow the first context shares nothing with one that may not, and
 * gets the same bits with or without it. */
static void test_long_texts_keep_apart(void **state)
{
    (void)state;
    static workload w;
    engine_fixture f;
    waage_err err = {0};
    batch_job in_short, first, again;
    for (size_t round = 0; round < 2; round++) {
        batch *b;
        fixture_open(&f, "tests/fixtures/tiny-phi3-long.gguf", &plain);
        assert_int_equal(f.m->p.n_context_short, 160);
        plan_jobs(&w, f.m->p.n_vocab);
        const batch_options bo = {.m = f.m,
                                  .kern = f.kern,
                                  .threads = f.threads,
                                  .kv = f.kv,
                                  .n_slots = 2,
                                  .chunk_tokens = 512,
                                  .hooks = {NULL, on_token, on_done}};
        must(batch_create(&b, &bo, &err), &err);
        if (round == 0) run_generate(b, &w, &in_short, 150, 10);
        run_generate(b, &w, round == 0 ? &first : &again, 150, 11);
        batch_free(b);
        fixture_close(&f);
    }
    assert_int_equal(in_short.n_shared, 0);
    assert_int_equal(first.n_shared, 0);
    assert_int_equal(first.n_new, again.n_new);
    assert_memory_equal(first.logprobs, again.logprobs, first.n_new * sizeof(float));
    assert_true(in_short.logprobs[0] != first.logprobs[0]);
    batch_free_results(&in_short);
    batch_free_results(&first);
    batch_free_results(&again);
}

/* A sequence that outgrows all memory ends with an error; the others go on. */
static void fill_memory_done(batch_job *job, size_t *n_failed)
{
    *n_failed += job->error != NULL;
}

static waage_status on_any_end(void *ctx, batch_job *job, waage_err *err)
{
    workload *w = job->user;
    (void)err;
    fill_memory_done(job, ctx);
    w->n_done++;
    return WAAGE_OK;
}

static bool never_stop(void *ctx, batch_job *job, int32_t id, float logprob, batch_forced *then)
{
    (void)ctx, (void)job, (void)id, (void)logprob, (void)then;
    return false;
}

static void test_memory_too_small(void **state)
{
    (void)state;
    static workload w;
    engine_fixture f;
    waage_err err = {0};
    size_t n_failed = 0;
    batch *b;
    engine_setup s = plain;
    s.kv_pages = 2;
    fixture_open(&f, llama_path, &s);
    plan_jobs(&w, f.m->p.n_vocab);
    const batch_options bo = {.m = f.m,
                              .kern = f.kern,
                              .threads = f.threads,
                              .kv = f.kv,
                              .n_slots = 4,
                              .chunk_tokens = 512,
                              .hooks = {&n_failed, never_stop, on_any_end}};
    must(batch_create(&b, &bo, &err), &err);
    batch_job jobs[3] = {
        {.kind = REQUEST_GENERATE,
         .user = &w,
         .prompt = w.tokens[1][0],
         .n_prompt = 30,
         .max_new = 20},
        {.kind = REQUEST_GENERATE,
         .user = &w,
         .prompt = w.tokens[1][1],
         .n_prompt = 120,
         .max_new = 60},
        {.kind = REQUEST_GENERATE,
         .user = &w,
         .prompt = w.tokens[1][2],
         .n_prompt = 40,
         .max_new = 20},
    };
    run_jobs(b, jobs, 3, &w);
    assert_int_equal(n_failed, 1);
    assert_non_null(jobs[1].error);
    assert_int_equal(jobs[0].n_new, 20);
    assert_int_equal(jobs[2].n_new, 20);
    for (size_t i = 0; i < 3; i++)
        batch_free_results(&jobs[i]);
    batch_free(b);
    fixture_close(&f);
}

static const int32_t forced_ids[] = {5, 6, 7, 9};
enum { FORCED_AT = 3, N_FORCED = 4 };

static bool force_once(void *ctx, batch_job *job, int32_t id, float logprob, batch_forced *then)
{
    (void)ctx, (void)id, (void)logprob;
    if (job->n_new == FORCED_AT) *then = (batch_forced){forced_ids, N_FORCED};
    return false;
}

/* Forced tokens are as good as a prompt: what follows is what a prompt with them would give, their
 * log-probabilities are those of a continuation, in chunks of one token as in one piece. */
static void test_forced_tokens(void **state)
{
    (void)state;
    static workload w;
    engine_fixture f;
    waage_err err = {0};
    size_t n_failed = 0;
    for (size_t chunk = 1; chunk <= 64; chunk *= 64) {
        batch *b;
        fixture_open(&f, llama_path, &plain);
        plan_jobs(&w, f.m->p.n_vocab);
        batch_options bo = {.m = f.m,
                            .kern = f.kern,
                            .threads = f.threads,
                            .kv = f.kv,
                            .n_slots = 1,
                            .chunk_tokens = chunk,
                            .hooks = {&n_failed, force_once, on_any_end}};
        must(batch_create(&b, &bo, &err), &err);
        batch_job one = {.kind = REQUEST_GENERATE,
                         .user = &w,
                         .prompt = w.tokens[1][0],
                         .n_prompt = 30,
                         .max_new = 12};
        batch_job full = {.kind = REQUEST_GENERATE,
                          .user = &w,
                          .prompt = w.tokens[1][1],
                          .n_prompt = 30,
                          .max_new = FORCED_AT + N_FORCED};
        run_jobs(b, &one, 1, &w);
        run_jobs(b, &full, 1, &w);
        batch_free(b);
        assert_null(one.error);
        assert_int_equal(one.n_new, 12);
        assert_memory_equal(one.tokens + FORCED_AT, forced_ids, sizeof forced_ids);
        assert_non_null(full.error); /* no room for an answer behind them */

        int32_t text[30 + FORCED_AT + N_FORCED];
        memcpy(text, w.tokens[1][0], 30 * sizeof *text);
        memcpy(text + 30, one.tokens, (FORCED_AT + N_FORCED) * sizeof *text);
        batch_choice c = {.tokens = text, .n = sizeof text / sizeof *text, .cut = 30 + FORCED_AT};
        batch_job as_prompt = {.kind = REQUEST_GENERATE,
                               .user = &w,
                               .prompt = text,
                               .n_prompt = sizeof text / sizeof *text,
                               .max_new = 12 - FORCED_AT - N_FORCED};
        batch_job as_choice = {.kind = REQUEST_LOGLIK, .user = &w, .choices = &c, .n_choices = 1};
        bo.hooks.token = never_stop;
        must(batch_create(&b, &bo, &err), &err);
        run_jobs(b, &as_prompt, 1, &w);
        run_jobs(b, &as_choice, 1, &w);
        batch_free(b);
        assert_memory_equal(one.tokens + FORCED_AT + N_FORCED, as_prompt.tokens,
                            as_prompt.n_new * sizeof(int32_t));
        assert_memory_equal(one.logprobs + FORCED_AT + N_FORCED, as_prompt.logprobs,
                            as_prompt.n_new * sizeof(float));
        assert_memory_equal(one.logprobs + FORCED_AT, c.logprobs, N_FORCED * sizeof(float));
        batch_free_results(&one);
        batch_free_results(&full);
        batch_free_results(&as_prompt);
        batch_free_results(&as_choice);
        fixture_close(&f);
    }
}

/* A model that computes an infinity fails the item that met it, with its neighbours untouched. */
static void test_not_finite(void **state)
{
    (void)state;
    static workload w;
    engine_fixture f;
    waage_err err = {0};
    size_t n_failed = 0;
    batch *b;
    fixture_open(&f, llama_path, &plain);
    plan_jobs(&w, f.m->p.n_vocab);
    const size_t id = 9;
    fixture_poison(&f, id);
    const batch_options bo = {.m = f.m,
                              .kern = f.kern,
                              .threads = f.threads,
                              .kv = f.kv,
                              .n_slots = 4,
                              .chunk_tokens = 512,
                              .hooks = {&n_failed, never_stop, on_any_end}};
    must(batch_create(&b, &bo, &err), &err);
    for (size_t i = 0; i < 30; i++) {
        if (w.tokens[1][0][i] == (int32_t)id) w.tokens[1][0][i] = 10;
        w.tokens[1][1][i] = w.tokens[1][0][i];
    }
    w.tokens[1][1][20] = (int32_t)id;
    batch_job jobs[2] = {
        {.kind = REQUEST_GENERATE,
         .user = &w,
         .prompt = w.tokens[1][0],
         .n_prompt = 30,
         .max_new = 1},
        {.kind = REQUEST_GENERATE,
         .user = &w,
         .prompt = w.tokens[1][1],
         .n_prompt = 30,
         .max_new = 1},
    };
    run_jobs(b, jobs, 2, &w);
    assert_null(jobs[0].error);
    assert_non_null(jobs[1].error);
    for (size_t i = 0; i < 2; i++)
        batch_free_results(&jobs[i]);
    batch_free(b);
    fixture_close(&f);
}

int test_engine(void);
int test_engine(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_committed_hashes),
        cmocka_unit_test(test_kernel_sets),
        cmocka_unit_test(test_batch_threads_chunks_memory),
        cmocka_unit_test(test_weights_memory),
        cmocka_unit_test(test_prefix_is_shared),
        cmocka_unit_test(test_parts_of_pages_are_shared),
        cmocka_unit_test(test_choices_share_their_prompt),
        cmocka_unit_test(test_long_texts_keep_apart),
        cmocka_unit_test(test_memory_too_small),
        cmocka_unit_test(test_forced_tokens),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
