/* serve_send.c - see serve_send.h. Counted first: once the answer is out, a client may look. */
#include "harness/serve_send.h"
#include "harness/base/stopwatch.h"

void serve_send_json(serve_metrics *m, serve_exchange *x, strbuf *body, bool measured)
{
    const serve_answer_head head = {.status = 200, .type = "application/json"};
    const double seconds = measured ? stopwatch_now() - serve_exchange_begun(x) : -1;
    serve_metrics_count(m, serve_exchange_path(x), body->failed ? 500 : 200, seconds);
    serve_exchange_answer(x, &head, body);
}

void serve_send_fault(serve_metrics *m, serve_exchange *x, const serve_fault *f)
{
    strbuf body = STRBUF_EMPTY;
    const serve_answer_head head = {.status = f->status == 499 ? 503 : f->status,
                                    .type = "application/json",
                                    .allow = f->allow,
                                    .retry_after = f->retry_after,
                                    .close = f->status == 413 || f->status >= 499};
    serve_answer_fault(&body, f);
    serve_metrics_count(m, serve_exchange_path(x), f->status, -1);
    serve_exchange_answer(x, &head, &body);
}
