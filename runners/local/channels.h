/* channels.h - how a model keeps thought and answer apart. Which markers it uses is decided from
 * its vocabulary and its chat template, by the table in channels.c (docs/templates.md has it for
 * people). */
#ifndef RUNNERS_LOCAL_CHANNELS_H
#define RUNNERS_LOCAL_CHANNELS_H
#include "runners/local/tokenizer.h"

typedef enum {
    PART_ANSWER,
    PART_THOUGHT,
    PART_HIDDEN /* markers, headers of messages, calls of tools */
} part_kind;

typedef enum { /* order of channels.id */
               HARMONY_START,
               HARMONY_CHANNEL,
               HARMONY_MESSAGE,
               HARMONY_END,
               HARMONY_COUNT
} harmony_marker;

typedef struct {
    bool is_harmony;
    bool thinks;                 /* vocabulary or template know the markers */
    const char *opener, *closer; /* of a thought; NULL for harmony */
    const char *end_thought;     /* template text that ends a thought by force */
    const char *no_thought;      /* template text behind which the answer begins at once */
    int32_t id[HARMONY_COUNT];   /* harmony only */
} channels;

/* Names of the harmony markers, as in the vocabulary. */
extern const char *const channels_harmony_names[HARMONY_COUNT];

/* chat_template (len) may be NULL. Models of which nothing is known get <think>, in case that they
 * use it after all. */
void channels_find(channels *out, const tokenizer *t, const char *chat_template, size_t len);
/* In what part goes on what follows this text (len), which is the end of a prompt? PART_HIDDEN: the
 * header of a harmony message. */
part_kind channels_part_behind(const channels *ch, const char *text, size_t len);
/* Part that the header of a harmony message (len) opens: "assistant<|channel|>final". Final is the
 * answer, as is a message without a channel; what is meant for a tool is hidden; the rest is
 * thought. */
part_kind channels_part_of_header(const char *header, size_t len);

#endif
