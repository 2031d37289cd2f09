# A run over HTTP with failures on the way: all answered right; the key is nowhere.
. "$CASES/aid/server.sh"
export WAAGE_API_KEY=sk-test-0123456789/abcdefSECRET
start_server '4+2=500 ok' '5+3=cut ok' '3+3=garbage ok' '6+2=429 429 ok' '=ok'
"$WAAGE" run -v -m "m=http://127.0.0.1:$port/v1#test;$quick" -s "$CASES/aid/sums.yaml" -o d 2>err || { cat err; exit 1; }
"$WAAGE" report d --format csv -o out.csv 2>/dev/null >/dev/null || exit 1
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
         NR > 1 { n[$at["outcome"] " " $at["credit"]]++ } END { for (k in n) print k, n[k] }' out.csv
grep -r sk-test . >/dev/null && echo "the key leaked"
stop_server >counts
sed 's/requests [0-9]*/requests/; s/most [0-9]*/most/; s/key [0-9]*/key/' counts
# A model that says the key, in JSON's escapes: struck out of the compressed exchanges as well.
start_server '=say:sk\u002dtest-0123456789\/abcdef\u0053ECRET'
"$WAAGE" run -q -m "m=http://127.0.0.1:$port/v1#test;$quick" -s "$CASES/aid/sums.yaml" --items s-00 -o e 2>err || { cat err; exit 1; }
"$WAAGE" export --recordings e -o e.jsonl 2>err || { cat err; exit 1; }
grep -c 'content": "\*\*\*\*' e.jsonl
grep -rE 'test-0123|SECRET' . >/dev/null && echo "the key leaked"
exit 0
