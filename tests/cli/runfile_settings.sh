# Settings of the file count, those of the command line come first, and the file can be read again.
cat >r.yaml <<Y
models:
  - uri: $FIXTURES/tiny-llama.gguf
    label: tiny
    openness: open weights
    licence: Apache-2.0
    cutoff: "2024-06"
suites: [$CASES/aid/sums.yaml]
settings: {seed: 3, max_tokens: 5, protocol: completion, items: [s-01]}
Y
$WAAGE run -q -c r.yaml -o d || exit 1
$WAAGE run -q -c r.yaml -o e --seed 4 || exit 1
$WAAGE run -q -c d/run.yaml -o f || exit 1
grep -h 'seed' d/run.yaml e/run.yaml
[ "$($WAAGE digest d | tail -1)" = "$($WAAGE digest f | tail -1)" ] || echo "f differs"
[ "$($WAAGE digest d | tail -1)" != "$($WAAGE digest e | tail -1)" ] || echo "e does not differ"
grep -h 'openness\|cutoff' f/run.yaml
