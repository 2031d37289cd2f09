$WAAGE run -o
