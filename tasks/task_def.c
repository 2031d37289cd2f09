/* task_def.c - the settings of a task: every key checked for kind and range, templates compiled. */
#include "tasks/task_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/nearest.h"

typedef struct {
    task *t;
    arena *a;
    waage_err *err;
} reader;

static const value *get(const reader *r, const char *key)
{
    return value_get(r->t->def.map, key);
}

#define FAIL(r, at, key, ...) task_def_fail(&(r)->t->def, at, key, (r)->err, __VA_ARGS__)

/* ---- scalars ---- */

static waage_status read_str(reader *r, const char *key, const char *def, const char **out)
{
    const value *v = get(r, key);
    *out = def;
    if (!v || v->kind == VALUE_NULL) return WAAGE_OK;
    if (v->kind != VALUE_STR) return FAIL(r, v, key, "`%s` must be a text", key);
    *out = v->u.str.s;
    return WAAGE_OK;
}

static waage_status read_bool(reader *r, const char *key, bool def, bool *out)
{
    const value *v = get(r, key);
    *out = def;
    if (!v) return WAAGE_OK;
    if (v->kind != VALUE_BOOL) return FAIL(r, v, key, "`%s` must be true or false", key);
    *out = v->u.b;
    return WAAGE_OK;
}

/* An integer member of a map, `top` being the key of the file it belongs to. */
static waage_status int_member(reader *r, const value *map, const char *key, const char *top,
                               int64_t lo, int64_t hi, int64_t def, int64_t *out)
{
    const value *v = value_get(map, key);
    *out = def;
    if (!v || v->kind == VALUE_NULL) return WAAGE_OK;
    if (v->kind != VALUE_INT || v->u.i < lo || v->u.i > hi)
        return FAIL(r, v, top, "`%s` must be an integer from %lld to %lld", key, (long long)lo,
                    (long long)hi);
    *out = v->u.i;
    return WAAGE_OK;
}

static waage_status number_member(reader *r, const value *map, const char *key, const char *top,
                                  double lo, double hi, double def, double *out)
{
    const value *v = value_get(map, key);
    *out = def;
    if (!v || v->kind == VALUE_NULL) return WAAGE_OK;
    const double x = v->kind == VALUE_INT ? (double)v->u.i : v->u.f;
    if ((v->kind != VALUE_INT && v->kind != VALUE_FLOAT) || x < lo || x > hi)
        return FAIL(r, v, top, "`%s` must be a number from %g to %g", key, lo, hi);
    *out = x;
    return WAAGE_OK;
}

static waage_status choose(reader *r, const value *v, const char *key, const char *const *names,
                           int *out)
{
    nearest near;
    const char *s = v->kind == VALUE_STR ? v->u.str.s : "";
    nearest_init(&near, s);
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], s) == 0) {
            *out = i;
            return WAAGE_OK;
        }
        nearest_offer(&near, names[i]);
    }
    return FAIL(r, v, key, "`%s`: unknown value `%s`%s%s%s", key, s,
                near.best ? "; did you mean `" : "", near.best ? near.best : "",
                near.best ? "`?" : "");
}

/* ---- fields ---- */

/* map[key] as a field; stays as it is when the key is missing. */
static waage_status field_member(reader *r, const value *map, const char *key, const char *top,
                                 const field **out)
{
    const value *v = value_get(map, key);
    field *f;
    if (!v || v->kind == VALUE_NULL) return WAAGE_OK;
    WAAGE_TRY(field_compile(&f, r->a, v, task_def_file(&r->t->def, top), key, r->err));
    *out = f;
    return WAAGE_OK;
}

