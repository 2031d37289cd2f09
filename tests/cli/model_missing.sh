$WAAGE generate -m nowhere.gguf -p hello
