/* value.c - constructors, look-ups and printing of dynamic values. */
#include "harness/base/value.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static value *make(arena *a, value_kind kind)
{
    value *v = arena_calloc(a, 1, sizeof *v);
    if (v) v->kind = kind;
    return v;
}

value *value_null(arena *a)
{
    return make(a, VALUE_NULL);
}

value *value_bool(arena *a, bool b)
{
    value *v = make(a, VALUE_BOOL);
    if (v) v->u.b = b;
    return v;
}

value *value_int(arena *a, int64_t i)
{
    value *v = make(a, VALUE_INT);
    if (v) v->u.i = i;
    return v;
}

value *value_float(arena *a, double f)
{
    value *v = make(a, VALUE_FLOAT);
    if (v) v->u.f = f;
    return v;
}

value *value_str(arena *a, const char *s)
{
    return value_strn(a, s, strlen(s));
}

value *value_strn(arena *a, const char *s, size_t len)
{
    value *v = make(a, VALUE_STR);
    if (!v) return NULL;
    v->u.str.s = arena_strndup(a, s, len);
    v->u.str.len = len;
    return v->u.str.s ? v : NULL;
}

value *value_list(arena *a)
{
    return make(a, VALUE_LIST);
}

value *value_map(arena *a)
{
    return make(a, VALUE_MAP);
}

/* Next capacity of a growing array: the old memory stays in the arena, so at most half is waste. */
static size_t grown(size_t cap)
{
    return cap ? cap * 2 : 4;
}

bool value_list_add(arena *a, value *list, value *item)
{
    if (!list || !item || list->kind != VALUE_LIST) return false;
    if (list->u.list.n == list->u.list.cap) {
        const size_t cap = grown(list->u.list.cap);
        value **items = arena_calloc(a, cap, sizeof *items);
        if (!items) return false;
        if (list->u.list.n) memcpy(items, list->u.list.items, list->u.list.n * sizeof *items);
        list->u.list.items = items;
        list->u.list.cap = cap;
    }
    list->u.list.items[list->u.list.n++] = item;
    return true;
}

static value_pair *find_pair(const value *map, const char *key)
{
    for (size_t i = 0; i < map->u.map.n; i++)
        if (strcmp(map->u.map.pairs[i].key, key) == 0) return &map->u.map.pairs[i];
    return NULL;
}

bool value_map_set(arena *a, value *map, const char *key, value *item)
{
    if (!map || !key || !item || map->kind != VALUE_MAP) return false;
    value_pair *old = find_pair(map, key);
    if (old) {
        old->val = item;
        return true;
    }
    if (map->u.map.n == map->u.map.cap) {
        const size_t cap = grown(map->u.map.cap);
        value_pair *pairs = arena_calloc(a, cap, sizeof *pairs);
        if (!pairs) return false;
        if (map->u.map.n) memcpy(pairs, map->u.map.pairs, map->u.map.n * sizeof *pairs);
        map->u.map.pairs = pairs;
        map->u.map.cap = cap;
    }
    char *copy = arena_strdup(a, key);
    if (!copy) return false;
    map->u.map.pairs[map->u.map.n++] = (value_pair){copy, item};
    return true;
}

const value *value_get(const value *v, const char *key)
{
    if (!v || v->kind != VALUE_MAP) return NULL;
    const value_pair *p = find_pair(v, key);
    return p ? p->val : NULL;
}

const value *value_at(const value *v, size_t i)
{
    return v && v->kind == VALUE_LIST && i < v->u.list.n ? v->u.list.items[i] : NULL;
}

size_t value_len(const value *v)
{
    if (!v) return 0;
    switch (v->kind) {
    case VALUE_STR:
        return v->u.str.len;
    case VALUE_LIST:
        return v->u.list.n;
    case VALUE_MAP:
        return v->u.map.n;
    default:
        return 0;
    }
}

const char *value_get_str(const value *map, const char *key, const char *def)
{
    const value *v = value_get(map, key);
    return v && v->kind == VALUE_STR ? v->u.str.s : def;
}

int64_t value_get_int(const value *map, const char *key, int64_t def)
{
    const value *v = value_get(map, key);
    return v && v->kind == VALUE_INT ? v->u.i : def;
}

double value_get_float(const value *map, const char *key, double def)
{
    const value *v = value_get(map, key);
    if (v && v->kind == VALUE_INT) return (double)v->u.i;
    return v && v->kind == VALUE_FLOAT ? v->u.f : def;
}

bool value_get_bool(const value *map, const char *key, bool def)
{
    const value *v = value_get(map, key);
    return v && v->kind == VALUE_BOOL ? v->u.b : def;
}

static bool list_equal(const value *a, const value *b)
{
    if (a->u.list.n != b->u.list.n) return false;
    for (size_t i = 0; i < a->u.list.n; i++)
        if (!value_equal(a->u.list.items[i], b->u.list.items[i])) return false;
    return true;
}