static waage_status read_turns(reader *r)
{
    const value *v = get(r, "turns");
    if (!v) return WAAGE_OK;
    if (v->kind != VALUE_LIST || v->u.list.n == 0)
        return FAIL(r, v, "turns", "`turns` must be a list of texts");
    r->t->n_turns = v->u.list.n;
    r->t->turns = arena_calloc(r->a, v->u.list.n, sizeof *r->t->turns);
    if (!r->t->turns) return waage_err_nomem(r->err);
    for (size_t i = 0; i < v->u.list.n; i++) {
        field *f;
        WAAGE_TRY(field_compile(&f, r->a, v->u.list.items[i], task_def_file(&r->t->def, "turns"),
                                "turns", r->err));
        r->t->turns[i] = f;
    }
    return WAAGE_OK;
}

/* ---- prompt styles ---- */

static waage_status read_until(reader *r, const value *v, const char *top, task_style *s)
{
    if (!v || v->kind == VALUE_NULL) return WAAGE_OK;
    const size_t n = v->kind == VALUE_LIST ? v->u.list.n : 1;
    s->until = arena_calloc(r->a, n + 1, sizeof *s->until);
    if (!s->until) return waage_err_nomem(r->err);
    s->n_until = 0;
    for (size_t i = 0; i < n; i++) {
        const value *item = v->kind == VALUE_LIST ? v->u.list.items[i] : v;
        if (item->kind != VALUE_STR || item->u.str.len == 0)
            return FAIL(r, item, top, "`until` must be a list of texts that are not empty");
        s->until[s->n_until++] = item->u.str.s;
    }
    return WAAGE_OK;
}

static waage_status style_str(reader *r, const value *map, const char *key, const char *top,
                              const char **out)
{
    const value *v = value_get(map, key);
    if (!v) return WAAGE_OK;
    if (v->kind == VALUE_NULL) {
        *out = NULL;
        return WAAGE_OK;
    }
    if (v->kind != VALUE_STR) return FAIL(r, v, top, "`%s` must be a text", key);
    *out = v->u.str.s;
    return WAAGE_OK;
}

static waage_status read_reasoning(reader *r, const value *map, const char *top, reasoning *out)
{
    const value *v = value_get(map, "reasoning");
    char number[32] = "";
    const char *text = number;
    if (!v) return WAAGE_OK;
    if (v->kind == VALUE_STR)
        text = v->u.str.s;
    else if (v->kind == VALUE_INT)
        snprintf(number, sizeof number, "%" PRId64, v->u.i);
    else if (v->kind == VALUE_BOOL && !v->u.b)
        text = "off"; /* which YAML takes for a truth value */
    if (reasoning_from_text(out, text)) return WAAGE_OK;
    return FAIL(r, v, top,
                "`reasoning` must be off, low, medium, high, a number of tokens, or both "
                "(high:2048)");
}

/* What base and override (`completion:`, `chat:`) have in common; missing keys change nothing. */
static waage_status read_style_keys(reader *r, const value *map, const char *top, task_style *s)
{
    int64_t shots;
    const char *at = top ? top : "num_fewshot";
    WAAGE_TRY(field_member(r, map, "doc_to_text", top ? top : "doc_to_text", &s->text));
    WAAGE_TRY(field_member(r, map, "doc_to_target", top ? top : "doc_to_target", &s->target));
    WAAGE_TRY(field_member(r, map, "description", top ? top : "description", &s->description));
    WAAGE_TRY(field_member(r, map, "gen_prefix", top ? top : "gen_prefix", &s->gen_prefix));
    WAAGE_TRY(int_member(r, map, "num_fewshot", at, 0, 1000, s->num_fewshot, &shots));
    s->num_fewshot = (int)shots;
    WAAGE_TRY(style_str(r, map, "fewshot_delimiter", top ? top : "fewshot_delimiter",
                        &s->fewshot_delimiter));
    WAAGE_TRY(style_str(r, map, "target_delimiter", top ? top : "target_delimiter",
                        &s->target_delimiter));
    WAAGE_TRY(style_str(r, map, "system", top ? top : "system", &s->system));
    WAAGE_TRY(read_reasoning(r, map, top ? top : "reasoning", &s->think));
    const value *multi = value_get(map, "fewshot_as_multiturn");
    if (multi && multi->kind != VALUE_BOOL)
        return FAIL(r, multi, at, "`fewshot_as_multiturn` must be true or false");
    if (multi) s->multiturn = multi->u.b;
    return WAAGE_OK;
}

