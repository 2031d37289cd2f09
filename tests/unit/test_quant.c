/* test_quant.c - weight formats and panels: blocks computed by hand, random blocks against values
 * of an independent implementation (tests/golden/quant_blocks.txt), panels against file rows. */
#include <math.h>
#include "kernels/quant_block.h"
#include "tests/unit/kernel_cases.h"

/* ---- The table ------------------------------------------------------------------------------- */

static void test_table(void **unused)
{
    quant_type t;
    (void)unused;
    for (quant_type i = 0; i < QUANT_COUNT; i++) {
        assert_true(quant_from_ggml(&t, quant_infos[i].ggml_id));
        assert_int_equal(t, i);
        assert_string_equal(quant_ggml_name(quant_infos[i].ggml_id), quant_infos[i].name);
    }
    assert_false(quant_from_ggml(&t, 16));
    assert_string_equal(quant_ggml_name(16), "IQ2_XXS");
    assert_string_equal(quant_ggml_name(4), "an unknown type"); /* a number that was given up */
    assert_string_equal(quant_ggml_name(0xffffffffu), "an unknown type");
    assert_int_equal(quant_row_bytes(QUANT_Q4_K, 512), 288);
    assert_int_equal(quant_row_bytes(QUANT_Q4_K, 576), 0);
    assert_int_equal(quant_row_bytes(QUANT_Q8_0, 576), 612);
    assert_int_equal(quant_row_bytes(QUANT_BF16, 3), 6);
    assert_int_equal(quant_row_bytes(QUANT_F32, SIZE_MAX), 0); /* no wrapping */
}

/* ---- Blocks by hand -------------------------------------------------------------------------- */

