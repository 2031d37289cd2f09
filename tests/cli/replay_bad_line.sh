printf '{"id": "a", "response": {}}\n{oops\n' >bad.jsonl
"$WAAGE" run -m replay:bad.jsonl -s safety -o run
