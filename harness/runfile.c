/* runfile.c - reads and writes RUN.yaml. Keys are strict: a misspelt key would silently change what
 * is weighed. Scalars go through the option parser, so that file and command line agree. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "harness/runfile.h"
#include "harness/base/file.h"
#include "harness/base/nearest.h"
#include "harness/base/request.h"
#include "harness/base/value.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNFILE_MAX_BYTES = 4 << 20 };

static const opt setting_rows[] = {RUNFILE_SETTINGS(0), {0, NULL, OPT_FLAG, 0, NULL, NULL}};

typedef struct {
    arena *a;
    const char *name; /* of the file, for messages */
    waage_err *err;
} reader;

static waage_status bad(const reader *r, const value *v, const char *what)
{
    return waage_err_set(r->err, WAAGE_EFORMAT, "%s:%u: %s", r->name, v ? v->line : 1, what);
}

static waage_status unknown_key(const reader *r, const value_pair *p, const char *const *known,
                                const char *where)
{
    nearest near;
    nearest_init(&near, p->key);
    for (size_t i = 0; known[i]; i++)
        nearest_offer(&near, known[i]);
    return waage_err_set(r->err, WAAGE_EFORMAT, "%s:%u: unknown key '%s' in %s%s%s%s", r->name,
                         p->val->line, p->key, where, near.best ? "; did you mean '" : "",
                         near.best ? near.best : "", near.best ? "'?" : "");
}

/* ---- Paths ----------------------------------------------------------------------------------- */

/* Where the path begins in a model URI; NULL for URIs without one (http:, openai:). */
static const char *path_of_uri(const char *uri)
{
    static const char replay[] = "replay:";
    if (strncmp(uri, replay, sizeof replay - 1) == 0) return uri + sizeof replay - 1;
    const size_t scheme = strspn(uri, "abcdefghijklmnopqrstuvwxyz");
    return scheme > 1 && uri[scheme] == ':' ? NULL : uri;
}

static bool looks_like_path(const char *suite)
{
    const size_t n = strlen(suite);
    return strchr(suite, '/') || (n > 5 && strcmp(suite + n - 5, ".yaml") == 0) ||
           (n > 4 && strcmp(suite + n - 4, ".yml") == 0);
}