static void expect(quant_type t, const void *block, const float *want, size_t n)
{
    float got[256];
    quant_row_f32(t, block, quant_infos[t].block_elems, got);
    for (size_t i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("%s element %zu: %g, not %g", quant_infos[t].name, i, (double)got[i],
                     (double)want[i]);
}

static void test_nibble_blocks(void **unused)
{
    float want[32];
    quant_block_Q4_0 a = {0x3800, {0}};                           /* d = 0.5 */
    quant_block_Q4_1 b = {0x3800, 0xc000, {0}};                   /* m = -2 */
    quant_block_Q5_0 c = {0xb800, {0x01, 0x80, 0xff, 0x00}, {0}}; /* d = -0.5; bits 0, 15..23 */
    (void)unused;
    for (size_t i = 0; i < 16; i++)
        a.qs[i] = b.qs[i] = c.qs[i] = (uint8_t)(i | (15 - i) << 4);
    for (size_t i = 0; i < 32; i++)
        want[i] = 0.5f * ((i < 16 ? (float)i : 31.0f - (float)i) - 8.0f);
    expect(QUANT_Q4_0, &a, want, 32);
    for (size_t i = 0; i < 32; i++)
        want[i] = 0.5f * (i < 16 ? (float)i : 31.0f - (float)i) - 2.0f;
    expect(QUANT_Q4_1, &b, want, 32);
    for (size_t i = 0; i < 32; i++) {
        const float fifth = i == 0 || (i >= 15 && i < 24) ? 16.0f : 0.0f;
        want[i] = -0.5f * ((i < 16 ? (float)i : 31.0f - (float)i) + fifth - 16.0f);
    }
    expect(QUANT_Q5_0, &c, want, 32);
}

static void test_byte_block(void **unused)
{
    float want[32];
    quant_block_Q8_0 a = {0x0001, {0}}; /* d = 2^-24, the smallest half */
    (void)unused;
    for (size_t i = 0; i < 32; i++) {
        a.qs[i] = (int8_t)(i == 0 ? -128 : i == 1 ? 127 : (int)i - 16);
        want[i] = 0x1p-24f * (float)a.qs[i];
    }
    expect(QUANT_Q8_0, &a, want, 32);
}

static void test_q4_k_block(void **unused)
{
    /* Scales 1, 2, 3, 4 in the plain six bits, 37, 38, 39, 40 split; minima 0 and 63 alternating.
     */
    static const uint8_t scale[8] = {1, 2, 3, 4, 37, 38, 39, 40};
    static const uint8_t minimum[8] = {0, 63, 0, 63, 0, 63, 0, 63};
    quant_block_Q4_K b = {0x3c00, 0x3800, {0}, {0}}; /* d = 1, dmin = 0.5 */
    float want[256];
    (void)unused;
    for (size_t j = 0; j < 4; j++) {
        b.scales[j] = (uint8_t)(scale[j] | (scale[j + 4] >> 4) << 6);
        b.scales[j + 4] = (uint8_t)(minimum[j] | (minimum[j + 4] >> 4) << 6);
        b.scales[j + 8] = (uint8_t)((scale[j + 4] & 15) | (minimum[j + 4] & 15) << 4);
    }
    for (size_t j = 0; j < 8; j++) {
        uint8_t s, m;
        quant_k_scale(b.scales, j, &s, &m);
        assert_int_equal(s, scale[j]);
        assert_int_equal(m, minimum[j]);
    }
    for (size_t i = 0; i < 256; i++) {
        const uint8_t q = (uint8_t)((i * 7 + i / 32) % 16);
        uint8_t *byte = &b.qs[i / 64 * 32 + i % 32];
        *byte = (uint8_t)(*byte | (i / 32 % 2 ? q << 4 : q));
        want[i] = (float)(scale[i / 32] * q) - 0.5f * (float)minimum[i / 32];
    }
    expect(QUANT_Q4_K, &b, want, 256);
}

static void test_q6_k_block(void **unused)
{
    quant_block_Q6_K b = {.d = 0x3400}; /* 0.25 */
    float want[256];
    (void)unused;
    for (size_t s = 0; s < 16; s++)
        b.scales[s] = (int8_t)(s == 3 ? -128 : (int)s * 9 - 60);
    for (size_t i = 0; i < 256; i++) {
        /* Element i of a half of 128: nibble of ql[half*64 + i % 64], high half from 64 on;
         * bit pair i / 32 of qh[half*32 + i % 32]. */
        const size_t half = i / 128, e = i % 128;
        const unsigned q = (unsigned)(i * 13 + i / 16) % 64;
        uint8_t *low = &b.ql[half * 64 + e % 64], *high = &b.qh[half * 32 + e % 32];
        *low = (uint8_t)(*low | (q & 15) << (e < 64 ? 0 : 4));
        *high = (uint8_t)(*high | (q >> 4) << (2 * (e / 32)));
        want[i] = 0.25f * (float)b.scales[i / 16] * (float)((int)q - 32);
    }
    expect(QUANT_Q6_K, &b, want, 256);
}

/* Q2_K: element e of 256 is bit pair e % 128 / 32 of qs[e / 128 * 32 + e % 32]. */
static void test_q2_k_block(void **unused)
{
    quant_block_Q2_K b = {.d = 0x4000, .dmin = 0xb800}; /* 2, -0.5 */
    float want[256];
    (void)unused;
    for (size_t s = 0; s < 16; s++)
        b.scales[s] = (uint8_t)(s | (15 - s) << 4);
    for (size_t e = 0; e < 256; e++) {
        const unsigned q = (unsigned)(e * 5 + e / 16) % 4;
        uint8_t *byte = &b.qs[e / 128 * 32 + e % 32];
        *byte = (uint8_t)(*byte | q << 2 * (e % 128 / 32));
        want[e] = 2.0f * (float)(e / 16) * (float)q + 0.5f * (float)(15 - e / 16);
    }
    expect(QUANT_Q2_K, &b, want, 256);
}

/* Q3_K: the same pairs, a high bit that is stored inverted (0 means -4), scales split in three. */
static void test_q3_k_block(void **unused)
{
    quant_block_Q3_K b = {.d = 0x3c00};
    float want[256];
    (void)unused;
    for (size_t s = 0; s < 16; s++) {
        const unsigned stored = (unsigned)(s == 7 ? 31 : s * 4); /* scale + 32 */
        b.scales[s % 8] = (uint8_t)(b.scales[s % 8] | (stored & 15) << (s < 8 ? 0 : 4));
        b.scales[8 + s % 4] = (uint8_t)(b.scales[8 + s % 4] | (stored >> 4) << 2 * (s / 4));
        for (size_t e = 16 * s; e < 16 * s + 16; e++) {
            const int q = (int)(e * 3 + e / 32) % 8 - 4;
            uint8_t *byte = &b.qs[e / 128 * 32 + e % 32], *high = &b.hmask[e % 32];
            *byte = (uint8_t)(*byte | (unsigned)(q & 3) << 2 * (e % 128 / 32));
            *high = (uint8_t)(*high | (unsigned)(q >= 0) << e / 32);
            want[e] = (float)(((int)stored - 32) * q);
        }
    }
    expect(QUANT_Q3_K, &b, want, 256);
}

/* The ends of E8M0: 2^-127 and 2^-126 times a half step; 255 is not a number. */
static void test_mxfp4_block(void **unused)
{
    quant_block_MXFP4 b = {0, {0}};
    float got[32];
    (void)unused;
    for (size_t i = 0; i < 16; i++)
        b.qs[i] = (uint8_t)(i | (15 - i) << 4);
    static const float fp4[16] = {0.0f, 0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                  0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};
    static const uint8_t powers[] = {0, 1, 2, 126, 127, 128, 251};
    for (size_t p = 0; p < sizeof powers; p++) {
        b.e = powers[p];
        quant_row_f32(QUANT_MXFP4, &b, 32, got);
        for (size_t i = 0; i < 32; i++)
            assert_true(got[i] == ldexpf(fp4[i < 16 ? i : 31 - i], powers[p] - 127));
    }
    b.e = 255;
    quant_row_f32(QUANT_MXFP4, &b, 32, got);
    assert_true(isnan(got[1]));
}

/* D * q is exact in binary32 for every format here, so it does not matter that the other
 * implementation rounds twice where we fuse: the values must be equal. */
/* ---- An independent implementation's values ----------------------------------------------- */

static uint8_t *unhex(const char *text, size_t len)
{
    uint8_t *bytes = case_alloc(len / 2);
    for (size_t i = 0; i < len / 2; i++) {
        unsigned byte;
        assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    return bytes;
}

static quant_type golden_row(const char *name, const char *row_hex, const char *values_hex)
{
    quant_type t = QUANT_COUNT;
    for (quant_type i = 0; i < QUANT_COUNT; i++)
        if (strcmp(quant_infos[i].name, name) == 0) t = i;
    assert_int_not_equal(t, QUANT_COUNT);
    const size_t k = strlen(values_hex) / 8;
    uint8_t *row = unhex(row_hex, strlen(row_hex)), *values = unhex(values_hex, 8 * k);
    float *got = case_alloc(k * sizeof *got);
    assert_int_equal(quant_row_bytes(t, k), strlen(row_hex) / 2);
    quant_row_f32(t, row, k, got);
    for (size_t i = 0; i < k; i++) {
        const uint8_t *v = values + 4 * i;
        const uint32_t bits =
            (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 | (uint32_t)v[2] << 8 | v[3];
        float want;
        memcpy(&want, &bits, sizeof want);
        if (got[i] != want)
            fail_msg("%s element %zu: %.9g, not %.9g", name, i, (double)got[i], (double)want);
    }
    free(row);
    free(values);
    free(got);
    return t;
}

static void test_golden(void **unused)
{
    static char line[32768];
    size_t lines_of[QUANT_COUNT] = {0};
    FILE *f = fopen("tests/golden/quant_blocks.txt", "r");
    (void)unused;
    if (!f) fail_msg("tests/golden/quant_blocks.txt is missing: run from the repository's root");
    while (fgets(line, sizeof line, f)) {
        char *name = strtok(line, " \n"), *row = strtok(NULL, " \n"), *values = strtok(NULL, " \n");
        assert_non_null(values);
        lines_of[golden_row(name, row, values)]++;
    }
    fclose(f);
    for (quant_type t = 0; t < QUANT_COUNT; t++)
        if (lines_of[t] != 2) fail_msg("%s: %zu lines, not 2", quant_infos[t].name, lines_of[t]);
}

/* ---- Panels ------------------------------------------------------------------------------- */

static void test_panel_rows(void **unused)
{
    static const size_t k_cases[] = {1, 32, 77, 96, 256, 576, 768, 2048};
    uint64_t state = 51;
    (void)unused;
    for (quant_type t = 0; t < QUANT_COUNT; t++) {
        for (size_t i = 0; i < sizeof k_cases / sizeof k_cases[0]; i++) {
            const size_t k = k_cases[i];
            if (quant_row_bytes(t, k) == 0) continue;
            case_matrix m = case_matrix_new(&state, t, 21, k);
            float *want = case_alloc(k * sizeof *want), *got = case_alloc(k * sizeof *got);
            for (size_t r = 0; r < 21; r++) {
                quant_row_f32(t, m.rows + r * m.row_bytes, k, want);
                panel_row_f32(t, m.panels + r / 16 * m.w.panel_bytes, r % 16, k, got);
                assert_memory_equal(got, want, k * sizeof *got);
            }
            free(want);
            free(got);
            case_matrix_free(&m);
        }
    }
}

/* The file's bits, at most 5 % more, rounded up to a cache line. */
static void test_panel_size(void **unused)
{
    (void)unused;
    for (quant_type t = 0; t < QUANT_COUNT; t++) {
        for (size_t k = 1; k <= 16384; k = k < 40 ? k + 1 : k + 32) {
            const size_t file = 16 * quant_row_bytes(t, k);
            if (file == 0) continue;
            const size_t bytes = panel_bytes(t, k);
            assert_int_equal(bytes % KERN_ALIGN, 0);
            assert_true(bytes >= file);
            assert_true((double)bytes <= 1.05 * (double)file + (double)(KERN_ALIGN - 1));
        }
    }
}

/* panel_pack writes the panel and nothing behind it, and rows that lie apart are found. */
static void test_panel_bounds(void **unused)
{
    uint64_t state = 53;
    (void)unused;
    for (quant_type t = 0; t < QUANT_COUNT; t++) {
        const size_t k = 256, row = quant_row_bytes(t, k), bytes = panel_bytes(t, k),
                     gap = row + 10;
        uint8_t *rows = case_alloc(16 * gap), *panel = case_alloc(bytes + 64);
        float want[256], got[256];
        for (size_t r = 0; r < 16; r++)
            case_rows(&state, t, rows + r * gap, row);
        panel_pack(t, panel, rows, gap, 5, k);
        for (size_t i = 0; i < 64; i++)
            assert_int_equal(panel[bytes + i], 0xa5);
        quant_row_f32(t, rows + 4 * gap, k, want);
        panel_row_f32(t, panel, 4, k, got);
        assert_memory_equal(got, want, sizeof got);
        panel_row_f32(t, panel, 5, k, got); /* a missing row has scale 0 */
        for (size_t i = 0; i < k; i++)
            assert_true(got[i] == 0.0f);
        free(rows);
        free(panel);
    }
}

int test_quant(void);
int test_quant(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),      cmocka_unit_test(test_nibble_blocks),
        cmocka_unit_test(test_byte_block), cmocka_unit_test(test_q4_k_block),
        cmocka_unit_test(test_q6_k_block), cmocka_unit_test(test_q2_k_block),
        cmocka_unit_test(test_q3_k_block), cmocka_unit_test(test_mxfp4_block),
        cmocka_unit_test(test_golden),     cmocka_unit_test(test_panel_rows),
        cmocka_unit_test(test_panel_size), cmocka_unit_test(test_panel_bounds),
    };
    return cmocka_run_group_tests_name("quant", tests, NULL, NULL);
}
