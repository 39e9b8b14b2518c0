#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The shell command `rbpf`.

RBPF_IMAGES names the folder with the images of tests/device, as made by
`cargo run --package rbpf-host --example device_images -- FOLDER`.
"""

import hashlib
import os
import pathlib
import sys
import time

from testrunner import run

IMAGES = pathlib.Path(os.environ["RBPF_IMAGES"])
# Bytes a line: RIOT buffers 64 characters of input.
PIECE = 20
# CONFIG_RBPF_FAULT_LIMIT, if not said
FAULT_LIMIT = 10


def command(child, line, *answers):
    """Types a line, and waits for these answers in this order."""
    child.sendline(line)
    for answer in answers:
        child.expect(answer)
    child.expect_exact("> ")


def load(child, name, image, tenant=""):
    """Loads an image and installs it."""
    data = image.read_bytes()
    command(child, "rbpf load")
    for start in range(0, len(data), PIECE):
        piece = data[start : start + PIECE]
        command(
            child,
            f"rbpf load {name} {piece.hex()}",
            rf"loaded {name} bytes {start + len(piece)}\r?\n",
        )
    command(child, f"rbpf load {name}{tenant}", rf"installed {name} slot \d bytes {len(data)}\r?\n")


def passed(name):
    """Says that a check has passed."""
    print(f"\nok shell {name}", flush=True)


def errors(child):
    """What is wrong on the command line."""
    command(child, "rbpf", r"usage: rbpf VERB")
    command(child, "rbpf help", r"usage: rbpf VERB")
    for line in ["nonsense", "run", "bind x", "kv get global", "kv get global x", "info a b"]:
        command(child, f"rbpf {line}", r"usage: rbpf VERB")
    for line in ["info x", "run x", "remove x", "release x", "bind x /x", "unbind /x", "load x"]:
        command(child, f"rbpf {line}", r"error: not found\r?\n")
    for digits in ["0", "xy", "+1", "é0"]:
        command(child, f"rbpf load x {digits}", r"error: not an even number of hex")
    command(child, f"rbpf load {'x' * 17} 00", r"error: name empty or longer than 16")
    command(child, "rbpf load x 00", r"loaded x bytes 1")
    command(child, "rbpf load x", r"error: image is malformed, image error 1\r?\n")
    passed("errors")


def life(child):
    """A container comes, runs, is bound, goes."""
    load(child, "sum", IMAGES / "sum.rbpf")
    command(child, "rbpf list", r"sum state verified path - bytes \d+ runs 0 faults 0 instructions 0")
    command(
        child,
        "rbpf slots",
        r"slot 0 state verified generation \d+ room \d+ name sum bytes \d+\r?\n",
        r"slot 1 state empty generation \d+ room \d+\r?\n",
    )
    command(child, "rbpf bind sum /sum", r"bound sum /sum\r?\n")
    command(child, "rbpf bind sum /sum", r"error: in use\r?\n")
    command(child, "rbpf bind sum /rbpf/x", r"error: in use\r?\n")
    command(child, "rbpf bind sum sum", r"error: not found\r?\n")
    command(child, f"rbpf bind sum /{'s' * 32}", r"error: invalid argument\r?\n")
    command(child, "rbpf hooks", r"/sum sum events 0\r?\n")
    command(child, "rbpf info sum", r"slot 0\r?\n", r"bound /sum\r?\n")
    command(child, "rbpf unbind /sum", r"unbound /sum\r?\n")
    command(child, "rbpf remove sum", r"removed sum\r?\n")
    command(child, "rbpf stats", r"slots 0\r?\nslots-max 3\r?\n", r"bindings 0\r?\n", r"timeouts 0\r?\n")
    passed("life of a container")


def faults(child):
    """Faults and endless loops end the run, not the device."""
    load(child, "fault", IMAGES / "fault.rbpf")
    load(child, "endless", IMAGES / "endless.rbpf")
    for _ in range(3):
        command(child, "rbpf run fault", r"error: fault InvalidRead pc 1 address 0x0\r?\n")
        command(child, "rbpf run endless", r"error: fault BudgetExhausted pc \d+")
    # Longer than a page of 64 bytes.
    command(
        child,
        "rbpf list",
        r"fault state verified path - .* runs 3 faults 3 .* last fault InvalidRead pc 1 address 0x0\r?\n",
        r"endless state verified path - .* runs 3 faults 3 instructions 30000\d ",
    )
    digests = [
        hashlib.sha256((IMAGES / f"{name}.rbpf").read_bytes()).hexdigest() for name in ("endless", "fault")
    ]
    command(
        child,
        "rbpf faults",
        rf"endless fault BudgetExhausted pc \d+ address 0x0 ms \d+ slot 1 generation \d+ "
        rf"digest {digests[0]} registers 0x[0-9a-f]+(,0x[0-9a-f]+){{10}}\r?\n",
        rf"fault fault InvalidRead pc 1 address 0x0 ms \d+ slot 0 generation \d+ "
        rf"digest {digests[1]} registers 0x",
    )
    command(child, "rbpf info fault", rf"digest {digests[1]}\r?\n")
    passed("faults")


def quarantine(child):
    """Whoever faults over and over runs no more, until it is released."""
    for _ in range(4, FAULT_LIMIT + 1):
        command(child, "rbpf run fault", r"error: fault InvalidRead pc 1 address 0x0\r?\n")
    for _ in range(2):
        command(child, "rbpf run fault", r"error: in quarantine after faults\r?\n")
    command(
        child, "rbpf list", rf"fault state quarantined path - .* runs {FAULT_LIMIT} faults {FAULT_LIMIT} "
    )
    command(child, "rbpf release fault", r"released fault\r?\n")
    command(child, "rbpf run fault", r"error: fault InvalidRead pc 1 address 0x0\r?\n")
    command(child, "rbpf list", r"fault state verified path - ")
    passed("quarantine")


def full(child):
    """Slots run out, and come back."""
    load(child, "third", IMAGES / "echo.rbpf")
    data = (IMAGES / "echo.rbpf").read_bytes()
    for start in range(0, len(data), PIECE):
        command(child, f"rbpf load fourth {data[start:start + PIECE].hex()}", r"loaded fourth")
    command(child, "rbpf load fourth", r"error: no free slot is large enough\r?\n")
    command(child, "rbpf remove fault", r"removed fault\r?\n")
    load(child, "fourth", IMAGES / "echo.rbpf")
    passed("slots")


def tenants(child):
    """A tenant's containers are counted."""
    command(child, "rbpf tenants", r"alice slots 0 slots-max 1 .* values-max 3 rate 50000\r?\n")
    command(child, "rbpf remove fourth", r"removed fourth\r?\n")
    load(child, "hers", IMAGES / "echo.rbpf", r" for alice")
    command(child, "rbpf tenants", r"alice slots 1 slots-max 1 ")
    command(child, "rbpf list", r"hers state verified .* tenant alice\r?\n")
    command(child, "rbpf bind hers /hers", r"error: no room\r?\n")
    command(child, "rbpf remove third", r"removed third\r?\n")
    command(child, "rbpf load other 00", r"loaded other bytes 1")
    command(child, "rbpf load other for alice", r"error: the tenant has no slot left\r?\n")
    command(child, "rbpf load other 00", r"loaded other bytes 1")
    command(child, "rbpf load other for bob", r"error: not found\r?\n")
    command(child, "rbpf load")
    command(child, "rbpf kv get @alice 1", r"error: not found\r?\n")
    command(child, "rbpf kv get @bob 1", r"error: not found\r?\n")
    passed("tenants")


