/* plot.c - see plot.h. The script names no label and no colour of ours: it holds placeholders @0@
 * and the marker colours below, and finish_svg() puts escaped text and CSS variables in their
 * place. */
#include "reports/plot.h"
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harness/base/utf8.h"
#include "reports/escape.h"

extern char **environ;

enum {
    MAX_SVG = 4 << 20,
    TIMEOUT_MS = 20000,
    MAX_LABEL = 58,      /* characters of a row's label */
    MAX_SIDE_LABEL = 26, /* up to here all labels stand beside the axis */
    N_COLORS = 8,        /* CSS variables --m0 .. --m7; 8: --dim */
    GRID_COLOR = 9       /* --line */
};

/* --- the child process ----------------------------------------------------------------------- */

static bool start(pid_t *child, int *from, const char *program, FILE *script)
{
    posix_spawn_file_actions_t fa;
    int fd[2];
    if (pipe(fd) != 0) return false;
    if (posix_spawn_file_actions_init(&fa) != 0) {
        close(fd[0]);
        close(fd[1]);
        return false;
    }
    /* -d: neither the system's nor the user's start-up file may change a figure. */
    char *argv[4] = {NULL, NULL, NULL, NULL};
    char dash_d[] = "-d", *own_name = strdup(program);
    argv[0] = own_name;
    argv[1] = dash_d;
    bool ok = own_name && posix_spawn_file_actions_adddup2(&fa, fileno(script), 0) == 0 &&
              posix_spawn_file_actions_adddup2(&fa, fd[1], 1) == 0 &&
              posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", 1 /* O_WRONLY */, 0) == 0 &&
              posix_spawn_file_actions_addclose(&fa, fd[0]) == 0;
    ok = ok && posix_spawnp(child, program, &fa, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&fa);
    free(own_name);
    close(fd[1]);
    if (!ok) close(fd[0]);
    *from = fd[0];
    return ok;
}

/* Read to the end; false on a time-out or too much. */
static bool drain(int from, strbuf *out)
{
    char block[16384];
    for (;;) {
        struct pollfd p = {from, POLLIN, 0};
        const int ready = poll(&p, 1, TIMEOUT_MS);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return false;
        const ssize_t n = read(from, block, sizeof block);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 || out->len > MAX_SVG) return false;
        if (n == 0) return true;
        strbuf_put(out, block, (size_t)n);
    }
}

/* gnuplot reads the script from a temporary file on its stdin: no pipe that could block both ways.
 */
static bool run_gnuplot(strbuf *svg, const char *program, const strbuf *script)
{
    FILE *f = tmpfile();
    pid_t child;
    int from, status = 0;
    if (!program) program = "gnuplot";
    if (!f) return false;
    bool ok = !script->failed && fwrite(strbuf_str(script), 1, script->len, f) == script->len &&
              fflush(f) == 0 && fseek(f, 0, SEEK_SET) == 0 && *program &&
              start(&child, &from, program, f);
    fclose(f);
    if (!ok) return false;
    ok = drain(from, svg);
    close(from);
    if (!ok) kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return ok && WIFEXITED(status) && WEXITSTATUS(status) == 0 && !svg->failed &&
           strstr(strbuf_str(svg), "</svg>") != NULL;
}

/* --- gnuplot's SVG becomes ours --------------------------------------------------------------- */

/* Cut [from, to] with both ends included, wherever it occurs. */
static const char *skip_block(const char *p, const char *from, const char *to)
{
    if (strncmp(p, from, strlen(from)) != 0) return p;
    const char *end = strstr(p + strlen(from), to);
    return end ? end + strlen(to) : p;
}

static const char *skip_blocks(const char *p)
{
    static const char *const blocks[][2] = {
        {"<title>", "</title>"},       {"<desc>", "</desc>"},          {"<defs>", "</defs>"},
        {" id=\"gnuplot_plot", "\" "}, {" id=\"gnuplot_canvas", "\""}, {" xmlns:xlink=\"", "\""},
        {" xmlns=\"", "\""},           {" font-family=\"", "\""}};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        const char *q = skip_block(p, blocks[i][0], blocks[i][1]);
        if (q != p) return q;
    }
    return p;
}

