/* nearest.c - edit distance (optimal string alignment) with three rows. */
#include "harness/base/nearest.h"
#include <stdint.h>
#include <string.h>

enum { NEAREST_MAX = 64 }; /* longer words are not compared */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    const size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Both at most NEAREST_MAX long. */
static size_t edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t rows[3][NEAREST_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++)
        above[j] = before[j] = j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            const char x = lower(a[i - 1]), y = lower(b[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]) &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[nb];
}

void nearest_init(nearest *n, const char *word)
{
    n->word = word;
    n->best = NULL;
    n->distance = SIZE_MAX;
}

void nearest_offer(nearest *n, const char *name)
{
    const size_t nw = strlen(n->word), nn = strlen(name);
    if (nw == 0 || nw > NEAREST_MAX || nn > NEAREST_MAX) return;
    size_t d = edit_distance(n->word, nw, name, nn);
    const size_t most = nw / 3 > 0 ? nw / 3 : 1;
    if (nw >= 2 && nn > nw && strncmp(n->word, name, nw) == 0 && d > 1) d = 1;
    if (d <= most && d < n->distance) {
        n->best = name;
        n->distance = d;
    }
}
