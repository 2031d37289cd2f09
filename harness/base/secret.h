/* secret.h - keys from files, and what a key may look like. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H
#include "harness/base/arena.h"

/* WAAGE_EINVAL: empty, or not printable ASCII without blanks. `from` names the source in messages;
 * the key is never repeated. */
WAAGE_MUST_CHECK waage_status secret_check(const char *key, const char *from, waage_err *err);
/* The first 4095 bytes of a regular file that is the user's own (or root's) and closed to others,
 * without the line's end; checked as above. *key lives in `a`. */
WAAGE_MUST_CHECK waage_status secret_read_file(const char *path, const char **key, arena *a,
                                               waage_err *err);

#endif
