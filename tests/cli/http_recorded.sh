# What went over the wire is kept, can be exported, and replays to the same scores without a network.
. "$CASES/aid/server.sh"
start_server '4+2=500 ok' '5+3=say:The_answer_is_9.' '6+2=filter' '=ok'
"$WAAGE" run -q -m "m=http://127.0.0.1:$port/v1#test;$quick" -s "$CASES/aid/sums.yaml" "$CASES/aid/pick.yaml" -o a || exit 1
stop_server >/dev/null
"$WAAGE" export -q --recordings a -o rec.jsonl || exit 1
"$WAAGE" export --recordings a | cmp - rec.jsonl || exit 1
wc -l <rec.jsonl
"$WAAGE" run -q -m m=replay:rec.jsonl -s "$CASES/aid/sums.yaml" "$CASES/aid/pick.yaml" -o b || exit 1
for d in a b; do "$WAAGE" report $d --format csv -o $d.csv 2>/dev/null >/dev/null || exit 1
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
         { print $at["task"], $at["protocol"], $at["item"], $at["outcome"], $at["credit"], $at["extracted"] }' $d.csv >$d.rows; done
diff a.rows b.rows && echo same
# An export of the replay replays too.
"$WAAGE" export -q --recordings b -o rec2.jsonl || exit 1
"$WAAGE" run -q -m m=replay:rec2.jsonl -s "$CASES/aid/sums.yaml" "$CASES/aid/pick.yaml" -o c || exit 1
"$WAAGE" report c --format csv -o c.csv 2>/dev/null >/dev/null
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
         { print $at["task"], $at["protocol"], $at["item"], $at["outcome"], $at["credit"], $at["extracted"] }' c.csv | diff b.rows - && echo same
