/* serve_messages.c - text parts are joined; what a template may ask for besides is passed on. */
#include "harness/serve_messages.h"
#include <stdio.h>
#include <string.h>

enum { MAX_MESSAGES = 4096 };

static bool refuse(serve_fault *why, size_t i, const char *what)
{
    char param[64];
    (void)snprintf(param, sizeof param, "messages[%zu]", i);
    serve_fault_set(why, 400, "invalid_request_error", NULL, param, "%s: %s", param, what);
    return false;
}

/* Text of a message: a string, nothing, or a list of text parts. NULL: something else. */
static const char *join_parts(const value *content, arena *a)
{
    strbuf b = STRBUF_EMPTY;
    if (!content || content->kind == VALUE_NULL) return "";
    if (content->kind == VALUE_STR) return arena_strndup(a, content->u.str.s, content->u.str.len);
    if (content->kind != VALUE_LIST) return NULL;
    for (size_t i = 0; i < value_len(content); i++) {
        const value *part = value_at(content, i);
        const char *text = value_get_str(part, "text", NULL);
        if (strcmp(value_get_str(part, "type", ""), "text") != 0 || !text) {
            strbuf_free(&b);
            return NULL;
        }
        strbuf_puts(&b, text);
    }
    const char *text = b.failed ? NULL : arena_strndup(a, strbuf_str(&b), b.len);
    strbuf_free(&b);
    return text;
}

/* OpenAI sends the arguments of a call as text; templates print an object. */
static void parse_arguments(const value *calls, arena *a)
{
    for (size_t i = 0; i < value_len(calls); i++) {
        const value *f = value_get(value_at(calls, i), "function");
        for (size_t k = 0; f && f->kind == VALUE_MAP && k < value_len(f); k++) {
            value_pair *p = &f->u.map.pairs[k];
            value *parsed;
            if (strcmp(p->key, "arguments") == 0 && p->val->kind == VALUE_STR &&
                json_parse(&parsed, a, p->val->u.str.s, p->val->u.str.len, "arguments", 1, NULL) ==
                    WAAGE_OK)
                p->val = parsed;
        }
    }
}

static const char *known_role(const char *role)
{
    static const char *const roles[][2] = {{"system", "system"},
                                           {"developer", "system"},
                                           {"user", "user"},
                                           {"assistant", "assistant"},
                                           {"tool", "tool"}};
    for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++)
        if (strcmp(roles[i][0], role) == 0) return roles[i][1];
    return NULL;
}

/* What else of a message the template may see. NULL: memory was out. */
static const value *pick_fields(const value *m, arena *a)
{
    static const char *const names[] = {"name", "tool_calls", "tool_call_id", "reasoning_content"};
    value *map = value_map(a);
    bool ok = map != NULL;
    for (size_t i = 0; ok && i < value_len(m); i++) {
        const value_pair *p = &m->u.map.pairs[i];
        for (size_t k = 0; ok && k < sizeof names / sizeof *names; k++)
            if (strcmp(names[k], p->key) == 0 && p->val->kind != VALUE_NULL)
                ok = value_map_set(a, map, names[k], p->val);
    }
    return ok ? map : NULL;
}

bool serve_messages_read(request *rq, const value *list, arena *a, serve_fault *why)
{
    const size_t n = value_len(list);
    if (list->kind != VALUE_LIST || n == 0 || n > MAX_MESSAGES) {
        serve_fault_set(why, 400, "invalid_request_error", NULL, "messages",
                        "messages: a list of 1 to %d messages was expected", MAX_MESSAGES);
        return false;
    }
    message *m = arena_calloc(a, n, sizeof *m);
    const value **fields = arena_calloc(a, n, sizeof *fields);
    if (!m || !fields) return refuse(why, 0, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const value *v = value_at(list, i);
        m[i].role = known_role(value_get_str(v, "role", NULL));
        if (!m[i].role) return refuse(why, i, "role is system, user, assistant or tool");
        m[i].content = join_parts(value_get(v, "content"), a);
        if (!m[i].content) return refuse(why, i, "content is a string or a list of text parts");
        parse_arguments(value_get(v, "tool_calls"), a);
        fields[i] = pick_fields(v, a);
        if (!fields[i]) return refuse(why, i, "out of memory");
    }
    rq->messages = m;
    rq->n_messages = n;
    rq->message_fields = fields;
    return true;
}
