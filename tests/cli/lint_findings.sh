cat >bad.yaml <<Y
task: bad
dataset_path: inline
doc_to_text: "Q: {{q}}\\\\nA:"
doc_to_target: a
extract: {answer: number}
docs: [{q: "1+1", a: two apples}]
Y
$WAAGE lint bad.yaml
