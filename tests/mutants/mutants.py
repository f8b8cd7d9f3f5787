# SPDX-License-Identifier: MIT
"""`make mutants FILE=src/cache/lease.c`: which small changes of a file does no test notice?

    source -> changes, one at a time -> compile -> unit suites, then live tests -> noticed or not

Four kinds of change: a statement left out, a comparison turned, a constant moved by one, a
condition negated. A change that does not compile, or that compiles to the same instructions, is
none. The unit suites of the file's folder are asked first, those named like the file before the
others, then the live tests that use it. A suite that does not end in time has noticed, too.

What remains is listed; a change that no test can notice, because the program behaves the same, is
noted in equivalent.txt with its reason. More than a tenth without a note fails. As SQLite does it.

    --most N   so many changes of each file, chosen by --seed; 0 = all
    --line N   those of one line
"""

import argparse
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NOTES = os.path.join(HERE, "equivalent.txt")
BUILD_SECONDS, SUITE_SECONDS, LIVE_SECONDS = 600, 120, 600
MOST_SURVIVORS = 0.1

# Which live tests use a file: the first pattern that its path below src/ matches.
LIVE = (
    (r"lib/", "test_library.py"),
    (r"http/(auth|token)", "test_auth.py test_http_limits.py"),
    (r"http/(gate|head|uri)", "test_smuggling.py test_http.py test_auth.py"),
    (r"http/", "test_http.py test_http_limits.py test_hang_up.py test_probes.py"),
    (r"redis/", "test_redis_faults.py test_redis_cuts.py test_interference.py"),
    (r"cache/session", "test_sessions.py test_sessions_change.py"),
    (r"cache/(lease|result|token)", "test_keys_lease.py test_results.py test_results_waiting.py "
                                    "test_interference.py test_stale_store.py"),
    (r"cache/(tag|prune)", "test_tags.py test_tags_races.py"),
    (r"cache/depend", "test_dependencies.py"),
    (r"cache/operation", "test_operations.py test_interference.py"),
    (r"cache/explain", "test_explain.py"),
    (r"cache/(entry|codec|key|soft)", "test_keys.py test_keys_many.py test_keys_lease.py"),
    (r"cache/", "test_invalidate.py test_patterns.py test_interference.py test_stale_store.py"),
)

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
    code = blanked(source)
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


def suites_of(path):
    """The unit suites of the file's folder, those named like the file first."""
    names, stem = [], os.path.splitext(os.path.basename(path))[0]
    where = os.path.join(ROOT, "tests/unit", path.split("/")[1])
    for name in sorted(os.listdir(where)) if os.path.isdir(where) else ():
        with open(os.path.join(where, name), encoding="utf-8") as file:
            names += re.findall(r'TEST_SUITE(?:_SIGNAL)?\("(\w+)"', file.read())
    return sorted(names, key=lambda suite: not (suite in stem or stem.startswith(suite.split("_")[0])))


def live_of(path):
    below = path.partition("/")[2]
    return next((tests.split() for pattern, tests in LIVE if re.match(pattern, below)), [])


class Tree:
    """A copy of the tree in which one file at a time is changed, with what is built already."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="cw-mutants-")
        self.originals = {}  # path -> what it compiles to
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                                capture_output=True, text=True).stdout.split("\n")
        for name in listed:
            if os.path.isfile(os.path.join(ROOT, name)):
                os.makedirs(os.path.dirname(os.path.join(self.folder, name)), exist_ok=True)
                shutil.copy2(os.path.join(ROOT, name), os.path.join(self.folder, name))
        for part in ("src", "tests", "programs"):
            if os.path.isdir(os.path.join(ROOT, "build", part)):
                shutil.copytree(os.path.join(ROOT, "build", part),
                                os.path.join(self.folder, "build", part))
        assert self.make("all", "build/unit", "library"), "the tree does not build"

    def run(self, command, seconds, **env):
        """Whether it ends well in time."""
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env={**os.environ, **env},
                                   start_new_session=True)
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return False

    def make(self, *targets):
        """Without warnings: what is left out leaves variables unused."""
        return self.run(["make", "-s", "WARN=-w", *targets], BUILD_SECONDS)

    def assembly(self, path):
        """What a file compiles to, without what depends on its line numbers; None if it does not."""
        line = subprocess.run(["make", "-n", "-W", path, "Q=", "WARN=-w", "build/" + path[:-1] + "o"],
                              cwd=self.folder, capture_output=True, text=True).stdout
        command = next(l for l in line.split("\n") if " -c -o " in l)
        command = re.sub(r" -MMD -MP -c -o \S+", " -S -g0 -o -", command)
        done = subprocess.run(command, shell=True, cwd=self.folder, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None

    def put(self, path, text):
        with open(os.path.join(self.folder, path), "w", encoding="utf-8") as file:
            file.write(text)

    def same(self, path, source, changed):
        """Whether the change is none: it does not compile, or to the same instructions."""
        if path not in self.originals:
            self.originals[path] = self.assembly(path)
        self.put(path, changed)
        now = self.assembly(path)
        if now is None or now == self.originals[path]:
            self.put(path, source)
            return True
        return False

    def noticed_by(self, path):
        """The test that fails, None if none does."""
        if not self.make("build/unit"):
            return "the build"
        for suite in suites_of(path):
            if not self.run(["build/unit", suite], SUITE_SECONDS):
                return suite
        live = live_of(path)
        if live and not self.make("all", "library"):
            return "the build"
        for name in live:
            if not self.run(["/usr/bin/python3", "-m", "pytest", "-q", "-x", "-n", "2", "-p",
                             "no:cacheprovider", "tests/live/" + name], LIVE_SECONDS,
                            CACHEWARDEN_BIN=os.path.join(self.folder, "build/cachewardend")):
                return name
        return None

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Change:
    """One change of one file."""

    def __init__(self, path, source, place):
        self.path, self.source = path, source
        begin, end, instead = place
        first = source.rfind("\n", 0, begin) + 1
        last = source.find("\n", end)
        last = last if last >= 0 else len(source)
        self.line = source.count("\n", 0, begin) + 1
        self.before = " ".join(source[first:last].split())
        self.after = " ".join((source[first:begin] + instead + source[end:last]).split())
        self.text = source[:begin] + instead + source[end:]

    def __str__(self):
        return f"{self.path}:{self.line}\n  {self.before}\n  {self.after}"


def judge(change):
    """None: it is none. Else the test that notices it, "" if none does."""
    if judge.tree is None:
        judge.tree = Tree()
    tree = judge.tree
    if tree.same(change.path, change.source, change.text):
        return None
    by = tree.noticed_by(change.path) or ""
    tree.put(change.path, change.source)
    return by


judge.tree = None


def worker(changes_queue, verdicts):
    for index, change in iter(changes_queue.get, None):
        verdicts.put((index, judge(change)))
    if judge.tree:
        judge.tree.close()


def changes_of(path, options):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        source = file.read()
    chosen = [Change(path, source, place) for place in sorted(set(changes(source)))]
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
            print(f"{wanted[index]}\n  {'noticed by ' + by if by else 'NOT NOTICED'}", flush=True)
    for process in processes:
        process.join()
    return [known[index] for index in range(len(wanted))]


def main():
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--most", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--line", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    paths = [os.path.relpath(os.path.abspath(file), ROOT) for file in options.files]
    found = [change for path in paths for change in changes_of(path, options)]
    noted = notes()
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
