#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Flash and RAM of the RIOT module: links examples/rbpf_gcoap without it and
# with it, in all configurations, and compares with dist/size/BOARD.json.
#
# The module's parts come by USEMODULE, whatever the example selects itself.
#
# usage: size-riot.sh BOARD [--quick] [--save]
#   --quick  leave out the links with some of the modules
#   --save   make the result the new baseline
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
board=$1
shift
export RIOTBASE=${RIOTBASE:-$HOME/RIOT}
out=$root/target/size-riot
image_size=$(sed -n '/config RBPF_IMAGE_SIZE/,/default/s/.*default //p' "$root/pkg/rbpf/Kconfig")
slots=$(sed -n '/config RBPF_SLOTS/,/default/s/.*default //p' "$root/pkg/rbpf/Kconfig")
python=$("$root/dist/tools/venv.sh")
(cd "$root/dist/tools/size" && "$python" -m unittest --quiet test_riot)

# build NAME [VARIABLE=VALUE]...: a link of its own, kept for the next time. The
# first with Rust lends the others what cargo has built.
seed=$out/all/$board/target
build() {
    local folder=$out/$1/$board log=$out/$1.log
    mkdir -p "$folder"
    if [[ $1 != base && ! -d $folder/target && -d $seed ]]; then
        cp --archive --reflink=auto "$seed" "$folder/target"
    fi
    if ! env BOARD="$board" BINDIRBASE="$out/$1" RBPF=0 "${@:2}" \
        make -C "$root/examples/rbpf_gcoap" all >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        return 1
    fi
}

all="rbpf rbpf_gcoap rbpf_saul rbpf_shell"
names=(base all container)
build base
build all USEMODULE="$all"
build container USEMODULE="$all" CFLAGS="-DCONFIG_RBPF_SLOTS=$((slots + 1))"
if [[ ${1-} == --quick ]]; then
    shift
else
    build rbpf USEMODULE="rbpf"
    build rbpf-gcoap USEMODULE="rbpf rbpf_gcoap"
    build rbpf-gcoap-saul USEMODULE="rbpf rbpf_gcoap rbpf_saul"
    names+=(rbpf rbpf-gcoap rbpf-gcoap-saul)
fi

elves=("${names[@]/#/$out/}")
elves=("${elves[@]/%//$board/rbpf_gcoap.elf}")
"$python" "$root/dist/tools/size/riot.py" --image-size "$image_size" \
    --baseline "$root/dist/size/$board.json" --report "$root/target/report/size-riot.json" "$@" \
    "${elves[@]}"
