/* added_tokens.c - a sorted list; a match narrows a range of it byte by byte. */
#include "runners/local/added_tokens.h"
#include <stdlib.h>
#include <string.h>
#include "runners/local/gguf_internal.h"
#include "runners/local/tokenizer.h"

static bool is_added(const vocab_token *t)
{
    return t->text.len > 0 &&
           (t->type == TOKEN_CONTROL || t->type == TOKEN_USER || t->type == TOKEN_UNKNOWN);
}

static int compare_tokens(const void *a, const void *b)
{
    const added_token *x = a, *y = b;
    const int d = gguf_str_compare(x->text, y->text);
    return d ? d : (x->id > y->id) - (x->id < y->id);
}

/* Number of blanks when the token is user-defined and a run of at least two, else 0. */
static size_t blank_run(const vocab_token *t)
{
    for (size_t i = 0; i < t->text.len; i++)
        if (t->text.s[i] != ' ') return 0;
    return t->type == TOKEN_USER && t->text.len > 1 ? t->text.len : 0;
}

static bool add_mark_runs(added_tokens *out, const vocab *v)
{
    size_t longest = 0;
    for (size_t i = 0; i < v->n; i++)
        if (blank_run(&v->token[i]) > longest) longest = blank_run(&v->token[i]);
    out->marks = malloc(longest * 3 + 1);
    if (!out->marks) return false;
    for (size_t i = 0; i < longest; i++)
        memcpy(out->marks + 3 * i, "\xE2\x96\x81", 3);
    for (size_t i = 0; i < v->n; i++)
        if (blank_run(&v->token[i]))
            out->token[out->n++] =
                (added_token){{out->marks, 3 * blank_run(&v->token[i])}, (int32_t)i, true};
    return true;
}

waage_status added_tokens_create(added_tokens *out, const vocab *v, bool blank_runs, waage_err *err)
{
    memset(out, 0, sizeof *out);
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += (size_t)is_added(&v->token[i]) + (blank_run(&v->token[i]) > 0);
    out->token = calloc(n + 1, sizeof *out->token);
    if (!out->token) return waage_err_nomem(err);
    for (size_t i = 0; i < v->n; i++)
        if (is_added(&v->token[i]))
            out->token[out->n++] =
                (added_token){v->token[i].text, (int32_t)i, v->token[i].type == TOKEN_USER};
    if (blank_runs && !add_mark_runs(out, v)) {
        added_tokens_free(out);
        return waage_err_nomem(err);
    }
    qsort(out->token, out->n, sizeof *out->token, compare_tokens);
    for (size_t i = 0; i < out->n; i++)
        out->first[(unsigned char)out->token[i].text.s[0] + 1] = i + 1;
    for (size_t c = 1; c <= 256; c++)
        if (out->first[c] < out->first[c - 1]) out->first[c] = out->first[c - 1];
    return WAAGE_OK;
}

void added_tokens_free(added_tokens *a)
{
    free(a->token);
    free(a->marks);
    memset(a, 0, sizeof *a);
}

/* First token of lo..hi-1 whose byte at `at` is not below c (all are longer than `at`). */
static size_t lower_bound(const added_tokens *a, size_t lo, size_t hi, size_t at, unsigned c)
{
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if ((unsigned char)a->token[mid].text.s[at] < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const added_token *added_tokens_match(const added_tokens *a, const char *text, size_t len,
                                      size_t n_trusted)
{
    const added_token *best = NULL;
    if (len == 0) return NULL;
    const unsigned char first = (unsigned char)text[0];
    size_t lo = a->first[first], hi = a->first[first + 1];
    for (size_t k = 1; lo < hi; k++) {
        /* token[lo..hi-1] share the first k bytes with the text; those of length k come first */
        for (; lo < hi && a->token[lo].text.len == k; lo++)
            if (a->token[lo].always || k <= n_trusted) best = &a->token[lo];
        if (k == len) break;
        const unsigned c = (unsigned char)text[k];
        lo = lower_bound(a, lo, hi, k, c);
        hi = lower_bound(a, lo, hi, k, c + 1);
    }
    return best;
}

const added_token *added_tokens_find(const added_tokens *a, const char *text, size_t len)
{
    const added_token *t = added_tokens_match(a, text, len, len);
    return t && t->text.len == len ? t : NULL;
}
