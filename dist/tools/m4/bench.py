# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures the firmware under the model and reports; called by bench-m4.sh."""

import argparse
import collections
import json
import pathlib
import signal
import struct
import subprocess
import sys

import m4model

LIMIT = 46.8
"""Cycles per instruction that fletcher32 at -mcpu=v2 may cost: what the C
prototype of rBPF costs under the same model."""

REFERENCES = [
    # name, text, cycles, eBPF instructions, native cycles of the same run
    ("rBPF in C, jump table, -Os", "v2 of 2020", 120_184, 2567, 1840),
    ("Femto-Containers in C, -Os", "v2 of 2020", 124_160, 2567, 1840),
    ("WASM3 0.4.9, -Os", "wasm", 46_514, None, 1840),
    ("rbpf in Rust (micro-bpf)", "v2 of 2020", 185_164, 2567, 1840),
]


def fletcher32(data):
    """The checksum that the programs must compute."""
    sum1 = sum2 = 0xFFFF
    words = struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2])
    for start in range(0, len(words), 359):
        for word in words[start : start + 359]:
            sum1 += word
            sum2 += sum1
        sum1 = (sum1 & 0xFFFF) + (sum1 >> 16)
        sum2 = (sum2 & 0xFFFF) + (sum2 >> 16)
    sum1 = (sum1 & 0xFFFF) + (sum1 >> 16)
    sum2 = (sum2 & 0xFFFF) + (sum2 >> 16)
    return sum2 << 16 | sum1


class Bench:
    """Runs the programs of a firmware and collects what they cost."""

    def __init__(self, elf):
        self.model = m4model.Model(elf)
        self.failures = []

    def expect(self, what, result, expected):
        if result != expected:
            self.failures.append(f"{what}: {result:#x} instead of {expected:#x}")

    def program(self, name, expected, setup, *arguments):
        """Verifies and runs a program, measures both. The model has no cache
        that would have to be warm."""
        model = self.model
        slots = model.call(setup, *arguments)
        verified = model.measure("verify")
        self.expect(f"{name}: verify", verified.result, 0)
        run = model.measure("run")
        self.expect(name, run.result, expected)
        return slots, verified, run, model.call("executed")


