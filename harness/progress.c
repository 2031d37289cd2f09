/* progress.c - counts per row and prints them. Owns no thread: it speaks when it is told something.
 */
#include "harness/progress.h"
#include "harness/base/log.h"
#include "harness/base/stopwatch.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROGRESS_LINE = 160 };
static const double progress_live_every = 0.2, progress_plain_every = 30;

typedef struct {
    size_t n_done, n_scored; /* in this run */
    double credit;
    double begun; /* seconds; 0: not yet */
} row_state;

struct progress {
    FILE *out;
    bool live, dirty; /* dirty: an unfinished line is on the terminal */
    double every, last;
    const char *model;
    const progress_row *rows;
    row_state *states;
    size_t n_rows;
    uint64_t n_tokens;
    double begun;
};

progress *progress_create(FILE *out, bool live, double every)
{
    progress *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->out = out;
    p->live = live;
    p->every = every;
    return p;
}

progress *progress_create_stderr(void)
{
    if (log_get_level() == LOG_QUIET) return NULL;
    const char *term = getenv("TERM");
    const bool live = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    return progress_create(stderr, live, live ? progress_live_every : progress_plain_every);
}

void progress_free(progress *p)
{
    if (!p) return;
    free(p->states);
    free(p);
}

static size_t left_in(const progress *p, size_t row)
{
    return p->rows[row].n_total - p->rows[row].n_before - p->states[row].n_done;
}

/* "SmolLM2  math (chat)  120/300  score 0.412  1240 tok/s  ETA 0:42" */
static void format_line(const progress *p, size_t row, double now, char out[PROGRESS_LINE])
{
    const row_state *s = &p->states[row];
    char score[32] = "", rate[32] = "", eta[40] = "", span[STOPWATCH_SPAN];
    const double since = now - s->begun, elapsed = now - p->begun;
    if (s->n_scored) snprintf(score, sizeof score, "  score %.3f", s->credit / (double)s->n_scored);
    if (p->n_tokens && elapsed > 0.1)
        snprintf(rate, sizeof rate, "  %.0f tok/s", (double)p->n_tokens / elapsed);
    if (left_in(p, row) && s->n_done) {
        stopwatch_print_span(span, since / (double)s->n_done * (double)left_in(p, row));
        snprintf(eta, sizeof eta, "  ETA %s", span);
    } else if (left_in(p, row) == 0) {
        stopwatch_print_span(span, since);
        snprintf(eta, sizeof eta, "  in %s", span);
    }
    snprintf(out, PROGRESS_LINE, "%s  %s  %zu/%zu%s%s%s", p->model, p->rows[row].name,
             p->rows[row].n_before + s->n_done, p->rows[row].n_total, score, rate, eta);
}

static void print_row(progress *p, size_t row, bool final)
{
    char line[PROGRESS_LINE];
    const double now = stopwatch_now();
    format_line(p, row, now, line);
    if (p->live)
        fprintf(p->out, "\r\033[K%s%s", line, final ? "\n" : "");
    else
        fprintf(p->out, "%s\n", line);
    fflush(p->out);
    p->dirty = p->live && !final;
    p->last = now;
}

void progress_begin(progress *p, const char *model, const progress_row *rows, size_t n_rows)
{
    if (!p) return;
    free(p->states);
    p->states = calloc(n_rows ? n_rows : 1, sizeof *p->states);
    p->model = model;
    p->rows = rows;
    p->n_rows = p->states ? n_rows : 0;
    p->n_tokens = 0;
    p->begun = p->last = stopwatch_now();
    for (size_t i = 0; i < p->n_rows; i++)
        if (rows[i].n_before == rows[i].n_total && rows[i].n_total)
            fprintf(p->out, "%s  %s  %zu/%zu  done before\n", model, rows[i].name, rows[i].n_total,
                    rows[i].n_total);
}

static void begin_row(progress *p, size_t row)
{
    p->states[row].begun = stopwatch_now();
    if (p->live) return;
    fprintf(p->out, "%s  %s  %zu items", p->model, p->rows[row].name, p->rows[row].n_total);
    if (p->rows[row].n_before) fprintf(p->out, ", %zu done before", p->rows[row].n_before);
    fputc('\n', p->out);
    fflush(p->out);
}

void progress_add_item(progress *p, size_t row, bool counts, double credit)
{
    if (!p || row >= p->n_rows) return;
    row_state *s = &p->states[row];
    if (s->begun == 0) {
        begin_row(p, row);
        s->begun = p->last > p->begun ? p->last : p->begun; /* its items were computed since then */
    }
    s->n_done++;
    if (counts) {
        s->n_scored++;
        s->credit += credit;
    }
    const bool final = left_in(p, row) == 0;
    if (final || stopwatch_now() - p->last >= p->every) print_row(p, row, final);
}

void progress_set_tokens(progress *p, uint64_t n)
{
    if (p) p->n_tokens = n;
}

void progress_end(progress *p)
{
    if (!p) return;
    if (p->dirty) fputc('\n', p->out);
    for (size_t i = 0; i < p->n_rows; i++)
        if (!p->live && p->states[i].begun > 0 && left_in(p, i)) print_row(p, i, true);
    p->dirty = false;
    p->n_rows = 0;
}
