#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Nothing is lost when threads give up waiting, and nothing is done twice."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import checks  # noqa: E402

# The helper; after each of three crowds six, whether there was any service, and
# the places; and two and one where there were enough callers.
CHECKS = 1 + 3 * (6 + 1 + 3) + 2 + 1


if __name__ == "__main__":
    checks.main("the queue", CHECKS, lambda line: " calls, " in line)
