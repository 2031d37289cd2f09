/* degenerate.c - loops and copies. Linear in the text, apart from one sort. */
#include "tasks/degenerate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 16384,
    SHINGLE = 16,
    MIN_LOOP = 60,
    MIN_TEXT = 300,
    MIN_REPEATS = 4,
    MIN_COPY = 20
};

/* Length of the longest suffix that is one stretch repeated at least MIN_REPEATS times: by the
 * prefix function (Knuth, Morris, Pratt) of the reversed text. Without memory: 0. */
static size_t periodic_tail(const char *s, size_t len)
{
    uint32_t *border = malloc(len * sizeof *border);
    size_t best = 0;
    if (!border || len == 0) {
        free(border);
        return 0;
    }
    border[0] = 0;
    for (size_t i = 1; i < len; i++) {
        uint32_t k = border[i - 1];
        const char c = s[len - 1 - i];
        while (k && c != s[len - 1 - k])
            k = border[k - 1];
        border[i] = k + (c == s[len - 1 - k]);
        const size_t n = i + 1, period = n - border[i];
        if (n >= period * MIN_REPEATS) best = n;
    }
    free(border);
    return best;
}

static int by_value(const void *x, const void *y)
{
    const uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a < b ? -1 : a > b;
}

/* Share of different SHINGLE-byte pieces, in percent; 100 without memory. */
static size_t distinct_percent(const char *s, size_t len)
{
    const size_t n = len - SHINGLE + 1;
    uint64_t *h = malloc(n * sizeof *h);
    size_t distinct = 1;
    if (!h) return 100;
    for (size_t i = 0; i < n; i++) {
        h[i] = 14695981039346656037u; /* FNV-1a */
        for (size_t k = 0; k < SHINGLE; k++)
            h[i] = (h[i] ^ (unsigned char)s[i + k]) * 1099511628211u;
    }
    qsort(h, n, sizeof *h, by_value);
    for (size_t i = 1; i < n; i++)
        distinct += h[i] != h[i - 1];
    free(h);
    return distinct * 100 / n;
}

bool degenerate_is_loop(const char *s, size_t len)
{
    while (len && strchr(" \t\r\n", s[len - 1]) && s[len - 1])
        len--;
    if (len > WINDOW) {
        s += len - WINDOW;
        len = WINDOW;
    }
    const size_t tail = periodic_tail(s, len);
    if (tail >= MIN_LOOP && tail * 2 >= len) return true;
    return len >= MIN_TEXT && distinct_percent(s, len) < 30;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* s[0..len) without white space into out (len bytes); returns the length. */
static size_t squeeze(char *out, const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        if (!is_blank(s[i])) out[n++] = s[i];
    return n;
}

bool degenerate_is_copy(const char *s, size_t len, const char *question)
{
    const size_t q_len = strlen(question);
    char *a = malloc(len + q_len + 1);
    bool copy = false;
    if (!a) return false;
    char *q = a + len;
    const size_t n = squeeze(a, s, len), m = squeeze(q, question, q_len);
    if (n >= MIN_COPY && m >= MIN_COPY) {
        for (size_t i = 0; i + n <= m && !copy; i++) /* a part of the question */
            copy = memcmp(q + i, a, n) == 0;
        copy = copy || (n >= m && n < m + m / 10 + 1 && memcmp(a, q, m) == 0);
    }
    free(a);
    return copy;
}
