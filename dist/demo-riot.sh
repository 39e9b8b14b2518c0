#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Shows the main job on RIOT's native64: containers from C source, installed
# on a running node over CoAP, and asked. Prints each command before its
# output. The node is on a tap interface in a network namespace of its own.
#
# RIOTBASE or ~/RIOT is RIOT's tree.
#
# usage: demo-riot.sh RBPF
set -euo pipefail

if (($# < 1)); then
    echo "usage: $0 RBPF" >&2
    exit 2
fi
rbpf=$(realpath "$1")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$root/target/demo
example=$root/examples/rbpf_gcoap
elf=$example/bin/native64/rbpf_gcoap.elf
export RIOTBASE=${RIOTBASE:-$HOME/RIOT}

# show LINE COMMAND...: prints a line as a user would type it, and runs a command.
show() {
    echo
    echo "\$ $1"
    shift
    "$@"
}

say() {
    echo
    echo "## $*"
}

# ask ARGUMENT... PATH: libcoap's client; its answers are kept.
ask() {
    local path=${*: -1}
    local -a arguments=("${@:1:$#-1}")
    show "coap-client-notls -B 5 ${arguments[*]//"$root/"/} 'coap://[$address%tap0]$path'" \
        coap-client-notls -B 5 "${arguments[@]}" "coap://[$address%tap0]$path" 2>&1 |
        tee -a "$work/answers"
}

# wait_for PATTERN: the first match in what the node prints.
wait_for() {
    for _ in $(seq 1200); do
        grep -om 1 "$1" "$work/node.log" && return
        sleep 0.1
    done
    echo "error: the node does not say '$1'" >&2
    cat "$work/node.log" >&2
    return 1
}

node() {
    local path lines
    ip link set lo up
    ip tuntap add tap0 mode tap
    ip link set tap0 up
    rm -f "$work/input" "$work/answers"
    mkfifo "$work/input"
    say "Start the node"
    echo
    echo "\$ examples/rbpf_gcoap/bin/native64/rbpf_gcoap.elf tap0"
    timeout -s KILL 600 "$elf" tap0 <"$work/input" >"$work/node.log" 2>&1 &
    # It does not end by itself.
    trap 'kill %1 2>/dev/null' EXIT
    exec 7>"$work/input"
    wait_for 'rBPF containers on RIOT' >/dev/null
    cat "$work/node.log"
    for _ in $(seq 600); do
        echo ifconfig >&7
        # Once both ends have checked that their addresses are theirs alone.
        grep -q 'fe80.* VAL' "$work/node.log" && ! ip -6 address show dev tap0 | grep -q tentative && break
        sleep 0.2
    done
    address=$(wait_for 'fe80::[0-9a-f:]*  scope: link  VAL')
    address=${address%% *}

    say "Install three containers over the network, and bind them to paths"
    for name in coap_sensor counter average; do
        ask -m put -b 64 -f "$work/$name.rbpf" "/rbpf/app/$name"
        ask -m post -e "/$name" "/rbpf/bind/$name"
    done

    say "Ask them"
    for path in /coap_sensor /counter /counter /average /no-such-path /rbpf; do
        ask -m get "$path"
    done

    say "Replace one by another version; it stays bound. Remove one"
    ask -m put -b 64 -f "$work/coap_sensor.rbpf" /rbpf/app/counter
    ask -m get /counter
    ask -m delete /rbpf/app/average

    say "The same on the node's shell"
    lines=$(wc -l <"$work/node.log")
    echo "rbpf list" >&7
    sleep 0.5
    tail -n "+$((lines + 1))" "$work/node.log"

    # The demonstration has shown something only if the answers are right.
    grep -v '^$\|^\$ ' "$work/answers" |
        sed 's/^\(installed\|replaced\|coap_sensor\|counter\|average\) .*/\1/' >"$work/seen"
    if ! diff "$work/seen" - <<'END'; then
installed
installed
installed
23.45
1
2
23.45
4.04
coap_sensor
counter
average
replaced
23.45
END
        echo "error: unexpected answers" >&2
        return 1
    fi
}

if [[ ${2-} == --node ]]; then
    node
    exit
fi

"$root/dist/tools/riot-tools.sh"
export PATH=$PATH:$HOME/.cargo/bin
mkdir -p "$work"

say "Compile, link and verify three containers"
for name in coap_sensor counter average; do
    show "rbpf build examples/containers/$name.c -o target/demo/$name.rbpf" \
        "$rbpf" build "$root/examples/containers/$name.c" -o "$work/$name.rbpf" |
        sed "s,$root/,,"
done

say "Build the firmware; anyone may install containers on it"
show "make -C examples/rbpf_gcoap BOARD=native64 RBPF_UNSIGNED_INSTALL=1" \
    make --no-print-directory -C "$example" BOARD=native64 RBPF_UNSIGNED_INSTALL=1 2>&1 |
    grep -E '^\$|^ +(text|[0-9]+)|rror' | sed "s,$root/,,"
[[ -x $elf ]]

# Root may make namespaces; others in a namespace of users of their own.
namespace=(unshare --net)
[[ $(id -u) -eq 0 ]] || namespace=(unshare --map-root-user --net)
"${namespace[@]}" "$0" "$rbpf" --node
