/* md_parts.h - sections of the Markdown report that have files of their own. */
#ifndef REPORTS_MD_PARTS_H
#define REPORTS_MD_PARTS_H
#include "reports/view.h"

/* Labels of recorded answers: rates and gaps by government, agreement; who served the answers. */
void md_put_recorded(strbuf *out, const view *v, const analysis_row *r);
/* Open and closed models side by side. */
WAAGE_MUST_CHECK waage_status md_put_side(strbuf *out, const view *v);

#endif
