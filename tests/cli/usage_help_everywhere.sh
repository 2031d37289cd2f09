# Every command of `waage --help` explains itself, with every option on a line.
for c in $($WAAGE --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    $WAAGE $c --help >help || exit 1
    grep -q "^Usage: waage $c " help || { echo "$c: no usage"; exit 1; }
    grep -q -- "-h, --help" help || { echo "$c: no --help"; exit 1; }
    $WAAGE help $c | cmp -s - help || { echo "$c: help differs"; exit 1; }
    [ "$(awk 'length > 110' help)" = "" ] || { echo "$c: long lines"; exit 1; }
done
echo done
