/* body.c - maps a body of the chat completions API, as servers and routers really return it, to a
 * reply. Sources: the OpenAI API reference (chat.completion object), OpenRouter's (provider,
 * native_finish_reason, reasoning, reasoning_details), DeepSeek's (reasoning_content). */
#include "runners/replay/record.h"
#include <string.h>
#include <time.h>

static const struct {
    const char *name; /* finish_reason or native_finish_reason, lower case */
    finish_reason finish;
} reasons[] = {
    {"length", FINISH_LENGTH},
    {"max_tokens", FINISH_LENGTH},
    {"max_output_tokens", FINISH_LENGTH},
    {"content_filter", FINISH_FILTER},
    {"content-filter", FINISH_FILTER},
    {"content_filtered", FINISH_FILTER},
    {"refusal", FINISH_FILTER}, /* a classifier beside the model stopped it */
    {"safety", FINISH_FILTER},
    {"recitation", FINISH_FILTER},
    {"prohibited_content", FINISH_FILTER},
    {"blocklist", FINISH_FILTER},
    {"spii", FINISH_FILTER},
    {"error", FINISH_ERROR},
};

static bool same_lower(const char *s, const char *lower)
{
    for (; *s && *lower; s++, lower++) {
        const char c = *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s;
        if (c != *lower) return false;
    }
    return *s == *lower;
}

static finish_reason reason_of(const char *name)
{
    for (size_t i = 0; name && i < sizeof reasons / sizeof *reasons; i++)
        if (same_lower(name, reasons[i].name)) return reasons[i].finish;
    return FINISH_STOP; /* stop, end_turn, eos, tool_calls, null, "" */
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void trim(const char **s, size_t *len)
{
    while (*len > 0 && is_blank(**s)) {
        ++*s;
        --*len;
    }
    while (*len > 0 && is_blank((*s)[*len - 1]))
        --*len;
}

static const char *find(const char *s, size_t len, const char *needle)
{
    const size_t n = strlen(needle);
    for (size_t i = 0; i + n <= len; i++)
        if (s[i] == needle[0] && memcmp(s + i, needle, n) == 0) return s + i;
    return NULL;
}

static waage_status set_thought(reply *out, const char *s, size_t len, arena *a, waage_err *err)
{
    trim(&s, &len);
    out->thought_is = len > 0 ? THOUGHT_PRESENT : THOUGHT_EMPTY;
    out->thought = arena_strndup(a, s, len);
    return out->thought ? WAAGE_OK : waage_err_nomem(err);
}

waage_status record_split_thought(reply *out, const char *text, size_t len, arena *a,
                                  waage_err *err)
{
    static const struct {
        const char *open, *close;
    } marks[] = {{"<think>", "</think>"},
                 {"\xE2\x97\x81think\xE2\x96\xB7", /* ◁think▷ */
                  "\xE2\x97\x81/think\xE2\x96\xB7"}};
    const char *s = text;
    size_t n = len;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *body = text;
        size_t left = len;
        while (left > 0 && is_blank(*body))
            body++, left--;
        const size_t n_open = strlen(marks[i].open), n_close = strlen(marks[i].close);
        const bool opened = left >= n_open && memcmp(body, marks[i].open, n_open) == 0;
        const char *close = find(text, len, marks[i].close);
        if (!opened && !close) continue;
        if (opened) body += n_open;
        /* without an opener the template had written it; without a closer the trace was cut off */
        const char *end = close ? close : text + len;
        if (out->thought_is == THOUGHT_ABSENT)
            WAAGE_TRY(set_thought(out, body, end > body ? (size_t)(end - body) : 0, a, err));
        s = close ? close + n_close : text + len;
        n = (size_t)(text + len - s);
        while (n > 0 && is_blank(*s))
            s++, n--;
        break;
    }
    out->text = arena_strndup(a, s, n);
    out->text_len = n;
    return out->text ? WAAGE_OK : waage_err_nomem(err);
}

/* Text, or a list of parts with a `text` each. NULL: neither. */
static const char *text_of(const value *v, arena *a, size_t *len)
{
    *len = 0;
    if (v && v->kind == VALUE_STR) {
        *len = v->u.str.len;
        return v->u.str.s;
    }
    if (!v || v->kind != VALUE_LIST) return NULL;
    strbuf b = STRBUF_EMPTY;
    bool any = false;
    for (size_t i = 0; i < value_len(v); i++) {
        const value *part = value_get(value_at(v, i), "text");
        if (!part || part->kind != VALUE_STR) continue;
        strbuf_put(&b, part->u.str.s, part->u.str.len);
        any = true;
    }
    const char *s = any && !b.failed ? arena_strndup(a, strbuf_str(&b), b.len) : NULL;
    *len = s ? b.len : 0;
    strbuf_free(&b);
    return s;
}

