# SPDX-License-Identifier: MIT
"""Clusters that contradict themselves, redirect in circles, or cannot be reached: an error that says
so, within the deadline."""

import os
import socket
import subprocess

import pytest

from cluster import slot_of
from fake_cluster import FakeNode, array, number, slots
from harness import BINARY, free_port, open_config, until
from keys import put


@pytest.fixture
def fake():
    nodes = []

    def make(*args):
        nodes.append(FakeNode(*args))
        return nodes[-1]

    yield make
    for node in nodes:
        node.close()


class Url:
    def __init__(self, *hosts, more=""):
        self.url = "redis+cluster://" + ",".join(hosts) + more


def config(*hosts, extra=""):
    """Timeouts that are short enough for a test, and long enough for a busy machine."""
    text = open_config(Url(*hosts), extra)
    return text.replace('"}', '", command_timeout: 1s, connect_timeout: 500ms}', 1)


def says(daemon, *words):
    """Health says why Redis is down."""
    def told():
        body = daemon.health().body.decode()
        return all(word in body for word in words)

    until(told, f"health says {words}")


def unavailable(reply, *words):
    assert (reply.status, reply.json["code"]) == (503, "redis_unavailable"), reply
    for word in words:
        assert word in reply.json["detail"], reply


WRONG_MAPS = [
    (array(), ["no server has any slots"]),
    (slots((0, 100, "127.0.0.1", 7001), (100, 16383, "127.0.0.1", 7002)), ["slot 100 has two primaries"]),
    (slots((0, 16384, "127.0.0.1", 7001)), ["not within 0 to 16383"]),
    (slots((5, 4, "127.0.0.1", 7001)), ["not within 0 to 16383"]),
    (slots((0, 16383, "127.0.0.1", 0)), ["port is not between 1 and 65535"]),
    (slots((0, 16383, "?", 7001)), ["cluster-announce-hostname"]),
    (slots((0, 16383, "a b", 7001)), ["neither a name nor an address"]),
    (number(7), ["not a list"]),
    (b"-ERR This instance has cluster support disabled\r\n", ["cluster support disabled"]),
    (b"-NOPERM this user has no permissions to run the 'cluster|slots' command\r\n", ["cluster|slots"]),
]


@pytest.mark.parametrize("text,words", WRONG_MAPS, ids=[words[0] for _, words in WRONG_MAPS])
def test_a_map_that_cannot_be_used_is_told(start, fake, text, words):
    node = fake()
    node.map = text
    daemon = start(config(node.name))
    says(daemon, node.name, *words)
    reply = put(daemon, "a", b"v")
    assert reply.status in (502, 503) and words[0] in reply.json["detail"], reply
    # It recovers by itself.
    node.map = slots((0, 16383, "127.0.0.1", node.port))
    daemon.wait_redis()


def test_a_server_that_is_no_node_of_a_cluster(start, folder):
    """A plain redis-server behind redis+cluster://."""
    port = free_port()
    server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                               "--dir", folder], stdout=subprocess.DEVNULL)
    try:
        daemon = start(config(f"127.0.0.1:{port}"))
        says(daemon, "cluster support disabled")
        assert put(daemon, "a", b"v").status in (502, 503)
    finally:
        server.kill()
        server.wait()


def test_slots_without_a_primary_are_refused_and_others_served(start, fake):
    node = fake(lambda words: b"-CLUSTERDOWN Hash slot not served\r\n"
                if slot_of(words[1]) > 8000 else b"$-1\r\n")
    node.map = slots((0, 8000, "127.0.0.1", node.port))
    daemon = start(config(node.name))
    daemon.wait_redis()
    lost = next(f"k{i}" for i in range(100) if slot_of(f"k{i}") > 8000)
    held = next(f"k{i}" for i in range(100) if slot_of(f"k{i}") <= 8000)
    reply = put(daemon, lost, b"v")
    assert reply.status == 503 and "Hash slot not served" in reply.json["detail"], reply
    assert daemon.post("/api/v1/cache/mget", {"keys": [held]}).status != 503


