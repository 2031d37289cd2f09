/* serve_http.h - an HTTP/1.1 server for few connections and long answers: sole user of
 * libmicrohttpd. One thread of its own reads requests and writes answers; an answer may be given by
 * any thread, at once or much later, whole or in pieces. Until then the connection sleeps.
 *
 * What a client can hold is bounded: connections, bytes of a body, seconds until a request is
 * whole, seconds to take an answer. */
#ifndef HARNESS_SERVE_HTTP_H
#define HARNESS_SERVE_HTTP_H
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/strbuf.h"

typedef struct serve_http serve_http;         /* opaque */
typedef struct serve_exchange serve_exchange; /* one request and its answer; opaque */

typedef struct {
    const char *host;         /* address or name to listen at */
    uint16_t port;            /* 0: any that is free */
    size_t max_body;          /* bytes of a request; more is answered by 413 */
    unsigned max_connections; /* further ones wait in the kernel or are closed */
    double read_seconds;      /* for a request to be whole */
    double write_seconds;     /* for a finished answer to be taken */
    void *ctx;
    /* Both are called by the thread of HTTP. The head of a request is there: it may be refused now,
     * by an answer, before its body is read. */
    void (*head)(void *ctx, serve_exchange *x);
    /* All of it is there. It must be answered at some time, by any thread. */
    void (*whole)(void *ctx, serve_exchange *x);
} serve_http_options;

/* Listen. WAAGE_EINVAL: the address cannot be used, with the reason. */
WAAGE_MUST_CHECK waage_status serve_http_start(serve_http **out, const serve_http_options *opt,
                                               waage_err *err);
uint16_t serve_http_port(const serve_http *h);
/* Close what takes too long. To be called now and then, by any thread. */
void serve_http_sweep(serve_http *h);
/* No new connections; those that are there go on. */
void serve_http_stop_listening(serve_http *h);
/* End. All exchanges must have been answered; what their clients have not taken after `seconds` is
 * dropped. NULL is fine. */
void serve_http_free(serve_http *h, double seconds);

/* ---- Exchanges: until answered, or longer by a hold ---- */

const char *serve_exchange_method(const serve_exchange *x);
const char *serve_exchange_path(const serve_exchange *x); /* without the query */
const strbuf *serve_exchange_body(const serve_exchange *x);
bool serve_exchange_is_too_big(const serve_exchange *x); /* the body, of which nothing is kept */
double serve_exchange_begun(const serve_exchange *x);    /* stopwatch_now() */
/* Only in head() and whole(); NULL: there is none. */
const char *serve_exchange_header(serve_exchange *x, const char *name);

/* x stays valid until the release, whatever its connection does. */
void serve_exchange_hold(serve_exchange *x);
void serve_exchange_release(serve_exchange *x);
/* Has the client closed the connection? Any thread that holds x. */
bool serve_exchange_is_gone(serve_exchange *x);

typedef struct {
    int status;
    const char *type;     /* Content-Type, a literal */
    const char *allow;    /* Allow, a literal, or NULL */
    unsigned retry_after; /* seconds, 0: none */
    bool close;           /* the connection, behind the answer */
} serve_answer_head;
/* Answer with a body, which is taken over and left empty. Once for an exchange. */
void serve_exchange_answer(serve_exchange *x, const serve_answer_head *head, strbuf *body);
/* Answer in pieces: begin, put as often as wanted, end. */
void serve_exchange_begin(serve_exchange *x, const serve_answer_head *head);
void serve_exchange_put(serve_exchange *x, const char *s, size_t len);
void serve_exchange_end(serve_exchange *x);

#endif
