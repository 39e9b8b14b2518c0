#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every program of tests/data ran on the board, and none failed.

How many there are is counted here, by files, so that a program that is not
compiled in is missed. The board itself compares the count of instructions with
that of a workstation.
"""

import os
import pathlib
import sys

from testrunner import run

DATA = pathlib.Path(__file__).resolve().parents[2] / "data"


def testfunc(child):
    child.expect(r"(\d+) programs, (\d+) failed, (\d+) left out\r?\n")
    programs, failed, left_out = map(int, child.match.groups())
    files = len(list(DATA.rglob("*.data")))
    assert failed == 0, f"{failed} failed"
    assert programs + left_out == files, f"{programs} + {left_out} of {files} files"
    # What is left out is a decision, to be made here too.
    assert left_out == 0, f"{left_out} left out"
    child.expect(r"\[(SUCCESS|FAILED)\]")
    assert child.match.group(1) == "SUCCESS", "other counts of instructions"
    print(f"\nok {programs} programs on {os.environ.get('BOARD', 'the board')}")


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=300))
