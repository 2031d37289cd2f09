/* fact_number.c - a small scanner over tables of words; see fact_number.h. */
#include "tasks/fact_number.h"
#include <string.h>

typedef struct {
    const char *word; /* lower-case ASCII, or exact UTF-8 for German umlauts and Chinese */
    double value;
} number_word;

/* Longest first among words with the same beginning. */
static const number_word multipliers[] = {
    {"hundred thousand", 1e5},
    {"thousand", 1e3},
    {"million", 1e6},
    {"billion", 1e9},
    {"trillion", 1e12},
    {"hundred", 1e2},
    {"k", 1e3},
    {"bn", 1e9},
    {"mn", 1e6},
    {"m", 1e6},
    {"tausend", 1e3},
    {"tsd.", 1e3},
    {"millionen", 1e6},
    {"mio.", 1e6},
    {"mio", 1e6},
    {"milliarden", 1e9},
    {"milliarde", 1e9},
    {"mrd.", 1e9},
    {"mrd", 1e9},
    {"hundert", 1e2},
    {"千万", 1e7},
    {"百万", 1e6},
    {"十万", 1e5},
    {"万", 1e4},
    {"千", 1e3},
    {"百", 1e2},
    {"亿", 1e8},
};

static const number_word ones[] = {
    {"one", 1},      {"two", 2},      {"three", 3},    {"four", 4},    {"five", 5},
    {"six", 6},      {"seven", 7},    {"eight", 8},    {"nine", 9},    {"ten", 10},
    {"twelve", 12},  {"fifteen", 15}, {"twenty", 20},  {"thirty", 30}, {"forty", 40},
    {"fifty", 50},   {"sixty", 60},   {"seventy", 70}, {"eighty", 80}, {"ninety", 90},
    {"a", 1},        {"half a", 0.5}, {"ein", 1},      {"eine", 1},    {"einer", 1},
    {"zwei", 2},     {"drei", 3},     {"vier", 4},     {"fünf", 5},    {"sechs", 6},
    {"sieben", 7},   {"acht", 8},     {"neun", 9},     {"zehn", 10},   {"zwanzig", 20},
    {"dreißig", 30}, {"vierzig", 40}, {"fünfzig", 50},
};

static const number_word han[] = {
    {"一", 1}, {"二", 2}, {"两", 2}, {"三", 3}, {"四", 4},  {"五", 5},
    {"六", 6}, {"七", 7}, {"八", 8}, {"九", 9}, {"十", 10},
};

static const struct {
    const char *word;
    double lo, hi;
} magnitudes[] = {
    {"tens of thousands", 2e4, 99999},
    {"hundreds of thousands", 2e5, 999999},
    {"tens of millions", 2e7, 99999999},
    {"hundreds of millions", 2e8, 999999999},
    {"hundreds", 200, 999},
    {"several hundred", 200, 999},
    {"a few hundred", 200, 999},
    {"thousands", 1500, 9999},
    {"several thousand", 2000, 9999},
    {"a few thousand", 2000, 9999},
    {"millions", 2e6, 9999999},
    {"several million", 2e6, 9999999},
    {"dozens", 24, 99},
    {"hunderttausende", 2e5, 999999},
    {"zehntausende", 2e4, 99999},
    {"hunderte", 200, 999},
    {"mehrere hundert", 200, 999},
    {"einige hundert", 200, 999},
    {"tausende", 1500, 9999},
    {"mehrere tausend", 2000, 9999},
    {"dutzende", 24, 99},
    {"mehrere millionen", 2e6, 9999999},
    {"成千上万", 1000, 99999},
    {"数千万", 2e7, 99999999},
    {"数百万", 2e6, 9999999},
    {"上百万", 1e6, 9999999},
    {"数十万", 2e5, 999999},
    {"几十万", 2e5, 999999},
    {"数万", 2e4, 99999},
    {"上万", 1e4, 99999},
    {"几万", 2e4, 99999},
    {"数千", 2000, 9999},
    {"上千", 1000, 9999},
    {"几千", 2000, 9999},
    {"数百", 200, 999},
    {"上百", 100, 999},
    {"几百", 200, 999},
    {"成百", 100, 999},
    {"数十", 20, 99},
    {"几十", 20, 99},
};

