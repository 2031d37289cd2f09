/* numeral.c - finding, reading and comparing numbers in text. */
#include "tasks/numeral.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/utf8.h"

/* ---- arithmetic on digit strings ---- */

/* Digits without leading zeros, as a number below 10^18; false when it is longer. */
static bool small(const char *digits, uint64_t *out)
{
    if (strlen(digits) > 18) return false;
    *out = 0;
    for (; *digits; digits++)
        *out = *out * 10 + (uint64_t)(*digits - '0');
    return true;
}

static void put_small(char *out, uint64_t v)
{
    snprintf(out, NUMERAL_DIGITS + 1, "%llu", (unsigned long long)v);
    if (v == 0) out[0] = '\0';
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        const uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

static bool all_zero_but_first(const char *den)
{
    return den[0] == '1' && strspn(den + 1, "0") == strlen(den + 1);
}

/* Lowest terms. Long numbers only drop common zeros at their ends, which is all that decimals need.
 */
static void reduce(numeral *n)
{
    uint64_t num, den;
    if (!n->num[0]) {
        strcpy(n->den, "1");
        n->negative = false;
        return;
    }
    if (small(n->num, &num) && small(n->den, &den) && den) {
        const uint64_t g = gcd(num, den);
        put_small(n->num, num / g);
        put_small(n->den, den / g);
        return;
    }
    while (all_zero_but_first(n->den) && n->den[1] && n->num[strlen(n->num) - 1] == '0') {
        n->num[strlen(n->num) - 1] = '\0';
        n->den[strlen(n->den) - 1] = '\0';
    }
}

bool numeral_equal(const numeral *a, const numeral *b)
{
    return a->negative == b->negative && strcmp(a->num, b->num) == 0 && strcmp(a->den, b->den) == 0;
}

/* The number of decimals of num/den in lowest terms, or -1 when it has no finite decimal. */
static int decimals(const char *den)
{
    uint64_t d;
    int twos = 0, fives = 0;
    if (all_zero_but_first(den)) return (int)strlen(den) - 1;
    if (!small(den, &d)) return -1;
    for (; d % 2 == 0; d /= 2)
        twos++;
    for (; d % 5 == 0; d /= 5)
        fives++;
    return d == 1 ? (twos > fives ? twos : fives) : -1;
}

void numeral_print(const numeral *n, char *out, size_t size)
{
    char digits[2 * NUMERAL_DIGITS + 32];
    const int places = decimals(n->den);
    uint64_t num = 0, den = 1, scale = 1;
    const char *sign = n->negative ? "-" : "", *whole = n->num[0] ? n->num : "0";
    const bool decimal = all_zero_but_first(n->den);

    for (int i = 0; i < places && i < 18; i++)
        scale *= 10;
    if (strcmp(n->den, "1") == 0) {
        snprintf(out, size, "%s%s", sign, whole);
        return;
    }
    const bool fits = places >= 0 && places < 18 && small(n->num, &num) && small(n->den, &den) &&
                      num < UINT64_MAX / (scale / den + 1);
    if (!decimal && !fits) {
        snprintf(out, size, "%s%s/%s", sign, whole, n->den);
        return;
    }
    if (decimal)
        snprintf(digits, sizeof digits, "%s", whole);
    else
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)(num * (scale / den)));
    const size_t len = strlen(digits), p = (size_t)places;
    if (len > p)
        snprintf(out, size, "%s%.*s.%s", sign, (int)(len - p), digits, digits + len - p);
    else
        snprintf(out, size, "%s0.%.*s%s", sign, (int)(p - len),
                 "0000000000000000000000000000000000000000000000000000000000000000", digits);
}

/* ---- reading ---- */

typedef struct {
    const char *s;
    size_t len;
    bool comma_decimal; /* German */
} scanner;

/* Value of the digit at i (ASCII or fullwidth) and its length in bytes; -1: none. */
static int digit_at(const scanner *c, size_t i, size_t *n)
{
    uint32_t cp;
    if (i >= c->len) return -1;
    *n = utf8_decode(c->s + i, c->len - i, &cp);
    if (cp >= '0' && cp <= '9') return (int)(cp - '0');
    if (cp >= 0xff10 && cp <= 0xff19) return (int)(cp - 0xff10);
    return -1;
}

static bool is_digit(const scanner *c, size_t i)
{
    size_t n;
    return digit_at(c, i, &n) >= 0;
}

static bool starts(const scanner *c, size_t i, const char *what)
{
    const size_t n = strlen(what);
    return i <= c->len && c->len - i >= n && memcmp(c->s + i, what, n) == 0;
}

/* Exactly three digits at i, not followed by a fourth. */
static bool is_group(const scanner *c, size_t i)
{
    for (int k = 0; k < 3; k++) {
        size_t n;
        if (digit_at(c, i, &n) < 0) return false;
        i += n;
    }
    return !is_digit(c, i);
}

