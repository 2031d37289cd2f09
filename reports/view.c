/* view.c - see view.h. */
#include "reports/view.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/value.h"
#include "reports/escape.h"

/* --- models --------------------------------------------------------------------------------- */

/* A key of the model's metadata: at the top, or one map further down (RUN.yaml's own entries). */
static const value *find_meta(const value *meta, const char *key)
{
    const value *v = value_get(meta, key);
    if (v || !meta || meta->kind != VALUE_MAP) return v;
    for (size_t i = 0; i < meta->u.map.n && !v; i++)
        v = value_get(meta->u.map.pairs[i].val, key);
    return v;
}

static const char *meta_text(const view *v, const value *meta, const char *key)
{
    const value *x = find_meta(meta, key);
    if (!x || x->kind == VALUE_NULL || (x->kind == VALUE_STR && !x->u.str.len)) return NULL;
    strbuf b = STRBUF_EMPTY;
    value_print(&b, x);
    const char *s = arena_strdup(v->a, strbuf_str(&b));
    strbuf_free(&b);
    return s;
}

static double meta_number(const value *meta, const char *key)
{
    const value *x = find_meta(meta, key);
    if (!x) return 0;
    return x->kind == VALUE_INT ? (double)x->u.i : x->kind == VALUE_FLOAT ? x->u.f : 0;
}

static const char *scaled(const view *v, double x, const char *const units[4])
{
    size_t u = 0;
    if (x <= 0) return NULL;
    while (x >= 1000 && u < 3) {
        x /= 1000;
        u++;
    }
    return arena_printf(v->a, "%.*f %s", x < 100 && u ? 1 : 0, x, units[u]);
}

/* Base or instruct: as the metadata says, else by whether there is a chat template. */
static const char *training_of(const view *v, const store_model *m, const value *meta)
{
    const char *said = meta_text(v, meta, "base_or_instruct");
    if (m->kind && strcmp(m->kind, "replay") == 0) return "recorded";
    if (said) return said;
    return m->can_chat ? "instruct" : "base";
}

static void read_openness(const view *v, const value *meta, view_model *out)
{
    const value *o = value_get(meta, "openness");
    const struct {
        const char *key, **field;
    } rows[] = {{"weights", &out->published.weights}, {"licence", &out->published.licence},
                {"data", &out->published.data},       {"code", &out->published.code},
                {"class", &out->published.class},     {"source", &out->published.source},
                {"date", &out->published.date},       {"by", &out->published.by}};
    out->openness = meta_text(v, meta, "openness_words");
    if (o && o->kind == VALUE_STR) out->openness = o->u.str.s; /* of an older run */
    for (size_t i = 0; o && o->kind == VALUE_MAP && i < sizeof rows / sizeof *rows; i++) {
        const char *text = value_get_str(o, rows[i].key, NULL);
        *rows[i].field = text && strcmp(text, "unknown") != 0 ? text : NULL;
    }
    if (!out->published.licence) out->published.licence = out->licence;
}

/* An API's effort and tokens of thought, else the run's --reasoning. */
static const char *effort_of(const view *v, const value *meta)
{
    const char *effort = meta_text(v, meta, "effort"),
               *tokens = meta_text(v, meta, "thinking_tokens");
    if (effort && tokens) return arena_printf(v->a, "%s, %s tokens", effort, tokens);
    if (tokens) return arena_printf(v->a, "%s tokens", tokens);
    return effort ? effort : meta_text(v, meta, "reasoning");
}

