#!/bin/sh
# check_layers.sh - prove who includes whom: a project include that its layer may not use is an error,
# and so is a third-party header that more than one file includes.
set -eu
bad=0
# layer (directory) and the include prefixes it may use
rules='
harness/base      harness/base/
datasets          harness/base/ datasets/
tasks             harness/base/ datasets/ tasks/
runners           harness/base/ runners/
runners/local     harness/base/ runners/runner.h runners/local/ kernels/
runners/replay    harness/base/ runners/runner.h runners/replay/ datasets/
runners/http      harness/base/ runners/runner.h runners/http/
kernels           kernels/
reports           harness/base/ harness/store.h harness/stats.h harness/analysis.h reports/
harness           harness/ datasets/ tasks/task.h runners/runner.h reports/report.h
'
check_file() { # file allowed...
    f=$1; shift
    sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$f" | while read -r inc; do
        ok=0
        for a in "$@"; do case $inc in "$a"*) ok=1 ;; esac; done
        [ $ok = 1 ] || echo "$f: must not include $inc"
    done
}
out=$(echo "$rules" | while read -r dir allowed; do
    [ -n "$dir" ] && [ -d "$dir" ] || continue
    for f in "$dir"/*.c "$dir"/*.h; do
        [ -f "$f" ] && check_file "$f" $allowed
    done
done)
[ -z "$out" ] || { echo "$out"; bad=1; }
for h in cjson/cJSON.h csv.h yaml.h pcre2.h utf8proc.h sqlite3.h curl/curl.h microhttpd.h openssl/ zstd.h; do
    users=$(grep -lE "^ *# *include *<$h" $(git ls-files '*.c' '*.h' | grep -v '^tests/') 2>/dev/null || true)
    n=$(printf '%s' "$users" | grep -c . || true)
    [ "$n" -le 1 ] || { echo "<$h> is included by more than one file:" $users; bad=1; }
done
[ $bad = 0 ] && echo "layers: clean"
exit $bad
