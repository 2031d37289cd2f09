/* runner.h - what any model can do: generate text and score continuations.
 * A runner is opened from a model URI; the table in runner_list.c maps schemes to implementations.
 * The caller feeds requests on demand and receives replies as they finish, in any order: the reply
 * to a request never depends on the other requests, on their order or on the number of threads. */
#ifndef RUNNERS_RUNNER_H
#define RUNNERS_RUNNER_H
#include "harness/base/arena.h"
#include "harness/base/request.h"
#include "harness/base/value.h"

typedef struct runner runner;
typedef struct runner_ops runner_ops;

typedef struct {
    size_t n_threads;        /* 0: all processors */
    size_t n_batch;          /* sequences that run at the same time; 0: the runner's choice */
    const char *activations; /* "i16" (default when NULL), "i8", "f32" */
    const char *kv_format;   /* "f32" (default when NULL), "f16", "q8" */
    const char *isa;         /* NULL: best of this machine */
    const char *date;        /* YYYY-MM-DD for templates that print a date; NULL: "2026-01-01" */
    size_t kv_memory;        /* bytes for the KV cache; 0: the runner's choice */
    size_t weights_memory; /* bytes for repacked weights, the rest is read from the mapped file; 0:
                              the runner's choice */
    bool inspect_only; /* metadata, tokenizer and template only: no weights are loaded, run() fails
                        */
} runner_options;

typedef struct {
    double input, cached, output; /* US dollars per million tokens */
    const char *date;             /* of the price, or "as given" */
} runner_price;

typedef struct {
    const char *uri;    /* as given, without a label */
    const char *kind;   /* "local", "replay", "http" */
    const char *name;   /* short display name, from metadata or file name */
    const char *sha256; /* of the weights (split files: of the hashes in order) or the recording */
    bool can_chat, can_complete, can_loglik;
    const char *no_chat;                 /* why not, when can_chat is false */
    bool deterministic;                  /* the same request always gives the same bits */
    const char *isa;                     /* kernel set in use, or NULL */
    const char *activations, *kv_format; /* in use; NULL when not applicable */
    size_t context_length;               /* tokens; 0: unknown */
    const char *chat_template;           /* source text (Jinja), or NULL */
    const value
        *template_vars; /* map of what the model gives its template: bos_token, ...; or NULL */
    const runner_price *price; /* NULL: unknown, or free */
    const char
        *left_out; /* after run(): fields that the server refused, "temperature, seed", or NULL */
    const value *meta; /* map for reports: architecture, quantisation, parameters, file_bytes,
                   licence, base_or_instruct, template_sha256, ... ; order kept */
} runner_info;

/* What a piece of text belongs to; hidden: markers of channels, blanks between them. */
typedef enum { RUNNER_ANSWER, RUNNER_THOUGHT, RUNNER_HIDDEN } runner_channel;

/* Answers of next() */
typedef enum { RUNNER_REQUEST, RUNNER_WAIT, RUNNER_END } runner_next;

typedef struct {
    void *ctx;
    /* Give the next request. WAIT: none now, but replies to running ones may bring more (further
     * turns), or wait(). END: there will be none. The request and all it points to must live until
     * its done(). */
    runner_next (*next)(void *ctx, const request **out);
    /* Take a reply, valid during the call. Anything but WAAGE_OK ends the run with that status. */
    waage_status (*done)(void *ctx, const request *rq, const reply *rp, waage_err *err);
    /* Optional: called now and then with the totals so far, for progress lines. */
    void (*progress)(void *ctx, uint64_t prompt_tokens, uint64_t completion_tokens);
    /* Optional: text as it is made, whole UTF-8 characters only, all that the model wrote. */
    void (*stream)(void *ctx, const request *rq, runner_channel channel, const char *text,
                   size_t len);
    /* What a server adds, each optional; so far the local runner alone looks at them. */
    /* Nothing runs and next() said WAIT: sleep until that may have changed, then next() is asked
     * again. Without it, such a WAIT is an error. */
    void (*wait)(void *ctx);
    /* Nobody wants this reply any more: asked between two steps. The request ends as FINISH_ERROR,
     * by done() as all do. */
    bool (*is_cancelled)(void *ctx, const request *rq);
    /* Shall the run end now, with WAAGE_EINTR? Takes the place of interrupt_signal(). */
    bool (*must_stop)(void *ctx);
} runner_io;

/* How far the answers of one activation grade and key/value format lie from those of f32, over the
 * tokens of a text. */
typedef struct {
    size_t n_positions;
    double mean_kl, p999_kl, max_kl; /* KL(f32 || grade) in nats, per position */
    size_t n_flips;                  /* positions whose most probable token differs */
} runner_fidelity;

/* A load to measure speed under: n_seqs sequences of random tokens at the same time. With n_choices
 * every sequence is a question whose continuations are scored, with n_new a prompt that is
 * continued; else the prompts are read and no more. */
typedef struct {
    size_t n_seqs;
    size_t n_shared;            /* tokens that all prompts begin with */
    size_t n_prompt;            /* tokens of each prompt behind those */
    size_t n_period;            /* those go round in so many, and the engine may guess at what it
                                   writes, as in a run; 0: random tokens, and it may not */
    size_t n_new;               /* tokens to write for each */
    size_t n_choices, n_choice; /* continuations of each question, tokens of each */
} runner_load;

