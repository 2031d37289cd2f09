/* score.c - outcome and credit of an item. The outcome is the first that matches in the order of
 * outcome.h, with one refinement: an explicit answer (boxed, final phrase, ...) counts however the
 * text around it ended. */
#include "tasks/score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/utf8.h"
#include "tasks/degenerate.h"
#include "tasks/numeral.h"

typedef struct {
    const task *t;
    const task_item *item;
    const task_row *row;
    const reply *rp;
    task_verdict *out;
    arena *a;
    waage_err *err;
} scorer;

static waage_status set(scorer *s, outcome result, const char *reason)
{
    s->out->result = result;
    s->out->reason = reason;
    return reason ? WAAGE_OK : waage_err_nomem(s->err);
}

/* ---- credit ---- */

/* map[name], then map[outcome], then map.default; NULL: the map says nothing. */
static const value *credit_entry(const scorer *s, const value *map)
{
    const value *v = s->out->label ? value_get(map, s->out->label) : NULL;
    if (!v) v = value_get(map, outcome_name(s->out->result));
    if (!v) v = value_get(map, "default");
    return v && v->kind != VALUE_MAP ? v : NULL;
}

/* The task's credit map, the item's role first; else the rule of the kind. */
static void give_credit(scorer *s, double metric)
{
    task_verdict *out = s->out;
    const value *role = s->item->role ? value_get(s->t->credit, s->item->role) : NULL;
    const value *v = role && role->kind == VALUE_MAP ? credit_entry(s, role) : NULL;
    if (!v) v = credit_entry(s, s->t->credit);
    out->has_credit = outcome_counts(out->result);
    out->credit = out->result == OUTCOME_ANSWERED ? metric : 0;
    if (!v) {
        if (s->t->has_labels) out->credit = 0; /* a label that the task gives no credit for */
        return;
    }
    if (v->kind == VALUE_STR && strcmp(v->u.str.s, "metric") == 0) {
        out->has_credit = true;
        out->credit = metric;
        return;
    }
    out->has_credit = v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
    out->credit = v->kind == VALUE_INT ? (double)v->u.i : v->kind == VALUE_FLOAT ? v->u.f : 0;
}

/* ---- replies that never became an answer ---- */

static bool failed_reply(const reply *rp, outcome *result)
{
    switch (rp->finish) {
    case FINISH_ERROR:
        *result = OUTCOME_ERROR;
        return true;
    case FINISH_UNSUPPORTED:
        *result = OUTCOME_UNSUPPORTED;
        return true;
    case FINISH_FILTER:
        *result = OUTCOME_BLOCKED;
        return true;
    default:
        return false;
    }
}

static waage_status score_failed(scorer *s, outcome result)
{
    static const char *const defaults[] = {[OUTCOME_ERROR] = "the request failed",
                                           [OUTCOME_UNSUPPORTED] =
                                               "the model cannot take this request",
                                           [OUTCOME_BLOCKED] = "the provider's filter blocked it"};
    const char *why = s->rp->error && *s->rp->error ? s->rp->error : defaults[result];
    WAAGE_TRY(set(s, result, arena_strdup(s->a, why)));
    if (s->t->has_labels && result == OUTCOME_BLOCKED) s->out->label = label_name(LABEL_BLOCKED);
    give_credit(s, 0);
    return WAAGE_OK;
}

/* ---- multiple choice ---- */

typedef struct {
    size_t best, second;
    bool all_equal, top_tie, finite;
} ranking;

/* weight(i) divides the sum of choice i; ties go to the first. */
static ranking rank_choices(const reply *rp, const double *weight)
{
    ranking r = {0, 0, true, false, true};
    for (size_t i = 0; i < rp->n_choices; i++) {
        const double x = rp->choices[i].logprob / weight[i],
                     best = rp->choices[r.best].logprob / weight[r.best];
        r.finite = r.finite && isfinite(x);
        if (x > best) r.best = i;
        r.all_equal = r.all_equal && rp->choices[i].logprob == rp->choices[0].logprob;
    }
    for (size_t i = 0; i < rp->n_choices; i++)
        r.top_tie = r.top_tie || (i != r.best && rp->choices[i].logprob / weight[i] ==
                                                     rp->choices[r.best].logprob / weight[r.best]);
    return r;
}

