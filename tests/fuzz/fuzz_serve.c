/* fuzz_serve.c - any bytes as the body of a request to the server: read or refused with a reason,
 * and what is read stays within its limits. The first byte chooses the API. */
#include <stdlib.h>
#include <string.h>
#include "harness/serve_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const serve_limits limits = {"m", 64, 32};
    serve_ask ask;
    serve_fault why = {0};
    if (size == 0) return 0;
    const serve_api api = data[0] % 2 ? SERVE_CHAT : SERVE_COMPLETIONS;
    if (!serve_request_read(&ask, api, (const char *)data + 1, size - 1, &limits, &why)) {
        if (why.status < 400 || !why.type || !why.message[0]) abort();
        return 0;
    }
    if (ask.n_calls == 0 || ask.n_calls > limits.max_calls) abort();
    for (size_t i = 0; i < ask.n_calls; i++) {
        const request *rq = &ask.calls[i].rq;
        if (rq->n_top > TOP_MAX || rq->n_prompt_ids > limits.n_context) abort();
        if (api == SERVE_COMPLETIONS && !rq->prompt && !rq->prompt_ids) abort();
        for (size_t k = 0; k < rq->n_messages; k++)
            if (!rq->messages[k].role || !rq->messages[k].content) abort();
        if (!(rq->sample_by.temperature >= 0) || !(rq->sample_by.top_p <= 1)) abort();
    }
    serve_ask_free(&ask);
    return 0;
}
