# SPDX-License-Identifier: MIT
"""Leases over HTTP: one caller loads, the others wait, and what was invalidated meanwhile stays away."""

import threading

import pytest

from conftest import open_config
from harness import DEADLINE, rounds, until
from keys import beside, path, put, refused
from proxy import Proxy
from test_auth import config, row, secret

LEASE = "?lease=10"


def taken(daemon, key):
    reply = daemon.get(path(key, LEASE))
    refused(reply, 404, "no_value")
    assert "Retry-After" not in reply.headers
    return {"X-Cache-Lease": reply.headers["X-Cache-Lease"]}


def test_one_loads_and_the_others_wait(shared):
    headers = taken(shared, "l:1")
    for _ in range(3):
        reply = shared.get(path("l:1", LEASE))
        refused(reply, 404, "no_value")
        assert reply.headers["Retry-After"] == "1" and "X-Cache-Lease" not in reply.headers
    assert put(shared, "l:1", b"loaded", headers=headers).status == 201
    reply = shared.get(path("l:1", LEASE))
    assert (reply.status, reply.body) == (200, b"loaded")
    assert int(reply.headers["X-Cache-TTL"]) > 3500
    refused(put(shared, "l:1", b"again", headers=headers), 409, "lease_lost")


def test_of_a_hundred_at_once_one_gets_it(shared):
    found = []

    def ask():
        reply = shared.get(path("l:crowd", LEASE))
        found.append((reply.status, "X-Cache-Lease" in reply.headers, "Retry-After" in reply.headers))

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(404, False, True)] * 99 + [(404, True, False)]


def test_a_stale_value_is_for_the_others(start, redis):
    daemon = start(open_config(redis, "cache: {namespaces: [{prefix: 'soft:', ttl: 60s, stale_for: 30s}]}"))
    put(daemon, "soft:1", b"old")
    redis("PEXPIRE", "soft:1", 20000)
    headers = taken(daemon, "soft:1")
    reply = daemon.get(path("soft:1", LEASE))
    assert (reply.status, reply.body, reply.headers["X-Cache"]) == (200, b"old", "STALE")
    assert put(daemon, "soft:1", b"new", headers=headers).status == 204
    reply = daemon.get(path("soft:1", LEASE))
    assert (reply.body, reply.headers["X-Cache"]) == (b"new", "HIT")


def test_head_takes_no_lease(shared):
    reply = shared.request("HEAD", path("l:head", LEASE))
    assert reply.status == 404 and "X-Cache-Lease" not in reply.headers
    taken(shared, "l:head")


def test_a_lease_ends(shared, shared_redis):
    reply = shared.get(path("l:short", "?lease=1"))
    headers = {"X-Cache-Lease": reply.headers["X-Cache-Lease"]}
    assert 0 < shared_redis("PTTL", beside("lease", "l:short")) <= 1000
    shared_redis("PEXPIRE", beside("lease", "l:short"), 0)
    refused(put(shared, "l:short", b"late", headers=headers), 409, "lease_lost")
    assert shared_redis("EXISTS", "l:short") == 0
    taken(shared, "l:short")


def test_a_plain_put_wins(shared, shared_redis):
    headers = taken(shared, "l:plain")
    put(shared, "l:plain", b"newer")
    refused(put(shared, "l:plain", b"older", headers=headers), 409, "lease_lost")
    assert shared_redis("GET", "l:plain") == b"newer"


@pytest.mark.parametrize("token", ["x", "0" * 32, "0" * 33, "%00", ""])
def test_tokens_that_are_none(shared, shared_redis, token):
    taken(shared, "l:forged")
    refused(put(shared, "l:forged", b"x", headers={"X-Cache-Lease": token}), 409, "lease_lost")
    assert shared_redis("EXISTS", "l:forged") == 0
    shared_redis("DEL", beside("lease", "l:forged"))


@pytest.mark.parametrize("lease", ["0", "301", "-1", "x", ""])
def test_leases_that_are_none(shared, shared_redis, lease):
    refused(shared.get(path("l:none", "?lease=" + lease)), 400, "bad_parameter", "lease", "300")


def test_nx_does_not_go_with_a_lease(shared):
    headers = taken(shared, "l:nx")
    refused(put(shared, "l:nx", b"x", "?nx=true", headers=headers), 400, "bad_parameter", "nx")


HOW = {
    "key": lambda daemon, key: daemon.request("DELETE", path(key)),
    "mdelete": lambda daemon, key: daemon.post("/api/v1/cache/mdelete", {"keys": [key]}),
    "pattern": lambda daemon, key: daemon.invalidate({"patterns": ["race:*"]}),
    "tag": lambda daemon, key: daemon.invalidate({"tags": ["race-" + key[-1]]}),
}


