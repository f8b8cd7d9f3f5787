# SPDX-License-Identifier: MIT
"""A primary behind sentinels: the daemon follows it through failovers, and writes to no other."""

import os
import signal
import threading
import time

import pytest

from harness import open_config, rounds, until
from keys import KEYS
from sentinels import Announced, Guarded

pytestmark = pytest.mark.topology("server", why="brings its own sentinels")


@pytest.fixture
def guarded(folder):
    servers = Guarded(folder)
    yield servers
    servers.close()


class Writer(threading.Thread):
    """Stores one key after the other; notes when each request began and ended, and its status."""

    count = 0

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.daemon_, self.stopping, self.done = daemon, False, []
        Writer.count += 1
        self.prefix = f"w{Writer.count}"
        self.start()

    def run(self):
        while not self.stopping:
            key = f"{self.prefix}:{len(self.done)}"
            began = time.monotonic()
            reply = self.daemon_.request("PUT", f"{KEYS}{key}?ttl=600", b"v",
                                         headers={"Content-Type": "text/plain"})
            self.done.append((key, began, time.monotonic(), reply.status))
            assert reply.status in (201, 204, 502, 503, 504), reply
            time.sleep(0.002)

    def stored(self):
        return [row for row in self.done if row[3] < 300]

    def stop(self):
        self.stopping = True
        self.join(20)


def fail_over(guarded, how):
    old = guarded.primary
    announced = Announced(guarded)
    if how == "kill":
        old.kill()
    elif how == "stop":
        old.send(signal.SIGSTOP)
    else:
        guarded.failover()
    return old, announced.wait()


def one_round(guarded, daemon, how):
    """Returns how long after the announcement the first write was stored."""
    writer = Writer(daemon)
    until(lambda: len(writer.stored()) > 5, "writes before the failover")
    # The sentinels would make it a replica again, and then it would have all keys.
    guarded.primary("ACL", "SETUSER", "default", "-replicaof", "-slaveof")
    old, announced = fail_over(guarded, how)
    assert announced, "no failover was made"
    new = guarded.other(old)
    first = until(lambda: next((row for row in writer.stored() if row[1] > announced), None),
                  "a write after the failover")
    count = len(writer.stored())
    until(lambda: len(writer.stored()) > count + 20, "more writes")
    writer.stop()
    after = [row[0].encode() for row in writer.stored() if row[1] > announced + 0.05]
    assert set(after) <= set(new.keys()), "a write is not in the new primary"
    if how == "stop":
        old.send(signal.SIGCONT)
    if how != "kill":
        # What it has now was not sent by the new one, whose replica it is not.
        assert not set(after) & set(old.keys()), "the old primary was written to"
        assert b"role:master" in old("INFO", "replication")
        old("ACL", "SETUSER", "default", "+@all")
    guarded.rejoin(old)
    return first[2] - announced


@pytest.mark.soak
def test_failovers_are_followed(guarded, start):
    daemon = start(open_config(guarded, "stats: {interval: 100ms}"))
    daemon.wait_redis()
    took = {}
    for i in range(rounds(3, 100)):
        how = ("kill", "stop", "order")[i % 3]
        took.setdefault(how, []).append(one_round(guarded, daemon, how))
        if i == 2:
            fds, rss = daemon.fds(), daemon.rss()
    print({how: f"{min(t):.3f} {max(t):.3f}" for how, t in took.items()})
    assert max(t for times in took.values() for t in times) < 1, took
    until(lambda: daemon.fds() == fds, "as many descriptors as before")
    assert daemon.rss() < rss + 4_000_000
    for one in guarded.sentinels:
        listed = one("CLIENT", "LIST").decode()
        assert listed.count("name=cachewarden ") == 2, listed


def failed_over(guarded, daemon):
    """A failover is over, and the daemon uses the new primary; returns the old one."""
    old, announced = fail_over(guarded, "order")
    assert announced, "no failover was made"
    new = guarded.other(old)
    until(lambda: daemon.stats()["redis"]["nodes"][0]["name"] == new.name and
          daemon.stats()["redis"]["status"] == "up", "the new primary in use")
    return old


def test_a_load_that_began_before_a_failover_is_not_stored(guarded, start):
    """What the old primary had acknowledged of the invalidation log may be unknown to the new one."""
    daemon = start(open_config(guarded, "stats: {interval: 100ms}"))
    daemon.wait_redis()
    tokens = {key: daemon.get(f"{KEYS}{key}?lease=60").headers["X-Cache-Lease"] for key in ("a", "b")}

    def store(key):
        return daemon.request("PUT", f"{KEYS}{key}?ttl=60", b"old", headers={
            "Content-Type": "text/plain", "X-Cache-Lease": tokens[key]})

    assert store("a").status == 201
    assert guarded.primary("WAIT", 1, 5000) == 1
    new = guarded.other(failed_over(guarded, daemon))
    assert new("EXISTS", "cw:lease:{0}:b") == 1
    assert store("b").status == 409
    assert new.keys() == [b"a"]
    # The lease has ended: the next load stores.
    tokens["b"] = daemon.get(KEYS + "b?lease=60").headers["X-Cache-Lease"]
    assert store("b").status == 201


def test_a_warm_run_over_a_failover_begins_anew(guarded, start, folder):
    """For the same reason: an invalidation of what it has read may be lost."""
    fifo, begun = folder + "/more", folder + "/begun"
    os.mkfifo(fifo)
    script = os.path.join(folder, "rows")
    with open(script, "w", encoding="ascii") as file:
        file.write(f"""for i in $(seq 600); do echo "{{\\"id\\": $i}}"; done
[ -e {begun} ] || {{ touch {begun}; cat {fifo}; }}
for i in $(seq 601 1200); do echo "{{\\"id\\": $i}}"; done
""")
    daemon = start(open_config(guarded, f"""
stats: {{interval: 100ms}}
log: {{level: debug}}
warm:
  jobs:
    - {{name: rows, suspend: true, source: {{type: command, argv: [sh, {script}], format: jsonl}}, key: "row:{{id}}", window: 100, retries: {{attempts: 1, backoff: 10ms}}}}
"""))
    daemon.wait_redis()
    run = daemon.warm({"cache_names": ["rows"]}).json["runs"][0]["location"]
    # All of them: a batch that the failover cuts fails the attempt for another reason.
    until(lambda: daemon.get(run).json.get("so_far", {}).get("stored") == 600, "the first rows")
    assert guarded.primary("WAIT", 1, 5000) == 1
    failed_over(guarded, daemon)
    with open(fifo, "w", encoding="ascii"):
        pass
    daemon.wait_for("attempt 1 ends: the invalidation log was trimmed or emptied meanwhile")
    until(lambda: daemon.get(run).json["finished"], "the end")
    assert daemon.get(run).json["state"] == "completed"
    assert len(guarded.primary.keys("row:*")) == 1200
