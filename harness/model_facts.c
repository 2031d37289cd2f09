/* model_facts.c - see model_facts.h. */
#include "harness/model_facts.h"
#include <string.h>

/* What is published of it, by the names it goes by: of the file's metadata, of the URI. */
static waage_status find_openness(openness *out, arena *a, const runner_info *info,
                                  const runfile_model *m, waage_err *err)
{
    const bool local = strcmp(info->kind, "local") == 0;
    const char *names[] = {value_get_str(info->meta, "model", NULL), info->name,
                           local ? m->uri : NULL};
    WAAGE_TRY(openness_find(out, names, sizeof names / sizeof *names, a, err));
    if (local && out->weights && strcmp(out->weights, "closed") == 0)
        *out = (openness){.by = NULL}; /* here they are: another model of that name */
    openness_override(out, &m->published);
    return WAAGE_OK;
}

/* runner_info.meta, then how it was asked and what RUN.yaml says about the model, as one line of
 * JSON. */
static const char *meta_json(arena *a, const value *meta, const runfile_model *m,
                             const openness *published, const char *think)
{
    value *all = value_map(a);
    const char *const said[][2] = {{"openness_words", m->openness},
                                   {"licence", m->licence},
                                   {"cutoff", m->cutoff},
                                   {"reasoning", think}};
    for (size_t i = 0; meta && i < value_len(meta); i++)
        value_map_set(a, all, meta->u.map.pairs[i].key, meta->u.map.pairs[i].val);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (said[i][1]) value_map_set(a, all, said[i][0], value_str(a, said[i][1]));
    if (published->by) value_map_set(a, all, "openness", openness_value(published, a));
    strbuf b = STRBUF_EMPTY;
    if (all) value_put_json(&b, all, 0);
    const char *text = all && !b.failed ? arena_strdup(a, strbuf_str(&b)) : NULL;
    strbuf_free(&b);
    return text;
}

static const char *keep(arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : NULL;
}

waage_status model_facts_describe(store_model *out, arena *a, const runner_info *info,
                                  const runfile_model *m, const char *think, waage_err *err)
{
    openness published;
    WAAGE_TRY(find_openness(&published, a, info, m, err));
    *out = (store_model){.label = keep(a, m->label ? m->label : info->name),
                         .uri = keep(a, m->uri),
                         .kind = keep(a, info->kind),
                         .sha256 = keep(a, info->sha256 ? info->sha256 : ""),
                         .can_chat = info->can_chat,
                         .can_complete = info->can_complete,
                         .can_loglik = info->can_loglik,
                         .no_chat = keep(a, info->no_chat),
                         .meta_json = meta_json(a, info->meta, m, &published, think)};
    if (!out->label || !out->uri || !out->kind || !out->sha256 || !out->meta_json)
        return waage_err_nomem(err);
    return WAAGE_OK;
}
