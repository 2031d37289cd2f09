/* local.c - the runner "gguf": open, facts, rendering, tokens. Running is in local_run.c. */
#include "runners/local/local.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "harness/base/log.h"
#include "harness/base/num.h"
#include "runners/local/detokenizer.h"
#include "runners/local/fidelity.h"
#include "runners/local/local_internal.h"
#include "runners/local/params.h"
#include "runners/local/products.h"
#include "runners/local/show.h"
#include "runners/local/speed.h"

enum { DEFAULT_BATCH = 32, MAX_BATCH = 1024, CHUNK_TOKENS = 512 };
static const size_t least_kv_memory = (size_t)256 << 20, usual_kv_memory = (size_t)2 << 30;

typedef struct {
    const char *name;
    kern_grade grade;
} grade_name;

static const grade_name grades[] = {
    {"i16", KERN_GRADE_I16}, /* the default comes first */
    {"i8", KERN_GRADE_I8},
    {"f32", KERN_GRADE_F32},
};

static bool has_suffix(const char *s, const char *suffix)
{
    const size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcasecmp(s + n - m, suffix) == 0;
}

/* A path that ends in .gguf, or any file that begins with the magic. */
static bool accepts(const char *uri)
{
    if (has_suffix(uri, ".gguf")) return true;
    char magic[4] = "";
    FILE *f = fopen(uri, "rb");
    if (!f) return false;
    const bool is_gguf = fread(magic, 1, sizeof magic, f) == sizeof magic &&
                         memcmp(magic, "GGUF", sizeof magic) == 0;
    (void)fclose(f);
    return is_gguf;
}

static void close_model(runner *r)
{
    local_model *m = (local_model *)r;
    if (!m) return;
    kvcache_free(m->kv);
    model_free(m->model);
    pool_free(m->threads);
    tokenizer_free(m->tok);
    gguf_close(m->file);
    arena_free(&m->arena);
    free(m);
}

/* ---- Opening ---- */

static waage_status find_grade(kern_grade *out, const char **name, const char *want, waage_err *err)
{
    for (size_t i = 0; i < sizeof grades / sizeof *grades; i++) {
        if (strcmp(grades[i].name, want) != 0) continue;
        *out = grades[i].grade;
        if (name) *name = grades[i].name;
        return WAAGE_OK;
    }
    return waage_err_set(err, WAAGE_EINVAL, "activations '%s'; known are i16, i8 and f32", want);
}

static waage_status find_kv_format(local_model *m, const char *want, waage_err *err)
{
    for (kern_kv_format f = KERN_KV_F32; f < KERN_KV_FORMATS; f++) {
        if (strcmp(kvcache_format_names[f], want) != 0) continue;
        m->kv_format = f;
        m->info.kv_format = kvcache_format_names[f];
        return WAAGE_OK;
    }
    return waage_err_set(err, WAAGE_EINVAL, "key/value format '%s'; known are f32, f16 and q8",
                         want);
}

static waage_status read_grade(local_model *m, const runner_options *opt, waage_err *err)
{
    const char *want = opt->activations ? opt->activations : grades[0].name;
    WAAGE_TRY(find_grade(&m->grade, &m->info.activations, want, err));
    return find_kv_format(m, opt->kv_format ? opt->kv_format : kvcache_format_names[KERN_KV_F32],
                          err);
}

static waage_status read_kernels(local_model *m, const runner_options *opt, waage_err *err)
{
    m->kern = kern_set_find(opt->isa);
    if (!m->kern)
        return waage_err_set(err, WAAGE_EINVAL,
                             "kernel set '%s' is unknown or not available here; compiled in: %s",
                             opt->isa ? opt->isa : "", kern_set_names());
    m->info.isa = m->kern->name;
    return WAAGE_OK;
}

/* A file whose tokenizer is not known can be looked at, but not run. */
static waage_status read_tokenizer(local_model *m, const runner_options *opt, waage_err *err)
{
    waage_err why = {0};
    const waage_status st = tokenizer_create(&m->tok, m->file, &why);
    if (st == WAAGE_OK) return WAAGE_OK;
    if (!opt->inspect_only || (st != WAAGE_EUNSUPPORTED && st != WAAGE_ENOTFOUND))
        return waage_err_set(err, st, "%s", why.msg);
    m->no_tokenizer = arena_strdup(&m->arena, why.msg);
    return m->no_tokenizer ? WAAGE_OK : waage_err_nomem(err);
}

static waage_status read_channels(local_model *m, gguf_str chat_template, waage_err *err)
{
    channels_find(&m->ch, m->tok, chat_template.s, chat_template.len);
    m->prompts.ch = &m->ch;
    const char *end = m->ch.end_thought;
    return tokenizer_encode(m->tok, end, strlen(end), false, true, &m->arena, &m->end_thought,
                            &m->n_end_thought, err);
}

