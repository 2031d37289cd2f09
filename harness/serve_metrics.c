/* serve_metrics.c - counters of fixed size: a stranger's path or status makes no new row. */
#include "harness/serve_metrics.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const char *const paths[] = {"/v1/completions",
                                    "/v1/chat/completions",
                                    "/v1/models",
                                    "/tokenize",
                                    "/detokenize",
                                    "/tokenizer_info",
                                    "/health",
                                    "/metrics",
                                    "other"};
static const int codes[] = {200, 400, 401, 404, 405, 413, 429, 499, 500, 503};
static const double bounds[] = {0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300};
enum {
    N_PATHS = sizeof paths / sizeof *paths,
    N_CODES = sizeof codes / sizeof *codes,
    N_BOUNDS = sizeof bounds / sizeof *bounds
};

struct serve_metrics {
    pthread_mutex_t lock;
    uint64_t requests[N_PATHS][N_CODES];
    uint64_t below[N_BOUNDS + 1]; /* of those measured, not summed up */
    double seconds, lately;
    serve_usage used;
};

serve_metrics *serve_metrics_create(void)
{
    serve_metrics *m = calloc(1, sizeof *m);
    if (m && pthread_mutex_init(&m->lock, NULL) == 0) return m;
    free(m);
    return NULL;
}

void serve_metrics_free(serve_metrics *m)
{
    if (m) (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

static size_t row_of(const char *path)
{
    size_t i = 0;
    while (i + 1 < N_PATHS && strcmp(paths[i], path) != 0)
        i++;
    return i;
}

static size_t column_of(int code)
{
    for (size_t i = 0; i < N_CODES; i++)
        if (codes[i] == code) return i;
    return column_of(500);
}

void serve_metrics_count(serve_metrics *m, const char *path, int code, double seconds)
{
    (void)pthread_mutex_lock(&m->lock);
    m->requests[row_of(path)][column_of(code)]++;
    if (seconds >= 0) {
        size_t i = 0;
        while (i < N_BOUNDS && seconds > bounds[i])
            i++;
        m->below[i]++;
        m->seconds += seconds;
        m->lately = m->lately > 0 ? 0.9 * m->lately + 0.1 * seconds : seconds;
    }
    (void)pthread_mutex_unlock(&m->lock);
}

void serve_metrics_add_usage(serve_metrics *m, const serve_usage *u)
{
    (void)pthread_mutex_lock(&m->lock);
    m->used.prompt += u->prompt;
    m->used.completion += u->completion;
    m->used.cached += u->cached;
    (void)pthread_mutex_unlock(&m->lock);
}

double serve_metrics_lately(serve_metrics *m)
{
    (void)pthread_mutex_lock(&m->lock);
    const double seconds = m->lately;
    (void)pthread_mutex_unlock(&m->lock);
    return seconds;
}

static void put_head(strbuf *out, const char *name, const char *type, const char *help)
{
    strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_requests(const serve_metrics *m, strbuf *out)
{
    put_head(out, "waage_requests_total", "counter", "Requests that have ended, by path and code.");
    for (size_t i = 0; i < N_PATHS; i++)
        for (size_t k = 0; k < N_CODES; k++)
            if (m->requests[i][k] > 0)
                strbuf_printf(out, "waage_requests_total{path=\"%s\",code=\"%d\"} %llu\n", paths[i],
                              codes[k], (unsigned long long)m->requests[i][k]);
}

static void put_seconds(const serve_metrics *m, strbuf *out)
{
    uint64_t sum = 0;
    put_head(out, "waage_request_seconds", "histogram", "Seconds until a model's answer.");
    for (size_t i = 0; i < N_BOUNDS; i++) {
        sum += m->below[i];
        strbuf_printf(out, "waage_request_seconds_bucket{le=\"%g\"} %llu\n", bounds[i],
                      (unsigned long long)sum);
    }
    sum += m->below[N_BOUNDS];
    strbuf_printf(out,
                  "waage_request_seconds_bucket{le=\"+Inf\"} %llu\nwaage_request_seconds_sum %.6f\n"
                  "waage_request_seconds_count %llu\n",
                  (unsigned long long)sum, m->seconds, (unsigned long long)sum);
}

void serve_metrics_print(serve_metrics *m, size_t n_waiting, size_t n_running, strbuf *out)
{
    (void)pthread_mutex_lock(&m->lock);
    put_requests(m, out);
    put_head(out, "waage_tokens_total", "counter",
             "Tokens of answered requests; shared: of the prompts, computed once for several.");
    strbuf_printf(out,
                  "waage_tokens_total{kind=\"prompt\"} %llu\n"
                  "waage_tokens_total{kind=\"completion\"} %llu\n"
                  "waage_tokens_total{kind=\"shared\"} %llu\n",
                  (unsigned long long)m->used.prompt, (unsigned long long)m->used.completion,
                  (unsigned long long)m->used.cached);
    put_head(out, "waage_queue_depth", "gauge", "Answers that the model has not begun.");
    strbuf_printf(out, "waage_queue_depth %zu\n", n_waiting);
    put_head(out, "waage_running", "gauge", "Answers under way.");
    strbuf_printf(out, "waage_running %zu\n", n_running);
    put_seconds(m, out);
    (void)pthread_mutex_unlock(&m->lock);
}
