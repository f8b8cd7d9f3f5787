# SPDX-License-Identifier: MIT
"""Completion in real shells: bash, zsh and fish, each on a terminal."""

import os
import re
import subprocess

import pytest

from cli import PROGRAM, Terminal, environment, run, where
from harness import Daemon, open_config, until

JOBS = """
warm:
  jobs:
    - {name: nightly, suspend: true, source: {type: file, path: none, format: jsonl}, key: "n:{id}"}
    - {name: noon, suspend: true, source: {type: file, path: none, format: jsonl}, key: "m:{id}"}
"""


@pytest.fixture(scope="module")
def daemon(shared_folder, shared_redis):
    one = Daemon(shared_folder + "/c", open_config(shared_redis, JOBS), https=False)
    one.wait_redis()
    yield one
    failure = one.close()
    assert not failure, failure


def candidates(*words, env=None):
    return [line.split("\t")[0] for line in run("__complete", "--", *words, env=env).stdout.splitlines()]


def test_candidates(daemon):
    env = dict([("CACHEWARDEN_URL", where(daemon)[1])])
    first = candidates("")
    assert {"stats", "invalidate", "keys", "token", "completion"} <= set(first) and len(first) == len(set(first))
    assert "__complete" not in first and "keys get" not in first
    assert candidates("in") == ["invalidate"]
    assert candidates("keys", "") == ["get", "set", "ttl", "expire", "del", "list"]
    assert candidates("pause", "w") == ["warming"]
    assert candidates("completion", "") == ["bash", "zsh", "fish"]
    assert candidates("config", "check", "") == [":files"]
    assert candidates("--token-file", "") == [":files"]
    assert {"--note", "--no-wait", "--json"} <= set(candidates("warm", "--n") + candidates("warm", "--j"))
    assert candidates("ops", "--state=fai") == ["--state=failed"]
    assert candidates("ops", "--state", "fai") == ["failed"]
    assert candidates("token", "new", "--scopes", "read,wa") == ["read,warm"]
    assert candidates("warm", "n", env=env) == ["nightly", "noon"]
    assert candidates("--url", where(daemon)[1], "warm", "nightly", "noo") == ["noon"]
    # Without a daemon there are none, and nothing is said in the middle of a line.
    done = run("__complete", "--", "warm", "", env={"CACHEWARDEN_URL": "http://127.0.0.1:1"})
    assert done.stdout == done.stderr == ""


@pytest.fixture
def shell(daemon, folder):
    """shell(command...) -> a terminal whose PATH has cachewarden."""
    opened = []
    os.symlink(PROGRAM, os.path.join(folder, "cachewarden"))

    def make(*command):
        opened.append(Terminal(*command, columns=120, lines=40, env={
            "CACHEWARDEN_URL": where(daemon)[1], "HOME": folder, "PATH": f"{folder}:/usr/bin:/bin", "PS1": "> ",
            "XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder, "TERM": "dumb"}))
        return opened[-1]

    yield make
    for one in opened:
        one.kill()


def begin(shell, kind):
    """The shell with our completion, ready for a line."""
    if kind == "bash":
        one = shell("/bin/bash", "--norc", "--noprofile", "-i")
        one.send("bind 'set bell-style none'; source <(cachewarden completion bash)\n")
    elif kind == "zsh":
        one = shell("/usr/bin/zsh", "-f", "-i")
        one.send("unsetopt zle_bracketed_paste 2>/dev/null; autoload -U compinit; compinit -u -D; source <(cachewarden completion zsh)\n")
    else:
        one = shell("/usr/bin/fish", "--no-config", "-i")
        one.send("cachewarden completion fish | source\n")
    one.send("echo rea''dy\n")
    one.wait(lambda: re.search("^ready", one.text, re.M), kind)
    return one


@pytest.mark.parametrize("kind", ["bash", "zsh"])
@pytest.mark.parametrize("typed,whole", [
    ("inval", "invalidate "), ("keys li", "keys list "), ("warm nigh", "warm nightly "), ("ops --state=fai", "ops --state=failed "),
    ("warm --no-w", "warm --no-wait ")])
def test_a_word_is_completed(shell, kind, typed, whole):
    one = begin(shell, kind)
    one.raw = b""
    one.send(f"cachewarden {typed}\t")
    one.wait(lambda: f"cachewarden {whole}" in one.text, whole)
    one.send("\x03")


@pytest.mark.parametrize("typed,offered", [
    ("cachewarden inval", ["invalidate"]), ("cachewarden keys ", ["get", "set", "ttl", "expire", "del", "list"]),
    ("cachewarden warm n", ["nightly", "noon"]), ("cachewarden ops --state=fai", ["--state=failed"])])
def test_fish_offers(daemon, folder, typed, offered):
    os.symlink(PROGRAM, os.path.join(folder, "cachewarden"))
    script = f"cachewarden completion fish | source; complete -C {typed!r}"
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, check=True, timeout=60,
                          env=environment({"PATH": f"{folder}:/usr/bin:/bin", "HOME": folder, "CACHEWARDEN_URL": where(daemon)[1]}))
    assert sorted(line.split("\t")[0] for line in done.stdout.splitlines()) == sorted(offered), done


def test_hostile_names_are_not_run(start, redis, folder):
    """A tag is text of anybody: bash inserts it quoted, and control bytes are not offered."""
    daemon = start(open_config(redis, "cache: {prune_every: 500ms}"), https=False)
    daemon.wait_redis()
    redis("SET", "k", "x")
    for tag in ("$(touch hacked)", "x;touch hacked", "a\x1b[31mb"):
        redis("ZADD", "cw:tag:" + tag, "+inf", "k")
    env = {"CACHEWARDEN_URL": where(daemon)[1]}
    until(lambda: len(candidates("tags", "", env=env)) == 2, "the walk of the pruner")
    assert sorted(candidates("tags", "", env=env)) == ["$(touch hacked)", "x;touch hacked"]
    os.symlink(PROGRAM, os.path.join(folder, "cachewarden"))
    script = """source <(cachewarden completion bash)
COMP_LINE='cachewarden tags x'; COMP_POINT=${#COMP_LINE}; COMP_WORDS=(cachewarden tags x); COMP_CWORD=2
_cachewarden; printf '%s\\n' "${COMPREPLY[@]}" """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=folder,
                          env=environment({**env, "PATH": f"{folder}:/usr/bin:/bin"}))
    assert done.stdout == "x\\;touch\\ hacked\n"
    assert "hacked" not in os.listdir(folder)
