#!/usr/bin/env python3
"""Write a GGUF file of random weights in the shape of a real model: speed depends on shapes and formats, not on values.

  random_model.py {135m,1.5b} FORMAT OUT.gguf --vocab MODEL.gguf [--layers N]
  random_model.py gpt-oss-20b mxfp4 OUT.gguf --vocab MODEL.gguf [--layers N]

135m is SmolLM2-135M (llama), 1.5b is Qwen2-1.5B (qwen2), gpt-oss-20b itself takes 12 GB. FORMAT is that of every matrix,
or q4_k_m, which mixes two as llama.cpp does. The tokenizer is copied from MODEL.gguf (a BPE model such as SmolLM2) and
filled up with unused tokens. Needs the packages numpy and gguf.
"""
import argparse

import numpy as np
from gguf import GGML_QUANT_SIZES, GGUFReader, GGUFWriter, RopeScalingType
from gguf import GGMLQuantizationType as T
from gguf import quants

# Layers, width, heads, key/value heads, head width, experts, experts of a token, vocabulary
GPT_OSS = (24, 2880, 64, 8, 64, 32, 4, 201088)
SHAPES = {  # architecture, layers, width, heads, key/value heads, feed-forward, vocabulary, rope base, context
    "135m": ("llama", 30, 576, 9, 3, 1536, 49152, 1e5, 8192),
    "1.5b": ("qwen2", 28, 1536, 12, 2, 8960, 151936, 1e6, 32768),
}
# Formats of whole files: where a block's scale stands, where its minimum (None: it has none), and the minimum over the
# scale that leaves a mean of zero
FORMATS = {
    "q8_0": (T.Q8_0, 0, None, 0), "q4_0": (T.Q4_0, 0, None, 0), "q4_1": (T.Q4_1, 0, 2, -7.5),
    "q5_0": (T.Q5_0, 0, None, 0), "q5_1": (T.Q5_1, 0, 2, -15.5), "q2_k": (T.Q2_K, 80, 82, 1.5),
    "q3_k": (T.Q3_K, 108, None, 0), "q4_k": (T.Q4_K, 0, 2, 7.5), "q5_k": (T.Q5_K, 0, 2, 15.5),
    "q6_k": (T.Q6_K, 208, None, 0), "iq4_nl": (T.IQ4_NL, 0, None, 0), "iq4_xs": (T.IQ4_XS, 0, None, 0),
}
FLOATS = {"f16": T.F16, "bf16": T.BF16, "f32": T.F32}
rng = np.random.default_rng(1)
POOL = rng.integers(0, 256, 1 << 24, dtype=np.uint8)


def noise(n):
    """n random bytes from a pool: fast, and no two matrices alike."""
    at = int(rng.integers(0, 1 << 23))
    return np.resize(np.roll(POOL, -at), n)


def set_f16(b, at, x):
    b[:, at:at + 2] = np.frombuffer(np.float16(x).tobytes(), np.uint8)


def set_scales(b, kind, std):
    """Scales for which the values of random codes have this standard deviation, found by decoding some of them."""
    _, scale_at, min_at, min_share = next(f for f in FORMATS.values() if f[0] == kind)

    def put(some, scale):
        set_f16(some, scale_at, scale)
        if min_at is not None:
            set_f16(some, min_at, scale * min_share)
    sample = b[:2000].copy()
    put(sample, 1.0)
    put(b, std / quants.dequantize(sample, kind).std())


