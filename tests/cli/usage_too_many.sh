$WAAGE digest a b
