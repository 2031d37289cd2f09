/* latent.h - multi-head latent attention (DeepSeek V2). What is cached of a position is one short
 * vector for all heads: the normed latent, then the rotated part of the key. Each head carries its
 * query over into the space of the latent, all heads attend to the same keys and values, and each
 * head carries its answer back. That is the absorbed form, and the only one computed: expanding
 * keys and values differs in bits, so a choice between the two would be visible.
 * Source: DeepSeek-V2 report, section 2.1. docs/arithmetic.md, section "Latent attention". */
#ifndef RUNNERS_LOCAL_LATENT_H
#define RUNNERS_LOCAL_LATENT_H
#include "runners/local/blocks.h"
#include "runners/local/carver.h"

typedef struct latent_step {
    float *q;        /* (tokens, n_heads, kv_rank + n_rot) queries as the keys are stored */
    float *z;        /* (tokens, n_heads, key_length) queries made of a low-rank vector, or NULL */
    float *out;      /* (tokens, n_heads, kv_rank) */
    kern_acts *acts; /* (n_heads) of a head's rows */
    char *acts_storage;
    size_t acts_bytes; /* of a head */
} latent_step;

/* Take the buffers for max_tokens; nothing when the model has no latent attention. */
void latent_carve(latent_step *e, carver *c, const model_params *p, kern_grade grade,
                  size_t max_tokens);

/* z = queries (or what they are made of) and compressed keys of h; the keys are stored. */
void latent_project(step *s, size_t layer);
/* h = (n, n_heads * value length) what the heads answer, quantised. */
void latent_attention(step *s, size_t layer);

#endif
