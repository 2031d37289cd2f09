/* cursor.c - bounded reads; assembled byte by byte, so alignment and host order do not matter. */
#include "harness/base/cursor.h"
#include <string.h>

const void *cursor_take(cursor *c, size_t n)
{
    if (c->failed || n > c->size || c->pos > c->size - n) {
        c->failed = true;
        return NULL;
    }
    const void *p = c->data + c->pos;
    c->pos += n;
    return p;
}

static uint64_t little(cursor *c, size_t n)
{
    const unsigned char *p = cursor_take(c, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint8_t cursor_u8(cursor *c)
{
    return (uint8_t)little(c, 1);
}

uint16_t cursor_u16(cursor *c)
{
    return (uint16_t)little(c, 2);
}

uint32_t cursor_u32(cursor *c)
{
    return (uint32_t)little(c, 4);
}

uint64_t cursor_u64(cursor *c)
{
    return little(c, 8);
}

float cursor_f32(cursor *c)
{
    const uint32_t bits = cursor_u32(c);
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

double cursor_f64(cursor *c)
{
    const uint64_t bits = cursor_u64(c);
    double f;
    memcpy(&f, &bits, sizeof f);
    return f;
}
