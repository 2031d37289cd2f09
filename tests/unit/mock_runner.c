/* mock_runner.c - see the header. The text of an answer depends on item, sample, turn and protocol.
 */
#include "mock_runner.h"
#include "harness/base/interrupt.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOCK_MAX_FLYING = 64 };

static const runner_info *mock_info(const runner *r)
{
    return &((const mock_runner *)(const void *)r)->info;
}

static size_t number_of(const char *id)
{
    const size_t n = strlen(id);
    size_t at = n;
    while (at > 0 && id[at - 1] >= '0' && id[at - 1] <= '9')
        at--;
    return (size_t)strtoul(id + at, NULL, 10) % 256;
}

static bool fails(mock_runner *m, const char *id)
{
    const size_t k = number_of(id);
    if (!m->fail_every || k < m->fail_from || k % m->fail_every || m->n_fails[k] >= m->fail_times)
        return false;
    m->n_fails[k]++;
    return true;
}

static void answer(mock_runner *m, const request *rq, reply *rp, char text[200])
{
    static const float logprobs[] = {-0.5f, -0.25f, -0.125f};
    static int32_t tokens[3];
    const size_t k = number_of(rq->item_id);
    memset(rp, 0, sizeof *rp);
    rp->text = "";
    if (fails(m, rq->item_id)) {
        rp->finish = FINISH_ERROR;
        rp->error = "the mock was told to fail";
        return;
    }
    snprintf(text, 200, "The answer is %zu.%s", k * 2, rq->turn ? " Again." : "");
    tokens[0] = (int32_t)k;
    tokens[1] = (int32_t)rq->sample;
    tokens[2] = (int32_t)rq->turn;
    rp->finish = FINISH_STOP;
    rp->text = text;
    rp->text_len = strlen(text);
    rp->tokens = tokens;
    rp->logprobs = logprobs;
    rp->n_tokens = 3;
    rp->prompt_tokens = 10;
    rp->completion_tokens = 3;
}

static waage_status mock_run(runner *r, const runner_io *io, waage_err *err)
{
    mock_runner *m = (mock_runner *)(void *)r;
    const request *flying[MOCK_MAX_FLYING];
    size_t n = 0, turn = 0;
    m->n_runs++;
    for (;;) {
        runner_next got = RUNNER_REQUEST;
        while (n < m->n_flying_max && got == RUNNER_REQUEST) {
            got = io->next(io->ctx, &flying[n]);
            n += got == RUNNER_REQUEST;
        }
        if (n == 0) return got == RUNNER_END ? WAAGE_OK : WAAGE_EFAIL;
        if (interrupt_signal()) return waage_err_set(err, WAAGE_EINTR, "interrupted");
        const size_t pick = turn++ * 7 % n;
        const request *rq = flying[pick];
        flying[pick] = flying[--n];
        reply rp;
        char text[200];
        answer(m, rq, &rp, text);
        if (m->kill_after && ++m->n_asked > m->kill_after) raise(SIGKILL);
        const waage_status st = io->done(io->ctx, rq, &rp, err);
        if (st != WAAGE_OK) return st;
        if (io->progress) io->progress(io->ctx, 10 * turn, 3 * turn);
    }
}

void mock_runner_init(mock_runner *m, const char *name, const char *sha)
{
    static const runner_ops ops = {.scheme = "mock", .info = mock_info, .run = mock_run};
    memset(m, 0, sizeof *m);
    m->base.ops = &ops;
    m->info = (runner_info){.uri = name,
                            .kind = "mock",
                            .name = name,
                            .sha256 = sha,
                            .can_chat = true,
                            .can_complete = true,
                            .can_loglik = true,
                            .deterministic = true};
    m->n_flying_max = 4;
}
