#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What containers have RIOT's modules write is SenML, byte by byte."""

import os
import pathlib
import re
import sys

from testrunner import run

HERE = pathlib.Path(__file__).resolve()
sys.path.append(str(HERE.parents[2]))
import checks  # noqa: E402

CASES = len(re.findall(r"^CASE", (HERE.parents[1] / "cases.inc").read_text(), re.MULTILINE))
# Those of main.c, but for the one of each case
OTHERS = len(re.findall(r"^ +check\(", (HERE.parents[1] / "main.c").read_text(), re.MULTILINE)) - 1


def testfunc(child):
    passed = checks.count(child, lambda line: " bytes, not " in line)
    assert passed == CASES + OTHERS, f"{passed} of {CASES + OTHERS} checks"
    print(f"\nok {passed} checks of SenML")


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=300, echo=bool(os.environ.get("VERBOSE"))))