static waage_status read_generation(reader *r)
{
    static const char *const known[] = {"do_sample", "max_gen_toks", "max_new_tokens",
                                        "min_p",     "temperature",  "top_k",
                                        "top_p",     "until",        NULL};
    const char *top = "generation_kwargs";
    const value *map = get(r, top);
    task *t = r->t;
    int64_t max_new, max_gen, top_k;
    sampling greedy = SAMPLING_GREEDY;

    t->sample_by = greedy;
    t->sample_by.seed = t->opt.seed;
    if (!map) return WAAGE_OK;
    WAAGE_TRY(
        task_check_keys(map, known, task_def_file(&t->def, top), "`generation_kwargs`", r->err));
    WAAGE_TRY(read_until(r, value_get(map, "until"), top, &t->style[PROTOCOL_COMPLETION]));
    WAAGE_TRY(int_member(r, map, "max_new_tokens", top, 1, 1 << 20, 0, &max_new));
    WAAGE_TRY(int_member(r, map, "max_gen_toks", top, 1, 1 << 20, max_new, &max_gen));
    WAAGE_TRY(int_member(r, map, "top_k", top, 0, 1 << 20, 0, &top_k));
    WAAGE_TRY(number_member(r, map, "temperature", top, 0, 10, 0, &t->sample_by.temperature));
    WAAGE_TRY(number_member(r, map, "top_p", top, 0, 1, 1, &t->sample_by.top_p));
    WAAGE_TRY(number_member(r, map, "min_p", top, 0, 1, 0, &t->sample_by.min_p));
    t->sample_by.top_k = (int32_t)top_k;
    const value *sample = value_get(map, "do_sample");
    if (sample && sample->kind != VALUE_BOOL)
        return FAIL(r, sample, top, "`do_sample` must be true or false");
    if (sample && !sample->u.b) t->sample_by.temperature = 0;
    if (sample && sample->u.b && !value_get(map, "temperature")) t->sample_by.temperature = 1;
    if (t->sample_by.temperature ==
        0) { /* greedy: the rest means nothing and changes no prompt hash */
        t->sample_by = greedy;
        t->sample_by.seed = t->opt.seed;
    }
    t->style[PROTOCOL_COMPLETION].max_tokens = t->style[PROTOCOL_CHAT].max_tokens =
        (uint32_t)max_gen;
    return WAAGE_OK;
}

static waage_status read_override(reader *r, protocol p)
{
    static const char *const known[] = {"description",
                                        "doc_to_target",
                                        "doc_to_text",
                                        "fewshot_as_multiturn",
                                        "fewshot_delimiter",
                                        "gen_prefix",
                                        "max_gen_toks",
                                        "num_fewshot",
                                        "reasoning",
                                        "system",
                                        "target_delimiter",
                                        "until",
                                        NULL};
    const char *top = protocol_name(p);
    const value *map = get(r, top);
    task_style *s = &r->t->style[p];
    int64_t max;
    if (!map) return WAAGE_OK;
    WAAGE_TRY(task_check_keys(map, known, task_def_file(&r->t->def, top),
                              p == PROTOCOL_CHAT ? "`chat`" : "`completion`", r->err));
    WAAGE_TRY(read_style_keys(r, map, top, s));
    WAAGE_TRY(read_until(r, value_get(map, "until"), top, s));
    WAAGE_TRY(int_member(r, map, "max_gen_toks", top, 1, 1 << 20, s->max_tokens, &max));
    s->max_tokens = (uint32_t)max;
    return WAAGE_OK;
}

