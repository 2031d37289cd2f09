/* value.h - one dynamic value for everything that is read as data: YAML, JSON, CSV rows, the
 * variables of a template. Values live in an arena and are immutable once a reader returned them;
 * maps keep the order of the file. Text is NUL-terminated, and may hold NULs besides.
 * Sources: RFC 8259 (JSON); YAML 1.1 as PyYAML resolves plain scalars (yes/no/on/off are booleans).
 */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/strbuf.h"

typedef enum {
    VALUE_NULL, /* also the zero value */
    VALUE_BOOL,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_STR,
    VALUE_LIST,
    VALUE_MAP
} value_kind;

typedef struct value value;
typedef struct value_pair value_pair;

struct value {
    value_kind kind;
    uint32_t line;   /* 1-based line in the source file, 0 when unknown */
    const char *tag; /* YAML tag such as "!function", else NULL */
    union {
        bool b;
        int64_t i;
        double f;
        struct {
            const char *s;
            size_t len;
        } str;
        struct {
            value **items;
            size_t n, cap;
        } list;
        struct {
            value_pair *pairs;
            size_t n, cap;
        } map;
    } u;
};

struct value_pair {
    const char *key; /* NUL-terminated */
    value *val;
};

/* Constructors; NULL when memory is out. Strings are copied into the arena. */
value *value_null(arena *a);
value *value_bool(arena *a, bool b);
value *value_int(arena *a, int64_t i);
value *value_float(arena *a, double f);
value *value_str(arena *a, const char *s);
value *value_strn(arena *a, const char *s, size_t len);
value *value_list(arena *a);
value *value_map(arena *a);
/* Append or set; false when memory is out or an argument is NULL (so results of constructors can be
 * passed unchecked). value_map_set replaces an existing key and copies the key. */
bool value_list_add(arena *a, value *list, value *item);
bool value_map_set(arena *a, value *map, const char *key, value *item);

/* Look-ups answer NULL for the wrong kind, a missing key or an index out of range; v may be NULL.
 */
const value *value_get(const value *v, const char *key);
const value *value_at(const value *v, size_t i);
size_t value_len(const value *v); /* items, pairs or bytes; 0 for other kinds */

/* Typed access with a default; a VALUE_INT converts to double, nothing else converts. */
const char *value_get_str(const value *map, const char *key, const char *def);
int64_t value_get_int(const value *map, const char *key, int64_t def);
double value_get_float(const value *map, const char *key, double def);
bool value_get_bool(const value *map, const char *key, bool def);

bool value_equal(const value *a,
                 const value *b); /* deep; 1 equals 1.0; order of map keys is free */
/* The field-standard text of a scalar (str(x) of Python: True, None, 0.5); lists and maps as JSON.
 */
void value_print(strbuf *out, const value *v);
/* JSON text. indent 0: one line with ", " and ": "; else that many blanks a level. Non-ASCII kept.
 */
void value_put_json(strbuf *out, const value *v, int indent);

/* Parse; `name` is the file name for messages, `line0` the line number of the first line (JSONL
 * rows). WAAGE_EFORMAT names file and line. Depth is capped at 64, YAML aliases at 100,000 copied
 * nodes. Duplicate keys are an error in YAML and JSON. Text must be valid UTF-8. */
WAAGE_MUST_CHECK waage_status json_parse(value **out, arena *a, const char *text, size_t len,
                                         const char *name, uint32_t line0, waage_err *err);
WAAGE_MUST_CHECK waage_status yaml_parse(value **out, arena *a, const char *text, size_t len,
                                         const char *name, waage_err *err);
#endif
