/* store.h - the run store: one SQLite file per run (DIR/run.sqlite), WAL, synchronous FULL.
 * Sole includer of sqlite3.h is store_db.c. A report is a pure function of what is read from here.
 * Timings live in tables of their own that no digest covers. */
#ifndef HARNESS_STORE_H
#define HARNESS_STORE_H
#include "harness/base/arena.h"
#include "harness/base/outcome.h"
#include "harness/base/request.h"

typedef struct store store;

typedef struct {
    const char *label; /* display name, unique in the run; primary key for people */
    const char *uri, *kind, *sha256;
    bool can_chat, can_complete, can_loglik;
    const char *no_chat;   /* why not, or NULL */
    const char *meta_json; /* runner_info.meta and RUN.yaml's openness, licence, cutoff */
} store_model;

typedef struct {
    const char *name, *group, *title, *kind, *hash, *data_hash, *definition_json, *rules_version;
    const char *licence;
    bool redistribute;
    bool is_choice; /* TASK_CHOICE */
    int num_fewshot, version;
} store_task;

typedef struct {
    const char *task, *id; /* primary key */
    uint32_t ordinal;
    const char *doc_hash, *doc_json, *question, *cluster, *level, *language, *pair, *role, *actor,
        *gold;
    int gold_choice;
    uint32_t n_choices, n_turns;
    double chance;
} store_item;

/* Key of everything a model did: (model label, task, protocol, item, sample, turn). */
typedef struct {
    const char *model, *task, *item;
    protocol proto;
    uint32_t sample, turn;
} store_key;

typedef struct {
    store_key key;
    const char *prompt_hash, *prompt; /* exact prompt text; messages as JSON where it is unknown */
    finish_reason finish;
    const char *error, *text, *thought;
    thought_state thought_is;
    uint32_t thought_tokens, forced_closes;
    const int32_t *tokens; /* (n_tokens) */
    const float *logprobs; /* (n_tokens) or NULL */
    size_t n_tokens;
    const choice_score *choices; /* loglik (n_choices) */
    size_t n_choices;
    uint32_t prompt_tokens, completion_tokens, cached_tokens;
    const char *host, *served_at, *recorded_label, *recorded_labeler;
    double wall_ms; /* kept in a table that no digest covers */
    /* answers of servers, in tables that no digest covers */
    const char *model_version; /* what the server says it ran, or NULL */
    bool has_cost;
    double cost;                    /* US dollars */
    const wire_exchange *exchanges; /* to be stored (n_exchanges); not read by store_read() */
    size_t n_exchanges;
} store_response;

typedef struct {
    store_key key;
    uint32_t number;    /* 0-based: attempts, and the choices of a log-likelihood */
    wire_exchange wire; /* borrowed for the moment */
} store_exchange;
typedef waage_status store_each_exchange(void *ctx, const store_exchange *x, waage_err *err);

typedef struct {
    store_key key; /* turn = 0: a score belongs to the whole item */
    outcome result;
    bool has_credit;
    double credit;
    const char *extracted, *rule, *reason, *label, *extra_json;
} store_score;

typedef struct {
    const char *key, *value;
} store_setting;

/* Everything, sorted: models and tasks in the order they were added, items by (task order,
 * ordinal), responses and scores by (model order, task order, protocol, item ordinal, sample,
 * turn). */
typedef struct {
    const store_model *models;
    const store_task *tasks;
    const store_item *items;
    const store_response *responses;
    const store_score *scores;
    const store_setting *settings; /* enter digests: grade, seed, sampling, limit, date, ... */
    const store_setting *manifest; /* build, isa, threads, times, command: enter no digest */
    size_t n_models, n_tasks, n_items, n_responses, n_scores, n_settings, n_manifest;
} store_data;

/* Open DIR/run.sqlite. create: for writing; make the directory and the schema if they are not
 * there. Otherwise for reading only, also while another process writes and in a directory without
 * write permission. One writer at a time: DIR/run.lock carries a lock that dies with its process.
 * WAAGE_EIO (no such run), WAAGE_EWRITE (directory or disk), WAAGE_EFORMAT (not a run store,
 * damaged, or written by a newer version), WAAGE_ECONFLICT (another process is writing). */
WAAGE_MUST_CHECK waage_status store_open(store **out, const char *dir, bool create, waage_err *err);
void store_close(store *s); /* NULL is fine; uncommitted work is rolled back */

/* One transaction a batch. Full disk: WAAGE_EWRITE; what was committed before stays, what the open
 * transaction held is rolled back. Putting the same key again replaces the row; models and tasks
 * keep their place in the order. */
WAAGE_MUST_CHECK waage_status store_begin(store *s, waage_err *err);
WAAGE_MUST_CHECK waage_status store_commit(store *s, waage_err *err);

WAAGE_MUST_CHECK waage_status store_put_model(store *s, const store_model *m, waage_err *err);
WAAGE_MUST_CHECK waage_status store_put_task(store *s, const store_task *t, waage_err *err);
WAAGE_MUST_CHECK waage_status store_put_item(store *s, const store_item *i, waage_err *err);
WAAGE_MUST_CHECK waage_status store_put_response(store *s, const store_response *r, waage_err *err);
WAAGE_MUST_CHECK waage_status store_put_score(store *s, const store_score *sc, waage_err *err);
WAAGE_MUST_CHECK waage_status store_put_setting(store *s, const char *key, const char *value,
                                                waage_err *err);
WAAGE_MUST_CHECK waage_status store_put_manifest(store *s, const char *key, const char *value,
                                                 waage_err *err);

/* Is the item done: is there a score for this key (turn is not looked at) other than an error,
 * which the next run tries again? */
WAAGE_MUST_CHECK waage_status store_has_score(store *s, const store_key *key, bool *out,
                                              waage_err *err);
/* Take back the score of an item and its responses from key->turn on, before it is tried again.
 * What they cost and what went over the wire stays: what is put for the same key adds to it. */
WAAGE_MUST_CHECK waage_status store_drop_item(store *s, const store_key *key, waage_err *err);
/* The responses of one item, by turn, also of a conversation under way, which store_read() leaves
 * out: it has no score yet. */
WAAGE_MUST_CHECK waage_status store_read_turns(store *s, const store_key *key, arena *a,
                                               const store_response **out, size_t *n,
                                               waage_err *err);
/* Read models, tasks, settings and manifest into the arena; items, responses and scores stay empty.
 */
WAAGE_MUST_CHECK waage_status store_read_head(store *s, arena *a, store_data *out, waage_err *err);
/* Read everything into the arena. */
WAAGE_MUST_CHECK waage_status store_read(store *s, arena *a, store_data *out, waage_err *err);
/* Every exchange in the order of the responses, one after the other: together they may be larger
 * than memory. */
WAAGE_MUST_CHECK waage_status store_read_exchanges(store *s, store_each_exchange *each, void *ctx,
                                                   waage_err *err);
/* What the answers of models behind APIs took so far: US dollars, as far as known, and tokens. */
WAAGE_MUST_CHECK waage_status store_read_spent(store *s, double *dollars, uint64_t *tokens,
                                               waage_err *err);
#endif
