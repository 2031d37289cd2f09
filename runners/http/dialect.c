/* dialect.c - the table; chat completions and completions, as OpenAI and compatible servers take
 * them. */
#include "runners/http/dialect.h"
#include <string.h>

static const char *const field_names[FIELD_COUNT] = {
    "temperature", "top_p", "top_k", "min_p", "seed", "stop", "max_tokens", "reasoning_effort"};

const char *dialect_field_name(dialect_field f)
{
    return field_names[f];
}

static bool is_word_part(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* As a whole word: `temperature` is no `temperature_unit`. */
static bool names_field(const char *text, const char *name)
{
    const size_t n = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at++)
        if ((at == text || !is_word_part(at[-1])) && !is_word_part(at[n])) return true;
    return false;
}

dialect_field dialect_find_field(const char *text)
{
    static const struct {
        const char *name;
        dialect_field field;
    } others[] = {{"max_completion_tokens", FIELD_LIMIT},
                  {"stop_sequences", FIELD_STOP},
                  {"chat_template_kwargs", FIELD_EFFORT},
                  {"reasoning.effort", FIELD_EFFORT},
                  {"reasoning", FIELD_EFFORT},
                  {"thinking", FIELD_EFFORT}};
    for (size_t i = 0; text && i < sizeof others / sizeof *others; i++)
        if (names_field(text, others[i].name)) return others[i].field;
    for (size_t i = 0; text && i < FIELD_COUNT; i++)
        if (names_field(text, field_names[i])) return (dialect_field)i;
    return FIELD_COUNT;
}

bool dialect_has(unsigned without, dialect_field f)
{
    return !(without & (1U << f));
}

/* ---- Parts ---- */

bool dialect_put_str(arena *a, value *map, const char *key, const char *text)
{
    return value_map_set(a, map, key, value_str(a, text));
}

bool dialect_put_int(arena *a, value *map, const char *key, int64_t n)
{
    return value_map_set(a, map, key, value_int(a, n));
}

/* A whole number prints as one ("temperature": 0), which every server takes. */
static value *number(arena *a, double x)
{
    return x == (double)(int64_t)x ? value_int(a, (int64_t)x) : value_float(a, x);
}

bool dialect_put_sampling(arena *a, value *map, const request *rq, unsigned without,
                          const char *const names[FIELD_COUNT])
{
    const sampling *s = &rq->sample_by;
    const bool greedy = s->temperature == 0;
    /* Samples of one item must differ: each has a seed of its own. 31 bits fit every server. */
    const int64_t seed = (int64_t)((s->seed + rq->sample) & 0x7fffffff);
    const struct {
        dialect_field field;
        bool wanted;
        double x;
    } rows[] = {{FIELD_TEMPERATURE, true, s->temperature},
                {FIELD_TOP_P, !greedy && s->top_p < 1, s->top_p},
                {FIELD_TOP_K, !greedy && s->top_k > 0, s->top_k},
                {FIELD_MIN_P, !greedy && s->min_p > 0, s->min_p},
                {FIELD_SEED, !greedy, (double)seed}};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof rows / sizeof *rows; i++)
        if (rows[i].wanted && names[rows[i].field] && dialect_has(without, rows[i].field))
            ok = value_map_set(a, map, names[rows[i].field], number(a, rows[i].x));
    return ok;
}

static bool is_blank(const char *s)
{
    return s[strspn(s, " \t\r\n")] == 0;
}

/* At most `most` of them: the rest is cut off on our side, as all of them are. */
bool dialect_put_stop(arena *a, value *map, const char *key, const request *rq, size_t most,
                      bool blank_too)
{
    value *list = value_list(a);
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < rq->n_stop && value_len(list) < most; i++)
        if (blank_too || !is_blank(rq->stop[i]))
            ok = value_list_add(a, list, value_str(a, rq->stop[i]));
    return ok && (value_len(list) == 0 || value_map_set(a, map, key, list));
}

