# Products of every weight format of the file, each beside its own ceiling; as a table and as JSON.
$WAAGE bench -m "$FIXTURES/tiny-llama.gguf" --kernels --json >out || exit 1
python3 - <<'PY'
import json
b = json.load(open("out"))
for k in b["kernels"]:
    print(k["format"], k["rows"], k["k"], [p["tokens"] for p in k["products"]],
          all(p["gop_per_s"] > 0 for p in k["products"]), k["in_cache_gop_per_s"] > 0, k["share_of_cache"] > 0)
PY
$WAAGE bench -m "$FIXTURES/tiny-llama.gguf" --kernels --activations i8 >out || exit 1
grep -c ' %$' out
# What would have no effect is refused.
for options in "--kernels --fidelity" "--kernels --loads decode" "--fidelity --loads decode" "--kernels --repeats 2" \
    "--fidelity --prompt 64" "--kernels --text text" "--tokens 60" "--repeats 0" "--prompt 2000000"; do
    $WAAGE bench -m "$FIXTURES/tiny-llama.gguf" $options 2>&1
    status=$?
    [ $status = 2 ] || echo "$options: status $status"
done
exit $status
