/* recording.c - see recording.h. Responses and exchanges come in the same order: they are merged in
 * one pass, and of each answer's exchanges the last one is kept. */
#include "harness/recording.h"
#include "harness/base/body.h"
#include <errno.h>
#include <string.h>

typedef struct {
    FILE *out;
    const char *label;
    const store_data *d;
    size_t at;   /* response whose row comes next */
    bool have;   /* body holds a reply to it */
    strbuf body; /* as it came */
    size_t n;
} recording;

static bool same_key(const store_key *a, const store_key *b)
{
    return a->proto == b->proto && a->sample == b->sample && a->turn == b->turn &&
           strcmp(a->item, b->item) == 0 && strcmp(a->task, b->task) == 0 &&
           strcmp(a->model, b->model) == 0;
}

static bool put_str(arena *a, value *row, const char *key, const char *text)
{
    return !text || value_map_set(a, row, key, value_str(a, text));
}

/* ---- The body ---- */

/* A body in our own words, for answers that came over no wire. */
static value *make_body(const store_response *r, arena *a)
{
    value *body = value_map(a), *choices = value_list(a), *choice = value_map(a);
    value *said = value_map(a), *usage = value_map(a), *details = value_map(a);
    const char *thought = r->thought_is == THOUGHT_EMPTY && !r->thought ? "" : r->thought;
    const bool chat = r->key.proto == PROTOCOL_CHAT;
    bool ok = body && choices && choice && said && usage && details &&
              value_map_set(a, choice, "finish_reason", value_str(a, finish_name(r->finish)));
    if (ok && chat)
        ok = put_str(a, said, "role", "assistant") &&
             put_str(a, said, "content", r->text ? r->text : "") &&
             put_str(a, said, "reasoning", thought) && value_map_set(a, choice, "message", said);
    else if (ok)
        ok = put_str(a, choice, "text", r->text ? r->text : "");
    ok = ok && value_list_add(a, choices, choice) && value_map_set(a, body, "choices", choices) &&
         value_map_set(a, usage, "prompt_tokens", value_int(a, r->prompt_tokens)) &&
         value_map_set(a, usage, "completion_tokens", value_int(a, r->completion_tokens)) &&
         value_map_set(a, body, "usage", usage);
    if (ok && r->thought_tokens)
        ok = value_map_set(a, details, "reasoning_tokens", value_int(a, r->thought_tokens)) &&
             value_map_set(a, usage, "completion_tokens_details", details);
    return ok ? body : NULL;
}

/* What the server sent, when it is JSON; *text is its answer before any cut of ours. */
static value *parse_body(const recording *to, const char **text, arena *a)
{
    value *body = NULL;
    reply rp = {0};
    if (!to->have || json_parse(&body, a, strbuf_str(&to->body), to->body.len, "reply", 1, NULL) ||
        body->kind != VALUE_MAP)
        return NULL;
    if (body_read(&rp, body, a, NULL) == WAAGE_OK) *text = rp.text;
    return body;
}

static value *scores_of(const store_response *r, arena *a)
{
    value *list = value_list(a);
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < r->n_choices; i++) {
        const choice_score *c = &r->choices[i];
        value *one = value_map(a);
        ok = one && value_map_set(a, one, "logprob", value_float(a, c->logprob)) &&
             value_map_set(a, one, "n_tokens", value_int(a, c->n_tokens)) &&
             value_map_set(a, one, "greedy", value_bool(a, c->greedy)) &&
             value_list_add(a, list, one);
    }
    return ok ? list : NULL;
}

/* ---- The row ---- */

/* Messages are kept as JSON where the exact prompt is not known, which is so for every server. */
static bool put_prompt(arena *a, value *row, const store_response *r)
{
    value *talk = NULL;
    if (r->key.proto == PROTOCOL_COMPLETION) return put_str(a, row, "prompt", r->prompt);
    if (r->prompt && r->prompt[0] == '[' &&
        json_parse(&talk, a, r->prompt, strlen(r->prompt), "prompt", 1, NULL) == WAAGE_OK)
        return value_map_set(a, row, "messages", talk);
    /* A prompt that a template made holds the question somewhere; the id alone must do. */
    return true;
}

