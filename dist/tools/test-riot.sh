#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Tests the RIOT module: builds every application for every board, runs the
# tests of those in `tests` where the boards can be had (native64 by itself,
# nrf52840dk in nrfsim, microbit in QEMU), and asks the example over CoAP, on
# native64 and on the emulated nrf52840dk. Called by `make test-riot`.
#
# RIOTBASE or ~/RIOT is RIOT's tree; without one, the tier is skipped. BOARDS
# may name fewer boards, APPLICATIONS fewer folders to build and test first.
# Prints a line `ok BOARD NAME` or `FAIL BOARD NAME: why` a check, at the end
# `N passed, N failed`, and fails if one failed.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 2

read -ra boards <<<"${BOARDS:-native64 nrf52840dk microbit}"

# All that RIOT can build here: a new one needs no line.
all=$(printf '%s ' {tests,examples}/*/Makefile | sed 's,/Makefile,,g')
read -ra applications <<<"${APPLICATIONS-$all}"

# What does not fit a board, and why: APPLICATION BOARD REASON.
misfits=(
    "examples/rbpf_gcoap microbit IPv6, gcoap and containers take 26 KiB of RAM, of 16"
    "tests/native_interrupts nrf52840dk what it tests is for native alone"
    "tests/native_interrupts microbit what it tests is for native alone"
    "tests/rbpf_client microbit IPv6, gcoap and containers take more than 16 KiB of RAM"
    "tests/rbpf_gcoap microbit IPv6, gcoap and containers take more than 16 KiB of RAM"
    "tests/rbpf_gnrc microbit IPv6 and containers take more than 16 KiB of RAM"
    "tests/rbpf_gpio microbit QEMU's has no interrupts of pins"
    "tests/rbpf_load microbit IPv6, gcoap and eight containers take more than 16 KiB of RAM"
    "tests/rbpf_observe microbit IPv6, gcoap and containers take more than 16 KiB of RAM"
    "tests/rbpf_queue microbit five threads and four containers take more than 16 KiB of RAM"
    "tests/rbpf_sched microbit in QEMU, time jumps by seconds where timers of two clocks are set"
    "tests/rbpf_time microbit in QEMU, time is the workstation's and says nothing"
    "tests/rbpf_worker microbit in QEMU, time is the workstation's and says nothing"
)

# What needs a package that RIOT clones when it builds, beside those that every
# application needs: APPLICATION URL.
packages=(
    "tests/rbpf_senml https://github.com/bergzand/nanocbor"
)

gcoap=examples/rbpf_gcoap
images=$root/target/device-images
# Whom the example on native64 makes requests to
collector_address=fe80::1
collector_port=5690
# A stack that is fuller than this, in percent, is a failure.
stack_limit=90

# ask WORK PATTERN BASE ARGUMENT...: the client, once a line of the node's
# output matches the pattern. `ADDRESS` in the base is what matched.
ask() {
    local work=$1 pattern=$2 base=$3 found=
    shift 3
    for _ in $(seq 600); do
        sleep 0.2
        echo ifconfig 2>/dev/null >&7
        found=$(grep -om 1 "$pattern" "$work/output") &&
            ! ip -6 address show | grep -q tentative && break
        found=
    done
    if [[ -z $found ]]; then
        echo "FAIL CoAP: the node has no address, or does not answer"
        tail -n 20 "$work/output"
        return 1
    fi
    "$python" tests/device/riot_coap.py "${base/ADDRESS/${found%% *}}" "$@" && return
    tail -n 20 "$work/output"
    return 1
}

# on_native ARGUMENT...: in a network namespace, runs the example on a tap
# interface, and the client with these arguments.
on_native() {
    local work result
    work=$(mktemp -d)
    mkfifo "$work/input"
    ip link set lo up
    ip tuntap add tap0 mode tap
    ip link set tap0 up
    ip address add "$collector_address/64" dev tap0
    # The node does not end by itself.
    timeout -s KILL 1800 $gcoap/bin/native64/rbpf_gcoap.elf tap0 \
        <"$work/input" >"$work/output" 2>&1 7>&- &
    exec 7>"$work/input"
    # Once the node has checked that the address is its own alone.
    ask "$work" 'fe80::[0-9a-f:]*  scope: link  VAL' 'coap://[ADDRESS%tap0]' "$@" \
        --shell "$work/input" "$work/output" --rbpf target/debug/rbpf --peer --requests 10000 \
        --collector "$collector_port"
    result=$?
    exec 7>&-
    kill $! 2>/dev/null
    rm -rf "$work"
    return $result
}

# on_emulator REPORT ARGUMENT...: in a network namespace, for the port's sake,
# runs the example on the emulated nrf52840dk as `make emulate` does, and the
# client with these arguments. What the emulator says goes to REPORT.
on_emulator() {
    local report=$1 work result
    shift
    work=$(mktemp -d)
    mkfifo "$work/input"
    ip link set lo up
    # Button 1, the first sensor, is pressed.
    timeout -s KILL 1800 make -C $gcoap BOARD=nrf52840dk EMULATE=1 NETWORK=slip \
        RBPF_UNSIGNED_INSTALL=1 RBPF_EXPOSE=1 \
        NRFSIM_FLAGS='--exit-on-reset --pin 0.11=0@0' cleanterm \
        <"$work/input" >"$work/output" 2>&1 7>&- &
    exec 7>"$work/input"
    # The board has sensors that the workstation's device has not: no peer.
    ask "$work" 'the node answers' 'coap://[::1]' "$@" --rbpf target/debug/rbpf --reading 1
    result=$?
    # The end of its input ends the run, if nothing else has.
    exec 7>&-
    wait $!
    grep -q '\[nrfsim\] idle:' "$work/output" || echo "FAIL CoAP: the node did not last"
    mv "$work/output" "$report"
    rm -rf "$work"
    return $result
}

# A node that has ended is no reason to end without a word.
trap '' PIPE

if [[ ${1-} == --on-native || ${1-} == --on-emulator ]]; then
    mode=${1#--} python=$2
    shift 2
    "${mode/-/_}" "$@"
    exit
fi

export RIOTBASE=${RIOTBASE:-$HOME/RIOT}
if [[ ! -f $RIOTBASE/Makefile.include ]]; then
    echo "SKIPPED: the RIOT tier, no RIOT checkout (RIOTBASE, ~/RIOT)"
    exit 0
fi
dist/tools/riot-tools.sh || exit 2
python=$(dist/tools/venv.sh) || exit 2
# RIOT's tests take the first python3, which needs pexpect.
export PATH=${python%/*}:$PATH:$HOME/.cargo/bin
export RBPF_IMAGES=$images

mkdir -p target
results=$root/target/test-riot.results
log=$root/target/test-riot.log
report=$root/target/test-riot.nrfsim
: >"$results"

# excerpt: what the last command said at its end.
excerpt() {
    tail -n 30 "$log" | awk '{ print "    " $0 }'
}

# check NAME COMMAND...: one line for a command; its output if it fails.
check() {
    local name=$1
    shift
    if "$@" >"$log" 2>&1; then
        echo "ok $name"
    else
        echo "FAIL $name: $*"
        excerpt
        return 1
    fi
}

# lines NAME COMMAND...: the lines that report checks, with NAME in them. A
# command that reports none is a check itself.
lines() {
    local name=$1 status
    shift
    "$@" 2>&1 | tee "$log" | grep -aE '^(ok|FAIL) ' | sed -E "s,^(ok|FAIL) ,&${name%% *} ,"
    status=${PIPESTATUS[0]}
    if ((status)) && ! grep -qaE '^FAIL ' "$log"; then
        echo "FAIL $name: $*"
    elif ! ((status)) && ! grep -qaE '^(ok|FAIL) ' "$log"; then
        echo "ok $name"
    fi
    ((!status)) || excerpt
}

# in_riot APPLICATION BOARD ARGUMENT...: RIOT's make, for at most some minutes.
in_riot() {
    local application=$1 board=$2
    shift 2
    timeout -s KILL 1800 make -C "$application" BOARD="$board" EMULATE=1 "$@"
}

# build APPLICATION BOARD ARGUMENT...: a check that it builds. What cargo has
# built for a board goes from one application to the next: most of it depends on
# no configuration, and it takes 650 MB.
build() {
    local application=$1 board=$2 cache=$1/bin/$2/target seed
    shift 2
    if [[ ! -d $cache ]]; then
        for seed in {tests,examples}/*/bin/"$board"/target; do
            [[ -d $seed ]] || continue
            mkdir -p "${cache%/*}"
            mv "$seed" "$cache"
            break
        done
    fi
    check "$board builds ${application#*/}${*:+ }$*" in_riot "$application" "$board" "$@"
}