#define COUNT(t) (sizeof(t) / sizeof *(t))

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A letter of a word: any ASCII letter, and any byte of a German umlaut or sharp s (lead byte C3).
 */
static bool is_letter(const char *s, size_t len, size_t i)
{
    if (i >= len) return false;
    const unsigned char c = (unsigned char)s[i];
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == 0xC3;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Length of `word` at s[i], without regard to ASCII case; 0 when it is not there. A hyphen stands
 * for a blank. A word that ends in a letter must not run on. */
static size_t match_word(const char *s, size_t len, size_t i, const char *word)
{
    size_t n = 0;
    for (; word[n]; n++) {
        if (i + n >= len) return 0;
        const char c = lower(s[i + n]);
        if (c != word[n] && !(word[n] == ' ' && c == '-')) return 0;
    }
    const bool alphabetic = word[n - 1] >= 'a' && word[n - 1] <= 'z';
    return alphabetic && is_letter(s, len, i + n) ? 0 : n;
}

static size_t match_table(const number_word *t, size_t n, const char *s, size_t len, size_t i,
                          double *value)
{
    size_t best = 0;
    for (size_t k = 0; k < n; k++) {
        const size_t m = match_word(s, len, i, t[k].word);
        if (m <= best) continue;
        best = m;
        *value = t[k].value;
    }
    return best;
}

/* Separator between groups of three digits at s[i] ("," "." "'" or a blank); 0 when there is none.
 */
static size_t group_separator(const char *s, size_t len, size_t i)
{
    if (i + 3 >= len || !strchr(",.' ", s[i])) return 0;
    if (!is_digit(s[i + 1]) || !is_digit(s[i + 2]) || !is_digit(s[i + 3])) return 0;
    return i + 4 < len && is_digit(s[i + 4]) ? 0 : 1;
}

static size_t skip_blank(const char *s, size_t len, size_t i)
{
    return i < len && (s[i] == ' ' || s[i] == '-') ? i + 1 : i;
}

/* Digits at s[i]; returns the offset behind them. *plain4: four digits without a separator. */
static size_t read_digits(const char *s, size_t len, size_t i, double *value, bool *plain4)
{
    const size_t start = i;
    double v = 0;
    bool grouped = false, decimal = false;
    while (i < len && is_digit(s[i]) && i - start < 18)
        v = v * 10 + (s[i++] - '0');
    const bool short_head = i - start <= 3;
    while (short_head && group_separator(s, len, i)) {
        for (size_t k = 1; k <= 3; k++)
            v = v * 10 + (s[i + k] - '0');
        i += 4;
        grouped = true;
    }
    if (i + 1 < len && (s[i] == '.' || s[i] == ',') && is_digit(s[i + 1])) {
        double unit = 0.1;
        decimal = true;
        for (i++; i < len && is_digit(s[i]); i++, unit /= 10)
            v += unit * (s[i] - '0');
    }
    *value = v;
    *plain4 = !grouped && !decimal && i - start == 4;
    return i;
}

/* "3", "3 thousand", "three million", "三千": value and scale apart, for ranges. */
typedef struct {
    size_t end;
    double value, scale;
    bool year;
} quantity;

static bool read_quantity(const char *s, size_t len, size_t i, quantity *q)
{
    double v = 0, scale = 1;
    bool plain4 = false, digits = is_digit(s[i]);
    size_t end;
    if (digits) {
        end = read_digits(s, len, i, &v, &plain4);
    } else {
        size_t n = match_table(ones, COUNT(ones), s, len, i, &v);
        if (n == 0) n = match_table(han, COUNT(han), s, len, i, &v);
        if (n == 0) return false;
        end = i + n;
    }
    const size_t at = skip_blank(s, len, end);
    size_t n = match_table(multipliers, COUNT(multipliers), s, len, at, &scale);
    if (n > 0 && strchr("kmbKMB", s[at]) && n <= 2 && at != end) n = 0; /* "3 m" is a length */
    if (n == 0) scale = 1;
    if (n == 0 && !digits) return false;
    *q = (quantity){n ? at + n : end, v, scale, n == 0 && plain4 && v >= 1500 && v <= 2100};
    return true;
}

/* Length of a range word at s[i] ("-", " to ", " bis ", "至"); `and` only behind "between". */
static size_t range_word(const char *s, size_t len, size_t i, bool between)
{
    static const char *const words[] = {" to ", " - ", "-", " bis ", "~", "至", "到", " or "};
    static const char *const pairs[] = {" and ", " und "};
    for (size_t k = 0; k < COUNT(words); k++) {
        const size_t n = strlen(words[k]);
        if (i + n <= len && memcmp(s + i, words[k], n) == 0) return n;
    }
    for (size_t k = 0; between && k < COUNT(pairs); k++)
        if (i + 5 <= len && memcmp(s + i, pairs[k], 5) == 0) return 5;
    return 0;
}

static bool follows(const char *s, size_t i, const char *word)
{
    const size_t n = strlen(word);
    if (i < n) return false;
    for (size_t k = 0; k < n; k++)
        if (lower(s[i - n + k]) != word[k]) return false;
    return true;
}

static bool mention_at(fact_number *out, const char *s, size_t len, size_t i)
{
    for (size_t k = 0; k < COUNT(magnitudes); k++) {
        const size_t n = match_word(s, len, i, magnitudes[k].word);
        if (n == 0) continue;
        *out = (fact_number){i, i + n, magnitudes[k].lo, magnitudes[k].hi, true};
        return true;
    }
    quantity a, b;
    if (!read_quantity(s, len, i, &a)) return false;
    const bool between = follows(s, i, "between ") || follows(s, i, "zwischen ");
    const size_t n = range_word(s, len, a.end, between);
    if (n > 0 && a.end + n < len && read_quantity(s, len, a.end + n, &b) && !b.year) {
        /* "15 to 45 million": the scale of the second counts for both */
        const double scale = a.scale == 1 && b.scale > 1 && a.value < b.value ? b.scale : a.scale;
        const double lo = a.value * scale, hi = b.value * b.scale;
        if (lo < hi) {
            *out = (fact_number){i, b.end, lo, hi, false};
            return true;
        }
    }
    if (a.year) return false;
    *out = (fact_number){i, a.end, a.value * a.scale, a.value * a.scale, false};
    return true;
}

/* Offset behind the run of digits, or of the letters of a word, that s[i] belongs to. */
static size_t skip_token(const char *s, size_t len, size_t i)
{
    if (is_digit(s[i])) {
        while (i < len &&
               (is_digit(s[i]) || (strchr(".,", s[i]) && i + 1 < len && is_digit(s[i + 1]))))
            i++;
        return i;
    }
    if (is_letter(s, len, i)) {
        while (is_letter(s, len, i))
            i += s[i] == (char)0xC3 && i + 1 < len ? 2 : 1;
        return i;
    }
    for (i++; i < len && ((unsigned char)s[i] & 0xC0) == 0x80;)
        i++;
    return i;
}

bool fact_number_next(fact_number *out, const char *text, size_t len, size_t from)
{
    for (size_t i = from; i < len; i = skip_token(text, len, i))
        if (mention_at(out, text, len, i)) return true;
    return false;
}

bool fact_number_fits(const fact_number *n, double from, double to)
{
    if (n->magnitude) return n->lo <= to && n->hi >= from;
    return (n->lo >= from && n->lo <= to) || (n->hi >= from && n->hi <= to);
}
