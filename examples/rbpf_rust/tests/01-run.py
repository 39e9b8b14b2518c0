#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The hook and the helper in Rust work, and the shell shows the container."""

import sys

from testrunner import run


def testfunc(child):
    alarms = 0
    for tick in range(5):
        reading = (tick + 1) * 25 % 100
        alarms += reading > 60
        child.expect_exact(f"tick {tick} reading {reading} alarms {alarms}\r\n")
    child.expect_exact("> ")
    child.sendline("rbpf list")
    child.expect(r"alarm state bound path .* bytes \d+ runs 5 faults 0 .* helpers 5\r?\n")
    child.sendline("rbpf hooks")
    child.expect_exact("tick alarm events 5\r\n")
    child.sendline("rbpf remove alarm")
    child.expect_exact("removed alarm\r\n")


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=10))
