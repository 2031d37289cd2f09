# Sourced by cases that need the scripted server: start_server STEPS-RULES...; sets $port; the server
# ends with the case, or by itself after a minute.
start_server() {
    server=$(dirname "$WAAGE")/fault_server
    [ -x "$server" ] || { echo "no fault_server beside waage" >&2; exit 77; }
    : >server.out
    "$server" 60 "$@" >server.out & server_pid=$!
    trap 'kill $server_pid 2>/dev/null' EXIT
    n=0
    while [ ! -s server.out ]; do
        n=$((n + 1))
        [ $n -lt 200 ] || { echo "the server does not start" >&2; exit 1; }
        sleep 0.05
    done
    port=$(head -1 server.out)
}
stop_server() { # prints its counts
    kill $server_pid 2>/dev/null
    wait $server_pid 2>/dev/null
    tail -1 server.out
}
quick="backoff=0.02;patience=5;timeout=5;first_byte=2"