def blocks(kind, rows, k):
    """Rows of blocks whose values have a standard deviation of about k ** -0.5."""
    std = k ** -0.5
    if kind in FLOATS.values():
        values = np.resize(rng.standard_normal(1 << 20, dtype=np.float32) * std, (rows, k))
        return quants.quantize(values, kind).view(np.uint8).reshape(rows, -1)
    n, size = GGML_QUANT_SIZES[kind]
    b = noise(rows * k // n * size).reshape(-1, size).copy()
    if kind == T.MXFP4:
        b[:, 0] = round(127 + np.log2(std / 2.2))
    else:
        set_scales(b, kind, std)
    return b.reshape(rows, -1)


def kind_of(name, mix, layer, n_layers):
    if mix != "q4_k_m":
        return FLOATS[mix] if mix in FLOATS else FORMATS[mix][0]
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


class Tensors:
    """Names, shapes and types first, then the data one tensor at a time: a file may be larger than memory."""

    def __init__(self, writer):
        self.w, self.make = writer, []

    def matrix(self, name, kind, rows, k, n=0):
        """n: that many matrices, one behind the other (experts)"""
        shape = ([n] if n else []) + [rows, k]
        size = max(n, 1) * rows * GGML_QUANT_SIZES[kind][1] * (k // GGML_QUANT_SIZES[kind][0])
        self.w.add_tensor_info(name, shape, np.float32, size, kind)
        self.make.append(lambda: blocks(kind, rows * max(n, 1), k))

    def vector(self, name, *shape, mean=0.0, std=0.02):
        self.w.add_tensor_info(name, shape, np.dtype(np.float32), int(np.prod(shape)) * 4)
        self.make.append(lambda: (mean + std * rng.standard_normal(shape)).astype(np.float32))

    def write(self):
        self.w.write_header_to_file()
        self.w.write_kv_data_to_file()
        self.w.write_ti_data_to_file()
        for make in self.make:
            self.w.write_tensor_data(make())
        self.w.close()


def dense(w, t, shape, mix, n_layers):
    arch, _, d, heads, kv, ff, vocab, base, context = SHAPES[shape]
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
    t.matrix("token_embd.weight", kind_of("token_embd", mix, -1, n_layers), vocab, d)
    t.vector("output_norm.weight", d, mean=1)
    kv_dim = d // heads * kv
    for i in range(n_layers):
        b = "blk.%d." % i
        t.vector(b + "attn_norm.weight", d, mean=1)
        t.vector(b + "ffn_norm.weight", d, mean=1)
        for name, rows, k in (("attn_q", d, d), ("attn_k", kv_dim, d), ("attn_v", kv_dim, d), ("attn_output", d, d),
                              ("ffn_gate", ff, d), ("ffn_up", ff, d), ("ffn_down", d, ff)):
            t.matrix(b + name + ".weight", kind_of(name, mix, i, n_layers), rows, k)
            if arch == "qwen2" and name in ("attn_q", "attn_k", "attn_v"):
                t.vector(b + name + ".bias", rows)


def gpt_oss(w, t, n_layers):
    _, d, heads, kv, hd, experts, used, vocab = GPT_OSS
    w.add_block_count(n_layers)
    w.add_context_length(131072)
    w.add_embedding_length(d)
    w.add_feed_forward_length(d)
    w.add_expert_feed_forward_length(d)
    w.add_head_count(heads)
    w.add_head_count_kv(kv)
    w.add_key_length(hd)
    w.add_value_length(hd)
    w.add_expert_count(experts)
    w.add_expert_used_count(used)
    w.add_sliding_window(128)
    w.add_vocab_size(vocab)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_freq_base(150000.0)
    w.add_rope_scaling_type(RopeScalingType.YARN)
    w.add_rope_scaling_factor(32.0)
    w.add_rope_scaling_orig_ctx_len(4096)
    t.matrix("token_embd.weight", T.Q8_0, vocab, d)
    t.vector("output_norm.weight", d, mean=1)
    t.matrix("output.weight", T.Q8_0, vocab, d)
    for i in range(n_layers):
        b = "blk.%d." % i
        t.vector(b + "attn_norm.weight", d, mean=1)
        t.vector(b + "post_attention_norm.weight", d, mean=1)
        t.vector(b + "attn_sinks.weight", heads, std=1.0)
        for name, rows, k in (("attn_q", heads * hd, d), ("attn_k", kv * hd, d), ("attn_v", kv * hd, d),
                              ("attn_output", d, heads * hd)):
            t.matrix(b + name + ".weight", T.Q8_0, rows, k)
            t.vector(b + name + ".bias", rows)
        t.vector(b + "ffn_gate_inp.weight", experts, d, std=d ** -0.5)
        t.vector(b + "ffn_gate_inp.bias", experts)
        for name in ("ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"):
            t.matrix(b + name + ".weight", T.MXFP4, d, d, experts)
            t.vector(b + name + ".bias", experts, d)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("shape", choices=[*SHAPES, "gpt-oss-20b"])
    p.add_argument("mix", choices=["q4_k_m", "mxfp4", *FORMATS, *FLOATS])
    p.add_argument("out")
    p.add_argument("--vocab", required=True)
    p.add_argument("--layers", type=int, help="fewer than the model has")
    a = p.parse_args()
    moe = a.shape == "gpt-oss-20b"
    if moe != (a.mix == "mxfp4"):
        p.error("mxfp4 is the format of gpt-oss-20b, and of no other shape")
    if not moe:
        block = GGML_QUANT_SIZES[kind_of("attn_q", a.mix, 0, 1)][0]
        if SHAPES[a.shape][2] % block:
            p.error("%s needs a width that is a multiple of %d; %s has %d" % (a.mix, block, a.shape, SHAPES[a.shape][2]))
    w = GGUFWriter(a.out, "gpt-oss" if moe else SHAPES[a.shape][0])
    w.add_name("random %s %s" % (a.shape, a.mix))
    t = Tensors(w)
    if moe:
        gpt_oss(w, t, a.layers or GPT_OSS[0])
    else:
        dense(w, t, a.shape, a.mix, a.layers or SHAPES[a.shape][1])
    copy_tokenizer(w, a.vocab, GPT_OSS[-1] if moe else SHAPES[a.shape][6])
    t.write()


main()
