/* json_parts.h - the JSON report's pieces: building a text, and sections that have files of their
 * own. A NULL key stands for "inside a list". */
#ifndef REPORTS_JSON_PARTS_H
#define REPORTS_JSON_PARTS_H
#include "reports/view.h"

typedef struct { /* commas and newlines take care of themselves */
    strbuf *out;
    bool first; /* nothing yet in the innermost list or map */
} json;

void json_next(json *j, const char *key);
void json_open(json *j, const char *key, char bracket);
void json_close(json *j, char bracket);
void json_text(json *j, const char *key, const char *s); /* NULL: null */
void json_number(json *j, const char *key, double x);    /* not finite: null */
void json_count(json *j, const char *key, size_t n);
void json_truth(json *j, const char *key, bool b);
void json_interval(json *j, const char *key, stats_interval ci);
void json_mean(json *j, const char *key, const analysis_mean *m);
void json_slices(json *j, const char *key, const analysis_slice *s, size_t n);
void json_settings(json *j, const char *key, const store_setting *s, size_t n);

void json_put_recorded(json *j, const analysis_recorded *r);
void json_put_hosts(json *j, const analysis_cell *c);
void json_put_traces(json *j, const analysis_cell *c);

#endif
