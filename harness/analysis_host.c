/* analysis_host.c - who served the answers, when, with what was returned of the thought. */
#include <stdlib.h>
#include <string.h>
#include "harness/analysis_internal.h"

static int by_size(const void *x, const void *y)
{
    const analysis_host *a = x, *b = y;
    if (a->n_answers != b->n_answers) return a->n_answers > b->n_answers ? -1 : 1;
    if (!a->host || !b->host) return (a->host == NULL) - (b->host == NULL);
    return strcmp(a->host, b->host);
}

static void count(analysis_host *h, const store_response *rp)
{
    const char *date = rp->served_at;
    h->n_answers++;
    h->n_blocked += rp->finish == FINISH_FILTER;
    h->n_thought[rp->thought_is]++;
    if (date && (!h->first || strcmp(date, h->first) < 0)) h->first = date;
    if (date && (!h->last || strcmp(date, h->last) > 0)) h->last = date;
}

waage_status analysis_list_hosts(work *w, work_row *r, size_t model)
{
    analysis_cell *c = &r->cells[model];
    analysis_host *hosts;
    size_t n = 0, n_responses = 0;
    bool served = false;
    for (size_t i = 0; i < r->out->n_items; i++)
        n_responses += c->items[i].n_responses;
    WORK_ALLOC(w, hosts, n_responses);
    for (size_t i = 0; i < r->out->n_items; i++)
        for (size_t j = 0; j < c->items[i].n_responses; j++) {
            const store_response *rp = c->items[i].responses[j];
            size_t at = 0;
            if (rp->finish == FINISH_UNSUPPORTED) continue;
            served = served || rp->host || rp->served_at;
            while (at < n && !analysis_same_text(hosts[at].host, rp->host))
                at++;
            if (at == n) hosts[n++].host = rp->host;
            count(&hosts[at], rp);
        }
    if (!served) return WAAGE_OK;
    qsort(hosts, n, sizeof *hosts, by_size);
    c->hosts = hosts;
    c->n_hosts = n;
    return WAAGE_OK;
}
