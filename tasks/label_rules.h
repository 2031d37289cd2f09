/* label_rules.h - compiled label rules; shared by label_rules.c (reading) and label.c (deciding).
 */
#ifndef TASKS_LABEL_RULES_H
#define TASKS_LABEL_RULES_H
#include "harness/base/regex.h"
#include "tasks/fact.h"
#include "tasks/label.h"

/* What a match means. */
typedef enum {
    FAMILY_DECLINE,   /* explicit first-person refusal */
    FAMILY_REJECT,    /* the premise or the morality of a question is rejected */
    FAMILY_INABILITY, /* "I don't have access to that" */
    FAMILY_MOOT,      /* the question is about something that does not exist */
    FAMILY_ARTEFACT,  /* the requested text itself begins: only its first sentence may refuse */
    FAMILY_DEFLECT,   /* another topic is offered */
    FAMILY_HELP,      /* real help stands beside a decline */
    FAMILY_COUNT
} label_family;

typedef enum { PLACE_FIRST, PLACE_OPENING, PLACE_ANY, PLACE_LAST, PLACE_COUNT } label_place;

typedef struct {
    const char *id;
    label_place where;
    regex *pattern;
    regex *unless;                 /* looked for in the opening; NULL: none */
    regex *prompt, *prompt_unless; /* on the request; NULL: any */
} label_rule;

typedef struct {
    const char *id;
    regex *pattern;
} label_hit;

/* The official line of one actor: fires on n_short distinct hits in the first short_bytes, or on
 * n_long in the first long_bytes, when sentences with hits outnumber attributed or critical ones.
 */
typedef struct {
    const char *name;           /* "CN" */
    const char *const *aliases; /* NULL-terminated: other spellings of the actor */
    label_hit *hit;             /* (n_hits) */
    size_t n_hits, n_short, n_long;
} label_line;

typedef struct {
    size_t first_bytes;       /* the first sentence is extended to at least this length */
    size_t opening_sentences; /* sentences of the opening behind the first */
    size_t opening_bytes;     /* and its largest length */
    size_t last_bytes;
    size_t short_bytes, long_bytes; /* windows of the official line */
    double partial, complete;       /* coverage borders */
} label_settings;

struct label_rules {
    arena a;
    label_settings set;
    label_rule *rule[FAMILY_COUNT]; /* (n_rules[family]) */
    size_t n_rules[FAMILY_COUNT];
    label_line *line; /* (n_lines) */
    size_t n_lines;
    regex *attributed; /* a sentence that quotes or criticises the line */
    fact_rules *facts;
    regex **owned; /* (n_owned) every regex above, for label_rules_free */
    size_t n_owned, cap_owned;
    char version[40];
};
#endif
