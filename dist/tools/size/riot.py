# SPDX-License-Identifier: MIT OR Apache-2.0
"""Weighs the RIOT module by the links with and without it; called by size-riot.sh.

Every byte of the difference is in the table. What the Rust object brings is
told apart by section: a function's bytes go to the source that they come from,
inlined code included, as the debug information says; what of `core` or heapless
is inlined counts to whoever uses it. A variable goes to the crate in its symbol,
a constant to whoever refers to it. The rest of the difference is C.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys

from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

# The first form that a place (crate/module) begins with names the part.
PARTS = [
    ("verifier", r"rbpf_vm/(verifier/|verified/verify/)|rbpf_isa/(table|form)/"),
    ("virtual machine", r"rbpf_(vm|isa)/"),
    ("runtime", r"rbpf_(runtime|abi)/"),
    ("gcoap: management under /rbpf", r"rbpf_device/coap/management/"),
    ("gcoap: requests to containers", r"rbpf_device/coap/|rbpf_riot/gcoap/|coap_"),
    ("SAUL", r"rbpf_riot/(services|sys)/saul|riot_wrappers/saul"),
    ("shell", r"rbpf_riot/shell|riot_wrappers/(shell|stdio)"),
    ("C API", r"rbpf_riot/(c_api|hooks|helpers)"),
    ("jobs and reports", r"rbpf_device/"),
    ("thread, queue, services", r"rbpf_riot|riot_(wrappers|sys)/"),
    ("Rust's libraries", r"\w+/"),
]
CONSTANTS = "constants of several parts"
PULLED = "RIOT and C library, because of the module"
REST = "alignment, unattributed"
COLUMNS = [*(part for part, _ in PARTS), CONSTANTS, PULLED, REST]

# What the original paper counts as virtual machine and bindings: its machine
# has no verifier, and nothing is managed over the network.
AS_PAPER = ("virtual machine", "gcoap: requests to containers", "SAUL")
CORE = (*AS_PAPER, "verifier", "gcoap: management under /rbpf")
CORE_SHARE, ALL_SHARE = 10, 25
"""Per cent of the base's flash that these, and all, are to take at most."""

CONTAINER_RAM = 160
"""Bytes that a further container is to take less than, beside its image."""

PAPER = {
    "base application": (52_760, 14_856),
    "virtual machine": (4_364, 660),
    "gcoap: requests to containers": (80, None),
    "sum": (69 * 1024, None),
}
"""Flash and RAM there: host, machine, bindings; the whole firmware."""

FLASH, RAM, BOTH = {".text", ".ARM.exidx"}, {".bss", ".stack", ".noinit"}, {".relocate", ".data"}

STEP = 2
"""Bytes of the smallest instruction of Thumb."""

BARE = re.compile(r"^\.(text|rodata|data|bss)(\.rel\.ro)?\.(unlikely\.)?")
"""What stands before a symbol in the name of its section."""

WIDTH = 52
"""Of the first column."""

TOLERANCE = 1.02
SLACK = 32
"""How much a part may grow: by a factor, or by bytes if it is small."""


def place_of_symbol(name):
    """Crate and modules in a mangled name, as crate/module/…; None if it is C's."""
    if name.startswith("_R"):
        # The first crate is that of the code; others are in its types.
        match = re.search(r"C(?:s[0-9a-zA-Z]*_)(?=\d)", name)
        parts, rest = [], name[match.end() :] if match else ""
        while match := re.match(r"(?:s[0-9a-zA-Z]*_)?(\d+)_?", rest):
            end = match.end() + int(match[1])
            parts.append(rest[match.end() : end])
            rest = rest[end:]
        return "/".join(parts) + "/" if parts else None
    if name.startswith("_ZN"):
        parts, rest = [], name[3:]
        while match := re.match(r"\d+", rest):
            end = match.end() + int(match[0])
            parts.append(rest[match.end() : end])
            rest = rest[end:]
        path = re.sub(r"\$[A-Z]+\$", " ", parts[0]).strip("_ ").replace("..", "/")
        return "/".join([path.split()[0], *parts[1:-1]]) + "/"
    return None


