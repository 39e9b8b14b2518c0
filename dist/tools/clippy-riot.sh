#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Lints the crate rbpf-riot, which needs the headers and the configuration of
# an application with the same modules, built before for native64: of several,
# that together have all.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

export RIOTBASE=${RIOTBASE:-$HOME/RIOT}
export CARGO_BUILD_TARGET=x86_64-unknown-linux-gnu

# A library brings no lock file; the firmware's says which versions are meant.
cp "$root/rust/rbpf-riot-standalone/Cargo.lock" "$root/rust/rbpf-riot/Cargo.lock"

# lint APPLICATION FEATURES: with what that application is built with.
lint() {
    local built=$root/$1/bin/native64
    RIOT_COMPILE_COMMANDS_JSON=$built/cargo-compile-commands.json \
        RIOTBUILD_CONFIG_HEADER_C=$built/riotbuild/riotbuild.h \
        cargo clippy --manifest-path "$root/rust/rbpf-riot/Cargo.toml" --release \
        --features "$2" --target-dir "$root/target/riot-clippy" -- --deny warnings
}

lint examples/rbpf_gcoap gcoap,gnrc,observe,saul,shell
lint tests/rbpf_shell digest,saul,shell
lint tests/rbpf_gpio gpio,saul
lint tests/rbpf_sched sched
lint tests/rbpf_client client,saul
if [[ -d $root/tests/rbpf_senml/bin/native64 ]]; then
    lint tests/rbpf_senml saul,senml
else
    echo "SKIPPED: lint of the feature senml, tests/rbpf_senml is not built"
fi
