#!/bin/sh
# run.sh - command line tests: [JOBS=N] run.sh PATH/TO/waage [CASE...], N (1) at a time
# A case is NAME.sh, run by sh in an empty directory with
#   $WAAGE     the program          $FIXTURES  tests/fixtures
#   $CASES     this directory
# and what it must give, each file optional:
#   NAME.exit         exit status (0 without the file); 77 means "cannot run here"
#   NAME.stdout       standard output, exactly      NAME.stdout.glob  as a shell pattern
#   NAME.stderr       standard error, exactly       NAME.stderr.glob  as a shell pattern
# Without a file for it, standard error is free and standard output too.
# The last line is "N passed, N failed".
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { echo "usage: run.sh PATH/TO/waage [CASE...]" >&2; exit 2; }
WAAGE=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
FIXTURES=$(cd "$here/.." && pwd)/fixtures
CASES=$here
export WAAGE FIXTURES CASES
shift
LC_ALL=C.UTF-8
export LC_ALL
unset WAAGE_MODELS WAAGE_API_KEY WAAGE_API_KEY_FILE 2>/dev/null || true
top=$(mktemp -d "${TMPDIR:-/tmp}/waage-cli.XXXXXX")
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0

matches() { # pattern text
    case $2 in
    $1) return 0 ;;
    esac
    return 1
}

check_exact() { # expected-file actual-file what
    [ -f "$1" ] || return 0
    diff -u "$1" "$2" >"$top/diff" && return 0
    echo "FAIL $name: $3 differs"
    sed 's/^/    /' "$top/diff"
    return 1
}

check_glob() {
    [ -f "$1" ] || return 0
    matches "$(cat "$1")" "$(cat "$2")" && return 0
    echo "FAIL $name: $3 does not match"
    echo "    wanted: $(cat "$1")"
    echo "    got:    $(head -c 2000 "$2")"
    return 1
}

run_case() {
    name=$1
    work=$top/$name
    mkdir "$work"
    (cd "$work" && exec sh "$here/$name.sh") >"$top/out" 2>"$top/err" </dev/null
    status=$?
    want=0
    [ -f "$here/$name.exit" ] && want=$(cat "$here/$name.exit")
    if [ "$status" = 77 ] && [ "$want" != 77 ]; then
        echo "skip $name: $(tail -1 "$top/err")"
        return
    fi
    ok=1
    if [ "$status" != "$want" ]; then
        echo "FAIL $name: exit status $status, wanted $want"
        sed 's/^/    /' "$top/err" | head -20
        ok=0
    fi
    check_exact "$here/$name.stdout" "$top/out" "standard output" || ok=0
    check_glob "$here/$name.stdout.glob" "$top/out" "standard output" || ok=0
    check_exact "$here/$name.stderr" "$top/err" "standard error" || ok=0
    check_glob "$here/$name.stderr.glob" "$top/err" "standard error" || ok=0
    if [ $ok = 1 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    chmod -R u+rwx "$work" 2>/dev/null
    rm -rf "$work"
}

all_cases() {
    for script in "$here"/*.sh; do
        case_name=$(basename "$script" .sh)
        [ "$case_name" = run ] || echo "$case_name"
    done
}

# Each of the jobs takes every JOBS-th case.
run_jobs() {
    i=0
    while [ $i -lt "$JOBS" ]; do
        mine=$(printf '%s\n' "$@" | awk -v n="$JOBS" -v i=$i 'NR % n == i')
        # shellcheck disable=SC2086 # names of cases hold no blanks
        [ -z "$mine" ] || JOBS=1 sh "$here/run.sh" "$WAAGE" $mine >"$top/job.$i" 2>&1 &
        i=$((i + 1))
    done
    wait
    for job in "$top"/job.*; do
        sed '$d' "$job"
        read -r n_passed _ n_failed _ <<EOF
$(tail -n 1 "$job")
EOF
        case $n_passed$n_failed in
        *[!0-9]* | '') # it did not come to its end
            cat "$job"
            failed=$((failed + 1))
            ;;
        *)
            passed=$((passed + n_passed)) failed=$((failed + n_failed))
            ;;
        esac
    done
}

[ $# -gt 0 ] || set -- $(all_cases)
if [ "${JOBS:-1}" -gt 1 ] && [ $# -gt 1 ]; then
    run_jobs "$@"
else
    for case_name in "$@"; do run_case "$case_name"; done
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
