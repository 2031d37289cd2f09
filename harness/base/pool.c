/* pool.c - threads that take parts of a run. A run is over when its parts are done, not when every
 * thread has looked at it: on a machine that others use too, a worker that gets no processor must
 * hold nobody up. Runs of the engine follow each other within microseconds, several hundred a step,
 * so both sides first spin for a moment and only then sleep on a condition variable: waking a
 * thread costs more than most runs do.
 *
 * A ticket holds the number of the run and the next part. Taking a part is a compare-and-swap of
 * the whole ticket, so a thread that comes late, with the job of an earlier run in hand, gets
 * nothing. */
#include "harness/base/pool.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 1024 };
/* A ticket's low bits are the part; the number of the run in the high ones would take years to come
 * round. */
enum { PART_BITS = 24, PARTS_MAX = (1 << PART_BITS) - 1 };

struct pool {
    size_t n_threads;
    pthread_t *threads; /* (n_threads - 1) */
    size_t n_started;
    pthread_mutex_t lock;
    pthread_cond_t go, finished;
    atomic_int quit;         /* changes under lock */
    _Atomic size_t n_asleep; /* workers on `go`; changes under lock */
    _Atomic int is_waiting;  /* the caller is on `finished`; changes under lock */
    _Alignas(64) _Atomic uint64_t ticket;
    /* the current run; written only while none is going on */
    _Atomic(pool_fn) fn;
    _Atomic(void *) ctx;
    _Atomic uint64_t limit;             /* number of the run, parts of it */
    _Alignas(64) _Atomic size_t n_done; /* parts of the current run */
};

typedef struct {
    pool *p;
    size_t thread;
} worker_arg;

static uint64_t run_of(uint64_t ticket)
{
    return ticket >> PART_BITS;
}

/* Take parts of the current run until there are none. What the job is may be read too early or too
 * late; a part is only taken if the ticket is still of the run that limit, fn and ctx belong to. */
static void work(pool *p, size_t thread)
{
    uint64_t ticket = atomic_load(&p->ticket);
    for (;;) {
        const uint64_t limit = atomic_load(&p->limit);
        const pool_fn fn = atomic_load(&p->fn);
        void *ctx = atomic_load(&p->ctx);
        if (run_of(limit) != run_of(ticket) || ticket >= limit) return;
        if (!atomic_compare_exchange_weak(&p->ticket, &ticket, ticket + 1)) continue;
        fn(ctx, (size_t)(ticket & PARTS_MAX), thread);
        const size_t n_done = atomic_fetch_add(&p->n_done, 1) + 1;
        if (n_done == (size_t)(limit & PARTS_MAX) && atomic_load(&p->is_waiting)) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->finished);
            pthread_mutex_unlock(&p->lock);
        }
        ticket = atomic_load(&p->ticket);
    }
}

/* About 50 microseconds; a thread that shares its processor gives it away soon. */
enum { SPINS = 400, PAUSES = 4 };

static void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    for (int i = 0; i < PAUSES; i++)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
    for (int i = 0; i < PAUSES * 8; i++)
        __asm__ volatile("yield");
#endif
}

/* Wait for another run than `seen`, or the end; false: the end. */
static bool wait_for_run(pool *p, uint64_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&p->quit)) return false;
        if (run_of(atomic_load(&p->ticket)) != seen) return true;
        spin_pause();
    }
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->n_asleep, 1);
    while (run_of(atomic_load(&p->ticket)) == seen && !atomic_load(&p->quit))
        pthread_cond_wait(&p->go, &p->lock);
    atomic_fetch_sub(&p->n_asleep, 1);
    pthread_mutex_unlock(&p->lock);
    return !atomic_load(&p->quit);
}

static void *worker(void *arg)
{
    const worker_arg w = *(worker_arg *)arg;
    uint64_t seen = 0;
    free(arg);
    while (wait_for_run(w.p, seen)) {
        seen = run_of(atomic_load(&w.p->ticket));
        work(w.p, w.thread);
    }
    return NULL;
}

static int start_worker(pool *p, size_t thread)
{
    worker_arg *w = malloc(sizeof *w);
    if (!w) return -1;
    w->p = p;
    w->thread = thread;
    if (pthread_create(&p->threads[p->n_started], NULL, worker, w) != 0) {
        free(w);
        return -1;
    }
    p->n_started++;
    return 0;
}

