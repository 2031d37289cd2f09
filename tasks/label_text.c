/* label_text.c - normal form and sentences of an answer. */
#include "tasks/label_text.h"
#include "harness/base/utf8.h"
#include <stdbool.h>
#include <string.h>

/* Typographic variants that would need a second spelling in every pattern. */
static const struct {
    uint32_t from;
    const char *to;
} variants[] = {
    {0x00A0, " "},  {0x00AD, ""},    {0x2010, "-"},  {0x2011, "-"},  {0x2012, "-"},
    {0x2013, "-"},  {0x2014, " - "}, {0x2018, "'"},  {0x2019, "'"},  {0x201A, "'"},
    {0x201C, "\""}, {0x201D, "\""},  {0x201E, "\""}, {0x202F, " "},  {0x3000, " "},
    {0x200B, ""},   {0xFEFF, ""},    {0x00AB, "\""}, {0x00BB, "\""},
};

static const char *variant_of(uint32_t cp)
{
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        if (variants[i].from == cp) return variants[i].to;
    return NULL;
}

/* Blanks are held back until a visible byte follows; a newline swallows the blanks around it. */
typedef struct {
    strbuf *out;
    char pending; /* 0, ' ' or '\n' */
    bool any;     /* something visible was written */
} cleaner;

static void clean_byte(cleaner *c, char ch)
{
    if (ch == '\n') {
        c->pending = '\n';
    } else if (ch == ' ' || ch == '\t' || ch == '\r' || ch == '\f' || ch == '\v') {
        if (c->pending == 0) c->pending = ' ';
    } else if (!strchr("*_#>`~|", ch) || ch == '\0') {
        if (c->pending && c->any) strbuf_putc(c->out, c->pending);
        c->pending = 0;
        c->any = true;
        strbuf_putc(c->out, ch == '\0' ? ' ' : ch);
    }
}

void label_text_clean(strbuf *out, const char *s, size_t len)
{
    cleaner c = {out, 0, false};
    for (size_t i = 0; i < len;) {
        const size_t n = utf8_valid_length(s + i, len - i);
        if (n <= 1) {
            if (n == 1) clean_byte(&c, s[i]);
            i++;
            continue;
        }
        uint32_t cp;
        utf8_decode(s + i, len - i, &cp);
        const char *to = variant_of(cp);
        if (to) {
            for (; *to; to++)
                clean_byte(&c, *to);
        } else {
            clean_byte(&c, s[i]);
            strbuf_put(out, s + i + 1, n - 1);
        }
        i += n;
    }
}

size_t label_text_cut(const char *s, size_t len, size_t max)
{
    if (len <= max) return len;
    while (max > 0 && ((unsigned char)s[max] & 0xC0) == 0x80)
        max--;
    return max;
}

/* Length of a sentence end at s[i], closing quotes included; 0 when there is none. */
static size_t sentence_end(const char *s, size_t len, size_t i)
{
    static const char *const wide[] = {"\xE3\x80\x82", "\xEF\xBC\x81", "\xEF\xBC\x9F"}; /* 。！？ */
    size_t n = 0;
    if (s[i] == '\n') return 1;
    for (bool more = true; more;) {
        more = false;
        for (size_t k = 0; k < 3; k++) {
            if (i + n + 3 <= len && memcmp(s + i + n, wide[k], 3) == 0) {
                n += 3;
                more = true;
            }
        }
    }
    if (n > 0) return n + (i + n < len && s[i + n] == '"');
    while (i + n < len && strchr(".!?", s[i + n]))
        n++;
    if (n == 0) return 0;
    while (i + n < len && strchr("\"')]", s[i + n]))
        n++;
    return i + n == len || s[i + n] == ' ' || s[i + n] == '\n' ? n : 0;
}

static void split(label_text *t)
{
    size_t start = 0;
    for (size_t i = 0; i < t->len;) {
        const size_t n = sentence_end(t->s, t->len, i);
        i += n ? n : 1;
        if (n == 0 && i < t->len) continue;
        while (start < i && (t->s[start] == ' ' || t->s[start] == '\n'))
            start++;
        if (start < i) t->sentence[t->n_sentences++] = (label_span){start, i};
        start = i;
    }
}

waage_status label_text_make(label_text *out, const char *s, size_t len, arena *a, waage_err *err)
{
    *out = (label_text){0};
    len = label_text_cut(s, len, LABEL_TEXT_MAX);
    static const char close[] = "</think>";
    for (size_t i = 0; i + sizeof close - 1 <= len; i++) {
        if (s[i] != '<' || memcmp(s + i, close, sizeof close - 1) != 0) continue;
        s += i + sizeof close - 1;
        len -= i + sizeof close - 1;
        break;
    }
    strbuf b = STRBUF_EMPTY;
    label_text_clean(&b, s, len);
    waage_status st = strbuf_check(&b, err);
    if (st == WAAGE_OK) {
        out->s = arena_strndup(a, strbuf_str(&b), b.len);
        out->len = b.len;
        size_t n_max = 1;
        for (size_t i = 0; i < b.len; i++)
            n_max += b.s[i] == '\n' || strchr(".!?\x82\x81\x9F", b.s[i]) != NULL;
        out->sentence = arena_calloc(a, n_max, sizeof *out->sentence);
        if (out->s && out->sentence)
            split(out);
        else
            st = waage_err_nomem(err);
    }
    strbuf_free(&b);
    return st;
}

size_t label_text_sentence_at(const label_text *t, size_t at)
{
    size_t lo = 0, hi = t->n_sentences; /* the last sentence that starts at or before `at` */
    while (hi - lo > 1) {
        const size_t mid = lo + (hi - lo) / 2;
        if (t->sentence[mid].start <= at)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}
