/* fault.h - what a failed exchange means: try again, wait, slow down, leave a field out, or stop.
 * Rules by status and by words of the error body, as a table (docs/http.md). */
#ifndef RUNNERS_HTTP_FAULT_H
#define RUNNERS_HTTP_FAULT_H
#include "harness/base/value.h"
#include "runners/http/dialect.h"
#include "runners/http/transport.h"

typedef enum {
    FAULT_NONE,
    FAULT_RETRY,       /* this request failed: cut, timeout, 500, no JSON: a few times more */
    FAULT_WAIT,        /* nobody serves at the moment: refused, 502, 503 */
    FAULT_THROTTLE,    /* asked to slow down: 429, 529 */
    FAULT_ERROR,       /* this request will never work */
    FAULT_FILTER,      /* the provider's filter refused the prompt */
    FAULT_UNSUPPORTED, /* too long, no chat template, no such API: not the model's fault */
    FAULT_FIELD,       /* the server refuses a field that can be left out */
    FAULT_STOP         /* no request will work: key, quota, address, certificate */
} fault_kind;

typedef struct {
    fault_kind kind;
    dialect_field field; /* FAULT_FIELD */
    char why[400];       /* for people and the store */
} fault;

/* body: of c, parsed; NULL when it is not JSON. plain: the request went to /completions. */
void fault_judge(fault *out, const transport_call *c, const value *body, bool plain);
/* A server's words go to terminals: control characters become blanks. */
void fault_clean(fault *f);
#endif
