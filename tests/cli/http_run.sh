# A run over HTTP with failures on the way: all answered right; the key is nowhere.
. "$CASES/aid/server.sh"
export WAAGE_API_KEY=sk-test-0123456789abcdefSECRET
start_server '4+2=500 ok' '5+3=cut ok' '3+3=garbage ok' '6+2=429 429 ok' '=ok'
"$WAAGE" run -v -m "m=http://127.0.0.1:$port/v1#test;$quick" -s "$CASES/aid/sums.yaml" -o d 2>err || { cat err; exit 1; }
"$WAAGE" report d --format csv -o out.csv 2>/dev/null >/dev/null || exit 1
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
         NR > 1 { n[$at["outcome"] " " $at["credit"]]++ } END { for (k in n) print k, n[k] }' out.csv
grep -r sk-test . >/dev/null && echo "the key leaked"
stop_server >counts
sed 's/requests [0-9]*/requests/; s/most [0-9]*/most/; s/key [0-9]*/key/' counts
