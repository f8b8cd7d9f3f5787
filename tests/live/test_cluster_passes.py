# SPDX-License-Identifier: MIT
"""Invalidation by pattern on a Redis Cluster: all servers, one slot, slots that move, servers away."""

import os
import shutil
import tempfile
import threading

import pytest

from cluster import Cluster, slot_of
from harness import open_config, until
from invalidating import begin, ended
from test_warm import jobs, warm


@pytest.fixture(scope="module")
def cluster():
    folder = tempfile.mkdtemp(prefix="cw-")
    try:
        servers = Cluster(folder, 3)
        yield servers
        servers.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def daemon(start, cluster):
    daemon = start(open_config(cluster))
    daemon.wait_for("redis is up")
    return daemon


def flush(cluster):
    for node in cluster.primaries:
        node("FLUSHALL")


def invalidate(daemon, *patterns, **more):
    reply = daemon.invalidate({"patterns": list(patterns), **more})
    assert reply.status == 200, reply
    return reply.json


@pytest.mark.parametrize("pace", [0, 2])
def test_every_server_is_scanned_and_nothing_else_goes(daemon, cluster, pace):
    flush(cluster)
    cluster.fill(6000, "product:{}:detail")
    cluster.fill(3000, "kept:{}")
    counted = invalidate(daemon, "product:*", dry_run=True)
    assert (counted["complete"], counted["matched"]) == (True, 6000), counted
    result = invalidate(daemon, "product:*", max_keys=10000, pace={"max_latency_ms": pace})
    assert (result["complete"], result["matched"], result["invalidated"]) == (True, 6000, 6000), result
    assert "orphans" not in result and "nodes" not in result
    assert cluster.keys("product:*") == []
    assert len(cluster.keys("kept:*")) == 3000


def test_a_few_keys_among_many_are_found_by_the_servers(daemon, cluster):
    """Only names that match cross the wire."""
    flush(cluster)
    cluster.fill(3000, "kept:{}")
    cluster.fill(5, "rare:{}")
    sent = sum(node.calls("cluster|getkeysinslot") for node in cluster.primaries)
    result = invalidate(daemon, "*are:?", max_keys=100)
    assert (result["complete"], result["invalidated"]) == (True, 5), result
    assert sum(node.calls("cluster|getkeysinslot") for node in cluster.primaries) == sent


def test_a_hash_tag_needs_its_slot_only(daemon, cluster):
    flush(cluster)
    cluster.fill(200, "{{42}}:item:{}")
    cluster.fill(2000, "other:{}")
    before = {node: (node.calls("scan"), node.calls("cluster|getkeysinslot"))
              for node in cluster.primaries}
    result = invalidate(daemon, "{42}:item:*")
    assert (result["complete"], result["invalidated"]) == (True, 200), result
    for node in cluster.primaries:
        scans, asked = before[node]
        assert node.calls("scan") == scans
        assert node.calls("cluster|getkeysinslot") - asked == (node is cluster.owner(slot_of("42")))
    assert cluster.keys("{42}*") == [] and len(cluster.keys("other:*")) == 2000


@pytest.mark.parametrize("pattern", ["{big}:*", "*:item:*"])
def test_a_slot_with_very_many_keys_is_scanned_in_pages(daemon, cluster, pattern):
    flush(cluster)
    cluster.fill(5000, "{{big}}:item:{}")
    cluster.fill(5000, "small:{}:item:x")
    result = invalidate(daemon, pattern, max_keys=100000)
    wanted = 5000 if pattern == "{big}:*" else 10000
    assert (result["complete"], result["invalidated"]) == (True, wanted), result
    assert cluster.keys(pattern) == []


def orphan(cluster, tag, count):
    """Keys on a server that does not have their slot, as a migration leaves them that was cut."""
    slot = slot_of(tag)
    owner = cluster.owner(slot)
    other = next(node for node in cluster.primaries if node is not owner)
    other("CLUSTER", "SETSLOT", slot, "IMPORTING", owner.id)
    for i in range(count):
        other.pipeline([("ASKING",), ("SET", "{%s}:%d" % (tag, i), "v")])
    other("CLUSTER", "SETSLOT", slot, "STABLE")
    return other


@pytest.mark.parametrize("more", [3000, 0])
def test_names_that_a_server_has_no_more_are_counted_apart(daemon, cluster, more):
    flush(cluster)
    cluster.fill(more, "{{live}}{}")
    cluster.fill(100, "more:{}")
    other = orphan(cluster, "left", 7)
    result = invalidate(daemon, "*e*", max_keys=100000)
    assert (result["complete"], result["orphans"]) == (True, 7), result
    assert result["invalidated"] == more + 100
    assert other("DBSIZE") >= 7
    flush(cluster)


def test_a_slot_that_is_on_its_way_is_scanned_on_both_servers(daemon, cluster):
    flush(cluster)
    cluster.fill(100, "{{way}}:{}")
    slot = slot_of("way")
    target = next(node for node in cluster.primaries if node is not cluster.owner(slot))
    source = cluster.begin_move(slot, target)
    source("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS",
           *["{way}:%d" % i for i in range(5, 45)])
    for pattern, wanted in ("{way}:1*", 11), ("*way*", 89):
        result = invalidate(daemon, pattern)
        assert (result["complete"], result["invalidated"]) == (True, wanted), result
    assert cluster.keys("{way}*") == []
    cluster.end_move(slot, target)


