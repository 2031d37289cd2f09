/* request.h - plain values that tasks, runners and the store share: what is asked of a model and
 * what it answered. Everything is borrowed; the header of each producer says until when. */
#ifndef BASE_REQUEST_H
#define BASE_REQUEST_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value; /* harness/base/value.h */

typedef enum { PROTOCOL_COMPLETION, PROTOCOL_CHAT } protocol;
const char *protocol_name(protocol p);                    /* "completion", "chat" */
bool protocol_from_name(protocol *out, const char *name); /* false: unknown */

typedef enum { REQUEST_GENERATE, REQUEST_LOGLIK } request_kind;

typedef struct {
    const char *role;    /* "system", "user", "assistant", "tool" */
    const char *content; /* UTF-8 */
} message;

/* How a model shall think before it answers. Only chats think. */
typedef enum {
    REASONING_DEFAULT, /* as the model does when nothing is said */
    REASONING_OFF,
    REASONING_LOW,
    REASONING_MEDIUM,
    REASONING_HIGH
} reasoning_effort;
typedef struct {
    reasoning_effort effort;
    uint32_t budget; /* tokens of thought; behind them its end is forced. 0: no bound */
} reasoning;
enum { REASONING_TEXT = 24, REASONING_BUDGET_MAX = 1 << 20 };
/* "off", "low", "medium", "high", a number of tokens, or both: "high:2048". 0 is "off". */
bool reasoning_from_text(reasoning *out, const char *text);  /* false: none of these */
void reasoning_print(char out[REASONING_TEXT], reasoning r); /* "" for the default */

typedef struct {
    double temperature; /* 0: greedy */
    int32_t top_k;      /* 0: off */
    double top_p;       /* 1: off */
    double min_p;       /* 0: off */
    uint64_t seed;
} sampling;
#define SAMPLING_GREEDY                                                                            \
    {                                                                                              \
        0.0, 0, 1.0, 0.0, 0                                                                        \
    }

typedef struct {
    const char *item_id; /* stable and unique within the task; keys the sampler with `sample` */
    uint32_t sample;     /* 0-based repeat */
    uint32_t turn;       /* 0-based turn of a conversation */
    request_kind kind;
    protocol proto;
    const char *prompt; /* completion: exact text before the answer; BOS is the runner's business */
    const int32_t *prompt_ids; /* completion: n_prompt_ids tokens in the place of a text, taken as
                                  they are; or NULL. Only of what this runner's tokenize() knows. */
    size_t n_prompt_ids;
    const message *messages; /* chat: n_messages, the last one from the user */
    size_t n_messages;
    const struct value *const *message_fields; /* chat: (n_messages) maps of what else the template
                                                  shall see (tool_calls, ...); or NULL */
    const struct value *tools; /* chat: list that the template gets as `tools`, or NULL */
    const char
        *answer_prefix; /* text that the assistant's turn begins with (gen_prefix), or NULL */
    /* generate */
    sampling sample_by;
    uint32_t max_tokens;     /* 0: up to the context length; a budget of thought comes on top */
    reasoning think;         /* chat; loglik and answers with a prefix never think */
    const char *const *stop; /* n_stop strings that end the answer and are not part of it */
    size_t n_stop;
    bool score_prompt; /* also the log-probabilities of the prompt's tokens, where the runner can */
    uint32_t n_top;    /* also this many of the likeliest tokens at each place, at most TOP_MAX */
    /* loglik: the log-probability of each continuation after the prompt; the prompt is computed
     * once. Prompt and continuation are tokenised jointly and cut at the number of tokens of the
     * prompt; blanks at the end of the prompt belong to the continuation. */
    const char *const *choice;
    size_t n_choices;
} request;

typedef enum {
    FINISH_STOP,        /* end-of-turn token or stop string */
    FINISH_LENGTH,      /* max_tokens or context used up */
    FINISH_SCORED,      /* loglik: all continuations computed */
    FINISH_FILTER,      /* the provider blocked it */
    FINISH_UNSUPPORTED, /* no chat template, prompt longer than the context, no log-likelihoods, ...
                         */
    FINISH_ERROR        /* transport, non-finite logits, ...: retried, never wrong */
} finish_reason;
const char *finish_name(finish_reason f); /* "stop", "length", "scored", "filter", ... */
bool finish_from_name(finish_reason *out, const char *name);

typedef enum { THOUGHT_ABSENT, THOUGHT_EMPTY, THOUGHT_PRESENT } thought_state;
const char *thought_name(thought_state s);

typedef struct {
    double logprob; /* sum over the continuation's tokens, natural logarithm */
    uint32_t n_tokens;
    bool greedy;           /* every token was the arg max */
    const float *logprobs; /* (n_tokens) */
    const int32_t *tokens; /* (n_tokens) */
} choice_score;

typedef struct {
    int32_t id;
    float logprob;
} token_prob;
enum { TOP_MAX = 20 };

/* One request over the wire and what came back, without keys: kept, so that an answer can be read
 * again without the model. */
typedef struct {
    const char *sent; /* body of the request (n_sent bytes) */
    size_t n_sent;
    const char *got; /* body of the reply as it came (n_got bytes), cut body and error body too */
    size_t n_got;
    int status;        /* HTTP; 0: no reply came */
    const char *at;    /* when it was sent, ISO 8601 */
    const char *fault; /* what went wrong on the way, or NULL */
    double ms;
} wire_exchange;

typedef struct {
    finish_reason finish;
    const char *error; /* why, for FINISH_ERROR / UNSUPPORTED / FILTER; else NULL */
    const char
        *rendered; /* exact prompt text as the model saw it; NULL when the runner cannot know */
    size_t rendered_len;
    const char *text; /* the answer channel; never NULL */
    size_t text_len;
    const char *thought; /* the thought channel or NULL */
    thought_state thought_is;
    uint32_t thought_tokens; /* of completion_tokens; 0 when unknown */
    uint32_t forced_closes;  /* times that the budget was used up and the thought ended by force */
    const int32_t *tokens;   /* generated ids (n_tokens), NULL when unknown */
    const float *logprobs;   /* of the generated tokens (n_tokens), NULL when unknown */
    size_t n_tokens;
    const token_prob *top;     /* (n_tokens rows of the request's n_top) likeliest first, or NULL */
    const int32_t *prompt_ids; /* (prompt_tokens) score_prompt, else NULL */
    const float *prompt_logprobs; /* (prompt_tokens) the first one has none and is 0 */
    const token_prob *prompt_top; /* (prompt_tokens rows of n_top) the first is void; or NULL */
    const choice_score *choices;  /* loglik: one each */
    size_t n_choices;
    uint32_t prompt_tokens, completion_tokens,
        cached_tokens;              /* cached: shared with other requests */
    const char *model_version;      /* what the server says it runs, or NULL */
    bool has_cost;                  /* cost is known */
    double cost;                    /* US dollars */
    bool is_too_long;               /* UNSUPPORTED, because the context does not hold the prompt */
    bool is_final;                  /* an error that trying again at once cannot mend */
    const wire_exchange *exchanges; /* over HTTP, in order, failed attempts too (n_exchanges) */
    size_t n_exchanges;
    const char *host;             /* who served it (provider of a recorded answer), or NULL */
    const char *served_at;        /* ISO 8601 date of a recorded answer, or NULL */
    double wall_ms;               /* from start to end of this request; enters no digest */
    const char *recorded_label;   /* replay: the label that came with the record, or NULL */
    const char *recorded_labeler; /* replay: who labelled: "human", "gpt-4o", ... */
} reply;
#endif
