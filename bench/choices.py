#!/usr/bin/env python3
"""Multiple choice in Waage and in llama.cpp's own scoring (llama-perplexity --multiple-choice), run in turns: items a second.

  choices.py -m MODEL.gguf --data DIR --peers DIR [--shape shots|endings] [--items 100] [--subjects 2] [--rounds 5]
             [--waage build/release/waage] [--threads 2] [--grade i8]

shots: questions of mmlu_stem.jsonl (below --data; fields question, type, choices, answer) with the first five of their
subject as shots and one-letter answers; the first --subjects subjects, --items questions in all. endings: texts of
gsm8k_test.jsonl (question, answer) in the shape of HellaSwag, without shots: which of four solutions goes on? Both programs
get the same prompts (those that Waage's run kept) and the same choices, and keep keys and values in f16. The time of a run
of one item, which is mostly loading, is taken off. Beside the rates stand items per second of processor time: on a machine
that others use too they say more.
"""
import argparse
import json
import os
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time

SHOTS = 5
SEQUENCES = 64  # of llama.cpp: each answer is one
TASKS = {
    "shots": """task: shots
output_type: multiple_choice
doc_to_text: "{{question}}\\nA. {{choices[0]}}\\nB. {{choices[1]}}\\nC. {{choices[2]}}\\nD. {{choices[3]}}\\nAnswer:"
doc_to_choice: [A, B, C, D]
doc_to_target: answer
num_fewshot: %d
fewshot_config: {sampler: first_n, match: type, hold_out: %d}
""" % (SHOTS, SHOTS),
    "endings": """task: endings
output_type: multiple_choice
doc_to_text: question
doc_to_choice: choices
doc_to_target: answer
""",
}


