#!/bin/sh
# deps.sh - install what Waage needs to build and test, on Debian and Ubuntu; elsewhere say what it is.
set -eu
packages="gcc make pkg-config libcjson-dev libcsv-dev libyaml-dev libpcre2-dev libutf8proc-dev
libsqlite3-dev libssl-dev libcurl4-openssl-dev libmicrohttpd-dev libzstd-dev libcmocka-dev gnuplot-nox python3 python3-pip ca-certificates"
[ "${1:-}" = ci ] && packages="$packages clang clang-format libclang-rt-14-dev sqlite3 libsimde-dev
gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "Not Debian or Ubuntu: please install the equivalents of" $packages "yourself." >&2
    exit 0
fi
missing=
for p in $packages; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "Please install:$missing" >&2; exit 1; }
    as_root=sudo
fi
echo "Installing:$missing" >&2
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
