/* filter.c - filter pipelines and exact_match. */
#include "tasks/filter.h"

#include <stdint.h>
#include <string.h>
#include "harness/base/nearest.h"
#include "harness/base/strbuf.h"
#include "harness/base/unicode.h"
#include "harness/base/utf8.h"

/* ---- comparing texts ---- */

waage_status text_match_compile(text_match *m, arena *a, const value *patterns, const char *file,
                                waage_err *err)
{
    if (!patterns) return WAAGE_OK;
    if (patterns->kind != VALUE_LIST)
        return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: `regexes_to_ignore` must be a list", file,
                             patterns->line);
    m->ignore = arena_calloc(a, patterns->u.list.n + 1, sizeof *m->ignore);
    if (!m->ignore) return waage_err_nomem(err);
    for (size_t i = 0; i < patterns->u.list.n; i++) {
        const value *p = patterns->u.list.items[i];
        if (p->kind != VALUE_STR)
            return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: `regexes_to_ignore` holds texts", file,
                                 p->line);
        if (regex_compile(&m->ignore[m->n_ignore], p->u.str.s, 0, err) != WAAGE_OK)
            return waage_err_prefix(err, "%s:%u", file, p->line);
        m->n_ignore++;
    }
    return WAAGE_OK;
}

void text_match_close(text_match *m)
{
    for (size_t i = 0; i < m->n_ignore; i++)
        regex_free(m->ignore[i]);
    m->n_ignore = 0;
}

/* text without every match of re, in the arena. */
static const char *remove_all(const regex *re, const char *text, arena *a)
{
    strbuf b = STRBUF_EMPTY;
    regex_span span[1];
    const size_t len = strlen(text);
    size_t pos = 0;
    for (size_t from = 0; from <= len && regex_find(re, text, len, from, span, 1);) {
        strbuf_put(&b, text + pos, span[0].start - pos);
        pos = span[0].end;
        from = span[0].end > span[0].start ? span[0].end : span[0].end + 1;
    }
    strbuf_puts(&b, text + pos);
    const char *out = b.failed ? NULL : arena_strndup(a, strbuf_str(&b), b.len);
    strbuf_free(&b);
    return out;
}

static bool is_ascii_punct(uint32_t cp)
{
    return (cp >= 33 && cp <= 47) || (cp >= 58 && cp <= 64) || (cp >= 91 && cp <= 96) ||
           (cp >= 123 && cp <= 126);
}

static const char *normalise(const text_match *m, const char *text, arena *a)
{
    strbuf b = STRBUF_EMPTY;
    for (size_t i = 0; text && i < m->n_ignore; i++)
        text = remove_all(m->ignore[i], text, a);
    if (!text) return NULL;
    const size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        char buf[4];
        i += utf8_decode(text + i, len - i, &cp);
        if (m->ignore_punctuation && is_ascii_punct(cp)) continue;
        if (m->ignore_numbers && cp >= '0' && cp <= '9') continue;
        strbuf_put(&b, buf, utf8_encode(m->ignore_case ? unicode_lower(cp) : cp, buf));
    }
    const char *out = b.failed ? NULL : arena_strndup(a, strbuf_str(&b), b.len);
    strbuf_free(&b);
    return out;
}

waage_status text_match_equal(const text_match *m, const char *a, const char *b, bool *out,
                              arena *mem, waage_err *err)
{
    const char *x = normalise(m, a, mem), *y = normalise(m, b, mem);
    if (!x || !y) return waage_err_nomem(err);
    *out = strcmp(x, y) == 0;
    return WAAGE_OK;
}

/* ---- pipelines ---- */

typedef enum {
    STEP_REGEX,
    STEP_CHOICE_REGEX,
    STEP_TAKE_FIRST,
    STEP_STRIP,
    STEP_LOWER,
    STEP_MAP
} step_kind;

typedef struct {
    step_kind kind;
    regex *re;
    int64_t group_select;
    const char *fallback;
    const value *map;
    text_match ignore; /* multi_choice_regex compares choices after these */
} step;

typedef struct {
    const char *name;
    step *steps; /* (n) */
    size_t n;
} pipeline;

struct filter_list {
    pipeline *pipes; /* (n) */
    size_t n;
};

static const struct {
    const char *name;
    step_kind kind;
} step_table[] = {{"lowercase", STEP_LOWER},
                  {"map", STEP_MAP},
                  {"multi_choice_regex", STEP_CHOICE_REGEX},
                  {"regex", STEP_REGEX},
                  {"remove_whitespace", STEP_STRIP},
                  {"take_first", STEP_TAKE_FIRST}};

static waage_status unknown_step(const value *at, const char *name, const char *file,
                                 waage_err *err)
{
    nearest near;
    nearest_init(&near, name);
    for (size_t i = 0; i < sizeof step_table / sizeof *step_table; i++)
        nearest_offer(&near, step_table[i].name);
    return waage_err_set(err, WAAGE_EUNSUPPORTED, "%s:%u: filter `%s` is not supported%s%s%s", file,
                         at->line, name, near.best ? "; did you mean `" : "",
                         near.best ? near.best : "", near.best ? "`?" : "");
}

