#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Runs every test, stage after stage, and adds up what they say; called by
# `make test`. A stage that fails does not keep the next from running.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 2
mkdir -p target
log=$root/target/test.log
: >"$log"
failed=()
started=$SECONDS

# stage NAME COMMAND...: runs a stage, shows its output and keeps it.
stage() {
    local name=$1 since=$SECONDS
    shift
    echo "== $name"
    if ! "$@" 2>&1 | tee -a "$log"; then
        failed+=("$name")
    fi
    echo "== $name: $((SECONDS - since)) s"
}

device_images=target/device-images
interop() {
    cargo run --quiet --package rbpf-host --example device_images -- "$device_images" &&
        tests/device/interop.sh target/debug/rbpf "$device_images"
}

if [[ ! -d $root/../shared/conformance && -z ${RBPF_CONFORMANCE:-} ]]; then
    echo "SKIPPED: no folder ../shared/conformance with the public conformance suite" | tee -a "$log"
fi
stage "features of tests" dist/tools/features.py
stage "libraries and commands" cargo test --workspace --all-features --no-fail-fast
stage "CoAP with aiocoap and libcoap" interop
# Built as RIOT's makefiles build it, which happens once then
stage "emulator of the nRF52840" env --unset=RUSTFLAGS cargo test --quiet --release \
    --manifest-path dist/tools/nrfsim/Cargo.toml --target-dir target/nrfsim
stage "builds for microcontrollers" dist/tools/cross.sh
stage "size on a Cortex-M4" dist/tools/size.sh
stage "cycles on a Cortex-M4" dist/tools/bench-m4.sh
if [[ -d ${RIOTBASE:-$HOME/RIOT} && -d rust/rbpf-riot ]]; then
    stage "RIOT" make --no-print-directory test-riot
elif [[ -d rust/rbpf-riot ]]; then
    echo "SKIPPED: the RIOT tier, no RIOT checkout (RIOTBASE, ~/RIOT)" | tee -a "$log"
fi

# Lines of `cargo test`: "test result: ok. 12 passed; 0 failed; 0 ignored; ...";
# of the other stages: "12 passed, 0 failed".
read -r passes failures ignored < <(awk '
    /^test result:/ { passed += $4; failed += $6; ignored += $8 }
    /^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3 }
    END { print passed + 0, failed + 0, ignored + 0 }' "$log")

echo
grep '^SKIPPED' "$log"
if ((${#failed[@]})); then
    printf 'FAILED: %s\n' "${failed[@]}"
fi
echo "$((SECONDS - started)) s; $ignored ignored"
echo "$passes passed, $failures failed"
((!${#failed[@]} && !failures && passes))
