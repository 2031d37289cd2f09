$WAAGE generate -m $FIXTURES/tok-spm.gguf -p x --system y
