# kill -9 of the client in the middle, then the server stops and comes back: what is stored is not
# asked again, nothing is lost.
. "$CASES/aid/server.sh"
start_server '=slow:40'
run="$WAAGE run -m m=http://127.0.0.1:$port/v1#test;$quick -s $CASES/aid/sums.yaml --repeats 5 --batch 4 -o d"
$run 2>/dev/null & pid=$!
answers() { "$WAAGE" show d 2>/dev/null | sed -n 's/.*, \([0-9]*\) answers$/\1/p' | awk '{n += $1} END {print n + 0}'; }
n=0
while [ "$(answers)" -lt 8 ] && [ $n -lt 200 ]; do
    n=$((n + 1))
    sleep 0.02
done
kill -9 $pid
wait $pid 2>/dev/null
have=$(answers)
[ "$have" -gt 0 ] && [ "$have" -lt 120 ] || { echo "killed at the wrong moment: $have"; exit 1; }
stop_server >first
start_server "$port" '=slow:20'
$run 2>err & pid=$!
sleep 0.3
stop_server >second
sleep 0.3
start_server "$port" '=slow:5'
wait $pid || { cat err; exit 1; }
stop_server >third
# At most the four requests under way at the time of each end were asked twice.
good=$(cat first second third | awk '{n += $4} END {print n}')
[ "$good" -ge 120 ] && [ "$good" -le 128 ] || { echo "$good answers for 120 items"; cat first second third; exit 1; }
"$WAAGE" report d --format csv -o out.csv 2>/dev/null >/dev/null || exit 1
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
         NR > 1 { n[$at["outcome"] " " $at["credit"]]++ } END { for (k in n) print k, n[k] }' out.csv