/* Replacements of equal meaning: definitions are shared by id and would collide within a page. */
static const struct {
    const char *from, *to;
} svg_words[] = {
    {"<use xlink:href='#gpPt6'", "<circle r='1' stroke='none' fill='currentColor'"},
    {"'black'", "'currentColor'"},
    {"\"black\"", "\"currentColor\""},
    {"rgb(  1,   2,   3)", "var(--dim)"}, /* of lines */
    {"rgb(1,2,3)", "var(--dim)"},         /* of text */
};

static bool put_placeholder(strbuf *out, const char **p, const char *const *texts, size_t n)
{
    char *end;
    if (**p != '@') return false;
    const unsigned long i = strtoul(*p + 1, &end, 10);
    if (end == *p + 1 || *end != '@' || i >= n) return false;
    escape_puts_attr(out, texts[i]);
    *p = end + 1;
    return true;
}

static bool put_color(strbuf *out, const char **p)
{
    int k, len = 0;
    if (**p != 'r' || sscanf(*p, "rgb( 10, 11, %d)%n", &k, &len) != 1 || len == 0) return false;
    if (k == GRID_COLOR)
        strbuf_puts(out, "var(--line)");
    else if (k == N_COLORS)
        strbuf_puts(out, "var(--dim)");
    else
        strbuf_printf(out, "var(--m%d)", k);
    *p += len;
    return true;
}

static bool put_word(strbuf *out, const char **p)
{
    for (size_t i = 0; i < sizeof svg_words / sizeof *svg_words; i++) {
        const size_t len = strlen(svg_words[i].from);
        if (strncmp(*p, svg_words[i].from, len) != 0) continue;
        strbuf_puts(out, svg_words[i].to);
        *p += len;
        return true;
    }
    return false;
}

static void finish_svg(strbuf *out, const char *svg, const char *const *texts, size_t n_texts,
                       const char *class, const char *what)
{
    const char *p = strstr(svg, "<svg");
    if (!p) return;
    strbuf_printf(out, "<svg class=\"%s\" role=\"img\" aria-label=\"", class);
    escape_puts_attr(out, what);
    strbuf_putc(out, '"');
    p += 4;
    while (*p) {
        const char *q = skip_blocks(p);
        if (q != p)
            p = q;
        else if (!put_placeholder(out, &p, texts, n_texts) && !put_color(out, &p) &&
                 !put_word(out, &p))
            strbuf_putc(out, *p++);
    }
}

static bool draw(strbuf *out, const char *program, strbuf *script, const char *const *texts,
                 size_t n_texts, const char *class, const char *what)
{
    strbuf svg = STRBUF_EMPTY;
    const bool ok = run_gnuplot(&svg, program, script);
    if (ok) finish_svg(out, strbuf_str(&svg), texts, n_texts, class, what);
    strbuf_free(&svg);
    strbuf_free(script);
    return ok;
}

static void put_setup(strbuf *s, int width, int height)
{
    strbuf_printf(s,
                  "set encoding utf8\nset terminal svg size %d,%d dynamic font ',11' noenhanced\n"
                  "set decimalsign '.'\nset border 0\nunset key\nset bars 0\n",
                  width, height);
}

static size_t color_code(size_t color)
{
    return color < N_COLORS ? color : N_COLORS;
}

/* --- differences ------------------------------------------------------------------------------ */

static double axis_step(double span)
{
    return span > 120 ? 50 : span > 45 ? 20 : span > 22 ? 10 : 5;
}

static void put_axis(strbuf *s, double lo, double hi)
{
    const double step = axis_step(hi - lo);
    lo = step * floor(lo / step);
    hi = step * ceil(hi / step);
    strbuf_printf(s,
                  "set xrange [%.0f:%.0f]\nset xtics nomirror scale 0.4 textcolor rgb '#010203' (",
                  lo, hi);
    for (double x = lo; x <= hi + 0.5; x += step)
        strbuf_printf(s, "%s'%s%.0f' %.0f", x > lo ? ", " : "",
                      x > 0   ? "+"
                      : x < 0 ? "\xE2\x88\x92"
                              : "",
                      fabs(x), x);
    strbuf_puts(s, ")\n");
}

static bool clip_label(strbuf *texts, const char *label)
{
    size_t len = strlen(label), at = 0, chars = 0;
    while (at < len && chars < MAX_LABEL) {
        uint32_t c;
        at += utf8_decode(label + at, len - at, &c);
        chars++;
    }
    strbuf_put(texts, label, at);
    if (at < len) strbuf_puts(texts, "\xE2\x80\xA6");
    strbuf_putc(texts, '\0');
    return !texts->failed;
}

