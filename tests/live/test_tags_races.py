# SPDX-License-Identifier: MIT
"""Tags under fire: writers, purges and the pruner at once, kill -9, large sets, lost connections.

What must hold at every moment: a live value that was stored under a tag is in the tag's set.
"""

import os
import random
import signal
import threading
import time

import pytest

from harness import Daemon, Resp, rounds, until
from invalidating import OPERATIONS, CountingRedis, begin, config, ended, ok
from test_tags import members, tag
from topology import TOPOLOGY

QUICK = "cache: {prune_every: 100ms}\ninvalidate: {confirm_above: 10000000, max_keys: 10000000}"
NAMES = "t", "u"
SANITIZED = "asan" in os.environ["CACHEWARDEN_BIN"]
# One look at all keys and sets, between two commands of everybody else.
LOST = """
local lost = {}
for _, key in ipairs(redis.call('KEYS', 'k:*')) do
    for _, name in ipairs(ARGV) do
        if not redis.call('ZSCORE', 'cw:tag:' .. name, key) then lost[#lost + 1] = key end
    end
end
return lost
"""


@pytest.fixture
def redis(folder):
    server = CountingRedis(folder)
    yield server
    server.close()


def lost(redis):
    return Resp(redis.path).call("EVAL", LOST, 0, *NAMES)


def put_tagged(daemon, key, px=None):
    return daemon.request("PUT", f"/api/v1/cache/keys/{key}" + (f"?ttl={px}" if px else ""), body=b"v",
                          headers={"Surrogate-Key": " ".join(NAMES)})


class Writer(threading.Thread):
    """A Redis client that stores as the manual says, in MULTI or not, with short and long lives."""

    def __init__(self, redis, count):
        super().__init__(daemon=True)
        self.path, self.count, self.stop = redis.path, count, threading.Event()
        self.written, self.error = 0, None

    def run(self):
        try:
            client = Resp(self.path)
            while not self.stop.is_set():
                self.write(client)
        except Exception as error:
            self.error = error

    def write(self, client):
        key, px = f"k:raw{random.randrange(self.count)}", random.choice((20, 300, 60000))
        score = random.choice((int(time.time() * 1000) + px, "+inf", 1))
        commands = [("ZADD", "cw:tag:" + name, score, key) for name in NAMES]
        commands.append(("SET", key, "v", "PX", px))
        if random.random() < 0.5:
            commands = [("MULTI",), *commands, ("EXEC",)]
        client.pipeline(commands)
        self.written += 1
        # Two processors are shared with Redis and the daemon.
        time.sleep(0.001)

    def end(self):
        self.stop.set()
        self.join(20)
        assert self.error is None, self.error


@pytest.mark.topology("server", "tls", "sentinel", why="one look at all keys and sets is a script over one server")
@pytest.mark.soak
def test_no_live_value_is_out_of_its_tags_reach(start, redis):
    daemon = start(config(redis, QUICK))
    writer = Writer(redis, 500)
    writer.start()
    purged = 0
    for i in range(rounds(600, 10000)):
        reply = put_tagged(daemon, f"k:put{random.randrange(500)}")
        assert reply.status in (201, 204), reply
        if i % 10 == 9:
            # What was stored before the purge began does not outlive it.
            put_tagged(daemon, "k:before")
            body = ok(daemon.invalidate({"tags": [random.choice(NAMES)]}))
            assert body["complete"] is True
            assert redis("EXISTS", "k:before") == 0
            purged += body["invalidated"]
            assert lost(redis) == []
    writer.end()
    assert lost(redis) == [] and purged > 0 and writer.written > 0
    until(lambda: daemon.metric("cachewarden_tag_members_pruned_total"), "the pruner's work")
    redis("DEL", *(f"k:raw{i}" for i in range(500)), *(f"k:put{i}" for i in range(500)))
    until(lambda: members(redis, "t") == set(), "all members to be forgotten")


def crowd(daemon, stop):
    """Tagged PUTs and purges until the daemon is gone."""
    while not stop.is_set():
        try:
            if random.random() < 0.9:
                put_tagged(daemon, f"k:{random.randrange(200)}", random.choice((None, 1, 60)))
            else:
                daemon.invalidate({"tags": [random.choice(NAMES)], "soft": random.random() < 0.2})
        except OSError:
            return
        except Exception:  # an answer that was cut in the middle
            return


