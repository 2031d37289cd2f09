$WAAGE report nowhere