/* prefix + path, with the directory of the file in front of a relative path. NULL: no memory. */
static const char *from_file(const reader *r, const char *prefix, size_t prefix_len,
                             const char *path)
{
    const char *slash = strrchr(r->name, '/');
    const size_t dir_len = path[0] == '/' || !slash ? 0 : (size_t)(slash - r->name) + 1;
    return arena_printf(r->a, "%.*s%.*s%s", (int)prefix_len, prefix, (int)dir_len, r->name, path);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* A scalar as text in the arena; NULL for lists, maps and null. */
static const char *scalar_text(const reader *r, const value *v)
{
    if (v->kind == VALUE_STR) return v->u.str.s;
    if (v->kind == VALUE_LIST || v->kind == VALUE_MAP || v->kind == VALUE_NULL) return NULL;
    strbuf b = STRBUF_EMPTY;
    value_print(&b, v);
    const char *text = arena_strdup(r->a, strbuf_str(&b));
    strbuf_free(&b);
    return text;
}

static waage_status read_words(const reader *r, const value *v, opts_list *out, const char *what)
{
    if (v->kind != VALUE_LIST) {
        const char *text = scalar_text(r, v);
        if (!text) return bad(r, v, what);
        return opts_list_add(out, r->a, text) ? WAAGE_OK : waage_err_nomem(r->err);
    }
    for (size_t i = 0; i < value_len(v); i++) {
        const char *text = scalar_text(r, value_at(v, i));
        if (!text) return bad(r, value_at(v, i), what);
        if (!opts_list_add(out, r->a, text)) return waage_err_nomem(r->err);
    }
    return WAAGE_OK;
}

/* `openness` of a model: words, or a map of what is published. */
static waage_status read_openness(const reader *r, const value *v, runfile_model *out)
{
    if (v->kind != VALUE_MAP)
        return (out->openness = scalar_text(r, v)) ? WAAGE_OK : bad(r, v, "text is expected here");
    for (size_t i = 0; i < value_len(v); i++) {
        const value_pair *p = &v->u.map.pairs[i];
        size_t k = 0;
        while (openness_keys[k] && strcmp(openness_keys[k], p->key) != 0)
            k++;
        if (!openness_keys[k]) return unknown_key(r, p, openness_keys, "'openness'");
        if (!(*openness_field(&out->published, k) = scalar_text(r, p->val)))
            return bad(r, p->val, "text is expected here");
    }
    return WAAGE_OK;
}

static waage_status read_model_map(const reader *r, const value *v, runfile_model *out)
{
    static const char *const keys[] = {"uri", "label", "licence", "cutoff", "openness", NULL};
    const char **const fields[] = {&out->uri, &out->label, &out->licence, &out->cutoff};
    const size_t n_fields = sizeof fields / sizeof *fields;
    for (size_t i = 0; i < value_len(v); i++) {
        const value_pair *p = &v->u.map.pairs[i];
        size_t k = 0;
        while (keys[k] && strcmp(keys[k], p->key) != 0)
            k++;
        if (!keys[k]) return unknown_key(r, p, keys, "a model");
        if (k == n_fields) {
            WAAGE_TRY(read_openness(r, p->val, out));
            continue;
        }
        if (!(*fields[k] = scalar_text(r, p->val))) return bad(r, p->val, "text is expected here");
    }
    return out->uri ? WAAGE_OK : bad(r, v, "a model needs a 'uri'");
}

static waage_status read_model(const reader *r, const value *v, runfile_model *out)
{
    *out = (runfile_model){.uri = NULL};
    if (v->kind == VALUE_STR)
        WAAGE_TRY(runfile_split_model(out, r->a, v->u.str.s, r->err));
    else if (v->kind == VALUE_MAP)
        WAAGE_TRY(read_model_map(r, v, out));
    else
        return bad(r, v, "a model is a map with 'uri', or a text \"label=URI\"");
    if (out->uri[0] == 0 || (out->label && out->label[0] == 0))
        return bad(r, v, "'uri' and 'label' must not be empty");
    const char *path = path_of_uri(out->uri);
    if (path && !(out->uri = from_file(r, out->uri, (size_t)(path - out->uri), path)))
        return waage_err_nomem(r->err);
    return WAAGE_OK;
}

static waage_status read_models(const reader *r, const value *v, runfile *out)
{
    if (v->kind != VALUE_LIST) return bad(r, v, "'models' must be a list");
    runfile_model *m = arena_calloc(r->a, value_len(v), sizeof *m);
    if (!m) return waage_err_nomem(r->err);
    for (size_t i = 0; i < value_len(v); i++)
        WAAGE_TRY(read_model(r, value_at(v, i), &m[i]));
    out->models = m;
    out->n_models = value_len(v);
    return WAAGE_OK;
}

static waage_status read_suites(const reader *r, const value *v, runfile *out)
{
    WAAGE_TRY(read_words(r, v, &out->suites, "'suites' must be a list of names"));
    for (size_t i = 0; i < out->suites.n; i++) {
        const char **s = &out->suites.items[i];
        if (looks_like_path(*s) && !(*s = from_file(r, "", 0, *s))) return waage_err_nomem(r->err);
    }
    return WAAGE_OK;
}

/* "max_tokens" in the file is "max-tokens" on the command line. */
static const opt *find_setting(const char *key)
{
    for (const opt *o = setting_rows; o->name; o++) {
        size_t i = 0;
        while (key[i] && (key[i] == o->name[i] || (key[i] == '_' && o->name[i] == '-')))
            i++;
        if (!key[i] && !o->name[i]) return o;
    }
    return NULL;
}

static waage_status unknown_setting(const reader *r, const value_pair *p)
{
    const char *names[sizeof setting_rows / sizeof *setting_rows + 1];
    size_t n = 0;
    for (const opt *o = setting_rows; o->name; o++) {
        char *name = arena_strdup(r->a, o->name);
        if (!name) return waage_err_nomem(r->err);
        for (char *s = name; *s; s++)
            if (*s == '-') *s = '_';
        names[n++] = name;
    }
    names[n++] = "system_file";
    names[n] = NULL;
    return unknown_key(r, p, names, "'settings'");
}

static waage_status read_setting(const reader *r, const value_pair *p, runfile_settings *out)
{
    const char *text = scalar_text(r, p->val);
    if (strcmp(p->key, "system") == 0) {
        out->system = text;
        return text ? WAAGE_OK : bad(r, p->val, "'system' is the text of the system message");
    }
    if (strcmp(p->key, "reasoning") == 0 && p->val->kind == VALUE_BOOL && !p->val->u.b)
        text = "off"; /* which YAML takes for a truth value */
    const bool is_system_file = strcmp(p->key, "system_file") == 0;
    const opt *o = is_system_file ? find_setting("system") : find_setting(p->key);
    if (!o) return unknown_setting(r, p);
    if (o->kind == OPT_LIST) return read_words(r, p->val, &out->items, "a list is expected here");
    if (!text) return bad(r, p->val, "one value is expected here");
    if (is_system_file || strcmp(p->key, "data") == 0)
        if (!(text = from_file(r, "", 0, text))) return waage_err_nomem(r->err);
    char what[256];
    snprintf(what, sizeof what, "%s:%u: %s", r->name, p->val->line, p->key);
    return opts_store(o, out, text, what, r->err) == WAAGE_OK ? WAAGE_OK : WAAGE_EFORMAT;
}

static waage_status read_settings(const reader *r, const value *v, runfile_settings *out)
{
    if (v->kind == VALUE_NULL) return WAAGE_OK;
    if (v->kind != VALUE_MAP) return bad(r, v, "'settings' must be a map");
    for (size_t i = 0; i < value_len(v); i++)
        WAAGE_TRY(read_setting(r, &v->u.map.pairs[i], out));
    return WAAGE_OK;
}

waage_status runfile_parse(runfile *out, arena *a, const char *text, size_t len, const char *name,
                           waage_err *err)
{
    static const char *const keys[] = {"models", "suites", "settings", NULL};
    const reader r = {a, name, err};
    value *v = NULL;
    *out = (runfile){.settings = RUNFILE_SETTINGS_DEFAULT};
    WAAGE_TRY(yaml_parse(&v, a, text, len, name, err));
    if (!v || v->kind != VALUE_MAP)
        return bad(&r, v, "a map with 'models', 'suites' and 'settings' is expected");
    for (size_t i = 0; i < value_len(v); i++) {
        const value_pair *p = &v->u.map.pairs[i];
        if (strcmp(p->key, "models") == 0)
            WAAGE_TRY(read_models(&r, p->val, out));
        else if (strcmp(p->key, "suites") == 0)
            WAAGE_TRY(read_suites(&r, p->val, out));
        else if (strcmp(p->key, "settings") == 0)
            WAAGE_TRY(read_settings(&r, p->val, &out->settings));
        else
            return unknown_key(&r, p, keys, "the file");
    }
    return WAAGE_OK;
}

waage_status runfile_read(runfile *out, arena *a, const char *path, waage_err *err)
{
    char *text = NULL;
    size_t len = 0;
    WAAGE_TRY(file_read(&text, &len, path, RUNFILE_MAX_BYTES, err));
    const waage_status st = runfile_parse(out, a, text, len, path, err);
    free(text);
    return st;
}

/* ---- The command line's share ---------------------------------------------------------------- */

waage_status runfile_split_model(runfile_model *out, arena *a, const char *word, waage_err *err)
{
    *out = (runfile_model){.uri = word};
    const size_t n = strcspn(word, "=");
    /* A label ends at the first '='; a path or URI may have one too, but behind a '/' or ':'. */
    if (word[n] == '=' && strcspn(word, "/:") > n && !file_exists(word)) {
        out->label = arena_strndup(a, word, n);
        if (!out->label) return waage_err_nomem(err);
        out->uri = word + n + 1;
        if (n == 0) return waage_err_set(err, WAAGE_EINVAL, "'%s': the label is empty", word);
    }
    if (!*out->uri) return waage_err_set(err, WAAGE_EINVAL, "'%s': the model is missing", word);
    return WAAGE_OK;
}

static bool is_date(const char *s)
{
    static const char shape[] = "dddd-dd-dd";
    if (strlen(s) != sizeof shape - 1) return false;
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i]) return false;
    const int month = (s[5] - '0') * 10 + s[6] - '0', day = (s[8] - '0') * 10 + s[9] - '0';
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

