/* interrupt.c - one flag, set by the handler. */
#include "harness/base/interrupt.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t signal_came;

static void on_signal(int number)
{
    if (signal_came) _exit(128 + number);
    signal_came = number;
}

void interrupt_install(void)
{
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = on_signal;
    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    /* A closed pipe or a full file is an error that write() reports, not a reason to die. */
    sa.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &sa, NULL);
    sigaction(SIGXFSZ, &sa, NULL);
}

int interrupt_signal(void)
{
    return signal_came;
}

waage_status interrupt_check(waage_err *err)
{
    const int signal = interrupt_signal();
    if (signal == 0) return WAAGE_OK;
    return waage_err_set(err, WAAGE_EINTR, "interrupted by signal %d", signal);
}
