/* pretokenizer.c - the table of rules. A rule is one or more passes; each pass cuts every piece of
 * the pass before, matched or not, so `$` and lookahead see the end of that piece. What lies
 * between two matches is a piece as well.
 *
 * \s is spelled out: the references mean Unicode's White_Space (with U+0085, without U+180E and
 * U+001C..1F), PCRE2's class differs. Script classes name the script property, not its extensions.
 */
#include "runners/local/pretokenizer.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/regex.h"
#include "runners/local/pretokenizer_unicode.h"

// clang-format off
#define SPACE   "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}" \
                "\\x{202f}\\x{205f}\\x{3000}"
#define S       "[" SPACE "]"
#define BLANKS  S "*[\\r\\n]+|" S "+(?![^" SPACE "])|" S "+"
/* categories, to stand inside of [] */
#define L       "\\p{L}" NEW_LU NEW_LL NEW_LO
#define M       "\\p{M}" NEW_M
#define N       "\\p{N}" NEW_N
#define P       "\\p{P}" NEW_P
#define SYMBOL  "\\p{S}" NEW_S
#define UPPER   "\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}" NEW_LU NEW_LO M
#define LOWER   "\\p{Ll}\\p{Lm}\\p{Lo}" NEW_LL NEW_LO M

#define ENGLISH "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define OTHER   " ?[^" SPACE L N "]+"
#define LEAD    "[^\\r\\n" L N "]?"
#define DIGIT   "[" N "]"
#define DIGITS3 "[" N "]{1,3}"

#define GPT2 \
    "'s|'t|'re|'ve|'m|'ll|'d| ?[" L "]+| ?[" N "]+|" OTHER "|" S "+(?![^" SPACE "])|" S "+"
#define CL100K(digits) ENGLISH "|" LEAD "[" L "]+|" digits "|" OTHER "[\\r\\n]*|" BLANKS
#define O200K(digits, ending) \
    LEAD "[" UPPER "]*[" LOWER "]+" ending "|" LEAD "[" UPPER "]+[" LOWER "]*" ending "|" \
    digits "|" OTHER "[\\r\\n/]*|" BLANKS
/* Kimi K2: as o200k, with runs of Han cut out and kept out of the words. */
#define HAN "[\\p{sc:Han}" NEW_HAN "]"
#define NO_HAN(cls) "(?:(?!" HAN ")[" cls "])"
#define KIMI \
    HAN "+|" \
    LEAD NO_HAN(UPPER) "*" NO_HAN(LOWER) "+" ENGLISH "?|" \
    LEAD NO_HAN(UPPER) "+" NO_HAN(LOWER) "*" ENGLISH "?|" \
    DIGITS3 "|" OTHER "[\\r\\n]*|" BLANKS

#define CJK_V3  "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+"
#define MAIN_V3 \
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|" \
    "[^\\r\\n" L P SYMBOL "]?[" L M "]+| ?[" P SYMBOL "]+[\\r\\n]*|" BLANKS
