/* host.c - see host.h. Names that only begin like one of them are other machines. */
#include "harness/base/host.h"
#include <string.h>
#include <strings.h>

bool host_is_loopback(const char *host)
{
    static const char v6[] = "[::1]", name[] = "localhost";
    const size_t n = strcspn(host, ":/?");
    if (strcmp(host, "::1") == 0) return true;
    if (strncmp(host, v6, strlen(v6)) == 0)
        return host[strlen(v6)] == 0 || strchr(":/?", host[strlen(v6)]);
    return (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == n) ||
           (n == strlen(name) && strncasecmp(host, name, n) == 0);
}