const char *dialect_effort(const endpoint *e, const request *rq)
{
    static const char *const names[] = {[REASONING_OFF] = "off",
                                        [REASONING_LOW] = "low",
                                        [REASONING_MEDIUM] = "medium",
                                        [REASONING_HIGH] = "high"};
    return rq->think.effort != REASONING_DEFAULT ? names[rq->think.effort] : e->effort;
}

bool dialect_is_off(const endpoint *e, const request *rq)
{
    const char *effort = dialect_effort(e, rq);
    return effort && strcmp(effort, "off") == 0;
}

uint32_t dialect_thinking_tokens(const endpoint *e, const request *rq)
{
    static const struct {
        const char *effort;
        uint32_t tokens;
    } rows[] = {{"minimal", 1024}, {"low", 4096},    {"medium", 12288},
                {"high", 32768},   {"xhigh", 49152}, {"max", 65536}};
    const char *effort = dialect_effort(e, rq);
    if (dialect_is_off(e, rq) || rq->answer_prefix) return 0; /* as request.h has it */
    if (rq->think.budget) return rq->think.budget;
    if (e->thinking) return e->thinking;
    for (size_t i = 0; effort && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].effort, effort) == 0) return rows[i].tokens;
    return 0;
}

static bool put_limit(arena *a, value *map, const endpoint *e, const request *rq, unsigned without)
{
    const bool new_name = e->service->new_limit == dialect_has(without, FIELD_LIMIT);
    if (rq->max_tokens == 0) return true;
    return dialect_put_int(a, map, new_name ? "max_completion_tokens" : "max_tokens",
                           (int64_t)rq->max_tokens + dialect_thinking_tokens(e, rq));
}

/* ---- Chat completions ---- */

bool dialect_add_message(arena *a, value *list, const char *role, const char *content)
{
    value *m = value_map(a);
    return m && dialect_put_str(a, m, "role", role) && dialect_put_str(a, m, "content", content) &&
           value_list_add(a, list, m);
}

static bool put_messages(arena *a, value *map, const request *rq)
{
    value *list = value_list(a);
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < rq->n_messages; i++)
        ok = dialect_add_message(a, list, rq->messages[i].role, rq->messages[i].content);
    if (ok && rq->answer_prefix) ok = dialect_add_message(a, list, "assistant", rq->answer_prefix);
    return ok && value_map_set(a, map, "messages", list);
}

static bool put_map_of(arena *a, value *map, const char *key, const char *inner, value *v)
{
    value *m = value_map(a);
    return m && value_map_set(a, m, inner, v) && value_map_set(a, map, key, m);
}

/* The budget that somebody named, not the one that an effort stands for; 0: none. */
static uint32_t named_budget(const endpoint *e, const request *rq)
{
    return rq->think.budget ? rq->think.budget : e->thinking;
}

static bool put_thinking(arena *a, value *map, const endpoint *e, const request *rq,
                         unsigned without)
{
    const char *effort = dialect_effort(e, rq);
    const bool off = dialect_is_off(e, rq);
    const uint32_t budget = named_budget(e, rq);
    bool ok = true;
    if ((!effort && !budget) || !dialect_has(without, FIELD_EFFORT)) return true;
    switch (e->service->think) {
    case THINK_OBJECT:
        if (off) return put_map_of(a, map, "reasoning", "enabled", value_bool(a, false));
        if (budget) return put_map_of(a, map, "reasoning", "max_tokens", value_int(a, budget));
        return put_map_of(a, map, "reasoning", "effort", value_str(a, effort));
    case THINK_TYPE:
        return put_map_of(a, map, "thinking", "type", value_str(a, off ? "disabled" : "enabled"));
    case THINK_TEMPLATE:
        ok = put_map_of(a, map, "chat_template_kwargs", "enable_thinking", value_bool(a, !off));
        if (off) return ok;
        break;
    case THINK_EFFORT:
    case THINK_BUDGET:
        break;
    }
    if (effort) ok = ok && dialect_put_str(a, map, "reasoning_effort", off ? "none" : effort);
    return ok;
}

