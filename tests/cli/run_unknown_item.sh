$WAAGE run -m t=$FIXTURES/tiny-llama.gguf -s $CASES/aid/sums.yaml --items s-99 -o d
