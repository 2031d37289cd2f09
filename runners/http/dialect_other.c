/* dialect_other.c - requests of OpenAI's responses API, Anthropic's messages and Gemini's
 * generateContent. */
#include "runners/http/dialect.h"
#include <string.h>

/* Anthropic demands a limit; a suite that sets none gets this one. */
enum { NO_LIMIT = 8192 };

/* ---- OpenAI responses ---- */

value *dialect_build_responses(const endpoint *e, const request *rq, unsigned without, arena *a)
{
    static const char *const names[FIELD_COUNT] = {
        [FIELD_TEMPERATURE] = "temperature", [FIELD_TOP_P] = "top_p"};
    value *map = value_map(a), *input = value_list(a);
    bool ok = map && input && dialect_put_str(a, map, "model", e->model);
    for (size_t i = 0; ok && i < rq->n_messages; i++)
        ok = dialect_add_message(a, input, rq->messages[i].role, rq->messages[i].content);
    ok = ok && value_map_set(a, map, "input", input) &&
         dialect_put_sampling(a, map, rq, without, names);
    if (ok && rq->max_tokens)
        ok = dialect_put_int(a, map, "max_output_tokens",
                             (int64_t)rq->max_tokens + dialect_thinking_tokens(e, rq));
    if (ok && dialect_effort(e, rq) && dialect_has(without, FIELD_EFFORT)) {
        value *how = value_map(a);
        ok = how && dialect_put_str(a, how, "effort",
                                    dialect_is_off(e, rq) ? "none" : dialect_effort(e, rq));
        if (ok && !dialect_is_off(e, rq)) ok = dialect_put_str(a, how, "summary", "auto");
        ok = ok && value_map_set(a, map, "reasoning", how);
    }
    /* Nothing of a test set stays on the server. */
    ok = ok && value_map_set(a, map, "store", value_bool(a, false));
    return ok ? map : NULL;
}

/* ---- Anthropic ---- */

/* With thinking on, the API takes neither temperature nor top_k. */
static bool put_budget(arena *a, value *map, uint32_t tokens)
{
    value *how = value_map(a);
    return how && dialect_put_str(a, how, "type", "enabled") &&
           dialect_put_int(a, how, "budget_tokens", tokens < 1024 ? 1024 : tokens) &&
           value_map_set(a, map, "thinking", how);
}

static bool put_talk(arena *a, value *map, const request *rq)
{
    value *list = value_list(a);
    strbuf system = STRBUF_EMPTY;
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < rq->n_messages; i++) {
        const message *m = &rq->messages[i];
        if (strcmp(m->role, "system") == 0) {
            if (system.len) strbuf_puts(&system, "\n\n");
            strbuf_puts(&system, m->content);
        } else {
            ok = dialect_add_message(a, list, m->role, m->content);
        }
    }
    if (ok && rq->answer_prefix) ok = dialect_add_message(a, list, "assistant", rq->answer_prefix);
    if (ok && system.len)
        ok = !system.failed && dialect_put_str(a, map, "system", strbuf_str(&system));
    strbuf_free(&system);
    return ok && value_map_set(a, map, "messages", list);
}

value *dialect_build_messages(const endpoint *e, const request *rq, unsigned without, arena *a)
{
    static const char *const names[FIELD_COUNT] = {
        [FIELD_TEMPERATURE] = "temperature", [FIELD_TOP_P] = "top_p", [FIELD_TOP_K] = "top_k"};
    value *map = value_map(a);
    const bool thinks = dialect_thinking_tokens(e, rq) > 0 && dialect_has(without, FIELD_EFFORT);
    const uint32_t budget = thinks ? dialect_thinking_tokens(e, rq) : 0;
    const uint32_t limit = rq->max_tokens ? rq->max_tokens : NO_LIMIT;
    bool ok = map && dialect_put_str(a, map, "model", e->model) &&
              dialect_put_int(a, map, "max_tokens",
                              (int64_t)limit + (budget && budget < 1024 ? 1024 : budget)) &&
              put_talk(a, map, rq);
    if (ok && thinks) ok = put_budget(a, map, budget);
    if (ok && !thinks) ok = dialect_put_sampling(a, map, rq, without, names);
    if (ok && dialect_has(without, FIELD_STOP))
        ok = dialect_put_stop(a, map, "stop_sequences", rq, 16, false);
    return ok ? map : NULL;
}

/* ---- Gemini ---- */

static value *content_of(arena *a, const char *role, const char *text)
{
    value *c = value_map(a), *parts = value_list(a), *part = value_map(a);
    bool ok = c && parts && part && dialect_put_str(a, part, "text", text) &&
              value_list_add(a, parts, part);
    if (ok && role) ok = dialect_put_str(a, c, "role", role);
    return ok && value_map_set(a, c, "parts", parts) ? c : NULL;
}

static bool put_contents(arena *a, value *map, const request *rq)
{
    value *list = value_list(a);
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < rq->n_messages; i++) {
        const message *m = &rq->messages[i];
        const bool is_model = strcmp(m->role, "assistant") == 0;
        if (strcmp(m->role, "system") == 0)
            ok = value_map_set(a, map, "systemInstruction", content_of(a, NULL, m->content));
        else
            ok = value_list_add(a, list, content_of(a, is_model ? "model" : "user", m->content));
    }
    return ok && value_map_set(a, map, "contents", list);
}

value *dialect_build_gemini(const endpoint *e, const request *rq, unsigned without, arena *a)
{
    static const char *const names[FIELD_COUNT] = {[FIELD_TEMPERATURE] = "temperature",
                                                   [FIELD_TOP_P] = "topP",
                                                   [FIELD_TOP_K] = "topK",
                                                   [FIELD_SEED] = "seed"};
    value *map = value_map(a), *how = value_map(a);
    bool ok =
        map && how && put_contents(a, map, rq) && dialect_put_sampling(a, how, rq, without, names);
    if (ok && rq->max_tokens)
        ok = dialect_put_int(a, how, "maxOutputTokens",
                             (int64_t)rq->max_tokens + dialect_thinking_tokens(e, rq));
    if (ok && dialect_has(without, FIELD_STOP))
        ok = dialect_put_stop(a, how, "stopSequences", rq, 5, true);
    if (ok && (dialect_effort(e, rq) || dialect_thinking_tokens(e, rq)) &&
        dialect_has(without, FIELD_EFFORT)) {
        value *think = value_map(a);
        ok = think && dialect_put_int(a, think, "thinkingBudget", dialect_thinking_tokens(e, rq)) &&
             value_map_set(a, think, "includeThoughts", value_bool(a, !dialect_is_off(e, rq))) &&
             value_map_set(a, how, "thinkingConfig", think);
    }
    ok = ok && (value_len(how) == 0 || value_map_set(a, map, "generationConfig", how));
    return ok ? map : NULL;
}
