#!/usr/bin/env python3
"""Tiny models with experts for the tests: gpt-oss, qwen3moe and deepseek2 in its forms. Each is built
as a transformers model from a config, with the weights that the GGUF file holds (dequantised).

  tiny_experts.py gguf DIR           DIR/tiny-NAME.gguf                       (numpy, gguf)
  tiny_experts.py logits DIR         DIR/tiny-NAME.logits                     (torch, transformers)
  tiny_experts.py f32 DIR            DIR/tiny-NAME.gguf, all weights float32: to compare with a peer
Same seeds, same bytes. Run by hand; the tests need only what it writes.
"""
import os
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tiny_models.vocab import Bpe  # noqa: E402
from tiny_models.weights import Weights  # noqa: E402

CTX = 1024


class Model:
    """What the kinds have in common. `c` holds the sizes by the names of the GGUF keys' parts."""
    arch = None
    seed = 11
    f32 = False

    def __init__(self, n_vocab):
        self.n_vocab = n_vocab
        self.w = Weights(self.seed)
        self.make()

    # -- weights: numpy shapes are (experts or heads, out, in) --

    def mat(self, name, out, k, qtype, gain=1.0, n=None):
        if self.f32:
            qtype = T.F32
        rows = out if n is None else n * out
        self.w.matrix(name, rows, k, qtype, gain / np.sqrt(k))
        if n is not None:
            raw, t = self.w.raw[name]
            self.w.raw[name] = (raw.reshape(n, out, -1), t)
            self.w.f32[name] = self.w.f32[name].reshape(n, out, k)

    def vec(self, name, shape, std=0.5, mean=0.0):
        self.w.vector(name, mean + std * self.w.rng.standard_normal(shape))

    def outer(self, d):
        self.mat("token_embd.weight", self.n_vocab, d, T.F16, np.sqrt(d))
        self.mat("output.weight", self.n_vocab, d, T.Q8_0, 3.0)
        self.w.norm("output_norm.weight", d)

    # -- the file --

    def keys(self, w):
        raise NotImplementedError

    def write(self, path):
        w = gguf.GGUFWriter(path, self.arch)
        w.add_name("Tiny " + self.name)
        w.add_license("apache-2.0")
        w.add_vocab_size(self.n_vocab)
        w.add_context_length(CTX)
        self.keys(w)
        Bpe().write(w)
        for name, (raw, qtype) in self.tensors().items():
            w.add_tensor(name, raw, raw_dtype=qtype)
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()

    def tensors(self):
        return self.w.raw

    def add(self, w, **numbers):
        """Keys below the architecture's name; dots are written as two underscores."""
        for key, v in numbers.items():
            key = f"{self.arch}.{key.replace('__', '.')}"
            if isinstance(v, bool):
                w.add_bool(key, v)
            elif isinstance(v, str):
                w.add_string(key, v)
            elif isinstance(v, float):
                w.add_float32(key, v)
            else:
                w.add_uint32(key, v)

    # -- transformers --

    def hf(self):
        model, state = self.hf_parts()
        import torch
        missing, extra = model.load_state_dict(
            {k: torch.tensor(np.ascontiguousarray(v)) for k, v in state.items()}, strict=False)
        assert not missing and not extra, (missing, extra)
        model = model.float().eval()
        exact_angles(model)
        return model

    def state(self, names):
        out = {"model.embed_tokens.weight": self.w.f32["token_embd.weight"],
               "model.norm.weight": self.w.f32["output_norm.weight"],
               "lm_head.weight": self.w.f32["output.weight"]}
        for name, v in self.w.f32.items():
            part = name.split(".", 2)
            if part[0] == "blk" and int(part[1]) < self.L and part[2] in names:
                out[f"model.layers.{part[1]}.{names[part[2]]}"] = v
        return out

    def gap(self, logits):
        """How far apart the last chosen and the first rejected expert (or group) are, of each row."""
        raise NotImplementedError


