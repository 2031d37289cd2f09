/* kernels.h - the compute contract: what every kernel computes, to the bit.
 * docs/arithmetic.md is the law; this header gives shapes and calls. Kernels allocate nothing, do
 * no I/O, know no threads; they are handed slices. A set of kernels (portable reference, AVX2, ...)
 * differs in speed alone: tests compare every set with the reference by memcmp. */
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernels/quant.h"

enum {
    KERN_ARITHMETIC_VERSION = 1, /* enters every digest */
    KERN_PANEL_ROWS = 16,
    KERN_BLOCK = 32,      /* K elements that share an activation scale */
    KERN_ATTN_BLOCK = 64, /* positions per softmax block, aligned to 0 */
    KERN_LSE_TILE = 1024, /* rows per tile of the log-sum-exp */
    KERN_ALIGN = 64       /* alignment of panels, activations, scratch */
};

typedef enum { KERN_GRADE_I16, KERN_GRADE_I8, KERN_GRADE_F32 } kern_grade;

/* ---- Weights: panels of 16 output rows, interleaved along K ------------------------------- */

/* Bytes of one panel of 16 rows of k elements (at most 1.05 times 16 file rows, 64-byte aligned
 * size). k must be a multiple of the format's block; float formats take any k. */
size_t panel_bytes(quant_type t, size_t k);
/* Pack n_rows (1..16) consecutive file rows, row_bytes apart; missing rows become zeros. */
void panel_pack(quant_type t, void *panel, const void *rows, size_t row_bytes, size_t n_rows,
                size_t k);
/* Row r (0..15) of a panel as float32 (grade f32 values): embedding look-up without a second copy.
 */
void panel_row_f32(quant_type t, const void *panel, size_t r, size_t k, float *out);

typedef struct {
    quant_type type;
    size_t n_rows, k;   /* outputs, inputs */
    size_t panel_bytes; /* stride between panels */
    const void *panels; /* ceil(n_rows / 16) panels, KERN_ALIGN aligned; what the kernels read */
    /* Not for the kernels: the file's rows, row_bytes apart, of a matrix that is not packed. Its
     * `panels` is NULL; who multiplies packs some panels first. NULL where panels are there. */
    const void *rows;
    size_t row_bytes;
} kern_matrix;

/* ---- Activations: n_tokens rows of k, quantised once per step ----------------------------- */

/* Integer grades: rows quantised per block of 32 (the tail padded with zeros).
 * All grades keep the float rows as well: float weights use them in every grade. */
typedef struct {
    kern_grade grade;
    size_t n_tokens, k, n_blocks; /* n_blocks = ceil(k / 32) */
    const float *x;               /* (n_tokens, ldx) f32, borrowed */
    size_t ldx;
    int8_t *q8;        /* (n_tokens, n_blocks * 32): i8 values, NULL in other grades */
    int16_t *q16;      /* (n_tokens, n_blocks * 32): i16 values, NULL in grade f32 */
    float *scale;      /* (n_tokens, n_blocks): X */
    float *sum_scaled; /* (n_tokens, n_blocks): XS = X * (float)sum of q */
    int32_t *sum;      /* (n_tokens, n_blocks, 2): sum of q of each half of 16 */
    /* Room in grade i8 that only sets fill which multiply in 16 bits; q16 then is q8, widened. */
    int16_t *lanes; /* (n_tokens, n_blocks, 2, 2): sums of the first and of the second pairs of the
                       quads of each half */
} kern_acts;

/* Bytes of storage that kern_acts_init carves up for up to n_tokens rows; KERN_ALIGN aligned. */
size_t kern_acts_bytes(kern_grade grade, size_t n_tokens, size_t k);
void kern_acts_init(kern_acts *a, kern_grade grade, size_t n_tokens, size_t k, void *storage);
/* Row t of `to` = row u of `from`, of the same grade and k: what was quantised (nothing in grade
 * f32), not the float rows, which are borrowed. */
void kern_acts_copy_row(kern_acts *to, size_t t, const kern_acts *from, size_t u);

/* ---- A set of kernels --------------------------------------------------------------------- */

/* How keys and values are stored. Whatever reads them sees the stored value. */
typedef enum { KERN_KV_F32, KERN_KV_F16, KERN_KV_Q8, KERN_KV_FORMATS } kern_kv_format;

/* A block of storage holds 64 positions of one key/value head: keys transposed (key_dim, 64), then
 * values (64, value_dim); q8 has the scales of 64 keys and of 64 values (float) before them. */
typedef struct {
    kern_kv_format format;
    size_t key_dim, value_dim;
} kern_kv_shape;

size_t kern_kv_bytes(kern_kv_shape s); /* of a block, a multiple of KERN_ALIGN */
/* Store position `at` (0..63). false when an element is not finite or does not fit into f16: the
 * item must fail; what is stored then is unspecified. */
bool kern_kv_store(kern_kv_shape s, void *block, size_t at, const float *key, const float *value);
/* Copy positions 0..n-1. */
void kern_kv_copy(kern_kv_shape s, void *to, const void *from, size_t n);

