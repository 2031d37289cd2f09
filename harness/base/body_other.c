/* body_other.c - bodies of OpenAI's responses API, Anthropic's messages and Gemini's
 * generateContent. */
#include "harness/base/body_impl.h"
#include <string.h>

static waage_status set_finish(reply *out, const char *reason, arena *a, waage_err *err)
{
    out->finish = body_finish(reason);
    if (out->finish == FINISH_FILTER) return body_set_error(out, FINISH_FILTER, reason, a, err);
    if (out->finish == FINISH_ERROR)
        return body_set_error(out, FINISH_ERROR,
                              arena_printf(a, "the provider stopped with '%s'", reason), a, err);
    return WAAGE_OK;
}

/* ---- OpenAI responses: output[] of items, each with a type ---- */

static waage_status read_summaries(reply *out, const value *items, arena *a, waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    bool any = false;
    for (size_t i = 0; i < value_len(items); i++) {
        static const char *const fields[][2] = {{"summary", "summary_text"},
                                                {"content", "reasoning_text"}};
        const value *item = value_at(items, i);
        if (strcmp(value_get_str(item, "type", ""), "reasoning") != 0) continue;
        any = true;
        for (size_t k = 0; k < 2; k++) {
            size_t len;
            const char *s = body_join(value_get(item, fields[k][0]), fields[k][1], "text", a, &len);
            if (!s || len == 0) continue;
            if (b.len) strbuf_puts(&b, "\n\n");
            strbuf_put(&b, s, len);
        }
    }
    waage_status st = strbuf_check(&b, err);
    if (st == WAAGE_OK && any) st = body_set_thought(out, strbuf_str(&b), b.len, a, err);
    strbuf_free(&b);
    return st;
}

static waage_status read_output(reply *out, const value *items, arena *a, waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    for (size_t i = 0; i < value_len(items); i++) {
        const value *item = value_at(items, i), *parts = value_get(item, "content");
        size_t len;
        if (strcmp(value_get_str(item, "type", ""), "message") != 0) continue;
        const char *s = body_join(parts, "output_text", "text", a, &len);
        if (s) strbuf_put(&b, s, len);
        s = body_join(parts, "refusal", "refusal", a, &len);
        if (s) strbuf_put(&b, s, len);
    }
    waage_status st = strbuf_check(&b, err);
    if (st == WAAGE_OK) st = body_split_thought(out, strbuf_str(&b), b.len, a, err);
    strbuf_free(&b);
    return st;
}

waage_status body_read_response(reply *out, const value *body, arena *a, waage_err *err)
{
    const value *usage = value_get(body, "usage"), *items = value_get(body, "output");
    const char *status = value_get_str(body, "status", "completed");
    const char *why = value_get_str(value_get(body, "incomplete_details"), "reason", NULL);
    WAAGE_TRY(body_keep(&out->model_version, body, "model", a, err));
    out->served_at = body_date(value_get_int(body, "created_at", 0), a);
    out->prompt_tokens = body_count(usage, "input_tokens");
    out->completion_tokens = body_count(usage, "output_tokens");
    out->cached_tokens = body_count(value_get(usage, "input_tokens_details"), "cached_tokens");
    out->thought_tokens = body_count(value_get(usage, "output_tokens_details"), "reasoning_tokens");
    WAAGE_TRY(read_summaries(out, items, a, err));
    WAAGE_TRY(read_output(out, items, a, err));
    if (strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0)
        return body_set_error(out, FINISH_ERROR, "the provider reported a failed response", a, err);
    if (!items) return body_set_error(out, FINISH_ERROR, "the body has no output", a, err);
    return set_finish(out, why, a, err);
}

/* ---- Anthropic messages: content[] of blocks ---- */

waage_status body_read_message(reply *out, const value *body, arena *a, waage_err *err)
{
    const value *usage = value_get(body, "usage"), *blocks = value_get(body, "content");
    size_t len, n_hidden;
    WAAGE_TRY(body_keep(&out->model_version, body, "model", a, err));
    out->cached_tokens = body_count(usage, "cache_read_input_tokens");
    out->prompt_tokens = body_count(usage, "input_tokens") + out->cached_tokens +
                         body_count(usage, "cache_creation_input_tokens");
    out->completion_tokens = body_count(usage, "output_tokens");
    const char *thought = body_join(blocks, "thinking", "thinking", a, &len);
    const char *hidden = body_join(blocks, "redacted_thinking", "data", a, &n_hidden);
    if (thought) WAAGE_TRY(body_set_thought(out, thought, len, a, err));
    if (hidden && out->thought_is == THOUGHT_EMPTY) out->thought_is = THOUGHT_ABSENT;
    const char *text = body_join(blocks, "text", "text", a, &len);
    WAAGE_TRY(body_set_text(out, text ? text : "", len, a, err));
    if (!blocks) return body_set_error(out, FINISH_ERROR, "the body has no content", a, err);
    return set_finish(out, value_get_str(body, "stop_reason", NULL), a, err);
}

/* ---- Gemini: candidates[0].content.parts[], thoughts marked ---- */

static waage_status read_parts(reply *out, const value *parts, arena *a, waage_err *err)
{
    strbuf said = STRBUF_EMPTY, thought = STRBUF_EMPTY;
    bool any = false;
    for (size_t i = 0; i < value_len(parts); i++) {
        const value *part = value_at(parts, i), *text = value_get(part, "text");
        const bool is_thought = value_get_bool(part, "thought", false);
        any = any || is_thought;
        if (text && text->kind == VALUE_STR)
            strbuf_put(is_thought ? &thought : &said, text->u.str.s, text->u.str.len);
    }
    waage_status st = strbuf_check(&said, err);
    if (st == WAAGE_OK) st = strbuf_check(&thought, err);
    if (st == WAAGE_OK && any)
        st = body_set_thought(out, strbuf_str(&thought), thought.len, a, err);
    if (st == WAAGE_OK) st = body_set_text(out, strbuf_str(&said), said.len, a, err);
    strbuf_free(&said);
    strbuf_free(&thought);
    return st;
}

waage_status body_read_candidates(reply *out, const value *body, arena *a, waage_err *err)
{
    const value *usage = value_get(body, "usageMetadata");
    const value *first = value_at(value_get(body, "candidates"), 0);
    const char *blocked = value_get_str(value_get(body, "promptFeedback"), "blockReason", NULL);
    const uint32_t thoughts = body_count(usage, "thoughtsTokenCount");
    WAAGE_TRY(body_keep(&out->model_version, body, "modelVersion", a, err));
    out->prompt_tokens = body_count(usage, "promptTokenCount");
    out->completion_tokens = body_count(usage, "candidatesTokenCount") + thoughts;
    out->cached_tokens = body_count(usage, "cachedContentTokenCount");
    out->thought_tokens = thoughts;
    WAAGE_TRY(read_parts(out, value_get(value_get(first, "content"), "parts"), a, err));
    if (!first && blocked) return body_set_error(out, FINISH_FILTER, blocked, a, err);
    if (!first) return body_set_error(out, FINISH_ERROR, "the body has no candidates", a, err);
    return set_finish(out, value_get_str(first, "finishReason", NULL), a, err);
}
