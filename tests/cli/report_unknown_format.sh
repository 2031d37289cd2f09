$WAAGE report x --format htm
