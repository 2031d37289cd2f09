/* probe.c - one sequence with pages of its own, one slice a step. */
#include "runners/local/probe.h"
#include <stdlib.h>

struct probe {
    forward *fwd;
    kvcache *kv;
    kv_page **pages; /* (n_pages <= max_pages) */
    size_t n_pages, max_pages, pos;
    bool is_long;
};

waage_status probe_create(probe **out, const forward_options *opt, kvcache *kv, size_t n_tokens,
                          waage_err *err)
{
    *out = NULL;
    probe *p = calloc(1, sizeof *p);
    if (!p) return waage_err_nomem(err);
    p->kv = kv;
    p->is_long = model_is_long(opt->m, n_tokens);
    p->max_pages = (opt->m->p.n_context + KV_PAGE_LEN - 1) / KV_PAGE_LEN;
    p->pages = calloc(p->max_pages, sizeof *p->pages);
    forward_options fo = *opt;
    fo.kv = kv;
    fo.max_slices = 1;
    fo.max_pages = p->max_pages;
    const waage_status st = p->pages ? forward_create(&p->fwd, &fo, err) : waage_err_nomem(err);
    if (st == WAAGE_OK)
        *out = p;
    else
        probe_free(p);
    return st;
}

void probe_free(probe *p)
{
    if (!p) return;
    while (p->n_pages > 0)
        kvcache_release(p->kv, p->pages[--p->n_pages]);
    forward_free(p->fwd);
    free(p->pages);
    free(p);
}

waage_status probe_read(probe *p, const int32_t *tokens, size_t n, size_t want_from, forward_row fn,
                        void *ctx, waage_err *err)
{
    while (p->n_pages * KV_PAGE_LEN < p->pos + n) {
        if (p->n_pages == p->max_pages)
            return waage_err_set(err, WAAGE_EFAIL, "the text is longer than the model's context");
        kv_page *page = kvcache_take(p->kv);
        if (!page)
            return waage_err_set(err, WAAGE_EFAIL, "no key/value memory left at position %zu",
                                 p->pos);
        p->pages[p->n_pages++] = page;
    }
    step_slice s = {.tokens = tokens,
                    .n = n,
                    .pos = p->pos,
                    .pages = p->pages,
                    .is_long = p->is_long,
                    .want_from = want_from,
                    .want_to = p->pos + n};
    forward_run(p->fwd, &s, 1, fn, ctx);
    p->pos += n;
    if (s.n_good < n)
        return waage_err_set(err, WAAGE_EFAIL, "a value that is not finite before position %zu",
                             p->pos);
    return WAAGE_OK;
}
