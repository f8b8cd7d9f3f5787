# SPDX-License-Identifier: MIT
"""Warm runs while Redis has no memory: one server, and a cluster one of whose primaries is full."""

import os
import signal
import time as clock

import pytest

import topology
from cli import PROGRAM, Terminal, run as run_cli, where
from clustered import ClusteredRedis
from conftest import open_config
from events import page
from harness import API, RedisError, until
from test_warm import command, jobs


@pytest.fixture
def cluster(folder):
    servers = ClusteredRedis(folder, name="memory", kept_folder=topology.shared_folder())
    servers.nodes.harmed = True
    yield servers
    servers.close()


@pytest.fixture(params=["usual", "cluster"])
def redis(request, folder):
    """What the tests run on, and a cluster."""
    if request.param == "cluster":
        yield request.getfixturevalue("cluster")
        return
    server = topology.TopologyRedis(folder)
    yield server
    server.close()


def server_of(redis, key):
    return redis.node(key) if isinstance(redis, ClusteredRedis) else redis


def limit_memory(server, room):
    used = int(server("INFO", "memory").split(b"used_memory:")[1].split(b"\r")[0])
    server("CONFIG", "SET", "maxmemory-policy", "noeviction")
    server("CONFIG", "SET", "maxmemory", used + room)


def servers_of(redis):
    return redis.nodes.all if isinstance(redis, ClusteredRedis) else [redis]


def fill_up(redis):
    """From now on no server of it takes writes that need memory."""
    for server in servers_of(redis):
        limit_memory(server, -100_000)
        with pytest.raises(RedisError, match="OOM"):
            server("SET", next(f"y:{i}" for i in range(100000) if server_of(redis, f"y:{i}") is server), "1")


def give_memory(redis):
    for server in servers_of(redis):
        server("CONFIG", "SET", "maxmemory", 0)


def phase(daemon, run, text):
    until(lambda: daemon.get(run["location"]).json["phase"] == text, "the run to be " + text)


def ended(daemon, run):
    return until(lambda: (found := daemon.get(run["location"]).json)["finished"] and found, "its end")


class Gated:
    """A run whose rows come when it is told so."""

    def __init__(self, start, redis, folder, rows, more="", **job):
        self.go, path = os.path.join(folder, "go"), os.path.join(folder, "rows")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(row + "\n" for row in rows)
        self.daemon = start(open_config(redis, jobs(command(
            f"while [ ! -e {self.go} ]; do sleep 0.05; done; cat {path}; {more}", **job))))
        self.daemon.wait_redis()
        self.run = self.daemon.warm({}).json["runs"][0]
        phase(self.daemon, self.run, "storing")

    def open(self):
        open(self.go, "w", encoding="utf-8").close()


@pytest.mark.parametrize("mode, tags, full", [
    ("replace", [], "x:0"), ("missing", [], "x:0"), ("replace", ["all"], "cw:tag:all"), ("swap", [], "cw:swap:j")])
def test_a_run_waits_while_redis_has_no_memory(start, redis, folder, mode, tags, full):
    """Over slots what another primary than the full one has is stored meanwhile."""
    path = os.path.join(folder, "rows")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f'{{"id": {i}, "v": "{i:01000}"}}\n' for i in range(3000))
    daemon = start(open_config(redis, jobs(
        command(f"cat {path}", mode=mode, tags=tags, timeout="60s", window=64))))
    daemon.wait_redis()
    server = server_of(redis, full)
    limit_memory(server, 500_000 if isinstance(redis, ClusteredRedis) else 1_500_000)
    run = daemon.warm({}).json["runs"][0]
    phase(daemon, run, "waiting to try again")
    stored = {int(key[2:]) for key in redis.keys("x:*")}
    assert 0 < len(stored) < 3000
    if full == "x:0":
        missing = set(range(max(stored))) - stored
        assert all(server_of(redis, f"x:{i}") is server for i in missing)
    server("CONFIG", "SET", "maxmemory", 0)
    found = ended(daemon, run)
    assert found["state"] == "completed", found
    assert [found["result"][name] for name in ("stored", "skipped", "rejected", "attempts")] == [3000, 0, 0, 1]
    assert len(redis.keys("x:*")) == 3000
    assert not tags or redis("ZCARD", full) == 3000


