/* store.c - the records of a run store: which column of which statement each field goes to, and how
 * it comes back. The database itself is in store_db.c, what the tables look like in store_schema.c,
 * how numbers are encoded in store_blob.c. Names and blobs are checked on reading: the file may
 * come from somebody else. */
#include "harness/store.h"
#include "harness/store_blob.h"
#include "harness/store_db.h"
#include <string.h>

/* ---- writing ---- */

static void put_key(db_binder *b, const store_key *k)
{
    db_put_text(b, k->model);
    db_put_text(b, k->task);
    db_put_text(b, protocol_name(k->proto));
    db_put_text(b, k->item);
    db_put_int(b, k->sample);
}

static waage_status run_plain(store *s, store_sql id, const char *doing, waage_err *err)
{
    db_binder b;
    WAAGE_TRY(db_begin_put(s, id, &b, err));
    return db_finish_put(s, &b, doing, err);
}

waage_status store_begin(store *s, waage_err *err)
{
    return run_plain(s, STORE_SQL_BEGIN, "begin a transaction", err);
}

waage_status store_commit(store *s, waage_err *err)
{
    return run_plain(s, STORE_SQL_COMMIT, "commit", err);
}

waage_status store_put_model(store *s, const store_model *m, waage_err *err)
{
    db_binder b;
    WAAGE_TRY(db_begin_put(s, STORE_SQL_PUT_MODEL, &b, err));
    db_put_text(&b, m->label);
    db_put_text(&b, m->uri);
    db_put_text(&b, m->kind);
    db_put_text(&b, m->sha256);
    db_put_int(&b, m->can_chat);
    db_put_int(&b, m->can_complete);
    db_put_int(&b, m->can_loglik);
    db_put_text(&b, m->no_chat);
    db_put_text(&b, m->meta_json);
    return db_finish_put(s, &b, "store a model", err);
}

waage_status store_put_task(store *s, const store_task *t, waage_err *err)
{
    db_binder b;
    WAAGE_TRY(db_begin_put(s, STORE_SQL_PUT_TASK, &b, err));
    db_put_text(&b, t->name);
    db_put_text(&b, t->group);
    db_put_text(&b, t->title);
    db_put_text(&b, t->kind);
    db_put_text(&b, t->hash);
    db_put_text(&b, t->data_hash);
    db_put_text(&b, t->definition_json);
    db_put_text(&b, t->rules_version);
    db_put_text(&b, t->licence);
    db_put_int(&b, t->redistribute);
    db_put_int(&b, t->is_choice);
    db_put_int(&b, t->num_fewshot);
    db_put_int(&b, t->version);
    return db_finish_put(s, &b, "store a task", err);
}

waage_status store_put_item(store *s, const store_item *i, waage_err *err)
{
    db_binder b;
    WAAGE_TRY(db_begin_put(s, STORE_SQL_PUT_ITEM, &b, err));
    db_put_text(&b, i->task);
    db_put_text(&b, i->id);
    db_put_int(&b, i->ordinal);
    db_put_text(&b, i->doc_hash);
    db_put_text(&b, i->doc_json);
    db_put_text(&b, i->question);
    db_put_text(&b, i->cluster);
    db_put_text(&b, i->level);
    db_put_text(&b, i->language);
    db_put_text(&b, i->pair);
    db_put_text(&b, i->role);
    db_put_text(&b, i->actor);
    db_put_text(&b, i->gold);
    db_put_int(&b, i->gold_choice);
    db_put_int(&b, i->n_choices);
    db_put_int(&b, i->n_turns);
    db_put_real(&b, i->chance);
    return db_finish_put(s, &b, "store an item", err);
}

static waage_status put_timing(store *s, const store_response *r, waage_err *err)
{
    db_binder b;
    WAAGE_TRY(db_begin_put(s, STORE_SQL_PUT_TIMING, &b, err));
    put_key(&b, &r->key);
    db_put_int(&b, r->key.turn);
    db_put_real(&b, r->wall_ms);
    db_put_int(&b, r->cached_tokens);
    return db_finish_put(s, &b, "store a timing", err);
}

