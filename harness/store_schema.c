/* store_schema.c - the SQL text of the run store. Names are kept as text: the file is meant to be
 * opened with any SQLite tool. Enumerations are stored by name for the same reason. */
#include "harness/store_schema.h"

const char store_schema_tables[] =
    "CREATE TABLE model("
    " ordinal INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE, uri TEXT NOT NULL,"
    " kind TEXT NOT NULL, sha256 TEXT NOT NULL, can_chat INTEGER NOT NULL,"
    " can_complete INTEGER NOT NULL, can_loglik INTEGER NOT NULL, no_chat TEXT, meta_json TEXT);"
    "CREATE TABLE task("
    " ordinal INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, suite TEXT, title TEXT, kind TEXT,"
    " hash TEXT NOT NULL, data_hash TEXT NOT NULL, definition_json TEXT, rules_version TEXT,"
    " licence TEXT, redistribute INTEGER NOT NULL, is_choice INTEGER NOT NULL,"
    " num_fewshot INTEGER NOT NULL, version INTEGER NOT NULL);"
    "CREATE TABLE item("
    " task TEXT NOT NULL REFERENCES task(name), id TEXT NOT NULL, ordinal INTEGER NOT NULL,"
    " doc_hash TEXT, doc_json TEXT, question TEXT, cluster TEXT, level TEXT, language TEXT,"
    " pair TEXT, role TEXT, actor TEXT, gold TEXT, gold_choice INTEGER NOT NULL,"
    " n_choices INTEGER NOT NULL, n_turns INTEGER NOT NULL, chance REAL NOT NULL,"
    " PRIMARY KEY(task, id)) WITHOUT ROWID;"
    "CREATE TABLE response("
    " model TEXT NOT NULL REFERENCES model(label), task TEXT NOT NULL, protocol TEXT NOT NULL,"
    " item TEXT NOT NULL, sample INTEGER NOT NULL, turn INTEGER NOT NULL,"
    " prompt_hash TEXT NOT NULL, prompt TEXT, finish TEXT NOT NULL, error TEXT, text TEXT,"
    " thought TEXT, thought_is TEXT NOT NULL, tokens BLOB, logprobs BLOB, choices BLOB,"
    " prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, host TEXT,"
    " served_at TEXT, recorded_label TEXT, recorded_labeler TEXT,"
    " thought_tokens INTEGER NOT NULL DEFAULT 0, forced_closes INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(model, task, protocol, item, sample, turn),"
    " FOREIGN KEY(task, item) REFERENCES item(task, id));"
    "CREATE TABLE score("
    " model TEXT NOT NULL REFERENCES model(label), task TEXT NOT NULL, protocol TEXT NOT NULL,"
    " item TEXT NOT NULL, sample INTEGER NOT NULL, outcome TEXT NOT NULL, credit REAL,"
    " extracted TEXT, rule TEXT, reason TEXT, label TEXT, extra_json TEXT,"
    " PRIMARY KEY(model, task, protocol, item, sample),"
    " FOREIGN KEY(task, item) REFERENCES item(task, id)) WITHOUT ROWID;"
    "CREATE TABLE timing("
    " model TEXT NOT NULL, task TEXT NOT NULL, protocol TEXT NOT NULL, item TEXT NOT NULL,"
    " sample INTEGER NOT NULL, turn INTEGER NOT NULL, wall_ms REAL, cached_tokens INTEGER NOT NULL,"
    " PRIMARY KEY(model, task, protocol, item, sample, turn)) WITHOUT ROWID;"
    "CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE manifest(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;";

/* Answers of servers, from version 3 on. */
#define SERVICE_TABLES(kind)                                                                       \
    "CREATE " kind " service("                                                                     \
    " model TEXT NOT NULL, task TEXT NOT NULL, protocol TEXT NOT NULL, item TEXT NOT NULL,"        \
    " sample INTEGER NOT NULL, turn INTEGER NOT NULL, model_version TEXT, cost REAL,"              \
    " PRIMARY KEY(model, task, protocol, item, sample, turn)) WITHOUT ROWID;"                      \
    "CREATE " kind " exchange("                                                                    \
    " model TEXT NOT NULL, task TEXT NOT NULL, protocol TEXT NOT NULL, item TEXT NOT NULL,"        \
    " sample INTEGER NOT NULL, turn INTEGER NOT NULL, number INTEGER NOT NULL,"                    \
    " status INTEGER NOT NULL, sent_at TEXT, ms REAL, fault TEXT, request BLOB, reply BLOB,"       \
    " PRIMARY KEY(model, task, protocol, item, sample, turn, number));"

