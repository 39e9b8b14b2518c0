# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the scripts of test applications share whose checks are lines."""


def count(child, shown=lambda line: False):
    """How many lines `PASS NAME` come before the line `0 failed`. A line `FAIL
    NAME` is the end. Lines for which `shown` says so are printed."""
    passed = 0
    while True:
        child.expect(r"([^\r\n]*)\r?\n")
        line = child.match.group(1)
        assert not line.startswith("FAIL"), line
        if line.startswith("PASS"):
            passed += 1
        elif line.endswith(" failed"):
            assert line == "0 failed", line
            return passed
        elif shown(line):
            print(f"\n{line}")
