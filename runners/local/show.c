/* show.c - reads the descriptive metadata and counts the tensors; prints them, or makes a map. A
 * file that lacks or garbles a key is still shown: the line is left out. */
#include "runners/local/show.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/utf8.h"

enum { TYPES_MAX = 64, ARCH_MAX = 64, KEY_MAX = 128, TEMPLATE_LINES = 5, LINE_MAX_CHARS = 76 };

typedef struct {
    uint32_t ggml_type;
    bool supported;
    size_t n_tensors;
    uint64_t n_elems, n_bytes;
} type_count;

typedef struct {
    char arch[ARCH_MAX];        /* "" when the file names none */
    type_count type[TYPES_MAX]; /* most bytes first */
    size_t n_types;
    uint64_t n_params;
    gguf_str chat_template; /* s NULL: none */
    char template_sha256[HASH_HEX];
} facts;

/* ---- Gathering ------------------------------------------------------------------------------- */

static bool arch_u32(const gguf *g, const facts *f, const char *name, uint32_t *out)
{
    char key[KEY_MAX];
    const int n = snprintf(key, sizeof key, "%s.%s", f->arch, name);
    return n > 0 && (size_t)n < sizeof key && gguf_get_u32(out, g, key, NULL) == WAAGE_OK;
}

static void count_tensors(facts *f, const gguf *g)
{
    for (size_t i = 0; i < gguf_n_tensors(g); i++) {
        const gguf_tensor t = gguf_tensor_at(g, i);
        size_t k = 0;
        while (k < f->n_types && f->type[k].ggml_type != t.ggml_type)
            k++;
        if (k == TYPES_MAX) k--; /* more types than exist: hostile; count them together */
        if (k == f->n_types)
            f->type[f->n_types++] = (type_count){t.ggml_type, t.supported, 0, 0, 0};
        f->type[k].n_tensors++;
        f->type[k].n_elems += t.n_elems;
        f->type[k].n_bytes += t.n_bytes;
        f->n_params += t.n_elems;
    }
    for (size_t i = 1; i < f->n_types; i++)
        for (size_t k = i; k && f->type[k].n_bytes > f->type[k - 1].n_bytes; k--) {
            const type_count swap = f->type[k];
            f->type[k] = f->type[k - 1];
            f->type[k - 1] = swap;
        }
}

static void gather(facts *f, const gguf *g)
{
    gguf_str s;
    memset(f, 0, sizeof *f);
    if (gguf_get_str(&s, g, "general.architecture", NULL) == WAAGE_OK && s.len < ARCH_MAX) {
        memcpy(f->arch, s.s, s.len);
        f->arch[s.len] = 0;
    }
    if (gguf_get_str(&s, g, "tokenizer.chat_template", NULL) == WAAGE_OK) {
        f->chat_template = s;
        hash_hex(s.s, s.len, f->template_sha256);
    }
    count_tensors(f, g);
}

/* general.file_type: how the program that quantised the file names the mix. */
static const char *const file_types[] = {
    [0] = "F32",      [1] = "F16",      [2] = "Q4_0",    [3] = "Q4_1",    [7] = "Q8_0",
    [8] = "Q5_0",     [9] = "Q5_1",     [10] = "Q2_K",   [11] = "Q3_K_S", [12] = "Q3_K_M",
    [13] = "Q3_K_L",  [14] = "Q4_K_S",  [15] = "Q4_K_M", [16] = "Q5_K_S", [17] = "Q5_K_M",
    [18] = "Q6_K",    [19] = "IQ2_XXS", [20] = "IQ2_XS", [21] = "Q2_K_S", [22] = "IQ3_XS",
    [23] = "IQ3_XXS", [24] = "IQ1_S",   [25] = "IQ4_NL", [26] = "IQ3_S",  [27] = "IQ3_M",
    [28] = "IQ2_S",   [29] = "IQ2_M",   [30] = "IQ4_XS", [31] = "IQ1_M",  [32] = "BF16",
    [36] = "TQ1_0",   [37] = "TQ2_0",   [38] = "MXFP4"};

