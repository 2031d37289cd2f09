/* fuzz_extract.c - any bytes as a reply, for every kind of answer. The first byte chooses the kind,
 * the second whether it was cut off and its language. */
#include <string.h>
#include "tasks/degenerate.h"
#include "tasks/extract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const kinds[] = {
        "{answer: number}",
        "{answer: letter}",
        "{answer: option, options: [Yes, 'No', maybe so]}",
        "{answer: text, ladder: [boxed, final_phrase, hashes, first_line, whole, text]}",
        "{answer: number, ladder: [{regex: '(\\d+)[^\\d]*$', explicit: true}, first_number]}",
    };
    static const char *const options[] = {"Yes", "No", "maybe so"};
    static extract_rules *rules;
    waage_err err;
    if (size < 2) return 0;
    if (!rules && extract_rules_load(&rules, &err) != WAAGE_OK) __builtin_trap();
    arena a = ARENA_EMPTY;
    value *map;
    extractor *e;
    extract_result r;
    const char *kind = kinds[data[0] % 5], *text = (const char *)data + 2;
    const extract_query q = {text,    size - 2, (data[1] & 1) != 0, data[1] & 2 ? "de" : NULL,
                             options, 3};
    if (yaml_parse(&map, &a, kind, strlen(kind), "fuzz", &err) != WAAGE_OK ||
        extractor_create(&e, &a, rules, map, "fuzz", &err) != WAAGE_OK)
        __builtin_trap();
    if (extract_answer(e, &q, &r, &a, &err) != WAAGE_OK || (r.found && (!r.answer || !*r.answer)) ||
        (r.found && q.cut_off && !r.is_explicit))
        __builtin_trap();
    degenerate_is_loop(text, size - 2);
    extractor_close(e);
    arena_free(&a);
    return 0;
}
