$WAAGE bench -m "$FIXTURES/tiny-llama.gguf" --loads decode:7
