"""model.py - what the kinds of tiny models have in common.

A kind is a class: its sizes, its tensors by the names of the GGUF file (make), its metadata (keys), the
transformers model of the same config (twin) and how the file's tensors are called there (names, to_hf).
Weights are made in the file's own formats and dequantised for transformers: both hold the same numbers.
"""
import os

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T

from .vocab import Bpe
from .weights import Weights

NAMES = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
         "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
         "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "ffn_gate": "mlp.gate_proj",
         "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
OUTER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
PLAIN = "default"


class Model:
    name = arch = title = None  # tiny-NAME.gguf, general.architecture, general.name
    seed = 1
    vocab = Bpe
    L, D, H, KV, HD, FF, CTX, BASE, EPS = 2, 64, 4, 2, 16, 128, 1024, 10000.0, 1e-5
    types = [T.Q8_0, T.F16]  # of the matrices of a layer, in turn
    names, outer = NAMES, OUTER
    # (tokens, first stored position, greedy tokens) of the golden logits
    records = [(201, 0, 48)]

    def __init__(self):
        self.v = self.vocab()
        self.n_vocab = len(self.v.tokens)
        self.w = Weights(self.seed)
        self.make()

    # ---- the file ----

    def make(self):
        raise NotImplementedError

    def mat(self, name, out, k, qtype=T.Q8_0, gain=1.0, n=None):
        """A matrix whose outputs are about `gain` times as large as its inputs; n: one for each expert."""
        self.w.matrix(name, out if n is None else n * out, k, qtype, gain / np.sqrt(k))
        if n is not None:
            raw, t = self.w.raw[name]
            self.w.raw[name] = (raw.reshape(n, out, -1), t)
            self.w.f32[name] = self.w.f32[name].reshape(n, out, k)

    def vec(self, name, shape, std=0.5, mean=0.0):
        self.w.vector(name, mean + std * self.w.rng.standard_normal(shape))

    def norm(self, name, n, gain=1.0):
        self.w.norm(name + ".weight", n, gain)

    def ends(self, tied=False, size=None):
        """Embedding, last norm and head. A tied head repeats its input when embeddings are large."""
        self.mat("token_embd.weight", self.n_vocab, self.D, T.Q8_0, np.sqrt(self.D) if size is None else size)
        if not tied:
            self.mat("output.weight", self.n_vocab, self.D, T.Q8_0, 3.0)
        self.norm("output_norm", self.D)

    def keys(self, w):
        """Metadata that most architectures write."""
        w.add_block_count(self.L)
        w.add_context_length(self.CTX)
        w.add_embedding_length(self.D)
        w.add_feed_forward_length(self.FF)
        w.add_head_count(self.H)
        w.add_head_count_kv(self.KV)
        w.add_key_length(self.HD)
        w.add_value_length(self.HD)
        w.add_layer_norm_rms_eps(self.EPS)
        w.add_rope_freq_base(self.BASE)

    def add(self, w, **numbers):
        """More of it below the architecture's name; dots are written as two underscores."""
        for key, v in numbers.items():
            key = f"{self.arch}.{key.replace('__', '.')}"
            put = {bool: w.add_bool, str: w.add_string, float: w.add_float32, int: w.add_uint32}[type(v)]
            put(key, v)

    def write(self, path):
        w = gguf.GGUFWriter(path, self.arch)
        w.add_name(self.title or "Tiny " + self.name)
        w.add_license("apache-2.0")
        self.keys(w)
        self.v.write(w)
        for name, (raw, qtype) in self.w.raw.items():
            w.add_tensor(name, raw, raw_dtype=qtype)
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()

    # ---- transformers ----

    def twin(self):
        raise NotImplementedError

    def config(self, kind, **more):
        c = dict(vocab_size=self.n_vocab, hidden_size=self.D, intermediate_size=self.FF, num_hidden_layers=self.L,
                 num_attention_heads=self.H, num_key_value_heads=self.KV, head_dim=self.HD, rms_norm_eps=self.EPS,
                 max_position_embeddings=self.CTX, rope_parameters=self.rope(),
                 tie_word_embeddings="output.weight" not in self.w.f32, attn_implementation="eager",
                 bos_token_id=1, eos_token_id=2, pad_token_id=0)
        return kind(**{**c, **more})

    def rope(self):
        return dict(rope_type=PLAIN, rope_theta=self.BASE)

    def to_hf(self, name, v):
        """The (name, array) pairs of transformers for a tensor of the file; none for what it computes itself."""
        part = name.split(".")
        if part[0] != "blk":
            return [(f"{self.outer[part[0]]}.{part[1]}", v)] if part[0] in self.outer else []
        return [(f"model.layers.{part[1]}.{self.names[part[2]]}.{part[3]}", v)]

    def hf(self):
        import torch
        model = self.twin().float().eval()
        state = dict(pair for name, v in self.w.f32.items() for pair in self.to_hf(name, v))
        state = {k: torch.tensor(np.ascontiguousarray(v)) for k, v in state.items()}
        missing, extra = model.load_state_dict(state, strict=False)
        assert set(missing) <= ({"lm_head.weight"} if "output.weight" not in self.w.f32 else set()), missing
        assert not extra, extra
        model.tie_weights()
        self.patch(model)
        return model

    def patch(self, model):
        """Where transformers itself is not exact enough to compare with."""

    # ---- golden logits ----

    def check(self, model, tokens):
        """Anything that makes the case a bad one: raise."""

    def write_logits(self, path):
        import golden_logits as g
        model, rng, records = self.hf(), np.random.default_rng(3), []
        for n, first, n_greedy in self.records:
            tokens = [2] + rng.integers(3, self.n_vocab, n - 1).tolist()
            logits, greedy = g.run(model, tokens, n_greedy)
            if n_greedy >= 32:
                assert len(set(greedy)) >= 10, ("the model repeats itself: change the seed", greedy)
            self.check(model, tokens)
            records.append((tokens, first, logits[first:], greedy))
        g.write_golden(path, self.n_vocab, g.fixed_ids(self.n_vocab, 16), records, n_top=8)
        print(path, os.path.getsize(path), "bytes; logits' standard deviation", logits.std())


