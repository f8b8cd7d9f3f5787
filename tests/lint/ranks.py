# SPDX-License-Identifier: MIT
"""Checks includes: a file of src/ includes only its own folder and lower ranks, and a library's header
only where docs/development/architecture.md allows that library."""

import os
import re

from tree import end, fault, files, read, without_comments

# The folder "" holds src/*.c: options, boot and shutdown.
RANKS = {"base": 0, "text": 1, "conf": 2, "redis": 3, "http": 3, "source": 3, "store": 4, "cache": 5,
         "operation": 6, "session": 6, "invalidate": 7, "engine": 8, "warm": 9, "watch": 9, "lib": 9,
         "ui": 9, "api": 10, "cli": 11, "": 11}

# A header's name or its folder -> the folders that may include it; None = all.
LIBRARIES = {"microhttpd.h": {"http"}, "yaml.h": {"conf"},
             "curl": {"source", "cli"}, "libpq-fe.h": {"source"}, "gnutls": {"base"}, "systemd": {"base"},
             "zstd.h": {"cache", "source"}, "zlib.h": {"source", "ui"}, "zstd_errors.h": {"cache"}, "sanitizer": {"base"},
             "valgrind": {"base"},
             "uv.h": None, "cjson": None, "uthash.h": None, "utlist.h": None}

SYSTEM_FOLDERS = {"arpa", "linux", "net", "netinet", "sys"}
SYSTEM = set("""assert ctype dirent endian errno fcntl float fnmatch ftw getopt glob grp inttypes langinfo
libgen limits locale math netdb poll pthread pwd sched setjmp signal spawn stdalign stdarg stdbool stddef
stdint stdio stdlib stdnoreturn string strings syslog termios time ucontext unistd wchar""".split())

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<[^>]+>|"[^"]+"|\S+)', re.M)


def folder_of(path):
    return os.path.dirname(path).partition("src")[2].strip("/").partition("/")[0]


def check_own(path, line, folder, name):
    if name.startswith("cachewarden/"):
        exists, target = os.path.exists("include/" + name), "base"
    else:
        exists, target = os.path.exists("src/" + name), os.path.dirname(name)
    if not exists:
        fault(path, line, f'"{name}" is not a file in src/: write "folder/file.h"')
    elif target not in RANKS:
        fault(path, line, f"the folder of {name} has no rank: add it to tests/lint/ranks.py")
    elif target != folder and RANKS[target] >= RANKS[folder]:
        fault(path, line, f"{folder or 'src'} (rank {RANKS[folder]}) includes {name} "
                          f"(rank {RANKS[target]}): only lower ranks may be included")


def check_library(path, line, folder, name):
    top = name.partition("/")[0]
    if top in LIBRARIES:
        allowed = LIBRARIES[top]
        if allowed is not None and folder not in allowed:
            fault(path, line, f"<{name}> may be included in src/{' and src/'.join(sorted(allowed))} only")
    elif not (top in SYSTEM_FOLDERS if "/" in name else name.removesuffix(".h") in SYSTEM):
        fault(path, line, f"<{name}> is neither of libc nor of a library in tests/lint/ranks.py")


def check(path):
    folder = folder_of(path)
    if folder not in RANKS:
        fault(path, 0, f"src/{folder} has no rank: add it to tests/lint/ranks.py")
        return
    text = without_comments(read(path))
    for match in INCLUDE.finditer(text):
        line, name = text.count("\n", 0, match.start()) + 1, match.group(1)
        if name[0] == '"':
            check_own(path, line, folder, name[1:-1])
        elif name[0] == "<":
            check_library(path, line, folder, name[1:-1])
        else:
            fault(path, line, "includes by macro are not allowed")


def check_public(path):
    """Public headers include only each other and libc."""
    for match in INCLUDE.finditer(without_comments(read(path))):
        name = match.group(1)[1:-1]
        if not (name.startswith("cachewarden/") or name.removesuffix(".h") in SYSTEM):
            fault(path, 0, f"a public header includes {match.group(1)}")


for path in files(".c", ".h", under=("src",)):
    check(path)
for path in files(".h", under=("include",)):
    check_public(path)
end()
