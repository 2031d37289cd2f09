/* extract.c - the ladder: which rungs there are, their order, and reading `extract` of a task file.
 * The search inside a stretch of text by kind of answer is in extract_value.c. */
#include "tasks/extract.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/hash.h"
#include "harness/base/nearest.h"
#include "harness/base/regex.h"
#include "tasks/extract_impl.h"
#include "tasks/suite_embed.h"

typedef enum {
    RUNG_BOXED,
    RUNG_FINAL_PHRASE,
    RUNG_HASHES,
    RUNG_WHOLE,
    RUNG_FIRST_LINE,
    RUNG_LAST,
    RUNG_FIRST,
    RUNG_TEXT,
    RUNG_REGEX
} rung_kind;

typedef struct {
    rung_kind kind;
    const char *name;
    bool is_explicit;
    regex *re; /* RUNG_REGEX */
    int64_t group_select;
} rung;

struct extractor {
    const extract_rules *rules;
    answer_kind kind;
    const value *options;
    rung *rungs; /* (n) */
    size_t n;
};

#define ALL_KINDS 15u
#define KIND(k) (1u << (k))

static const struct {
    const char *name;
    rung_kind kind;
    bool is_explicit;
    unsigned kinds; /* bit set of answer kinds */
} rung_table[] = {
    {"boxed", RUNG_BOXED, true, ALL_KINDS},
    {"final_phrase", RUNG_FINAL_PHRASE, true, ALL_KINDS},
    {"first_letter", RUNG_FIRST, false, KIND(ANSWER_LETTER)},
    {"first_line", RUNG_FIRST_LINE, true, ALL_KINDS},
    {"first_number", RUNG_FIRST, false, KIND(ANSWER_NUMBER)},
    {"first_option", RUNG_FIRST, false, KIND(ANSWER_OPTION)},
    {"hashes", RUNG_HASHES, true, ALL_KINDS},
    {"last_letter", RUNG_LAST, false, KIND(ANSWER_LETTER)},
    {"last_number", RUNG_LAST, false, KIND(ANSWER_NUMBER)},
    {"last_option", RUNG_LAST, false, KIND(ANSWER_OPTION)},
    {"text", RUNG_TEXT, false, KIND(ANSWER_TEXT)},
    {"whole", RUNG_WHOLE, true, ALL_KINDS},
};

static const char *const kind_names[] = {"number", "letter", "option", "text"};
static const char *const default_ladders[][6] = {
    {"boxed", "final_phrase", "hashes", "last_number", NULL},
    {"boxed", "final_phrase", "whole", "first_line", "last_letter", NULL},
    {"boxed", "final_phrase", "whole", "first_line", "last_option", NULL},
    {"text", NULL},
};

/* ---- rules ---- */

static waage_status compile_rules(extract_rules *r, const value *map, const char *file,
                                  waage_err *err)
{
    const value *phrases = value_get(map, "phrases");
    const char *marker = value_get_str(map, "marker", NULL);
    if (value_len(phrases) == 0 || value_len(phrases) > EXTRACT_MAX_PHRASES || !marker)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: `phrases` and `marker` are missing", file);
    for (size_t i = 0; i < value_len(phrases); i++) {
        const value *p = value_at(phrases, i);
        const char *pattern = value_get_str(p, "pattern", "");
        if (regex_compile(&r->phrase[i], pattern, REGEX_CASELESS, err) != WAAGE_OK)
            return waage_err_prefix(err, "%s:%u", file, p->line);
        r->n_phrases++;
    }
    if (regex_compile(&r->marker, marker, REGEX_CASELESS, err) != WAAGE_OK)
        return waage_err_prefix(err, "%s: marker", file);
    return WAAGE_OK;
}

waage_status extract_rules_load(extract_rules **out, waage_err *err)
{
    const suite_embed_file *f = suite_embed_files;
    arena a = ARENA_EMPTY;
    value *map;
    char hex[HASH_HEX];
    *out = NULL;
    while (f->name && strcmp(f->name, "rules/extract") != 0)
        f++;
    if (!f->name) return waage_err_set(err, WAAGE_ENOTFOUND, "rules/extract.yaml is not built in");
    extract_rules *r = calloc(1, sizeof *r);
    if (!r) return waage_err_nomem(err);
    waage_status st =
        yaml_parse(&map, &a, (const char *)f->data, f->n_bytes, "rules/extract.yaml", err);
    if (st == WAAGE_OK) st = compile_rules(r, map, "rules/extract.yaml", err);
    arena_free(&a);
    if (st != WAAGE_OK) {
        extract_rules_free(r);
        return st;
    }
    hash_hex(f->data, f->n_bytes, hex);
    snprintf(r->version, sizeof r->version, "extract-%d:%.12s", EXTRACT_VERSION, hex);
    *out = r;
    return WAAGE_OK;
}

