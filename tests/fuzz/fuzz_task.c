/* fuzz_task.c - any bytes as a task file: load, build requests, grade, lint. The file is read from
 * a temporary directory, since a task is named by its path. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "tasks/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *ctx, const char *finding)
{
    (void)ctx;
    (void)finding;
}

static void use_item(const task *t, size_t item)
{
    static const char text[] = "So 3 + 4 = 7. The answer is (B) 7.";
    static const char *const answers[64] = {text};
    const task_item *it = task_get_item(t, item);
    waage_err err;
    for (int p = 0; p < 2; p++) {
        arena a = ARENA_EMPTY;
        request rq;
        if (task_build_request(t, item, (protocol)p, 0, 0, answers, &rq, &a, &err) == WAAGE_OK &&
            !rq.prompt && !rq.n_messages)
            __builtin_trap();
        arena_free(&a);
    }
    arena a = ARENA_EMPTY;
    task_verdict v;
    choice_score scores[32];
    for (size_t i = 0; i < 32; i++)
        scores[i] = (choice_score){.logprob = -1.0 - (double)i, .n_tokens = 1};
    const bool choice = task_get_info(t)->output == TASK_CHOICE;
    const reply rp = {.finish = choice ? FINISH_SCORED : FINISH_STOP,
                      .text = text,
                      .text_len = sizeof text - 1,
                      .choices = scores,
                      .n_choices = it->n_choices < 32 ? it->n_choices : 32};
    if (task_score(t, item, &rp, 1, &v, &a, &err) == WAAGE_OK && v.has_credit &&
        !(v.credit >= 0 && v.credit <= 1))
        __builtin_trap();
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    if (!path[0]) {
        char dir[] = "/tmp/waage-fuzz-XXXXXX";
        if (!mkdtemp(dir)) abort();
        snprintf(path, sizeof path, "%s/t.yaml", dir);
    }
    FILE *f = fopen(path, "wb");
    if (!f) abort();
    fwrite(data, 1, size, f);
    fclose(f);

    arena a = ARENA_EMPTY;
    waage_err err;
    task_list list;
    const task_options opt = {.num_fewshot = -1, .limit = 5};
    if (task_load(&list, &a, path, &opt, &err) == WAAGE_OK) {
        for (size_t i = 0; i < list.n && i < 4; i++)
            for (size_t k = 0; k < task_get_info(list.tasks[i])->n_items && k < 4; k++)
                use_item(list.tasks[i], k);
        task_list_close(&list);
        if (size < 4096) (void)!task_lint(path, &opt, ignore, NULL, &err);
    }
    arena_free(&a);
    return 0;
}