#define CJK_V1  "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+"
/* Letters with case, the list that DeepSeek LLM and V2 spell out (an older Unicode than ours). */
#define CASED_V1 \
    "A-Za-z\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}\\x{1c4}-\\x{293}" \
    "\\x{295}-\\x{2af}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37b}-\\x{37d}\\x{37f}\\x{386}" \
    "\\x{388}-\\x{38a}\\x{38c}\\x{38e}-\\x{3a1}\\x{3a3}-\\x{3f5}\\x{3f7}-\\x{481}\\x{48a}-\\x{52f}" \
    "\\x{531}-\\x{556}\\x{10a0}-\\x{10c5}\\x{13a0}-\\x{13f5}\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}" \
    "\\x{1cbd}-\\x{1cbf}\\x{1d00}-\\x{1d2b}\\x{1d6b}-\\x{1d77}\\x{1d79}-\\x{1d9a}\\x{1e00}-\\x{1f15}" \
    "\\x{1f18}-\\x{1f1d}\\x{1f20}-\\x{1f45}\\x{1f48}-\\x{1f4d}\\x{1f50}-\\x{1f57}\\x{1f59}\\x{1f5b}" \
    "\\x{1f5d}\\x{1f5f}-\\x{1f7d}\\x{1f80}-\\x{1fb4}\\x{1fb6}-\\x{1fbc}\\x{1fbe}\\x{1fc2}-\\x{1fc4}" \
    "\\x{1fc6}-\\x{1fcc}\\x{1fd0}-\\x{1fd3}\\x{1fd6}-\\x{1fdb}\\x{1fe0}-\\x{1fec}\\x{1ff2}-\\x{1ff4}" \
    "\\x{1ff6}-\\x{1ffc}\\x{2102}\\x{2107}\\x{210a}-\\x{2113}\\x{2115}\\x{2119}-\\x{211d}\\x{2124}" \
    "\\x{2126}\\x{2128}\\x{212a}-\\x{212d}\\x{212f}-\\x{2134}\\x{2139}\\x{213c}-\\x{213f}" \
    "\\x{2145}-\\x{2149}\\x{214e}\\x{2183}\\x{2184}\\x{2c00}-\\x{2c7b}\\x{2c7e}-\\x{2ce4}" \
    "\\x{2ceb}-\\x{2cee}\\x{2cf2}\\x{2cf3}\\x{a640}-\\x{a66d}\\x{a680}-\\x{a69b}\\x{a722}-\\x{a76f}" \
    "\\x{a771}-\\x{a787}\\x{a78b}-\\x{a78e}\\x{ab70}-\\x{abbf}\\x{fb00}-\\x{fb06}\\x{fb13}-\\x{fb17}" \
    "\\x{ff21}-\\x{ff3a}\\x{ff41}-\\x{ff5a}\\x{10400}-\\x{1044f}\\x{104b0}-\\x{104d3}" \
    "\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}\\x{118a0}-\\x{118df}" \
    "\\x{1e900}-\\x{1e943}"
#define PUNCT_V1 "!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3000}-\\x{3002}"

enum { PASSES_MAX = 6 };

static const char *const gpt2[PASSES_MAX] = {GPT2};
static const char *const single_digits[PASSES_MAX] = {DIGIT, GPT2};
static const char *const cl100k_3[PASSES_MAX] = {CL100K(DIGITS3)};
static const char *const cl100k_1[PASSES_MAX] = {CL100K(DIGIT)};
static const char *const o200k[PASSES_MAX] = {O200K(DIGITS3, ENGLISH "?")};
static const char *const tekken[PASSES_MAX] = {O200K(DIGIT, "")};
static const char *const kimi[PASSES_MAX] = {KIMI};
static const char *const deepseek_v3[PASSES_MAX] = {DIGITS3, CJK_V3, MAIN_V3};
static const char *const deepseek_llm[PASSES_MAX] = {
    "[\\r\\n]", S "?[" CASED_V1 "]+", S "?[" PUNCT_V1 "]+", S "+$", CJK_V1, DIGIT "+"};
static const char *const deepseek_coder[PASSES_MAX] = {
    "[\\r\\n]", S "?[" L "]+", S "?[" P "]+", CJK_V1, DIGIT};

typedef struct {
    pretokenizer_rule rule; /* name, add_bos, ignore_merges, nfc */
    const char *const *pass;
} table_row;

static const table_row table[] = { /* ascending by name */
    {{"chatglm-bpe",      false, false, false}, cl100k_3},
    {{"dbrx",             false, false, false}, cl100k_3},
    {{"deepseek-coder",   false, false, false}, deepseek_coder},
    {{"deepseek-llm",     false, false, false}, deepseek_llm},
    {{"deepseek-r1-qwen", false, false, false}, cl100k_1},
    {{"deepseek-v3",      false, false, false}, deepseek_v3},
    {{"falcon3",          true,  true,  false}, cl100k_3},
    {{"glm4",             false, false, false}, cl100k_3},
    {{"gpt-2",            false, false, false}, gpt2},
    {{"gpt-4o",           false, false, false}, o200k},
    {{"hunyuan-dense",    false, false, false}, deepseek_v3},
    {{"kimi-k2",          false, false, false}, kimi},
    {{"llama-bpe",        true,  true,  false}, cl100k_3},
    {{"llama-v3",         true,  true,  false}, cl100k_3},
    {{"llama3",           true,  true,  false}, cl100k_3},
    {{"llama4",           false, false, false}, o200k},
    {{"mpt",              false, false, false}, gpt2},
    {{"olmo",             false, false, false}, gpt2},
    {{"phi-2",            false, false, false}, gpt2},
    {{"pixtral",          true,  true,  false}, cl100k_3},
    {{"qwen2",            false, false, true},  cl100k_1},
    {{"refact",           false, false, false}, single_digits},
    {{"smaug-bpe",        false, false, false}, cl100k_3},
    {{"smollm",           false, false, false}, single_digits},
    {{"stablelm2",        false, false, false}, cl100k_1},
    {{"starcoder",        false, false, false}, single_digits},
    {{"tekken",           true,  true,  false}, tekken},
};
// clang-format on

