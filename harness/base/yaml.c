/* yaml.c - YAML text to values; sole includer of yaml.h.
 * Plain scalars resolve as PyYAML's safe loader does (YAML 1.1), since task files come from there.
 */
#include "harness/base/utf8.h"
#include "harness/base/value.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 64, NODES_MAX = 1000000, ALIAS_NODES_MAX = 100000 };

typedef struct {
    char *name;
    const value *v;
} anchor;

typedef struct {
    yaml_parser_t parser;
    arena *a;
    const char *name; /* of the file */
    waage_err *err;
    anchor anchors[256];
    size_t n_anchors, n_nodes, n_alias_nodes;
} reader;

static waage_status fail(reader *r, size_t line, const char *what)
{
    return waage_err_set(r->err, WAAGE_EFORMAT, "%s:%zu: %s", r->name, line + 1, what);
}

static waage_status next_event(reader *r, yaml_event_t *e)
{
    if (yaml_parser_parse(&r->parser, e)) return WAAGE_OK;
    const size_t line = r->parser.problem_mark.line;
    return fail(r, line, r->parser.problem ? r->parser.problem : "not YAML");
}

static bool one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(s, *words) == 0) return true;
    return false;
}

/* A whole number in decimal, hexadecimal (0x) or octal (leading 0) notation, with _ as separator.
 */
static bool parse_int(const char *s, int64_t *out)
{
    char digits[32];
    size_t n = 0;
    for (const char *p = s; *p; p++) {
        if (*p == '_') continue;
        if (n + 1 >= sizeof digits) return false;
        digits[n++] = *p;
    }
    digits[n] = 0;
    const char *d = digits + (digits[0] == '-' || digits[0] == '+');
    if (*d < '0' || *d > '9') return false;
    char *end;
    errno = 0;
    const long long v = strtoll(digits, &end, 0);
    if (*end || errno) return false;
    *out = v;
    return true;
}

/* A decimal fraction: needs a point, as YAML 1.1 wants it (1e3 is text there). */
static bool parse_float(const char *s, double *out)
{
    if (!strchr(s, '.') || strspn(s, "+-0123456789._eE") != strlen(s)) return false;
    if (!strpbrk(s, "0123456789")) return false;
    char *end;
    errno = 0;
    *out = strtod(s, &end);
    return !*end && !errno;
}

static value *plain_scalar(arena *a, const char *s, size_t len)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes",
                                      "YES",  "on",   "On",   "ON",  NULL};
    static const char *const no[] = {"false", "False", "FALSE", "no",  "No",
                                     "NO",    "off",   "Off",   "OFF", NULL};
    int64_t i;
    double f;
    if (one_of(s, nulls)) return value_null(a);
    if (one_of(s, yes)) return value_bool(a, true);
    if (one_of(s, no)) return value_bool(a, false);
    if (parse_int(s, &i)) return value_int(a, i);
    if (parse_float(s, &f)) return value_float(a, f);
    return value_strn(a, s, len);
}

static waage_status read_node(reader *r, yaml_event_t *e, value **out, int depth);

static waage_status remember(reader *r, const yaml_char_t *name, const value *v, size_t line)
{
    if (!name) return WAAGE_OK;
    if (r->n_anchors == sizeof r->anchors / sizeof *r->anchors)
        return fail(r, line, "too many anchors");
    char *copy = arena_strdup(r->a, (const char *)name);
    if (!copy) return waage_err_nomem(r->err);
    r->anchors[r->n_anchors++] = (anchor){copy, v};
    return WAAGE_OK;
}

/* Aliases are copied, with a cap on the copies: a file of nested aliases cannot grow without bound.
 */
static waage_status copy_value(reader *r, const value *v, value **out, size_t line)
{
    if (++r->n_alias_nodes > ALIAS_NODES_MAX) return fail(r, line, "aliases expand to too much");
    value *c = arena_alloc(r->a, sizeof *c);
    if (!c) return waage_err_nomem(r->err);
    *c = *v;
    *out = c;
    if (v->kind == VALUE_LIST) {
        c->u.list.n = c->u.list.cap = 0;
        for (size_t i = 0; i < v->u.list.n; i++) {
            value *k = NULL;
            WAAGE_TRY(copy_value(r, v->u.list.items[i], &k, line));
            if (!value_list_add(r->a, c, k)) return waage_err_nomem(r->err);
        }
    } else if (v->kind == VALUE_MAP) {
        c->u.map.n = c->u.map.cap = 0;
        for (size_t i = 0; i < v->u.map.n; i++) {
            value *k = NULL;
            WAAGE_TRY(copy_value(r, v->u.map.pairs[i].val, &k, line));
            if (!value_map_set(r->a, c, v->u.map.pairs[i].key, k)) return waage_err_nomem(r->err);
        }
    }
    return WAAGE_OK;
}

static waage_status read_alias(reader *r, const yaml_event_t *e, value **out)
{
    const char *name = (const char *)e->data.alias.anchor;
    for (size_t i = r->n_anchors; i-- > 0;)
        if (strcmp(r->anchors[i].name, name) == 0)
            return copy_value(r, r->anchors[i].v, out, e->start_mark.line);
    return fail(r, e->start_mark.line, "alias of an unknown anchor");
}

