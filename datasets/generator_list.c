/* generator_list.c - the table of built-in data sets. */
#include "datasets/dataset.h"

const dataset_builtin dataset_builtins[] = {
    {NULL, NULL, NULL},
};
