# SPDX-License-Identifier: MIT
"""`make mutants FILE=src/cache/lease.c`: which small changes of a file does no test notice?

    source -> changes, one at a time -> compile -> the tests that run the line -> noticed or not

Four kinds of change: a statement left out, a comparison turned, a constant moved by one, a
condition negated. A change that does not compile, or that compiles to the same instructions, is
none; those of assertions are left out. cover.py has found which tests run which line: those that
run much of the file in little time are asked first, unit tests before live ones, until one fails.
A test that does not end in time has noticed, too.

What remains is listed; a change that no test can notice, because the program behaves the same, is
noted in equivalent.txt with its reason. More than a tenth without a note fails. As SQLite does it.

    --most N      so many changes of each file, chosen by --seed; 0 = all
    --line N      those of one line
    --also TESTS  are asked before the others: "lease.keeps_its_time tests/live/test_tags.py::test_x"
"""

import argparse
import bisect
import collections
import itertools
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from cover import IMAGES, digest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NOTES = os.path.join(HERE, "equivalent.txt")
# The second build finds what is lost or read too late. Neither needs debugging information.
RELEASE, ASAN = "build/mutants", "build/mutants-asan"
MAKE = {
    RELEASE: ["make", "-s", "BUILD=" + RELEASE, "WARN=-w", "CFLAGS_release=-O2",
              "LDFLAGS_release=-pie"],
    ASAN: ["make", "-s", "BUILD=" + ASAN, "WARN=-w", "MODE=asan",
           "CFLAGS_asan=-O1 -fsanitize=address,undefined -fno-sanitize-recover=all"],
}
# How long the tests take that are asked of the first build; of the second, all that cover.py chose.
FIRST_UNIT_SECONDS, FIRST_LIVE_SECONDS = 5, 8
BUILD_SECONDS, UNIT_SECONDS, LIVE_SECONDS = 600, 60, 240
MOST_SURVIVORS = 0.1

TURNED = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||",
          "||": "&&"}


def blanked(source):
    """The same text with comments, strings and characters blanked out, place by place."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m[0]), source, flags=re.S)


def closing(code, at):
    """Behind the parenthesis that closes the one at `at`."""
    depth = 0
    for i in range(at, len(code)):
        depth += {"(": 1, ")": -1}.get(code[i], 0)
        if depth == 0:
            return i + 1
    return len(code)


def bodies(code):
    """The places of the functions' bodies: between a { and a } that begin a line."""
    for body in re.finditer(r"^\{$.*?^\}", code, re.M | re.S):
        yield body.start(), body.end()


def statements(code, begin, end):
    """Calls, assignments and jumps that can be left out; a declaration cannot."""
    for found in re.finditer(r"^\t+([^\n;{}]*?(?:\n\t+[^\n;{}]*?)*;)$", code[begin:end], re.M):
        text = found[1]
        if re.match(r"(break|continue|return\b|goto\b|\w+(?:->|\.|\[|\()|\w+ [-+|&*/^]?= |\w+\+\+|"
                    r"\w+--|\*\w|\+\+|--)", text) and not re.match(r"(for|while|if|switch)\b", text):
            at = begin + found.start(1)
            # Without its last return, what a function gives back is not defined.
            if not (text.startswith("return ") and code[at - 2] == "\n"):
                yield at, at + len(text), ";"


def changes(source):
    """(begin, end, replacement) of each change."""
    code = re.sub(r"\bassert\([^;]*;", lambda m: re.sub(r"[^\n]", " ", m[0]), blanked(source))
    for begin, end in bodies(code):
        yield from statements(code, begin, end)
        body = code[begin:end]
        for found in re.finditer(r"(?<![<>=!&|+\-*/-])(==|!=|<=|>=|&&|\|\||<|>)(?![<>=])", body):
            if found[1] in ("<", ">") and body[found.start() - 1:found.end() + 1] != f" {found[1]} ":
                continue
            yield begin + found.start(), begin + found.end(), TURNED[found[1]]
        for found in re.finditer(r"(?<![\w.\"])(\d+)(?![\w.])", body):
            yield begin + found.start(), begin + found.end(), str(int(found[1]) + 1)
        for found in re.finditer(r"\b(?:if|while) \(", body):
            at = begin + found.end() - 1
            stop = closing(code, at)
            yield at, stop, "(!" + source[at:stop] + ")"
    for found in re.finditer(r"^\t\w+ = (\d+)(?=[,; \n])", code, re.M):
        yield found.start(1), found.end(1), str(int(found[1]) + 1)


