# A refused key ends the run at once: status 3, nothing stored as wrong, the key not shown.
. "$CASES/aid/server.sh"
export WAAGE_API_KEY=sk-test-0123456789/abcdefSECRET
start_server '=echokey'
"$WAAGE" run -q -m "m=http://127.0.0.1:$port/v1#test;$quick" -s "$CASES/aid/sums.yaml" -o d
status=$?
grep -r SECRET . && echo "the key leaked"
exit $status
