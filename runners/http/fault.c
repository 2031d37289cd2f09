/* fault.c - see fault.h. The first rule that fits decides. Sources: the error pages of OpenAI,
 * Anthropic, Google, Azure, OpenRouter, DeepSeek; llama-server's and vLLM's answers. */
#include "runners/http/fault.h"
#include "harness/base/body.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct {
    int from, to;     /* statuses, both included */
    const char *word; /* in message, type or code of the error body, any case; NULL: any */
    fault_kind kind;
} rule;

static const rule rules[] = {
    /* words first: several services answer 400, 403 and 429 for quite different things */
    {400, 499, "content_filter", FAULT_FILTER},
    {400, 499, "content management policy", FAULT_FILTER},
    {400, 499, "content_policy_violation", FAULT_FILTER},
    {400, 499, "flagged", FAULT_FILTER},
    {400, 499, "Content Exists Risk", FAULT_FILTER},    /* DeepSeek */
    {400, 499, "data_inspection_failed", FAULT_FILTER}, /* Alibaba (Qwen), in two spellings */
    {400, 499, "DataInspectionFailed", FAULT_FILTER},
    {400, 499, "context_length", FAULT_UNSUPPORTED},
    {400, 500, "context length", FAULT_UNSUPPORTED},
    {400, 500, "context size", FAULT_UNSUPPORTED},
    {400, 499, "context window", FAULT_UNSUPPORTED},
    {400, 499, "prompt is too long", FAULT_UNSUPPORTED},
    {400, 499, "maximum number of tokens allowed", FAULT_UNSUPPORTED},
    {400, 500, "chat template", FAULT_UNSUPPORTED},
    {400, 499, "insufficient_quota", FAULT_STOP},
    {400, 499, "credit balance", FAULT_STOP},
    {400, 499, "Insufficient Balance", FAULT_STOP},
    {400, 499, "api key", FAULT_STOP},
    {400, 499, "api_key", FAULT_STOP},
    {401, 403, NULL, FAULT_STOP},
    {404, 405, NULL, FAULT_STOP}, /* no such model or path; UNSUPPORTED for /completions */
    {408, 409, NULL, FAULT_RETRY},
    {413, 413, NULL, FAULT_UNSUPPORTED},
    {425, 425, NULL, FAULT_RETRY},
    {429, 429, NULL, FAULT_THROTTLE},
    {400, 499, NULL, FAULT_ERROR},
    {501, 501, NULL, FAULT_STOP},
    {502, 503, NULL, FAULT_WAIT},
    {529, 529, NULL, FAULT_THROTTLE}, /* Anthropic: overloaded */
    {500, 599, NULL, FAULT_RETRY},
};

static bool has_word(const char *text, const char *word)
{
    const size_t n = strlen(word);
    for (; text && *text; text++)
        if (strncasecmp(text, word, n) == 0) return true;
    return false;
}

static bool fits(const rule *r, int status, const body_error *e)
{
    if (status < r->from || status > r->to) return false;
    return !r->word || has_word(e->message, r->word) || has_word(e->type, r->word) ||
           has_word(e->code, r->word);
}

static void judge_transport(fault *out, const transport_call *c)
{
    static const fault_kind kinds[] = {[TRANSPORT_REFUSED] = FAULT_WAIT,
                                       [TRANSPORT_TLS] = FAULT_STOP,
                                       [TRANSPORT_TIMEOUT] = FAULT_RETRY,
                                       [TRANSPORT_CUT] = FAULT_RETRY,
                                       [TRANSPORT_TOO_LARGE] = FAULT_ERROR};
    out->kind = kinds[c->fault];
    snprintf(out->why, sizeof out->why, "%s", c->why);
}

/* A few words of a body that is no error object: an HTML page, plain text. */
static void put_excerpt(char *out, size_t size, const transport_call *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->got.len && n + 1 < size && n < 120; i++) {
        const unsigned char b = (unsigned char)c->got.s[i];
        if (b < ' ' && (n == 0 || out[n - 1] == ' ')) continue;
        out[n++] = b < ' ' ? ' ' : b < 0x7f ? (char)b : '?';
    }
    out[n] = 0;
}

/* A refused field is named by `param`, or quoted in the message. */
static bool is_field(fault *out, const body_error *e)
{
    static const char *const words[] = {
        "unsupported",      "not supported", "unknown",
        "unrecognized",     "not permitted", "extra inputs",
        "does not support", "deprecated",    "cannot both be specified",
        "not allowed"};
    bool refused = has_word(e->code, "unsupported") || has_word(e->code, "unknown_parameter");
    for (size_t i = 0; !refused && i < sizeof words / sizeof *words; i++)
        refused = has_word(e->message, words[i]);
    if (!refused) return false;
    out->field = dialect_find_field(e->param);
    if (out->field == FIELD_COUNT) out->field = dialect_find_field(e->message);
    return out->field != FIELD_COUNT;
}

/* "model ... not found": no model of that name, not a server without this API. */
static bool is_no_model(const body_error *e)
{
    return has_word(e->code, "model_not_found") ||
           (has_word(e->message, "model") &&
            (has_word(e->message, "does not exist") || has_word(e->message, "not found")));
}

void fault_clean(fault *f)
{
    for (char *s = f->why; *s; s++) {
        const bool is_c1 = (unsigned char)s[0] == 0xc2 && ((unsigned char)s[1] & 0xe0) == 0x80;
        if (is_c1) *s++ = ' ';
        if (is_c1 || (unsigned char)*s < ' ' || *s == 0x7f) *s = ' ';
    }
}

void fault_judge(fault *out, const transport_call *c, const value *body, bool plain)
{
    body_error e = {0};
    char excerpt[128] = "";
    *out = (fault){.kind = FAULT_NONE, .field = FIELD_COUNT};
    if (c->fault != TRANSPORT_FINE) {
        judge_transport(out, c);
        return;
    }
    if (c->status >= 300 && c->status < 400) {
        out->kind = FAULT_STOP;
        snprintf(out->why, sizeof out->why,
                 "the server redirects (%d) to '%s', which is not followed; name that address",
                 c->status, c->location);
        return;
    }
    const bool failed = body && body_find_error(&e, body);
    int status = c->status;
    if (status >= 200 && status < 300) {
        if (body && !failed) return;
        if (!body) put_excerpt(excerpt, sizeof excerpt, c);
        status = e.status ? e.status : 500; /* routers report a failure inside a 200 */
    }
    if (!e.message && !excerpt[0]) put_excerpt(excerpt, sizeof excerpt, c);
    snprintf(out->why, sizeof out->why, "HTTP %d: %.300s", c->status,
             e.message  ? e.message
             : body     ? "no error message"
             : *excerpt ? excerpt
                        : "an empty body");
    if ((status == 400 || status == 422) && is_field(out, &e)) {
        out->kind = FAULT_FIELD;
        return;
    }
    out->kind = FAULT_ERROR;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (fits(&rules[i], status, &e)) {
            out->kind = rules[i].kind;
            break;
        }
    if (plain && out->kind == FAULT_STOP && (status == 404 || status == 405 || status == 501) &&
        !is_no_model(&e))
        out->kind = FAULT_UNSUPPORTED;
}
