$WAAGE show $FIXTURES/tiny-llama.gguf
