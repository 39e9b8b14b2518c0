#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Does what the README says on a clean clone in a minimal Debian, so that no
# install step that is missing can hide. For root. Needs debootstrap, which it
# installs, and clones what is committed.
#
# usage: fresh.sh [COMMAND]...
#
#   COMMAND   is run by a shell in the clone; `make demo` and `make test` if
#             none is said
#
# The machine has this one's Rust toolchain, its mirror of Debian, proxies and
# certificates, and nothing else of it; RIOT is not there. It is gone at the end,
# with all processes in it.
#
# Prints a line `ok COMMAND` or `FAIL COMMAND` a command, at the end
# `N passed, N failed`, and fails if one failed.
set -euo pipefail

suite=bookworm
packages=ca-certificates,git,make,gcc,libc6-dev,python3
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# skip WHY: ends, and says loudly that nothing was shown.
skip() {
    printf '%s\n' "$(printf '=%.0s' {1..72})" "SKIPPED: a fresh machine, $1"
    exit 0
}

# copy FILE...: gives the machine what is there of these files and folders.
copy() {
    local file
    for file in "$@"; do
        if [[ -e $file ]]; then
            mkdir -p "$machine$(dirname "$file")"
            cp -rL --preserve=mode "$file" "$machine$(dirname "$file")/"
        fi
    done
}

# settle: carries over how this machine reaches registries.
settle() {
    rm -f "$machine/etc/apt/sources.list"
    copy /etc/resolv.conf /etc/hosts /etc/pip.conf /usr/local/share/ca-certificates \
        /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/auth.conf /etc/apt/auth.conf.d \
        /etc/apt/keyrings /etc/apt/trusted.gpg.d "$HOME"/.config/pip "$HOME"/.pip
    apt-config dump | grep -E '^Acquire::(https?::|Check-|Retries)' \
        >"$machine/etc/apt/apt.conf.d/90host" || true
    mkdir -p "$machine/root/.cargo"
    local file
    for file in "${CARGO_HOME:-$HOME/.cargo}"/{config,credentials}{,.toml}; do
        [[ ! -f $file ]] || cp "$file" "$machine/root/.cargo/"
    done
    chroot "$machine" update-ca-certificates >/dev/null 2>&1
}

# inside COMMAND...: runs a command in the machine, with no more of this one's
# environment than settings of registries.
inside() {
    local settings
    mapfile -t settings < <(env | grep -iE \
        '^((http|https|no|all|ftp)_proxy|ssl_cert_(file|dir)|[a-z]+_ca_bundle|pip_[a-z_]+|cargo_(http|net|registr)[a-z0-9_]*)=')
    chroot "$machine" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
        PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        CARGO_TERM_COLOR=never "${settings[@]}" "$@"
}

# In namespaces of its own, in the folder that is to become the machine.
if [[ ${1:-} == --inside ]]; then
    work=$2
    shift 2
    machine=$work/machine
    mirror=$(apt-get indextargets --format '$(SITE) $(CODENAME)' 'Created-By: Packages' |
        sed -n "s/ $suite\$//p" | head -n 1)
    [[ -n $mirror ]] || skip "this one's apt knows no $suite"
    debootstrap --variant=minbase --include="$packages" "$suite" "$machine" "$mirror" \
        >"$work/log" 2>&1 ||
        { tail -n 20 "$work/log"; skip "debootstrap failed"; }
    settle
    mount -t proc proc "$machine/proc"
    mount --rbind /dev "$machine/dev"
    mkdir -p "$machine/opt/rust"
    mount --bind -o ro "$(rustc --print sysroot)" "$machine/opt/rust"
    git clone --quiet --no-hardlinks "$root" "$machine/root/rbpf"

    passed=0
    failed=0
    for command in "$@"; do
        echo "== $command"
        since=$SECONDS
        if inside /bin/bash -c "cd /root/rbpf && $command"; then
            passed=$((passed + 1))
            word=ok
        else
            failed=$((failed + 1))
            word=FAIL
        fi
        results+=("$word $command: $((SECONDS - since)) s")
    done
    echo
    printf '%s\n' "${results[@]}"
    echo "$passed passed, $failed failed"
    ((!failed))
    exit
fi

if [[ $(id -u) -ne 0 ]]; then
    echo "error: only root can make a machine" >&2
    exit 2
fi
"$root/dist/tools/packages.sh" debootstrap || skip "no debootstrap"
(($#)) || set -- "make demo" "make test"
work=$(mktemp -d)
child=
# finish: ends the machine. Its mounts are in its namespaces and end with them, so
# nothing of this machine is below that folder here.
finish() {
    [[ -z $child ]] || kill -KILL "$child" 2>/dev/null || true
    wait
    rm -rf --one-file-system "$work" || { sleep 2; rm -rf --one-file-system "$work"; }
}
trap finish EXIT
unshare --mount --pid --fork --kill-child "${BASH_SOURCE[0]}" --inside "$work" "$@" &
child=$!
wait "$child"
