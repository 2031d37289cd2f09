/* degenerate.h - replies that are no answer because the model got stuck. */
#ifndef TASKS_DEGENERATE_H
#define TASKS_DEGENERATE_H
#include <stdbool.h>
#include <stddef.h>

/* Does the text end in a loop that makes up at least half of it? Either the same stretch at least
 * four times in a row (60 bytes and more), or, from 300 bytes on, fewer than 3 in 10 of its 16-byte
 * pieces are different ones. Only the last 16 KiB are looked at. */
bool degenerate_is_loop(const char *s, size_t len);

/* Is the text the question over again, and nothing else? Both are compared without white space. */
bool degenerate_is_copy(const char *s, size_t len, const char *question);
#endif
