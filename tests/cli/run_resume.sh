# The same command again asks nothing; `waage run -o DIR` goes on by itself.
run="$WAAGE run -m t=$FIXTURES/tiny-llama.gguf -s $CASES/aid/pick.yaml -o d"
$run 2>/dev/null || exit 1
$run 2>err || exit 1
grep 'all 3 items are there' err || exit 1
$WAAGE run -o d 2>&1 | grep 'all 3 items are there'
