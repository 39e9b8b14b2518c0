#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Containers see switches of threads, and cost threads no more than their bound."""

import os
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import checks  # noqa: E402

CHECKS = checks.in_source(__file__)
# Cycles can be counted on this board only.
if os.environ["BOARD"] != "nrf52840dk":
    CHECKS -= 4


if __name__ == "__main__":
    checks.main("switches", CHECKS, lambda line: line.startswith(("cycles ", "late ")))
