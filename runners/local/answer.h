/* answer.h - from generated ids to the text of a reply: whole characters, stop strings, what may be
 * streamed, thought and answer.
 *
 * The text is what the model wrote, cut into parts: answer, thought, and what is neither (markers,
 * headers). Stop strings count in the answer only: a thought may hold blank lines and "Q:" as it
 * likes. An opener begins a thought wherever it stands; a closer without an opener makes a thought
 * of all that stands before it; what is behind an opener without a closer is thought to the end.
 * The closer that a model writes behind a forced one is a marker and nothing more: what stands
 * before it came when thinking was over, and may have been streamed. */
#ifndef RUNNERS_LOCAL_ANSWER_H
#define RUNNERS_LOCAL_ANSWER_H
#include <stdbool.h>
#include "harness/base/request.h"
#include "harness/base/strbuf.h"
#include "runners/local/channels.h"
#include "runners/local/detokenizer.h"

typedef struct {
    size_t at; /* up to the next one's */
    part_kind kind;
} answer_part;

typedef struct {
    detokenizer detok;
    const channels *ch;      /* NULL: all is answer (completion) */
    const char *const *stop; /* (n_stop) borrowed */
    size_t n_stop, longest_stop;
    strbuf text;       /* what the model wrote, markers by name, up to a stop string */
    answer_part *part; /* (n_parts) ascending, the first at 0; NULL: memory was out */
    size_t n_parts, cap_parts;
    size_t marker_from; /* markers before it are known */
    size_t stop_from;   /* there is no stop string before it */
    bool skips_blanks;  /* the answer behind a thought has not begun */
    bool owes_closer;   /* a thought was ended by force; the model may end it once more */
    bool saw_marker;    /* harmony: without any, all is answer */
    size_t n_streamed;  /* bytes of text already given to the stream */
    bool ended;         /* nothing waits any more */
    bool stopped;       /* a stop string was found and cut off, with all behind it */
    uint32_t budget, n_thought, n_answer, n_forced; /* tokens; n_forced: times */
    strbuf thought_text, answer_text;               /* of answer_split */
} answer;

/* ch: NULL for completions; first: where the prompt left off. Both are borrowed. */
void answer_init(answer *a, const tokenizer *t, const request *rq, const channels *ch,
                 part_kind first);
/* Add a token; true when a stop string ends the answer. */
bool answer_put(answer *a, int32_t id);
/* Is the budget of thought used up, with the thought still open? Then answer_force() takes the
 * tokens that end it, which count as neither thought nor answer. */
bool answer_wants_end(const answer *a);
void answer_force(answer *a, const int32_t *ids, size_t n);
/* No more tokens: what waited for the rest of a character or of a stop string is text now. */
void answer_end(answer *a);
/* Text that no later token can take back, behind what the last call gave, as far as one part goes.
 * False when there is none. All that is ever given is what the model wrote; what is given of
 * answers is the answer, unless a closer without an opener made a thought of it afterwards. */
bool answer_stream(answer *a, part_kind *kind, const char **text, size_t *len);
/* Fill text, thought and their kin of rp; the strings belong to a. Last call before answer_free().
 * WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status answer_split(answer *a, reply *rp, waage_err *err);
void answer_free(answer *a);

#endif
