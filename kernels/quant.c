/* quant.c - owns the table of weight formats and takes the file's blocks apart. How weights lie in
 * memory afterwards is panel.c's business. */
#include "kernels/quant.h"
#include <math.h>
#include <string.h>
#include "kernels/half.h"
#include "kernels/kernels.h"
#include "kernels/quant_block.h"

const quant_info quant_infos[QUANT_COUNT] = {
#define QUANT_ROW(name, id, elems, bytes, shape) [QUANT_##name] = {#name, id, elems, bytes, shape},
    QUANT_TYPES(QUANT_ROW)
#undef QUANT_ROW
};

/* Every type number of the GGUF specification, so that a refusal can name what it refuses.
 * Holes are numbers that were given up. */
static const char *const ggml_names[] = {
    [0] = "F32",     [1] = "F16",      [2] = "Q4_0",   [3] = "Q4_1",    [6] = "Q5_0",
    [7] = "Q5_1",    [8] = "Q8_0",     [9] = "Q8_1",   [10] = "Q2_K",   [11] = "Q3_K",
    [12] = "Q4_K",   [13] = "Q5_K",    [14] = "Q6_K",  [15] = "Q8_K",   [16] = "IQ2_XXS",
    [17] = "IQ2_XS", [18] = "IQ3_XXS", [19] = "IQ1_S", [20] = "IQ4_NL", [21] = "IQ3_S",
    [22] = "IQ2_S",  [23] = "IQ4_XS",  [24] = "I8",    [25] = "I16",    [26] = "I32",
    [27] = "I64",    [28] = "F64",     [29] = "IQ1_M", [30] = "BF16",   [34] = "TQ1_0",
    [35] = "TQ2_0",  [39] = "MXFP4",
};

bool quant_from_ggml(quant_type *out, uint32_t ggml_id)
{
    for (size_t i = 0; i < QUANT_COUNT; i++) {
        if (quant_infos[i].ggml_id == ggml_id) {
            *out = (quant_type)i;
            return true;
        }
    }
    return false;
}

const char *quant_ggml_name(uint32_t ggml_id)
{
    const size_t n = sizeof ggml_names / sizeof ggml_names[0];
    const char *name = ggml_id < n ? ggml_names[ggml_id] : NULL;
    return name ? name : "an unknown type";
}

size_t quant_row_bytes(quant_type t, size_t k)
{
    const quant_info *q = &quant_infos[t];
    const size_t blocks = k / q->block_elems;
    if (k % q->block_elems != 0 || blocks > SIZE_MAX / q->block_bytes) return 0;
    return blocks * q->block_bytes;
}

/* ---- Codes and what they mean ---------------------------------------------------------------- */

const int8_t quant_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113};
/* The numbers of FP4 (E2M1), doubled so that they are integers. */
const int8_t quant_fp4_values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

int quant_bias(quant_type t)
{
    static const uint8_t biases[QUANT_COUNT] = {
        [QUANT_Q4_0] = 8, [QUANT_Q5_0] = 16, [QUANT_Q3_K] = 4, [QUANT_Q6_K] = 32};
    return biases[t];
}

const int8_t *quant_table(quant_type t)
{
    static const int8_t *const tables[QUANT_COUNT] = {[QUANT_IQ4_NL] = quant_iq4_values,
                                                      [QUANT_IQ4_XS] = quant_iq4_values,
                                                      [QUANT_MXFP4] = quant_fp4_values};
    return tables[t];
}

int8_t quant_code_value(quant_type t, uint8_t code)
{
    const int8_t *table = quant_table(t);
    if (table) return table[code & 15];
    return (int8_t)((code < 128 ? code : code - 256) - quant_bias(t));
}

/* 16 bytes of nibbles: low ones are elements 0-15, high ones 16-31. */
static void nibbles(const uint8_t qs[16], uint8_t code[32])
{
    for (size_t i = 0; i < 16; i++) {
        code[i] = qs[i] & 15;
        code[i + 16] = qs[i] >> 4;
    }
}

static void fifth_bits(const uint8_t qh[4], uint8_t code[32])
{
    for (size_t i = 0; i < 32; i++)
        code[i] = (uint8_t)(code[i] | (qh[i / 8] >> (i % 8) & 1) << 4);
}

/* Bit `sub` of each of 32 bytes, as bit `to` of the code. */
static void high_bits(const uint8_t high[32], size_t sub, unsigned to, uint8_t code[32])
{
    for (size_t i = 0; i < 32; i++)
        code[i] = (uint8_t)(code[i] | (high[i] >> sub & 1) << to);
}

/* A half of 128 elements takes 32 bytes: a pair of bits of each for every 32 elements. */
static void low_pairs(const uint8_t qs[64], size_t sub, uint8_t code[32])
{
    for (size_t i = 0; i < 32; i++)
        code[i] = qs[sub / 4 * 32 + i] >> 2 * (sub % 4) & 3;
}

