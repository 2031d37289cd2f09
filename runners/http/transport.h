/* transport.h - many HTTP requests at a time on one thread, over libcurl's multi interface; HTTP/2
 * where the server offers it. Sole includer of curl.h is transport.c. Redirects are not followed:
 * they could carry the key to another host. Keys are part of `headers` only; nothing here prints
 * those. */
#ifndef RUNNERS_HTTP_TRANSPORT_H
#define RUNNERS_HTTP_TRANSPORT_H
#include "harness/base/strbuf.h"

typedef struct transport transport;

typedef struct {
    double connect;    /* seconds until the connection (with TLS) stands */
    double first_byte; /* seconds until the first byte of the reply */
    double stall;      /* seconds without a byte after that */
    double total;      /* seconds for the whole exchange */
    size_t max_body;   /* bytes of a reply, after decompression */
} transport_limits;

/* What kept a reply from coming, or from coming whole. */
typedef enum {
    TRANSPORT_FINE,
    TRANSPORT_REFUSED, /* no such host, or nobody listens: nothing was sent */
    TRANSPORT_TLS,     /* no trust: certificate or handshake */
    TRANSPORT_TIMEOUT,
    TRANSPORT_CUT,      /* the connection broke, or what came is not HTTP */
    TRANSPORT_TOO_LARGE /* more than max_body */
} transport_fault;

enum { TRANSPORT_MAX_HEADERS = 8 };

typedef struct transport_call {
    /* asked; all of it must live until the call is done */
    const char *url, *body; /* body NULL: GET */
    size_t body_len;
    const char *headers[TRANSPORT_MAX_HEADERS]; /* "Name: value" */
    size_t n_headers;
    void *owner;
    /* answered */
    transport_fault fault;
    int status;          /* HTTP; 0: none came */
    char why[256];       /* what went wrong, for people */
    strbuf got;          /* body of the reply; transport_release frees it */
    double retry_after;  /* seconds as the server asks; negative: it does not */
    char location[256];  /* of a redirect, else "" */
    char request_id[96]; /* by which the provider finds it again, or "" */
    double ms;           /* from start to end */
    /* transport.c's own */
    void *easy, *list;
    double begun, heard; /* clock: start, last byte (0: none) */
    bool too_large;
    struct transport_call *next;
} transport_call;

/* n_most: connections to one host. */
WAAGE_MUST_CHECK waage_status transport_open(transport **out, const transport_limits *limits,
                                             size_t n_most, waage_err *err);
void transport_close(transport *t); /* cancels what is running; NULL is fine */
/* Begin; fills nothing before the call is done. */
WAAGE_MUST_CHECK waage_status transport_start(transport *t, transport_call *c, waage_err *err);
/* Wait up to so many seconds for something to happen. */
WAAGE_MUST_CHECK waage_status transport_wait(transport *t, double seconds, waage_err *err);
/* A call that is done, or NULL. */
transport_call *transport_take(transport *t);
/* Give up a running call; it will not be taken. */
void transport_cancel(transport *t, transport_call *c);
void transport_release(transport_call *c); /* memory of a call that is done or cancelled */

const char *transport_fault_name(transport_fault f); /* "refused", "timeout", ... */
/* Value of a Retry-After header, seconds or an HTTP date; negative: neither. */
double transport_parse_retry_after(const char *text);
#endif
