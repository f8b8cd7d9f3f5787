# SPDX-License-Identifier: MIT
"""Sizes and habits: long files and functions are reported, too long ones refused; so are comments that
were broken in the middle of a line or are too wide, left-over notes, // comments, files without a licence line and paths of a developer's machine."""

import re

from tree import end, fault, files, read, without_comments

# (reported above, refused above): lines of a file in src/, of a function in it, of a test's file.
FILE, FUNCTION, TEST_FILE = (500, 600), (60, 80), (600, 800)
COLUMNS = 100

NOTES = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE = re.compile(r"(?<![\w.}$])/(home|root|work|Users)/\w|(?<![\w.}$])/tmp/\w")
# The opening and the closing brace of a function are in the first column.
BODY = re.compile(r"^(?!\s)([^;#\n][^;{}]*?\b(\w+)\([^;{}]*\))\s*\n\{\n(.*?)^\}", re.M | re.S)
notices = []


def measure(path, line, what, size, limits):
    if size > limits[1]:
        fault(path, line, f"{what} has {size} lines; more than {limits[1]} are refused: split it")
    elif size > limits[0]:
        notices.append(f"{path}:{line}: {what} has {size} lines (aim: {limits[0]})")


def check_comments(path, text):
    """clang-format leaves them as they are."""
    for match in re.finditer(r"^/\*\n.*?\*/|^\t+/\*\n.*?\*/", text, re.M | re.S):
        first = text.count("\n", 0, match.start()) + 1
        for number, line in enumerate(match.group().split("\n"), first):
            if re.match(r"\s*\*[^\s/]", line):
                fault(path, number, "a line of a comment begins with * and a blank or a tab")
            if len(line.expandtabs(8)) > COLUMNS:
                fault(path, number, f"a comment wider than {COLUMNS} columns")


def check_c(path):
    text = read(path)
    check_comments(path, text)
    code = without_comments(text)
    if not text.startswith("/* SPDX-License-Identifier: MIT */\n"):
        fault(path, 1, "the first line is not the SPDX line")
    for number, line in enumerate(code.split("\n"), 1):
        if re.search(r"(^|[\s;{}])//", re.sub(r'"(?:\\.|[^"\\])*"', '""', line)):
            fault(path, number, "a // comment: write /* */")
    measure(path, 1, "the file", text.count("\n"), TEST_FILE if path.startswith("tests/") else FILE)
    if path.startswith("tests/"):
        return
    for match in BODY.finditer(code):
        line = code.count("\n", 0, match.start(1)) + 1
        measure(path, line, match.group(2) + "()", match.group(3).count("\n"), FUNCTION)


def check_text(path):
    for number, line in enumerate(read(path).split("\n"), 1):
        if NOTES.search(line):
            fault(path, number, "a left-over note: do it or file it as an issue")
        match = MACHINE.search(line)
        if match and (path.startswith(("src/", "conf/", "systemd/")) or
                      not match.group().startswith("/tmp")):
            fault(path, number, f"a path of a developer's machine: {line.strip()[:80]}")


for path in files(".c", ".h"):
    check_c(path)
for path in files(".c", ".h", ".py", ".sh", ".md", ".yaml", ".service", ".socket", ".conf"):
    check_text(path)
for notice in notices:
    print(notice)
end()
