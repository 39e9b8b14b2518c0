#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Interrupts leave what they interrupt as it was."""

import os
import sys

from testrunner import run


def testfunc(child):
    child.expect(r"(\d+) interrupts, wrong: red zone (\d+), vector register (\d+)\r?\n")
    interrupts, zone, vector = (int(number) for number in child.match.groups())
    assert interrupts >= 200 and zone == vector == 0, child.match.group(0)
    print(f"\nok {interrupts} interrupts leave red zone and vector registers")


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=60, echo=bool(os.environ.get("VERBOSE"))))
