$WAAGE --limit 3 run
