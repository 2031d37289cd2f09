/* kernel_cases.h - random inputs for the kernel tests: weight rows of every format with sane
 * scales, panels, aligned buffers. Everything derives from an explicit state, so a failure repeats.
 */
#ifndef TESTS_KERNEL_CASES_H
#define TESTS_KERNEL_CASES_H
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "kernels/kernels.h"
#include "tests/emulated/emulated.h"

/* An emulator takes one case of many (tests/bare). Coprime to the lengths of the lists of cases. */
#ifdef KERNEL_CASES_FEW
enum { CASE_EVERY = 7 };
#else
enum { CASE_EVERY = 1 };
#endif

static inline uint32_t case_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Uniform in (-1, 1). */
static inline float case_unit(uint64_t *state)
{
    return (float)((double)case_next(state) / 1073741824.0 - 1.0);
}

static inline void *case_alloc(size_t bytes)
{
    const size_t whole = (bytes + KERN_ALIGN - 1) / KERN_ALIGN * KERN_ALIGN;
    void *p = aligned_alloc(KERN_ALIGN, whole ? whole : KERN_ALIGN);
    assert_non_null(p);
    memset(p, 0xa5, whole);
    return p;
}

static inline void case_f16(uint8_t *at, float f)
{
    const uint16_t h = kern_f32_to_f16(f);
    memcpy(at, &h, sizeof h);
}

/* Whether byte `at` of a block belongs to d, m or dmin. */
static inline bool case_is_scale(quant_type t, size_t at)
{
    switch (t) {
    case QUANT_MXFP4:
        return at == 0;
    case QUANT_Q2_K:
        return at >= 80;
    case QUANT_Q3_K:
        return at >= 108;
    case QUANT_Q6_K:
        return at >= 208;
    case QUANT_Q4_1:
    case QUANT_Q5_1:
    case QUANT_Q4_K:
    case QUANT_Q5_K:
        return at < 4;
    default:
        return at < 2;
    }
}

/* Random bytes, then scales of about 0.01 in the places where the format keeps them. */
static inline void case_rows(uint64_t *state, quant_type t, uint8_t *rows, size_t bytes)
{
    const size_t block = quant_infos[t].block_bytes;
    for (size_t i = 0; i < bytes; i++)
        rows[i] = (uint8_t)case_next(state);
    for (size_t i = 0; i + block <= bytes; i += block) {
        const float a = case_unit(state) * 0.02f, b = case_unit(state) * 0.02f;
        switch (t) {
        case QUANT_F32:
            memcpy(rows + i, &a, sizeof a);
            break;
        case QUANT_BF16:
            memcpy(rows + i, (const uint8_t *)&a + 2, 2);
            break;
        case QUANT_MXFP4: /* 2^-10 to 2^-3; now and then the ends of the scale */
            rows[i] = (uint8_t)(case_next(state) % 16 ? 117 + rows[i] % 8 : rows[i] % 2);
            break;
        case QUANT_Q2_K:
            case_f16(rows + i + 80, a);
            case_f16(rows + i + 82, b);
            break;
        case QUANT_Q3_K:
            case_f16(rows + i + 108, a);
            break;
        case QUANT_Q6_K:
            case_f16(rows + i + 208, a);
            break;
        case QUANT_Q4_1:
        case QUANT_Q5_1:
        case QUANT_Q4_K:
        case QUANT_Q5_K:
            case_f16(rows + i + 2, b); /* fall through */
        default:
            case_f16(rows + i, a);
            break;
        }
    }
}

typedef struct {
    kern_matrix w;
    uint8_t *rows; /* the file's rows */
    uint8_t *panels;
    size_t row_bytes, n_panels;
} case_matrix;

static inline void case_pack(case_matrix *m)
{
    m->n_panels = (m->w.n_rows + 15) / 16;
    m->panels = case_alloc(m->n_panels * m->w.panel_bytes);
    for (size_t p = 0; p < m->n_panels; p++) {
        const size_t left = m->w.n_rows - p * 16;
        panel_pack(m->w.type, m->panels + p * m->w.panel_bytes, m->rows + p * 16 * m->row_bytes,
                   m->row_bytes, left < 16 ? left : 16, m->w.k);
    }
    m->w.panels = m->panels;
}

static inline case_matrix case_matrix_new(uint64_t *state, quant_type t, size_t n_rows, size_t k)
{
    case_matrix m = {.w = {.type = t, .n_rows = n_rows, .k = k, .panel_bytes = panel_bytes(t, k)}};
    m.row_bytes = quant_row_bytes(t, k);
    m.rows = case_alloc(n_rows * m.row_bytes);
    case_rows(state, t, m.rows, n_rows * m.row_bytes);
    case_pack(&m);
    return m;
}

static inline void case_matrix_free(case_matrix *m)
{
    free(m->rows);
    free(m->panels);
}

/* Calls `check` for every set, the reference last; sets that this machine cannot run are emulated
 * or named as skipped. */
static inline void case_each_set(void (*check)(const kern_set *set, const kern_set *reference))
{
    const kern_set *reference = kern_set_find("portable");
    assert_non_null(reference);
    for (const kern_set *const *s = kern_sets; *s; s++) {
        const kern_set *set = (*s)->available() ? *s : emulated_set_find((*s)->name);
        if (set)
            check(set, reference);
        else
            fprintf(stderr, "[  SKIP    ] kernel set %s: neither here nor emulated\n", (*s)->name);
    }
}

#endif
