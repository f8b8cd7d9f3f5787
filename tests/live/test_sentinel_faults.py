# SPDX-License-Identifier: MIT
"""Sentinels that lie, do not know, do not answer, or refuse: what is said of it, and that no server is
used that is not the primary."""

import os
import signal
import subprocess
import time

import pytest

from fake_sentinel import HANG, FakeSentinel
from harness import API, BINARY, DEADLINE, Redis, Resp, free_port, open_config, together, until
from keys import KEYS
from sentinels import Sentinels

pytestmark = pytest.mark.topology("server", why="brings its own sentinels")


class Server(Redis):
    """With a TCP port, which sentinels name."""

    def __init__(self, folder, *options, **more):
        self.port = free_port()
        super().__init__(folder, "--port", str(self.port), *options, **more)

    @property
    def address(self):
        return "127.0.0.1", self.port


@pytest.fixture
def server(folder):
    """server("--option", ...) -> Server"""
    servers = []

    def make(*options):
        servers.append(Server(folder, *options, name=f"server{len(servers)}"))
        return servers[-1]

    yield make
    for one in servers:
        one.close()


@pytest.fixture
def fake():
    """fake(address, ...) -> FakeSentinel"""
    fakes = []

    def make(*args, **more):
        fakes.append(FakeSentinel(*args, **more))
        return fakes[-1]

    yield make
    for one in fakes:
        one.close()


def config(*sentinels, more="", extra=""):
    url = "redis+sentinel://" + ",".join(one if isinstance(one, str) else one.name for one in sentinels)
    return open_config(type("At", (), {"url": url + "/main/0"}), extra).replace(
        '/main/0"', f'/main/0", connect_timeout: 500ms, topology_refresh: 200ms{more}')


def health_of(daemon):
    return daemon.health().json["components"]["redis"]


def says(daemon, *words):
    """Waits until health has all the words, in its error or a warning; returns its redis."""
    def look():
        redis = health_of(daemon)
        text = str(redis["details"])
        return redis if all(word in text for word in words) else None

    return until(look, f"health to say {words}")


def put(daemon, key="k"):
    return daemon.request("PUT", f"{KEYS}{key}?ttl=60", b"v", headers={"Content-Type": "text/plain"})


def serves(daemon):
    until(lambda: put(daemon).status < 300, "service")