static waage_status make_model(const view *v, const store_model *m, view_model *out)
{
    static const char *const numbers[] = {"", "K", "M", "B"}, *const bytes[] = {"B", "kB", "MB",
                                                                                "GB"};
    value *meta = NULL;
    if (m->meta_json &&
        json_parse(&meta, v->a, m->meta_json, strlen(m->meta_json), "model", 1, NULL) != WAAGE_OK)
        meta = NULL; /* shown without details rather than not at all */
    out->label = m->label;
    out->training = training_of(v, m, meta);
    out->quant = meta_text(v, meta, "quantisation");
    if (!out->quant) out->quant = meta_text(v, meta, "quantization");
    out->architecture = meta_text(v, meta, "architecture");
    out->licence = meta_text(v, meta, "licence");
    if (!out->licence) out->licence = meta_text(v, meta, "license");
    read_openness(v, meta, out);
    out->effort = effort_of(v, meta);
    out->family = meta_text(v, meta, "model");
    if (!out->family) out->family = m->sha256 && *m->sha256 ? m->sha256 : m->label;
    out->cutoff = meta_text(v, meta, "cutoff");
    out->parameters = scaled(v, meta_number(meta, "parameters"), numbers);
    out->file_size = scaled(v, meta_number(meta, "file_bytes"), bytes);
    out->descriptor =
        out->quant ? arena_printf(v->a, "%s, %s", out->training, out->quant) : out->training;
    return out->training && out->descriptor ? WAAGE_OK : waage_err_nomem(v->err);
}

/* --- rows ----------------------------------------------------------------------------------- */

/* Shots under a protocol: the definition's own for that protocol, else the task's. */
static int64_t shots_of(const view *v, const store_task *t, protocol proto)
{
    value *def = NULL;
    if (!t->definition_json || json_parse(&def, v->a, t->definition_json,
                                          strlen(t->definition_json), "task", 1, NULL) != WAAGE_OK)
        return t->num_fewshot;
    return value_get_int(value_get(def, protocol_name(proto)), "num_fewshot", t->num_fewshot);
}

static bool title_is_unique(const store_data *d, const store_task *t)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_tasks; i++)
        n += d->tasks[i].title && t->title && strcmp(d->tasks[i].title, t->title) == 0;
    return n == 1;
}

static waage_status make_row(const view *v, const analysis_row *r, view_row *out)
{
    const store_task *t = &v->d->tasks[r->task];
    const int64_t shots = shots_of(v, t, r->proto);
    const char *name = protocol_name(r->proto), *loglik = t->is_choice ? ", log-likelihood" : "";
    out->title = t->title && *t->title && title_is_unique(v->d, t) ? t->title : t->name;
    out->group = t->group && *t->group ? t->group : t->name;
    out->how = shots > 0 ? arena_printf(v->a, "%s, %" PRId64 " shot%s%s", name, shots,
                                        shots == 1 ? "" : "s", loglik)
                         : arena_printf(v->a, "%s%s", name, loglik);
    out->anchor = arena_printf(v->a, "s%zu-%s", r->task + 1, name);
    return out->how && out->anchor ? WAAGE_OK : waage_err_nomem(v->err);
}

static bool is_set(const char *s)
{
    return s && *s && strcmp(s, "0") != 0 && strcmp(s, "none") != 0;
}

/* --limit is a setting; the items of each run stand in its manifest. */
static bool is_subset(const view *v)
{
    if (is_set(view_setting(v, "limit"))) return true;
    for (size_t i = 0; i < v->n_runs; i++)
        for (size_t k = 0; k < v->runs[i].data->n_manifest; k++) {
            const store_setting *m = &v->runs[i].data->manifest[k];
            if (strcmp(m->key, "items") == 0 && strcmp(m->value, "all") != 0) return true;
        }
    return false;
}

waage_status view_make(view *v)
{
    view_model *models = arena_calloc(v->a, v->d->n_models, sizeof *models);
    view_row *rows = arena_calloc(v->a, v->an->n_rows, sizeof *rows);
    if (!models || !rows) return waage_err_nomem(v->err);
    for (size_t i = 0; i < v->d->n_models; i++)
        WAAGE_TRY(make_model(v, &v->d->models[i], &models[i]));
    for (size_t i = 0; i < v->an->n_rows; i++)
        WAAGE_TRY(make_row(v, &v->an->rows[i], &rows[i]));
    v->models = models;
    v->rows = rows;
    v->subset = is_subset(v);
    return WAAGE_OK;
}