def rows_of(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def shots_rows(a, n_items):
    rows = rows_of(os.path.join(a.data, "mmlu_stem.jsonl"))
    subjects = list(dict.fromkeys(r["type"] for r in rows))[:a.subjects]
    out = []
    for i, s in enumerate(subjects):
        n = n_items * (i + 1) // len(subjects) - n_items * i // len(subjects)
        out += [r for r in rows if r["type"] == s][:SHOTS + n] if n else []
    return out


def endings_rows(a, n_items):
    """A question, and the first lines of four solutions: its own and those of the three questions before it."""
    rows = rows_of(os.path.join(a.data, "gsm8k_test.jsonl"))
    first = [r["answer"].split("\n")[0] for r in rows]
    return [{"question": rows[i]["question"], "choices": [first[i - k] for k in range(4)][i % 4:] +
             [first[i - k] for k in range(4)][:i % 4], "answer": -i % 4} for i in range(3, 3 + n_items)]


def timed(args):
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    r = subprocess.run([str(x) for x in args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    took, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if r.returncode != 0:
        sys.exit("%s\nexit status %d\n%s" % (" ".join(map(str, args)), r.returncode, r.stdout[-2000:]))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (took, cpu), r.stdout


class Waage:
    name = "waage"

    def __init__(self, a, top):
        self.a, self.top, self.n_runs, self.seen = a, top, 0, {}

    def prepare(self, rows, name):
        with open(os.path.join(self.top, name + ".jsonl"), "w", encoding="utf-8") as f:
            f.write("".join(json.dumps(r) + "\n" for r in rows))
        with open(os.path.join(self.top, name + ".yaml"), "w", encoding="utf-8") as f:
            f.write(TASKS[self.a.shape] + "dataset_path: file:%s.jsonl\ndataset_kwargs: {sha256: any}\n"
                    "protocols: [completion]\nmetric_list: [{metric: acc}]\nmetadata: {version: 1}\n" % name)

    def run(self, name):
        self.n_runs += 1
        out = os.path.join(self.top, "run%d" % self.n_runs)
        took, _ = timed([self.a.waage, "run", "-q", "-m", self.a.model, "-s", os.path.join(self.top, name + ".yaml"), "-o", out,
                         "--data", self.top, "--threads", self.a.threads, "--activations", self.a.grade,
                         "--kv-format", "f16"])  # as llama.cpp keeps them
        self.seen[name] = out
        return took

    def report(self, name):
        """Prompts in order of the items, and the share that was right."""
        path = os.path.join(self.top, "report.json")
        timed([self.a.waage, "report", "-q", self.seen[name], "-o", path, "--transcripts", "all"])
        with open(path, encoding="utf-8") as f:
            samples = sorted(json.load(f)["samples"], key=lambda s: s["item"])
        return [s["responses"][0]["prompt"] for s in samples], statistics.mean(s["credit"] for s in samples)


def put_str(s):
    b = s.encode()
    return struct.pack("<I", len(b)) + b


def put_task(prompt, choices, answer):
    """A question, its answers with one label each, and a second list of answers, which is empty."""
    return (put_str(prompt) + struct.pack("<I", len(choices)) + b"".join(map(put_str, choices)) +
            struct.pack("<%di" % len(choices), *(i == answer for i in range(len(choices)))) + struct.pack("<I", 0))


class Llama:
    """llama.cpp puts a blank between question and answer, as our tasks do."""
    name = "llama.cpp"

    def __init__(self, a, top):
        self.a, self.top, self.share = a, top, {}
        self.bin = os.path.join(a.peers, "llama.cpp", "bin", "llama-perplexity")
        if not os.path.exists(self.bin):
            self.bin = os.path.join(a.peers, "bin", "llama-perplexity")
        if not os.path.exists(self.bin):
            sys.exit("%s: no llama-perplexity; run bench/build_peers.sh first" % a.peers)

    def prepare(self, prompts, rows, name):
        tasks = [put_task(p, list("ABCD") if self.a.shape == "shots" else r["choices"], r["answer"])
                 for p, r in zip(prompts, rows)]
        at, places = 4 + 4 * len(tasks), []
        for t in tasks:
            places.append(at)
            at += len(t)
        with open(os.path.join(self.top, name + ".bin"), "wb") as f:
            f.write(struct.pack("<I%dI" % len(tasks), len(tasks), *places) + b"".join(tasks))

    def run(self, name):
        took, out = timed([self.bin, "-m", self.a.model, "-bf", os.path.join(self.top, name + ".bin"), "--multiple-choice",
                           "-t", self.a.threads, "-np", SEQUENCES, "-c", self.a.context // SEQUENCES,  # of a sequence
                           "-b", self.a.context, "-ub", 512])
        lines = [l.split("\t") for l in out.splitlines() if l.count("\t") == 1 and l.split("\t")[0].isdigit()]
        if not lines:
            sys.exit("llama-perplexity scored nothing:\n" + out[-2000:])
        self.share[name] = float(lines[-1][1]) / 100
        return took


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-m", "--model", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--peers", required=True)
    p.add_argument("--waage", default="build/release/waage")
    p.add_argument("--shape", choices=TASKS, default="shots")
    p.add_argument("--items", type=int, default=100)
    p.add_argument("--subjects", type=int, default=2)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--grade", default="i8", choices=["i8", "i16", "f32"])
    p.add_argument("--context", type=int, default=2048, help="of llama.cpp: tokens of the items it takes at a time")
    a = p.parse_args()
    if a.items < 2 * a.subjects:
        p.error("--items: at least two for each subject")
    rows_for = shots_rows if a.shape == "shots" else endings_rows
    with tempfile.TemporaryDirectory() as top:
        waage, llama = Waage(a, top), Llama(a, top)
        for name, n in (("one", 1), ("all", a.items)):
            rows = rows_for(a, n)
            waage.prepare(rows, name)
            waage.run(name)
            prompts, right = waage.report(name)
            held, asked = {}, []
            for r in rows:  # those that are no shots
                kind = r.get("type")
                held[kind] = held.get(kind, 0) + 1
                if a.shape != "shots" or held[kind] > SHOTS:
                    asked.append(r)
            assert len(prompts) == len(asked)
            llama.prepare(prompts, asked, name)
        rates = {}
        for _ in range(a.rounds):
            for e in (waage, llama):
                one, all_ = e.run("one"), e.run("all")
                for kind, t1, tn in zip(("wall", "cpu"), one, all_):
                    rates.setdefault((e.name, kind), []).append((a.items - 1) / max(tn - t1, 1e-3))
    print("%s, %s, %d items, grade %s, %d threads, medians of %d rounds, load average %s" %
          (os.path.basename(a.model), a.shape, a.items, a.grade, a.threads, a.rounds,
           " ".join("%.1f" % x for x in os.getloadavg())))
    for kind, what in (("wall", "items a second"), ("cpu", "items per second of processor time")):
        m = [statistics.median(rates[e.name, kind]) for e in (waage, llama)]
        print("%-36s waage %8.3f   llama.cpp %8.3f   ratio %.2f" % (what, m[0], m[1], m[0] / m[1]))
    print("right: waage %.3f, llama.cpp %.3f (which divides by the number of tokens)" % (right, llama.share["all"]))


main()
