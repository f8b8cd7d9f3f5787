# SPDX-License-Identifier: MIT
"""cachewarden on a terminal: questions, colors, narrow windows, progress bars, and `top`."""

import os
import re
import signal

import pytest

from cli import PROGRAM, Terminal, run, where
from harness import API, Daemon, open_config, until

CONFIG = """
stats: {interval: 200ms, namespaces: {every: 1s}}
warm:
  jobs:
    - name: steps
      suspend: true
      rate: 50
      source: {type: file, path: rows.jsonl, format: jsonl}
      key: "step:{id}"
    - {name: quick, suspend: true, source: {type: command, argv: [printf, '{"id": 1}\\n'], format: jsonl}, key: "quick:{id}"}
    - {name: endless, suspend: true, rate: 1, source: {type: file, path: rows.jsonl, format: jsonl}, key: "endless:{id}"}
    - {name: broken, suspend: true, retries: {attempts: 1}, source: {type: command, argv: ["false"]}, key: "broken:{id}"}
"""


@pytest.fixture(scope="module")
def daemon(shared_folder, shared_redis):
    os.makedirs(shared_folder + "/t", exist_ok=True)
    with open(shared_folder + "/t/rows.jsonl", "w", encoding="ascii") as file:
        file.writelines('{"id": %d}\n' % i for i in range(60))
    one = Daemon(shared_folder + "/t", open_config(shared_redis, CONFIG), https=False)
    one.wait_redis()
    yield one
    failure = one.close()
    assert not failure, failure


@pytest.fixture
def terminal(daemon):
    """terminal("stats", ..., columns=80) -> the command on a terminal of its own."""
    opened = []

    def make(*args, **more):
        opened.append(Terminal(PROGRAM, *where(daemon), *args, **more))
        return opened[-1]

    make.where = where(daemon)
    yield make
    for one in opened:
        one.kill()


def test_a_question_before_anything_is_removed(terminal, shared_redis):
    shared_redis.fill(30, key="ask:{}")
    for answer, left in (("n\n", 30), ("\n", 30), ("nonsense\n", 30), ("\x04", 30), ("y\n", 0)):
        one = terminal("invalidate", "ask:*")
        one.wait_for("Remove them? [y/N]")
        assert "30 keys match." in one.text and "sample: ask:" in one.text
        assert len(shared_redis.keys("ask:*")) == 30
        one.send(answer)
        text = one.end(0 if left == 0 else 1)
        assert ("30 keys removed" if left == 0 else "nothing was removed") in text
        assert len(shared_redis.keys("ask:*")) == left


def test_colors_only_where_they_are_wanted(terminal, daemon):
    def colored(*args, **env):
        one = terminal(*args, env=env)
        one.end()
        return b"\x1b[" in one.raw

    assert colored("health")
    assert not colored("health", NO_COLOR="1") and colored("health", NO_COLOR="")
    assert not colored("health", "--no-color") and not colored("health", TERM="dumb")
    assert "\x1b" not in run(*where(daemon), "health").stdout


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_tables_fit_the_window(terminal, daemon, columns):
    run(*where(daemon), "warm", "quick")  # an operation to be listed
    for command in (("stats",), ("health",), ("alerts",), ("jobs",), ("ops",)):
        one = terminal(*command, columns=columns)
        text = one.end()
        # Sentences are broken by the terminal; tables are not.
        if command[0] in ("alerts", "jobs", "ops") and columns == 80:
            assert max(map(len, text.splitlines())) <= columns, command
        assert text.strip()
    # Columns are left out before a table is given up.
    for command, title in (("jobs", "JOB  "), ("ops", "OPERATION  "), ("alerts", "ALERT  ")):
        assert columns < 80 or terminal(command, columns=80).end().startswith(title), command
    if columns == 80:
        until(lambda: terminal("namespaces", columns=80).end().startswith("NAMESPACE  "), "the sample in a table")
    narrow = terminal("alerts", columns=20).end()
    assert "ALERT CacheMemoryHigh\nSTATE " in narrow


