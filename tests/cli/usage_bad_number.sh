$WAAGE run -m a -s b -o c --threads=-1
