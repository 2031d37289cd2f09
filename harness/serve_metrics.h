/* serve_metrics.h - what a server counts, as Prometheus reads it (text format 0.0.4). Safe to use
 * from several threads. */
#ifndef HARNESS_SERVE_METRICS_H
#define HARNESS_SERVE_METRICS_H
#include <stdint.h>
#include "harness/base/strbuf.h"
#include "harness/serve_answer.h"

typedef struct serve_metrics serve_metrics; /* opaque */

serve_metrics *serve_metrics_create(void); /* NULL when memory is out */
void serve_metrics_free(serve_metrics *m); /* NULL is fine */
/* A request has ended. code: HTTP status; 499: its client went before the answer. seconds: from its
 * head to its answer, below 0: not measured. */
void serve_metrics_count(serve_metrics *m, const char *path, int code, double seconds);
void serve_metrics_add_usage(serve_metrics *m, const serve_usage *u);
/* Seconds that an answer takes, lately. */
double serve_metrics_lately(serve_metrics *m);
void serve_metrics_print(serve_metrics *m, size_t n_waiting, size_t n_running, strbuf *out);

#endif
