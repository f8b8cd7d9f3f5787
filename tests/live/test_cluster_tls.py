# SPDX-License-Identifier: MIT
"""A Redis Cluster behind TLS, whose servers have no other port: failovers, and certificates that
cannot be trusted. What works over it is in test_cluster.py."""

import json
import subprocess

import pytest

from certificates import Authority, authority_and_certificate
from cluster import Cluster, slot_of
from harness import BINARY, SETTINGS, open_config, until, with_members
from keys import path, put


@pytest.fixture
def tls(folder):
    return authority_and_certificate(folder)


def redis_of(daemon):
    return daemon.health().json["components"]["redis"]


def says(daemon, status, *words):
    """Waits until health has all the words, in its error or a warning."""
    def look():
        redis = redis_of(daemon)
        text = str(redis["details"])
        return redis["status"] == status and all(word in text for word in words)

    until(look, f"health to say {status} and {words}")


def examine(daemon):
    """What cachewardend --doctor says with the daemon's configuration: it finds something."""
    ran = subprocess.run([BINARY, "--doctor", "--config", daemon.config_path], stdout=subprocess.PIPE, check=False)
    assert ran.returncode == 1
    return json.loads(ran.stdout)


def test_a_failover_is_followed(start, folder, tls):
    cluster = Cluster(folder, 3, replicas=1, tls=tls)
    try:
        daemon = start(open_config(cluster))
        daemon.wait_for("redis is up")
        key = "k"
        old = cluster.owner(slot_of(key))
        assert put(daemon, key, b"before").status == 201
        until(lambda: cluster.replica_of(old)("DBSIZE"), "the replica has it")
        new = cluster.failover(old)
        until(lambda: put(daemon, key, b"after").status == 204 and new("GET", key) == b"after", "the new primary in use")
        old.kill()
        assert daemon.get(path(key)).body == b"after"
    finally:
        cluster.close()


def test_a_server_with_a_certificate_of_another_authority_is_named(start, folder, tls):
    cluster = Cluster(folder, 3, tls=tls)
    try:
        node = cluster.nodes[1]
        other = Authority(folder, "other").issue("localhost", "127.0.0.1")
        # Servers trust both, so that the cluster itself works; the daemon does not.
        for each in cluster.nodes:
            each("CONFIG", "SET", "tls-ca-cert-file", both(folder))
        node("CONFIG", "SET", "tls-cert-file", other[0], "tls-key-file", other[1])
        daemon = start(open_config(cluster))
        says(daemon, "DEGRADED", "have no primary that answers")
        assert any(finding["subject"] == node.name and "not signed by a trusted authority" in finding["detail"]
                   for finding in examine(daemon)["findings"])
        keys = {each: next(f"k{i}" for i in range(1000) if cluster.owner(slot_of(f"k{i}")) is each)
                for each in cluster.nodes}
        for each, key in keys.items():
            assert put(daemon, key, b"v").status == (503 if each is node else 201), each.name
        node("CONFIG", "SET", "tls-cert-file", tls[1][0], "tls-key-file", tls[1][1])
        until(lambda: put(daemon, keys[node], b"v").status == 201, "service")
    finally:
        cluster.close()


def both(folder):
    path_of = f"{folder}/both.crt"
    with open(path_of, "w", encoding="ascii") as file:
        for name in ("authority", "other"):
            with open(f"{folder}/{name}.crt", encoding="ascii") as one:
                file.write(one.read())
    return path_of


def test_an_unknown_authority_is_named_by_health_and_the_doctor(start, folder, tls):
    cluster = Cluster(folder, 3, tls=tls)
    SETTINGS.pop(cluster.url)
    try:
        daemon = start(open_config(cluster))
        says(daemon, "DOWN", "TLS", "authority")
        assert put(daemon, "k", b"v").status == 503
        report = examine(daemon)
        assert any("not signed by a trusted authority" in finding["detail"] for finding in report["findings"]), report
        daemon.configure(with_members(open_config(cluster), cluster, f'tls: {{ca: "{tls[0].certificate}"}}'))
        assert daemon.post("/api/v1/admin/cache/reload").status == 200
        until(lambda: put(daemon, "k", b"v").status == 201, "service")
    finally:
        cluster.close()
