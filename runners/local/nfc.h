/* nfc.h - normal form C of a text, most of which is in it already. */
#ifndef RUNNERS_LOCAL_NFC_H
#define RUNNERS_LOCAL_NFC_H
#include "harness/base/arena.h"

/* *out (*n) is the normal form of valid UTF-8 s (len): s itself when nothing can change, else in
 * `a`. WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status nfc_normalise(const char **out, size_t *n, const char *s, size_t len,
                                            arena *a, waage_err *err);

#endif
