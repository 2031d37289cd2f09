# First and last date of recorded answers; what begins with no date is none, and none has no line.
body='"response": {"choices": [{"message": {"content": "yes"}}]}'
printf '{"id": "%s", "prompt": "hi", "timestamp": "%s", '"$body"'}\n' \
    a 2025-01-29T10:00:00 b None c 2024-13 d 2025-02-01 >dated.jsonl
$WAAGE show replay:dated.jsonl | sed -n 's/^  \(first\|last\)_answer */\1 /p'
grep -v 2025 dated.jsonl >undated.jsonl
$WAAGE show replay:undated.jsonl | grep -c 'records  *2$\|_answer\|None\|labelled_by'
