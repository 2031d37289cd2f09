/* cmd_bench.c - `waage bench`: how fast a model reads, writes and scores here beside what the
 * machine could do; with --fidelity how far each grade of activations lies from f32. */
#include "harness/cmd_model.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t NOT_GIVEN = SIZE_MAX;

typedef struct {
    cmd_model model;
    opts_list loads; /* words of --loads */
    const char *text;
    bool json, fidelity, kernels;
    size_t repeats, prompt, fidelity_tokens; /* NOT_GIVEN until the line is understood */
} bench_args;

static const opt bench_options[] = {
    CMD_MODEL_OPTION(offsetof(bench_args, model)),
    {0, "loads", OPT_LIST, offsetof(bench_args, loads), "LOAD",
     "only prefill, decode, scoring, context or copy, or one load: decode:64"},
    {0, "repeats", OPT_SIZE, offsetof(bench_args, repeats), "N",
     "the median of N is shown (default 3)"},
    {0, "prompt", OPT_SIZE, offsetof(bench_args, prompt), "N",
     "tokens of each prompt of decode (default 128)"},
    {0, "fidelity", OPT_FLAG, offsetof(bench_args, fidelity), NULL,
     "distance of the grades and of --kv-format from f32, instead of speed"},
    {0, "kernels", OPT_FLAG, offsetof(bench_args, kernels), NULL,
     "the products of each weight format, on one thread, instead of speed"},
    {0, "text", OPT_TEXT, offsetof(bench_args, text), "FILE",
     "the text for --fidelity (default: one of our own; - is standard input)"},
    {0, "tokens", OPT_SIZE, offsetof(bench_args, fidelity_tokens), "N",
     "length of the text for --fidelity (default 512)"},
    {0, "json", OPT_FLAG, offsetof(bench_args, json), NULL, "for machines"},
    CMD_ENGINE_OPTIONS(offsetof(bench_args, model)),
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

/* ---- Loads ----------------------------------------------------------------------------------- */

enum { SCORED = 32, MAX_REPEATS = 100, DECODE_PROMPT = 128, MAX_PROMPT = 1 << 20 };

typedef struct {
    const char *kind, *name; /* "decode", "64" */
    runner_load load;
    bool when_named; /* takes long, or says little of most runs */
} bench_load;

/* Decoding: independent prompts, of --prompt tokens. Context: one sequence, behind a long prompt.
 * Copy: sequences behind prompts that go round, with guesses. Scoring: "shots" has the shape of
 * MMLU with five shots (one-letter answers), "endings" that of HellaSwag. */
#define LOAD(k, n, named, ...)                                                                     \
    {                                                                                              \
        .kind = (k), .name = (n), .when_named = (named), .load = { __VA_ARGS__ }                   \
    }
#define PREFILL(n, named) LOAD("prefill", #n, named, .n_seqs = 1, .n_prompt = (n))
#define DECODE(n) LOAD("decode", #n, false, .n_seqs = (n), .n_new = 32)
#define CONTEXT(n) LOAD("context", #n, true, .n_seqs = 1, .n_prompt = (n), .n_new = 32)
#define COPY(n) LOAD("copy", #n, true, .n_seqs = (n), .n_prompt = 128, .n_period = 32, .n_new = 64)
static const bench_load loads[] = {
    PREFILL(128, false),
    PREFILL(512, false),
    PREFILL(2048, false),
    PREFILL(4096, true),
    PREFILL(8000, true),
    DECODE(1),
    DECODE(2),
    DECODE(4),
    DECODE(8),
    DECODE(16),
    DECODE(32),
    DECODE(64),
    DECODE(128),
    CONTEXT(512),
    CONTEXT(2048),
    CONTEXT(4096),
    CONTEXT(8000),
    COPY(1),
    COPY(2),
    LOAD("scoring", "shots", false, .n_seqs = SCORED, .n_shared = 480, .n_prompt = 80,
         .n_choices = 4, .n_choice = 1),
    LOAD("scoring", "endings", false, .n_seqs = SCORED, .n_prompt = 50, .n_choices = 4,
         .n_choice = 16),
};
enum { N_LOADS = sizeof loads / sizeof *loads };

/* Is this word of --loads the load, or its kind? */
static bool names_load(const char *word, const bench_load *l)
{
    const size_t n = strlen(l->kind);
    if (strncmp(word, l->kind, n) != 0) return false;
    return word[n] == '\0' || (word[n] == ':' && strcmp(word + n + 1, l->name) == 0);
}

static bool is_wanted(const opts_list *words, const bench_load *l)
{
    for (size_t i = 0; i < words->n; i++)
        if (names_load(words->items[i], l)) return true;
    return words->n == 0 && !l->when_named;
}

static waage_status check_words(const opts_list *words, waage_err *err)
{
    for (size_t i = 0; i < words->n; i++) {
        bool known = false;
        for (size_t k = 0; k < N_LOADS; k++)
            known = known || names_load(words->items[i], &loads[k]);
        if (!known)
            return waage_err_set(err, WAAGE_EINVAL,
                                 "load '%s'; known are prefill, decode, context, copy and scoring, "
                                 "each alone or with one of its sizes (decode:64)",
                                 words->items[i]);
    }
    return WAAGE_OK;
}

/* ---- Speed ----------------------------------------------------------------------------------- */

typedef struct {
    const bench_args *args;
    runner *r;
    runner_limits limits;
    strbuf *out;
} bench;

/* Lines are shown as they come: a measurement may take minutes. A document waits for its end. */
static waage_status show_lines(bench *b, waage_err *err)
{
    if (b->args->json) return WAAGE_OK;
    WAAGE_TRY(strbuf_check(b->out, err));
    fwrite(strbuf_str(b->out), 1, b->out->len, stdout);
    fflush(stdout);
    strbuf_clear(b->out);
    return WAAGE_OK;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct {
    double rate; /* items a second for scoring, else tokens a second: the median of some runs */
    uint64_t n_guessed, n_right; /* of all runs */
} bench_result;

/* The load with what the command line leaves open. */
static bench_load load_at(const bench *b, size_t k)
{
    bench_load l = loads[k];
    if (l.load.n_prompt == 0) l.load.n_prompt = b->args->prompt;
    return l;
}

static waage_status measure_load(const bench *b, const bench_load *l, bench_result *out,
                                 waage_err *err)
{
    double rates[MAX_REPEATS];
    const size_t n = b->args->repeats;
    *out = (bench_result){0};
    for (size_t i = 0; i < n; i++) {
        runner_speed s;
        WAAGE_TRY(b->r->ops->speed(b->r, &l->load, &s, err));
        const double done = l->load.n_choices > 0 ? (double)l->load.n_seqs : (double)s.n_tokens;
        rates[i] = s.seconds > 0 ? done / s.seconds : 0;
        out->n_guessed += s.n_guessed;
        out->n_right += s.n_right;
    }
    qsort(rates, n, sizeof *rates, by_value);
    out->rate = n % 2 ? rates[n / 2] : 0.5 * (rates[n / 2 - 1] + rates[n / 2]);
    return WAAGE_OK;
}

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

/* Work a second: a written token meets the output layer as well; a step of decoding reads the
 * weights once for all its sequences. */
typedef struct {
    double gop_s, gb_s; /* gb_s: decoding only */
} bench_work;

static bench_work work_of(const bench *b, const bench_load *l, double rate)
{
    const runner_limits *m = &b->limits;
    bench_work w = {0, 0};
    if (l->load.n_choices > 0 || l->load.n_period > 0) return w; /* steps of many sizes */
    w.gop_s = rate * (m->token_gop + (l->load.n_new > 0 ? m->head_gop : 0));
    if (l->load.n_new > 0) w.gb_s = rate / (double)l->load.n_seqs * m->weight_gb;
    return w;
}

/* Is the number in its name one of sequences? Else of tokens. */
static bool counts_sequences(const bench_load *l)
{
    return l->load.n_new > 0 && strcmp(l->kind, "context") != 0;
}

static void put_plain(const bench *b, const bench_load *l, const bench_result *result)
{
    const double rate = result->rate;
    const bench_work w = work_of(b, l, rate);
    const bool scoring = l->load.n_choices > 0;
    strbuf_printf(b->out, "%-8s %7s %-10s %9.1f %s", l->kind, l->name,
                  scoring               ? ""
                  : counts_sequences(l) ? "sequences"
                                        : "tokens",
                  rate, scoring ? "items/s" : "tokens/s");
    if (w.gop_s > 0)
        strbuf_printf(b->out, "  %7.1f GOP/s (%.0f %%)", w.gop_s,
                      100 * share(w.gop_s, b->limits.peak_gop_s));
    if (w.gb_s > 0)
        strbuf_printf(b->out, "  %5.1f GB/s (%.0f %%)", w.gb_s,
                      100 * share(w.gb_s, b->limits.read_gb_s));
    if (l->load.n_period > 0)
        strbuf_printf(b->out, "  %" PRIu64 " of %" PRIu64 " guesses right", result->n_right,
                      result->n_guessed);
    strbuf_putc(b->out, '\n');
}

static void put_json(const bench *b, const bench_load *l, const bench_result *result)
{
    const double rate = result->rate;
    const bench_work w = work_of(b, l, rate);
    if (l->load.n_choices > 0) {
        strbuf_printf(b->out, "{\"shape\": \"%s\", \"items_per_s\": %.3f}", l->name, rate);
        return;
    }
    strbuf_printf(b->out, "{\"%s\": %s, \"tokens_per_s\": %.2f, \"gop_per_s\": %.1f",
                  counts_sequences(l) ? "batch" : "tokens", l->name, rate, w.gop_s);
    strbuf_printf(b->out, ", \"share_of_peak\": %.3f", share(w.gop_s, b->limits.peak_gop_s));
    if (w.gb_s > 0)
        strbuf_printf(b->out, ", \"gb_per_s\": %.2f, \"share_of_memory\": %.3f", w.gb_s,
                      share(w.gb_s, b->limits.read_gb_s));
    if (l->load.n_period > 0)
        strbuf_printf(b->out, ", \"guessed\": %" PRIu64 ", \"right\": %" PRIu64, result->n_guessed,
                      result->n_right);
    strbuf_putc(b->out, '}');
}

static waage_status measure_speed(bench *b, waage_err *err)
{
    const bool json = b->args->json;
    const char *open = NULL; /* kind whose list is being written */
    const size_t context = b->r->ops->info(b->r)->context_length;
    for (size_t k = 0; k < N_LOADS; k++) {
        const bench_load l = load_at(b, k);
        bench_result result;
        if (!is_wanted(&b->args->loads, &l)) continue;
        if (context > 0 && l.load.n_shared + l.load.n_prompt + l.load.n_new >= context) continue;
        WAAGE_TRY(measure_load(b, &l, &result, err));
        if (!json) {
            put_plain(b, &l, &result);
            WAAGE_TRY(show_lines(b, err));
            continue;
        }
        const bool first = !open || strcmp(open, l.kind) != 0;
        if (first) strbuf_printf(b->out, "%s, \"%s\": [", open ? "]" : "", l.kind);
        if (!first) strbuf_puts(b->out, ", ");
        put_json(b, &l, &result);
        open = l.kind;
    }
    if (open) strbuf_putc(b->out, ']');
    return WAAGE_OK;
}

static void put_head(const bench *b)
{
    const runner_info *i = b->r->ops->info(b->r);
    const runner_limits *m = &b->limits;
    const char *isa = i->isa ? i->isa : "-", *grade = i->activations ? i->activations : "-";
    if (!b->args->json) {
        strbuf_printf(b->out, "%s  %s  %s", i->name, grade, isa);
        if (m->n_threads > 0)
            strbuf_printf(b->out,
                          "  %zu threads\nhere at best: %.0f GOP/s of %s dot products, memory %.1f "
                          "GB/s",
                          m->n_threads, m->peak_gop_s, grade, m->read_gb_s);
        strbuf_putc(b->out, '\n');
        return;
    }
    strbuf_puts(b->out, "{\"model\": ");
    strbuf_put_json(b->out, i->name, strlen(i->name));
    strbuf_printf(b->out, ", \"sha256\": \"%s\", \"activations\": \"%s\", \"isa\": \"%s\"",
                  i->sha256 ? i->sha256 : "", grade, isa);
    if (m->n_threads > 0)
        strbuf_printf(b->out,
                      ", \"threads\": %zu, \"peak_gop_per_s\": %.1f, \"memory_gb_per_s\": %.2f, "
                      "\"token_gop\": %.4f, \"head_gop\": %.4f, \"weight_gb\": %.4f",
                      m->n_threads, m->peak_gop_s, m->read_gb_s, m->token_gop, m->head_gop,
                      m->weight_gb);
}

/* ---- Fidelity -------------------------------------------------------------------------------- */

static void put_fidelity(const bench *b, const char *grade, const runner_fidelity *f, bool first)
{
    const double flips = f->n_positions ? 100.0 * (double)f->n_flips / (double)f->n_positions : 0;
    if (b->args->json)
        strbuf_printf(b->out,
                      "%s{\"activations\": \"%s\", \"positions\": %zu, \"mean_kl\": %.6g, "
                      "\"p999_kl\": %.6g, \"max_kl\": %.6g, \"flips\": %zu}",
                      first ? "" : ", ", grade, f->n_positions, f->mean_kl, f->p999_kl, f->max_kl,
                      f->n_flips);
    else
        strbuf_printf(b->out,
                      "%-4s against f32, %zu positions: KL mean %.2e, 99.9 %% %.2e, max %.2e; "
                      "top token changed at %zu (%.2f %%)\n",
                      grade, f->n_positions, f->mean_kl, f->p999_kl, f->max_kl, f->n_flips, flips);
}

static waage_status measure_fidelity(bench *b, waage_err *err)
{
    static const char *const grades[] = {"i16", "i8", "f32"};
    const char *kv = b->args->model.open_as.kv_format;
    const size_t n_grades = kv && strcmp(kv, "f32") != 0 ? 3 : 2; /* f32 costs nothing by itself */
    char *text = NULL;
    size_t len = 0;
    if (b->args->text) WAAGE_TRY(cmd_read_text(&text, &len, b->args->text, err));
    if (b->args->json) strbuf_puts(b->out, ", \"fidelity\": [");
    waage_status st = WAAGE_OK;
    for (size_t i = 0; st == WAAGE_OK && i < n_grades; i++) {
        runner_fidelity f;
        st = b->r->ops->fidelity(b->r, grades[i], text, len, b->args->fidelity_tokens, &f, err);
        if (st == WAAGE_OK) put_fidelity(b, grades[i], &f, i == 0);
        if (st == WAAGE_OK) st = show_lines(b, err);
    }
    if (b->args->json) strbuf_putc(b->out, ']');
    free(text);
    return st;
}

/* ---- Kernels --------------------------------------------------------------------------------- */

static void put_product(const bench *b, const runner_product *p, bool first)
{
    if (!b->args->json) {
        strbuf_printf(b->out, "%-7s %6zu x %-6zu", p->format, p->n_rows, p->k);
        for (size_t i = 0; i < RUNNER_PRODUCT_TOKENS; i++)
            strbuf_printf(b->out, " %10.1f", p->gop_s[i]);
        strbuf_printf(b->out, " %10.1f %6.0f %%\n", p->cache_gop_s, 100 * p->share);
        return;
    }
    strbuf_printf(b->out, "%s{\"format\": \"%s\", \"rows\": %zu, \"k\": %zu, \"products\": [",
                  first ? "" : ", ", p->format, p->n_rows, p->k);
    for (size_t i = 0; i < RUNNER_PRODUCT_TOKENS; i++)
        strbuf_printf(b->out, "%s{\"tokens\": %zu, \"gop_per_s\": %.2f}", i > 0 ? ", " : "",
                      runner_product_tokens[i], p->gop_s[i]);
    strbuf_printf(b->out, "], \"in_cache_gop_per_s\": %.2f, \"share_of_cache\": %.3f}",
                  p->cache_gop_s, p->share);
}

static waage_status measure_kernels(bench *b, waage_err *err)
{
    runner_product products[RUNNER_PRODUCTS];
    size_t n;
    WAAGE_TRY(b->r->ops->products(b->r, products, &n, err));
    if (b->args->json) {
        strbuf_puts(b->out, ", \"kernels\": [");
    } else {
        strbuf_printf(b->out, "%-23s", "GOP/s on one thread");
        for (size_t i = 0; i < RUNNER_PRODUCT_TOKENS; i++)
            strbuf_printf(b->out, " %3zu token%s", runner_product_tokens[i],
                          runner_product_tokens[i] == 1 ? " " : "s");
        strbuf_puts(b->out, "   in cache  reached\n");
    }
    for (size_t i = 0; i < n; i++)
        put_product(b, &products[i], i == 0);
    if (b->args->json) strbuf_putc(b->out, ']');
    return WAAGE_OK;
}

static waage_status measure(bench *b, waage_err *err)
{
    const bench_args *args = b->args;
    const runner_ops *ops = b->r->ops;
    if (!ops->speed || !ops->limits || !ops->fidelity || !ops->products)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "%s: only models that run here can be measured", args->model.uri);
    if (!args->fidelity && !args->kernels) WAAGE_TRY(ops->limits(b->r, &b->limits, err));
    put_head(b);
    WAAGE_TRY(show_lines(b, err));
    WAAGE_TRY(args->fidelity  ? measure_fidelity(b, err)
              : args->kernels ? measure_kernels(b, err)
                              : measure_speed(b, err));
    if (b->args->json) strbuf_puts(b->out, "}\n");
    return strbuf_check(b->out, err);
}

/* An option beside which it would have no effect is refused, rather than ignored. */
static waage_status check_company(const bench_args *a, waage_err *err)
{
    const struct {
        const char *name;
        bool given, of_fidelity; /* or of speed */
    } options[] = {
        {"loads", a->loads.n > 0, false},
        {"repeats", a->repeats != NOT_GIVEN, false},
        {"prompt", a->prompt != NOT_GIVEN, false},
        {"text", a->text != NULL, true},
        {"tokens", a->fidelity_tokens != NOT_GIVEN, true},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (!options[i].given) continue;
        if (options[i].of_fidelity && !a->fidelity)
            return waage_err_set(err, WAAGE_EINVAL, "--%s is for --fidelity alone",
                                 options[i].name);
        if (!options[i].of_fidelity && (a->fidelity || a->kernels))
            return waage_err_set(err, WAAGE_EINVAL, "--%s and --%s: one at a time", options[i].name,
                                 a->fidelity ? "fidelity" : "kernels");
    }
    return WAAGE_OK;
}

static waage_status take_size(size_t *n, const char *name, size_t or_else, size_t most,
                              waage_err *err)
{
    if (*n == NOT_GIVEN) *n = or_else;
    if (*n == 0 || *n > most)
        return waage_err_set(err, WAAGE_EINVAL, "--%s lies in 1..%zu", name, most);
    return WAAGE_OK;
}

static waage_status run_bench(const cmd_line *line, bool *no, waage_err *err)
{
    (void)no;
    bench_args args = {.repeats = NOT_GIVEN, .prompt = NOT_GIVEN, .fidelity_tokens = NOT_GIVEN};
    WAAGE_TRY(cmd_parse(line, &args, NULL, err));
    if (args.fidelity && args.kernels)
        return waage_err_set(err, WAAGE_EINVAL, "--fidelity and --kernels: one at a time");
    WAAGE_TRY(check_company(&args, err));
    WAAGE_TRY(take_size(&args.repeats, "repeats", 3, MAX_REPEATS, err));
    WAAGE_TRY(take_size(&args.prompt, "prompt", DECODE_PROMPT, MAX_PROMPT, err));
    if (args.fidelity_tokens == NOT_GIVEN) args.fidelity_tokens = 512;
    WAAGE_TRY(check_words(&args.loads, err));
    strbuf out = STRBUF_EMPTY;
    bench b = {.args = &args, .out = &out};
    WAAGE_TRY(cmd_model_open(&b.r, &args.model, false, line->a, err));
    const waage_status st = measure(&b, err);
    if (st == WAAGE_OK) fwrite(strbuf_str(&out), 1, out.len, stdout);
    strbuf_free(&out);
    runner_close(b.r);
    return st;
}

const command cmd_bench = {
    "bench",
    "-m MODEL [--loads LOAD... | --fidelity | --kernels] [--json]",
    "Measure the speed of a model on this machine.",
    "prefill: tokens per second while one prompt is read; decode: while 1 to 128 answers to "
    "prompts\n"
    "of 128 tokens (--prompt) are written at the same time; scoring: questions per second with\n"
    "four answers each, shaped as MMLU with five shots (shots) or HellaSwag (endings). Only when\n"
    "named: prefill of 4096 and 8000; context, one answer written behind a prompt of 512 to 8000\n"
    "tokens; copy, answers behind prompts that repeat themselves, where the engine guesses what\n"
    "comes. GOP/s are 2 * multiply-adds of the weights, beside the best that the instruction set\n"
    "can do on registers; GB/s the weights that a step reads, beside the memory's. --fidelity: "
    "how\n"
    "far the answers of a grade lie from f32. --kernels: the largest matrix of each weight format\n"
    "(4096 rows of it at most) times 1, 8 and 64 tokens, and times 64 what a corner of it reaches\n"
    "that lies unpacked in the nearest cache.",
    bench_options,
    0,
    0,
    run_bench,
};
