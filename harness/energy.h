/* energy.h - what the processor takes, by the counters of its packages (RAPL; AMD's stand under the
 * same names). Linux only, and only where they may be read: usually by root alone. Enters no
 * digest. */
#ifndef HARNESS_ENERGY_H
#define HARNESS_ENERGY_H
#include <stddef.h>

typedef struct energy energy;

/* Counters below `root` (NULL: /sys/class/powercap), from now on. NULL: there are none to read, or
 * no memory. */
energy *energy_open(const char *root);
/* Look at the counters, at most once a second: they wrap, after some minutes at the earliest. */
void energy_sample(energy *e);   /* NULL is fine */
double energy_joules(energy *e); /* of all packages, since energy_open */
void energy_close(energy *e);    /* NULL is fine */
#endif
