/* record.c - reads the files that replay accepts: rows of JSONL in three shapes, and XSTest's CSV.
 * Each line is parsed into memory of its own; only what a record needs is kept. */
#include "runners/replay/record.h"
#include "datasets/dataset.h"
#include "harness/base/body.h"
#include "harness/base/file.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_RECORDS = 10 * 1000 * 1000 };
static const size_t max_file_bytes = (size_t)4 << 30;

void record_list_free(record_list *l)
{
    free(l->item);
    arena_free(&l->a);
    *l = (record_list){.a = ARENA_EMPTY};
}

char *record_normalise(arena *a, const char *s)
{
    char *out = arena_alloc(a, strlen(s) + 1);
    size_t n = 0;
    if (!out) return NULL;
    for (; *s; s++) {
        const bool blank = strchr(" \t\r\n\f\v", *s) != NULL;
        if (!blank)
            out[n++] = *s;
        else if (n > 0 && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    if (n > 0 && out[n - 1] == ' ') n--;
    out[n] = '\0';
    return out;
}

static waage_status grow(record_list *l, record **out, waage_err *err)
{
    if (l->n == l->cap) {
        const size_t cap = l->cap ? 2 * l->cap : 256;
        record *more = cap > MAX_RECORDS ? NULL : realloc(l->item, cap * sizeof *more);
        if (!more) return waage_err_nomem(err);
        l->item = more;
        l->cap = cap;
    }
    *out = &l->item[l->n++];
    **out = (record){.proto = PROTOCOL_CHAT, .answer = {.text = "", .finish = FINISH_STOP}};
    return WAAGE_OK;
}

/* Copy map[key] into the list's arena; a number becomes its text. A missing key leaves *out. */
static waage_status keep(record_list *l, const value *map, const char *key, const char **out,
                         waage_err *err)
{
    const value *v = value_get(map, key);
    if (!v || (v->kind != VALUE_STR && v->kind != VALUE_INT)) return WAAGE_OK;
    *out = v->kind == VALUE_STR ? arena_strdup(&l->a, v->u.str.s)
                                : arena_printf(&l->a, "%lld", (long long)v->u.i);
    return *out ? WAAGE_OK : waage_err_nomem(err);
}

static waage_status keep_prompt(record_list *l, record *r, const char *prompt, waage_err *err)
{
    if (!prompt) return WAAGE_OK;
    r->prompt = record_normalise(&l->a, prompt);
    return r->prompt ? WAAGE_OK : waage_err_nomem(err);
}

/* Content of the last user message of a recorded list of messages. */
static const char *last_user(const value *messages)
{
    for (size_t i = value_len(messages); i-- > 0;) {
        const value *m = value_at(messages, i);
        if (strcmp(value_get_str(m, "role", ""), "user") == 0)
            return value_get_str(m, "content", NULL);
    }
    return NULL;
}

/* Sums that were computed once; their tokens are not recorded. */
static waage_status read_scores(record_list *l, record *r, const value *row, waage_err *err)
{
    const value *list = value_get(row, "scores");
    const size_t n = list && list->kind == VALUE_LIST ? value_len(list) : 0;
    choice_score *c = arena_calloc(&l->a, n, sizeof *c);
    if (!c) return waage_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const value *one = value_at(list, i);
        const int64_t n_tokens = value_get_int(one, "n_tokens", 0);
        c[i].logprob = value_get_float(one, "logprob", 0);
        c[i].n_tokens = n_tokens > 0 && n_tokens < UINT32_MAX ? (uint32_t)n_tokens : 0;
        c[i].greedy = value_get_bool(one, "greedy", false);
    }
    r->answer.choices = n ? c : NULL;
    r->answer.n_choices = n;
    return WAAGE_OK;
}

/* What an export of ours adds to a body: the protocol, how the answer ended when it was given, how
 * much of the text was left before a stop string that the server did not know. */
static waage_status read_own(record_list *l, record *r, const value *row, waage_err *err)
{
    const char *proto = value_get_str(row, "protocol", NULL);
    const char *finish = value_get_str(row, "finish", NULL);
    const int64_t cut = value_get_int(row, "cut", -1);
    if (proto) (void)protocol_from_name(&r->proto, proto);
    WAAGE_TRY(read_scores(l, r, row, err));
    if (finish && finish_from_name(&r->answer.finish, finish)) {
        r->answer.error = NULL;
        WAAGE_TRY(keep(l, row, "error", &r->answer.error, err));
        if (r->answer.finish == FINISH_ERROR && !r->answer.error)
            r->answer.error = "no reason given";
    }
    if (cut < 0 || (size_t)cut >= r->answer.text_len) return WAAGE_OK;
    r->answer.text = arena_strndup(&l->a, r->answer.text, (size_t)cut);
    r->answer.text_len = (size_t)cut;
    return r->answer.text ? WAAGE_OK : waage_err_nomem(err);
}

/* Whether a text begins as 2025-01-29 does: first and last date are sought among these. */
static bool is_date(const char *s)
{
    static const char shape[] = "0000-00-00";
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i]) return false;
    return true;
}