static waage_status read_fewshot(reader *r)
{
    static const char *const known[] = {
        "doc_to_choice", "doc_to_target", "doc_to_text", "hold_out", "match",
        "sampler",       "samples",       "sha256",      "split",    NULL};
    const char *top = "fewshot_config";
    const value *map = get(r, top);
    if (!map) return WAAGE_OK;
    WAAGE_TRY(
        task_check_keys(map, known, task_def_file(&r->t->def, top), "`fewshot_config`", r->err));
    const value *sampler = value_get(map, "sampler");
    const value *match = value_get(map, "match");
    if (sampler && (sampler->kind != VALUE_STR || strcmp(sampler->u.str.s, "first_n") != 0))
        return waage_err_set(r->err, WAAGE_EUNSUPPORTED,
                             "%s:%u: sampler: only `first_n` is supported",
                             task_def_file(&r->t->def, top), sampler->line);
    if (match && match->kind != VALUE_STR)
        return FAIL(r, match, top, "`match` must be the name of a field");
    r->t->shot_match = match ? match->u.str.s : NULL;
    int64_t held_out;
    WAAGE_TRY(int_member(r, map, "hold_out", top, 0, 1000, 0, &held_out));
    r->t->n_held_out = (size_t)held_out;
    for (int p = 0; p < 2; p++) {
        task_style *s = &r->t->style[p];
        WAAGE_TRY(field_member(r, map, "doc_to_text", top, &s->shot_text));
        WAAGE_TRY(field_member(r, map, "doc_to_target", top, &s->shot_target));
        WAAGE_TRY(field_member(r, map, "doc_to_choice", top, &s->shot_choice));
    }
    return WAAGE_OK;
}

static waage_status read_styles(reader *r)
{
    task *t = r->t;
    task_style base = {.fewshot_delimiter = "\n\n", .target_delimiter = " "};
    static const char *const default_until[] = {"\n\n"};

    WAAGE_TRY(read_style_keys(r, t->def.map, NULL, &base));
    t->style[PROTOCOL_COMPLETION] = t->style[PROTOCOL_CHAT] = base;
    t->style[PROTOCOL_CHAT].target_delimiter = "";
    WAAGE_TRY(read_generation(r));
    WAAGE_TRY(read_override(r, PROTOCOL_COMPLETION));
    WAAGE_TRY(read_override(r, PROTOCOL_CHAT));
    WAAGE_TRY(read_fewshot(r));
    task_style *c = &t->style[PROTOCOL_COMPLETION];
    if (!c->until && t->info.output == TASK_GENERATE) { /* as lm-evaluation-harness has it */
        c->until = arena_calloc(r->a, 1, sizeof *c->until);
        if (!c->until) return waage_err_nomem(r->err);
        c->until[0] =
            c->fewshot_delimiter && *c->fewshot_delimiter ? c->fewshot_delimiter : default_until[0];
        c->n_until = 1;
    }
    for (int p = 0; p < 2; p++) {
        task_style *s = &t->style[p];
        if (!s->fewshot_delimiter) s->fewshot_delimiter = "";
        if (!s->target_delimiter) s->target_delimiter = "";
        if (!s->shot_text) s->shot_text = s->text;
        if (!s->shot_target) s->shot_target = s->target;
        if (!s->shot_choice) s->shot_choice = t->doc_to_choice;
        if (t->opt.num_fewshot >= 0) s->num_fewshot = t->opt.num_fewshot;
        if (t->opt.max_tokens) s->max_tokens = t->opt.max_tokens;
        if (t->opt.think.effort != REASONING_DEFAULT || t->opt.think.budget > 0)
            s->think = t->opt.think;
    }
    if (t->opt.system) t->style[PROTOCOL_CHAT].system = t->opt.system;
    t->style[PROTOCOL_COMPLETION].system = NULL;
    return WAAGE_OK;
}

/* ---- kind, protocols, metrics ---- */

