#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Sees to it that Debian packages are there: as root installs those that are
# absent, otherwise says the one line to type.
#
# usage: packages.sh PACKAGE...
set -euo pipefail

missing=()
for package in "$@"; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null |
        grep -qx installed || missing+=("$package")
done
((${#missing[@]})) || exit 0

install=(apt-get install --yes --no-install-recommends "${missing[@]}")
if ! command -v apt-get >/dev/null; then
    echo "error: no apt-get here; please install what Debian calls: ${missing[*]}" >&2
    exit 1
fi
if [[ $(id -u) -ne 0 ]]; then
    echo "error: Debian packages are missing; please type: sudo ${install[*]}" >&2
    exit 1
fi
echo "installing: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && "${install[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "error: could not install ${missing[*]}" >&2
    exit 1
fi