/* A row only where a server said something. */
static waage_status put_service(store *s, const store_response *r, waage_err *err)
{
    db_binder b;
    if (!r->model_version && !r->has_cost) return WAAGE_OK;
    WAAGE_TRY(db_begin_put(s, STORE_SQL_PUT_SERVICE, &b, err));
    put_key(&b, &r->key);
    db_put_int(&b, r->key.turn);
    db_put_text(&b, r->model_version);
    if (r->has_cost)
        db_put_real(&b, r->cost);
    else
        b.at++; /* stays NULL */
    return db_finish_put(s, &b, "store what the server said", err);
}

waage_status store_put_response(store *s, const store_response *r, waage_err *err)
{
    db_binder b;
    for (size_t i = 0; i < sizeof s->scratch / sizeof *s->scratch; i++)
        strbuf_clear(&s->scratch[i]);
    if (r->tokens) store_blob_put_tokens(&s->scratch[0], r->tokens, r->n_tokens);
    if (r->logprobs) store_blob_put_floats(&s->scratch[1], r->logprobs, r->n_tokens);
    store_blob_put_choices(&s->scratch[2], r->choices, r->n_choices);
    for (size_t i = 0; i < sizeof s->scratch / sizeof *s->scratch; i++)
        WAAGE_TRY(strbuf_check(&s->scratch[i], err));

    WAAGE_TRY(db_begin_put(s, STORE_SQL_PUT_RESPONSE, &b, err));
    put_key(&b, &r->key);
    db_put_int(&b, r->key.turn);
    db_put_text(&b, r->prompt_hash);
    db_put_text(&b, r->prompt);
    db_put_text(&b, finish_name(r->finish));
    db_put_text(&b, r->error);
    db_put_text(&b, r->text);
    db_put_text(&b, r->thought);
    db_put_text(&b, thought_name(r->thought_is));
    db_put_blob(&b, &s->scratch[0]);
    db_put_blob(&b, &s->scratch[1]);
    db_put_blob(&b, &s->scratch[2]);
    db_put_int(&b, r->prompt_tokens);
    db_put_int(&b, r->completion_tokens);
    db_put_text(&b, r->host);
    db_put_text(&b, r->served_at);
    db_put_text(&b, r->recorded_label);
    db_put_text(&b, r->recorded_labeler);
    db_put_int(&b, r->thought_tokens);
    db_put_int(&b, r->forced_closes);
    WAAGE_TRY(db_finish_put(s, &b, "store a response", err));
    WAAGE_TRY(put_timing(s, r, err));
    WAAGE_TRY(put_service(s, r, err));
    return store_put_exchanges(s, r, err);
}

waage_status store_put_score(store *s, const store_score *sc, waage_err *err)
{
    db_binder b;
    WAAGE_TRY(db_begin_put(s, STORE_SQL_PUT_SCORE, &b, err));
    put_key(&b, &sc->key);
    db_put_text(&b, outcome_name(sc->result));
    if (sc->has_credit)
        db_put_real(&b, sc->credit);
    else
        b.at++; /* stays NULL */
    db_put_text(&b, sc->extracted);
    db_put_text(&b, sc->rule);
    db_put_text(&b, sc->reason);
    db_put_text(&b, sc->label);
    db_put_text(&b, sc->extra_json);
    return db_finish_put(s, &b, "store a score", err);
}

static waage_status put_pair(store *s, store_sql id, const char *key, const char *value,
                             waage_err *err)
{
    db_binder b;
    WAAGE_TRY(db_begin_put(s, id, &b, err));
    db_put_text(&b, key);
    db_put_text(&b, value);
    return db_finish_put(s, &b, "store a setting", err);
}

waage_status store_put_setting(store *s, const char *key, const char *value, waage_err *err)
{
    return put_pair(s, STORE_SQL_PUT_SETTING, key, value, err);
}

waage_status store_put_manifest(store *s, const char *key, const char *value, waage_err *err)
{
    return put_pair(s, STORE_SQL_PUT_MANIFEST, key, value, err);
}

