/* body.c - which API a body came from, what its finish reasons mean, thoughts in the text, errors.
 */
#include "harness/base/body_impl.h"
#include <string.h>

static const struct {
    const char *name; /* finish_reason or native_finish_reason, lower case */
    finish_reason finish;
} reasons[] = {
    {"length", FINISH_LENGTH},
    {"max_tokens", FINISH_LENGTH},
    {"max_output_tokens", FINISH_LENGTH},
    {"model_context_window_exceeded", FINISH_LENGTH},
    {"content_filter", FINISH_FILTER},
    {"content-filter", FINISH_FILTER},
    {"content_filtered", FINISH_FILTER},
    {"refusal", FINISH_FILTER},   /* a classifier beside the model stopped it */
    {"sensitive", FINISH_FILTER}, /* Zhipu (GLM) */
    {"safety", FINISH_FILTER},
    {"recitation", FINISH_FILTER},
    {"prohibited_content", FINISH_FILTER},
    {"blocklist", FINISH_FILTER},
    {"spii", FINISH_FILTER},
    {"image_safety", FINISH_FILTER},
    {"language", FINISH_FILTER}, /* Gemini: a language that it does not serve */
    {"error", FINISH_ERROR},
    {"network_error", FINISH_ERROR},                /* Zhipu */
    {"other", FINISH_ERROR},                        /* Gemini: stopped, and will not say why */
    {"insufficient_system_resource", FINISH_ERROR}, /* DeepSeek: cut off under load */
};

static bool same_lower(const char *s, const char *lower)
{
    for (; *s && *lower; s++, lower++) {
        const char c = *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s;
        if (c != *lower) return false;
    }
    return *s == *lower;
}

finish_reason body_finish(const char *name)
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

waage_status body_set_thought(reply *out, const char *s, size_t len, arena *a, waage_err *err)
{
    trim(&s, &len);
    out->thought_is = len > 0 ? THOUGHT_PRESENT : THOUGHT_EMPTY;
    out->thought = arena_strndup(a, s, len);
    return out->thought ? WAAGE_OK : waage_err_nomem(err);
}

waage_status body_split_thought(reply *out, const char *text, size_t len, arena *a, waage_err *err)
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
            WAAGE_TRY(body_set_thought(out, body, end > body ? (size_t)(end - body) : 0, a, err));
        s = close ? close + n_close : text + len;
        n = (size_t)(text + len - s);
        while (n > 0 && is_blank(*s))
            s++, n--;
        break;
    }
    return body_set_text(out, s, n, a, err);
}

waage_status body_set_text(reply *out, const char *s, size_t len, arena *a, waage_err *err)
{
    out->text = arena_strndup(a, s, len);
    out->text_len = len;
    return out->text ? WAAGE_OK : waage_err_nomem(err);
}

const char *body_text(const value *v, arena *a, size_t *len)
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

const char *body_join(const value *list, const char *type, const char *key, arena *a, size_t *len)
{
    strbuf b = STRBUF_EMPTY;
    bool any = false;
    for (size_t i = 0; i < value_len(list); i++) {
        const value *part = value_at(list, i), *text = value_get(part, key);
        if (strcmp(value_get_str(part, "type", ""), type) != 0) continue;
        any = true;
        if (text && text->kind == VALUE_STR) strbuf_put(&b, text->u.str.s, text->u.str.len);
    }
    const char *s = any && !b.failed ? arena_strndup(a, strbuf_str(&b), b.len) : NULL;
    *len = s ? b.len : 0;
    strbuf_free(&b);
    return s;
}

