/* interrupt.h - SIGINT and SIGTERM as a flag that loops look at. */
#ifndef BASE_INTERRUPT_H
#define BASE_INTERRUPT_H
#include "harness/base/err.h"

void interrupt_install(void); /* the first signal sets the flag, a second one ends the process */
int interrupt_signal(void);   /* 0, or the number of the signal that came */
WAAGE_MUST_CHECK waage_status interrupt_check(waage_err *err); /* WAAGE_EINTR when one came */
#endif
