/* test_engine_model.c - what the loader refuses, by name: a tiny model whose bytes are changed in
 * memory, one thing at a time; and the page table of the key/value cache. */
#define _DEFAULT_SOURCE /* mincore */
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>
#include "engine_fixture.h"

typedef struct {
    char *bytes;
    size_t len;
} image;

static image load_image(const char *path)
{
    image im;
    waage_err err = {0};
    must(file_read(&im.bytes, &im.len, path, 1 << 24, &err), &err);
    return im;
}

/* First occurrence of text at or after from. */
static char *find_bytes(const image *im, const char *text, size_t n)
{
    for (size_t i = 0; i + n <= im->len; i++)
        if (memcmp(im->bytes + i, text, n) == 0) return im->bytes + i;
    fail_msg("the fixture has no '%s'", text);
    return NULL;
}

/* Load what the image holds; the status and message of model_load(). */
static waage_status try_load(const image *im, waage_err *err)
{
    gguf *g;
    pool *p;
    model *m = NULL;
    must(gguf_open_memory(&g, im->bytes, im->len, "tiny.gguf", err), err);
    must(pool_create(&p, 1, err), err);
    const waage_status st = model_load(&m, g, p, SIZE_MAX, err);
    assert_true((st == WAAGE_OK) == (m != NULL));
    model_free(m);
    pool_free(p);
    gguf_close(g);
    return st;
}

static const char llama_path[] = "tests/fixtures/tiny-llama.gguf";
static const char gemma_path[] = "tests/fixtures/tiny-gemma3.gguf";
static const char qwen2_path[] = "tests/fixtures/tiny-qwen2.gguf";
static const char qwen3_path[] = "tests/fixtures/tiny-qwen3.gguf";
static const char phi3_path[] = "tests/fixtures/tiny-phi3.gguf";
static const char long_path[] = "tests/fixtures/tiny-phi3-long.gguf";
static const char gpt2_path[] = "tests/fixtures/tiny-gpt2.gguf";
static const char bias_path[] = "tests/fixtures/tiny-llama-bias.gguf";

static void expect_refusal(const image *im, waage_status st, const char *names)
{
    waage_err err = {0};
    const waage_status is = try_load(im, &err);
    if (is != st || !strstr(err.msg, names))
        fail_msg("status %d and a message with '%s' expected; status %d: %s", st, names, is,
                 err.msg);
}

