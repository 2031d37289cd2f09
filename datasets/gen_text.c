/* gen_text.c - template expansion and argument checks of the built-in generators. */
#include "datasets/gen_text.h"
#include <string.h>

static const gen_var *find_var(const gen_var *vars, size_t n_vars, const char *key, size_t len)
{
    for (size_t i = 0; i < n_vars; i++)
        if (strlen(vars[i].key) == len && memcmp(vars[i].key, key, len) == 0) return &vars[i];
    return NULL;
}

waage_status gen_text_expand(strbuf *out, const char *tmpl, const gen_var *vars, size_t n_vars,
                             waage_err *err)
{
    for (const char *p = tmpl; *p;) {
        const size_t plain = strcspn(p, "{");
        strbuf_put(out, p, plain);
        p += plain;
        if (!*p) break;
        const size_t len = strcspn(p + 1, "}");
        const gen_var *v = find_var(vars, n_vars, p + 1, len);
        if (!v || p[1 + len] != '}')
            return waage_err_set(err, WAAGE_EINVAL, "template \"%s\": unknown place {%.*s}", tmpl,
                                 (int)len, p + 1);
        strbuf_puts(out, v->text);
        p += len + 2;
    }
    return strbuf_check(out, err);
}

waage_status gen_text_make(const char **out, arena *a, const char *tmpl, const gen_var *vars,
                           size_t n_vars, waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    waage_status st = gen_text_expand(&b, tmpl, vars, n_vars, err);
    if (st == WAAGE_OK && !(*out = arena_strndup(a, strbuf_str(&b), b.len)))
        st = waage_err_nomem(err);
    strbuf_free(&b);
    return st;
}

waage_status gen_text_seed(uint64_t *out, const value *args, const char *generator, waage_err *err)
{
    *out = 1;
    if (!args || args->kind == VALUE_NULL) return WAAGE_OK;
    if (args->kind != VALUE_MAP)
        return waage_err_set(err, WAAGE_EINVAL, "builtin:%s: dataset_kwargs must be a map",
                             generator);
    for (size_t i = 0; i < args->u.map.n; i++)
        if (strcmp(args->u.map.pairs[i].key, "seed") != 0)
            return waage_err_set(err, WAAGE_EINVAL,
                                 "builtin:%s: unknown argument \"%s\" (there is only \"seed\")",
                                 generator, args->u.map.pairs[i].key);
    const value *seed = value_get(args, "seed");
    if (!seed) return WAAGE_OK;
    if (seed->kind != VALUE_INT || seed->u.i < 0)
        return waage_err_set(err, WAAGE_EINVAL, "builtin:%s: seed must be an integer >= 0",
                             generator);
    *out = (uint64_t)seed->u.i;
    return WAAGE_OK;
}
