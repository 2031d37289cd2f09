# A prompt from stdin, from a file and from the option are the same prompt.
m=$FIXTURES/tiny-llama.gguf
$WAAGE generate -m "$m" -p "a b" -n 4 >x || exit 1
printf 'a b' | $WAAGE generate -m "$m" -n 4 | cmp - x || exit 1
printf 'a b' >f
$WAAGE generate -m "$m" -f f -n 4 | cmp - x
