#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Tests that an application outside of this tree can use the module, in the
# ways that pkg/rbpf/doc.md names, on native64: by EXTERNAL_MODULE_DIRS, by
# USEPKG, and with tunables by Kconfig and CFLAGS; and that it costs nothing
# where it is not selected. Called by dist/tools/test-riot.sh.
#
# RIOTBASE or ~/RIOT is RIOT's tree. Prints a line `ok NAME` or `FAIL NAME: why`
# a check, and fails if one failed.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export RIOTBASE=${RIOTBASE:-$HOME/RIOT} BOARD=native64 QUIET=1
# What is built for one serves the next.
export CARGO_TARGET_DIR=$root/target/riot-outside
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# application NAME LINE...: an application with these lines in its Makefile.
application() {
    local folder=$work/$1
    shift
    mkdir "$folder"
    printf '%s\n' 'APPLICATION = outside' "$@" 'USEMODULE += shell' \
        "include \$(RIOTBASE)/Makefile.include" >"$folder/Makefile"
    cat >"$folder/main.c" <<'END'
#include "shell.h"

#ifdef MODULE_RBPF
#include "rbpf.h"
#endif

int main(void)
{
    char line[SHELL_DEFAULT_BUFSIZE];

#ifdef MODULE_RBPF
    rbpf_remove("nobody");
#endif
    shell_run(NULL, line, sizeof(line));
    return 0;
}
END
}

# build NAME ARGUMENT...: what make says is in NAME/log, sizes in NAME/size.
build() {
    timeout -s KILL 1800 make -C "$work/$1" "${@:2}" all >"$work/$1/log" 2>&1 &&
        size "$work/$1/bin/native64/outside.elf" | cut -f 1-3 >"$work/$1/size"
}

# says NAME VERB PATTERN: `rbpf VERB`, typed at its shell, prints such a line.
says() {
    local log=$work/$1/log node found=1
    # It does not end by itself, and may not listen yet.
    for _ in $(seq 600); do
        echo "rbpf $2"
        sleep 0.2
    done 2>/dev/null |
        timeout 130 "$work/$1/bin/native64/outside.elf" >>"$log" 2>&1 &
    node=$!
    for _ in $(seq 600); do
        grep -aqE "$3" "$log" && found=0 && break
        sleep 0.2
    done
    kill "$node" 2>/dev/null
    wait "$node" 2>/dev/null
    return "$found"
}

# report WHAT NAME COMMAND...: a check of that application, with its log if it
# fails.
report() {
    if "${@:3}"; then
        echo "ok $1"
    else
        echo "FAIL $1: ${*:3}"
        tail -n 30 "$work/$2/log"
        failed=1
    fi
}

module="EXTERNAL_MODULE_DIRS += $root/pkg"
package="EXTERNAL_PKG_DIRS += $root/pkg/usepkg"
shell='USEMODULE += rbpf_shell'

by_module() {
    application module "$module" 'USEMODULE += rbpf' "$shell"
    build module && says module help '^usage: rbpf VERB'
}

by_package() {
    application package "$package" 'USEPKG += rbpf' "$shell"
    build package && says package help '^usage: rbpf VERB'
}

# The module counts once.
by_both() {
    application both "$module" "$package" 'USEPKG += rbpf' 'USEMODULE += rbpf' "$shell"
    build both && cmp "$work"/{both,module}/size
}

# Sizes, and so what is linked, are the same.
not_selected() {
    application without
    application beside "$module" "$package"
    build without && build beside && cmp "$work"/{without,beside}/size
}

# Nothing of a network or of sensors in what selects neither.
only_selected() {
    ! nm "$work/module/bin/native64/outside.elf" | grep -iE ' [tdb] _?(gcoap|coap_|gnrc|saul)' >>"$work/module/log"
}

# RIOT fetches the library for Kconfig from a place of its own. Here its tools
# are taken with the library of PyPI beside them.
by_kconfig() {
    local tools=$work/tools library
    library=$("$root/target/venv/bin/python" -c 'import kconfiglib; print(kconfiglib.__file__)') || return
    mkdir "$tools"
    ln -s "$RIOTBASE"/dist/tools/* "$tools"
    rm "$tools/kconfiglib"
    cp -r "$RIOTBASE/dist/tools/kconfiglib" "$tools"
    cp "$library" "${library%/*}/menuconfig.py" "$tools/kconfiglib"
    application kconfig "$module" 'USEMODULE += rbpf' "$shell"
    printf 'CONFIG_%s\n' KCONFIG_USEMODULE_RBPF=y RBPF_SLOTS=2 >"$work/kconfig/app.config"
    build kconfig RIOTTOOLS="$tools" && says kconfig stats '^slots-max 2'
}

out_of_range() {
    application range "$module" 'USEMODULE += rbpf' 'CFLAGS += -DCONFIG_RBPF_SLOTS=99'
    ! build range && grep -q 'error: .*CONFIG_RBPF_SLOTS=99: must be 1 to 32' "$work/range/log"
}

report "application by EXTERNAL_MODULE_DIRS" module by_module
report "application by USEPKG" package by_package
report "application by both" both by_both
report "module that is not selected costs nothing" beside not_selected
report "parts that are not selected are not linked" module only_selected
report "tunable by Kconfig" kconfig by_kconfig
report "tunable out of range" range out_of_range
exit $failed
