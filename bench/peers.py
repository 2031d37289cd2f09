#!/usr/bin/env python3
"""Speed of Waage and of other engines on the same file, run in turns, as ratios.

  peers.py -m MODEL.gguf --waage build/release/waage --peers DIR [--rounds 5] [--threads 2] [--grade i8]
           [--loads prefill:512 decode:1 decode:8 decode:32 decode:64] [--prompt 128] [--kv-format f16]

DIR is what bench/build_peers.sh made. Where ik_llama.cpp was not built in it, its wheel stands in (DIR/ik_wheel).
In each round every engine does every load once; printed are the medians and the ratio to the better peer. Prefill is one
prompt; decode:N are N independent prompts of --prompt tokens that are continued for 32 (reading them is not timed). The
peers keep keys and values as f16, so that is what Waage does here (its own default is f32). A machine that others use
too is noisy: the ratio says more than the rates.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys

NEW = 32


class Failed(Exception):
    pass


def run(args):
    r = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    if r.returncode != 0:
        raise Failed("%s\nexit status %d\n%s" % (" ".join(map(str, args)), r.returncode, r.stderr[-2000:]))
    return r.stdout


class Waage:
    name = "waage"

    def __init__(self, a):
        self.a = a

    def rate(self, kind, n):
        out = json.loads(run([self.a.waage, "bench", "-m", self.a.model, "--threads", self.a.threads, "--activations",
                              self.a.grade, "--repeats", 1, "--prompt", self.a.prompt, "--kv-format", self.a.kv_format,
                              "--json", "--loads", "%s:%d" % (kind, n)]))
        return out[kind][0]["tokens_per_s"]


class Llama:
    """llama.cpp or ik_llama.cpp: llama-bench for prefill and one sequence, llama-batched-bench for more."""

    def __init__(self, a, name):
        self.a, self.name, self.bin = a, name, os.path.join(a.peers, name, "bin")
        self.repack = ["-rtr", "1"] if name.startswith("ik") else []

    def there(self):
        return os.path.exists(os.path.join(self.bin, "llama-bench"))

    def rate(self, kind, n):
        return self.prefill(n) if kind == "prefill" else self.decode(n)

    def prefill(self, n):
        out = run([os.path.join(self.bin, "llama-bench"), "-m", self.a.model, "-t", self.a.threads, "-p", n, "-n", 0,
                   "-fa", 1, "-r", 1, "-o", "json"] + self.repack)
        return json.loads(out[out.index("["):])[0]["avg_ts"]

    def decode(self, n):
        out = run([os.path.join(self.bin, "llama-batched-bench"), "-m", self.a.model, "-c",
                   n * (self.a.prompt + NEW) + 64, "-b", 2048, "-ub", 512, "-npp", self.a.prompt, "-ntg", NEW, "-npl", n,
                   "-t", self.a.threads] + (["-fa", "-rtr"] if self.repack else ["-fa", "on"]))
        for line in out.splitlines():
            cell = [c.strip() for c in line.strip("| ").split("|")]
            if len(cell) >= 8 and re.fullmatch(r"\d+", cell[0]):
                return float(cell[7])  # PP TG B N_KV T_PP S_PP T_TG S_TG ...
        raise Failed("no row in the output of %s llama-batched-bench:\n%s" % (self.name, out))


class IkWheel:
    name = "ik wheel"

    def __init__(self, a):
        self.a, self.python = a, os.path.join(a.peers, "ik_wheel", "bin", "python")

    def there(self):
        return os.path.exists(self.python)

    def rate(self, kind, n):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wheel_rate.py")
        return float(run([self.python, script, self.a.model, self.a.threads, kind, n, self.a.prompt]).split()[-1])


def measure(engines, loads, rounds):
    """{(load, engine's name): rates}. A peer that fails at a load is named and left out of it."""
    rates, failed = {}, set()
    for _ in range(rounds):
        for load in loads:
            for e in engines:
                if (load, e.name) in failed:
                    continue
                try:
                    rates.setdefault((load, e.name), []).append(e.rate(*load))
                except Failed as why:
                    if e is engines[0]:
                        sys.exit(str(why))
                    print("%s fails at %s:%d\n%s" % ((e.name,) + load + (why,)), file=sys.stderr)
                    rates[load, e.name] = [float("nan")]
                    failed.add((load, e.name))
    return rates


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-m", "--model", required=True)
    p.add_argument("--waage", default="build/release/waage")
    p.add_argument("--peers", required=True)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--grade", default="i8", choices=["i8", "i16", "f32"])
    p.add_argument("--prompt", type=int, default=128)
    p.add_argument("--kv-format", default="f16", choices=["f32", "f16", "q8"])
    p.add_argument("--loads", nargs="+", default=["prefill:512", "decode:1", "decode:8", "decode:32", "decode:64"])
    a = p.parse_args()
    peers = [Llama(a, "llama.cpp"), Llama(a, "ik_llama.cpp")]
    if not peers[1].there():
        peers[1] = IkWheel(a)
    engines = [Waage(a)] + [p for p in peers if p.there()]
    if len(engines) == 1:
        sys.exit("%s: no peers; run bench/build_peers.sh first" % a.peers)
    loads = [(k, int(n)) for k, n in (l.split(":") for l in a.loads)]
    rates = measure(engines, loads, a.rounds)
    print("%s, grade %s, keys and values %s, %d threads, medians of %d rounds, load average %s" %
          (os.path.basename(a.model), a.grade, a.kv_format, a.threads, a.rounds,
           " ".join("%.1f" % x for x in os.getloadavg())))
    print("%-14s" % "tokens/s" + "".join("%14s" % e.name for e in engines) + "    ratio to the better peer")
    for load in loads:
        m = [statistics.median(rates[load, e.name]) for e in engines]
        best = max((x for x in m[1:] if x == x), default=float("nan"))
        print("%-14s" % ("%s:%d" % load) + "".join("%14.1f" % x for x in m) + "    %.2f" % (m[0] / best))


main()
