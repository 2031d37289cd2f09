/* fact.c - key facts in a text: aliases become one regular expression a group, numbers are scanned;
 * a hit needs its neighbours in the same sentence and no negation in its clause. */
#include "tasks/fact.h"
#include "harness/base/regex.h"
#include "harness/base/strbuf.h"
#include "harness/base/utf8.h"
#include "tasks/fact_number.h"
#include "tasks/label_text.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_GROUPS = 8, MAX_FACTS = 256, NEGATION_BYTES = 80 };

typedef enum { WORDS_BEFORE, WORDS_AFTER, WORDS_ATTRIBUTED, WORDS_FALSE, WORDS_COUNT } word_list;
static const char *const word_names[WORDS_COUNT] = {"negation_before", "negation_after",
                                                    "attributed", "false"};

struct fact_rules {
    regex *re[WORDS_COUNT];
};

/* One fact, compiled. any is group[0] with n_groups 1. */
typedef struct {
    const char *name;
    regex *group[MAX_GROUPS]; /* (n_groups): every one must be met in the sentence */
    size_t n_groups;
    regex *near; /* or NULL */
    bool is_number;
    double from, to;
    bool negation; /* a negated mention is no hit */
} fact;

waage_status fact_rules_create(fact_rules **out, const value *words, const char *file,
                               waage_err *err)
{
    *out = NULL;
    fact_rules *r = calloc(1, sizeof *r);
    if (!r) return waage_err_nomem(err);
    waage_status st = WAAGE_OK;
    for (int i = 0; i < WORDS_COUNT && st == WAAGE_OK; i++) {
        const value *list = value_get(words, word_names[i]);
        strbuf b = STRBUF_EMPTY;
        for (size_t k = 0; k < value_len(list); k++) {
            const value *v = value_at(list, k);
            if (!v || v->kind != VALUE_STR) continue;
            strbuf_printf(&b, "%s(?:%s)", b.len ? "|" : "", v->u.str.s);
        }
        if (b.len == 0)
            st = waage_err_set(err, WAAGE_EFORMAT, "%s.yaml:%u: `facts` needs a list `%s`", file,
                               words ? words->line : 0, word_names[i]);
        if (st == WAAGE_OK) st = strbuf_check(&b, err);
        if (st == WAAGE_OK) {
            st = regex_compile(&r->re[i], strbuf_str(&b), REGEX_CASELESS, err);
            if (st != WAAGE_OK) waage_err_prefix(err, "%s.yaml:%u", file, list->line);
        }
        strbuf_free(&b);
    }
    if (st == WAAGE_OK)
        *out = r;
    else
        fact_rules_free(r);
    return st;
}

void fact_rules_free(fact_rules *r)
{
    if (!r) return;
    for (int i = 0; i < WORDS_COUNT; i++)
        regex_free(r->re[i]);
    free(r);
}

static waage_status fail(const value *at, const char *what, waage_err *err)
{
    return waage_err_set(err, WAAGE_EFORMAT, "line %u: %s", at ? at->line : 0, what);
}

/* Does the text begin (end) with a letter or digit that must not continue? Han runs on freely. */
static bool is_word_char(const char *s, size_t len)
{
    uint32_t cp = 0;
    if (len == 0) return false;
    utf8_decode(s, len, &cp);
    if (cp < 0x80) return (cp >= '0' && cp <= '9') || (cp | 32u) - 'a' < 26u;
    return cp < 0x2E80; /* before the CJK blocks: accented Latin, Greek, Cyrillic, Arabic, ... */
}

/* Start of the last character of s[0..len). */
static size_t last_char(const char *s, size_t len)
{
    size_t i = len - 1;
    while (i > 0 && ((unsigned char)s[i] & 0xC0) == 0x80)
        i--;
    return i;
}

/* Append the pattern of one alias: blank = white space or hyphens, `*` = any letters. */
static waage_status put_alias(strbuf *out, const char *alias, waage_err *err)
{
    static const char wild = '\x01'; /* `*` would be dropped as a Markdown mark */
    static const char edge[] = "[^\\P{L}\\p{Han}]|\\p{Nd}";
    strbuf raw = STRBUF_EMPTY, b = STRBUF_EMPTY;
    for (const char *p = alias; *p; p++)
        strbuf_putc(&raw, *p == '*' ? wild : *p);
    label_text_clean(&b, strbuf_str(&raw), raw.len);
    strbuf_free(&raw);
    if (b.len > 0 && is_word_char(b.s, b.len)) strbuf_printf(out, "(?<!%s)", edge);
    for (size_t i = 0; i < b.len; i++) {
        const char c = b.s[i];
        if (c == wild) {
            strbuf_puts(out, "\\p{L}*");
        } else if (c == ' ' || c == '-' || c == '\n') {
            strbuf_puts(out, "[\\s-]+");
        } else {
            if (strchr("\\^$.[]|()?*+{}#&/", c)) strbuf_putc(out, '\\');
            strbuf_putc(out, c);
        }
    }
    const size_t tail = b.len ? last_char(b.s, b.len) : 0;
    if (b.len > 0 && is_word_char(b.s + tail, b.len - tail)) strbuf_printf(out, "(?!%s)", edge);
    bool empty = true;
    for (size_t i = 0; i < b.len; i++)
        empty &= b.s[i] == wild || b.s[i] == ' ';
    const waage_status st = strbuf_check(&b, err);
    strbuf_free(&b);
    return st == WAAGE_OK && empty ? waage_err_set(err, WAAGE_EFORMAT, "an empty alias") : st;
}

