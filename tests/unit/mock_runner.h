/* mock_runner.h - a scripted model for tests of the run loop: answers are a function of the
 * request, several requests are in flight, replies come back in another order. */
#ifndef TESTS_MOCK_RUNNER_H
#define TESTS_MOCK_RUNNER_H
#include "runners/runner.h"

typedef struct {
    runner base; /* first: it is a runner */
    runner_info info;
    size_t n_flying_max; /* requests in flight */
    size_t fail_from,
        fail_every;    /* every n-th item (by the number in its id) answers with an error */
    size_t fail_times; /* so often, then it works; SIZE_MAX: always */
    size_t kill_after; /* SIGKILL after so many replies; 0: never */
    size_t n_runs, n_asked;
    size_t n_fails[256]; /* per item number: errors given */
} mock_runner;

/* Can everything, four in flight, "sha256" = sha. */
void mock_runner_init(mock_runner *m, const char *name, const char *sha);

#endif