/* A run of 32 bytes holds 64 elements: the low nibbles 32, the high ones the next 32. */
static void nibble_runs(const uint8_t qs[128], size_t sub, uint8_t code[32])
{
    const uint8_t *run = qs + sub / 2 * 32;
    for (size_t i = 0; i < 32; i++)
        code[i] = sub % 2 ? run[i] >> 4 : run[i] & 15;
}

/* A half of 128 elements takes 64 bytes of ql and 32 of qh; its quarter of 32 elements takes the
 * low (quarters 0, 1) or high (2, 3) nibbles of one run of 32 bytes, and one bit pair of every qh.
 */
static void codes_q6_k(const quant_block_Q6_K *b, size_t sub, uint8_t code[32])
{
    const size_t half = sub / 4, quarter = sub % 4;
    const uint8_t *ql = b->ql + half * 64 + quarter % 2 * 32, *qh = b->qh + half * 32;
    for (size_t i = 0; i < 32; i++) {
        const int low = quarter < 2 ? ql[i] & 15 : ql[i] >> 4;
        code[i] = (uint8_t)(low | (qh[i] >> 2 * quarter & 3) << 4);
    }
}

/* ---- Scales ------------------------------------------------------------------------------- */

void quant_k_scale(const uint8_t scales[12], size_t j, uint8_t *scale, uint8_t *minimum)
{
    if (j < 4) {
        *scale = scales[j] & 63;
        *minimum = scales[j + 4] & 63;
    } else {
        *scale = (uint8_t)((scales[j + 4] & 15) | (scales[j - 4] >> 6) << 4);
        *minimum = (uint8_t)((scales[j + 4] >> 4) | (scales[j] >> 6) << 4);
    }
}

int8_t quant_q3_k_scale(const quant_block_Q3_K *b, size_t j)
{
    const int low = j < 8 ? b->scales[j] & 15 : b->scales[j - 8] >> 4;
    const int high = b->scales[8 + j % 4] >> 2 * (j / 4) & 3;
    return (int8_t)((low | high << 4) - 32);
}

int8_t quant_iq4_xs_scale(const quant_block_IQ4_XS *b, size_t j)
{
    const int low = b->scales_l[j / 2] >> 4 * (j % 2) & 15, high = b->scales_h >> 2 * j & 3;
    return (int8_t)((low | high << 4) - 32);
}

float quant_e8m0_half(uint8_t e)
{
    if (e == 255) return half_bits_f32(0x7fc00000u);
    return half_bits_f32(e < 2 ? 0x200000u << e : (uint32_t)(e - 1) << 23); /* below 2: subnormal */
}

static quant_scales whole(float d, float m)
{
    return (quant_scales){{d, d}, {m, m}};
}

static quant_scales scales_k(uint16_t d, uint16_t dmin, const uint8_t scales[12], size_t sub)
{
    uint8_t scale, minimum;
    quant_k_scale(scales, sub, &scale, &minimum);
    return whole(half_f16_to_f32(d) * (float)scale, -(half_f16_to_f32(dmin) * (float)minimum));
}

static quant_scales scales_q2_k(const quant_block_Q2_K *b, size_t sub)
{
    const float d = half_f16_to_f32(b->d), dmin = half_f16_to_f32(b->dmin);
    quant_scales s;
    for (size_t h = 0; h < 2; h++) {
        s.d[h] = d * (float)(b->scales[sub * 2 + h] & 15);
        s.m[h] = -(dmin * (float)(b->scales[sub * 2 + h] >> 4));
    }
    return s;
}

static quant_scales sub_scales(uint16_t d, int8_t first, int8_t second)
{
    const float f = half_f16_to_f32(d);
    return (quant_scales){{f * (float)first, f * (float)second}, {0.0f, 0.0f}};
}

/* ---- One row a format: 32 elements of a block ---------------------------------------------- */

#define READER(name)                                                                               \
    static void read_##name(const void *block, size_t sub, uint8_t code[32], quant_scales *s)
/* The block's members, wherever it lies. */
#define BLOCK(name)                                                                                \
    quant_block_##name b;                                                                          \
    memcpy(&b, block, sizeof b);                                                                   \
    (void)sub

READER(Q4_0)
{
    BLOCK(Q4_0);
    nibbles(b.qs, code);
    *s = whole(half_f16_to_f32(b.d), 0.0f);
}

READER(Q4_1)
{
    BLOCK(Q4_1);
    nibbles(b.qs, code);
    *s = whole(half_f16_to_f32(b.d), half_f16_to_f32(b.m));
}

READER(Q5_0)
{
    BLOCK(Q5_0);
    nibbles(b.qs, code);
    fifth_bits(b.qh, code);
    *s = whole(half_f16_to_f32(b.d), 0.0f);
}

READER(Q5_1)
{
    BLOCK(Q5_1);
    nibbles(b.qs, code);
    fifth_bits(b.qh, code);
    *s = whole(half_f16_to_f32(b.d), half_f16_to_f32(b.m));
}

