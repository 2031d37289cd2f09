/* answer.c - text assembly. Tags are looked for in the text, since not every vocabulary has them as
 * tokens; harmony's markers are tokens, and only these count. */
#include "runners/local/answer.h"
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Position of needle (n) in s at or after from, complete before end; SIZE_MAX: not there. */
static size_t find(const char *s, size_t end, size_t from, const char *needle, size_t n)
{
    for (size_t i = from; n > 0 && i + n <= end; i++)
        if (s[i] == needle[0] && memcmp(s + i, needle, n) == 0) return i;
    return SIZE_MAX;
}

/* Length of the longest end of s[from..len) that begins the word, without being all of it. */
static size_t begun(const char *s, size_t len, size_t from, const char *word)
{
    size_t n = strlen(word);
    if (n == 0) return 0;
    if (n > len - from) n = len - from + 1;
    while (--n > 0 && memcmp(s + len - n, word, n) != 0)
        ;
    return n;
}

/* ---- Parts ---- */

static void put_part(answer *a, size_t at, part_kind kind)
{
    if (a->n_parts == a->cap_parts) {
        const size_t cap = a->cap_parts ? 2 * a->cap_parts : 4;
        answer_part *p = realloc(a->part, cap * sizeof *p);
        if (!p) { /* the text is void as well: answer_split says so */
            a->text.failed = true;
            return;
        }
        a->part = p;
        a->cap_parts = cap;
    }
    a->part[a->n_parts++] = (answer_part){at, kind};
    a->marker_from = a->stop_from = at;
}

static answer_part *last_part(const answer *a)
{
    return a->n_parts > 0 ? &a->part[a->n_parts - 1] : NULL;
}

static part_kind kind_now(const answer *a)
{
    return a->n_parts > 0 ? a->part[a->n_parts - 1].kind : PART_HIDDEN;
}

static bool had_thought(const answer *a)
{
    for (size_t i = 0; i < a->n_parts; i++)
        if (a->part[i].kind == PART_THOUGHT) return true;
    return false;
}

void answer_init(answer *a, const tokenizer *t, const request *rq, const channels *ch,
                 part_kind first)
{
    *a = (answer){
        .ch = ch, .stop = rq->stop, .n_stop = rq->n_stop, .budget = ch ? rq->think.budget : 0};
    for (size_t i = 0; i < a->n_stop; i++)
        if (strlen(a->stop[i]) > a->longest_stop) a->longest_stop = strlen(a->stop[i]);
    put_part(a, 0, ch ? first : PART_ANSWER);
    detokenizer_init(&a->detok, t, false, false);
}

/* ---- Stop strings ---- */

/* Cut at the first stop string that is complete before `end`. */
static bool cut_at_stop(answer *a, size_t end)
{
    size_t cut = SIZE_MAX;
    for (size_t i = 0; i < a->n_stop; i++) {
        const size_t n = strlen(a->stop[i]);
        const size_t at = find(strbuf_str(&a->text), end, a->stop_from, a->stop[i], n);
        if (at < cut) cut = at;
    }
    if (cut != SIZE_MAX) {
        strbuf_truncate(&a->text, cut);
        a->stopped = true;
    } else if (a->longest_stop > 0 && end + 1 > a->stop_from + a->longest_stop) {
        a->stop_from = end + 1 - a->longest_stop;
    }
    return a->stopped;
}

/* ---- Tags ---- */

/* The blank lines behind a thought are no part of the answer, so no stop string either. */
static void skip_blanks(answer *a)
{
    answer_part *p = last_part(a);
    while (a->skips_blanks && p->at < a->text.len)
        if (is_blank(a->text.s[p->at]))
            p->at++;
        else
            a->skips_blanks = false;
    if (a->stop_from < p->at) a->stop_from = p->at;
    if (a->marker_from < p->at) a->marker_from = p->at;
}

static void end_thought(answer *a, size_t at)
{
    put_part(a, at, PART_HIDDEN);
    put_part(a, at + strlen(a->ch->closer), PART_ANSWER);
    a->skips_blanks = true;
}

/* In a thought: look for its end. False: it is not there. */
static bool leave_thought(answer *a)
{
    const size_t n = strlen(a->ch->closer), len = a->text.len;
    const size_t at = find(strbuf_str(&a->text), len, a->marker_from, a->ch->closer, n);
    if (at == SIZE_MAX) {
        if (len + 1 > a->marker_from + n) a->marker_from = len + 1 - n;
        return false;
    }
    end_thought(a, at);
    return true;
}

/* In the answer: look for a thought, and before it for a stop string. False: go on when there is
 * more text. */
