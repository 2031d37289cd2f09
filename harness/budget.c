/* budget.c - see budget.h. */
#include "harness/budget.h"
#include <string.h>

/* Bytes of text that make a token at the least, over languages and tokenizers of today; and what a
 * server may put around a message. */
enum { BYTES_A_TOKEN = 3, TOKENS_A_MESSAGE = 8, NO_LIMIT = 8192 };

bool budget_is_set(const budget *b)
{
    return b && (b->money > 0 || b->tokens > 0);
}

static uint64_t tokens_of(const char *s)
{
    return s ? strlen(s) / BYTES_A_TOKEN + 1 : 0;
}

budget_share budget_estimate(const request *rq, const runner *r)
{
    const runner_price *price = r->ops->info(r)->price;
    uint64_t in = tokens_of(rq->prompt), out = rq->max_tokens ? rq->max_tokens : NO_LIMIT;
    for (size_t i = 0; i < rq->n_messages; i++)
        in += tokens_of(rq->messages[i].content) + TOKENS_A_MESSAGE;
    if (rq->kind == REQUEST_LOGLIK) { /* the prompt is sent with each choice */
        const uint64_t prompt = in;
        in = out = 0;
        for (size_t i = 0; i < rq->n_choices; i++) {
            in += prompt + tokens_of(rq->choice[i]);
            out++;
        }
    }
    out += rq->think.budget;
    if (r->ops->thought) out += r->ops->thought(r, rq);
    budget_share s = {0, in + out};
    if (price) s.money = 1e-6 * (price->input * (double)in + price->output * (double)out);
    return s;
}

bool budget_take(budget *b, budget_share s)
{
    if (b->money > 0 && b->spent + b->reserved + s.money > b->money) return false;
    if (b->tokens > 0 && b->used + b->held + s.tokens > b->tokens) return false;
    b->reserved += s.money;
    b->held += s.tokens;
    return true;
}

void budget_settle(budget *b, budget_share s, const reply *rp)
{
    b->reserved = b->reserved > s.money ? b->reserved - s.money : 0;
    b->held = b->held > s.tokens ? b->held - s.tokens : 0;
    if (rp->has_cost) b->spent += rp->cost;
    b->used += (uint64_t)rp->prompt_tokens + rp->completion_tokens;
}
