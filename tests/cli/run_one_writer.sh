# Two runs into one directory would mix; the second one is refused, readers are not.
run="$WAAGE run -m t=$FIXTURES/tiny-llama.gguf -s $CASES/aid/sums.yaml --repeats 2000 --threads 1 -o d"
$run 2>err & pid=$!
n=0
until [ -s err ] || [ $n = 100 ]; do sleep 0.05; n=$((n + 1)); done
$WAAGE digest d >/dev/null || exit 1
$run 2>second
status=$?
kill $pid
wait $pid
tail -1 second >&2
exit $status
