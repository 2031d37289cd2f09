#!/bin/sh
# build_peers.sh DIR - fetch the source distributions of llama-cpp-python and ik-llama-cpp-python with pip and build
# the benchmark programs of the engines inside them with this machine's native flags: DIR/llama.cpp and DIR/ik_llama.cpp,
# each with bin/llama-bench, llama-batched-bench and llama-perplexity. Needs cmake, ninja and a C++ compiler; takes
# over an hour on two cores. With IK=wheel the second comes ready from its wheel (DIR/ik_wheel), compiled for AVX2:
# fair where the processor has no more than that.
set -eu
[ $# = 1 ] || { echo "usage: build_peers.sh DIR" >&2; exit 2; }
mkdir -p "$1/src"
dir=$(cd "$1" && pwd)
for tool in cmake ninja c++ python3; do
    command -v $tool >/dev/null || { echo "$tool is missing (Debian: apt-get install cmake ninja-build g++ python3-pip)" >&2; exit 1; }
done

build() { # name package options...
    name=$1 package=$2
    shift 2
    [ -x "$dir/$name/bin/llama-perplexity" ] && return
    python3 -m pip download --quiet --no-deps --no-build-isolation --no-binary :all: -d "$dir/src" "$package"
    archive=$(ls "$dir/src/$(echo "$package" | tr - _)"-*.tar.gz | sort -V | tail -n 1)
    tar xzf "$archive" -C "$dir/src"
    cmake -S "${archive%.tar.gz}/vendor/$name" -B "$dir/$name" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
        -DLLAMA_CURL=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_TESTS=OFF "$@" >"$dir/$name.log"
    cmake --build "$dir/$name" --target llama-bench llama-batched-bench llama-perplexity >>"$dir/$name.log"
}
# gcc 12 takes _tile_loadconfig's operand to be eight bytes long and may drop the stores that fill the rest
# (SIGILL on processors with AMX): build llama.cpp with clang there.
build llama.cpp llama-cpp-python -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_EXAMPLES=OFF
if [ "${IK:-build}" = wheel ]; then
    python3 -m venv "$dir/ik_wheel"
    "$dir/ik_wheel/bin/pip" install --quiet --only-binary :all: ik-llama-cpp-python
else
    build ik_llama.cpp ik-llama-cpp-python
fi