waage_status store_drop_item(store *s, const store_key *key, waage_err *err)
{
    static const store_sql drops[] = {STORE_SQL_DROP_RESPONSE, STORE_SQL_DROP_TIMING,
                                      STORE_SQL_DROP_SCORE};
    for (size_t i = 0; i < sizeof drops / sizeof *drops; i++) {
        db_binder b;
        WAAGE_TRY(db_begin_put(s, drops[i], &b, err));
        put_key(&b, key);
        if (drops[i] != STORE_SQL_DROP_SCORE) db_put_int(&b, key->turn);
        WAAGE_TRY(db_finish_put(s, &b, "take back an item", err));
    }
    return WAAGE_OK;
}

waage_status store_has_score(store *s, const store_key *key, bool *out, waage_err *err)
{
    db_binder b;
    WAAGE_TRY(db_begin_put(s, STORE_SQL_HAS_SCORE, &b, err));
    put_key(&b, key);
    return db_find_row(s, &b, "look up a score", out, err);
}

/* ---- reading ---- */

static void get_key(db_row *r, store_key *k)
{
    k->model = db_shared_text(r, 0);
    k->task = db_shared_text(r, 1);
    const char *name = db_get_name(r);
    if (!name || !protocol_from_name(&k->proto, name)) r->bad = "unknown protocol";
    k->item = db_shared_text(r, 2);
    k->sample = db_get_u32(r);
}

static void read_model(db_row *r, void *to)
{
    store_model *m = to;
    m->label = db_need_text(r);
    m->uri = db_need_text(r);
    m->kind = db_need_text(r);
    m->sha256 = db_need_text(r);
    m->can_chat = db_get_bool(r);
    m->can_complete = db_get_bool(r);
    m->can_loglik = db_get_bool(r);
    m->no_chat = db_get_text(r);
    m->meta_json = db_get_text(r);
}

static void read_task(db_row *r, void *to)
{
    store_task *t = to;
    t->name = db_need_text(r);
    t->group = db_get_text(r);
    t->title = db_get_text(r);
    t->kind = db_get_text(r);
    t->hash = db_need_text(r);
    t->data_hash = db_need_text(r);
    t->definition_json = db_get_text(r);
    t->rules_version = db_get_text(r);
    t->licence = db_get_text(r);
    t->redistribute = db_get_bool(r);
    t->is_choice = db_get_bool(r);
    t->num_fewshot = db_get_i32(r);
    t->version = db_get_i32(r);
}

static void read_item(db_row *r, void *to)
{
    store_item *i = to;
    i->task = db_shared_text(r, 1);
    i->id = db_need_text(r);
    i->ordinal = db_get_u32(r);
    i->doc_hash = db_get_text(r);
    i->doc_json = db_get_text(r);
    i->question = db_get_text(r);
    i->cluster = db_get_text(r);
    i->level = db_get_text(r);
    i->language = db_get_text(r);
    i->pair = db_get_text(r);
    i->role = db_get_text(r);
    i->actor = db_get_text(r);
    i->gold = db_get_text(r);
    i->gold_choice = db_get_i32(r);
    i->n_choices = db_get_u32(r);
    i->n_turns = db_get_u32(r);
    i->chance = db_get_real(r);
}

static bool thought_from_name(thought_state *out, const char *name)
{
    static const thought_state all[] = {THOUGHT_ABSENT, THOUGHT_EMPTY, THOUGHT_PRESENT};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(thought_name(all[i]), name) == 0) {
            *out = all[i];
            return true;
        }
    return false;
}

static void read_numbers(db_row *r, store_response *x)
{
    size_t len = 0, n_logprobs = 0;
    const void *data = db_get_blob(r, &len);
    if (!store_blob_get_tokens(data, len, r->a, &x->tokens, &x->n_tokens)) r->bad = "token ids";
    data = db_get_blob(r, &len);
    if (!store_blob_get_floats(data, len, r->a, &x->logprobs, &n_logprobs) ||
        (n_logprobs && x->n_tokens && n_logprobs != x->n_tokens))
        r->bad = "log-probabilities";
    if (x->n_tokens == 0) x->n_tokens = n_logprobs;
    data = db_get_blob(r, &len);
    if (!store_blob_get_choices(data, len, r->a, &x->choices, &x->n_choices)) r->bad = "choices";
}

