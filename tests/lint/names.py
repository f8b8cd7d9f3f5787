# SPDX-License-Identifier: MIT
"""Names say where a thing is: an external function begins with the name of its file and is used by
another one, a tag, a typedef and a header's name are defined once in src/, a guard is the header's
path, and each codec stands in one file. The files and functions that comments name exist."""

import os
import re
from collections import defaultdict

from tree import end, fault, files, read, without_comments

# A definition begins in the first column; its head holds no brace, semicolon or initialiser.
FUNCTION = re.compile(r"^(?![\s#}])([^;{}#=]*?)\b(\w+)\([^;{}]*\)\s*\{", re.M)
ATTRIBUTE = re.compile(r"__attribute__\(\((?:[^()]|\([^()]*\))*\)\)")
TAG = re.compile(r"\b(?:struct|union|enum)\s+(\w+)\s*\{")
TYPEDEF = re.compile(r"^typedef\b[^;{}]*?(?:\(\*(\w+)\)|\b(\w+))\s*(?:\([^;{}]*\))?;", re.M)

COMMENT = re.compile(r"/\*.*?\*/", re.S)
NAMED_FILE = re.compile(r"(?<![\w.])\w+\.[ch]\b")
NAMED_FUNCTION = re.compile(r"(?<![\w.>])(\w+)\(\)")
OF_LIBC = {"longjmp"}

# A codec: what only its code contains, and the only file where that may stand.
CODECS = {
    "UTF-8 decoding": (r"\b0xc[02]\b|& 0x3f\b|0x10ffff", "src/base/utf8.c"),
    "base64": (r"xyz0123456789[+-][/_]\"", "src/base/base64.c"),
    "hexadecimal": (r"= \"0123456789abcdef\"|- 'a' \+ 10|isxdigit", "src/base/hex.c"),
    "percent encoding": (r"%%%02[xX]\"|[!=]= '%' && |[!=]= '%'\) \{", "src/text/percent.c"),
    "JSON pointers": (r"[!=]= '~'|\"~[01]\"", "src/text/json_pointer.c"),
    "printing ISO 8601": (r"gmtime|strftime|%04d-%02d", "src/base/timestamp.c"),
    "the token of RFC 9110": (r"\^_`", "src/text/field.c"),
    "FNV-1a": (r"16777619|1099511628211|0x100000001b3", "src/base/fnv.h"),
    "xorshift": (r"\^= \S+ <<", "src/base/random.c"),
}

def words(path):
    """What a file's names begin with: those of src/http/head_line.c with head_ or http_head_."""
    folder, name = os.path.split(path)
    folder, word = os.path.basename(folder), os.path.splitext(name)[0].partition("_")[0]
    # tags.c may hold tag_add(), metric.c metrics_render().
    found = [word, word + "s", word.removesuffix("s")]
    found += [f"{folder}_{each}" for each in found]
    return found + {"lib": ["cw"]}.get(folder, [])


def check_functions(path, text):
    allowed = words(path)
    for match in FUNCTION.finditer(text):
        head, name = match.groups()
        if name == "main" or (path.endswith(".c") and re.search(r"\bstatic\b", head)):
            continue
        if not any(name == word or name.startswith(word + "_") for word in allowed):
            fault(path, text.count("\n", 0, match.start(2)) + 1,
                  f"{name}() is external and must begin with {allowed[0]}_")


def check_codecs(path, text):
    for codec, (pattern, place) in CODECS.items():
        match = re.search(pattern, text)
        if match and path != place:
            fault(path, text.count("\n", 0, match.start()) + 1,
                  f"{codec} belongs in {place}: use what it offers")


def definitions(path, text):
    """(line, name) of each tag, typedef and header."""
    for match in TAG.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1)
    for match in TYPEDEF.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1) or match.group(2)
    if path.endswith(".h"):
        yield 1, os.path.basename(path)


def check_guard(path, text):
    guard = "CW_" + re.sub(r"\W", "_", path.removeprefix("src/")).upper()
    if not re.search(rf"^#ifndef {guard}\n#define {guard}\n", text, re.M):
        fault(path, 1, f"the guard of this header is {guard}")


def check_users(path, text):
    """The library's calls are for programs."""
    for match in FUNCTION.finditer(text):
        head, name = match.groups()
        if name == "main" or re.search(r"\bstatic\b", head) or path.startswith("src/lib/"):
            continue
        own = path.removesuffix(".c") + ".h"
        in_macro = os.path.exists(own) and len(re.findall(rf"\b{name}\b", read(own))) > 1
        if not users[name] - {path, own} and not in_macro:
            fault(path, text.count("\n", 0, match.start(2)) + 1,
                  f"{name}() is not called by another file: make it static, or remove it")


def check_comments(path):
    """`other.h` and `function()` in a comment."""
    text = read(path)
    for comment in COMMENT.finditer(text):
        for match in NAMED_FILE.finditer(comment.group()):
            if match.group() not in file_names:
                fault(path, text.count("\n", 0, comment.start() + match.start()) + 1,
                      f"a comment names {match.group()}, which does not exist")
        for match in NAMED_FUNCTION.finditer(comment.group()):
            if not users[match.group(1)] and match.group(1) not in OF_LIBC:
                fault(path, text.count("\n", 0, comment.start() + match.start()) + 1,
                      f"a comment names {match.group(1)}(), which does not exist")


users = defaultdict(set)  # a word of the code -> the files that have it
for path in files(".c", ".h"):
    for word in re.findall(r"\w+", without_comments(read(path))):
        users[word].add(path)
file_names = {os.path.basename(path) for path in files(".c", ".h")}
for path in files(".c", ".h"):
    check_comments(path)

places = defaultdict(dict)
for path in files(".c", ".h", under=("src",)):
    text = ATTRIBUTE.sub("", without_comments(read(path)))
    check_functions(path, text)
    if path.endswith(".h"):
        check_guard(path, text)
    else:
        check_users(path, text)
    check_codecs(path, text)
    for line, name in definitions(path, text):
        places[name].setdefault(path, line)
for name, found in sorted(places.items()):
    first, *others = found.items()
    for path, line in others:
        fault(path, line, f"{name} is also defined at {first[0]}:{first[1]}: rename one of them")
end()
