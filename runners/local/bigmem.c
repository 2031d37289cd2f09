/* bigmem.c - anonymous mappings. Malloc would do, but for the alignment that huge pages need: the
 * panels are walked front to back at every token, and 4 KiB pages cost a TLB miss each. */
#define _GNU_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE, madvise */
#include "runners/local/bigmem.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "harness/base/num.h"

waage_status bigmem_create(bigmem *out, size_t n_bytes, const char *what, waage_err *err)
{
    *out = (bigmem)BIGMEM_EMPTY;
    size_t total;
    if (!num_add_size(&total, n_bytes, 2 * (size_t)BIGMEM_HUGE_PAGE))
        return waage_err_set(err, WAAGE_ENOMEM, "%zu bytes for %s: too many", n_bytes, what);
    void *map = mmap(NULL, total, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
        return waage_err_set(err, WAAGE_ENOMEM, "%zu bytes for %s: %s", n_bytes, what,
                             strerror(errno));
    const uintptr_t at =
        ((uintptr_t)map + BIGMEM_HUGE_PAGE - 1) & ~(uintptr_t)(BIGMEM_HUGE_PAGE - 1);
    out->data = (char *)map + (at - (uintptr_t)map);
    out->n_bytes = n_bytes;
    out->map = map;
    out->map_bytes = total;
#ifdef MADV_HUGEPAGE
    if (n_bytes >= BIGMEM_HUGE_PAGE)
        (void)madvise(out->data, n_bytes, MADV_HUGEPAGE); /* a wish; refusal costs speed alone */
#endif
    return WAAGE_OK;
}

void bigmem_free(bigmem *b)
{
    if (b->map) (void)munmap(b->map, b->map_bytes);
    *b = (bigmem)BIGMEM_EMPTY;
}

size_t bigmem_physical(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (size_t)pages * (size_t)size : 0;
}

/* The number that follows `key` in a small text file, or at its beginning where key is "". */
static bool read_number(unsigned long long *out, const char *path, const char *key)
{
    char line[128];
    bool found = false;
    FILE *f = fopen(path, "r");
    if (!f) return false;
    while (!found && fgets(line, sizeof line, f))
        found =
            strncmp(line, key, strlen(key)) == 0 && sscanf(line + strlen(key), "%llu", out) == 1;
    (void)fclose(f);
    return found;
}

size_t bigmem_available(void)
{
    /* Of control groups, versions 2 and 1; "max" is no number, no limit a huge one. */
    static const char *const limits[] = {"/sys/fs/cgroup/memory.max",
                                         "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    unsigned long long kib, limit, bytes = bigmem_physical();
    if (read_number(&kib, "/proc/meminfo", "MemAvailable:") && kib < bytes / 1024)
        bytes = kib * 1024;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (read_number(&limit, limits[i], "") && limit < bytes) bytes = limit;
    return (size_t)bytes;
}