# misfit APPLICATION BOARD: says so if it does not fit.
misfit() {
    local entry application board reason
    for entry in "${misfits[@]}"; do
        read -r application board reason <<<"$entry"
        if [[ $application == "$1" && $board == "$2" ]]; then
            echo "SKIPPED: $board has no ${application#*/}: $reason"
            return
        fi
    done
    return 1
}

# misses APPLICATION: says so if its package is not to be had.
misses() {
    local entry application url
    for entry in "${packages[@]}"; do
        read -r application url <<<"$entry"
        if [[ $application == "$1" ]] && ! git ls-remote --quiet "$url" >/dev/null 2>&1; then
            echo "SKIPPED: ${application#*/}: $url can't be reached"
            return
        fi
    done
    return 1
}

# on_list BOARD: whether this board is to be tested.
on_list() {
    [[ " ${boards[*]} " == *" $1 "* ]]
}

# no_fmt ELF: no code for formatting is linked, which takes kilobytes. That a
# text can be written to the console by a trait of core::fmt is no such code.
no_fmt() {
    local symbols
    symbols=$(arm-none-eabi-nm "$1" | grep -v 'core3fmt5Write9write_str$') &&
        ! grep -E '[tT] .*4core3fmt' <<<"$symbols"
}

# stacks: the emulator's report has the threads of RIOT, and none is too full.
stacks() {
    awk -v limit=$stack_limit '
        / of .* %/ && match($0, /[0-9]+ %/) {
            print
            threads++
            if (substr($0, RSTART) + 0 > limit) { print "more than " limit " %"; wrong = 1 }
        }
        END { if (!threads) { print "no report"; wrong = 1 }; exit wrong }' "$report"
}