@pytest.mark.soak
@pytest.mark.parametrize("how", HOW)
def test_what_was_invalidated_during_the_load_is_not_stored(shared, shared_redis, how):
    for i in range(rounds(10, 10000)):
        key = f"race:{how}:{i}"
        headers = {**taken(shared, key), "Surrogate-Key": "race-" + key[-1]}
        assert HOW[how](shared, key).status in (200, 204)
        refused(put(shared, key, b"old", headers=headers), 409, "lease_lost", "invalidated")
        assert shared_redis("EXISTS", key) == 0


def test_a_tag_that_cannot_be_kept_takes_the_value_back(start, redis):
    daemon = start(open_config(redis))
    redis("SET", "cw:tag:odd", "text")
    headers = {**taken(daemon, "l:odd"), "Surrogate-Key": "even odd"}
    refused(put(daemon, "l:odd", b"loaded", headers=headers), 409, "wrong_type")
    assert redis("EXISTS", "l:odd") == 0
    # Whoever asks next may load.
    taken(daemon, "l:odd")


def test_a_lease_is_given_back(shared, shared_redis):
    headers = taken(shared, "l:back")
    for token in ("", "0", headers["X-Cache-Lease"][:-1], "0" * 32):
        reply = shared.request("DELETE", path("l:back", what="/lease"), headers={"X-Cache-Lease": token})
        assert reply.status == 204 and shared_redis("EXISTS", beside("lease", "l:back")) == 1
    assert shared.request("DELETE", path("l:back", what="/lease"), headers=headers).status == 204
    refused(put(shared, "l:back", b"late", headers=headers), 409, "lease_lost")
    taken(shared, "l:back")
    assert shared.request("DELETE", path("l:back", what="/lease"), headers=headers).status == 204
    assert shared_redis("EXISTS", beside("lease", "l:back")) == 1


# A PUT under a lease that is refused before its handler ------------------------------------------------

REFUSED = {
    "body": (413, b"x" * 2048, "", {}),
    "framing": (411, b"", "", {"Transfer-Encoding": "chunked"}),
    "expectation": (417, b"x", "", {"Expect": "a-miracle"}),
    "parameter": (400, b"x", "?odd=1", {}),
    "condition": (400, b"x", "", {"If-Modified-Since": "now"}),
}
ROWS = [row("writer", ["keys", "write"], key_prefixes='["g:"]'), row("reader", ["keys"])]


@pytest.fixture
def gated(start, redis):
    return start(config(redis, ROWS, "cache: {max_value_bytes: 1KiB}"))


def bearer(name):
    return {"Authorization": "Bearer " + secret(name)}


def refuse(daemon, key, how, headers):
    status, body, query, more = REFUSED[how]
    reply = put(daemon, key, body, query, headers={**headers, **more})
    assert reply.status == status, reply


@pytest.mark.parametrize("how", REFUSED)
def test_a_put_that_is_refused_at_once_ends_its_lease(gated, redis, how):
    lease = gated.get(path("g:1", LEASE), headers=bearer("writer")).headers["X-Cache-Lease"]
    refuse(gated, "g:1", how, {**bearer("writer"), "X-Cache-Lease": lease})
    assert "X-Cache-Lease" in gated.get(path("g:1", LEASE), headers=bearer("writer")).headers


@pytest.mark.parametrize("how", REFUSED)
def test_a_lease_is_ended_by_no_other_caller(gated, redis, how):
    lease = gated.get(path("a:1", LEASE), headers=bearer("reader")).headers["X-Cache-Lease"]
    named = {"X-Cache-Lease": lease}
    # a:1 is outside the writer's key_prefixes, the reader may not write.
    for caller in (bearer("writer"), bearer("reader"), bearer("none"), {}):
        refuse(gated, "a:1", how, {**caller, **named})
    lease = gated.get(path("g:2", LEASE), headers=bearer("writer")).headers["X-Cache-Lease"]
    refuse(gated, "g:2", how, {**bearer("writer"), "X-Cache-Lease": "0" * 32})
    refuse(gated, "g:2", how, bearer("writer"))
    # What these would have sent to Redis is there before this answer.
    gated.get(path("g:3"), headers=bearer("writer"))
    assert redis("EXISTS", beside("lease", "a:1"), beside("lease", "g:2")) == 2


def test_a_lease_is_given_back_by_its_name_alone(shared):
    refused(shared.request("DELETE", path("l:back", what="/lease")), 400, "bad_request", "X-Cache-Lease")
    refused(shared.request("DELETE", path("cw:x", what="/lease"), headers={"X-Cache-Lease": "0" * 32}),
            403, "key_reserved")


@pytest.mark.parametrize("query, more, status", [
    ("?ttl=0", {}, 400), ("?nx=true", {}, 400), ("", {"Surrogate-Key": "a,b"}, 400),
    ("", {"Surrogate-Key": "caf\xe9"}, 400)])
