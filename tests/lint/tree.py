# SPDX-License-Identifier: MIT
"""Shared by the lint scripts: listing and reading files, and counting faults."""

import os
import re
import sys

BUILT = {"build", ".git", "__pycache__", ".pytest_cache"}
faults = 0


def files(*endings, under=("src", "include", "tests", "docs", "conf", "systemd", ".ci")):
    """Paths below the given folders, sorted; all of them where no ending is given."""
    found = []
    for top in under:
        for folder, inner, names in os.walk(top):
            inner[:] = [name for name in inner if name not in BUILT]
            found += [os.path.join(folder, name) for name in names]
    return sorted(path for path in found if not endings or path.endswith(endings))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def fault(path, line, text):
    global faults
    faults += 1
    print(f"{path}:{line}: {text}" if line else f"{path}: {text}")


def without_comments(text):
    """C with its comments blanked out, lines kept."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group()) if match.group()[0] == "/" else match.group()
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text, flags=re.S)


def end():
    sys.exit(1 if faults else 0)
