#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Whether a plain `cargo test -p CRATE` runs all tests of each crate of the
workspace: none asks for features that must be named, and each crate has all its
features where it is tested, by a development dependency on itself."""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def enabled(package):
    """The features of a crate that its tests have."""
    dependencies = [
        dependency for dependency in package["dependencies"]
        if dependency["name"] == package["name"] and dependency["kind"] == "dev"
    ]
    seen, left = set(), [feature for one in dependencies for feature in one["features"]] + ["default"]
    while left:
        feature = left.pop()
        if feature in package["features"] and feature not in seen:
            seen.add(feature)
            left += package["features"][feature]
    return seen


def faults(package):
    """What is wrong with a crate."""
    for target in package["targets"]:
        for feature in target.get("required-features", []):
            yield f"{target['name']} is tested only with --features {feature}"
    for feature in sorted(set(package["features"]) - enabled(package)):
        yield f"its tests are without the feature {feature}"


def main():
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    failed = 0
    packages = json.loads(output)["packages"]
    for package in packages:
        found = list(faults(package))
        failed += bool(found)
        print(f"FAIL {package['name']}: {'; '.join(found)}" if found else f"ok {package['name']}")
    print(f"{len(packages) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
