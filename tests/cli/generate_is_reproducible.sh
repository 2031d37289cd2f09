# The same bits for every batch, thread count and kernel set.
m=$FIXTURES/tiny-llama.gguf
$WAAGE generate -m "$m" -p "one two three" -n 12 --json >first || exit 1
for how in "--threads 1" "--threads 3" "--batch 1" "--isa portable"; do
    $WAAGE generate -m "$m" -p "one two three" -n 12 --json $how >other || exit 1
    cmp first other || { echo "$how differs"; exit 1; }
done
grep -c '"completion_tokens": 12' first
