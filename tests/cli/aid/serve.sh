# Sourced by cases that need `waage serve`: start_serve OPTION...; sets $uri (for -m), $base and
# $serve_pid; the server ends with the case.
start_serve() {
    : >serve.out
    "$WAAGE" serve -p 0 "$@" >serve.out 2>serve.err & serve_pid=$!
    trap 'kill $serve_pid 2>/dev/null' EXIT
    n=0
    while [ ! -s serve.out ]; do
        n=$((n + 1))
        [ $n -lt 400 ] || { echo "the server does not start" >&2; cat serve.err >&2; exit 1; }
        kill -0 $serve_pid 2>/dev/null || { cat serve.err >&2; exit 1; }
        sleep 0.05
    done
    uri=$(head -1 serve.out)
    base=${uri%/v1#*}
}
stop_serve() { # prints its exit status and what it said
    kill -TERM $serve_pid
    wait $serve_pid
    echo "status $?"
    cat serve.err
}
