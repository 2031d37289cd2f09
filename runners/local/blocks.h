/* blocks.h - one forward step over many tokens of many sequences, and the pieces that architectures
 * are put together from. Tokens of all sequences lie in one table without padding; whatever a row
 * computes depends on its own sequence alone. A graph calls the blocks in order; each runs on all
 * threads and returns when it is done.
 *
 * Rows: x (n, n_embd) the residual stream; h what the next product reads; y what the last product
 * wrote; z the two halves of a gated layer, or q, k and v. */
#ifndef RUNNERS_LOCAL_BLOCKS_H
#define RUNNERS_LOCAL_BLOCKS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/pool.h"
#include "kernels/kernels.h"
#include "runners/local/kvcache.h"
#include "runners/local/model.h"

enum { BLOCK_PACK_PANELS = 4 }; /* panels of a mapped matrix that are packed at a time */

/* A run of tokens of one sequence. */
typedef struct {
    const int32_t *tokens; /* (n) ids */
    size_t n;
    size_t pos;                /* of tokens[0] in its sequence */
    kv_page *const *pages;     /* of the sequence; those of positions below pos + n are there */
    size_t want_from, want_to; /* positions whose logits are asked for */
    bool is_long;              /* model_is_long() of its sequence, from the first token on */
    size_t
        n_good; /* out: tokens before the first that met a value that is not finite; n: none did */
} step_slice;

typedef struct {
    uint32_t slice, first, n; /* tokens first..first+n-1 of the step belong to one slice */
} step_group;

typedef struct step {
    const model *m;
    const kern_set *kern;
    kern_grade grade;
    pool *threads;
    const kvcache *kv;
    step_slice *slices;
    size_t n_slices;
    size_t n;           /* tokens of this step */
    int32_t *ids;       /* (n) */
    uint32_t *pos;      /* (n) */
    uint32_t *owner;    /* (n) slice */
    uint8_t *bad;       /* (n) not finite */
    step_group *groups; /* (n_groups) parts for attention */
    size_t n_groups;
    float *x, *h, *y, *z;
    float *rope[ROPE_TABLES]; /* (n, 2, n_rot/2) cosines and sines, or NULL */
    kern_acts acts;           /* of h */
    void *acts_storage;
    char *scratch; /* (threads, scratch_bytes) for the kernels */
    size_t scratch_bytes;
    char *packing; /* (threads, packing_bytes) panels of matrices that stay mapped */
    size_t packing_bytes;
    const void **block_ptrs;      /* (threads, max_pages) */
    struct experts_step *experts; /* experts.h */
    struct latent_step *latent;   /* latent.h */
    size_t max_pages;
} step;

typedef void (*block_gate_fn)(float *out, const float *gate, const float *up, size_t n);
typedef void (*block_act_fn)(float *out, const float *x, size_t n);

/* Where no norm is wanted. */
#define NO_NORM ((model_norm){NULL, NULL})

/* x = embedding rows times scale, plus the learned vectors of the positions where the model has
 * them. Also fills the rotation tables. */
void block_embed(step *s, float scale);
/* x += y, or += post(y) where there is a post norm (not if !add); then h = norm(x), or x where
 * there is no norm, quantised. */
void block_add_norm(step *s, bool add, model_norm post, model_norm norm);
/* x += y, or += post(y). */
void block_add(step *s, model_norm post);
/* z = (q, k, v) of h. */
void block_qkv(step *s, const model_layer *l);
/* Norm (where the layer has one) and rotate q and k in z, scale q, store k and v in the pages. */
void block_rotate(step *s, size_t layer);
/* h = attention of q over the pages, quantised. */
void block_attention(step *s, size_t layer);

/* The two halves of that for architectures whose heads lie elsewhere. */
typedef struct {
    const float *q; /* (n, ldq): n_heads queries of key_dim, scaled and rotated */
    size_t ldq;
    float *out; /* (n, ldo): n_heads outputs of value_dim */
    size_t ldo;
    size_t n_heads;
    size_t window;      /* positions that a token sees, itself included; 0: all */
    const float *sinks; /* (n_heads) logits that join the denominators alone, or NULL */
} block_heads;

/* Store token t's keys (n_kv_heads of key_dim) and values (of value_dim) of a layer, as the cache
 * is shaped. A row that the storage cannot hold is marked bad. */
void block_store_kv(step *s, size_t t, size_t layer, const float *k, const float *v);
/* Attention of all tokens, not quantised; n_heads is a multiple of the cache's n_kv_heads. */
void block_attend(step *s, size_t layer, const block_heads *heads);
/* z = (gate, up) of h, then h = act(gate) * up, quantised; the matrix of `up` is the next one. */
void block_gated(step *s, const model_layer *l, layer_matrix gate, block_gate_fn act);
/* z = up of h, then h = act(z), quantised. */
void block_up(step *s, const model_layer *l, block_act_fn act);
/* y = w h, plus the bias of w where there is one. */
void block_matmul(step *s, const model_layer *l, layer_matrix w);
/* out (n_rows, ldy) = w h for the rows quantised in s->acts; a bias that is not NULL is added. */
void block_product(step *s, const kern_matrix *const *w, const float *const *bias,
                   float *const *out, size_t n_mats, size_t ldy);
/* out = norm of a row of n elements; out may be x. */
void block_norm_row(const step *s, float *out, const float *x, model_norm norm, size_t n);
/* Panels of n_panels that make a part of a product of many small matrices, experts or heads: pairs,
 * which share their loads of activations, unless each thread would get less than one. */
size_t block_panel_run(const step *s, size_t n_panels, size_t parts_per_thread);
/* kern_set.matmul of panels [p0, p1) of w, packed or mapped, with tokens [t0, t1) of a; on one
 * thread, for use inside of a part. */
void block_panels(const step *s, const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a,
                  size_t t0, size_t t1, float *y, size_t ldy, size_t thread);
/* Neither NaN nor infinity among n values? */
bool block_is_finite(const float *x, size_t n);
/* Row `row` of w as float32 values. */
void block_row(const kern_matrix *w, size_t row, float *out);
/* Quantise rows of h that are k wide; rows that are not finite are marked bad and zeroed. */
void block_quantize(step *s, size_t n_rows, size_t k);

#endif
