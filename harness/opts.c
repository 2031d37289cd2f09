/* opts.c - walks argv by a table of options. Knows no command and prints nothing. */
#include "harness/opts.h"
#include "harness/base/nearest.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const opt opts_common_table[] = {
    {'h', "help", OPT_FLAG, offsetof(opts_common, help), NULL, "show this text"},
    {'q', "quiet", OPT_FLAG, offsetof(opts_common, quiet), NULL, "only warnings and errors"},
    {'v', "verbose", OPT_FLAG, offsetof(opts_common, verbose), NULL, "say more"},
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

bool opts_list_add(opts_list *l, arena *a, const char *word)
{
    if (l->n == l->cap) {
        const size_t cap = l->cap ? 2 * l->cap : 8;
        const char **items = arena_calloc(a, cap, sizeof *items);
        if (!items) return false;
        if (l->n) memcpy(items, l->items, l->n * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = word;
    return true;
}

waage_status opts_split(opts_list *out, const opts_list *in, arena *a, waage_err *err)
{
    *out = (opts_list){0};
    for (size_t i = 0; i < in->n; i++) {
        const char *s = in->items[i];
        while (*s) {
            const size_t len = strcspn(s, ",");
            size_t from = 0, to = len;
            while (from < to && s[from] == ' ')
                from++;
            while (to > from && s[to - 1] == ' ')
                to--;
            if (to > from) {
                const char *word = arena_strndup(a, s + from, to - from);
                if (!word || !opts_list_add(out, a, word)) return waage_err_nomem(err);
            }
            s += len + (s[len] == ',');
        }
    }
    return WAAGE_OK;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static bool parse_u64(const char *s, uint64_t max, const char **end, uint64_t *out)
{
    if (*s < '0' || *s > '9') return false; /* strtoull would take blanks and a minus sign */
    char *stop;
    errno = 0;
    const unsigned long long v = strtoull(s, &stop, 10);
    *end = stop;
    *out = v;
    return errno == 0 && v <= max;
}

static bool parse_bytes(const char *s, uint64_t *out)
{
    const char *end;
    if (!parse_u64(s, SIZE_MAX, &end, out)) return false;
    unsigned shift = 0;
    if (*end == 'K' || *end == 'k') shift = 10;
    if (*end == 'M' || *end == 'm') shift = 20;
    if (*end == 'G' || *end == 'g') shift = 30;
    if (shift) end++;
    if (shift && *end == 'i') end++;
    if (shift && *end == 'B') end++;
    if (*end || *out > (SIZE_MAX >> shift)) return false;
    *out <<= shift;
    return true;
}

static bool parse_real(const char *s, double *out)
{
    char *end;
    if ((*s < '0' || *s > '9') && *s != '.') return false;
    errno = 0;
    *out = strtod(s, &end);
    return !*end && errno == 0 && isfinite(*out);
}

static bool is_choice(const char *choices, const char *word)
{
    const size_t len = strlen(word);
    if (len == 0 || strchr(word, '|')) return false;
    for (const char *s = choices; *s;) {
        const size_t n = strcspn(s, "|");
        if (n == len && memcmp(s, word, n) == 0) return true;
        s += n + (s[n] == '|');
    }
    return false;
}

static waage_status bad_value(const opt *o, const char *text, const char *what, waage_err *err)
{
    static const char *const wants[] = {
        [OPT_CHOICE] = "one of",
        [OPT_SIZE] = "a whole number",
        [OPT_BYTES] = "a number of bytes such as 512M or 4G",
        [OPT_U32] = "a whole number below 2^32",
        [OPT_U64] = "a whole number below 2^64",
        [OPT_INT] = "a whole number",
        [OPT_REAL] = "a number, not negative",
    };
    return waage_err_set(err, WAAGE_EINVAL, "%s: '%s' is not %s%s%s", what, text, wants[o->kind],
                         o->kind == OPT_CHOICE ? " " : "", o->kind == OPT_CHOICE ? o->arg : "");
}

waage_status opts_store(const opt *o, void *target, const char *text, const char *what,
                        waage_err *err)
{
    void *const field = (char *)target + o->offset;
    uint64_t n = 0;
    double real = 0;
    const char *end = "";
    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)field = true;
        return WAAGE_OK;
    case OPT_TEXT:
        *(const char **)field = text;
        return WAAGE_OK;
    case OPT_CHOICE:
        if (!is_choice(o->arg, text)) return bad_value(o, text, what, err);
        *(const char **)field = text;
        return WAAGE_OK;
    case OPT_SIZE:
        if (!parse_u64(text, SIZE_MAX, &end, &n) || *end) return bad_value(o, text, what, err);
        *(size_t *)field = (size_t)n;
        return WAAGE_OK;
    case OPT_BYTES:
        if (!parse_bytes(text, &n)) return bad_value(o, text, what, err);
        *(size_t *)field = (size_t)n;
        return WAAGE_OK;
    case OPT_U32:
        if (!parse_u64(text, UINT32_MAX, &end, &n) || *end) return bad_value(o, text, what, err);
        *(uint32_t *)field = (uint32_t)n;
        return WAAGE_OK;
    case OPT_U64:
        if (!parse_u64(text, UINT64_MAX, &end, &n) || *end) return bad_value(o, text, what, err);
        *(uint64_t *)field = n;
        return WAAGE_OK;
    case OPT_INT:
        if (!parse_u64(text, INT32_MAX, &end, &n) || *end) return bad_value(o, text, what, err);
        *(int *)field = (int)n;
        return WAAGE_OK;
    case OPT_REAL:
        if (!parse_real(text, &real)) return bad_value(o, text, what, err);
        *(double *)field = real;
        return WAAGE_OK;
    case OPT_LIST:
        break; /* lists are kept by the walker */
    }
    return waage_err_set(err, WAAGE_EINVAL, "%s takes a list", what);
}

/* ---- Walking argv ---------------------------------------------------------------------------- */

typedef struct {
    const opt *table;
    void *target;        /* NULL: check only */
    opts_common *common; /* may be NULL */
    opts_list *rest;
    arena *a;
    const opt *open_list; /* takes the next words that are no options */
    uint64_t lists_seen;  /* bit per table row: this list was emptied already */
} walker;

static const opt *find_long(const walker *w, const char *name, size_t len, bool *is_common)
{
    const opt *tables[2] = {w->table, opts_common_table};
    for (size_t t = 0; t < 2; t++)
        for (const opt *o = tables[t]; o && o->name; o++)
            if (strlen(o->name) == len && memcmp(o->name, name, len) == 0) {
                *is_common = t == 1;
                return o;
            }
    return NULL;
}

static const opt *find_short(const walker *w, char letter, bool *is_common)
{
    const opt *tables[2] = {w->table, opts_common_table};
    for (size_t t = 0; t < 2; t++)
        for (const opt *o = tables[t]; o && o->name; o++)
            if (o->letter == letter) {
                *is_common = t == 1;
                return o;
            }
    return NULL;
}

static waage_status unknown_option(const walker *w, const char *word, size_t len, waage_err *err)
{
    char name[80];
    nearest near;
    const opt *tables[2] = {w->table, opts_common_table};
    if (len >= sizeof name) len = sizeof name - 1;
    memcpy(name, word, len);
    name[len] = 0;
    nearest_init(&near, name + strspn(name, "-"));
    for (size_t t = 0; t < 2; t++)
        for (const opt *o = tables[t]; o && o->name; o++)
            nearest_offer(&near, o->name);
    if (near.best)
        return waage_err_set(err, WAAGE_EINVAL, "unknown option '%s'; did you mean '--%s'?", name,
                             near.best);
    return waage_err_set(err, WAAGE_EINVAL, "unknown option '%s'; --help lists the options", name);
}

static waage_status list_put(walker *w, const opt *o, const char *word, waage_err *err)
{
    if (!w->target) return WAAGE_OK;
    opts_list *l = (opts_list *)(void *)((char *)w->target + o->offset);
    const uint64_t bit = 1ULL << (o - w->table);
    if (!(w->lists_seen & bit)) *l = (opts_list){0};
    w->lists_seen |= bit;
    return opts_list_add(l, w->a, word) ? WAAGE_OK : waage_err_nomem(err);
}

static waage_status take_value(walker *w, const opt *o, bool is_common, const char *text,
                               const char *what, waage_err *err)
{
    if (o->kind == OPT_LIST) {
        w->open_list = o;
        return list_put(w, o, text, err);
    }
    if (is_common) return w->common ? opts_store(o, w->common, text, what, err) : WAAGE_OK;
    if (w->target) return opts_store(o, w->target, text, what, err);
    return WAAGE_OK;
}

static waage_status need_value(const opt *o, waage_err *err)
{
    return waage_err_set(err, WAAGE_EINVAL, "--%s needs a value: --%s %s", o->name, o->name,
                         o->arg);
}

/* argv[*i] begins with "--". */
static waage_status walk_long(walker *w, int argc, char **argv, int *i, waage_err *err)
{
    const char *word = argv[*i] + 2;
    const size_t len = strcspn(word, "=");
    char what[64];
    bool is_common = false;
    const opt *o = find_long(w, word, len, &is_common);
    if (!o) return unknown_option(w, argv[*i], len + 2, err);
    what[0] = what[1] = '-';
    memcpy(what + 2, o->name, strlen(o->name) + 1);
    if (o->kind == OPT_FLAG) {
        if (word[len]) return waage_err_set(err, WAAGE_EINVAL, "--%s takes no value", o->name);
        return take_value(w, o, is_common, "", what, err);
    }
    if (word[len]) return take_value(w, o, is_common, word + len + 1, what, err);
    if (*i + 1 >= argc) return need_value(o, err);
    return take_value(w, o, is_common, argv[++*i], what, err);
}

/* argv[*i] is "-x..." */
static waage_status walk_short(walker *w, int argc, char **argv, int *i, waage_err *err)
{
    for (const char *s = argv[*i] + 1; *s; s++) {
        const char what[3] = {'-', *s, 0};
        bool is_common = false;
        const opt *o = find_short(w, *s, &is_common);
        if (!o) return unknown_option(w, what, 2, err);
        if (o->kind == OPT_FLAG) {
            WAAGE_TRY(take_value(w, o, is_common, "", what, err));
            continue;
        }
        if (s[1]) return take_value(w, o, is_common, s + 1, what, err);
        if (*i + 1 >= argc) return need_value(o, err);
        return take_value(w, o, is_common, argv[++*i], what, err);
    }
    return WAAGE_OK;
}

waage_status opts_parse(const opt *table, void *target, opts_list *rest, opts_common *common,
                        arena *a, int argc, char **argv, waage_err *err)
{
    walker w = {table, target, common, rest, a, NULL, 0};
    bool ended = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        const bool is_option = !ended && word[0] == '-' && word[1];
        if (is_option && strcmp(word, "--") == 0) {
            ended = true;
            w.open_list = NULL;
        } else if (is_option) {
            w.open_list = NULL;
            if (word[1] == '-')
                WAAGE_TRY(walk_long(&w, argc, argv, &i, err));
            else
                WAAGE_TRY(walk_short(&w, argc, argv, &i, err));
        } else if (w.open_list) {
            WAAGE_TRY(list_put(&w, w.open_list, word, err));
        } else if (rest && !opts_list_add(rest, a, word)) {
            return waage_err_nomem(err);
        }
    }
    return WAAGE_OK;
}

/* ---- Help ------------------------------------------------------------------------------------ */

static void put_rows(strbuf *out, const opt *table)
{
    for (const opt *o = table; o && o->name; o++) {
        strbuf left = STRBUF_EMPTY;
        if (o->letter)
            strbuf_printf(&left, "  -%c, --%s", o->letter, o->name);
        else
            strbuf_printf(&left, "      --%s", o->name);
        if (o->arg) strbuf_printf(&left, " %s", o->arg);
        if (o->kind == OPT_LIST) strbuf_puts(&left, "...");
        if (left.len > 30)
            strbuf_printf(out, "%s\n%32s%s\n", strbuf_str(&left), "", o->help);
        else
            strbuf_printf(out, "%-32s%s\n", strbuf_str(&left), o->help);
        strbuf_free(&left);
    }
}

void opts_put_help(strbuf *out, const opt *table)
{
    put_rows(out, table);
    put_rows(out, opts_common_table);
}
