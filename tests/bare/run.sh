#!/bin/sh
# Kernels, GGUF and graph on 64-bit Arm, under an emulator: the kernel tests (NEON against the
# portable reference), and the digests of the logits, which must be those of this machine.
# usage: run.sh NATIVE_BINARY ARM_BINARY
set -eu
native=$1 arm=$2
models=
for m in llama gemma3 gptoss dsv2 dsv3 qwen3moe gpt2 phi3-long; do # one of each kind: the emulator is slow
    models="$models tests/fixtures/tiny-$m.gguf"
done
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
qemu-aarch64 "$arm" kernels
"$native" logits $models > "$out/native"
qemu-aarch64 "$arm" logits $models > "$out/arm"
diff "$out/native" "$out/arm" || { echo "logits on Arm differ from those here" >&2; exit 1; }
echo "arm: kernels equal the reference, $(wc -l < "$out/arm") digests of logits equal those here"
