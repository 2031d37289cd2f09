/* nfc.c - runs of inert characters are copied, what lies between goes to the library. Inert: in
 * normal form C by itself, combining class 0, and never composed with what stands before it. So
 * nothing reaches across from an inert character to the left; the one before a run may be composed
 * with it, and goes along. */
#include "runners/local/nfc.h"
#include "harness/base/strbuf.h"
#include "harness/base/unicode.h"
#include "harness/base/utf8.h"

typedef struct {
    uint32_t first, last;
} range;

/* Not all that are inert, but those that text is made of: ascending. A test holds them to the
 * library's tables. */
static const range inert[] = {
    {0x0000, 0x02FF}, /* Latin */
    {0x0391, 0x03A1}, /* Greek, Cyrillic */
    {0x03A3, 0x03CE}, {0x0400, 0x0482}, {0x048A, 0x052F},   {0x05D0, 0x05EA},
    {0x0620, 0x064A}, {0x0660, 0x066F}, {0x0671, 0x06D3},                     /* Arabic */
    {0x0904, 0x0928}, {0x092A, 0x0930}, {0x0932, 0x0933},   {0x0935, 0x0939}, /* Devanagari */
    {0x093E, 0x094C}, {0x0960, 0x0961}, {0x0964, 0x096F},   {0x0E01, 0x0E37},
    {0x0E3F, 0x0E47}, {0x0E4C, 0x0E5B}, /* Thai */
    {0x1E00, 0x1E99}, {0x1EA0, 0x1EF9}, {0x2002, 0x2060},   {0x2070, 0x20CF},
    {0x2190, 0x2328}, {0x232B, 0x2ADB}, {0x3000, 0x3029},   {0x3041, 0x3096},
    {0x30A1, 0x30FA}, {0x30FC, 0x30FF},                   /* Kana */
    {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xAC00, 0xD7A3}, /* Han, Hangul */
    {0xFE0F, 0xFE0F}, {0xFF01, 0xFFEE}, {0x1F000, 0x1FAFF},
};

static bool is_inert(uint32_t cp)
{
    size_t lo = 0, hi = sizeof inert / sizeof *inert;
    if (cp <= inert[0].last) return true;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (cp > inert[mid].last)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < sizeof inert / sizeof *inert && cp >= inert[lo].first;
}

/* First character at or after `at` that is not inert, or len; *before: where the character in front
 * of it begins. */
static size_t find_active(const char *s, size_t len, size_t at, size_t *before)
{
    *before = at;
    while (at < len) {
        uint32_t cp;
        const size_t n = utf8_decode(s + at, len - at, &cp);
        if (!is_inert(cp)) return at;
        *before = at;
        at += n;
    }
    return len;
}

static size_t find_inert(const char *s, size_t len, size_t at)
{
    while (at < len) {
        uint32_t cp;
        const size_t n = utf8_decode(s + at, len - at, &cp);
        if (is_inert(cp)) break;
        at += n;
    }
    return at;
}

waage_status nfc_normalise(const char **out, size_t *n, const char *s, size_t len, arena *a,
                           waage_err *err)
{
    size_t before, at = find_active(s, len, 0, &before), done = 0;
    *out = s;
    *n = len;
    if (at == len) return WAAGE_OK;
    strbuf b = STRBUF_EMPTY;
    bool ok = true;
    while (ok && at < len) {
        const size_t end = find_inert(s, len, at);
        size_t n_part;
        strbuf_put(&b, s + done, before - done);
        const char *part = unicode_normalise(a, s + before, end - before, UNICODE_NFC, &n_part);
        ok = part != NULL;
        if (ok) strbuf_put(&b, part, n_part);
        done = end;
        at = find_active(s, len, end, &before);
    }
    strbuf_put(&b, s + done, len - done);
    ok = ok && !b.failed && (*out = arena_strndup(a, strbuf_str(&b), b.len)) != NULL;
    *n = b.len;
    strbuf_free(&b);
    return ok ? WAAGE_OK : waage_err_nomem(err);
}
