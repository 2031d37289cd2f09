/* model.h - hyperparameters and weights of one GGUF file, checked and repacked for the kernels.
 * A model is immutable once it is loaded and is shared by everything that runs on it. What the file
 * says and this engine does not compute - a key, a tensor, a type - is refused by name: a model is
 * computed rightly or not at all. */
#ifndef RUNNERS_LOCAL_MODEL_H
#define RUNNERS_LOCAL_MODEL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/err.h"
#include "harness/base/pool.h"
#include "kernels/kernels.h"
#include "runners/local/bigmem.h"
#include "runners/local/gguf.h"

/* Weights of a block. A matrix computes y = W x; a vector scales the elements of a norm. */
typedef enum {
    LAYER_Q,
    LAYER_K,
    LAYER_V,
    LAYER_OUT,
    LAYER_GATE,
    LAYER_UP,
    LAYER_DOWN,
    LAYER_MATRICES
} layer_matrix;

typedef enum {
    LAYER_ATTN_NORM,
    LAYER_Q_NORM,
    LAYER_K_NORM,
    LAYER_POST_ATTN_NORM,
    LAYER_FFN_NORM,
    LAYER_POST_FFN_NORM,
    LAYER_VECTORS
} layer_vector;

typedef struct {
    kern_matrix w[LAYER_MATRICES];
    const float *v[LAYER_VECTORS]; /* NULL where the architecture has none */
} model_layer;

typedef struct {
    size_t n_layers, n_embd, n_ff, n_heads, n_kv_heads, head_dim, n_vocab;
    size_t n_context; /* as trained */
    size_t n_rot;     /* rotated elements of a head */
    size_t window;    /* positions that a local layer sees; 0: all layers see everything */
    size_t
        global_every; /* with a window: layers il % global_every == global_every - 1 are global */
    float rms_eps;
    float q_scale;                     /* queries are multiplied by it after the rotation */
    double rope_base, rope_base_local; /* of global and of local layers */
    double rope_factor;                /* global layers: angles are divided by it */
} model_params;

typedef struct arch arch;

typedef struct {
    const arch *arch; /* the row of arch_list that computes it */
    model_params p;
    kern_matrix embed; /* token_embd: rows are looked up */
    kern_matrix head;  /* output, or the same panels as embed */
    const float *out_norm;
    model_layer *layers;     /* (n_layers) */
    double *rope_freq;       /* (n_rot/2): global layers */
    double *rope_freq_local; /* (n_rot/2): local layers; NULL without a window */
    bool tied;
    arena arena;
    bigmem panels;
} model;

/* Bind, check and repack the weights of g, whose pages are dropped tensor by tensor. g may be
 * closed afterwards. WAAGE_EUNSUPPORTED | WAAGE_EFORMAT (tensor and expectation) | WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status model_load(model **out, const gguf *g, pool *threads, waage_err *err);
void model_free(model *m); /* NULL is fine */

/* ---- Architectures ------------------------------------------------------------------------------
 */

typedef enum { DIM_ONE, DIM_EMBD, DIM_Q, DIM_KV, DIM_HEAD, DIM_FF, DIM_VOCAB, DIM_COUNT } model_dim;

/* One tensor of every block: "blk.N." and this name, (in, out). */
typedef struct {
    const char *name;
    bool is_matrix;
    int slot; /* layer_matrix or layer_vector */
    model_dim in, out;
} arch_tensor;

typedef enum {
    KEY_USED,    /* read by the loader, or without effect on what is computed */
    KEY_NEUTRAL, /* computed only at its neutral value */
} arch_key_use;

/* One metadata key below "ARCH.". A key that no row names is refused. */
typedef struct {
    const char *name;
    arch_key_use use;
    double neutral;
} arch_key;

struct step;

struct arch {
    const char *name;
    const arch_tensor *tensors; /* ended by a NULL name */
    const arch_key *keys; /* besides those that all architectures share; ended by a NULL name */
    /* Fill what the shared keys leave open. */
    waage_status (*read_params)(model_params *p, const gguf *g, waage_err *err);
    /* From token ids to the last hidden state in step->x. */
    void (*forward)(struct step *s);
};

extern const arch *const arch_list[]; /* NULL-terminated */
const arch *arch_find(const char *name, size_t len);

#endif