def doctor(folder, text):
    path = os.path.join(folder, "doctor.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o600)
    return subprocess.run([BINARY, "--config", path, "--doctor"], stdout=subprocess.PIPE, timeout=30,
                          check=False, text=True)


def unreachable():
    return "127.0.0.1", free_port()


OF_NO_USE = [
    (lambda s: None, ("knows no primary named main", "check the name in redis.url")),
    (lambda s: ("127.0.0.1", s.port), ("names itself as the primary main",)),
    (lambda s: ("localhost", s.port), ("a Redis Sentinel answers",)),
    (lambda s: ("127.0.0.1", 0), ("no host and port",)),
    (lambda s: ("127.0.0.1", 65536), ("no host and port",)),
    (lambda s: ("", 6379), ("no host and port",)),
    (lambda s: ("a b", 6379), ("no host and port",)),
    (lambda s: b"*1\r\n:1\r\n", ("no host and port",)),
    (lambda s: b"+OK\r\n", ("no host and port",)),
    (lambda s: b"HTTP/1.1 400 Bad Request\r\n\r\n", ("not a Redis reply",)),
    (lambda s: b"-NOPERM User default has no permissions\r\n", ("refuses to tell the primary", "NOPERM")),
    (lambda s: HANG, ("did not answer",)),
    (lambda s: unreachable(), ("name a primary main that is of no use", "cannot be reached")),
    (lambda s: ("no-such-host.invalid", 6379), ("name a primary main that is of no use",)),
]


def test_an_answer_of_no_use_is_named_and_the_daemon_lives(start, fake, server, folder):
    redis = server()

    def case(number, address, words):
        sentinel = fake(None)
        sentinel.address = address(sentinel)
        daemon = start(config(sentinel))
        assert says(daemon, *words)["status"] == "DOWN"
        reply = put(daemon, f"k{number}")
        assert reply.status == 503 and reply.took < DEADLINE, reply
        until(lambda: words[-1] in daemon.log, "the log")
        done = doctor(daemon.folder, config(sentinel))
        assert done.returncode == 1 and words[-1] in done.stdout, done.stdout
        # As soon as it says better, all is well.
        sentinel.address = redis.address
        until(lambda: put(daemon, f"k{number}").status < 300, "service")
        until(lambda: daemon.health().json["status"] == "UP", "health")

    together(case, [(number, *row) for number, row in enumerate(OF_NO_USE)])
    assert [redis("GET", f"k{number}") for number in range(len(OF_NO_USE))] == [b"v"] * len(OF_NO_USE)


def test_a_name_of_the_primary_is_resolved(start, fake, server):
    redis = server()
    daemon = start(config(fake(("localhost", redis.port))))
    daemon.wait_redis()
    assert put(daemon).status == 201
    stats = until(lambda: next((s for s in [daemon.stats()["redis"]] if s["mode"]), None), "a sample")
    assert (stats["mode"], stats["nodes"][0]["name"]) == ("sentinel", f"localhost:{redis.port}")


def test_a_replica_is_not_written_to(start, fake, server):
    primary = server()
    replica = server("--replicaof", f"127.0.0.1 {primary.port}", "--replica-read-only", "no",
                     "--repl-diskless-sync-delay", "0")
    sentinel = fake(replica.address)
    daemon = start(config(sentinel))
    assert says(daemon, "is a replica")["status"] == "DOWN"
    assert put(daemon).status == 503
    sentinel.address = primary.address
    serves(daemon)
    # A server that becomes a replica under the daemon is not written to, either.
    primary("REPLICAOF", "127.0.0.1", free_port())
    primary("CONFIG", "SET", "replica-read-only", "no")
    until(lambda: put(daemon, "later").status == 503, "the refusal")
    replica("REPLICAOF", "NO", "ONE")
    sentinel.address = replica.address
    serves(daemon)
    assert replica("GET", "k") == b"v"


@pytest.mark.parametrize("lie", [lambda s: ("127.0.0.1", s.port), lambda s: unreachable()],
                         ids=["itself", "unreachable"])
def test_one_sentinel_that_lies_disturbs_nothing(start, fake, server, lie):
    redis = server()
    liar = fake(None, epoch=1000)
    liar.address = lie(liar)
    daemon = start(config(liar, fake(redis.address), fake(redis.address)))
    daemon.wait_redis()
    moved = liar.questions
    until(lambda: liar.questions > moved + 5, "more looks")
    assert "is down" not in daemon.log, daemon.log
    redis = says(daemon, liar.name)
    assert redis["status"] == "DEGRADED" and redis["details"]["state"] == "up"


def test_an_answer_from_before_the_failover_is_not_followed(start, fake, server):
    old, new = server(), server()
    late, early = fake(old.address, epoch=4), fake(old.address, epoch=4)
    other = fake(old.address, epoch=4)
    daemon = start(config(late, early, other))
    serves(daemon)
    early.address, early.epoch = new.address, 5
    until(lambda: put(daemon, "a").status < 300 and new("EXISTS", "a"), "the new primary in use")
    # The one that knew of the failover goes: two say that it is still the old one, and most count.
    old("FLUSHALL")
    other.address, other.epoch = new.address, 5
    early.close()
    asked = late.questions
    until(lambda: late.questions > asked + 5, "more looks")
    assert put(daemon, "b").status < 300
    assert new("EXISTS", "b") == 1 and old("DBSIZE") == 0
    says(daemon, early.name, late.name)
    # Only one is left, which is no majority.
    other.close()
    says(daemon, other.name)
    asked = late.questions
    until(lambda: late.questions > asked + 5, "more looks")
    assert put(daemon, "c").status < 300
    assert new("EXISTS", "c") == 1 and old("DBSIZE") == 0


def test_most_sentinels_are_believed_even_with_an_older_epoch(start, fake, server):
    """As after SENTINEL REMOVE and MONITOR, by which epochs begin again."""
    old, new = server(), server()
    sentinels = [fake(old.address, epoch=70) for _ in range(3)]
    daemon = start(config(*sentinels))
    serves(daemon)
    for one in sentinels[:2]:
        one.address, one.epoch = new.address, 0
    # The third still names the old one, with the newest epoch: what is in use stays.
    sentinels[2].address, sentinels[2].epoch = new.address, 0
    until(lambda: put(daemon, "a").status < 300 and new("EXISTS", "a"), "the other primary in use", 40)


def test_a_message_is_followed_at_once(start, fake, server):
    old, new = server(), server()
    sentinel = fake(old.address, epoch=4)
    daemon = start(config(sentinel).replace("topology_refresh: 200ms", "topology_refresh: 1h"))
    serves(daemon)
    until(lambda: sentinel.subscribed, "the subscription")
    sentinel.announce(unreachable(), new.address)
    sentinel.announce(("x", 1), ("y", 0))
    assert put(daemon, "a").status < 300 and old("EXISTS", "a") == 1
    sentinel.address = HANG
    sentinel.announce(old.address, new.address)
    until(lambda: put(daemon, "b").status < 300 and new("EXISTS", "b"), "the new primary in use")
    assert old("CLIENT", "LIST").count(b"name=cachewarden ") == 0


def test_sentinels_that_have_not_heard_of_a_failover_do_not_undo_it(start, fake, server):
    """They hear of it up to two seconds later; until then the old primary may call itself one."""
    old, new = server(), server()
    leader, *others = [fake(old.address, epoch=4) for _ in range(3)]
    daemon = start(config(leader, *others))
    serves(daemon)
    until(lambda: leader.subscribed, "the subscription")
    leader.address = HANG
    leader.announce(old.address, new.address)
    until(lambda: new("CLIENT", "LIST").count(b"name=cachewarden ") == 3, "the new primary in use")
    asked = others[0].questions
    until(lambda: others[0].questions > asked + 2, "more looks")
    assert put(daemon, "a").status < 300
    # What a daemon that starts writes of its own may have come to the old one before.
    assert new("EXISTS", "a") == 1 and old("EXISTS", "a") == 0


def test_sentinels_that_are_away_do_not_matter_while_the_primary_is_there(start, fake, server, folder):
    redis = server()
    sentinels = [fake(redis.address), fake(redis.address)]
    away = f"127.0.0.1:{free_port()}"
    daemon = start(config(*sentinels, away))
    daemon.wait_redis()
    until(lambda: daemon.health().json["status"] == "DEGRADED", "the warning")
    assert "cannot be reached" in str(says(daemon, away)["details"]["warnings"])
    daemon.wait_for(f"{away} (a sentinel) cannot be reached")
    done = doctor(folder, config(*sentinels, away))
    assert done.returncode == 0 and away in done.stdout, done.stdout
    for one in sentinels:
        one.close()
    for one in sentinels:
        says(daemon, one.name)
    assert put(daemon).status < 300
    # Also if its connections are lost meanwhile.
    redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    serves(daemon)


def test_a_hanging_sentinel_does_not_delay_the_others(start, fake, server):
    redis = server()
    began = time.monotonic()
    daemon = start(config(fake(HANG), fake(redis.address), fake(HANG)))
    serves(daemon)
    assert time.monotonic() - began < 5
    says(daemon, "did not answer")


def test_no_sentinel_at_all_is_an_error_at_once(start):
    daemon = start(config(f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"))
    says(daemon, "no sentinel told where the primary main is", "cannot be reached")
    replies = [put(daemon) for _ in range(20)]
    assert {reply.status for reply in replies} == {503}
    assert daemon.health().took < 1
    assert daemon.get("/livez").status == 200


def test_a_server_in_the_place_of_a_sentinel_is_named(start, server):
    redis = server()
    daemon = start(config(f"127.0.0.1:{redis.port}"))
    says(daemon, "is no sentinel")
    assert redis("DBSIZE") == 0


def test_sentinels_have_credentials_of_their_own(start, server, folder):
    redis = server("--requirepass", "of-redis")
    redis.connection = Resp(redis.path)
    redis("AUTH", "of-redis")
    sentinels = Sentinels(folder, "requirepass of-sentinels")
    try:
        for one in sentinels:
            one("AUTH", "of-sentinels")
        sentinels.watch("main", redis.port, "auth-pass", "of-redis")
        names = [f"127.0.0.1:{one.port}" for one in sentinels]
        path = os.path.join(folder, "password")
        with open(path, "w", encoding="utf-8") as file:
            file.write("wrong\n")
        os.chmod(path, 0o600)
        more = f", password: of-redis, sentinel: {{password_file: {path}}}"
        daemon = start(config(*names, more=more))
        redis_says = says(daemon, "WRONGPASS", names[0])
        assert redis_says["status"] == "DOWN"
        assert put(daemon).json["code"] == "redis_auth"
        done = doctor(folder, config(*names, more=more))
        assert "redis.sentinel.username" in done.stdout, done.stdout
        assert "of-redis" not in daemon.log + done.stdout and "of-redis" not in str(redis_says)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write("of-sentinels\n")
        os.chmod(path + ".new", 0o600)
        os.rename(path + ".new", path)
        serves(daemon)
        until(lambda: daemon.health().json["status"] == "UP", "health")
    finally:
        sentinels.close()


def test_a_stopped_sentinel_that_wakes_up_changes_nothing(start, server, folder):
    """It still names the server that was the primary, which has become one of its own."""
    redis = server()
    sentinels = Sentinels(folder)
    try:
        sentinels.watch("main", redis.port)
        daemon = start(config(*(f"127.0.0.1:{one.port}" for one in sentinels)))
        serves(daemon)
        sentinels.all[0].send(signal.SIGSTOP)
        says(daemon, f"127.0.0.1:{sentinels.all[0].port}")
        assert put(daemon).status < 300
        sentinels.all[0].send(signal.SIGCONT)
        until(lambda: daemon.health().json["status"] == "UP", "health")
    finally:
        sentinels.close()


def test_the_address_may_not_change_on_reload_the_credentials_may(start, fake, server):
    redis = server()
    sentinel = fake(redis.address)
    daemon = start(config(sentinel))
    serves(daemon)
    daemon.configure(config(sentinel).replace("/main/0", "/other/0"))
    reply = daemon.post(API + "/reload")
    assert reply.status == 422 and "redis.url" in str(reply.json), reply
    daemon.configure(config(sentinel, more=", sentinel: {password: x}"))
    assert daemon.post(API + "/reload").status == 200
    serves(daemon)
