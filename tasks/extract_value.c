/* extract_value.c - numbers, letters, option words and text inside a stretch of a reply. The traps
 * that these rules were written against are in tests/unit/test_extract.c. */
#include <stdint.h>
#include <string.h>
#include "harness/base/strbuf.h"
#include "harness/base/unicode.h"
#include "harness/base/utf8.h"
#include "tasks/extract_impl.h"
#include "tasks/numeral.h"

char *extract_clean(arena *a, const char *s, size_t len, size_t *out_len)
{
    char *out = arena_alloc(a, len + 1);
    size_t n = 0;
    if (!out) return NULL;
    for (size_t i = 0; i < len;) {
        const size_t k = utf8_valid_length(s + i, len - i);
        const unsigned char c = (unsigned char)s[i];
        if (k == 0) {
            i++;
            continue;
        }
        if (k > 1 || (c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t')
            for (size_t j = 0; j < k; j++)
                out[n++] = s[i + j];
        i += k;
    }
    out[n] = '\0';
    *out_len = n;
    return out;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* A word character of an alphabet; CJK characters are no part of a word here. */
static bool is_word_cp(uint32_t cp)
{
    if (cp < 0x80) return is_alnum((char)cp);
    return cp < 0x2e80 && unicode_is_alpha(cp);
}

static bool word_before(stretch t, size_t i)
{
    uint32_t cp;
    if (i == 0) return false;
    size_t at = i - 1;
    while (at && ((unsigned char)t.s[at] & 0xc0) == 0x80)
        at--;
    utf8_decode(t.s + at, i - at, &cp);
    return is_word_cp(cp);
}

static bool word_after(stretch t, size_t i)
{
    uint32_t cp;
    if (i >= t.len) return false;
    utf8_decode(t.s + i, t.len - i, &cp);
    return is_word_cp(cp) || cp == '\'' || cp == 0x2019;
}

static stretch part(stretch t, size_t start, size_t end)
{
    return (stretch){t.s + start, end - start};
}

/* Length of a piece of decoration at i: marks, brackets, quotes, LaTeX, "option", "Antwort". */
static size_t decoration(stretch t, size_t i)
{
    static const char *const pieces[] = {
        "\\text{",    "\\textbf{", "\\mathrm{", "\\mathbf{", "\\boxed{", "\\(",     "\\[",
        "\\$",        "option ",   "Option ",   "choice ",   "Choice ",  "letter ", "Letter ",
        "Buchstabe ", "answer ",   "Answer ",   "选项",      "：",       "“",       "„",
        "‘",          "（",        "「",        "《",        "…"};
    if (i >= t.len) return 0;
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
        const size_t n = strlen(pieces[k]);
        if (t.len - i >= n && memcmp(t.s + i, pieces[k], n) == 0) return n;
    }
    return t.s[i] && strchr(" \t\n*_`\"'([{<:=$#~>", t.s[i]) ? 1 : 0;
}

static size_t skip_decoration(stretch t, size_t i)
{
    for (size_t n; (n = decoration(t, i)) > 0;)
        i += n;
    return i;
}

enum { SENTENCE_MAX = 2000 };

/* Byte behind the sentence that begins at `from`: a newline, or an end mark with a blank behind it;
 * at most SENTENCE_MAX bytes further on, so that no text takes quadratic time. */
static size_t sentence_end(stretch t, size_t from)
{
    const size_t end = t.len - from > SENTENCE_MAX ? from + SENTENCE_MAX : t.len;
    for (size_t i = from; i < end; i++) {
        if (t.s[i] == '\n') return i;
        const bool mark = t.s[i] == '.' || t.s[i] == '!' || t.s[i] == '?';
        if (mark && (i + 1 == t.len || is_space(t.s[i + 1]))) return i + 1;
        if (t.len - i >= 3 && (memcmp(t.s + i, "。", 3) == 0 || memcmp(t.s + i, "！", 3) == 0 ||
                               memcmp(t.s + i, "？", 3) == 0))
            return i + 3;
    }
    return end;
}

/* ---- numbers ---- */

static bool give_number(const finder *f, const numeral *n, found *out)
{
    char text[2 * NUMERAL_DIGITS + 80];
    numeral_print(n, text, sizeof text);
    out->answer = arena_strdup(f->a, text);
    return out->answer != NULL;
}

static bool first_number(const finder *f, stretch t, size_t from, size_t end, found *out)
{
    numeral_match m;
    if (!numeral_find(t.s, end, from, f->q->language, &m)) return false;
    out->end = m.end;
    return give_number(f, &m.value, out);
}

static bool last_number(const finder *f, stretch t, found *out)
{
    numeral_match m, last;
    bool any = false;
    for (size_t from = 0; numeral_find(t.s, t.len, from, f->q->language, &m); from = m.end) {
        last = m;
        any = true;
    }
    if (!any) return false;
    out->end = last.end;
    return give_number(f, &last.value, out);
}

/* Behind the last marker ("is", ":") of t[from..end) that `try` finds a value directly behind. */
typedef bool (*direct_fn)(const finder *f, stretch t, size_t from, size_t end, found *out);

static bool behind_marker(const finder *f, stretch t, size_t from, size_t end, direct_fn direct,
                          found *out)
{
    regex_span span[1];
    bool any = false;
    const stretch s = part(t, 0, end);
    while (from <= end && regex_find(f->rules->marker, s.s, s.len, from, span, 1)) {
        found hit = {NULL, 0};
        if (direct(f, t, span[0].end, end, &hit)) {
            *out = hit;
            any = true;
        }
        from = span[0].end > from ? span[0].end : from + 1;
    }
    return any;
}

static bool number_right_here(const finder *f, stretch t, size_t from, size_t end, found *out)
{
    numeral_match m;
    size_t at = from;
    while (at < end && t.s[at] && strchr(" \t*_`\"'([{:$~\\", t.s[at]))
        at++;
    if (!numeral_find(t.s, end, from, f->q->language, &m) || m.start > at) return false;
    out->end = m.end;
    return give_number(f, &m.value, out);
}

/* Does t[from..end) look like one side of an equation: no words, only signs, LaTeX commands and x?
 */
static bool is_formula(stretch t, size_t from, size_t end)
{
    bool command = false;
    for (size_t i = from; i < end; i++) {
        const bool letter = (t.s[i] >= 'a' && t.s[i] <= 'z') || (t.s[i] >= 'A' && t.s[i] <= 'Z');
        if (t.s[i] == '\\')
            command = true;
        else if (!letter)
            command = false;
        else if (!command && (t.s[i] != 'x' || word_after(t, i + 1) || word_before(t, i)))
            return false;
    }
    return true;
}

static bool number_in_sentence(const finder *f, stretch t, size_t from, size_t end, bool direct,
                               found *out)
{
    for (size_t i = end; i > from; i--) /* "is 3 * 5 = 15": the last side of an equation */
        if (t.s[i - 1] == '=' && is_formula(t, from, i) && number_right_here(f, t, i, end, out))
            return true;
    if (direct) return first_number(f, t, from, end, out);
    return behind_marker(f, t, from, end, number_right_here, out);
}

static bool number_in_box(const finder *f, stretch t, found *out)
{
    numeral n;
    const char *equal = NULL;
    if (numeral_parse(t.s, t.len, f->q->language, &n)) return give_number(f, &n, out);
    for (size_t i = 0; i < t.len; i++)
        if (t.s[i] == '=') equal = t.s + i + 1;
    if (equal) t = (stretch){equal, (size_t)(t.s + t.len - equal)};
    return first_number(f, t, 0, t.len, out);
}

static bool number_alone(const finder *f, stretch t, found *out)
{
    numeral n;
    return numeral_parse(t.s, t.len, f->q->language, &n) && give_number(f, &n, out);
}

/* ---- letters ---- */

static size_t n_letters(const finder *f)
{
    return f->q->n_options ? (f->q->n_options < 26 ? f->q->n_options : 26) : 10;
}

static bool give_letter(const finder *f, char c, size_t end, found *out)
{
    const char text[2] = {c >= 'a' ? (char)(c - 32) : c, '\0'};
    out->answer = arena_strdup(f->a, text);
    out->end = end;
    return out->answer != NULL;
}

/* A letter that stands for itself at i: "A tricky one", "I believe", "don't" and "Carl" are none.
 */
static bool letter_at(const finder *f, stretch t, size_t i, bool *upper)
{
    const char c = i < t.len ? t.s[i] : '\0';
    *upper = c >= 'A' && c <= 'Z';
    if (!*upper && !(c >= 'a' && c <= 'z')) return false;
    const size_t index = (size_t)(c - (*upper ? 'A' : 'a'));
    if (index >= n_letters(f) || word_before(t, i) || word_after(t, i + 1)) return false;
    const bool bracket =
        i + 1 < t.len && (t.s[i + 1] == ')' || t.s[i + 1] == ']' || t.s[i + 1] == '*');
    if (!*upper) return bracket || i + 1 == t.len || t.s[i + 1] == '\n';
    const bool word = c == 'A' || c == 'I'; /* an article, a pronoun */
    const bool goes_on =
        i + 2 < t.len && t.s[i + 1] == ' ' && t.s[i + 2] >= 'a' && t.s[i + 2] <= 'z';
    return !(word && goes_on);
}

static bool letter_right_here(const finder *f, stretch t, size_t from, size_t end, found *out)
{
    bool upper;
    const stretch s = part(t, 0, end);
    const size_t i = skip_decoration(s, from);
    return letter_at(f, s, i, &upper) && give_letter(f, t.s[i], i + 1, out);
}

/* Case folding of ASCII only: option texts that differ in more are different options. */
static bool same_text(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char x = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] + 32) : a[i];
        const char y = b[i] >= 'A' && b[i] <= 'Z' ? (char)(b[i] + 32) : b[i];
        if (x != y) return false;
    }
    return true;
}

