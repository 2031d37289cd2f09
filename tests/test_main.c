/* test_main.c - runs the cmocka groups; each tests/unit/test_NAME.c offers `int test_NAME(void)`.
 * run_tests           all groups
 * run_tests --list    their names
 * run_tests NAME...   only these */
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    int (*run)(void); /* number of failed tests, negative when the group could not start */
} test_group;

#define TEST_GROUP(name) int test_##name(void);
#include "test_list.inc"
#undef TEST_GROUP

#define TEST_GROUP(name) {#name, test_##name},
static const test_group groups[] = {
#include "test_list.inc"
    {NULL, NULL}};
#undef TEST_GROUP

static int wanted(const char *name, int argc, char **argv)
{
    if (argc < 2) return 1;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return 1;
    return 0;
}

int main(int argc, char **argv)
{
    int n_groups = 0, n_bad = 0;
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (const test_group *g = groups; g->name; g++)
            puts(g->name);
        return 0;
    }
    for (const test_group *g = groups; g->name; g++) {
        if (!wanted(g->name, argc, argv)) continue;
        fprintf(stderr, "== %s\n", g->name);
        n_groups++;
        if (g->run() != 0) {
            fprintf(stderr, "group %s FAILED\n", g->name);
            n_bad++;
        }
    }
    fprintf(stderr, "%d test groups, %d with failures\n", n_groups, n_bad);
    return n_bad != 0 || n_groups == 0;
}
