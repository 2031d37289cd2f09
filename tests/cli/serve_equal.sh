# The same items in process and over HTTP, several at a time: equal answers, equal choices.
. "$CASES/aid/serve.sh"
start_serve -m $FIXTURES/tiny-llama.gguf
"$WAAGE" run -q -m a=$FIXTURES/tiny-llama.gguf "b=$uri" -s "$CASES/aid/sums.yaml" "$CASES/aid/pick.yaml" -o d || exit 1
"$WAAGE" report d --format json -o d.json 2>/dev/null >/dev/null || exit 1
"$WAAGE" report d --format csv -o d.csv 2>/dev/null >/dev/null || exit 1
python3 - <<'P' || exit 1
import csv
rows = {}
for r in csv.DictReader(open("d.csv")):
    key = (r["task"], r["protocol"], r["item"])
    own = [r[k] for k in ("outcome", "credit", "extracted", "finish", "answer", "prompt_tokens", "completion_tokens")]
    if r["task"] == "pick": own = own[:5] # tokens: one request over HTTP for each choice
    rows.setdefault(key, {})[r["model"]] = own
differ = [k for k, v in rows.items() if v["a"] != v["b"]]
print(len(rows), "items,", len(differ), "differ", *differ[:3])
for k in differ[:3]: print(rows[k])
P
stop_serve