/* A field that is missing or null is absent; only a field that is there and blank is empty. */
static waage_status read_reasoning(reply *out, const value *said, arena *a, waage_err *err)
{
    static const char *const fields[] = {"reasoning", "reasoning_content", "reasoning_details"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t len;
        const char *s = text_of(value_get(said, fields[i]), a, &len);
        if (!s) continue;
        WAAGE_TRY(set_thought(out, s, len, a, err));
        if (out->thought_is == THOUGHT_PRESENT) break;
    }
    return WAAGE_OK;
}

static uint32_t count_of(const value *map, const char *key)
{
    const int64_t n = value_get_int(map, key, 0);
    return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static waage_status set_error(reply *out, finish_reason f, const char *why, arena *a,
                              waage_err *err)
{
    out->finish = f;
    out->error = arena_strdup(a, why);
    return out->error ? WAAGE_OK : waage_err_nomem(err);
}

static const char *error_text(const value *e)
{
    if (!e || e->kind == VALUE_NULL) return NULL;
    if (e->kind == VALUE_STR) return e->u.str.s;
    const char *m = value_get_str(e, "message", NULL);
    return m ? m : "the body holds an error without a message";
}

static waage_status read_choice(record *rec, const value *choice, arena *a, waage_err *err)
{
    reply *out = &rec->answer;
    const value *said = value_get(choice, "message");
    const char *reason = value_get_str(choice, "finish_reason", NULL);
    const char *native = value_get_str(choice, "native_finish_reason", NULL);
    size_t len;
    WAAGE_TRY(read_reasoning(out, said, a, err));
    const char *text = text_of(value_get(said, "content"), a, &len);
    if (!text || len == 0) { /* a refusal in words of its own field is an answer of the model */
        const char *refusal = value_get_str(said, "refusal", NULL);
        if (refusal) {
            text = refusal;
            len = strlen(refusal);
        }
    }
    WAAGE_TRY(record_split_thought(out, text ? text : "", text ? len : 0, a, err));
    const char *failed = error_text(value_get(choice, "error"));
    out->finish = reason_of(reason);
    if (out->finish == FINISH_STOP) out->finish = reason_of(native);
    if (failed) return set_error(out, FINISH_ERROR, failed, a, err);
    if (out->finish == FINISH_ERROR)
        return set_error(out, FINISH_ERROR, "the provider reported an error", a, err);
    if (out->finish == FINISH_FILTER)
        return set_error(out, FINISH_FILTER, native ? native : reason, a, err);
    if (!said)
        return set_error(out, FINISH_ERROR, "the body's first choice has no message", a, err);
    return WAAGE_OK;
}

static const char *date_of(const value *body, arena *a)
{
    const int64_t created = value_get_int(body, "created", 0);
    const time_t t = (time_t)created;
    struct tm tm;
    char text[32];
    if (created <= 0 || created > INT64_C(253402300799) || !gmtime_r(&t, &tm)) return NULL;
    if (strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) return NULL;
    return arena_strdup(a, text);
}

waage_status record_read_body(record *out, const value *body, arena *a, waage_err *err)
{
    reply *r = &out->answer;
    r->text = "";
    if (!body || body->kind != VALUE_MAP)
        return set_error(r, FINISH_ERROR, "the recorded body is not an object", a, err);
    const char *failed = error_text(value_get(body, "error"));
    const char *provider = value_get_str(body, "provider", NULL);
    const value *usage = value_get(body, "usage");
    if (provider) r->host = arena_strdup(a, provider);
    if (provider && !r->host) return waage_err_nomem(err);
    r->served_at = date_of(body, a);
    r->prompt_tokens = count_of(usage, "prompt_tokens");
    r->completion_tokens = count_of(usage, "completion_tokens");
    r->cached_tokens = count_of(value_get(usage, "prompt_tokens_details"), "cached_tokens");
    if (failed) return set_error(r, FINISH_ERROR, failed, a, err);
    const value *choice = value_at(value_get(body, "choices"), 0);
    if (!choice) return set_error(r, FINISH_ERROR, "the recorded body has no choices", a, err);
    WAAGE_TRY(read_choice(out, choice, a, err));
    const value *details = value_get(usage, "completion_tokens_details");
    out->thought_withheld =
        r->thought_is != THOUGHT_PRESENT && count_of(details, "reasoning_tokens") > 0;
    if (out->thought_withheld) r->thought_is = THOUGHT_ABSENT; /* it thought; the text was kept */
    return WAAGE_OK;
}