enum { N_RULES = sizeof table / sizeof *table };

struct pretokenizer {
    const table_row *row;
    regex *pass[PASSES_MAX];
    size_t n_passes;
};

const pretokenizer_rule *pretokenizer_rule_at(size_t i)
{
    return i < N_RULES ? &table[i].rule : NULL;
}

const pretokenizer_rule *pretokenizer_get_rule(const pretokenizer *p)
{
    return &p->row->rule;
}

static const table_row *find_row(const char *name, size_t len)
{
    for (size_t i = 0; i < N_RULES; i++)
        if (strlen(table[i].rule.name) == len && memcmp(table[i].rule.name, name, len) == 0)
            return &table[i];
    return NULL;
}

waage_status pretokenizer_create(pretokenizer **out, const char *name, size_t len, waage_err *err)
{
    *out = NULL;
    const table_row *row = find_row(name, len);
    if (!row) {
        char shown[64] = {0};
        for (size_t i = 0; i < len && i + 1 < sizeof shown; i++)
            shown[i] = name[i] >= 0x20 && name[i] < 0x7f ? name[i] : '?';
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "the pre-tokenizer '%s' (tokenizer.ggml.pre) is not supported", shown);
    }
    pretokenizer *p = calloc(1, sizeof *p);
    if (!p) return waage_err_nomem(err);
    p->row = row;
    waage_status st = WAAGE_OK;
    while (st == WAAGE_OK && p->n_passes < PASSES_MAX && row->pass[p->n_passes]) {
        st = regex_compile(&p->pass[p->n_passes], row->pass[p->n_passes], 0, err);
        if (st == WAAGE_OK) p->n_passes++;
    }
    if (st != WAAGE_OK) {
        pretokenizer_free(p);
        return st;
    }
    *out = p;
    return WAAGE_OK;
}

void pretokenizer_free(pretokenizer *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->n_passes; i++)
        regex_free(p->pass[i]);
    free(p);
}

void pretokenizer_cuts_free(pretokenizer_cuts *c)
{
    free(c->end);
    *c = (pretokenizer_cuts){0};
}

static bool put_cut(pretokenizer_cuts *c, size_t end)
{
    if (c->n && c->end[c->n - 1] == end) return true; /* no empty pieces */
    if (c->n == c->cap) {
        const size_t cap = c->cap ? c->cap * 2 : 256;
        size_t *p = realloc(c->end, cap * sizeof *p);
        if (!p) return false;
        c->end = p;
        c->cap = cap;
    }
    c->end[c->n++] = end;
    return true;
}

/* Cut text[start..end-1] at the matches of one pass. */
static bool cut_piece(const regex *re, const char *text, size_t start, size_t end,
                      pretokenizer_cuts *out)
{
    size_t at = 0;
    regex_span m;
    while (start + at < end && regex_find(re, text + start, end - start, at, &m, 1) &&
           m.end > m.start) {
        if (m.start > at && !put_cut(out, start + m.start)) return false;
        if (!put_cut(out, start + m.end)) return false;
        at = m.end;
    }
    return put_cut(out, end);
}

waage_status pretokenizer_cut(const pretokenizer *p, const char *text, size_t len,
                              pretokenizer_cuts *out, waage_err *err)
{
    pretokenizer_cuts before = {0};
    out->n = 0;
    bool ok = len == 0 || put_cut(out, len);
    for (size_t pass = 0; ok && pass < p->n_passes; pass++) {
        const pretokenizer_cuts swap = before;
        before = *out;
        *out = swap;
        out->n = 0;
        for (size_t i = 0, start = 0; ok && i < before.n; start = before.end[i], i++)
            ok = cut_piece(p->pass[pass], text, start, before.end[i], out);
    }
    pretokenizer_cuts_free(&before);
    return ok ? WAAGE_OK : waage_err_nomem(err);
}
