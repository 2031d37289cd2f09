/* test_draft.c - guesses change no bit. Jobs run with no guesses, with prompt lookup, with a liar
 * who knows the right tokens and says some of them, and with nonsense; texts and log-probabilities
 * must be equal, and so must be what later requests find in the pages. */
#include "engine_fixture.h"
#include "harness/base/rng.h"

enum { N_JOBS = 6, MAX_PROMPT = 200, MAX_NEW = 48, MAX_TEXT = MAX_PROMPT + MAX_NEW };
enum { N_SCORED = 4, N_LIES = 7 };

typedef struct {
    batch_job jobs[N_JOBS];
    int32_t prompts[N_JOBS][MAX_PROMPT];
    size_t n_done;
    batch_totals totals;
    float after[N_JOBS][N_LIES][N_SCORED]; /* log-probabilities that are asked for afterwards */
} outcome;

/* ---- Guessers -------------------------------------------------------------------------------- */

static const outcome *truth; /* what the liar knows */

/* The text that begins with these tokens, from token n on. */
static const int32_t *find_rest(const int32_t *tokens, size_t n, size_t *n_rest)
{
    for (size_t i = 0; i < N_JOBS; i++) {
        const batch_job *j = &truth->jobs[i];
        if (n < j->n_prompt || n >= j->n_prompt + j->n_new) continue;
        if (memcmp(tokens, j->prompt, j->n_prompt * sizeof *tokens) != 0) continue;
        const size_t made = n - j->n_prompt;
        if (memcmp(tokens + j->n_prompt, j->tokens, made * sizeof *tokens) != 0) continue;
        *n_rest = j->n_new - made;
        return j->tokens + made;
    }
    return NULL;
}

/* Right for n % 5 tokens, then wrong. */
static size_t draft_lies(const int32_t *tokens, size_t n, int32_t *out, size_t max)
{
    size_t n_rest = 0;
    const int32_t *rest = find_rest(tokens, n, &n_rest);
    for (size_t i = 0; i < max; i++) {
        out[i] = rest && i < n_rest ? rest[i] : 5;
        if (i >= n % 5) out[i] = out[i] > 0 ? out[i] - 1 : 7;
    }
    return max;
}

static size_t draft_truth(const int32_t *tokens, size_t n, int32_t *out, size_t max)
{
    size_t n_rest = 0;
    const int32_t *rest = find_rest(tokens, n, &n_rest);
    if (!rest) return 0;
    if (max > n_rest) max = n_rest;
    memcpy(out, rest, max * sizeof *out);
    return max;
}

static int32_t poison_id;

static size_t draft_poison(const int32_t *tokens, size_t n, int32_t *out, size_t max)
{
    (void)tokens, (void)n;
    for (size_t i = 0; i < max; i++)
        out[i] = poison_id;
    return max;
}

/* ---- Running --------------------------------------------------------------------------------- */

/* Random tokens, a phrase over and over, or half and half; greedy and sampled. */
static void plan_jobs(outcome *o, size_t n_vocab)
{
    memset(o, 0, sizeof *o);
    for (size_t i = 0; i < N_JOBS; i++) {
        rng r;
        rng_init(&r, 3, i);
        const size_t n = 20 + i * 31, period = i % 3 == 0 ? n : 5 + i;
        for (size_t k = 0; k < n; k++)
            o->prompts[i][k] =
                k < period ? (int32_t)rng_below(&r, n_vocab) : o->prompts[i][k - period];
        o->jobs[i] = (batch_job){
            .kind = REQUEST_GENERATE,
            .user = o,
            .prompt = o->prompts[i],
            .n_prompt = n,
            .max_new = MAX_NEW - i,
            .how = {.temperature = i % 2 ? 0.7 : 0, .top_p = i % 4 == 1 ? 0.9 : 1.0, .seed = 5},
            .item_key = i};
    }
}

static const int32_t forced[] = {11, 12, 13};

/* Ends and forced tokens wherever the text says so. */
static bool on_token(void *ctx, batch_job *job, int32_t id, float logprob, batch_forced *then)
{
    const bool *wild = ctx;
    assert_true(logprob <= 0.0f);
    if (*wild && job->n_new + 4 < job->max_new && id % 16 == 4) *then = (batch_forced){forced, 3};
    return *wild && job->n_new > 30 && id % 8 == 1;
}

