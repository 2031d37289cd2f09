/* score.h - from the replies of an item to outcome and credit. */
#ifndef TASKS_SCORE_H
#define TASKS_SCORE_H
#include "tasks/task_impl.h"

#define SCORE_VERSION "score-1" /* goes up when a grading rule changes */

WAAGE_MUST_CHECK waage_status score_replies(const task *t, size_t item, const reply *replies,
                                            size_t n_replies, task_verdict *out, arena *a,
                                            waage_err *err);
#endif
