/* pacer.c - see pacer.h; "full jitter" after Brooker, Exponential Backoff And Jitter (AWS, 2015).
 */
#include "runners/http/pacer.h"

enum { PACER_START = 4, PACER_PAUSE_MOST = 60, PACER_ASKED_MOST = 3600 };

void pacer_init(pacer *p, size_t most, double base, uint64_t seed)
{
    *p = (pacer){.most = (double)most, .base = base, .cut_at = -1e300, .held_until = -1e300};
    p->width = most < PACER_START ? (double)most : PACER_START;
    rng_init(&p->r, seed, 0x70616365);
}

bool pacer_may_start(const pacer *p, size_t n, double now)
{
    return now >= p->held_until && (double)n < (p->width < 1 ? 1 : (double)(size_t)p->width);
}

void pacer_note_success(pacer *p)
{
    p->width += p->was_throttled ? 1 / p->width : 1;
    if (p->width > p->most) p->width = p->most;
}

static double bounded(double asked)
{
    return asked > PACER_ASKED_MOST ? PACER_ASKED_MOST : asked;
}

void pacer_note_throttle(pacer *p, double begun, double now, double retry_after)
{
    p->was_throttled = true;
    if (begun >= p->cut_at) { /* requests that began before the halving say nothing new */
        p->width = p->width / 2 < 1 ? 1 : p->width / 2;
        p->cut_at = now;
    }
    if (retry_after > 0 && now + bounded(retry_after) > p->held_until)
        p->held_until = now + bounded(retry_after);
}

double pacer_pause(pacer *p, unsigned n, double retry_after)
{
    double most = p->base;
    for (unsigned i = 1; i < n && most < PACER_PAUSE_MOST; i++)
        most *= 2;
    if (most > PACER_PAUSE_MOST) most = PACER_PAUSE_MOST;
    const double pause = most * rng_uniform(&p->r);
    const double asked = retry_after > 0 ? bounded(retry_after) : 0;
    /* Jitter on top of what the server asks: not all at the same instant. */
    return asked > 0 ? asked + (pause < 1 ? pause : rng_uniform(&p->r)) : pause;
}