void extract_rules_free(extract_rules *r)
{
    if (!r) return;
    for (size_t i = 0; i < r->n_phrases; i++)
        regex_free(r->phrase[i]);
    if (r->marker) regex_free(r->marker);
    free(r);
}

const char *extract_rules_version(const extract_rules *r)
{
    return r->version;
}

/* ---- the ladder of a task ---- */

static waage_status fail_at(const value *at, const char *file, waage_err *err, const char *what,
                            const char *word)
{
    return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: extract: %s `%s`", file, at->line, what, word);
}

static waage_status named_rung(const extractor *e, const char *name, const value *at,
                               const char *file, rung *out, waage_err *err)
{
    nearest near;
    nearest_init(&near, name);
    for (size_t i = 0; i < sizeof rung_table / sizeof *rung_table; i++) {
        if (!(rung_table[i].kinds & KIND(e->kind))) continue;
        nearest_offer(&near, rung_table[i].name);
        if (strcmp(rung_table[i].name, name) != 0) continue;
        *out = (rung){rung_table[i].kind, rung_table[i].name, rung_table[i].is_explicit, NULL, 0};
        return WAAGE_OK;
    }
    return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: extract: there is no rung `%s` for a %s%s%s%s",
                         file, at ? at->line : 1, name, kind_names[e->kind],
                         near.best ? "; did you mean `" : "", near.best ? near.best : "",
                         near.best ? "`?" : "");
}

static waage_status regex_rung(const value *m, const char *file, rung *out, waage_err *err)
{
    static const char *const known[] = {"explicit", "group_select", "name", "regex", NULL};
    for (size_t i = 0; i < m->u.map.n; i++) {
        size_t k = 0;
        while (known[k] && strcmp(known[k], m->u.map.pairs[i].key) != 0)
            k++;
        if (!known[k]) return fail_at(m, file, err, "unknown key", m->u.map.pairs[i].key);
    }
    const char *pattern = value_get_str(m, "regex", NULL);
    if (!pattern) return fail_at(m, file, err, "a rung that is a map needs", "regex");
    *out = (rung){RUNG_REGEX, value_get_str(m, "name", "regex"),
                  value_get_bool(m, "explicit", false), NULL, value_get_int(m, "group_select", 0)};
    if (regex_compile(&out->re, pattern, 0, err) != WAAGE_OK)
        return waage_err_prefix(err, "%s:%u", file, m->line);
    return WAAGE_OK;
}

static waage_status read_ladder(extractor *e, const value *ladder, const char *file, waage_err *err)
{
    if (!ladder) {
        for (size_t i = 0; default_ladders[e->kind][i]; i++)
            WAAGE_TRY(
                named_rung(e, default_ladders[e->kind][i], NULL, file, &e->rungs[e->n++], err));
        return WAAGE_OK;
    }
    for (size_t i = 0; i < ladder->u.list.n; i++) {
        const value *v = ladder->u.list.items[i];
        rung *to = &e->rungs[e->n];
        if (v->kind == VALUE_MAP)
            WAAGE_TRY(regex_rung(v, file, to, err));
        else if (v->kind == VALUE_STR)
            WAAGE_TRY(named_rung(e, v->u.str.s, v, file, to, err));
        else
            return fail_at(v, file, err, "a rung is", "a name or a map");
        e->n++;
    }
    return WAAGE_OK;
}

static waage_status read_map(extractor *e, const value *map, const char *file, waage_err *err)
{
    for (size_t i = 0; map && i < map->u.map.n; i++) {
        const value_pair *p = &map->u.map.pairs[i];
        if (strcmp(p->key, "answer") == 0) {
            size_t k = 0;
            while (k < 4 &&
                   (p->val->kind != VALUE_STR || strcmp(kind_names[k], p->val->u.str.s) != 0))
                k++;
            if (k == 4)
                return fail_at(p->val, file, err, "`answer` is number, letter, option or", "text");
            e->kind = (answer_kind)k;
        } else if (strcmp(p->key, "options") == 0) {
            e->options = p->val;
        } else if (strcmp(p->key, "ladder") != 0) {
            return fail_at(p->val, file, err, "unknown key", p->key);
        } else if (p->val->kind != VALUE_LIST || p->val->u.list.n == 0) {
            return fail_at(p->val, file, err, "must be a list that is not empty:", "ladder");
        }
    }
    if (e->kind == ANSWER_OPTION && !e->options && map)
        return fail_at(map, file, err, "`answer: option` needs", "options");
    return WAAGE_OK;
}

