/* store.c - the run store over SQLite. Owns the connection, the writer's lock and the prepared
 * statements; what the tables look like stands in store_schema.c, how numbers are encoded in
 * store_blob.c. The file may come from somebody else: every name and blob is checked on reading. */
#include "harness/store.h"
#include "harness/base/file.h"
#include "harness/store_blob.h"
#include "harness/store_schema.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STORE_BUSY_MS = 5000 };

struct store {
    sqlite3 *db;
    sqlite3_stmt *sql[STORE_SQL_COUNT]; /* prepared on first use */
    char *path;                         /* DIR/run.sqlite */
    int lock_fd;                        /* -1 for readers */
    bool writes;
    strbuf scratch[3]; /* encoded blobs of the row being put */
};

/* ---- Errors
 * -------------------------------------------------------------------------------------- */

static waage_status code_of(const store *s, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return WAAGE_ECONFLICT;
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return WAAGE_EWRITE;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return s->writes ? WAAGE_EWRITE : WAAGE_EIO;
    case SQLITE_NOMEM:
        return WAAGE_ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* a column or table that should be there is not */
    case SQLITE_MISMATCH:
        return WAAGE_EFORMAT;
    default:
        return WAAGE_EFAIL;
    }
}

/* Report what SQLite said; an open transaction is rolled back, so that what was committed stays. */
static waage_status fail(store *s, const char *doing, waage_err *err)
{
    const int rc = sqlite3_extended_errcode(s->db);
    const int os = sqlite3_system_errno(s->db);
    const waage_status code = code_of(s, rc);
    char why[256];
    if (code == WAAGE_ECONFLICT)
        snprintf(why, sizeof why, "another process is writing to it; wait for it to end");
    else if ((rc & 0xff) == SQLITE_NOTADB)
        snprintf(why, sizeof why, "not a run store, or damaged");
    else if ((rc & 0xff) == SQLITE_CORRUPT)
        snprintf(why, sizeof why, "the file is damaged (%s)", sqlite3_errmsg(s->db));
    else
        snprintf(why, sizeof why, "%s%s%s%s", sqlite3_errmsg(s->db), os ? " (" : "",
                 os ? strerror(os) : "", os ? ")" : "");
    if (s->writes && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return waage_err_set(err, code, "%s: cannot %s: %s", s->path, doing, why);
}

static waage_status damaged(const store *s, const char *what, waage_err *err)
{
    return waage_err_set(err, WAAGE_EFORMAT, "%s: the file is damaged: %s", s->path, what);
}

/* ---- Statements and binding
 * ---------------------------------------------------------------------- */

static sqlite3_stmt *statement(store *s, store_sql id)
{
    sqlite3_stmt **st = &s->sql[id];
    if (!*st && sqlite3_prepare_v3(s->db, store_schema_sql[id], -1, SQLITE_PREPARE_PERSISTENT, st,
                                   NULL) != SQLITE_OK)
        return NULL;
    return *st;
}

typedef struct {
    sqlite3_stmt *st;
    int at; /* last parameter bound */
} binder;

static void put_text(binder *b, const char *s)
{
    /* SQLITE_STATIC: the caller's strings live until the step that follows. */
    sqlite3_bind_text(b->st, ++b->at, s, -1, SQLITE_STATIC);
}

static void put_int(binder *b, int64_t v)
{
    sqlite3_bind_int64(b->st, ++b->at, v);
}

static void put_real(binder *b, double v)
{
    sqlite3_bind_double(b->st, ++b->at, v);
}

/* An absent array is NULL, an empty one too. */
static void put_blob(binder *b, const strbuf *bytes)
{
    if (bytes->len == 0)
        sqlite3_bind_null(b->st, ++b->at);
    else
        sqlite3_bind_blob64(b->st, ++b->at, bytes->s, bytes->len, SQLITE_STATIC);
}

static void put_key(binder *b, const store_key *k)
{
    put_text(b, k->model);
    put_text(b, k->task);
    put_text(b, protocol_name(k->proto));
    put_text(b, k->item);
    put_int(b, k->sample);
}

static waage_status begin_put(store *s, store_sql id, binder *b, waage_err *err)
{
    *b = (binder){statement(s, id), 0};
    return b->st ? WAAGE_OK : fail(s, "prepare a statement", err);
}

static waage_status finish_put(store *s, binder *b, const char *doing, waage_err *err)
{
    const int rc = sqlite3_step(b->st);
    const waage_status st = rc == SQLITE_DONE ? WAAGE_OK : fail(s, doing, err);
    sqlite3_reset(b->st);
    sqlite3_clear_bindings(b->st);
    return st;
}

/* ---- Opening
 * ------------------------------------------------------------------------------------- */

static waage_status exec(store *s, const char *sql, const char *doing, waage_err *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? WAAGE_OK : fail(s, doing, err);
}

static waage_status pragma_int(store *s, const char *sql, int64_t *out, waage_err *err)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK) return fail(s, "open it", err);
    const int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) *out = sqlite3_column_int64(st, 0);
    const waage_status status = rc == SQLITE_ROW ? WAAGE_OK : fail(s, "open it", err);
    sqlite3_finalize(st);
    return status;
}

