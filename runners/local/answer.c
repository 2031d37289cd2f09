/* answer.c - text assembly. A stop string counts in the answer only: a thought may hold blank lines
 * and "Q:" as it likes. */
#include "runners/local/answer.h"
#include <string.h>

static const char opener[] = "<think>", closer[] = "</think>";

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Position of needle (n) in s (len) at or after from; SIZE_MAX: not there. */
static size_t find(const char *s, size_t len, size_t from, const char *needle, size_t n)
{
    for (size_t i = from; n > 0 && i + n <= len; i++)
        if (s[i] == needle[0] && memcmp(s + i, needle, n) == 0) return i;
    return SIZE_MAX;
}

/* Does text (len) end with the opener, blanks aside? */
static bool ends_with_opener(const char *text, size_t len)
{
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    return len >= sizeof opener - 1 &&
           memcmp(text + len - (sizeof opener - 1), opener, sizeof opener - 1) == 0;
}

void answer_init(answer *a, const tokenizer *t, const request *rq, const char *prompt, size_t len)
{
    *a = (answer){.stop = rq->stop, .n_stop = rq->n_stop};
    a->has_channels = rq->proto == PROTOCOL_CHAT;
    a->prefilled = a->has_channels && ends_with_opener(prompt, len);
    a->answer_from = a->prefilled ? SIZE_MAX : 0;
    detokenizer_init(&a->detok, t, false, false);
}

static size_t skip_blanks(const char *s, size_t len, size_t at)
{
    while (at < len && is_blank(s[at]))
        at++;
    return at;
}

/* Where a thought begins in the text; SIZE_MAX when there is none. *open: its opener is not
 * complete yet, or the thought is not closed. */
static size_t thought_start(const answer *a, bool *maybe)
{
    const char *s = strbuf_str(&a->text);
    *maybe = false;
    if (a->prefilled) return 0;
    const size_t at = skip_blanks(s, a->text.len, 0), left = a->text.len - at;
    const size_t n = left < sizeof opener - 1 ? left : sizeof opener - 1;
    if (memcmp(s + at, opener, n) != 0) return SIZE_MAX;
    *maybe = n < sizeof opener - 1;
    return *maybe ? SIZE_MAX : at + n;
}

/* old: length of the text before the last token. */
static void find_answer(answer *a, size_t old)
{
    const bool is_settled = a->answer_from > 0 && a->answer_from < old;
    if (!a->has_channels || is_settled) return;
    bool maybe;
    const size_t start = thought_start(a, &maybe);
    if (maybe) {
        a->answer_from = SIZE_MAX; /* "<thi": the next token tells */
        return;
    }
    a->answer_from = 0;
    if (start == SIZE_MAX) return;
    const size_t end = find(strbuf_str(&a->text), a->text.len, start, closer, sizeof closer - 1);
    if (end == SIZE_MAX)
        a->answer_from = SIZE_MAX;
    else /* the blank line behind a thought is no part of the answer, so no stop string either */
        a->answer_from = skip_blanks(strbuf_str(&a->text), a->text.len, end + sizeof closer - 1);
}

/* Cut at the first stop string that ends in text that is new since `old`. */
static bool cut_at_stop(answer *a, size_t old)
{
    size_t cut = SIZE_MAX;
    if (a->answer_from == SIZE_MAX) return false;
    for (size_t i = 0; i < a->n_stop; i++) {
        const size_t n = strlen(a->stop[i]);
        size_t from = old + 1 > n ? old + 1 - n : 0;
        if (from < a->answer_from) from = a->answer_from;
        const size_t at = find(strbuf_str(&a->text), a->text.len, from, a->stop[i], n);
        if (at < cut) cut = at;
    }
    if (cut == SIZE_MAX) return false;
    strbuf_truncate(&a->text, cut);
    return true;
}

bool answer_put(answer *a, int32_t id)
{
    const size_t old = a->text.len;
    detokenizer_put(&a->detok, id, &a->text);
    find_answer(a, old);
    if (a->text.len > old) a->stopped = cut_at_stop(a, old);
    return a->stopped;
}

void answer_end(answer *a)
{
    const size_t old = a->text.len;
    if (a->stopped) return;
    detokenizer_end(&a->detok, &a->text);
    if (a->text.len > old) a->stopped = cut_at_stop(a, old);
}

/* Bytes at the end of the text that could grow into a stop string. */
static size_t held_back(const answer *a)
{
    size_t held = 0;
    if (a->stopped || a->answer_from == SIZE_MAX) return 0;
    const size_t free_len = a->text.len - a->answer_from;
    for (size_t i = 0; i < a->n_stop; i++) {
        size_t n = strlen(a->stop[i]);
        for (n = n > free_len ? free_len + 1 : n; n-- > held + 1;)
            if (memcmp(strbuf_str(&a->text) + a->text.len - n, a->stop[i], n) == 0) {
                held = n;
                break;
            }
    }
    return held;
}

bool answer_stream(answer *a, const char **text, size_t *len)
{
    const size_t end = a->text.len - held_back(a);
    if (end <= a->n_streamed) return false;
    *text = strbuf_str(&a->text) + a->n_streamed;
    *len = end - a->n_streamed;
    a->n_streamed = end;
    return true;
}

void answer_split(answer *a, reply *rp)
{
    bool maybe;
    const size_t len = a->text.len;
    const size_t start = a->has_channels ? thought_start(a, &maybe) : SIZE_MAX;
    rp->text = strbuf_str(&a->text);
    rp->text_len = len;
    rp->thought = NULL;
    rp->thought_is = THOUGHT_ABSENT;
    if (start == SIZE_MAX || !a->text.s) return;
    size_t end = find(a->text.s, len, start, closer, sizeof closer - 1), from = len;
    if (end == SIZE_MAX) {
        end = len; /* cut off while thinking: there is no answer */
    } else {
        from = skip_blanks(a->text.s, len, end + sizeof closer - 1);
        a->text.s[end] = '\0';
    }
    rp->thought = a->text.s + start;
    rp->thought_is = skip_blanks(a->text.s, end, start) == end ? THOUGHT_EMPTY : THOUGHT_PRESENT;
    rp->text = a->text.s + from;
    rp->text_len = len - from;
}

void answer_free(answer *a)
{
    strbuf_free(&a->text);
}
