run="$WAAGE run -q -m t=$FIXTURES/tiny-llama.gguf -s $CASES/aid/pick.yaml -o d"
$run || exit 1
before=$($WAAGE digest d)
refused() { # status, words in the message
    [ "$1" = 2 ] || { echo "not refused: $2"; exit 1; }
    grep -q -- "$2" err || { echo "wanted: $2"; cat err; exit 1; }
}
$run --seed 1 2>err
refused $? "--seed '0', this run has '1'"
$run --limit 2 2>err
refused $? "--limit 'none', this run has '2'"
$run --activations i8 2>err
refused $? "--activations 'i16', this run has 'i8'"
$run --date 2025-01-01 2>err
refused $? "--date '2026-01-01', this run has '2025-01-01'"
echo Hi >system
$run --system system 2>err
refused $? "--system '', this run has 'Hi'"
$WAAGE run -q -m t=$FIXTURES/tiny-gemma3.gguf -s $CASES/aid/pick.yaml -o d 2>err
refused $? "another model 't': its sha256 was"
sed 's/horse/donkey/' $CASES/aid/pick.yaml >pick.yaml
$WAAGE run -q -m t=$FIXTURES/tiny-llama.gguf -s pick.yaml -o d 2>err
refused $? "another version of task 'pick'"
[ "$($WAAGE digest d)" = "$before" ] || { echo "the run was changed"; exit 1; }
exit 2
