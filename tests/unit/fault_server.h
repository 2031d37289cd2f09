/* fault_server.h - a scripted HTTP server for tests: it answers as model APIs do, and fails as the
 * script says. Loopback only, bounded, ends by itself after `lifetime` seconds. Raw sockets: what
 * it must send is often not HTTP.
 *
 * A good answer to a prompt whose last sum is "3+4" is "The answer is 7.", in the shape of the API
 * that was asked (by path), so that a test sees when answers are mixed up or lost.
 *
 * Script: rules, the first one whose `match` is in the body of the request applies (NULL: any). Its
 * steps, separated by blanks, are taken one after the other, request by request; the last one
 * stays. ok  slow:MS           a good answer, at once or later NNN  NNN:SECONDS      an error
 * status, with Retry-After filter  quota  long   400 content_filter, 429 insufficient_quota, 400
 * context_length_exceeded field:NAME            400 unsupported parameter where the body has
 * "NAME", else ok echokey               401 whose message quotes the key, or (echokey:json) spells
 * it in JSON's escapes noecho                400 where the body asks for an echo, else ok billed
 * broken     200 with an error and with JSON that breaks off, both
 * with a usage that costs 1500000 prompt tokens cut  stall:MS         half an answer, then the end,
 * or silence close  garbage        no answer; bytes that are not HTTP html json  empty     200 with
 * a page, with JSON of no known shape, with nothing huge:BYTES 200 with a body of that size
 * redirect:URL          307 say:TEXT              a good answer that says TEXT
 * ('_' for a blank) */
#ifndef TESTS_FAULT_SERVER_H
#define TESTS_FAULT_SERVER_H
#include <stdbool.h>
#include <stddef.h>

typedef struct fault_server fault_server;

typedef struct {
    const char *match, *steps;
} fault_rule;

/* port 0: any free one. NULL: cannot listen. Rules are borrowed until stop. */
fault_server *fault_server_start(int port, const fault_rule *rules, size_t n_rules,
                                 double lifetime);
int fault_server_port(const fault_server *s);
bool fault_server_is_over(const fault_server *s); /* its lifetime has passed */

typedef struct {
    size_t n_requests, n_good; /* good: answered in full */
    size_t n_bodies;           /* different request bodies that were answered */
    size_t n_repeated;         /* good answers to a body that had one before */
    size_t most_at_once;       /* requests under way at the same time */
    size_t n_with_key;         /* requests that carried `secret` in a header */
} fault_counts;
void fault_server_count(fault_server *s, fault_counts *out);
/* Closes listener and connections, waits for the threads, frees; the final counts unless NULL. */
void fault_server_end(fault_server *s, fault_counts *out);
void fault_server_stop(fault_server *s);
/* Headers and body of the request that came last, at most size - 1 bytes. */
void fault_server_last(fault_server *s, char *out, size_t size);

#define FAULT_SECRET "sk-test-0123456789/abcdefSECRET"
#define FAULT_SECRET_JSON "sk\\u002dtest-0123456789\\/abcdef\\u0053ECRET"
#endif