static bool enter_thought(answer *a, bool ended)
{
    const char *opener = a->ch->opener, *closer = a->ch->closer;
    skip_blanks(a);
    const char *s = strbuf_str(&a->text);
    const size_t len = a->text.len, from = a->marker_from;
    const size_t open = find(s, len, from, opener, strlen(opener));
    const bool closes = a->owes_closer || !had_thought(a);
    const size_t close = closes ? find(s, len, from, closer, strlen(closer)) : SIZE_MAX;
    const size_t marker = open < close ? open : close;
    size_t end = marker;
    if (marker == SIZE_MAX) {
        const size_t x = begun(s, len, from, opener), y = begun(s, len, from, closer);
        end = ended ? len : len - (x > y ? x : y);
    }
    if (cut_at_stop(a, end)) return false;
    if (marker == SIZE_MAX) {
        a->marker_from = end;
        return false;
    }
    if (open < close) {
        put_part(a, open, PART_HIDDEN);
        put_part(a, open + strlen(opener), PART_THOUGHT);
    } else if (a->owes_closer) {
        a->owes_closer = false;
        end_thought(a, close);
    } else {
        for (size_t i = 0; i < a->n_parts; i++)
            a->part[i].kind = PART_THOUGHT;
        a->n_thought += a->n_answer;
        a->n_answer = 0;
        end_thought(a, close);
    }
    return true;
}

/* What has come may hold several markers. */
static void scan_text(answer *a, bool ended)
{
    if (a->text.failed || a->stopped) return;
    if (!a->ch || a->ch->is_harmony) {
        if (kind_now(a) == PART_ANSWER) (void)cut_at_stop(a, a->text.len);
        return;
    }
    while (!a->text.failed &&
           (kind_now(a) == PART_THOUGHT ? leave_thought(a) : enter_thought(a, ended)))
        ;
}

/* ---- Tokens ---- */

/* <|start|>HEADER<|message|>BODY<|end|>: bodies by their header, the rest is hidden. */
static bool put_harmony(answer *a, int32_t id)
{
    size_t m = 0;
    while (m < HARMONY_COUNT && a->ch->id[m] != id)
        m++;
    if (m == HARMONY_COUNT) return false;
    detokenizer_end(&a->detok, &a->text);
    scan_text(a, false);
    if (a->stopped) return true;
    const bool begins = m == HARMONY_CHANNEL && kind_now(a) != PART_HIDDEN;
    if (m == HARMONY_START || m == HARMONY_END || begins) put_part(a, a->text.len, PART_HIDDEN);
    strbuf_puts(&a->text, channels_harmony_names[m]);
    const answer_part *p = last_part(a);
    if (m == HARMONY_MESSAGE && p && !a->text.failed) {
        const size_t at = p->at;
        const part_kind kind = channels_part_of_header(a->text.s + at, a->text.len - at);
        put_part(a, a->text.len, kind);
    }
    a->saw_marker = true;
    return true;
}

/* Tags that are control tokens have a name, but no text. */
static bool put_tag(answer *a, int32_t id)
{
    size_t n;
    if (tokenizer_type(a->detok.tok, id) != TOKEN_CONTROL) return false;
    const char *s = tokenizer_piece(a->detok.tok, id, &n);
    const char *const names[] = {a->ch->opener, a->ch->closer};
    for (size_t i = 0; i < 2; i++) {
        if (strlen(names[i]) != n || memcmp(names[i], s, n) != 0) continue;
        detokenizer_end(&a->detok, &a->text);
        strbuf_put(&a->text, s, n);
        return true;
    }
    return false;
}

static void put_text(answer *a, int32_t id)
{
    const bool is_marker = a->ch && (a->ch->is_harmony ? put_harmony(a, id) : put_tag(a, id));
    if (!is_marker) detokenizer_put(&a->detok, id, &a->text);
    scan_text(a, false);
}

bool answer_put(answer *a, int32_t id)
{
    if (kind_now(a) == PART_THOUGHT) a->n_thought++;
    if (kind_now(a) == PART_ANSWER) a->n_answer++;
    put_text(a, id);
    return a->stopped;
}

bool answer_wants_end(const answer *a)
{
    return a->budget > 0 && a->n_thought >= a->budget && kind_now(a) == PART_THOUGHT;
}

void answer_force(answer *a, const int32_t *ids, size_t n)
{
    detokenizer_end(&a->detok, &a->text); /* a character that was cut off */
    for (size_t i = 0; i < n; i++)
        put_text(a, ids[i]);
    a->owes_closer = true;
    a->n_forced++;
}

