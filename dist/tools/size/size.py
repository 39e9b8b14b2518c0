# SPDX-License-Identifier: MIT OR Apache-2.0
"""Weighs rbpf-vm from linked firmware and compares; called by size.sh."""

import argparse
import collections
import json
import pathlib
import re
import struct
import subprocess
import sys

from elftools.elf.elffile import ELFFile

TARGET = 6144
# The level that the product is built with, which the target is for.
PRODUCT_LEVEL = "3"
"""Bytes of flash that the virtual machine may take."""

TOLERANCE = 1.02
"""How much larger than the baseline it may be."""

GUEST_STACK = 512

GROUPS = [
    ("verifier", r"rbpf_vm_size::verify$|rbpf_vm::verifier"),
    ("interpreter", r"rbpf_vm::interpreter"),
    ("memory map", r"rbpf_vm::memory"),
    ("arithmetic", r"rbpf_vm::arithmetic"),
    ("program, machine", r"verify_and_run|rbpf_vm::(program|engine|fault)"),
    ("tables", r"rbpf_isa"),
    ("compiler support", r"compiler_builtins|__aeabi|^mem(cpy|set|move|cmp)"),
]
UNNAMED = "constants without a name"
OTHER = "other"

PANIC = re.compile(
    r"core::(fmt|panicking|panic)\b|panic|unwrap_failed|expect_failed"
    r"|slice_error_fail|slice::index::.*fail|begin_unwind"
)
"""Symbols of panics, and of the formatting that they bring along."""


class Firmware:
    """Sizes and symbols of a linked file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            elf = ELFFile(file)
            self.sections = {s.name: s["sh_size"] for s in elf.iter_sections()}
            self.machine, self.memory_map = struct.unpack(
                "<2I", elf.get_section_by_name(".sizes").data()
            )
            flash = {
                index
                for index, section in enumerate(elf.iter_sections())
                if section.name in (".text", ".rodata")
            }
            sized = {}
            self.undefined = []
            for symbol in elf.get_section_by_name(".symtab").iter_symbols():
                where = symbol["st_shndx"]
                if where == "SHN_UNDEF" and symbol.name:
                    self.undefined.append(symbol.name)
                elif where in flash and symbol["st_size"]:
                    # One name for each place: aliases are not counted twice.
                    sized[symbol["st_value"] & ~1] = (symbol.name, symbol["st_size"])
        names = demangle([name for name, _ in sized.values()])
        self.symbols = [(n, size) for n, (_, size) in zip(names, sized.values())]

    def size(self, *sections):
        return sum(self.sections.get(section, 0) for section in sections)

    def groups(self):
        """Bytes of flash by group of symbols."""
        groups = collections.Counter({name: 0 for name, _ in GROUPS})
        for name, size in self.symbols:
            found = (group for group, form in GROUPS if re.search(form, name))
            groups[next(found, OTHER)] += size
        groups[UNNAMED] = self.size(".text", ".rodata") - groups.total()
        return dict(groups)

    def panics(self):
        """Symbols that show that the firmware can panic."""
        return [name for name, _ in self.symbols if PANIC.search(name)] + [
            f"{name} (undefined)" for name in self.undefined
        ]

    def report(self):
        data = self.size(".data", ".bss")
        return {
            "text": self.size(".text", ".rodata", ".data"),
            "groups": self.groups(),
            "ram": {
                "machine": self.machine,
                "memory map": self.memory_map,
                "guest stack": GUEST_STACK,
                "data and bss": data,
                "total": self.machine + self.memory_map + GUEST_STACK + data,
            },
        }


def demangle(names):
    """Paths of Rust symbols."""
    command = ["llvm-cxxfilt-19", *names]
    return subprocess.run(
        command, text=True, capture_output=True, check=True
    ).stdout.splitlines()


def show(reports):
    """Prints the levels side by side."""

    def line(name, values):
        print(name.ljust(28) + "".join(f"{value:>12}" for value in values))

    line("bytes", [f"-O {level}" for level in reports])
    first = next(iter(reports.values()))
    names = dict.fromkeys(name for r in reports.values() for name in r["groups"])
    for name in names:
        line("  " + name, [r["groups"].get(name, 0) for r in reports.values()])
    line("flash", [r["text"] for r in reports.values()])
    for name in first["ram"]:
        label = "RAM" if name == "total" else "  " + name
        line(label, [r["ram"][name] for r in reports.values()])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("elf", nargs="+", type=pathlib.Path, help="named LEVEL.elf")
    parser.add_argument("--baseline", type=pathlib.Path, required=True)
    parser.add_argument("--report", type=pathlib.Path, required=True)
    parser.add_argument("--save", action="store_true", help="write the baseline")
    options = parser.parse_args()

    firmwares = {path.stem: Firmware(path) for path in options.elf}
    reports = {level: firmware.report() for level, firmware in firmwares.items()}
    show(reports)

    baseline = {}
    if options.baseline.exists() and not options.save:
        baseline = json.loads(options.baseline.read_text())
    failures = []
    for level, report in reports.items():
        panics = firmwares[level].panics()
        if panics:
            failures.append(f"-O {level}: a panic is reachable: {', '.join(panics)}")
        if level == PRODUCT_LEVEL and report["text"] > TARGET:
            failures.append(f"-O {level}: {report['text']} B of flash, target {TARGET}")
        for what, now, before in (
            ("flash", report["text"], baseline.get(level, {}).get("flash")),
            ("RAM", report["ram"]["total"], baseline.get(level, {}).get("ram")),
        ):
            if before is not None and now > before * TOLERANCE:
                failures.append(f"-O {level}: {now} B of {what}, baseline {before}")

    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(
        json.dumps(
            {"target": TARGET, "levels": reports, "failures": failures}, indent=2
        )
        + "\n"
    )
    if options.save:
        baseline = {
            level: {"flash": report["text"], "ram": report["ram"]["total"]}
            for level, report in reports.items()
        }
        options.baseline.parent.mkdir(parents=True, exist_ok=True)
        options.baseline.write_text(json.dumps(baseline, indent=2) + "\n")
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
