"""dense.py - the tiny models without experts."""
import numpy as np
from gguf import GGMLQuantizationType as T

from .model import NAMES, Model, exact_angles
from .vocab import Spm


class Prenorm(Model):
    """Llama's block and its relatives. BIAS: matrices with a bias; QK: norms of queries and keys."""
    BIAS, QK, TIED = "", False, False

    def make(self):
        self.ends(self.TIED, 1.0 if self.TIED else None)
        for i in range(self.L):
            self.layer(f"blk.{i}.", self.types[i % len(self.types)])

    def layer(self, b, t):
        self.norm(b + "attn_norm", self.D)
        for x, n in [("q", self.H), ("k", self.KV), ("v", self.KV)]:
            self.linear(b + "attn_" + x, n * self.HD, self.D, t, 2.0 if x in "qk" and not self.QK else 1.0)
        if self.QK:
            self.norm(b + "attn_q_norm", self.HD, 2.0)
            self.norm(b + "attn_k_norm", self.HD)
        self.linear(b + "attn_output", self.D, self.H * self.HD, t)
        self.norm(b + "ffn_norm", self.D)
        for x, out, k in [("gate", self.FF, self.D), ("up", self.FF, self.D), ("down", self.D, self.FF)]:
            self.linear(b + "ffn_" + x, out, k, t)

    def linear(self, name, out, k, t, gain=1.0):
        self.mat(name + ".weight", out, k, t, gain)
        if name.split(".")[-1] in self.BIAS.split():
            self.vec(name + ".bias", out)


def adjacent_to_halves(v, n_heads):
    """Rows that llama's converter put in adjacent pairs, back to transformers' halves."""
    n = v.shape[0]
    return v.reshape(n_heads, n // n_heads // 2, 2, -1).swapaxes(1, 2).reshape(v.shape)


class LlamaRows(Prenorm):
    arch = "llama"

    def to_hf(self, name, v):
        heads = {"attn_q": self.H, "attn_k": self.KV}.get(name.split(".")[2 if name.startswith("blk") else 0])
        return super().to_hf(name, v if heads is None else adjacent_to_halves(v, heads))


class Llama(LlamaRows):
    """Rotation as in Llama 3.1, and every format that the first engine had."""
    name, title, L, FF = "llama", "Tiny Llama", 3, 256
    records = [(48, 0, 48), (300, 100, 48)]
    ROPE = dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)

    def divisors(self):
        """Of the angles, as the converter writes them."""
        r, out = self.ROPE, []
        lo = r["original_max_position_embeddings"] / r["low_freq_factor"]
        hi = r["original_max_position_embeddings"] / r["high_freq_factor"]
        for f in self.BASE ** (-np.arange(0, self.HD, 2, dtype=np.float64) / self.HD):
            wave = 2 * np.pi / f
            s = (lo * r["low_freq_factor"] / wave - r["low_freq_factor"]) / (
                r["high_freq_factor"] - r["low_freq_factor"])
            out.append(1.0 if wave < hi else r["factor"] if wave > lo else 1 / ((1 - s) / r["factor"] + s))
        return np.array(out)

    def make(self):
        w = self.w
        w.matrix("token_embd.weight", self.n_vocab, self.D, T.F16, 1.0)
        w.matrix("output.weight", self.n_vocab, self.D, T.Q5_0, 0.35)
        w.norm("output_norm.weight", self.D)
        w.vector("rope_freqs.weight", self.divisors())
        for i in range(self.L):
            b = f"blk.{i}."
            w.norm(b + "attn_norm.weight", self.D)
            w.matrix(b + "attn_q.weight", self.H * self.HD, self.D, [T.Q4_1, T.Q8_0, T.F32][i])
            w.matrix(b + "attn_k.weight", self.KV * self.HD, self.D, [T.Q4_0, T.Q4_1, T.Q8_0][i])
            w.matrix(b + "attn_v.weight", self.KV * self.HD, self.D, [T.F16, T.Q5_0, T.Q4_0][i])
            w.matrix(b + "attn_output.weight", self.D, self.H * self.HD, [T.Q8_0, T.Q4_0, T.Q4_1][i])
            w.norm(b + "ffn_norm.weight", self.D)
            w.matrix(b + "ffn_gate.weight", self.FF, self.D, [T.Q4_1, T.Q5_0, T.Q4_0][i])
            w.matrix(b + "ffn_up.weight", self.FF, self.D, [T.BF16, T.Q4_0, T.Q4_1][i])
            w.matrix(b + "ffn_down.weight", self.D, self.FF, [T.Q4_K, T.Q6_K, T.Q4_1][i])

    def keys(self, w):
        super().keys(w)
        w.add_rope_dimension_count(self.HD)
        w.add_vocab_size(self.n_vocab)

    def rope(self):
        return dict(rope_type="llama3", rope_theta=self.BASE, **self.ROPE)

    def twin(self):
        from transformers import LlamaConfig, LlamaForCausalLM
        return LlamaForCausalLM(self.config(LlamaConfig))


