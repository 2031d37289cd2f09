/* store_schema.h - tables of a run store, and every statement that runs on them. docs/store.md
 * tells what the columns mean. */
#ifndef HARNESS_STORE_SCHEMA_H
#define HARNESS_STORE_SCHEMA_H

enum {
    STORE_SCHEMA_VERSION = 2,         /* PRAGMA user_version */
    STORE_APPLICATION_ID = 0x57414147 /* "WAAG": PRAGMA application_id */
};

/* The tables. Then what makes those of version 1 ready to be written, and views that stand before
 * them where the file is only read. */
extern const char store_schema_tables[], store_schema_upgrade[], store_schema_views[];

typedef enum {
    STORE_SQL_BEGIN,
    STORE_SQL_COMMIT,
    STORE_SQL_PUT_MODEL,
    STORE_SQL_PUT_TASK,
    STORE_SQL_PUT_ITEM,
    STORE_SQL_PUT_RESPONSE,
    STORE_SQL_PUT_TIMING,
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
    STORE_SQL_READ_SCORES,
    STORE_SQL_READ_SETTINGS,
    STORE_SQL_READ_MANIFEST,
    STORE_SQL_COUNT
} store_sql;

extern const char *const store_schema_sql[STORE_SQL_COUNT];

#endif
