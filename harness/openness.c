/* openness.c - see openness.h. */
#include "harness/openness.h"
#include "harness/base/strbuf.h"
#include <stddef.h>
#include <string.h>

const char *const openness_keys[] = {"weights", "licence", "data", "code",
                                     "class",   "source",  "date", NULL};

const char **openness_field(openness *o, size_t key)
{
    const char **const fields[] = {&o->weights, &o->licence, &o->data, &o->code,
                                   &o->class,   &o->source,  &o->date};
    return fields[key];
}

/* ---- Names ---- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* "maker/GPT-4.1 Mini" -> "gpt-4-1-mini" */
static void put_plain(strbuf *out, const char *name)
{
    const char *slash = strrchr(name, '/');
    for (const char *s = slash ? slash + 1 : name; *s; s++) {
        const char c = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
        if (is_word(c))
            strbuf_putc(out, c);
        else if (out->len && strbuf_str(out)[out->len - 1] != '-')
            strbuf_putc(out, '-');
    }
}

static bool is_name(const char *plain, const char *pattern)
{
    const size_t n = strlen(pattern);
    if (n && pattern[n - 1] == '*') return strncmp(plain, pattern, n - 1) == 0;
    return strcmp(plain, pattern) == 0;
}

/* The pattern of this row that the name has, or NULL. */
static const char *match_row(const value *row, const char *plain)
{
    const value *names = value_get(row, "names");
    for (size_t i = 0; i < value_len(names); i++) {
        const value *v = value_at(names, i);
        if (v->kind == VALUE_STR && is_name(plain, v->u.str.s)) return v->u.str.s;
    }
    return NULL;
}

/* ---- The table ---- */

static waage_status take_row(openness *out, const value *row, const char *pattern, arena *a,
                             waage_err *err)
{
    for (size_t k = 0; openness_keys[k]; k++) {
        const char *text = value_get_str(row, openness_keys[k], NULL);
        if (!text)
            return waage_err_set(err, WAAGE_EFORMAT, "openness.yaml:%u: '%s' is needed", row->line,
                                 openness_keys[k]);
        if (!(*openness_field(out, k) = arena_strdup(a, text))) return waage_err_nomem(err);
    }
    out->by = arena_printf(a, "name %s", pattern);
    return out->by ? WAAGE_OK : waage_err_nomem(err);
}

static waage_status find_name(openness *out, const value *rows, const char *plain, arena *a,
                              waage_err *err)
{
    for (size_t i = 0; *plain && i < value_len(rows); i++) {
        const value *row = value_at(rows, i);
        const char *pattern = match_row(row, plain);
        if (pattern) return take_row(out, row, pattern, a, err);
    }
    return WAAGE_OK;
}

waage_status openness_find(openness *out, const char *const *names, size_t n, arena *a,
                           waage_err *err)
{
    const char *text = (const char *)openness_embed;
    arena own = ARENA_EMPTY;
    value *table = NULL;
    *out = (openness){NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    waage_status st = yaml_parse(&table, &own, text, strlen(text), "openness.yaml", err);
    for (size_t i = 0; st == WAAGE_OK && i < n && !out->by; i++) {
        strbuf plain = STRBUF_EMPTY;
        if (names[i]) put_plain(&plain, names[i]);
        st = strbuf_check(&plain, err);
        if (st == WAAGE_OK)
            st = find_name(out, value_get(table, "models"), strbuf_str(&plain), a, err);
        strbuf_free(&plain);
    }
    arena_free(&own);
    return st;
}

void openness_override(openness *o, const openness *said)
{
    openness from = *said;
    bool any = false;
    for (size_t k = 0; openness_keys[k]; k++) {
        const char *text = *openness_field(&from, k);
        if (!text) continue;
        *openness_field(o, k) = text;
        any = true;
    }
    if (any) o->by = o->by ? "RUN.yaml, else by name" : "RUN.yaml";
}

value *openness_value(const openness *o, arena *a)
{
    openness all = *o;
    value *map = value_map(a);
    bool ok = map != NULL;
    for (size_t k = 0; ok && openness_keys[k]; k++) {
        const char *text = *openness_field(&all, k);
        if (text) ok = value_map_set(a, map, openness_keys[k], value_str(a, text));
    }
    if (ok && o->by) ok = value_map_set(a, map, "by", value_str(a, o->by));
    return ok ? map : NULL;
}
