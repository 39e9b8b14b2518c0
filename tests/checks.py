# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the scripts of test applications share whose checks are lines."""

import os
import pathlib
import re
import sys

from testrunner import run

# Seconds without a line: a node that hangs, not one on a busy machine
PATIENCE = 300


def in_source(script, pattern=r"^ +check\(", name="main.c"):
    """How many checks are written in the source of `script`'s application."""
    source = pathlib.Path(script).resolve().parents[1] / name
    return len(re.findall(pattern, source.read_text(), re.MULTILINE))


def count(child, shown):
    """How many lines `PASS NAME` come before the line `0 failed`. A line `FAIL
    NAME` is the end. Lines for which `shown` says so are printed."""
    passed = 0
    while True:
        child.expect(r"\r?\n")
        line = child.before
        assert not line.startswith("FAIL"), line
        if line.startswith("PASS"):
            passed += 1
        elif line.endswith(" failed"):
            assert line == "0 failed", line
            return passed
        elif shown(line):
            print(f"\n{line}")


def main(subject, expected, shown=lambda line: False, patience=PATIENCE):
    """Runs the application: it passes as many checks as are expected."""

    def testfunc(child):
        passed = count(child, shown)
        assert passed == expected, f"{passed} of {expected} checks"
        print(f"\nok {passed} checks of {subject}")

    sys.exit(run(testfunc, timeout=patience, echo=bool(os.environ.get("VERBOSE"))))
