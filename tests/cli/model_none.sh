$WAAGE generate -p hello
