# A file stands where the directory should be; /proc takes no directories, not even from root.
echo x >file
$WAAGE run -m t=$FIXTURES/tiny-llama.gguf -s $CASES/aid/pick.yaml -o file 2>err
[ $? = 3 ] || { cat err; exit 1; }
grep -q '^waage: file: is a file, not a directory' err || { cat err; exit 1; }
[ -d /proc ] || exit 77
$WAAGE run -m t=$FIXTURES/tiny-llama.gguf -s $CASES/aid/pick.yaml -o /proc/run
