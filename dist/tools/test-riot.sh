#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Tests the RIOT module: builds the example for native64 and nrf52840dk, types
# at the shell, and asks over CoAP, on a tap interface in a network namespace
# of its own. Called by `make test-riot`.
#
# RIOTBASE or ~/RIOT is RIOT's tree; without one, the tier is skipped.
# Prints a line `ok NAME` or `FAIL NAME: why` a check, at the end
# `N passed, N failed`, and fails if one failed.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 2
example=examples/rbpf_gcoap
elf=$example/bin/native64/rbpf_gcoap.elf
images=$root/target/device-images

# coap ELF ARGUMENT...: in a network namespace, runs a node on a tap interface,
# and the client with the node's address and these arguments.
coap() {
    local elf=$1 work address
    shift
    work=$(mktemp -d)
    mkfifo "$work/input"
    ip link set lo up
    ip tuntap add tap0 mode tap
    ip link set tap0 up
    # The node does not end by itself.
    timeout -s KILL 300 "$elf" tap0 <"$work/input" >"$work/output" 2>&1 &
    exec 7>"$work/input"
    for _ in $(seq 50); do
        sleep 0.2
        echo ifconfig >&7
        # Once the node has checked that the address is its own alone.
        address=$(grep -o 'fe80::[0-9a-f:]*  scope: link  VAL' "$work/output" | head -n 1)
        [[ -n $address ]] && ! ip -6 address show dev tap0 | grep -q tentative && break
    done
    if [[ -z $address ]]; then
        echo "FAIL CoAP: the node has no address"
        cat "$work/output"
        return 1
    fi
    "$python" tests/device/riot_coap.py "coap://[${address%% *}%tap0]" "$@" \
        --shell "$work/input" "$work/output" --peer target/debug/rbpf --requests 10000
    local result=$?
    exec 7>&-
    ((result)) && tail -n 20 "$work/output"
    kill %1 2>/dev/null
    rm -rf "$work"
    return $result
}

if [[ ${1-} == --coap ]]; then
    python=$2
    shift 2
    coap "$@"
    exit
fi

export RIOTBASE=${RIOTBASE:-$HOME/RIOT}
if [[ ! -f $RIOTBASE/Makefile.include ]]; then
    echo "SKIPPED: the RIOT tier, no RIOT checkout (RIOTBASE, ~/RIOT)"
    exit 0
fi
if ! command -v c2rust >/dev/null && [[ ! -x $HOME/.cargo/bin/c2rust ]]; then
    echo "installing c2rust, which takes some minutes"
    LLVM_CONFIG_PATH=/usr/bin/llvm-config-14 cargo install --quiet c2rust --version 0.22.1 --locked || exit 2
fi
python=$(dist/tools/venv.sh) || exit 2
# RIOT's tests take the first python3, which needs pexpect.
export PATH=${python%/*}:$PATH:$HOME/.cargo/bin

mkdir -p target
results=$root/target/test-riot.results
log=$root/target/test-riot.log
: >"$results"

# check NAME COMMAND...: one line for a command; its output if it fails.
check() {
    local name=$1
    shift
    if "$@" >"$log" 2>&1; then
        echo "ok $name"
    else
        echo "FAIL $name: $*"
        tail -n 30 "$log" | sed 's/^/    /'
    fi
}

# cross COMMAND...: for a board; the make files find the toolchain.
cross() {
    "$@"
}

# no_fmt ELF: no code for formatting is linked, which takes kilobytes.
no_fmt() {
    local symbols
    symbols=$(arm-none-eabi-nm "$1") && ! grep -E '[tT] .*4core3fmt' <<<"$symbols"
}

# lines COMMAND...: the lines that report checks.
lines() {
    "$@" 2>&1 | tee "$log" | grep -aE '^(ok|FAIL) '
    if [[ ${PIPESTATUS[0]} -ne 0 ]] && ! grep -qaE '^FAIL ' "$log"; then
        echo "FAIL $*"
        tail -n 30 "$log" | sed 's/^/    /'
    fi
}

# vm_test BOARD [EMULATOR...]: all of tests/data on a board. An emulator takes the
# place of RIOT's terminal program, and begins with a reset.
vm_test() {
    local board=$1
    local -a options=()
    (($# == 1)) || options=(RESET=true TERMPROG="$2" TERMFLAGS="${*:3}")
    TESTRUNNER_RESET_BOARD_ON_STARTUP=0 TESTRUNNER_START_DELAY=0 lines \
        timeout -s KILL 120 make -C tests/rbpf_vm BOARD="$board" "${options[@]}" test
}

# Root may make namespaces; others in a namespace of users of their own.
namespace=(unshare --net)
[[ $(id -u) -eq 0 ]] || namespace=(unshare --map-root-user --net)

{
    check "images of tests/device" \
        cargo run --quiet --package rbpf-host --example device_images -- "$images"
    for container in coap_sensor counter average; do
        check "image of $container.c" cargo run --quiet --package rbpf-cli --bin rbpf -- \
            build "examples/containers/$container.c" --output "$images/$container.rbpf"
    done

    check "build of rbpf_shell for native64" make -C tests/rbpf_shell BOARD=native64
    RBPF_IMAGES=$images lines timeout -s KILL 120 make -C tests/rbpf_shell BOARD=native64 test

    vm=tests/rbpf_vm/bin
    check "nrfsim" cargo build --quiet --release \
        --manifest-path dist/tools/nrfsim/Cargo.toml --target-dir target/nrfsim
    check "build of rbpf_vm for native64" make -C tests/rbpf_vm BOARD=native64
    vm_test native64
    check "build of rbpf_vm for nrf52840dk" cross make -C tests/rbpf_vm BOARD=nrf52840dk
    vm_test nrf52840dk "$root/target/nrfsim/release/nrfsim" "$root/$vm/nrf52840dk/tests_rbpf_vm.elf"
    check "rbpf_vm without core::fmt" no_fmt $vm/nrf52840dk/tests_rbpf_vm.elf
    check "build of rbpf_vm for microbit" cross make -C tests/rbpf_vm BOARD=microbit
    vm_test microbit qemu-system-arm -machine microbit -nographic -serial mon:stdio \
        -device "loader,file=$root/$vm/microbit/tests_rbpf_vm.elf"

    check "build of rbpf_gcoap for native64" make -C $example BOARD=native64
    lines "${namespace[@]}" dist/tools/test-riot.sh --coap "$python" $elf "$images" closed
    check "build of rbpf_gcoap for native64, unsigned" \
        env USEMODULE=shell_cmd_gnrc_pktbuf \
        make -C $example BOARD=native64 RBPF_UNSIGNED_INSTALL=1 DEVELHELP=1
    lines "${namespace[@]}" dist/tools/test-riot.sh --coap "$python" $elf "$images" open
    check "build of rbpf_gcoap for nrf52840dk" cross make -C $example BOARD=nrf52840dk
    check "nrf52840dk without core::fmt" no_fmt $example/bin/nrf52840dk/rbpf_gcoap.elf
} | tee "$results"

passed=$(grep -c '^ok ' "$results")
failed=$(grep -c '^FAIL ' "$results")
echo "$passed passed, $failed failed"
((!failed && passed))