/* Attention of successive tokens of one sequence over one key/value head, for all query heads that
 * share it. Token t stands at position pos + t and sees the positions up to its own. */
typedef struct {
    kern_kv_shape kv;
    size_t n_heads; /* query heads that share the key/value head */
    size_t n_tokens;
    const float *q; /* (n_tokens, ldq): n_heads queries of key_dim, scaled and rotated */
    size_t ldq;
    const float *sinks; /* (n_heads) logit that joins the denominator alone, or NULL */
    /* Block p holds positions p*64 .. p*64+63. All of a visible block must be readable; positions
     * that no token sees are never used. Blocks without a visible position may be NULL. */
    const void *const *blocks;
    size_t pos;
    size_t window; /* how many positions a token sees, itself included; 0: all */
    float *out;    /* (n_tokens, ldo): n_heads outputs of value_dim */
    size_t ldo;
    void *scratch; /* kern_attn_scratch() bytes, aligned */
} kern_attn;

size_t kern_attn_scratch(kern_kv_shape s);

typedef struct {
    const char *name; /* "portable", "avx2", ... as --isa takes it */
    bool (*available)(void);

    /* Quantise rows [t0, t1) of a->x (grade f32: only look for non-finite values). Returns false
     * when a value is not finite (the item fails); its block became zeros. */
    bool (*quantize)(kern_acts *a, size_t t0, size_t t1);

    /* y[t * ldy + r] = sum over k of w[r][k] * x[t][k] for rows r of panels [p0, p1) (rows beyond
     * n_rows are not written) and tokens [t0, t1). scratch: matmul_scratch(k) bytes, aligned. */
    void (*matmul)(const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a, size_t t0,
                   size_t t1, float *y, size_t ldy, void *scratch);
    size_t (*matmul_scratch)(size_t k);

    /* out = (x * (1 / sqrt(mean(x^2) + eps))) * w; n elements; 16-lane sum. out may be x. */
    void (*rmsnorm)(float *out, const float *x, const float *w, size_t n, float eps);
    /* With m = mean(x) and d = x - m: out = (d * (1 / sqrt(mean(d^2) + eps))) * w + b, the last two
     * in one step; 16-lane sums. out may be x. */
    void (*layernorm)(float *out, const float *x, const float *w, const float *b, size_t n,
                      float eps);
    /* out[i] = silu(gate[i]) * up[i], and the tanh form of GELU; out may be gate or up. */
    void (*silu_mul)(float *out, const float *gate, const float *up, size_t n);
    void (*gelu_mul)(float *out, const float *gate, const float *up, size_t n);
    void (*gelu)(float *out, const float *x, size_t n); /* without a factor; out may be x */
    /* g = min(gate, 7), u = up within [-7, 7]: out[i] = (g * sigmoid(1.702 g)) * (u + 1); alike. */
    void (*swiglu_clamped)(float *out, const float *gate, const float *up, size_t n);
    void (*add)(float *x, const float *y, size_t n);                 /* x += y */
    void (*add_scaled)(float *y, const float *x, float a, size_t n); /* y[i] = fma(a, x[i], y[i]) */
    void (*attention)(const kern_attn *job);
    /* One tile of at most KERN_LSE_TILE logits: maximum m and sum of exp(x - m) in 16 lanes. */
    void (*lse_tile)(const float *x, size_t n, float *m, float *sum);
    /* Largest value, lowest index on ties. */
    size_t (*argmax)(const float *x, size_t n);
} kern_set;

extern const kern_set *const kern_sets[]; /* best first, the last one portable, NULL-terminated */
/* The first available set, or the named one; NULL when unknown or not available here. */
const kern_set *kern_set_find(const char *name);
/* Comma-separated names of all compiled sets, for messages. */
const char *kern_set_names(void);

/* ---- Shared scalar pieces ----------------------------------------------------------------- */

/* log(sum of exp(x)) over a vocabulary in canonical tiles, merged ascending in double. */
double kern_logsumexp(const kern_set *s, const float *x, size_t n);

/* Rotary embedding tables: cos and sin of n_pairs angles pos * freq[i], times scale, in double,
 * rounded once. */
void kern_rope_table(float *cos_out, float *sin_out, const double *freq, size_t n_pairs,
                     uint64_t pos, double scale);
/* Rotate one head in place; pairs are (2i, 2i+1) or (i, i + n_pairs). */
void kern_rope_adjacent(float *head, const float *cos_t, const float *sin_t, size_t n_pairs);
void kern_rope_halves(float *head, const float *cos_t, const float *sin_t, size_t n_pairs);

float kern_f16_to_f32(uint16_t h);
uint16_t kern_f32_to_f16(float f); /* round to nearest even */
float kern_bf16_to_f32(uint16_t h);

/* ---- fmath: our own elementary functions, same bits everywhere (kernels/fmath.h) ---------- */
#endif
