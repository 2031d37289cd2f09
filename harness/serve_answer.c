/* serve_answer.c - see serve_answer.h. */
#include "harness/serve_answer.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/utf8.h"

/* ---- Tokens as texts ---- */

static bool is_utf8(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        const size_t n = utf8_valid_length(s + i, len - i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

/* A token by itself. Bytes that are no text are written as OpenAI writes them. */
static void put_piece(strbuf *out, runner *r, int32_t id)
{
    size_t len;
    const char *s = r->ops->piece(r, id, &len);
    if (is_utf8(s, len)) {
        strbuf_put_json(out, s, len);
        return;
    }
    strbuf_puts(out, "\"bytes:");
    for (size_t i = 0; i < len; i++)
        strbuf_printf(out, "\\\\x%02x", (unsigned char)s[i]);
    strbuf_putc(out, '"');
}

static void put_logprob(strbuf *out, float x)
{
    strbuf_printf(out, "%.17g", (double)x);
}

static bool same_piece(runner *r, int32_t a, int32_t b)
{
    size_t n, m;
    const char *s = r->ops->piece(r, a, &n), *t = r->ops->piece(r, b, &m);
    return n == m && memcmp(s, t, n) == 0;
}

/* ---- Log-probabilities of completions ---- */

/* Tokens in a row of the answer: those of the prompt, then the new ones. */
typedef struct {
    const int32_t *ids;
    const float *logprobs;
    const token_prob *top; /* rows of n_top, or NULL */
    size_t n, n_top;
    bool first_is_void; /* nothing predicts it */
    char *text;         /* what they make together */
    size_t *ends;       /* (n) bytes of text */
} token_row;

static waage_status read_texts(token_row *t, runner *r, bool begins, bool special, arena *a,
                               waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    t->ends = arena_calloc(a, t->n + 1, sizeof *t->ends);
    if (!t->ends) return waage_err_nomem(err);
    waage_status st = r->ops->detokenize(r, t->ids, t->n, begins, special, &b, t->ends, err);
    if (st == WAAGE_OK) {
        t->text = arena_strndup(a, strbuf_str(&b), b.len);
        if (!t->text) st = waage_err_nomem(err);
    }
    strbuf_free(&b);
    return st;
}

typedef void put_token(strbuf *out, const token_row *t, size_t i, runner *r);

static void put_text(strbuf *out, const token_row *t, size_t i, runner *r)
{
    const size_t from = i > 0 ? t->ends[i - 1] : 0;
    (void)r;
    strbuf_put_json(out, t->text + from, t->ends[i] - from);
}

static void put_own(strbuf *out, const token_row *t, size_t i, runner *r)
{
    (void)r;
    if (i == 0 && t->first_is_void)
        strbuf_puts(out, "null");
    else
        put_logprob(out, t->logprobs[i]);
}

/* A map of texts: of tokens that print alike only the likelier one has a place. */
static void put_top(strbuf *out, const token_row *t, size_t i, runner *r)
{
    if (i == 0 && t->first_is_void) {
        strbuf_puts(out, "null");
        return;
    }
    token_prob row[TOP_MAX + 1];
    size_t n = 0;
    for (size_t k = 0; t->top && k <= t->n_top; k++) {
        const token_prob x =
            k < t->n_top ? t->top[i * t->n_top + k] : (token_prob){t->ids[i], t->logprobs[i]};
        bool is_new = x.id >= 0;
        for (size_t j = 0; is_new && j < n; j++)
            is_new = !same_piece(r, row[j].id, x.id);
        if (is_new) row[n++] = x;
    }
    strbuf_putc(out, '{');
    for (size_t k = 0; k < n; k++) {
        if (k > 0) strbuf_puts(out, ", ");
        put_piece(out, r, row[k].id);
        strbuf_puts(out, ": ");
        put_logprob(out, row[k].logprob);
    }
    strbuf_putc(out, '}');
}

static void put_list(strbuf *out, const char *name, const token_row rows[2], put_token *put,
                     runner *r)
{
    size_t n = 0;
    strbuf_printf(out, "\"%s\": [", name);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < rows[k].n; i++) {
            if (n++ > 0) strbuf_puts(out, ", ");
            put(out, &rows[k], i, r);
        }
    strbuf_puts(out, "], ");
}

/* Offsets are counted in characters, as Python does. */
static void put_offsets(strbuf *out, const token_row rows[2])
{
    size_t at = 0, n = 0;
    strbuf_puts(out, "\"text_offset\": [");
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < rows[k].n; i++) {
            const size_t from = i > 0 ? rows[k].ends[i - 1] : 0;
            strbuf_printf(out, n++ > 0 ? ", %zu" : "%zu", at);
            at += utf8_count(rows[k].text + from, rows[k].ends[i] - from);
        }
    strbuf_putc(out, ']');
}