/* Names are replaced by names of the same length. */
static void test_renamed(void **state)
{
    (void)state;
    static const struct {
        const char *path, *from, *to;
        waage_status status;
        const char *names;
    } cases[] = {
        {llama_path, "general.architecture", "general.architecturX", WAAGE_ENOTFOUND,
         "architecture"},
        {llama_path, "llama.rope.freq_base", "llama.rope.freq_bass", WAAGE_EUNSUPPORTED,
         "freq_bass"},
        {llama_path, "llama.block_count", "llama.block_coun_", WAAGE_EUNSUPPORTED, "block_coun_"},
        {llama_path, "blk.1.ffn_up.weight", "blk.1.ffn_xx.weight", WAAGE_EFORMAT,
         "blk.1.ffn_up.weight"},
        {llama_path, "rope_freqs.weight", "rope_frexs.weight", WAAGE_EUNSUPPORTED,
         "rope_frexs.weight"},
        {llama_path, "output.weight", "outpux.weight", WAAGE_EUNSUPPORTED, "outpux.weight"},
        {llama_path, "output_norm.weight", "outpux_norm.weight", WAAGE_EFORMAT,
         "output_norm.weight"},
        {gemma_path, "gemma3.attention.sliding_window", "gemma3.attention.sliding_winXow",
         WAAGE_EUNSUPPORTED, "sliding_winXow"},
        {gemma_path, "blk.3.attn_q_norm.weight", "blk.3.attn_q_norX.weight", WAAGE_EFORMAT,
         "blk.3.attn_q_norm.weight"},
        {qwen2_path, "blk.1.attn_k.bias", "blk.1.attn_k.biaX", WAAGE_EFORMAT, "blk.1.attn_k.bias"},
        {qwen2_path, "qwen2.attention.key_length", "qwen2.attention.key_lengtX", WAAGE_EUNSUPPORTED,
         "key_lengtX"},
        {qwen3_path, "blk.0.attn_q_norm.weight", "blk.0.attn_q_norX.weight", WAAGE_EFORMAT,
         "blk.0.attn_q_norm.weight"},
        {qwen3_path, "qwen3.rope.scaling.factor", "qwen3.rope.scaling.factoX", WAAGE_EUNSUPPORTED,
         "factoX"},
        {phi3_path, "blk.0.attn_qkv.weight", "blk.0.attn_qkX.weight", WAAGE_EFORMAT,
         "blk.0.attn_qkv.weight"},
        {phi3_path, "blk.1.ffn_up.weight", "blk.1.ffn_Xp.weight", WAAGE_EFORMAT,
         "blk.1.ffn_up.weight"},
        {long_path, "rope_factors_short.weight", "rope_factorX_short.weight", WAAGE_EFORMAT,
         "rope_factors_short.weight"},
        {long_path, "rope_factors_long.weight", "rope_factorX_long.weight", WAAGE_EUNSUPPORTED,
         "rope_factor"},
        {gpt2_path, "position_embd.weight", "position_embX.weight", WAAGE_EFORMAT,
         "position_embd.weight"},
        {gpt2_path, "blk.0.ffn_norm.bias", "blk.0.ffn_norm.biaX", WAAGE_EFORMAT,
         "blk.0.ffn_norm.bias"},
        {gpt2_path, "output_norm.bias", "output_norm.biaX", WAAGE_EFORMAT, "output_norm.bias"},
        {bias_path, "blk.0.attn_q.bias", "blk.0.attn_X.bias", WAAGE_EUNSUPPORTED,
         "blk.0.attn_X.bias"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        image im = load_image(cases[i].path);
        const size_t n = strlen(cases[i].from);
        assert_int_equal(n, strlen(cases[i].to));
        memcpy(find_bytes(&im, cases[i].from, n), cases[i].to, n);
        expect_refusal(&im, cases[i].status, cases[i].names);
        free(im.bytes);
    }
}

/* The u32 behind a key (key text, u32 kind, value) set to another number. */
static void set_u32(const image *im, const char *key, uint32_t v)
{
    const size_t n = strlen(key);
    char *at = find_bytes(im, key, n) + n;
    assert_int_equal(at[0], 4); /* GGUF_U32 */
    memcpy(at + 4, &v, sizeof v);
}

static void test_impossible_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *path, *key;
        uint32_t value;
        waage_status status;
        const char *names;
    } cases[] = {
        {llama_path, "llama.block_count", 0, WAAGE_EFORMAT, "block_count"},
        {llama_path, "llama.block_count", 4, WAAGE_EFORMAT, "blk.3.attn_norm.weight"},
        {llama_path, "llama.block_count", 2, WAAGE_EUNSUPPORTED, "blk.2."},
        {llama_path, "llama.block_count", 0xFFFFFFFF, WAAGE_EFORMAT, "block_count"},
        {llama_path, "llama.embedding_length", 32, WAAGE_EFORMAT, "token_embd.weight"},
        {llama_path, "llama.embedding_length", 0xFFFFFFFF, WAAGE_EFORMAT, "embedding_length"},
        {llama_path, "llama.feed_forward_length", 255, WAAGE_EFORMAT, "ffn_gate.weight"},
        {llama_path, "llama.attention.head_count", 3, WAAGE_EFORMAT, "heads"},
        {llama_path, "llama.attention.head_count", 0, WAAGE_EFORMAT, "head_count"},
        {llama_path, "llama.attention.head_count", 8, WAAGE_EFORMAT, "attn_q.weight"},
        {llama_path, "llama.attention.head_count_kv", 4, WAAGE_EFORMAT, "attn_k.weight"},
        {llama_path, "llama.attention.key_length", 32, WAAGE_EUNSUPPORTED, "values"},
        {llama_path, "llama.attention.value_length", 2000, WAAGE_EFORMAT, "value_length"},
        {llama_path, "llama.rope.dimension_count", 17, WAAGE_EFORMAT, "dimension_count"},
        {llama_path, "llama.rope.dimension_count", 15, WAAGE_EFORMAT, "rotary"},
        {llama_path, "llama.rope.dimension_count", 8, WAAGE_EFORMAT, "rope_freqs.weight"},
        {qwen3_path, "qwen3.rope.scaling.original_context_length", 0, WAAGE_EFORMAT, "YaRN"},
        {phi3_path, "phi3.attention.head_count_kv", 4, WAAGE_EFORMAT, "attn_qkv.weight"},
        {phi3_path, "phi3.feed_forward_length", 64, WAAGE_EFORMAT, "ffn_up.weight"},
        {long_path, "phi3.rope.scaling.original_context_length", 0, WAAGE_EFORMAT, "longrope"},
        {long_path, "phi3.rope.dimension_count", 8, WAAGE_EFORMAT, "rope_factors_short.weight"},
        {gpt2_path, "gpt2.context_length", 2048, WAAGE_EFORMAT, "position_embd.weight"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        image im = load_image(cases[i].path);
        set_u32(&im, cases[i].key, cases[i].value);
        expect_refusal(&im, cases[i].status, cases[i].names);
        free(im.bytes);
    }
}

