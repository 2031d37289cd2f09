#!/usr/bin/env python3
"""Write the tiny random-weight models of the tests, and golden logits of an independent float32
implementation (transformers, built from a config and the dequantised weights).

Run by hand; the tests need only what it writes:
  make_tiny_models.py gguf     tests/fixtures/tiny-{llama,gemma3}.gguf      (needs numpy, gguf)
  make_tiny_models.py logits   tests/golden/tiny-{llama,gemma3}.logits      (needs torch, transformers)
Same seeds, same bytes.
"""
import os
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + "
          "'<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
          "{% endif %}")

TEXT = """The quick brown fox jumps over the lazy dog, and the dog does not care. Two plus two is four;
three times seven is twenty-one. Question: what is the capital of France? Answer: the capital of France is
Paris. Question: which of these is a fruit? Answer: an apple is a fruit, a stone is not a fruit. I cannot
help with that. Die Summe von zwei und drei ist fünf. The answer is 42. The answer is 7. the answer is no."""


# ---- weights -------------------------------------------------------------------------------------

def k_scales(sc, m):
    """Pack eight 6-bit scales and minima into the 12 bytes of Q4_K."""
    q = np.zeros(12, np.uint8)
    for j in range(8):
        if j < 4:
            q[j] |= sc[j]
            q[j + 4] |= m[j]
        else:
            q[j + 4] |= (sc[j] & 15) | (m[j] & 15) << 4
            q[j - 4] |= (sc[j] >> 4) << 6
            q[j] |= (m[j] >> 4) << 6
    return q


