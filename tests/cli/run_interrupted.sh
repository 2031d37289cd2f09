# Ctrl-C ends cleanly: status 130, what was done is kept, the message says how to go on.
run="$WAAGE run -m t=$FIXTURES/tiny-llama.gguf -s $CASES/aid/sums.yaml --repeats 2000 --threads 1 -o d"
$run 2>err & pid=$!
n=0
until [ -s err ] || [ $n = 100 ]; do sleep 0.05; n=$((n + 1)); done
sleep 0.3
kill -TERM $pid
wait $pid
status=$?
[ $status = 143 ] || { echo "status $status after SIGTERM"; cat err; exit 1; }
$WAAGE digest d >/dev/null || exit 1
# A shell starts background commands with SIGINT ignored; the program takes it all the same.
$run 2>err & pid=$!
sleep 0.5
kill -INT $pid
wait $pid
status=$?
tail -1 err >&2
exit $status
