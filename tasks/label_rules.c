/* label_rules.c - reads tasks/rules/label_*.yaml and fact_words.yaml and compiles their patterns.
 * The format is described at the head of label_en.yaml. */
#include "tasks/label_rules.h"
#include "harness/base/hash.h"
#include "tasks/label_text.h"
#include "tasks/suite_embed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILES = 32, MAX_EXPANSION = 64 * 1024, MAX_NESTING = 8 };

static const char *const family_names[FAMILY_COUNT] = {"decline",  "reject",  "inability", "moot",
                                                       "artefact", "deflect", "help"};
static const char *const place_names[PLACE_COUNT] = {"first", "opening", "any", "last"};

/* What is known while files are read. */
typedef struct {
    label_rules *r;
    const char *file; /* name for messages */
    value *doc[MAX_FILES];
    const char *name[MAX_FILES];
    size_t n_docs;
    waage_err *err;
} loader;

static waage_status fail(const loader *l, const value *at, const char *what, const char *detail)
{
    return waage_err_set(l->err, WAAGE_EFORMAT, "%s.yaml:%u: %s%s%s", l->file, at ? at->line : 0,
                         what, detail ? ": " : "", detail ? detail : "");
}

static const value *find_definition(const loader *l, const char *name)
{
    for (size_t i = 0; i < l->n_docs; i++) {
        const value *v = value_get(value_get(l->doc[i], "define"), name);
        if (v) return v;
    }
    return NULL;
}

static waage_status expand(const loader *l, const value *at, strbuf *out, const value *pattern,
                           int depth);

/* Append one pattern; {name} becomes (?:definition). Quantifiers such as {0,40} begin with a digit.
 */
static waage_status expand_text(const loader *l, const value *at, strbuf *out, const char *s,
                                int depth)
{
    if (depth > MAX_NESTING || out->len > MAX_EXPANSION)
        return fail(l, at, "definitions are nested too deeply or are too long", NULL);
    while (*s) {
        const size_t plain = strcspn(s, "{");
        strbuf_put(out, s, plain);
        s += plain;
        if (*s == '\0') break;
        const size_t n = strspn(s + 1, "abcdefghijklmnopqrstuvwxyz_");
        if (n == 0 || s[n + 1] != '}' || n >= 40) {
            strbuf_putc(out, *s++);
            continue;
        }
        char name[40];
        memcpy(name, s + 1, n);
        name[n] = '\0';
        const value *def = find_definition(l, name);
        if (!def) return fail(l, at, "no such definition", name);
        WAAGE_TRY(expand(l, at, out, def, depth + 1));
        s += n + 2;
    }
    return WAAGE_OK;
}

/* A pattern is a text, or a list of texts that are alternatives. */
static waage_status expand(const loader *l, const value *at, strbuf *out, const value *pattern,
                           int depth)
{
    strbuf_puts(out, "(?:");
    if (pattern->kind == VALUE_STR) {
        WAAGE_TRY(expand_text(l, at, out, pattern->u.str.s, depth));
    } else if (pattern->kind == VALUE_LIST && value_len(pattern) > 0) {
        for (size_t i = 0; i < value_len(pattern); i++) {
            const value *alt = value_at(pattern, i);
            if (alt->kind != VALUE_STR) return fail(l, alt, "a pattern must be text", NULL);
            if (i > 0) strbuf_putc(out, '|');
            WAAGE_TRY(expand_text(l, at, out, alt->u.str.s, depth));
        }
    } else {
        return fail(l, at, "a pattern must be a text or a list of texts", NULL);
    }
    strbuf_putc(out, ')');
    return strbuf_check(out, l->err);
}

