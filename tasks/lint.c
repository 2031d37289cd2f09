/* lint.c - `waage lint`: what a task file does that it should not, found by looking at the
 * definition and by trying it: every gold answer, written as the task asks for it, must be graded
 * as right. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "tasks/prompt.h"
#include "tasks/task_impl.h"

enum { MAX_ITEM_FINDINGS = 3 }; /* of one kind in one task; the rest is counted */

typedef struct {
    const task *t;
    task_lint_fn found;
    void *ctx;
    waage_err *err;
} linter;

static void report(const linter *l, const char *key, const char *fmt, ...) WAAGE_PRINTF(3, 4);
static void report(const linter *l, const char *key, const char *fmt, ...)
{
    char what[512], text[1024];
    const value *at = value_get(l->t->def.map, key);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    snprintf(text, sizeof text, "%s:%u: %s: %s", task_def_file(&l->t->def, key),
             at && at->line ? at->line : 1, l->t->info.name, what);
    l->found(l->ctx, text);
}

/* ---- the definition ---- */

static bool holds_literal_newline(const value *v)
{
    if (v->kind == VALUE_STR) { /* inside {{ }} and {% %} a string literal may well hold \n */
        bool inside = false;
        for (const char *p = v->u.str.s; *p; p++) {
            if (p[0] == '{' && (p[1] == '{' || p[1] == '%')) inside = true;
            if ((p[0] == '}' || p[0] == '%') && p[1] == '}') inside = false;
            if (!inside && p[0] == '\\' && p[1] == 'n') return true;
        }
        return false;
    }
    if (v->kind == VALUE_LIST)
        for (size_t i = 0; i < v->u.list.n; i++)
            if (holds_literal_newline(v->u.list.items[i])) return true;
    if (v->kind == VALUE_MAP)
        for (size_t i = 0; i < v->u.map.n; i++)
            if (holds_literal_newline(v->u.map.pairs[i].val)) return true;
    return false;
}

static void check_newlines(const linter *l)
{
    static const char *const keys[] = {"chat",           "completion",
                                       "description",    "doc_to_choice",
                                       "doc_to_target",  "doc_to_text",
                                       "fewshot_config", "fewshot_delimiter",
                                       "gen_prefix",     "generation_kwargs",
                                       "system",         "target_delimiter",
                                       "turns",          NULL};
    for (size_t i = 0; keys[i]; i++) {
        const value *v = value_get(l->t->def.map, keys[i]);
        if (v && holds_literal_newline(v))
            report(l, keys[i],
                   "`%s` holds the two characters \\n; write it in double quotes for a newline",
                   keys[i]);
    }
}

static void check_data(const linter *l)
{
    const value *map = l->t->def.map;
    const char *path = value_get_str(map, "dataset_path", "");
    const char *sum = value_get_str(value_get(map, "dataset_kwargs"), "sha256", NULL);
    const bool file =
        strncmp(path, "file:", 5) == 0 || strcmp(path, "json") == 0 || strcmp(path, "csv") == 0;
    if (file && (!sum || strcmp(sum, "any") == 0))
        report(l, "dataset_path",
               "the data is not pinned; put its hash into dataset_kwargs.sha256");
    const char *split = value_get_str(map, "fewshot_split", "");
    if (file && strcmp(split, path) == 0)
        report(l, "fewshot_split", "the shots come from the file that is tested");
    for (size_t i = 0; task_keys_ignored[i]; i++)
        if (value_get(map, task_keys_ignored[i]))
            report(l, task_keys_ignored[i], "`%s` is read and ignored", task_keys_ignored[i]);
}

static void check_limits(const linter *l)
{
    if (l->t->info.output == TASK_CHOICE) return;
    for (int p = 0; p < 2; p++)
        if ((l->t->info.protocols & 1U << p) && !l->t->style[p].max_tokens)
            report(l, "generation_kwargs", "no output limit under `%s`: set max_gen_toks",
                   protocol_name((protocol)p));
}

/* ---- stops ---- */

