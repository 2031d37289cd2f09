/* analysis_internal.h - what the analysis_*.c files share. */
#ifndef HARNESS_ANALYSIS_INTERNAL_H
#define HARNESS_ANALYSIS_INTERNAL_H
#include "harness/analysis.h"

enum { ANALYSIS_SEED = 1 }; /* of all resampling: reports repeat to the bit */

typedef struct { /* a matched pair of a censorship suite, by item positions of the row */
    const char *key, *language, *actor;
    uint32_t cluster;
    size_t sensitive, control; /* SIZE_MAX: missing */
} row_pair;

typedef struct { /* what one model did with it */
    bool complete, gated, has_coverage;
    double na_sensitive, na_control, cov_sensitive, cov_control;
} pair_value;

typedef struct { /* one answer that came with a label */
    const char *actor, *language, *host;
    uint32_t cluster;
    int ours, recorded; /* classes; CLASS_NONE: none */
} labelled_answer;

typedef struct {
    labelled_answer *rows;
    size_t n;
} labelled_list;

typedef struct { /* working state of one row */
    analysis_row *out;
    analysis_cell *cells;  /* (n_models) what out->cells shows */
    analysis_item **items; /* (n_models, n_items) what the cells' items show */
    uint32_t *cluster;     /* (n_items) 0..n_ids-1; items of one cluster share a number */
    size_t n_ids;
    row_pair *pairs; /* (n_pairs), censorship only */
    size_t n_pairs;
    pair_value *values; /* (n_models, n_pairs) */
} work_row;

typedef struct {
    const store_data *d;
    arena *a;
    waage_err *err;
    analysis *out;
    work_row *rows; /* (out->n_rows) */
    arena scratch;  /* freed at the end of analysis_make */
} work;

/* Item positions of a row by cluster: item.cluster, else item.pair, else alone. */
waage_status analysis_number_clusters(work *w, work_row *r);

/* Mean of n values in 0..1 with its interval: Wilson when no two values share a cluster, else
 * cluster bootstrap (Wilson over clusters when all clusters agree). cluster[i] < n_ids; NULL:
 * independent. */
waage_status analysis_compute_mean(work *w, analysis_mean *out, const double *value,
                                   const uint32_t *cluster, size_t n, size_t n_ids);
/* Sums by cluster, only clusters that occur; *shared: some cluster has two values or more. */
waage_status analysis_sum_clusters(work *w, stats_cluster **out, size_t *n_out, bool *shared,
                                   const double *value, const uint32_t *cluster, size_t n,
                                   size_t n_ids);

waage_status analysis_index(work *w);                                 /* rows, items, samples */
waage_status analysis_score_cell(work *w, work_row *r, size_t model); /* outcomes, score, slices */
waage_status analysis_find_pairs(work *w, work_row *r);
waage_status analysis_check_safety(work *w, work_row *r, size_t model);
waage_status analysis_check_censorship(work *w, work_row *r, size_t model);
waage_status analysis_count_labels(work *w, work_row *r, size_t model);
waage_status analysis_check_recorded(work *w, work_row *r, size_t model);
waage_status analysis_pool_recorded(work *w, work_row *r);
/* Shares of incomplete answers by group, and one group against others. */
waage_status analysis_contrast_answers(work *w, const work_row *r, const labelled_list *list,
                                       analysis_recorded *out);
void analysis_choose_focus(work *w, work_row *r);
waage_status analysis_list_hosts(work *w, work_row *r, size_t model);
waage_status analysis_measure_traces(work *w, work_row *r, size_t model);
waage_status analysis_compare(work *w);

/* Mean over an item's counting samples of refused / non-answer; false: no such sample. */
bool analysis_item_refused(const analysis_item *it, double *share);
bool analysis_item_nonanswer(const analysis_item *it, double *share);
/* The label of a score, by its outcome when none was given; NULL: none. */
const char *analysis_label_of(const store_score *s);
/* Order of text for people: numbers by value, before words. */
int analysis_natural_order(const char *a, const char *b);
/* Position of s among the n texts of list, or n. NULL equals NULL. */
size_t analysis_find_text(const char *const *list, size_t n, const char *s);
bool analysis_same_text(const char *a, const char *b);

#define WORK_ALLOC(w, ptr, n)                                                                      \
    do {                                                                                           \
        (ptr) = arena_calloc((w)->a, (n), sizeof *(ptr));                                          \
        if (!(ptr)) return waage_err_nomem((w)->err);                                              \
    } while (0)
#define WORK_SCRATCH(w, ptr, n)                                                                    \
    do {                                                                                           \
        (ptr) = arena_calloc(&(w)->scratch, (n), sizeof *(ptr));                                   \
        if (!(ptr)) return waage_err_nomem((w)->err);                                              \
    } while (0)
#endif
