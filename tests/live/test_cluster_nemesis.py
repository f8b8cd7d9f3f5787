# SPDX-License-Identifier: MIT
"""A cluster of three primaries and three replicas to which things happen while the daemon works:
every request is answered in its time, every `complete: true` is true, and a shard that works again is
served again."""

import random
import shutil
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cluster import SLOTS, Cluster, slot_of
from harness import SANITIZED, open_config, rounds, until
from keys import path, put

# What a request may take: a command's timeout twice, sending it again, and the pass's patience.
MOST = 30 if SANITIZED else 15


@pytest.fixture(scope="module")
def cluster():
    folder = tempfile.mkdtemp(prefix="cw-")
    try:
        servers = Cluster(folder, 3, 1)
        yield servers
        servers.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Load(threading.Thread):
    """Stores and reads keys all over the cluster; remembers what took how long."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.asked, self.slowest, self.failures, self.wrong = 0, 0.0, 0, []
        self.daemon_process, self.ended = daemon, threading.Event()
        self.start()

    def run(self):
        number = 0
        while not self.ended.is_set():
            number += 1
            key = f"load:{number % 500}"
            for ask in (lambda k=key: put(self.daemon_process, k, b"v"),
                        lambda k=key: self.daemon_process.get(path(k))):
                reply = ask()
                self.asked += 1
                self.slowest = max(self.slowest, reply.took)
                self.failures += reply.status >= 500
                if reply.status not in (200, 201, 204, 404, 429, 502, 503, 504):
                    self.wrong.append(reply)

    def end(self):
        self.ended.set()
        self.join(60)
        assert not self.is_alive(), "a request has no answer"


def victim(cluster):
    """A primary with a replica that can take its place, with the first of its slots."""
    def ready():
        for node in random.sample(cluster.primaries, 3):
            copy = cluster.replica_of(node)
            if copy and copy.info("master_link_status") == "up":
                return node
        return None

    return until(ready, "a primary with a replica")


def kill(cluster):
    node = victim(cluster)
    slot = cluster.slots(node)[0]
    node.kill()
    cluster.await_owner(slot, node)
    node.start()


def stop(cluster):
    node = victim(cluster)
    slot = cluster.slots(node)[0]
    node.send(signal.SIGSTOP)
    others = [other for other in cluster.nodes if other is not node]
    until(lambda: any(begin <= slot <= end and main[2].decode() != node.id
                      for other in others for begin, end, main, *_ in other("CLUSTER", "SLOTS")),
          "the replica took over")
    node.send(signal.SIGCONT)


def fail_over(cluster):
    cluster.failover(victim(cluster))


def some_slots(count):
    """In a row, as redis-cli moves them: a map of thousands of ranges makes each step slow."""
    begin = random.randrange(SLOTS - count + 1)
    return range(begin, begin + count)


def reshard(cluster):
    cluster.reshard(some_slots(500), random.choice(cluster.primaries))


def add_and_remove(cluster):
    """A fourth primary takes slots of all others, and gives them to one of them before it goes."""
    node = cluster.add()
    cluster.meet(node)
    cluster.settle()  # a new primary accepts no keys for two seconds
    taken = some_slots(100)
    cluster.reshard(taken, node)
    cluster.settle()
    cluster.reshard(taken, random.choice([other for other in cluster.primaries if other is not node]))
    cluster.settle()
    cluster.remove(node)


EVENTS = {"kill": kill, "stop": stop, "fail over": fail_over, "reshard": reshard,
          "add and remove": add_and_remove}


def judge_invalidation(cluster, result, prefix, left, apart):
    """`complete: true` is true, save for what Redis itself lost after it was acknowledged."""
    if result["complete"]:
        assert left == [] or apart, (prefix, result, left[:20])
    else:
        assert result["reason"] in ("topology_changed", "skipped_nodes", "redis_down"), result


@pytest.mark.parametrize("what", EVENTS)
def test_what_happens_to_the_servers_is_survived(start, cluster, what):
    daemon = start(open_config(cluster))
    daemon.wait_for("redis is up")
    lost, complete = 0, 0
    load, pool = Load(daemon), ThreadPoolExecutor(1)
    for number in range(rounds(1 if what == "add and remove" else 2, 50)):
        prefix = f"round{what[0]}{number}"
        cluster.fill(1500, prefix + ":{}")
        happened = {}

        def happen():
            time.sleep(random.random() * 0.05)  # anywhere in the pass
            happened["began"] = time.monotonic()
            EVENTS[what](cluster)

        event = pool.submit(happen)
        began = time.monotonic()
        reply = daemon.invalidate({"patterns": [prefix + ":*"], "max_keys": 100000, "wait": 60})
        ended = time.monotonic()
        assert ended - began < MOST, reply
        event.result(60)
        cluster.settle()
        # Served again at once. What the event refuses meanwhile is not of interest.
        for key in (f"again:{i}" for i in range(30)):
            until(lambda k=key: put(daemon, k, b"v").status in (201, 204), "served again", 5)
        left = cluster.keys(prefix + ":*")
        if reply.status == 200:
            # A deletion that the old primary acknowledged at its end may not have reached the new one.
            apart = what in ("kill", "stop") and happened["began"] > ended - 0.1
            judge_invalidation(cluster, reply.json, prefix, left, apart)
            complete += reply.json["complete"]
            lost += len(left) if reply.json["complete"] else 0
        else:
            assert reply.status in (202, 502, 503, 504), reply
        until(lambda: all(cluster.replica_of(node) for node in cluster.primaries), "replicas")
    load.end()
    assert load.asked and not load.wrong, load.wrong[:3]
    assert load.slowest < MOST, load.slowest
    print(f"{what}: {load.asked} requests, {load.failures} refused, slowest {load.slowest:.2f} s, "
          f"{complete} complete, {lost} keys lost by Redis")


def test_a_lost_shard_leaves_the_others_alone(start, cluster):
    """While nobody has a third of the slots, the rest is served; then all again, soon."""
    daemon = start(open_config(cluster))
    daemon.wait_for("redis is up")
    node = victim(cluster)
    copy = cluster.replica_of(node)
    held = next(f"k{i}" for i in range(1000) if cluster.owner(slot_of(f"k{i}")) is not node)
    gone = next(f"k{i}" for i in range(1000) if cluster.owner(slot_of(f"k{i}")) is node)
    copy.send(signal.SIGSTOP)
    node.kill()
    until(lambda: daemon.get(path(gone)).status == 503, "the shard is gone")
    for _ in range(20):
        assert daemon.get(path(held)).status in (200, 404)
    copy.send(signal.SIGCONT)
    cluster.await_owner(slot_of(gone), node)
    until(lambda: daemon.get(path(gone)).status in (200, 404), "the shard is served again", 5)
    node.start()
    cluster.settle()


def test_a_server_that_has_lost_its_slots_is_left_alone(start, cluster):
    """No connection to it stays, and none to a replica that was only asked for the map."""
    daemon = start(open_config(cluster))
    daemon.wait_for("redis is up")

    def clients(node):
        return node("CLIENT", "LIST").count(b"name=cachewarden")

    node = victim(cluster)
    until(lambda: clients(node) == 3, "its three connections")
    cluster.failover(node)
    until(lambda: clients(node) == 0, "the old primary is left alone")
    for other in cluster.primaries:
        until(lambda o=other: clients(o) == 3, "three connections to each primary")
    for key in (f"left:{i}" for i in range(30)):
        assert put(daemon, key, b"v").status in (201, 204)
    cluster.settle()
