/* cmd_bench.c - `waage bench`: how fast a model reads and writes here, through the same interface
 * that a run uses; with --fidelity how far each grade of activations lies from f32. */
#include "harness/cmd_model.h"
#include "harness/stopwatch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BENCH_ANSWER = 64, BENCH_SHORT_PROMPT = 16, BENCH_MAX_REQUESTS = 32, BENCH_WORDS = 8 };

typedef struct {
    cmd_model model;
    bool json, fidelity;
    size_t repeats, fidelity_tokens;
} bench_args;

static const opt bench_options[] = {
    CMD_MODEL_OPTION(offsetof(bench_args, model)),
    {0, "repeats", OPT_SIZE, offsetof(bench_args, repeats), "N",
     "the best of N is shown (default 2)"},
    {0, "fidelity", OPT_FLAG, offsetof(bench_args, fidelity), NULL,
     "distance of the grades i16 and i8 from f32, instead of speed"},
    {0, "tokens", OPT_SIZE, offsetof(bench_args, fidelity_tokens), "N",
     "length of the text for --fidelity (default 512)"},
    {0, "json", OPT_FLAG, offsetof(bench_args, json), NULL, "for machines"},
    CMD_ENGINE_OPTIONS(offsetof(bench_args, model)),
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

typedef struct {
    const char *name; /* "prefill", "decode" */
    size_t n_tokens;  /* of a prompt (prefill) */
    size_t n_requests;
} bench_case;

static const bench_case cases[] = {
    {"prefill", 128, 4}, {"prefill", 512, 2}, {"decode", 0, 1}, {"decode", 0, 8}, {"decode", 0, 32},
};

typedef struct {
    runner *r;
    arena *a;
    size_t n_prompts; /* made so far: every prompt differs, so that no prefix is shared */
} bench;

typedef struct {
    uint64_t n_prompt, n_answer; /* tokens computed */
    double seconds;
} measure;

static waage_status count_tokens(const bench *b, const char *text, size_t *n, waage_err *err)
{
    arena a = ARENA_EMPTY;
    const int32_t *ids = NULL;
    const char *const *pieces = NULL;
    const waage_status st =
        b->r->ops->tokenize(b->r, text, strlen(text), true, false, &ids, &pieces, n, &a, err);
    arena_free(&a);
    return st;
}

/* A text of at least n tokens that no other prompt begins with. */
static waage_status make_prompt(bench *b, size_t n, const char **out, waage_err *err)
{
    static const char *const words[BENCH_WORDS] = {"river",  "seven",   "window", "silent",
                                                   "copper", "morning", "ladder", "question"};
    strbuf text = STRBUF_EMPTY;
    size_t have = 0;
    waage_status st = WAAGE_OK;
    uint64_t x = 0x9e3779b97f4a7c15ULL * (uint64_t)(++b->n_prompts);
    strbuf_printf(&text, "%zu", b->n_prompts);
    while (st == WAAGE_OK && have < n) {
        for (size_t i = 0; i < BENCH_WORDS; i++) {
            x = x * 6364136223846793005ULL + 1442695040888963407ULL;
            strbuf_printf(&text, " %s", words[(x >> 33) % BENCH_WORDS]);
        }
        st = count_tokens(b, strbuf_str(&text), &have, err);
    }
    if (st == WAAGE_OK) st = strbuf_check(&text, err);
    if (st == WAAGE_OK && !(*out = arena_strndup(b->a, text.s, text.len)))
        st = waage_err_nomem(err);
    strbuf_free(&text);
    return st;
}

static waage_status take_reply(void *ctx, size_t i, const reply *rp, waage_err *err)
{
    measure *m = ctx;
    (void)i;
    if (rp->finish != FINISH_STOP && rp->finish != FINISH_LENGTH)
        return waage_err_set(err, WAAGE_EFAIL, "%s", rp->error ? rp->error : "no answer");
    m->n_prompt += rp->prompt_tokens - rp->cached_tokens;
    m->n_answer += rp->completion_tokens;
    return WAAGE_OK;
}

static waage_status run_once(bench *b, size_t n_requests, size_t n_prompt, uint32_t n_answer,
                             measure *out, waage_err *err)
{
    request rq[BENCH_MAX_REQUESTS];
    *out = (measure){0, 0, 0};
    for (size_t i = 0; i < n_requests; i++) {
        rq[i] = (request){.item_id = "bench",
                          .kind = REQUEST_GENERATE,
                          .proto = PROTOCOL_COMPLETION,
                          .sample_by = SAMPLING_GREEDY,
                          .sample = (uint32_t)i,
                          .max_tokens = n_answer};
        WAAGE_TRY(make_prompt(b, n_prompt, &rq[i].prompt, err));
    }
    const cmd_batch batch = {rq, n_requests, take_reply, NULL, out};
    const double begun = stopwatch_now();
    WAAGE_TRY(cmd_model_run(b->r, &batch, err));
    out->seconds = stopwatch_now() - begun;
    return WAAGE_OK;
}

/* Tokens per second. Decoding is the difference of a long and a one-token answer, so that reading
 * the prompts does not count. 0: too fast or too short to tell. */
static waage_status rate_of(bench *b, const bench_case *c, double *out, waage_err *err)
{
    measure one, all;
    *out = 0;
    if (c->n_tokens) {
        WAAGE_TRY(run_once(b, c->n_requests, c->n_tokens, 1, &all, err));
        if (all.seconds > 0) *out = (double)all.n_prompt / all.seconds;
        return WAAGE_OK;
    }
    WAAGE_TRY(run_once(b, c->n_requests, BENCH_SHORT_PROMPT, 1, &one, err));
    WAAGE_TRY(run_once(b, c->n_requests, BENCH_SHORT_PROMPT, BENCH_ANSWER + 1, &all, err));
    if (all.n_answer > one.n_answer && all.seconds > one.seconds)
        *out = (double)(all.n_answer - one.n_answer) / (all.seconds - one.seconds);
    return WAAGE_OK;
}

static void put_head(strbuf *out, const runner_info *i, bool json)
{
    const char *isa = i->isa ? i->isa : "-", *grade = i->activations ? i->activations : "-";
    if (!json) {
        strbuf_printf(out, "%s  %s  %s\n", i->name, grade, isa);
        return;
    }
    strbuf_puts(out, "{\"model\": ");
    strbuf_put_json(out, i->name, strlen(i->name));
    strbuf_printf(out, ", \"sha256\": \"%s\", \"activations\": \"%s\", \"isa\": \"%s\"",
                  i->sha256 ? i->sha256 : "", grade, isa);
}

static waage_status measure_speed(bench *b, const bench_args *args, strbuf *out, waage_err *err)
{
    measure warm;
    WAAGE_TRY(run_once(b, 1, BENCH_SHORT_PROMPT, 4, &warm, err));
    if (args->json) strbuf_puts(out, ", \"speed\": [");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const bench_case *c = &cases[k];
        double best = 0;
        for (size_t i = 0; i < args->repeats; i++) {
            double rate = 0;
            WAAGE_TRY(rate_of(b, c, &rate, err));
            if (rate > best) best = rate;
        }
        const size_t size = c->n_tokens ? c->n_tokens : c->n_requests;
        const char *unit = c->n_tokens ? "prompt tokens" : "sequences";
        if (args->json)
            strbuf_printf(out, "%s{\"case\": \"%s\", \"%s\": %zu, \"tokens_per_second\": %.1f}",
                          k ? ", " : "", c->name, c->n_tokens ? "prompt_tokens" : "batch", size,
                          best);
        else
            strbuf_printf(out, "%-8s %4zu %-14s %10.1f tokens/s\n", c->name, size, unit, best);
    }
    if (args->json) strbuf_putc(out, ']');
    return WAAGE_OK;
}