uint32_t body_count(const value *map, const char *key)
{
    const int64_t n = value_get_int(map, key, 0);
    return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

waage_status body_keep(const char **out, const value *map, const char *key, arena *a,
                       waage_err *err)
{
    const char *s = value_get_str(map, key, NULL);
    if (!s || !*s) return WAAGE_OK;
    *out = arena_strdup(a, s);
    return *out ? WAAGE_OK : waage_err_nomem(err);
}

waage_status body_set_error(reply *out, finish_reason f, const char *why, arena *a, waage_err *err)
{
    out->finish = f;
    out->error = arena_strdup(a, why ? why : "no reason given");
    return out->error ? WAAGE_OK : waage_err_nomem(err);
}

bool body_is_thought_withheld(const reply *r)
{
    return r->thought_is == THOUGHT_ABSENT && r->thought_tokens > 0;
}

/* ---- Errors ---- */

static const char *own_text(const value *map, const char *key)
{
    const char *s = value_get_str(map, key, NULL);
    return s && *s ? s : NULL;
}

bool body_find_error(body_error *out, const value *body)
{
    *out = (body_error){0};
    const value *e = value_get(body, "error");
    const value *first = value_at(body, 0); /* Gemini wraps errors of streams in a list */
    if (!e && first) e = value_get(first, "error");
    if (e && e->kind == VALUE_NULL) e = NULL;
    if (!e && strcmp(value_get_str(body, "object", ""), "error") == 0) e = body; /* vLLM */
    if (!e) return false;
    if (e->kind == VALUE_STR) {
        out->message = e->u.str.s;
        return true;
    }
    out->message = own_text(e, "message");
    out->type = own_text(e, "type");
    out->code = own_text(e, "code");
    out->param = own_text(e, "param");
    if (!out->type) out->type = own_text(e, "status"); /* Gemini: "RESOURCE_EXHAUSTED" */
    const int64_t status = value_get_int(e, "code", 0);
    if (status > 0 && status < 1000) out->status = (int)status;
    if (!out->message) out->message = "the body holds an error without a message";
    return true;
}

/* ---- What it took ---- */

static uint32_t first_count(const value *map, const char *const *keys)
{
    for (; *keys; keys++)
        if (value_get(map, *keys)) return body_count(map, *keys);
    return 0;
}

static bool take_usage(reply *out, const value *u)
{
    static const char *const in[] = {"prompt_tokens", "input_tokens", "promptTokenCount", NULL};
    static const char *const made[] = {"completion_tokens", "output_tokens", "candidatesTokenCount",
                                       NULL};
    const uint32_t read = body_count(u, "cache_read_input_tokens"); /* Anthropic counts it apart */
    const double dollars = value_get_float(u, "cost", -1);
    out->prompt_tokens = first_count(u, in) + read + body_count(u, "cache_creation_input_tokens");
    out->completion_tokens = first_count(u, made) + body_count(u, "thoughtsTokenCount");
    out->cached_tokens = read;
    if (!read) out->cached_tokens = body_count(u, "cachedContentTokenCount");
    if (!out->cached_tokens)
        out->cached_tokens = body_count(value_get(u, "prompt_tokens_details"), "cached_tokens");
    if (dollars >= 0) {
        out->has_cost = true;
        out->cost = dollars;
    }
    return out->prompt_tokens > 0 || out->completion_tokens > 0 || dollars > 0;
}

bool body_find_usage(reply *out, const value *body)
{
    const value *u = value_get(body, "usage");
    if (!u) u = value_get(body, "usageMetadata");
    return u && u->kind == VALUE_MAP && take_usage(out, u);
}

/* Length of the object that begins at s, or 0 where it does not end. */
static size_t object_length(const char *s, size_t len)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        if (quoted && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            quoted = !quoted;
        else if (!quoted && s[i] == '{')
            depth++;
        else if (!quoted && s[i] == '}' && --depth == 0)
            return i + 1;
    }
    return 0;
}

bool body_find_usage_in_text(reply *out, const char *text, size_t len, arena *a)
{
    static const char *const keys[] = {"\"usage\"", "\"usageMetadata\""};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *end = text + len, *at = find(text, len, keys[i]);
        if (!at) continue;
        at += strlen(keys[i]);
        while (at < end && (is_blank(*at) || *at == ':'))
            at++;
        const size_t n = at < end && *at == '{' ? object_length(at, (size_t)(end - at)) : 0;
        value *u = NULL;
        if (n && json_parse(&u, a, at, n, "usage", 1, NULL) == WAAGE_OK && take_usage(out, u))
            return true;
    }
    return false;
}

/* ---- Which API ---- */

static body_reader reader_of(const value *body)
{
    if (value_get(body, "choices")) return body_read_choices;
    if (strcmp(value_get_str(body, "object", ""), "response") == 0) return body_read_response;
    if (strcmp(value_get_str(body, "type", ""), "message") == 0) return body_read_message;
    if (value_get(body, "candidates") || value_get(body, "promptFeedback"))
        return body_read_candidates;
    return NULL;
}

waage_status body_read(reply *out, const value *body, arena *a, waage_err *err)
{
    body_error failed;
    out->text = "";
    out->text_len = 0;
    if (!body || body->kind != VALUE_MAP)
        return body_set_error(out, FINISH_ERROR, "the body is not an object", a, err);
    const body_reader read = reader_of(body);
    if (read) WAAGE_TRY(read(out, body, a, err));
    if (body_find_error(&failed, body))
        return body_set_error(out, FINISH_ERROR, failed.message, a, err);
    if (!read) return body_set_error(out, FINISH_ERROR, "the body has no choices", a, err);
    if (out->thought_tokens > 0 && out->thought_is == THOUGHT_EMPTY) {
        out->thought_is = THOUGHT_ABSENT; /* it thought; the text was kept back */
        out->thought = NULL;
    }
    return WAAGE_OK;
}
