# Every length of a file that is cut off is refused with its name; none crashes.
f=$FIXTURES/tiny-llama.gguf
size=$(wc -c <"$f")
for n in 0 3 4 8 16 23 24 31 100 1000 5000 $((size / 2)) $((size - 1)); do
    head -c "$n" "$f" >cut.gguf
    $WAAGE generate -m cut.gguf -p hello -n 1 >out 2>err
    [ $? = 2 ] || { echo "$n bytes: status $?"; exit 1; }
    grep -q '^waage: .*cut.gguf' err || { echo "$n bytes: $(cat err)"; exit 1; }
done
exit 2