typedef struct {
    uint64_t n_tokens;           /* written (n_new > 0: with all sequences at work), else read */
    double seconds;              /* that they took; n_new > 0: prompts do not count */
    uint64_t n_guessed, n_right; /* tokens that were guessed and checked in all */
} runner_speed;

/* What a token costs, and what this machine gives at best. 0: not known. */
typedef struct {
    double token_gop,
        head_gop;      /* 2 * multiply-adds of the weights a token meets, in 1e9; the output
                          layer extra: only tokens whose successor is asked for meet it */
    double weight_gb;  /* read to write one token: all weights it meets, in 1e9 bytes */
    double peak_gop_s; /* dot products of these kernels and this grade on registers */
    double read_gb_s;  /* memory, read by all threads */
    size_t n_threads;
} runner_limits;

/* Products with the weights of one format, by themselves and on one thread. */
enum { RUNNER_PRODUCTS = 24, RUNNER_PRODUCT_TOKENS = 3, RUNNER_PRODUCT_MOST = 64 };
/* of a step */
static const size_t runner_product_tokens[RUNNER_PRODUCT_TOKENS] = {1, 8, RUNNER_PRODUCT_MOST};
typedef struct {
    const char *format;                  /* "Q4_K" */
    size_t n_rows, k;                    /* of the matrix that was multiplied by */
    double gop_s[RUNNER_PRODUCT_TOKENS]; /* 2 * multiply-adds a second, in 1e9 */
    /* The last of them where everything lies in the nearest cache, unpacked; and the median of the
     * ratio, both measured in turns. */
    double cache_gop_s, share;
} runner_product;

struct runner_ops {
    const char *scheme; /* "gguf", "replay" */
    const char *help;   /* one line for `waage list formats` */
    bool (*accepts)(const char *uri);
    waage_status (*open)(runner **out, const char *uri, const runner_options *opt, waage_err *err);
    void (*close)(runner *r);
    const runner_info *(*info)(const runner *r);
    /* Exact prompt text of a request and its number of tokens (0: unknown), without running it. */
    waage_status (*render)(runner *r, const request *rq, strbuf *out, size_t *n_tokens,
                           waage_err *err);
    /* Token ids of a text. bos: add BOS as the model wants it; parse_special: what looks like a
     * control token is one. *ids and *pieces (bytes of each token, may be NULL) live in `a`.
     * WAAGE_EUNSUPPORTED: no tokenizer. */
    waage_status (*tokenize)(runner *r, const char *text, size_t len, bool bos, bool parse_special,
                             const int32_t **ids, const char *const **pieces, size_t *n, arena *a,
                             waage_err *err);
    /* Text of token ids, whole UTF-8 characters only; a character belongs to the token that
     * completes it. ends: (n) or NULL, the bytes of the text up to the end of each token. begins:
     * the ids begin a text, else they continue one. special: control tokens by name, else they are
     * left out. NULL: the runner knows no tokens. WAAGE_EINVAL: an id that no token has. */
    waage_status (*detokenize)(runner *r, const int32_t *ids, size_t n, bool begins, bool special,
                               strbuf *out, size_t *ends, waage_err *err);
    /* The bytes of one token, not NUL-terminated; a control token's name. NULL as above. */
    const char *(*piece)(runner *r, int32_t id, size_t *len);
    /* What `waage show MODEL` prints, for people. */
    waage_status (*describe)(runner *r, strbuf *out, waage_err *err);
    /* Tokens of thought that a request may take on top of its own limits. NULL: none. */
    uint32_t (*thought)(const runner *r, const request *rq);
    /* Run until END, an error, or interrupt_signal(); WAAGE_EINTR in the last case. */
    waage_status (*run)(runner *r, const runner_io *io, waage_err *err);
    /* Distance of a grade ("i16", "i8", "f32"), with keys and values kept as the runner was told,
     * from f32 in both, over the first max_tokens tokens of a text (NULL: a text of the runner's
     * own), whatever grade the runner was opened with. NULL where it makes no sense. */
    waage_status (*fidelity)(runner *r, const char *activations, const char *text, size_t len,
                             size_t max_tokens, runner_fidelity *out, waage_err *err);
    /* Speed under a load, once; and what it is to be compared with. NULL where it makes no sense.
     */
    waage_status (*speed)(runner *r, const runner_load *load, runner_speed *out, waage_err *err);
    waage_status (*limits)(runner *r, runner_limits *out, waage_err *err);
    /* The formats of the weights, n of them. NULL as above. */
    waage_status (*products)(runner *r, runner_product out[RUNNER_PRODUCTS], size_t *n,
                             waage_err *err);
};

struct runner {
    const runner_ops *ops; /* first member of every implementation's own struct */
};

extern const runner_ops *const runner_list[]; /* NULL-terminated */

/* Open by URI. WAAGE_ENOTFOUND lists the known forms when no runner accepts it. */
WAAGE_MUST_CHECK waage_status runner_open(runner **out, const char *uri, const runner_options *opt,
                                          waage_err *err);
void runner_close(runner *r); /* NULL is fine */
#endif