static void check_stop_in(const linter *l, const char *stop, const char *text, const char *what,
                          int *n)
{
    const char *hit = text ? strstr(text, stop) : NULL;
    if (hit && hit != text && hit[strlen(stop)] == '\0') /* at the very end it cuts nothing */
        hit = NULL;
    if (!hit || ++*n > MAX_ITEM_FINDINGS) return;
    report(l, "generation_kwargs", "the stop string `%s` cuts %s: `%.80s`",
           strcmp(stop, "\n") == 0     ? "\\n"
           : strcmp(stop, "\n\n") == 0 ? "\\n\\n"
                                       : stop,
           what, text);
}

static waage_status check_stops(const linter *l, arena *a)
{
    const task *t = l->t;
    for (int p = 0; p < 2 && t->info.output == TASK_GENERATE; p++) {
        const task_style *s = &t->style[p];
        int n = 0;
        if (!(t->info.protocols & 1U << p)) continue;
        for (size_t k = 0; k < s->n_until; k++) {
            const char *stop = s->until[k];
            const bool letter =
                (stop[0] >= 'a' && stop[0] <= 'z') || (stop[0] >= 'A' && stop[0] <= 'Z');
            if (!stop[1] && (letter || stop[0] == '.' || stop[0] == ' '))
                report(l, "generation_kwargs", "the stop string `%s` can cut any answer", stop);
            for (size_t i = 0; i < t->info.n_items; i++)
                check_stop_in(l, stop, t->items[i].gold, "a right answer", &n);
            for (size_t i = 0; i < t->n_shots && s->num_fewshot; i++) {
                const char *answer;
                WAAGE_TRY(field_text(s->shot_target, t->shots[i], &answer, a, l->err));
                check_stop_in(l, stop, answer, "the answer of a shot", &n);
            }
        }
        if (n > MAX_ITEM_FINDINGS)
            report(l, "generation_kwargs", "and %d more answers that a stop string cuts",
                   n - MAX_ITEM_FINDINGS);
    }
    return WAAGE_OK;
}

/* ---- shots ---- */

static waage_status check_shots(const linter *l, arena *a)
{
    const task *t = l->t;
    int n = 0;
    for (size_t k = 0; k < t->n_shots; k++) {
        const value *doc = value_get(t->shots[k], "doc");
        const char *question;
        const task_style *s = &t->style[PROTOCOL_COMPLETION];
        if (!s->shot_text) continue;
        WAAGE_TRY(field_text(s->shot_text, t->shots[k], &question, a, l->err));
        for (size_t i = 0; i < t->info.n_items; i++) {
            const char *text;
            if (!s->text) break;
            arena tmp = ARENA_EMPTY;
            const waage_status st = field_text(s->text, t->rows[i].vars, &text, &tmp, l->err);
            const bool same =
                st == WAAGE_OK && (strcmp(text, question) == 0 ||
                                   (doc && value_equal(doc, value_get(t->rows[i].vars, "doc"))));
            arena_free(&tmp);
            WAAGE_TRY(st);
            if (same && ++n <= MAX_ITEM_FINDINGS)
                report(l, "fewshot_config", "shot %zu is item %s of the test", k + 1,
                       t->items[i].id);
        }
    }
    return WAAGE_OK;
}

/* ---- gold answers ---- */

/* Forms in which a prompt may ask for an answer; the task passes when it reads one of its own. */
static const struct {
    const char *language, *before, *after;
} forms[] = {
    {"de", "Die Antwort ist ", "."}, {"zh", "答案是", "。"},
    {NULL, "The answer is ", "."},   {NULL, "#### ", ""},
    {NULL, "\\boxed{", "}"},         {NULL, "", ""},
};

static waage_status grades_as_right(const linter *l, size_t i, const char *text, bool *right,
                                    arena *a)
{
    const reply rp = {.finish = FINISH_STOP, .text = text, .text_len = strlen(text)};
    reply turns[64];
    task_verdict v;
    const size_t n = l->t->items[i].n_turns < 64 ? l->t->items[i].n_turns : 64;
    for (size_t k = 0; k < n; k++)
        turns[k] = rp;
    WAAGE_TRY(task_score(l->t, i, turns, n, &v, a, l->err));
    *right = v.result == OUTCOME_ANSWERED && v.has_credit && v.credit >= 1;
    return WAAGE_OK;
}

