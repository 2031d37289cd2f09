/* cursor.h - bounded little-endian reading of untrusted bytes.
 * The first read beyond the end sets `failed` and leaves `pos` at the read that failed; later reads
 * return zeros. Check once after a group of reads. */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const unsigned char *data; /* borrowed */
    size_t size, pos;
    bool failed;
} cursor;

/* Borrowed pointer to the next n bytes, or NULL (and failed). */
const void *cursor_take(cursor *c, size_t n);
uint8_t cursor_u8(cursor *c);
uint16_t cursor_u16(cursor *c);
uint32_t cursor_u32(cursor *c);
uint64_t cursor_u64(cursor *c);
float cursor_f32(cursor *c);
double cursor_f64(cursor *c);

#endif