static waage_status on_done(void *ctx, batch_job *job, waage_err *err)
{
    outcome *o = job->user;
    (void)ctx, (void)err;
    if (job->error) fail_msg("%s", job->error);
    o->n_done++;
    return WAAGE_OK;
}

static void run_until(batch *b, const outcome *o, size_t n)
{
    waage_err err = {0};
    while (o->n_done < n)
        must(batch_step(b, &err), &err);
}

/* Log-probabilities of the last N_SCORED tokens. */
static void score(batch *b, outcome *o, const int32_t *text, size_t n, float out[N_SCORED])
{
    waage_err err = {0};
    batch_choice c = {.tokens = text, .n = n, .cut = n - N_SCORED};
    batch_job job = {.kind = REQUEST_LOGLIK, .user = o, .choices = &c, .n_choices = 1};
    o->n_done = 0;
    must(batch_add(b, &job, &err), &err);
    run_until(b, o, 1);
    memcpy(out, c.logprobs, N_SCORED * sizeof *out);
    batch_free_results(&job);
}

/* Every text again, and its beginnings with what the liar said there: most of them is found in the
 * pages, but nothing of a guess that was wrong. */
static void score_texts(batch *b, outcome *o)
{
    for (size_t i = 0; i < N_JOBS; i++) {
        int32_t text[MAX_TEXT + N_SCORED];
        const batch_job *j = &o->jobs[i];
        const size_t n = j->n_prompt + j->n_new;
        memcpy(text, j->prompt, j->n_prompt * sizeof *text);
        memcpy(text + j->n_prompt, j->tokens, j->n_new * sizeof *text);
        score(b, o, text, n, o->after[i][0]);
        for (size_t k = 1; k < N_LIES; k++) {
            const size_t at = (n - 1 - 5 * k) / 5 * 5; /* where all that he says is wrong */
            if (at < j->n_prompt) continue;
            for (size_t d = 0; d < 3 + N_SCORED; d++) {
                const int32_t id = d < 3 ? j->tokens[at + d - j->n_prompt] : 4;
                text[at + d] = id > 0 ? id - 1 : 7;
            }
            score(b, o, text, at + 3 + N_SCORED, o->after[i][k]);
        }
    }
}

static void run(outcome *o, const char *name, const engine_setup *s, draft_fn draft, bool wild)
{
    engine_fixture f;
    waage_err err = {0};
    char path[128];
    batch *b;
    fixture_open(&f, tiny_path(path, name), s);
    plan_jobs(o, f.m->p.n_vocab);
    batch_options bo =
        fixture_batch(&f, s->n_slots, s->chunk, (batch_hooks){&wild, on_token, on_done});
    bo.grade = s->grade;
    bo.draft = draft;
    must(batch_create(&b, &bo, &err), &err);
    for (size_t i = 0; i < N_JOBS; i++)
        must(batch_add(b, &o->jobs[i], &err), &err);
    run_until(b, o, N_JOBS);
    o->totals = batch_get_totals(b);
    score_texts(b, o);
    batch_free(b);
    assert_int_equal(kvcache_n_held(f.kv), 0);
    fixture_close(&f);
}

static void free_outcome(outcome *o)
{
    for (size_t i = 0; i < N_JOBS; i++)
        batch_free_results(&o->jobs[i]);
}

