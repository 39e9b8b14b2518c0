#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Everybody gets what is theirs, however much others would take."""

import os
import pathlib
import re
import sys

from testrunner import run

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
import checks  # noqa: E402

MAIN = pathlib.Path(__file__).resolve().parents[1] / "main.c"
CHECKS = len(re.findall(r'^ +check\("', MAIN.read_text(), re.MULTILINE))


def testfunc(child):
    passed = checks.count(child, lambda line: line.endswith(" lost"))
    assert passed == CHECKS, f"{passed} of {CHECKS} checks"
    print(f"\nok {passed} checks of a node under load")


if __name__ == "__main__":
    # Of the node's time; an emulator on a busy machine takes twenty times as long
    timeout = 60 + int(os.environ["LOAD_SECONDS"]) * 20
    sys.exit(run(testfunc, timeout=timeout, echo=bool(os.environ.get("VERBOSE"))))
