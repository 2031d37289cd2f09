/* serve_send.h - answers that are counted when they go out. */
#ifndef HARNESS_SERVE_SEND_H
#define HARNESS_SERVE_SEND_H
#include "harness/serve_http.h"
#include "harness/serve_metrics.h"

/* JSON of our own, status 200. The body is taken over. measured: the time counts as a model's. */
void serve_send_json(serve_metrics *m, serve_exchange *x, strbuf *body, bool measured);
void serve_send_fault(serve_metrics *m, serve_exchange *x, const serve_fault *f);

#endif