static waage_status measure_fidelity(bench *b, const bench_args *args, strbuf *out, waage_err *err)
{
    static const char *const grades[] = {"i16", "i8"};
    if (!b->r->ops->fidelity)
        return waage_err_set(err, WAAGE_EUNSUPPORTED, "%s: a model of this kind has no grades",
                             args->model.uri);
    if (args->json) strbuf_puts(out, ", \"fidelity\": [");
    for (size_t i = 0; i < sizeof grades / sizeof *grades; i++) {
        runner_fidelity f;
        WAAGE_TRY(b->r->ops->fidelity(b->r, grades[i], NULL, 0, args->fidelity_tokens, &f, err));
        const double flips = f.n_positions ? 100.0 * (double)f.n_flips / (double)f.n_positions : 0;
        if (args->json)
            strbuf_printf(out,
                          "%s{\"activations\": \"%s\", \"positions\": %zu, \"mean_kl\": %.6g, "
                          "\"p999_kl\": %.6g, \"max_kl\": %.6g, \"flips\": %zu}",
                          i ? ", " : "", grades[i], f.n_positions, f.mean_kl, f.p999_kl, f.max_kl,
                          f.n_flips);
        else
            strbuf_printf(out,
                          "%-4s against f32, %zu positions: KL mean %.2e, 99.9 %% %.2e, max %.2e; "
                          "top token changed at %zu (%.2f %%)\n",
                          grades[i], f.n_positions, f.mean_kl, f.p999_kl, f.max_kl, f.n_flips,
                          flips);
    }
    if (args->json) strbuf_putc(out, ']');
    return WAAGE_OK;
}

static waage_status run_bench(const cmd_line *line, bool *no, waage_err *err)
{
    (void)no;
    bench_args args = {.repeats = 2, .fidelity_tokens = 512};
    WAAGE_TRY(cmd_parse(line, &args, NULL, err));
    if (args.repeats == 0 || args.repeats > 1000)
        return waage_err_set(err, WAAGE_EINVAL, "--repeats lies in 1..1000");
    bench b = {.a = line->a};
    strbuf out = STRBUF_EMPTY;
    if (args.model.open_as.n_batch == 0) args.model.open_as.n_batch = BENCH_MAX_REQUESTS;
    WAAGE_TRY(cmd_model_open(&b.r, &args.model, false, line->a, err));
    waage_status st = WAAGE_OK;
    if (!b.r->ops->tokenize)
        st = waage_err_set(err, WAAGE_EUNSUPPORTED, "%s: only models that run here have a speed",
                           args.model.uri);
    if (st == WAAGE_OK) put_head(&out, b.r->ops->info(b.r), args.json);
    if (st == WAAGE_OK)
        st = args.fidelity ? measure_fidelity(&b, &args, &out, err)
                           : measure_speed(&b, &args, &out, err);
    if (args.json) strbuf_puts(&out, "}\n");
    if (st == WAAGE_OK) st = strbuf_check(&out, err);
    if (st == WAAGE_OK) fwrite(strbuf_str(&out), 1, out.len, stdout);
    strbuf_free(&out);
    runner_close(b.r);
    return st;
}

const command cmd_bench = {
    "bench",
    "-m MODEL [--json] [--fidelity]",
    "Measure the speed of a model on this machine.",
    "prefill: tokens per second while prompts are read; decode: while 1, 8 and 32 answers are "
    "written\n"
    "at the same time. --fidelity: how far the answers of a grade lie from f32, over a text.",
    bench_options,
    0,
    0,
    run_bench,
};
