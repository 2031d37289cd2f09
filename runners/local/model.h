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
#include "runners/local/kvcache.h"
#include "runners/local/rope.h"

/* Weights of a block. A matrix computes y = W x (+ its bias); a norm with a shift is a LayerNorm,
 * one without is an RMS norm; a stack is one matrix for each expert. */
typedef enum {
    LAYER_Q,
    LAYER_K,
    LAYER_V,
    LAYER_OUT,
    LAYER_GATE,
    LAYER_UP,
    LAYER_DOWN,
    LAYER_Q_A,  /* latent attention: queries down to a low rank, */
    LAYER_Q_B,  /* and up again */
    LAYER_KV_A, /* keys and values down to what is cached */
    LAYER_ROUTER,
    LAYER_GATE_SHARED, /* the experts that every token passes */
    LAYER_UP_SHARED,
    LAYER_DOWN_SHARED,
    LAYER_MATRICES
} layer_matrix;

typedef enum {
    LAYER_ATTN_NORM,
    LAYER_Q_NORM,
    LAYER_K_NORM,
    LAYER_POST_ATTN_NORM,
    LAYER_FFN_NORM,
    LAYER_POST_FFN_NORM,
    LAYER_Q_A_NORM,
    LAYER_KV_A_NORM,
    LAYER_NORMS
} layer_norm;

typedef enum {
    LAYER_SINKS,       /* (n_heads) logits that take weight and give nothing */
    LAYER_EXPERT_BIAS, /* (n_experts) added where experts are chosen, not where they are weighed */
    LAYER_VECTORS
} layer_vector;

typedef struct {
    const float *weight, *shift; /* both NULL: no norm */
} model_norm;

typedef enum {
    LAYER_GATE_EXPS, /* one for each expert */
    LAYER_UP_EXPS,
    LAYER_DOWN_EXPS,
    LAYER_K_B, /* one for each head: queries into the space of the latent */
    LAYER_V_B, /* and answers out of it */
    LAYER_STACKS
} layer_stack;

/* The angles of a layer: of all layers, or of the local ones where those differ. */
typedef enum { ROPE_MAIN, ROPE_LOCAL, ROPE_TABLES } rope_slot;

typedef struct {
    kern_matrix w[LAYER_MATRICES];     /* panels NULL where the architecture has none */
    const float *bias[LAYER_MATRICES]; /* of w: (n_rows), or NULL */
    model_norm norm[LAYER_NORMS];
    const float *v[LAYER_VECTORS];         /* NULL where the architecture has none */
    kern_matrix *stack[LAYER_STACKS];      /* (experts or heads), or NULL */
    const float *stack_bias[LAYER_STACKS]; /* (experts, n_rows), or NULL */
    size_t window;                         /* positions that the layer sees; 0: all */
    rope_slot rope;
} model_layer;

enum { MODEL_MAX_EXPERTS = 1024, MODEL_MAX_KEY = 1024 };

/* What a router makes of its logits; the numbers are those of the files. */
typedef enum {
    EXPERTS_SOFTMAX = 1,       /* over all experts, before the choice */
    EXPERTS_SIGMOID = 2,       /* of each by itself */
    EXPERTS_SOFTMAX_CHOSEN = 3 /* over the chosen ones */
} experts_gating;

typedef struct {
    experts_gating gating;
    size_t n_used;                  /* experts of a token */
    size_t n_groups, n_groups_used; /* only experts of the best groups are chosen from */
    size_t n_group_best;            /* a group is as good as the sum of so many of its best: 1, 2 */
    bool normalize;                 /* weights of the chosen sum to 1, before the scale */
    float scale;
} model_router;

/* Latent attention: ranks of what queries (0: not reduced) and keys and values are made of, and
 * the length of a head's key, whose last n_rot elements are rotated, and of its value. */
typedef struct {
    size_t q_rank, kv_rank, key_length, value_length;
} model_latent;

typedef struct {
    size_t n_layers, n_embd, n_ff, n_heads, n_kv_heads, head_dim, n_vocab;
    size_t n_context;       /* as trained */
    size_t n_context_short; /* longrope: longer texts turn by rope_long; else 0 */
    size_t n_rot;           /* rotated elements of a head; 0: positions are learned vectors */
    size_t window;          /* positions that a local layer sees; 0: all layers see everything */
    size_t global_every;    /* with a window: layers il % global_every == global_every - 1 see
                               everything; 0: no layer does */
    /* What is stored of a position: params.c fills in n_kv_heads and head_dim. */
    size_t cache_heads, key_dim, value_dim;
    size_t n_experts, n_ff_expert; /* 0 experts: there are none */
    size_t n_ff_shared;            /* of all shared experts together; 0: there are none */
    size_t n_dense;                /* layers before the first one with experts */
    size_t n_unused_layers;        /* behind the n_layers: they predict a further token */
    model_router router;
    model_latent latent; /* kv_rank 0: the model has none */
    float norm_eps;
    float q_scale;         /* queries are multiplied by it after the rotation */
    bool norm_whole_qk;    /* norms of queries and keys run over all heads, not over each */
    bool rope_local_apart; /* local layers turn by rope[ROPE_LOCAL] */
    rope_spec rope[ROPE_TABLES];
} model_params;

typedef struct arch arch;

