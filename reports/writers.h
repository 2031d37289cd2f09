/* writers.h - the writers behind report.h's table. Each appends to `out`; its strings live in v->a.
 */
#ifndef REPORTS_WRITERS_H
#define REPORTS_WRITERS_H
#include "reports/view.h"

waage_status report_write_html(strbuf *out, const view *v);
waage_status report_write_md(strbuf *out, const view *v);
waage_status report_write_csv(strbuf *out, const view *v);
waage_status report_write_json(strbuf *out, const view *v);

#endif
