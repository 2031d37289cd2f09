/* fuzz_template.c - any bytes as a template: compile, render and evaluate as task and as chat.
 * Bytes behind the first NUL are JSON variables; without them a small conversation is used. */
#include <string.h>
#include "harness/base/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char variables[] =
    "{\"s\": \"Hi <|x|> \\u4e16\", \"n\": 3, \"f\": 2.5, \"none\": null, \"l\": [\"a\", 1, [true]],"
    "\"messages\": [{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": "
    "\"U\"}],"
    "\"bos_token\": \"<s>\", \"add_generation_prompt\": true}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const trusted[] = {"bos_token", NULL};
    template_options modes[] = {TEMPLATE_FOR_TASK, TEMPLATE_FOR_CHAT};
    const char *source = (const char *)data;
    const char *end = size ? memchr(source, 0, size) : NULL;
    const size_t len = end ? (size_t)(end - source) : size;
    arena a = ARENA_EMPTY;
    waage_err err;
    value *vars = NULL;

    modes[1].trusted = trusted;
    if (!end || json_parse(&vars, &a, end + 1, size - len - 1, "vars", 1, &err) != WAAGE_OK)
        if (json_parse(&vars, &a, variables, sizeof variables - 1, "vars", 1, &err) != WAAGE_OK)
            __builtin_trap();
    for (size_t i = 0; i < 2; i++) {
        template *t;
        template_output out;
        value *v;
        modes[i].max_steps = 20000;
        modes[i].max_output = 1 << 16;
        if (template_compile(&t, &a, source, len, "fuzz", 1, &modes[i], &err) != WAAGE_OK) continue;
        if (template_render(t, vars, NULL, &out, &a, &err) == WAAGE_OK && out.n_spans > 0 &&
            out.spans[out.n_spans - 1].end != out.len)
            __builtin_trap();
        if (template_evaluate(t, vars, &v, &a, &err) == WAAGE_OK && !v) __builtin_trap();
    }
    arena_free(&a);
    return 0;
}
