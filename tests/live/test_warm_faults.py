# SPDX-License-Identifier: MIT
"""Runs that are hit at random: Redis killed or cut, the database's session ended, a source that fails, hangs or
is killed. What is told about them is true, nothing is left behind, and the next run completes."""

import json
import os
import random
import signal
import subprocess

import pytest

from conftest import open_config
from harness import DEADLINE, rounds, until
from interfering import Asked
from proxy import Proxy

ROWS = 1500
SELECT = "SELECT id, repeat('v' || id, 20) AS v, pg_sleep(CASE WHEN id % 50 = 0 THEN 0.004 ELSE 0 END) FROM " \
    f"generate_series(1, {ROWS}) AS id"
SCRIPT = """
import sys, time
for i in range(1, 1501):
    print('{"id":%d,"v":"%s"}' % (i, ("v%d" % i) * 20), flush=i % 50 == 0)
    if i % 50 == 0: time.sleep(0.004)
    if i == int(sys.argv[1]):
        if sys.argv[2] == "hang": time.sleep(600)
        sys.exit(3)
"""


def jobs(folder, postgres):
    common = {"key": "x:{id}", "window": 32, "retries": {"attempts": 2, "backoff": "50ms"}, "timeout": "3s"}
    argv = ["sh", "-c", f"exec python3 {folder}/rows.py $(cat {folder}/fault)"]
    rows = [{**common, "name": "command", "source": {"type": "command", "argv": argv, "format": "jsonl"}},
            {**common, "name": "postgres", "source": {"type": "postgres", "dsn": postgres.dsn, "query": SELECT}}]
    return "warm:\n  jobs:\n" + "".join(f"    - {json.dumps(row)}\n" for row in rows)


def set_fault(folder, row=0, what="exit"):
    with open(os.path.join(folder, "fault"), "w", encoding="utf-8") as file:
        file.write(f"{row} {what}")


def children(daemon):
    found = subprocess.run(["pgrep", "-P", str(daemon.process.pid)], capture_output=True, text=True, check=False)
    return found.stdout.split()


class Chance:
    """One fault of each kind; `before` the run, or once it has stored some rows."""

    def __init__(self, folder, redis, proxy, postgres, daemon):
        self.folder, self.redis, self.proxy, self.postgres, self.daemon = folder, redis, proxy, postgres, daemon
        self.random = random.Random(12)

    def prepare(self, kind):
        row = self.random.randrange(1, ROWS + 1)
        set_fault(self.folder, row if kind in ("exit", "hang") else 0, kind)
        if kind == "cut":
            self.proxy.arm(self.random.randrange(1, 20000))

    def strike(self, kind):
        if kind == "killed redis":
            self.redis.kill()
            self.redis.start()
        elif kind == "ended session":
            self.postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                              "WHERE application_name = 'cachewarden' AND state <> 'idle'")
        elif kind == "killed command":
            for child in children(self.daemon):
                os.kill(int(child), signal.SIGKILL)


KINDS = {"command": ["exit", "hang", "cut", "killed redis", "killed command", "none"],
         "postgres": ["cut", "killed redis", "ended session", "none"]}


def judge(redis, run, kind):
    """The counts are true, and each value is whole. A Redis that was killed after the end has lost all."""
    result = run["result"]
    assert result["rows"] == sum(result[name] for name in (
        "stored", "skipped", "rejected", "invalidated_meanwhile")), run
    keys = redis.keys("x:*")
    for key, value in zip(keys, redis.pipeline([("GET", key) for key in keys]), strict=True):
        row = json.loads(value)
        number = int(key[2:])
        assert row["id"] == number and row["v"] == f"v{number}" * 20, (key, value)
    if run["state"] == "completed":
        assert result["stored"] == ROWS, run
        assert len(keys) == ROWS or (kind == "killed redis" and not keys), (run, len(keys))


@pytest.mark.soak
def test_faults_at_random(start, redis, postgres, folder):
    with open(os.path.join(folder, "rows.py"), "w", encoding="utf-8") as file:
        file.write(SCRIPT)
    set_fault(folder)
    proxy = Proxy(folder, redis)
    daemon = start(open_config(proxy, jobs(folder, postgres)))
    chance = Chance(folder, redis, proxy, postgres, daemon)
    states, fds = [], None
    try:
        for i in range(rounds(8, 100)):
            name = ("command", "postgres")[i % 2]
            kind = chance.random.choice(KINDS[name])
            run = one_run(daemon, chance, name, kind)
            judge(redis, run, kind)
            if kind == "none":
                assert run["state"] == "completed", run
            states.append((kind, run["state"]))
            fds = fds or daemon.fds()
        set_fault(folder)
        for name in ("command", "postgres"):
            assert one_run(daemon, chance, name, "none")["state"] == "completed"
        until(lambda: not children(daemon), "no child to be left")
        until(lambda: daemon.fds() <= fds + 8, "no file to be left open")
    finally:
        proxy.close()
        print(states)


def begin(daemon, name):
    """A start may be refused while Redis is away."""
    reply = daemon.warm({"cache_names": [name]})
    return reply.json["runs"][0]["location"] if reply.status == 202 and not reply.json["runs"][0].get(
        "already_running") else None


def one_run(daemon, chance, name, kind):
    daemon_redis = chance.redis
    until(lambda: daemon.health().json["components"]["redis"]["status"] == "UP", "Redis to be up")
    for key in daemon_redis.keys("x:*"):
        daemon_redis("DEL", key)
    chance.prepare(kind)
    share = chance.random.randrange(0, ROWS - 100)
    # The lock of a run that could not give it back expires.
    path = until(lambda: daemon_redis("DEL", "cw:run:" + name) in (0, 1) and begin(daemon, name), "a run to start")
    until(lambda: (run := look(daemon, path)) and (run["finished"] or run["progress"]["done"] >= share), "some rows")
    chance.strike(kind)
    return until(lambda: (run := look(daemon, path)) and run["finished"] and run, "the end of the run")


def look(daemon, path):
    reply = daemon.get(path)
    return reply.json if reply.status == 200 else None


def test_a_run_whose_lock_had_no_answer_begins(start, redis, folder):
    """The first claim came to Redis, though its answer did not: the second finds it."""
    proxy = Proxy(folder, redis)
    job = {"name": "j", "key": "x:{id}", "source": {
        "type": "command", "format": "jsonl", "argv": ["echo", '{"id": 1}']}}
    daemon = start(open_config(redis).replace(f'url: "{redis.url}"', f'url: "{proxy.url}", command_timeout: 500ms')
                   + "warm:\n  jobs:\n    - " + json.dumps(job) + "\n")
    daemon.wait_redis()
    proxy.hold(b"cw:run:j")
    asked = Asked(lambda: daemon.warm({"wait": 30}))
    assert proxy.held.wait(DEADLINE)
    proxy.mode = "swallow"
    proxy.release()
    until(lambda: redis("EXISTS", "cw:run:j"), "the claim to come to Redis")
    proxy.mode = "pass"
    reply = asked.answer()
    assert reply.status == 200 and reply.json["runs"][0]["state"] == "completed", reply
    assert redis("EXISTS", "x:1") == 1 and redis("EXISTS", "cw:run:j") == 0
    proxy.close()
