/* template.h - text templates: the part of Jinja2 that task files and chat templates use.
 * A template is compiled once, in an arena, and rendered as often as wanted; a compiled template is
 * immutable and may be rendered from several threads, each with an arena of its own.
 *
 * Everything that is not implemented (a filter, a test, a method, a statement) is refused when the
 * template is compiled, with its line and its name: a prompt is right or there is none.
 * What is implemented stands in docs/templates.md; it behaves as Jinja2 3.1 does, table-tested.
 *
 * Every byte of output knows who wrote it: the template (its literal text, its string literals, and
 * the variables that the caller trusts, such as bos_token) or data (all other variables, and all
 * that is made from them). A tokenizer may parse special tokens in the former and must not in the
 * latter. */
#ifndef BASE_TEMPLATE_H
#define BASE_TEMPLATE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/value.h"

typedef struct template template; /* opaque, lives in the arena it was compiled in */

typedef struct {
    bool strict;        /* using an undefined name is an error (tasks); else it prints as "" */
    bool trim_blocks;   /* drop the newline behind a {% block %} */
    bool lstrip_blocks; /* drop the blanks in front of a {% block %} that begins a line */
    bool keep_trailing_newline; /* else one newline at the end of the source is dropped */
    bool html_json;             /* tojson as Jinja2 has it (sorted keys, < > & ' escaped), else as
                                   the chat templates expect it (keys in order, nothing escaped) */
    const char *const
        *trusted;       /* NULL-terminated names of variables that count as template, or NULL */
    uint64_t max_steps; /* 0: 2,000,000 evaluated nodes and loop rounds a rendering */
    size_t max_output;  /* 0: 16 MiB, also for every intermediate string */
} template_options;

/* Task files: what lm-evaluation-harness sets. Chat templates: what transformers sets. */
#define TEMPLATE_FOR_TASK                                                                          \
    {                                                                                              \
        true, false, false, true, true, NULL, 0, 0                                                 \
    }
#define TEMPLATE_FOR_CHAT                                                                          \
    {                                                                                              \
        false, true, true, false, false, NULL, 0, 0                                                \
    }

/* Of a source. The longest that models ship have 20 kB; tokens and nodes take 100 times as much. */
enum { TEMPLATE_MAX_BYTES = 1 << 20 };

typedef struct {
    size_t start, end; /* bytes of the output; spans follow each other without a gap */
    bool data;         /* written by data: no special tokens in here */
} template_span;

typedef struct {
    const char *text; /* NUL-terminated, may hold NULs besides */
    size_t len;
    const template_span *spans; /* (n_spans) */
    size_t n_spans;
} template_output;

/* Compile. `name` and `line0` (line number of the first line; 1 for a file) are for messages, which
 * read "NAME:LINE: ...". The source is copied. Options are copied, except `trusted`, which is
 * borrowed. WAAGE_EFORMAT: wrong syntax, or longer than TEMPLATE_MAX_BYTES. WAAGE_EUNSUPPORTED:
 * Jinja2 that this interpreter does not have. */
WAAGE_MUST_CHECK waage_status template_compile(template **out, arena *a, const char *source,
                                               size_t len, const char *name, uint32_t line0,
                                               const template_options *opt, waage_err *err);

/* Render with the variables of the map `vars` (NULL: none). `date` (YYYY-MM-DD) is what
 * strftime_now prints; NULL: 2026-01-01. The output lives in `a`. WAAGE_EFORMAT: the template
 * raised an error (raise_exception, an undefined name, a wrong type, a limit); the message names
 * the line. */
WAAGE_MUST_CHECK waage_status template_render(const template *t, const value *vars,
                                              const char *date, template_output *out, arena *a,
                                              waage_err *err);

/* The value of a template: when the source is one single {{ expression }}, that value with its
 * type; else the rendered text, which is read as a literal when it looks like a list, as
 * lm-evaluation-harness does for doc_to_choice and doc_to_target. *out lives in `a`. */
WAAGE_MUST_CHECK waage_status template_evaluate(const template *t, const value *vars, value **out,
                                                arena *a, waage_err *err);

/* Does the template use a variable of this name? (As an attribute or a key it does not count.) */
bool template_uses(const template *t, const char *name);

/* Does the text hold anything that a template would interpret ("{{", "{%", "{#")? */
bool template_has_code(const char *source, size_t len);
#endif
