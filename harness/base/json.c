/* json.c - JSON text to values; sole includer of cJSON. */
#include "harness/base/value.h"
#include "harness/base/utf8.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

typedef struct {
    arena *a;
    const char *name;
    uint32_t line;
    waage_err *err;
} converter;

static waage_status convert(value **out, const cJSON *j, const converter *c, int depth);

static value *convert_number(arena *a, double d)
{
    /* cJSON reads every number as a double: whole numbers are exact up to 2^53. */
    return d == floor(d) && fabs(d) <= 0x1p53 ? value_int(a, (int64_t)d) : value_float(a, d);
}

static waage_status convert_list(value *into, const cJSON *j, const converter *c, int depth)
{
    for (const cJSON *k = j->child; k; k = k->next) {
        value *v = NULL;
        WAAGE_TRY(convert(&v, k, c, depth + 1));
        if (!value_list_add(c->a, into, v)) return waage_err_nomem(c->err);
    }
    return WAAGE_OK;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* value_map_set() looks through all keys that are there already: an object of 100,000 keys took a
 * minute. So the pairs are put down as they come, and repeated keys are looked for afterwards. */
static waage_status convert_map(value *into, const cJSON *j, const converter *c, int depth)
{
    size_t n = 0;
    for (const cJSON *k = j->child; k; k = k->next)
        n++;
    if (n == 0) return WAAGE_OK;
    const char **keys = calloc(n, sizeof *keys);
    into->u.map.pairs = arena_calloc(c->a, n, sizeof *into->u.map.pairs);
    waage_status st = keys && into->u.map.pairs ? WAAGE_OK : waage_err_nomem(c->err);
    if (st == WAAGE_OK) into->u.map.cap = n;
    for (const cJSON *k = j->child; st == WAAGE_OK && k; k = k->next) {
        value_pair *p = &into->u.map.pairs[into->u.map.n];
        p->key = arena_strdup(c->a, k->string);
        st = p->key ? convert(&p->val, k, c, depth + 1) : waage_err_nomem(c->err);
        if (st == WAAGE_OK) keys[into->u.map.n++] = p->key;
    }
    if (st == WAAGE_OK) qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 1; st == WAAGE_OK && i < n; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            st = waage_err_set(c->err, WAAGE_EFORMAT, "%s:%u: key \"%.80s\" appears twice", c->name,
                               c->line, keys[i]);
    free(keys);
    return st;
}

static waage_status convert(value **out, const cJSON *j, const converter *c, int depth)
{
    if (depth > DEPTH_MAX)
        return waage_err_set(c->err, WAAGE_EFORMAT, "%s:%u: nested deeper than %d levels", c->name,
                             c->line, DEPTH_MAX);
    if (cJSON_IsNumber(j) && !isfinite(j->valuedouble))
        return waage_err_set(c->err, WAAGE_EFORMAT, "%s:%u: a number is out of range", c->name,
                             c->line);
    value *v = NULL;
    if (cJSON_IsNull(j))
        v = value_null(c->a);
    else if (cJSON_IsBool(j))
        v = value_bool(c->a, cJSON_IsTrue(j));
    else if (cJSON_IsNumber(j))
        v = convert_number(c->a, j->valuedouble);
    else if (cJSON_IsString(j))
        v = value_str(c->a, j->valuestring);
    else if (cJSON_IsArray(j))
        v = value_list(c->a);
    else if (cJSON_IsObject(j))
        v = value_map(c->a);
    if (!v) return waage_err_nomem(c->err);
    v->line = c->line;
    *out = v;
    if (cJSON_IsArray(j)) return convert_list(v, j, c, depth);
    return cJSON_IsObject(j) ? convert_map(v, j, c, depth) : WAAGE_OK;
}

/* Line of byte `at`, counted from line0. */
static uint32_t line_of(const char *text, size_t at, uint32_t line0)
{
    uint32_t line = line0;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

/* cJSON passes bytes through: invalid UTF-8 and NULs must be caught before it sees them. */
static waage_status check_bytes(const char *text, size_t len, const char *name, uint32_t line0,
                                waage_err *err)
{
    for (size_t i = 0; i < len;) {
        const size_t n = utf8_valid_length(text + i, len - i);
        if (n == 0 || text[i] == 0)
            return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: %s at byte %zu", name,
                                 line_of(text, i, line0), n ? "NUL" : "invalid UTF-8", i);
        i += n;
    }
    return WAAGE_OK;
}

waage_status json_parse(value **out, arena *a, const char *text, size_t len, const char *name,
                        uint32_t line0, waage_err *err)
{
    *out = NULL;
    WAAGE_TRY(check_bytes(text, len, name, line0, err));
    const char *end = text;
    cJSON *j = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    size_t at = (size_t)(end - text);
    if (!j)
        return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: not JSON at byte %zu", name,
                             line_of(text, at < len ? at : len, line0), at);
    while (at < len && strchr(" \t\r\n", text[at]))
        at++;
    const converter c = {a, name, line0, err};
    waage_status st =
        at < len ? waage_err_set(err, WAAGE_EFORMAT, "%s:%u: text after the JSON value at byte %zu",
                                 name, line_of(text, at, line0), at)
                 : convert(out, j, &c, 0);
    cJSON_Delete(j);
    return st;
}