waage_status pool_create(pool **out, size_t n_threads, waage_err *err)
{
    *out = NULL;
    if (n_threads == 0) {
        const long n = sysconf(_SC_NPROCESSORS_ONLN);
        n_threads = n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (size_t)n;
    }
    if (n_threads > THREADS_MAX)
        return waage_err_set(err, WAAGE_EINVAL, "%zu threads; at most %d", n_threads, THREADS_MAX);
    pool *p = aligned_alloc(_Alignof(pool), sizeof *p); /* calloc aligns to less */
    if (!p) return waage_err_nomem(err);
    memset(p, 0, sizeof *p);
    p->threads = calloc(n_threads, sizeof *p->threads);
    p->n_threads = n_threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->go, NULL);
    pthread_cond_init(&p->finished, NULL);
    if (!p->threads) {
        pool_free(p);
        return waage_err_nomem(err);
    }
    for (size_t t = 1; t < n_threads; t++)
        if (start_worker(p, t) != 0) {
            pool_free(p);
            return waage_err_set(err, WAAGE_ENOMEM, "cannot start thread %zu of %zu", t, n_threads);
        }
    *out = p;
    return WAAGE_OK;
}

void pool_free(pool *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->quit, 1);
    pthread_cond_broadcast(&p->go);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n_started; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->go);
    pthread_cond_destroy(&p->finished);
    pthread_mutex_destroy(&p->lock);
    free(p->threads);
    free(p);
}

size_t pool_n_threads(const pool *p)
{
    return p->n_threads;
}

size_t pool_share(const pool *p, size_t n, size_t most)
{
    const size_t each = (n + p->n_threads - 1) / p->n_threads;
    return each > most ? most : each > 0 ? each : 1;
}

/* The first thing of size number i: half of all come before size 1, three quarters before 2. */
static size_t cut_start(const pool_cut *c, size_t i)
{
    return c->n - (c->n >> i);
}

pool_cut pool_cut_make(const pool *p, size_t n, size_t least)
{
    enum { PER_THREAD = 2 }; /* parts of a size: the first are a quarter of a thread's share */
    const size_t quarter = n / (2 * PER_THREAD * p->n_threads);
    pool_cut c = {.n = n, .width = PER_THREAD * p->n_threads, .least = least};
    if (c.least > quarter) c.least = quarter;
    if (c.least == 0) c.least = 1;
    while (cut_start(&c, c.n_sizes + 1) - cut_start(&c, c.n_sizes) >= c.width * c.least)
        c.n_sizes++;
    return c;
}

size_t pool_cut_parts(const pool_cut *c)
{
    const size_t rest = c->n - cut_start(c, c->n_sizes);
    return c->n_sizes * c->width + (rest + c->least - 1) / c->least;
}

void pool_cut_part(const pool_cut *c, size_t part, size_t *from, size_t *to)
{
    const size_t size = part / c->width;
    if (size >= c->n_sizes) {
        *from = cut_start(c, c->n_sizes) + (part - c->n_sizes * c->width) * c->least;
        *to = c->n - *from < c->least ? c->n : *from + c->least;
        return;
    }
    const size_t first = cut_start(c, size), n = cut_start(c, size + 1) - first;
    *from = first + n * (part % c->width) / c->width;
    *to = first + n * (part % c->width + 1) / c->width;
}

/* Wait until n_parts are done. */
static void wait_for_parts(pool *p, size_t n_parts)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&p->n_done) == n_parts) return;
        spin_pause();
    }
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->is_waiting, 1); /* then n_done is read: whoever ends the last part sees it */
    while (atomic_load(&p->n_done) < n_parts)
        pthread_cond_wait(&p->finished, &p->lock);
    atomic_store(&p->is_waiting, 0);
    pthread_mutex_unlock(&p->lock);
}

static void run_parts(pool *p, size_t n_parts, pool_fn fn, void *ctx)
{
    atomic_store(&p->fn, fn);
    atomic_store(&p->ctx, ctx);
    atomic_store(&p->n_done, 0);
    const uint64_t first = (run_of(atomic_load(&p->ticket)) + 1) << PART_BITS;
    atomic_store(&p->limit, first + n_parts);
    atomic_store(&p->ticket, first);
    if (atomic_load(&p->n_asleep) > 0) {
        pthread_mutex_lock(&p->lock);
        pthread_cond_broadcast(&p->go);
        pthread_mutex_unlock(&p->lock);
    }
    work(p, 0);
    wait_for_parts(p, n_parts);
}

typedef struct {
    pool_fn fn;
    void *ctx;
    size_t first;
} later_parts;

static void run_later(void *ctx, size_t part, size_t thread)
{
    const later_parts *l = ctx;
    l->fn(l->ctx, l->first + part, thread);
}

void pool_run(pool *p, size_t n_parts, pool_fn fn, void *ctx)
{
    if (n_parts <= 1 || p->n_threads == 1) {
        for (size_t part = 0; part < n_parts; part++)
            fn(ctx, part, 0);
        return;
    }
    for (size_t first = 0; first < n_parts; first += PARTS_MAX) {
        later_parts l = {fn, ctx, first};
        const size_t left = n_parts - first, n = left < PARTS_MAX ? left : PARTS_MAX;
        if (n_parts <= PARTS_MAX)
            run_parts(p, n, fn, ctx);
        else
            run_parts(p, n, run_later, &l);
    }
}