def double_frequencies(rope, n):
    """Of n rotated elements, as docs/arithmetic.md has them; transformers rounds them to float32."""
    theta = rope["rope_theta"] ** (-np.arange(0, n, 2, dtype=np.float64) / n)
    if rope["rope_type"] == "default":
        return theta
    if rope["rope_type"] == "linear":
        return theta / rope["factor"]
    assert rope["rope_type"] == "yarn", rope

    def dim_of(turns):
        return n * np.log(rope["original_max_position_embeddings"] / (turns * 2 * np.pi)) / (
            2 * np.log(rope["rope_theta"]))

    low, high = dim_of(rope.get("beta_fast") or 32), dim_of(rope.get("beta_slow") or 1)
    if rope.get("truncate", True):
        low, high = np.floor(low), np.ceil(high)
    low, high = max(low, 0), min(high, n - 1)
    ramp = np.clip((np.arange(n // 2) - low) / ((high - low) or 0.001), 0, 1)
    return theta / rope["factor"] * ramp + theta * (1 - ramp)


def exact_angles(model):
    """Frequencies and angles in double. transformers takes them in float32: behind sharp attention that alone
    can move logits by thirty times what everything else does."""
    import torch
    emb = model.model.rotary_emb

    def forward(x, position_ids, layer_type=None):
        rope = emb.config.rope_parameters
        prefix, rope = (layer_type + "_", rope[layer_type]) if layer_type else ("", rope)
        theirs = getattr(emb, prefix + "inv_freq").numpy()
        inv = double_frequencies(rope, 2 * len(theirs))
        assert np.allclose(inv, theirs, rtol=3e-7, atol=0), (inv, theirs)
        scale = getattr(emb, prefix + "attention_scaling", 1.0)
        angles = position_ids[0].double()[:, None] * torch.tensor(inv)[None]
        both = torch.cat([angles, angles], -1)[None]
        return (both.cos() * scale).to(x.dtype), (both.sin() * scale).to(x.dtype)

    emb.forward = forward
