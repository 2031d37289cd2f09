$WAAGE --version