static bool map_equal(const value *a, const value *b)
{
    if (a->u.map.n != b->u.map.n) return false;
    for (size_t i = 0; i < a->u.map.n; i++) {
        const value_pair *p = find_pair(b, a->u.map.pairs[i].key);
        if (!p || !value_equal(a->u.map.pairs[i].val, p->val)) return false;
    }
    return true;
}

bool value_equal(const value *a, const value *b)
{
    if (a->kind == VALUE_INT && b->kind == VALUE_FLOAT) return (double)a->u.i == b->u.f;
    if (a->kind == VALUE_FLOAT && b->kind == VALUE_INT) return a->u.f == (double)b->u.i;
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return a->u.b == b->u.b;
    case VALUE_INT:
        return a->u.i == b->u.i;
    case VALUE_FLOAT:
        return a->u.f == b->u.f;
    case VALUE_STR:
        return a->u.str.len == b->u.str.len && memcmp(a->u.str.s, b->u.str.s, a->u.str.len) == 0;
    case VALUE_LIST:
        return list_equal(a, b);
    case VALUE_MAP:
        return map_equal(a, b);
    }
    return false;
}

/* The shortest decimal that reads back as the same double, as Python's repr() writes it: exponents
 * only below 1e-4 and from 1e16 on, ".0" where it looks like an integer. */
static void put_float(strbuf *out, double f, bool json)
{
    if (!isfinite(f)) {
        strbuf_puts(out, json ? "null" : isnan(f) ? "nan" : f > 0 ? "inf" : "-inf");
        return;
    }
    char text[40];
    int digits = 1;
    for (; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, f);
        if (strtod(text, NULL) == f) break;
    }
    const int exponent = atoi(strchr(text, 'e') + 1);
    if (exponent >= -4 && exponent < 16)
        snprintf(text, sizeof text, "%.*f", digits > exponent ? digits - 1 - exponent : 0, f);
    strbuf_puts(out, text);
    if (!strpbrk(text, ".e")) strbuf_puts(out, ".0");
}

void value_print(strbuf *out, const value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        strbuf_puts(out, "None");
        break;
    case VALUE_BOOL:
        strbuf_puts(out, v->u.b ? "True" : "False");
        break;
    case VALUE_INT:
        strbuf_printf(out, "%" PRId64, v->u.i);
        break;
    case VALUE_FLOAT:
        put_float(out, v->u.f, false);
        break;
    case VALUE_STR:
        strbuf_put(out, v->u.str.s, v->u.str.len);
        break;
    case VALUE_LIST:
    case VALUE_MAP:
        value_put_json(out, v, 0);
        break;
    }
}

static void put_break(strbuf *out, int indent, int depth)
{
    if (indent <= 0) return;
    strbuf_putc(out, '\n');
    for (int i = 0; i < indent * depth; i++)
        strbuf_putc(out, ' ');
}

static void put_json(strbuf *out, const value *v, int indent, int depth);

static void put_list(strbuf *out, const value *v, int indent, int depth)
{
    strbuf_putc(out, '[');
    for (size_t i = 0; i < v->u.list.n; i++) {
        if (i) strbuf_puts(out, indent ? "," : ", ");
        put_break(out, indent, depth + 1);
        put_json(out, v->u.list.items[i], indent, depth + 1);
    }
    if (v->u.list.n) put_break(out, indent, depth);
    strbuf_putc(out, ']');
}

static void put_map(strbuf *out, const value *v, int indent, int depth)
{
    strbuf_putc(out, '{');
    for (size_t i = 0; i < v->u.map.n; i++) {
        if (i) strbuf_puts(out, indent ? "," : ", ");
        put_break(out, indent, depth + 1);
        strbuf_put_json(out, v->u.map.pairs[i].key, strlen(v->u.map.pairs[i].key));
        strbuf_puts(out, ": ");
        put_json(out, v->u.map.pairs[i].val, indent, depth + 1);
    }
    if (v->u.map.n) put_break(out, indent, depth);
    strbuf_putc(out, '}');
}

static void put_json(strbuf *out, const value *v, int indent, int depth)
{
    switch (v->kind) {
    case VALUE_NULL:
        strbuf_puts(out, "null");
        break;
    case VALUE_BOOL:
        strbuf_puts(out, v->u.b ? "true" : "false");
        break;
    case VALUE_FLOAT:
        put_float(out, v->u.f, true);
        break;
    case VALUE_STR:
        strbuf_put_json(out, v->u.str.s, v->u.str.len);
        break;
    case VALUE_LIST:
        put_list(out, v, indent, depth);
        break;
    case VALUE_MAP:
        put_map(out, v, indent, depth);
        break;
    default:
        value_print(out, v);
        break;
    }
}

void value_put_json(strbuf *out, const value *v, int indent)
{
    put_json(out, v, indent, 0);
}
