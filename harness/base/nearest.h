/* nearest.h - which known name a misspelt one was meant to be. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H
#include <stddef.h>

typedef struct {
    const char *word;
    const char *best; /* NULL: nothing is near enough to be worth suggesting */
    size_t distance;
} nearest;

/* Usage: nearest_init(&n, word); nearest_offer(&n, name) for every known name; then n.best.
 * Distance: insertions, deletions, substitutions and swaps of neighbours, without case; a name that
 * begins with the word counts as distance 1. At most a third of the letters may differ.
 * Offered names are borrowed. */
void nearest_init(nearest *n, const char *word);
void nearest_offer(nearest *n, const char *name);

#endif