def test_sentences_are_broken_into_lines(terminal):
    run(*terminal.where, "warm", "broken", expect=1)
    text = terminal("health", columns=50).end(1)
    assert re.search(r"^ {21}broken failed \S[^\n]*\n {21}\S", text, re.M), text
    assert max(map(len, text.splitlines())) <= 50 and "~" not in text
    text = terminal("stats", columns=50).end()
    assert max(map(len, text.splitlines())) <= 50 and re.search(r"^memory +\S.*\n {10}\S", text, re.M)
    jobs = terminal("jobs", columns=80).end()
    words = " ".join(jobs.split())
    assert "source broken: false exited with status 1" in words, jobs


def test_events_are_broken_between_words(terminal):
    run(*terminal.where, "warm", "broken", expect=1)
    text = terminal("events", "--event", "warm", "--limit", "1", columns=60).end()
    lines = text.splitlines()
    assert max(map(len, lines[:-1])) <= 60 and all(line.startswith("  ") for line in lines[1:-1]) and len(lines) > 3, text
    assert re.search(r"warm broken: failed, 0 rows, 0 stored in \S+ source broken: false exited with status 1", " ".join(text.split())), text


def test_narrow_tables_keep_what_matters(terminal, shared_redis):
    shared_redis.fill(40, key="narrow:{}")
    text = until(lambda: "narrow:" in (one := terminal("namespaces", columns=40).end()) and one, "the sample")
    assert text.startswith("NAMESPACE ") and "OF MEMORY" in text.splitlines()[0] and "KIND" not in text, text
    text = terminal("alerts", columns=40).end()
    assert re.match(r"ALERT +STATE +VALUE +FIRES\n", text) and max(map(len, text.splitlines())) <= 40, text


def test_what_was_changed_and_why_is_told_on_80_columns(start, redis, folder):
    daemon = start(open_config(redis, f'audit: {{path: "{folder}/audit.jsonl"}}\n').replace("anonymous: [", "anonymous: [audit, "), https=False)
    daemon.wait_redis()
    address = where(daemon)
    run(*address, "invalidate", "shop:*", "--tag", "red", "--yes", "--note", "a release")
    run(*address, "pause", "warming", "--for", "10m", "--note", "moved")
    one = Terminal(PROGRAM, *address, "audit")
    text = one.end()
    assert max(map(len, text.splitlines())) <= 80 and "FROM" not in text, text
    assert re.search(r"^\S+Z  anonymous  invalidate patt\S*.*~ +0 removed +a release$", text, re.M), text
    assert re.search(r"^\S+Z  anonymous  pause warming.* +completed +moved$", text, re.M), text
    assert re.search(r"  dry run: 0 match  ", text)
    text = run(*address, "audit", "--no-dry-runs").stdout
    assert "dry run" not in text and re.search(r"invalidate pattern shop:\*, tag red +0 removed +a release$", text, re.M), text
    assert "pause warming, for 10m" in text
    assert "dry run: invalidate shop:* and 1 more" in run(*address, "ops").stdout
    text = run(*address, "ops", "--no-dry-runs").stdout
    assert re.search(r" invalidate shop:\* and 1 more +completed ", text) and "dry run" not in text


def test_values_on_a_terminal_are_harmless(terminal, shared_redis):
    shared_redis("SET", "bad", b"a\x1b[31mred\x07\xff\nsecond")
    one = terminal("keys", "get", "bad")
    assert one.end() == "a\\x1b[31mred\\x07\\xff\nsecond\n" and b"\x1b" not in one.raw


def test_a_list_says_that_protected_keys_are_left_out(terminal, shared_redis):
    shared_redis("SET", "lock:listed", "1")
    shared_redis("SET", "listed:1", "1")
    text = terminal("keys", "list", "*listed*", "--no-ttl", "--limit", "0").end()
    assert "listed:1" in text and "lock:listed" not in text and "Protected keys are not listed." in text


