/* replay.h - recorded answers as a model: `replay:FILE`. A request gets the answer that was
 * recorded for its item or its prompt; nothing is computed, so labels, scores and reports of any
 * model can be made, audited and made again without it. Forms of FILE: docs/replay.md.
 *
 * A request finds its record by item id (`id`, or `SET-id` where the rows carry a `set`), else by
 * the exact text of its last user message, white space aside. When the record holds a prompt, the
 * message must contain it: an id alone never gives the answer to another question. Nothing found:
 * FINISH_UNSUPPORTED, "no recorded answer". */
#ifndef RUNNERS_REPLAY_REPLAY_H
#define RUNNERS_REPLAY_REPLAY_H
#include "runners/runner.h"

extern const runner_ops replay_runner;
#endif
