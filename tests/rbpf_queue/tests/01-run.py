#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Nothing is lost when threads give up waiting, and nothing is done twice."""

import os
import sys

from testrunner import run

# The helper; after each of three crowds six, whether there was any service, and
# the places; and two and one where there were enough callers.
CHECKS = 1 + 3 * (6 + 1 + 3) + 2 + 1


def testfunc(child):
    passed = 0
    while True:
        child.expect(r"([^\r\n]*)\r?\n")
        line = child.match.group(1)
        assert not line.startswith("FAIL"), line
        if line.startswith("PASS"):
            passed += 1
        elif " calls, " in line:
            print(f"\n{line}")
        elif line.endswith(" failed"):
            break
    assert line == "0 failed", line
    assert passed == CHECKS, f"{passed} of {CHECKS} checks"
    print(f"\nok {passed} checks of the queue")


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=60, echo=bool(os.environ.get("VERBOSE"))))
