#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Whatever a container calls, it holds the worker no longer than twice as long as one
that computes, and one call of the slowest helper."""

import os
import sys

from testrunner import run

# A container for each of them, and what else is checked at least.
KINDS, CHECKS = 21, 80


def testfunc(child):
    passed, held = 0, 0
    while True:
        # By its end: a pattern for the whole takes long for the long lines of the hog,
        # which the node waits for.
        child.expect(r"\r?\n")
        line = child.before
        # The containers print as well, each line with their name.
        assert "FAIL" not in line, line
        if "PASS" in line:
            passed += 1
        elif line.startswith(("hold ", "computing ")):
            held += 1
            print(f"\n{line}")
        elif line.endswith(" failed"):
            break
    assert line == "0 failed", line
    assert held == KINDS, f"{held} of {KINDS}"
    assert passed >= CHECKS, f"{passed} of {CHECKS} checks"


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=300, echo=bool(os.environ.get("VERBOSE"))))
