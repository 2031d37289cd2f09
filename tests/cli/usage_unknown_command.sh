$WAAGE rnu -m x