static waage_status compile_step(step *s, arena *a, const value *m, const char *file,
                                 waage_err *err)
{
    const char *name = value_get_str(m, "function", "");
    size_t k = 0;
    const size_t n = sizeof step_table / sizeof *step_table;
    while (k < n && strcmp(step_table[k].name, name) != 0)
        k++;
    if (k == n) return unknown_step(m, name, file, err);
    s->kind = step_table[k].kind;
    s->fallback = value_get_str(m, "fallback", "[invalid]");
    s->group_select = value_get_int(m, "group_select", 0);
    s->map = value_get(m, "mapping_dict");
    if (s->kind == STEP_MAP && (!s->map || s->map->kind != VALUE_MAP))
        return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: filter `map` needs `mapping_dict`", file,
                             m->line);
    if (s->kind == STEP_MAP) s->fallback = value_get_str(m, "default_value", NULL);
    if (s->kind != STEP_REGEX && s->kind != STEP_CHOICE_REGEX) return WAAGE_OK;
    const char *pattern = value_get_str(m, "regex_pattern", "#### (\\-?[0-9\\.\\,]+)");
    if (regex_compile(&s->re, pattern, 0, err) != WAAGE_OK)
        return waage_err_prefix(err, "%s:%u", file, m->line);
    s->ignore.ignore_case = value_get_bool(m, "ignore_case", false);
    s->ignore.ignore_punctuation = value_get_bool(m, "ignore_punctuation", false);
    return text_match_compile(&s->ignore, a, value_get(m, "regexes_to_ignore"), file, err);
}

static waage_status compile_all(filter_list *f, arena *a, const value *list, const char *file,
                                waage_err *err)
{
    for (size_t i = 0; i < list->u.list.n; i++) {
        const value *p = list->u.list.items[i], *steps = value_get(p, "filter");
        const char *name = value_get_str(p, "name", NULL);
        if (!name || !steps || steps->kind != VALUE_LIST)
            return waage_err_set(err, WAAGE_EFORMAT,
                                 "%s:%u: a pipeline needs `name` and the list `filter`", file,
                                 p->line);
        pipeline *pipe = &f->pipes[f->n++];
        pipe->name = name;
        pipe->steps = arena_calloc(a, steps->u.list.n + 1, sizeof *pipe->steps);
        if (!pipe->steps) return waage_err_nomem(err);
        for (size_t k = 0; k < steps->u.list.n; k++)
            WAAGE_TRY(compile_step(&pipe->steps[pipe->n++], a, steps->u.list.items[k], file, err));
    }
    return WAAGE_OK;
}

waage_status filter_list_compile(filter_list **out, arena *a, const value *list, const char *file,
                                 waage_err *err)
{
    filter_list *f = arena_calloc(a, 1, sizeof *f);
    *out = NULL;
    if (!f) return waage_err_nomem(err);
    if (list->kind != VALUE_LIST || list->u.list.n == 0)
        return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: `filter_list` must be a list", file,
                             list->line);
    f->pipes = arena_calloc(a, list->u.list.n, sizeof *f->pipes);
    if (!f->pipes) return waage_err_nomem(err);
    const waage_status st = compile_all(f, a, list, file, err);
    if (st != WAAGE_OK) {
        filter_list_close(f);
        return st;
    }
    *out = f;
    return WAAGE_OK;
}

void filter_list_close(filter_list *f)
{
    for (size_t i = 0; f && i < f->n; i++)
        for (size_t k = 0; k < f->pipes[i].n; k++) {
            step *s = &f->pipes[i].steps[k];
            if (s->re) regex_free(s->re);
            text_match_close(&s->ignore);
            s->re = NULL;
        }
}

size_t filter_list_n(const filter_list *f)
{
    return f->n;
}

const char *filter_list_name(const filter_list *f, size_t i)
{
    return f->pipes[i].name;
}

/* ---- running ---- */

static const char *strip(arena *a, const char *s, size_t len)
{
    while (len &&
           (s[len - 1] == ' ' || s[len - 1] == '\n' || s[len - 1] == '\t' || s[len - 1] == '\r'))
        len--;
    while (len && (*s == ' ' || *s == '\n' || *s == '\t' || *s == '\r')) {
        s++;
        len--;
    }
    return arena_strndup(a, s, len);
}

/* What Python's findall gives for a match: the match, or of its groups the first that is not empty.
 */
static regex_span findall_part(const regex_span *span, size_t n_groups)
{
    if (n_groups == 0) return span[0];
    for (size_t g = 1; g <= n_groups && g < REGEX_MAX_GROUPS; g++)
        if (span[g].start != SIZE_MAX && span[g].end > span[g].start) return span[g];
    return (regex_span){span[0].start, span[0].start};
}

