/* serve_request.c - a table of fields; each row says which API has it and what is done with it. */
#include "harness/serve_request.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "harness/serve_messages.h"

enum { MAX_STOPS = 64, MAX_STOP_LEN = 4096, MAX_N = 128, DEFAULT_TOKENS = 16 };

typedef struct reader reader;
typedef struct field field;

struct reader {
    serve_ask *out;
    const serve_limits *limits;
    serve_fault *why;
    request all;           /* what every call shares */
    const value *prompt;   /* completions */
    const value *messages; /* chat */
    bool has_limit, thinks_on;
};

struct field {
    const char *name;
    unsigned apis; /* bits of serve_api */
    bool (*take)(reader *r, const field *f, const value *v);
    size_t offset; /* of what the row writes, in reader or serve_ask */
    double low, high;
    const char *text; /* the one string that is fine */
};

void serve_fault_set(serve_fault *f, int status, const char *type, const char *code,
                     const char *param, const char *fmt, ...)
{
    va_list args;
    *f = (serve_fault){.status = status, .type = type, .code = code};
    (void)snprintf(f->param, sizeof f->param, "%s", param ? param : "");
    va_start(args, fmt);
    (void)vsnprintf(f->message, sizeof f->message, fmt, args);
    va_end(args);
}

#define REFUSE(r, param, ...)                                                                      \
    (serve_fault_set((r)->why, 400, "invalid_request_error", NULL, (param), __VA_ARGS__), false)

static bool no_memory(serve_fault *why)
{
    serve_fault_set(why, 500, "server_error", NULL, NULL, "out of memory");
    return false;
}

/* ---- Fields ---- */

static bool get_number(reader *r, const field *f, const value *v, double *out)
{
    if (v->kind != VALUE_INT && v->kind != VALUE_FLOAT)
        return REFUSE(r, f->name, "%s: a number was expected", f->name);
    *out = v->kind == VALUE_INT ? (double)v->u.i : v->u.f;
    if (*out >= f->low && *out <= f->high) return true;
    return REFUSE(r, f->name, "%s: %.17g is out of range (%.17g to %.17g)", f->name, *out, f->low,
                  f->high);
}

static bool get_whole(reader *r, const field *f, const value *v, int64_t *out)
{
    double x;
    if (!get_number(r, f, v, &x)) return false;
    if (v->kind != VALUE_INT) return REFUSE(r, f->name, "%s: a whole number was expected", f->name);
    *out = v->u.i;
    return true;
}

static bool take_real(reader *r, const field *f, const value *v)
{
    return get_number(r, f, v, (double *)(void *)((char *)r + f->offset));
}

static bool take_top_k(reader *r, const field *f, const value *v)
{
    int64_t k;
    if (!get_whole(r, f, v, &k)) return false;
    r->all.sample_by.top_k = k < 0 ? 0 : (int32_t)k; /* -1 is vLLM's "off" */
    return true;
}

static bool take_seed(reader *r, const field *f, const value *v)
{
    int64_t seed;
    if (!get_whole(r, f, v, &seed)) return false;
    r->all.sample_by.seed = (uint64_t)seed;
    return true;
}

static bool take_limit(reader *r, const field *f, const value *v)
{
    int64_t n;
    if (!get_whole(r, f, v, &n)) return false;
    if (n == 0 && r->out->api == SERVE_CHAT)
        return REFUSE(r, f->name, "%s: a chat needs at least one token", f->name);
    r->has_limit = true;
    r->out->drops_new = n == 0;
    r->all.max_tokens = n == 0 ? 1 : (uint32_t)n;
    return true;
}

static bool take_n(reader *r, const field *f, const value *v)
{
    int64_t n;
    if (!get_whole(r, f, v, &n)) return false;
    r->out->n = (size_t)n;
    return true;
}

static bool take_best_of(reader *r, const field *f, const value *v)
{
    int64_t n;
    if (!get_whole(r, f, v, &n)) return false;
    return (size_t)n == r->out->n ||
           REFUSE(r, f->name, "best_of is not done here (but equal to n)");
}

static bool take_flag(reader *r, const field *f, const value *v)
{
    if (v->kind != VALUE_BOOL) return REFUSE(r, f->name, "%s: true or false", f->name);
    *((bool *)(void *)((char *)r->out + f->offset)) = v->u.b;
    return true;
}

static bool take_logprobs(reader *r, const field *f, const value *v)
{
    int64_t n;
    if (r->out->api == SERVE_CHAT) return take_flag(r, f, v);
    if (!get_whole(r, f, v, &n)) return false;
    r->out->logprobs = true;
    r->all.n_top = (uint32_t)n;
    return true;
}