/* Is option k written at i, as whole words? */
static bool option_at(const finder *f, stretch t, size_t i, size_t k)
{
    const char *o = f->q->options[k];
    const size_t n = strlen(o);
    return n > 0 && t.len - i >= n && same_text(t.s + i, o, n) && !word_before(t, i) &&
           !word_after(t, i + n);
}

/* The longest option at i, or -1. */
static int longest_option(const finder *f, stretch t, size_t i)
{
    int best = -1;
    for (size_t k = 0; f->q->options && k < f->q->n_options; k++)
        if (option_at(f, t, i, k) &&
            (best < 0 || strlen(f->q->options[k]) > strlen(f->q->options[best])))
            best = (int)k;
    return best;
}

/* The only option that a stretch mentions, or -1 when there are none or several. */
static int only_option(const finder *f, stretch t, size_t from, size_t end, size_t *at_end)
{
    int only = -1;
    const stretch s = part(t, 0, end);
    for (size_t i = from; i < end;) {
        const int k = longest_option(f, s, i);
        if (k < 0) {
            i++;
            continue;
        }
        if (only >= 0 && only != k) return -1;
        only = k;
        i += strlen(f->q->options[k]);
        *at_end = i;
    }
    return only;
}

static bool letter_of_option(const finder *f, stretch t, size_t from, size_t end, found *out)
{
    size_t at_end;
    const int k = only_option(f, t, from, end, &at_end);
    return k >= 0 && k < 26 && give_letter(f, (char)('A' + k), at_end, out);
}

