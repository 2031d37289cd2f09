/* prompt.h - the exact text or messages that an item is put with. Every byte counts: docs/tasks.md.
 */
#ifndef TASKS_PROMPT_H
#define TASKS_PROMPT_H
#include "tasks/task_impl.h"

/* Completion: description, shots, question, delimiter and prefix. */
WAAGE_MUST_CHECK waage_status prompt_write_text(const task *t, size_t item, const char **out,
                                                arena *a, waage_err *err);
/* Chat: system, shots, the user's turns up to `turn` with the answers in between. */
WAAGE_MUST_CHECK waage_status prompt_write_messages(const task *t, size_t item, uint32_t turn,
                                                    const char *const *answers, const message **out,
                                                    size_t *n, arena *a, waage_err *err);
#endif
