/* gen_math.h - builtin:math: arithmetic and word problems, six levels, in English, German, Chinese.
 * 120 problems, each in three languages (one cluster): fields id, cluster, level (1..6), language,
 * family, question, solution (worked steps and "The answer is N."), answer (integer). */
#ifndef DATASETS_GEN_MATH_H
#define DATASETS_GEN_MATH_H
#include "datasets/dataset.h"

WAAGE_MUST_CHECK waage_status gen_math(value *rows, arena *a, const value *args, waage_err *err);
#endif
