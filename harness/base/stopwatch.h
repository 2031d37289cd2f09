/* stopwatch.h - time for people and for manifests; nothing that a digest covers may depend on it.
 */
#ifndef BASE_STOPWATCH_H
#define BASE_STOPWATCH_H
#include <stddef.h>

double stopwatch_now(void); /* seconds on a clock that only runs forward */

enum { STOPWATCH_DATE = 24 };
void stopwatch_date(char out[STOPWATCH_DATE]); /* "2026-01-31T12:00:00Z" */

enum { STOPWATCH_SPAN = 24 };
/* "0:42", "12:05", "3:07:00"; "-" when unknown (negative or not finite). */
void stopwatch_print_span(char out[STOPWATCH_SPAN], double seconds);

#endif
