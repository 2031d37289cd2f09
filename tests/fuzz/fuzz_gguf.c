/* fuzz_gguf.c - a file of any bytes: open it, read all of it, show it, dequantise its weights, make
 * its tokenizer and use it. */
#include <math.h>
#include <stdlib.h>
#include "kernels/kernels.h"
#include "runners/local/detokenizer.h"
#include "runners/local/gguf.h"
#include "runners/local/show.h"
#include "runners/local/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned char sink;

static void touch(const void *p, size_t n)
{
    const unsigned char *b = p;
    if (n) sink = (unsigned char)(b[0] ^ b[n - 1]);
}

static void read_entries(const gguf *g)
{
    for (size_t i = 0; i < gguf_n_entries(g); i++) {
        const gguf_entry e = gguf_entry_at(g, i);
        gguf_str s;
        float f;
        touch(e.key.s, e.key.len);
        touch(e.array.data, e.array.n_bytes);
        for (size_t pos = 0; gguf_array_next_str(&e.array, &pos, &s);)
            touch(s.s, s.len);
        for (size_t k = 0; k < e.array.n && gguf_array_f32(&e.array, k, &f); k++)
            sink = f > 0;
    }
}

/* The first row, from the file's blocks and from a panel: the same values, or both NaN. */
static void use_weights(const gguf_tensor *x)
{
    enum { LONGEST = 4096 };
    static float row[LONGEST], back[LONGEST];
    if (!x->supported || x->dim[0] > LONGEST) return;
    const size_t k = (size_t)x->dim[0];
    void *panel = malloc(panel_bytes(x->type, k));
    if (!panel) return;
    quant_row_f32(x->type, x->data, k, row);
    panel_pack(x->type, panel, x->data, quant_row_bytes(x->type, k), 1, k);
    panel_row_f32(x->type, panel, 0, k, back);
    for (size_t i = 0; i < k; i++)
        if (row[i] != back[i] && !(isnan(row[i]) && isnan(back[i]))) abort();
    free(panel);
}

static void use_tokenizer(const tokenizer *t)
{
    static const char text[] = "Hello <|im_end|> 12345 \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x99\x82 "
                               "\xff  a\xE2\x96\x81 b\n\n";
    waage_err err;
    arena a = ARENA_EMPTY;
    const int32_t *ids;
    size_t n;
    detokenizer d;
    strbuf b = STRBUF_EMPTY;
    if (tokenizer_encode(t, text, sizeof text - 1, true, true, &a, &ids, &n, &err) != WAAGE_OK)
        abort();
    detokenizer_init(&d, t, true, true);
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= tokenizer_get_info(t)->n_tokens) abort();
        detokenizer_put(&d, ids[i], &b);
    }
    detokenizer_end(&d, &b);
    strbuf_free(&b);
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    waage_err err;
    gguf *g;
    tokenizer *t = NULL;
    value *meta;
    arena a = ARENA_EMPTY;
    strbuf b = STRBUF_EMPTY;
    if (gguf_open_memory(&g, data, size, "fuzz.gguf", &err) != WAAGE_OK) return 0;
    read_entries(g);
    for (size_t i = 0; i < gguf_n_tensors(g); i++) {
        const gguf_tensor x = gguf_tensor_at(g, i);
        touch(x.data, x.n_bytes);
        use_weights(&x);
    }
    if (tokenizer_create(&t, g, &err) == WAAGE_OK) use_tokenizer(t);
    if (show_print(&b, g, t, err.msg, NULL, &err) != WAAGE_OK) abort();
    if (show_meta(&meta, &a, g, NULL, &err) != WAAGE_OK) abort();
    tokenizer_free(t);
    gguf_close(g);
    strbuf_free(&b);
    arena_free(&a);
    return 0;
}