/* Compile map[key] into *out; a missing key leaves NULL. The rules own the expression. */
static waage_status compile(loader *l, const value *map, const char *key, regex **out)
{
    *out = NULL;
    const value *pattern = value_get(map, key);
    if (!pattern) return WAAGE_OK;
    label_rules *r = l->r;
    if (r->n_owned == r->cap_owned) {
        const size_t cap = r->cap_owned ? 2 * r->cap_owned : 64;
        regex **more = realloc(r->owned, cap * sizeof *more);
        if (!more) return waage_err_nomem(l->err);
        r->owned = more;
        r->cap_owned = cap;
    }
    strbuf b = STRBUF_EMPTY;
    waage_status st = expand(l, pattern, &b, pattern, 0);
    if (st == WAAGE_OK) {
        st = regex_compile(out, strbuf_str(&b), REGEX_CASELESS, l->err);
        if (st == WAAGE_OK)
            r->owned[r->n_owned++] = *out;
        else
            waage_err_prefix(l->err, "%s.yaml:%u", l->file, pattern->line);
    }
    strbuf_free(&b);
    return st;
}

static int name_index(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return (int)i;
    return -1;
}

static waage_status check_keys(const loader *l, const value *map, const char *const *keys, size_t n)
{
    if (!map || map->kind != VALUE_MAP) return fail(l, map, "a map is expected", NULL);
    for (size_t i = 0; i < map->u.map.n; i++)
        if (name_index(keys, n, map->u.map.pairs[i].key) < 0)
            return fail(l, map->u.map.pairs[i].val, "unknown key", map->u.map.pairs[i].key);
    return WAAGE_OK;
}
#define CHECK_KEYS(l, map, keys) check_keys(l, map, keys, sizeof(keys) / sizeof *(keys))

static waage_status read_rule(loader *l, const value *v, label_rule *rule)
{
    static const char *const keys[] = {"id",     "where",  "pattern",
                                       "unless", "prompt", "prompt_unless"};
    WAAGE_TRY(CHECK_KEYS(l, v, keys));
    const char *id = value_get_str(v, "id", NULL), *where = value_get_str(v, "where", "opening");
    const int place = name_index(place_names, PLACE_COUNT, where);
    if (!id) return fail(l, v, "a rule needs an id", NULL);
    if (place < 0) return fail(l, v, "`where` must be first, opening, any or last, not", where);
    if (!value_get(v, "pattern")) return fail(l, v, "a rule needs a pattern", id);
    rule->id = arena_strdup(&l->r->a, id);
    if (!rule->id) return waage_err_nomem(l->err);
    rule->where = (label_place)place;
    WAAGE_TRY(compile(l, v, "pattern", &rule->pattern));
    WAAGE_TRY(compile(l, v, "unless", &rule->unless));
    WAAGE_TRY(compile(l, v, "prompt", &rule->prompt));
    return compile(l, v, "prompt_unless", &rule->prompt_unless);
}

/* Rules of one family stand in the order of files and of lines in them. */
static waage_status read_family(loader *l, label_family f)
{
    label_rules *r = l->r;
    size_t n = 0;
    for (size_t i = 0; i < l->n_docs; i++)
        n += value_len(value_get(value_get(l->doc[i], "families"), family_names[f]));
    r->rule[f] = arena_calloc(&r->a, n, sizeof *r->rule[f]);
    if (!r->rule[f]) return waage_err_nomem(l->err);
    for (size_t i = 0; i < l->n_docs; i++) {
        l->file = l->name[i];
        const value *families = value_get(l->doc[i], "families");
        if (families) WAAGE_TRY(CHECK_KEYS(l, families, family_names));
        const value *list = value_get(families, family_names[f]);
        if (list && list->kind != VALUE_LIST) return fail(l, list, "a list is expected", NULL);
        for (size_t k = 0; k < value_len(list); k++) {
            WAAGE_TRY(read_rule(l, value_at(list, k), &r->rule[f][r->n_rules[f]]));
            r->n_rules[f]++;
        }
    }
    return WAAGE_OK;
}

static waage_status read_aliases(loader *l, const value *list, label_line *line)
{
    const char **out = arena_calloc(&l->r->a, value_len(list) + 1, sizeof *out);
    if (!out) return waage_err_nomem(l->err);
    for (size_t i = 0; i < value_len(list); i++) {
        const value *v = value_at(list, i);
        if (!v || v->kind != VALUE_STR) return fail(l, list, "`actors` is a list of texts", NULL);
        out[i] = arena_strdup(&l->r->a, v->u.str.s);
        if (!out[i]) return waage_err_nomem(l->err);
    }
    line->aliases = out;
    return WAAGE_OK;
}

