/* energy.c - see energy.h. Source: Linux, Documentation/power/powercap/powercap.rst: a zone is a
 * directory intel-rapl:N with name, energy_uj and max_energy_range_uj; intel-rapl:N:M are parts of
 * it and would count twice. */
#include "harness/energy.h"
#include "harness/base/stopwatch.h"
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ZONES = 16, MAX_PATH = 512 };

typedef struct {
    char path[MAX_PATH]; /* of energy_uj */
    uint64_t last, range;
    double micro; /* so far */
} zone;

struct energy {
    zone zones[MAX_ZONES];
    size_t n;
    double sampled; /* stopwatch_now() */
};

static bool read_line(const char *path, char *out, int size)
{
    FILE *f = fopen(path, "r");
    if (!f) return false;
    const bool ok = fgets(out, size, f) != NULL;
    fclose(f);
    return ok;
}

static bool read_number(const char *path, uint64_t *out)
{
    char line[64], *end;
    if (!read_line(path, line, sizeof line) || line[0] < '0' || line[0] > '9') return false;
    *out = strtoull(line, &end, 10);
    return *end == '\n' || *end == 0;
}

static bool is_zone(const char *name)
{
    static const char prefix[] = "intel-rapl:";
    const char *number = name + sizeof prefix - 1;
    return strncmp(name, prefix, sizeof prefix - 1) == 0 && *number &&
           number[strspn(number, "0123456789")] == 0;
}

static void add_zone(energy *e, const char *root, const char *dir)
{
    char path[MAX_PATH], name[64];
    zone *z = &e->zones[e->n];
    if (e->n == MAX_ZONES || strlen(root) + strlen(dir) + 32 > MAX_PATH) return;
    snprintf(path, sizeof path, "%s/%s/name", root, dir);
    if (!read_line(path, name, sizeof name) || strncmp(name, "package", 7) != 0) return;
    snprintf(path, sizeof path, "%s/%s/max_energy_range_uj", root, dir);
    *z = (zone){.micro = 0};
    snprintf(z->path, sizeof z->path, "%s/%s/energy_uj", root, dir);
    if (read_number(path, &z->range) && read_number(z->path, &z->last)) e->n++;
}

energy *energy_open(const char *root)
{
    if (!root) root = "/sys/class/powercap";
    DIR *d = opendir(root);
    energy *e = d ? calloc(1, sizeof *e) : NULL;
    for (const struct dirent *x; e && (x = readdir(d));)
        if (is_zone(x->d_name)) add_zone(e, root, x->d_name);
    if (d) closedir(d);
    if (e && e->n == 0) {
        free(e);
        return NULL;
    }
    if (e) e->sampled = stopwatch_now();
    return e;
}

static void sample_zone(zone *z)
{
    uint64_t now;
    if (!read_number(z->path, &now)) return;
    z->micro +=
        now >= z->last ? (double)(now - z->last) : (double)(z->range - z->last) + (double)now;
    z->last = now;
}

void energy_sample(energy *e)
{
    const double now = stopwatch_now();
    if (!e || now - e->sampled < 1) return;
    e->sampled = now;
    for (size_t i = 0; i < e->n; i++)
        sample_zone(&e->zones[i]);
}

double energy_joules(energy *e)
{
    double micro = 0;
    for (size_t i = 0; i < e->n; i++) {
        sample_zone(&e->zones[i]);
        micro += e->zones[i].micro;
    }
    return micro * 1e-6;
}

void energy_close(energy *e)
{
    free(e);
}
