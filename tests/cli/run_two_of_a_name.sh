$WAAGE run -m $FIXTURES/tiny-llama.gguf $FIXTURES/tiny-llama.gguf -s $CASES/aid/sums.yaml -o d