static value *make_row(const recording *to, const store_response *r, arena *a)
{
    const char *text = NULL;
    value *row = value_map(a), *body = parse_body(to, &text, a);
    if (!body) body = make_body(r, a);
    bool ok = row && body && put_str(a, row, "task", r->key.task) &&
              put_str(a, row, "item", r->key.item) &&
              value_map_set(a, row, "sample", value_int(a, r->key.sample)) &&
              value_map_set(a, row, "turn", value_int(a, r->key.turn)) &&
              put_str(a, row, "protocol", protocol_name(r->key.proto)) &&
              put_str(a, row, "model", r->key.model) && put_prompt(a, row, r) &&
              put_str(a, row, "provider", r->host) && put_str(a, row, "timestamp", r->served_at) &&
              put_str(a, row, "finish", finish_name(r->finish)) &&
              put_str(a, row, "error", r->error) && put_str(a, row, "label", r->recorded_label) &&
              put_str(a, row, "labelled_by", r->recorded_labeler);
    const size_t n = r->text ? strlen(r->text) : 0;
    if (ok && text && n < strlen(text) && memcmp(text, r->text ? r->text : "", n) == 0)
        ok = value_map_set(a, row, "cut", value_int(a, (int64_t)n));
    if (ok && r->n_choices) ok = value_map_set(a, row, "scores", scores_of(r, a));
    return ok && value_map_set(a, row, "response", body) ? row : NULL;
}

static bool is_recorded(const recording *to, const store_response *r)
{
    if (strcmp(r->key.model, to->label) != 0 || r->finish == FINISH_ERROR) return false;
    return r->finish != FINISH_UNSUPPORTED || to->have;
}

static waage_status put_row(recording *to, const store_response *r, waage_err *err)
{
    arena a = ARENA_EMPTY;
    strbuf line = STRBUF_EMPTY;
    const value *row = make_row(to, r, &a);
    if (row) value_put_json(&line, row, 0);
    strbuf_putc(&line, '\n');
    waage_status st = row ? strbuf_check(&line, err) : waage_err_nomem(err);
    if (st == WAAGE_OK && fwrite(strbuf_str(&line), 1, line.len, to->out) != line.len)
        st = waage_err_set(err, WAAGE_EWRITE, "cannot write the recording: %s", strerror(errno));
    strbuf_free(&line);
    arena_free(&a);
    to->n++;
    return st;
}

/* The row of the response at hand; then the next one is at hand. */
static waage_status end_row(recording *to, waage_err *err)
{
    const store_response *r = &to->d->responses[to->at++];
    const waage_status st = is_recorded(to, r) ? put_row(to, r, err) : WAAGE_OK;
    to->have = false;
    return st;
}

static waage_status take_exchange(void *ctx, const store_exchange *x, waage_err *err)
{
    recording *to = ctx;
    size_t i = to->at;
    while (i < to->d->n_responses && !same_key(&to->d->responses[i].key, &x->key))
        i++;
    if (i == to->d->n_responses) return WAAGE_OK; /* added since the responses were read */
    while (to->at < i)
        WAAGE_TRY(end_row(to, err));
    strbuf_clear(&to->body);
    strbuf_put(&to->body, x->wire.got, x->wire.n_got);
    to->have = true;
    return strbuf_check(&to->body, err);
}

waage_status recording_write(FILE *out, store *s, const char *label, size_t *n, waage_err *err)
{
    arena a = ARENA_EMPTY;
    store_data d;
    recording to = {.out = out, .label = label, .d = &d};
    waage_status st = store_read(s, &a, &d, err);
    if (st == WAAGE_OK) st = store_read_exchanges(s, take_exchange, &to, err);
    while (st == WAAGE_OK && to.at < d.n_responses)
        st = end_row(&to, err);
    *n = to.n;
    strbuf_free(&to.body);
    arena_free(&a);
    return st;
}