def notes():
    """(path, line as it is, line as it was changed to) of each noted change."""
    known = set()
    with open(NOTES, encoding="utf-8") as file:
        for row in file.read().split("\n\n"):
            fields = [line for line in row.strip().split("\n") if not line.startswith("#")]
            if len(fields) >= 4:
                known.add(tuple(field.strip() for field in fields[:3]))
    return known


def covered(path, found, also):
    """A function: line -> the tests that run it, by the blocks that begin there and last before; where
    the file has changed since, those that run any line of it."""
    known = found["files"].get(path, {"digest": None, "lines": {}})
    lines = {int(line): numbers for line, numbers in known["lines"].items()}
    begins = sorted(lines)
    if known["digest"] != digest(os.path.join(ROOT, path)):
        best = (number for row in itertools.zip_longest(*lines.values()) for number in row)
        begins, lines = [0], {0: [number for number in dict.fromkeys(best) if number is not None][:200]}

    def tests(line):
        at = bisect.bisect(begins, line)
        near = begins[max(0, at - 2):at] if line in lines else begins[max(0, at - 1):at]
        numbers = dict.fromkeys(number for begin in near for number in lines[begin])
        return [[name, 0, IMAGES] for name in also] + [found["tests"][number] for number in numbers]

    return tests


class Tree:
    """A copy of the tree in which one file at a time is changed, with what is built already."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="cw-mutants-")
        self.found = collections.Counter()  # test -> how many changes it has found
        self.originals = {}  # (build, path) -> the command that compiles it, the object
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                                capture_output=True, text=True).stdout.split("\n")
        for name in listed:
            if os.path.isfile(os.path.join(ROOT, name)):
                os.makedirs(os.path.dirname(os.path.join(self.folder, name)), exist_ok=True)
                shutil.copy2(os.path.join(ROOT, name), os.path.join(self.folder, name))
        for build in MAKE:
            shutil.copytree(os.path.join(ROOT, build), os.path.join(self.folder, build), symlinks=True)
            assert self.make(build, "all", build + "/unit", "library"), "the tree does not build"

    def run(self, command, seconds, **env):
        """What it prints where it fails, "in time" where it does not end; None where it ends well."""
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            process = subprocess.Popen(command, cwd=self.folder, stdout=output,
                                       stderr=subprocess.DEVNULL, env={**os.environ, **env},
                                       start_new_session=True)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                end_session(process.pid)
                process.wait()
                return "in time"
            end_session(process.pid)
            output.seek(0)
            return output.read() if process.returncode else None

    def make(self, build, *targets):
        return self.run([*MAKE[build], *targets], BUILD_SECONDS) is None

    def object(self, build, path):
        return os.path.join(self.folder, build, path[:-1] + "o")

    def remember(self, build, path):
        """Once for each file, before it is changed."""
        if (build, path) not in self.originals:
            lines = subprocess.run([*MAKE[build], "-n", "-W", path, "Q=", f"{build}/{path[:-1]}o"],
                                   cwd=self.folder, capture_output=True, text=True).stdout.split("\n")
            with open(self.object(build, path), "rb") as file:
                self.originals[build, path] = next(l for l in lines if " -c -o " in l), file.read()

    def compiles(self, build, path):
        """Whether it does, and to other instructions than before."""
        command, original = self.originals[build, path]
        if self.run(["sh", "-c", command], BUILD_SECONDS) is not None:
            return False
        with open(self.object(build, path), "rb") as file:
            return file.read() != original

    def put(self, path, text):
        with open(os.path.join(self.folder, path), "w", encoding="utf-8") as file:
            file.write(text)

    def restore(self, path, source):
        self.put(path, source)
        for build in MAKE:
            with open(self.object(build, path), "wb") as file:
                file.write(self.originals[build, path][1])

    def judge(self, change):
        """None: it is no change. Else the test that notices it, "" if none does."""
        for build in MAKE:
            self.remember(build, change.path)
        self.put(change.path, change.text)
        by = None
        if self.compiles(RELEASE, change.path):
            by = self.noticed_by(RELEASE, first(change.tests)) or \
                self.compiles(ASAN, change.path) and self.noticed_by(ASAN, change.tests) or ""
        self.restore(change.path, change.source)
        return by

    def noticed_by(self, build, tests):
        """The test that fails, None if none does. Those that found most so far come first."""
        tests = sorted(tests, key=lambda test: -self.found[test[0]])
        by = self.unit_fails(build, [test[0] for test in tests if "::" not in test[0]]) or \
            self.live_fails(build, [test for test in tests if "::" in test[0]])
        self.found[by] += 1
        return by

    def unit_fails(self, build, names):
        if names and not self.make(build, build + "/unit"):
            return "the build"
        return next((name for name in names
                     if self.run([build + "/unit", name], UNIT_SECONDS) is not None), None)

    def live_fails(self, build, tests):
        if not tests:
            return None
        images = {image.removesuffix(".0") for _, _, images in tests for image in images} - {"unit"}
        if not self.make(build, *(f"{build}/{image}" for image in images)):
            return "the build"
        said = self.run(["/usr/bin/python3", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
                         *(test[0] for test in tests)], LIVE_SECONDS,
                        CACHEWARDEN_BIN=os.path.join(self.folder, build, "cachewardend"))
        failed = re.search(r"^(?:FAILED|ERROR) (tests/.*?)(?: - .*)?$", said or "", re.M)
        return failed[1] if failed else said and "a live test, " + said[-20:]

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def end_session(session):
    """Whatever a test left behind: check puts each test into a process group of its own."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getsid(int(pid)) == session:
                os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass


