# SPDX-License-Identifier: MIT
"""A Redis Cluster as `redis.url`, plain and behind TLS: keys on all servers, many keys at once,
redirections."""

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from certificates import authority_and_certificate
from cluster import Cluster, slot_of
from harness import open_config, until, with_settings
from keys import CACHE, path, put


@pytest.fixture(scope="module", params=["plain", "tls"])
def cluster(request):
    folder = tempfile.mkdtemp(prefix="cw-")
    try:
        servers = Cluster(folder, 3, tls=request.param == "tls" and authority_and_certificate(folder))
        yield servers
        servers.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def daemon(start, cluster):
    daemon = start(open_config(cluster))
    daemon.wait_for("redis is up")
    return daemon


def test_a_key_is_stored_on_the_server_of_its_slot(daemon, cluster):
    for i in range(60):
        assert put(daemon, f"one:{i}", f"v{i}").status == 201
    for i in range(60):
        assert cluster("GET", f"one:{i}") == f"v{i}".encode()
        assert daemon.get(path(f"one:{i}")).body == f"v{i}".encode()
    for i in range(60):
        assert daemon.request("DELETE", path(f"one:{i}")).headers["X-Cache-Deleted"] == "1"
        assert daemon.get(path(f"one:{i}")).status == 404
    assert cluster.keys("one:*") == []


def test_one_seed_that_lives_is_enough(start, cluster):
    config = with_settings(open_config(cluster))
    daemon = start(config.replace(cluster.nodes[0].name, "127.0.0.1:1").replace(cluster.nodes[1].name, "127.0.0.1:2"))
    daemon.wait_for("redis is up")
    for i in range(10):
        assert put(daemon, f"seed:{i}", b"v").status == 201


def test_many_keys_at_once_are_put_together_in_order(daemon, cluster):
    names = [f"many:{i}" for i in range(300)]
    reply = daemon.post(CACHE + "/mset", {"entries": [{"key": n, "value": n} for n in names]})
    assert reply.status == 200, reply
    assert all(cluster("GET", name) for name in names)
    reply = daemon.post(CACHE + "/mget", {"keys": names + ["many:absent"]})
    assert reply.status == 200, reply
    entries = reply.json["entries"]
    assert [entry["value"] for entry in entries[:-1]] == names and entries[-1] is None, reply


def test_a_moved_slot_is_followed_and_learnt(daemon, cluster):
    key = "moved:1"
    slot = slot_of(key)
    assert put(daemon, key, b"before").status == 201
    source = cluster.owner(slot)
    target = next(node for node in cluster.primaries if node is not source)
    cluster.reshard([slot], target)
    assert daemon.get(path(key)).body == b"before"
    assert put(daemon, key, b"after").status == 204
    assert target("GET", key) == b"after"
    refused = source.info("errorstat_MOVED")
    assert daemon.get(path(key)).body == b"after"
    assert source.info("errorstat_MOVED") == refused, "asks the old server again"


def test_a_key_of_a_slot_that_moves_is_found_on_either_server(daemon, cluster):
    tag = "{ask}"
    slot = slot_of(tag)
    for i in range(10):
        assert put(daemon, f"{tag}:{i}", b"v").status == 201
    target = next(node for node in cluster.primaries if node is not cluster.owner(slot))
    source = cluster.begin_move(slot, target)
    source("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *[f"{tag}:{i}" for i in range(5)])
    for i in range(10):
        assert daemon.get(path(f"{tag}:{i}")).body == b"v"
    reply = daemon.post(CACHE + "/mget", {"keys": [f"{tag}:{i}" for i in range(10)]})
    assert [entry["value"] for entry in reply.json["entries"]] == ["v"] * 10
    # Storing has several keys in the slot: Redis answers TRYAGAIN until all are on one server.
    asked = source.info("errorstat_TRYAGAIN"), target.info("errorstat_TRYAGAIN")
    with ThreadPoolExecutor(1) as pool:
        storing = pool.submit(put, daemon, f"{tag}:9", b"w")
        until(lambda: (source.info("errorstat_TRYAGAIN"), target.info("errorstat_TRYAGAIN")) != asked,
              "TRYAGAIN")
        cluster.move_keys(source, target, slot)
        cluster.end_move(slot, target)
        assert storing.result().status == 204
    assert target("GET", f"{tag}:9") == b"w"


def test_health_and_stats_say_that_it_is_up(daemon):
    until(lambda: daemon.stats()["redis"]["status"] == "up", "redis is up")
    assert daemon.health().status == 200


def test_a_pattern_is_invalidated_on_all_servers(daemon, cluster):
    cluster.fill(2000, "product:{}:detail")
    cluster.fill(500, "kept:{}")
    reply = daemon.invalidate({"patterns": ["product:*"]})
    assert reply.status == 200, reply
    assert (reply.json["complete"], reply.json["invalidated"]) == (True, 2000), reply
    assert cluster.keys("product:*") == []
    assert len(cluster.keys("kept:*")) == 500


def listed(daemon, query):
    names, cursor = [], ""
    while cursor is not None:
        reply = daemon.get(f"{CACHE}/keys?{query}&cursor={cursor}")
        assert reply.status == 200, reply
        names += [item["key"] for item in reply.json["items"]]
        cursor = reply.json["next"]
    return names


def test_the_keys_of_all_servers_are_listed_page_by_page(daemon, cluster):
    cluster.fill(700, "listed:{}")
    names = listed(daemon, "match=listed:*&limit=50")
    assert sorted(names) == sorted(f"listed:{i}" for i in range(700))
    assert set(names) <= set(listed(daemon, "limit=1000"))