/* A text or a list of texts becomes one expression. */
static waage_status compile_aliases(regex **out, const value *list, waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    waage_status st = WAAGE_OK;
    const size_t n = list->kind == VALUE_LIST ? value_len(list) : 1;
    for (size_t i = 0; i < n && st == WAAGE_OK; i++) {
        const value *v = list->kind == VALUE_LIST ? value_at(list, i) : list;
        strbuf text = STRBUF_EMPTY;
        if (v->kind != VALUE_STR && v->kind != VALUE_INT)
            st = fail(v, "an alias must be a text", err);
        value_print(&text, v); /* a bare year is an integer in YAML */
        if (i > 0) strbuf_putc(&b, '|');
        if (st == WAAGE_OK) st = put_alias(&b, strbuf_str(&text), err);
        if (st != WAAGE_OK && err && strncmp(err->msg, "line", 4) != 0)
            waage_err_prefix(err, "line %u", list->line);
        strbuf_free(&text);
    }
    if (st == WAAGE_OK && n == 0) st = fail(list, "an empty list of aliases", err);
    if (st == WAAGE_OK) st = strbuf_check(&b, err);
    if (st == WAAGE_OK) st = regex_compile(out, strbuf_str(&b), REGEX_CASELESS, err);
    strbuf_free(&b);
    return st;
}

static void fact_close(fact *f)
{
    for (size_t i = 0; i < MAX_GROUPS; i++)
        regex_free(f->group[i]);
    regex_free(f->near);
}

static waage_status read_number(fact *f, const value *v, waage_err *err)
{
    const value *from = value_get(v, "from"), *to = value_get(v, "to");
    if (!from && !to) return fail(v, "`number` needs `from` and `to`", err);
    f->is_number = true;
    f->from = value_get_float(v, "from", 0);
    f->to = value_get_float(v, "to", 1e18);
    return f->from <= f->to ? WAAGE_OK : fail(v, "`from` is larger than `to`", err);
}

static waage_status read_groups(fact *f, const value *all, waage_err *err)
{
    if (all->kind != VALUE_LIST || value_len(all) == 0 || value_len(all) > MAX_GROUPS)
        return fail(all, "`all` is a list of 1 to 8 lists of aliases", err);
    for (size_t i = 0; i < value_len(all); i++) {
        WAAGE_TRY(compile_aliases(&f->group[i], value_at(all, i), err));
        f->n_groups++;
    }
    return WAAGE_OK;
}

/* The name for reports: `name`, or the first alias as it is written. */
static const char *name_of(const value *v)
{
    const value *n = v->kind == VALUE_MAP ? value_get(v, "name") : v;
    if (!n) n = value_get(v, "any");
    if (!n) n = value_get(v, "near");
    if (n && n->kind == VALUE_LIST) n = value_at(n, 0);
    return n && n->kind == VALUE_STR ? n->u.str.s : "fact";
}

static waage_status read_map(fact *f, const value *v, waage_err *err)
{
    static const char *const keys[] = {"name", "any", "all", "number", "near", "negation"};
    size_t n_kinds = 0;
    for (size_t i = 0; i < v->u.map.n; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            known |= strcmp(v->u.map.pairs[i].key, keys[k]) == 0;
        if (!known)
            return waage_err_set(err, WAAGE_EFORMAT,
                                 "line %u: a fact has no key `%.60s` (name, any, all, number, "
                                 "near, negation)",
                                 v->line, v->u.map.pairs[i].key);
    }
    const value *any = value_get(v, "any"), *all = value_get(v, "all");
    const value *number = value_get(v, "number"), *near = value_get(v, "near");
    n_kinds += any != NULL;
    n_kinds += all != NULL;
    n_kinds += number != NULL;
    if (n_kinds != 1) return fail(v, "a fact needs exactly one of any, all and number", err);
    f->negation = value_get_bool(v, "negation", true);
    if (near) WAAGE_TRY(compile_aliases(&f->near, near, err));
    if (any) {
        f->n_groups = 1;
        return compile_aliases(&f->group[0], any, err);
    }
    return all ? read_groups(f, all, err) : read_number(f, number, err);
}

static waage_status fact_open(fact *f, const value *v, waage_err *err)
{
    *f = (fact){.name = "fact", .negation = true};
    if (!v) return fail(NULL, "a fact is missing", err);
    f->name = name_of(v);
    if (v->kind == VALUE_MAP) return read_map(f, v, err);
    if (v->kind != VALUE_STR && v->kind != VALUE_INT)
        return fail(v, "a fact must be a text or a map", err);
    f->n_groups = 1;
    return compile_aliases(&f->group[0], v, err);
}