static waage_status read_protocols(reader *r)
{
    const value *v = get(r, "protocols");
    task_info *info = &r->t->info;
    const bool probe = strcmp(info->kind, "accuracy") != 0;
    info->protocols = probe || r->t->turns ? 1U << PROTOCOL_CHAT
                                           : 1U << PROTOCOL_CHAT | 1U << PROTOCOL_COMPLETION;
    if (!v) return WAAGE_OK;
    info->protocols = 0;
    const size_t n = v->kind == VALUE_LIST ? v->u.list.n : 1;
    for (size_t i = 0; i < n; i++) {
        const value *item = v->kind == VALUE_LIST ? v->u.list.items[i] : v;
        protocol p;
        if (item->kind != VALUE_STR || !protocol_from_name(&p, item->u.str.s))
            return FAIL(r, item, "protocols", "`protocols` holds `completion` and `chat`");
        info->protocols |= 1U << p;
    }
    if (!info->protocols) return FAIL(r, v, "protocols", "`protocols` is empty");
    if (r->t->turns && info->protocols != 1U << PROTOCOL_CHAT)
        return FAIL(r, v, "protocols", "a task with `turns` runs under `chat` only");
    return WAAGE_OK;
}

static waage_status read_kind(reader *r)
{
    static const char *const kinds[] = {"accuracy", "safety", "censorship", NULL};
    static const char *const schemes[] = {"harm", "censorship", NULL};
    static const char *const outputs[] = {"generate_until", "multiple_choice", NULL};
    const value *kind = get(r, "kind"), *labels = get(r, "labels"), *output = get(r, "output_type");
    task *t = r->t;
    int k = 0, scheme, out = 0;

    if (kind) WAAGE_TRY(choose(r, kind, "kind", kinds, &k));
    t->info.kind = kinds[k];
    scheme = k == 2;
    if (labels) WAAGE_TRY(choose(r, labels, "labels", schemes, &scheme));
    t->has_labels = k != 0 || labels;
    t->scheme = scheme ? LABEL_CENSORSHIP : LABEL_HARM;
    if (output && output->kind == VALUE_STR && strncmp(output->u.str.s, "loglikelihood", 13) == 0)
        return waage_err_set(r->err, WAAGE_EUNSUPPORTED, "%s:%u: output_type `%s` is not supported",
                             task_def_file(&t->def, "output_type"), output->line, output->u.str.s);
    if (output) WAAGE_TRY(choose(r, output, "output_type", outputs, &out));
    t->info.output = out ? TASK_CHOICE : TASK_GENERATE;
    if (t->has_labels && out)
        return FAIL(r, output, "output_type", "a %s task must be `generate_until`", t->info.kind);
    return WAAGE_OK;
}

static waage_status read_match(reader *r, const value *m)
{
    const struct {
        const char *key;
        bool *to;
    } flags[] = {{"ignore_case", &r->t->match.ignore_case},
                 {"ignore_punctuation", &r->t->match.ignore_punctuation},
                 {"ignore_numbers", &r->t->match.ignore_numbers}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const value *v = value_get(m, flags[i].key);
        if (v && v->kind != VALUE_BOOL)
            return FAIL(r, v, "metric_list", "`%s` must be true or false", flags[i].key);
        if (v) *flags[i].to = v->u.b;
    }
    return text_match_compile(&r->t->match, r->a, value_get(m, "regexes_to_ignore"),
                              task_def_file(&r->t->def, "metric_list"), r->err);
}

