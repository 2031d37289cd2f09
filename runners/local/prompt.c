/* prompt.c - rendering and tokenising. Only the template's own text may contain control tokens;
 * what comes from data is tokenised as plain text, so that no question can forge a turn. */
#include "runners/local/prompt.h"
#include <string.h>
#include "harness/base/unicode.h"
#include "harness/base/utf8.h"
#include "harness/base/value.h"
#include "runners/local/detokenizer.h"

/* Name of a special token for the template, "" when the model has none. */
static value *token_text(arena *a, const tokenizer *t, int32_t id)
{
    size_t len = 0;
    const char *s = id >= 0 ? tokenizer_piece(t, id, &len) : "";
    return value_strn(a, s, len);
}

waage_status prompt_model_vars(value **out, const tokenizer *t, arena *a, waage_err *err)
{
    const tokenizer_info *ti = tokenizer_get_info(t);
    value *vars = value_map(a);
    *out = vars;
    return value_map_set(a, vars, "bos_token", token_text(a, t, ti->bos)) &&
                   value_map_set(a, vars, "eos_token", token_text(a, t, ti->eos)) &&
                   value_map_set(a, vars, "unk_token", token_text(a, t, ti->unk)) &&
                   value_map_set(a, vars, "pad_token", token_text(a, t, ti->pad))
               ? WAAGE_OK
               : waage_err_nomem(err);
}

/* No thought: because it is switched off, or because there is no room for one. */
static bool answers_at_once(const request *rq)
{
    return rq->think.effort == REASONING_OFF || rq->kind == REQUEST_LOGLIK || rq->answer_prefix;
}

/* The names that templates have for this. What is not said is left to the template. */
static bool put_reasoning(value *vars, const request *rq, arena *a)
{
    static const char *const efforts[] = {[REASONING_OFF] = "low",
                                          [REASONING_LOW] = "low",
                                          [REASONING_MEDIUM] = "medium",
                                          [REASONING_HIGH] = "high"};
    const bool off = answers_at_once(rq);
    const bool said = off || rq->think.effort != REASONING_DEFAULT || rq->think.budget > 0;
    const char *effort = efforts[rq->think.effort];
    if (said && (!value_map_set(a, vars, "enable_thinking", value_bool(a, !off)) ||
                 !value_map_set(a, vars, "thinking", value_bool(a, !off))))
        return false;
    return !effort || value_map_set(a, vars, "reasoning_effort", value_str(a, effort));
}

static bool put_message(value *list, const request *rq, size_t i, arena *a)
{
    const value *more = rq->message_fields ? rq->message_fields[i] : NULL;
    value *m = value_map(a);
    bool ok = value_map_set(a, m, "role", value_str(a, rq->messages[i].role)) &&
              value_map_set(a, m, "content", value_str(a, rq->messages[i].content));
    for (size_t k = 0; ok && k < value_len(more); k++)
        ok = value_map_set(a, m, more->u.map.pairs[k].key, more->u.map.pairs[k].val);
    return ok && value_list_add(a, list, m);
}

/* A copy of the list alone: variables of a template are not written to. */
static bool put_tools(value *vars, const request *rq, arena *a)
{
    value *list = value_list(a);
    bool ok = list != NULL;
    if (!rq->tools) return true;
    for (size_t i = 0; ok && i < value_len(rq->tools); i++)
        ok = value_list_add(a, list, rq->tools->u.list.items[i]);
    return ok && value_map_set(a, vars, "tools", list);
}

static waage_status template_vars(value **out, const prompt_maker *pm, const request *rq, arena *a,
                                  waage_err *err)
{
    value *vars, *list = value_list(a);
    bool ok = true;
    WAAGE_TRY(prompt_model_vars(&vars, pm->tok, a, err));
    for (size_t i = 0; ok && i < rq->n_messages; i++)
        ok = put_message(list, rq, i, a);
    ok = ok && value_map_set(a, vars, "messages", list) && put_tools(vars, rq, a) &&
         value_map_set(a, vars, "add_generation_prompt", value_bool(a, true));
    ok = ok && put_reasoning(vars, rq, a);
    *out = vars;
    return ok ? WAAGE_OK : waage_err_nomem(err);
}

/* Template text that has to follow the rendered text (len), "" when there is none. *part: what the
 * model then goes on with. */