@pytest.mark.parametrize("mode", ["replace", "swap"])
def test_a_run_begins_while_redis_has_no_memory(start, redis, folder, mode):
    """It has its lock, which is renewed and names it, and replaces what was there before."""
    path = os.path.join(folder, "rows")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f'{{"id":{i}}}\n' for i in range(100))
    redis.pipeline([("SET", f"x:{i}", "old") for i in range(50)])
    text = open_config(redis, jobs(command(f"cat {path}", mode=mode, timeout="60s")))
    daemon, other = start(text), start(text)
    daemon.wait_redis()
    other.wait_redis()
    fill_up(redis)
    run = daemon.warm({}).json["runs"][0]
    phase(daemon, run, "waiting to try again")
    assert redis("XLEN", "cw:inval") > 0, "the log has a place to begin at"
    until(lambda: run["operation_id"].encode() in redis("GET", "cw:run:j"), "the lock to name the run")
    joined = other.warm({}).json["runs"][0]
    assert joined["already_running"] and joined["operation_id"] == run["operation_id"]
    redis("PEXPIRE", "cw:run:j", 6000)
    until(lambda: redis("PTTL", "cw:run:j") > 7000, "the lock to be renewed")
    give_memory(redis)
    found = ended(daemon, run)
    assert found["state"] == "completed", found
    assert [found["result"][name] for name in ("stored", "skipped", "rejected", "attempts")] == [100, 0, 0, 1]
    assert redis("MGET", "x:0", "x:49", "x:99") == [b'{"id":0}', b'{"id":49}', b'{"id":99}']


def test_a_run_that_waits_tells_why(start, redis, folder):
    """In its operation and to people, by one event and one line in the log; events of progress follow only when it goes on."""
    path = os.path.join(folder, "rows")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f'{{"id": {i}, "v": "{i:01000}"}}\n' for i in range(3000))
    daemon = start(open_config(redis, jobs(command(f"cat {path}", timeout="60s", window=64))))
    daemon.wait_redis()
    server = server_of(redis, "x:0")
    limit_memory(server, 500_000 if isinstance(redis, ClusteredRedis) else 1_500_000)
    terminal = Terminal(PROGRAM, *where(daemon), "warm", "j", columns=120)
    run = until(lambda: (found := daemon.get(API + "/operations?kind=warm").json["items"]) and found[0], "a run")
    run["location"] = f"{API}/operations/{run['operation_id']}"
    phase(daemon, run, "waiting to try again")
    found = daemon.get(run["location"]).json
    assert found["state"] == "running" and found["error"]["code"] == "redis_oom"
    assert "until its timeout of 60 s" in found["error"]["detail"]
    assert found["progress"]["done"] > 0
    assert found["progress"]["per_second"] is found["progress"]["eta_seconds"] is None
    assert "at maxmemory" in run_cli(*where(daemon), "jobs", "j").stdout
    assert "at maxmemory" in run_cli(*where(daemon), "ops", run["operation_id"]).stdout
    terminal.wait_for(" done, waits: Redis is out of memory")
    daemon.wait_for("warm j waits: Redis is at maxmemory")
    events = lambda: [item["data"] for item in page(daemon, "?event=warm")["items"]]
    waiting = lambda: [item for item in events() if item["state"] == "running" and item["error"]]
    until(waiting, "the event")
    # Without the wait there would be one after 1, 3 and 7 s.
    beats = clock.monotonic() + 4
    until(lambda: clock.monotonic() > beats, "some more beats")
    assert len(waiting()) == 1 and daemon.log.count("warm j waits: ") == 1
    give_memory(redis)
    found = ended(daemon, run)
    assert found["state"] == "completed" and found["error"] is None, found
    assert len(waiting()) == 1
    terminal.end()


