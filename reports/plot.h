/* plot.h - figures as inline SVG, drawn by gnuplot as a child process (script on its stdin, no
 * files). Untrusted text never reaches gnuplot: labels go in as placeholders and are replaced,
 * escaped, in the SVG it returns; colours become CSS variables, so that a figure follows the page's
 * theme. */
#ifndef REPORTS_PLOT_H
#define REPORTS_PLOT_H
#include <stddef.h>
#include "harness/base/strbuf.h"
#include "harness/stats.h"

typedef struct {
    const char *label; /* unescaped */
    double value;      /* -1..1 */
    stats_interval ci;
    size_t color; /* model that it favours, SIZE_MAX: none */
} plot_difference;

/* Differences with intervals, one row each, first on top. `what` describes the figure for those who
 * do not see it. program: NULL for "gnuplot". false (and nothing appended): it is missing or
 * failed. */
bool plot_differences(strbuf *out, const char *program, const plot_difference *d, size_t n,
                      const char *what);

typedef struct {
    size_t x; /* position 0..n_x-1 */
    double value;
    stats_interval ci;
} plot_point;

typedef struct {
    const plot_point *points; /* ascending x */
    size_t n, color;
} plot_series;

/* Scores 0..1 by level, one line per series. */
bool plot_levels(strbuf *out, const char *program, const char *const *labels, size_t n_x,
                 const plot_series *series, size_t n_series, const char *what);
typedef struct {
    double tokens, value; /* value 0..1 */
    stats_interval ci;
    size_t color; /* points of one colour are joined in the order of their tokens */
} plot_token;

/* Scores 0..1 against tokens of thought for an answer. */
bool plot_tokens(strbuf *out, const char *program, const plot_token *p, size_t n, const char *what);
#endif