def table(header, rows):
    """Prints rows under a header, the first column to the left."""
    cells = [header] + [["" if c is None else str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        first = row[0].ljust(widths[0])
        print("  ".join([first] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]))


def demangle(names):
    """Paths of Rust symbols."""
    command = ["llvm-cxxfilt-19", *names]
    return subprocess.run(
        command, text=True, capture_output=True, check=True
    ).stdout.splitlines()


# Where the machine's code is in the firmware: `run` inlines nothing of it, and
# the verifier is inlined in `verify`.
MACHINE = ("rbpf_vm::", "rbpf_isa::", "verify")


def machine_text(model):
    """Bytes of code and tables of the machine in this firmware."""
    sizes = {name: size for name, size in model.sizes.items() if name and size}
    return sum(
        size
        for path, size in zip(demangle(sizes), sizes.values())
        if path.startswith(MACHINE)
    )


def profile(model, run, lines):
    """Prints where the cycles of a run went."""
    functions = collections.Counter()
    for address, count in run.line_cycles.items():
        functions[model.function_at(address)] += count
    hottest = functions.most_common(12)
    for name, (_, count) in zip(demangle([name for name, _ in hottest]), hottest):
        print(f"{count:9d}  {name}")
    print()
    previous = None
    for address in sorted(a for a, _ in run.line_cycles.most_common(lines)):
        instruction = model.decode(address)
        if previous is not None and previous != address:
            print("     ...")
        previous = instruction.end
        print(
            f"{address:06x} {run.line_counts[address]:8d} x "
            f"{run.line_cycles[address]:8d} cycles  {instruction.text}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("elf")
    parser.add_argument("--input", required=True, help="what fletcher32 runs over")
    parser.add_argument("--report", type=pathlib.Path, help="JSON file to write")
    parser.add_argument("--opt-level", default="3", help="to be named in the report")
    parser.add_argument("--prof", type=int, default=0, help="print the N hottest lines")
    parser.add_argument(
        "--prof-program", default="v2", help="of this: v2, v3, v4 or an instruction"
    )
    parser.add_argument(
        "--quick", action="store_true", help="fletcher32 only, no single instructions"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error

    bench = Bench(options.elf)
    expected = fletcher32(pathlib.Path(options.input).read_bytes())
    runs = {}

    native = bench.model.measure("native")
    bench.expect("native", native.result, expected)

    programs = []
    for cpu in (2, 3, 4):
        name = f"v{cpu}"
        slots, verified, run, executed = bench.program(
            f"fletcher32 {name}", expected, "setup_fletcher32", cpu
        )
        runs[name] = run
        programs.append(
            {
                "program": "fletcher32",
                "bytecode": name,
                "slots": slots,
                "cycles": run.cycles,
                "instructions": executed,
                "cycles_per_instruction": round(run.cycles / executed, 2),
                "times_native": round(run.cycles / native.cycles, 1),
                "stack": run.stack,
                "verify_cycles": verified.cycles,
                "verify_cycles_per_slot": round(verified.cycles / slots, 1),
                "verify_stack": verified.stack,
            }
        )
    slots, verified, trivial, executed = bench.program("trivial", 0, "setup_trivial")
    runs["trivial"] = trivial

    instructions = {}
    if not options.quick:
        pointer, length = bench.model.read_words(
            bench.model.symbols["INSTRUCTION_NAMES"], 2
        )
        names = bench.model.read(pointer, length).decode().splitlines()
        for index, name in enumerate(names):
            _, _, run, executed = bench.program(name, 0, "setup_instruction", index)
            runs[name] = run
            instructions[name] = run.cycles
        loop = instructions.pop("loop")
        (repetitions,) = bench.model.read_words(bench.model.symbols["REPETITIONS"], 1)
        for name, total in instructions.items():
            instructions[name] = round((total - loop) / repetitions, 1)

    print(f"fletcher32 over 361 bytes, rbpf-vm at opt-level {options.opt_level}\n")
    header = "program bytecode cycles instructions cycles/instruction x-native stack text"
    native_text = bench.model.sizes["fletcher32"]
    text = machine_text(bench.model)
    rows = [
        ["native C, -Os", None, native.cycles, None, None, "1", native.stack]
        + [native_text]
    ]
    for p in programs:
        rows.append(
            ["rbpf-vm", p["bytecode"], p["cycles"], p["instructions"]]
            + [p["cycles_per_instruction"], p["times_native"], p["stack"], text]
        )
    for name, bytecode, cost, executed, reference in REFERENCES:
        ratio = f"{cost / executed:.1f}" if executed else None
        row = [name + " *", bytecode, cost, executed, ratio]
        rows.append(row + [f"{cost / reference:.1f}", None, None])
    table(header.split(), rows)
    print(
        "* same model and input length, earlier compiler; figures of the design's spike"
    )
    print(
        "text: of the machine in this firmware, verifier included; make size links it alone"
    )

    print(
        f"\nr0 = 0; exit: {trivial.cycles} cycles, with the memory map and the machine"
    )
    for p in programs:
        print(
            f"verify {p['bytecode']}: {p['verify_cycles']} cycles, "
            f"{p['slots']} slots, {p['verify_cycles_per_slot']} cycles/slot, "
            f"{p['verify_stack']} bytes of stack"
        )
    if instructions:
        print("\ncycles of one instruction\n")
        table(["instruction", "cycles"], list(instructions.items()))
    if options.prof:
        print(f"\nhottest {options.prof} lines of {options.prof_program}\n")
        profile(bench.model, runs[options.prof_program], options.prof)

    worst = programs[0]["cycles_per_instruction"]
    if worst > LIMIT:
        bench.failures.append(
            f"fletcher32 v2: {worst} cycles/instruction, limit {LIMIT}"
        )

    if options.report:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        report = {
            "model": "Cortex-M4, zero wait states, m4model.py",
            "opt_level": options.opt_level,
            "limit_cycles_per_instruction": LIMIT,
            "native_cycles": native.cycles,
            "native_text": native_text,
            "text": text,
            "programs": programs,
            "trivial_run_cycles": trivial.cycles,
            "instruction_cycles": instructions,
            "failures": bench.failures,
        }
        options.report.write_text(json.dumps(report, indent=2) + "\n")

    for failure in bench.failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