waage_status runfile_finish_settings(runfile_settings *s, arena *a, waage_err *err)
{
    if (!s->date) s->date = ENGINE_DATE;
    if (!is_date(s->date))
        return waage_err_set(err, WAAGE_EINVAL, "--date: '%s' is not a date (YYYY-MM-DD)", s->date);
    if (s->threads > 1024 || s->batch > 65536)
        return waage_err_set(err, WAAGE_EINVAL, "--threads goes up to 1024, --batch to 65536");
    reasoning think;
    if (s->reasoning && !reasoning_from_text(&think, s->reasoning))
        return waage_err_set(err, WAAGE_EINVAL,
                             "--reasoning: '%.60s' is not off, low, medium, high, a number of "
                             "tokens, or both (high:2048)",
                             s->reasoning);
    if (!s->system_file) return WAAGE_OK;
    char *text = NULL;
    size_t len = 0;
    WAAGE_TRY(file_read(&text, &len, s->system_file, RUNFILE_MAX_BYTES, err));
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--; /* an editor's last line end is not part of the message */
    s->system = arena_strndup(a, text, len);
    free(text);
    return s->system ? WAAGE_OK : waage_err_nomem(err);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* From the directory `dir` to the existing file `path`, through realpath; path itself when either
 * is not there. */
static void put_relative(strbuf *out, const char *path, const char *dir)
{
    char *to = realpath(path, NULL), *from = realpath(dir, NULL);
    if (!to || !from) {
        strbuf_puts(out, path);
    } else {
        size_t same = 0; /* length of the common directories, with their slash */
        for (size_t i = 0; from[i] && from[i] == to[i]; i++)
            if (from[i] == '/') same = i + 1;
        const size_t n = strlen(from);
        if (strncmp(from, to, n) == 0 && to[n] == '/') same = n + 1;
        for (const char *s = from + (same > n ? n : same); *s; s++)
            if (s == from + same || s[-1] == '/') strbuf_puts(out, "../");
        strbuf_puts(out, to + same);
    }
    free(to);
    free(from);
}

static void put_text(strbuf *out, const char *indent, const char *key, const char *text)
{
    if (!text) return;
    strbuf_printf(out, "%s%s: ", indent, key);
    strbuf_put_json(out, text, strlen(text)); /* a JSON string is a YAML double-quoted scalar */
    strbuf_putc(out, '\n');
}

static void put_path(strbuf *out, const char *indent, const char *key, const char *prefix,
                     size_t prefix_len, const char *path, const char *dir)
{
    strbuf b = STRBUF_EMPTY;
    if (!path) return;
    strbuf_put(&b, prefix, prefix_len);
    put_relative(&b, path, dir);
    put_text(out, indent, key, strbuf_str(&b));
    strbuf_free(&b);
}

static void put_model(strbuf *out, const runfile_model *m, const char *dir)
{
    const char *path = path_of_uri(m->uri);
    if (path)
        put_path(out, "  - ", "uri", m->uri, (size_t)(path - m->uri), path, dir);
    else
        put_text(out, "  - ", "uri", m->uri);
    put_text(out, "    ", "label", m->label);
    put_text(out, "    ", "openness", m->openness);
    put_text(out, "    ", "licence", m->licence);
    put_text(out, "    ", "cutoff", m->cutoff);
    openness said = m->published;
    bool any = false;
    for (size_t k = 0; openness_keys[k]; k++) {
        const char *text = *openness_field(&said, k);
        if (text && !any) strbuf_puts(out, "    openness:\n");
        any = any || text;
        put_text(out, "      ", openness_keys[k], text);
    }
}

static void put_number(strbuf *out, const char *key, uint64_t v, uint64_t unset)
{
    if (v != unset) strbuf_printf(out, "  %s: %llu\n", key, (unsigned long long)v);
}

static void put_settings(strbuf *out, const runfile_settings *s, const char *dir)
{
    strbuf_puts(out, "settings:\n");
    put_number(out, "limit", s->limit, 0);
    put_number(out, "repeats", s->repeats, 0);
    strbuf_printf(out, "  seed: %llu\n", (unsigned long long)s->seed);
    if (s->num_fewshot >= 0) strbuf_printf(out, "  num_fewshot: %d\n", s->num_fewshot);
    put_number(out, "max_tokens", s->max_tokens, 0);
    put_text(out, "  ", "protocol", s->protocol);
    put_text(out, "  ", "system", s->system);
    put_text(out, "  ", "reasoning", s->reasoning);
    put_text(out, "  ", "date", s->date);
    put_text(out, "  ", "activations", s->activations);
    put_text(out, "  ", "kv_format", s->kv_format);
    put_path(out, "  ", "data", "", 0, s->data, dir);
    put_number(out, "threads", s->threads, 0);
    put_number(out, "batch", s->batch, 0);
    put_number(out, "kv_memory", s->kv_memory, 0);
    put_number(out, "weights_memory", s->weights_memory, 0);
    if (s->budget > 0) strbuf_printf(out, "  budget: %.17g\n", s->budget);
    put_number(out, "budget_tokens", s->budget_tokens, 0);
    put_text(out, "  ", "isa", s->isa);
    if (s->items.n) strbuf_puts(out, "  items:\n");
    for (size_t i = 0; i < s->items.n; i++) {
        strbuf_puts(out, "    - ");
        strbuf_put_json(out, s->items.items[i], strlen(s->items.items[i]));
        strbuf_putc(out, '\n');
    }
}

waage_status runfile_print(strbuf *out, const runfile *f, const char *dir, waage_err *err)
{
    strbuf_puts(out, "# Repeat this run: waage run -c run.yaml -o AGAIN\n");
    if (f->n_models) strbuf_puts(out, "models:\n");
    for (size_t i = 0; i < f->n_models; i++)
        put_model(out, &f->models[i], dir);
    if (f->suites.n) strbuf_puts(out, "suites:\n");
    for (size_t i = 0; i < f->suites.n; i++) {
        const char *s = f->suites.items[i];
        strbuf b = STRBUF_EMPTY;
        if (looks_like_path(s))
            put_relative(&b, s, dir);
        else
            strbuf_puts(&b, s);
        /* "./" keeps a file beside RUN.yaml apart from a built-in suite of the same name. */
        if (looks_like_path(s) && !looks_like_path(strbuf_str(&b))) {
            strbuf_clear(&b);
            strbuf_puts(&b, "./");
            put_relative(&b, s, dir);
        }
        strbuf_puts(out, "  - ");
        strbuf_put_json(out, strbuf_str(&b), b.len);
        strbuf_putc(out, '\n');
        strbuf_free(&b);
    }
    put_settings(out, &f->settings, dir);
    return strbuf_check(out, err);
}

/* ---- Merging --------------------------------------------------------------------------------- */

static bool same_model(const runfile_model *a, const runfile_model *b)
{
    if (a->label && b->label) return strcmp(a->label, b->label) == 0;
    return strcmp(a->uri, b->uri) == 0;
}

/* The same file may be written from here and from the run's directory. */
static bool same_word(const char *a, const char *b)
{
    if (strcmp(a, b) == 0) return true;
    if (!looks_like_path(a) || !looks_like_path(b)) return false;
    char *x = realpath(a, NULL), *y = realpath(b, NULL);
    const bool same = x && y && strcmp(x, y) == 0;
    free(x);
    free(y);
    return same;
}

static bool has_word(const opts_list *l, const char *word)
{
    for (size_t i = 0; i < l->n; i++)
        if (same_word(l->items[i], word)) return true;
    return false;
}

static waage_status merge_words(opts_list *into, const opts_list *more, arena *a, waage_err *err)
{
    for (size_t i = 0; i < more->n; i++)
        if (!has_word(into, more->items[i]) && !opts_list_add(into, a, more->items[i]))
            return waage_err_nomem(err);
    return WAAGE_OK;
}

waage_status runfile_merge(runfile *into, const runfile *more, arena *a, waage_err *err)
{
    runfile_model *m = arena_calloc(a, into->n_models + more->n_models, sizeof *m);
    if (!m) return waage_err_nomem(err);
    size_t n = into->n_models;
    if (n) memcpy(m, into->models, n * sizeof *m);
    for (size_t i = 0; i < more->n_models; i++) {
        size_t k = 0;
        while (k < n && !same_model(&m[k], &more->models[i]))
            k++;
        if (k == n) m[n++] = more->models[i];
    }
    into->models = m;
    into->n_models = n;
    WAAGE_TRY(merge_words(&into->suites, &more->suites, a, err));
    if (into->settings.items.n == 0 || more->settings.items.n == 0)
        into->settings.items = (opts_list){0};
    else
        WAAGE_TRY(merge_words(&into->settings.items, &more->settings.items, a, err));
    if (!more->settings.protocol ||
        (into->settings.protocol && strcmp(into->settings.protocol, more->settings.protocol) != 0))
        into->settings.protocol = NULL;
    if (more->settings.repeats > into->settings.repeats)
        into->settings.repeats = more->settings.repeats;
    return WAAGE_OK;
}