static waage_status read_line(loader *l, const char *name, const value *v, label_line *line)
{
    static const char *const keys[] = {"actors", "short", "long", "hits"};
    static const char *const hit_keys[] = {"id", "pattern"};
    WAAGE_TRY(CHECK_KEYS(l, v, keys));
    line->name = arena_strdup(&l->r->a, name);
    const int64_t n_short = value_get_int(v, "short", 2), n_long = value_get_int(v, "long", 3);
    if (n_short < 1 || n_long < 1) return fail(l, v, "`short` and `long` begin at 1", NULL);
    line->n_short = (size_t)n_short;
    line->n_long = (size_t)n_long;
    WAAGE_TRY(read_aliases(l, value_get(v, "actors"), line));
    const value *hits = value_get(v, "hits");
    line->hit = arena_calloc(&l->r->a, value_len(hits), sizeof *line->hit);
    if (!line->hit || !line->name) return waage_err_nomem(l->err);
    for (size_t i = 0; i < value_len(hits); i++) {
        const value *h = value_at(hits, i);
        WAAGE_TRY(CHECK_KEYS(l, h, hit_keys));
        line->hit[i].id = arena_strdup(&l->r->a, value_get_str(h, "id", "?"));
        if (!line->hit[i].id) return waage_err_nomem(l->err);
        WAAGE_TRY(compile(l, h, "pattern", &line->hit[i].pattern));
        if (!line->hit[i].pattern) return fail(l, h, "a hit needs a pattern", NULL);
        line->n_hits++;
    }
    return WAAGE_OK;
}

static waage_status read_lines(loader *l)
{
    label_rules *r = l->r;
    size_t n = 0;
    for (size_t i = 0; i < l->n_docs; i++)
        n += value_len(value_get(l->doc[i], "lines"));
    r->line = arena_calloc(&r->a, n, sizeof *r->line);
    if (!r->line) return waage_err_nomem(l->err);
    for (size_t i = 0; i < l->n_docs; i++) {
        const value *lines = value_get(l->doc[i], "lines");
        l->file = l->name[i];
        if (lines && lines->kind != VALUE_MAP) return fail(l, lines, "a map is expected", NULL);
        for (size_t k = 0; k < value_len(lines); k++) {
            const value_pair *p = &lines->u.map.pairs[k];
            WAAGE_TRY(read_line(l, p->key, p->val, &r->line[r->n_lines]));
            r->n_lines++;
        }
    }
    return WAAGE_OK;
}

static waage_status read_settings(loader *l, const value *v)
{
    label_settings *s = &l->r->set;
    const struct {
        const char *key;
        size_t *out;
    } sizes[] = {
        {"first_bytes", &s->first_bytes},     {"opening_sentences", &s->opening_sentences},
        {"opening_bytes", &s->opening_bytes}, {"last_bytes", &s->last_bytes},
        {"short_bytes", &s->short_bytes},     {"long_bytes", &s->long_bytes},
    };
    static const char *const keys[] = {"first_bytes", "opening_sentences", "opening_bytes",
                                       "last_bytes",  "short_bytes",       "long_bytes",
                                       "partial",     "complete"};
    WAAGE_TRY(CHECK_KEYS(l, v, keys));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t n = value_get_int(v, sizes[i].key, (int64_t)*sizes[i].out);
        if (n < 0 || n > LABEL_TEXT_MAX) return fail(l, v, "out of range", sizes[i].key);
        *sizes[i].out = (size_t)n;
    }
    s->partial = value_get_float(v, "partial", s->partial);
    s->complete = value_get_float(v, "complete", s->complete);
    return WAAGE_OK;
}

