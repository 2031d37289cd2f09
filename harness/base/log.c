/* log.c - messages on stderr. */
#include "harness/base/log.h"
#include <stdarg.h>
#include <stdio.h>

static log_level level_now = LOG_NORMAL;

void log_set_level(log_level level)
{
    level_now = level;
}

log_level log_get_level(void)
{
    return level_now;
}

/* One buffer and one write, so that lines of several threads do not mix. */
static void WAAGE_PRINTF(2, 0) emit(const char *prefix, const char *fmt, va_list ap)
{
    char line[2048];
    const int n = snprintf(line, sizeof line, "%s", prefix);
    if (n < 0) return;
    vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
    fprintf(stderr, "%s\n", line);
}

void log_error(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    emit("waage: ", fmt, ap);
    va_end(ap);
}

void log_warn(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    emit("waage: warning: ", fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    if (level_now < LOG_NORMAL) return;
    va_list ap;
    va_start(ap, fmt);
    emit("", fmt, ap);
    va_end(ap);
}

void log_debug(const char *fmt, ...)
{
    if (level_now < LOG_VERBOSE) return;
    va_list ap;
    va_start(ap, fmt);
    emit("", fmt, ap);
    va_end(ap);
}
