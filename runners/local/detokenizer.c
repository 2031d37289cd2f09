/* detokenizer.c - holds back at most three bytes of a character that is not complete. */
#include "runners/local/detokenizer.h"
#include <string.h>
#include "harness/base/utf8.h"

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

void detokenizer_init(detokenizer *d, const tokenizer *t, bool whole_text, bool special)
{
    *d = (detokenizer){.tok = t, .special = special};
    d->strip_space = whole_text && tokenizer_get_info(t)->add_space_prefix;
}

/* One byte. The bytes that wait are always a proper beginning of a character. */
static void put_byte(detokenizer *d, char c, strbuf *out)
{
    char s[5];
    memcpy(s, d->wait, d->n_wait);
    s[d->n_wait] = c;
    const size_t n = d->n_wait + 1;
    if (utf8_valid_length(s, n) == n) {
        strbuf_put(out, s, n);
        d->n_wait = 0;
    } else if (utf8_incomplete_tail(s, n) == n) {
        d->wait[d->n_wait++] = c;
    } else if (d->n_wait) { /* what waited is ill-formed; c may begin something new */
        strbuf_put(out, replacement, 3);
        d->n_wait = 0;
        put_byte(d, c, out);
    } else {
        strbuf_put(out, replacement, 3);
    }
}

void detokenizer_put(detokenizer *d, int32_t id, strbuf *out)
{
    const token_type type = tokenizer_type(d->tok, id);
    const bool named = type == TOKEN_CONTROL || type == TOKEN_UNKNOWN || type == TOKEN_UNUSED;
    size_t len;
    const char *s = tokenizer_piece(d->tok, id, &len);
    if (named && !d->special) return;
    if (d->strip_space && !named && len) {
        if (*s == ' ') {
            s++;
            len--;
        }
        d->strip_space = false;
    }
    for (size_t i = 0; i < len; i++)
        put_byte(d, s[i], out);
}

void detokenizer_end(detokenizer *d, strbuf *out)
{
    if (d->n_wait) strbuf_put(out, replacement, 3);
    d->n_wait = 0;
}
