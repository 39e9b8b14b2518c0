#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Requests of containers are answered, cut, refused, late, lost, and not mixed up."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import checks  # noqa: E402

# Two sockets; the parts in their order; two at the end
CHECKS = 2 + 13 + 11 + 3 + 10 + 4 * 6 + 9 * 3 + 7 + 10 + 11 * 3 + 1 + 2 + 9 + 16 + 4 * 9 + 2


if __name__ == "__main__":
    checks.main("requests", CHECKS)
