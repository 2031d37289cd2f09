# Tokens and states of thoughts survive export and replay.
cat >t.yaml <<'Y'
task: t
protocols: [chat]
dataset_path: inline
docs: [{id: a, q: 1+1?, g: 2}, {id: b, q: 1+2?, g: 3}, {id: c, q: 1+3?, g: 4}]
doc_to_id: id
doc_to_text: q
doc_to_target: g
extract: {answer: number}
Y
cat >r.jsonl <<'J'
{"item": "a", "response": {"choices": [{"finish_reason": "stop", "message": {"content": "2", "reasoning": "one and one"}}], "usage": {"prompt_tokens": 7, "completion_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 21}}}}
{"item": "b", "response": {"choices": [{"finish_reason": "stop", "message": {"content": "3", "reasoning": " "}}], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}}
{"item": "c", "response": {"choices": [{"finish_reason": "stop", "message": {"content": "4"}}], "usage": {"prompt_tokens": 7, "completion_tokens": 40, "completion_tokens_details": {"reasoning_tokens": 33}}}}
J
from=r.jsonl
for d in a b c; do
    "$WAAGE" run -q -m m=replay:$from -s t.yaml -o $d && "$WAAGE" export -q --recordings $d -o $d.jsonl || exit 1
    "$WAAGE" report $d --format json -o - | grep -o '"thought_state":"[a-z]*"\|"thought_tokens":[0-9]*' | tr '\n' ' '; echo
    from=$d.jsonl
done
cmp b.jsonl c.jsonl && echo same