/* With an announcing rung the announcement in the item's language must work; without, any form may.
 */
static waage_status check_gold(const linter *l, size_t i, int *n)
{
    const task_item *it = &l->t->items[i];
    bool right = false;
    arena a = ARENA_EMPTY;
    waage_status st = WAAGE_OK;
    for (size_t k = 0; k < sizeof forms / sizeof *forms && !right && st == WAAGE_OK; k++) {
        if (forms[k].language && (!it->language || strcmp(forms[k].language, it->language) != 0))
            continue;
        const char *text = arena_printf(&a, "%s%s%s", forms[k].before, it->gold, forms[k].after);
        st = text ? grades_as_right(l, i, text, &right, &a) : waage_err_nomem(l->err);
    }
    arena_free(&a);
    WAAGE_TRY(st);
    if (!right && ++*n <= MAX_ITEM_FINDINGS)
        report(l, "extract", "item %s: its right answer `%.80s` is not read as right", it->id,
               it->gold);
    return WAAGE_OK;
}

static waage_status check_golds(const linter *l)
{
    const task *t = l->t;
    int n = 0;
    if (t->info.output == TASK_CHOICE || t->has_labels) return WAAGE_OK;
    for (size_t i = 0; i < t->info.n_items; i++) {
        if (!t->items[i].gold || !*t->items[i].gold) {
            if (++n <= MAX_ITEM_FINDINGS)
                report(l, "doc_to_target", "item %s has no answer", t->items[i].id);
            continue;
        }
        WAAGE_TRY(check_gold(l, i, &n));
    }
    if (n > MAX_ITEM_FINDINGS)
        report(l, "extract", "and %d more items like these", n - MAX_ITEM_FINDINGS);
    return WAAGE_OK;
}

/* Prompts of all items must render under every protocol. */
static waage_status check_prompts(const linter *l)
{
    const task *t = l->t;
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < t->info.n_items && (t->info.protocols & 1U << p); i++) {
            arena a = ARENA_EMPTY;
            request rq;
            waage_err e = {WAAGE_OK, ""};
            const waage_status st = task_build_request(t, i, (protocol)p, 0, 0, NULL, &rq, &a, &e);
            arena_free(&a);
            if (st == WAAGE_ENOMEM) return waage_err_nomem(l->err);
            if (st == WAAGE_OK) continue;
            l->found(l->ctx, e.msg);
            break; /* the rest of the items says the same */
        }
    return WAAGE_OK;
}

static waage_status lint_task(const linter *l)
{
    arena a = ARENA_EMPTY;
    check_newlines(l);
    check_data(l);
    check_limits(l);
    waage_status st = check_stops(l, &a);
    if (st == WAAGE_OK) st = check_shots(l, &a);
    if (st == WAAGE_OK) st = check_golds(l);
    if (st == WAAGE_OK) st = check_prompts(l);
    arena_free(&a);
    return st;
}

waage_status task_lint(const char *suite, const task_options *opt, task_lint_fn found, void *ctx,
                       waage_err *err)
{
    arena a = ARENA_EMPTY;
    task_list list;
    waage_err why = {WAAGE_OK, ""};
    waage_status st = task_load(&list, &a, suite, opt, &why);
    if (st == WAAGE_EFORMAT || st == WAAGE_EUNSUPPORTED) { /* a wrong file is a finding */
        found(ctx, why.msg);
        st = WAAGE_OK;
    } else if (st != WAAGE_OK) {
        st = waage_err_set(err, st, "%s", why.msg);
    }
    for (size_t i = 0; i < list.n && st == WAAGE_OK; i++) {
        const linter l = {list.tasks[i], found, ctx, err};
        st = lint_task(&l);
    }
    task_list_close(&list);
    arena_free(&a);
    return st;
}