/* "(C)" in brackets, when only one letter stands so. */
static bool bracketed_letter(const finder *f, stretch t, size_t from, size_t end, found *out)
{
    char only = '\0';
    size_t at = 0;
    for (size_t i = from; i + 2 < end; i++) {
        bool upper;
        if (t.s[i] != '(' || t.s[i + 2] != ')' || !letter_at(f, part(t, 0, end), i + 1, &upper))
            continue;
        if (only && only != t.s[i + 1]) return false;
        only = t.s[i + 1];
        at = i + 3;
    }
    return only && give_letter(f, only, at, out);
}

static bool letter_in_sentence(const finder *f, stretch t, size_t from, size_t end, found *out)
{
    return letter_right_here(f, t, from, end, out) ||
           behind_marker(f, t, from, end, letter_right_here, out) ||
           bracketed_letter(f, t, from, end, out) || letter_of_option(f, t, from, end, out);
}

/* "C", "(C)", "**C**", "C) in the hall", "C. in the hall" or the text of one choice. */
static bool letter_alone(const finder *f, stretch t, found *out)
{
    bool upper;
    const size_t i = skip_decoration(t, 0);
    if (letter_at(f, t, i, &upper)) {
        size_t end = i + 1;
        while (end < t.len && t.s[end] && strchr(" \t\n*_`\"'.)]}$", t.s[end]))
            end++;
        const bool label = i + 1 < t.len && strchr(").:", t.s[i + 1]) && t.s[i + 1];
        if (end >= t.len || (label && upper)) return give_letter(f, t.s[i], i + 1, out);
    }
    const int k = i < t.len ? longest_option(f, t, i) : -1;
    if (k < 0 || k >= 26) return false;
    for (size_t end = i + strlen(f->q->options[k]); end < t.len; end++)
        if (is_alnum(t.s[end]) || (unsigned char)t.s[end] >= 0x80) return false;
    return give_letter(f, (char)('A' + k), t.len, out);
}

static bool some_letter(const finder *f, stretch t, bool last, found *out)
{
    bool any = false;
    for (size_t i = 0; i < t.len && !(any && !last); i++) {
        bool upper;
        if (letter_at(f, t, i, &upper) && (upper || (i && t.s[i - 1] == '(')))
            any = give_letter(f, t.s[i], i + 1, out);
    }
    return any;
}

/* ---- option words ---- */

static bool give_option(const finder *f, int k, size_t end, found *out)
{
    out->answer = f->q->options[k];
    out->end = end;
    return true;
}