def test_nodes_that_redirect_each_other(start, fake):
    other = fake()
    node = fake(lambda words: b"-MOVED %d %s\r\n" % (slot_of(words[1]), other.name.encode()))
    other.reply = lambda words: b"-MOVED %d %s\r\n" % (slot_of(words[1]), node.name.encode())
    other.map = node.map
    daemon = start(config(node.name))
    daemon.wait_redis()
    reply = daemon.post("/api/v1/cache/mget", {"keys": ["a"]})
    unavailable(reply, "redirect each other", "MOVED")
    assert (node.asked + other.asked).count([b"PTTL", b"a"]) == 6
    # Two redirections are followed at once; the others wait for 0.2 s and more.
    assert reply.took > 0.5, reply.took


def test_one_server_at_a_time_is_asked_for_the_map(start, fake):
    """The others only if it gives none."""
    nodes, asked = [fake() for _ in range(3)], []
    for node in nodes:
        node.map = slots(*((16384 * i // 3, 16384 * (i + 1) // 3 - 1, "127.0.0.1", one.port)
                           for i, one in enumerate(nodes)))
        node.mapped = lambda node=node: asked.append(node.name)
    start(config(*(node.name for node in nodes)).replace("command_timeout", "topology_refresh: 100ms, command_timeout"))
    until(lambda: len(asked) >= 24, "questions")
    # If all were asked in each round, each three questions would go to all three.
    rounds = [set(asked[i:i + 3]) for i in range(0, 24, 3)]
    assert any(len(one) < 3 for one in rounds), asked


def test_a_redirection_to_where_nothing_listens(start, fake):
    nowhere = f"127.0.0.1:{free_port()}"
    node = fake(lambda words: b"-MOVED %d %s\r\n" % (slot_of(words[1]), nowhere.encode()))
    daemon = start(config(node.name))
    daemon.wait_redis()
    reply = daemon.post("/api/v1/cache/mget", {"keys": ["a"]})
    unavailable(reply, nowhere)


@pytest.mark.parametrize("text", [b"MOVED 1", b"MOVED x 127.0.0.1:1", b"MOVED 1 127.0.0.1:99999",
                                  b"ASK 1 ?:6379", b"MOVED 99999 127.0.0.1:1"])
def test_a_redirection_that_makes_no_sense(start, fake, text):
    node = fake(lambda words: b"-%s\r\n" % text)
    daemon = start(config(node.name))
    daemon.wait_redis()
    reply = daemon.post("/api/v1/cache/mget", {"keys": ["a"]})
    unavailable(reply, "redirects to where nothing can be sent", text.decode())


def test_ask_without_an_importing_slot(start, fake):
    """The other node does not import the slot, and sends back."""
    other = fake()
    node = fake(lambda words: b"-ASK %d %s\r\n" % (slot_of(words[1]), other.name.encode()))
    other.reply = lambda words: b"-MOVED %d %s\r\n" % (slot_of(words[1]), node.name.encode())
    other.map = node.map
    daemon = start(config(node.name))
    daemon.wait_redis()
    reply = daemon.post("/api/v1/cache/mget", {"keys": ["a"]})
    unavailable(reply, "redirect each other")


def test_addresses_that_cannot_be_reached_are_named(start, fake):
    nowhere = free_port()
    node = fake()
    node.map = slots((0, 16383, "127.0.0.1", nowhere))
    daemon = start(config(node.name))
    says(daemon, f"127.0.0.1:{nowhere}")
    reply = put(daemon, "a", b"v")
    unavailable(reply, f"127.0.0.1:{nowhere}")


def test_host_names_are_resolved(start, fake):
    node = fake(lambda words: b"$1\r\nv\r\n")
    node.map = slots((0, 16383, "localhost", node.port))
    daemon = start(config(f"localhost:{node.port}"))
    daemon.wait_redis()


def test_a_seed_that_hangs_does_not_hide_the_others(start, fake):
    hanging = socket.socket()
    hanging.bind(("127.0.0.1", 0))
    hanging.listen(8)
    node = fake()
    daemon = start(config("127.0.0.1:%d" % hanging.getsockname()[1], node.name))
    daemon.wait_redis()
    hanging.close()


@pytest.mark.parametrize("more", ["/1", "?db=3"])
def test_a_database_number_is_a_fault_of_the_configuration(folder, more):
    file = os.path.join(folder, "c.yaml")
    with open(file, "w", encoding="utf-8") as out:
        out.write(f'redis: {{url: "redis+cluster://h:6379{more}"}}\n')
    os.chmod(file, 0o600)
    done = subprocess.run([BINARY, "--config", file, "--check-config"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 78 and "a Redis Cluster has database 0 only" in done.stderr + done.stdout, done