def top_gap(x, k):
    """Of each row: its k-th largest minus the next."""
    s = -np.sort(-x, axis=-1)
    return s[:, k - 1] - s[:, k]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def exact_angles(model):
    """Angles in double, as docs/arithmetic.md has them; the frequencies are those of transformers, which
    rounds them to float32, up to that rounding."""
    import torch
    emb = model.model.rotary_emb
    inv = double_frequencies(emb.config)
    assert np.allclose(inv, emb.inv_freq.numpy(), rtol=3e-7, atol=0), (inv, emb.inv_freq)
    kind, scale = type(emb).__name__, emb.attention_scaling

    def forward(x, position_ids, layer_type=None):
        angles = position_ids[0].double()[:, None] * torch.tensor(inv)[None]
        cos, sin = (angles.cos() * scale)[None], (angles.sin() * scale)[None]
        if kind.startswith("DeepseekV2"):
            return torch.complex(cos.to(torch.float32), sin.to(torch.float32))
        if not kind.startswith("GptOss"):
            cos, sin = torch.cat([cos, cos], -1), torch.cat([sin, sin], -1)
        return cos.to(x.dtype), sin.to(x.dtype)

    emb.forward = forward


def double_frequencies(cfg):
    r = cfg.rope_parameters
    n = cfg.head_dim
    theta = r["rope_theta"] ** (-np.arange(0, n, 2, dtype=np.float64) / n)
    if r["rope_type"] == "default":
        return theta

    def dim_of(turns):
        return n * np.log(r["original_max_position_embeddings"] / (turns * 2 * np.pi)) / (
            2 * np.log(r["rope_theta"]))

    low, high = dim_of(r["beta_fast"]), dim_of(r["beta_slow"])
    if r.get("truncate", True):
        low, high = np.floor(low), np.ceil(high)
    low, high = max(low, 0), min(high, n - 1)
    ramp = np.clip((np.arange(n // 2) - low) / ((high - low) or 0.001), 0, 1)
    return theta / r["factor"] * ramp + theta * (1 - ramp)


# ---- gpt-oss: sinks, a window on every other layer, biases, clamped SwiGLU ---------------------------

class GptOss(Model):
    name, arch = "gptoss", "gpt-oss"
    L, D, H, KV, HD, F, E, U, WINDOW = 4, 64, 4, 2, 16, 32, 8, 4, 40
    YARN = dict(rope_type="yarn", rope_theta=150000.0, factor=32.0, beta_fast=32.0, beta_slow=1.0,
                truncate=False, original_max_position_embeddings=64)

    def make(self):
        self.outer(self.D)
        for i in range(self.L):
            b = f"blk.{i}."
            self.w.norm(b + "attn_norm.weight", self.D)
            self.w.norm(b + "post_attention_norm.weight", self.D)
            for x, n in [("q", self.H), ("k", self.KV), ("v", self.KV)]:
                self.mat(b + f"attn_{x}.weight", n * self.HD, self.D, T.Q8_0, 2.0 if x in "qk" else 1.0)
                self.vec(b + f"attn_{x}.bias", n * self.HD)
            self.mat(b + "attn_output.weight", self.D, self.H * self.HD, T.Q8_0)
            self.vec(b + "attn_output.bias", self.D)
            self.vec(b + "attn_sinks.weight", self.H, 1.5, 1.0)
            self.mat(b + "ffn_gate_inp.weight", self.E, self.D, T.F32)
            self.vec(b + "ffn_gate_inp.bias", self.E)
            for x, out, k, gain in [("gate", self.F, self.D, 6.0), ("up", self.F, self.D, 6.0),
                                    ("down", self.D, self.F, 0.3)]:
                self.mat(b + f"ffn_{x}_exps.weight", out, k, T.MXFP4, gain, self.E)
                self.vec(b + f"ffn_{x}_exps.bias", (self.E, out))

    def keys(self, w):
        self.add(w, block_count=self.L, embedding_length=self.D, feed_forward_length=self.F,
                 attention__head_count=self.H, attention__head_count_kv=self.KV,
                 attention__key_length=self.HD, attention__value_length=self.HD,
                 attention__layer_norm_rms_epsilon=1e-5, attention__sliding_window=self.WINDOW,
                 expert_count=self.E, expert_used_count=self.U, expert_feed_forward_length=self.F,
                 rope__freq_base=self.YARN["rope_theta"], rope__scaling__type="yarn",
                 rope__scaling__factor=self.YARN["factor"],
                 rope__scaling__original_context_length=self.YARN["original_max_position_embeddings"])
        if self.f32:  # the peer rounds the ramp's ends; with these betas there is no ramp
            self.add(w, rope__scaling__yarn_beta_fast=1e5, rope__scaling__yarn_beta_slow=1e-9)

    def hf_parts(self):
        from transformers import GptOssConfig, GptOssForCausalLM
        cfg = GptOssConfig(
            vocab_size=self.n_vocab, hidden_size=self.D, intermediate_size=self.F, num_hidden_layers=self.L,
            num_attention_heads=self.H, num_key_value_heads=self.KV, head_dim=self.HD, rms_norm_eps=1e-5,
            max_position_embeddings=CTX, sliding_window=self.WINDOW, num_local_experts=self.E,
            num_experts_per_tok=self.U, rope_parameters=dict(self.YARN), tie_word_embeddings=False,
            attn_implementation="eager", experts_implementation="eager")
        names = {"attn_norm.weight": "input_layernorm.weight",
                 "post_attention_norm.weight": "post_attention_layernorm.weight",
                 "attn_sinks.weight": "self_attn.sinks", "ffn_gate_inp.weight": "mlp.router.weight",
                 "ffn_gate_inp.bias": "mlp.router.bias", "ffn_down_exps.bias": "mlp.experts.down_proj_bias"}
        for x, y in [("q", "q_proj"), ("k", "k_proj"), ("v", "v_proj"), ("output", "o_proj")]:
            for part in ("weight", "bias"):
                names[f"attn_{x}.{part}"] = f"self_attn.{y}.{part}"
        out = self.state(names)
        for i in range(self.L):
            b, m, f = f"blk.{i}.", f"model.layers.{i}.mlp.experts.", self.w.f32
            both = np.empty((self.E, self.D, 2 * self.F), np.float32)
            both[..., 0::2] = f[b + "ffn_gate_exps.weight"].transpose(0, 2, 1)
            both[..., 1::2] = f[b + "ffn_up_exps.weight"].transpose(0, 2, 1)
            bias = np.empty((self.E, 2 * self.F), np.float32)
            bias[..., 0::2], bias[..., 1::2] = f[b + "ffn_gate_exps.bias"], f[b + "ffn_up_exps.bias"]
            out[m + "gate_up_proj"], out[m + "gate_up_proj_bias"] = both, bias
            out[m + "down_proj"] = f[b + "ffn_down_exps.weight"].transpose(0, 2, 1)
        return GptOssForCausalLM(cfg), out

    def gap(self, logits):
        return top_gap(logits, self.U)


# ---- qwen3moe: softmax over all, renormalised over the chosen ----------------------------------------

class Qwen3Moe(Model):
    name, arch, seed = "qwen3moe", "qwen3moe", 41
    L, D, H, KV, HD, F, E, U = 2, 64, 4, 2, 32, 32, 8, 3

    def make(self):
        self.outer(self.D)
        for i in range(self.L):
            b = f"blk.{i}."
            self.w.norm(b + "attn_norm.weight", self.D)
            self.w.norm(b + "ffn_norm.weight", self.D)
            for x, n in [("q", self.H), ("k", self.KV), ("v", self.KV)]:
                self.mat(b + f"attn_{x}.weight", n * self.HD, self.D, [T.Q8_0, T.F16][i])
            self.w.norm(b + "attn_q_norm.weight", self.HD, 2.0)
            self.w.norm(b + "attn_k_norm.weight", self.HD)
            self.mat(b + "attn_output.weight", self.D, self.H * self.HD, T.Q8_0)
            self.mat(b + "ffn_gate_inp.weight", self.E, self.D, T.F32, 2.0)
            for x, out, k in [("gate", self.F, self.D), ("up", self.F, self.D), ("down", self.D, self.F)]:
                self.mat(b + f"ffn_{x}_exps.weight", out, k, [T.Q4_0, T.Q8_0][i], 2.0, self.E)

    def keys(self, w):
        self.add(w, block_count=self.L, embedding_length=self.D, feed_forward_length=4 * self.F,
                 attention__head_count=self.H, attention__head_count_kv=self.KV,
                 attention__key_length=self.HD, attention__value_length=self.HD,
                 attention__layer_norm_rms_epsilon=1e-6, expert_count=self.E, expert_used_count=self.U,
                 expert_feed_forward_length=self.F, rope__freq_base=1000000.0)

    def hf_parts(self):
        from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM
        cfg = Qwen3MoeConfig(
            vocab_size=self.n_vocab, hidden_size=self.D, intermediate_size=4 * self.F,
            moe_intermediate_size=self.F, num_hidden_layers=self.L, num_attention_heads=self.H,
            num_key_value_heads=self.KV, head_dim=self.HD, rms_norm_eps=1e-6, max_position_embeddings=CTX,
            num_experts=self.E, num_experts_per_tok=self.U, norm_topk_prob=True, decoder_sparse_step=1,
            mlp_only_layers=[], rope_parameters=dict(rope_type="default", rope_theta=1000000.0),
            tie_word_embeddings=False, attn_implementation="eager", experts_implementation="eager")
        names = {"attn_norm.weight": "input_layernorm.weight", "ffn_norm.weight": "post_attention_layernorm.weight",
                 "attn_q_norm.weight": "self_attn.q_norm.weight", "attn_k_norm.weight": "self_attn.k_norm.weight",
                 "attn_q.weight": "self_attn.q_proj.weight", "attn_k.weight": "self_attn.k_proj.weight",
                 "attn_v.weight": "self_attn.v_proj.weight", "attn_output.weight": "self_attn.o_proj.weight",
                 "ffn_gate_inp.weight": "mlp.gate.weight", "ffn_down_exps.weight": "mlp.experts.down_proj"}
        out = self.state(names)
        for i in range(self.L):
            gate, up = (self.w.f32[f"blk.{i}.ffn_{x}_exps.weight"] for x in ("gate", "up"))
            out[f"model.layers.{i}.mlp.experts.gate_up_proj"] = np.concatenate([gate, up], 1)
        return Qwen3MoeForCausalLM(cfg), out

    def gap(self, logits):
        return top_gap(softmax(logits), self.U)


class Qwen3MoeFused(Qwen3Moe):
    """The same model with each expert's gate and up rows in one tensor, as newer files have them."""
    name = "qwen3moe-fused"

    def tensors(self):
        out = {}
        for name, (raw, t) in self.w.raw.items():
            if "ffn_gate_exps" in name:
                up = self.w.raw[name.replace("gate", "up")][0]
                out[name.replace("gate", "gate_up")] = np.concatenate([raw, up], 1), t
            elif "ffn_up_exps" not in name:
                out[name] = raw, t
        return out


# ---- deepseek2: latent attention, shared and routed experts, leading dense layers ---------------------

class DeepSeek(Model):
    arch = "deepseek2"
    L, D, H, NOPE, ROPE, V, LORA, F, E, U, SHARED, DENSE = 3, 64, 4, 32, 16, 32, 32, 32, 8, 3, 2, 1
    Q_LORA, GROUPS, GROUPS_USED, SCALE, LEGACY, YARN = 32, 4, 2, 1.0, False, True
    MSCALE = 0.8

    def make(self):
        types = [T.Q8_0, T.F16, T.Q4_0]
        qk = self.NOPE + self.ROPE
        self.outer(self.D)
        for i in range(self.L):
            b, t = f"blk.{i}.", types[i % 3]
            self.w.norm(b + "attn_norm.weight", self.D)
            self.w.norm(b + "ffn_norm.weight", self.D)
            if self.Q_LORA:
                self.mat(b + "attn_q_a.weight", self.Q_LORA, self.D, t)
                self.w.norm(b + "attn_q_a_norm.weight", self.Q_LORA)
                self.mat(b + "attn_q_b.weight", self.H * qk, self.Q_LORA, t, 2.0)
            else:
                self.mat(b + "attn_q.weight", self.H * qk, self.D, t, 2.0)
            self.mat(b + "attn_kv_a_mqa.weight", self.LORA + self.ROPE, self.D, t)
            self.w.norm(b + "attn_kv_a_norm.weight", self.LORA)
            if self.LEGACY:
                self.mat(b + "attn_kv_b.weight", self.H * (self.NOPE + self.V), self.LORA, t)
            else:
                self.mat(b + "attn_k_b.weight", self.LORA, self.NOPE, t, 1.0, self.H)
                self.mat(b + "attn_v_b.weight", self.V, self.LORA, t, 1.0, self.H)
            self.mat(b + "attn_output.weight", self.D, self.H * self.V, t)
            if i < self.DENSE:
                self.ffn(b, "", 3 * self.F, t)
                continue
            self.mat(b + "ffn_gate_inp.weight", self.E, self.D, T.F32, 2.0)
            if self.name == "dsv3":
                self.vec(b + "exp_probs_b.bias", self.E, 0.2)
            self.ffn(b, "_exps", self.F, t, self.E)
            self.ffn(b, "_shexp", self.SHARED * self.F, t)

    def ffn(self, b, suffix, f, t, n=None):
        for x, out, k in [("gate", f, self.D), ("up", f, self.D), ("down", self.D, f)]:
            self.mat(b + f"ffn_{x}{suffix}.weight", out, k, t, 1.5, n)

    def keys(self, w):
        qk, h = self.NOPE + self.ROPE, self.H
        extra = self.name == "dsv3" and not self.f32
        self.add(w, block_count=self.L + extra, embedding_length=self.D, feed_forward_length=3 * self.F,
                 attention__head_count=h, attention__head_count_kv=h if self.LEGACY else 1,
                 attention__key_length=qk if self.LEGACY else self.LORA + self.ROPE,
                 attention__value_length=self.V if self.LEGACY else self.LORA,
                 attention__layer_norm_rms_epsilon=1e-6, attention__q_lora_rank=self.Q_LORA or 0,
                 attention__kv_lora_rank=self.LORA, rope__dimension_count=self.ROPE,
                 rope__freq_base=10000.0, leading_dense_block_count=self.DENSE, expert_count=self.E,
                 expert_used_count=self.U, expert_feed_forward_length=self.F,
                 expert_shared_count=self.SHARED, expert_weights_scale=self.SCALE)
        if not self.LEGACY:
            self.add(w, attention__key_length_mla=qk, attention__value_length_mla=self.V)
        if self.GROUPS > 1:
            self.add(w, expert_group_count=self.GROUPS, expert_group_used_count=self.GROUPS_USED)
        if self.name == "dsv3":
            self.add(w, expert_weights_norm=True, expert_gating_func=2)
        if self.YARN:
            self.add(w, rope__scaling__type="yarn", rope__scaling__factor=8.0,
                     rope__scaling__original_context_length=64,
                     rope__scaling__yarn_log_multiplier=0.1 * self.MSCALE)

    def rope(self):
        if not self.YARN:
            return dict(rope_type="default", rope_theta=10000.0)
        return dict(rope_type="yarn", rope_theta=10000.0, factor=8.0, original_max_position_embeddings=64,
                    beta_fast=32.0, beta_slow=1.0, mscale=self.MSCALE, mscale_all_dim=self.MSCALE)

    def config(self, kind, **more):
        return kind(
            vocab_size=self.n_vocab, hidden_size=self.D, intermediate_size=3 * self.F,
            moe_intermediate_size=self.F, num_hidden_layers=self.L, num_attention_heads=self.H,
            num_key_value_heads=self.H, n_shared_experts=self.SHARED, n_routed_experts=self.E,
            routed_scaling_factor=self.SCALE, kv_lora_rank=self.LORA, q_lora_rank=self.Q_LORA,
            qk_rope_head_dim=self.ROPE, v_head_dim=self.V, qk_nope_head_dim=self.NOPE,
            n_group=self.GROUPS, topk_group=self.GROUPS_USED, num_experts_per_tok=self.U,
            first_k_dense_replace=self.DENSE, max_position_embeddings=CTX, rms_norm_eps=1e-6,
            tie_word_embeddings=False, rope_parameters=self.rope(), attn_implementation="eager",
            experts_implementation="eager", **more)

    def build(self):
        from transformers import DeepseekV2Config, DeepseekV2ForCausalLM
        how = "group_limited_greedy" if self.GROUPS > 1 else "greedy"
        return DeepseekV2ForCausalLM(self.config(DeepseekV2Config, topk_method=how))

    def hf_parts(self):
        names = {"attn_norm.weight": "input_layernorm.weight", "ffn_norm.weight": "post_attention_layernorm.weight",
                 "attn_q.weight": "self_attn.q_proj.weight", "attn_q_a.weight": "self_attn.q_a_proj.weight",
                 "attn_q_a_norm.weight": "self_attn.q_a_layernorm.weight",
                 "attn_q_b.weight": "self_attn.q_b_proj.weight",
                 "attn_kv_a_mqa.weight": "self_attn.kv_a_proj_with_mqa.weight",
                 "attn_kv_a_norm.weight": "self_attn.kv_a_layernorm.weight",
                 "attn_kv_b.weight": "self_attn.kv_b_proj.weight", "attn_output.weight": "self_attn.o_proj.weight",
                 "ffn_gate_inp.weight": "mlp.gate.weight", "exp_probs_b.bias": "mlp.gate.e_score_correction_bias",
                 "ffn_down_exps.weight": "mlp.experts.down_proj"}
        for x in ("gate", "up", "down"):
            names[f"ffn_{x}.weight"] = f"mlp.{x}_proj.weight"
            names[f"ffn_{x}_shexp.weight"] = f"mlp.shared_experts.{x}_proj.weight"
        out = self.state(names)
        for i in range(self.L):
            b, m, f = f"blk.{i}.", f"model.layers.{i}.", self.w.f32
            if i >= self.DENSE:
                out[m + "mlp.experts.gate_up_proj"] = np.concatenate(
                    [f[b + "ffn_gate_exps.weight"], f[b + "ffn_up_exps.weight"]], 1)
            if not self.LEGACY:
                both = np.concatenate([f[b + "attn_k_b.weight"].transpose(0, 2, 1), f[b + "attn_v_b.weight"]], 1)
                out[m + "self_attn.kv_b_proj.weight"] = both.reshape(-1, self.LORA)
        return self.build(), out

    def gap(self, logits):
        p = softmax(logits)
        if self.GROUPS == 1:
            return top_gap(p, self.U)
        return self.group_gap(p, lambda g: g.max(-1))

    def group_gap(self, choice, score):
        s = score(choice.reshape(len(choice), self.GROUPS, -1))
        last = -np.sort(-s, -1)[:, self.GROUPS_USED - 1:self.GROUPS_USED]
        kept = np.where(np.repeat(s >= last, self.E // self.GROUPS, -1), choice, -np.inf)
        return np.minimum(top_gap(s, self.GROUPS_USED), top_gap(kept, self.U))


class DeepSeekV2(DeepSeek):
    name, SCALE, seed = "dsv2", 4.0, 174


class DeepSeekV2Lite(DeepSeek):
    name, Q_LORA, GROUPS, GROUPS_USED, LEGACY, YARN, seed = "dsv2lite", None, 1, 1, True, False, 23


class DeepSeekV3(DeepSeek):
    name, SCALE, SHARED, MSCALE, seed = "dsv3", 2.5, 1, 1.0, 13

    def make(self):
        super().make()
        if not self.f32:  # a layer that predicts a token more, which nobody asks
            self.mat(f"blk.{self.L}.nextn.eh_proj.weight", self.D, 2 * self.D, T.Q8_0)
            self.w.norm(f"blk.{self.L}.attn_norm.weight", self.D)

    def keys(self, w):
        super().keys(w)
        if not self.f32:
            self.add(w, nextn_predict_layers=1)

    def build(self):
        from transformers import DeepseekV3Config, DeepseekV3ForCausalLM
        return DeepseekV3ForCausalLM(self.config(DeepseekV3Config, norm_topk_prob=True, num_mtp_layers=0))

    def gap(self, logits):
        bias = [self.w.f32[f"blk.{i}.exp_probs_b.bias"] for i in range(self.DENSE, self.L)]
        n = len(logits) // len(bias)
        choice = 1 / (1 + np.exp(-logits)) + np.repeat(np.stack(bias), n, 0)
        return self.group_gap(choice, lambda g: (-np.sort(-g, -1))[..., :2].sum(-1))


KINDS = [GptOss, Qwen3Moe, Qwen3MoeFused, DeepSeekV2, DeepSeekV2Lite, DeepSeekV3]


# ---- golden logits --------------------------------------------------------------------------------------

class Watch:
    """Router logits of every token and layer, and how often gpt-oss's clamps were reached."""

    def __init__(self, model):
        self.rows, self.clamped, self.all = {}, 0, 0
        for name, m in model.named_modules():
            if name.endswith(("mlp.gate", "mlp.router")):
                m.register_forward_hook(lambda mod, args, out, name=name: self.rows.setdefault(
                    name, []).append(out[0].detach().double().numpy()))
            if hasattr(m, "_apply_gate") and hasattr(m, "limit"):
                m._apply_gate = self.counted(m._apply_gate, m.limit)

    def counted(self, f, limit):
        def apply(both):
            self.clamped += int((both.abs() > limit).sum())
            self.all += both.numel()
            return f(both)
        return apply

    def logits(self):
        return np.concatenate([np.concatenate(v) for v in self.rows.values()])


def write_logits(path, kind, n_vocab):
    import golden_logits as g
    m = kind(n_vocab)
    model = m.hf()
    watch, rng, records = Watch(model), np.random.default_rng(3), []
    for n, first, n_greedy in [(201, 0, 32), (48, 0, 48)]:
        tokens = rng.integers(3, n_vocab, n).tolist()
        logits, greedy = g.run(model, tokens, n_greedy)
        assert len(set(greedy)) >= 10, ("the model repeats itself: change the seed", greedy)
        records.append((tokens, first, logits, greedy))
        gap = m.gap(watch.logits()).min()
        watch.rows.clear()
        assert gap > 1e-4, (kind.name, "router near-tie: change the seed", gap)
    if watch.all:
        assert watch.clamped > watch.all // 100, "the clamps are not reached"
    g.write_golden(path, n_vocab, g.fixed_ids(n_vocab), records)
    print(path, os.path.getsize(path), "bytes; logits' standard deviation", logits.std(), "gap", gap,
          "clamped", watch.clamped, "of", watch.all)


def main():
    what, where = (sys.argv[1:] + ["", ""])[:2]
    wanted = sys.argv[3:] or [k.name for k in KINDS]
    n = len(Bpe().tokens)
    for kind in [k for k in KINDS if k.name in wanted]:
        Model.f32 = what == "f32"
        if what in ("gguf", "f32"):
            kind(n).write(os.path.join(where, f"tiny-{kind.name}.gguf"))
        elif what == "logits":
            write_logits(os.path.join(where, f"tiny-{kind.name}.logits"), kind, n)
        else:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