static const char *end_of_prompt(const prompt_maker *pm, const request *rq,
                                 const template_output *o, part_kind *part)
{
    const channels *ch = pm->ch;
    *part = PART_ANSWER;
    if (!ch) return "";
    *part = channels_part_behind(ch, o->text, o->len);
    if (*part == PART_THOUGHT && o->n_spans > 0 && o->spans[o->n_spans - 1].data)
        *part = PART_ANSWER; /* the user wrote it */
    if (!answers_at_once(rq)) return "";
    const part_kind was = *part;
    *part = PART_ANSWER;
    if (ch->is_harmony) return was == PART_HIDDEN ? ch->no_thought : "";
    if (was == PART_THOUGHT) return ch->end_thought;
    const bool has_switch =
        template_uses(pm->chat, "enable_thinking") || template_uses(pm->chat, "thinking");
    const bool asked = rq->think.effort == REASONING_OFF;
    return asked && ch->thinks && !has_switch ? ch->no_thought : "";
}

/* Text of a chat: the rendered template, and behind it the beginning of the answer, if any. */
static waage_status render_chat(prompt *p, const prompt_maker *pm, const request *rq, arena *a,
                                waage_err *err)
{
    if (!pm->chat)
        return waage_err_set(err, WAAGE_EUNSUPPORTED, "no chat: %s",
                             pm->no_chat ? pm->no_chat : "the model has no chat template");
    value *vars;
    template_output o;
    WAAGE_TRY(template_vars(&vars, pm, rq, a, err));
    WAAGE_TRY(template_render(pm->chat, vars, pm->date, &o, a, err));
    const char *tail = end_of_prompt(pm, rq, &o, &p->part);
    const size_t n_tail = strlen(tail), prefix = rq->answer_prefix ? strlen(rq->answer_prefix) : 0;
    char *text = arena_alloc(a, o.len + n_tail + prefix + 1);
    tokenizer_span *spans = arena_alloc(a, (o.n_spans + 1) * sizeof *spans);
    if (!text || !spans) return waage_err_nomem(err);
    memcpy(text, o.text, o.len);
    memcpy(text + o.len, tail, n_tail);
    if (prefix > 0) memcpy(text + o.len + n_tail, rq->answer_prefix, prefix);
    text[o.len + n_tail + prefix] = '\0';
    for (size_t i = 0; i < o.n_spans; i++)
        if (!o.spans[i].data && o.spans[i].end > o.spans[i].start)
            spans[p->n_spans++] =
                (tokenizer_span){o.spans[i].start, o.spans[i].end - o.spans[i].start, true};
    if (n_tail > 0) spans[p->n_spans++] = (tokenizer_span){o.len, n_tail, true};
    p->text = text;
    p->len = o.len + n_tail + prefix;
    p->spans = spans;
    return WAAGE_OK;
}

/* An empty prompt still needs a token to predict from. */
static waage_status ensure_token(prompt *p, const prompt_maker *pm, arena *a, waage_err *err)
{
    const tokenizer_info *ti = tokenizer_get_info(pm->tok);
    if (p->n > 0) return WAAGE_OK;
    int32_t *id = arena_alloc(a, sizeof *id);
    if (!id) return waage_err_nomem(err);
    *id = ti->bos >= 0 ? ti->bos : ti->eos;
    if (*id < 0)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "an empty prompt, and the model has no token to begin with");
    p->ids = id;
    p->n = 1;
    return WAAGE_OK;
}

/* A prompt of ids: nothing is added; its text is for people. */
static waage_status take_ids(prompt *p, const prompt_maker *pm, const request *rq, arena *a,
                             waage_err *err)
{
    const size_t n_vocab = tokenizer_get_info(pm->tok)->n_tokens;
    strbuf text = STRBUF_EMPTY;
    detokenizer d;
    detokenizer_init(&d, pm->tok, true, true);
    for (size_t i = 0; i < rq->n_prompt_ids; i++) {
        const int32_t id = rq->prompt_ids[i];
        if (id < 0 || (size_t)id >= n_vocab) {
            strbuf_free(&text);
            return waage_err_set(err, WAAGE_EINVAL,
                                 "token %zu is %d; the vocabulary has %zu tokens", i, id, n_vocab);
        }
        detokenizer_put(&d, id, &text);
    }
    detokenizer_end(&d, &text);
    p->text = text.failed ? NULL : arena_strndup(a, strbuf_str(&text), text.len);
    p->len = text.len;
    strbuf_free(&text);
    p->ids = rq->prompt_ids;
    p->n = rq->n_prompt_ids;
    return p->text ? ensure_token(p, pm, a, err) : waage_err_nomem(err);
}