static bool take_top_logprobs(reader *r, const field *f, const value *v)
{
    int64_t n;
    if (!get_whole(r, f, v, &n)) return false;
    r->all.n_top = (uint32_t)n;
    return true;
}

static bool add_stop(reader *r, const field *f, const value *v, const char **to)
{
    if (!v || v->kind != VALUE_STR || v->u.str.len == 0 || v->u.str.len > MAX_STOP_LEN)
        return REFUSE(r, f->name, "stop: strings of 1 to %d bytes", MAX_STOP_LEN);
    *to = arena_strndup(&r->out->mem, v->u.str.s, v->u.str.len);
    return *to || no_memory(r->why);
}

static bool take_stop(reader *r, const field *f, const value *v)
{
    const bool is_list = v->kind == VALUE_LIST;
    const size_t n = is_list ? value_len(v) : 1;
    if (n > MAX_STOPS) return REFUSE(r, f->name, "stop: at most %d strings", MAX_STOPS);
    const char **list = arena_calloc(&r->out->mem, n + 1, sizeof *list);
    if (!list) return no_memory(r->why);
    for (size_t i = 0; i < n; i++)
        if (!add_stop(r, f, is_list ? value_at(v, i) : v, &list[i])) return false;
    r->all.stop = list;
    r->all.n_stop = n;
    return true;
}

static bool take_value(reader *r, const field *f, const value *v)
{
    *((const value **)(void *)((char *)r + f->offset)) = v;
    return true;
}

static bool take_model(reader *r, const field *f, const value *v)
{
    const char *name = r->limits->model;
    if (v->kind != VALUE_STR) return REFUSE(r, f->name, "model: a string was expected");
    if (strcmp(v->u.str.s, name) == 0) return true;
    serve_fault_set(r->why, 404, "invalid_request_error", "model_not_found", f->name,
                    "the model '%.100s' is not served here; '%s' is", v->u.str.s, name);
    return false;
}

static bool take_stream_options(reader *r, const field *f, const value *v)
{
    if (v->kind != VALUE_MAP) return REFUSE(r, f->name, "stream_options: an object was expected");
    r->out->include_usage = value_get_bool(v, "include_usage", false);
    return true;
}

static bool take_effort(reader *r, const field *f, const value *v)
{
    static const struct {
        const char *name;
        reasoning_effort effort;
    } rows[] = {{"none", REASONING_OFF},  {"off", REASONING_OFF},       {"minimal", REASONING_LOW},
                {"low", REASONING_LOW},   {"medium", REASONING_MEDIUM}, {"high", REASONING_HIGH},
                {"xhigh", REASONING_HIGH}};
    for (size_t i = 0; v->kind == VALUE_STR && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, v->u.str.s) == 0) {
            r->all.think.effort = rows[i].effort;
            return true;
        }
    return REFUSE(r, f->name, "reasoning_effort: none, minimal, low, medium, high or xhigh");
}

/* The switch that templates have; other variables of a template are its model's business. */
static bool take_template_kwargs(reader *r, const field *f, const value *v)
{
    if (v->kind != VALUE_MAP) return REFUSE(r, f->name, "%s: an object was expected", f->name);
    for (size_t i = 0; i < value_len(v); i++) {
        const char *key = v->u.map.pairs[i].key;
        const value *x = v->u.map.pairs[i].val;
        if ((strcmp(key, "enable_thinking") != 0 && strcmp(key, "thinking") != 0) ||
            x->kind != VALUE_BOOL)
            return REFUSE(r, f->name, "%s: only enable_thinking and thinking, true or false",
                          f->name);
        r->thinks_on = x->u.b;
        if (!x->u.b) r->all.think.effort = REASONING_OFF;
    }
    return true;
}

static bool take_tool_choice(reader *r, const field *f, const value *v)
{
    if (v->kind == VALUE_STR && strcmp(v->u.str.s, "auto") == 0) return true;
    if (v->kind == VALUE_STR && strcmp(v->u.str.s, "none") == 0) {
        r->all.tools = NULL;
        return true;
    }
    return REFUSE(r, f->name, "tool_choice: only auto and none");
}

