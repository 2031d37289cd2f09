printf 'task: x\ndoc_to_txt: y\n' >x.yaml
$WAAGE run -m t=$FIXTURES/tiny-llama.gguf -s x.yaml -o d
