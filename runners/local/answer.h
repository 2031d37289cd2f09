/* answer.h - from generated ids to the text of a reply: whole characters, stop strings, what may be
 * streamed, thought and answer. */
#ifndef RUNNERS_LOCAL_ANSWER_H
#define RUNNERS_LOCAL_ANSWER_H
#include <stdbool.h>
#include "harness/base/request.h"
#include "harness/base/strbuf.h"
#include "runners/local/detokenizer.h"

typedef struct {
    detokenizer detok;
    const char *const *stop; /* (n_stop) borrowed */
    size_t n_stop;
    bool has_channels;  /* chat: a thought may precede the answer */
    bool prefilled;     /* the prompt ended with the opener of a thought */
    strbuf text;        /* what the model wrote, up to a stop string */
    size_t n_streamed;  /* bytes of text already given to the stream */
    size_t answer_from; /* where stop strings count; SIZE_MAX inside a thought */
    bool stopped;       /* a stop string was found and cut off, with all behind it */
} answer;

/* prompt (len) is the text before the answer, as the model saw it. */
void answer_init(answer *a, const tokenizer *t, const request *rq, const char *prompt, size_t len);
/* Add a token; true when a stop string ends the answer. */
bool answer_put(answer *a, int32_t id);
/* No more tokens: what waited for the rest of a character or of a stop string is text now. */
void answer_end(answer *a);
/* Text that no later token can take back, since the last call. False when there is none. */
bool answer_stream(answer *a, const char **text, size_t *len);
/* Fill text, text_len, thought and thought_is of rp; the strings belong to a and are changed by
 * this call, the last one before answer_free(). */
void answer_split(answer *a, reply *rp);
void answer_free(answer *a);

#endif
