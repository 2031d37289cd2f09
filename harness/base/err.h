/* err.h - status codes and error messages.
 * A function that can fail returns waage_status and takes `waage_err *err` last. The first failure
 * writes code and message; callers forward with WAAGE_TRY and may put context in front.
 * `err` may be NULL where the caller wants the code alone. Only main turns a code into an exit. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

typedef enum {
    WAAGE_OK = 0,
    /* exit 2 */
    WAAGE_EINVAL,       /* wrong usage: option, argument, setting */
    WAAGE_EFORMAT,      /* input read, but not usable (file, line or offset named) */
    WAAGE_EIO,          /* input cannot be opened or read */
    WAAGE_ENOTFOUND,    /* no such thing; often an answer, not a fault */
    WAAGE_EUNSUPPORTED, /* valid, but this program cannot do it */
    WAAGE_ECONFLICT,    /* resume refused: old and new disagree */
    /* exit 3 */
    WAAGE_EWRITE, /* output cannot be written (disk full, ...) */
    WAAGE_ENOMEM, /* out of memory */
    WAAGE_EFAIL,  /* the run could not be finished */
    /* exit 130, 143 */
    WAAGE_EINTR /* the user asked to stop */
} waage_status;

typedef struct {
    waage_status code;
    char msg[1024]; /* one line, NUL-terminated, no newline at the end */
} waage_err;

#if defined(__GNUC__)
#define WAAGE_MUST_CHECK __attribute__((warn_unused_result))
#define WAAGE_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define WAAGE_MUST_CHECK
#define WAAGE_PRINTF(f, a)
#endif

/* Set code and message; returns `code`, so that `return waage_err_set(...)` reads as one step. */
waage_status waage_err_set(waage_err *err, waage_status code, const char *fmt, ...)
    WAAGE_PRINTF(3, 4);

/* Put "context: " in front of the message that is there; returns err->code. */
waage_status waage_err_prefix(waage_err *err, const char *fmt, ...) WAAGE_PRINTF(2, 3);

/* WAAGE_ENOMEM with the usual message. */
waage_status waage_err_nomem(waage_err *err);

/* Exit status of the program for a code: 0, 2 or 3. */
int waage_err_exit_code(waage_status code);

#define WAAGE_TRY(call)                                                                            \
    do {                                                                                           \
        const waage_status try_status_ = (call);                                                   \
        if (try_status_ != WAAGE_OK) return try_status_;                                           \
    } while (0)

#endif