waage_status extractor_create(extractor **out, arena *a, const extract_rules *r, const value *map,
                              const char *file, waage_err *err)
{
    extractor *e = arena_calloc(a, 1, sizeof *e);
    *out = NULL;
    if (!e) return waage_err_nomem(err);
    e->rules = r;
    e->kind = ANSWER_TEXT;
    if (map && map->kind != VALUE_MAP)
        return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: `extract` must be a map", file, map->line);
    WAAGE_TRY(read_map(e, map, file, err));
    const value *ladder = value_get(map, "ladder");
    e->rungs = arena_calloc(a, value_len(ladder) + 8, sizeof *e->rungs);
    if (!e->rungs) return waage_err_nomem(err);
    const waage_status st = read_ladder(e, ladder, file, err);
    if (st != WAAGE_OK) {
        extractor_close(e);
        return st;
    }
    *out = e;
    return WAAGE_OK;
}

void extractor_close(extractor *e)
{
    for (size_t i = 0; e && i < e->n; i++)
        if (e->rungs[i].re) regex_free(e->rungs[i].re);
}

answer_kind extractor_kind(const extractor *e)
{
    return e->kind;
}

const value *extractor_options(const extractor *e)
{
    return e->options;
}

/* ---- rungs ---- */

/* The content of the last \boxed{...} or \fbox{...}, braces balanced. */
static bool find_boxed(stretch whole, stretch *out)
{
    static const char *const heads[] = {"\\boxed{", "\\fbox{"};
    int open = 0; /* boxes without an end; a text full of them is given up */
    for (size_t i = whole.len; i-- > 0;) {
        for (size_t k = 0; k < 2; k++) {
            const size_t n = strlen(heads[k]);
            if (whole.len - i < n || memcmp(whole.s + i, heads[k], n) != 0) continue;
            int depth = 1;
            size_t end = i + n;
            for (; end < whole.len; end++) {
                if (whole.s[end] == '{') depth++;
                if (whole.s[end] == '}' && --depth == 0) break;
            }
            if (depth && ++open > 64) return false;
            if (depth) continue; /* cut off inside */
            *out = (stretch){whole.s + i + n, end - i - n};
            return true;
        }
    }
    return false;
}

static bool rung_boxed(const finder *f, stretch whole, found *out)
{
    stretch inside;
    if (!find_boxed(whole, &inside) || !value_in_box(f, inside, out)) return false;
    out->end = 0; /* its brace is there: it was not cut off */
    return true;
}

typedef struct {
    size_t start, end;
    bool direct;
} phrase_at;

static int by_start(const void *x, const void *y)
{
    const phrase_at *a = x, *b = y;
    return a->start < b->start ? -1 : a->start > b->start;
}

enum { MAX_PHRASE_HITS = 512 };

/* Every announcement in the text, in order; of a text full of them the last ones. */
static size_t find_phrases(const extract_rules *r, stretch t, phrase_at *hits)
{
    size_t n = 0;
    for (size_t p = 0; p < r->n_phrases; p++) {
        regex_span span[2];
        for (size_t from = 0;
             from <= t.len && regex_find(r->phrase[p], t.s, t.len, from, span, 2);) {
            if (n == MAX_PHRASE_HITS) {
                memmove(hits, hits + n / 2, n / 2 * sizeof *hits);
                n -= n / 2;
            }
            hits[n++] = (phrase_at){span[0].start, span[0].end,
                                    span[1].start != SIZE_MAX && span[1].end > span[1].start};
            from = span[0].end > span[0].start ? span[0].end : span[0].end + 1;
        }
    }
    qsort(hits, n, sizeof *hits, by_start);
    return n;
}

/* The last announcement that a value follows. */
static bool rung_final_phrase(const finder *f, stretch whole, found *out)
{
    phrase_at hits[MAX_PHRASE_HITS];
    for (size_t n = find_phrases(f->rules, whole, hits); n-- > 0;)
        if (value_behind_phrase(f, whole, hits[n].end, hits[n].direct, out)) return true;
    return false;
}