/* Short labels stand left of the axis, long ones above their interval. */
static size_t label_margin(const plot_difference *d, size_t n)
{
    size_t longest = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t chars = utf8_count(d[i].label, strlen(d[i].label));
        if (chars > longest) longest = chars;
    }
    return longest <= MAX_SIDE_LABEL ? longest : 0;
}

static void put_differences(strbuf *s, const plot_difference *d, size_t n)
{
    const size_t margin = label_margin(d, n);
    double lo = -1, hi = 1;
    for (size_t i = 0; i < n; i++) {
        if (100 * d[i].ci.lo < lo) lo = 100 * d[i].ci.lo;
        if (100 * d[i].ci.hi > hi) hi = 100 * d[i].ci.hi;
    }
    put_setup(s, 440, (int)((margin ? 26 : 36) * n + 30));
    put_axis(s, lo, hi);
    strbuf_printf(s,
                  "set lmargin %zu\nset rmargin 8\nset tmargin 0.3\nset bmargin 1.8\nunset ytics\n"
                  "set yrange [-0.5:%zu.%d]\n"
                  "set arrow from 0,graph 0 to 0,graph 1 nohead dt 3 lc rgb '#010203'\n",
                  margin + 2, n - 1, margin ? 5 : 75);
    for (size_t i = 0; i < n; i++) {
        if (margin)
            strbuf_printf(s, "set label '@%zu@' at graph 0,first %zu left offset -%zu,0\n", i,
                          n - 1 - i, margin + 1);
        else
            strbuf_printf(s, "set label '@%zu@' at graph 0,first %zu.38 left\n", i, n - 1 - i);
        strbuf_printf(s, "set label '%s%.1f' at graph 1,first %zu right offset 7,0\n",
                      d[i].value > 0.0005    ? "+"
                      : d[i].value < -0.0005 ? "\xE2\x88\x92"
                                             : "",
                      fabs(100 * d[i].value), n - 1 - i);
    }
    for (size_t i = 0; i < n; i++)
        strbuf_printf(s,
                      "%s'-' using 1:2:3:4 with xerrorbars pt 7 ps 0.75 lw 2 lc rgb '#0a0b%02zx'",
                      i ? ", " : "plot ", color_code(d[i].color));
    strbuf_putc(s, '\n');
    for (size_t i = 0; i < n; i++)
        strbuf_printf(s, "%.4f %zu %.4f %.4f\ne\n", 100 * d[i].value, n - 1 - i, 100 * d[i].ci.lo,
                      100 * d[i].ci.hi);
}