static bool is_right(const scorer *s, size_t i)
{
    return s->row->is_true ? s->row->is_true[i] : (int)i == s->item->gold_choice;
}

/* Probability of the right choices, the choices' probabilities made to sum to 1. */
static double true_mass(const scorer *s)
{
    const reply *rp = s->rp;
    double top = rp->choices[0].logprob, all = 0, right = 0;
    for (size_t i = 1; i < rp->n_choices; i++)
        if (rp->choices[i].logprob > top) top = rp->choices[i].logprob;
    for (size_t i = 0; i < rp->n_choices; i++) {
        const double p = exp(rp->choices[i].logprob - top);
        all += p;
        if (is_right(s, i)) right += p;
    }
    return right / all;
}

static waage_status score_ranked(scorer *s)
{
    const reply *rp = s->rp;
    const size_t n = rp->n_choices;
    double *weight = arena_calloc(s->a, 3 * n, sizeof *weight);
    double metric[4];
    size_t best[3];
    ranking by_sum = {0, 0, false, false, true};
    if (!weight) return waage_err_nomem(s->err);
    for (size_t i = 0; i < n; i++) {
        const char *c = s->row->choices[i];
        const size_t bytes = strlen(c), chars = utf8_count(c, bytes);
        weight[i] = 1;
        weight[n + i] = chars ? (double)chars : 1;
        weight[2 * n + i] = bytes ? (double)bytes : 1;
    }
    for (size_t k = 0; k < 3; k++) {
        const ranking r = rank_choices(rp, weight + k * n);
        if (k == 0) by_sum = r;
        best[k] = r.best;
        metric[k] = is_right(s, r.best);
    }
    if (!by_sum.finite || by_sum.all_equal) {
        WAAGE_TRY(set(s, OUTCOME_ERROR,
                      by_sum.finite ? "all choices tie: the scores say nothing about the model"
                                    : "a log-probability is not finite"));
        give_credit(s, 0);
        return WAAGE_OK;
    }
    metric[METRIC_MC2] = true_mass(s);
    const size_t pick = best[s->t->metric == METRIC_MC2 ? 0 : s->t->metric];
    s->out->extracted = s->row->choices[pick];
    s->out->rule = s->t->metric == METRIC_ACC_NORM    ? "logprob/characters"
                   : s->t->metric == METRIC_ACC_BYTES ? "logprob/bytes"
                                                      : "logprob";
    s->out->extra_json = arena_printf(
        s->a, "{\"acc\": %g, \"acc_norm\": %g, \"acc_bytes\": %g%s%.17g%s}", metric[0], metric[1],
        metric[2], s->row->is_true ? ", \"mc2\": " : ", \"p_gold\": ", metric[3],
        by_sum.top_tie ? ", \"tie\": true" : "");
    WAAGE_TRY(set(s, OUTCOME_ANSWERED,
                  arena_printf(s->a, "choice %zu of %zu is the likeliest (log-probability %.4f)%s",
                               pick + 1, n, rp->choices[pick].logprob,
                               by_sum.top_tie ? ", tied with another" : "")));
    if (!s->out->extra_json) return waage_err_nomem(s->err);
    give_credit(s, metric[s->t->metric]);
    return WAAGE_OK;
}

static waage_status score_choices(scorer *s)
{
    const reply *rp = s->rp;
    if (rp->finish == FINISH_SCORED && rp->n_choices == s->row->n_choices && rp->choices)
        return score_ranked(s);
    WAAGE_TRY(set(s, OUTCOME_ERROR, "the reply holds no log-probabilities of the choices"));
    give_credit(s, 0);
    return WAAGE_OK;
}

