# SPDX-License-Identifier: MIT
"""The documents: every relative link and #anchor of a *.md file exists, and every page can be
reached from README.md."""

import os
import re

from tree import end, fault, files, read

PAGES = ["README.md", "CONTRIBUTING.md", *files(".md", under=("docs",))]


def without_code(text):
    """Code blocks and code spans blanked out, lines kept."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())
    return re.sub(r"^(```.*?^```|    [^\n]*)$|`[^`\n]*`", blank, text, flags=re.M | re.S)


def anchors(path):
    """The names that GitHub gives to the headings of a page."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", read(path), flags=re.M | re.S), re.M):
        name = base = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = 0
        while name in found:
            number += 1
            name = f"{base}-{number}"
        found.add(name)
    return found


def links(path):
    """Checks the links of a page; returns the pages that they lead to."""
    reached = set()
    for number, line in enumerate(without_code(read(path)).split("\n"), 1):
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            other = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
            if not os.path.exists(other):
                fault(path, number, f"the link {target} leads to a file that does not exist")
            elif anchor and anchor not in anchors(other):
                fault(path, number, f"the link {target} leads to a heading that does not exist")
            reached.add(other)
    return reached


def reachable():
    leads = {path: links(path) for path in PAGES}
    seen, ahead = set(), ["README.md"]
    while ahead:
        path = ahead.pop()
        if path not in seen:
            seen.add(path)
            ahead += leads.get(path, ())
    for path in PAGES:
        if path not in seen:
            fault(path, 0, "no link leads from README.md to this page")


reachable()
end()