def test_a_progress_bar(terminal, shared_redis):
    one = terminal("warm", "steps", "quick")
    one.wait(lambda: re.search(r"steps  \[#+\.+\]  \d+\.\d %", one.text), "a bar in the middle")
    text = one.end()
    assert re.search(r"steps  \[#{20}\]  completed", text) and re.search(r"^steps +completed +60 ", text, re.M)
    narrow = terminal("warm", "quick", columns=20)
    narrow.end()
    # No line wraps: the bars are drawn over each other.
    assert all(len(line) < 20 for line in re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", narrow.raw.decode()).split("\r\n")
               if "quick" in line and "JOB" not in line)


def test_a_run_goes_on_without_the_program(terminal, daemon):
    one = terminal("warm", "endless")
    one.wait_for("endless  [")
    os.kill(one.pid, signal.SIGINT)
    one.end(-signal.SIGINT)
    running = [item for item in daemon.get(API + "/operations?limit=5").json["items"] if item["state"] == "running"]
    assert [item["job"] for item in running] == ["endless"]
    run(*where(daemon), "ops", "cancel", running[0]["operation_id"])
    until(lambda: daemon.get(f"{API}/operations/{running[0]['operation_id']}").json["state"] == "cancelled", "its end")


# top ------------------------------------------------------------------------------------------------


def line_of(one, word):
    return next((line for line in one.frame if line.startswith(word)), "")


def test_top_shows_what_happens(terminal, shared_redis):
    one = terminal("top", columns=100, lines=30)
    one.wait(lambda: "redis up" in "".join(one.frame[:1]), "the first screen")
    assert "[jobs]" in "\n".join(one.frame) and "q quit" in one.frame[-1]
    assert re.match(r"hit rate +\S", line_of(one, "hit rate"))
    for _ in range(90):
        shared_redis("GET", "nowhere")
    shared_redis("SET", "there", "x")
    for _ in range(10):
        shared_redis("GET", "there")
    one.wait(lambda: re.match(r"hit rate +[1-4]\d?\.\d %", line_of(one, "hit rate")), "the hit rate")
    one.wait(lambda: re.search("[\u2581-\u2588]", line_of(one, "commands/s")), "a sparkline")
    for name in ("operations", "nodes", "alerts", "jobs"):
        one.send("\x1b[C")
        one.wait(lambda: f"[{name}]" in "\n".join(one.frame), name)
        if name == "nodes":
            assert shared_redis.name[:20] in "\n".join(one.frame)
    one.send("\x1b[D")
    one.wait(lambda: "[alerts]" in "\n".join(one.frame), "back")
    one.send("p")
    one.wait(lambda: "[paused]" in one.frame[0], "the pause")
    one.send("p")
    one.wait(lambda: "[paused]" not in one.frame[0], "its end")
    one.send("q")
    one.end()
    assert one.raw.startswith(b"\x1b[?1049h") and one.raw.endswith(b"\x1b[?1049l")


def test_top_shows_until_when_warming_is_paused(terminal, daemon):
    run(*where(daemon), "pause", "warming", "--for", "10m", "--note", "moved")
    one = terminal("top", columns=120)
    one.wait(lambda: re.search(r"warming is paused by anonymous \(moved\), .*; ends in \d+m", "".join(one.frame[:2])), "the pause")
    run(*where(daemon), "resume")
    one.wait(lambda: "paused" not in "".join(one.frame), "its end")
    one.send("q")
    one.end()


def test_top_scrolls_its_list(terminal):
    one = terminal("top", columns=80, lines=13)
    one.wait(lambda: "[jobs]" in "\n".join(one.frame), "the list")
    jobs = [line for line in one.frame if line.startswith(("quick", "steps"))]
    assert len(jobs) == 1 and jobs[0].startswith("steps")
    one.send("\x1b[B")
    one.wait(lambda: line_of(one, "quick"), "the next job")
    one.send("\x1b[A")
    one.wait(lambda: line_of(one, "steps"), "the first one")
    one.send("\x1b[B" * 9)
    one.wait(lambda: line_of(one, "broken"), "the last one")
    one.send("\x03")
    one.end()


