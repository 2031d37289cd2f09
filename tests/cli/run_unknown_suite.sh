$WAAGE run -m $FIXTURES/tiny-llama.gguf -s maths -o d
status=$?
[ -e d ] && { echo "d was made"; exit 1; }
exit $status