/* Length of a group separator at i, 0 when there is none. */
static size_t separator(const scanner *c, size_t i)
{
    static const char *const any[] = {"{,}", "\\,", "\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x89"};
    size_t n = 0;
    for (size_t k = 0; k < sizeof any / sizeof *any && !n; k++)
        if (starts(c, i, any[k])) n = strlen(any[k]);
    if (!n && i < c->len && c->s[i] == (c->comma_decimal ? '.' : ',')) n = 1;
    return n && is_group(c, i + n) ? n : 0;
}

static size_t decimal_mark(const scanner *c, size_t i)
{
    if (i >= c->len) return 0;
    const bool mark = c->s[i] == '.' || (c->s[i] == ',' && c->comma_decimal);
    return mark && is_digit(c, i + 1) ? 1 : 0;
}

static bool add_digit(char *digits, int d)
{
    const size_t n = strlen(digits);
    if (n == 0 && d == 0) return true; /* no leading zeros */
    if (n == NUMERAL_DIGITS) return false;
    digits[n] = (char)('0' + d);
    digits[n + 1] = '\0';
    return true;
}

/* Digits, groups and decimals at *i; false when there are none or too many. */
static bool read_decimal(const scanner *c, size_t *i, numeral *out)
{
    size_t n, at = *i, in_group = 0;
    bool any = false, grouped = false;
    strcpy(out->den, "1");
    out->num[0] = '\0';
    for (int d; (d = digit_at(c, at, &n)) >= 0; at += n) {
        if (!add_digit(out->num, d)) return false;
        any = true;
        in_group++;
        const size_t sep = in_group <= 3 || grouped ? separator(c, at + n) : 0;
        if (sep && (!grouped ? in_group <= 3 : in_group == 3)) {
            grouped = true;
            in_group = 0;
            at += sep;
        }
    }
    const size_t mark = any ? decimal_mark(c, at) : starts(c, at, ".") && is_digit(c, at + 1);
    if (mark) {
        at += mark;
        for (int d; (d = digit_at(c, at, &n)) >= 0; at += n) {
            if (!add_digit(out->num, d) || !add_digit(out->den, 0)) return false;
            any = true;
        }
    }
    *i = at;
    return any;
}

static const struct {
    const char *text;
    const char *num, *den;
} vulgar[] = {{"½", "1", "2"}, {"¼", "1", "4"}, {"¾", "3", "4"}, {"⅓", "1", "3"}, {"⅔", "2", "3"},
              {"⅕", "1", "5"}, {"⅖", "2", "5"}, {"⅗", "3", "5"}, {"⅘", "4", "5"}, {"⅙", "1", "6"},
              {"⅚", "5", "6"}, {"⅛", "1", "8"}, {"⅜", "3", "8"}, {"⅝", "5", "8"}, {"⅞", "7", "8"}};

/* whole + num/den; false when it gets too long. */
static bool add_fraction(numeral *n, uint64_t num, uint64_t den)
{
    uint64_t whole;
    if (strcmp(n->den, "1") != 0 || !small(n->num, &whole) || whole > 1000000000 ||
        den > 1000000000)
        return false;
    put_small(n->num, whole * den + num);
    put_small(n->den, den);
    return true;
}

static bool read_vulgar(const scanner *c, size_t *i, numeral *n)
{
    for (size_t k = 0; k < sizeof vulgar / sizeof *vulgar; k++) {
        uint64_t num = 0, den = 1;
        if (!starts(c, *i, vulgar[k].text)) continue;
        small(vulgar[k].num, &num);
        small(vulgar[k].den, &den);
        if (!add_fraction(n, num, den)) return false;
        *i += strlen(vulgar[k].text);
        return true;
    }
    return false;
}

/* \frac{a}{b}, \dfrac, \tfrac with whole numbers. */
static bool read_latex(const scanner *c, size_t *i, numeral *n)
{
    static const char *const heads[] = {"\\frac{", "\\dfrac{", "\\tfrac{"};
    for (size_t k = 0; k < sizeof heads / sizeof *heads; k++) {
        numeral a = {0}, b = {0};
        uint64_t num, den;
        if (!starts(c, *i, heads[k])) continue;
        size_t at = *i + strlen(heads[k]);
        if (!read_decimal(c, &at, &a) || !starts(c, at, "}{")) return false;
        at += 2;
        if (!read_decimal(c, &at, &b) || !starts(c, at, "}")) return false;
        if (strcmp(a.den, "1") != 0 || strcmp(b.den, "1") != 0 || !small(a.num, &num) ||
            !small(b.num, &den) || den == 0 || !add_fraction(n, num, den))
            return false;
        *i = at + 1;
        return true;
    }
    return false;
}

