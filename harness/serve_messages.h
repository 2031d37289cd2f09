/* serve_messages.h - the messages of a chat, as OpenAI's API has them. */
#ifndef HARNESS_SERVE_MESSAGES_H
#define HARNESS_SERVE_MESSAGES_H
#include "harness/serve_request.h"

/* Fill messages and message_fields of rq. Everything lives in `a`, except further fields, which
 * point into `list`; its calls of tools are rewritten there. False: *why names the message. */
bool serve_messages_read(request *rq, const value *list, arena *a, serve_fault *why);

#endif