def logs(child):
    """What containers print is kept, as much as there is room for."""
    command(child, "rbpf logs")
    command(child, "rbpf remove hers", r"removed hers\r?\n")
    load(child, "hello", IMAGES / "hello.rbpf")
    command(child, "rbpf run hello", r"hello: Hello\r?\n", r"result ")
    command(child, "rbpf logs", r"rbpf logs\s+hello: Hello\r?\n")
    # 120 bytes are the end of a line and nine more; an answer has 64.
    for _ in range(20):
        command(child, "rbpf run hello", r"hello: Hello\r?\n", r"result ")
    command(child, "rbpf logs", r"rbpf logs\s+\.\.\.lo\r?\n(hello: Hello\r?\n){9}")
    passed("logs")


def leases(child):
    """A container goes when its lease is over, although nobody asks."""
    for seconds in ["x", "-1", "86401", "99999999999"]:
        command(child, f"rbpf lease hello {seconds}", r"error: invalid argument\r?\n")
    command(child, "rbpf lease x 1", r"error: not found\r?\n")
    command(child, "rbpf lease hello", r"usage: rbpf VERB")
    # An emulator's time may run ahead of the workstation's.
    command(child, "rbpf lease hello 86400", r"leased hello 86400\r?\n")
    command(child, "rbpf list", r"hello state verified .* lease \d+\r?\n")
    command(child, "rbpf lease endless 1", r"error: no room\r?\n")
    command(child, "rbpf lease hello 0", r"leased hello 0\r?\n")
    command(child, "rbpf bind hello every:700", r"bound hello every:700\r?\n")
    command(child, "rbpf lease hello 2", r"leased hello 2\r?\n")
    for _ in range(600):
        child.sendline("rbpf info hello")
        if child.expect([r"error: not found\r?\n", r"bound every:700\r?\n"]) == 0:
            break
        time.sleep(0.2)
    else:
        raise AssertionError("the lease does not end")
    child.expect_exact("> ")
    command(child, "rbpf stats", r"bindings 0\r?\n")
    passed("leases")


def testfunc(child):
    child.sendline("")
    child.expect_exact("> ")
    errors(child)
    life(child)
    faults(child)
    quarantine(child)
    full(child)
    tenants(child)
    logs(child)
    leases(child)
    # It is still there.
    command(child, "rbpf run endless", r"error: fault BudgetExhausted")
    passed("alive at the end")


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=300, echo=bool(os.environ.get("VERBOSE"))))
