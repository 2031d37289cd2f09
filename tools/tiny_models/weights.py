"""weights.py - tensors of a GGUF file and what they mean in float32."""
import gguf
import numpy as np
from gguf import GGMLQuantizationType as T


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
    only_f32 = False  # every matrix in float32: for a comparison with a peer

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.raw, self.f32 = {}, {}

    def matrix(self, name, out, k, qtype, std=None):
        std = std if std is not None else 1.0 / np.sqrt(k)
        qtype = T.F32 if self.only_f32 else qtype
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