def test_top_says_why_a_job_failed(terminal):
    run(*terminal.where, "warm", "broken", expect=1)
    one = terminal("top", columns=60, lines=20)
    one.wait(lambda: line_of(one, "  source broken: false exited with status 1"), "the error")
    at = one.frame.index(line_of(one, "  source broken"))
    assert one.frame[at - 1].startswith("broken ")
    one.send("q")
    one.end()


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_top_uses_the_width_that_there_is(terminal, columns):
    """What matters least is left out, sentences are broken, and no line is wider than the window."""
    run(*terminal.where, "warm", "broken", expect=1)
    run(*terminal.where, "pause", "warming", "--for", "10m", "--note", "a reason of some length")
    one = terminal("top", columns=columns, lines=40)
    try:
        one.wait(lambda: line_of(one, "broken") and "paused" in "".join(one.frame[:5]), "the list")
        text = "\n".join(one.frame)
        assert max(map(len, one.frame)) <= columns and len(one.frame) == 40
        assert re.match(r"broken +failed", line_of(one, "broken")) and "~" not in line_of(one, "broken"), text
        assert ("NEXT RUN" in text) == (columns > 20) and ("LAST SUCCESS" in text) == (columns > 40), text
        # Until when it is paused is told everywhere, by whom and why where there is room.
        assert re.search(r"(warming|^)[a-z ]*paused.* ends in (9m\d+s|10m)" if columns > 20 else r"^paused, ends in (9m\d|10m)", text, re.M), text
        assert ("by anonymous (a reason of some length)" in text) == (columns == 200)
        at = one.frame.index(line_of(one, "broken"))
        note = " ".join(line.strip() for line in one.frame[at + 1:at + 4])
        assert note.startswith("source broken: false exited with status 1"), text
        # Two figures stand in a row of a wide window.
        assert bool(re.match(r"hit rate .* commands/s ", line_of(one, "hit rate"))) == (columns == 200)
        assert "q quit" in one.frame[-1] and ("[jobs] 1/4" in text) == (columns == 20)
        one.send("q")
        one.end()
    finally:
        run(*terminal.where, "resume")


def test_top_marks_dry_runs(terminal, daemon, shared_redis):
    shared_redis.fill(40, key="dry:{}")
    assert daemon.invalidate({"patterns": ["dry:*"], "dry_run": True}).json["matched"] == 40
    one = terminal("top", columns=120)
    one.wait(lambda: "[jobs]" in "\n".join(one.frame), "the list")
    one.send("\x1b[C")
    one.wait(lambda: re.search(r" dry run: invalidate dry:\* +completed +0 ", "\n".join(one.frame)), "the dry run, of which nothing was removed")
    one.send("q")
    one.end()


def test_top_follows_the_size_of_the_window(terminal):
    one = terminal("top", columns=80, lines=24, env={"LC_ALL": "C"})
    one.wait(lambda: len(one.frame) == 24, "24 lines")
    assert not re.search("[\u2581-\u2588]", "\n".join(one.frame))
    for columns, lines in ((20, 10), (10, 3), (200, 50)):
        one.resize(columns, lines)
        one.wait(lambda: len(one.frame) == lines and all(len(line) <= columns for line in one.frame),
                 f"{lines} lines of {columns} columns")
    one.send("q")
    one.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_top_gives_the_terminal_back(terminal, number):
    one = terminal("top")
    one.wait(lambda: one.frame, "a screen")
    os.kill(one.pid, number)
    one.end()
    assert one.raw.endswith(b"\x1b[?25h\x1b[?1049l")


def test_top_over_an_outage(start, redis):
    daemon = start(open_config(redis, "stats: {interval: 200ms}"), https=False)
    daemon.wait_redis()
    one = Terminal(PROGRAM, *where(daemon), "top")
    try:
        one.wait(lambda: "redis up" in "".join(one.frame[:1]), "a screen")
        redis.kill()
        one.wait(lambda: "redis down" in one.frame[0], "the outage")
        assert daemon.stop() == 0
        one.wait(lambda: "no answer from the daemon" in "\n".join(one.frame), "that the daemon is away")
        one.send("q")
        one.end()
    finally:
        one.kill()
