/* store_db.h - what store.c needs of the database: statements to fill in, rows to read. Not for
 * other modules; they use store.h. */
#ifndef HARNESS_STORE_DB_H
#define HARNESS_STORE_DB_H
#include "harness/base/strbuf.h"
#include "harness/store.h"
#include "harness/store_schema.h"

struct store {
    struct sqlite3 *db;
    struct sqlite3_stmt *sql[STORE_SQL_COUNT]; /* prepared on first use */
    char *path;                                /* DIR/run.sqlite */
    int lock_fd;                               /* -1 for readers */
    bool writes;
    strbuf scratch[3]; /* encoded blobs of the row being put */
};

/* ---- parameters: bound one after the other; strings and blobs must live until the end ---- */

typedef struct {
    struct sqlite3_stmt *st;
    int at; /* last parameter bound */
} db_binder;

WAAGE_MUST_CHECK waage_status db_begin_put(store *s, store_sql id, db_binder *b, waage_err *err);
void db_put_text(db_binder *b, const char *s); /* NULL: NULL */
void db_put_int(db_binder *b, int64_t v);
void db_put_real(db_binder *b, double v);
void db_put_blob(db_binder *b, const strbuf *bytes);
/* Run it; `doing` is for the message ("store a model"). A failure rolls the transaction back. */
WAAGE_MUST_CHECK waage_status db_finish_put(store *s, db_binder *b, const char *doing,
                                            waage_err *err);
/* Run a query instead: has it a row? */
WAAGE_MUST_CHECK waage_status db_find_row(store *s, db_binder *b, const char *doing, bool *out,
                                          waage_err *err);
WAAGE_MUST_CHECK waage_status db_exec(store *s, const char *sql, const char *doing, waage_err *err);
void db_rollback(store *s);

/* store_exchange.c: the exchanges of a response that is being put. */
WAAGE_MUST_CHECK waage_status store_put_exchanges(store *s, const store_response *r,
                                                  waage_err *err);

/* ---- rows: column after column; what does not fit is noted in `bad` or `nomem` ---- */

typedef struct {
    store *s;
    struct sqlite3_stmt *st;
    arena *a;
    int at; /* next column */
    bool nomem;
    const char *bad;     /* what did not fit, or NULL */
    const char *last[4]; /* strings of the row before: equal ones are shared */
} db_row;

const char *db_get_text(db_row *r); /* copied into the arena; NULL for NULL */
const char *db_need_text(db_row *r);
const char *db_shared_text(db_row *r, size_t slot);
const char *db_get_name(db_row *r);
uint32_t db_get_u32(db_row *r);
int db_get_i32(db_row *r);
bool db_get_bool(db_row *r);
double db_get_real(db_row *r);
const void *db_get_blob(db_row *r, size_t *len); /* until the next row */
bool db_is_null(const db_row *r);                /* the next column, which stays the next */
/* All rows of a statement (its parameters are bound already) as *n structs of `size` bytes in the
 * arena, each filled by `read`. */
WAAGE_MUST_CHECK waage_status db_read_rows(store *s, arena *a, store_sql id, size_t size,
                                           void (*read)(db_row *, void *), const void **out,
                                           size_t *n, waage_err *err);
/* One row after the other, each in an arena of its own; stops at the first failure of `each`. */
WAAGE_MUST_CHECK waage_status db_each_row(store *s, store_sql id,
                                          waage_status (*each)(db_row *, void *, waage_err *),
                                          void *ctx, waage_err *err);
#endif