/* fcntl locks vanish with the process, however it ends, and work on network file systems; SQLite's
 * own locks are held during a transaction only, which would let two runs interleave. */
static waage_status take_lock(store *s, const char *dir, waage_err *err)
{
    const size_t size = strlen(dir) + sizeof "/run.lock";
    char *path = malloc(size);
    if (!path) return waage_err_nomem(err);
    snprintf(path, size, "%s/run.lock", dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    waage_status st = WAAGE_OK;
    if (s->lock_fd < 0) {
        st = waage_err_set(err, WAAGE_EWRITE, "%s: %s", path, strerror(errno));
    } else if (fcntl(s->lock_fd, F_SETLK, &lock) != 0) {
        const bool held = errno == EACCES || errno == EAGAIN;
        struct flock who = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (held && fcntl(s->lock_fd, F_GETLK, &who) == 0 && who.l_type != F_UNLCK)
            st = waage_err_set(err, WAAGE_ECONFLICT,
                               "%s: process %ld is writing to this run; wait for it to end", dir,
                               (long)who.l_pid);
        else if (held)
            st = waage_err_set(err, WAAGE_ECONFLICT, "%s: another process is writing to this run",
                               dir);
        else
            st = waage_err_set(err, WAAGE_EWRITE, "%s: cannot lock: %s", path, strerror(errno));
    }
    free(path);
    return st;
}

static waage_status check_version(store *s, int64_t app, int64_t version, waage_err *err)
{
    if (app != STORE_APPLICATION_ID)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: an SQLite file, but not a run store",
                             s->path);
    if (version > STORE_SCHEMA_VERSION)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: written by a newer version of waage (store version %lld, this "
                             "program reads up to %d)",
                             s->path, (long long)version, STORE_SCHEMA_VERSION);
    if (version < STORE_SCHEMA_VERSION)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: unknown store version %lld", s->path,
                             (long long)version);
    return WAAGE_OK;
}

static waage_status check_integrity(store *s, waage_err *err)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK)
        return fail(s, "open it", err);
    waage_status status = WAAGE_OK;
    if (sqlite3_step(st) != SQLITE_ROW) {
        status = fail(s, "read it", err);
    } else {
        const char *text = (const char *)sqlite3_column_text(st, 0);
        if (!text || strcmp(text, "ok") != 0)
            status = damaged(s, text ? text : "no answer to quick_check", err);
    }
    sqlite3_finalize(st);
    return status;
}

static waage_status make_schema(store *s, waage_err *err)
{
    char sql[160];
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             STORE_APPLICATION_ID, STORE_SCHEMA_VERSION);
    WAAGE_TRY(exec(s, "BEGIN IMMEDIATE", "create the tables", err));
    WAAGE_TRY(exec(s, store_schema_tables, "create the tables", err));
    return exec(s, sql, "create the tables", err);
}

