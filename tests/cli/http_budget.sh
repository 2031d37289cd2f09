# A budget ends the run cleanly (status 3), what was paid for is kept, a larger one goes on.
. "$CASES/aid/server.sh"
start_server '=ok'
model="m=http://127.0.0.1:$port/v1#test;$quick;input_price=1000;output_price=10000" # $0.12 an answer
run="$WAAGE run -q -m $model -s $CASES/aid/sums.yaml --protocol chat -o d"
$run --budget 0.6 2>err
echo "status $?"
grep -o 'the budget has no room.*' err | cut -c1-38
"$WAAGE" show d | sed -n 's/.*, \([0-9]*\) answers$/\1 answers/p'
$run --budget 0.6 2>/dev/null
echo "status $?"
$run --budget 2 || exit 1
"$WAAGE" report d --format md -o - | sed -n '/^## Tokens and cost/,/^## How/p' | grep '^[|-]'
$run --budget-tokens 10 --repeats 2 2>/dev/null
echo "status $?"
# Thought that the URI asks for is reserved too.
for think in 'thinking=50000' 'effort=high'; do
    "$WAAGE" run -q -m "t=http://127.0.0.1:$port/v1#test;$quick;$think" -s "$CASES/aid/sums.yaml" --protocol chat \
        -o t --budget-tokens 30000 2>/dev/null
    echo "status $?"
    rm -r t
done
"$WAAGE" run -q -m "n=http://127.0.0.1:$port/v1#test" -s "$CASES/aid/sums.yaml" -o e --budget 1 2>err
echo "status $?"
grep -o 'no price is known' err
stop_server >counts
sed 's/most [0-9]*/most/' counts
