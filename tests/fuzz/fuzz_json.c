/* fuzz_json.c - any bytes as JSON; what is read must print and read back to an equal value. */
#include "harness/base/value.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena a = ARENA_EMPTY;
    waage_err err;
    value *v = NULL, *again = NULL;
    strbuf text = STRBUF_EMPTY;
    if (json_parse(&v, &a, (const char *)data, size, "fuzz", 1, &err) == WAAGE_OK) {
        value_put_json(&text, v, 0);
        if (json_parse(&again, &a, strbuf_str(&text), text.len, "again", 1, &err) != WAAGE_OK ||
            !value_equal(v, again))
            abort();
    }
    strbuf_free(&text);
    arena_free(&a);
    return 0;
}
