# Items that were picked mark a report as a subset, as a limit does, until all of them are there.
run() { "$WAAGE" run -q -m "$FIXTURES/tiny-llama.gguf" -s "$CASES/aid/sums.yaml" -o a "$@"; }
title() { "$WAAGE" report a --format md -o - | head -1; }
run --items s-00,s-02 && title
run --items s-01 && title
run && title
run --items s-01 && title
"$WAAGE" run -q -m "$FIXTURES/tiny-llama.gguf" -s "$CASES/aid/sums.yaml" -o b --limit 2
"$WAAGE" report b --format md -o - | head -1
"$WAAGE" report a b --format md -o - | head -1
