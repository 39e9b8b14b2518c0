#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A container in an endless loop, or one that faults, delays no thread of
higher priority."""

import os
import pathlib
import re
import sys

from testrunner import run

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "main.c"
# One is for what must not happen.
CHECKS = len(re.findall(r"^ +check\(", SOURCE.read_text(), re.MULTILINE)) - 1


def testfunc(child):
    passed, figures = 0, []
    while True:
        child.expect(r"\r?\n")
        line = child.before
        assert not line.startswith("FAIL"), "; ".join([line, *figures])
        if line.startswith("PASS"):
            passed += 1
        elif line.endswith(" failed"):
            break
        elif line:
            print(f"\n{line}")
        if line.endswith("us late"):
            figures.append(line.removesuffix(" us late"))
    assert line == "0 failed", line
    assert passed == CHECKS, f"{passed} of {CHECKS} checks"
    print(f"\nok lateness in us: {', '.join(figures)}")


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=300, echo=bool(os.environ.get("VERBOSE"))))