static bool rung_hashes(const finder *f, stretch whole, found *out)
{
    for (size_t i = whole.len; i >= 4; i--)
        if (memcmp(whole.s + i - 4, "####", 4) == 0)
            return value_behind_phrase(f, whole, i, true, out);
    return false;
}

static bool rung_first_line(const finder *f, stretch whole, found *out)
{
    size_t start = 0;
    while (start < whole.len && strchr(" \t\r\n", whole.s[start]) && whole.s[start])
        start++;
    const char *nl = memchr(whole.s + start, '\n', whole.len - start);
    const size_t end = nl ? (size_t)(nl - whole.s) : whole.len;
    if (!value_alone(f, (stretch){whole.s + start, end - start}, out)) return false;
    out->end = nl ? 0 : whole.len;
    return true;
}

static bool rung_regex(const finder *f, const rung *r, stretch whole, found *out)
{
    regex_span span[REGEX_MAX_GROUPS + 1], chosen = {0, 0};
    const size_t n_spans = regex_n_groups(r->re) + 1 < REGEX_MAX_GROUPS + 1
                               ? regex_n_groups(r->re) + 1
                               : REGEX_MAX_GROUPS + 1;
    int64_t n = 0;
    for (int pass = 0; pass < 2; pass++) { /* count, then take the one that is meant */
        const int64_t want = r->group_select < 0 ? n + r->group_select : r->group_select;
        int64_t i = 0;
        for (size_t from = 0;
             from <= whole.len && regex_find(r->re, whole.s, whole.len, from, span, n_spans); i++) {
            if (pass && i == want) chosen = span[0];
            for (size_t g = n_spans - 1; pass && i == want && g >= 1; g--)
                if (span[g].start != SIZE_MAX && span[g].end > span[g].start) chosen = span[g];
            from = span[0].end > span[0].start ? span[0].end : span[0].end + 1;
        }
        n = i;
        if (pass && (want < 0 || want >= n)) return false;
    }
    const stretch part = {whole.s + chosen.start, chosen.end - chosen.start};
    if (!value_in_box(f, part, out)) return false;
    out->end = chosen.end;
    return true;
}

static bool try_rung(const finder *f, const rung *r, stretch whole, found *out)
{
    switch (r->kind) {
    case RUNG_BOXED:
        return rung_boxed(f, whole, out);
    case RUNG_FINAL_PHRASE:
        return rung_final_phrase(f, whole, out);
    case RUNG_HASHES:
        return rung_hashes(f, whole, out);
    case RUNG_FIRST_LINE:
        return rung_first_line(f, whole, out);
    case RUNG_LAST:
        return value_last(f, whole, out);
    case RUNG_FIRST:
        return value_first(f, whole, out);
    case RUNG_REGEX:
        return rung_regex(f, r, whole, out);
    case RUNG_WHOLE:
    case RUNG_TEXT:
        if (!value_alone(f, whole, out)) return false;
        out->end = whole.len;
        return true;
    }
    return false;
}

waage_status extract_answer(const extractor *e, const extract_query *q, extract_result *out,
                            arena *a, waage_err *err)
{
    /* A reply may be huge; an answer stands near its end, or on its first line. */
    const size_t skip = q->len > EXTRACT_MAX_BYTES ? q->len - EXTRACT_MAX_BYTES : 0;
    stretch whole = {NULL, 0};
    finder f = {.rules = e->rules, .kind = e->kind, .q = q, .a = a};
    *out = (extract_result){false, false, NULL, NULL};
    whole.s = extract_clean(a, q->text + skip, q->len - skip, &whole.len);
    if (!whole.s) return waage_err_nomem(err);
    for (size_t i = 0; i < e->n; i++) {
        found hit = {NULL, 0};
        const rung *r = &e->rungs[i];
        if (q->cut_off && !r->is_explicit) continue;
        if (!try_rung(&f, r, whole, &hit) || !hit.answer) continue;
        if (q->cut_off && hit.end == whole.len) continue; /* "The answer is 1" may have become 18 */
        *out = (extract_result){true, r->is_explicit, hit.answer, r->name};
        return WAAGE_OK;
    }
    return f.out_of_memory ? waage_err_nomem(err) : WAAGE_OK;
}
