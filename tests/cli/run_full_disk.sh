# A file size limit stands for a full disk: status 3, what was committed stays, and the run goes on.
run="$WAAGE run -q -m t=$FIXTURES/tiny-llama.gguf -s $CASES/aid/sums.yaml -o"
(ulimit -f 400 && $run d --repeats 40) 2>err
[ $? = 3 ] || { echo "status $?"; cat err; exit 1; }
grep -q 'd/run.sqlite' err || { cat err; exit 1; }
$WAAGE digest d | grep -q '^answers ' || { echo "nothing was kept"; exit 1; }
$run d --repeats 40 || exit 1
$run other --repeats 40 || exit 1
[ "$($WAAGE digest d | tail -1)" = "$($WAAGE digest other | tail -1)" ] || { echo "digests differ"; exit 1; }
exit 3