static waage_status open_for_writing(store *s, const char *dir, waage_err *err)
{
    int64_t app = 0, version = 0, n_tables = 0;
    if (file_exists(dir) && !file_is_dir(dir))
        return waage_err_set(err, WAAGE_EWRITE, "%s: is a file, not a directory", dir);
    WAAGE_TRY(file_make_dirs(dir, err));
    WAAGE_TRY(take_lock(s, dir, err));
    if (sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
        SQLITE_OK)
        return s->db ? fail(s, "open it", err) : waage_err_nomem(err);
    sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
    WAAGE_TRY(pragma_int(s, "PRAGMA application_id", &app, err));
    WAAGE_TRY(pragma_int(s, "PRAGMA user_version", &version, err));
    WAAGE_TRY(pragma_int(s, "SELECT count(*) FROM sqlite_schema", &n_tables, err));
    const bool fresh = app == 0 && version == 0 && n_tables == 0;
    if (!fresh) WAAGE_TRY(check_version(s, app, version, err));
    WAAGE_TRY(exec(s,
                   "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                   "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;",
                   "set it up", err));
    return fresh ? make_schema(s, err) : check_integrity(s, err);
}

/* A published run may lie where nothing can be written, where WAL's index cannot be made: then the
 * file is opened as it is, which is right as long as no log lies beside it. */
