/* gen_reasoning.h - builtin:reasoning: six families of small puzzles, five levels, in English.
 * 180 clusters of two twin questions: fields id, cluster, level (1..5), family, question, choices
 * (list), gold (index), answer (text of the right choice), options ("A) ...\nB) ..."), letter,
 * n_choices. Gold positions are balanced within each level and number of choices. */
#ifndef DATASETS_GEN_REASONING_H
#define DATASETS_GEN_REASONING_H
#include "datasets/dataset.h"

WAAGE_MUST_CHECK waage_status gen_reasoning(value *rows, arena *a, const value *args,
                                            waage_err *err);
#endif
