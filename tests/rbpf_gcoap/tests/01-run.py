#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Containers take no path of the application's, and nobody what is another's."""

import os
import pathlib
import re
import sys

from testrunner import run

HERE = pathlib.Path(__file__).resolve()
sys.path.append(str(HERE.parents[2]))
import checks  # noqa: E402

CHECKS = len(re.findall(r"^ +check\(", (HERE.parents[1] / "main.c").read_text(), re.MULTILINE))


def testfunc(child):
    passed = checks.count(child)
    assert passed == CHECKS, f"{passed} of {CHECKS} checks"
    print(f"\nok {passed} checks of gcoap")


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=60, echo=bool(os.environ.get("VERBOSE"))))
