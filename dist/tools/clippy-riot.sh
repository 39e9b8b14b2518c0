#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Lints the crate rbpf-riot, which needs the headers and the configuration of
# an application: those of examples/rbpf_gcoap for native64, built before.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
built=$root/examples/rbpf_gcoap/bin/native64

export RIOTBASE=${RIOTBASE:-$HOME/RIOT}
export RIOT_COMPILE_COMMANDS_JSON=$built/cargo-compile-commands.json
export RIOTBUILD_CONFIG_HEADER_C=$built/riotbuild/riotbuild.h
export CARGO_BUILD_TARGET=x86_64-unknown-linux-gnu

# A library brings no lock file; the firmware's says which versions are meant.
cp "$root/rust/rbpf-riot-standalone/Cargo.lock" "$root/rust/rbpf-riot/Cargo.lock"
cargo clippy --manifest-path "$root/rust/rbpf-riot/Cargo.toml" --release \
    --features digest,gcoap,gnrc,saul,shell --target-dir "$root/target/riot-clippy" -- --deny warnings