static waage_status put_completion_logprobs(strbuf *out, const serve_ask *ask, const request *rq,
                                            const reply *rp, runner *r, arena *a, waage_err *err)
{
    token_row rows[2] = {{.n_top = rq->n_top, .first_is_void = true}, {.n_top = rq->n_top}};
    if (ask->echo && rp->prompt_ids) {
        rows[0].ids = rp->prompt_ids;
        rows[0].logprobs = rp->prompt_logprobs;
        rows[0].top = rp->prompt_top;
        rows[0].n = rp->prompt_tokens;
    }
    if (!ask->drops_new) {
        rows[1].ids = rp->tokens;
        rows[1].logprobs = rp->logprobs;
        rows[1].top = rp->top;
        rows[1].n = rp->n_tokens;
    }
    WAAGE_TRY(read_texts(&rows[0], r, true, rq->prompt_ids != NULL, a, err));
    WAAGE_TRY(read_texts(&rows[1], r, false, false, a, err));
    strbuf_putc(out, '{');
    put_list(out, "tokens", rows, put_text, r);
    put_list(out, "token_logprobs", rows, put_own, r);
    if (rq->n_top > 0)
        put_list(out, "top_logprobs", rows, put_top, r);
    else
        strbuf_puts(out, "\"top_logprobs\": null, ");
    put_offsets(out, rows);
    strbuf_putc(out, '}');
    return WAAGE_OK;
}

/* ---- Log-probabilities of chats ---- */

static void put_chat_token(strbuf *out, runner *r, int32_t id, float logprob)
{
    size_t len;
    const char *s = r->ops->piece(r, id, &len);
    strbuf_puts(out, "{\"token\": ");
    put_piece(out, r, id);
    strbuf_puts(out, ", \"logprob\": ");
    put_logprob(out, logprob);
    strbuf_puts(out, ", \"bytes\": [");
    for (size_t i = 0; i < len; i++)
        strbuf_printf(out, i > 0 ? ", %u" : "%u", (unsigned char)s[i]);
    strbuf_putc(out, ']');
}

static void put_chat_logprobs(strbuf *out, const request *rq, const reply *rp, runner *r)
{
    strbuf_puts(out, "{\"content\": [");
    for (size_t i = 0; i < rp->n_tokens; i++) {
        if (i > 0) strbuf_puts(out, ", ");
        put_chat_token(out, r, rp->tokens[i], rp->logprobs[i]);
        strbuf_puts(out, ", \"top_logprobs\": [");
        for (size_t k = 0; rp->top && k < rq->n_top; k++) {
            const token_prob x = rp->top[i * rq->n_top + k];
            if (x.id < 0) break;
            if (k > 0) strbuf_puts(out, ", ");
            put_chat_token(out, r, x.id, x.logprob);
            strbuf_putc(out, '}');
        }
        strbuf_puts(out, "]}");
    }
    strbuf_puts(out, "], \"refusal\": null}");
}

/* ---- Choices ---- */

static const char *reason_name(finish_reason why)
{
    return why == FINISH_LENGTH ? "length" : "stop";
}

/* The text of a prompt as the answer repeats it. */
static waage_status put_echo(strbuf *text, const request *rq, runner *r, waage_err *err)
{
    if (rq->prompt_ids)
        return r->ops->detokenize(r, rq->prompt_ids, rq->n_prompt_ids, true, true, text, NULL, err);
    strbuf_puts(text, rq->prompt);
    return WAAGE_OK;
}

static waage_status put_completion(strbuf *out, const serve_ask *ask, const request *rq,
                                   const reply *rp, runner *r, arena *a, waage_err *err)
{
    strbuf text = STRBUF_EMPTY;
    waage_status st = ask->echo ? put_echo(&text, rq, r, err) : WAAGE_OK;
    if (!ask->drops_new) strbuf_put(&text, rp->text, rp->text_len);
    if (st == WAAGE_OK) st = strbuf_check(&text, err);
    strbuf_puts(out, "\"text\": ");
    strbuf_put_json(out, strbuf_str(&text), text.len);
    strbuf_free(&text);
    strbuf_puts(out, ", \"logprobs\": ");
    if (!ask->logprobs)
        strbuf_puts(out, "null");
    else if (st == WAAGE_OK)
        st = put_completion_logprobs(out, ask, rq, rp, r, a, err);
    return st;
}

static void put_message(strbuf *out, const serve_ask *ask, const request *rq, const reply *rp,
                        runner *r)
{
    strbuf_puts(out, "\"message\": {\"role\": \"assistant\", \"content\": ");
    strbuf_put_json(out, rp->text, rp->text_len);
    if (rp->thought_is == THOUGHT_PRESENT) {
        strbuf_puts(out, ", \"reasoning_content\": ");
        strbuf_put_json(out, rp->thought, strlen(rp->thought));
    }
    strbuf_puts(out, "}, \"logprobs\": ");
    if (ask->logprobs)
        put_chat_logprobs(out, rq, rp, r);
    else
        strbuf_puts(out, "null");
}

waage_status serve_answer_choice(strbuf *out, const serve_ask *ask, size_t index, const reply *rp,
                                 runner *r, waage_err *err)
{
    arena a = ARENA_EMPTY;
    waage_status st = WAAGE_OK;
    const request *rq = &ask->calls[index].rq;
    strbuf_printf(out, "{\"index\": %zu, ", index);
    if (ask->api == SERVE_CHAT)
        put_message(out, ask, rq, rp, r);
    else
        st = put_completion(out, ask, rq, rp, r, &a, err);
    strbuf_printf(out, ", \"finish_reason\": \"%s\"}",
                  ask->drops_new ? "length" : reason_name(rp->finish));
    arena_free(&a);
    return st == WAAGE_OK ? strbuf_check(out, err) : st;
}

