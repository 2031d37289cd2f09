/* fact_number.h - mentions of quantities in running text, English, German and Chinese: digits with
 * separators, multipliers ("3 thousand", "0,5 Mio.", "3万"), number words in front of a multiplier,
 * ranges, and magnitude words ("hundreds", "Zehntausende", "数百"), which stand for an interval. */
#ifndef TASKS_FACT_NUMBER_H
#define TASKS_FACT_NUMBER_H
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    size_t start, end; /* byte offsets */
    double lo, hi;     /* equal for a plain number */
    bool magnitude;    /* "hundreds": any value of lo..hi may be meant */
} fact_number;

/* The first mention at or after `from`; false when there is none. Four digits 1500..2100 without a
 * separator are a year and no mention. `text` is valid UTF-8. */
bool fact_number_next(fact_number *out, const char *text, size_t len, size_t from);
/* Does the mention fit from..to? A plain number lies in it, a range has an end in it, a magnitude
 * word meets it. */
bool fact_number_fits(const fact_number *n, double from, double to);
#endif