# test_on APPLICATION BOARD: runs its tests.
test_on() {
    local application=$1 board=$2
    [[ -d $application/tests ]] || return
    rm -f "$report"
    # The emulator's standard error, apart from what the guest says
    lines "$board ${application#*/}" in_riot "$application" "$board" \
        NRFSIM_FLAGS="--exit-on-reset 2>$report" test
    [[ $board != nrf52840dk ]] || check "$board stacks of ${application#*/}" stacks
}

# Where the output of a test is kept that runs beside the next build
beside=$root/target/test-riot.beside
running=

# test_beside APPLICATION BOARD: like test_on, but returns at once, so that the next
# application is built meanwhile. One runs at a time.
test_beside() {
    settle
    log=$beside.log report=$beside.nrfsim test_on "$@" >"$beside" &
    running=$!
}

# settle: waits for the test that runs, if one does, and prints what it found.
settle() {
    [[ -n $running ]] || return 0
    wait "$running"
    cat "$beside"
    running=
}

# Root may make namespaces; others in a namespace of users of their own.
namespace=(unshare --net)
[[ $(id -u) -eq 0 ]] || namespace=(unshare --map-root-user --net)

# coap MODE ARGUMENT...: this script, in a namespace.
coap() {
    "${namespace[@]}" dist/tools/test-riot.sh "$1" "$python" "${@:2}"
}

{
    check "workstation images of tests/device" \
        cargo run --quiet --package rbpf-host --example device_images -- "$images"
    for container in coap_sensor counter guard average sampler jumps ticker forward; do
        check "workstation image of $container.c" cargo run --quiet --package rbpf-cli --bin rbpf -- \
            build "examples/containers/$container.c" --output "$images/$container.rbpf"
    done
    check "workstation builds nrfsim" make --silent -C $gcoap rbpf-nrfsim

    for board in "${boards[@]}"; do
        for application in "${applications[@]}"; do
            misfit "$application" "$board" || misses "$application" && continue
            build "$application" "$board" && test_beside "$application" "$board"
        done
    done
    settle

    if on_list native64; then
        check "native64 lints of rbpf-riot" dist/tools/clippy-riot.sh
        lines "native64 outside" dist/tools/riot-outside.sh
        lines "native64 CoAP" coap --on-native "$images" closed
        # The module and DEVELHELP for the shell's report of what is in use; rate and
        # budget, as a busy workstation takes milliseconds for what helpers do
        USEMODULE=shell_cmd_gnrc_pktbuf \
            CFLAGS="-DCONFIG_RBPF_RATE=0 -DCONFIG_RBPF_BUDGET=10000000" build $gcoap native64 \
            RBPF_UNSIGNED_INSTALL=1 RBPF_EXPOSE=1 DEVELHELP=1 COLLECTOR="[$collector_address]:$collector_port" &&
            lines "native64 CoAP" coap --on-native "$images" open
    fi
    if on_list nrf52840dk; then
        for application in $gcoap tests/rbpf_vm; do
            check "nrf52840dk has no core::fmt in ${application#*/}" \
                no_fmt "$application"/bin/nrf52840dk/*.elf
        done
        check "nrf52840dk size" dist/tools/size-riot.sh nrf52840dk --quick
        if build $gcoap nrf52840dk RBPF_UNSIGNED_INSTALL=1 RBPF_EXPOSE=1 NETWORK=slip; then
            rm -f "$report"
            lines "nrf52840dk CoAP" coap --on-emulator "$report" "$images" open
            # For the reader, who may wonder how large they must be
            check "nrf52840dk stacks of rbpf_gcoap" stacks && cat "$log"
        fi
    fi
} | tee "$results"

passed=$(grep -c '^ok ' "$results")
failed=$(grep -c '^FAIL ' "$results")
echo "$passed passed, $failed failed"
((!failed && passed))