bool plot_differences(strbuf *out, const char *program, const plot_difference *d, size_t n,
                      const char *what)
{
    strbuf script = STRBUF_EMPTY, labels = STRBUF_EMPTY;
    const char **texts = malloc((n + 1) * sizeof *texts);
    if (n == 0 || !texts) {
        free(texts);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        clip_label(&labels, d[i].label);
    put_differences(&script, d, n);
    const char *p = strbuf_str(&labels);
    for (size_t i = 0; i < n && !labels.failed; i++, p += strlen(p) + 1)
        texts[i] = p;
    const bool ok = !labels.failed && draw(out, program, &script, texts, n, "plot diff", what);
    strbuf_free(&script);
    strbuf_free(&labels);
    free(texts);
    return ok;
}

/* --- scores by level -------------------------------------------------------------------------- */

static void put_levels(strbuf *s, size_t n_x, const plot_series *series, size_t n_series)
{
    put_setup(s, 300, 150);
    strbuf_printf(s,
                  "set lmargin 4\nset rmargin 1\nset tmargin 0.6\nset bmargin 1.8\n"
                  "set xrange [-0.5:%zu.5]\nset yrange [0:100]\n"
                  "set ytics ('0' 0, '50' 50, '100' 100) scale 0 textcolor rgb '#010203'\n"
                  "set grid ytics lt 1 lw 0.5 lc rgb '#0a0b09'\n"
                  "set xtics nomirror scale 0 textcolor rgb '#010203' (",
                  n_x - 1);
    for (size_t i = 0; i < n_x; i++)
        strbuf_printf(s, "%s'@%zu@' %zu", i ? ", " : "", i, i);
    strbuf_puts(s, ")\n");
    for (size_t k = 0; k < n_series; k++)
        strbuf_printf(s,
                      "%s'-' using 1:2:3:4 with yerrorbars pt 7 ps 0.5 lw 1 lc rgb '#0a0b%02zx', "
                      "'-' using 1:2 with lines lw 1.5 lc rgb '#0a0b%02zx'",
                      k ? ", " : "plot ", color_code(series[k].color), color_code(series[k].color));
    strbuf_putc(s, '\n');
    for (size_t k = 0; k < n_series; k++)
        for (int pass = 0; pass < 2; pass++) { /* the points, then the line */
            const double shift =
                n_series > 1 ? 0.1 * ((double)k / (double)(n_series - 1) - 0.5) : 0;
            for (size_t i = 0; i < series[k].n; i++) {
                const plot_point *p = &series[k].points[i];
                strbuf_printf(s, "%.3f %.4f %.4f %.4f\n", (double)p->x + shift, 100 * p->value,
                              100 * p->ci.lo, 100 * p->ci.hi);
            }
            strbuf_puts(s, "e\n");
        }
}

bool plot_levels(strbuf *out, const char *program, const char *const *labels, size_t n_x,
                 const plot_series *series, size_t n_series, const char *what)
{
    strbuf script = STRBUF_EMPTY;
    size_t n_points = 0;
    for (size_t k = 0; k < n_series; k++)
        n_points += series[k].n;
    if (n_x == 0 || n_points == 0) return false;
    put_levels(&script, n_x, series, n_series);
    return draw(out, program, &script, labels, n_x, "plot levels", what);
}

/* --- scores by tokens ------------------------------------------------------------------------- */

enum { MAX_TOKENS_PLOTTED = 64 };

static int by_color_and_tokens(const void *x, const void *y)
{
    const plot_token *a = x, *b = y;
    if (a->color != b->color) return a->color < b->color ? -1 : 1;
    return (a->tokens > b->tokens) - (a->tokens < b->tokens);
}

static void put_tokens(strbuf *s, const plot_token *p, size_t n)
{
    double most = 1;
    for (size_t i = 0; i < n; i++)
        if (p[i].tokens > most) most = p[i].tokens;
    put_setup(s, 300, 170);
    strbuf_printf(s,
                  "set lmargin 4\nset rmargin 2\nset tmargin 0.6\nset bmargin 1.8\n"
                  "set xrange [%.6g:%.6g]\nset yrange [0:100]\n"
                  "set ytics ('0' 0, '50' 50, '100' 100) scale 0 textcolor rgb '#010203'\n"
                  "set grid ytics lt 1 lw 0.5 lc rgb '#0a0b09'\n"
                  "set xtics nomirror scale 0.4 textcolor rgb '#010203' autofreq\n",
                  -0.04 * most, 1.08 * most);
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && p[k].color == p[i].color; k++)
            ;
        strbuf_printf(s,
                      "%s'-' using 1:2:3:4 with yerrorbars pt 7 ps 0.6 lw 1 lc rgb '#0a0b%02zx', "
                      "'-' using 1:2 with lines lw 1.5 lc rgb '#0a0b%02zx'",
                      i ? ", " : "plot ", color_code(p[i].color), color_code(p[i].color));
    }
    strbuf_putc(s, '\n');
    for (size_t i = 0, k; i < n; i = k)
        for (int pass = 0; pass < 2; pass++) {
            for (k = i; k < n && p[k].color == p[i].color; k++)
                strbuf_printf(s, "%.6g %.4f %.4f %.4f\n", p[k].tokens, 100 * p[k].value,
                              100 * p[k].ci.lo, 100 * p[k].ci.hi);
            strbuf_puts(s, "e\n");
        }
}

bool plot_tokens(strbuf *out, const char *program, const plot_token *p, size_t n, const char *what)
{
    strbuf script = STRBUF_EMPTY;
    plot_token sorted[MAX_TOKENS_PLOTTED];
    if (n < 2 || n > MAX_TOKENS_PLOTTED) return false;
    memcpy(sorted, p, n * sizeof *p);
    qsort(sorted, n, sizeof *sorted, by_color_and_tokens);
    put_tokens(&script, sorted, n);
    return draw(out, program, &script, NULL, 0, "plot levels", what);
}
