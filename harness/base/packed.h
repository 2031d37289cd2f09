/* packed.h - bytes in less room: zstd frames that know their size. Sole includer of zstd.h. */
#ifndef BASE_PACKED_H
#define BASE_PACKED_H
#include "harness/base/strbuf.h"

/* Append the frame of data to out. WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status packed_put(strbuf *out, const char *data, size_t len, waage_err *err);
/* Append what a frame holds, at most max bytes. The frame may come from anyone: WAAGE_EFORMAT when
 * it is damaged or larger. */
WAAGE_MUST_CHECK waage_status packed_get(strbuf *out, const void *frame, size_t len, size_t max,
                                         waage_err *err);
#endif
