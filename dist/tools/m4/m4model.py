# SPDX-License-Identifier: MIT OR Apache-2.0
"""A cycle model of the Cortex-M4, on top of Unicorn.

Unicorn executes the firmware; the model charges each instruction by the rules
of the Cortex-M4 Technical Reference Manual (ARM DDI 0439 / 100166, section 3.3,
"Instruction set summary"), for zero wait states:

- most instructions 1, divisions 6 of the 2 to 12 (depending on operands);
- a taken branch 2 more, to refill the pipeline (1 to 3 in the manual);
- a load 2, or 1 behind another load that its address does not depend on;
- a store 1 (write buffer), or 2 with a register as offset;
- LDM, STM, PUSH, POP, LDRD, STRD 1 + the number of registers;
- TBB, TBH and loads into pc 2, 1 and the refill;
- IT 0 behind a 16-bit instruction, which it is folded onto;
- 1 more when the instruction before computes the address of an access.

Deliberately not modelled: flash wait states, unaligned accesses, contention
for the bus, and instructions of an IT block whose condition fails (charged as
if it held). Checked against an nRF52840 within 7 % (native code) and 3 % (the
C prototype of rBPF): trust it to about 10 %, and compare ratios.

Only block hooks are used: in Unicorn 2.1.4, instruction and memory hooks
corrupt flags and the state of IT blocks. A block's cost depends on the block
before it and on nothing else, so the hook merely counts pairs of blocks, and
costs are worked out afterwards.
"""

import bisect
import collections
import dataclasses
import struct

import capstone
from capstone import arm
from elftools.elf.elffile import ELFFile
from unicorn import (
    UC_ARCH_ARM,
    UC_HOOK_BLOCK,
    UC_MODE_MCLASS,
    UC_MODE_THUMB,
    Uc,
    arm_const,
)

FLASH = (0x00000000, 0x100000)
RAM = (0x20000000, 0x40000)
STOP = 0x000FF000
"""Return address of a call: runs end when they get here."""

STACK_TOP = RAM[0] + RAM[1] - 64
STACK_WATCHED = 16 * 1024
STACK_PAINT = 0xA5

REFILL = 2
DIVIDE = 6
ADDRESS_STALL = 1

LOADS = {
    arm.ARM_INS_LDR,
    arm.ARM_INS_LDRB,
    arm.ARM_INS_LDRH,
    arm.ARM_INS_LDRSB,
    arm.ARM_INS_LDRSH,
    arm.ARM_INS_LDREX,
    arm.ARM_INS_STREX,
}
STORES = {arm.ARM_INS_STR, arm.ARM_INS_STRB, arm.ARM_INS_STRH}
PAIRS = {arm.ARM_INS_LDRD, arm.ARM_INS_STRD}
MULTIPLES = {arm.ARM_INS_LDM, arm.ARM_INS_LDMDB, arm.ARM_INS_STM, arm.ARM_INS_STMDB}
STACK_MULTIPLES = {arm.ARM_INS_PUSH, arm.ARM_INS_POP}
TABLE_BRANCHES = {arm.ARM_INS_TBB, arm.ARM_INS_TBH}
DIVISIONS = {arm.ARM_INS_UDIV, arm.ARM_INS_SDIV}

COMPUTES = ("other", "divide")
ACCESSES = ("load", "load pc", "store", "multiple", "table branch")


class ModelError(Exception):
    """The firmware did something that it must not."""


@dataclasses.dataclass(frozen=True)
class Instruction:
    """What the timing of one machine instruction depends on."""

    address: int
    size: int
    text: str
    kind: str = "other"
    count: int = 1
    """Registers that are transferred."""
    written: frozenset = frozenset()
    address_registers: frozenset = frozenset()
    register_offset: bool = False

    @property
    def end(self):
        return self.address + self.size


@dataclasses.dataclass
class Measurement:
    """What one call cost."""

    result: int
    cycles: int
    instructions: int
    stack: int
    """Bytes of stack that were written."""
    line_cycles: collections.Counter
    """Cycles by address of the instruction."""
    line_counts: collections.Counter
    """Executions by address of the instruction."""