waage_status prompt_make(prompt *out, const prompt_maker *pm, const request *rq, arena *a,
                         waage_err *err)
{
    *out = (prompt){0};
    if (rq->proto == PROTOCOL_COMPLETION && rq->prompt_ids) return take_ids(out, pm, rq, a, err);
    if (rq->proto == PROTOCOL_CHAT) {
        WAAGE_TRY(render_chat(out, pm, rq, a, err));
    } else {
        out->text = rq->prompt ? rq->prompt : "";
        out->len = strlen(out->text);
    }
    WAAGE_TRY(tokenizer_encode_spans(pm->tok, out->text, out->len, out->spans, out->n_spans, true,
                                     a, &out->ids, &out->n, err));
    return ensure_token(out, pm, a, err);
}

/* Length of the text without the blanks at its end. */
static size_t length_without_blanks(const char *s, size_t len)
{
    while (len > 0) {
        size_t at = len - 1;
        uint32_t cp;
        while (at > 0 && len - at < 4 && ((unsigned char)s[at] & 0xC0) == 0x80)
            at--;
        (void)utf8_decode(s + at, len - at, &cp);
        if (!unicode_is_space(cp)) break;
        len = at;
    }
    return len;
}

/* Spans that lie before `len`; the last one may be shortened. */
static size_t clip_spans(tokenizer_span *out, const prompt *p, size_t len)
{
    size_t n = 0;
    for (; n < p->n_spans && p->spans[n].offset < len; n++) {
        out[n] = p->spans[n];
        if (out[n].offset + out[n].len > len) out[n].len = len - out[n].offset;
    }
    return n;
}

/* Where the continuation begins: behind as many tokens as the prompt has alone. A continuation that
 * melted into the prompt's last token is scored from the first token that differs. */
static size_t find_cut(const int32_t *all, size_t n_all, const int32_t *ctx, size_t n_ctx)
{
    if (n_ctx < n_all) return n_ctx > 0 ? n_ctx : 1;
    size_t i = 0;
    while (i + 1 < n_all && all[i] == ctx[i])
        i++;
    return i > 0 ? i : 1;
}

/* stands_in: the prompt has no tokens; ctx is the one that ensure_token() put in their place. */
static waage_status make_choice(prompt_choice *out, const prompt_maker *pm, const prompt *p,
                                const char *choice, const prompt *ctx, bool stands_in, arena *a,
                                waage_err *err)
{
    const size_t n = strlen(choice);
    char *text = arena_alloc(a, p->len + n + 1);
    if (!text) return waage_err_nomem(err);
    memcpy(text, p->text, p->len);
    memcpy(text + p->len, choice, n + 1);
    prompt all = {0};
    WAAGE_TRY(tokenizer_encode_spans(pm->tok, text, p->len + n, p->spans, p->n_spans, true, a,
                                     &all.ids, &all.n, err));
    if (all.n == 0 || (stands_in && all.ids[0] != ctx->ids[0])) {
        /* nothing in front, not even a BOS: the token that stands in for it goes first */
        int32_t *ids = arena_alloc(a, (all.n + 1) * sizeof *ids);
        if (!ids) return waage_err_nomem(err);
        ids[0] = ctx->ids[0];
        if (all.n > 0) memcpy(ids + 1, all.ids, all.n * sizeof *ids);
        all.ids = ids;
        all.n++;
    }
    *out = (prompt_choice){all.ids, all.n, find_cut(all.ids, all.n, ctx->ids, ctx->n)};
    if (out->cut < out->n) return WAAGE_OK;
    return waage_err_set(err, WAAGE_EUNSUPPORTED,
                         "the continuation '%.60s' has no token of its own to score", choice);
}

waage_status prompt_make_choices(prompt_choice **out, const prompt_maker *pm, const prompt *p,
                                 const request *rq, arena *a, waage_err *err)
{
    if (rq->prompt_ids)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "continuations are scored behind a text, not behind token ids");
    prompt ctx = {.text = p->text, .len = length_without_blanks(p->text, p->len)};
    tokenizer_span *spans = arena_alloc(a, (p->n_spans + 1) * sizeof *spans);
    prompt_choice *c = arena_calloc(a, rq->n_choices, sizeof *c);
    if (!spans || !c) return waage_err_nomem(err);
    ctx.n_spans = clip_spans(spans, p, ctx.len);
    ctx.spans = spans;
    WAAGE_TRY(tokenizer_encode_spans(pm->tok, ctx.text, ctx.len, spans, ctx.n_spans, true, a,
                                     &ctx.ids, &ctx.n, err));
    const bool stands_in = ctx.n == 0;
    WAAGE_TRY(ensure_token(&ctx, pm, a, err));
    for (size_t i = 0; i < rq->n_choices; i++)
        WAAGE_TRY(make_choice(&c[i], pm, p, rq->choice[i], &ctx, stands_in, a, err));
    *out = c;
    return WAAGE_OK;
}
