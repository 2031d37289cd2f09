# Each format is written, prints its name, and is the same when it is written again.
$WAAGE run -q -m t=$FIXTURES/tiny-llama.gguf g=$FIXTURES/tiny-gemma3.gguf -s $CASES/aid/sums.yaml -o d || exit 1
for f in html md csv json; do
    $WAAGE report d --format $f || exit 1
    $WAAGE report d --format $f -o - | cmp - d/report.$f || exit 1
done
$WAAGE report d -o x.md
