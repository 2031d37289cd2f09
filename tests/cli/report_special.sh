# A device, a pipe or a link that is named as output is written to, never replaced.
cat >t.yaml <<Y
task: t
dataset_path: file:t.jsonl
output_type: generate_until
doc_to_text: "{{q}}"
doc_to_target: "{{a}}"
Y
echo '{"q": "1+1=", "a": "2"}' >t.jsonl
$WAAGE run -q -m m="$FIXTURES/tiny-llama.gguf" -s t.yaml --data . --max-tokens 4 -o run >/dev/null || exit 1
mkfifo pipe
cat pipe >from_pipe &
$WAAGE report run --format md -o pipe >/dev/null || exit 1
wait
[ -p pipe ] && [ -s from_pipe ] && echo "pipe: still one, and read"
mkdir there
echo old >there/real.md
ln -s there/real.md link.md
$WAAGE report run --format md -o link.md >/dev/null || exit 1
[ -L link.md ] && cmp -s there/real.md from_pipe && echo "link: still one, its file replaced"
cat pipe >exported &
$WAAGE export run --recordings -o pipe 2>/dev/null || exit 1
wait
[ -p pipe ] && [ -s exported ] && echo "export: the same"