static void assert_equal(const outcome *a, const outcome *b, const char *name)
{
    for (size_t i = 0; i < N_JOBS; i++) {
        const batch_job *x = &a->jobs[i], *y = &b->jobs[i];
        if (x->n_new != y->n_new ||
            memcmp(x->tokens, y->tokens, x->n_new * sizeof *x->tokens) != 0 ||
            memcmp(x->logprobs, y->logprobs, x->n_new * sizeof *x->logprobs) != 0)
            fail_msg("%s: guesses changed text %zu", name, i);
        if (memcmp(a->after[i], b->after[i], sizeof a->after[i]) != 0)
            fail_msg("%s: guesses changed the pages of text %zu", name, i);
    }
    assert_int_equal(a->totals.new_tokens, b->totals.new_tokens);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static const engine_setup setups[] = {
    {.n_threads = 2, .n_slots = 1, .chunk = 512, .kv_pages = 100},
    {.n_threads = 1, .n_slots = 3, .chunk = 7, .kv_pages = 100, .kv_format = KERN_KV_Q8},
    {.n_threads = 2, .n_slots = 6, .chunk = 64, .kv_pages = 6, .grade = KERN_GRADE_I8},
    {.n_threads = 2, .n_slots = 2, .chunk = 3, .kv_pages = 7, .kv_format = KERN_KV_F16},
};
enum { N_SETUPS = sizeof setups / sizeof *setups };

static void test_guesses_change_nothing(void **state)
{
    static outcome plain, drafted;
    static const draft_fn drafts[] = {draft_lookup, draft_lies, draft_truth, draft_poison};
    enum { LOOKUP, LIES, TRUTH };
    uint64_t n_accepted[4] = {0}, n_drafted[4] = {0};
    (void)state;
    for (size_t m = 0; m < N_TINY; m++) {
        const engine_setup *s = &setups[m % N_SETUPS];
        const bool wild = m / N_SETUPS % 2 == 0;
        run(&plain, tiny_models[m], s, NULL, wild);
        assert_int_equal(plain.totals.n_drafted, 0);
        truth = &plain;
        for (size_t d = 0; d < 4; d++) {
            if (d > LIES && m % 3 != 0) continue;
            run(&drafted, tiny_models[m], s, drafts[d], wild);
            assert_equal(&plain, &drafted, tiny_models[m]);
            n_accepted[d] += drafted.totals.n_accepted;
            n_drafted[d] += drafted.totals.n_drafted;
            free_outcome(&drafted);
        }
        free_outcome(&plain);
    }
    for (size_t d = 0; d < 4; d++)
        assert_true(n_drafted[d] > n_accepted[d] || d == TRUTH);
    assert_true(n_accepted[LOOKUP] > 30 && n_accepted[LIES] > 100 && n_accepted[TRUTH] > 100);
}

/* Truth saves nearly all steps of a lonely sequence, and so does lookup in a text that goes round.
 */
static size_t count_steps(draft_fn draft, batch_totals *totals, size_t n_slots)
{
    static outcome o;
    engine_fixture f;
    waage_err err = {0};
    batch *b;
    bool wild = false;
    size_t n_steps = 0;
    fixture_open(&f, "tests/fixtures/tiny-llama.gguf", &setups[0]);
    plan_jobs(&o, f.m->p.n_vocab);
    batch_options bo = fixture_batch(&f, n_slots, 512, (batch_hooks){&wild, on_token, on_done});
    bo.draft = draft;
    must(batch_create(&b, &bo, &err), &err);
    for (size_t i = 0; i < n_slots; i++) {
        o.jobs[i] = o.jobs[4];
        must(batch_add(b, &o.jobs[i], &err), &err);
    }
    for (; o.n_done < n_slots; n_steps++)
        must(batch_step(b, &err), &err);
    *totals = batch_get_totals(b);
    free_outcome(&o);
    batch_free(b);
    fixture_close(&f);
    return n_steps;
}

static void test_guesses_save_steps(void **state)
{
    static outcome plain;
    batch_totals totals;
    (void)state;
    run(&plain, "tiny-llama", &setups[0], NULL, false);
    truth = &plain;
    const size_t without = count_steps(NULL, &totals, 1);
    assert_int_equal(totals.n_drafted, 0);
    assert_true(count_steps(draft_truth, &totals, 1) < without / 3);
    assert_true(totals.n_accepted > MAX_NEW / 2);
    assert_true(count_steps(draft_poison, &totals, 1) == without);
    assert_true(totals.n_drafted < 20);              /* trust is soon gone */
    (void)count_steps(draft_truth, &totals, N_JOBS); /* six rows are too many for some guesses */
    assert_true(totals.n_drafted < 6 * MAX_NEW / 2);
    free_outcome(&plain);
}

/* A guess that computes an infinity is no more than wrong; a right one fails as it would have
 * failed. */
static waage_status on_any_end(void *ctx, batch_job *job, waage_err *err)
{
    (void)ctx, (void)err;
    ((outcome *)job->user)->n_done++;
    return WAAGE_OK;
}

static bool never_stop(void *ctx, batch_job *job, int32_t id, float logprob, batch_forced *then)
{
    (void)ctx, (void)job, (void)id, (void)logprob, (void)then;
    return false;
}

static void run_poisoned(outcome *o, kern_kv_format format, draft_fn draft)
{
    engine_fixture f;
    waage_err err = {0};
    batch *b;
    engine_setup s = setups[0];
    s.kv_format = format;
    fixture_open(&f, "tests/fixtures/tiny-llama.gguf", &s);
    if (poison_id >= 0) fixture_poison(&f, (size_t)poison_id);
    plan_jobs(o, f.m->p.n_vocab);
    batch_options bo = fixture_batch(&f, 1, 512, (batch_hooks){NULL, never_stop, on_any_end});
    bo.draft = draft;
    must(batch_create(&b, &bo, &err), &err);
    for (size_t i = 0; i < N_JOBS; i++) {
        for (size_t k = 0; k < MAX_PROMPT; k++)
            if (o->prompts[i][k] == poison_id) o->prompts[i][k] = poison_id + 1;
        o->jobs[i].how = (sampling){.temperature = i < 2 ? 0 : 20, .top_p = 1, .seed = 5};
        must(batch_add(b, &o->jobs[i], &err), &err);
    }
    run_until(b, o, N_JOBS);
    batch_free(b);
    assert_int_equal(kvcache_n_held(f.kv), 0);
    fixture_close(&f);
}

static void test_guesses_may_be_infinite(void **state)
{
    static outcome plain, drafted;
    static const draft_fn drafts[] = {draft_poison, draft_truth};
    (void)state;
    for (kern_kv_format format = KERN_KV_F32; format < KERN_KV_FORMATS; format++) {
        size_t n_failed = 0;
        poison_id = -1;
        run_poisoned(&plain, format, NULL);
        poison_id = plain.jobs[3].tokens[20]; /* a sampled text meets it */
        free_outcome(&plain);
        run_poisoned(&plain, format, NULL);
        truth = &plain;
        for (size_t d = 0; d < 2; d++) {
            run_poisoned(&drafted, format, drafts[d]);
            for (size_t i = 0; i < N_JOBS; i++) {
                const batch_job *x = &plain.jobs[i], *y = &drafted.jobs[i];
                assert_int_equal(x->n_new, y->n_new);
                assert_memory_equal(x->tokens, y->tokens, x->n_new * sizeof *x->tokens);
                assert_memory_equal(x->logprobs, y->logprobs, x->n_new * sizeof *x->logprobs);
                assert_true(!x->error == !y->error);
                n_failed += y->error != NULL;
                assert_true(!y->error || x->tokens[x->n_new - 1] == poison_id);
            }
            free_outcome(&drafted);
        }
        assert_true(n_failed > 0);
        free_outcome(&plain);
    }
}

static void test_lookup(void **state)
{
    static const int32_t text[] = {1, 2, 3, 4, 5, 2, 3, 9, 8, 1, 2, 3, 7, 7, 7};
    int32_t out[4];
    (void)state;
    assert_int_equal(draft_lookup(text, 1, out, 4), 0);
    assert_int_equal(draft_lookup(text, 5, out, 4), 0);
    assert_int_equal(draft_lookup(text, 6, out, 4), 0); /* one token is no match */
    assert_int_equal(draft_lookup(text, 7, out, 4), 4); /* 2 3 */
    assert_memory_equal(out, (&(const int32_t[]){4, 5, 2, 3}), sizeof out);
    assert_int_equal(draft_lookup(text, 12, out, 4), 4); /* 1 2 3 before the later 2 3 */
    assert_memory_equal(out, (&(const int32_t[]){4, 5, 2, 3}), sizeof out);
    assert_int_equal(draft_lookup(text + 1, 11, out, 3), 3); /* the latest 2 3 */
    assert_memory_equal(out, (&(const int32_t[]){9, 8, 1}), 3 * sizeof *out);
    assert_int_equal(draft_lookup(text, 15, out, 4), 4); /* a loop goes on */
    assert_memory_equal(out, (&(const int32_t[]){7, 7, 7, 7}), sizeof out);
}

int test_draft(void);
int test_draft(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_guesses_change_nothing),
        cmocka_unit_test(test_guesses_save_steps),
        cmocka_unit_test(test_guesses_may_be_infinite),
    };
    return cmocka_run_group_tests_name("draft", tests, NULL, NULL);
}
