#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What containers have RIOT's modules write is SenML, byte by byte."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import checks  # noqa: E402

# Those of main.c, and instead of one of them a check for each case
CHECKS = checks.in_source(__file__) - 1 + checks.in_source(__file__, "^CASE", "cases.inc")


if __name__ == "__main__":
    checks.main("SenML", CHECKS, lambda line: " bytes, not " in line)