void answer_end(answer *a)
{
    a->ended = true;
    if (a->stopped) return;
    detokenizer_end(&a->detok, &a->text);
    scan_text(a, true);
}

/* ---- Results ---- */

/* Bytes at the end of the text that could grow into a stop string, or that wait to be told from a
 * marker. */
static size_t held_back(const answer *a)
{
    const char *s = strbuf_str(&a->text);
    const size_t len = a->text.len;
    size_t held = 0;
    const part_kind kind = kind_now(a);
    if (a->stopped || a->ended || kind == PART_HIDDEN) return 0;
    if (a->ch && !a->ch->is_harmony)
        held = kind == PART_THOUGHT ? begun(s, len, last_part(a)->at, a->ch->closer)
                                    : len - (a->marker_from < len ? a->marker_from : len);
    if (kind == PART_THOUGHT) return held;
    for (size_t i = 0; i < a->n_stop && a->stop_from < len; i++) {
        const size_t n = begun(s, len, a->stop_from, a->stop[i]);
        if (n > held) held = n;
    }
    return held;
}

static bool all_blank(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_blank(s[i])) return false;
    return true;
}

/* A part of blanks alone counts only as the end of an answer (see collect()): until that is known
 * it waits. False: it waits. */
static bool judge_blanks(const answer *a, bool is_last, part_kind *kind)
{
    if (!a->ch || *kind == PART_HIDDEN) return true;
    if (is_last && !a->ended && !a->stopped) return false;
    if (!is_last || *kind == PART_THOUGHT) *kind = PART_HIDDEN;
    return true;
}

bool answer_stream(answer *a, part_kind *kind, const char **text, size_t *len)
{
    const char *s = strbuf_str(&a->text);
    size_t i = 0, end = a->text.len - held_back(a);
    if (end <= a->n_streamed || a->n_parts == 0) return false;
    while (i + 1 < a->n_parts && a->part[i + 1].at <= a->n_streamed)
        i++;
    const answer_part *p = &a->part[i];
    const bool is_last = i + 1 == a->n_parts;
    if (!is_last && p[1].at < end) end = p[1].at;
    *kind = p->kind;
    if (all_blank(s + p->at, end - p->at) && !judge_blanks(a, is_last, kind)) return false;
    *text = s + a->n_streamed;
    *len = end - a->n_streamed;
    a->n_streamed = end;
    return true;
}

/* Blocks of thought, one behind the other; an empty one shows only when there is no other. */
static void add_thought(answer *a, reply *rp, const char *s, size_t len)
{
    const bool blank = all_blank(s, len);
    if (blank && rp->thought_is == THOUGHT_PRESENT) return;
    if (rp->thought_is == THOUGHT_PRESENT)
        strbuf_puts(&a->thought_text, "\n\n");
    else
        strbuf_clear(&a->thought_text);
    strbuf_put(&a->thought_text, s, len);
    rp->thought_is = blank ? THOUGHT_EMPTY : THOUGHT_PRESENT;
}

static void collect(answer *a, reply *rp)
{
    const bool plain =
        a->ch && a->ch->is_harmony && !a->saw_marker && a->part[0].kind == PART_HIDDEN;
    for (size_t i = 0; i < a->n_parts; i++) {
        const answer_part *p = &a->part[i];
        const bool is_last = i + 1 == a->n_parts;
        const size_t end = is_last ? a->text.len : p[1].at;
        const char *s = strbuf_str(&a->text) + p->at;
        const size_t len = end > p->at ? end - p->at : 0;
        if (p->kind == PART_ANSWER || plain) {
            if (is_last || !all_blank(s, len)) strbuf_put(&a->answer_text, s, len);
        } else if (p->kind == PART_THOUGHT) {
            add_thought(a, rp, s, len);
        }
    }
}

waage_status answer_split(answer *a, reply *rp, waage_err *err)
{
    rp->thought = NULL;
    rp->thought_is = THOUGHT_ABSENT;
    WAAGE_TRY(strbuf_check(&a->text, err));
    collect(a, rp);
    WAAGE_TRY(strbuf_check(&a->answer_text, err));
    WAAGE_TRY(strbuf_check(&a->thought_text, err));
    rp->text = strbuf_str(&a->answer_text);
    rp->text_len = a->answer_text.len;
    if (rp->thought_is != THOUGHT_ABSENT) rp->thought = strbuf_str(&a->thought_text);
    rp->thought_tokens = a->n_thought;
    rp->forced_closes = a->n_forced;
    return WAAGE_OK;
}

void answer_free(answer *a)
{
    free(a->part);
    strbuf_free(&a->text);
    strbuf_free(&a->thought_text);
    strbuf_free(&a->answer_text);
}