@pytest.mark.topology("server", "tls", "sentinel", why="one look at all keys and sets is a script over one server")
@pytest.mark.soak
def test_kill_9_at_any_point_loses_no_member(folder, redis):
    """Each round: a daemon, tagged PUTs and purges and the pruner at once, kill -9."""
    stored = 0
    for i in range(rounds(10, 1000)):
        daemon = Daemon(os.path.join(folder, f"d{i % 2}"), config(redis, QUICK))
        daemon.expect_exit = None
        stop = threading.Event()
        threads = [threading.Thread(target=crowd, args=(daemon, stop)) for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.005, 0.25))
        daemon.send(signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join(20)
        daemon.close()
        stored = max(stored, len(redis("KEYS", "k:*")))
        assert lost(redis) == [], f"round {i}"
    assert stored > 0


def peak(daemon):
    """Bytes: the most memory it ever had."""
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


PART = 2000


def populate(redis, count, length=0, daemon=None):
    """Keys big:0 to big:<count - 1> under the tag big, every second one already gone. Returns once
    the daemon, if there is one, can use Redis again."""
    # In parts: a script that runs for seconds on a busy machine makes Redis answer BUSY. They may still
    # keep the daemon's commands waiting for longer than their timeout.
    for first in range(0, count, PART):
        if TOPOLOGY == "cluster":
            names = [(i, f"big:{i}" + "x" * length) for i in range(first, min(first + PART, count))]
            for at in range(0, len(names), 1000):
                some = names[at:at + 1000]
                redis("ZADD", "cw:tag:big", *(word for pair in some for word in pair))
                redis.pipeline([("SET", name, "v") for i, name in some if i % 2 == 0])
            continue
        redis("EVAL", """
            local pad = string.rep('x', tonumber(ARGV[3]))
            for i = tonumber(ARGV[1]), tonumber(ARGV[2]) - 1 do
                local key = 'big:' .. string.format('%d', i) .. pad
                redis.call('ZADD', 'cw:tag:big', i, key)
                if i % 2 == 0 then redis.call('SET', key, 'v') end
            end""", 0, first, min(first + PART, count), length)
    if daemon:
        until(lambda: daemon.invalidate({"keys": ["probe"]}).status == 200, "Redis to answer")


@pytest.mark.soak
@pytest.mark.parametrize("length", [0, 1000])
def test_a_large_tag_takes_little_memory(start, redis, length):
    count = rounds(100000, 1000000) if length == 0 else 20000
    daemon = start(config(redis, "invalidate: {confirm_above: 10000000, max_keys: 10000000}"))
    daemon.wait_redis()
    populate(redis, count, length, daemon)
    ok(daemon.invalidate({"tags": ["none"]}))
    before = peak(daemon)
    dry = ok(daemon.invalidate({"tags": ["big"], "dry_run": True, "wait": 300}, timeout=300))
    body = ok(daemon.invalidate({"tags": ["big"], "wait": 300}, timeout=300))
    used = peak(daemon) - before
    print(f"{count} members: {used / 1048576:.1f} MiB, {body['duration_ms']} ms")
    assert dry["matched"] == body["matched"] == body["invalidated"] == count // 2
    assert body["complete"] is True and body["passes"] == 0
    # A sanitizer keeps what was freed, to catch who looks at it.
    assert SANITIZED or used < 16 * 1024 * 1024
    assert redis("ZCARD", "cw:tag:big") == count
    assert [key for key in redis.keys() if key.startswith(b"big:")] == []


def test_a_large_purge_can_be_cancelled(start, redis):
    daemon = start(config(redis, QUICK))
    populate(redis, 100000, daemon=daemon)
    operation = begin(daemon, {"tags": ["big"], "pace": {"max_latency_ms": 0.001}})
    until(lambda: redis("DBSIZE") < 50000, "the first page to go")
    assert daemon.request("DELETE", f"{OPERATIONS}/{operation}").status == 202
    result = ended(daemon, operation)
    left = sum(key.startswith(b"big:") for key in redis.keys())
    assert result["state"] == "cancelled" and result["result"]["reason"] == "cancelled"
    assert 0 < left < 50000 and result["result"]["invalidated"] == 50000 - left


def test_a_lost_connection_costs_nothing(start, redis):
    daemon = start(config(redis, QUICK))
    populate(redis, 200000, daemon=daemon)
    operation = begin(daemon, {"tags": ["big"]})
    until(lambda: redis("DBSIZE") < 95000, "the first pages to go")
    redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    result = ended(daemon, operation)["result"]
    assert result["complete"] is True and [k for k in redis.keys() if k.startswith(b"big:")] == []
    # What was sent and not answered has happened without being counted.
    assert 99000 < result["invalidated"] <= 100000


@pytest.mark.topology("server", "tls", "sentinel", why="a cluster has one database")
def test_a_swap_meanwhile_is_told(start, redis):
    """Not by a flush: Redis 8 counts it only when its memory is freed, some time after it."""
    daemon = start(config(redis, QUICK))
    populate(redis, 300000, daemon=daemon)
    operation = begin(daemon, {"tags": ["big"], "pace": {"max_latency_ms": 0.05}})
    until(lambda: redis("DBSIZE") < 149000, "the first pages to go")
    redis("SWAPDB", 0, 1)
    result = ended(daemon, operation)["result"]
    assert result["complete"] is False and result["reason"] == "topology_changed"


def test_purges_do_not_keep_others_waiting(start, redis):
    daemon = start(config(redis, QUICK))
    populate(redis, 200000, daemon=daemon)
    operation = begin(daemon, {"tags": ["big"]})
    most = 0
    for _ in range(50):
        most = max(most, daemon.get("/api/v1/cache/keys/absent").used)
    assert ended(daemon, operation)["result"]["complete"] is True
    assert most < 0.5


def test_stopping_in_the_middle_is_clean(start, redis):
    daemon = start(config(redis, QUICK))
    populate(redis, 60000, daemon=daemon)
    tag(redis, "t", "k:1")
    begin(daemon, {"tags": ["big"], "pace": {"max_latency_ms": 0.05}})
    until(lambda: redis("DBSIZE") < 29000, "the first pages to go")
    assert daemon.stop() == 0
    assert redis("EXISTS", "cw:inval") == 1


def test_many_large_purges_take_turns(start, redis):
    daemon = start(config(redis, QUICK))
    daemon.wait_redis()
    populate(redis, 20000, daemon=daemon)
    before = peak(daemon)
    operations = [begin(daemon, {"tags": ["big"], "dry_run": i % 2 == 0}) for i in range(60)]
    results = [ended(daemon, operation)["result"] for operation in operations]
    assert all(r["complete"] for r in results)
    assert sum(r["invalidated"] for r in results) == 10000
    assert SANITIZED or peak(daemon) - before < 32 * 1024 * 1024