/* The name that the file gives its mix, else the type that holds most weights. */
static const char *quantisation(const gguf *g, const facts *f)
{
    uint32_t v;
    size_t best = 0;
    if (gguf_get_u32(&v, g, "general.file_type", NULL) == WAAGE_OK &&
        v < sizeof file_types / sizeof *file_types && file_types[v])
        return file_types[v];
    for (size_t i = 1; i < f->n_types; i++)
        if (f->type[i].n_elems > f->type[best].n_elems) best = i;
    return f->n_types ? quant_ggml_name(f->type[best].ggml_type) : "none";
}

/* ---- A map for the store --------------------------------------------------------------------- */

/* Bytes of a file as valid UTF-8: ill-formed bytes become U+FFFD, control characters blanks. */
static void put_clean(strbuf *out, gguf_str s)
{
    for (size_t i = 0; i < s.len;) {
        uint32_t cp;
        const size_t n = utf8_decode(s.s + i, s.len - i, &cp);
        const bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0) ||
                             (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
                             (cp >= 0x2066 && cp <= 0x2069);
        if (control)
            strbuf_putc(out, ' ');
        else if (cp == 0xFFFD)
            strbuf_puts(out, "\xEF\xBF\xBD");
        else
            strbuf_put(out, s.s + i, n);
        i += n;
    }
}

static bool set_text(value *map, arena *a, const char *key, gguf_str s)
{
    strbuf b = STRBUF_EMPTY;
    put_clean(&b, s);
    const bool ok = !b.failed && value_map_set(a, map, key, value_strn(a, strbuf_str(&b), b.len));
    strbuf_free(&b);
    return ok;
}

static bool set_str(value *map, arena *a, const gguf *g, const char *key, const char *from)
{
    gguf_str s;
    if (gguf_get_str(&s, g, from, NULL) != WAAGE_OK) return true;
    return set_text(map, a, key, s);
}

static bool set_u64(value *map, arena *a, const char *key, uint64_t v)
{
    return value_map_set(a, map, key, value_int(a, v > INT64_MAX ? INT64_MAX : (int64_t)v));
}

static bool set_arch(value *map, arena *a, const gguf *g, const facts *f, const char *key,
                     const char *from)
{
    uint32_t v;
    return !arch_u32(g, f, from, &v) || set_u64(map, a, key, v);
}

static bool set_mix(value *map, arena *a, const facts *f)
{
    value *mix = value_map(a);
    for (size_t i = 0; i < f->n_types; i++)
        if (!mix || !set_u64(mix, a, quant_ggml_name(f->type[i].ggml_type), f->type[i].n_bytes))
            return false;
    return value_map_set(a, map, "quantisation_mix", mix);
}

static bool set_vocabulary(value *map, arena *a, const gguf *g)
{
    gguf_array tokens;
    if (gguf_get_array(&tokens, g, "tokenizer.ggml.tokens", NULL) != WAAGE_OK) return true;
    return set_u64(map, a, "vocabulary", tokens.n);
}

waage_status show_meta(value **out, arena *a, const gguf *g, const char *sha256, waage_err *err)
{
    facts f;
    gather(&f, g);
    value *m = *out = value_map(a);
    const char *kind = f.chat_template.s ? "instruct" : "base";
    const bool ok = m && set_str(m, a, g, "name", "general.name") &&
                    set_str(m, a, g, "architecture", "general.architecture") &&
                    set_u64(m, a, "parameters", f.n_params) &&
                    value_map_set(a, m, "quantisation", value_str(a, quantisation(g, &f))) &&
                    set_mix(m, a, &f) && set_u64(m, a, "file_bytes", gguf_file_bytes(g)) &&
                    set_u64(m, a, "parts", gguf_n_parts(g)) &&
                    set_arch(m, a, g, &f, "context_length", "context_length") &&
                    set_arch(m, a, g, &f, "layers", "block_count") &&
                    set_arch(m, a, g, &f, "width", "embedding_length") && set_vocabulary(m, a, g) &&
                    set_str(m, a, g, "tokenizer", "tokenizer.ggml.model") &&
                    set_str(m, a, g, "pretokenizer", "tokenizer.ggml.pre") &&
                    set_str(m, a, g, "licence", "general.license") &&
                    value_map_set(a, m, "base_or_instruct", value_str(a, kind)) &&
                    (!f.chat_template.s ||
                     value_map_set(a, m, "template_sha256", value_str(a, f.template_sha256))) &&
                    (!sha256 || value_map_set(a, m, "sha256", value_str(a, sha256)));
    return ok ? WAAGE_OK : waage_err_nomem(err);
}

