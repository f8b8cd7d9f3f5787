# SPDX-License-Identifier: MIT
"""A cluster's servers in stats, health, /metrics, the log and the doctor, while some are away."""

import json
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from cluster import SLOTS, Cluster, slot_of
from harness import API, BINARY, open_config, until, with_members
from keys import path, put


@pytest.fixture(scope="module")
def kept():
    """Three primaries with a replica each, for tests that change nothing."""
    folder = tempfile.mkdtemp(prefix="cw-")
    try:
        servers = Cluster(folder, 3, replicas=1)
        yield servers
        servers.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(folder):
    """Three primaries without replicas."""
    servers = Cluster(folder, 3)
    yield servers
    servers.close()


def begin(start, cluster):
    daemon = start(open_config(cluster, "stats: {interval: 100ms}"))
    daemon.wait_for("redis is up")
    return daemon


def nodes(daemon, role="master"):
    return {node["name"]: node for node in daemon.stats()["redis"]["nodes"] if node["role"] == role}


def redis_health(daemon):
    return daemon.health().json["components"]["redis"]


def warnings(daemon):
    return redis_health(daemon)["details"]["warnings"]


def key_on(cluster, node, begins="on"):
    """A key whose slot the server has."""
    slots = set(cluster.slots(node))
    return next(key for key in (f"{begins}:{i}" for i in range(10000)) if slot_of(key) in slots)


def test_stats_have_each_primary_and_each_replica(start, kept):
    daemon = begin(start, kept)
    replicas = [node for node in kept.nodes if node not in kept.primaries]
    until(lambda: set(nodes(daemon)) == {n.name for n in kept.primaries}
          and set(nodes(daemon, "slave")) == {n.name for n in replicas}, "all six servers")
    for node in kept.primaries:
        shown = nodes(daemon)[node.name]
        assert (shown["status"], shown["slots"]) == ("up", len(kept.slots(node))), shown
        assert shown["lag_bytes"] is None and shown["last_error"] is None, shown
        assert list(shown) == ["name", "status", "role", "slots", "used_bytes", "keys", "lag_bytes", "last_error"]
    for shown in nodes(daemon, "slave").values():
        assert (shown["status"], shown["slots"], shown["used_bytes"], shown["keys"]) == ("up", None, None, None)
        assert shown["lag_bytes"] >= 0, shown


def test_figures_are_the_sums_of_all_primaries(start, kept):
    daemon = begin(start, kept)
    kept.fill(900, "sum:{}")
    until(lambda: daemon.stats()["redis"]["keys"]["total"] == sum(node("DBSIZE") for node in kept.primaries) >= 900,
          "all keys are counted")
    redis = daemon.stats()["redis"]
    shown = [node for node in redis["nodes"] if node["role"] == "master"]
    assert redis["keys"]["total"] == sum(node["keys"] for node in shown)
    assert redis["memory"]["used_bytes"] == sum(node["used_bytes"] for node in shown)
    assert redis["clients"]["max"] == sum(int(node.info("maxclients")) for node in kept.primaries)
    assert (redis["mode"], redis["role"], redis["status"]) == ("cluster", "master", "up")
    hits = redis["hits"]
    for node in kept.primaries:
        for _ in range(10):
            assert node("GET", key_on(kept, node, "sum"))
    until(lambda: daemon.stats()["redis"]["hits"] >= hits + 30, "the hits on all servers")
    assert daemon.stats()["redis"]["hit_rate"] > 0


def test_each_primary_is_a_series(start, kept):
    daemon = begin(start, kept)
    for node in kept.primaries:
        until(lambda n=node: daemon.metric(f'cachewarden_redis_node_up{{node="{n.name}"}}') == 1, node.name)
    text = daemon.get("/metrics").body.decode()
    for node in kept.primaries:
        assert len(re.findall(f'redis_instance_info{{.*tcp_port="{node.port}".*}} 1\n', text)) == 1, text
    commands = sum(int(node.info("total_commands_processed")) for node in kept.primaries)
    until(lambda: daemon.metric("redis_commands_processed_total") >= commands, "the sum")
    assert daemon.metric("redis_config_maxclients") == sum(int(n.info("maxclients")) for n in kept.primaries)


