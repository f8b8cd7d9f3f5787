# SPDX-License-Identifier: MIT
"""What happens between two round trips: a proxy holds a command back, the test acts as another
client of Redis meanwhile, and the command goes on."""

import pytest

from faults import fault_config
from interfering import interfere
from keys import path, put, refused
from proxy import Proxy

# The sampler and the pruner would send commands of their own.
QUIET = "stats: {interval: 1h}"
CONFIG = QUIET + """
cache: {namespaces: [{prefix: "guarded:", ttl: 1h}], protected: ["guarded:*"]}
invalidate: {pace: {max_latency: 0ms}}
"""


@pytest.fixture
def proxy(folder, redis):
    proxy = Proxy(folder, redis.path)
    yield proxy
    proxy.close()


@pytest.fixture
def daemon(start, proxy):
    config = fault_config(proxy.url, extra=CONFIG).replace("command_timeout: 500ms",
                                                           "command_timeout: 10s")
    daemon = start(config)
    daemon.wait_redis()
    return daemon


# A load is stored under its lease: SET for 5 s, the log is read, then the script settles both. ------

LEASE = "cw:lease:{0}:k"
SETTLE = b"'PEXPIRE', KEYS[2], ARGV[2]"


def store_under_lease(daemon, proxy, act):
    headers = {"X-Cache-Lease": daemon.get(path("k", "?lease=10")).headers["X-Cache-Lease"]}
    return interfere(proxy, SETTLE, lambda: put(daemon, "k", b"loaded", headers=headers), act)


def test_the_lease_of_another_is_not_ended(daemon, proxy, redis):
    def act():
        redis("SET", LEASE, "other 0-0", "PX", 60000)

    store_under_lease(daemon, proxy, act)
    assert redis("GET", LEASE) == b"other 0-0"
    # What was stored for a while has not become permanent under a lease that is not ours.
    assert redis("PTTL", "k") <= 5000


@pytest.mark.parametrize("ttl", [[], ["EX", 7200]], ids=["persistent", "two hours"])
def test_what_an_application_stored_meanwhile_keeps_its_value_and_time(daemon, proxy, redis, ttl):
    store_under_lease(daemon, proxy, lambda: redis("SET", "k", "theirs", *ttl))
    assert redis("GET", "k") == b"theirs"
    left = redis("TTL", "k")
    assert 7100 < left <= 7200 if ttl else left == -1


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


def test_a_walk_that_begins_again_counts_protected_keys_once(daemon, proxy, redis):
    redis.fill(3000, key="guarded:{}")
    reply = interfere(proxy, b"SCAN", lambda: daemon.invalidate(
        {"patterns": ["guarded:*"], "dry_run": True}), proxy.drop, skip=3)
    assert (reply.json["complete"], reply.json["passes"]) == (True, 2), reply
    assert (reply.json["matched"], reply.json["protected_skipped"]) == (0, 3000)
