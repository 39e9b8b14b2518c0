#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the crates that run on devices for each kind of microcontroller.
#
# usage: cross.sh [TARGET]...
set -euo pipefail
# shellcheck source=dist/tools/cross-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cross-lib.sh"

targets=("$@")
if ((!$#)); then
    targets=(thumbv7em-none-eabihf thumbv6m-none-eabi riscv32imac-unknown-none-elf)
fi

for target in "${targets[@]}"; do
    echo "$target"
    cross_build "$target" --release --quiet --manifest-path "$root/Cargo.toml" \
        --target-dir "$root/target/cross" \
        -p rbpf-isa -p rbpf-abi -p rbpf-vm -p rbpf-runtime -p rbpf-device \
        --features rbpf-device/coap
done
