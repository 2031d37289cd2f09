/* log.h - messages for people, on stderr. Data goes to stdout and never through here. */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include "harness/base/err.h"

typedef enum { LOG_QUIET = -1, LOG_NORMAL = 0, LOG_VERBOSE = 1 } log_level;

void log_set_level(log_level level); /* -q, default, -v */
log_level log_get_level(void);
void log_error(const char *fmt, ...) WAAGE_PRINTF(1, 2); /* "waage: ..."; printed at every level */
void log_warn(const char *fmt, ...) WAAGE_PRINTF(1, 2);  /* "waage: warning: ..."; every level */
void log_info(const char *fmt, ...) WAAGE_PRINTF(1, 2);  /* normal and verbose */
void log_debug(const char *fmt, ...) WAAGE_PRINTF(1, 2); /* verbose only */
#endif
