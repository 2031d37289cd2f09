/* fault_server_main.c - the scripted server for command line tests:
 *   fault_server SECONDS [PORT] [MATCH=STEPS]...     MATCH may be empty: any request
 * Prints its port; ends after SECONDS or on SIGTERM, and then prints what it counted. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tests/unit/fault_server.h"

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

int main(int argc, char **argv)
{
    fault_rule rules[16];
    size_t n = 0;
    int port = 0;
    if (argc < 2) return 2;
    for (int i = 2; i < argc && n < 16; i++) {
        char *steps = strchr(argv[i], '=');
        if (!steps) {
            port = atoi(argv[i]);
            continue;
        }
        *steps++ = 0;
        rules[n++] = (fault_rule){*argv[i] ? argv[i] : NULL, steps};
    }
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    fault_server *s = fault_server_start(port, rules, n, atof(argv[1]));
    if (!s) return 1;
    printf("%d\n", fault_server_port(s));
    fflush(stdout);
    while (!ended && !fault_server_is_over(s)) {
        const struct timespec t = {0, 20000000};
        nanosleep(&t, NULL);
    }
    fault_counts c;
    fault_server_end(s, &c);
    printf("requests %zu good %zu bodies %zu repeated %zu most %zu key %zu\n", c.n_requests,
           c.n_good, c.n_bodies, c.n_repeated, c.most_at_once, c.n_with_key);
    return 0;
}
