#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Containers read, write and watch the pins that an application has for them."""

import os
import pathlib
import re
import sys

from testrunner import run

HERE = pathlib.Path(__file__).resolve()
sys.path.append(str(HERE.parents[2]))
import checks  # noqa: E402

SOURCE = (HERE.parents[1] / "main.c").read_text()
# Those of main.c, but for the one that must not be; the button has four levels.
CHECKS = len(re.findall(r"^ +check\(", SOURCE, re.MULTILINE)) - 1 - 1 + 4
# Those of cycles, where they can be counted
CYCLES = 2


def testfunc(child):
    passed = checks.count(child, lambda line: line.startswith("cycles "))
    counted = 0 if os.environ["BOARD"].startswith("native") else CYCLES
    assert passed == CHECKS - CYCLES + counted, f"{passed} of {CHECKS} checks"
    print(f"\nok {passed} checks of pins, sensors and actuators")


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=300, echo=bool(os.environ.get("VERBOSE"))))