static value *build_chat(const endpoint *e, const request *rq, unsigned without, arena *a)
{
    value *map = value_map(a);
    const char *names[FIELD_COUNT];
    memcpy(names, field_names, sizeof names);
    if (!e->service->samples_freely) names[FIELD_TOP_K] = names[FIELD_MIN_P] = NULL;
    bool ok = map && dialect_put_str(a, map, "model", e->model) && put_messages(a, map, rq) &&
              put_limit(a, map, e, rq, without) &&
              dialect_put_sampling(a, map, rq, without, names) &&
              put_thinking(a, map, e, rq, without);
    if (ok && dialect_has(without, FIELD_STOP)) ok = dialect_put_stop(a, map, "stop", rq, 4, true);
    return ok ? map : NULL;
}

/* ---- Completions ---- */

static value *build_completions(const endpoint *e, const request *rq, unsigned without, arena *a)
{
    value *map = value_map(a);
    bool ok = map && dialect_put_str(a, map, "model", e->model) &&
              dialect_put_str(a, map, "prompt", rq->prompt ? rq->prompt : "");
    /* Without a limit this API stops after 16 tokens. */
    ok = ok && dialect_put_int(a, map, "max_tokens", rq->max_tokens ? rq->max_tokens : 4096) &&
         dialect_put_sampling(a, map, rq, without, field_names);
    if (ok && dialect_has(without, FIELD_STOP)) ok = dialect_put_stop(a, map, "stop", rq, 4, true);
    return ok ? map : NULL;
}

value *dialect_build_score(const endpoint *e, const char *text, bool echo, unsigned without,
                           arena *a)
{
    value *map = value_map(a);
    const bool ok =
        map && dialect_put_str(a, map, "model", e->model) &&
        dialect_put_str(a, map, "prompt", text) && dialect_put_int(a, map, "max_tokens", 1) &&
        (!dialect_has(without, FIELD_TEMPERATURE) || dialect_put_int(a, map, "temperature", 0)) &&
        dialect_put_int(a, map, echo ? "logprobs" : "prompt_logprobs", 1) &&
        (!echo || value_map_set(a, map, "echo", value_bool(a, true)));
    return ok ? map : NULL;
}

/* ---- The table ---- */

static const dialect dialects[] = {
    [API_CHAT] = {"chat", "/chat/completions", NULL, build_chat},
    [API_RESPONSES] = {"responses", "/responses", NULL, dialect_build_responses},
    [API_MESSAGES] = {"anthropic", "/messages", "anthropic-version: 2023-06-01",
                      dialect_build_messages},
    [API_GEMINI] = {"gemini", "/models/%s:generateContent", NULL, dialect_build_gemini},
};
static const dialect completions = {"completions", "/completions", NULL, build_completions};

const dialect *dialect_find(const endpoint *e, const request *rq, const char **why)
{
    const bool plain = e->api == API_CHAT && e->service->completes;
    if (rq->proto == PROTOCOL_CHAT && rq->kind == REQUEST_LOGLIK)
        *why = "over HTTP, continuations are scored under the completion protocol only";
    else if (rq->proto == PROTOCOL_CHAT && rq->answer_prefix && !e->prefills)
        *why = "this API cannot be given the beginning of an answer";
    else if (rq->proto == PROTOCOL_CHAT)
        return &dialects[e->api];
    else if (rq->kind == REQUEST_LOGLIK && !(plain && e->service->scores))
        *why = "this API gives no log-probabilities of given continuations";
    else if (!plain)
        *why = "this API only takes chats";
    else
        return &completions;
    return NULL;
}

const char *dialect_url(const dialect *d, const endpoint *e, arena *a)
{
    const char *hole = strstr(d->path, "%s");
    const int n = hole ? (int)(hole - d->path) : (int)strlen(d->path);
    return arena_printf(a, "%s%.*s%s%s%s", e->base, n, d->path, hole ? e->model : "",
                        hole ? hole + 2 : "", e->query);
}
