"$WAAGE" run -m "http://user:secret@127.0.0.1/v1#m" -s "$CASES/aid/sums.yaml" -o d