/* Rows with a raw body: recorded sets (set, id, question, timestamp) and our own form (task, item,
 * sample, turn, prompt or messages). */
static waage_status read_body_row(record_list *l, record *r, const value *row, waage_err *err)
{
    const value *body = value_get(row, "response");
    const char *prompt = value_get_str(row, "question", value_get_str(row, "prompt", NULL));
    if (!prompt) prompt = last_user(value_get(row, "messages"));
    const int64_t sample = value_get_int(row, "sample", 0), turn = value_get_int(row, "turn", 0);
    WAAGE_TRY(keep(l, row, "id", &r->item, err));
    WAAGE_TRY(keep(l, row, "item", &r->item, err));
    WAAGE_TRY(keep(l, row, "set", &r->set, err));
    WAAGE_TRY(keep(l, row, "task", &r->set, err));
    WAAGE_TRY(keep(l, body, "model", &r->model, err));
    WAAGE_TRY(keep(l, row, "model", &r->model, err));
    WAAGE_TRY(keep_prompt(l, r, prompt, err));
    r->sample = sample > 0 && sample < UINT32_MAX ? (uint32_t)sample : 0;
    r->turn = turn > 0 && turn < UINT32_MAX ? (uint32_t)turn : 0;
    WAAGE_TRY(body_read(&r->answer, body, &l->a, err));
    WAAGE_TRY(read_own(l, r, row, err));
    if (!r->answer.served_at && is_date(value_get_str(row, "timestamp", "")))
        WAAGE_TRY(keep(l, row, "timestamp", &r->answer.served_at, err));
    if (!r->answer.host) WAAGE_TRY(keep(l, row, "provider", &r->answer.host, err));
    WAAGE_TRY(keep(l, row, "label", &r->answer.recorded_label, err));
    return keep(l, row, "labelled_by", &r->answer.recorded_labeler, err);
}

/* Rows with prompt and completion as text (SpeechMap: key, label, human). */
static waage_status read_text_row(record_list *l, record *r, const value *row, waage_err *err)
{
    const value *text = value_get(row, "completion");
    const value *human = value_get(row, "human");
    if (text->kind != VALUE_STR) text = NULL;
    WAAGE_TRY(keep(l, row, "key", &r->item, err));
    WAAGE_TRY(keep(l, row, "id", &r->item, err));
    WAAGE_TRY(keep(l, row, "model", &r->model, err));
    WAAGE_TRY(keep_prompt(l, r, value_get_str(row, "prompt", NULL), err));
    WAAGE_TRY(body_split_thought(&r->answer, text ? text->u.str.s : "", text ? text->u.str.len : 0,
                                 &l->a, err));
    WAAGE_TRY(keep(l, row, "label", &r->answer.recorded_label, err));
    WAAGE_TRY(keep(l, row, "labelled_by", &r->answer.recorded_labeler, err));
    if (r->answer.recorded_label && !r->answer.recorded_labeler && human)
        r->answer.recorded_labeler =
            human->kind == VALUE_BOOL && human->u.b ? "human" : "consensus";
    return WAAGE_OK;
}

static waage_status read_row(record_list *l, const value *row, const char *name, size_t line,
                             waage_err *err)
{
    record *r;
    if (row->kind != VALUE_MAP)
        return waage_err_set(err, WAAGE_EFORMAT, "%s:%zu: a row must be an object", name, line);
    const bool has_body = value_get(row, "response") != NULL;
    if (!has_body && !value_get(row, "completion"))
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s:%zu: neither `response` (a chat.completion body) nor "
                             "`completion` (a text): not a recorded answer",
                             name, line);
    WAAGE_TRY(grow(l, &r, err));
    r->line = line;
    WAAGE_TRY(has_body ? read_body_row(l, r, row, err) : read_text_row(l, r, row, err));
    if (r->item || r->prompt) return WAAGE_OK;
    return waage_err_set(err, WAAGE_EFORMAT,
                         "%s:%zu: a row needs an id (`item`, `id`, `key`) or its prompt "
                         "(`question`, `prompt`, `messages`)",
                         name, line);
}

static bool is_blank_line(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!strchr(" \t\r", s[i]) || s[i] == '\0') return false;
    return true;
}

