#!/usr/bin/env python3
"""Write a GGUF file of random weights in the shape of a real model: speed depends on shapes and formats, not on values.

  random_model.py {135m,1.5b} {q8_0,q4_0,q4_k_m} OUT.gguf --vocab MODEL.gguf

135m is SmolLM2-135M (llama), 1.5b is Qwen2-1.5B (qwen2). The tokenizer is copied from MODEL.gguf (a BPE model such as
SmolLM2) and filled up with unused tokens. Needs the packages numpy and gguf.
"""
import argparse

import numpy as np
from gguf import GGMLQuantizationType as T, GGUFReader, GGUFWriter

SHAPES = {  # architecture, layers, width, heads, key/value heads, feed-forward, vocabulary, rope base, context
    "135m": ("llama", 30, 576, 9, 3, 1536, 49152, 1e5, 8192),
    "1.5b": ("qwen2", 28, 1536, 12, 2, 8960, 151936, 1e6, 32768),
}
rng = np.random.default_rng(1)
POOL = rng.integers(0, 256, 1 << 24, dtype=np.uint8)


def noise(n):
    """n random bytes from a pool: fast, and no two matrices alike."""
    at = int(rng.integers(0, 1 << 23))
    return np.resize(np.roll(POOL, -at), n)


def f16(x):
    return np.frombuffer(np.float16(x).tobytes(), np.uint8)


def blocks(kind, rows, k):
    """Rows of blocks whose values have a standard deviation of about k ** -0.5."""
    std = k ** -0.5
    if kind == T.Q8_0:
        b = noise(rows * k // 32 * 34).reshape(-1, 34).copy()
        b[:, :2] = f16(std / 74)
    elif kind == T.Q4_0:
        b = noise(rows * k // 32 * 18).reshape(-1, 18).copy()
        b[:, :2] = f16(std / 4.6)
    elif kind == T.Q4_K:
        b = noise(rows * k // 256 * 144).reshape(-1, 144).copy()
        b[:, :2], b[:, 2:4] = f16(std / 160), f16(std / 22)
    elif kind == T.Q6_K:
        b = noise(rows * k // 256 * 210).reshape(-1, 210).copy()
        b[:, 208:] = f16(std / 1400)
    return b.reshape(rows, -1)


def kind_of(name, mix, layer, n_layers):
    if mix != "q4_k_m":
        return {"q8_0": T.Q8_0, "q4_0": T.Q4_0}[mix]
    more = layer < n_layers // 8 or layer >= 7 * n_layers // 8 or (layer - n_layers // 8) % 3 == 2
    return T.Q6_K if name == "token_embd" or (name in ("attn_v", "ffn_down") and more) else T.Q4_K


def copy_tokenizer(w, path, n_vocab):
    r = GGUFReader(path)

    def strings(key):
        f = r.fields[key]
        return [bytes(f.parts[i]) for i in f.data]
    tokens = strings("tokenizer.ggml.tokens")[:n_vocab]
    tokens += [b"<unused_%d>" % i for i in range(len(tokens), n_vocab)]
    f = r.fields["tokenizer.ggml.token_type"]
    kinds = [int(f.parts[i][0]) for i in f.data][:n_vocab]
    kinds += [5] * (n_vocab - len(kinds))
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("smollm")
    w.add_token_list(tokens)
    w.add_token_types(kinds)
    w.add_token_merges(strings("tokenizer.ggml.merges"))
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_add_bos_token(False)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("shape", choices=SHAPES)
    p.add_argument("mix", choices=["q8_0", "q4_0", "q4_k_m"])
    p.add_argument("out")
    p.add_argument("--vocab", required=True)
    a = p.parse_args()
    arch, n_layers, d, heads, kv, ff, vocab, base, context = SHAPES[a.shape]
    if a.mix == "q4_k_m" and d % 256:
        p.error("K-quants need a width that is a multiple of 256; %s has %d" % (a.shape, d))
    w = GGUFWriter(a.out, arch)
    w.add_name("random %s %s" % (a.shape, a.mix))
    w.add_block_count(n_layers)
    w.add_context_length(context)
    w.add_embedding_length(d)
    w.add_feed_forward_length(ff)
    w.add_head_count(heads)
    w.add_head_count_kv(kv)
    w.add_layer_norm_rms_eps(1e-6)
    w.add_rope_freq_base(base)
    w.add_rope_dimension_count(d // heads)
    w.add_vocab_size(vocab)
    copy_tokenizer(w, a.vocab, vocab)

    def matrix(name, layer, rows, k):
        kind = kind_of(name, a.mix, layer, n_layers)
        full = "blk.%d.%s.weight" % (layer, name) if layer >= 0 else name + ".weight"
        w.add_tensor(full, blocks(kind, rows, k), raw_dtype=kind)

    def vector(name, n, value):
        w.add_tensor(name, (value + 0.02 * rng.standard_normal(n)).astype(np.float32))
    matrix("token_embd", -1, vocab, d)
    vector("output_norm.weight", d, 1)
    kv_dim = d // heads * kv
    for i in range(n_layers):
        vector("blk.%d.attn_norm.weight" % i, d, 1)
        vector("blk.%d.ffn_norm.weight" % i, d, 1)
        for name, rows, k in (("attn_q", d, d), ("attn_k", kv_dim, d), ("attn_v", kv_dim, d), ("attn_output", d, d),
                              ("ffn_gate", ff, d), ("ffn_up", ff, d), ("ffn_down", d, ff)):
            matrix(name, i, rows, k)
            if arch == "qwen2" and name in ("attn_q", "attn_k", "attn_v"):
                vector("blk.%d.%s.bias" % (i, name), rows, 0)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


main()