/* ---- Text for people ------------------------------------------------------------------------- */

static void put_label(strbuf *out, const char *label)
{
    strbuf_printf(out, "%-15s", label);
}

/* 1234567 as 1,234,567, right-aligned in `width` */
static void put_count(strbuf *out, uint64_t v, int width)
{
    char digits[24], text[32];
    const int n = snprintf(digits, sizeof digits, "%" PRIu64, v);
    int len = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0) text[len++] = ',';
        text[len++] = digits[i];
    }
    strbuf_printf(out, "%*.*s", width, len, text);
}

static void put_str(strbuf *out, const gguf *g, const char *label, const char *key)
{
    gguf_str s;
    if (gguf_get_str(&s, g, key, NULL) != WAAGE_OK || s.len == 0) return;
    put_label(out, label);
    put_clean(out, s);
    strbuf_putc(out, '\n');
}

static void put_file(strbuf *out, const gguf *g, const char *sha256)
{
    const gguf_str path = {gguf_path(g), strlen(gguf_path(g))};
    put_label(out, "file");
    put_clean(out, path);
    strbuf_putc(out, '\n');
    put_label(out, "size");
    put_count(out, gguf_file_bytes(g), 0);
    strbuf_printf(out, " bytes, GGUF version %" PRIu32, gguf_version(g));
    if (gguf_n_parts(g) > 1) strbuf_printf(out, ", %zu parts", gguf_n_parts(g));
    strbuf_putc(out, '\n');
    if (!sha256) return;
    put_label(out, "sha256");
    strbuf_printf(out, "%s%s\n", sha256, gguf_n_parts(g) > 1 ? " (of the parts' hashes)" : "");
}

static void put_shape(strbuf *out, const gguf *g, const facts *f)
{
    uint32_t v, kv;
    const size_t start = out->len;
    put_label(out, "shape");
    const size_t before = out->len;
    if (arch_u32(g, f, "block_count", &v)) strbuf_printf(out, "%" PRIu32 " layers", v);
    if (arch_u32(g, f, "embedding_length", &v)) strbuf_printf(out, ", %" PRIu32 " wide", v);
    if (arch_u32(g, f, "feed_forward_length", &v)) strbuf_printf(out, ", feed-forward %" PRIu32, v);
    if (arch_u32(g, f, "attention.head_count", &v)) {
        strbuf_printf(out, ", %" PRIu32, v);
        if (arch_u32(g, f, "attention.head_count_kv", &kv)) strbuf_printf(out, "/%" PRIu32, kv);
        strbuf_puts(out, " heads");
    }
    if (arch_u32(g, f, "expert_count", &v) && v) {
        strbuf_printf(out, ", %" PRIu32 " experts", v);
        if (arch_u32(g, f, "expert_used_count", &kv)) strbuf_printf(out, " (%" PRIu32 " used)", kv);
    }
    if (out->len == before)
        strbuf_truncate(out, start);
    else
        strbuf_putc(out, '\n');
    if (!arch_u32(g, f, "context_length", &v)) return;
    put_label(out, "context");
    put_count(out, v, 0);
    strbuf_puts(out, " tokens");
    if (arch_u32(g, f, "attention.sliding_window", &v) && v)
        strbuf_printf(out, ", sliding window %" PRIu32, v);
    strbuf_putc(out, '\n');
}