def test_a_scheduled_run_begins_while_redis_has_no_memory(start, redis):
    fill_up(redis)
    daemon = start(open_config(redis, jobs(command(
        """echo '{"id":1}'""", schedule={"every": "2s"}, timeout="60s"))))
    run = until(lambda: (found := daemon.get(API + "/operations?kind=warm").json["items"]) and found[0], "a run")
    run["location"] = f"{API}/operations/{run['operation_id']}"
    phase(daemon, run, "waiting to try again")
    assert redis("KEYS", "cw:fire:j:*")
    give_memory(redis)
    assert ended(daemon, run)["state"] == "completed"
    assert redis("GET", "x:1") == b'{"id":1}'


def test_a_run_waits_for_memory_no_longer_than_its_timeout(start, redis, folder):
    gated = Gated(start, redis, folder, ['{"id":1}'], timeout="3s")
    server = server_of(redis, "x:1")
    limit_memory(server, -100_000)
    gated.open()
    found = ended(gated.daemon, gated.run)
    server("CONFIG", "SET", "maxmemory", 0)
    assert found["state"] == "failed" and found["result"]["reasons"] == {"redis_oom": 1}, found
    assert redis("EXISTS", "x:1") == 0


@pytest.mark.parametrize("more", ["", "sleep 60", """sleep 1; echo '{"id":2}'; sleep 60"""])
def test_a_run_that_waits_for_memory_can_be_cancelled(start, redis, folder, more):
    """Also where another fiber sends its rows, because the source gives none or the next one came later."""
    gated = Gated(start, redis, folder, ['{"id":1}'], more, timeout="10m")
    daemon, run = gated.daemon, gated.run
    server = server_of(redis, "x:1")
    limit_memory(server, -100_000)
    gated.open()
    phase(daemon, run, "waiting to try again")
    if "2" in more:
        until(lambda: daemon.send(signal.SIGUSR1) or "a batch to be sent" in daemon.log, "the second row")
    assert daemon.request("DELETE", run["location"]).status < 300
    found = ended(daemon, run)
    server("CONFIG", "SET", "maxmemory", 0)
    result = found["result"]
    assert found["state"] == "cancelled" and result["stored"] == 0, found
    assert result["rejected"] == result["rows"] == (2 if "2" in more else 1), found


def test_what_is_purged_around_a_wait_for_memory_is_gone(start, cluster, folder):
    """What was stored is judged before the wait, what waits is judged when it is stored."""
    log = cluster.node("cw:inval")
    ids = {}
    for i in range(1, 200):
        ids.setdefault(cluster.node(f"x:{i}"), []).append(i)
    full = next(node for node in ids if node is not log)
    fine = next(node for node in ids if node not in (log, full))
    early, waits, late = ids[fine][0], ids[full][0], ids[full][1]
    gated = Gated(start, cluster, folder, [f'{{"id": {i}}}' for i in range(1, 200)], timeout="60s", window=512)
    limit_memory(full, -100_000)
    gated.daemon.invalidate({"keys": [f"x:{early}"], "wait": 30})
    gated.open()
    phase(gated.daemon, gated.run, "waiting to try again")
    assert cluster("EXISTS", f"x:{ids[fine][1]}") == 1 and cluster("EXISTS", f"x:{early}") == 0
    gated.daemon.invalidate({"keys": [f"x:{waits}"], "wait": 30})
    full("CONFIG", "SET", "maxmemory", 0)
    found = ended(gated.daemon, gated.run)
    assert found["state"] == "completed", found
    assert not cluster("EXISTS", f"x:{early}") and not cluster("EXISTS", f"x:{waits}")
    assert cluster("EXISTS", f"x:{late}") == 1
    assert [found["result"][name] for name in ("stored", "rejected")] == [197, 0]
