# SPDX-License-Identifier: MIT
"""The documents: every relative link and #anchor of a *.md file exists, every page can be reached
from README.md, and some words do not occur where users read: they stand for things as if these were
people, or make a reader guess."""

import os
import re

from tree import end, fault, files, read, without_comments

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


WORDS = re.compile(r"\b(who|whoever|nobody|somebody|his|him|the contract|for ever|mends?|mended)\b"
                   r"|(?<!there )\b(?:is|are) no\b(?! longer)", re.I)
# People.
RIGHT = re.compile(r"\b(?:developers|people) who\b", re.I)


def check_words(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        for match in WORDS.finditer(RIGHT.sub("", line)):
            fault(path, number, f"\"{match.group()}\" is not a word for documents: {line.strip()[:80]}")


# Folders whose comments are plain, too. Add one when it is.
PLAIN = ("src/base", "src/text", "src/warm", "src/watch", "src/lib", "tests/lib", "tests/unit/warm",
         "tests/unit/watch")


def words():
    """Pages, help, examples, public headers and shipped files; of src/ the help in tables and comments."""
    for path in files(".c", ".h", under=PLAIN):
        check_words(path, re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|[^\n]', lambda match: match.group()
                                 if match.group().startswith("/*") else " ", read(path), flags=re.S))
    for path in [*PAGES, "tests/help.txt", *files(".yaml", under=("conf", "docs")), *files(under=("systemd", "include")),
                 *files(".c", ".h", ".py", under=("docs",))]:
        check_words(path, read(path))
    for path in ["src/api/routes.c", "src/base/metric.h", *files(".c", under=("src/conf",))]:
        literals = re.sub(r'"(?:\\.|[^"\\\n])*"|[^"\n]', lambda match: match.group() if len(match.group()) > 1 else " ",
                          without_comments(read(path)))
        check_words(path, literals)


def architecture():
    """The files of src/ that it names exist."""
    path = "docs/development/architecture.md"
    folders = "|".join(name for name in os.listdir("src") if os.path.isdir("src/" + name))
    for number, line in enumerate(read(path).split("\n"), 1):
        for name in re.findall(rf"(?<![\w/.])((?:{folders})/[a-z_]+)", line):
            if not os.path.exists(f"src/{name}.c") and not os.path.exists(f"src/{name}.h"):
                fault(path, number, f"there is no src/{name}.c")


reachable()
words()
architecture()
end()