/* The template of the file. One that cannot be compiled leaves the model usable for completion. */
static waage_status read_template(local_model *m, waage_err *err)
{
    static const char *const trusted[] = {"bos_token", "eos_token", "unk_token", "pad_token", NULL};
    template_options to = TEMPLATE_FOR_CHAT;
    to.trusted = trusted;
    gguf_str src;
    WAAGE_TRY(gguf_opt_str(&src, m->file, "tokenizer.chat_template", err));
    m->prompts.no_chat = "base model: the file has no chat template";
    if (!src.s) return WAAGE_OK;
    if (m->tok) WAAGE_TRY(read_channels(m, src, err));
    value *vars;
    WAAGE_TRY(prompt_model_vars(&vars, m->tok, &m->arena, err));
    m->info.template_vars = vars;
    m->info.chat_template = arena_strndup(&m->arena, src.s, src.len);
    if (!m->info.chat_template) return waage_err_nomem(err);
    template *t;
    waage_err why = {0};
    const waage_status st =
        template_compile(&t, &m->arena, src.s, src.len, "chat template", 1, &to, &why);
    if (st == WAAGE_ENOMEM) return waage_err_nomem(err);
    if (st == WAAGE_OK) {
        m->prompts.chat = t;
        m->prompts.no_chat = NULL;
        return WAAGE_OK;
    }
    m->prompts.no_chat = arena_strdup(&m->arena, why.msg);
    return m->prompts.no_chat ? WAAGE_OK : waage_err_nomem(err);
}

static waage_status read_facts(local_model *m, const char *uri, waage_err *err)
{
    value *meta;
    WAAGE_TRY(gguf_sha256(m->file, m->sha256, err));
    WAAGE_TRY(show_meta(&meta, &m->arena, m->file, m->sha256, err));
    const char *slash = strrchr(uri, '/');
    runner_info *i = &m->info;
    i->uri = arena_strdup(&m->arena, uri);
    if (!i->uri) return waage_err_nomem(err);
    i->kind = "local";
    i->name = value_get_str(meta, "name", NULL);
    if (!i->name) i->name = i->uri + (slash ? slash + 1 - uri : 0);
    i->sha256 = m->sha256;
    i->deterministic = true;
    i->can_complete = i->can_loglik = m->tok != NULL;
    i->can_chat = m->tok && m->prompts.chat;
    i->no_chat = m->prompts.no_chat;
    i->context_length = (size_t)value_get_int(meta, "context_length", 0);
    i->meta = meta;
    return WAAGE_OK;
}

/* Unless the caller says otherwise: 2 GiB, more if one sequence of the whole context needs more,
 * but not above a quarter of the machine's memory, and never below least_kv_memory. */
static size_t kv_memory(const runner_options *opt, kv_shape shape, size_t n_context)
{
    if (opt->kv_memory > 0) return opt->kv_memory;
    const size_t quarter = bigmem_physical() / 4;
    const size_t n_pages = (n_context + KV_PAGE_LEN - 1) / KV_PAGE_LEN + 1;
    size_t want;
    if (!num_mul_size(&want, n_pages, kvcache_page_bytes(shape))) want = SIZE_MAX;
    if (want < usual_kv_memory) want = usual_kv_memory;
    if (want > quarter) want = quarter;
    return want > least_kv_memory ? want : least_kv_memory;
}

/* Unless the caller says otherwise: what is available, less the key/value memory and a sixteenth
 * for everything else. */
static size_t weights_memory(const runner_options *opt, size_t kv_bytes)
{
    if (opt->weights_memory > 0) return opt->weights_memory;
    const size_t available = bigmem_available(), kept = available / 16 + kv_bytes;
    if (available == 0) return SIZE_MAX;
    return available > kept ? available - kept : 0;
}

static void log_mapped(const local_model *m)
{
    if (m->model->n_mapped > 0)
        log_info("%s: %zu of its matrices stay in the file (%zu MiB are packed in memory); "
                 "--weights-memory bounds that",
                 gguf_path(m->file), m->model->n_mapped, m->model->panels.n_bytes >> 20);
}

