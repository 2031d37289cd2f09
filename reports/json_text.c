/* json_text.c - a JSON text in the making. Numbers are doubles with 17 digits; keys keep their
 * order. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "reports/json_parts.h"

void json_next(json *j, const char *key)
{
    if (!j->first) strbuf_putc(j->out, ',');
    j->first = false;
    if (!key) return;
    strbuf_put_json(j->out, key, strlen(key));
    strbuf_putc(j->out, ':');
}

void json_open(json *j, const char *key, char bracket)
{
    json_next(j, key);
    strbuf_putc(j->out, bracket);
    j->first = true;
}

void json_close(json *j, char bracket)
{
    strbuf_putc(j->out, bracket);
    if (bracket == '}') strbuf_putc(j->out, '\n');
    j->first = false;
}

void json_text(json *j, const char *key, const char *s)
{
    json_next(j, key);
    if (s)
        strbuf_put_json(j->out, s, strlen(s));
    else
        strbuf_puts(j->out, "null");
}

void json_number(json *j, const char *key, double x)
{
    char s[40];
    json_next(j, key);
    snprintf(s, sizeof s, "%.17g", x);
    strbuf_puts(j->out, isfinite(x) ? s : "null");
}

void json_count(json *j, const char *key, size_t n)
{
    json_next(j, key);
    strbuf_printf(j->out, "%zu", n);
}

void json_truth(json *j, const char *key, bool b)
{
    json_next(j, key);
    strbuf_puts(j->out, b ? "true" : "false");
}

void json_interval(json *j, const char *key, stats_interval ci)
{
    json_open(j, key, '[');
    json_number(j, NULL, ci.lo);
    json_number(j, NULL, ci.hi);
    json_close(j, ']');
}

void json_mean(json *j, const char *key, const analysis_mean *m)
{
    json_open(j, key, '{');
    json_count(j, "n", m->n);
    if (m->n) {
        json_number(j, "mean", m->mean);
        json_interval(j, "ci95", m->ci);
        if (m->n_clusters) json_count(j, "clusters", m->n_clusters);
    }
    json_close(j, '}');
}

void json_slices(json *j, const char *key, const analysis_slice *s, size_t n)
{
    if (!n) return;
    json_open(j, key, '{');
    for (size_t i = 0; i < n; i++)
        json_mean(j, s[i].name, &s[i].score);
    json_close(j, '}');
}

void json_settings(json *j, const char *key, const store_setting *s, size_t n)
{
    json_open(j, key, '{');
    for (size_t i = 0; i < n; i++)
        json_text(j, s[i].key, s[i].value);
    json_close(j, '}');
}