static const char *find_setting(const store_setting *s, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s[i].key, key) == 0) return s[i].value;
    return NULL;
}

const char *view_setting(const view *v, const char *key)
{
    return find_setting(v->d->settings, v->d->n_settings, key);
}

const char *view_grade(const view *v)
{
    for (size_t i = 0; i < v->d->n_models; i++)
        if (strcmp(v->d->models[i].kind, "local") == 0) return view_setting(v, "activations");
    return NULL;
}

const char *view_manifest(const view *v, const char *key)
{
    return find_setting(v->d->manifest, v->d->n_manifest, key);
}

bool view_may_show(const view *v, const store_task *t)
{
    return t->redistribute || v->opt->transcripts == REPORT_TRANSCRIPTS_ALL;
}

void view_put_rerun(strbuf *out, const view *v, const char *item)
{
    strbuf_puts(out, v->opt->rerun ? v->opt->rerun : "waage run -c run.yaml -o again");
    strbuf_puts(out, " --items ");
    escape_puts_shell(out, item);
}

const char *view_result_word(const store_score *s, analysis_kind kind)
{
    if (kind != KIND_ACCURACY || s->result != OUTCOME_ANSWERED || !s->has_credit)
        return outcome_name(s->result);
    return s->credit >= 1 ? "right" : s->credit <= 0 ? "wrong" : "partly right";
}

double view_floor(const analysis_cell *c)
{
    return c->chance > c->best_constant ? c->chance : c->best_constant;
}

/* --- numbers -------------------------------------------------------------------------------- */

#define MINUS "\xE2\x88\x92"

/* x with `digits` decimals; what rounds to zero has no sign. */
static void put_rounded(strbuf *out, double x, int digits, bool plus)
{
    const double unit = digits == 0 ? 1 : digits == 1 ? 10 : digits == 2 ? 100 : 1000;
    const bool zero = fabs(x) * unit < 0.5;
    if (!zero && x < 0) strbuf_puts(out, MINUS);
    if (!zero && x > 0 && plus) strbuf_putc(out, '+');
    strbuf_printf(out, "%.*f", digits, zero ? 0.0 : fabs(x));
}

void view_put_percent(strbuf *out, double share)
{
    put_rounded(out, 100 * share, 1, false);
}

void view_put_points(strbuf *out, double diff)
{
    put_rounded(out, 100 * diff, 1, true);
}

void view_put_interval(strbuf *out, stats_interval ci)
{
    view_put_percent(out, ci.lo);
    strbuf_puts(out, " to ");
    view_put_percent(out, ci.hi);
}

void view_put_signed_interval(strbuf *out, stats_interval ci)
{
    view_put_points(out, ci.lo);
    strbuf_puts(out, " to ");
    view_put_points(out, ci.hi);
}

void view_put_share(strbuf *out, double x)
{
    char text[32];
    const bool zero = fabs(x) < 0.005;
    snprintf(text, sizeof text, "%.2f", zero ? 0.0 : fabs(x));
    if (x < 0 && !zero) strbuf_puts(out, MINUS);
    strbuf_puts(out, text[0] == '0' ? text + 1 : text);
}

void view_put_p(strbuf *out, double p)
{
    char text[32];
    if (p < 0.001) {
        strbuf_puts(out, "p < .001");
        return;
    }
    if (p > 0.995) {
        strbuf_puts(out, "p = 1");
        return;
    }
    /* Three digits where two would hide on which side of .05 it lies. */
    snprintf(text, sizeof text, p < 0.0095 || (p > 0.045 && p < 0.055) ? "%.3f" : "%.2f", p);
    strbuf_printf(out, "p = %s", text + 1);
}

void view_put_count(strbuf *out, size_t n)
{
    if (n >= 1000) {
        view_put_count(out, n / 1000);
        strbuf_printf(out, ",%03zu", n % 1000);
    } else {
        strbuf_printf(out, "%zu", n);
    }
}

const char *view_plural(size_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}
