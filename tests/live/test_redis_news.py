# SPDX-License-Identifier: MIT
"""What the log, health and the library say of a Redis that goes, refuses, or has strange keys of ours."""

import os
import re
import subprocess

import pytest

from faults import at_once, back, fault_config
from harness import BINARY, free_port, until, with_members
from test_redis_denied import as_user, user, warnings
from test_redis_kinds import config, sentinel

__all__ = ["sentinel"]

META = "cw:meta"


# Keys of ours that are not as they were written -------------------------------------------------


def full(redis):
    redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis("CONFIG", "SET", "maxmemory", 1)


STRANGE = {
    "damaged": (lambda redis: redis("HSET", META, "layout", "x\xff"), "is not a version; delete that key"),
    "empty": (lambda redis: redis("HSET", META, "layout", ""), "is not a version; delete that key"),
    "huge": (lambda redis: redis("HSET", META, "layout", "9" * 30), "is not a version; delete that key"),
    "negative": (lambda redis: redis("HSET", META, "layout", "-1"), "is not a version; delete that key"),
    "string": (lambda redis: redis("SET", META, "1"), "is not a hash"),
    "list": (lambda redis: redis("RPUSH", META, "1"), "is not a hash"),
    "denied": (lambda redis: user(redis, "-hget"), "denies HGET"),
    "denied to be written": (lambda redis: user(redis, "-hsetnx"), "denies HSETNX"),
    "full": (full, "cannot be read or written"),
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_layout_that_cannot_be_read_is_said_and_keeps_nothing_from_work(start, redis, what):
    spoil, says = STRANGE[what]
    user(redis)
    spoil(redis)
    daemon = start(as_user(redis).replace("suspend: true, source", "on: [startup], source"))
    until(lambda: any(META in text and says in text for text in warnings(daemon)), "the warning")
    assert daemon.health().json["status"] == "DEGRADED"
    daemon.wait_for(says)
    # Neither startup jobs nor reading wait for it.
    if what != "full":
        until(lambda: redis("EXISTS", "rows:1"), "the startup job")
    assert daemon.get("/api/v1/cache/keys/absent").status == 404
    assert sum(META in line and says in line for line in daemon.lines) == 1, daemon.log
    # It is looked at again.
    if what != "full":
        redis("DEL", META)
    redis("CONFIG", "SET", "maxmemory", 0)
    user(redis)
    until(lambda: not any(META in text for text in warnings(daemon)), "the layout")
    assert redis("HGET", META, "layout") is not None
    daemon.wait_for("the layout of cachewarden's keys can be read again")


def test_a_newer_layout_that_appears_later_does_not_end_the_daemon(start, redis):
    daemon = start(config(redis.url))
    daemon.wait_for("redis is up")
    redis("HSET", META, "layout", "999")
    redis.kill()
    redis.start()
    back(daemon)
    assert redis("HGET", META, "layout") is None


# Going and coming -------------------------------------------------------------------------------


def lines(daemon, shape):
    return [line for line in daemon.lines if re.search(shape, line)]


@pytest.mark.topology("server", "tls", "sentinel", why="the servers of a cluster go one by one")
def test_going_and_coming_are_said_once_each_with_reason_and_duration(start, redis):
    daemon = start(fault_config(redis.url))
    daemon.wait_for("redis is up")
    for round_ in range(1, 4):
        redis.kill()
        daemon.wait_for("redis is down: ", count=round_)
        at_once(lambda: daemon.invalidate({"keys": ["a"]}))
        redis.start()
        back(daemon)
        daemon.wait_for("redis is up again after ", count=round_)
    assert len(lines(daemon, "redis is down: .*" + re.escape(redis.name))) == 3, daemon.log
    assert len(lines(daemon, r"redis is up again after \d+\.\d s")) == 3, daemon.log
    assert len(lines(daemon, "redis is (up|down)")) == 7, daemon.log


def test_a_refused_password_is_said_once_and_counted_as_often_as_it_was_tried(start, redis):
    redis("ACL", "SETUSER", "cw", "reset", "on", ">right", "~*", "+@all")
    daemon = start(with_members(config(redis.url), redis,
                                "username: cw, password: wrong, breaker: {probe_every: 50ms}"))
    daemon.wait_for("redis is down: ")
    at_once(lambda: daemon.invalidate({"keys": ["a"]}))
    refused = lambda: [entry for entry in redis("ACL", "LOG", 1000) if b"auth" in entry]
    tries = lambda: sum(int(entry[entry.index(b"count") + 1]) for entry in refused())
    until(lambda: tries() > 1, "a second attempt")
    breaker = daemon.stats()["breaker"]
    # Each of three connections has one attempt at a time.
    assert 1 <= breaker["failures"] <= tries() + 3, breaker
    assert daemon.metric("cachewarden_redis_connection_failures_total") <= tries() + 3
    assert daemon.health().json["components"]["redis"]["details"]["state"] == "down"
    assert len(lines(daemon, "redis is down")) == 1 and "WRONGPASS" in lines(daemon, "redis is down")[0]


def test_connections_that_redis_closes_for_being_idle_are_no_failures(start, tuned):
    redis = tuned("--timeout", "1")
    daemon = start(config(redis.url) + "stats: {interval: 1h}\n")
    daemon.wait_for("redis is up")
    received = lambda: int(re.search(rb"total_connections_received:(\d+)", redis("INFO", "stats"))[1])
    before = received()
    # The test's own connection is kept by its questions.
    until(lambda: received() >= before + 2, "idle connections to be replaced")
    assert daemon.metric("cachewarden_redis_connection_failures_total") == 0
    assert daemon.stats()["breaker"]["failures"] == 0
    assert lines(daemon, "redis is down") == [], daemon.log


# The library ------------------------------------------------------------------------------------


def visits(url):
    done = subprocess.run([os.path.join(os.path.dirname(BINARY), "programs/visits"), url],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode != 0
    return done.stdout


@pytest.mark.topology("server", why="a URL names no authority; sentinels never name a replica")
def test_the_library_refuses_to_write_to_a_replica(tuned):
    port = free_port()
    primary = tuned("--port", str(port))
    replica = tuned("--replicaof", f"127.0.0.1 {port}", "--repl-diskless-sync-delay", "0")
    until(lambda: b"master_link_status:up" in replica("INFO", "replication"), "the replica")
    said = visits(replica.url)
    assert "not_primary: Redis at " in said and " is a replica" in said, said
    assert primary.keys() == []


def test_the_library_refuses_a_sentinel(sentinel):
    said = visits(sentinel)
    assert "not_primary: a Redis Sentinel answers at " in said, said
