# A dry run counts and writes nothing.
$WAAGE run -m t=$FIXTURES/tiny-llama.gguf g=$FIXTURES/tiny-gemma3.gguf -s $CASES/aid/sums.yaml $CASES/aid/pick.yaml \
    -o d --dry-run || exit 1
[ -z "$(ls)" ] || { ls; exit 1; }
