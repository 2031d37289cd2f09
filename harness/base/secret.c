/* secret.c - see secret.h. */
#include "harness/base/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_MAX = 4096 };

waage_status secret_check(const char *key, const char *from, waage_err *err)
{
    if (!*key) return waage_err_set(err, WAAGE_EINVAL, "%s: the key is empty", from);
    for (const char *s = key; *s; s++)
        if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
            return waage_err_set(err, WAAGE_EINVAL,
                                 "%s: a key has no blanks, line breaks or non-ASCII characters",
                                 from);
    return WAAGE_OK;
}

waage_status secret_read_file(const char *path, const char **key, arena *a, waage_err *err)
{
    struct stat st;
    char text[KEY_MAX];
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return waage_err_set(err, WAAGE_EIO, "key file %s: %s", path, strerror(errno));
    waage_status status = WAAGE_OK;
    ssize_t n = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        status = waage_err_set(err, WAAGE_EIO, "key file %s: not a regular file", path);
    else if (st.st_mode & 077)
        status = waage_err_set(err, WAAGE_EINVAL,
                               "key file %s: others may read or write it (mode %03o); chmod 600 it",
                               path, (unsigned)st.st_mode & 0777);
    else if (st.st_uid != geteuid() && st.st_uid != 0)
        status = waage_err_set(err, WAAGE_EINVAL, "key file %s: it belongs to another user", path);
    else if ((n = read(fd, text, sizeof text - 1)) < 0)
        status = waage_err_set(err, WAAGE_EIO, "key file %s: %s", path, strerror(errno));
    close(fd);
    if (status != WAAGE_OK) return status;
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    text[n] = 0;
    *key = arena_strdup(a, text);
    memset(text, 0, sizeof text);
    if (!*key) return waage_err_nomem(err);
    return secret_check(*key, path, err);
}