static bool take_tools(reader *r, const field *f, const value *v)
{
    if (v->kind != VALUE_LIST) return REFUSE(r, f->name, "tools: a list was expected");
    for (size_t i = 0; i < value_len(v); i++)
        if (v->u.list.items[i]->kind != VALUE_MAP)
            return REFUSE(r, f->name, "tools: entry %zu is no object", i);
    r->all.tools = value_len(v) > 0 ? v : NULL;
    return true;
}

/* What is not done here, unless it says that it is not wanted: a number, an empty list or object, a
 * string, false. */
static bool take_other(reader *r, const field *f, const value *v)
{
    const bool fine = (v->kind == VALUE_INT && (double)v->u.i == f->low) ||
                      (v->kind == VALUE_FLOAT && v->u.f == f->low) ||
                      (v->kind == VALUE_BOOL && v->u.b == (f->low == 1)) ||
                      ((v->kind == VALUE_MAP || v->kind == VALUE_LIST) && value_len(v) == 0) ||
                      (v->kind == VALUE_STR && strcmp(v->u.str.s, f->text ? f->text : "") == 0) ||
                      (v->kind == VALUE_MAP && f->text && value_len(v) == 1 &&
                       strcmp(value_get_str(v, "type", ""), f->text) == 0);
    return fine || REFUSE(r, f->name, "%s is not done here", f->name);
}

static bool take_nothing(reader *r, const field *f, const value *v)
{
    (void)r;
    (void)f;
    (void)v;
    return true;
}

enum { C = 1U << SERVE_COMPLETIONS, H = 1U << SERVE_CHAT, BOTH = C | H };
#define OF_SAMPLING(x) offsetof(reader, all) + offsetof(request, sample_by) + offsetof(sampling, x)

