#!/usr/bin/env python3
"""Tokens/s of ik_llama.cpp from its wheel (package ik-llama-cpp-python), through the C functions that it exports.

  wheel_rate.py MODEL.gguf THREADS prefill|decode N PROMPT

As its own benchmark programs do it: weights repacked, flash attention, 512 tokens at a time. prefill: one prompt of N
tokens. decode: N independent prompts of PROMPT tokens, each continued by 32. Wheels are compiled for AVX2: on a processor
with AVX-512 they are slower than a native build.
"""
import ctypes
import random
import sys
import time

from ik_llama_cpp import _ctypes_api as api

BATCH, NEW = 2048, 32


def check(ok, what):
    if not ok:
        sys.exit("ik_llama.cpp: %s failed" % what)


class Engine:
    def __init__(self, path, threads, n_sequences, n_tokens):
        api.llama_backend_init()
        p = api.llama_model_default_params()
        p.repack_tensors, p.use_mmap, p.n_gpu_layers = True, False, 0
        self.model = api.llama_model_load_from_file(path.encode(), p)
        check(self.model, "loading " + path)
        c = api.llama_context_default_params()
        c.n_ctx = n_sequences * n_tokens + 64
        c.n_batch, c.n_ubatch, c.n_seq_max = BATCH, 512, n_sequences
        c.n_threads = c.n_threads_batch = threads
        c.flash_attn = True
        self.ctx = api.llama_init_from_model(self.model, c)
        check(self.ctx, "making a context")
        self.batch = api.llama_batch_init(BATCH, 0, 1)

    def run(self, tokens):
        """tokens: (id, position, sequence, whether its logits are wanted)"""
        for at in range(0, len(tokens), BATCH):
            part = tokens[at:at + BATCH]
            b = self.batch
            b.n_tokens = len(part)
            for i, (token, pos, seq, wanted) in enumerate(part):
                b.token[i], b.pos[i], b.n_seq_id[i], b.logits[i] = token, pos, 1, wanted
                b.seq_id[i][0] = seq
            check(api.llama_decode(self.ctx, b) == 0, "llama_decode")


def main():
    if len(sys.argv) != 6 or sys.argv[3] not in ("prefill", "decode"):
        sys.exit(__doc__)
    path, threads, kind, n = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    sequences, prompt = (1, n) if kind == "prefill" else (n, int(sys.argv[5]))
    e = Engine(path, threads, sequences, prompt + NEW)
    rng = random.Random(1)

    def token():
        return rng.randrange(300, 40000)
    prompts = [(token(), p, s, p == prompt - 1) for s in range(sequences) for p in range(prompt)]
    e.run([(500, 0, 0, True)])  # what happens only once
    api.llama_kv_cache_clear(e.ctx)
    t = time.monotonic()
    e.run(prompts)
    if kind == "prefill":
        print(prompt / (time.monotonic() - t))
        return
    t = time.monotonic()
    for i in range(NEW):
        e.run([(token(), prompt + i, s, True) for s in range(sequences)])
    print(sequences * NEW / (time.monotonic() - t))


main()
