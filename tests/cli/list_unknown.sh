$WAAGE list suits
