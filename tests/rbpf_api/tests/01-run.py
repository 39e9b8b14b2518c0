#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every check of the sources was come to, once, and passed."""

import os
import pathlib
import re
import sys

from testrunner import run

SOURCES = pathlib.Path(__file__).resolve().parents[1]
# What containers print, each line on its own: containers/speak.c, forge.c
SPOKEN = [
    "a: half a line", "-: half a line", "a: half a line", "a: half a line",
    r"b: \ra: half a line\u{1b}[2K\u{9b}2J\u{ff}", "b: \\u{9b}\ta: half a line",
]
CHECK = re.compile(r'^ +EXPECT\("([^"]+)"', re.MULTILINE)


def checks():
    """The names of all checks in the sources."""
    return [name for source in SOURCES.glob("*.c") for name in CHECK.findall(source.read_text())]


def testfunc(child):
    names = checks()
    assert len(set(names)) == len(names), "two checks have the same name"
    left, part, spoken = set(names), "", []
    while True:
        child.expect(r"\r?\n")
        line = child.before
        word, _, rest = line.partition(" ")
        if word == "part":
            part = rest
        elif word in ("PASS", "FAIL"):
            assert word == "PASS", f"{part}: {line}"
            left.remove(rest)
        elif "half a line" in line:
            spoken.append(line)
        elif line.endswith("failed"):
            break
    assert line == f"{len(names)} passed, 0 failed", line
    assert not left, f"not come to: {left}"
    assert spoken == SPOKEN, f"the log has {spoken}"
    print(f"\nok {len(names)} checks of the C API")


if __name__ == "__main__":
    sys.exit(run(testfunc, timeout=300, echo=bool(os.environ.get("VERBOSE"))))
