#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Shows the main job on this workstation: containers from C source to answered
# CoAP requests. Prints each command before its output.
#
# usage: demo.sh RBPF
set -euo pipefail

if (($# != 1)); then
    echo "usage: $0 RBPF" >&2
    exit 2
fi
rbpf=$(realpath "$1")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$root/target/demo
device=

finish() {
    [[ -z $device ]] || kill "$device" 2>/dev/null || true
}
trap finish EXIT

# run COMMAND...: prints a command as a user would type it, and runs it.
run() {
    local line="${*//"$rbpf"/rbpf}"
    echo
    echo "\$ ${line//"$root/"/}"
    (cd "$root" && "${@//"$root/"/}")
}

say() {
    echo
    echo "## $*"
}

mkdir -p "$work"
say "Compile, link and verify three containers"
for name in coap_sensor counter average; do
    run "$rbpf" build "$root/examples/containers/$name.c" -o "$work/$name.rbpf"
done

say "Start a device: two simulated sensors, three applications"
cat >"$work/device.toml" <<'TOML'
[coap]
listen = ["127.0.0.1:0"]

[[sensor]]
name = "thermometer"
class = "temp"
unit = "degC"
scale = -2
kind = "ramp"
start = 2345
step = 5
min = 1500
max = 3000

[[sensor]]
name = "hygrometer"
class = "hum"
unit = "%"
kind = "constant"
value = [55]

[[application]]
name = "sensor"
image = "coap_sensor.rbpf"
coap = "/sensor"
allow = ["sensor", "coap-response"]

[[application]]
name = "counter"
image = "counter.rbpf"
coap = "/count"

[[application]]
name = "average"
image = "average.rbpf"
coap = "/average"
TOML
echo
echo "\$ rbpf device --config target/demo/device.toml &"
"$rbpf" device --config "$work/device.toml" >"$work/device.log" 2>&1 &
device=$!
address=
for _ in $(seq 1200); do
    address=$(sed -n 's,^listening coap://,,p' "$work/device.log" | head -n 1)
    [[ -n $address ]] && break
    if ! kill -0 "$device" 2>/dev/null; then
        device=
        cat "$work/device.log" >&2
        exit 1
    fi
    sleep 0.1
done
cat "$work/device.log"
if [[ -z $address ]]; then
    echo "error: the device does not listen" >&2
    exit 1
fi

say "Ask it with libcoap's client"
for path in sensor sensor count count average; do
    run coap-client-notls -B 5 -m get "coap://$address/$path"
done
run coap-client-notls -B 5 -m get "coap://$address/no-such-path" 2>&1
run coap-client-notls -B 5 -m get "coap://$address/rbpf"

say "Stop it; what the device saw"
kill -TERM "$device"
wait "$device" || true
device=
grep -v '^listening\|^application' "$work/device.log"

# The demonstration has shown something only if the answers are right.
codes=$(sed -n 's/^request.* \([2-5]\.[0-9][0-9]\) .*/\1/p' "$work/device.log" | tr '\n' ' ')
if [[ $codes != "2.05 2.05 2.05 2.05 2.05 4.04 2.05 " ]]; then
    echo "error: unexpected answers: $codes" >&2
    exit 1
fi
