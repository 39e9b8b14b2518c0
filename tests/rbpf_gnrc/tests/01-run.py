#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Packets are seen, dropped and passed on, and none gets lost."""

import os
import sys

from testrunner import run

# Three sockets; the filter; five containers at four hooks, and two checks after
# them; seven lengths in two directions; changes; the buffer
CHECKS = 3 + 19 + 5 * (2 + 4 * 4) + 2 + 4 + 7 * 2 * 3 + 3 + 1


def testfunc(child):
    passed, part = 0, ""
    while True:
        child.expect(r"([^\r\n]*)\r?\n")
        line = child.match.group(1)
        assert not line.startswith("FAIL"), f"{part}: {line}"
        if line.startswith("part "):
            part = line
        elif line.startswith("PASS"):
            passed += 1
        elif line.endswith(" arrived"):
            print(f"\n{line}")
        elif line.endswith(" failed"):
            break
    assert line == "0 failed", line
    assert passed == CHECKS, f"{passed} of {CHECKS} checks"
    print(f"\nok {passed} checks of packets")


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=60, echo=bool(os.environ.get("VERBOSE"))))
