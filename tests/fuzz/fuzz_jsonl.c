/* fuzz_jsonl.c - any bytes as a recording, JSONL and CSV: what is read has text in every answer. */
#include "runners/replay/record.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(record_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const reply *r = &l->item[i].answer;
        if (!r->text || strlen(r->text) > r->text_len) abort();
        if ((r->thought_is == THOUGHT_PRESENT) && !r->thought) abort();
        if (r->finish == FINISH_ERROR && !r->error) abort();
    }
    record_list_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    record_list l;
    if (record_read_jsonl(&l, (const char *)data, size, "fuzz", NULL) == WAAGE_OK) check(&l);
    if (record_read_csv(&l, (const char *)data, size, "fuzz", NULL) == WAAGE_OK) check(&l);
    return 0;
}