static void read_response(db_row *r, void *to)
{
    store_response *x = to;
    get_key(r, &x->key);
    x->key.turn = db_get_u32(r);
    x->prompt_hash = db_need_text(r);
    x->prompt = db_get_text(r);
    const char *name = db_get_name(r);
    if (!name || !finish_from_name(&x->finish, name)) r->bad = "unknown finish reason";
    x->error = db_get_text(r);
    x->text = db_get_text(r);
    x->thought = db_get_text(r);
    name = db_get_name(r);
    if (!name || !thought_from_name(&x->thought_is, name)) r->bad = "unknown thought state";
    read_numbers(r, x);
    x->prompt_tokens = db_get_u32(r);
    x->completion_tokens = db_get_u32(r);
    x->host = db_get_text(r);
    x->served_at = db_get_text(r);
    x->recorded_label = db_get_text(r);
    x->recorded_labeler = db_get_text(r);
    x->thought_tokens = db_get_u32(r);
    x->forced_closes = db_get_u32(r);
    x->wall_ms = db_get_real(r);
    x->cached_tokens = db_get_u32(r);
    x->model_version = db_get_text(r);
    x->has_cost = !db_is_null(r);
    x->cost = db_get_real(r);
}

static void read_score(db_row *r, void *to)
{
    store_score *x = to;
    get_key(r, &x->key);
    const char *name = db_get_name(r);
    if (!name || !outcome_from_name(&x->result, name)) r->bad = "unknown outcome";
    x->has_credit = !db_is_null(r);
    x->credit = db_get_real(r);
    x->extracted = db_get_text(r);
    x->rule = db_get_text(r);
    x->reason = db_get_text(r);
    x->label = db_get_text(r);
    x->extra_json = db_get_text(r);
}

static void read_setting(db_row *r, void *to)
{
    store_setting *x = to;
    x->key = db_need_text(r);
    x->value = db_need_text(r);
}

#define READ(id, type, fn, field)                                                                  \
    do {                                                                                           \
        const void *rows_ = NULL;                                                                  \
        WAAGE_TRY(db_read_rows(s, a, id, sizeof(type), fn, &rows_, &out->n_##field, err));         \
        out->field = rows_;                                                                        \
    } while (0)

waage_status store_read_head(store *s, arena *a, store_data *out, waage_err *err)
{
    memset(out, 0, sizeof *out);
    READ(STORE_SQL_READ_MODELS, store_model, read_model, models);
    READ(STORE_SQL_READ_TASKS, store_task, read_task, tasks);
    READ(STORE_SQL_READ_SETTINGS, store_setting, read_setting, settings);
    READ(STORE_SQL_READ_MANIFEST, store_setting, read_setting, manifest);
    return WAAGE_OK;
}

waage_status store_read_turns(store *s, const store_key *key, arena *a, const store_response **out,
                              size_t *n, waage_err *err)
{
    db_binder b;
    const void *rows = NULL;
    WAAGE_TRY(db_begin_put(s, STORE_SQL_READ_TURNS, &b, err));
    put_key(&b, key);
    WAAGE_TRY(db_read_rows(s, a, STORE_SQL_READ_TURNS, sizeof **out, read_response, &rows, n, err));
    *out = rows;
    return WAAGE_OK;
}

static waage_status read_all(store *s, arena *a, store_data *out, waage_err *err)
{
    WAAGE_TRY(store_read_head(s, a, out, err));
    READ(STORE_SQL_READ_ITEMS, store_item, read_item, items);
    READ(STORE_SQL_READ_RESPONSES, store_response, read_response, responses);
    READ(STORE_SQL_READ_SCORES, store_score, read_score, scores);
    return WAAGE_OK;
}

waage_status store_read(store *s, arena *a, store_data *out, waage_err *err)
{
    /* One transaction: a run may be adding rows meanwhile. */
    WAAGE_TRY(db_exec(s, "BEGIN", "read it", err));
    const waage_status st = read_all(s, a, out, err);
    db_rollback(s);
    return st;
}
