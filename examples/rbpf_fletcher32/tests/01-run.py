#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The container computes what C does, however it is run.

How long it takes is printed and not judged: that depends on the board.
"""

import sys

from testrunner import run

# fletcher32 of examples/containers over the text in main.c
CHECKSUM = 0xEA199907


def testfunc(child):
    child.expect(r"Fletcher32 over 361 bytes")
    child.expect(r"checksum 0x([0-9a-f]{8})\r?\n")
    checksum = int(child.match.group(1), 16)
    assert checksum == CHECKSUM, f"checksum {checksum:#x}"
    for what in ["execute first", "execute", "install", "run first", "run", "empty"]:
        child.expect(rf"{what} us (\d+\.\d)\r?\n")
    # once, and ten times ten
    child.expect_exact("runs 101 faults 0")
    child.expect(r"\[(SUCCESS|FAILED)\]")
    assert child.match.group(1) == "SUCCESS", "see the errors above"


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=30))