static waage_status load_weights(local_model *m, const runner_options *opt, waage_err *err)
{
    WAAGE_TRY(pool_create(&m->threads, opt->n_threads, err));
    model_params params = {0};
    const arch *unused;
    WAAGE_TRY(params_read(&params, &unused, m->file, err)); /* what the memory is divided by */
    const kv_shape shape = model_kv_shape(&params, m->kv_format);
    const size_t kv_bytes = kv_memory(opt, shape, params.n_context);
    WAAGE_TRY(model_load(&m->model, m->file, m->threads, weights_memory(opt, kv_bytes), err));
    log_mapped(m);
    const model_params *p = &m->model->p;
    const size_t n_tokens = tokenizer_get_info(m->tok)->n_tokens;
    if (n_tokens != p->n_vocab)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: the tokenizer has %zu tokens, token_embd.weight %zu rows",
                             gguf_path(m->file), n_tokens, p->n_vocab);
    WAAGE_TRY(kvcache_create(&m->kv, shape, kv_bytes, m->threads, err));
    m->n_batch = opt->n_batch > 0 ? opt->n_batch : DEFAULT_BATCH;
    if (m->n_batch > MAX_BATCH)
        return waage_err_set(err, WAAGE_EINVAL, "%zu sequences at a time; at most %d", m->n_batch,
                             MAX_BATCH);
    m->chunk_tokens = CHUNK_TOKENS;
    return WAAGE_OK;
}

static waage_status open_model(local_model *m, const char *uri, const runner_options *opt,
                               waage_err *err)
{
    WAAGE_TRY(read_grade(m, opt, err));
    WAAGE_TRY(read_kernels(m, opt, err));
    WAAGE_TRY(gguf_open(&m->file, uri, err));
    WAAGE_TRY(read_tokenizer(m, opt, err));
    m->prompts.tok = m->tok;
    m->prompts.date = opt->date ? arena_strdup(&m->arena, opt->date) : NULL;
    if (opt->date && !m->prompts.date) return waage_err_nomem(err);
    WAAGE_TRY(read_template(m, err));
    WAAGE_TRY(read_facts(m, uri, err));
    return opt->inspect_only ? WAAGE_OK : load_weights(m, opt, err);
}

static waage_status open_uri(runner **out, const char *uri, const runner_options *opt,
                             waage_err *err)
{
    static const runner_options none;
    *out = NULL;
    local_model *m = calloc(1, sizeof *m);
    if (!m) return waage_err_nomem(err);
    m->base.ops = &local_runner;
    const waage_status st = open_model(m, uri, opt ? opt : &none, err);
    if (st == WAAGE_OK)
        *out = &m->base;
    else
        close_model(&m->base);
    return st;
}

/* ---- Facts ---- */

static const runner_info *get_info(const runner *r)
{
    return &((const local_model *)r)->info;
}

static waage_status need_tokenizer(const local_model *m, waage_err *err)
{
    return m->tok ? WAAGE_OK : waage_err_set(err, WAAGE_EUNSUPPORTED, "%s", m->no_tokenizer);
}

static waage_status render(runner *r, const request *rq, strbuf *out, size_t *n_tokens,
                           waage_err *err)
{
    const local_model *m = (const local_model *)r;
    arena a = ARENA_EMPTY;
    prompt p;
    WAAGE_TRY(need_tokenizer(m, err));
    waage_status st = prompt_make(&p, &m->prompts, rq, &a, err);
    if (st == WAAGE_OK) {
        strbuf_put(out, p.text, p.len);
        *n_tokens = p.n;
        st = strbuf_check(out, err);
    }
    arena_free(&a);
    return st;
}

static waage_status tokenize(runner *r, const char *text, size_t len, bool bos, bool parse_special,
                             const int32_t **ids, const char *const **pieces, size_t *n, arena *a,
                             waage_err *err)
{
    const local_model *m = (const local_model *)r;
    WAAGE_TRY(need_tokenizer(m, err));
    WAAGE_TRY(tokenizer_encode(m->tok, text, len, bos, parse_special, a, ids, n, err));
    if (!pieces) return WAAGE_OK;
    const char **p = arena_alloc(a, *n * sizeof *p);
    if (!p) return waage_err_nomem(err);
    for (size_t i = 0; i < *n; i++) {
        size_t piece_len;
        const char *piece = tokenizer_piece(m->tok, (*ids)[i], &piece_len);
        p[i] = arena_strndup(a, piece, piece_len);
        if (!p[i]) return waage_err_nomem(err);
    }
    *pieces = p;
    return WAAGE_OK;
}

