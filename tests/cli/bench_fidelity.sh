# A text of one's own; the default grade is close to f32 and the fast one is not that close.
printf 'One two three. Four five six. %.0s' 1 2 3 4 5 6 7 8 9 >text
$WAAGE bench -m "$FIXTURES/tiny-llama.gguf" --fidelity --text text --tokens 60 --json >out || exit 1
python3 - <<'PY'
import json
f = {x["activations"]: x for x in json.load(open("out"))["fidelity"]}
print(f["i16"]["positions"], f["i16"]["mean_kl"] < 1e-6 < f["i8"]["mean_kl"])
PY
