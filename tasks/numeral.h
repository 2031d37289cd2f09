/* numeral.h - numbers as people and models write them: 1,234.50  $18  -3  12%  1/2  \frac{1}{2}  ½
 * 1{,}234  １２  and, in German, 1.234,5. Values are exact: nothing goes through floating point.
 * What is no number here: words (twelve, 十二), roman numerals, powers, dates. */
#ifndef TASKS_NUMERAL_H
#define TASKS_NUMERAL_H
#include <stdbool.h>
#include <stddef.h>

enum { NUMERAL_DIGITS = 40 }; /* longest number of digits on either side of a fraction bar */

typedef struct {
    bool negative;
    char num[NUMERAL_DIGITS + 1]; /* digits of the numerator without leading zeros; "" is 0 */
    char den[NUMERAL_DIGITS + 1]; /* of the denominator, "1" for a whole number */
} numeral;

typedef struct {
    size_t start,
        end; /* bytes in the text, sign and currency included, unit and percent sign not */
    numeral value;
} numeral_match;

/* The first number at or after `from`. language "de": a comma is decimal, a dot before exactly
 * three digits groups; else the other way round. Digits glued to a letter (H2O, x2) are no number.
 */
bool numeral_find(const char *s, size_t len, size_t from, const char *language, numeral_match *out);

/* Does the whole text, apart from blanks, currency, percent sign and a unit word, say one number?
 */
bool numeral_parse(const char *s, size_t len, const char *language, numeral *out);

/* Equal values: 1/2, 0.5 and 2/4. */
bool numeral_equal(const numeral *a, const numeral *b);

/* "-1234.5", or "-1/3" where there is no finite decimal. `out` holds size bytes. */
void numeral_print(const numeral *n, char *out, size_t size);
#endif
