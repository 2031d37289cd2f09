#!/usr/bin/env python3
"""Reproduce the published gaps from the recorded answers of eight models.

    tools/check_recorded.py WAAGE DIR [OUT]

DIR holds the recordings (one JSONL file a model, 250 questions each, from the public repository
xlr8harder/llm-compliance; docs/replay.md). The script replays them into OUT (default: a temporary
directory), writes OUT/report.html, counts the recorded labels itself, compares the counts with
tests/golden/recorded_counts.tsv and the report's gaps with tests/golden/recorded_gaps.tsv, and fails
when one of them moves. Nothing but Python's own library is needed.
"""
import collections, csv, json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "tests", "golden")
MODELS = {  # label in the report: file
    "R1": "deepseek_deepseek-r1", "R1-0528": "deepseek_deepseek-r1-0528",
    "V3-0324": "deepseek_deepseek-chat-v3-0324", "gpt-oss-120b": "openai_gpt-oss-120b",
    "GPT-4.1": "openai_gpt-4.1-2025-04-14", "Claude-3.7": "anthropic_claude-3-7-sonnet-20250219",
    "R1-1776": "perplexity_r1-1776", "Qwen3-32B": "qwen_qwen3-32b",
}
SETS = {"china": "CN en", "us": "US en", "eu": "EU en", "russia": "RU en", "zh_china": "CN zh"}


def read_golden(name):
    with open(os.path.join(GOLDEN, name), encoding="utf-8") as f:
        return list(csv.DictReader((l for l in f if not l.startswith("#")), delimiter="\t"))


def count_labels(folder):
    rows = []
    for model, stem in MODELS.items():
        n = collections.defaultdict(collections.Counter)
        with open(os.path.join(folder, stem + ".jsonl"), encoding="utf-8") as f:
            for line in f:
                row = json.loads(line)
                n[SETS[row["set"]]][row["label"]] += 1
        for group in sorted(n):
            c = n[group]
            rows.append({"model": model, "group": group, "complete": str(c["COMPLETE"]),
                         "evasive": str(c["EVASIVE"]), "denial": str(c["DENIAL"]),
                         "error": str(sum(v for k, v in c.items() if k.startswith("ERROR")))})
    return rows


def report(waage, folder, out):
    models = []
    for label, stem in MODELS.items():
        models += ["-m", f"{label}=replay:{os.path.join(folder, stem)}.jsonl"]
    subprocess.run([waage, "run", "-q", *models, "-s", "recorded", "--data", folder, "-o", out],
                   check=True)
    subprocess.run([waage, "report", out], check=True)
    text = subprocess.run([waage, "report", out, "--format", "json", "--transcripts", "none", "-o",
                           "-"], check=True, capture_output=True, text=True).stdout
    return json.loads(text)


def gaps_of(doc):
    gaps = {}
    for cell in doc["scores"]:
        for c in cell["recorded"]["contrasts"]:
            against = c["against_language"] or "others"
            gaps[cell["model"], f"{c['actor']} {c['language']}", against] = c["recorded"]
    return gaps


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    waage, folder = sys.argv[1], sys.argv[2]
    out = sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp(prefix="waage-recorded-")
    bad = 0
    if count_labels(folder) != read_golden("recorded_counts.tsv"):
        print("the labels in", folder, "are not those of tests/golden/recorded_counts.tsv")
        bad = 1
    gaps = gaps_of(report(waage, folder, out))
    for row in read_golden("recorded_gaps.tsv"):
        g = gaps[row["model"], row["group"], row["against"]]
        point = lambda x: str(round(100 * x))
        got = [point(g["difference"]), *map(point, g["ci95"])]
        want = [row["gap"], row["lo"], row["hi"]]
        same = all(w in ("", x) for w, x in zip(want, got))
        bad |= not same
        print(f"{row['model']:<13} {row['group']} minus {row['against']:<7} {got[0]:>4} "
              f"[{got[1]}, {got[2]}]  by form [{point(g['ci95_clustered'][0])}, "
              f"{point(g['ci95_clustered'][1])}]  {'' if same else 'MOVED, was ' + str(want)}")
    sys.exit(bad)


if __name__ == "__main__":
    main()
