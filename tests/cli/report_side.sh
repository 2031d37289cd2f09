# A local model and a served one side by side: what is published comes from RUN.yaml, the server's refusal of
# a field is noted, a filter is counted, tokens of thought stand beside the score.
. "$CASES/aid/server.sh"
start_server '3+2=filter' 'messages=field:temperature' '=ok'
cat >run.yaml <<Y
models:
  - uri: $FIXTURES/tiny-llama.gguf
    label: open
    openness: {weights: open, licence: MIT, data: part, code: open, class: III, source: "here", date: 2026-05-01}
  - uri: "http://127.0.0.1:$port/v1#claude-test;effort=low;input_price=1;output_price=2;$quick"
    label: closed
suites: ["$CASES/aid/sums.yaml"]
settings: {protocol: chat}
Y
"$WAAGE" run -q -c run.yaml -o a 2>/dev/null
"$WAAGE" report a --format md -o - | sed -n '/^## Open and closed/,/^## Tokens/p' | grep '^| open\|^| closed\|^| Sums' |
    sed 's/ | [^|]* | [^|]* | \([0-9]* (\)/ | T | T | \1/'
grep -A1 openness a/run.yaml
