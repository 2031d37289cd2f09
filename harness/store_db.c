/* store_db.c - the SQLite side of a run store: connection, writer's lock, prepared statements,
 * their parameters and their rows. The only file that knows SQLite. The file may come from somebody
 * else: its version and integrity are checked on opening, every number and text on reading. */
#include "harness/store_db.h"
#include "harness/base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STORE_BUSY_MS = 5000 };

/* ---- errors ---- */

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
        snprintf(why, sizeof why, "%s%s%s%s%s", sqlite3_errmsg(s->db), os ? " (" : "",
                 os ? strerror(os) : "", os ? ")" : "",
                 /* SQLite does not always keep what the system said */
                 s->writes && !os && (rc & 0xff) == SQLITE_IOERR
                     ? ": is the disk full, or the size of files limited (ulimit -f)?"
                     : "");
    if (s->writes && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return waage_err_set(err, code, "%s: cannot %s: %s", s->path, doing, why);
}

static waage_status damaged(const store *s, const char *what, waage_err *err)
{
    return waage_err_set(err, WAAGE_EFORMAT, "%s: the file is damaged: %s", s->path, what);
}

/* ---- statements and binding ---- */

static sqlite3_stmt *statement(store *s, store_sql id)
{
    sqlite3_stmt **st = &s->sql[id];
    if (!*st && sqlite3_prepare_v3(s->db, store_schema_sql[id], -1, SQLITE_PREPARE_PERSISTENT, st,
                                   NULL) != SQLITE_OK)
        return NULL;
    return *st;
}

void db_put_text(db_binder *b, const char *s)
{
    /* SQLITE_STATIC: the caller's strings live until the step that follows. */
    sqlite3_bind_text(b->st, ++b->at, s, -1, SQLITE_STATIC);
}

void db_put_int(db_binder *b, int64_t v)
{
    sqlite3_bind_int64(b->st, ++b->at, v);
}

void db_put_real(db_binder *b, double v)
{
    sqlite3_bind_double(b->st, ++b->at, v);
}

/* An absent array is NULL, an empty one too. */
void db_put_blob(db_binder *b, const strbuf *bytes)
{
    if (bytes->len == 0)
        sqlite3_bind_null(b->st, ++b->at);
    else
        sqlite3_bind_blob64(b->st, ++b->at, bytes->s, bytes->len, SQLITE_STATIC);
}

waage_status db_begin_put(store *s, store_sql id, db_binder *b, waage_err *err)
{
    *b = (db_binder){statement(s, id), 0};
    return b->st ? WAAGE_OK : fail(s, "prepare a statement", err);
}

waage_status db_finish_put(store *s, db_binder *b, const char *doing, waage_err *err)
{
    const int rc = sqlite3_step(b->st);
    const waage_status st = rc == SQLITE_DONE ? WAAGE_OK : fail(s, doing, err);
    sqlite3_reset(b->st);
    sqlite3_clear_bindings(b->st);
    return st;
}

/* Does a query have a row? */
waage_status db_find_row(store *s, db_binder *b, const char *doing, bool *out, waage_err *err)
{
    const int rc = sqlite3_step(b->st);
    *out = rc == SQLITE_ROW;
    const waage_status st = rc == SQLITE_ROW || rc == SQLITE_DONE ? WAAGE_OK : fail(s, doing, err);
    sqlite3_reset(b->st);
    sqlite3_clear_bindings(b->st);
    return st;
}

/* ---- rows ---- */

const char *db_get_text(db_row *r)
{
    const char *text = (const char *)sqlite3_column_text(r->st, r->at);
    const int len = sqlite3_column_bytes(r->st, r->at++);
    if (!text) return NULL;
    const char *copy = arena_strndup(r->a, text, (size_t)len);
    if (!copy) r->nomem = true;
    return copy;
}

/* Text that must be there: the schema says NOT NULL, but the file may lie. */
const char *db_need_text(db_row *r)
{
    const char *s = db_get_text(r);
    if (!s && !r->nomem) r->bad = "a text is missing";
    return s ? s : "";
}

/* Text that repeats from row to row (model, task, item): one copy for equal neighbours. */
const char *db_shared_text(db_row *r, size_t slot)
{
    const char *text = (const char *)sqlite3_column_text(r->st, r->at);
    if (text && r->last[slot] && strcmp(text, r->last[slot]) == 0) {
        r->at++;
        return r->last[slot];
    }
    return r->last[slot] = db_need_text(r);
}

