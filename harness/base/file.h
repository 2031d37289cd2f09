/* file.h - whole files and directories. */
#ifndef BASE_FILE_H
#define BASE_FILE_H
#include <stdbool.h>
#include <stddef.h>
#include "harness/base/err.h"

/* Read a regular file of at most max bytes. *out is malloc'd, NUL-terminated; the caller frees it.
 * WAAGE_EIO (with errno's text) | WAAGE_EFORMAT (too large) | WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status file_read(char **out, size_t *len, const char *path, size_t max,
                                        waage_err *err);
/* Write to path by a temporary file beside it, fsync and rename: either the old or the new file is
 * there. A link stays and its target is replaced; what is special is written to as it is.
 * WAAGE_EWRITE. */
WAAGE_MUST_CHECK waage_status file_write(const char *path, const char *data, size_t len,
                                         waage_err *err);
bool file_exists(const char *path);
bool file_is_special(
    const char *path); /* there, and no regular file: a device, a pipe, a directory */
bool file_is_dir(const char *path);
/* mkdir -p. WAAGE_EWRITE. */
WAAGE_MUST_CHECK waage_status file_make_dirs(const char *path, waage_err *err);
#endif
