/* fuzz_body.c - any bytes as the reply of a server: what is read has a text, errors have reasons,
 * and scores do not run past their arrays. The first byte chooses the status. */
#include "harness/base/body.h"
#include "runners/http/fault.h"
#include "runners/http/score.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const char *text, size_t len, const value *body, int status)
{
    transport_call c = {.status = status};
    fault f;
    strbuf_put(&c.got, text, len);
    fault_judge(&f, &c, body, status % 2 != 0);
    if (f.kind != FAULT_NONE && f.why[0] == 0) abort();
    if (f.kind == FAULT_FIELD && f.field >= FIELD_COUNT) abort();
    transport_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 400, 401, 429, 500, 503, 302, 404};
    arena a = ARENA_EMPTY;
    value *body = NULL;
    reply r = {0};
    choice_score score;
    const char *why = NULL, *text = (const char *)data + 1;
    if (size == 0) return 0;
    if (json_parse(&body, &a, text, size - 1, "fuzz", 1, NULL) != WAAGE_OK) body = NULL;
    if (body_read(&r, body, &a, NULL) == WAAGE_OK) {
        if (!r.text || strlen(r.text) > r.text_len) abort();
        if (r.thought_is == THOUGHT_PRESENT && !r.thought) abort();
        if ((r.finish == FINISH_ERROR || r.finish == FINISH_FILTER) && !r.error) abort();
    }
    if (score_read(&score, body, "One two three", 7, &why, &a) && score.n_tokens == 0) abort();
    judge(text, size - 1, body, statuses[data[0] % 8]);
    arena_free(&a);
    return 0;
}