/* ---- Bodies ---- */

static void put_title(strbuf *out, const serve_title *t, bool is_event)
{
    const bool chat = t->api == SERVE_CHAT;
    strbuf_printf(out, "{\"id\": \"%s-%llu\", \"object\": \"%s%s\", \"created\": %lld, \"model\": ",
                  chat ? "chatcmpl" : "cmpl", (unsigned long long)t->number,
                  chat ? "chat.completion" : "text_completion", chat && is_event ? ".chunk" : "",
                  (long long)t->created);
    strbuf_put_json(out, t->model, strlen(t->model));
    strbuf_puts(out, ", \"system_fingerprint\": ");
    strbuf_put_json(out, t->fingerprint, strlen(t->fingerprint));
    strbuf_puts(out, ", \"choices\": [");
}

static void put_usage(strbuf *out, const serve_usage *u)
{
    strbuf_printf(out,
                  "\"usage\": {\"prompt_tokens\": %llu, \"completion_tokens\": %llu, "
                  "\"total_tokens\": %llu, \"prompt_tokens_details\": {\"cached_tokens\": %llu}, "
                  "\"completion_tokens_details\": {\"reasoning_tokens\": %llu}}}",
                  (unsigned long long)u->prompt, (unsigned long long)u->completion,
                  (unsigned long long)(u->prompt + u->completion), (unsigned long long)u->cached,
                  (unsigned long long)u->thought);
}

void serve_answer_body(strbuf *out, const serve_title *t, const strbuf *choices, size_t n,
                       const serve_usage *u)
{
    put_title(out, t, false);
    for (size_t i = 0; i < n; i++) {
        if (i > 0) strbuf_puts(out, ", ");
        strbuf_put(out, strbuf_str(&choices[i]), choices[i].len);
    }
    strbuf_puts(out, "], ");
    put_usage(out, u);
    strbuf_putc(out, '\n');
}

static void put_or_null(strbuf *out, const char *s)
{
    if (s && *s)
        strbuf_put_json(out, s, strlen(s));
    else
        strbuf_puts(out, "null");
}

void serve_answer_fault(strbuf *out, const serve_fault *f)
{
    strbuf_puts(out, "{\"error\": {\"message\": ");
    strbuf_put_json(out, f->message, strlen(f->message));
    strbuf_puts(out, ", \"type\": ");
    put_or_null(out, f->type);
    strbuf_puts(out, ", \"param\": ");
    put_or_null(out, f->param);
    strbuf_puts(out, ", \"code\": ");
    put_or_null(out, f->code);
    strbuf_puts(out, "}}\n");
}

/* ---- Server-sent events ---- */

static void begin_event(strbuf *out, const serve_title *t, size_t index)
{
    strbuf_puts(out, "data: ");
    put_title(out, t, true);
    strbuf_printf(out, "{\"index\": %zu, ", index);
}

void serve_event_role(strbuf *out, const serve_title *t, size_t index)
{
    begin_event(out, t, index);
    strbuf_puts(out, "\"delta\": {\"role\": \"assistant\", \"content\": \"\"}, "
                     "\"finish_reason\": null}]}\n\n");
}

void serve_event_text(strbuf *out, const serve_title *t, size_t index, bool is_thought,
                      const char *s, size_t len)
{
    const bool chat = t->api == SERVE_CHAT;
    begin_event(out, t, index);
    if (chat)
        strbuf_printf(out, "\"delta\": {\"%s\": ", is_thought ? "reasoning_content" : "content");
    else
        strbuf_puts(out, "\"text\": ");
    strbuf_put_json(out, s, len);
    strbuf_puts(out, chat ? "}, \"finish_reason\": null}]}\n\n"
                          : ", \"logprobs\": null, \"finish_reason\": null}]}\n\n");
}

void serve_event_finish(strbuf *out, const serve_title *t, size_t index, finish_reason why)
{
    begin_event(out, t, index);
    strbuf_printf(out, "%s, \"finish_reason\": \"%s\"}]}\n\n",
                  t->api == SERVE_CHAT ? "\"delta\": {}" : "\"text\": \"\", \"logprobs\": null",
                  reason_name(why));
}

void serve_event_usage(strbuf *out, const serve_title *t, const serve_usage *u)
{
    strbuf_puts(out, "data: ");
    put_title(out, t, true);
    strbuf_puts(out, "], ");
    put_usage(out, u);
    strbuf_puts(out, "\n\n");
}

void serve_event_fault(strbuf *out, const serve_fault *f)
{
    strbuf_puts(out, "data: ");
    serve_answer_fault(out, f);
    strbuf_putc(out, '\n');
}

void serve_event_done(strbuf *out)
{
    strbuf_puts(out, "data: [DONE]\n\n");
}
