$WAAGE run -m $FIXTURES/tiny-llama.gguf -s $CASES/aid/sums.yaml
