/* err.c - formatting of error messages; owns nothing. */
#include "harness/base/err.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

waage_status waage_err_set(waage_err *err, waage_status code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err->code = code;
        vsnprintf(err->msg, sizeof err->msg, fmt, ap);
        va_end(ap);
    }
    return code;
}

waage_status waage_err_prefix(waage_err *err, const char *fmt, ...)
{
    if (!err) return WAAGE_EFAIL;
    char old[sizeof err->msg];
    memcpy(old, err->msg, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    const size_t used = n < 0 ? 0 : (size_t)n < sizeof err->msg ? (size_t)n : sizeof err->msg - 1;
    const size_t room = sizeof err->msg - used;
    snprintf(err->msg + used, room, ": %.*s", (int)(room > 3 ? room - 3 : 0), old);
    return err->code;
}

waage_status waage_err_nomem(waage_err *err)
{
    return waage_err_set(err, WAAGE_ENOMEM, "out of memory");
}

int waage_err_exit_code(waage_status code)
{
    switch (code) {
    case WAAGE_OK:
        return 0;
    case WAAGE_EINVAL:
    case WAAGE_EFORMAT:
    case WAAGE_EIO:
    case WAAGE_ENOTFOUND:
    case WAAGE_EUNSUPPORTED:
    case WAAGE_ECONFLICT:
        return 2;
    case WAAGE_EWRITE:
    case WAAGE_ENOMEM:
    case WAAGE_EINTR:
    case WAAGE_EFAIL:
        break;
    }
    return 3;
}
