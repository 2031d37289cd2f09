/* test_main.c - runs the cmocka groups; each tests/unit/test_NAME.c offers `int test_NAME(void)`.
 * run_tests [-j N]          all groups, N at a time (1): each a process of its own, its output in
 *                           one piece when it has ended
 * run_tests [-j N] NAME...  only these
 * run_tests --list          their names */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

enum { JOBS_MAX = 64 };

typedef struct {
    const test_group *group;
    pid_t pid; /* 0: free */
    FILE *out; /* of the process, both streams */
} test_job;

static bool run_group(const test_group *g)
{
    fprintf(stderr, "== %s\n", g->name);
    if (g->run() == 0) return true;
    fprintf(stderr, "group %s FAILED\n", g->name);
    return false;
}

static void start_job(test_job *j, const test_group *g)
{
    *j = (test_job){.group = g, .out = tmpfile()};
    fflush(NULL);
    j->pid = j->out ? fork() : -1;
    if (j->pid < 0) {
        perror("cannot start a group of tests");
        exit(1);
    }
    if (j->pid > 0) return;
    if (dup2(fileno(j->out), 1) < 0 || dup2(fileno(j->out), 2) < 0) _exit(1);
    exit(run_group(g) ? 0 : 1);
}

static void print_output(FILE *out)
{
    char piece[4096];
    size_t n;
    rewind(out);
    while ((n = fread(piece, 1, sizeof piece, out)) > 0)
        fwrite(piece, 1, n, stderr);
    fclose(out);
}

/* Wait until one of them ends. True: it was good. */
static bool end_job(test_job jobs[JOBS_MAX])
{
    int status;
    const pid_t pid = wait(&status);
    test_job *j = jobs;
    if (pid < 0) {
        perror("wait");
        exit(1);
    }
    while (j->pid != pid)
        j++;
    j->pid = 0;
    print_output(j->out);
    if (WIFSIGNALED(status))
        fprintf(stderr, "group %s FAILED: signal %d\n", j->group->name, WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Number of groups that failed. */
static int run_parallel(const test_group *const *todo, int n, int n_jobs)
{
    test_job jobs[JOBS_MAX] = {{0}};
    int n_bad = 0, n_running = 0;
    for (int i = 0; i < n || n_running > 0;) {
        if (i < n && n_running < n_jobs) {
            test_job *j = jobs;
            while (j->pid)
                j++;
            start_job(j, todo[i++]);
            n_running++;
        } else {
            n_bad += !end_job(jobs);
            n_running--;
        }
    }
    return n_bad;
}

static bool is_wanted(const char *name, int n_names, char **names)
{
    for (int i = 0; i < n_names; i++)
        if (strcmp(names[i], name) == 0) return true;
    return n_names == 0;
}

static bool is_group(const char *name)
{
    const test_group *g = groups;
    while (g->name && strcmp(g->name, name) != 0)
        g++;
    return g->name != NULL;
}

int main(int argc, char **argv)
{
    const test_group *todo[sizeof groups / sizeof *groups];
    int n = 0, n_jobs = 1, n_bad = 0, first = 1;
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (const test_group *g = groups; g->name; g++)
            puts(g->name);
        return 0;
    }
    if (argc > 1 && strncmp(argv[1], "-j", 2) == 0) { /* -jN or -j N */
        const bool is_apart = argv[1][2] == 0 && argc > 2;
        n_jobs = atoi(is_apart ? argv[2] : argv[1] + 2);
        n_jobs = n_jobs < 1 ? 1 : n_jobs > JOBS_MAX ? JOBS_MAX : n_jobs;
        first = is_apart ? 3 : 2;
    }
    for (int i = first; i < argc; i++)
        if (!is_group(argv[i])) {
            fprintf(stderr, "no group of tests is called '%s'; --list names them\n", argv[i]);
            return 2;
        }
    for (const test_group *g = groups; g->name; g++)
        if (is_wanted(g->name, argc - first, argv + first)) todo[n++] = g;
    if (n_jobs > 1)
        n_bad = run_parallel(todo, n, n_jobs);
    else
        for (int i = 0; i < n; i++)
            n_bad += !run_group(todo[i]);
    fprintf(stderr, "%d test groups, %d with failures\n", n, n_bad);
    return n_bad != 0 || n == 0;
}