static waage_status reopen_immutable(store *s, waage_err *err)
{
    const size_t n = strlen(s->path);
    char *uri = malloc(3 * n + 32), *to = uri;
    if (!uri) return waage_err_nomem(err);
    to += sprintf(to, "file:");
    for (size_t i = 0; i < n; i++)
        if (strchr("%?#", s->path[i]))
            to += sprintf(to, "%%%02X", (unsigned char)s->path[i]);
        else
            *to++ = s->path[i];
    sprintf(to, "?immutable=1");
    sqlite3_close(s->db);
    s->db = NULL;
    const int rc = sqlite3_open_v2(uri, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    free(uri);
    if (rc != SQLITE_OK) return s->db ? fail(s, "open it", err) : waage_err_nomem(err);
    return WAAGE_OK;
}

static waage_status open_for_reading(store *s, const char *dir, waage_err *err)
{
    int64_t app = 0, version = 0;
    if (!file_exists(s->path))
        return waage_err_set(err, WAAGE_EIO, "%s: no run here (no run.sqlite)%s", dir,
                             file_exists(dir) ? "" : "; there is no such directory");
    if (sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        return s->db ? fail(s, "open it", err) : waage_err_nomem(err);
    sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
    if (pragma_int(s, "PRAGMA application_id", &app, NULL) != WAAGE_OK &&
        (sqlite3_errcode(s->db) == SQLITE_CANTOPEN || sqlite3_errcode(s->db) == SQLITE_READONLY))
        WAAGE_TRY(reopen_immutable(s, err));
    WAAGE_TRY(pragma_int(s, "PRAGMA application_id", &app, err));
    WAAGE_TRY(pragma_int(s, "PRAGMA user_version", &version, err));
    WAAGE_TRY(check_version(s, app, version, err));
    WAAGE_TRY(
        exec(s, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;", "set it up", err));
    return check_integrity(s, err);
}

waage_status store_open(store **out, const char *dir, bool create, waage_err *err)
{
    *out = NULL;
    store *s = calloc(1, sizeof *s);
    if (!s) return waage_err_nomem(err);
    s->lock_fd = -1;
    s->writes = create;
    const size_t size = strlen(dir) + sizeof "/run.sqlite";
    s->path = malloc(size);
    waage_status st = WAAGE_OK;
    if (!s->path) {
        st = waage_err_nomem(err);
    } else {
        snprintf(s->path, size, "%s/run.sqlite", dir);
        st = create ? open_for_writing(s, dir, err) : open_for_reading(s, dir, err);
    }
    if (st != WAAGE_OK) {
        store_close(s);
        return st;
    }
    *out = s;
    return WAAGE_OK;
}

void store_close(store *s)
{
    if (!s) return;
    for (size_t i = 0; i < STORE_SQL_COUNT; i++)
        sqlite3_finalize(s->sql[i]);
    /* A run at rest is one file: readers need no log beside it, nor leave to write one. Where a
     * reader is busy the log stays, which does no harm. */
    if (s->writes && s->db) {
        sqlite3_busy_timeout(s->db, 0);
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
        sqlite3_exec(s->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    }
    sqlite3_close(s->db);
    if (s->lock_fd >= 0) close(s->lock_fd);
    for (size_t i = 0; i < sizeof s->scratch / sizeof *s->scratch; i++)
        strbuf_free(&s->scratch[i]);
    free(s->path);
    free(s);
}

/* ---- Writing
 * ------------------------------------------------------------------------------------- */

static waage_status run_plain(store *s, store_sql id, const char *doing, waage_err *err)
{
    binder b;
    WAAGE_TRY(begin_put(s, id, &b, err));
    return finish_put(s, &b, doing, err);
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
    binder b;
    WAAGE_TRY(begin_put(s, STORE_SQL_PUT_MODEL, &b, err));
    put_text(&b, m->label);
    put_text(&b, m->uri);
    put_text(&b, m->kind);
    put_text(&b, m->sha256);
    put_int(&b, m->can_chat);
    put_int(&b, m->can_complete);
    put_int(&b, m->can_loglik);
    put_text(&b, m->no_chat);
    put_text(&b, m->meta_json);
    return finish_put(s, &b, "store a model", err);
}

waage_status store_put_task(store *s, const store_task *t, waage_err *err)
{
    binder b;
    WAAGE_TRY(begin_put(s, STORE_SQL_PUT_TASK, &b, err));
    put_text(&b, t->name);
    put_text(&b, t->group);
    put_text(&b, t->title);
    put_text(&b, t->kind);
    put_text(&b, t->hash);
    put_text(&b, t->data_hash);
    put_text(&b, t->definition_json);
    put_text(&b, t->rules_version);
    put_text(&b, t->licence);
    put_int(&b, t->redistribute);
    put_int(&b, t->is_choice);
    put_int(&b, t->num_fewshot);
    put_int(&b, t->version);
    return finish_put(s, &b, "store a task", err);
}

waage_status store_put_item(store *s, const store_item *i, waage_err *err)
{
    binder b;
    WAAGE_TRY(begin_put(s, STORE_SQL_PUT_ITEM, &b, err));
    put_text(&b, i->task);
    put_text(&b, i->id);
    put_int(&b, i->ordinal);
    put_text(&b, i->doc_hash);
    put_text(&b, i->doc_json);
    put_text(&b, i->question);
    put_text(&b, i->cluster);
    put_text(&b, i->level);
    put_text(&b, i->language);
    put_text(&b, i->pair);
    put_text(&b, i->role);
    put_text(&b, i->actor);
    put_text(&b, i->gold);
    put_int(&b, i->gold_choice);
    put_int(&b, i->n_choices);
    put_int(&b, i->n_turns);
    put_real(&b, i->chance);
    return finish_put(s, &b, "store an item", err);
}

static waage_status put_timing(store *s, const store_response *r, waage_err *err)
{
    binder b;
    WAAGE_TRY(begin_put(s, STORE_SQL_PUT_TIMING, &b, err));
    put_key(&b, &r->key);
    put_int(&b, r->key.turn);
    put_real(&b, r->wall_ms);
    put_int(&b, r->cached_tokens);
    return finish_put(s, &b, "store a timing", err);
}

waage_status store_put_response(store *s, const store_response *r, waage_err *err)
{
    binder b;
    for (size_t i = 0; i < sizeof s->scratch / sizeof *s->scratch; i++)
        strbuf_clear(&s->scratch[i]);
    if (r->tokens) store_blob_put_tokens(&s->scratch[0], r->tokens, r->n_tokens);
    if (r->logprobs) store_blob_put_floats(&s->scratch[1], r->logprobs, r->n_tokens);
    store_blob_put_choices(&s->scratch[2], r->choices, r->n_choices);
    for (size_t i = 0; i < sizeof s->scratch / sizeof *s->scratch; i++)
        WAAGE_TRY(strbuf_check(&s->scratch[i], err));

    WAAGE_TRY(begin_put(s, STORE_SQL_PUT_RESPONSE, &b, err));
    put_key(&b, &r->key);
    put_int(&b, r->key.turn);
    put_text(&b, r->prompt_hash);
    put_text(&b, r->prompt);
    put_text(&b, finish_name(r->finish));
    put_text(&b, r->error);
    put_text(&b, r->text);
    put_text(&b, r->thought);
    put_text(&b, thought_name(r->thought_is));
    put_blob(&b, &s->scratch[0]);
    put_blob(&b, &s->scratch[1]);
    put_blob(&b, &s->scratch[2]);
    put_int(&b, r->prompt_tokens);
    put_int(&b, r->completion_tokens);
    put_text(&b, r->host);
    put_text(&b, r->served_at);
    put_text(&b, r->recorded_label);
    put_text(&b, r->recorded_labeler);
    WAAGE_TRY(finish_put(s, &b, "store a response", err));
    return put_timing(s, r, err);
}

waage_status store_put_score(store *s, const store_score *sc, waage_err *err)
{
    binder b;
    WAAGE_TRY(begin_put(s, STORE_SQL_PUT_SCORE, &b, err));
    put_key(&b, &sc->key);
    put_text(&b, outcome_name(sc->result));
    if (sc->has_credit)
        put_real(&b, sc->credit);
    else
        b.at++; /* stays NULL */
    put_text(&b, sc->extracted);
    put_text(&b, sc->rule);
    put_text(&b, sc->reason);
    put_text(&b, sc->label);
    put_text(&b, sc->extra_json);
    return finish_put(s, &b, "store a score", err);
}

static waage_status put_pair(store *s, store_sql id, const char *key, const char *value,
                             waage_err *err)
{
    binder b;
    WAAGE_TRY(begin_put(s, id, &b, err));
    put_text(&b, key);
    put_text(&b, value);
    return finish_put(s, &b, "store a setting", err);
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
        binder b;
        WAAGE_TRY(begin_put(s, drops[i], &b, err));
        put_key(&b, key);
        WAAGE_TRY(finish_put(s, &b, "take back an item", err));
    }
    return WAAGE_OK;
}

waage_status store_has_score(store *s, const store_key *key, bool *out, waage_err *err)
{
    binder b;
    WAAGE_TRY(begin_put(s, STORE_SQL_HAS_SCORE, &b, err));
    put_key(&b, key);
    const int rc = sqlite3_step(b.st);
    *out = rc == SQLITE_ROW;
    const waage_status st =
        rc == SQLITE_ROW || rc == SQLITE_DONE ? WAAGE_OK : fail(s, "look up a score", err);
    sqlite3_reset(b.st);
    sqlite3_clear_bindings(b.st);
    return st;
}

/* ---- Reading
 * ------------------------------------------------------------------------------------- */

typedef struct {
    store *s;
    sqlite3_stmt *st;
    arena *a;
    int at; /* next column */
    bool nomem;
    const char *bad;     /* what did not fit, or NULL */
    const char *last[4]; /* strings of the row before: equal ones are shared */
} row_reader;

static const char *get_text(row_reader *r)
{
    const char *text = (const char *)sqlite3_column_text(r->st, r->at);
    const int len = sqlite3_column_bytes(r->st, r->at++);
    if (!text) return NULL;
    const char *copy = arena_strndup(r->a, text, (size_t)len);
    if (!copy) r->nomem = true;
    return copy;
}

/* Text that must be there: the schema says NOT NULL, but the file may lie. */
static const char *need_text(row_reader *r)
{
    const char *s = get_text(r);
    if (!s && !r->nomem) r->bad = "a text is missing";
    return s ? s : "";
}

/* Text that repeats from row to row (model, task, item): one copy for equal neighbours. */
static const char *shared_text(row_reader *r, size_t slot)
{
    const char *text = (const char *)sqlite3_column_text(r->st, r->at);
    if (text && r->last[slot] && strcmp(text, r->last[slot]) == 0) {
        r->at++;
        return r->last[slot];
    }
    return r->last[slot] = need_text(r);
}

static int64_t get_int(row_reader *r, int64_t lo, int64_t hi)
{
    const int64_t v = sqlite3_column_int64(r->st, r->at++);
    if (v < lo || v > hi) {
        r->bad = "a number is out of range";
        return lo;
    }
    return v;
}

static uint32_t get_u32(row_reader *r)
{
    return (uint32_t)get_int(r, 0, UINT32_MAX);
}

static int get_i32(row_reader *r)
{
    return (int)get_int(r, INT32_MIN, INT32_MAX);
}

static bool get_bool(row_reader *r)
{
    return get_int(r, 0, 1) != 0;
}

static double get_real(row_reader *r)
{
    return sqlite3_column_double(r->st, r->at++);
}

static const void *get_blob(row_reader *r, size_t *len)
{
    const void *data = sqlite3_column_blob(r->st, r->at);
    *len = (size_t)sqlite3_column_bytes(r->st, r->at++);
    return data;
}

static void get_key(row_reader *r, store_key *k)
{
    k->model = shared_text(r, 0);
    k->task = shared_text(r, 1);
    const char *name = (const char *)sqlite3_column_text(r->st, r->at++);
    if (!name || !protocol_from_name(&k->proto, name)) r->bad = "unknown protocol";
    k->item = shared_text(r, 2);
    k->sample = get_u32(r);
}

static void read_model(row_reader *r, void *to)
{
    store_model *m = to;
    m->label = need_text(r);
    m->uri = need_text(r);
    m->kind = need_text(r);
    m->sha256 = need_text(r);
    m->can_chat = get_bool(r);
    m->can_complete = get_bool(r);
    m->can_loglik = get_bool(r);
    m->no_chat = get_text(r);
    m->meta_json = get_text(r);
}

static void read_task(row_reader *r, void *to)
{
    store_task *t = to;
    t->name = need_text(r);
    t->group = get_text(r);
    t->title = get_text(r);
    t->kind = get_text(r);
    t->hash = need_text(r);
    t->data_hash = need_text(r);
    t->definition_json = get_text(r);
    t->rules_version = get_text(r);
    t->licence = get_text(r);
    t->redistribute = get_bool(r);
    t->is_choice = get_bool(r);
    t->num_fewshot = get_i32(r);
    t->version = get_i32(r);
}

static void read_item(row_reader *r, void *to)
{
    store_item *i = to;
    i->task = shared_text(r, 1);
    i->id = need_text(r);
    i->ordinal = get_u32(r);
    i->doc_hash = get_text(r);
    i->doc_json = get_text(r);
    i->question = get_text(r);
    i->cluster = get_text(r);
    i->level = get_text(r);
    i->language = get_text(r);
    i->pair = get_text(r);
    i->role = get_text(r);
    i->actor = get_text(r);
    i->gold = get_text(r);
    i->gold_choice = get_i32(r);
    i->n_choices = get_u32(r);
    i->n_turns = get_u32(r);
    i->chance = get_real(r);
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

static void read_numbers(row_reader *r, store_response *x)
{
    size_t len = 0, n_logprobs = 0;
    const void *data = get_blob(r, &len);
    if (!store_blob_get_tokens(data, len, r->a, &x->tokens, &x->n_tokens)) r->bad = "token ids";
    data = get_blob(r, &len);
    if (!store_blob_get_floats(data, len, r->a, &x->logprobs, &n_logprobs) ||
        (n_logprobs && x->n_tokens && n_logprobs != x->n_tokens))
        r->bad = "log-probabilities";
    if (x->n_tokens == 0) x->n_tokens = n_logprobs;
    data = get_blob(r, &len);
    if (!store_blob_get_choices(data, len, r->a, &x->choices, &x->n_choices)) r->bad = "choices";
}

static void read_response(row_reader *r, void *to)
{
    store_response *x = to;
    get_key(r, &x->key);
    x->key.turn = get_u32(r);
    x->prompt_hash = need_text(r);
    x->prompt = get_text(r);
    const char *name = (const char *)sqlite3_column_text(r->st, r->at++);
    if (!name || !finish_from_name(&x->finish, name)) r->bad = "unknown finish reason";
    x->error = get_text(r);
    x->text = get_text(r);
    x->thought = get_text(r);
    name = (const char *)sqlite3_column_text(r->st, r->at++);
    if (!name || !thought_from_name(&x->thought_is, name)) r->bad = "unknown thought state";
    read_numbers(r, x);
    x->prompt_tokens = get_u32(r);
    x->completion_tokens = get_u32(r);
    x->host = get_text(r);
    x->served_at = get_text(r);
    x->recorded_label = get_text(r);
    x->recorded_labeler = get_text(r);
    x->wall_ms = get_real(r);
    x->cached_tokens = get_u32(r);
}

static void read_score(row_reader *r, void *to)
{
    store_score *x = to;
    get_key(r, &x->key);
    const char *name = (const char *)sqlite3_column_text(r->st, r->at++);
    if (!name || !outcome_from_name(&x->result, name)) r->bad = "unknown outcome";
    x->has_credit = sqlite3_column_type(r->st, r->at) != SQLITE_NULL;
    x->credit = get_real(r);
    x->extracted = get_text(r);
    x->rule = get_text(r);
    x->reason = get_text(r);
    x->label = get_text(r);
    x->extra_json = get_text(r);
}

static void read_setting(row_reader *r, void *to)
{
    store_setting *x = to;
    x->key = need_text(r);
    x->value = need_text(r);
}

/* All rows of a statement as an array of `size`-byte structs in the arena. */
static waage_status read_rows(store *s, arena *a, store_sql id, size_t size,
                              void (*read)(row_reader *, void *), const void **out, size_t *n,
                              waage_err *err)
{
    row_reader r = {s, statement(s, id), a, 0, false, NULL, {NULL}};
    size_t cap = 0;
    char *rows = NULL;
    int rc = SQLITE_DONE;
    *n = 0;
    if (!r.st) return fail(s, "read it", err);
    while (!r.nomem && !r.bad && (rc = sqlite3_step(r.st)) == SQLITE_ROW) {
        if (*n == cap) {
            const size_t more = cap ? 2 * cap : 64;
            char *grown = arena_calloc(a, more, size);
            if (!grown) break;
            if (*n) memcpy(grown, rows, *n * size);
            rows = grown;
            cap = more;
        }
        r.at = 0;
        read(&r, rows + *n * size);
        ++*n;
    }
    waage_status st = WAAGE_OK;
    if (r.bad)
        st = damaged(s, r.bad, err);
    else if (r.nomem || rc == SQLITE_ROW)
        st = waage_err_nomem(err);
    else if (rc != SQLITE_DONE)
        st = fail(s, "read it", err);
    sqlite3_reset(r.st);
    *out = rows;
    return st;
}

#define READ(id, type, fn, field)                                                                  \
    do {                                                                                           \
        const void *rows_ = NULL;                                                                  \
        WAAGE_TRY(read_rows(s, a, id, sizeof(type), fn, &rows_, &out->n_##field, err));            \
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
    WAAGE_TRY(exec(s, "BEGIN", "read it", err));
    const waage_status st = read_all(s, a, out, err);
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}
