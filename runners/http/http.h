/* http.h - models behind an API: `openai:MODEL`, `anthropic:MODEL`, `gemini:MODEL`,
 * `http://HOST:PORT/v1#MODEL`, ... (docs/http.md). One thread, many requests at a time.
 *
 * A failed request is repeated with growing pauses; what cannot be repeated into an answer becomes
 * FINISH_ERROR, FILTER or UNSUPPORTED, never a wrong answer. When no request can work (key, quota,
 * address) or nothing has worked for `patience` seconds, run() ends with WAAGE_EFAIL: the answers
 * under way are waited for and delivered first, the rest is left for the next run. */
#ifndef RUNNERS_HTTP_HTTP_H
#define RUNNERS_HTTP_HTTP_H
#include "runners/runner.h"

extern const runner_ops http_runner;
#endif