const char store_schema_service[] = SERVICE_TABLES("TABLE");

const char *const store_schema_upgrades[STORE_SCHEMA_VERSION] = {
    [1] = "ALTER TABLE response ADD COLUMN thought_tokens INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE response ADD COLUMN forced_closes INTEGER NOT NULL DEFAULT 0;",
    [2] = SERVICE_TABLES("TABLE"),
};

const char *const store_schema_views[STORE_SCHEMA_VERSION] = {
    [1] = "CREATE TEMP VIEW response AS"
          " SELECT *, 0 AS thought_tokens, 0 AS forced_closes FROM main.response;",
    [2] = SERVICE_TABLES("TEMP TABLE"),
};

#define KEY_MATCHES " model = ?1 AND task = ?2 AND protocol = ?3 AND item = ?4 AND sample = ?5"
/* The order of store_data: models and tasks as added, completion before chat. */
#define JOIN_ORDER(table)                                                                          \
    " FROM " table " r JOIN model m ON m.label = r.model JOIN task t ON t.name = r.task"           \
    " JOIN item i ON i.task = r.task AND i.id = r.item"

#define RESPONSES                                                                                  \
    "SELECT r.model, r.task, r.protocol, r.item, r.sample, r.turn, prompt_hash, prompt, finish,"   \
    " error, text, thought, thought_is, tokens, logprobs, choices, prompt_tokens,"                 \
    " completion_tokens, host, served_at, recorded_label, recorded_labeler,"                       \
    " thought_tokens, forced_closes, wall_ms, cached_tokens, model_version, cost" JOIN_ORDER(      \
        "response") " LEFT JOIN timing x USING(model, task, protocol, item, sample, turn)"         \
                    " LEFT JOIN service y USING(model, task, protocol, item, sample, turn)"
/* A conversation under way is nobody's but the run's that goes on with it. */
#define IS_WHOLE                                                                                   \
    " (i.n_turns <= 1 OR EXISTS(SELECT 1 FROM score s WHERE s.model = r.model AND"                 \
    " s.task = r.task AND s.protocol = r.protocol AND s.item = r.item AND s.sample = r.sample))"

