#!/bin/sh
# fuzz.sh BUILD_DIR SECONDS - run each fuzz target on a copy of its seeds; new finds stay out of the tree.
set -eu
build=$1 seconds=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for bin in "$build"/fuzz_*; do
    [ -x "$bin" ] || continue
    name=${bin##*/fuzz_}
    mkdir -p "$work/$name" "$build/crashes"
    [ -d "tests/fuzz/seeds/$name" ] && cp -r "tests/fuzz/seeds/$name/." "$work/$name/"
    if ! "$bin" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="$build/crashes/$name-" -print_final_stats=1 "$work/$name" \
        >"$work/$name.log" 2>&1; then
        tail -40 "$work/$name.log"
        echo "fuzz $name: FAILED, input kept in $build/crashes" >&2
        exit 1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log")
    echo "fuzz $name: $runs runs in $seconds s, no finding"
done
