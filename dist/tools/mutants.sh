#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Puts one small fault after another into the crates that run on devices, and
# lists those that the crate's own tests do not notice: each wants a test, or a
# reason in .cargo/mutants.toml. Called by `make mutants`; takes minutes to hours.
#
# usage: mutants.sh [OPTION OF cargo mutants]...
#
# Without an option it does every twentieth fault. `--file PATH` says where,
# `--shard K/N` which part, `--list` only lists. What was found is in
# target/mutants.out.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

if ! cargo mutants --version >/dev/null 2>&1; then
    echo "installing cargo-mutants, which takes some minutes"
    cargo install --quiet --locked cargo-mutants
fi
(($#)) || set -- --shard 0/20 --sharding round-robin
mkdir -p target
# A fault may have a test take all memory: 4 GiB are enough for a compiler.
ulimit -v $((4 << 20))
exec cargo mutants --package rbpf-abi --package rbpf-vm --package rbpf-runtime \
    --package rbpf-device --jobs 1 --timeout 60 --output target --colors never "$@"
