# Weights that stay in the file give the same answers as packed ones; bench and fidelity run on them.
set -e
m=t=$FIXTURES/tiny-llama.gguf
$WAAGE run -q -m $m -s $CASES/aid/sums.yaml $CASES/aid/pick.yaml -o packed
$WAAGE run -m $m -s $CASES/aid/sums.yaml $CASES/aid/pick.yaml -o mapped --weights-memory 1 2>err
grep -q 'stay in the file' err || { cat err; exit 1; }
$WAAGE digest packed >a
$WAAGE digest mapped >b
cmp a b
$WAAGE bench -q -m $FIXTURES/tiny-llama.gguf --weights-memory 1 --fidelity --tokens 40 >out
grep -c '^i' out
