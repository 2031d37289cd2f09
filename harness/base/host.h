/* host.h - what the name of a host says. */
#ifndef BASE_HOST_H
#define BASE_HOST_H
#include <stdbool.h>

/* Does it stand for this machine alone: 127.x.x.x, ::1, localhost? host: with or without what
 * follows it in a URL (port, path); IPv6 bare or in brackets. */
bool host_is_loopback(const char *host);

#endif
