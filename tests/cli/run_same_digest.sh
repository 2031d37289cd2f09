# One score per weights, task and settings: batch, threads and kernels leave no trace, nor do the
# order of suites, a stop in between, or the way the run was asked for.
m="t=$FIXTURES/tiny-llama.gguf g=$FIXTURES/tiny-gemma3.gguf"
a=$CASES/aid/sums.yaml b=$CASES/aid/pick.yaml
$WAAGE run -q -m $m -s $a $b -o one || exit 1
$WAAGE run -q -m $m -s $a $b -o two --threads 1 --batch 1 --isa portable || exit 1
$WAAGE run -q -m g=$FIXTURES/tiny-gemma3.gguf -s $b -o three --threads 3 --batch 33 || exit 1
$WAAGE run -q -m t=$FIXTURES/tiny-llama.gguf -s $a --items s-03,s-07 -o three || exit 1
$WAAGE run -q -m $m -s $a $b -o three || exit 1
$WAAGE run -q -c three/run.yaml -o four || exit 1
for d in one two three four; do
    $WAAGE digest $d >$d.digest || exit 1
    sort $d.digest >$d.sorted # models and suites may stand in another order
    cmp one.sorted $d.sorted || { diff one.digest $d.digest; exit 1; }
done
wc -l <one.digest