static waage_status end_list(record_list *l, waage_status st, const char *name, waage_err *err)
{
    if (st == WAAGE_OK && l->n == 0)
        st = waage_err_set(err, WAAGE_EFORMAT, "%s: no recorded answer in it", name);
    if (st != WAAGE_OK) record_list_free(l);
    return st;
}

waage_status record_read_jsonl(record_list *out, const char *text, size_t len, const char *name,
                               waage_err *err)
{
    *out = (record_list){.a = ARENA_EMPTY};
    waage_status st = WAAGE_OK;
    size_t line = 1;
    for (size_t at = 0; at < len && st == WAAGE_OK; line++) {
        const char *nl = memchr(text + at, '\n', len - at);
        const size_t end = nl ? (size_t)(nl - text) : len;
        if (!is_blank_line(text + at, end - at)) {
            arena row_arena = ARENA_EMPTY;
            value *row = NULL;
            st = json_parse(&row, &row_arena, text + at, end - at, name, (uint32_t)line, err);
            if (st == WAAGE_OK) st = read_row(out, row, name, line, err);
            arena_free(&row_arena);
        }
        at = end + 1;
    }
    return end_list(out, st, name, err);
}

typedef enum { COL_ID, COL_PROMPT, COL_COMPLETION, COL_LABEL, COL_MODEL, COL_COUNT } column;
static const char *const column_names[COL_COUNT] = {"id", "prompt", "completion", "final_label",
                                                    "model"};

typedef struct {
    record_list *out;
    const char *name;
    bool has_header;
    size_t at[COL_COUNT]; /* SIZE_MAX: not there */
} csv_reader;

static waage_status read_csv_header(csv_reader *c, const char *const *fields, size_t n, size_t line,
                                    waage_err *err)
{
    for (size_t k = 0; k < COL_COUNT; k++) {
        c->at[k] = SIZE_MAX;
        for (size_t i = 0; i < n; i++)
            if (strcmp(fields[i], column_names[k]) == 0) c->at[k] = i;
    }
    c->has_header = true;
    if (c->at[COL_PROMPT] != SIZE_MAX && c->at[COL_COMPLETION] != SIZE_MAX) return WAAGE_OK;
    return waage_err_set(err, WAAGE_EFORMAT,
                         "%s:%zu: the first row must name the columns `prompt` and `completion` "
                         "(and may name `id`, `final_label`, `model`)",
                         c->name, line);
}

static waage_status read_csv_row(void *ctx, const char *const *fields, const size_t *lens, size_t n,
                                 size_t line, waage_err *err)
{
    csv_reader *c = ctx;
    record_list *l = c->out;
    record *r;
    if (!c->has_header) return read_csv_header(c, fields, n, line, err);
    if (c->at[COL_PROMPT] >= n || c->at[COL_COMPLETION] >= n)
        return waage_err_set(err, WAAGE_EFORMAT, "%s:%zu: the row has only %zu columns", c->name,
                             line, n);
    WAAGE_TRY(grow(l, &r, err));
    r->line = line;
    const size_t text = c->at[COL_COMPLETION];
    WAAGE_TRY(keep_prompt(l, r, fields[c->at[COL_PROMPT]], err));
    WAAGE_TRY(body_split_thought(&r->answer, fields[text], lens[text], &l->a, err));
    const struct {
        column col;
        const char **out;
    } rest[] = {{COL_ID, &r->item}, {COL_LABEL, &r->answer.recorded_label}, {COL_MODEL, &r->model}};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        const size_t at = c->at[rest[i].col];
        if (at >= n || lens[at] == 0) continue;
        *rest[i].out = arena_strdup(&l->a, fields[at]);
        if (!*rest[i].out) return waage_err_nomem(err);
    }
    if (r->answer.recorded_label) r->answer.recorded_labeler = "human"; /* XSTest's annotators */
    return WAAGE_OK;
}

waage_status record_read_csv(record_list *out, const char *text, size_t len, const char *name,
                             waage_err *err)
{
    *out = (record_list){.a = ARENA_EMPTY};
    csv_reader c = {.out = out, .name = name};
    return end_list(out, dataset_parse_csv(text, len, ',', name, read_csv_row, &c, err), name, err);
}

waage_status record_read_file(record_list *out, const char *path, waage_err *err)
{
    *out = (record_list){.a = ARENA_EMPTY};
    char *text;
    size_t len;
    const size_t n = strlen(path);
    WAAGE_TRY(file_read(&text, &len, path, max_file_bytes, err));
    const bool csv = n > 4 && strcmp(path + n - 4, ".csv") == 0;
    const waage_status st = csv ? record_read_csv(out, text, len, path, err)
                                : record_read_jsonl(out, text, len, path, err);
    free(text);
    return st;
}
