# SPDX-License-Identifier: MIT
"""`make mutants FILE=src/cache/lease.c`: which small changes of a file does no test notice?

    source -> changes, one at a time -> compile -> unit suites, then live tests -> noticed or not

Four kinds of change: a statement left out, a comparison turned, a constant moved by one, a
condition negated. A change that does not compile, or that compiles to the same instructions, is
none. The unit suites of the file's folder are asked first, those named like the file before the
others, then the live tests that use it. A suite that does not end in time has noticed, too.

What remains is listed; a change that no test can notice, because the program behaves the same, is
noted in equivalent.txt with its reason. More than a tenth without a note fails. As SQLite does it.

    --most N   so many changes, chosen by --seed; 0 = all      --line N   those of one line
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NOTES = os.path.join(HERE, "equivalent.txt")
SUITE_SECONDS, LIVE_SECONDS = 120, 600
MOST_SURVIVORS = 0.1

# Which live tests use a file: the first pattern that its path below src/ matches.
LIVE = (
    (r"lib/", "test_library.py"),
    (r"http/(auth|token)", "test_auth.py test_http_limits.py"),
    (r"http/(gate|head|uri)", "test_smuggling.py test_http.py test_auth.py"),
    (r"http/", "test_http.py test_http_limits.py test_hang_up.py test_probes.py"),
    (r"redis/", "test_redis_faults.py test_redis_cuts.py test_interference.py"),
    (r"cache/session", "test_sessions.py"),
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


class Tree:
    """A copy of the tree in which one file is changed, with what is built already."""

    def __init__(self, path):
        self.folder = tempfile.mkdtemp(prefix="cw-mutants-")
        self.path = os.path.join(self.folder, path)
        files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                               capture_output=True, text=True).stdout.split("\n")
        for name in filter(None, files):
            target = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.isfile(os.path.join(ROOT, name)):
                shutil.copy2(os.path.join(ROOT, name), target)
        if os.path.isdir(os.path.join(ROOT, "build/src")):
            for part in ("src", "tests", "programs"):
                shutil.copytree(os.path.join(ROOT, "build", part),
                                os.path.join(self.folder, "build", part))
        assert self.make(), "the tree does not build"
        folder = path.split("/")[1]
        suites = self.suites(folder)
        stem = os.path.splitext(os.path.basename(path))[0]
        alike = [s for s in suites if s in stem or stem.startswith(s.split("_")[0])]
        self.unit = alike + [s for s in suites if s not in alike]
        below = path.partition("/")[2]
        self.live = next((tests.split() for pattern, tests in LIVE if re.match(pattern, below)), [])
        self.object = self.assembly()

    def suites(self, folder):
        """The suites that stand in the unit tests of the folder."""
        names = []
        where = os.path.join(self.folder, "tests/unit", folder)
        for name in sorted(os.listdir(where)) if os.path.isdir(where) else ():
            with open(os.path.join(where, name), encoding="utf-8") as file:
                names += re.findall(r'TEST_SUITE(?:_SIGNAL)?\("(\w+)"', file.read())
        return names

    def run(self, command, seconds, **env):
        """Whether it ends well in time."""
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env={**os.environ, **env},
                                   start_new_session=True)
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return False

    def make(self):
        """Without warnings: what is left out leaves variables unused."""
        return self.run(["make", "-s", f"-j{os.cpu_count()}", "WARN=-w", "all", "build/unit",
                         "library"], 600)

    def assembly(self):
        """What the changed file compiles to, without what depends on its line numbers."""
        name = os.path.relpath(self.path, self.folder)
        line = subprocess.run(["make", "-n", "-W", name, "Q=", "WARN=-w", "build/" + name[:-1] + "o"],
                              cwd=self.folder, capture_output=True, text=True).stdout
        command = next(l for l in line.split("\n") if " -c -o " in l)
        command = re.sub(r" -MMD -MP -c -o \S+", " -S -g0 -o -", command)
        done = subprocess.run(command, shell=True, cwd=self.folder, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None

    def put(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def noticed_by(self):
        """The test that fails, None if none does."""
        if not self.make():
            return "the build"
        for suite in self.unit:
            if not self.run(["build/unit", suite], SUITE_SECONDS):
                return suite
        for name in self.live:
            if not self.run(["/usr/bin/python3", "-m", "pytest", "-q", "-x", "-n", "4", "-p",
                             "no:cacheprovider", "tests/live/" + name], LIVE_SECONDS,
                            CACHEWARDEN_BIN=os.path.join(self.folder, "build/cachewardend")):
                return name
        return None

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def lines_around(source, begin, end):
    first = source.rfind("\n", 0, begin) + 1
    last = source.find("\n", end)
    return first, last if last >= 0 else len(source)


def one_line(text):
    return " ".join(text.split())


def main():
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("file")
    parser.add_argument("--most", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--line", type=int, default=0)
    options = parser.parse_args()
    path = os.path.relpath(os.path.abspath(options.file), ROOT)
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        source = file.read()
    chosen = sorted(set(changes(source)))
    if options.line:
        chosen = [c for c in chosen if source.count("\n", 0, c[0]) + 1 == options.line]
    if options.most and len(chosen) > options.most:
        chosen = sorted(random.Random(options.seed).sample(chosen, options.most))
    known, tree = notes(), Tree(path)
    tried, noted, survivors = 0, 0, []
    try:
        for begin, end, instead in chosen:
            first, last = lines_around(source, begin, end)
            before = one_line(source[first:last])
            after = one_line(source[first:begin] + instead + source[end:last])
            tree.put(source[:begin] + instead + source[end:])
            assembly = tree.assembly()
            if assembly is None or assembly == tree.object:
                continue
            tried += 1
            where = f"{path}:{source.count(chr(10), 0, begin) + 1}"
            if (path, before, after) in known:
                noted += 1
                continue
            by = tree.noticed_by()
            print(f"{where}: {before}  ->  {after}   {'by ' + by if by else 'NOT NOTICED'}", flush=True)
            if not by:
                survivors.append((where, before, after))
    finally:
        tree.close()
    for where, before, after in survivors:
        print(f"survived: {where}\n  {before}\n  {after}")
    print(f"{path}: {tried} changes, {noted} noted as equivalent, {len(survivors)} not noticed")
    return len(survivors) > MOST_SURVIVORS * max(tried, 1)


if __name__ == "__main__":
    sys.exit(main())
