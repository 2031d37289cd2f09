/* cmd_render.c - `waage render`: the exact text that a chat template makes of given variables. */
#include "harness/base/template.h"
#include "harness/cmd_model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cmd_model model;
    const char *template_file;
    opts_list set;
} render_args;

static const opt render_options[] = {
    CMD_MODEL_OPTION(offsetof(render_args, model)),
    {0, "template", OPT_TEXT, offsetof(render_args, template_file), "FILE",
     "a template instead of a model's"},
    {0, "set", OPT_LIST, offsetof(render_args, set), "KEY=VALUE",
     "one more variable; VALUE is JSON, or else a text"},
    {0, "date", OPT_TEXT, CMD_MODEL_AT(offsetof(render_args, model), date), "YYYY-MM-DD",
     "today, for strftime_now (default " ENGINE_DATE ")"},
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

typedef struct {
    const char *source, *name;
    size_t len;
    value *vars; /* the model's, then the file's, then --set */
} rendering;

static waage_status add_pairs(value *into, const value *from, arena *a, waage_err *err)
{
    for (size_t i = 0; from && i < value_len(from); i++)
        if (!value_map_set(a, into, from->u.map.pairs[i].key, from->u.map.pairs[i].val))
            return waage_err_nomem(err);
    return WAAGE_OK;
}

static waage_status read_vars(rendering *r, const char *path, arena *a, waage_err *err)
{
    char *text = NULL;
    size_t len = 0;
    value *v = NULL;
    WAAGE_TRY(cmd_read_text(&text, &len, path, err));
    waage_status st = json_parse(&v, a, text, len, path, 1, err);
    free(text);
    if (st == WAAGE_OK && v->kind != VALUE_MAP)
        st = waage_err_set(err, WAAGE_EFORMAT,
                           "%s: an object whose keys are the template's variables is expected",
                           path);
    return st == WAAGE_OK ? add_pairs(r->vars, v, a, err) : st;
}

static waage_status set_vars(rendering *r, const opts_list *set, arena *a, waage_err *err)
{
    for (size_t i = 0; i < set->n; i++) {
        const char *word = set->items[i], *eq = strchr(word, '=');
        value *v = NULL;
        if (!eq || eq == word)
            return waage_err_set(err, WAAGE_EINVAL, "--set: '%s' is not KEY=VALUE", word);
        const char *key = arena_strndup(a, word, (size_t)(eq - word));
        if (json_parse(&v, a, eq + 1, strlen(eq + 1), "--set", 1, NULL) != WAAGE_OK)
            v = value_str(a, eq + 1);
        if (!key || !value_map_set(a, r->vars, key, v)) return waage_err_nomem(err);
    }
    return WAAGE_OK;
}

static waage_status render(const rendering *r, const char *date, arena *a, waage_err *err)
{
    const template_options how = TEMPLATE_FOR_CHAT;
    template *t = NULL;
    template_output out;
    WAAGE_TRY(template_compile(&t, a, r->source, r->len, r->name, 1, &how, err));
    WAAGE_TRY(template_render(t, r->vars, date, &out, a, err));
    fwrite(out.text, 1, out.len, stdout);
    return WAAGE_OK;
}

static waage_status take_template(rendering *out, runner *r, const char *uri, arena *a,
                                  waage_err *err)
{
    const runner_info *info = r->ops->info(r);
    if (!info->chat_template)
        return waage_err_set(err, WAAGE_EUNSUPPORTED, "%s: %s", uri,
                             info->no_chat ? info->no_chat : "no chat template");
    out->source = info->chat_template;
    out->len = strlen(info->chat_template);
    out->name = "chat template";
    return add_pairs(out->vars, info->template_vars, a, err);
}

static waage_status run_render(const cmd_line *line, bool *no, waage_err *err)
{
    (void)no;
    render_args args = {0};
    opts_list rest = {0};
    WAAGE_TRY(cmd_parse(line, &args, &rest, err));
    if (!args.model.uri == !args.template_file)
        return waage_err_set(err, WAAGE_EINVAL, "whose template? -m MODEL or --template FILE");
    rendering x = {.vars = value_map(line->a)};
    runner *r = NULL;
    char *text = NULL;
    waage_status st = WAAGE_OK;
    if (args.template_file) {
        st = cmd_read_text(&text, &x.len, args.template_file, err);
        x.source = text;
        x.name = args.template_file;
    } else {
        st = cmd_model_open(&r, &args.model, true, line->a, err);
        if (st == WAAGE_OK) st = take_template(&x, r, args.model.uri, line->a, err);
    }
    if (st == WAAGE_OK) st = read_vars(&x, rest.items[0], line->a, err);
    if (st == WAAGE_OK) st = set_vars(&x, &args.set, line->a, err);
    if (st == WAAGE_OK) st = render(&x, args.model.open_as.date, line->a, err);
    free(text);
    runner_close(r);
    return st;
}

const command cmd_render = {
    "render",
    "-m MODEL|--template FILE VARS.json [--set KEY=VALUE]",
    "Print the exact prompt that a chat template makes.",
    "VARS.json is an object whose keys are the template's variables: messages, tools,\n"
    "add_generation_prompt, bos_token, ... A model adds its own (bos_token, eos_token) where the "
    "file\n"
    "does not give them. The output ends without a newline of ours.",
    render_options,
    1,
    1,
    run_render,
};
