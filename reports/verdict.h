/* verdict.h - the sentences that a report may say: built from the comparisons alone, one rule per
 * kind of verdict, so that HTML, Markdown and JSON say the same. There is no overall winner. */
#ifndef REPORTS_VERDICT_H
#define REPORTS_VERDICT_H
#include "reports/view.h"

typedef struct {
    size_t model;     /* index: the text is this model's label; SIZE_MAX: plain text */
    const char *text; /* unescaped */
} verdict_span;

typedef struct {
    const verdict_span *spans;
    size_t n_spans;
} verdict_text;

typedef struct {
    const verdict_text *sentences; /* what can be quoted; at least one */
    size_t n_sentences;
    const verdict_text *notes; /* tests, floors, what could not be measured */
    size_t n_notes;
} verdict;

WAAGE_MUST_CHECK waage_status verdict_make(verdict *out, const view *v);

/* One comparison in a sentence, for its suite's section. */
WAAGE_MUST_CHECK waage_status verdict_explain(verdict_text *out, const view *v,
                                              const analysis_comparison *k);
#endif