/* Experts and latent attention: counts that do not fit one another. */
static void test_impossible_experts(void **state)
{
    static const char deepseek[] = "tests/fixtures/tiny-dsv2.gguf";
    static const char legacy[] = "tests/fixtures/tiny-dsv2lite.gguf";
    static const char v3[] = "tests/fixtures/tiny-dsv3.gguf";
    static const char oss[] = "tests/fixtures/tiny-gptoss.gguf";
    static const struct {
        const char *path, *key;
        uint32_t value;
        waage_status status;
        const char *names;
    } cases[] = {
        {oss, "gpt-oss.expert_count", 0, WAAGE_EFORMAT, "expert_count"},
        {oss, "gpt-oss.expert_count", 4, WAAGE_EFORMAT, "ffn_gate_inp.weight"},
        {oss, "gpt-oss.expert_count", 5000, WAAGE_EFORMAT, "expert_count"},
        {oss, "gpt-oss.expert_used_count", 9, WAAGE_EFORMAT, "expert_used_count"},
        {oss, "gpt-oss.expert_feed_forward_length", 64, WAAGE_EFORMAT, "ffn_gate_exps.weight"},
        {deepseek, "deepseek2.expert_group_count", 3, WAAGE_EFORMAT, "groups"},
        {deepseek, "deepseek2.expert_group_count", 0, WAAGE_EFORMAT, "groups"},
        {deepseek, "deepseek2.expert_group_used_count", 5, WAAGE_EFORMAT, "groups"},
        {deepseek, "deepseek2.expert_group_used_count", 1, WAAGE_EFORMAT, "groups"},
        {deepseek, "deepseek2.attention.kv_lora_rank", 0, WAAGE_EFORMAT, "ranks"},
        {deepseek, "deepseek2.attention.kv_lora_rank", 64, WAAGE_EFORMAT, "attn_kv_a_mqa.weight"},
        {deepseek, "deepseek2.attention.key_length_mla", 16, WAAGE_EFORMAT, "ranks"},
        {deepseek, "deepseek2.attention.value_length_mla", 8, WAAGE_EFORMAT, "attn_v_b.weight"},
        {deepseek, "deepseek2.attention.q_lora_rank", 0, WAAGE_EFORMAT, "attn_q.weight"},
        {deepseek, "deepseek2.leading_dense_block_count", 0, WAAGE_EFORMAT, "ffn_gate_inp.weight"},
        {deepseek, "deepseek2.expert_shared_count", 1, WAAGE_EFORMAT, "ffn_gate_shexp.weight"},
        {deepseek, "deepseek2.expert_shared_count", 0, WAAGE_EUNSUPPORTED, "shexp"},
        {legacy, "deepseek2.attention.value_length", 16, WAAGE_EFORMAT, "attn_kv_b.weight"},
        {v3, "deepseek2.expert_gating_func", 3, WAAGE_EUNSUPPORTED, "expert_gating_func"},
        {v3, "deepseek2.nextn_predict_layers", 4, WAAGE_EFORMAT, "further token"},
        {v3, "deepseek2.nextn_predict_layers", 0, WAAGE_EFORMAT, "blk.3."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        image im = load_image(cases[i].path);
        set_u32(&im, cases[i].key, cases[i].value);
        expect_refusal(&im, cases[i].status, cases[i].names);
        free(im.bytes);
    }
}

/* The f32 behind a key set to another number. */
static void set_f32(const image *im, const char *key, float v)
{
    const size_t n = strlen(key);
    char *at = find_bytes(im, key, n) + n;
    assert_int_equal(at[0], 6); /* GGUF_F32 */
    memcpy(at + 4, &v, sizeof v);
}

/* Angles that leave the domain of sine and cosine would be computed differently by each machine. */
static void test_impossible_angles(void **state)
{
    (void)state;
    static const struct {
        const char *path, *key;
        float value;
        const char *names;
    } cases[] = {
        {llama_path, "llama.rope.freq_base", 1e-38f, "rotary"},
        {llama_path, "llama.rope.freq_base", NAN, "rotary"},
        {gemma_path, "gemma3.rope.freq_base", 1e-38f, "rotary"},
        {gemma_path, "gemma3.rope.freq_base", 0.0f, "rotary"},
        {llama_path, "llama.attention.layer_norm_rms_epsilon", NAN, "epsilon"},
        {llama_path, "llama.attention.layer_norm_rms_epsilon", INFINITY, "epsilon"},
        {llama_path, "llama.attention.layer_norm_rms_epsilon", -1.0f, "epsilon"},
        {qwen3_path, "qwen3.rope.scaling.factor", 0.5f, "YaRN"},
        {qwen3_path, "qwen3.rope.scaling.factor", NAN, "YaRN"},
        {qwen3_path, "qwen3.rope.freq_base", 1.0f, "YaRN"},
        {bias_path, "llama.rope.scaling.factor", 0.0f, "rotary"},
        {long_path, "phi3.rope.scaling.attn_factor", NAN, "longrope"},
        {gpt2_path, "gpt2.attention.layer_norm_epsilon", NAN, "epsilon"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        image im = load_image(cases[i].path);
        set_f32(&im, cases[i].key, cases[i].value);
        expect_refusal(&im, WAAGE_EFORMAT, cases[i].names);
        free(im.bytes);
    }
}

/* Divisors of Llama 3.1: each replaced by one that gives no angle. */
static void test_impossible_divisors(void **state)
{
    (void)state;
    static const float divisors[] = {0.0f, -1.0f, NAN, 1e-30f};
    for (size_t i = 0; i < sizeof divisors / sizeof *divisors; i++) {
        image im = load_image(llama_path);
        gguf *g;
        gguf_tensor t;
        waage_err err = {0};
        must(gguf_open_memory(&g, im.bytes, im.len, "tiny.gguf", &err), &err);
        assert_int_equal(gguf_find(g, "rope_freqs.weight", &t), WAAGE_OK);
        memcpy(im.bytes + ((const char *)t.data - im.bytes), &divisors[i], sizeof divisors[i]);
        gguf_close(g);
        expect_refusal(&im, WAAGE_EFORMAT, "rotary");
        free(im.bytes);
    }
}

/* ---- Pages ---- */

static const kv_shape tiny_shape = {2, 1, {KERN_KV_F32, 8, 8}};

/* A cache of n pages and the two threads that make its memory ready. */
typedef struct {
    pool *threads;
    kvcache *kv;
} page_fixture;

static page_fixture pages_open(kv_shape shape, size_t n)
{
    page_fixture f;
    waage_err err = {0};
    must(pool_create(&f.threads, 2, &err), &err);
    must(kvcache_create(&f.kv, shape, n * kvcache_page_bytes(shape), f.threads, &err), &err);
    assert_int_equal(kvcache_n_pages(f.kv), n);
    return f;
}

static void pages_close(page_fixture f)
{
    kvcache_free(f.kv);
    pool_free(f.threads);
}

static void fill_tokens(int32_t *t, int32_t first)
{
    for (int32_t i = 0; i < KV_PAGE_LEN; i++)
        t[i] = first + i;
}

static void test_pages_are_found_and_forgotten(void **state)
{
    (void)state;
    int32_t a[KV_PAGE_LEN], b[KV_PAGE_LEN];
    fill_tokens(a, 0);
    fill_tokens(b, 1000);
    const page_fixture f = pages_open(tiny_shape, 3);
    kvcache *kv = f.kv;
    kv_page *p = kvcache_take(kv), *q = kvcache_take(kv), *dup = kvcache_take(kv);
    assert_null(kvcache_take(kv));                                  /* all are held */
    assert_ptr_equal(kvcache_publish(kv, q, p, b, KV_PAGE_LEN), q); /* without its parent: no use */
    assert_null(kvcache_match(kv, p, b));
    assert_ptr_equal(kvcache_publish(kv, p, NULL, a, KV_PAGE_LEN), p);
    assert_ptr_equal(kvcache_publish(kv, q, p, b, KV_PAGE_LEN), q);
    assert_ptr_equal(kvcache_publish(kv, dup, NULL, a, KV_PAGE_LEN), p); /* dup is given up */
    assert_ptr_equal(kvcache_match(kv, NULL, a), p);
    assert_ptr_equal(kvcache_match(kv, p, b), q);
    assert_null(kvcache_match(kv, NULL, b)); /* the same tokens at another place */
    assert_null(kvcache_match(kv, q, b));
    kvcache_release(kv, q);
    kvcache_release(kv, q);
    kvcache_release(kv, p);
    kvcache_release(kv, p);
    kvcache_release(kv, p);
    assert_int_equal(kvcache_n_held(kv), 0);
    kv_page *r = kvcache_take(kv), *s = kvcache_take(kv); /* the free one, then the oldest */
    assert_ptr_equal(r, dup);
    assert_ptr_equal(s, q); /* released first */
    assert_ptr_equal(kvcache_match(kv, NULL, a), p);
    assert_null(kvcache_match(kv, p, b));
    pages_close(f);
}

/* Begun pages are found by the longest common beginning; what they grow by is found, too. */
static void test_begun_pages(void **state)
{
    (void)state;
    int32_t a[KV_PAGE_LEN], b[KV_PAGE_LEN], c[KV_PAGE_LEN];
    size_t n;
    fill_tokens(a, 0);
    fill_tokens(b, 0);
    fill_tokens(c, 5);
    b[20] = 999;
    const page_fixture f = pages_open(tiny_shape, 4);
    kvcache *kv = f.kv;
    kv_page *p = kvcache_take(kv), *q = kvcache_take(kv), *r = kvcache_take(kv);
    assert_null(kvcache_match_part(kv, NULL, a, KV_PAGE_LEN, &n));
    assert_ptr_equal(kvcache_publish(kv, p, NULL, a, 12), p);
    assert_ptr_equal(kvcache_publish(kv, q, NULL, b, 30), q);
    assert_ptr_equal(kvcache_match_part(kv, NULL, a, KV_PAGE_LEN, &n), q);
    assert_int_equal(n, 20);
    assert_ptr_equal(kvcache_publish(kv, p, NULL, a, 40), p);
    assert_ptr_equal(kvcache_match_part(kv, NULL, a, KV_PAGE_LEN, &n), p);
    assert_int_equal(n, 40);
    assert_ptr_equal(kvcache_match_part(kv, NULL, a, 7, &n), q); /* the latest of equals */
    assert_int_equal(n, 7);
    assert_null(kvcache_match_part(kv, NULL, c, KV_PAGE_LEN, &n)); /* another first token */
    assert_null(kvcache_match(kv, NULL, a));
    assert_ptr_equal(kvcache_publish(kv, r, p, a, 5), r); /* a begun page has no successors */
    assert_null(kvcache_match_part(kv, p, a, 5, &n));
    assert_ptr_equal(kvcache_publish(kv, p, NULL, a, KV_PAGE_LEN), p);
    assert_ptr_equal(kvcache_match(kv, NULL, a), p);
    assert_ptr_equal(kvcache_publish(kv, r, NULL, a, 50), r);
    assert_ptr_equal(kvcache_publish(kv, r, NULL, a, KV_PAGE_LEN), p); /* became what is there */
    for (int i = 0; i < 3; i++)
        kvcache_release(kv, p);
    kvcache_release(kv, q);
    assert_int_equal(kvcache_n_held(kv), 0);
    for (int i = 0; i < 4; i++)
        assert_non_null(kvcache_take(kv));
    assert_null(kvcache_match(kv, NULL, a));
    assert_null(kvcache_match_part(kv, NULL, b, KV_PAGE_LEN, &n));
    pages_close(f);
}

static void test_copy_takes_the_first_positions(void **state)
{
    (void)state;
    const page_fixture f = pages_open(tiny_shape, 2);
    kvcache *kv = f.kv;
    kv_page *p = kvcache_take(kv), *q = kvcache_take(kv);
    const size_t n = kern_kv_bytes(tiny_shape.block) / sizeof(float);
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < n; i++)
            ((float *)kvcache_block(kv, p, l, 0))[i] = (float)(l * n + i) + 1;
    kvcache_copy(kv, q, p, 5);
    for (size_t l = 0; l < 2; l++) {
        const float *from = kvcache_block(kv, p, l, 0), *to = kvcache_block(kv, q, l, 0);
        for (size_t d = 0; d < 8; d++)
            for (size_t pos = 0; pos < KV_PAGE_LEN; pos++) {
                const size_t k = d * KV_PAGE_LEN + pos, v = 8 * KV_PAGE_LEN + pos * 8 + d;
                assert_true(to[k] == (pos < 5 ? from[k] : 0.0f));
                assert_true(to[v] == (pos < 5 ? from[v] : 0.0f));
            }
    }
    pages_close(f);
}

/* Memory is made ready in several runs, whose ends lie inside of huge pages: none may touch what is
 * in use. */
static void test_making_ready_spares_pages_in_use(void **state)
{
    enum { PAGES = 900 };
    const kv_shape shape = {3, 1, {KERN_KV_F32, 24, 40}}; /* 48 KiB */
    const size_t bytes = kvcache_page_bytes(shape);
    const page_fixture f = pages_open(shape, PAGES);
    kv_page *pages[PAGES];
    (void)state;
    for (size_t i = 0; i < PAGES; i++) {
        pages[i] = kvcache_take(f.kv);
        assert_non_null(pages[i]);
        memset(pages[i]->data, 1 + (int)(i % 255), bytes);
    }
    assert_null(kvcache_take(f.kv));
    for (size_t i = 0; i < PAGES; i++)
        for (size_t k = 0; k < bytes; k++)
            if (pages[i]->data[k] != (char)(1 + i % 255))
                fail_msg("byte %zu of page %zu has changed", k, i);
    pages_close(f);
}

/* How much of a mapping is in memory. */
static size_t resident(const char *at, size_t n_bytes)
{
    enum { SYSTEM_PAGE = 4096 };
    const size_t n = n_bytes / SYSTEM_PAGE;
    unsigned char *there = calloc(n, 1);
    size_t sum = 0;
    assert_non_null(there);
    assert_int_equal(mincore((void *)(uintptr_t)at, n_bytes, there), 0);
    for (size_t i = 0; i < n; i++)
        sum += (there[i] & 1) * (size_t)SYSTEM_PAGE;
    free(there);
    return sum;
}

/* The first page brings 4 MiB a thread, in whole huge pages where the system gives them. */
static void test_memory_is_made_ready(void **state)
{
    enum { PAGES = 700, MIB = 1 << 20 };
    const kv_shape shape = {3, 1, {KERN_KV_F32, 24, 40}};
    const size_t bytes = PAGES * kvcache_page_bytes(shape);
    (void)state;
    if (sysconf(_SC_PAGESIZE) != 4096) skip();
    const page_fixture f = pages_open(shape, PAGES);
    const char *memory = kvcache_take(f.kv)->data;
    assert_in_range(resident(memory, bytes), 8 * MIB, 10 * MIB);
    while (kvcache_take(f.kv))
        ;
    assert_in_range(resident(memory, bytes), bytes, bytes);
    pages_close(f);
}

int test_engine_model(void);
int test_engine_model(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_renamed),
        cmocka_unit_test(test_impossible_numbers),
        cmocka_unit_test(test_impossible_experts),
        cmocka_unit_test(test_impossible_angles),
        cmocka_unit_test(test_impossible_divisors),
        cmocka_unit_test(test_pages_are_found_and_forgotten),
        cmocka_unit_test(test_begun_pages),
        cmocka_unit_test(test_making_ready_spares_pages_in_use),
        cmocka_unit_test(test_memory_is_made_ready),
        cmocka_unit_test(test_copy_takes_the_first_positions),
    };
    return cmocka_run_group_tests_name("engine_model", tests, NULL, NULL);
}
