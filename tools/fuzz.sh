#!/bin/sh
# fuzz.sh BUILD_DIR SECONDS [JOBS] - run each fuzz target on a copy of its seeds, JOBS (1) at a time; new finds stay out of
# the tree.
set -eu
build=$1 seconds=$2 jobs=${3:-1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$build/crashes"

run_target() { # program
    name=${1##*/fuzz_}
    mkdir -p "$work/$name"
    [ -d "tests/fuzz/seeds/$name" ] && cp -r "tests/fuzz/seeds/$name/." "$work/$name/"
    if ! "$1" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="$build/crashes/$name-" -print_final_stats=1 "$work/$name" \
        >"$work/$name.log" 2>&1; then
        tail -40 "$work/$name.log"
        echo "fuzz $name: FAILED, input kept in $build/crashes" >&2
        echo "$name" >>"$work/failed"
        return
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log")
    echo "fuzz $name: $runs runs in $seconds s, no finding"
}

n=0
for bin in "$build"/fuzz_*; do
    [ -x "$bin" ] || continue
    run_target "$bin" &
    n=$((n + 1))
    [ $((n % jobs)) != 0 ] || wait
done
wait
[ ! -s "$work/failed" ]