def test_what_moves_meanwhile_is_scanned_again(daemon, cluster):
    """A slot's keys are removed, or the answer says that slots have moved; the former in the end."""
    complete = 0
    for _ in range(6):
        flush(cluster)
        cluster.fill(3000, "moving:{}")
        slots = list({slot_of(f"moving:{i}") for i in range(60)})
        target = cluster.primaries[0]
        thread = threading.Thread(target=cluster.reshard, args=(slots, target))
        thread.start()
        result = invalidate(daemon, "moving:*", max_keys=100000)
        thread.join()
        left = cluster.keys("moving:*")
        if result["complete"]:
            complete += 1
            assert left == [], (result, left)
        else:
            assert result["reason"] == "topology_changed", result
        cluster.settle()
        cluster.reshard(slots, cluster.primaries[1])
    assert complete, "not once"


def test_what_is_emptied_meanwhile_is_scanned_again(daemon, cluster):
    """All slots of that server: what matches there is gone in the end, also what came back."""
    again = 0
    for number in range(5):
        flush(cluster)
        cluster.fill(20000, "emptied:{}")
        node = cluster.primaries[number % 3]
        names = [key for key in node("KEYS", "emptied:*")][:50]
        removed = node.calls("unlink")
        operation = begin(daemon, {"patterns": ["emptied:*"], "max_keys": 100000,
                                   "pace": {"max_latency_ms": 1}})
        until(lambda n=node, was=removed: n.calls("unlink") > was, "the first deletion")
        node.pipeline([("FLUSHALL",)] + [("SET", key, "v") for key in names])
        result = ended(daemon, operation)["result"]
        assert result["complete"] is True, result
        if result["passes"] > 1:
            again += 1
            assert cluster.keys("emptied:*") == [], result
    assert again, "the passes were too fast"


def test_a_server_that_is_away_is_named(start, folder):
    cluster = Cluster(folder, 3)
    try:
        daemon = start(open_config(cluster))
        daemon.wait_for("redis is up")
        cluster.fill(3000, "product:{}")
        # Not the one of the invalidation log.
        lost = next(node for node in cluster.primaries
                    if node is not cluster.owner(slot_of("cw:inval")))
        there = lost("DBSIZE")
        lost.kill()
        result = invalidate(daemon, "product:*", max_keys=100000, wait=60)
        assert (result["complete"], result["reason"]) == (False, "skipped_nodes"), result
        assert result["nodes"] == [lost.name]
        assert result["invalidated"] == 3000 - there
        reply = daemon.invalidate({"patterns": ["product:*"], "max_keys": 100000, "strict": True})
        assert (reply.status, reply.json["nodes"]) == (502, [lost.name]), reply
        # A slot of another server does not need it.
        tag = next(t for t in map(str, range(1000))
                   if cluster.owner(slot_of(t)) not in (lost, None))
        assert invalidate(daemon, "{%s}:*" % tag)["complete"] is True
    finally:
        cluster.close()


def test_a_purge_of_a_tag_minds_the_latency_of_every_server(daemon, cluster):
    flush(cluster)
    names = [f"paced:{i}" for i in range(3000)]
    cluster.fill(3000, "paced:{}")
    for begin_at in range(0, 3000, 500):
        cluster("ZADD", "cw:tag:paced", *(word for name in names[begin_at:begin_at + 500] for word in ("inf", name)))
    before = {node: node.calls("ping") for node in cluster.primaries}
    reply = daemon.invalidate({"tags": ["paced"], "max_keys": 10000, "pace": {"max_latency_ms": 1}, "wait": 60})
    assert reply.json["complete"] is True and reply.json["invalidated"] == 3000, reply
    assert cluster.keys("paced:*") == []
    # The probes of a pacer: nothing else sends PING to a server that works.
    assert all(node.calls("ping") > calls for node, calls in before.items()), before


@pytest.mark.parametrize("key, others", [("paced:{id}", True), ("paced{{one}}:{id}", False)])
def test_a_paced_run_minds_the_latency_of_the_servers_that_it_writes_to(start, cluster, folder, key, others):
    flush(cluster)
    rows = os.path.join(folder, "rows")
    with open(rows, "w", encoding="utf-8") as file:
        file.writelines(f'{{"id": {i}}}\n' for i in range(3000))
    daemon = start(open_config(cluster, jobs({
        "name": "j", "key": key, "pace": {"max_latency": "1ms"},
        "source": {"type": "file", "path": rows, "format": "jsonl"}})))
    daemon.wait_for("redis is up")
    before = {node: node.calls("ping") for node in cluster.primaries}
    assert warm(daemon)["result"]["stored"] == 3000
    # The probes of a pacer: nothing else sends PING to a server that works.
    probed = {node for node, calls in before.items() if node.calls("ping") > calls}
    written = {node for node in cluster.primaries if node("KEYS", "paced*")}
    assert probed == written and len(written) == (3 if others else 1), probed
