/* store_schema.h - tables of a run store, and every statement that runs on them. docs/store.md
 * tells what the columns mean. */
#ifndef HARNESS_STORE_SCHEMA_H
#define HARNESS_STORE_SCHEMA_H

enum {
    STORE_SCHEMA_VERSION = 3,         /* PRAGMA user_version */
    STORE_APPLICATION_ID = 0x57414147 /* "WAAG": PRAGMA application_id */
};

/* The tables: those of version 1 with later columns, and those for answers of servers. */
extern const char store_schema_tables[], store_schema_service[];
/* [v]: what makes a file of version v one of v + 1; and what a reader of such a file puts before
 * its tables instead, for it may not write. */
extern const char *const store_schema_upgrades[STORE_SCHEMA_VERSION];
extern const char *const store_schema_views[STORE_SCHEMA_VERSION];

typedef enum {
    STORE_SQL_BEGIN,
    STORE_SQL_COMMIT,
    STORE_SQL_PUT_MODEL,
    STORE_SQL_PUT_TASK,
    STORE_SQL_PUT_ITEM,
    STORE_SQL_PUT_RESPONSE,
    STORE_SQL_PUT_TIMING,
    STORE_SQL_PUT_SERVICE,
    STORE_SQL_PUT_EXCHANGE,
    STORE_SQL_PUT_SCORE,
    STORE_SQL_PUT_SETTING,
    STORE_SQL_PUT_MANIFEST,
    STORE_SQL_HAS_SCORE,
    STORE_SQL_DROP_RESPONSE,
    STORE_SQL_DROP_TIMING,
    STORE_SQL_DROP_SCORE,
    STORE_SQL_READ_MODELS,
    STORE_SQL_READ_TASKS,
    STORE_SQL_READ_ITEMS,
    STORE_SQL_READ_RESPONSES,
    STORE_SQL_READ_TURNS,
    STORE_SQL_READ_SCORES,
    STORE_SQL_READ_EXCHANGES,
    STORE_SQL_READ_SPENT,
    STORE_SQL_READ_SETTINGS,
    STORE_SQL_READ_MANIFEST,
    STORE_SQL_COUNT
} store_sql;

extern const char *const store_schema_sql[STORE_SQL_COUNT];

#endif
