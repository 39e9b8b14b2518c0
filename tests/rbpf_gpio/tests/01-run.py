#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Containers read, write and watch the pins that an application has for them."""

import os
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import checks  # noqa: E402

# Those of main.c, but for the one that must not be; the button has four levels.
CHECKS = checks.in_source(__file__) - 1 - 1 + 4
# Cycles can be counted on boards only.
if os.environ["BOARD"].startswith("native"):
    CHECKS -= 2


if __name__ == "__main__":
    checks.main("pins, sensors and actuators", CHECKS, lambda line: line.startswith("cycles "))
