$WAAGE digest nowhere