static waage_status detokenize(runner *r, const int32_t *ids, size_t n, bool begins, bool special,
                               strbuf *out, size_t *ends, waage_err *err)
{
    const local_model *m = (const local_model *)r;
    detokenizer d;
    WAAGE_TRY(need_tokenizer(m, err));
    const size_t from = out->len, n_tokens = tokenizer_get_info(m->tok)->n_tokens;
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= n_tokens)
            return waage_err_set(err, WAAGE_EINVAL, "entry %zu: the model has no token %d", i,
                                 ids[i]);
    detokenizer_init(&d, m->tok, begins, special);
    for (size_t i = 0; i < n; i++) {
        detokenizer_put(&d, ids[i], out);
        if (ends) ends[i] = out->len - from;
    }
    detokenizer_end(&d, out);
    if (ends && n > 0) ends[n - 1] = out->len - from;
    return strbuf_check(out, err);
}

static const char *piece(runner *r, int32_t id, size_t *len)
{
    const local_model *m = (const local_model *)r;
    *len = 0;
    return m->tok ? tokenizer_piece(m->tok, id, len) : "";
}

static waage_status describe(runner *r, strbuf *out, waage_err *err)
{
    const local_model *m = (const local_model *)r;
    return show_print(out, m->file, m->tok, m->no_tokenizer, m->sha256, err);
}

static waage_status read_fidelity(local_model *m, kern_grade grade, const char *text, size_t len,
                                  size_t max_tokens, arena *a, runner_fidelity *out, waage_err *err)
{
    const int32_t *ids;
    size_t n;
    if (!text) {
        text = fidelity_text(a);
        if (!text) return waage_err_nomem(err);
        len = strlen(text);
    }
    WAAGE_TRY(tokenizer_encode(m->tok, text, len, true, false, a, &ids, &n, err));
    if (n > max_tokens) n = max_tokens;
    if (n > m->model->p.n_context) n = m->model->p.n_context;
    if (n == 0) return waage_err_set(err, WAAGE_EINVAL, "no text to measure on");
    const forward_options fo = {
        .m = m->model, .kern = m->kern, .grade = grade, .threads = m->threads, .kv = m->kv};
    return fidelity_measure(out, &fo, m->kv, ids, n, err);
}

static waage_status need_weights(const local_model *m, waage_err *err)
{
    if (m->model) return WAAGE_OK;
    return waage_err_set(err, WAAGE_EINVAL, "%s was opened for its facts only", m->info.uri);
}

/* Were mapped weights those of one file to the end? */
static waage_status check_file(const local_model *m, waage_err *err)
{
    return m->model->n_mapped > 0 ? gguf_check_unchanged(m->file, err) : WAAGE_OK;
}

static waage_status speed(runner *r, const runner_load *load, runner_speed *out, waage_err *err)
{
    local_model *m = (local_model *)r;
    WAAGE_TRY(need_weights(m, err));
    const batch_options bo = {.m = m->model,
                              .kern = m->kern,
                              .grade = m->grade,
                              .threads = m->threads,
                              .kv = m->kv,
                              .n_slots = load->n_seqs > m->n_batch && load->n_new > 0 ? load->n_seqs
                                                                                      : m->n_batch,
                              .chunk_tokens = m->chunk_tokens};
    WAAGE_TRY(speed_measure(out, &bo, load, ++m->n_measured, err));
    return check_file(m, err);
}

static waage_status limits(runner *r, runner_limits *out, waage_err *err)
{
    const local_model *m = (const local_model *)r;
    WAAGE_TRY(need_weights(m, err));
    return speed_limits(out, m->model, m->kern, m->grade, m->threads, err);
}

static waage_status products(runner *r, runner_product out[RUNNER_PRODUCTS], size_t *n,
                             waage_err *err)
{
    const local_model *m = (const local_model *)r;
    WAAGE_TRY(need_weights(m, err));
    WAAGE_TRY(products_measure(out, n, m->model, m->kern, m->grade, err));
    return check_file(m, err);
}

static waage_status fidelity(runner *r, const char *activations, const char *text, size_t len,
                             size_t max_tokens, runner_fidelity *out, waage_err *err)
{
    local_model *m = (local_model *)r;
    kern_grade grade = KERN_GRADE_I16;
    WAAGE_TRY(need_weights(m, err));
    WAAGE_TRY(find_grade(&grade, NULL, activations, err));
    arena a = ARENA_EMPTY;
    const waage_status st = read_fidelity(m, grade, text, len, max_tokens, &a, out, err);
    arena_free(&a);
    return st == WAAGE_OK ? check_file(m, err) : st;
}

const runner_ops local_runner = {
    .scheme = "gguf",
    .help = "PATH.gguf: a model file, run by the engine of this program",
    .accepts = accepts,
    .open = open_uri,
    .close = close_model,
    .info = get_info,
    .render = render,
    .tokenize = tokenize,
    .detokenize = detokenize,
    .piece = piece,
    .describe = describe,
    .run = local_run,
    .fidelity = fidelity,
    .speed = speed,
    .limits = limits,
    .products = products,
};