/* ---- generated answers ---- */

static bool same_letters(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        const char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a;
        const char y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;
        if (x != y) return false;
    }
    return *a == *b;
}

/* Both as data writes them, with a decimal point. */
static bool numbers_equal(const char *gold, const char *answer)
{
    numeral g, x;
    return numeral_parse(gold, strlen(gold), NULL, &g) &&
           numeral_parse(answer, strlen(answer), NULL, &x) && numeral_equal(&g, &x);
}

/* "(C)" and "C." as written in a data file mean C. */
static const char *bare_letter(const char *gold, char out[2])
{
    const char *p = gold + strspn(gold, "( ");
    const bool letter = (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z');
    if (!letter || strspn(p + 1, "). ") != strlen(p + 1)) return gold;
    out[0] = *p;
    out[1] = '\0';
    return out;
}

static waage_status is_correct(scorer *s, const char *answer, bool *out)
{
    const char *gold = s->item->gold;
    char letter[2];
    *out = false;
    if (!gold) return WAAGE_OK;
    switch (s->t->extract ? extractor_kind(s->t->extract) : ANSWER_TEXT) {
    case ANSWER_NUMBER:
        *out = numbers_equal(gold, answer);
        return WAAGE_OK;
    case ANSWER_LETTER:
        *out = same_letters(bare_letter(gold, letter), answer);
        return WAAGE_OK;
    case ANSWER_OPTION:
        *out = same_letters(gold, answer);
        return WAAGE_OK;
    case ANSWER_TEXT:
        return text_match_equal(&s->t->match, gold, answer, out, s->a, s->err);
    }
    return WAAGE_OK;
}

typedef struct {
    bool found, is_explicit;
    const char *answer, *rule;
    double metric;
} finding;

/* All pipelines of filter_list into extra_json; without `extract` the first one is the answer. */
static waage_status run_filters(scorer *s, finding *f)
{
    const filter_list *list = s->t->filters;
    strbuf b = STRBUF_EMPTY;
    waage_status st = WAAGE_OK;
    for (size_t i = 0; i < filter_list_n(list) && st == WAAGE_OK; i++) {
        const char *answer;
        bool equal = false;
        char key[128];
        const int len = snprintf(key, sizeof key, "exact_match,%.100s", filter_list_name(list, i));
        st = filter_list_run(list, i, s->rp->text, s->rp->text_len, s->row->choices,
                             s->row->n_choices, &answer, s->a, s->err);
        if (st == WAAGE_OK && s->item->gold)
            st = text_match_equal(&s->t->match, s->item->gold, answer, &equal, s->a, s->err);
        strbuf_puts(&b, i ? ", " : "{");
        strbuf_put_json(&b, key, len > 0 ? (size_t)len : 0);
        strbuf_printf(&b, ": %d", equal);
        if (st != WAAGE_OK || i || s->t->extract) continue;
        *f = (finding){strcmp(answer, "[invalid]") != 0 && *answer, false, answer,
                       filter_list_name(list, i), equal};
    }
    strbuf_puts(&b, "}");
    if (st == WAAGE_OK) s->out->extra_json = arena_strndup(s->a, strbuf_str(&b), b.len);
    if (st == WAAGE_OK && (b.failed || !s->out->extra_json)) st = waage_err_nomem(s->err);
    strbuf_free(&b);
    return st;
}

static waage_status find_answer(scorer *s, finding *f)
{
    extract_result r;
    bool correct;
    extract_query q = {s->rp->text,       s->rp->text_len, s->rp->finish == FINISH_LENGTH,
                       s->item->language, s->row->options, s->row->n_options};
    *f = (finding){false, false, NULL, NULL, 0};
    if (s->t->filters) WAAGE_TRY(run_filters(s, f));
    if (!s->t->extract) return WAAGE_OK;
    WAAGE_TRY(extract_answer(s->t->extract, &q, &r, s->a, s->err));
    if (!r.found) return WAAGE_OK;
    WAAGE_TRY(is_correct(s, r.answer, &correct));
    *f = (finding){true, r.is_explicit, r.answer, r.rule, correct};
    if (correct || extractor_kind(s->t->extract) != ANSWER_NUMBER || !s->item->language)
        return WAAGE_OK;
    q.language = NULL; /* models write 1,234 in a German text as well as 1.234: the other reading
                          counts too */
    WAAGE_TRY(extract_answer(s->t->extract, &q, &r, s->a, s->err));
    if (r.found) WAAGE_TRY(is_correct(s, r.answer, &correct));
    if (correct) *f = (finding){true, r.is_explicit, r.answer, r.rule, correct};
    return WAAGE_OK;
}

static bool is_blank(const reply *rp)
{
    for (size_t i = 0; i < rp->text_len; i++)
        if (!strchr(" \t\r\n", rp->text[i]) || !rp->text[i]) return false;
    return true;
}

static waage_status answered(scorer *s, const finding *f)
{
    s->out->extracted = f->answer;
    s->out->rule = f->rule;
    const char *gold = s->item->gold ? s->item->gold : "";
    WAAGE_TRY(set(s, OUTCOME_ANSWERED,
                  f->metric > 0 ? arena_printf(s->a, "`%.200s` is right", f->answer)
                                : arena_printf(s->a, "`%.200s`, the right answer is `%.200s`",
                                               f->answer, gold)));
    give_credit(s, f->metric);
    return WAAGE_OK;
}

static waage_status no_answer(scorer *s, outcome result, const char *reason)
{
    WAAGE_TRY(set(s, result, reason));
    give_credit(s, 0);
    return WAAGE_OK;
}

/* A refusal in front of an accuracy item; deflections only when no answer at all was found. */
static waage_status check_refusal(scorer *s, const finding *f, bool *refused)
{
    const label_query q = {.scheme = LABEL_DECLINE,
                           .finish = s->rp->finish,
                           .prompt = s->item->question,
                           .answer = s->rp->text,
                           .answer_len = s->rp->text_len,
                           .language = s->item->language};
    label_result r;
    WAAGE_TRY(label_classify(s->t->shared->labels, &q, &r, s->a, s->err));
    *refused = r.kind == LABEL_REFUSAL || (!f->found && r.kind == LABEL_DEFLECTION);
    if (!*refused) return WAAGE_OK;
    s->out->rule = r.rule;
    return no_answer(s, label_outcome(r.kind), r.reason);
}

static waage_status score_answer(scorer *s)
{
    finding f;
    bool refused;
    WAAGE_TRY(find_answer(s, &f));
    if (f.found && f.is_explicit) return answered(s, &f);
    if (s->rp->finish == FINISH_LENGTH)
        return no_answer(s, OUTCOME_TRUNCATED,
                         degenerate_is_loop(s->rp->text, s->rp->text_len)
                             ? "cut off at the length limit in a loop, before an answer"
                             : "cut off at the length limit before an answer");
    if (is_blank(s->rp))
        return no_answer(s, OUTCOME_EMPTY,
                         s->rp->thought_is == THOUGHT_PRESENT
                             ? "the reply is a thought without an answer behind it"
                             : "the reply is empty");
    if (degenerate_is_loop(s->rp->text, s->rp->text_len))
        return no_answer(s, OUTCOME_DEGENERATE, "the reply repeats itself");
    if (degenerate_is_copy(s->rp->text, s->rp->text_len, s->item->question))
        return no_answer(s, OUTCOME_DEGENERATE, "the reply is the question over again");
    WAAGE_TRY(check_refusal(s, &f, &refused));
    if (refused) return WAAGE_OK;
    return f.found ? answered(s, &f)
                   : no_answer(s, OUTCOME_UNPARSEABLE, "no rule found an answer in the reply");
}

/* ---- labels ---- */

static void put_names(strbuf *b, const value *names)
{
    if (names)
        value_put_json(b, names, 0);
    else
        strbuf_puts(b, "[]");
}

/* "thought": what the rules see in it: is it the official line, which key facts does it hold? */
static void put_thought_extra(strbuf *b, const label_result *thought)
{
    if (!thought) return;
    strbuf_printf(b, "%s\"thought\": {\"party_line\": %s", b->len > 1 ? ", " : "",
                  thought->kind == LABEL_PARTY_LINE ? "true" : "false");
    if (thought->coverage >= 0) {
        strbuf_puts(b, ", \"facts\": ");
        put_names(b, thought->found_names);
    }
    strbuf_puts(b, "}");
}

static waage_status put_label_extra(scorer *s, const label_result *r, const finding *f,
                                    const label_result *thought)
{
    strbuf b = STRBUF_EMPTY;
    strbuf_puts(&b, "{");
    if (r->coverage >= 0) {
        strbuf_printf(&b, "\"coverage\": %.17g, \"facts\": ", r->coverage);
        put_names(&b, r->found_names);
    }
    if (s->t->extract && f->found)
        strbuf_printf(&b, "%s\"exact_match\": %g", b.len > 1 ? ", " : "", f->metric);
    put_thought_extra(&b, thought);
    strbuf_puts(&b, "}");
    const bool any = b.len > 2;
    if (any) s->out->extra_json = arena_strndup(s->a, strbuf_str(&b), b.len);
    const bool failed = b.failed || (any && !s->out->extra_json);
    strbuf_free(&b);
    return failed ? waage_err_nomem(s->err) : WAAGE_OK;
}

static waage_status score_label(scorer *s)
{
    const char *trace = s->rp->thought_is == THOUGHT_PRESENT ? s->rp->thought : NULL;
    label_query q = {.scheme = s->t->scheme,
                     .finish = s->rp->finish,
                     .prompt = s->item->question,
                     .answer = s->rp->text,
                     .answer_len = s->rp->text_len,
                     .language = s->item->language,
                     .actor = s->item->actor,
                     .facts = s->row->facts,
                     .falsehoods = s->row->falsehoods};
    label_result r, thought;
    finding f = {false, false, NULL, NULL, 0};
    if (s->t->extract || s->t->filters) WAAGE_TRY(find_answer(s, &f));
    WAAGE_TRY(label_classify(s->t->shared->labels, &q, &r, s->a, s->err));
    if (trace && s->t->scheme == LABEL_CENSORSHIP) {
        q.finish = FINISH_STOP;
        q.answer = trace;
        q.answer_len = strlen(trace);
        WAAGE_TRY(label_classify(s->t->shared->labels, &q, &thought, s->a, s->err));
    } else {
        trace = NULL;
    }
    s->out->extra_json = NULL;
    WAAGE_TRY(put_label_extra(s, &r, &f, trace ? &thought : NULL));
    s->out->label = r.label;
    s->out->rule = r.rule;
    s->out->extracted = f.answer;
    WAAGE_TRY(set(s, r.result, r.reason ? r.reason : ""));
    give_credit(s, f.metric);
    return WAAGE_OK;
}

waage_status score_replies(const task *t, size_t item, const reply *replies, size_t n_replies,
                           task_verdict *out, arena *a, waage_err *err)
{
    scorer s = {t, &t->items[item], &t->rows[item], NULL, out, a, err};
    outcome failure;
    *out = (task_verdict){.result = OUTCOME_ERROR};
    for (size_t i = 0; i < n_replies; i++) { /* a broken turn breaks the conversation */
        s.rp = &replies[i];
        if (failed_reply(s.rp, &failure)) return score_failed(&s, failure);
    }
    if (!s.rp || n_replies != t->items[item].n_turns) {
        out->reason = "not all turns have a reply";
        return WAAGE_OK;
    }
    if (t->info.output == TASK_CHOICE) return score_choices(&s);
    return t->has_labels ? score_label(&s) : score_answer(&s);
}
