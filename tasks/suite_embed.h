/* suite_embed.h - the YAML files of tasks/suites and tasks/rules, compiled into the binary by
 * tools/embed.sh. */
#ifndef TASKS_SUITE_EMBED_H
#define TASKS_SUITE_EMBED_H
#include <stddef.h>

typedef struct {
    const char *name; /* path below tasks/ without ".yaml": "suites/math", "rules/refusal" */
    const unsigned char *data; /* n_bytes of YAML, then a zero byte */
    size_t n_bytes;
} suite_embed_file;

extern const suite_embed_file suite_embed_files[]; /* sorted by path; ends with a NULL name */
#endif
