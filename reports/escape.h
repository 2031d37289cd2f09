/* escape.h - untrusted text (of models, items, file names) on its way into a report. Whatever could
 * act instead of being read is made visible: markup is escaped; control characters, bidirectional
 * overrides, zero-width and tag characters, and bytes that are no UTF-8 appear as their code. */
#ifndef REPORTS_ESCAPE_H
#define REPORTS_ESCAPE_H
#include "harness/base/strbuf.h"

/* HTML text or a double-quoted attribute value. Newline and tab stay; invisible characters become
 * <span class="ctl">U+202E</span>, in attributes the bare code. s may be NULL. */
void escape_put_html(strbuf *out, const char *s, size_t len);
void escape_puts_html(strbuf *out, const char *s);
void escape_puts_attr(strbuf *out, const char *s);
/* Between the single quotes of a CSS string within an attribute. */
void escape_puts_css(strbuf *out, const char *s);
/* Markdown inline text, safe inside a table cell: no markup, no HTML, no line breaks. */
void escape_puts_md(strbuf *out, const char *s);
/* Markdown code block (fence longer than any run of backticks in s). */
void escape_put_md_block(strbuf *out, const char *s);
/* One CSV field (RFC 4180), quoted where needed; the bytes are kept, so that a file can be read
 * back. Meant for programs: a spreadsheet must import such text as text (docs/report.md). */
void escape_puts_csv(strbuf *out, const char *s);
/* One word of a POSIX shell command. */
void escape_puts_shell(strbuf *out, const char *s);

#endif