class LlamaBias(LlamaRows):
    """Linear scaling, a bias at every product, a tied head."""
    name, seed, TIED = "llama-bias", 31, True
    BIAS = "attn_q attn_k attn_v attn_output ffn_gate ffn_up ffn_down"

    def keys(self, w):
        super().keys(w)
        self.add(w, rope__scaling__type="linear", rope__scaling__factor=4.0)

    def rope(self):
        return dict(rope_type="linear", rope_theta=self.BASE, factor=4.0)

    def twin(self):
        from transformers import LlamaConfig, LlamaForCausalLM
        return LlamaForCausalLM(self.config(LlamaConfig, attention_bias=True, mlp_bias=True))


class Mistral(LlamaRows):
    """A window on every layer, as Mistral's first release had it."""
    name, seed, WINDOW = "mistral", 32, 40

    def keys(self, w):
        super().keys(w)
        self.add(w, attention__sliding_window=self.WINDOW)

    def twin(self):
        from transformers import MistralConfig, MistralForCausalLM
        return MistralForCausalLM(self.config(MistralConfig, sliding_window=self.WINDOW))


class Qwen2(Prenorm):
    name, arch, seed, TIED, BASE, EPS = "qwen2", "qwen2", 33, True, 1000000.0, 1e-6
    BIAS = "attn_q attn_k attn_v"

    def twin(self):
        from transformers import Qwen2Config, Qwen2ForCausalLM
        return Qwen2ForCausalLM(self.config(Qwen2Config, use_sliding_window=False))


class Qwen3(Prenorm):
    """Heads wider than their share of the model, and YaRN."""
    name, arch, seed, QK, HD, BASE, EPS = "qwen3", "qwen3", 34, True, 32, 1000000.0, 1e-6
    YARN = dict(factor=4.0, original_max_position_embeddings=64)

    def keys(self, w):
        super().keys(w)
        self.add(w, rope__scaling__type="yarn", rope__scaling__factor=self.YARN["factor"],
                 rope__scaling__original_context_length=self.YARN["original_max_position_embeddings"])

    def rope(self):
        return dict(rope_type="yarn", rope_theta=self.BASE, **self.YARN)

    def twin(self):
        from transformers import Qwen3Config, Qwen3ForCausalLM
        return Qwen3ForCausalLM(self.config(Qwen3Config))


