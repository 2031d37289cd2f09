/* prompt.c - building prompts from a style, the shots and a document. */
#include "tasks/prompt.h"

#include <string.h>

typedef struct {
    const task *t;
    const task_style *s;
    const task_row *row;
    const task_item *item;
    arena *a;
    waage_err *err;
} writer;

typedef struct {
    const char *question, *answer;
} shot;

/* What a shot answers: the target's text, or the choice that it names. */
static waage_status shot_answer(writer *w, const value *vars, const char **out)
{
    const task_style *s = w->s;
    const char **choices;
    size_t n;
    const value *v;
    if (!s->shot_choice) return field_text(s->shot_target, vars, out, w->a, w->err);
    WAAGE_TRY(task_read_choices(s->shot_choice, vars, &choices, &n, w->a, w->err));
    WAAGE_TRY(field_value(s->shot_target, vars, &v, w->a, w->err));
    if (v->kind == VALUE_LIST) v = value_at(v, 0);
    if (v && v->kind == VALUE_INT && v->u.i >= 0 && (uint64_t)v->u.i < n) {
        *out = choices[v->u.i];
        return WAAGE_OK;
    }
    return field_text(s->shot_target, vars, out, w->a, w->err);
}

/* The first num_fewshot shots that fit the document. */
static waage_status make_shots(writer *w, shot **out, size_t *n)
{
    const size_t want = (size_t)w->s->num_fewshot;
    *n = 0;
    *out = arena_calloc(w->a, want + 1, sizeof **out);
    if (!*out) return waage_err_nomem(w->err);
    for (size_t i = 0; i < w->t->n_shots && *n < want; i++) {
        const value *vars = w->t->shots[i];
        if (!task_shot_fits(w->t, vars, w->row->vars)) continue;
        shot *s = &(*out)[(*n)++];
        WAAGE_TRY(field_text(w->s->shot_text, vars, &s->question, w->a, w->err));
        WAAGE_TRY(shot_answer(w, vars, &s->answer));
    }
    if (*n < want)
        return waage_err_set(w->err, WAAGE_EFORMAT,
                             "%s: item %s: %zu shots are asked for, and %zu fit it", w->t->def.file,
                             w->item->id, want, *n);
    return WAAGE_OK;
}

static waage_status optional(writer *w, const field *f, const value *vars, const char **out)
{
    *out = "";
    return f ? field_text(f, vars, out, w->a, w->err) : WAAGE_OK;
}

static waage_status take(writer *w, strbuf *b, const char **out)
{
    *out = b->failed ? NULL : arena_strndup(w->a, strbuf_str(b), b->len);
    strbuf_free(b);
    return *out ? WAAGE_OK : waage_err_nomem(w->err);
}

waage_status prompt_write_text(const task *t, size_t item, const char **out, arena *a,
                               waage_err *err)
{
    const task_style *s = &t->style[PROTOCOL_COMPLETION];
    writer w = {t, s, &t->rows[item], &t->items[item], a, err};
    const char *description, *question, *prefix;
    shot *shots;
    size_t n;
    strbuf b = STRBUF_EMPTY;

    WAAGE_TRY(optional(&w, s->description, NULL, &description));
    WAAGE_TRY(optional(&w, s->gen_prefix, w.row->vars, &prefix));
    WAAGE_TRY(field_text(s->text, w.row->vars, &question, a, err));
    WAAGE_TRY(make_shots(&w, &shots, &n));
    strbuf_puts(&b, description);
    for (size_t i = 0; i < n; i++) {
        strbuf_puts(&b, shots[i].question);
        strbuf_puts(&b, s->target_delimiter);
        strbuf_puts(&b, prefix);
        strbuf_puts(&b, shots[i].answer);
        strbuf_puts(&b, s->fewshot_delimiter);
    }
    strbuf_puts(&b, question);
    if (*prefix) strbuf_puts(&b, s->target_delimiter);
    strbuf_puts(&b, prefix);
    return take(&w, &b, out);
}

/* The user's text of a turn; from the second on it may look at the answers. */
static waage_status turn_text(writer *w, uint32_t turn, const char *const *answers,
                              const char **out)
{
    if (!w->t->n_turns) return field_text(w->s->text, w->row->vars, out, w->a, w->err);
    value *vars = value_map(w->a), *list = value_list(w->a);
    bool ok = vars && list;
    const value *base = w->row->vars;
    for (size_t i = 0; ok && i < base->u.map.n; i++)
        ok = value_map_set(w->a, vars, base->u.map.pairs[i].key, base->u.map.pairs[i].val);
    for (uint32_t i = 0; ok && i < turn; i++)
        ok = value_list_add(w->a, list, value_str(w->a, answers[i]));
    if (!ok || !value_map_set(w->a, vars, "answers", list)) return waage_err_nomem(w->err);
    return field_text(w->t->turns[turn], vars, out, w->a, w->err);
}

/* The first user message: description, shots (unless they are turns) and the question. */
static waage_status first_text(writer *w, const shot *shots, size_t n, const char *description,
                               const char *const *answers, const char **out)
{
    const char *question;
    const task_style *s = w->s;
    strbuf b = STRBUF_EMPTY;
    WAAGE_TRY(turn_text(w, 0, answers, &question));
    if (!s->multiturn) {
        strbuf_puts(&b, description);
        for (size_t i = 0; i < n; i++) {
            strbuf_puts(&b, shots[i].question);
            strbuf_puts(&b, *s->target_delimiter ? s->target_delimiter : " ");
            strbuf_puts(&b, shots[i].answer);
            strbuf_puts(&b, s->fewshot_delimiter);
        }
    } else if (n == 0) {
        strbuf_puts(&b, description);
    }
    strbuf_puts(&b, question);
    return take(w, &b, out);
}

/* Shots as turns; the description opens the first of them. */
static waage_status put_shot_turns(writer *w, const shot *shots, size_t n, const char *description,
                                   message *m, size_t *k)
{
    for (size_t i = 0; i < n; i++) {
        const char *question = arena_printf(w->a, "%s%s", i ? "" : description, shots[i].question);
        if (!question) return waage_err_nomem(w->err);
        m[(*k)++] = (message){"user", question};
        m[(*k)++] = (message){"assistant", shots[i].answer};
    }
    return WAAGE_OK;
}

waage_status prompt_write_messages(const task *t, size_t item, uint32_t turn,
                                   const char *const *answers, const message **out, size_t *n,
                                   arena *a, waage_err *err)
{
    const task_style *s = &t->style[PROTOCOL_CHAT];
    writer w = {t, s, &t->rows[item], &t->items[item], a, err};
    const char *description, *text;
    shot *shots;
    size_t n_shots, k = 0;

    WAAGE_TRY(optional(&w, s->description, NULL, &description));
    WAAGE_TRY(make_shots(&w, &shots, &n_shots));
    message *m = arena_calloc(a, 2 + 2 * n_shots + 2 * (size_t)turn, sizeof *m);
    if (!m) return waage_err_nomem(err);
    if (s->system && *s->system) m[k++] = (message){"system", s->system};
    if (s->multiturn) WAAGE_TRY(put_shot_turns(&w, shots, n_shots, description, m, &k));
    WAAGE_TRY(first_text(&w, shots, n_shots, description, answers, &text));
    m[k++] = (message){"user", text};
    for (uint32_t i = 1; i <= turn; i++) {
        m[k++] = (message){"assistant", answers[i - 1]};
        WAAGE_TRY(turn_text(&w, i, answers, &text));
        m[k++] = (message){"user", text};
    }
    *out = m;
    *n = k;
    return WAAGE_OK;
}