def random_q4_k(rng, rows, k, std):
    """No quantiser here: blocks are made of random bytes, with minima that centre the values."""
    out = []
    for _ in range(rows * k // 256):
        sc = rng.integers(24, 64, 8)
        d = np.float16(std / (44 * 4.6))
        dmin = np.float16(d * 8)
        m = np.clip(np.round(sc * 7.5 / 8 + rng.integers(-2, 3, 8)), 0, 63).astype(int)
        out.append(np.concatenate([np.array([d, dmin], np.float16).view(np.uint8), k_scales(sc, m),
                                   rng.integers(0, 256, 128, dtype=np.uint8)]))
    return np.stack(out).reshape(rows, -1)


def random_q6_k(rng, rows, k, std):
    out = []
    for _ in range(rows * k // 256):
        sc = (rng.integers(40, 128, 16) * rng.choice([-1, 1], 16)).astype(np.int8)
        d = np.float16(std / (84 * 18.5))
        out.append(np.concatenate([rng.integers(0, 256, 192, dtype=np.uint8), sc.view(np.uint8),
                                   np.array([d], np.float16).view(np.uint8)]))
    return np.stack(out).reshape(rows, -1)


class Weights:
    """Tensors as the file holds them; `f32` are the values that the file means."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.raw, self.f32 = {}, {}

    def matrix(self, name, out, k, qtype, std=None):
        std = std if std is not None else 1.0 / np.sqrt(k)
        if qtype == T.Q4_K:
            raw = random_q4_k(self.rng, out, k, std)
        elif qtype == T.Q6_K:
            raw = random_q6_k(self.rng, out, k, std)
        else:
            raw = gguf.quantize((self.rng.standard_normal((out, k)) * std).astype(np.float32), qtype)
        self.raw[name] = (raw, qtype)
        self.f32[name] = gguf.dequantize(raw, qtype).reshape(out, k).astype(np.float32)

    def norm(self, name, n, gain=1.0):
        v = (gain * (1.0 + 0.3 * self.rng.standard_normal(n))).astype(np.float32)
        self.raw[name] = (v, T.F32)
        self.f32[name] = v

    def vector(self, name, v):
        self.raw[name] = (v.astype(np.float32), T.F32)
        self.f32[name] = self.raw[name][0]


LLAMA = dict(D=64, H=4, KV=2, HD=16, FF=256, L=3, CTX=1024, BASE=10000.0, EPS=1e-5)
LLAMA_ROPE = dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=64)
GEMMA = dict(D=64, H=2, KV=1, HD=32, FF=256, L=7, CTX=1024, WINDOW=80, BASE=1000000.0, EPS=1e-6)


def llama3_divisors():
    """Divisors of the angles as Llama 3.1's converter writes them."""
    c, r = LLAMA, LLAMA_ROPE
    freq = c["BASE"] ** (-np.arange(0, c["HD"], 2, dtype=np.float64) / c["HD"])
    out = []
    for f in freq:
        wave = 2 * np.pi / f
        lo = r["original_max_position_embeddings"] / r["low_freq_factor"]
        hi = r["original_max_position_embeddings"] / r["high_freq_factor"]
        if wave < hi:
            out.append(1.0)
        elif wave > lo:
            out.append(r["factor"])
        else:
            s = (r["original_max_position_embeddings"] / wave - r["low_freq_factor"]) / (
                r["high_freq_factor"] - r["low_freq_factor"])
            out.append(1 / ((1 - s) / r["factor"] + s))
    return np.array(out)


def llama_weights(n_vocab):
    c, w = LLAMA, Weights(1)
    w.matrix("token_embd.weight", n_vocab, c["D"], T.F16, 1.0)
    w.matrix("output.weight", n_vocab, c["D"], T.Q5_0, 0.35)
    w.norm("output_norm.weight", c["D"])
    w.vector("rope_freqs.weight", llama3_divisors())
    for i in range(c["L"]):
        b = f"blk.{i}."
        w.norm(b + "attn_norm.weight", c["D"])
        w.matrix(b + "attn_q.weight", c["H"] * c["HD"], c["D"], [T.Q4_1, T.Q8_0, T.F32][i])
        w.matrix(b + "attn_k.weight", c["KV"] * c["HD"], c["D"], [T.Q4_0, T.Q4_1, T.Q8_0][i])
        w.matrix(b + "attn_v.weight", c["KV"] * c["HD"], c["D"], [T.F16, T.Q5_0, T.Q4_0][i])
        w.matrix(b + "attn_output.weight", c["D"], c["H"] * c["HD"], [T.Q8_0, T.Q4_0, T.Q4_1][i])
        w.norm(b + "ffn_norm.weight", c["D"])
        w.matrix(b + "ffn_gate.weight", c["FF"], c["D"], [T.Q4_1, T.Q5_0, T.Q4_0][i])
        w.matrix(b + "ffn_up.weight", c["FF"], c["D"], [T.BF16, T.Q4_0, T.Q4_1][i])
        w.matrix(b + "ffn_down.weight", c["D"], c["FF"], [T.Q4_K, T.Q6_K, T.Q4_1][i])
    return w


def gemma_weights(n_vocab):
    c, w = GEMMA, Weights(2)
    w.matrix("token_embd.weight", n_vocab, c["D"], T.Q8_0, 0.06)
    w.norm("output_norm.weight", c["D"])
    for i in range(c["L"]):
        b = f"blk.{i}."
        for name, n in [("attn_norm", "D"), ("attn_q_norm", "HD"), ("attn_k_norm", "HD"),
                        ("post_attention_norm", "D"), ("ffn_norm", "D"), ("post_ffw_norm", "D")]:
            # sharp attention: averages over everything would let the model repeat one token
            w.norm(b + name + ".weight", c[n], 2.0 if n == "HD" else 1.0)
        w.matrix(b + "attn_q.weight", c["H"] * c["HD"], c["D"], [T.Q5_0, T.Q4_0][i % 2])
        w.matrix(b + "attn_k.weight", c["KV"] * c["HD"], c["D"], [T.Q5_0, T.BF16][i % 2])
        w.matrix(b + "attn_v.weight", c["KV"] * c["HD"], c["D"], [T.Q8_0, T.Q5_0][i % 2])
        w.matrix(b + "attn_output.weight", c["D"], c["H"] * c["HD"], [T.Q4_1, T.F16][i % 2])
        w.matrix(b + "ffn_gate.weight", c["FF"], c["D"], [T.Q5_0, T.Q4_1][i % 2])
        w.matrix(b + "ffn_up.weight", c["FF"], c["D"], [T.Q5_0, T.Q4_0][i % 2])
        w.matrix(b + "ffn_down.weight", c["D"], c["FF"], [T.Q6_K, T.Q4_K][i % 2])
    return w


# ---- vocabularies ----------------------------------------------------------------------------------

def byte_alphabet():
    """GPT-2's printable stand-ins for the 256 bytes."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, n = {}, 0
    for b in range(256):
        table[b] = chr(b) if b in keep else chr(256 + n)
        n += b not in keep
    return table


def train(words, n_merges):
    """Plain BPE: the commonest pair first, ties by text."""
    words, merges = [list(w) for w in words], []
    while len(merges) < n_merges:
        count = {}
        for w in words:
            for pair in zip(w, w[1:]):
                count[pair] = count.get(pair, 0) + 1
        if not count:
            break
        best = min(count, key=lambda p: (-count[p], p))
        merges.append(best)
        for w in words:
            i = 0
            while i + 1 < len(w):
                if (w[i], w[i + 1]) == best:
                    w[i:i + 2] = [w[i] + w[i + 1]]
                i += 1
    return merges


def llama_vocab():
    table = byte_alphabet()
    words = ["".join(table[b] for b in w.encode()) for w in (" " + TEXT.replace("\n", " ")).replace(
        " ", "\0 ").split("\0") if w]
    merges = train(words, 120)
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + [table[b] for b in range(256)]
    tokens += [a + b for a, b in merges if a + b not in tokens]
    types = [gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.NORMAL] * (len(tokens) - 3)
    return tokens, types, [f"{a} {b}" for a, b in merges]


def gemma_vocab():
    text = TEXT.replace("\n", " ").replace(" ", "\u2581")
    chars = sorted(set(text))
    merges = train(text.replace("\u2581", "\0\u2581").split("\0"), 150)
    pieces = chars + [a + b for a, b in merges]
    pieces = list(dict.fromkeys(pieces))
    rank = {a + b: i for i, (a, b) in reversed(list(enumerate(merges)))}
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>"] + [f"<0x{b:02X}>" for b in range(256)] + pieces
    t = gguf.TokenType
    types = [t.CONTROL] * 3 + [t.UNKNOWN] + [t.BYTE] * 256 + [t.NORMAL] * len(pieces)
    scores = [0.0] * 260 + [-float(rank.get(p, 1000)) for p in pieces]
    return tokens, types, scores


# ---- files -------------------------------------------------------------------------------------------

def common_keys(w, c, name):
    w.add_name(name)
    w.add_license("apache-2.0")
    w.add_block_count(c["L"])
    w.add_context_length(c["CTX"])
    w.add_embedding_length(c["D"])
    w.add_feed_forward_length(c["FF"])
    w.add_head_count(c["H"])
    w.add_head_count_kv(c["KV"])
    w.add_key_length(c["HD"])
    w.add_value_length(c["HD"])
    w.add_layer_norm_rms_eps(c["EPS"])
    w.add_rope_freq_base(c["BASE"])


def write_file(w, weights):
    for name, (raw, qtype) in weights.raw.items():
        w.add_tensor(name, raw, raw_dtype=qtype)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def write_llama(path):
    tokens, types, merges = llama_vocab()
    w = gguf.GGUFWriter(path, "llama")
    common_keys(w, LLAMA, "Tiny Llama")
    w.add_rope_dimension_count(LLAMA["HD"])
    w.add_vocab_size(len(tokens))
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("smollm")
    w.add_token_list(tokens)
    w.add_token_types(types)
    w.add_token_merges(merges)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_add_bos_token(False)
    w.add_chat_template(CHATML)
    write_file(w, llama_weights(len(tokens)))


def write_gemma(path):
    tokens, types, scores = gemma_vocab()
    w = gguf.GGUFWriter(path, "gemma3")
    common_keys(w, GEMMA, "Tiny Gemma 3")
    w.add_sliding_window(GEMMA["WINDOW"])
    w.add_tokenizer_model("llama")
    w.add_tokenizer_pre("default")
    w.add_token_list(tokens)
    w.add_token_scores(scores)
    w.add_token_types(types)
    w.add_bos_token_id(2)
    w.add_eos_token_id(1)
    w.add_unk_token_id(3)
    w.add_pad_token_id(0)
    w.add_add_bos_token(True)
    w.add_add_space_prefix(False)
    write_file(w, gemma_weights(len(tokens)))


# ---- golden logits ------------------------------------------------------------------------------------

NAMES = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
         "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj",
         "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
LLAMA_NAMES = {**NAMES, "ffn_norm": "post_attention_layernorm"}
GEMMA_NAMES = {**NAMES, "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
               "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
               "post_ffw_norm": "post_feedforward_layernorm"}


def hf_state(weights, names, n_heads, plus_one):
    """Names, row order and norm convention of transformers. n_heads: {"attn_q": H, ...} whose rows the
    llama converter permutes (adjacent pairs in the file, halves in transformers)."""
    import torch
    out = {}
    for name, v in weights.f32.items():
        v = np.array(v)
        part = name.split(".")
        if name == "rope_freqs.weight":
            continue
        if part[0] == "blk":
            key = f"model.layers.{part[1]}.{names[part[2]]}.weight"
            if part[2] in n_heads:
                n, k = v.shape
                h = n_heads[part[2]]
                v = v.reshape(h, n // h // 2, 2, k).swapaxes(1, 2).reshape(n, k)
        else:
            key = {"token_embd": "model.embed_tokens", "output_norm": "model.norm",
                   "output": "lm_head"}[part[0]] + ".weight"
        if plus_one and v.ndim == 1:
            v = v - np.float32(1)
        out[key] = torch.tensor(v)
    return out


def hf_llama(n_vocab):
    from transformers import LlamaConfig, LlamaForCausalLM
    c = LLAMA
    cfg = LlamaConfig(vocab_size=n_vocab, hidden_size=c["D"], intermediate_size=c["FF"],
                      num_hidden_layers=c["L"], num_attention_heads=c["H"], num_key_value_heads=c["KV"],
                      head_dim=c["HD"], rms_norm_eps=c["EPS"], max_position_embeddings=c["CTX"],
                      rope_parameters=dict(rope_type="llama3", rope_theta=c["BASE"], **LLAMA_ROPE),
                      tie_word_embeddings=False, attn_implementation="eager")
    m = LlamaForCausalLM(cfg).float().eval()
    state = hf_state(llama_weights(n_vocab), LLAMA_NAMES, {"attn_q": c["H"], "attn_k": c["KV"]}, False)
    missing, extra = m.load_state_dict(state, strict=False)
    assert not missing and not extra, (missing, extra)
    return m


def exact_rope(model):
    """Angles in double, as docs/arithmetic.md has them. transformers takes them in float32: at position
    300 that alone moves these logits by 1.8e-4, thirty times what everything else does."""
    import torch

    def forward(x, position_ids, layer_type=None):
        base = GEMMA["BASE"] if layer_type == "full_attention" else 10000.0
        inv = torch.tensor(base ** (-np.arange(0, GEMMA["HD"], 2) / GEMMA["HD"]))
        angles = position_ids[0].double()[:, None] * inv[None]
        both = torch.cat([angles, angles], -1)[None]
        return both.cos().to(x.dtype), both.sin().to(x.dtype)

    model.model.rotary_emb.forward = forward


def hf_gemma(n_vocab):
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig
    c = GEMMA
    cfg = Gemma3TextConfig(
        vocab_size=n_vocab, hidden_size=c["D"], intermediate_size=c["FF"], num_hidden_layers=c["L"],
        num_attention_heads=c["H"], num_key_value_heads=c["KV"], head_dim=c["HD"], rms_norm_eps=c["EPS"],
        max_position_embeddings=c["CTX"], sliding_window=c["WINDOW"], query_pre_attn_scalar=c["HD"],
        layer_types=["full_attention" if i % 6 == 5 else "sliding_attention" for i in range(c["L"])],
        rope_parameters={"full_attention": dict(rope_type="default", rope_theta=c["BASE"]),
                         "sliding_attention": dict(rope_type="default", rope_theta=10000.0)},
        attn_implementation="eager")
    m = Gemma3ForCausalLM(cfg).float().eval()
    state = hf_state(gemma_weights(n_vocab), GEMMA_NAMES, {}, True)
    missing, extra = m.load_state_dict(state, strict=False)
    assert set(missing) <= {"lm_head.weight"} and not extra, (missing, extra)
    m.tie_weights()
    exact_rope(m)
    return m


def write_logits(path, model, n_vocab):
    import golden_logits as g
    rng = np.random.default_rng(3)
    records = []
    for n, first in [(48, 0), (300, 260)]:
        tokens = [2] + rng.integers(3, n_vocab, n - 1).tolist()
        logits, greedy = g.run(model, tokens, 48)
        assert len(set(greedy)) >= 10, ("the model repeats itself: change the seed", greedy)
        records.append((tokens, first, logits[first:], greedy))
    g.write_golden(path, n_vocab, g.fixed_ids(n_vocab), records)
    print(path, os.path.getsize(path), "bytes; logits' standard deviation", logits.std())


def main():
    fixtures, golden = os.path.join(HERE, "tests/fixtures"), os.path.join(HERE, "tests/golden")
    if sys.argv[1:] == ["gguf"]:
        write_llama(os.path.join(fixtures, "tiny-llama.gguf"))
        write_gemma(os.path.join(fixtures, "tiny-gemma3.gguf"))
    elif sys.argv[1:] == ["logits"]:
        n = len(llama_vocab()[0])
        write_logits(os.path.join(golden, "tiny-llama.logits"), hf_llama(n), n)
        n = len(gemma_vocab()[0])
        write_logits(os.path.join(golden, "tiny-gemma3.logits"), hf_gemma(n), n)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
