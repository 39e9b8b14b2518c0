#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Runs `rbpf device` on loopback, and asks it with two independent CoAP
# clients: aiocoap (dist/tools/requirements.txt) and libcoap's
# coap-client-notls (Debian: libcoap3-bin).
#
# usage: interop.sh RBPF IMAGES
#
#   RBPF    the command, which is run as `RBPF device --config FILE`
#   IMAGES  folder with the images of tests/device/containers, as made by
#           `cargo run -p rbpf-host --example device_images -- IMAGES`
#
# Prints a line `ok NAME` or `FAIL NAME: why` a check, at the end
# `N passed, N failed`, and fails if one failed.
set -uo pipefail

if [ $# -ne 2 ]; then
    echo "usage: $0 RBPF IMAGES" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rbpf=$(realpath "$1") || exit 2
images=$(realpath "$2") || exit 2
client=coap-client-notls
if ! command -v "$client" > /dev/null; then
    echo "error: no $client: install the Debian package libcoap3-bin" >&2
    exit 2
fi
python=$("$here/../../dist/tools/venv.sh") || exit 2

work=$(mktemp -d)
device=
finish() {
    [ -n "$device" ] && kill "$device" 2> /dev/null
    rm -rf "$work"
}
trap finish EXIT

{
    echo '[coap]'
    echo 'listen = ["[::1]:0", "127.0.0.1:0"]'
    echo '[[sensor]]'
    echo 'name = "thermometer"'
    echo 'class = "temp"'
    echo 'unit = "degC"'
    echo 'scale = -2'
    echo 'kind = "constant"'
    echo 'value = [2345]'
    for name in sensor fault endless large echo sum observed; do
        echo '[[application]]'
        echo "name = \"$name\""
        echo "image = \"$images/$name.rbpf\""
        echo "coap = \"/$name\""
    done
} > "$work/device.toml"

"$rbpf" device --config "$work/device.toml" > "$work/output" 2> "$work/errors" &
device=$!
# Limits are such that only what hangs reaches them.
for _ in $(seq 1200); do
    [ "$(grep -c '^listening ' "$work/output")" -eq 2 ] && break
    kill -0 "$device" 2> /dev/null || break
    sleep 0.1
done
mapfile -t bases < <(sed -n 's/^listening //p' "$work/output")
if [ ${#bases[@]} -ne 2 ]; then
    echo "FAIL device: does not listen"
    cat "$work/output" "$work/errors" >&2
    echo "0 passed, 1 failed"
    exit 1
fi

results=$work/results
: > "$results"

# check NAME FOUND WANTED: compares, and prints a line.
check() {
    if [ "$2" = "$3" ]; then
        echo "ok $1"
    else
        echo "FAIL $1: '${2:0:200}', not '${3:0:200}'"
    fi | tee -a "$results"
}

# ask METHOD URI [OPTION...]: what libcoap's client prints, errors as well.
ask() {
    local method=$1 uri=$2
    shift 2
    timeout 300 "$client" -B 120 -m "$method" "$@" "$uri" 2>&1
}

# told SIZE: waits until more than that was printed to the observer; fails if it has
# ended before.
told() {
    until [ "$(stat -c %s "$work/observed")" -gt "$1" ]; do
        kill -0 "$observer" 2> /dev/null || return
        sleep 0.1
    done
}

# observe PATH BASE: what libcoap's client prints that observes for some seconds,
# while something is posted to the container twice, each time after the one before
# was told. If the seconds are not enough, the same again with more of them.
observe() {
    local seconds size complete
    for seconds in 3 15 100; do
        : > "$work/observed"
        : > "$work/posted"
        ask get "$2$1" -s "$seconds" > "$work/observed" &
        observer=$!
        complete=1
        told 0 || complete=
        for _ in 1 2; do
            size=$(stat -c %s "$work/observed")
            ask post "$2/observed" >> "$work/posted"
            told "$size" || complete=
        done
        wait "$observer"
        [ -z "$complete" ] || break
    done
}

# First: it does not send back what would show that it receives, so that all of its
# answers are in small blocks.
timeout 1800 "$python" "$here/interop_aiocoap.py" "${bases[@]}" 2>> "$work/errors" | tee -a "$results"
check "aiocoap finished" "${PIPESTATUS[0]}" 0

letters=$("$python" -c 'print(bytes(97 + i % 26 for i in range(3000)).decode())')
"$python" -c 'import sys; sys.stdout.buffer.write(bytes(97 + i * 7 % 26 for i in range(4000)))' > "$work/upload"
sum=$("$python" -c 'print(sum(97 + i * 7 % 26 for i in range(4000)))')
for base in "${bases[@]}"; do
    name="libcoap $base"
    check "$name sensor" "$(ask get "$base/sensor")" 23.45
    check "$name sensor_non" "$(ask get "$base/sensor" -N)" 23.45
    check "$name unknown_path" "$(ask get "$base/nothing")" "4.04 not found"
    check "$name fault" "$(ask get "$base/fault")" "5.00 fault InvalidRead pc 1 address 0x0"
    check "$name large" "$(ask get "$base/large")" "$letters"
    check "$name large_64" "$(ask get "$base/large" -b 64)" "$letters"
    check "$name put_blocks" "$(ask put "$base/sum" -b 256 -f "$work/upload")" "$sum"
    check "$name post_blocks" "$(ask post "$base/echo" -f "$work/upload")" "$(cat "$work/upload")"
    observe /observed "$base"
    check "$name observe" "$(cat "$work/observed")" \
        "$(($(head -n 1 "$work/posted") - 1))$(tr -d '\n' < "$work/posted")"
    observe /rbpf "$base"
    check "$name observe_list" "$(grep -c '^observed ' "$work/observed")" 3
    observe /sensor "$base"
    check "$name observe_not" "$(cat "$work/observed")" 23.45
done

kill -TERM "$device"
wait "$device"
check "device ends cleanly" "$?" 0
device=
check "device counts" "$(grep -c '^counters ' "$work/output")" 7

passed=$(grep -c '^ok ' "$results")
failed=$(grep -c '^FAIL ' "$results")
if [ "$failed" -ne 0 ]; then
    cat "$work/errors" >&2
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