/* The group_select-th match (negative: from the end), stripped; NULL: there is none. */
static const char *find_match(const regex *re, const char *text, int64_t group_select, arena *a)
{
    regex_span span[REGEX_MAX_GROUPS];
    const size_t len = strlen(text), n_groups = regex_n_groups(re);
    int64_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        const int64_t want = group_select < 0 ? n + group_select : group_select;
        int64_t i = 0;
        for (size_t from = 0;
             from <= len && regex_find(re, text, len, from, span, REGEX_MAX_GROUPS); i++) {
            if (pass && i == want) {
                const regex_span p = findall_part(span, n_groups);
                return strip(a, text + p.start, p.end - p.start);
            }
            from = span[0].end > span[0].start ? span[0].end : span[0].end + 1;
        }
        n = i;
    }
    return NULL;
}

/* Position of the group_select-th place where one of the choices stands; -1: nowhere. */
static int choice_in_text(const char *text, const char *const *choices, size_t n,
                          int64_t group_select)
{
    int64_t found = 0, want = group_select;
    for (int pass = 0; pass < 2; pass++) {
        if (pass && want < 0) want += found;
        found = 0;
        for (const char *p = text; *p;) {
            size_t k = 0;
            while (k < n && (!*choices[k] || strncmp(p, choices[k], strlen(choices[k])) != 0))
                k++;
            if (k < n && pass && found == want) return (int)k;
            found += k < n;
            p += k < n ? strlen(choices[k]) : 1;
        }
    }
    return -1;
}

/* ": B", ":B" - the letter of a choice behind a colon. */
static int letter_behind_colon(const char *text, size_t n, int64_t group_select)
{
    int64_t found = 0, want = group_select;
    for (int pass = 0; pass < 2; pass++) {
        if (pass && want < 0) want += found;
        found = 0;
        for (const char *p = text; (p = strchr(p, ':')) != NULL;) {
            p++;
            const char *q = p + strspn(p, " \t\r\n");
            const bool hit = *q >= 'A' && (size_t)(*q - 'A') < n;
            if (hit && pass && found == want) return *q - 'A';
            found += hit;
        }
    }
    return -1;
}

/* multi_choice_regex: the pattern; else the text of a choice; else a letter behind a colon. */
static const char *run_choice_regex(const step *s, const char *text, const char *const *choices,
                                    size_t n, arena *a)
{
    const char *hit = find_match(s->re, text, s->group_select, a);
    if (hit && *hit) return hit;
    const char **plain = arena_calloc(a, n + 1, sizeof *plain);
    const char *body = normalise(&s->ignore, text, a);
    if (!plain || !body) return NULL;
    for (size_t i = 0; i < n; i++) {
        const char *trimmed = strip(a, choices[i], strlen(choices[i]));
        plain[i] = trimmed ? normalise(&s->ignore, trimmed, a) : NULL;
        if (!plain[i]) return NULL;
    }
    int k = choice_in_text(body, plain, n, s->group_select);
    if (k < 0) k = letter_behind_colon(text, n < 26 ? n : 26, s->group_select);
    return k < 0 ? s->fallback : arena_printf(a, "(%c)", 'A' + k);
}

static const char *lowered(const char *text, arena *a)
{
    const text_match lower = {.ignore_case = true};
    return normalise(&lower, text, a);
}

static const char *run_step(const step *s, const char *text, const char *const *choices, size_t n,
                            arena *a)
{
    const char *hit;
    switch (s->kind) {
    case STEP_REGEX:
        hit = find_match(s->re, text, s->group_select, a);
        return hit ? hit : s->fallback;
    case STEP_CHOICE_REGEX:
        return run_choice_regex(s, text, choices, n, a);
    case STEP_STRIP: /* leading white space, as there */
        return text + strspn(text, " \t\r\n");
    case STEP_LOWER:
        return lowered(text, a);
    case STEP_MAP: {
        const value *v = value_get(s->map, text);
        strbuf b = STRBUF_EMPTY;
        if (!v) return s->fallback ? s->fallback : text;
        value_print(&b, v);
        hit = b.failed ? NULL : arena_strndup(a, strbuf_str(&b), b.len);
        strbuf_free(&b);
        return hit;
    }
    case STEP_TAKE_FIRST:
        return text; /* repeats are samples of their own here */
    }
    return text;
}

waage_status filter_list_run(const filter_list *f, size_t i, const char *text, size_t len,
                             const char *const *choices, size_t n_choices, const char **out,
                             arena *a, waage_err *err)
{
    const char *s = arena_strndup(a, text, len);
    for (size_t k = 0; s && k < f->pipes[i].n; k++)
        s = run_step(&f->pipes[i].steps[k], s, choices, n_choices, a);
    *out = s;
    return s ? WAAGE_OK : waage_err_nomem(err);
}
