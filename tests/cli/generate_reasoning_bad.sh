$WAAGE generate -m $FIXTURES/tiny-llama.gguf --chat --reasoning much -p x
