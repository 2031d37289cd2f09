/* price.c - see price.h. */
#include "runners/http/price.h"
#include <string.h>

/* Is `model` the table's `name`, or the name with a date behind it? */
static bool is_model(const char *model, const char *name)
{
    const size_t n = strlen(name);
    if (strncmp(model, name, n) != 0) return false;
    const char *rest = model + n;
    if (*rest == 0 || strcmp(rest, "-latest") == 0) return true;
    if (strspn(rest + 1, "0123456789") < 4) return false; /* "-1-20250805" is another model's */
    size_t n_digits = 0;
    for (const char *s = rest; *s; s++)
        if (*s >= '0' && *s <= '9')
            n_digits++;
        else if (*s != '-')
            return false;
    return *rest == '-' && n_digits >= 6;
}

double price_of(const runner_price *p, uint32_t prompt, uint32_t cached, uint32_t completion)
{
    if (cached > prompt) cached = prompt;
    return 1e-6 * (p->input * (prompt - cached) + p->cached * cached + p->output * completion);
}

static waage_status take_row(const runner_price **out, const value *row, const char *date, arena *a,
                             waage_err *err)
{
    runner_price *p = arena_calloc(a, 1, sizeof *p);
    if (!p) return waage_err_nomem(err);
    p->input = value_get_float(row, "input", -1);
    p->output = value_get_float(row, "output", -1);
    p->cached = value_get_float(row, "cached", p->input);
    p->date = arena_strdup(a, date);
    if (!(p->input >= 0 && p->output >= 0 && p->cached >= 0))
        return waage_err_set(err, WAAGE_EFORMAT, "prices.yaml:%u: input and output are needed",
                             row->line);
    *out = p;
    return p->date ? WAAGE_OK : waage_err_nomem(err);
}

waage_status price_find(const runner_price **out, const char *service, const char *model, arena *a,
                        waage_err *err)
{
    const char *text = (const char *)price_embed;
    arena own = ARENA_EMPTY;
    value *table = NULL;
    *out = NULL;
    waage_status st = yaml_parse(&table, &own, text, strlen(text), "prices.yaml", err);
    const value *rows = value_get(table, "prices");
    for (size_t i = 0; st == WAAGE_OK && service && !*out && i < value_len(rows); i++) {
        const value *row = value_at(rows, i);
        if (strcmp(value_get_str(row, "service", ""), service) == 0 &&
            is_model(model, value_get_str(row, "model", "?")))
            st = take_row(out, row, value_get_str(table, "date", ""), a, err);
    }
    arena_free(&own);
    return st;
}
