# A signal ends a measurement within a step, however long it was to be; what was shown before stays.
: >out # the background shell may open it after the first look
$WAAGE bench -m $FIXTURES/tiny-llama.gguf --loads decode:128 --repeats 100 >out & pid=$!
tries=0
while [ "$(wc -l <out)" -lt 2 ] && [ $tries -lt 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
kill -TERM $pid
wait $pid
status=$?
[ "$(wc -l <out)" = 2 ] || { echo "not the head alone:"; cat out; exit 1; }
exit $status
