/* pool.c - worker threads that take parts from an atomic counter; a run ends when every worker has
 * seen it out. Runs of the engine follow each other within microseconds, several hundred a step, so
 * both sides first spin for a moment and only then sleep on a condition variable: waking a thread
 * costs more than most runs do. */
#include "harness/base/pool.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 1024 };

struct pool {
    size_t n_threads;
    pthread_t *threads; /* (n_threads - 1) */
    size_t n_started;
    pthread_mutex_t lock;
    pthread_cond_t go, finished;
    atomic_ulong generation; /* counts runs; changes under lock */
    atomic_size_t n_busy;    /* workers not yet through with this run */
    atomic_int quit;         /* changes under lock */
    size_t n_asleep;         /* workers on `go`; guarded by lock */
    int is_waiting;          /* the caller is on `finished`; guarded by lock */
    /* the current run */
    pool_fn fn;
    void *ctx;
    size_t n_parts;
    atomic_size_t next;
};

typedef struct {
    pool *p;
    size_t thread;
} worker_arg;

static void work(pool *p, size_t thread)
{
    for (size_t part; (part = atomic_fetch_add(&p->next, 1)) < p->n_parts;)
        p->fn(p->ctx, part, thread);
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

/* Wait for a run after number `seen`, or the end; false: the end. */
static int wait_for_run(pool *p, unsigned long seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&p->quit)) return 0;
        if (atomic_load(&p->generation) != seen) return 1;
        spin_pause();
    }
    pthread_mutex_lock(&p->lock);
    p->n_asleep++;
    while (atomic_load(&p->generation) == seen && !atomic_load(&p->quit))
        pthread_cond_wait(&p->go, &p->lock);
    p->n_asleep--;
    pthread_mutex_unlock(&p->lock);
    return !atomic_load(&p->quit);
}

static void *worker(void *arg)
{
    const worker_arg w = *(worker_arg *)arg;
    free(arg);
    pool *p = w.p;
    unsigned long seen = 0;
    while (wait_for_run(p, seen)) {
        seen++;
        work(p, w.thread);
        if (atomic_fetch_sub(&p->n_busy, 1) > 1) continue;
        pthread_mutex_lock(&p->lock); /* the last one: wake the caller if it sleeps */
        if (p->is_waiting) pthread_cond_signal(&p->finished);
        pthread_mutex_unlock(&p->lock);
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
    pool *p = calloc(1, sizeof *p);
    if (!p) return waage_err_nomem(err);
    p->threads = calloc(n_threads, sizeof *p->threads);
    p->n_threads = n_threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->go, NULL);
    pthread_cond_init(&p->finished, NULL);
    atomic_init(&p->next, 0);
    atomic_init(&p->generation, 0);
    atomic_init(&p->n_busy, 0);
    atomic_init(&p->quit, 0);
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

void pool_run(pool *p, size_t n_parts, pool_fn fn, void *ctx)
{
    if (n_parts <= 1 || p->n_threads == 1) {
        for (size_t part = 0; part < n_parts; part++)
            fn(ctx, part, 0);
        return;
    }
    p->fn = fn; /* nobody reads these between runs */
    p->ctx = ctx;
    p->n_parts = n_parts;
    atomic_store(&p->next, 0);
    atomic_store(&p->n_busy, p->n_started);
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->generation, 1);
    if (p->n_asleep > 0) pthread_cond_broadcast(&p->go);
    pthread_mutex_unlock(&p->lock);
    work(p, 0);
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&p->n_busy) == 0) return;
        spin_pause();
    }
    pthread_mutex_lock(&p->lock);
    p->is_waiting = 1;
    while (atomic_load(&p->n_busy) > 0)
        pthread_cond_wait(&p->finished, &p->lock);
    p->is_waiting = 0;
    pthread_mutex_unlock(&p->lock);
}
