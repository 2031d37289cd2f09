/* store_exchange.c - what went over the wire, compressed: one row an exchange, numbered on from
 * those that an earlier attempt left. */
#include "harness/base/packed.h"
#include "harness/store_blob.h"
#include "harness/store_db.h"
#include <string.h>

/* A reply that the transport let through is far smaller; a damaged file must not fill the memory.
 */
static const size_t max_body = (size_t)1 << 28;

/* A request that is the one before, sent again, is stored once. */
static bool is_again(const wire_exchange *x, size_t i)
{
    return i > 0 && x[i].n_sent == x[i - 1].n_sent &&
           memcmp(x[i].sent, x[i - 1].sent, x[i].n_sent) == 0;
}

static waage_status put_one(store *s, const store_response *r, size_t i, waage_err *err)
{
    const wire_exchange *x = &r->exchanges[i];
    db_binder b;
    strbuf_clear(&s->scratch[0]);
    strbuf_clear(&s->scratch[1]);
    if (!is_again(r->exchanges, i)) WAAGE_TRY(packed_put(&s->scratch[0], x->sent, x->n_sent, err));
    WAAGE_TRY(packed_put(&s->scratch[1], x->got, x->n_got, err));
    WAAGE_TRY(db_begin_put(s, STORE_SQL_PUT_EXCHANGE, &b, err));
    db_put_text(&b, r->key.model);
    db_put_text(&b, r->key.task);
    db_put_text(&b, protocol_name(r->key.proto));
    db_put_text(&b, r->key.item);
    db_put_int(&b, r->key.sample);
    db_put_int(&b, r->key.turn);
    db_put_int(&b, x->status);
    db_put_text(&b, x->at);
    db_put_real(&b, x->ms);
    db_put_text(&b, x->fault);
    db_put_blob(&b, &s->scratch[0]);
    db_put_blob(&b, &s->scratch[1]);
    return db_finish_put(s, &b, "store an exchange", err);
}

waage_status store_put_exchanges(store *s, const store_response *r, waage_err *err)
{
    for (size_t i = 0; i < r->n_exchanges; i++)
        WAAGE_TRY(put_one(s, r, i, err));
    return WAAGE_OK;
}

/* ---- reading ---- */

typedef struct {
    store_each_exchange *each;
    void *ctx;
    strbuf sent, got;
} reading;

static waage_status unpack(db_row *r, strbuf *out, waage_err *err)
{
    size_t len = 0;
    const void *frame = db_get_blob(r, &len);
    if (!frame) return WAAGE_OK; /* as before */
    strbuf_clear(out);
    return packed_get(out, frame, len, max_body, err);
}

static waage_status read_one(db_row *r, void *ctx, waage_err *err)
{
    reading *to = ctx;
    store_exchange x = {0};
    x.key.model = db_need_text(r);
    x.key.task = db_need_text(r);
    const char *name = db_get_name(r);
    if (!name || !protocol_from_name(&x.key.proto, name)) r->bad = "unknown protocol";
    x.key.item = db_need_text(r);
    x.key.sample = db_get_u32(r);
    x.key.turn = db_get_u32(r);
    x.number = db_get_u32(r);
    x.wire.status = db_get_i32(r);
    x.wire.at = db_get_text(r);
    x.wire.ms = db_get_real(r);
    x.wire.fault = db_get_text(r);
    if (r->bad || r->nomem) return WAAGE_OK; /* the caller reports it */
    WAAGE_TRY(unpack(r, &to->sent, err));
    WAAGE_TRY(unpack(r, &to->got, err));
    x.wire.sent = strbuf_str(&to->sent);
    x.wire.n_sent = to->sent.len;
    x.wire.got = strbuf_str(&to->got);
    x.wire.n_got = to->got.len;
    return to->each(to->ctx, &x, err);
}

waage_status store_read_exchanges(store *s, store_each_exchange *each, void *ctx, waage_err *err)
{
    reading to = {each, ctx, STRBUF_EMPTY, STRBUF_EMPTY};
    to.sent.max = to.got.max = max_body;
    const waage_status st = db_each_row(s, STORE_SQL_READ_EXCHANGES, read_one, &to, err);
    strbuf_free(&to.sent);
    strbuf_free(&to.got);
    return st;
}

typedef struct {
    double *dollars;
    uint64_t *tokens;
} spent;

static waage_status read_sums(db_row *r, void *ctx, waage_err *err)
{
    const spent *to = ctx;
    (void)err;
    *to->dollars = db_get_real(r);
    const double tokens = db_get_real(r);
    *to->tokens = tokens > 0 && tokens < 1e18 ? (uint64_t)tokens : 0;
    return WAAGE_OK;
}

waage_status store_read_spent(store *s, double *dollars, uint64_t *tokens, waage_err *err)
{
    spent to = {dollars, tokens};
    *dollars = 0;
    *tokens = 0;
    return db_each_row(s, STORE_SQL_READ_SPENT, read_sums, &to, err);
}