/* Start of the clause that holds byte `at` of the sentence: behind the last comma, semicolon, colon
 * or "but", and at most NEGATION_BYTES back. */
static size_t clause_start(const char *s, size_t at)
{
    static const char *const borders[] = {",", ";", ":", "，", "；", "：", " but ", " aber ", "但"};
    size_t from = at > NEGATION_BYTES ? at - NEGATION_BYTES : 0;
    while (from < at && ((unsigned char)s[from] & 0xC0) == 0x80)
        from++;
    for (size_t i = from; i < at; i++) {
        for (size_t k = 0; k < sizeof borders / sizeof *borders; k++) {
            const size_t n = strlen(borders[k]);
            if (i + n <= at && memcmp(s + i, borders[k], n) == 0) from = i + n;
        }
    }
    return from;
}

static bool is_negated(const fact_rules *r, const char *s, size_t len, size_t start, size_t end)
{
    const size_t from = clause_start(s, start);
    return regex_find(r->re[WORDS_BEFORE], s + from, start - from, 0, NULL, 0) ||
           regex_find(r->re[WORDS_AFTER], s + end, len - end, 0, NULL, 0);
}

static bool group_stated(const fact_rules *r, const fact *f, const regex *re, const char *s,
                         size_t len)
{
    regex_span m;
    for (size_t at = 0; regex_find(re, s, len, at, &m, 1); at = m.end > at ? m.end : at + 1) {
        if (!f->negation || !is_negated(r, s, len, m.start, m.end)) return true;
        if (m.end >= len) break;
    }
    return false;
}

static bool number_stated(const fact_rules *r, const fact *f, const char *s, size_t len)
{
    fact_number n;
    for (size_t at = 0; fact_number_next(&n, s, len, at); at = n.end) {
        if (!fact_number_fits(&n, f->from, f->to)) continue;
        if (!f->negation || !is_negated(r, s, len, n.start, n.end)) return true;
    }
    return false;
}

static bool sentence_states(const fact_rules *r, const fact *f, fact_mode mode, const char *s,
                            size_t len)
{
    if (f->near && !regex_find(f->near, s, len, 0, NULL, 0)) return false;
    if (f->is_number && !number_stated(r, f, s, len)) return false;
    for (size_t i = 0; i < f->n_groups; i++)
        if (!group_stated(r, f, f->group[i], s, len)) return false;
    return mode == FACT_STATED || (!regex_find(r->re[WORDS_ATTRIBUTED], s, len, 0, NULL, 0) &&
                                   !regex_find(r->re[WORDS_FALSE], s, len, 0, NULL, 0));
}

static bool text_states(const fact_rules *r, const fact *f, fact_mode mode, const label_text *t,
                        label_span *where)
{
    for (size_t i = 0; i < t->n_sentences; i++) {
        *where = t->sentence[i];
        if (sentence_states(r, f, mode, t->s + where->start, where->end - where->start))
            return true;
    }
    return false;
}

static waage_status check_list(const value *facts, size_t *n, waage_err *err)
{
    *n = 0;
    if (!facts || facts->kind == VALUE_NULL) return WAAGE_OK;
    if (facts->kind != VALUE_LIST) return fail(facts, "facts must be a list", err);
    *n = value_len(facts);
    return *n <= MAX_FACTS ? WAAGE_OK : fail(facts, "more than 256 facts", err);
}

waage_status fact_match(fact_result *out, const fact_rules *r, const value *facts, fact_mode mode,
                        const char *text, size_t len, arena *a, waage_err *err)
{
    *out = (fact_result){.coverage = -1};
    size_t n;
    WAAGE_TRY(check_list(facts, &n, err));
    if (n == 0) return WAAGE_OK;
    label_text t;
    WAAGE_TRY(label_text_make(&t, text, len, a, err));
    out->n_facts = n;
    out->found = arena_calloc(a, n, sizeof *out->found);
    out->name = arena_calloc(a, n, sizeof *out->name);
    if (!out->found || !out->name) return waage_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        fact f;
        label_span where = {0, 0};
        const waage_status st = fact_open(&f, value_at(facts, i), err);
        if (st == WAAGE_OK) out->found[i] = text_states(r, &f, mode, &t, &where);
        fact_close(&f);
        if (st != WAAGE_OK) return st;
        out->name[i] = arena_strdup(a, f.name);
        if (!out->name[i]) return waage_err_nomem(err);
        if (!out->found[i]) continue;
        out->n_found++;
        if (!out->quote) out->quote = arena_strndup(a, t.s + where.start, where.end - where.start);
    }
    out->coverage = (double)out->n_found / (double)n;
    return WAAGE_OK;
}

waage_status fact_check(const value *facts, waage_err *err)
{
    size_t n;
    WAAGE_TRY(check_list(facts, &n, err));
    for (size_t i = 0; i < n; i++) {
        fact f;
        const waage_status st = fact_open(&f, value_at(facts, i), err);
        fact_close(&f);
        if (st != WAAGE_OK) return st;
    }
    return WAAGE_OK;
}
