#!/usr/bin/env python3
"""Compare greedy continuations with a peer (xllamacpp: llama.cpp's server as a package).

  make_tiny_models.py f32 DIR && compare_greedy.py DIR/tiny-*.gguf      (needs xllamacpp; run by hand)

Both get the same token ids, float32 weights, activations, keys and values. Prints for each file and prompt
how many tokens are equal until one of them ends. WAAGE names the binary (default: build/release/waage).
"""
import json
import os
import subprocess
import sys
import urllib.request

N = 32
WAAGE = os.environ.get("WAAGE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../build/release/waage"))
PROMPTS = ["The quick brown fox jumps over the lazy dog. Question: what is the capital of France?",
           "three times seven is twenty-one",
           "an apple is a fruit, a stone is not a fruit. " * 4]


def waage(*args):
    return subprocess.run([WAAGE, *args], check=True, capture_output=True, text=True).stdout


def ours(path, text):
    out = json.loads(waage("generate", "-m", path, "-p", text, "-n", str(N), "--activations", "f32", "--json"))
    return [t if isinstance(t, int) else t["id"] for t in out["tokens"]]


def peer(path, prompts):
    """Continuations of a list of token id lists. Runs in a process of its own: the server never ends."""
    import xllamacpp as x
    p = x.CommonParams()
    p.model.path = path
    p.n_ctx, p.n_parallel, p.warmup, p.fit_params = 512, 1, False, False
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 2
    p.cache_type_k = p.cache_type_v = x.ggml_type.GGML_TYPE_F32
    p.flash_attn_type = x.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    server, out = x.Server(p), []
    for ids in prompts:
        body = dict(prompt=ids, n_predict=N, temperature=0, return_tokens=True, cache_prompt=False)
        req = urllib.request.Request(server.listening_address + "/completion", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
        with urllib.request.urlopen(req, timeout=120) as r:
            out.append(json.load(r)["tokens"])
    return out


def main():
    if sys.argv[1] == "--peer":
        print(json.dumps(peer(sys.argv[2], json.loads(sys.stdin.read()))), flush=True)
        os._exit(0)
    for path in sys.argv[1:]:
        ids = [[int(i) for i in waage("tokenize", "-m", path, text).split()] for text in PROMPTS]
        run = subprocess.run([sys.executable, os.path.abspath(__file__), "--peer", path], input=json.dumps(ids),
                             capture_output=True, text=True)
        if run.returncode != 0:
            print(path, "the peer failed:", run.stderr.strip().split("\n")[-1])
            continue
        for i, theirs in enumerate(json.loads(run.stdout.strip().split("\n")[-1])):
            mine = ours(path, PROMPTS[i])
            n = next((k for k, (a, b) in enumerate(zip(mine, theirs)) if a != b), min(len(mine), len(theirs)))
            print(f"{os.path.basename(path)} prompt {i + 1} of {len(ids[i])} tokens: {n} equal; "
                  f"{len(mine)} from Waage, {len(theirs)} from the peer")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()