def place_of_file(path):
    """The same of a source file."""
    if match := re.search(r"/rust/(rbpf-[\w-]+)/src/(.+)\.rs$", path):
        return f"{match[1].replace('-', '_')}/{match[2]}/"
    if match := re.search(r"/registry/src/[^/]+/([\w-]+?)-\d[^/]*/(?:src/)?(.+)\.rs$", path):
        return f"{match[1].replace('-', '_')}/{match[2]}/"
    if match := re.search(r"/library/([\w-]+)/", path):
        return f"{match[1].replace('-', '_')}/"
    return None


def part_of(place):
    """The line of the table."""
    return next(part for part, form in PARTS if re.match(form, place))


def part_of_frames(frames):
    """The part that inlined frames belong to: pairs of function and file,
    innermost first.

    Libraries serve everybody: they count only where nobody else called.
    """
    places = [place_of_symbol(name) or place_of_file(file) for name, file in frames]
    parts = [part_of(place) for place in places if place]
    own = (part for part in parts if part != PARTS[-1][0])
    return next(own, parts[-1] if parts else None)


class Piece(collections.namedtuple("Piece", "output name address size object")):
    """One line of the linker's map: a section of an object."""

    @property
    def flash(self):
        return self.size if self.output in FLASH | BOTH else 0

    @property
    def ram(self):
        return self.size if self.output in RAM | BOTH else 0


def pieces_of_map(text):
    """All pieces of the output sections that are weighed, fill included."""
    text = text[text.index("\nLinker script and memory map") :]
    # A long name stands on a line of its own.
    text = re.sub(r"^( ?[.*]\S+)\n +0x", r"\1 0x", text, flags=re.M)
    output, pieces = None, []
    for line in text.splitlines():
        if match := re.match(r"(\.\S+) +0x\w+ +0x\w+", line):
            output = match[1]
        elif output in FLASH | RAM | BOTH:
            match = re.match(r" (\S+) +0x(\w+) +0x(\w+)(?: (.*))?$", line)
            if match and (size := int(match[3], 16)):
                name, object_ = match[1], match[4] or ""
                pieces.append(Piece(output, name, int(match[2], 16), size, object_))
    return pieces


def is_rust(piece):
    return re.search(r"/rbpf_riot/[^/]+\.o$", piece.object) is not None


class Firmware:
    """A link: its sizes, its pieces, and the parts of what is Rust."""

    def __init__(self, elf):
        self.path = elf
        self.pieces = pieces_of_map(elf.with_suffix(".map").read_text())
        with open(elf, "rb") as file:
            sections = {s.name: s["sh_size"] for s in ELFFile(file).iter_sections()}
        self.flash = sum(sections.get(name, 0) for name in FLASH | BOTH)
        self.ram = sum(sections.get(name, 0) for name in RAM | BOTH)

    def c(self):
        """Bytes of flash and RAM that are not of the Rust object."""
        sizes = collections.Counter()
        for piece in self.pieces:
            if piece.name != "*fill*" and not is_rust(piece):
                sizes["flash"] += piece.flash
                sizes["ram"] += piece.ram
        return sizes

    def parts(self):
        """Bytes of flash and RAM of the Rust object, by part."""
        flash, ram = collections.Counter(), collections.Counter()
        rust = [piece for piece in self.pieces if is_rust(piece)]
        code = Code(self.path, rust)
        owners = Owners(self.path.parent / "rbpf_riot", code)
        for piece in rust:
            for part, size in (code.shares(piece) or {owners.of(piece.name): piece.size}).items():
                flash[part] += size if piece.flash else 0
                ram[part] += size if piece.ram else 0
        return flash, ram

    def variables(self):
        """RAM of the Rust object by variable, the largest first."""
        sizes = collections.Counter()
        for piece in self.pieces:
            if piece.ram and is_rust(piece):
                place = place_of_symbol(BARE.sub("", piece.name))
                sizes["::".join(place.split("/")[:-1]) if place else piece.name] += piece.ram
        return sizes.most_common()