static waage_status read_metrics(reader *r)
{
    static const char *const known[] = {
        "aggregation",        "higher_is_better", "ignore_case",       "ignore_numbers",
        "ignore_punctuation", "metric",           "regexes_to_ignore", NULL};
    static const char *const choice_metrics[] = {"acc", "acc_norm", "acc_bytes", "mc2", NULL};
    const value *list = get(r, "metric_list");
    if (!list) return WAAGE_OK;
    if (list->kind != VALUE_LIST || list->u.list.n == 0)
        return FAIL(r, list, "metric_list", "`metric_list` must be a list of maps");
    for (size_t i = 0; i < list->u.list.n; i++) {
        const value *m = list->u.list.items[i];
        WAAGE_TRY(task_check_keys(m, known, task_def_file(&r->t->def, "metric_list"), "a metric",
                                  r->err));
        const value *name = value_get(m, "metric");
        int which = 0;
        if (!name || name->kind != VALUE_STR)
            return FAIL(r, m, "metric_list", "a metric needs its name: `metric: acc`");
        if (r->t->info.output == TASK_CHOICE)
            WAAGE_TRY(choose(r, name, "metric_list", choice_metrics, &which));
        else if (strcmp(name->u.str.s, "exact_match") != 0)
            return waage_err_set(r->err, WAAGE_EUNSUPPORTED,
                                 "%s:%u: metric `%s` is not supported for generated answers",
                                 task_def_file(&r->t->def, "metric_list"), name->line,
                                 name->u.str.s);
        if (i == 0) r->t->metric = (choice_metric)which;
        if (i == 0 && r->t->info.output == TASK_GENERATE) WAAGE_TRY(read_match(r, m));
    }
    return WAAGE_OK;
}

static waage_status check_credit_map(reader *r, const value *map, bool roles)
{
    if (map->kind != VALUE_MAP) return FAIL(r, map, "credit", "`credit` must be a map");
    for (size_t i = 0; i < map->u.map.n; i++) {
        const value_pair *p = &map->u.map.pairs[i];
        label_kind label;
        outcome result;
        const bool known = label_from_name(&label, p->key) || outcome_from_name(&result, p->key) ||
                           strcmp(p->key, "default") == 0;
        if (p->val->kind == VALUE_MAP && roles && !known) {
            WAAGE_TRY(check_credit_map(r, p->val, false));
            continue;
        }
        const double x = p->val->kind == VALUE_INT ? (double)p->val->u.i : p->val->u.f;
        const bool number = p->val->kind == VALUE_INT || p->val->kind == VALUE_FLOAT;
        const char *word = p->val->kind == VALUE_STR ? p->val->u.str.s : "";
        if (!known)
            return FAIL(r, p->val, "credit",
                        "`%s` is neither a label nor an outcome nor `default`%s", p->key,
                        roles ? ", nor a role with a map" : "");
        if (p->val->kind == VALUE_NULL || strcmp(word, "none") == 0 || strcmp(word, "metric") == 0)
            continue;
        if (!number || x < 0 || x > 1)
            return FAIL(r, p->val, "credit",
                        "a credit is a number from 0 to 1, `none` or `metric`");
    }
    return WAAGE_OK;
}

static waage_status read_scoring(reader *r)
{
    task *t = r->t;
    const value *extract = get(r, "extract"), *filters = get(r, "filter_list");
    WAAGE_TRY(read_metrics(r));
    t->credit = get(r, "credit");
    if (t->credit) WAAGE_TRY(check_credit_map(r, t->credit, true));
    if (t->info.output == TASK_CHOICE && extract)
        return FAIL(r, extract, "extract", "`extract` is for generated answers");
    if (filters)
        WAAGE_TRY(filter_list_compile(&t->filters, r->a, filters,
                                      task_def_file(&t->def, "filter_list"), r->err));
    if (t->info.output == TASK_GENERATE && (extract || (!filters && !t->has_labels)))
        WAAGE_TRY(extractor_create(&t->extract, r->a, t->shared->extract, extract,
                                   task_def_file(&t->def, "extract"), r->err));
    return WAAGE_OK;
}

/* ---- the whole ---- */