/* "/ 4" behind a whole number: a fraction, unless more slashes follow (a date). */
static void read_slash(const scanner *c, size_t *i, numeral *n)
{
    numeral below = {0};
    size_t at = *i;
    if (strcmp(n->den, "1") != 0 || !starts(c, at, "/") || !is_digit(c, at + 1)) return;
    at++;
    if (!read_decimal(c, &at, &below) || strcmp(below.den, "1") != 0 || !below.num[0]) return;
    if (starts(c, at, "/") && is_digit(c, at + 1)) return;
    strcpy(n->den, below.num);
    *i = at;
}

/* An unsigned number at *i. A slash in front of it makes it a part of a date. */
static bool read_number(const scanner *c, size_t *i, numeral *n)
{
    const bool date = *i > 0 && c->s[*i - 1] == '/';
    *n = (numeral){.den = "1"};
    if (read_vulgar(c, i, n) || read_latex(c, i, n)) {
        reduce(n);
        return true;
    }
    if (!read_decimal(c, i, n)) return false;
    if (!read_vulgar(c, i, n) && !read_latex(c, i, n) && !date) read_slash(c, i, n);
    reduce(n);
    return true;
}

static size_t currency(const scanner *c, size_t i)
{
    static const char *const signs[] = {"\\$", "$", "€", "£", "¥", "￥", "₹"};
    for (size_t k = 0; k < sizeof signs / sizeof *signs; k++)
        if (starts(c, i, signs[k])) return strlen(signs[k]);
    return 0;
}

static size_t minus(const scanner *c, size_t i)
{
    static const char *const signs[] = {"-", "−", "–", "－"};
    for (size_t k = 0; k < sizeof signs / sizeof *signs; k++)
        if (starts(c, i, signs[k])) return strlen(signs[k]);
    return 0;
}

static bool is_word_byte(char ch)
{
    return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
           ch == '_';
}

/* A sign counts when nothing that could be subtracted from stands in front of it. */
static bool may_be_sign(const scanner *c, size_t i)
{
    return i == 0 || (!is_word_byte(c->s[i - 1]) && c->s[i - 1] != ')' && c->s[i - 1] != ']' &&
                      c->s[i - 1] != '-' && c->s[i - 1] != '%');
}

/* A number with sign and currency beginning exactly at i. */
static bool read_at(const scanner *c, size_t i, numeral_match *m)
{
    size_t at = i;
    const size_t sign = may_be_sign(c, i) ? minus(c, at) : 0;
    at += sign;
    const size_t money = currency(c, at);
    at += money;
    if (money && !sign && minus(c, at)) { /* $-5 */
        numeral_match inner;
        if (!read_at(c, at, &inner)) return false;
        *m = (numeral_match){i, inner.end, inner.value};
        return true;
    }
    if (!sign && !money && i > 0 && is_word_byte(c->s[i - 1])) return false; /* H2O */
    if (!read_number(c, &at, &m->value)) return false;
    if (sign) m->value.negative = m->value.num[0] != '\0';
    m->start = i;
    m->end = at;
    return true;
}

static scanner scan(const char *s, size_t len, const char *language)
{
    return (scanner){s, len, language && strcmp(language, "de") == 0};
}

/* Behind digits that are no number of their own: "H2O5", "1.2.3" are passed as a whole. */
static size_t skip_word(const scanner *c, size_t i)
{
    while (i < c->len && is_word_byte(c->s[i]))
        i++;
    return i;
}

bool numeral_find(const char *s, size_t len, size_t from, const char *language, numeral_match *out)
{
    const scanner c = scan(s, len, language);
    for (size_t i = from; i < len;) {
        if (read_at(&c, i, out)) return true;
        if (is_word_byte(s[i]))
            i = skip_word(&c, i + 1);
        else
            i++;
        while (i < len && ((unsigned char)s[i] & 0xc0) == 0x80)
            i++;
    }
    return false;
}

bool numeral_parse(const char *s, size_t len, const char *language, numeral *out)
{
    static const char *const around = " \t\n\r*_`\"'.:;,!()[]{}=~";
    numeral_match m;
    size_t start = 0, end = len;
    while (start < end && strchr(around, s[start]) && s[start] &&
           !(s[start] == '.' && start + 1 < end && is_word_byte(s[start + 1])))
        start++;
    while (end > start && s[end - 1] != '}' && strchr(around, s[end - 1]) && s[end - 1])
        end--;
    const scanner c = scan(s, end, language);
    if (!read_at(&c, start, &m)) return false;
    size_t at = m.end;
    bool words = false;
    for (; at < end; at++) { /* a percent sign, a currency, or one or two unit words */
        const unsigned char ch = (unsigned char)s[at];
        const bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch >= 0x80;
        words = words || letter;
        if (!letter && !strchr(" %$\\.^*{}_", ch) && !(words && (ch == '2' || ch == '3')))
            return false;
    }
    if (at - m.end > 24) return false;
    *out = m.value;
    return true;
}