/* tools come before tool_choice, n before best_of: the table's order is the order of reading. */
static const field fields[] = {
    {"model", BOTH, take_model, 0, 0, 0, NULL},
    {"prompt", C, take_value, offsetof(reader, prompt), 0, 0, NULL},
    {"messages", H, take_value, offsetof(reader, messages), 0, 0, NULL},
    {"max_tokens", BOTH, take_limit, 0, 0, INT32_MAX, NULL},
    {"max_completion_tokens", H, take_limit, 0, 0, INT32_MAX, NULL},
    {"temperature", BOTH, take_real, OF_SAMPLING(temperature), 0, 100, NULL},
    {"top_p", BOTH, take_real, OF_SAMPLING(top_p), 0, 1, NULL},
    {"top_k", BOTH, take_top_k, 0, -1, INT32_MAX, NULL},
    {"min_p", BOTH, take_real, OF_SAMPLING(min_p), 0, 1, NULL},
    {"seed", BOTH, take_seed, 0, -0x1p53, 0x1p53, NULL},
    {"stop", BOTH, take_stop, 0, 0, 0, NULL},
    {"n", BOTH, take_n, 0, 1, MAX_N, NULL},
    {"best_of", C, take_best_of, 0, 1, MAX_N, NULL},
    {"echo", C, take_flag, offsetof(serve_ask, echo), 0, 0, NULL},
    {"logprobs", BOTH, take_logprobs, offsetof(serve_ask, logprobs), 0, TOP_MAX, NULL},
    {"top_logprobs", H, take_top_logprobs, 0, 0, TOP_MAX, NULL},
    {"stream", BOTH, take_flag, offsetof(serve_ask, stream), 0, 0, NULL},
    {"stream_options", BOTH, take_stream_options, 0, 0, 0, NULL},
    {"reasoning_effort", H, take_effort, 0, 0, 0, NULL},
    {"chat_template_kwargs", H, take_template_kwargs, 0, 0, 0, NULL},
    {"tools", H, take_tools, 0, 0, 0, NULL},
    {"tool_choice", H, take_tool_choice, 0, 0, 0, NULL},
    /* would change the answer */
    {"presence_penalty", BOTH, take_other, 0, 0, 0, NULL},
    {"frequency_penalty", BOTH, take_other, 0, 0, 0, NULL},
    {"repetition_penalty", BOTH, take_other, 0, 1, 0, NULL},
    {"repeat_penalty", BOTH, take_other, 0, 1, 0, NULL},
    {"typical_p", BOTH, take_other, 0, 1, 0, NULL},
    {"logit_bias", BOTH, take_other, 0, NAN, 0, NULL},
    {"suffix", C, take_other, 0, NAN, 0, NULL},
    {"response_format", BOTH, take_other, 0, NAN, 0, "text"},
    {"min_tokens", BOTH, take_other, 0, 0, 0, NULL},
    {"ignore_eos", BOTH, take_other, 0, 0, 0, NULL},
    {"stop_token_ids", BOTH, take_other, 0, NAN, 0, NULL},
    {"add_special_tokens", BOTH, take_other, 0, 1, 0, NULL},
    {"add_generation_prompt", H, take_other, 0, 1, 0, NULL},
    {"continue_final_message", H, take_other, 0, 0, 0, NULL},
    {"modalities", H, take_other, 0, NAN, 0, NULL},
    {"functions", H, take_other, 0, NAN, 0, NULL},
    {"function_call", H, take_other, 0, NAN, 0, "none"},
    /* change nothing */
    {"user", BOTH, take_nothing, 0, 0, 0, NULL},
    {"metadata", BOTH, take_nothing, 0, 0, 0, NULL},
    {"store", BOTH, take_nothing, 0, 0, 0, NULL},
    {"service_tier", BOTH, take_nothing, 0, 0, 0, NULL},
    {"safety_identifier", BOTH, take_nothing, 0, 0, 0, NULL},
    {"prompt_cache_key", BOTH, take_nothing, 0, 0, 0, NULL},
    {"cache_prompt", BOTH, take_nothing, 0, 0, 0, NULL},
    {"parallel_tool_calls", H, take_nothing, 0, 0, 0, NULL},
    {"include_reasoning", H, take_nothing, 0, 0, 0, NULL},
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

static bool check_names(reader *r, const value *body)
{
    for (size_t i = 0; i < value_len(body); i++) {
        size_t k = 0;
        const value_pair *p = &body->u.map.pairs[i];
        while (k < N_FIELDS && strcmp(fields[k].name, p->key) != 0)
            k++;
        const bool known = k < N_FIELDS && (fields[k].apis & (1U << r->out->api));
        if (!known && p->val->kind != VALUE_NULL)
            return REFUSE(r, p->key,
                          "'%.60s' is not known here; leave it out if it changes nothing", p->key);
    }
    return true;
}

static bool read_fields(reader *r, const value *body)
{
    if (!check_names(r, body)) return false;
    for (size_t k = 0; k < N_FIELDS; k++) {
        const value *v = value_get(body, fields[k].name);
        if (v && v->kind != VALUE_NULL && (fields[k].apis & (1U << r->out->api)) &&
            !fields[k].take(r, &fields[k], v))
            return false;
    }
    if (r->thinks_on && r->all.think.effort == REASONING_DEFAULT)
        r->all.think.effort = REASONING_MEDIUM;
    return true;
}

/* ---- Prompts ---- */

bool serve_request_ids(const int32_t **out, size_t *n, const value *list, const char *param,
                       arena *a, serve_fault *why)
{
    *n = value_len(list);
    int32_t *ids = arena_calloc(a, *n + 1, sizeof *ids);
    *out = ids;
    if (!ids) return no_memory(why);
    for (size_t i = 0; i < *n; i++) {
        const value *v = list->u.list.items[i];
        if (v->kind == VALUE_INT && v->u.i >= 0 && v->u.i <= INT32_MAX) {
            ids[i] = (int32_t)v->u.i;
            continue;
        }
        serve_fault_set(why, 400, "invalid_request_error", NULL, param,
                        "%s: entry %zu is no token id", param, i);
        return false;
    }
    return true;
}

static bool read_prompt(reader *r, const value *v, request *rq)
{
    if (v && v->kind == VALUE_STR) {
        rq->prompt = arena_strndup(&r->out->mem, v->u.str.s, v->u.str.len);
        return rq->prompt || no_memory(r->why);
    }
    if (!v || v->kind != VALUE_LIST || value_len(v) == 0)
        return REFUSE(r, "prompt", "prompt: a string, a list of token ids, or a list of these");
    if (r->limits->n_context > 0 && value_len(v) >= r->limits->n_context) {
        serve_fault_set(r->why, 400, "invalid_request_error", "context_length_exceeded", "prompt",
                        "%zu tokens and one to make do not fit the model's context of %zu",
                        value_len(v), r->limits->n_context);
        return false;
    }
    return serve_request_ids(&rq->prompt_ids, &rq->n_prompt_ids, v, "prompt", &r->out->mem, r->why);
}

static bool make_calls(reader *r, size_t n_prompts)
{
    serve_ask *ask = r->out;
    if (n_prompts * ask->n > r->limits->max_calls)
        return REFUSE(r, "n", "%zu prompts times n = %zu; at most %zu answers in a request",
                      n_prompts, ask->n, r->limits->max_calls);
    ask->n_calls = n_prompts * ask->n;
    ask->calls = arena_calloc(&ask->mem, ask->n_calls, sizeof *ask->calls);
    if (!ask->calls) return no_memory(r->why);
    for (size_t i = 0; i < ask->n_calls; i++) {
        ask->calls[i].rq = r->all;
        ask->calls[i].rq.sample = (uint32_t)(i % ask->n);
    }
    return true;
}

static bool read_completion(reader *r)
{
    serve_ask *ask = r->out;
    const value *p = r->prompt, *first = value_at(p, 0);
    if (!p) return REFUSE(r, "prompt", "prompt is missing");
    const bool many = first && first->kind != VALUE_INT;
    const size_t n = many ? value_len(p) : 1;
    if (ask->stream && (ask->echo || ask->logprobs))
        return REFUSE(r, "stream", "stream goes neither with echo nor with logprobs here");
    r->all.proto = PROTOCOL_COMPLETION;
    r->all.score_prompt = ask->echo && ask->logprobs;
    if (!r->has_limit) r->all.max_tokens = DEFAULT_TOKENS;
    if (!make_calls(r, n)) return false;
    for (size_t i = 0; i < n; i++) {
        request *rq = &ask->calls[i * ask->n].rq;
        if (!read_prompt(r, many ? value_at(p, i) : p, rq)) return false;
        for (size_t k = 1; k < ask->n; k++) {
            request *more = &ask->calls[i * ask->n + k].rq;
            more->prompt = rq->prompt;
            more->prompt_ids = rq->prompt_ids;
            more->n_prompt_ids = rq->n_prompt_ids;
        }
    }
    return true;
}

static bool read_chat(reader *r)
{
    serve_ask *ask = r->out;
    if (!r->messages) return REFUSE(r, "messages", "messages are missing");
    if (r->all.n_top > 0 && !ask->logprobs)
        return REFUSE(r, "top_logprobs", "top_logprobs needs logprobs: true");
    if (ask->stream && ask->logprobs)
        return REFUSE(r, "stream", "stream does not go with logprobs here");
    r->all.proto = PROTOCOL_CHAT;
    return serve_messages_read(&r->all, r->messages, &ask->mem, r->why) && make_calls(r, 1);
}

/* ---- Bodies ---- */

/* The JSON library ends a string at an escaped NUL; what follows would be lost without a word. */
static bool has_escaped_nul(const char *s, size_t len, size_t *at)
{
    for (size_t i = 0; i + 5 < len; i++) {
        if (s[i] != '\\') continue;
        if (memcmp(s + i + 1, "u0000", 5) == 0) {
            *at = i;
            return true;
        }
        i++; /* the escaped character */
    }
    return false;
}

const value *serve_request_parse(arena *a, const char *body, size_t len, serve_fault *why)
{
    value *v;
    size_t at;
    waage_err err = {0};
    if (has_escaped_nul(body, len, &at))
        serve_fault_set(why, 400, "invalid_request_error", NULL, NULL,
                        "a text with a NUL character at byte %zu", at);
    else if (json_parse(&v, a, body, len, "body", 1, &err) != WAAGE_OK)
        serve_fault_set(why, err.code == WAAGE_ENOMEM ? 500 : 400, "invalid_request_error", NULL,
                        NULL, "%s", err.msg);
    else if (v->kind != VALUE_MAP)
        serve_fault_set(why, 400, "invalid_request_error", NULL, NULL,
                        "the body is no JSON object");
    else
        return v;
    return NULL;
}

bool serve_request_read(serve_ask *out, serve_api api, const char *body, size_t len,
                        const serve_limits *limits, serve_fault *why)
{
    *out = (serve_ask){.api = api, .n = 1};
    reader r = {.out = out, .limits = limits, .why = why};
    /* the name that `waage generate` uses: the same seed gives the same text */
    r.all = (request){.item_id = "generate",
                      .kind = REQUEST_GENERATE,
                      .sample_by = {.temperature = 1, .top_p = 1}};
    const value *v = serve_request_parse(&out->doc, body, len, why);
    const bool ok =
        v && read_fields(&r, v) && (api == SERVE_CHAT ? read_chat(&r) : read_completion(&r));
    if (!ok)
        serve_ask_free(out);
    else if (api == SERVE_COMPLETIONS)
        arena_free(&out->doc); /* all was copied */
    return ok;
}

void serve_ask_free(serve_ask *ask)
{
    arena_free(&ask->mem);
    arena_free(&ask->doc);
    *ask = (serve_ask){.api = ask->api};
}