static bool option_right_here(const finder *f, stretch t, size_t from, size_t end, found *out)
{
    const stretch s = part(t, 0, end);
    const size_t i = skip_decoration(s, from);
    const int k = i < end ? longest_option(f, s, i) : -1;
    return k >= 0 && give_option(f, k, i + strlen(f->q->options[k]), out);
}

static bool option_in_sentence(const finder *f, stretch t, size_t from, size_t end, bool direct,
                               found *out)
{
    size_t at;
    for (size_t i = end; i > from; i--) /* "not True and True = False" */
        if (t.s[i - 1] == '=' && option_right_here(f, t, i, end, out)) return true;
    if (direct && option_right_here(f, t, from, end, out)) return true;
    if (behind_marker(f, t, from, end, option_right_here, out)) return true;
    const int k = only_option(f, t, from, end, &at);
    return k >= 0 && give_option(f, k, at, out);
}

static bool option_alone(const finder *f, stretch t, found *out)
{
    if (!option_right_here(f, t, 0, t.len, out)) return false;
    for (size_t i = out->end; i < t.len; i++)
        if (is_alnum(t.s[i]) || (unsigned char)t.s[i] >= 0x80) return false;
    return true;
}

static bool some_option(const finder *f, stretch t, bool last, found *out)
{
    bool any = false;
    for (size_t i = 0; i < t.len && !(any && !last);) {
        const int k = longest_option(f, t, i);
        if (k >= 0) any = give_option(f, k, i + strlen(f->q->options[k]), out);
        i += k >= 0 ? strlen(f->q->options[k]) : 1;
    }
    return any;
}

/* ---- text ---- */

static bool give_text(const finder *f, stretch t, bool undecorate, found *out)
{
    size_t start = 0, end = t.len;
    static const char *const marks = " \t\n*_`\"'.:$", *const blanks = " \t\n";
    const char *drop = undecorate ? marks : blanks;
    while (start < end && strchr(drop, t.s[start]))
        start++;
    while (end > start && strchr(drop, t.s[end - 1]))
        end--;
    out->answer = end > start ? arena_strndup(f->a, t.s + start, end - start) : NULL;
    out->end = end;
    return out->answer != NULL;
}

/* ---- by kind ---- */

bool value_behind_phrase(const finder *f, stretch whole, size_t from, bool direct, found *out)
{
    size_t end = sentence_end(whole, from);
    size_t at = from;
    while (at < end && whole.s[at] && strchr(" \t*_:$", whole.s[at]))
        at++;
    if (direct && at == end && end < whole.len &&
        whole.s[end] == '\n') { /* the value is on the next line */
        while (at < whole.len && is_space(whole.s[at]))
            at++;
        end = sentence_end(whole, at);
        from = at;
    }
    switch (f->kind) {
    case ANSWER_NUMBER:
        return number_in_sentence(f, whole, from, end, direct, out);
    case ANSWER_LETTER:
        return letter_in_sentence(f, whole, from, end, out);
    case ANSWER_OPTION:
        return option_in_sentence(f, whole, from, end, direct, out);
    case ANSWER_TEXT: {
        const bool given = direct && give_text(f, part(whole, from, end), true, out);
        if (given) out->end = end; /* a sentence with an end mark was not cut off */
        if (given && end < whole.len) out->end = 0;
        return given;
    }
    }
    return false;
}

bool value_in_box(const finder *f, stretch t, found *out)
{
    switch (f->kind) {
    case ANSWER_NUMBER:
        return number_in_box(f, t, out);
    case ANSWER_LETTER:
        return letter_in_sentence(f, t, 0, t.len, out);
    case ANSWER_OPTION:
        return option_in_sentence(f, t, 0, t.len, true, out);
    case ANSWER_TEXT:
        return give_text(f, t, false, out);
    }
    return false;
}

bool value_alone(const finder *f, stretch t, found *out)
{
    switch (f->kind) {
    case ANSWER_NUMBER:
        return number_alone(f, t, out);
    case ANSWER_LETTER:
        return letter_alone(f, t, out);
    case ANSWER_OPTION:
        return option_alone(f, t, out);
    case ANSWER_TEXT:
        return give_text(f, t, false, out);
    }
    return false;
}

bool value_last(const finder *f, stretch t, found *out)
{
    if (f->kind == ANSWER_NUMBER) return last_number(f, t, out);
    return f->kind == ANSWER_LETTER ? some_letter(f, t, true, out) : some_option(f, t, true, out);
}

bool value_first(const finder *f, stretch t, found *out)
{
    if (f->kind == ANSWER_NUMBER) return first_number(f, t, 0, t.len, out);
    return f->kind == ANSWER_LETTER ? some_letter(f, t, false, out) : some_option(f, t, false, out);
}
