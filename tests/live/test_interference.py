# SPDX-License-Identifier: MIT
"""What happens between two round trips: a proxy holds a command back, the test acts as another
client of Redis meanwhile, and the command goes on."""

import pytest

from conftest import open_config
from faults import fault_config
from interfering import Watched, interfere
from keys import beside, path, put, refused

# The sampler and the pruner would send commands of their own.
QUIET = "stats: {interval: 1h}"
CONFIG = QUIET + """
cache: {namespaces: [{prefix: "guarded:", ttl: 1h}], protected: ["guarded:*"]}
invalidate: {pace: {max_latency: 0ms}}
"""


@pytest.fixture
def daemon(start, proxy):
    config = fault_config(proxy.url, extra=CONFIG).replace("command_timeout: 500ms",
                                                           "command_timeout: 10s")
    daemon = start(config)
    daemon.wait_redis()
    return daemon


AT_ONCE = pytest.mark.topology(
    "server", "tls", "sentinel", why="over slots a value is stored for a moment before the log is read")

# A load is stored under its lease by one script that judges the log. -----------------------------------

LEASE = beside("lease", "k")
STORE = b"redis.pcall('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])"


@pytest.fixture
def other(start, redis):
    """A daemon whose commands the proxy does not hold."""
    daemon = start(open_config(redis, CONFIG))
    daemon.wait_redis()
    return daemon


def store_under_lease(daemon, proxy, act, skip=0):
    headers = {"X-Cache-Lease": daemon.get(path("k", "?lease=10")).headers["X-Cache-Lease"],
               "Surrogate-Key": "red"}
    return interfere(proxy, STORE, lambda: put(daemon, "k", b"loaded", headers=headers), act, skip)


@AT_ONCE
def test_the_lease_of_another_is_not_ended(daemon, proxy, redis):
    reply = store_under_lease(daemon, proxy, lambda: redis("SET", LEASE, "other 0-0", "PX", 60000))
    refused(reply, 409, "lease_lost")
    assert redis("GET", LEASE) == b"other 0-0"
    assert redis("EXISTS", "k", "cw:tag:red") == 0


@AT_ONCE
def test_after_the_store_nothing_touches_the_value(daemon, proxy, redis):
    """So that what an application stores from then on keeps its value and time."""
    watched = Watched(redis, "k")
    assert store_under_lease(daemon, proxy, lambda: None).status == 201
    assert watched.events() == [b"set", b"expire"]
    assert redis("TTL", "k") > 3500 and redis("EXISTS", LEASE) == 0


NAMED = {"key": {"keys": ["k"]}, "pattern": {"patterns": ["k*"]}, "tag": {"tags": ["red"]}}
OTHERS = {"key": {"keys": ["x"]}, "pattern": {"patterns": ["x*"]}, "tag": {"tags": ["blue"]}}


def invalidate(daemon, *selectors):
    def act():
        for selector in selectors:
            assert daemon.invalidate(selector).json["complete"]
    return act


@AT_ONCE
@pytest.mark.parametrize("more", [0, 3, 20])
@pytest.mark.parametrize("kind", NAMED)
def test_what_was_invalidated_before_is_never_there(daemon, other, proxy, redis, kind, more):
    watched = Watched(redis, "k")
    act = invalidate(other, *[{"keys": ["x"]}] * more, NAMED[kind])
    reply = store_under_lease(daemon, proxy, act)
    refused(reply, 409, "lease_lost", "invalidated")
    # Not even for a moment.
    assert watched.events() == []
    assert redis("EXISTS", "k", LEASE) == 0


