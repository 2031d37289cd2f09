$WAAGE run -m $FIXTURES/tiny-llama.gguf -m nowhere.gguf -s $CASES/aid/sums.yaml -o d
status=$?
[ -e d ] && { echo "d was made"; exit 1; }
exit $status
