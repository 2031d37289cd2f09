# How chats think is a setting: kept in run.yaml, part of the digest, and never mixed.
cat >s.yaml <<'Y'
task: s
protocols: [chat]
dataset_path: inline
docs: [{q: a, a: b}, {q: c, a: d}]
doc_to_text: q
doc_to_target: a
generation_kwargs: {max_gen_toks: 4}
Y
$WAAGE run -q -m $FIXTURES/tiny-llama.gguf -s s.yaml -o plain || exit 1
$WAAGE run -q -m $FIXTURES/tiny-llama.gguf -s s.yaml -o bound --reasoning low:7 || exit 1
grep reasoning plain/run.yaml bound/run.yaml
$WAAGE run -q -c bound/run.yaml -o again || exit 1
$WAAGE digest plain >d1 && $WAAGE digest bound >d2 && $WAAGE digest again >d3
cmp -s d2 d3 || echo "not repeated"
cmp -s d1 d2 && echo "not in the digest"
$WAAGE run -q -m $FIXTURES/tiny-llama.gguf -s s.yaml -o plain --reasoning off 2>&1
$WAAGE run -q -m $FIXTURES/tiny-llama.gguf -s s.yaml -o bound 2>&1
true