def first(tests):
    """Those that are asked first."""
    left, chosen = {True: FIRST_UNIT_SECONDS, False: FIRST_LIVE_SECONDS}, []
    for test in tests:
        unit = "::" not in test[0]
        left[unit] -= test[1]
        if left[unit] > 0:
            chosen.append(test)
    return chosen or tests[:1]


class Change:
    """One change of one file."""

    def __init__(self, path, source, place, tests):
        self.path, self.source = path, source
        begin, end, instead = place
        first = source.rfind("\n", 0, begin) + 1
        last = source.find("\n", end)
        last = last if last >= 0 else len(source)
        self.line = source.count("\n", 0, begin) + 1
        self.tests = tests(self.line)
        self.before = " ".join(source[first:last].split())
        self.after = " ".join((source[first:begin] + instead + source[end:last]).split())
        # As many lines as before, for assertions name theirs.
        lines = "\n" * (source.count("\n", begin, end) - instead.count("\n"))
        self.text = source[:begin] + instead + lines + source[end:]

    def __str__(self):
        return f"{self.path}:{self.line}\n  {self.before}\n  {self.after}"


def worker(changes_queue, verdicts):
    tree = Tree()
    for index, change in iter(changes_queue.get, None):
        verdicts.put((index, tree.judge(change)))
    tree.close()


def changes_of(path, found, options):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        source = file.read()
    tests = covered(path, found, options.also.split())
    chosen = [Change(path, source, place, tests) for place in sorted(set(changes(source)))]
    if options.line:
        chosen = [change for change in chosen if change.line == options.line]
    if options.most and len(chosen) > options.most:
        chosen = random.Random(options.seed).sample(chosen, options.most)
    return chosen


def judge_all(wanted, workers):
    """The verdict of each change, in order; says each as it comes."""
    todo, verdicts = multiprocessing.Queue(), multiprocessing.Queue()
    for item in enumerate(wanted):
        todo.put(item)
    for _ in range(workers):
        todo.put(None)
    processes = [multiprocessing.Process(target=worker, args=(todo, verdicts))
                 for _ in range(workers)]
    for process in processes:
        process.start()
    known = {}
    while len(known) < len(wanted):
        index, by = verdicts.get()
        known[index] = by
        if by is not None:
            print(f"{wanted[index]}\n  " + (f"noticed by {by}" if by else
                                            f"NOT NOTICED by {len(wanted[index].tests)} tests"), flush=True)
    for process in processes:
        process.join()
    return [known[index] for index in range(len(wanted))]


def main():
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--most", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--line", type=int, default=0)
    parser.add_argument("--also", default="")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    paths = [os.path.relpath(os.path.abspath(file), ROOT) for file in options.files]
    with open(os.path.join(ROOT, "build/covered/tests.json"), encoding="utf-8") as file:
        tests = json.load(file)
    found = [change for path in paths for change in changes_of(path, tests, options)]
    noted = notes()
    for build, command in MAKE.items():
        subprocess.run([*command, "-j2", "all", build + "/unit", "library"], cwd=ROOT, check=True)
    wanted = [c for c in found if (c.path, c.before, c.after) not in noted]
    verdicts = judge_all(wanted, options.workers)
    status = 0
    for change, by in zip(wanted, verdicts):
        if by == "":
            print(f"survived: {change}")
    for path in paths:
        mine = [by for change, by in zip(wanted, verdicts) if change.path == path and by is not None]
        equivalent = sum(change.path == path for change in found) - sum(c.path == path for c in wanted)
        survived = mine.count("")
        print(f"{path}: {len(mine)} changes, {survived} not noticed, {equivalent} noted as equivalent")
        status |= survived > MOST_SURVIVORS * len(mine)
    return status


if __name__ == "__main__":
    sys.exit(main())
