# Every built-in suite can be shown; the list is sorted.
$WAAGE list suites | awk '{print $1}' >names || exit 1
sort -c names || exit 1
for s in math reasoning safety censorship; do grep -qx $s names || echo "no $s"; done
for s in $(cat names); do
    [ "$($WAAGE list suites | grep -c "^$s .*needs --data")" = 1 ] && continue
    $WAAGE show $s >out 2>err || { echo "$s:"; cat err; }
done
