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

int quant_bias(quant_type t)
{
    switch (t) {
    case QUANT_Q4_0:
        return 8;
    case QUANT_Q5_0:
        return 16;
    case QUANT_Q6_K:
        return 32;
    default:
        return 0;
    }
}

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

/* 16 bytes of nibbles: low ones are elements 0-15, high ones 16-31. */
static void nibbles(const uint8_t qs[16], int8_t q[32])
{
    for (size_t i = 0; i < 16; i++) {
        q[i] = (int8_t)(qs[i] & 15);
        q[i + 16] = (int8_t)(qs[i] >> 4);
    }
}

static void set_scale(quant_values *out, float d, float m)
{
    out->d[0] = out->d[1] = d;
    out->m = m;
}

static void subtract(quant_values *out, int bias)
{
    for (size_t i = 0; i < 32; i++)
        out->q[i] = (int8_t)(out->q[i] - bias);
}

static void values_q4_0(const void *block, size_t sub, quant_values *out)
{
    quant_block_Q4_0 b;
    (void)sub;
    memcpy(&b, block, sizeof b);
    nibbles(b.qs, out->q);
    subtract(out, 8);
    set_scale(out, half_f16_to_f32(b.d), 0.0f);
}

static void values_q4_1(const void *block, size_t sub, quant_values *out)
{
    quant_block_Q4_1 b;
    (void)sub;
    memcpy(&b, block, sizeof b);
    nibbles(b.qs, out->q);
    set_scale(out, half_f16_to_f32(b.d), half_f16_to_f32(b.m));
}

static void values_q5_0(const void *block, size_t sub, quant_values *out)
{
    quant_block_Q5_0 b;
    (void)sub;
    memcpy(&b, block, sizeof b);
    nibbles(b.qs, out->q);
    for (size_t i = 0; i < 32; i++)
        out->q[i] = (int8_t)(out->q[i] | (b.qh[i / 8] >> (i % 8) & 1) << 4);
    subtract(out, 16);
    set_scale(out, half_f16_to_f32(b.d), 0.0f);
}

static void values_q8_0(const void *block, size_t sub, quant_values *out)
{
    quant_block_Q8_0 b;
    (void)sub;
    memcpy(&b, block, sizeof b);
    memcpy(out->q, b.qs, sizeof b.qs);
    set_scale(out, half_f16_to_f32(b.d), 0.0f);
}

static void values_q4_k(const void *block, size_t sub, quant_values *out)
{
    quant_block_Q4_K b;
    uint8_t scale, minimum;
    memcpy(&b, block, sizeof b);
    const uint8_t *run = b.qs + sub / 2 * 32;
    for (size_t i = 0; i < 32; i++)
        out->q[i] = (int8_t)(sub % 2 ? run[i] >> 4 : run[i] & 15);
    quant_k_scale(b.scales, sub, &scale, &minimum);
    set_scale(out, half_f16_to_f32(b.d) * (float)scale,
              -(half_f16_to_f32(b.dmin) * (float)minimum));
}

/* A half of 128 elements takes 64 bytes of ql and 32 of qh; its quarter of 32 elements takes the
 * low (quarters 0, 1) or high (2, 3) nibbles of one run of 32 bytes, and one bit pair of every qh.
 */
static void values_q6_k(const void *block, size_t sub, quant_values *out)
{
    quant_block_Q6_K b;
    memcpy(&b, block, sizeof b);
    const size_t half = sub / 4, quarter = sub % 4;
    const uint8_t *ql = b.ql + half * 64 + quarter % 2 * 32, *qh = b.qh + half * 32;
    for (size_t i = 0; i < 32; i++) {
        const int low = quarter < 2 ? ql[i] & 15 : ql[i] >> 4;
        out->q[i] = (int8_t)((low | (qh[i] >> 2 * quarter & 3) << 4) - 32);
    }
    const float d = half_f16_to_f32(b.d);
    out->d[0] = d * (float)b.scales[sub * 2];
    out->d[1] = d * (float)b.scales[sub * 2 + 1];
    out->m = 0.0f;
}

typedef void values_fn(const void *block, size_t sub, quant_values *out);
static values_fn *const values_of[QUANT_COUNT] = {
    [QUANT_Q4_0] = values_q4_0, [QUANT_Q4_1] = values_q4_1, [QUANT_Q5_0] = values_q5_0,
    [QUANT_Q8_0] = values_q8_0, [QUANT_Q4_K] = values_q4_k, [QUANT_Q6_K] = values_q6_k,
};

void quant_block_values(quant_type t, const void *block, size_t sub, quant_values *out)
{
    values_of[t](block, sub, out);
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
        values_of[t](bytes + b / subs * info->block_bytes, b % subs, &v);
        for (size_t i = 0; i < 32; i++)
            out[b * 32 + i] = fmaf(v.d[i / 16], (float)v.q[i], v.m);
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
    const uint32_t bits = half_f32_bits(f);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    const uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu)); /* quiet NaN */
    if (magnitude >= 0x47800000u) return (uint16_t)(sign | 0x7c00u);    /* 2^16 and above */
    if (magnitude <
        0x38800000u) { /* below 2^-14: a multiple of 2^-24; the addition rounds to even */
        const float shifted = half_bits_f32(magnitude) + 0.5f; /* ulp of 0.5 is 2^-24 */
        return (uint16_t)(sign | (half_f32_bits(shifted) - 0x3f000000u));
    }
    const uint32_t odd = magnitude >> 13 & 1u;
    /* Rebias by -112, round half to even; a carry runs into the exponent, up to infinity. */
    return (uint16_t)(sign | (magnitude - 0x38000000u + 0xfffu + odd) >> 13);
}
