/* file.c - reading and replacing whole files. */
#include "harness/base/file.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

waage_status file_read(char **out, size_t *len, const char *path, size_t max, waage_err *err)
{
    *out = NULL;
    *len = 0;
    FILE *f = fopen(path, "rb");
    if (!f) return waage_err_set(err, WAAGE_EIO, "%s: %s", path, strerror(errno));
    struct stat st;
    waage_status status = WAAGE_OK;
    char *buf = NULL;
    if (fstat(fileno(f), &st) != 0) {
        status = waage_err_set(err, WAAGE_EIO, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        status = waage_err_set(err, WAAGE_EIO, "%s: not a regular file", path);
    } else if ((uint64_t)st.st_size > max) {
        status = waage_err_set(err, WAAGE_EFORMAT, "%s: %lld bytes; at most %zu are read", path,
                               (long long)st.st_size, max);
    } else if (!(buf = malloc((size_t)st.st_size + 1))) {
        status = waage_err_nomem(err);
    } else {
        const size_t n = fread(buf, 1, (size_t)st.st_size, f);
        if (ferror(f)) status = waage_err_set(err, WAAGE_EIO, "%s: %s", path, strerror(errno));
        buf[n] = 0;
        *len = n;
    }
    fclose(f);
    if (status != WAAGE_OK) {
        free(buf);
        *len = 0;
        return status;
    }
    *out = buf;
    return WAAGE_OK;
}

static waage_status write_all(int fd, const char *data, size_t len)
{
    while (len) {
        const ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return WAAGE_EWRITE;
        data += n;
        len -= (size_t)n;
    }
    return WAAGE_OK;
}

waage_status file_write(const char *path, const char *data, size_t len, waage_err *err)
{
    const size_t n = strlen(path);
    char *tmp = malloc(n + 8);
    if (!tmp) return waage_err_nomem(err);
    memcpy(tmp, path, n);
    memcpy(tmp + n, ".XXXXXX", 8);
    const int fd = mkstemp(tmp);
    if (fd < 0) {
        waage_err_set(err, WAAGE_EWRITE, "%s: %s", path, strerror(errno));
        free(tmp);
        return WAAGE_EWRITE;
    }
    waage_status st = write_all(fd, data, len);
    if (st == WAAGE_OK && (fchmod(fd, 0644) != 0 || fsync(fd) != 0)) st = WAAGE_EWRITE;
    int why = errno;
    if (close(fd) != 0 && st == WAAGE_OK) {
        st = WAAGE_EWRITE;
        why = errno;
    }
    if (st == WAAGE_OK && rename(tmp, path) != 0) {
        st = WAAGE_EWRITE;
        why = errno;
    }
    if (st != WAAGE_OK) {
        waage_err_set(err, st, "%s: %s", path, strerror(why));
        unlink(tmp);
    }
    free(tmp);
    return st;
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

waage_status file_make_dirs(const char *path, waage_err *err)
{
    char *p = strdup(path);
    if (!p) return waage_err_nomem(err);
    waage_status st = WAAGE_OK;
    for (char *s = p + 1; st == WAAGE_OK; s++) {
        const char c = *s;
        if (c != '/' && c != 0) continue;
        *s = 0;
        if (mkdir(p, 0777) != 0 && !(errno == EEXIST && file_is_dir(p)))
            st = waage_err_set(err, WAAGE_EWRITE, "cannot make directory %s: %s", p,
                               strerror(errno));
        *s = c;
        if (c == 0) break;
    }
    free(p);
    return st;
}
