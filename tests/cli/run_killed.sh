# kill -9 at any moment, five times, then to the end: the digest of a run that was left alone.
run="$WAAGE run -q -m t=$FIXTURES/tiny-llama.gguf -s $CASES/aid/sums.yaml $CASES/aid/pick.yaml
     --repeats 30 --threads 1 --batch 1 -o"
$run whole || exit 1
for wait in 0.02 0.08 0.15 0.3 0.5; do
    $run d & pid=$!
    sleep $wait
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
done 2>/dev/null
$run d || exit 1
[ "$($WAAGE digest d | tail -1)" = "$($WAAGE digest whole | tail -1)" ] || { echo "digests differ"; exit 1; }
$WAAGE show d | sed -n 's/.*, \([0-9]*\) answers$/\1/p'
