$WAAGE run -m $FIXTURES/tiny-llama.gguf -o d
