/* body.h - what the APIs of model servers return, as replies of ours. The shape of a body tells
 * which API it came from, so that a live server and a recording are read by the same rules:
 *   choices[].message    OpenAI chat completions, and every server compatible with them
 *   choices[].text       OpenAI completions
 *   object "response"    OpenAI responses
 *   type "message"       Anthropic messages
 *   candidates, promptFeedback   Gemini generateContent
 *   error                any of them, when it failed
 * docs/http.md lists which field becomes what. Sources: the API references of OpenAI, Anthropic,
 * Google; OpenRouter's (provider, native_finish_reason, reasoning, reasoning_details), DeepSeek's
 * and vLLM's (reasoning_content). */
#ifndef BASE_BODY_H
#define BASE_BODY_H
#include "harness/base/arena.h"
#include "harness/base/request.h"
#include "harness/base/value.h"

/* Everything is copied into `a`. Never fails on content: what cannot be used becomes FINISH_ERROR
 * with the reason. WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status body_read(reply *out, const value *body, arena *a, waage_err *err);

/* The tokens and the cost that a body counts, whatever else it is: an error, a shape that nobody
 * knows, or (text) JSON that is cut off or broken behind its usage. false: it counts none. */
bool body_find_usage(reply *out, const value *body);
bool body_find_usage_in_text(reply *out, const char *text, size_t len, arena *a);

/* The usage counts reasoning tokens, but no trace was returned. */
bool body_is_thought_withheld(const reply *r);

/* Split a leading thought block (<think>...</think>) off the text of an answer. */
WAAGE_MUST_CHECK waage_status body_split_thought(reply *out, const char *text, size_t len, arena *a,
                                                 waage_err *err);

/* Message, type and code of an error body (any API's), or NULL where they are missing. A number as
 * code becomes `status` (else 0). */
typedef struct {
    const char *message, *type, *code, *param;
    int status;
} body_error;
/* false: the body holds no error. Strings are borrowed from the body. */
bool body_find_error(body_error *out, const value *body);
#endif
