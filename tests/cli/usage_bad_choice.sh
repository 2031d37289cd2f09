$WAAGE run -m a -s b -o c --activations i4
