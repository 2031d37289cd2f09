# The loads asked for and no others, as JSON that a script can read.
$WAAGE bench -m "$FIXTURES/tiny-llama.gguf" --json --repeats 1 --loads decode:8 prefill:128 scoring --prompt 16 >out || exit 1
python3 - <<'PY'
import json
b = json.load(open("out"))
assert b["threads"] >= 1 and b["token_gop"] > 0 and b["memory_gb_per_s"] > 0
print([p["tokens"] for p in b["prefill"]], [d["batch"] for d in b["decode"]], [s["shape"] for s in b["scoring"]])
print(all(p["tokens_per_s"] > 0 for p in b["prefill"] + b["decode"]), all(s["items_per_s"] > 0 for s in b["scoring"]))
PY
