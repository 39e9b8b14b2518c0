#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Everybody gets what is theirs, however much others would take."""

import os
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import checks  # noqa: E402

# Of the node's time; an emulator on a busy machine takes twenty times as long
PATIENCE = 60 + int(os.environ["LOAD_SECONDS"]) * 20
CHECKS = checks.in_source(__file__, r'^ +check\("')


if __name__ == "__main__":
    checks.main("a node under load", CHECKS, lambda line: line.endswith(" lost"), PATIENCE)
