#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Compares the interpreter with other virtual machines on this workstation,
# and fails if another eBPF interpreter is faster by more than 5 %.
#
# usage: bench.sh [--save] [--rounds N]
#   --save       make the chart the one in dist/doc
#   --rounds N   turns that each contestant gets (default 40)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/target/bench
report=$root/target/report

save=
options=()
while (($#)); do
    case $1 in
    --save)
        save=yes
        shift
        ;;
    --rounds)
        options+=("$1" "${2:?--rounds takes a number}")
        shift 2
        ;;
    -h | --help)
        sed -n 's/^# \{0,1\}//; 3,/^set/{/^set/!p}' "${BASH_SOURCE[0]}"
        exit
        ;;
    *)
        echo "error: unknown option $1" >&2
        exit 2
        ;;
    esac
done

missing=()
# The bindings of wasm3 are made by an old bindgen, which knows no later clang.
libclang=/usr/lib/llvm-14/lib
command -v clang-19 >/dev/null || missing+=(clang-19)
command -v wasm-ld-19 >/dev/null || missing+=(lld-19)
command -v clang-14 >/dev/null || missing+=(clang-14)
[[ -e $libclang/libclang.so ]] || missing+=(libclang-14-dev)
if ((${#missing[@]})); then
    echo "error: Debian packages are missing; please install: ${missing[*]}" >&2
    exit 1
fi

mkdir -p "$out" "$report"
source=$root/examples/containers/fletcher32.c
include=$root/rust/rbpf-sdk/include
clang-19 --target=bpf -mcpu=v3 -O2 -ffreestanding -I "$include" \
    -c "$source" -o "$out/fletcher32.v3.o"
clang-19 --target=wasm32 -O2 -ffreestanding -I "$include" -c "$source" -o "$out/fletcher32.wasm.o"
wasm-ld-19 --no-entry --export=fletcher32 -z stack-size=4096 --initial-memory=196608 \
    "$out/fletcher32.wasm.o" -o "$out/fletcher32.wasm"

CLANG_PATH=$(command -v clang-14) LIBCLANG_PATH=$libclang \
    cargo build --release --quiet --locked --manifest-path "$here/Cargo.toml" --target-dir "$out"
status=0
"$out/release/bench-workstation" --programs "$out" --report "$report/bench.json" \
    --chart "$report/bench.svg" "${options[@]}" || status=$?
if [[ $save && $status -eq 0 ]]; then
    mkdir -p "$root/dist/doc"
    cp "$report/bench.svg" "$root/dist/doc/bench.svg"
fi
exit $status
