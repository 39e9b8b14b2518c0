# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
# Compiling for microcontrollers; to be sourced.
#
# A toolchain of rustup with the target installed is used as it is. Otherwise
# core is built from source with the toolchain of Debian (packages rustc-web,
# cargo-web and rust-web-src), which needs RUSTC_BOOTSTRAP for -Z build-std.

# shellcheck disable=SC2034  # for the scripts that source this
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# cross_build TARGET ARGUMENT...: cargo build for a target.
cross_build() {
    local target=$1
    shift
    if [[ -d "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$target" ]]; then
        cargo build --target "$target" "$@"
    elif [[ ! -x /usr/bin/cargo || ! -x /usr/bin/rustc ]]; then
        echo "error: no Rust for $target: rustup target add $target," \
            "or apt install rustc-web cargo-web rust-web-src" >&2
        return 1
    else
        RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo build \
            --target "$target" -Z build-std=core "$@"
    fi
}

# opt_level_of PACKAGE LEVEL: the setting of one package's level, for --config.
opt_level_of() {
    local level=$2
    [[ $level == [0-9] ]] || level="\"$level\""
    echo "profile.release.package.$1.opt-level=$level"
}
