/* score.c - see score.h. Offsets of an echo count code points, as Python servers do; tokens of
 * prompt_logprobs have none and are laid along the text, from its end. */
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

/* ---- prompt_logprobs ---- */

static const char broken_char[] = "\xEF\xBF\xBD"; /* for a token that is a part of a character */

typedef struct {
    const char *text; /* as the server decodes it alone; NULL: unknown */
    double logprob;
    bool known, greedy;
} prompt_token;

/* Of the likeliest tokens and the prompt's own, which one is that: the last one by rank. */
static prompt_token own_token(const value *place)
{
    prompt_token best = {NULL, 0, false, false};
    int64_t worst = -1;
    for (size_t i = 0; place && place->kind == VALUE_MAP && i < value_len(place); i++) {
        const value *v = place->u.map.pairs[i].val;
        const int64_t rank = value_get_int(v, "rank", 0);
        if (rank <= worst) continue;
        worst = rank;
        best.text = value_get_str(v, "decoded_token", NULL);
        best.known = is_number(value_get(v, "logprob"), &best.logprob);
        best.greedy = rank == 1;
    }
    return best;
}

static bool ends_with(const char *text, size_t len, const char *tail)
{
    const size_t n = strlen(tail);
    return n <= len && memcmp(text + len - n, tail, n) == 0;
}

/* A walk over the tokens from the last one; text[..pos) is not laid along yet. */
typedef struct {
    const value *places;
    const char *text;
    size_t i, pos; /* tokens in front of i are left */
} walk;

/* Tokens that are parts of characters: together they reach back to where the token in front of them
 * ends. Their number, and *from; 0: the text has no such place. */
static size_t take_broken(const walk *w, size_t *from)
{
    size_t n = 1;
    prompt_token t = {0};
    while (w->i - n > 0) {
        t = own_token(value_at(w->places, w->i - n - 1));
        if (!t.text || !strstr(t.text, broken_char)) break;
        n++;
    }
    if (!t.text || strstr(t.text, broken_char)) return 0;
    for (size_t back = 1; back <= 4 * n && back <= w->pos; back++) {
        *from = w->pos - back;
        if (((unsigned char)w->text[*from] & 0xc0) != 0x80 && ends_with(w->text, *from, t.text))
            return n;
    }
    return 0;
}

/* The next token, or run of broken ones, counted from the end: how many, and the bytes before it.
 */
static size_t take_tokens(const walk *w, size_t *from)
{
    const prompt_token t = own_token(value_at(w->places, w->i - 1));
    if (!t.text || !t.known) return 0;
    if (ends_with(w->text, w->pos, t.text)) {
        *from = w->pos - strlen(t.text);
        return 1;
    }
    return strstr(t.text, broken_char) ? take_broken(w, from) : 0;
}

bool score_read_prompt(choice_score *out, const value *body, const char *text, size_t n_prompt,
                       const char **why, arena *a)
{
    const value *first = value_at(value_get(body, "choices"), 0);
    const value *places = value_get(first, "prompt_logprobs");
    if (!places) places = value_get(body, "prompt_logprobs");
    walk w = {places, text, value_len(places), strlen(text)};
    *out = (choice_score){.greedy = true};
    *why = "the server returns no log-probabilities of the prompt (echo, prompt_logprobs)";
    if (w.i == 0) return false;
    *why = "the server's tokens do not spell the prompt";
    while (n_prompt > 0 && strchr(" \t\r\n", text[n_prompt - 1]))
        n_prompt--;
    float *each = arena_calloc(a, w.i, sizeof *each);
    if (!each) return false;
    const size_t n_all = w.i;
    while (w.pos > n_prompt && w.i > 0) {
        size_t from = 0, n = take_tokens(&w, &from);
        if (n == 0 && w.i < n_all && text[w.pos - 1] == ' ') { /* the token behind lost its blank */
            w.pos--;
            continue;
        }
        if (n == 0 || (n > 1 && from < n_prompt)) return false;
        for (; n > 0; n--) {
            const prompt_token t = own_token(value_at(places, --w.i));
            if (!t.known) return false;
            each[w.i] = (float)t.logprob;
            out->logprob += t.logprob;
            out->greedy = out->greedy && t.greedy;
            out->n_tokens++;
        }
        w.pos = from;
    }
    if (w.pos > n_prompt) return false;
    out->logprobs = each + w.i;
    return out->n_tokens > 0;
}