READER(Q8_0)
{
    BLOCK(Q8_0);
    memcpy(code, b.qs, sizeof b.qs);
    *s = whole(half_f16_to_f32(b.d), 0.0f);
}

READER(Q2_K)
{
    BLOCK(Q2_K);
    low_pairs(b.qs, sub, code);
    *s = scales_q2_k(&b, sub);
}

READER(Q3_K)
{
    BLOCK(Q3_K);
    low_pairs(b.qs, sub, code);
    high_bits(b.hmask, sub, 2, code);
    *s = sub_scales(b.d, quant_q3_k_scale(&b, sub * 2), quant_q3_k_scale(&b, sub * 2 + 1));
}

READER(Q4_K)
{
    BLOCK(Q4_K);
    nibble_runs(b.qs, sub, code);
    *s = scales_k(b.d, b.dmin, b.scales, sub);
}

READER(Q5_K)
{
    BLOCK(Q5_K);
    nibble_runs(b.qs, sub, code);
    high_bits(b.qh, sub, 4, code);
    *s = scales_k(b.d, b.dmin, b.scales, sub);
}

READER(Q6_K)
{
    BLOCK(Q6_K);
    codes_q6_k(&b, sub, code);
    *s = sub_scales(b.d, b.scales[sub * 2], b.scales[sub * 2 + 1]);
}

READER(IQ4_NL)
{
    BLOCK(IQ4_NL);
    nibbles(b.qs, code);
    *s = whole(half_f16_to_f32(b.d), 0.0f);
}

READER(IQ4_XS)
{
    BLOCK(IQ4_XS);
    nibbles(b.qs + 16 * sub, code);
    *s = whole(half_f16_to_f32(b.d) * (float)quant_iq4_xs_scale(&b, sub), 0.0f);
}

READER(MXFP4)
{
    BLOCK(MXFP4);
    nibbles(b.qs, code);
    *s = whole(quant_e8m0_half(b.e), 0.0f);
}

#undef READER
#undef BLOCK

typedef void reader_fn(const void *block, size_t sub, uint8_t code[32], quant_scales *s);
static reader_fn *const readers[QUANT_COUNT] = {
    [QUANT_Q4_0] = read_Q4_0,   [QUANT_Q4_1] = read_Q4_1,     [QUANT_Q5_0] = read_Q5_0,
    [QUANT_Q5_1] = read_Q5_1,   [QUANT_Q8_0] = read_Q8_0,     [QUANT_Q2_K] = read_Q2_K,
    [QUANT_Q3_K] = read_Q3_K,   [QUANT_Q4_K] = read_Q4_K,     [QUANT_Q5_K] = read_Q5_K,
    [QUANT_Q6_K] = read_Q6_K,   [QUANT_IQ4_NL] = read_IQ4_NL, [QUANT_IQ4_XS] = read_IQ4_XS,
    [QUANT_MXFP4] = read_MXFP4,
};

void quant_block_codes(quant_type t, const void *block, size_t sub, uint8_t code[32])
{
    quant_scales unused;
    readers[t](block, sub, code, &unused);
}

void quant_block_values(quant_type t, const void *block, size_t sub, quant_values *out)
{
    uint8_t code[32];
    readers[t](block, sub, code, &out->s);
    for (size_t i = 0; i < 32; i++)
        out->q[i] = quant_code_value(t, code[i]);
}

static void float_row_f32(quant_type t, const uint8_t *row, size_t k, float *out)
{
    if (t == QUANT_F32) {
        memcpy(out, row, k * sizeof *out);
        return;
    }
    for (size_t i = 0; i < k; i++) {
        uint16_t h;
        memcpy(&h, row + 2 * i, sizeof h);
        out[i] = t == QUANT_F16 ? half_f16_to_f32(h) : half_bf16_to_f32(h);
    }
}

void quant_row_f32(quant_type t, const void *row, size_t k, float *out)
{
    const quant_info *info = &quant_infos[t];
    const uint8_t *bytes = row;
    if (info->shape == QUANT_FLOAT) {
        float_row_f32(t, bytes, k, out);
        return;
    }
    const size_t subs = info->block_elems / 32;
    for (size_t b = 0; b < k / 32; b++) {
        quant_values v;
        quant_block_values(t, bytes + b / subs * info->block_bytes, b % subs, &v);
        for (size_t i = 0; i < 32; i++)
            out[b * 32 + i] = fmaf(v.s.d[i / 16], (float)v.q[i], v.s.m[i / 16]);
    }
}

float kern_f16_to_f32(uint16_t h)
{
    return half_f16_to_f32(h);
}

float kern_bf16_to_f32(uint16_t h)
{
    return half_bf16_to_f32(h);
}

uint16_t kern_f32_to_f16(float f)
{
    return half_f32_to_f16(f);
}
