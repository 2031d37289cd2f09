/* score.c - see score.h. Offsets count code points, as Python servers do. */
#include "runners/http/score.h"
#include <math.h>
#include <string.h>

static size_t code_points(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

static const char *token_text(const value *tokens, size_t i)
{
    const value *v = value_at(tokens, i);
    return v && v->kind == VALUE_STR ? v->u.str.s : "";
}

static bool is_number(const value *v, double *out)
{
    if (!v || (v->kind != VALUE_FLOAT && v->kind != VALUE_INT)) return false;
    *out = v->kind == VALUE_FLOAT ? v->u.f : (double)v->u.i;
    return isfinite(*out) && *out <= 1e-3;
}

/* Was the token the most probable one? top: map of the most probable tokens to log-probabilities.
 */
static bool is_greedy(const value *top, double own)
{
    for (size_t i = 0; i < value_len(top); i++) {
        double x;
        if (top->kind == VALUE_MAP && is_number(top->u.map.pairs[i].val, &x) && x > own + 1e-6)
            return false;
    }
    return value_len(top) > 0;
}

/* Start of token i in code points of the text; a begin-of-text token is not part of the text. */
static size_t start_of(const value *offsets, size_t i, size_t shift)
{
    const value *v = value_at(offsets, i);
    if (!v || v->kind != VALUE_INT || v->u.i < (int64_t)shift) return 0;
    return (size_t)v->u.i - shift;
}

bool score_read(choice_score *out, const value *body, const char *text, size_t n_prompt,
                const char **why, arena *a)
{
    const value *lp = value_get(value_at(value_get(body, "choices"), 0), "logprobs");
    const value *tokens = value_get(lp, "tokens"), *logprobs = value_get(lp, "token_logprobs");
    const value *offsets = value_get(lp, "text_offset"), *tops = value_get(lp, "top_logprobs");
    const size_t n = value_len(tokens), len = strlen(text);
    *out = (choice_score){.greedy = true};
    *why = "the server returns no log-probabilities of the prompt (echo with logprobs)";
    if (n == 0 || value_len(logprobs) != n || value_len(offsets) != n) return false;
    while (n_prompt > 0 && strchr(" \t\r\n", text[n_prompt - 1]))
        n_prompt--;
    const size_t border = code_points(text, n_prompt), end = code_points(text, len);
    const char *head = token_text(tokens, 0);
    const bool begins = strncmp(text, head, strlen(head)) != 0;
    const size_t shift = begins ? code_points(head, strlen(head)) : 0;
    float *each = arena_calloc(a, n, sizeof *each);
    if (!each) return false;
    for (size_t i = 0; i < n; i++) {
        const size_t from = start_of(offsets, i, shift);
        const size_t to = i + 1 < n ? start_of(offsets, i + 1, shift) : end + 1;
        double x;
        /* A token that ends in the middle of a character has no text of its own: at the border it
         * begins the continuation, as the first of all it begins the text. */
        const bool before = to < border || (to == border && (from < border || i == 0));
        if (before || from >= end || (begins && i == 0)) continue;
        if (!is_number(value_at(logprobs, i), &x)) {
            *why = "the server returns no log-probability of the first token";
            return false;
        }
        each[out->n_tokens++] = (float)x;
        out->logprob += x;
        out->greedy = out->greedy && is_greedy(value_at(tops, i), x);
    }
    out->logprobs = each;
    return out->n_tokens > 0;
}
