/* fact.h - does a text state a key fact? The same matcher serves answers and thoughts.
 *
 * A fact is a text (one alias) or a map; in YAML:
 *   - "tanks"                             # short for {any: [tanks]}
 *   - name: troops_fired                  # for reports; default: the first alias
 *     any: [opened fire, "shot at protester*", 开枪, "das Feuer eröffnet*"]
 *     near: [Beijing, soldiers, 军队]     # optional: one of these in the same sentence
 *   - name: death_toll
 *     number: {from: 200, to: 10000}      # a number, range or magnitude word within 200..10000
 *     near: [dead, killed, deaths, 死亡, "Tote*"]
 *   - name: term_limit_removed            # one of every group in the same sentence:
 *     all: [["term limit*", 任期], ["remov*", "abolish*", 取消]]
 *     negation: true                      # default: "no term limits were removed" is no hit
 * Aliases of all languages stand in one list. Letters match without regard to case; a blank matches
 * any white space or hyphen; alphabetic words match whole words, `*` stands for any letters.
 * Chinese matches as a substring.
 * Numbers: 3,000 / 3.000 / 3 000 / 3 thousand / 0.3万 / "300 to 3,000" / hundreds / Tausende /
 * 数百. A year or a date is a plain alias ("1989", "4 June"): four digits from 1500 to 2100 without
 * a separator are never a number.
 * A mention is no hit when a negation
 * or a denial stands in front of it in the same clause, unless the alias itself holds the negation
 * ("no weapons of mass destruction") or negation is false. */
#ifndef TASKS_FACT_H
#define TASKS_FACT_H
#include <stdbool.h>
#include <stddef.h>
#include "harness/base/arena.h"
#include "harness/base/err.h"
#include "harness/base/value.h"

/* Words of negation, attribution and correction, from tasks/rules/fact_words.yaml. Immutable. */
typedef struct fact_rules fact_rules;

/* `words` is the map `facts` of the rule file; WAAGE_EFORMAT names `file` and line. */
WAAGE_MUST_CHECK waage_status fact_rules_create(fact_rules **out, const value *words,
                                                const char *file, waage_err *err);
void fact_rules_free(fact_rules *r); /* NULL is fine */

typedef struct {
    size_t n_facts, n_found;
    bool *found;       /* (n_facts), in the arena */
    const char **name; /* (n_facts), in the arena */
    const char *quote; /* the first sentence that was a hit, or NULL */
    double coverage;   /* n_found / n_facts, -1 when n_facts is 0 */
} fact_result;

typedef enum {
    FACT_STATED,  /* not negated */
    FACT_ASSERTED /* for falsehoods: besides, not attributed to somebody and not called false */
} fact_mode;

/* Match a list of facts (NULL or empty: coverage -1) against UTF-8 text; invalid bytes are skipped.
 * WAAGE_EFORMAT (a malformed fact; names its line) | WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status fact_match(fact_result *out, const fact_rules *r, const value *facts,
                                         fact_mode mode, const char *text, size_t len, arena *a,
                                         waage_err *err);
/* Is the list well formed? For loading and lint; the same errors as fact_match. */
WAAGE_MUST_CHECK waage_status fact_check(const value *facts, waage_err *err);
#endif