@AT_ONCE
@pytest.mark.parametrize("kind", NAMED)
def test_what_is_invalidated_while_the_log_is_judged_is_never_there(daemon, other, proxy, redis, kind):
    headers = {"X-Cache-Lease": daemon.get(path("k", "?lease=10")).headers["X-Cache-Lease"],
               "Surrogate-Key": "red"}
    watched = Watched(redis, "k")
    # The script does not judge patterns: it is sent again.
    invalidate(other, OTHERS["pattern"])()
    reply = interfere(proxy, STORE, lambda: put(daemon, "k", b"loaded", headers=headers),
                      invalidate(other, NAMED[kind]), skip=1)
    refused(reply, 409, "lease_lost", "invalidated")
    assert watched.events() == []
    assert redis("EXISTS", "k", LEASE) == 0


@AT_ONCE
@pytest.mark.parametrize("kind, more, scripts", [
    ("key", 1, 1), ("tag", 1, 1), ("key", 8, 1), ("key", 9, 2), ("pattern", 1, 2)])
def test_invalidations_of_others_are_no_hindrance(daemon, other, proxy, redis, kind, more, scripts):
    watched = Watched(redis, "k")
    proxy.count(STORE)
    act = invalidate(other, *[OTHERS[kind]] * more)
    assert store_under_lease(daemon, proxy, act).status == 201
    assert proxy.sent == scripts and watched.events() == [b"set", b"expire"]
    assert redis("GET", "k") == b"loaded" and redis("TTL", "k") > 3500
    assert redis("ZSCORE", "cw:tag:red", "k") is not None and redis("EXISTS", LEASE) == 0


# An invalidation ------------------------------------------------------------------------------------


def test_what_is_stored_before_the_late_entry_of_the_log_goes_too(daemon, proxy, redis):
    redis("SET", "a:1", "old")
    redis("CONFIG", "SET", "maxmemory", 1)

    def act():
        redis("CONFIG", "SET", "maxmemory", 0)
        redis("SET", "a:1", "loaded before the entry")

    # The first XADD is refused for want of memory, the second one comes behind the deletion.
    reply = interfere(proxy, b"XADD", lambda: daemon.invalidate({"keys": ["a:1"]}), act, skip=1)
    assert (reply.status, reply.json["complete"]) == (200, True)
    assert redis("EXISTS", "a:1") == 0
    assert redis("XLEN", "cw:inval") == 1


def test_a_cut_before_the_entry_is_acknowledged_costs_no_invalidation(daemon, proxy, redis):
    redis("SET", "a:1", "old")
    reply = interfere(proxy, b"XADD", lambda: daemon.invalidate({"keys": ["a:1"]}), proxy.drop)
    assert (reply.status, reply.json["complete"]) == (200, True), reply
    assert redis("EXISTS", "a:1") == 0
    assert redis("XLEN", "cw:inval") == 1


@pytest.mark.topology("server", "tls", "sentinel", why="a cluster allows no REPLICAOF")
def test_a_failover_there_and_back_is_not_a_complete_pass(daemon, proxy, redis):
    redis.fill(3000, key="a:{}")

    def history():
        return next(line for line in redis("INFO", "replication").split() if b"master_replid:" in line)

    def act():
        before = history()
        redis("REPLICAOF", "127.0.0.1", "1")
        redis("REPLICAOF", "NO", "ONE")
        assert history() != before

    reply = interfere(proxy, b"SCAN", lambda: daemon.invalidate({"patterns": ["none:*"]}), act,
                      skip=2)
    assert (reply.status, reply.json["complete"]) == (200, False)
    assert reply.json["reason"] == "topology_changed"


@pytest.mark.topology("server", "tls", "sentinel", why="each server has its own walk")
def test_a_walk_that_begins_again_counts_protected_keys_once(daemon, proxy, redis):
    redis.fill(3000, key="guarded:{}")
    reply = interfere(proxy, b"SCAN", lambda: daemon.invalidate(
        {"patterns": ["guarded:*"], "dry_run": True}), proxy.drop, skip=3)
    assert (reply.json["complete"], reply.json["passes"]) == (True, 2), reply
    assert (reply.json["matched"], reply.json["protected_skipped"]) == (0, 3000)