static waage_status read_scalar(reader *r, const yaml_event_t *e, value **out)
{
    const char *s = (const char *)e->data.scalar.value;
    const size_t len = e->data.scalar.length;
    const char *tag = (const char *)e->data.scalar.tag;
    const bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !tag;
    if (memchr(s, 0, len)) return fail(r, e->start_mark.line, "NUL in a text");
    *out = plain ? plain_scalar(r->a, s, len) : value_strn(r->a, s, len);
    if (*out && tag) (*out)->tag = arena_strdup(r->a, tag);
    return *out ? remember(r, e->data.scalar.anchor, *out, e->start_mark.line)
                : waage_err_nomem(r->err);
}

static waage_status read_list(reader *r, const yaml_event_t *e, value **out, int depth)
{
    value *list = *out = value_list(r->a);
    if (!list) return waage_err_nomem(r->err);
    for (;;) {
        yaml_event_t item;
        WAAGE_TRY(next_event(r, &item));
        if (item.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&item);
            break;
        }
        value *v = NULL;
        WAAGE_TRY(read_node(r, &item, &v, depth + 1));
        if (!value_list_add(r->a, list, v)) return waage_err_nomem(r->err);
    }
    return remember(r, e->data.sequence_start.anchor, list, e->start_mark.line);
}

static waage_status read_pair(reader *r, yaml_event_t *key_event, value *map, int depth)
{
    const size_t line = key_event->start_mark.line;
    if (key_event->type != YAML_SCALAR_EVENT) {
        yaml_event_delete(key_event);
        return fail(r, line, "a key must be a plain text");
    }
    char *key = arena_strndup(r->a, (const char *)key_event->data.scalar.value,
                              key_event->data.scalar.length);
    yaml_event_delete(key_event);
    if (!key) return waage_err_nomem(r->err);
    if (value_get(map, key))
        return waage_err_set(r->err, WAAGE_EFORMAT, "%s:%zu: key \"%.80s\" appears twice", r->name,
                             line + 1, key);
    yaml_event_t item;
    WAAGE_TRY(next_event(r, &item));
    value *v = NULL;
    WAAGE_TRY(read_node(r, &item, &v, depth + 1));
    return value_map_set(r->a, map, key, v) ? WAAGE_OK : waage_err_nomem(r->err);
}

static waage_status read_map(reader *r, const yaml_event_t *e, value **out, int depth)
{
    value *map = *out = value_map(r->a);
    if (!map) return waage_err_nomem(r->err);
    for (;;) {
        yaml_event_t key;
        WAAGE_TRY(next_event(r, &key));
        if (key.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&key);
            break;
        }
        WAAGE_TRY(read_pair(r, &key, map, depth));
    }
    return remember(r, e->data.mapping_start.anchor, map, e->start_mark.line);
}

/* Consumes *e in every case. */
static waage_status read_node(reader *r, yaml_event_t *e, value **out, int depth)
{
    const size_t line = e->start_mark.line;
    waage_status st;
    if (depth > DEPTH_MAX)
        st = fail(r, line, "nested too deeply");
    else if (++r->n_nodes > NODES_MAX)
        st = fail(r, line, "too many values");
    else if (e->type == YAML_SCALAR_EVENT)
        st = read_scalar(r, e, out);
    else if (e->type == YAML_SEQUENCE_START_EVENT)
        st = read_list(r, e, out, depth);
    else if (e->type == YAML_MAPPING_START_EVENT)
        st = read_map(r, e, out, depth);
    else if (e->type == YAML_ALIAS_EVENT)
        st = read_alias(r, e, out);
    else
        st = fail(r, line, "a value is missing");
    if (st == WAAGE_OK) (*out)->line = (uint32_t)line + 1;
    yaml_event_delete(e);
    return st;
}

/* Skip stream and document start; *e is then the first event of the content, or the stream's end.
 */
static waage_status first_event(reader *r, yaml_event_t *e)
{
    for (;;) {
        WAAGE_TRY(next_event(r, e));
        if (e->type != YAML_STREAM_START_EVENT && e->type != YAML_DOCUMENT_START_EVENT)
            return WAAGE_OK;
        yaml_event_delete(e);
    }
}

static waage_status read_document(reader *r, value **out)
{
    yaml_event_t e;
    WAAGE_TRY(first_event(r, &e));
    if (e.type == YAML_STREAM_END_EVENT) {
        yaml_event_delete(&e);
        return fail(r, 0, "the file is empty");
    }
    WAAGE_TRY(read_node(r, &e, out, 0));
    WAAGE_TRY(next_event(r, &e)); /* document end */
    yaml_event_delete(&e);
    WAAGE_TRY(next_event(r, &e));
    const bool more = e.type != YAML_STREAM_END_EVENT;
    const size_t line = e.start_mark.line;
    yaml_event_delete(&e);
    return more ? fail(r, line, "a second document; one is expected") : WAAGE_OK;
}

waage_status yaml_parse(value **out, arena *a, const char *text, size_t len, const char *name,
                        waage_err *err)
{
    *out = NULL;
    for (size_t i = 0, line = 1, n; i < len; i += n) {
        n = utf8_valid_length(text + i, len - i);
        if (n == 0)
            return waage_err_set(err, WAAGE_EFORMAT, "%s:%zu: invalid UTF-8 at byte %zu", name,
                                 line, i);
        line += text[i] == '\n';
    }
    reader r = {.a = a, .name = name, .err = err};
    if (!yaml_parser_initialize(&r.parser)) return waage_err_nomem(err);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    const waage_status st = read_document(&r, out);
    yaml_parser_delete(&r.parser);
    if (st != WAAGE_OK) *out = NULL;
    return st;
}
