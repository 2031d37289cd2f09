/* stopwatch.c - the clocks. */
#include "harness/base/stopwatch.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

double stopwatch_now(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0) return 0;
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void stopwatch_date(char out[STOPWATCH_DATE])
{
    const time_t now = time(NULL);
    struct tm parts;
    if (!gmtime_r(&now, &parts) || strftime(out, STOPWATCH_DATE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        strcpy(out, "unknown");
}

void stopwatch_print_span(char out[STOPWATCH_SPAN], double seconds)
{
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e9) {
        strcpy(out, "-");
        return;
    }
    const long s = lround(seconds);
    if (s < 3600)
        snprintf(out, STOPWATCH_SPAN, "%ld:%02ld", s / 60, s % 60);
    else
        snprintf(out, STOPWATCH_SPAN, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}