class Model:
    """A Cortex-M4 with a firmware in its flash."""

    def __init__(self, path):
        self._uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
        self._uc.mem_map(*FLASH)
        self._uc.mem_map(*RAM)
        self._capstone = capstone.Cs(
            capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        )
        self._capstone.detail = True
        self.symbols = {}
        self.sizes = {}
        self._functions = []
        with open(path, "rb") as file:
            self._load(ELFFile(file))
        self._blocks = {}
        self._pairs = None
        self._previous = None
        self._uc.hook_add(UC_HOOK_BLOCK, self._enter_block)

    def _load(self, elf):
        for segment in elf.iter_segments("PT_LOAD"):
            if segment["p_filesz"]:
                self._uc.mem_write(segment["p_vaddr"], segment.data())
        for symbol in elf.get_section_by_name(".symtab").iter_symbols():
            self.symbols[symbol.name] = symbol["st_value"]
            self.sizes[symbol.name] = symbol["st_size"]
            if symbol["st_info"]["type"] == "STT_FUNC":
                self._functions.append((symbol["st_value"] & ~1, symbol.name))
        self._functions.sort()

    def read(self, address, length):
        """Bytes of the device's memory."""
        return bytes(self._uc.mem_read(address, length))

    def read_words(self, address, count):
        """Little-endian 32-bit words of the device's memory."""
        return struct.unpack(f"<{count}I", self.read(address, 4 * count))

    def function_at(self, address):
        """Name of the function that an address lies in."""
        index = bisect.bisect_right(self._functions, (address, "\x7f")) - 1
        return self._functions[index][1] if index >= 0 else "?"

    def call(self, name, *arguments):
        """Calls a function of the firmware; returns r0."""
        registers = (
            arm_const.UC_ARM_REG_R0,
            arm_const.UC_ARM_REG_R1,
            arm_const.UC_ARM_REG_R2,
            arm_const.UC_ARM_REG_R3,
        )
        uc = self._uc
        uc.reg_write(arm_const.UC_ARM_REG_SP, STACK_TOP)
        uc.reg_write(arm_const.UC_ARM_REG_LR, STOP | 1)
        for register, value in zip(registers, arguments):
            uc.reg_write(register, value)
        uc.emu_start(self.symbols[name] | 1, STOP, 0, 500_000_000)
        pc = uc.reg_read(arm_const.UC_ARM_REG_PC)
        if pc & ~1 != STOP:
            raise ModelError(f"{name} did not return: stopped at {pc:#x}")
        return uc.reg_read(registers[0])

    def measure(self, name, *arguments):
        """Calls a function of the firmware and says what that cost."""
        watched = STACK_TOP - STACK_WATCHED
        self._uc.mem_write(watched, bytes([STACK_PAINT]) * STACK_WATCHED)
        self._pairs = collections.Counter()
        self._previous = None
        try:
            result = self.call(name, *arguments)
            self._pairs[self._previous, None] += 1
            pairs = self._pairs
        finally:
            self._pairs = None
        untouched = len(self.read(watched, STACK_WATCHED)) - len(
            self.read(watched, STACK_WATCHED).lstrip(bytes([STACK_PAINT]))
        )
        line_cycles = collections.Counter()
        line_counts = collections.Counter()
        for (before, block), times in pairs.items():
            self._charge(before, block, times, line_cycles, line_counts)
        return Measurement(
            result=result,
            cycles=line_cycles.total(),
            instructions=line_counts.total(),
            stack=STACK_WATCHED - untouched,
            line_cycles=line_cycles,
            line_counts=line_counts,
        )

    def _enter_block(self, _uc, address, size, _data):
        if self._pairs is not None:
            block = (address, size)
            self._pairs[self._previous, block] += 1
            self._previous = block

    def _charge(self, before, block, times, line_cycles, line_counts):
        """Charges what `times` entries of a block from another one cost."""
        last = self._block(before)[-1] if before else None
        if last and (block is None or last.end != block[0]):
            # A taken branch.
            line_cycles[last.address] += times * (
                REFILL + (last.kind in ("table branch", "load pc"))
            )
        if block is None:
            return
        for instruction in self._block(block):
            line_cycles[instruction.address] += times * cycles(last, instruction)
            line_counts[instruction.address] += times
            last = instruction

    def _block(self, block):
        if block not in self._blocks:
            address, size = block
            instructions = []
            while address < block[0] + size:
                instructions.append(self.decode(address))
                address = instructions[-1].end
            self._blocks[block] = instructions
        return self._blocks[block]

    def decode(self, address):
        """The instruction at an address."""
        (half,) = struct.unpack("<H", self.read(address, 2))
        size = 4 if half >> 11 >= 0b11101 else 2
        code = self.read(address, size)
        decoded = next(self._capstone.disasm(code, address), None)
        if decoded is None:
            return Instruction(address, size, f".inst {code.hex()}")
        operands = decoded.operands
        memory = next((o.mem for o in operands if o.type == arm.ARM_OP_MEM), None)
        base = {memory.base, memory.index} - {0, arm.ARM_REG_PC} if memory else set()
        _, written = decoded.regs_access()
        to_pc = arm.ARM_REG_PC in written
        kind, count = "other", 1
        if decoded.id in LOADS:
            kind = "load pc" if to_pc else "load"
        elif decoded.id in STORES:
            kind = "store"
        elif decoded.id in PAIRS:
            kind, count = "multiple", 2
        elif decoded.id in MULTIPLES:
            kind, count = "multiple", len(operands) - 1
            base = {operands[0].reg}
        elif decoded.id in STACK_MULTIPLES:
            kind, count = "multiple", len(operands)
            base = {arm.ARM_REG_SP}
        elif decoded.id in TABLE_BRANCHES:
            kind = "table branch"
        elif decoded.id in DIVISIONS:
            kind = "divide"
        elif decoded.mnemonic.startswith("it"):
            kind = "it"
        elif decoded.group(arm.ARM_GRP_JUMP) or to_pc:
            kind = "branch"
        return Instruction(
            address=address,
            size=size,
            text=f"{decoded.mnemonic} {decoded.op_str}",
            kind=kind,
            count=count,
            written=frozenset(written),
            address_registers=frozenset(base),
            register_offset=memory is not None and memory.index != 0,
        )


def cycles(before, instruction):
    """Cycles of an instruction, but for the refill behind a taken branch.

    `before` is the instruction executed before it, or None.
    """
    follows = before is not None and before.end == instruction.address
    behind_load = follows and before.kind == "load"
    match instruction.kind:
        case "load" | "load pc":
            independent = behind_load and not (
                before.written & instruction.address_registers
            )
            cost = 1 if independent else 2
        case "store":
            cost = 2 if instruction.register_offset and not behind_load else 1
        case "multiple":
            cost = 1 + instruction.count
        case "table branch":
            cost = 2
        case "divide":
            cost = DIVIDE
        case "it":
            cost = 0 if follows and before.size == 2 else 1
        case _:
            cost = 1
    if (
        follows
        and before.kind in COMPUTES
        and instruction.kind in ACCESSES
        and before.written & instruction.address_registers
    ):
        cost += ADDRESS_STALL
    return cost
