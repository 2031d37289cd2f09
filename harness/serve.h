/* serve.h - a local model behind OpenAI-compatible HTTP: paths, the key, and the order in which
 * things start and end. docs/serve.md has the endpoints. */
#ifndef HARNESS_SERVE_H
#define HARNESS_SERVE_H
#include <stdint.h>
#include "runners/runner.h"

typedef struct serve serve; /* opaque */

typedef struct {
    const char *host, *model; /* address; the name that requests give */
    const char *version;      /* of this program, for the fingerprint */
    uint16_t port;            /* 0: any that is free */
    const char *key;          /* NULL: none is asked for */
    size_t max_waiting;       /* answers that wait for the model */
    size_t max_body;          /* bytes of a request */
    uint32_t max_connections;
    double grace; /* seconds that a stop leaves to what is under way */
} serve_options;

/* Listen; the runner must be the local one, and outlive *out. WAAGE_EUNSUPPORTED: it is another.
 * WAAGE_EINVAL: the address. */
WAAGE_MUST_CHECK waage_status serve_start(serve **out, runner *r, const serve_options *opt,
                                          waage_err *err);
uint16_t serve_port(const serve *s);
/* Answer until a signal, or serve_stop() from another thread. WAAGE_OK: it stopped as told. */
WAAGE_MUST_CHECK waage_status serve_run(serve *s, waage_err *err);
void serve_stop(serve *s);
void serve_free(serve *s); /* NULL is fine */

#endif
