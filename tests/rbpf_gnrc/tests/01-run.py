#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Packets are seen, dropped and passed on, and none gets lost."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import checks  # noqa: E402

# Three sockets; the filter; five containers at four hooks, and two checks after
# them; seven lengths in two directions; changes; the buffer
CHECKS = 3 + 19 + 5 * (2 + 4 * 4) + 2 + 4 + 7 * 2 * 3 + 3 + 1


if __name__ == "__main__":
    checks.main("packets", CHECKS, lambda line: line.endswith(" arrived"))
