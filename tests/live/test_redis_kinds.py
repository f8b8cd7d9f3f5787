# SPDX-License-Identifier: MIT
"""Servers that take commands without complaint but are not the primary of all keys."""

import os
import subprocess

import pytest

from faults import fault_config, honest
from harness import API, Redis, free_port, until

CACHE = "/api/v1/cache"
LOADER = """
loaders:
  one: {params: [id], key: "one:{id}", source: {type: command, argv: [echo, '{"id": 1}'], format: json}}
warm:
  jobs:
    - {name: rows, suspend: true, source: {type: command, argv: [echo, '{"id": 1}'], format: jsonl}, key: "rows:{id}"}
"""


def config(url):
    return fault_config(url, extra=LOADER).replace("operate]", "operate, sessions]")


@pytest.fixture
def sentinel(folder, redis):
    """A Sentinel that watches nothing that answers; its URL."""
    port = free_port()
    path = os.path.join(folder, "sentinel.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"port {port}\nsentinel monitor m 127.0.0.1 {free_port()} 1\n")
    process = subprocess.Popen(["redis-server", path, "--sentinel"],
                               stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if "Sentinel ID is" in line or "monitor master" in line:
            break
    yield f"redis://127.0.0.1:{port}"
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def node(folder):
    """One of a cluster, with a part of the slots; its URL."""
    server = Redis(folder, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
                   "--port", str(free_port()), name="node")
    server("CLUSTER", "ADDSLOTSRANGE", 0, 8000)
    yield server.url
    server.close()


def refused_everywhere(daemon, code):
    """Whatever changes something says `code`, and no answer claims to know what is there."""
    for more in ({"keys": ["a"]}, {"patterns": ["a*"]}, {"tags": ["t"]},
                 {"keys": ["a"], "dry_run": True}, {"patterns": ["a*"], "verify": True},
                 {"keys": ["a"], "soft": True}, {"dependents_of": ["a"]}):
        reply = honest(daemon.invalidate(more), code)
        body = reply.json
        assert (body["complete"], body["reason"], body["matched"]) == (False, code, None), body
        assert [row["matched"] for row in body["selectors"]] in ([], [None]), body
        assert reply.took < 1
    for method, path, body in (
            ("PUT", CACHE + "/keys/a?ttl=60", b"v"), ("DELETE", CACHE + "/keys/a", None),
            ("POST", CACHE + "/keys/a/expire", {"ttl": 60}),
            ("POST", CACHE + "/mset", {"entries": [{"key": "a", "value": "v"}]}),
            ("POST", CACHE + "/mdelete", {"keys": ["a"]}),
            ("POST", API + "/warm", {"cache_names": ["rows"], "wait": 10}),
            ("POST", API + "/tags", {"tags": ["t"], "keys": ["a"]}),
            ("PUT", API + "/dependencies/a", {"dependents": ["b"]}),
            ("POST", "/api/v1/sessions", {"user_id": "1", "data": {}})):
        reply = daemon.request(method, path, body)
        assert (reply.status, reply.json["code"]) == (503, code), (path, reply)
        assert reply.took < 1
    # A source can still be asked; nothing is stored.
    reply = daemon.post(CACHE + "/results/one", {"params": {"id": "1"}})
    assert (reply.status, reply.headers["X-Cache"]) == (200, "BYPASS"), reply
    assert daemon.get("/readyz?redis=true").status == 503
    assert daemon.get("/readyz").status == 200


def test_a_sentinel_is_recognised(start, sentinel):
    for url in (sentinel, sentinel + "/3"):
        daemon = start(config(url))
        until(lambda d=daemon: "Sentinel" in d.health().body.decode(), "the verdict")
        refused_everywhere(daemon, "not_primary")
        health = daemon.health()
        details = health.json["components"]["redis"]["details"]
        assert (health.status, health.json["status"], details["state"]) == (503, "DOWN", "down")
        assert "Sentinel" in details["error"]
        assert daemon.get(CACHE + "/keys/a").json["code"] == "not_primary"
        assert daemon.log.count("a Redis Sentinel answers") == 1, daemon.log


def test_a_node_of_a_cluster_is_recognised(start, node):
    for url in (node, node.replace("db=0", "db=3")):
        daemon = start(config(url))
        until(lambda d=daemon: "node of a cluster" in d.health().body.decode(), "the verdict")
        refused_everywhere(daemon, "cluster_node")
        assert (daemon.health().status, daemon.health().json["status"]) == (503, "DOWN")
        assert daemon.log.count("node of a cluster") == 1, daemon.log


@pytest.mark.topology("server", "tls", why="sentinels never name a replica")
def test_of_a_replica_keys_are_read_and_nothing_is_written(start, redis, tuned):
    redis("SET", "a", "1")
    port = free_port()
    primary = tuned("--port", str(port))
    primary("SET", "a", "1")
    replica = tuned("--replicaof", f"127.0.0.1 {port}", "--repl-diskless-sync-delay", "0")
    until(lambda: b"master_link_status:up" in replica("INFO", "replication"), "the replica")
    daemon = start(config(replica.url))
    until(lambda: daemon.health().json["status"] == "DEGRADED", "the verdict")
    refused_everywhere(daemon, "not_primary")
    health = daemon.health()
    assert health.status == 200
    assert "is a replica" in health.json["components"]["redis"]["details"]["error"]
    assert daemon.get(CACHE + "/keys/a").body == b"1"
    assert daemon.get(CACHE + "/keys/b").status == 404
    stats = daemon.stats()["redis"]
    assert (stats["status"], stats["role"]) == ("up", "slave")
    assert daemon.log.count("is a replica") == 1, daemon.log


@pytest.mark.topology("server", "tls", "sentinel", why="a cluster allows no REPLICAOF")
@pytest.mark.parametrize("interval", ["100ms", "1h"])
def test_a_failover_there_and_back_is_followed(start, redis, interval):
    redis("SET", "a", "1")
    daemon = start(config(redis.url) + f"stats: {{interval: {interval}}}\n")
    daemon.wait_redis()
    until(lambda: "redis is up" in daemon.log, "the start")
    for round_ in range(3):
        redis("REPLICAOF", "127.0.0.1", free_port())
        # Whether INFO or the first refusal tells it.
        honest(daemon.invalidate({"keys": ["a"]}), "not_primary", "redis_readonly")
        until(lambda: daemon.get("/readyz?redis=true").status == 503, "the verdict")
        refused_everywhere(daemon, "not_primary")
        assert redis("EXISTS", "a") == 1
        redis("REPLICAOF", "NO", "ONE")
        until(lambda: daemon.get("/readyz?redis=true").status == 200, "the way back")
        assert daemon.health().json["status"] == "UP"
        daemon.wait_for("redis accepts writes again after", count=round_ + 1)
    assert daemon.invalidate({"keys": ["a"]}).json["invalidated"] == 1
    assert daemon.log.count("is a replica") == 3, daemon.log


@pytest.mark.topology("server", "tls", "sentinel", why="a cluster allows no REPLICAOF")
def test_startup_jobs_wait_for_a_primary(start, redis):
    redis("REPLICAOF", "127.0.0.1", free_port())
    daemon = start(config(redis.url).replace("suspend: true, source", "on: [startup], source"))
    until(lambda: "is a replica" in daemon.log, "the verdict")
    redis("REPLICAOF", "NO", "ONE")
    until(lambda: redis("EXISTS", "rows:1"), "the startup job")


@pytest.mark.topology("server", "tls", "sentinel", why="a cluster allows no REPLICAOF")
def test_a_server_without_info_is_told_by_role(start, tuned):
    redis = tuned("--rename-command", "INFO", "")
    redis("REPLICAOF", "127.0.0.1", free_port())
    daemon = start(config(redis.url))
    until(lambda: "is a replica" in daemon.health().body.decode(), "the verdict")
    honest(daemon.invalidate({"keys": ["a"]}), "not_primary")
    redis("REPLICAOF", "NO", "ONE")
    until(lambda: daemon.invalidate({"keys": ["a"]}).status == 200, "the way back")


@pytest.mark.topology("server", "tls", "sentinel", why="a cluster allows no REPLICAOF")
def test_what_waits_for_a_connection_is_not_sent_to_a_replica(start, redis, proxy):
    # Each piece of the handshake is late: all of them in time, on a busy machine, too.
    daemon = start(config(proxy.url).replace(": 500ms", ": 10s")
                   + "stats: {interval: 1h}\n")
    daemon.wait_redis()
    redis("REPLICAOF", "127.0.0.1", free_port())
    redis("CONFIG", "SET", "replica-read-only", "no")
    until(lambda: proxy.connections >= 2, "both connections")
    # The handshake takes a while, in which the write comes.
    proxy.mode, proxy.seconds = "delay", 0.2
    before = proxy.connections
    redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    until(lambda: proxy.connections >= before + 3, "all connections once more")
    reply = daemon.request("PUT", CACHE + "/keys/a?ttl=60", b"v")
    assert (reply.status, reply.json["code"]) == (503, "not_primary"), reply
    assert redis("EXISTS", "a") == 0
