#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Flash and RAM of rbpf-vm on a Cortex-M4: links it alone at opt-levels s and 3
# and compares with dist/size/baseline.json.
#
# usage: size.sh [--save]
#   --save   make the result the new baseline
set -euo pipefail
# shellcheck source=dist/tools/cross-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cross-lib.sh"

here=$root/dist/tools/size
out=$root/target/size
triple=thumbv7em-none-eabihf

for level in s 3; do
    cross_build $triple --release --quiet \
        --manifest-path "$here/Cargo.toml" --target-dir "$out" \
        --config "$(opt_level_of rbpf-vm $level)"
    ld.lld-19 --gc-sections --warn-unresolved-symbols -T "$root/dist/tools/link.ld" \
        --entry=verify_and_run "$out/$triple/release/librbpf_vm_size.a" -o "$out/$level.elf"
done

python=$("$root/dist/tools/venv.sh")
"$python" "$here/size.py" --baseline "$root/dist/size/baseline.json" \
    --report "$root/target/report/size.json" "$@" "$out/s.elf" "$out/3.elf"
