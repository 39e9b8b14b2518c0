#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Containers take no path of the application's, and nobody what is another's."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import checks  # noqa: E402


if __name__ == "__main__":
    checks.main("gcoap", checks.in_source(__file__))