class Code:
    """Where instructions come from, by the debug information."""

    def __init__(self, elf, pieces):
        code = [piece for piece in pieces if piece.name.startswith(".text")]
        addresses = [a for p in code for a in range(p.address, p.address + p.size, STEP)]
        answers = subprocess.run(
            ["llvm-symbolizer-19", "--output-style=JSON", "--inlines", "--no-demangle", "-e", elf],
            input="".join(f"{address:#x}\n" for address in addresses),
            capture_output=True,
            check=True,
            text=True,
        ).stdout.splitlines()
        found = {}
        for address, answer in zip(addresses, answers, strict=True):
            frames = json.loads(answer).get("Symbol", [])
            found[address] = part_of_frames([(f["FunctionName"], f["FileName"]) for f in frames])
        self.parts = {piece.name: self.parts_of(piece, found) for piece in code}

    @staticmethod
    def parts_of(piece, found):
        """The part of each instruction. One without a line is its neighbours'."""
        place = place_of_symbol(BARE.sub("", piece.name))
        part = part_of(place) if place else PARTS[-1][0]
        parts = []
        for address in range(piece.address, piece.address + piece.size, STEP):
            part = found[address] or part
            parts.append(part)
        return parts

    def shares(self, piece):
        """Bytes of a function by part; nothing if it is none."""
        shares = collections.Counter()
        for index, part in enumerate(self.parts.get(piece.name, [])):
            shares[part] += min(STEP, piece.size - index * STEP)
        return shares

    def at(self, section, offset):
        """The part of one instruction."""
        parts = self.parts[section]
        return parts[min(offset // STEP, len(parts) - 1)]


class Owners:
    """Which part a section of the Rust object belongs to.

    Constants have no crate in their names: they belong to the instructions,
    and the constants, that refer to them.
    """

    def __init__(self, folder, code):
        self.code = code
        self.users = collections.defaultdict(set)
        for path in folder.glob("*.o"):
            with open(path, "rb") as file:
                self.read(ELFFile(file))

    def read(self, elf):
        symbols = elf.get_section_by_name(".symtab")
        for section in elf.iter_sections():
            if not isinstance(section, RelocationSection):
                continue
            user = elf.get_section(section["sh_info"]).name
            # What the linker has dropped uses nothing.
            if user.startswith(".text") and user not in self.code.parts:
                continue
            if not user.startswith((".text", ".rodata", ".data")):
                continue
            for relocation in section.iter_relocations():
                target = symbols.get_symbol(relocation["r_info_sym"])["st_shndx"]
                if isinstance(target, int):
                    name = elf.get_section(target).name
                    self.users[name].add((user, relocation["r_offset"]))

    def of(self, name, seen=frozenset()):
        """The part of a section."""
        if place := place_of_symbol(BARE.sub("", name)):
            return part_of(place)
        seen |= {name}
        parts = {
            self.code.at(user, offset) if user.startswith(".text") else self.of(user, seen)
            for user, offset in self.users[name]
            if user not in seen
        }
        return parts.pop() if len(parts) == 1 else CONSTANTS


def difference(base, whole):
    """Flash and RAM that the module takes, by part; the sum is the difference
    of the links."""
    flash, ram = whole.parts()
    with_c, without_c = whole.c(), base.c()
    flash[PULLED] = with_c["flash"] - without_c["flash"]
    ram[PULLED] = with_c["ram"] - without_c["ram"]
    flash[REST] = whole.flash - base.flash - flash.total()
    ram[REST] = whole.ram - base.ram - ram.total()
    return {part: [flash[part], ram[part]] for part in COLUMNS}


def compare(now, before):
    """What has grown, as texts."""
    failures = []
    for part, sizes in now.items():
        for what, size, limit in zip(("flash", "RAM"), sizes, before.get(part, [None] * 2)):
            if limit is not None and size > max(limit * TOLERANCE, limit + SLACK):
                failures.append(f"{part}: {size} B of {what}, baseline {limit}")
    return failures


def show(base, whole, parts, steps, container):
    """Prints the tables."""

    def line(name, sizes, share=None, paper=None):
        cells = ["" if size is None else f"{size:,}" for size in sizes]
        cells.append("" if share is None else f"{share:.1f} %")
        cells += ["" if size is None else f"{size:,}" for size in paper or ()]
        print((name.ljust(WIDTH) + "".join(cell.rjust(10) for cell in cells)).rstrip())

    print(f"{'bytes':{WIDTH}}{'flash':>10}{'RAM':>10}{'of base':>10}{'paper':>10}{'RAM':>10}")
    line("base application", (base.flash, base.ram), None, PAPER["base application"])
    for part, (flash, ram) in parts.items():
        line("  " + part, (flash, ram), 100 * flash / base.flash, PAPER.get(part))
    flash, ram = (sum(sizes) for sizes in zip(*parts.values()))
    line("the module", (flash, ram), 100 * flash / base.flash)
    line("sum", (base.flash + flash, base.ram + ram), None, PAPER["sum"])

    def sum_of(what, names, limit):
        size = sum(parts[name][0] for name in names)
        line(f"{what} (to be {limit} %)", (size, None), 100 * size / base.flash)

    print()
    sum_of("machine, bindings, as the paper counts", AS_PAPER, CORE_SHARE)
    sum_of("the same with verifier and management", CORE, CORE_SHARE)
    sum_of("all", parts, ALL_SHARE)
    print()
    for name, sizes in steps.items():
        line(name, sizes, 100 * sizes[0] / base.flash)

    if steps:
        print()
    print("variables of the module, from 64 B on")
    for name, size in whole.variables():
        if size >= 64:
            line("  " + name, (None, size))
    print(
        f"\na further container: {container} B of RAM beside its image"
        f" (to be less than {CONTAINER_RAM})"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("elf", nargs="+", type=pathlib.Path, help="NAME/BOARD/rbpf_gcoap.elf")
    parser.add_argument("--image-size", type=int, required=True, help="CONFIG_RBPF_IMAGE_SIZE")
    parser.add_argument("--baseline", type=pathlib.Path, required=True)
    parser.add_argument("--report", type=pathlib.Path, required=True)
    parser.add_argument("--save", action="store_true", help="write the baseline")
    options = parser.parse_args()

    links = {elf.parts[-3]: Firmware(elf) for elf in options.elf}
    base, whole, larger = (links.pop(name) for name in ("base", "all", "container"))
    parts = difference(base, whole)
    steps = {
        f"with {name}": [link.flash - base.flash, link.ram - base.ram]
        for name, link in links.items()
    }
    container = larger.ram - whole.ram - options.image_size
    show(base, whole, parts, steps, container)

    now = parts | steps | {"a further container": [larger.flash - whole.flash, container]}
    options.report.parent.mkdir(parents=True, exist_ok=True)
    report = {"base": [base.flash, base.ram], "module": now}
    options.report.write_text(json.dumps(report, indent=2) + "\n")
    if options.save:
        lines = ",\n".join(f"  {json.dumps(name)}: {sizes}" for name, sizes in now.items())
        options.baseline.write_text(f"{{\n{lines}\n}}\n")
        return 0
    if not options.baseline.exists():
        print("no baseline: --save writes one", file=sys.stderr)
        return 0
    failures = compare(now, json.loads(options.baseline.read_text()))
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
