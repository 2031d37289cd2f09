/* gen_math_table.h - what the maths generator knows: families of problems, their wording in three
 * languages, things and people. The tables are the whole content of the suite. */
#ifndef DATASETS_GEN_MATH_TABLE_H
#define DATASETS_GEN_MATH_TABLE_H
#include <stddef.h>

typedef enum { MATH_EN, MATH_DE, MATH_ZH, MATH_LANGUAGES } math_language;
extern const char *const math_language_code[MATH_LANGUAGES]; /* "en", "de", "zh" */

enum { MATH_NUMBERS = 4, MATH_STEPS_MAX = 4, MATH_LEVELS = 6 };

typedef struct {
    int lo, hi; /* 0, 0: this number is not used */
} math_range;

/* A family is a formula with ranges and its wording. `steps` names operations in order, separated
 * by blanks: operands are a..d (the numbers), p, q, r (results of step 1, 2, 3) or one digit;
 * operators are + - x /. The last result is the answer. Draws whose results leave `result`, or that
 * divide with a remainder, are drawn again. */
typedef struct {
    const char *name;
    int level;      /* 1..MATH_LEVELS */
    int n_clusters; /* how many clusters this family gives */
    const char *steps;
    math_range number[MATH_NUMBERS];
    math_range result; /* of every step */
    /* places: {a}..{d} numbers, {n} {k} people, {o} thing, {m} its Chinese measure word */
    const char *text[MATH_LANGUAGES];
} math_family;

extern const math_family math_families[];
extern const size_t math_n_families;

/* Things that fit into boxes, can be bought and given away. German: the plural, which is the same
 * in nominative and accusative (the templates use no other case). Chinese: noun and measure word.
 */
typedef struct {
    const char *name[MATH_LANGUAGES];
    const char *measure; /* Chinese */
} math_thing;

extern const math_thing math_things[];
extern const size_t math_n_things;

typedef struct {
    const char *name[MATH_LANGUAGES];
} math_person;

extern const math_person math_people[];
extern const size_t math_n_people;

extern const char *const math_answer_text[MATH_LANGUAGES]; /* places: {steps}, {v} */
#endif
