/* peak_amx.c - dot products of AMX tiles on tiles alone, 32 bytes a row, as blocks of 32 allow
 * (twice as many would fit). Four independent sums hide the latency of each. Grade i16 takes two
 * passes. */
#include <immintrin.h>
#include "kernels/peak.h"

enum { SUMS = 4, SHORTER = 4 /* a round lasts five times as long as one of AVX-512 */ };

uint64_t kern_peak_amx(kern_grade g, size_t rounds)
{
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {1, 0, {0}, {64, 64, 64, 64, 32, 0, 64}, {16, 16, 16, 16, 16, 0, 8}};
    if (g == KERN_GRADE_F32) return kern_peak_avx512vnni(g, rounds);
    const size_t n = rounds / SHORTER;
    _tile_loadconfig(&config);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(6);
    for (size_t r = 0; r < n; r++) {
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 6);
        _tile_dpbssd(2, 4, 6);
        _tile_dpbssd(3, 4, 6);
    }
    _tile_release();
    return (uint64_t)n * SUMS * 16 * 16 * 32 / (g == KERN_GRADE_I16 ? 2 : 1);
}