typedef struct {
    const arch *arch; /* the row of arch_list that computes it */
    model_params p;
    kern_matrix embed;      /* token_embd: rows are looked up */
    kern_matrix head;       /* output, or the same panels as embed */
    const float *positions; /* (n_context, n_embd) learned, or NULL */
    model_norm out_norm;
    model_layer *layers;    /* (n_layers) */
    rope rope[ROPE_TABLES]; /* freq NULL where the model has no such table */
    rope rope_long;         /* longrope: instead of rope[ROPE_MAIN], see model_is_long() */
    bool tied;
    /* Matrices that stay in the mapped file, and the largest panel of them (0: there are none). */
    size_t n_mapped, mapped_panel_bytes;
    arena arena;
    bigmem panels;
} model;

/* Bind and check the weights of g, and repack them, as far as max_packed bytes of panels reach; the
 * pages of the file are dropped tensor by tensor. Packed are first the matrices that every step
 * reads, then the head, then experts, then rows that are only looked up. What is left stays mapped:
 * g must then live as long as the model (n_mapped > 0); else it may be closed.
 * WAAGE_EUNSUPPORTED | WAAGE_EFORMAT (tensor and expectation) | WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status model_load(model **out, const gguf *g, pool *threads,
                                         size_t max_packed, waage_err *err);
void model_free(model *m); /* NULL is fine */
/* Does a text that may grow to n_tokens turn by rope_long? The choice holds from its first token
 * on: keys of the two kinds do not fit together. */
bool model_is_long(const model *m, size_t n_tokens);

/* How its keys and values are stored. */
kv_shape model_kv_shape(const model_params *p, kern_kv_format format);

/* ---- Architectures --------------------------------------------------------------------------- */

/* Sizes that shapes of tensors are made of. */
typedef enum {
    DIM_ZERO,
    DIM_ONE,
    DIM_EMBD,
    DIM_Q,    /* of all query heads */
    DIM_KV,   /* of all keys, or of all values */
    DIM_Q_K,  /* queries, then keys */
    DIM_QKV,  /* queries, keys, values */
    DIM_HEAD, /* one head */
    DIM_FF,
    DIM_FF_TWICE, /* gates, then what they let through */
    DIM_HEADS,
    DIM_EXPERTS,
    DIM_FF_EXPERT,
    DIM_FF_EXPERT_TWICE,
    DIM_FF_SHARED,
    DIM_Q_RANK, /* latent attention: model_latent */
    DIM_KV_RANK,
    DIM_LATENT_Q,     /* keys of all heads */
    DIM_LATENT_KEY,   /* what is cached of a key */
    DIM_LATENT_PLAIN, /* elements of a head's key that are not rotated */
    DIM_LATENT_VALUE, /* elements of a head's value */
    DIM_LATENT_OUT,   /* values of all heads */
    DIM_COUNT
} model_dim;
size_t model_dim_size(const model_params *p, size_t layer, model_dim d);

typedef enum {
    TENSOR_MATRIX,     /* (in, out) to w[slot] */
    TENSOR_BIAS,       /* (in) to bias[slot] */
    TENSOR_NORM,       /* (in) to norm[slot].weight */
    TENSOR_SHIFT,      /* (in) to norm[slot].shift */
    TENSOR_VECTOR,     /* (in) to v[slot] */
    TENSOR_STACK,      /* (in, out, depth) to stack[slot] */
    TENSOR_STACK_BIAS, /* (in, out) to stack_bias[slot]: out experts */
    TENSOR_KEYS_VALUES /* latent attention: each head's keys, then values, to the stacks K_B, V_B
                          unless they are bound */
} tensor_kind;

/* One tensor of every block: "blk.N." and this name. Rows of a fused tensor come one behind the
 * other and name it each: `whole` is what the file's tensor has of rows (elements, for a bias), and
 * `from` where this part begins; both are left 0 for a tensor that is not fused. */
typedef struct {
    const char *name;
    const char *fused; /* TENSOR_STACK: where the file has no `name`, a part of this one; or NULL */
    tensor_kind kind;
    int slot; /* layer_matrix, layer_norm, layer_vector or layer_stack */
    model_dim in, out, depth;
    model_dim whole, from;
    bool optional;
    /* Does this layer have it? NULL: every layer. */
    bool (*in_layer)(const model_params *p, size_t layer);
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

typedef enum {
    ARCH_LAYER_NORM = 1, /* norms subtract the mean and have a shift */
    ARCH_POSITIONS = 2,  /* position_embd.weight instead of a rotation */
    ARCH_LATENT = 4,     /* lengths of keys and values are read by the architecture */
    ARCH_ROPE_FREQS = 8, /* rope_freqs.weight divides the frequencies, where it is there */
} arch_trait;

struct step;

struct arch {
    const char *name;
    const arch_tensor *tensors; /* ended by a NULL name */
    const arch_key *keys; /* before those that all architectures share; ended by a NULL name */
    unsigned traits;      /* of arch_trait */
    /* Pairs that turn together: kern_rope_adjacent or kern_rope_halves. */
    void (*rotate)(float *head, const float *cos_t, const float *sin_t, size_t n_pairs);
    /* Fill what the shared keys leave open; NULL: nothing. */
    waage_status (*read_params)(model_params *p, const gguf *g, waage_err *err);
    /* From token ids to the last hidden state in step->x. */
    void (*forward)(struct step *s);
};

extern const arch *const arch_list[]; /* NULL-terminated */
const arch *arch_find(const char *name, size_t len);

#endif