def test_why_slots_are_away_is_said(start, cluster):
    daemon = begin(start, cluster)

    def away():
        return redis_health(daemon)["details"]["away"]

    def says(reason, fix):
        one, = until(lambda: [found for found in away() if reason in found["reason"]], reason)
        assert fix in one["fix"] and one["ranges"], one
        told = f"{one['node'] or 'no server'} (slots {one['ranges']}): {one['reason']}"
        assert told in warnings(daemon), (told, warnings(daemon))
        return one

    assert away() == []
    # No server has it.
    for node in cluster.nodes:
        node("CLUSTER", "DELSLOTS", 7)
    one = says("no server of the cluster has them", "CLUSTER ADDSLOTS")
    assert (one["node"], one["slots"], one["ranges"]) == (None, 1, "7"), one
    cluster.nodes[0]("CLUSTER", "ADDSLOTS", 7)
    until(lambda: away() == [], "the slot has a server again")
    # One that hangs, which its peers notice after a while; it has no replica.
    gone = cluster.primaries[-1]
    slots = cluster.slots(gone)
    gone.send(signal.SIGSTOP)
    one = says("the cluster has given it up (fail), and it has no replica", "--cluster fix")
    assert (one["node"], one["slots"]) == (gone.name, len(slots)), one
    gone.send(signal.SIGCONT)
    until(lambda: away() == [], "it works again")
    # The daemon alone may not use it.
    gone("ACL", "SETUSER", "default", "resetpass", ">other")
    gone("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    says("NOAUTH", "redis.password")
    gone("ACL", "SETUSER", "default", "nopass")
    # A refused password is not sent again for a while, except after a reload.
    assert daemon.post(API + "/reload").status == 200
    until(lambda: away() == [], "it lets everybody in again")


def test_a_replica_that_does_not_take_over_is_named(start, kept):
    daemon = begin(start, kept)
    gone = kept.primaries[0]
    copy = kept.replica_of(gone)
    until(lambda: copy.info("master_link_status") == "up", "the replica")
    copy("CONFIG", "SET", "cluster-replica-no-failover", "yes")
    gone.send(signal.SIGSTOP)
    one, = until(lambda: [found for found in redis_health(daemon)["details"]["away"]
                          if "has not taken over yet" in found["reason"]], "the replica to be named")
    assert f"its replica {copy.name} " in one["reason"] and f"redis-cli to {copy.name}" in one["fix"], one
    gone.send(signal.SIGCONT)
    copy("CONFIG", "SET", "cluster-replica-no-failover", "no")
    until(lambda: redis_health(daemon)["details"]["slots_away"] == 0, "it works again")
    kept.settle()


def test_a_primary_that_is_away_is_named_with_its_slots(start, cluster):
    daemon = begin(start, cluster)
    gone, *others = cluster.primaries
    slots = cluster.slots(gone)
    lost, found = key_on(cluster, gone), [key_on(cluster, node) for node in others]
    for key in [lost, *found]:
        assert put(daemon, key, b"v").status == 201
    until(lambda: redis_health(daemon)["status"] == "UP" and nodes(daemon), "all servers")
    gone.kill()
    until(lambda: redis_health(daemon)["status"] == "DEGRADED", "a server is missed")
    said = f"{len(slots)} of {SLOTS} slots have no primary that answers ({slots[0]}-{slots[-1]})"
    assert any(text.startswith(said) for text in warnings(daemon)), warnings(daemon)
    assert redis_health(daemon)["details"]["slots_away"] == len(slots)
    assert daemon.health().status == 200 and daemon.get("/readyz?redis=true").status == 200
    daemon.wait_for("redis: " + said)
    until(lambda: nodes(daemon, None).get(gone.name, {}).get("status") == "down", "it is shown as down")
    shown = nodes(daemon, None)[gone.name]
    assert shown["last_error"] and shown["slots"] == len(slots), shown
    assert (shown["used_bytes"], shown["keys"]) == (None, None), shown
    until(lambda: daemon.metric(f'cachewarden_redis_node_up{{node="{gone.name}"}}') == 0, "the series")
    # The others go on.
    assert daemon.get(path(lost)).status == 503
    for key in found:
        assert daemon.get(path(key)).body == b"v" and put(daemon, key, b"w").status == 204
    assert daemon.stats()["redis"]["status"] == "up"
    gone.start()
    daemon.wait_for("redis: all slots have a primary again after ")
    until(lambda: redis_health(daemon)["status"] == "UP", "all servers again")
    assert redis_health(daemon)["details"]["slots_away"] == 0
    until(lambda: put(daemon, lost, b"v").status in (201, 204), "a write to the server that is back")


def test_without_any_primary_health_is_down(start, cluster):
    daemon = begin(start, cluster)
    for node in cluster.nodes:
        node.send(signal.SIGSTOP)
    until(lambda: redis_health(daemon)["status"] == "DOWN", "no server answers")
    assert daemon.health().status == 503 and daemon.get("/readyz?redis=true").status == 503
    for node in cluster.nodes:
        node.send(signal.SIGCONT)
    until(lambda: redis_health(daemon)["status"] == "UP", "all servers again")


def test_health_is_down_where_the_cluster_refuses_all_without_one_primary(start, folder):
    # Redis's own default.
    cluster = Cluster(folder, 3, options=("--cluster-require-full-coverage", "yes"))
    try:
        daemon = begin(start, cluster)
        gone, other, _ = cluster.primaries
        key = key_on(cluster, other)
        gone.kill()
        until(lambda: redis_health(daemon)["status"] == "DOWN", "the cluster is down")
        assert "cluster_state:fail" in redis_health(daemon)["details"]["error"]
        daemon.wait_for("redis is down: ")
        assert daemon.get(path(key)).status == 503
        gone.start()
        until(lambda: redis_health(daemon)["status"] == "UP", "the cluster again")
        until(lambda: daemon.get(path(key)).status == 404, "service")
    finally:
        cluster.close()


def test_slots_that_no_server_has_are_named(start, cluster):
    daemon = begin(start, cluster)
    owner = cluster.owner(5)
    for node in cluster.nodes:
        node("CLUSTER", "DELSLOTS", 5, 6, 9)
    until(lambda: any("3 of 16384 slots have no primary that answers (5-6, 9)" in text
                      for text in warnings(daemon)), "the slots are named")
    assert nodes(daemon)[owner.name]["slots"] == len(cluster.slots(owner))


def examine(daemon):
    """What cachewardend --doctor says with the daemon's configuration."""
    ran = subprocess.run([BINARY, "--doctor", "--config", daemon.config_path], stdout=subprocess.PIPE, check=False)
    report = json.loads(ran.stdout)
    assert ran.returncode == (0 if report["ok"] else 1)
    return report


def test_the_doctor_names_a_primary_that_is_away_and_judges_the_others(start, cluster):
    daemon = begin(start, cluster)
    gone, *others = cluster.primaries
    slots = cluster.slots(gone)
    report = examine(daemon)
    assert report["ok"] is True and report["server"] == report["servers"][0], report
    assert {server["name"] for server in report["servers"]} == {node.name for node in cluster.primaries}
    assert all(server["version"].startswith(("Redis ", "Valkey ")) and server["latency_ms"] > 0
               and server["mode"] == "cluster" for server in report["servers"]), report
    others[0]("CONFIG", "SET", "maxmemory", 1024 * 1024, "maxmemory-policy", "noeviction")
    gone.kill()
    until(lambda: redis_health(daemon)["status"] == "DEGRADED", "a server is missed")
    report = examine(daemon)
    assert report["ok"] is False
    found = {(finding["code"], finding["subject"]) for finding in report["findings"]}
    assert ("redis_unavailable", gone.name) in found, report
    assert ("memory_policy", others[0].name) in found, report
    assert any(finding["code"] == "slots_away" and f"{slots[0]}-{slots[-1]}" in finding["detail"]
               for finding in report["findings"]), report


FOR_CLUSTERS = {"cluster|info": "map of", "cluster|slots": "map of", "cluster|nodes": "by pattern",
                "cluster|getkeysinslot": "by pattern", "cluster|countkeysinslot": "by pattern",
                "asking": "moved"}


def test_the_doctor_names_each_command_that_only_a_cluster_needs(start, kept):
    def allow(*rules):
        for node in kept.nodes:
            node("ACL", "SETUSER", "cw", "reset", "on", ">pass", "~*", "&*", "+@all", *rules)

    allow()
    daemon = start(with_members(open_config(kept), kept, "username: cw, password: pass"))
    daemon.wait_for("redis is up")
    assert [f for f in examine(daemon)["findings"] if f["severity"] == "error"] == []
    for command, feature in FOR_CLUSTERS.items():
        allow("-" + command)
        found = [f for f in examine(daemon)["findings"] if f["code"] == "command_denied"]
        assert [f["subject"] for f in found] == [command.upper()], (command, found)
        assert feature in found[0]["feature"], found
        assert found[0]["fix"] == "ACL SETUSER cw +" + command, found
        for node in kept.nodes:
            node(*found[0]["fix"].split())
        assert [f for f in examine(daemon)["findings"] if f["severity"] == "error"] == [], command


def test_what_a_command_of_clusters_is_needed_for_is_refused_with_the_reason(start, kept):
    for node in kept.nodes:
        node("ACL", "SETUSER", "cw", "reset", "on", ">pass", "~*", "&*", "+@all", "-cluster|nodes")
    daemon = start(with_members(open_config(kept), kept, "username: cw, password: pass"))
    until(lambda: any("denies CLUSTER|NODES" in text and "invalidation by pattern" in text
                      for text in warnings(daemon)), "the warning")
    reply = daemon.invalidate({"patterns": ["a:*"]})
    assert (reply.status, reply.json["code"]) == (502, "redis_noperm") and "CLUSTER|NODES" in reply.json["detail"], reply
    assert daemon.invalidate({"keys": ["a:1"]}).json["complete"] is True


def test_a_restarted_primary_is_away_until_it_serves_its_slots(start, cluster):
    """It answers at once, but refuses commands for two seconds (CLUSTERDOWN)."""
    daemon = begin(start, cluster)
    gone = cluster.primaries[0]
    key = key_on(cluster, gone)
    gone.kill()
    until(lambda: redis_health(daemon)["status"] == "DEGRADED", "it is missed")
    gone.start()
    until(lambda: gone("CLIENT", "LIST").count(b"name=cachewarden") == 3, "its connections")
    while (health := redis_health(daemon))["status"] == "DEGRADED":
        assert "have no primary that answers" in str(health["details"]["warnings"]), health
    assert health["status"] == "UP"
    assert b"cluster_state:ok" in gone("CLUSTER", "INFO")
    assert daemon.get(path(key)).status == 404
