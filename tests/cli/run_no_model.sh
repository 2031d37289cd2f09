$WAAGE run -s math -o d
