$WAAGE run --limt 3
