#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Fuzzes every target for a while. What is learned stays in
# target/fuzz-corpus; an input that fails is left in target/fuzz-artifacts.
#
# usage: run.sh [SECONDS [TARGET]...]
#   SECONDS   time for each target (default 20)
#   TARGET    only these: image, verify_and_run, assembler, runtime_install
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/.." && pwd)
out=$root/target/fuzz
# cargo-fuzz needs flags that are not stable yet; they are the same in stable
# toolchains.
export RUSTC_BOOTSTRAP=1

if [[ ${1-} == -h || ${1-} == --help ]]; then
    sed -n 's/^# \{0,1\}//; 3,/^set/{/^set/!p}' "${BASH_SOURCE[0]}"
    exit
fi
seconds=${1:-20}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || {
    echo "error: seconds must be a number above 0, not $seconds" >&2
    exit 2
}
targets=("${@:2}")
((${#targets[@]})) || targets=(image verify_and_run assembler runtime_install)

if [[ $(cargo fuzz --version 2>/dev/null) != "cargo-fuzz 0.13."* ]]; then
    echo "installing cargo-fuzz 0.13"
    cargo install cargo-fuzz --locked --quiet --version '~0.13'
fi

host=$(rustc -vV | sed -n 's/^host: //p')
# The address sanitizer comes with most toolchains, not with all.
sanitizer=none
for library in "$(rustc --print sysroot)/lib/rustlib/$host/lib/"*.asan.a; do
    [[ -e $library ]] && sanitizer=address
done

cargo fuzz build --fuzz-dir "$here" --target-dir "$out" --sanitizer "$sanitizer"

failed=()
for target in "${targets[@]}"; do
    corpus=$root/target/fuzz-corpus/$target
    artifacts=$root/target/fuzz-artifacts/$target
    mkdir -p "$corpus" "$artifacts"
    case $target in
    assembler) cp "$root"/tests/device/containers/*.asm "$corpus" ;;
    esac
    log=$root/target/fuzz-artifacts/$target.log
    echo "$target: $seconds s, sanitizer $sanitizer"
    if "$out/$host/release/$target" "$corpus" -artifact_prefix="$artifacts/" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=1024 \
        -len_control=0 -use_value_profile=1 -print_final_stats=1 >"$log" 2>&1; then
        grep -E '^stat::(number_of_executed_units|average_exec_per_sec)' "$log" |
            sed 's/^stat::/  /'
    else
        tail -n 40 "$log" >&2
        failed+=("$target")
    fi
done

if ((${#failed[@]})); then
    echo "FAILED: ${failed[*]}; see target/fuzz-artifacts" >&2
    exit 1
fi
echo "ok: ${#targets[@]} targets"
