/* packed.c - see packed.h. */
#include "harness/base/packed.h"
#include <stdlib.h>
#include <zstd.h>

enum { LEVEL = 6 };

waage_status packed_put(strbuf *out, const char *data, size_t len, waage_err *err)
{
    const size_t most = ZSTD_compressBound(len);
    char *frame = malloc(most);
    if (!frame) return waage_err_nomem(err);
    const size_t n = ZSTD_compress(frame, most, data, len, LEVEL);
    if (!ZSTD_isError(n)) strbuf_put(out, frame, n);
    free(frame);
    return ZSTD_isError(n) ? waage_err_nomem(err) : strbuf_check(out, err);
}

waage_status packed_get(strbuf *out, const void *frame, size_t len, size_t max, waage_err *err)
{
    const unsigned long long size = ZSTD_getFrameContentSize(frame, len);
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > max)
        return waage_err_set(err, WAAGE_EFORMAT, "compressed data are damaged or too large");
    char *data = malloc((size_t)size + 1);
    if (!data) return waage_err_nomem(err);
    const size_t n = ZSTD_decompress(data, (size_t)size, frame, len);
    if (!ZSTD_isError(n)) strbuf_put(out, data, n);
    free(data);
    if (ZSTD_isError(n) || n != size)
        return waage_err_set(err, WAAGE_EFORMAT, "compressed data are damaged: %s",
                             ZSTD_isError(n) ? ZSTD_getErrorName(n) : "short");
    return strbuf_check(out, err);
}
