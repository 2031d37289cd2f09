#!/usr/bin/env python3
"""Write golden logits of a GGUF model, computed in float32 by transformers with dequantised weights.

Run by hand; the tests need only the files it writes (tests/golden/NAME.logits).
  golden_logits.py MODEL.gguf OUT.logits
Needs transformers, torch, gguf, accelerate. File format: write_golden() below, read by
tests/unit/test_engine_golden.c.
"""
import os
import struct
import sys

import numpy as np

N_TOP, N_FIXED, N_TOKENS, N_GREEDY, N_LONG, N_LAST = 32, 64, 64, 64, 1200, 8

PROMPTS = [
    "The harbour town wakes early. Before the bakery opens its shutters, two fishermen argue about the "
    "price of diesel, a dog sleeps on a coil of rope, and the lighthouse keeper counts the boats that "
    "have not come back. Nobody speaks of the storm, although everybody heard the windows rattle at three "
    "in the morning and saw the water climb.",
    "Question: Anna buys 3 boxes of pencils with 12 pencils each. She gives 7 pencils to her brother and "
    "loses 2 on the way to school. How many pencils does she have left? Answer: First we compute 3 * 12 = "
    "36. Then we subtract 7 and get 29. Finally we subtract 2, so 27 pencils are left. Question: Tom",
    "Der Zug nach München hat heute zwanzig Minuten Verspätung, weil bei Augsburg eine Weiche klemmt. Die "
    "Fahrgäste stehen am Bahnsteig, trinken Kaffee aus Pappbechern und schauen auf die Anzeigetafel, als "
    "ob sie dadurch schneller umspringen würde. Ein Kind fragt seine Mutter, warum Züge nicht fliegen.",
    "def merge(left, right):\n    result = []\n    i = j = 0\n    while i < len(left) and j < len(right):\n"
    "        if left[i] <= right[j]:\n            result.append(left[i])\n            i += 1\n        else:\n"
    "            result.append(right[j])\n            j += 1\n    return result + left[i:] + right[j:]\n\n",
    "今天早上我去市场买了三斤苹果和两条鱼。卖鱼的老人告诉我，昨天夜里的风很大，很多船没有出海，所以鱼比平时贵一些。"
    "我们聊了一会儿天气，又聊到他的孙子，他在北京读大学，学的是计算机。回家的路上下起了小雨，我没有带伞，只好跑回去。",
    "Photosynthesis is the process by which green plants, algae and some bacteria turn light into chemical "
    "energy. In the first stage, water is split and oxygen is released; in the second, carbon dioxide is "
    "bound and sugar is built. The rate depends on light, temperature, and the supply of carbon dioxide.",
    "{\"name\": \"sensor-17\", \"unit\": \"celsius\", \"values\": [21.5, 21.7, 22.0, 22.4, 23.1, 23.0, 22.8], "
    "\"valid\": true, \"notes\": null}\n{\"name\": \"sensor-18\", \"unit\": \"celsius\", \"values\": [19.9, 20.1, "
    "20.0, 20.4, 20.9, 21.3, 21.1], \"valid\": false, \"notes\": \"calibrate\"}\n",
    "Once upon a time there was a clockmaker who could not tell the time. Every evening he wound two hundred "
    "clocks, each of which showed a different hour, and every morning he asked the baker's daughter when to "
    "open the shop. One day she did not come, and the whole street stood still, waiting for a sign.",
]


TAIL = (" And so the day went on: people came and went, doors opened and closed, and by the evening nobody "
        "could say who had been the first to notice that the river had changed its colour.")


def long_text():
    """A text of some 1,500 tokens that looks back at itself now and then."""
    towns = ["Aldermoor", "Birkenau Hill", "Castelnove", "Dunmarrow", "Eskeldal", "Fontarine", "Gravenholt"]
    goods = ["salt", "copper wire", "oranges", "window glass", "letters", "wool", "lamp oil"]
    out = []
    for i in range(60):
        a, b, g = towns[i % 7], towns[(3 * i + 2) % 7], goods[(5 * i) % 7]
        out.append(f"Day {i + 1}. The wagon left {a} with {11 + 7 * i % 40} sacks of {g} and reached {b} "
                   f"after {3 + i % 5} hours. The driver wrote: as on day {max(1, i - 6)}, the road was "
                   f"{'dry' if i % 3 else 'flooded'}.")
    return " ".join(out)


def write_golden(path, n_vocab, fixed, records, n_top=N_TOP):
    """Little endian: magic, n_vocab, n_top, n_fixed, fixed ids, n_records; a record: n_tokens, first
    stored position, n_greedy, tokens, greedy tokens, and for each stored position the log-sum-exp
    (f64), top ids, top logits (f32), fixed logits (f32)."""
    with open(path, "wb") as f:
        f.write(b"WGOLD001")
        f.write(struct.pack("<III", n_vocab, n_top, len(fixed)))
        f.write(np.asarray(fixed, "<i4").tobytes())
        f.write(struct.pack("<I", len(records)))
        for tokens, first, logits, greedy in records:
            f.write(struct.pack("<III", len(tokens), first, len(greedy)))
            f.write(np.asarray(tokens, "<i4").tobytes())
            f.write(np.asarray(greedy, "<i4").tobytes())
            for row in logits:
                row64 = row.astype(np.float64)
                m = row64.max()
                top = np.argsort(-row64, kind="stable")[:n_top]
                f.write(struct.pack("<d", m + np.log(np.exp(row64 - m).sum())))
                f.write(top.astype("<i4").tobytes())
                f.write(row[top].astype("<f4").tobytes())
                f.write(row[fixed].astype("<f4").tobytes())


def fixed_ids(n_vocab, n=N_FIXED):
    return sorted(np.random.default_rng(7).choice(n_vocab, n, replace=False).tolist())


def run(model, tokens, n_greedy):
    """Logits of all positions, and greedy ids behind them, one token at a time with a cache."""
    import torch
    with torch.no_grad():
        out = model(torch.tensor([tokens]), use_cache=True)
        logits, past, greedy = out.logits[0].float().numpy(), out.past_key_values, []
        last = logits[-1]
        for _ in range(n_greedy):
            greedy.append(int(last.argmax()))
            out = model(torch.tensor([[greedy[-1]]]), past_key_values=past, use_cache=True)
            last, past = out.logits[0, -1].float().numpy(), out.past_key_values
    return logits, greedy


def main():
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    path, out = sys.argv[1:3]
    where, name = os.path.split(os.path.abspath(path))
    torch.set_num_threads(2)
    tok = AutoTokenizer.from_pretrained(where, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(where, gguf_file=name, dtype=torch.float32).eval()
    model.config._attn_implementation = "eager"
    n_vocab = model.get_output_embeddings().weight.shape[0]
    bos = [model.config.bos_token_id] if "gemma" in model.config.model_type else []
    records = []
    for text in PROMPTS:
        tokens = (bos + tok(text + TAIL, add_special_tokens=False)["input_ids"])[:N_TOKENS]
        assert len(tokens) == N_TOKENS, (len(tokens), text)
        logits, greedy = run(model, tokens, N_GREEDY)
        records.append((tokens, 0, logits, greedy))
    tokens = (bos + tok(long_text(), add_special_tokens=False)["input_ids"])[:N_LONG]
    assert len(tokens) == N_LONG, len(tokens)
    logits, greedy = run(model, tokens, 0)
    records.append((tokens, N_LONG - N_LAST, logits[-N_LAST:], greedy))
    write_golden(out, n_vocab, fixed_ids(n_vocab), records)
    print(out, os.path.getsize(out), "bytes")


if __name__ == "__main__":
    main()