class Olmo2(Prenorm):
    """Norms behind both halves of a block only; queries and keys are normed whole."""
    name, arch, seed = "olmo2", "olmo2", 35
    names = {**NAMES, "post_attention_norm": "post_attention_layernorm", "post_ffw_norm": "post_feedforward_layernorm"}

    def layer(self, b, t):
        for x, n in [("q", self.H), ("k", self.KV), ("v", self.KV)]:
            self.linear(b + "attn_" + x, n * self.HD, self.D, t)
        self.norm(b + "attn_q_norm", self.H * self.HD, 2.0)
        self.norm(b + "attn_k_norm", self.KV * self.HD)
        self.linear(b + "attn_output", self.D, self.H * self.HD, t)
        self.norm(b + "post_attention_norm", self.D)
        for x, out, k in [("gate", self.FF, self.D), ("up", self.FF, self.D), ("down", self.D, self.FF)]:
            self.linear(b + "ffn_" + x, out, k, t)
        self.norm(b + "post_ffw_norm", self.D)

    def twin(self):
        from transformers import Olmo2Config, Olmo2ForCausalLM
        return Olmo2ForCausalLM(self.config(Olmo2Config))


class Phi3(Prenorm):
    """Fused tensors, a window, and a rotation of a part of each head."""
    name, arch, seed, HD, WINDOW, ROT = "phi3", "phi3", 36, 16, 40, 12
    title = "Tiny Phi"  # a peer asks more of a name with "phi3" in it
    names = {**NAMES, "attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"}

    def layer(self, b, t):
        self.norm(b + "attn_norm", self.D)
        self.linear(b + "attn_qkv", (self.H + 2 * self.KV) * self.HD, self.D, t, 2.0)
        self.linear(b + "attn_output", self.D, self.H * self.HD, t)
        self.norm(b + "ffn_norm", self.D)
        self.linear(b + "ffn_up", 2 * self.FF, self.D, t)
        self.linear(b + "ffn_down", self.D, self.FF, t)

    def keys(self, w):
        super().keys(w)
        self.add(w, rope__dimension_count=self.ROT, rope__scaling__original_context_length=self.CTX,
                 attention__sliding_window=self.WINDOW)

    def rope(self):
        return dict(rope_type="default", rope_theta=self.BASE, partial_rotary_factor=self.ROT / self.HD)

    def twin(self):
        from transformers import Phi3Config, Phi3ForCausalLM
        return Phi3ForCausalLM(self.config(Phi3Config, sliding_window=self.WINDOW,
                                           original_max_position_embeddings=self.CTX))


