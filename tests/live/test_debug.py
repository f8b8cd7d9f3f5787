# SPDX-License-Identifier: MIT
"""Looking into a process: GET /debug, SIGUSR1, parked fibers in gdb."""

import hashlib
import json
import os
import re
import signal
import subprocess
import urllib.request

import pytest

from harness import API, BINARY, DEADLINE, until, with_settings
from interfering import Asked

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOKEN = "cw_the-one-who-looks"
CONFIG = """
name: test
listen: ["127.0.0.1:0"]
auth:
  anonymous: [read, keys, invalidate]
  tokens: [{name: ops, sha256: %s, scopes: [admin]}]
stats: {interval: 1h}
redis: {url: "%%s", command_timeout: 10s}
""" % hashlib.sha256(TOKEN.encode()).hexdigest()


def debug(daemon):
    reply = daemon.get(API + "/debug", token=TOKEN)
    assert reply.status == 200, reply
    return reply.json


def test_a_request_that_waits_for_redis_is_seen(start, proxy):
    daemon = start(CONFIG % proxy.url)
    daemon.wait_redis()
    proxy.hold(b"waited-for")
    asked = Asked(lambda: daemon.get("/api/v1/cache/keys/waited-for",
                                     headers={"X-Request-Id": "held-1"}))
    assert proxy.held.wait(DEADLINE)
    seen = debug(daemon)
    fiber = next(f for f in seen["fibers"] if f["group"] == "requests")
    assert fiber["id"] == "held-1"
    assert fiber["name"] == "/api/v1/cache/keys/{key}"
    assert (fiber["state"], fiber["waits_for"]) == ("parked", "replies of Redis")
    assert fiber["for_ms"] >= 0 and 0 < fiber["left_ms"] <= 30000 and not fiber["cancelled"]
    assert seen["fibers_total"] == len(seen["fibers"])
    commands = max((c for c in seen["redis"] if c["role"] == "commands"), key=lambda c: c["waiting"])
    assert (commands["state"], commands["status"]) == ("ready", "up")
    assert commands["waiting"] >= 1 and commands["waiting_bytes"] > 10
    assert (seen["http"]["handling"], seen["http"]["draining"]) == (1, False)
    proxy.release()
    assert asked.answer().status == 404
    until(lambda: not any(f["group"] == "requests" for f in debug(daemon)["fibers"]), "its end")


def test_operations_and_passes_are_seen(start, redis, proxy):
    redis.fill(3000)
    daemon = start(CONFIG % proxy.url)
    daemon.wait_redis()
    proxy.hold(b"SCAN", skip=1)
    asked = Asked(lambda: daemon.invalidate({"patterns": ["key:*"], "note": "looked at"}))
    assert proxy.held.wait(DEADLINE)
    seen = debug(daemon)
    assert [o["note"] for o in seen["operations"]] == ["looked at"]
    assert seen["engine"]["passes_running"] == 1
    waits = {f["name"]: f["waits_for"] for f in seen["fibers"]}
    assert waits["operation"] == "a pass"
    proxy.release()
    assert asked.answer().json["invalidated"] == 3000
    assert debug(daemon)["engine"]["passes_total"] == 1


def test_it_needs_scope_admin(start, redis):
    daemon = start(CONFIG % redis.url)
    assert daemon.get(API + "/debug").status == 401


def test_a_signal_writes_the_same_to_the_log(start, redis):
    daemon = start(CONFIG % redis.url)
    daemon.wait_redis()
    shown = debug(daemon)
    daemon.send(signal.SIGUSR1)
    daemon.wait_for("debug: engine")
    lines = re.findall(r"debug: (\w+) (.*)", daemon.log)
    # No operation is under way.
    assert {name for name, _ in lines} == set(shown) - {"operations"}
    fibers = [json.loads(text) for name, text in lines if name == "fibers"]
    assert {f["name"] for f in fibers} >= {"daemon", "sampler", "warm clock"}
    assert len([name for name, _ in lines if name == "redis"]) == 3 * redis.primaries


@pytest.mark.topology("server", "tls", "sentinel", why="one command holds back one server of a cluster")
def test_many_fibers_are_all_written(start, redis, proxy):
    """More than the log's ten lines a second."""
    daemon = start(CONFIG % proxy.url)
    daemon.wait_redis()
    proxy.hold(b"held:")
    asked = [Asked(lambda i=i: daemon.get(f"/api/v1/cache/keys/held:{i}")) for i in range(20)]
    until(lambda: debug(daemon)["http"]["handling"] == 20, "twenty requests")
    daemon.send(signal.SIGUSR1)
    daemon.wait_for("debug: engine")
    assert daemon.log.count('"group":"requests"') == 20
    proxy.release()
    assert {one.answer().status for one in asked} == {404}


def looked_at(url):
    request = urllib.request.Request(url + API + "/debug",
                                     headers={"Authorization": "Bearer " + TOKEN})
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        return answer.read()


def test_gdb_shows_what_each_fiber_waits_for_and_its_stack(folder, redis):
    path = os.path.join(folder, "c.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(with_settings(CONFIG % redis.url))
    os.chmod(path, 0o600)
    ready = os.path.join(folder, "ready")
    gdb = subprocess.Popen(
        ["gdb", "-q", "-batch", "-nx", "-x", os.path.join(ROOT, "tests/gdb/fibers.py"),
         "-ex", "handle SIGUSR1 stop nopass", "-ex", "run", "-ex", "fibers", "-ex", "fibers all",
         "-ex", "kill", "--args", BINARY, "--config", path, "--ready-file", ready],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "DEBUGINFOD_URLS": ""})
    try:
        until(lambda: os.path.exists(ready) or gdb.poll() is not None, "the daemon", 60)
        with open(ready, encoding="utf-8") as file:
            url = file.read().split()[0]
        # What runs once, at the start, is over when the pruner waits.
        until(lambda: b'"the next walk"' in looked_at(url), "the start to be over", 60)
        with open(f"/proc/{gdb.pid}/task/{gdb.pid}/children", encoding="ascii") as file:
            children = file.read().split()
        assert len(children) == 1, children
        os.kill(int(children[0]), signal.SIGUSR1)
        shown, _ = gdb.communicate(timeout=120)
    finally:
        gdb.kill()
        gdb.wait()
    assert re.search(r"^ +\d+  parked +daemon  \[daemon\]  waits for a signal, or Redis, \d+ ms$", shown,
                     re.M), shown
    stack = shown[shown.rindex("waits for a signal, or Redis"):]
    for function in ("fiber_park", "live (", "fiber_main"):
        assert function in stack, shown
