/* interrupt.h - SIGINT and SIGTERM as a flag that loops look at. */
#ifndef BASE_INTERRUPT_H
#define BASE_INTERRUPT_H

void interrupt_install(void); /* the first signal sets the flag, a second one ends the process */
int interrupt_signal(void);   /* 0, or the number of the signal that came */
#endif
