#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Containers see switches of threads, and cost threads no more than their bound."""

import os
import pathlib
import re
import sys

from testrunner import run

HERE = pathlib.Path(__file__).resolve()
sys.path.append(str(HERE.parents[2]))
import checks  # noqa: E402

SOURCE = (HERE.parents[1] / "main.c").read_text()
CHECKS = len(re.findall(r"^ +check\(", SOURCE, re.MULTILINE))
# Those of cycles, where they can be counted
CYCLES = 4


def testfunc(child):
    passed = checks.count(child, lambda line: line.startswith(("cycles ", "late ")))
    counted = CYCLES if os.environ["BOARD"] == "nrf52840dk" else 0
    assert passed == CHECKS - CYCLES + counted, f"{passed} of {CHECKS} checks"
    print(f"\nok {passed} checks of switches")


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=300, echo=bool(os.environ.get("VERBOSE"))))