static waage_status read_names(reader *r)
{
    task_info *info = &r->t->info;
    int64_t repeats, version;
    const value *name = get(r, "task"), *metadata = get(r, "metadata");

    info->name = name->u.str.s;
    if (!*info->name ||
        strspn(info->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") !=
            strlen(info->name))
        return FAIL(r, name, "task", "a task's name has letters, digits, `_`, `-` and `.` only");
    WAAGE_TRY(read_str(r, "group", r->t->def.group ? r->t->def.group : info->name, &info->group));
    WAAGE_TRY(read_str(r, "title", info->name, &info->title));
    WAAGE_TRY(read_str(r, "about", info->title, &info->description));
    WAAGE_TRY(read_str(r, "licence", NULL, &info->licence));
    WAAGE_TRY(read_str(r, "source_url", NULL, &info->source_url));
    WAAGE_TRY(read_str(r, "canary", NULL, &info->canary));
    WAAGE_TRY(read_bool(r, "redistribute", true, &info->redistribute));
    WAAGE_TRY(int_member(r, r->t->def.map, "repeats", "repeats", 1, 100000, 1, &repeats));
    info->repeats = (uint32_t)repeats;
    if (metadata && metadata->kind != VALUE_MAP)
        return FAIL(r, metadata, "metadata", "`metadata` must be a map");
    const value *v = value_get(metadata, "version");
    info->version = 0;
    if (v && v->kind == VALUE_FLOAT) { /* lm-evaluation-harness writes 3.0 */
        info->version = (int)v->u.f;
        return WAAGE_OK;
    }
    WAAGE_TRY(int_member(r, metadata, "version", "metadata", 0, 1 << 20, 0, &version));
    info->version = (int)version;
    return WAAGE_OK;
}

static waage_status check_consistency(reader *r)
{
    const task *t = r->t;
    const task_style *s = &t->style[PROTOCOL_CHAT];
    const value *at = get(r, "task");
    const bool completion = t->info.protocols & 1U << PROTOCOL_COMPLETION;
    if (completion) s = &t->style[PROTOCOL_COMPLETION];
    if (!t->turns && !s->text) return FAIL(r, at, "task", "`doc_to_text` is missing");
    if (t->info.output == TASK_CHOICE && (!t->doc_to_choice || !t->doc_to_target))
        return FAIL(r, at, "task",
                    "a multiple-choice task needs `doc_to_choice` and `doc_to_target`");
    if (t->info.output == TASK_GENERATE && !t->has_labels && !t->doc_to_target)
        return FAIL(r, at, "task", "`doc_to_target` is missing");
    if (t->has_labels && strcmp(t->info.kind, "accuracy") != 0)
        for (int p = 0; p < 2; p++)
            if (t->style[p].num_fewshot > 0)
                return FAIL(r, at, "task", "a %s task takes no shots: they would set the score",
                            t->info.kind);
    if (t->has_labels && !t->credit)
        return FAIL(r, at, "task", "a %s task needs `credit`: what each label is worth",
                    t->info.kind);
    return WAAGE_OK;
}

waage_status task_read_settings(task *t, arena *a, waage_err *err)
{
    reader r = {t, a, err};
    WAAGE_TRY(read_names(&r));
    WAAGE_TRY(read_kind(&r));
    WAAGE_TRY(read_turns(&r));
    WAAGE_TRY(read_protocols(&r));
    WAAGE_TRY(field_member(&r, t->def.map, "doc_to_choice", "doc_to_choice", &t->doc_to_choice));
    WAAGE_TRY(field_member(&r, t->def.map, "doc_to_target", "doc_to_target", &t->doc_to_target));
    WAAGE_TRY(read_styles(&r));
    WAAGE_TRY(read_scoring(&r));
    t->info.num_fewshot =
        t->style[t->info.protocols & 1U << PROTOCOL_COMPLETION ? PROTOCOL_COMPLETION
                                                               : PROTOCOL_CHAT]
            .num_fewshot;
    return check_consistency(&r);
}
