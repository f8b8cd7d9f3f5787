# SPDX-License-Identifier: MIT
"""Which tests run which lines: asked once, so that a change is judged by the tests that run it.

    every basic block of build/covered marks itself in a file (cover.c)
    each test, alone     -> the blocks that it ran, its seconds
    addresses -> lines   -> build/covered/tests.json

It is a plugin of pytest, too, which writes what each test ran to $CW_COVERED/WORKER.json.
"""

import collections
import hashlib
import json
import mmap
import os
import re
import shutil
import subprocess
import sys
import time

# Programs name the library by its soname.
IMAGES = ("unit", "cachewardend", "libcachewarden.so.0")
FOLDER = "build/covered"
FLAGS = "-O0 -g -fsanitize-coverage=trace-pc"
# Of the tests that run a line, so many seconds are asked.
UNIT_SECONDS, LIVE_SECONDS = 15, 25


class Recorder:
    """Writes a line of JSON for each test: name, seconds, image -> addresses of its blocks."""

    def __init__(self, folder):
        os.makedirs(folder)
        os.environ["CW_COVER"] = self.folder = folder
        self.maps = {}
        self.file = open(folder + ".json", "w", encoding="utf-8")

    def taken(self):
        """The blocks that ran since the last call."""
        blocks = {}
        for name in IMAGES:
            path = os.path.join(self.folder, name)
            if name not in self.maps and os.path.exists(path) and os.path.getsize(path):
                with open(path, "r+b") as file:
                    self.maps[name] = mmap.mmap(file.fileno(), 0)
            if name in self.maps:
                found = [m.start() for m in re.finditer(b"\1", self.maps[name])]
                if found:
                    blocks[name] = found
                    self.maps[name][:] = bytes(len(self.maps[name]))
        return blocks

    def begin(self):
        self.taken()
        self.began = time.monotonic()

    def end(self, test):
        json.dump([test, time.monotonic() - self.began, self.taken()], self.file)
        self.file.write("\n")
        self.file.flush()


if "pytest" in sys.modules:
    import pytest

    recorder = None

    def pytest_configure():
        global recorder
        if "PYTEST_XDIST_WORKER" in os.environ:
            recorder = Recorder(os.path.join(os.environ["CW_COVERED"],
                                             os.environ["PYTEST_XDIST_WORKER"]))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(item):
        if recorder:
            recorder.begin()
        yield
        if recorder:
            recorder.end(item.nodeid)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def lines_of(image):
    """The address behind the mark of each block of a program -> (file, line)."""
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", image], capture_output=True,
                          text=True, check=True).stdout
    after = [int(found, 16) for found in
             re.findall(r"call +\w+ <__sanitizer_cov_trace_pc>\n +(\w+):", code)]
    told = subprocess.run(["addr2line", "-e", image], capture_output=True, text=True, check=True,
                          input="\n".join(hex(address - 1) for address in after)).stdout.split("\n")
    places = {}
    for address, place in zip(after, told):
        path, _, line = place.partition(" ")[0].rpartition(":")
        if line.isdigit():
            places[address] = (os.path.relpath(path), int(line))
    return places


def build():
    """A build whose blocks are counted."""
    os.makedirs(FOLDER, exist_ok=True)
    counter = os.path.abspath(FOLDER + "/cover.o")
    subprocess.run(["gcc", "-O2", "-fPIC", "-c", "-o", counter, "tests/mutants/cover.c"],
                   check=True)
    subprocess.run(["make", "-s", "-j2", "BUILD=" + FOLDER, "WARN=-w", "CFLAGS_release=" + FLAGS,
                    "LDFLAGS_release=-pie " + counter, "all", FOLDER + "/unit", "library"],
                   check=True)


def ask(folder):
    """Runs all tests but those of the packages, which call make."""
    recorder = Recorder(folder + "/unit")
    unit = os.path.abspath(FOLDER + "/unit")
    for test in subprocess.run([unit, "--tests"], capture_output=True, text=True,
                               check=True).stdout.split():
        recorder.begin()
        if subprocess.run([unit, test], stdout=subprocess.DEVNULL).returncode == 0:
            recorder.end(test)
    env = {**os.environ, "CW_COVERED": folder, "PYTHONPATH": os.path.dirname(__file__),
           "CACHEWARDEN_BIN": os.path.abspath(FOLDER + "/cachewardend")}
    subprocess.run(["/usr/bin/python3", "-m", "pytest", "-q", "-n", "4", "-p", "cover", "-p",
                    "no:cacheprovider", "--ignore=tests/live/test_install.py",
                    "--ignore=tests/live/test_systemd.py", "tests/live"], env=env, check=False)


def index(folder, places):
    """What tests.json holds: the tests; of each file its text's digest, and for the line where a block
    begins the tests that run it, the best first."""
    tests, ran = [], {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                tests += [json.loads(line) for line in file if os.getcwd() not in line]
    reached = collections.defaultdict(set)  # (file, line) -> tests
    much = []  # test -> file -> how many of its lines
    for number, (name, _, blocks) in enumerate(tests):
        lines = {places[image][address] for image, found in blocks.items() for address in found
                 if address in places[image]}
        much.append(collections.Counter(path for path, _ in lines))
        for place in lines:
            reached[place].add(number)
    among = collections.Counter(home(name) for name, _, _ in tests)
    using = collections.Counter((path, home(tests[number][0]))
                                for number, paths in enumerate(much) for path in paths)

    def worth(path, number):
        """Much of the file in little time, and among tests that are about that file."""
        name, seconds, _ = tests[number]
        return much[number][path] * (using[path, home(name)] / among[home(name)]) ** 2 / (
            0.05 + seconds)

    for path, line in {place for found in places.values() for place in found.values()}:
        if path.startswith("src/") and path.endswith(".c"):
            ran.setdefault(path, {})[line] = chosen(
                sorted(reached[path, line], key=lambda number: -worth(path, number)), tests)
    return {"tests": [[name, round(seconds, 3), sorted(blocks)] for name, seconds, blocks in tests],
            "files": {path: {"digest": digest(path), "lines": lines} for path, lines in ran.items()}}


def home(test):
    """Its suite, or its file."""
    return test.partition("::")[0] if "::" in test else test.partition(".")[0]


def chosen(numbers, tests):
    """As many of them as the time allows, unit tests before live ones."""
    left, best = {True: UNIT_SECONDS, False: LIVE_SECONDS}, {True: [], False: []}
    for number in numbers:
        unit = "::" not in tests[number][0]
        if left[unit] - tests[number][1] > 0 or not best[unit]:
            best[unit].append(number)
            left[unit] -= tests[number][1]
    return best[True] + best[False]


def main():
    folder = os.path.abspath(FOLDER + "/ran")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    build()
    places = {image: lines_of(os.path.join(FOLDER, image)) for image in IMAGES}
    ask(folder)
    with open(FOLDER + "/tests.json", "w", encoding="utf-8") as file:
        json.dump(index(folder, places), file)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
