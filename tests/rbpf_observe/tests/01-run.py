#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""An observer is told of containers that are replaced, unbound and removed."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import checks  # noqa: E402


if __name__ == "__main__":
    checks.main("an observer", checks.in_source(__file__))
