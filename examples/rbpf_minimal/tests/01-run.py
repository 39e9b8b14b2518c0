#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The container smooths what the application gives it."""

import sys

from testrunner import run


def testfunc(child):
    average = 100 * 16
    samples = [100, 100, 120, 80, 500, 100, 100, 100]
    for sample in samples:
        average += sample * 4 - average // 4
        child.expect_exact(f"sample {sample} smoothed {average // 16}\r\n")
    child.expect(r"smooth bytes \d+ runs (\d+) faults 0 instructions \d+\r?\n")
    assert int(child.match.group(1)) == len(samples)


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=10))