const char *const store_schema_sql[STORE_SQL_COUNT] = {
    [STORE_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_SQL_COMMIT] = "COMMIT",
    [STORE_SQL_PUT_MODEL] =
        "INSERT INTO model(label, uri, kind, sha256, can_chat, can_complete, can_loglik, no_chat,"
        " meta_json) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        " ON CONFLICT(label) DO UPDATE SET uri = ?2, kind = ?3, sha256 = ?4, can_chat = ?5,"
        " can_complete = ?6, can_loglik = ?7, no_chat = ?8, meta_json = ?9",
    [STORE_SQL_PUT_TASK] =
        "INSERT INTO task(name, suite, title, kind, hash, data_hash, definition_json,"
        " rules_version, licence, redistribute, is_choice, num_fewshot, version)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
        " ON CONFLICT(name) DO UPDATE SET suite = ?2, title = ?3, kind = ?4, hash = ?5,"
        " data_hash = ?6, definition_json = ?7, rules_version = ?8, licence = ?9,"
        " redistribute = ?10, is_choice = ?11, num_fewshot = ?12, version = ?13",
    [STORE_SQL_PUT_ITEM] =
        "INSERT INTO item(task, id, ordinal, doc_hash, doc_json, question, cluster, level,"
        " language, pair, role, actor, gold, gold_choice, n_choices, n_turns, chance)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
        " ON CONFLICT(task, id) DO UPDATE SET ordinal = ?3, doc_hash = ?4, doc_json = ?5,"
        " question = ?6, cluster = ?7, level = ?8, language = ?9, pair = ?10, role = ?11,"
        " actor = ?12, gold = ?13, gold_choice = ?14, n_choices = ?15, n_turns = ?16, chance = ?17",
    [STORE_SQL_PUT_RESPONSE] =
        "INSERT OR REPLACE INTO response(model, task, protocol, item, sample, turn, prompt_hash,"
        " prompt, finish, error, text, thought, thought_is, tokens, logprobs, choices,"
        " prompt_tokens, completion_tokens, host, served_at, recorded_label, recorded_labeler,"
        " thought_tokens, forced_closes)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
        " ?19, ?20, ?21, ?22, ?23, ?24)",
    [STORE_SQL_PUT_TIMING] =
        "INSERT OR REPLACE INTO timing(model, task, protocol, item, sample, turn, wall_ms,"
        " cached_tokens) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STORE_SQL_PUT_SERVICE] =
        "INSERT INTO service(model, task, protocol, item, sample, turn, model_version, cost)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        " ON CONFLICT DO UPDATE SET model_version = coalesce(?7, model_version),"
        " cost = coalesce(cost + ?8, cost, ?8)",
    [STORE_SQL_PUT_EXCHANGE] =
        "INSERT INTO exchange(model, task, protocol, item, sample, turn, status, sent_at, ms,"
        " fault, request, reply, number)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
        " (SELECT coalesce(max(number) + 1, 0) FROM exchange WHERE" KEY_MATCHES " AND turn = ?6))",
    [STORE_SQL_PUT_SCORE] =
        "INSERT OR REPLACE INTO score(model, task, protocol, item, sample, outcome, credit,"
        " extracted, rule, reason, label, extra_json)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [STORE_SQL_PUT_SETTING] = "INSERT OR REPLACE INTO setting(key, value) VALUES(?1, ?2)",
    [STORE_SQL_PUT_MANIFEST] = "INSERT OR REPLACE INTO manifest(key, value) VALUES(?1, ?2)",
    [STORE_SQL_HAS_SCORE] = "SELECT 1 FROM score WHERE" KEY_MATCHES " AND outcome <> 'error'",
    [STORE_SQL_DROP_RESPONSE] = "DELETE FROM response WHERE" KEY_MATCHES " AND turn >= ?6",
    [STORE_SQL_DROP_TIMING] = "DELETE FROM timing WHERE" KEY_MATCHES " AND turn >= ?6",
    [STORE_SQL_DROP_SCORE] = "DELETE FROM score WHERE" KEY_MATCHES,
    [STORE_SQL_READ_MODELS] =
        "SELECT label, uri, kind, sha256, can_chat, can_complete, can_loglik, no_chat, meta_json"
        " FROM model ORDER BY ordinal",
    [STORE_SQL_READ_TASKS] =
        "SELECT name, suite, title, kind, hash, data_hash, definition_json, rules_version,"
        " licence, redistribute, is_choice, num_fewshot, version FROM task ORDER BY ordinal",
    [STORE_SQL_READ_ITEMS] =
        "SELECT i.task, i.id, i.ordinal, doc_hash, doc_json, question, cluster, level, language,"
        " pair, role, actor, gold, gold_choice, n_choices, n_turns, chance"
        " FROM item i JOIN task t ON t.name = i.task ORDER BY t.ordinal, i.ordinal, i.id",
    [STORE_SQL_READ_RESPONSES] =
        RESPONSES " WHERE" IS_WHOLE " ORDER BY m.ordinal, t.ordinal, r.protocol = 'chat',"
                  " i.ordinal, i.id, r.sample, r.turn",
    [STORE_SQL_READ_TURNS] = RESPONSES " WHERE r.model = ?1 AND r.task = ?2 AND r.protocol = ?3"
                                       " AND r.item = ?4 AND r.sample = ?5 ORDER BY r.turn",
    [STORE_SQL_READ_SCORES] =
        "SELECT r.model, r.task, r.protocol, r.item, r.sample, outcome, credit, extracted, rule,"
        " reason, r.label, extra_json" JOIN_ORDER(
            "score") " ORDER BY m.ordinal, t.ordinal, r.protocol = 'chat', i.ordinal, i.id, "
                     "r.sample",
    [STORE_SQL_READ_EXCHANGES] =
        "SELECT r.model, r.task, r.protocol, r.item, r.sample, r.turn, r.number, status, sent_at,"
        " ms, fault, request, reply" JOIN_ORDER(
            "exchange") " ORDER BY m.ordinal, t.ordinal, r.protocol = 'chat', i.ordinal, i.id, "
                        "r.sample, r.turn, r.number",
    [STORE_SQL_READ_SPENT] =
        "SELECT coalesce(sum(cost), 0), (SELECT coalesce(sum(prompt_tokens + completion_tokens), 0)"
        " FROM response r JOIN model m ON m.label = r.model WHERE m.kind = 'http') FROM service",
    [STORE_SQL_READ_SETTINGS] = "SELECT key, value FROM setting ORDER BY key",
    [STORE_SQL_READ_MANIFEST] = "SELECT key, value FROM manifest ORDER BY key",
};
