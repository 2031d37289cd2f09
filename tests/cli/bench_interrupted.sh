# A signal ends a measurement within a step, however long it was to be.
$WAAGE bench -m $FIXTURES/tiny-llama.gguf --loads decode --repeats 100 >out & pid=$!
sleep 1
kill -TERM $pid
wait $pid
status=$?
[ -s out ] && exit 1
exit $status