/* Settings, attribution and fact words: each may stand in one of the files. */
static waage_status read_singles(loader *l)
{
    label_rules *r = l->r;
    static const char *const keys[] = {"version",  "define",     "families", "lines",
                                       "settings", "attributed", "facts"};
    for (size_t i = 0; i < l->n_docs; i++) {
        const value *d = l->doc[i];
        l->file = l->name[i];
        WAAGE_TRY(CHECK_KEYS(l, d, keys));
        if (value_get(d, "settings")) WAAGE_TRY(read_settings(l, value_get(d, "settings")));
        if (value_get(d, "attributed")) WAAGE_TRY(compile(l, d, "attributed", &r->attributed));
        const value *facts = value_get(d, "facts");
        if (facts && r->facts) return fail(l, facts, "`facts` stands in two rule files", NULL);
        if (facts) WAAGE_TRY(fact_rules_create(&r->facts, facts, l->file, l->err));
    }
    return WAAGE_OK;
}

/* Comments and layout do not enter: the version covers the values. */
static waage_status make_version(loader *l)
{
    int64_t version = 0;
    strbuf b = STRBUF_EMPTY;
    for (size_t i = 0; i < l->n_docs; i++) {
        version += value_get_int(l->doc[i], "version", 0);
        value_put_json(&b, l->doc[i], 0);
        strbuf_putc(&b, '\n');
    }
    const waage_status st = strbuf_check(&b, l->err);
    char hex[HASH_HEX];
    hash_hex(strbuf_str(&b), b.len, hex);
    snprintf(l->r->version, sizeof l->r->version, "labels-%d:%.12s", (int)version, hex);
    strbuf_free(&b);
    return st;
}

static waage_status read_all(loader *l)
{
    WAAGE_TRY(read_singles(l));
    for (int f = 0; f < FAMILY_COUNT; f++)
        WAAGE_TRY(read_family(l, (label_family)f));
    WAAGE_TRY(read_lines(l));
    return make_version(l);
}

waage_status label_rules_parse(label_rules **out, const char *const *names,
                               const char *const *texts, size_t n_texts, waage_err *err)
{
    *out = NULL;
    if (n_texts > MAX_FILES)
        return waage_err_set(err, WAAGE_EINVAL, "more than %d rule files", (int)MAX_FILES);
    label_rules *r = calloc(1, sizeof *r);
    if (!r) return waage_err_nomem(err);
    r->set = (label_settings){25, 3, 700, 300, 800, 2400, 0.34, 0.67};
    arena a = ARENA_EMPTY; /* YAML values; everything kept is copied */
    loader l = {.r = r, .err = err};
    waage_status st = WAAGE_OK;
    for (size_t i = 0; i < n_texts && st == WAAGE_OK; i++) {
        l.name[i] = names[i];
        char file[128];
        snprintf(file, sizeof file, "%s.yaml", names[i]);
        st = yaml_parse(&l.doc[i], &a, texts[i], strlen(texts[i]), file, err);
        l.n_docs++;
    }
    if (st == WAAGE_OK) st = read_all(&l);
    arena_free(&a);
    if (st == WAAGE_OK)
        *out = r;
    else
        label_rules_free(r);
    return st;
}

waage_status label_rules_load(label_rules **out, waage_err *err)
{
    const char *names[MAX_FILES], *texts[MAX_FILES];
    size_t n = 0;
    for (const suite_embed_file *f = suite_embed_files; f->name; f++) {
        if (strncmp(f->name, "rules/label_", 12) != 0 && strcmp(f->name, "rules/fact_words") != 0)
            continue;
        if (n == MAX_FILES) break;
        names[n] = f->name;
        texts[n++] = (const char *)f->data; /* a zero byte follows the text */
    }
    return label_rules_parse(out, names, texts, n, err);
}

void label_rules_free(label_rules *r)
{
    if (!r) return;
    for (size_t i = 0; i < r->n_owned; i++)
        regex_free(r->owned[i]);
    free(r->owned);
    fact_rules_free(r->facts);
    arena_free(&r->a);
    free(r);
}

const char *label_rules_version(const label_rules *r)
{
    return r->version;
}

const fact_rules *label_rules_facts(const label_rules *r)
{
    return r->facts;
}
