/* generator_list.c - the table of built-in data sets. */
#include "datasets/dataset.h"
#include "datasets/gen_math.h"
#include "datasets/gen_reasoning.h"

const dataset_builtin dataset_builtins[] = {
    {"math", "arithmetic and word problems, six levels, en/de/zh; generated from a seed", gen_math},
    {"reasoning", "six families of puzzles with choices, five levels; generated from a seed",
     gen_reasoning},
    {NULL, NULL, NULL},
};