static void put_weights(strbuf *out, const gguf *g, const facts *f)
{
    put_label(out, "parameters");
    put_count(out, f->n_params, 0);
    strbuf_printf(out, " in %zu tensors\n", gguf_n_tensors(g));
    if (f->n_types == 0) return;
    put_label(out, "quantisation");
    strbuf_printf(out, "%s\n", quantisation(g, f));
    put_label(out, "weights");
    strbuf_printf(out, "%-10s %7s %17s %17s %12s\n", "type", "tensors", "elements", "bytes",
                  "bits/weight");
    for (size_t i = 0; i < f->n_types; i++) {
        const type_count *t = &f->type[i];
        put_label(out, "");
        strbuf_printf(out, "%-10s %7zu ", quant_ggml_name(t->ggml_type), t->n_tensors);
        put_count(out, t->n_elems, 17);
        strbuf_putc(out, ' ');
        put_count(out, t->n_bytes, 17);
        strbuf_printf(out, " %12.2f%s\n", 8.0 * (double)t->n_bytes / (double)t->n_elems,
                      t->supported ? "" : "  not supported");
    }
}

static void put_token(strbuf *out, const tokenizer *t, int32_t id)
{
    size_t len;
    const char *s = tokenizer_piece(t, id, &len);
    strbuf_printf(out, "%" PRId32 " ", id);
    put_clean(out, (gguf_str){s, len});
}

static void put_tokenizer(strbuf *out, const tokenizer *t, const char *why)
{
    put_label(out, "tokenizer");
    if (!t) {
        const gguf_str s = {why ? why : "none", strlen(why ? why : "none")};
        put_clean(out, s);
        strbuf_putc(out, '\n');
        return;
    }
    const tokenizer_info *i = tokenizer_get_info(t);
    strbuf_puts(out, i->pre[0] ? "byte-level BPE, pre-tokenizer " : "SentencePiece BPE by scores");
    strbuf_printf(out, "%s, ", i->pre);
    put_count(out, i->n_tokens, 0);
    strbuf_puts(out, " tokens\n");
    put_label(out, "");
    strbuf_puts(out, "BOS ");
    if (i->bos >= 0)
        put_token(out, t, i->bos);
    else
        strbuf_puts(out, "none");
    strbuf_puts(out, i->add_bos ? " (put in front)" : " (not put in front)");
    strbuf_puts(out, "; ends an answer: ");
    for (size_t k = 0; k < i->n_eog; k++) {
        if (k) strbuf_puts(out, ", ");
        put_token(out, t, i->eog[k]);
    }
    strbuf_puts(out, i->n_eog ? "\n" : "none\n");
}

static void put_template(strbuf *out, const facts *f)
{
    const gguf_str s = f->chat_template;
    put_label(out, "chat template");
    if (!s.s) {
        strbuf_puts(out, "none: base model\n");
        return;
    }
    strbuf_printf(out, "%zu bytes, sha256 %s\n", s.len, f->template_sha256);
    size_t at = 0;
    for (size_t line = 0; line < TEMPLATE_LINES && at < s.len; line++) {
        const char *nl = memchr(s.s + at, '\n', s.len - at);
        const size_t end = nl ? (size_t)(nl - s.s) : s.len;
        size_t cut = at;
        for (size_t n = 0; n < LINE_MAX_CHARS && cut < end; n++) {
            uint32_t cp;
            cut += utf8_decode(s.s + cut, end - cut, &cp);
        }
        put_label(out, "");
        strbuf_puts(out, "| ");
        put_clean(out, (gguf_str){s.s + at, cut - at});
        strbuf_puts(out, cut < end ? " ...\n" : "\n");
        at = end + 1;
    }
    if (at < s.len) strbuf_printf(out, "%-15s| ...\n", "");
}

waage_status show_print(strbuf *out, const gguf *g, const tokenizer *t, const char *no_tokenizer,
                        const char *sha256, waage_err *err)
{
    facts f;
    gather(&f, g);
    put_file(out, g, sha256);
    put_str(out, g, "name", "general.name");
    put_str(out, g, "architecture", "general.architecture");
    put_str(out, g, "licence", "general.license");
    put_str(out, g, "licence text", "general.license.link");
    put_str(out, g, "made by", "general.organization");
    put_shape(out, g, &f);
    put_weights(out, g, &f);
    put_tokenizer(out, t, no_tokenizer);
    put_template(out, &f);
    return strbuf_check(out, err);
}
