/* likeliest.c - insertion into a short sorted list: few tokens of a row come near its top. */
#include "runners/local/likeliest.h"

void likeliest_tokens(token_prob *out, size_t n, const float *logits, size_t n_vocab, double lse)
{
    size_t have = 0;
    for (size_t id = 0; id < n_vocab; id++) {
        const float x = logits[id];
        if (have == n && (n == 0 || x <= out[n - 1].logprob)) continue;
        size_t at = have < n ? have++ : n - 1;
        for (; at > 0 && out[at - 1].logprob < x; at--)
            out[at] = out[at - 1];
        out[at] = (token_prob){(int32_t)id, x};
    }
    for (size_t i = 0; i < n; i++)
        out[i] = i < have ? (token_prob){out[i].id, (float)((double)out[i].logprob - lse)}
                          : (token_prob){-1, 0};
}
