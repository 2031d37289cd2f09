/* regex.h - regular expressions through PCRE2 (UTF and UCP on, JIT where there is one).
 * Patterns come from task files and are bounded by PCRE2's match and depth limits. */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H
#include <stdbool.h>
#include <stddef.h>
#include "harness/base/err.h"

typedef struct regex regex;

enum { REGEX_CASELESS = 1, REGEX_DOTALL = 2, REGEX_MULTILINE = 4 };
enum { REGEX_MAX_GROUPS = 32 };

typedef struct {
    size_t start, end; /* byte offsets; start == SIZE_MAX when the group took no part */
} regex_span;

/* WAAGE_EFORMAT names the offset in the pattern and PCRE2's reason. */
WAAGE_MUST_CHECK waage_status regex_compile(regex **out, const char *pattern, unsigned flags,
                                            waage_err *err);
void regex_free(regex *re);
size_t regex_n_groups(const regex *re); /* capturing groups, without group 0 */

/* Find the first match at or after `from`. Fills span[0..min(n_spans, groups + 1) - 1].
 * text must be valid UTF-8. Returns true when found; a match that hits a limit counts as not found.
 * Thread-safe: one regex may be used from several threads. */
bool regex_find(const regex *re, const char *text, size_t len, size_t from, regex_span *span,
                size_t n_spans);
const char *regex_unicode_version(void); /* PCRE2's Unicode version, for the manifest */
#endif
