/* digest.h - what a run answered and scored, as SHA-256 sums. Two machines that weigh the same
 * thing print the same digests; docs/store.md spells out the bytes that are hashed. `answers`:
 * arithmetic version and settings (grade, KV format, seed, limits, system prompt, date), hashes of
 * weights, task and data, protocol; then per item, ordered by id, sample and turn: prompt hash,
 * finish reason, token ids, log-probabilities as IEEE bits. (Recordings have no token ids: the text
 * stands for them.) `scores`: `answers`, the version of the rules; then per item outcome,
 * extraction and credit. Never: build, instruction set, threads, batch, paths, labels, timings. */
#ifndef HARNESS_DIGEST_H
#define HARNESS_DIGEST_H
#include "harness/base/hash.h"
#include "harness/base/strbuf.h"
#include "harness/store.h"

typedef struct {
    const char *model, *group, *task; /* borrowed from the store_data */
    protocol proto;
    char answers[HASH_HEX], scores[HASH_HEX];
} digest_line;

typedef struct {
    const digest_line *lines; /* in the order of the store, in the arena */
    size_t n_lines;
    char answers[HASH_HEX]; /* over all lines, sorted by weights, task and protocol: no labels, no
                               order */
    char total[HASH_HEX];   /* the same over `scores` */
} digest;

/* One line per model, task and protocol that has a response or a score. */
WAAGE_MUST_CHECK waage_status digest_compute(digest *out, const store_data *d, arena *a,
                                             waage_err *err);
void digest_put_text(strbuf *out, const digest *d);
void digest_put_json(strbuf *out, const digest *d);
#endif