static int64_t get_int(db_row *r, int64_t lo, int64_t hi)
{
    const int64_t v = sqlite3_column_int64(r->st, r->at++);
    if (v < lo || v > hi) {
        r->bad = "a number is out of range";
        return lo;
    }
    return v;
}

uint32_t db_get_u32(db_row *r)
{
    return (uint32_t)get_int(r, 0, UINT32_MAX);
}

int db_get_i32(db_row *r)
{
    return (int)get_int(r, INT32_MIN, INT32_MAX);
}

bool db_get_bool(db_row *r)
{
    return get_int(r, 0, 1) != 0;
}

double db_get_real(db_row *r)
{
    return sqlite3_column_double(r->st, r->at++);
}

const void *db_get_blob(db_row *r, size_t *len)
{
    const void *data = sqlite3_column_blob(r->st, r->at);
    *len = (size_t)sqlite3_column_bytes(r->st, r->at++);
    return data;
}

/* The name of an enumerator, for the moment until the next row; NULL: none. */
const char *db_get_name(db_row *r)
{
    return (const char *)sqlite3_column_text(r->st, r->at++);
}

bool db_is_null(const db_row *r)
{
    return sqlite3_column_type(r->st, r->at) == SQLITE_NULL;
}

/* All rows of a statement as an array of `size`-byte structs in the arena. */
waage_status db_read_rows(store *s, arena *a, store_sql id, size_t size,
                          void (*read)(db_row *, void *), const void **out, size_t *n,
                          waage_err *err)
{
    db_row r = {s, statement(s, id), a, 0, false, NULL, {NULL}};
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

waage_status db_each_row(store *s, store_sql id,
                         waage_status (*each)(db_row *, void *, waage_err *), void *ctx,
                         waage_err *err)
{
    sqlite3_stmt *sql = statement(s, id);
    waage_status st = WAAGE_OK;
    int rc = SQLITE_DONE;
    if (!sql) return fail(s, "read it", err);
    while (st == WAAGE_OK && (rc = sqlite3_step(sql)) == SQLITE_ROW) {
        arena a = ARENA_EMPTY;
        db_row r = {s, sql, &a, 0, false, NULL, {NULL}};
        st = each(&r, ctx, err);
        if (r.bad) st = damaged(s, r.bad, err);
        if (r.nomem) st = waage_err_nomem(err);
        arena_free(&a);
    }
    if (st == WAAGE_OK && rc != SQLITE_DONE) st = fail(s, "read it", err);
    sqlite3_reset(sql);
    return st;
}

/* ---- opening ---- */

waage_status db_exec(store *s, const char *sql, const char *doing, waage_err *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? WAAGE_OK : fail(s, doing, err);
}

void db_rollback(store *s)
{
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
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
    if (version < 1)
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
    WAAGE_TRY(db_exec(s, "BEGIN IMMEDIATE", "create the tables", err));
    WAAGE_TRY(db_exec(s, store_schema_tables, "create the tables", err));
    WAAGE_TRY(db_exec(s, store_schema_service, "create the tables", err));
    return db_exec(s, sql, "create the tables", err);
}

/* All in one transaction: a file is never between two versions. */
static waage_status upgrade(store *s, int64_t version, waage_err *err)
{
    char sql[80];
    if (version == STORE_SCHEMA_VERSION) return WAAGE_OK;
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d; COMMIT", STORE_SCHEMA_VERSION);
    WAAGE_TRY(db_exec(s, "BEGIN IMMEDIATE", "upgrade it", err));
    for (; version < STORE_SCHEMA_VERSION; version++)
        WAAGE_TRY(db_exec(s, store_schema_upgrades[version], "upgrade it", err));
    return db_exec(s, sql, "upgrade it", err);
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
    WAAGE_TRY(db_exec(s,
                      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;",
                      "set it up", err));
    if (fresh) return make_schema(s, err);
    WAAGE_TRY(check_integrity(s, err));
    return upgrade(s, version, err);
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
    if (!file_exists(s->path) && errno == EACCES)
        return waage_err_set(err, WAAGE_EIO, "%s: %s", s->path, strerror(EACCES));
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
        db_exec(s, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;", "set it up", err));
    WAAGE_TRY(check_integrity(s, err));
    for (; version < STORE_SCHEMA_VERSION; version++)
        WAAGE_TRY(db_exec(s, store_schema_views[version], "read it", err));
    return WAAGE_OK;
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