def test_a_refused_put_ends_the_lease(shared, shared_redis, query, more, status):
    headers = taken(shared, "l:no")
    assert put(shared, "l:no", b"x", query, headers={**headers, **more}).status == status
    assert shared_redis("EXISTS", beside("lease", "l:no")) == 0
    other = taken(shared, "l:no")
    # Another's refused PUT ends nothing.
    assert put(shared, "l:no", b"x", query, headers={**headers, **more}).status == status
    assert put(shared, "l:no", b"x", headers=other).status == 201
    shared_redis("UNLINK", "l:no")


def narrowed(start, redis, config=""):
    """A daemon, and a way to take commands from it by Redis's ACL."""
    daemon = start(open_config(redis, config))
    daemon.wait_redis()
    return daemon, lambda *rules: redis("ACL", "SETUSER", "default", *rules)


def test_a_lease_that_redis_refuses_is_said_and_a_stale_value_is_served(start, redis):
    daemon, allow = narrowed(
        start, redis, "cache: {namespaces: [{prefix: 'soft:', ttl: 60s, stale_for: 30s}]}")
    put(daemon, "soft:1", b"old")
    redis("PEXPIRE", "soft:1", 20000)
    allow("-set")
    reply = daemon.get(path("soft:1", LEASE))
    assert (reply.status, reply.body, reply.headers["X-Cache"]) == (200, b"old", "STALE")
    assert "X-Cache-Lease" not in reply.headers
    reply = daemon.get(path("l:none", LEASE))
    assert (reply.status, reply.json["code"]) == (502, "redis_noperm"), reply
    assert "denies SET" in reply.json["detail"] and "X-Cache-Lease" not in reply.headers
    allow("+set")
    # Seen at the next look at what is allowed.
    until(lambda: daemon.get(path("l:none", LEASE)).status == 404, "the lease")


def test_a_put_with_a_lease_that_cannot_look_at_the_key_stores_nothing(start, redis):
    daemon, allow = narrowed(start, redis)
    headers = taken(daemon, "l:blind")
    allow("-pttl")
    reply = put(daemon, "l:blind", b"x", headers=headers)
    assert reply.status >= 500 and "NOPERM" in reply.json["detail"], reply
    allow("+pttl")
    assert redis("EXISTS", "l:blind") == 0


@pytest.mark.parametrize("key, served", [("l:plain", True), ("soft:1", False)])
def test_what_was_stored_between_the_look_and_the_lease_is_served(start, redis, folder, key, served):
    """Not where it is stale already: then the caller has the lease."""
    proxy = Proxy(folder, redis)
    daemon = start(open_config(redis, "cache: {namespaces: [{prefix: 'soft:', ttl: 60s, stale_for: 30s}]}")
                   .replace(redis.url, proxy.url))
    daemon.wait_redis()
    found = []
    proxy.hold(b"cw:lease:")
    asking = threading.Thread(target=lambda: found.append(daemon.get(path(key, LEASE))))
    asking.start()
    assert proxy.held.wait(DEADLINE)
    redis("SET", key, "meanwhile", "PX", 20000)
    proxy.release()
    asking.join()
    reply = found[0]
    if served:
        assert (reply.status, reply.body) == (200, b"meanwhile")
        assert redis("EXISTS", beside("lease", key)) == 0 and "X-Cache-Lease" not in reply.headers
    else:
        assert reply.status == 404 and "X-Cache-Lease" in reply.headers
    proxy.close()


@pytest.mark.parametrize("key, then", [("l:gone", ("DEL",)), ("soft:2", ("PEXPIRE", 20000))])
def test_a_value_that_ends_before_it_is_read_leaves_the_lease(start, redis, folder, key, then):
    """It was fresh when its TTL was asked for, and is gone or stale when it is read."""
    proxy = Proxy(folder, redis)
    daemon = start(open_config(redis, "cache: {namespaces: [{prefix: 'soft:', ttl: 60s, stale_for: 30s}]}")
                   .replace(redis.url, proxy.url))
    daemon.wait_redis()
    found = []
    proxy.hold(b"cw:lease:")
    asking = threading.Thread(target=lambda: found.append(daemon.get(path(key, LEASE))))
    asking.start()
    assert proxy.held.wait(DEADLINE)
    redis("SET", key, "meanwhile", "PX", 80000)
    proxy.hold(b"GETRANGE")
    proxy.release()
    assert proxy.held.wait(DEADLINE)
    redis(then[0], key, *then[1:])
    proxy.release()
    asking.join()
    reply = found[0]
    assert reply.status == 404 and "X-Cache-Lease" in reply.headers
    assert redis("EXISTS", beside("lease", key)) == 1
    proxy.close()
