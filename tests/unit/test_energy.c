/* test_energy.c - the processor's energy counters, from files that stand for the kernel's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/energy.h"

int test_energy(void);

static char root[64];

static void put(const char *zone, const char *file, const char *text)
{
    char path[192];
    waage_err err = {0};
    snprintf(path, sizeof path, "%s/%s", root, zone);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/%s", root, zone, file);
    if (file_write(path, text, strlen(text), &err) != WAAGE_OK) fail_msg("%s", err.msg);
}

static void put_zone(const char *zone, const char *name, const char *count)
{
    put(zone, "name", name);
    put(zone, "max_energy_range_uj", "1000000000\n");
    put(zone, "energy_uj", count);
}

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/waage-energy-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int drop_root(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void packages_are_summed_and_wrap(void **state)
{
    (void)state;
    put_zone("intel-rapl:0", "package-0\n", "5000000\n");
    put_zone("intel-rapl:1", "package-1\n", "999000000\n");
    put_zone("intel-rapl:0:0", "core\n", "1\n"); /* part of a package */
    put_zone("intel-rapl:2", "psys\n", "1\n");   /* holds the packages */
    put_zone("intel-rapl-mmio:0", "package-0\n", "1\n");
    energy *e = energy_open(root);
    assert_non_null(e);
    put("intel-rapl:0", "energy_uj", "8000000\n"); /* 3 J */
    put("intel-rapl:1", "energy_uj", "500000\n");  /* wrapped: 1 J to the end, half a joule more */
    put("intel-rapl:0:0", "energy_uj", "900000000\n");
    put("intel-rapl:2", "energy_uj", "900000000\n");
    put("intel-rapl-mmio:0", "energy_uj", "900000000\n");
    assert_true(fabs(energy_joules(e) - 4.5) < 1e-9);
    put("intel-rapl:0", "energy_uj", "no number\n"); /* what cannot be read adds nothing */
    put("intel-rapl:1", "energy_uj", "1500000\n");
    assert_true(fabs(energy_joules(e) - 5.5) < 1e-9);
    energy_close(e);
}

static void nothing_to_read_is_no_energy(void **state)
{
    (void)state;
    assert_null(energy_open(root));
    assert_null(energy_open("/nonexistent"));
    put_zone("intel-rapl:0", "package-0\n", "-5\n");
    assert_null(energy_open(root));
    put_zone("intel-rapl:0", "dram\n", "5\n");
    assert_null(energy_open(root));
    energy_sample(NULL);
    energy_close(NULL);
}

int test_energy(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(packages_are_summed_and_wrap, make_root, drop_root),
        cmocka_unit_test_setup_teardown(nothing_to_read_is_no_energy, make_root, drop_root),
    };
    return cmocka_run_group_tests_name("energy", tests, NULL, NULL);
}
