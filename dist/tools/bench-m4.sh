#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Cycles of rbpf-vm on a Cortex-M4, by a model: builds the firmware in
# dist/tools/m4 and measures it.
#
# usage: bench-m4.sh [--opt-level LEVEL] [--rust DIRECTORY] [OPTION OF bench.py]...
#   --opt-level LEVEL   optimisation of rbpf-vm: 3 (default), 2, s, z
#   --rust DIRECTORY    take rbpf-isa and rbpf-vm from another work tree
set -euo pipefail
# shellcheck source=dist/tools/cross-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cross-lib.sh"

here=$root/dist/tools/m4
out=$root/target/m4
triple=thumbv7em-none-eabihf

cargo_options=()
options=()
while (($#)); do
    case $1 in
    --opt-level)
        cargo_options+=(--config "$(opt_level_of rbpf-vm "$2")")
        options+=(--opt-level "$2")
        shift 2
        ;;
    --rust)
        rust=$(realpath "$2")
        cargo_options+=(--config "paths=[\"$rust/rbpf-isa\", \"$rust/rbpf-vm\"]")
        shift 2
        ;;
    -h | --help)
        sed -n 's/^# \{0,1\}//; 3,/^set/{/^set/!p}' "${BASH_SOURCE[0]}"
        exec "$("$root/dist/tools/venv.sh")" "$here/bench.py" --help
        ;;
    *)
        options+=("$1")
        shift
        ;;
    esac
done

mkdir -p "$out"
for cpu in v2 v3 v4; do
    clang-19 -ffreestanding -target bpf -mcpu=$cpu -O2 -c "$here/fletcher32.c" -o "$out/fletcher32.$cpu.o"
    llvm-objcopy-19 -O binary --only-section=.text "$out/fletcher32.$cpu.o" "$out/fletcher32.$cpu.bin"
done
clang-19 -ffreestanding --target=thumbv7em-none-eabi -mcpu=cortex-m4 -Os -c "$here/fletcher32.c" -o "$out/fletcher32.native.o"

BENCH_M4_BYTECODE=$out cross_build $triple --release --quiet \
    --manifest-path "$here/Cargo.toml" --target-dir "$out" "${cargo_options[@]}"
ld.lld-19 --gc-sections -T "$root/dist/tools/link.ld" \
    --entry=run -u setup_fletcher32 -u setup_instruction -u setup_trivial -u verify -u executed \
    -u native -u INSTRUCTION_NAMES -u REPETITIONS \
    "$out/$triple/release/libbench_m4.a" "$out/fletcher32.native.o" -o "$out/bench-m4.elf"

python=$("$root/dist/tools/venv.sh")
"$python" "$here/bench.py" "$out/bench-m4.elf" --input "$here/input.txt" \
    --report "$root/target/report/bench-m4.json" "${options[@]}"
