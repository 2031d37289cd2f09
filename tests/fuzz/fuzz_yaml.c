/* fuzz_yaml.c - any bytes as YAML. */
#include "harness/base/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena a = ARENA_EMPTY;
    waage_err err;
    value *v = NULL;
    strbuf text = STRBUF_EMPTY;
    if (yaml_parse(&v, &a, (const char *)data, size, "fuzz", &err) == WAAGE_OK)
        value_put_json(&text, v, 2);
    strbuf_free(&text);
    arena_free(&a);
    return 0;
}
