/* fuzz_csv.c - any bytes as CSV; fields must be terminated where their length says. */
#include "datasets/dataset.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static waage_status on_row(void *ctx, const char *const *fields, const size_t *lens, size_t n,
                           size_t line, waage_err *err)
{
    (void)ctx;
    (void)err;
    if (line == 0) abort();
    for (size_t i = 0; i < n; i++)
        if (strlen(fields[i]) != lens[i]) abort();
    return WAAGE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    waage_err err;
    return dataset_parse_csv((const char *)data, size, ',', "fuzz", on_row, NULL, &err) ==
                   WAAGE_ENOMEM
               ? -1
               : 0;
}
