/* replay.c - the runner over recorded answers: index by id and by prompt, matching, info. */
#include "runners/replay/replay.h"
#include "harness/base/body.h"
#include "harness/base/hash.h"
#include "harness/base/interrupt.h"
#include "runners/replay/record.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char scheme[] = "replay:";

typedef struct {
    const char *key; /* item id, "SET-id" or prompt */
    size_t at;       /* record */
} entry;

typedef struct {
    entry *e; /* (n) sorted by key, then by record */
    size_t n;
} index_table;

typedef struct {
    runner base;
    runner_info info;
    arena a;
    record_list records;
    index_table ids, prompts;
    bool inspect_only;
} replay;

static int compare_entries(const void *pa, const void *pb)
{
    const entry *a = pa, *b = pb;
    const int c = strcmp(a->key, b->key);
    return c != 0 ? c : (a->at > b->at) - (a->at < b->at);
}

/* First entry with this key; *n of them follow one another. */
static const entry *look_up(const index_table *t, const char *key, size_t *n)
{
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (strcmp(t->e[mid].key, key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    *n = 0;
    while (lo + *n < t->n && strcmp(t->e[lo + *n].key, key) == 0)
        ++*n;
    return *n ? &t->e[lo] : NULL;
}

static waage_status build_indexes(replay *r, waage_err *err)
{
    const record_list *l = &r->records;
    r->ids.e = arena_calloc(&r->a, 2 * l->n, sizeof *r->ids.e);
    r->prompts.e = arena_calloc(&r->a, l->n, sizeof *r->prompts.e);
    if (!r->ids.e || !r->prompts.e) return waage_err_nomem(err);
    for (size_t i = 0; i < l->n; i++) {
        const record *rec = &l->item[i];
        if (rec->item) r->ids.e[r->ids.n++] = (entry){rec->item, i};
        if (rec->item && rec->set) {
            const char *key = arena_printf(&r->a, "%s-%s", rec->set, rec->item);
            if (!key) return waage_err_nomem(err);
            r->ids.e[r->ids.n++] = (entry){key, i};
        }
        if (rec->prompt) r->prompts.e[r->prompts.n++] = (entry){rec->prompt, i};
    }
    qsort(r->ids.e, r->ids.n, sizeof *r->ids.e, compare_entries);
    qsort(r->prompts.e, r->prompts.n, sizeof *r->prompts.e, compare_entries);
    return WAAGE_OK;
}

/* The last user message, or NULL. */
static const char *last_user(const request *rq)
{
    for (size_t i = rq->n_messages; i-- > 0;)
        if (strcmp(rq->messages[i].role, "user") == 0) return rq->messages[i].content;
    return NULL;
}

static bool same_turn(const record *rec, const request *rq)
{
    return rec->sample == rq->sample && rec->turn == rq->turn && rec->proto == rq->proto &&
           (rq->kind == REQUEST_LOGLIK
                ? rec->answer.n_choices > 0 && rec->answer.n_choices == rq->n_choices
                : rec->answer.n_choices == 0);
}

/* By item id. *why says what is wrong when there are records of that id but none fits. */
static const record *match_id(const replay *r, const request *rq, const char *prompt,
                              const char **why)
{
    size_t n;
    const entry *e = rq->item_id ? look_up(&r->ids, rq->item_id, &n) : NULL;
    const record *found = NULL;
    if (!e) return NULL;
    for (size_t i = 0; i < n; i++) {
        const record *rec = &r->records.item[e[i].at];
        if (!same_turn(rec, rq)) continue;
        if (rec->prompt && !strstr(prompt, rec->prompt)) {
            *why = "no recorded answer: the item's id is recorded with another prompt";
            continue;
        }
        if (rec->prompt && strcmp(prompt, rec->prompt) == 0) return rec;
        if (found && !rec->prompt) {
            *why = "no recorded answer: several records of this id, and none tells its prompt";
            return NULL;
        }
        if (!found) found = rec;
    }
    return found;
}

static const record *match_prompt(const replay *r, const request *rq, const char *prompt)
{
    size_t n;
    const entry *e = look_up(&r->prompts, prompt, &n);
    for (size_t i = 0; e && i < n; i++) {
        const record *rec = &r->records.item[e[i].at];
        if (same_turn(rec, rq)) return rec;
    }
    return NULL;
}

static waage_status find_record(const replay *r, const request *rq, const record **out,
                                const char **why, arena *a, waage_err *err)
{
    const char *said = rq->proto == PROTOCOL_CHAT ? last_user(rq) : rq->prompt;
    const char *prompt = record_normalise(a, said ? said : "");
    if (!prompt) return waage_err_nomem(err);
    *why = "no recorded answer";
    *out = NULL;
    if (rq->kind == REQUEST_LOGLIK && !r->info.can_loglik)
        *why = "the recording has no log-likelihoods";
    *out = match_id(r, rq, prompt, why);
    if (!*out) *out = match_prompt(r, rq, prompt);
    return WAAGE_OK;
}

static waage_status answer(const replay *r, const runner_io *io, const request *rq, waage_err *err)
{
    arena a = ARENA_EMPTY;
    const record *rec = NULL;
    const char *why = NULL;
    waage_status st = find_record(r, rq, &rec, &why, &a, err);
    if (st == WAAGE_OK) {
        const reply none = {.finish = FINISH_UNSUPPORTED, .error = why, .text = ""};
        st = io->done(io->ctx, rq, rec ? &rec->answer : &none, err);
    }
    arena_free(&a);
    return st;
}

static waage_status replay_run(runner *base, const runner_io *io, waage_err *err)
{
    replay *r = (replay *)base;
    if (r->inspect_only)
        return waage_err_set(err, WAAGE_EINVAL, "%s was opened for inspection only", r->info.uri);
    for (;;) {
        const request *rq = NULL;
        if (interrupt_signal()) return waage_err_set(err, WAAGE_EINTR, "interrupted");
        switch (io->next(io->ctx, &rq)) {
        case RUNNER_END:
            return WAAGE_OK;
        case RUNNER_WAIT: /* every reply is given at once: nothing can be outstanding */
            return waage_err_set(err, WAAGE_EFAIL, "replay: no request is running, none comes");
        case RUNNER_REQUEST:
            WAAGE_TRY(answer(r, io, rq, err));
            break;
        }
    }
}

static bool replay_accepts(const char *uri)
{
    return strncmp(uri, scheme, sizeof scheme - 1) == 0;
}

static void replay_close(runner *base)
{
    replay *r = (replay *)base;
    record_list_free(&r->records);
    arena_free(&r->a);
    free(r);
}

static const runner_info *replay_info(const runner *base)
{
    return &((const replay *)base)->info;
}

/* File name without directory and extension. */
static const char *stem_of(arena *a, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return arena_strndup(a, name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

/* The model that the rows name, when all of them name the same one; else the file's name. */
static const char *name_of(const record_list *l, arena *a, const char *path)
{
    const char *model = l->item[0].model;
    for (size_t i = 0; model && i < l->n; i++)
        if (!l->item[i].model || strcmp(l->item[i].model, model) != 0) model = NULL;
    return model ? model : stem_of(a, path);
}

/* map[key] += 1 */
static bool count_in(arena *a, value *map, const char *key)
{
    return value_map_set(a, map, key, value_int(a, value_get_int(map, key, 0) + 1));
}

/* ISO dates of the first and last answer, compared as text. */
static void date_range(const record_list *l, const char **first, const char **last)
{
    for (size_t i = 0; i < l->n; i++) {
        const char *d = l->item[i].answer.served_at;
        if (!d) continue;
        if (!*first || strcmp(d, *first) < 0) *first = d;
        if (!*last || strcmp(d, *last) > 0) *last = d;
    }
}

/* Everything a report must say about where the answers came from. */
static value *make_meta(const record_list *l, arena *a)
{
    value *meta = value_map(a), *hosts = value_map(a), *traces = value_map(a);
    value *labelers = value_map(a), *finishes = value_map(a);
    const char *first = NULL, *last = NULL;
    int64_t n_labels = 0, n_withheld = 0;
    bool ok = true;
    for (size_t i = 0; i < l->n && ok; i++) {
        const record *rec = &l->item[i];
        ok = count_in(a, hosts, rec->answer.host ? rec->answer.host : "unknown") &&
             count_in(a, traces, thought_name(rec->answer.thought_is)) &&
             count_in(a, finishes, finish_name(rec->answer.finish));
        if (ok && rec->answer.recorded_labeler)
            ok = count_in(a, labelers, rec->answer.recorded_labeler);
        n_labels += rec->answer.recorded_label != NULL;
        n_withheld += body_is_thought_withheld(&rec->answer);
    }
    date_range(l, &first, &last);
    ok = ok && value_map_set(a, meta, "records", value_int(a, (int64_t)l->n)) &&
         value_map_set(a, meta, "first_answer", first ? value_str(a, first) : value_null(a)) &&
         value_map_set(a, meta, "last_answer", last ? value_str(a, last) : value_null(a)) &&
         value_map_set(a, meta, "hosts", hosts) && value_map_set(a, meta, "finish", finishes) &&
         value_map_set(a, meta, "thought", traces) &&
         value_map_set(a, meta, "thought_withheld", value_int(a, n_withheld)) &&
         value_map_set(a, meta, "labels", value_int(a, n_labels)) &&
         value_map_set(a, meta, "labelled_by", labelers);
    return ok ? meta : NULL;
}

static waage_status load(replay *r, const char *uri, waage_err *err)
{
    const char *path = uri + sizeof scheme - 1;
    char hex[HASH_HEX];
    if (*path == '\0')
        return waage_err_set(err, WAAGE_EINVAL, "replay: needs a file: replay:FILE.jsonl");
    WAAGE_TRY(record_read_file(&r->records, path, err));
    WAAGE_TRY(hash_file(path, hex, err));
    WAAGE_TRY(build_indexes(r, err));
    r->info = (runner_info){.kind = "replay", .can_chat = true, .deterministic = true};
    for (size_t i = 0; i < r->records.n; i++) {
        r->info.can_complete |= r->records.item[i].proto == PROTOCOL_COMPLETION;
        r->info.can_loglik |= r->records.item[i].answer.n_choices > 0;
    }
    r->info.uri = arena_strdup(&r->a, uri);
    r->info.sha256 = arena_strdup(&r->a, hex);
    r->info.name = name_of(&r->records, &r->a, path);
    r->info.meta = make_meta(&r->records, &r->a);
    if (!r->info.uri || !r->info.sha256 || !r->info.name || !r->info.meta)
        return waage_err_nomem(err);
    return WAAGE_OK;
}

static waage_status replay_open(runner **out, const char *uri, const runner_options *opt,
                                waage_err *err)
{
    *out = NULL;
    replay *r = calloc(1, sizeof *r);
    if (!r) return waage_err_nomem(err);
    r->base.ops = &replay_runner;
    r->inspect_only = opt && opt->inspect_only;
    const waage_status st = load(r, uri, err);
    if (st == WAAGE_OK)
        *out = &r->base;
    else
        replay_close(&r->base);
    return st;
}

/* The recording does not hold the exact prompt; the messages as JSON stand for it. */
static waage_status replay_render(runner *base, const request *rq, strbuf *out, size_t *n_tokens,
                                  waage_err *err)
{
    (void)base;
    *n_tokens = 0;
    strbuf_putc(out, '[');
    for (size_t i = 0; i < rq->n_messages; i++) {
        const message *m = &rq->messages[i];
        strbuf_puts(out, i > 0 ? ", {\"role\": " : "{\"role\": ");
        strbuf_put_json(out, m->role, strlen(m->role));
        strbuf_puts(out, ", \"content\": ");
        strbuf_put_json(out, m->content, strlen(m->content));
        strbuf_putc(out, '}');
    }
    strbuf_putc(out, ']');
    return strbuf_check(out, err);
}

static waage_status replay_tokenize(runner *base, const char *text, size_t len, bool bos,
                                    bool parse_special, const int32_t **ids,
                                    const char *const **pieces, size_t *n, arena *a, waage_err *err)
{
    (void)base, (void)text, (void)len, (void)bos, (void)parse_special, (void)pieces, (void)a;
    *ids = NULL;
    *n = 0;
    return waage_err_set(err, WAAGE_EUNSUPPORTED, "a recording has no tokenizer");
}

/* A line of it, if there is something to say. */
static void put_meta(strbuf *out, const value_pair *p)
{
    const bool is_map = p->val->kind == VALUE_MAP;
    if (p->val->kind == VALUE_NULL || (is_map && value_len(p->val) == 0)) return;
    strbuf_printf(out, "  %-15s ", p->key);
    if (!is_map) value_print(out, p->val);
    for (size_t k = 0; is_map && k < value_len(p->val); k++) {
        const value_pair *c = &p->val->u.map.pairs[k];
        strbuf_printf(out, "%s%s %" PRId64, k > 0 ? ", " : "", c->key, c->val->u.i);
    }
    strbuf_putc(out, '\n');
}

static waage_status replay_describe(runner *base, strbuf *out, waage_err *err)
{
    const replay *r = (const replay *)base;
    strbuf_printf(out, "recorded answers of %s\n  file            %s\n  sha256          %s\n",
                  r->info.name, r->info.uri + sizeof scheme - 1, r->info.sha256);
    for (size_t i = 0; i < value_len(r->info.meta); i++)
        put_meta(out, &r->info.meta->u.map.pairs[i]);
    return strbuf_check(out, err);
}

const runner_ops replay_runner = {
    .scheme = "replay",
    .help = "replay:FILE (recorded answers: JSONL of chat.completion bodies, or XSTest's CSV)",
    .accepts = replay_accepts,
    .open = replay_open,
    .close = replay_close,
    .info = replay_info,
    .render = replay_render,
    .tokenize = replay_tokenize,
    .describe = replay_describe,
    .run = replay_run,
};
