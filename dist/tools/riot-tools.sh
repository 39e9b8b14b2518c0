#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Looks whether RIOT is there (RIOTBASE, ~/RIOT), and installs c2rust if it is
# not, which RIOT's build of Rust needs and which takes some minutes.
set -euo pipefail

if [[ ! -f ${RIOTBASE:-$HOME/RIOT}/Makefile.include ]]; then
    echo "error: no RIOT in ${RIOTBASE:-$HOME/RIOT}; set RIOTBASE, or:" >&2
    echo "  git clone --branch 2026.07 https://github.com/RIOT-OS/RIOT ~/RIOT" >&2
    exit 2
fi
if ! command -v c2rust >/dev/null && [[ ! -x $HOME/.cargo/bin/c2rust ]]; then
    echo "installing c2rust, which takes some minutes"
    LLVM_CONFIG_PATH=/usr/bin/llvm-config-14 cargo install --quiet c2rust --version 0.22.1 --locked
fi
