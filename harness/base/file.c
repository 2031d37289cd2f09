/* file.c - reading and replacing whole files. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "harness/base/file.h"
#include <errno.h>
#include <fcntl.h>
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

static waage_status cannot_write(const char *path, int why, waage_err *err)
{
    return waage_err_set(err, WAAGE_EWRITE, "%s: %s", path, strerror(why));
}

/* Devices and pipes take bytes; what cannot be replaced is not replaced. */
static waage_status write_special(const char *path, const char *data, size_t len, waage_err *err)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return cannot_write(path, errno, err);
    const waage_status st = write_all(fd, data, len);
    const int why = errno;
    if (st != WAAGE_OK) {
        (void)close(fd);
        return cannot_write(path, why, err);
    }
    return close(fd) == 0 ? WAAGE_OK : cannot_write(path, errno, err);
}

static waage_status write_regular(const char *path, const char *data, size_t len, waage_err *err)
{
    const size_t n = strlen(path);
    char *tmp = malloc(n + 8);
    if (!tmp) return waage_err_nomem(err);
    memcpy(tmp, path, n);
    memcpy(tmp + n, ".XXXXXX", 8);
    const int fd = mkstemp(tmp);
    if (fd < 0) {
        free(tmp);
        return cannot_write(path, errno, err);
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
        (void)cannot_write(path, why, err);
        unlink(tmp);
    }
    free(tmp);
    return st;
}

waage_status file_write(const char *path, const char *data, size_t len, waage_err *err)
{
    if (file_is_special(path)) return write_special(path, data, len, err);
    char *real = realpath(path, NULL); /* a link stays, what it points to is replaced */
    const waage_status st = write_regular(real ? real : path, data, len, err);
    free(real);
    return st;
}

bool file_is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
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
