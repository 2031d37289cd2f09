/* pacer.h - how many requests may be under way, and how long to pause after a failure. Additive
 * growth, halving when the server asks for less (429, 529): as TCP shares a line among strangers.
 * Pure arithmetic on times that the caller gives, so that tests need no clock. */
#ifndef RUNNERS_HTTP_PACER_H
#define RUNNERS_HTTP_PACER_H
#include <stdbool.h>
#include <stddef.h>
#include "harness/base/rng.h"

typedef struct {
    double width;       /* requests that may be under way; its floor counts */
    double most;        /* never more */
    bool was_throttled; /* before the first time width grows by 1 a success, later by 1/width */
    double cut_at;      /* when it was halved last: one halving per round of requests */
    double held_until;  /* nothing starts before */
    double base;        /* seconds: bound of the first pause */
    rng r;
} pacer;

void pacer_init(pacer *p, size_t most, double base, uint64_t seed);
/* May another start, with n under way? */
bool pacer_may_start(const pacer *p, size_t n, double now);
void pacer_note_success(pacer *p);
/* A 429 or its like, to a request that began at `begun`. retry_after: seconds that the server asks
 * for, negative if none: all requests wait that long. */
void pacer_note_throttle(pacer *p, double begun, double now, double retry_after);
/* Seconds to wait before attempt n (1: the first repetition): exponential with full jitter, that is
 * uniform in 0 .. min(cap, base * 2^(n-1)); never less than retry_after. */
double pacer_pause(pacer *p, unsigned n, double retry_after);
#endif
