/* body_choices.c - bodies of the chat completions and completions APIs, as OpenAI and the many
 * compatible servers and routers return them. */
#include "harness/base/body_impl.h"
#include <string.h>
#include <time.h>

/* A field that is missing or null is absent; only a field that is there and blank is empty. */
static waage_status read_reasoning(reply *out, const value *said, arena *a, waage_err *err)
{
    static const char *const fields[] = {"reasoning", "reasoning_content", "reasoning_details",
                                         "thinking"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t len;
        const char *s = body_text(value_get(said, fields[i]), a, &len);
        if (!s) continue;
        WAAGE_TRY(body_set_thought(out, s, len, a, err));
        if (out->thought_is == THOUGHT_PRESENT) break;
    }
    return WAAGE_OK;
}

static waage_status read_said(reply *out, const value *said, arena *a, waage_err *err)
{
    size_t len;
    WAAGE_TRY(read_reasoning(out, said, a, err));
    const char *text = body_text(value_get(said, "content"), a, &len);
    if (!text || len == 0) { /* a refusal in words of its own field is an answer of the model */
        const char *refusal = value_get_str(said, "refusal", NULL);
        if (refusal) {
            text = refusal;
            len = strlen(refusal);
        }
    }
    return body_split_thought(out, text ? text : "", text ? len : 0, a, err);
}

static waage_status read_choice(reply *out, const value *choice, arena *a, waage_err *err)
{
    const value *said = value_get(choice, "message"), *text = value_get(choice, "text");
    const char *reason = value_get_str(choice, "finish_reason", NULL);
    const char *native = value_get_str(choice, "native_finish_reason", NULL);
    const bool is_text = !said && text && text->kind == VALUE_STR;
    body_error failed;
    if (is_text)
        WAAGE_TRY(body_set_text(out, text->u.str.s, text->u.str.len, a, err));
    else
        WAAGE_TRY(read_said(out, said, a, err));
    out->finish = body_finish(reason);
    if (out->finish == FINISH_STOP) out->finish = body_finish(native);
    if (body_find_error(&failed, choice))
        return body_set_error(out, FINISH_ERROR, failed.message, a, err);
    if (out->finish == FINISH_ERROR)
        return body_set_error(out, FINISH_ERROR, "the provider reported an error", a, err);
    if (out->finish == FINISH_FILTER)
        return body_set_error(out, FINISH_FILTER, body_finish(reason) ? reason : native, a, err);
    if (!said && !is_text)
        return body_set_error(out, FINISH_ERROR, "the body's first choice has no message", a, err);
    return WAAGE_OK;
}

const char *body_date(int64_t seconds, arena *a)
{
    const time_t t = (time_t)seconds;
    struct tm tm;
    char text[32];
    if (seconds <= 0 || seconds > INT64_C(253402300799) || !gmtime_r(&t, &tm)) return NULL;
    if (strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) return NULL;
    return arena_strdup(a, text);
}

/* Model name and, where there is one, the fingerprint of what serves it. */
static waage_status read_version(reply *out, const value *body, arena *a, waage_err *err)
{
    const char *print = value_get_str(body, "system_fingerprint", NULL);
    WAAGE_TRY(body_keep(&out->model_version, body, "model", a, err));
    if (!print || !*print) return WAAGE_OK;
    out->model_version = out->model_version ? arena_printf(a, "%s %s", out->model_version, print)
                                            : arena_strdup(a, print);
    return out->model_version ? WAAGE_OK : waage_err_nomem(err);
}

static void read_usage(reply *out, const value *usage)
{
    const value *cost = value_get(usage, "cost"); /* OpenRouter: in dollars */
    out->prompt_tokens = body_count(usage, "prompt_tokens");
    out->completion_tokens = body_count(usage, "completion_tokens");
    out->cached_tokens = body_count(value_get(usage, "prompt_tokens_details"), "cached_tokens");
    if (out->cached_tokens == 0) /* DeepSeek */
        out->cached_tokens = body_count(usage, "prompt_cache_hit_tokens");
    out->thought_tokens =
        body_count(value_get(usage, "completion_tokens_details"), "reasoning_tokens");
    if (cost && (cost->kind == VALUE_FLOAT || cost->kind == VALUE_INT)) {
        const double dollars = value_get_float(usage, "cost", -1);
        out->has_cost = dollars >= 0 && dollars < 1e6;
        if (out->has_cost) out->cost = dollars;
    }
}

waage_status body_read_choices(reply *out, const value *body, arena *a, waage_err *err)
{
    const value *choice = value_at(value_get(body, "choices"), 0);
    WAAGE_TRY(body_keep(&out->host, body, "provider", a, err));
    WAAGE_TRY(read_version(out, body, a, err));
    out->served_at = body_date(value_get_int(body, "created", 0), a);
    read_usage(out, value_get(body, "usage"));
    if (!choice) return body_set_error(out, FINISH_ERROR, "the body has no choices", a, err);
    return read_choice(out, choice, a, err);
}