class Phi3Long(Phi3):
    """Longrope: other divisors as soon as a text is longer than the first training's."""
    name, seed, ROT, CTX, SHORT_CTX = "phi3-long", 37, 16, 512, 160
    # short factors for a text of 160 tokens, long ones from the first token on for a longer one
    records = [(100, 0, 48), (201, 0, 48)]

    def make(self):
        super().make()
        self.w.vector("rope_factors_long.weight", np.linspace(1.5, 6.0, self.ROT // 2))
        self.w.vector("rope_factors_short.weight", np.linspace(1.0, 1.4, self.ROT // 2))
        self.attn_factor = float(np.sqrt(1 + np.log(self.CTX / self.SHORT_CTX) / np.log(self.SHORT_CTX)))

    def keys(self, w):
        Prenorm.keys(self, w)
        self.add(w, rope__dimension_count=self.ROT, rope__scaling__original_context_length=self.SHORT_CTX,
                 rope__scaling__attn_factor=self.attn_factor, attention__sliding_window=0)

    def rope(self):
        return dict(rope_type="longrope", rope_theta=self.BASE, partial_rotary_factor=self.ROT / self.HD,
                    long_factor=self.w.f32["rope_factors_long.weight"].tolist(),
                    short_factor=self.w.f32["rope_factors_short.weight"].tolist())

    def twin(self):
        from transformers import Phi3Config, Phi3ForCausalLM
        model = Phi3ForCausalLM(self.config(Phi3Config, original_max_position_embeddings=self.SHORT_CTX))
        assert abs(model.model.rotary_emb.attention_scaling - self.attn_factor) < 1e-12
        return model


class Gpt2(Model):
    name, arch, seed, CTX = "gpt2", "gpt2", 38, 512
    names = {"attn_norm": "ln_1", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj", "ffn_norm": "ln_2",
             "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}
    outer = {"token_embd": "wte", "position_embd": "wpe", "output_norm": "ln_f"}

    def make(self):
        self.mat("token_embd.weight", self.n_vocab, self.D, T.Q8_0, 1.0)
        self.vec("position_embd.weight", (self.CTX, self.D), 0.3)
        self.w.raw["position_embd.weight"] = (self.w.f32["position_embd.weight"].astype(np.float16), T.F16)
        self.w.f32["position_embd.weight"] = self.w.raw["position_embd.weight"][0].astype(np.float32)
        self.both("output_norm", self.D)
        for i in range(self.L):
            b, t = f"blk.{i}.", self.types[i % 2]
            self.both(b + "attn_norm", self.D)
            self.linear(b + "attn_qkv", 3 * self.D, self.D, t, 2.0)
            self.linear(b + "attn_output", self.D, self.D, t, 2.0)
            self.both(b + "ffn_norm", self.D)
            self.linear(b + "ffn_up", self.FF, self.D, t)
            self.linear(b + "ffn_down", self.D, self.FF, t, 2.0)

    def both(self, name, n):
        self.norm(name, n)
        self.vec(name + ".bias", n, 0.2)

    def linear(self, name, out, k, t, gain=1.0):
        self.mat(name + ".weight", out, k, t, gain)
        self.vec(name + ".bias", out, 0.2)  # more, and it would drown the text

    def keys(self, w):
        self.add(w, block_count=self.L, context_length=self.CTX, embedding_length=self.D,
                 feed_forward_length=self.FF, attention__head_count=self.H, attention__layer_norm_epsilon=self.EPS)

    def to_hf(self, name, v):
        part = name.split(".")
        if part[0] != "blk":
            return [(f"transformer.{self.outer[part[0]]}.{part[1]}", v)]
        return [(f"transformer.h.{part[1]}.{self.names[part[2]]}.{part[3]}", v.T if v.ndim == 2 else v)]

    def twin(self):
        from transformers import GPT2Config, GPT2LMHeadModel
        return GPT2LMHeadModel(GPT2Config(
            vocab_size=self.n_vocab, n_positions=self.CTX, n_embd=self.D, n_layer=self.L, n_head=self.H,
            n_inner=self.FF, layer_norm_epsilon=self.EPS, attn_implementation="eager", bos_token_id=1,
            eos_token_id=2, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0))


class Gemma3(Model):
    """Five local layers for a global one; norms everywhere."""
    name, arch, title, vocab, seed = "gemma3", "gemma3", "Tiny Gemma 3", Spm, 2
    L, H, KV, HD, FF, WINDOW, BASE, EPS = 7, 2, 1, 32, 256, 80, 1000000.0, 1e-6
    names = {**NAMES, "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
             "post_ffw_norm": "post_feedforward_layernorm"}
    EVERY = 6
    records = [(48, 0, 48), (300, 100, 48)]

    def make(self):
        w = self.w
        w.matrix("token_embd.weight", self.n_vocab, self.D, T.Q8_0, 0.06)
        w.norm("output_norm.weight", self.D)
        for i in range(self.L):
            b = f"blk.{i}."
            for name, n in [("attn_norm", self.D), ("attn_q_norm", self.HD), ("attn_k_norm", self.HD),
                            ("post_attention_norm", self.D), ("ffn_norm", self.D), ("post_ffw_norm", self.D)]:
                # sharp attention: averages over everything would let the model repeat one token
                w.norm(b + name + ".weight", n, 2.0 if n == self.HD else 1.0)
            w.matrix(b + "attn_q.weight", self.H * self.HD, self.D, [T.Q5_0, T.Q4_0][i % 2])
            w.matrix(b + "attn_k.weight", self.KV * self.HD, self.D, [T.Q5_0, T.BF16][i % 2])
            w.matrix(b + "attn_v.weight", self.KV * self.HD, self.D, [T.Q8_0, T.Q5_0][i % 2])
            w.matrix(b + "attn_output.weight", self.D, self.H * self.HD, [T.Q4_1, T.F16][i % 2])
            w.matrix(b + "ffn_gate.weight", self.FF, self.D, [T.Q5_0, T.Q4_1][i % 2])
            w.matrix(b + "ffn_up.weight", self.FF, self.D, [T.Q5_0, T.Q4_0][i % 2])
            w.matrix(b + "ffn_down.weight", self.D, self.FF, [T.Q6_K, T.Q4_K][i % 2])

    def keys(self, w):
        super().keys(w)
        w.add_sliding_window(self.WINDOW)

    def to_hf(self, name, v):
        return super().to_hf(name, v - np.float32(1) if v.ndim == 1 else v)

    def rope(self):
        return {"full_attention": dict(rope_type="default", rope_theta=self.BASE),
                "sliding_attention": dict(rope_type="default", rope_theta=10000.0)}

    def twin(self):
        from transformers import Gemma3ForCausalLM, Gemma3TextConfig
        kinds = ["full_attention" if i % self.EVERY == self.EVERY - 1 else "sliding_attention"
                 for i in range(self.L)]
        return Gemma3ForCausalLM(self.config(Gemma3TextConfig, sliding_window=self.WINDOW, layer_types=kinds,
                                             query_pre_attn_scalar=self.query_width()))

    def query_width(self):
        """Queries are divided by the root of this."""
        return self.HD

    def patch(self, model):
        exact_angles(model)


class Gemma3Linear(Gemma3):
    """4B and larger: positions of the global layers are divided; here with a pattern of its own."""
    name, title, seed, L, FF, EVERY, WINDOW = "gemma3-linear", None, 39, 3, 128, 3, 40
    SHARP, BRANCH = 2.0, 1.0  # gains of the query and key norms, and of those behind a half block
    records = [(201, 0, 48)]

    def make(self):
        self.mat("token_embd.weight", self.n_vocab, self.D, T.Q8_0, 0.06 * np.sqrt(self.D))
        self.norm("output_norm", self.D)
        for i in range(self.L):
            b, t = f"blk.{i}.", self.types[i % 2]
            for name, n, gain in [("attn_norm", self.D, 1.0), ("attn_q_norm", self.HD, self.SHARP),
                                  ("attn_k_norm", self.HD, self.SHARP), ("post_attention_norm", self.D, self.BRANCH),
                                  ("ffn_norm", self.D, 1.0), ("post_ffw_norm", self.D, self.BRANCH)]:
                self.norm(b + name, n, gain)
            for x, out, k in [("attn_q", self.H * self.HD, self.D), ("attn_k", self.KV * self.HD, self.D),
                              ("attn_v", self.KV * self.HD, self.D), ("attn_output", self.D, self.H * self.HD),
                              ("ffn_gate", self.FF, self.D), ("ffn_up", self.FF, self.D),
                              ("ffn_down", self.D, self.FF)]:
                self.mat(f"{b}{x}.weight", out, k, t)

    def keys(self, w):
        super().keys(w)
        self.add(w, attention__sliding_window_pattern=self.EVERY, rope__scaling__type="linear",
                 rope__scaling__factor=8.0)

    def rope(self):
        r = super().rope()
        r["full_attention"].update(rope_type="linear", factor=8.0)
        return r


class Gemma3Deep(Gemma3Linear):
    """The 27B model's form: its 62 layers say that queries are scaled by width and heads."""
    name, seed, L, D, FF, EVERY, WINDOW = "gemma3-27b", 47, 62, 32, 32, 6, 24
    types = [T.Q4_0, T.Q4_0]
    SHARP, BRANCH = 1.0, 0.15  # so deep a model doubles every rounding error, layer by layer, with more
    records = [(100, 0, 16)]

    def query_width(self):
        return self.D // self.H


KINDS = [Llama, LlamaBias, Mistral, Qwen2, Qwen3, Gpt2, Olmo2, Phi3, Phi3Long, Gemma3, Gemma3Linear,
         Gemma3Deep]
