# SPDX-License-Identifier: MIT
"""Keys over HTTP: one value's bytes, its TTL, and what is refused."""

import base64
import hashlib
import os
import random

import pytest

from conftest import open_config
from harness import SANITIZED, Daemon, rounds, until
from keys import CACHE, KEYS, base64url, beside, path, put, refused
from wire import Wire, request


# One value ------------------------------------------------------------------------------------

def test_put_get_delete(shared, shared_redis):
    reply = put(shared, "one:1", b"a\0b\r\n\xff")
    assert reply.status == 201 and reply.body == b""
    assert put(shared, "one:1", b"second").status == 204
    assert shared_redis("GET", "one:1") == b"second"
    reply = shared.get(path("one:1"))
    assert (reply.status, reply.body) == (200, b"second")
    assert reply.headers["X-Cache"] == "HIT"
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert int(reply.headers["X-Cache-TTL"]) in range(3590, 3601)
    for deleted in "1", "0":
        reply = shared.request("DELETE", path("one:1"))
        assert (reply.status, reply.headers["X-Cache-Deleted"]) == (204, deleted)
    reply = shared.get(path("one:1"))
    refused(reply, 404, "no_value")
    assert reply.headers["X-Cache"] == "MISS"


def test_head_tells_the_length_and_sends_no_body(shared, shared_redis):
    shared_redis("SET", "head:1", "x" * 1000)
    reply = shared.request("HEAD", path("head:1"))
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, b"", "1000")
    assert reply.headers["X-Cache-TTL"] == "-1"
    assert shared.request("HEAD", path("head:2")).status == 404


def test_an_empty_value_is_a_value(shared, shared_redis):
    assert put(shared, "empty:1", b"").status == 201
    reply = shared.get(path("empty:1"))
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["X-Cache-TTL"]) > 0
    shared_redis("SET", "empty:2", "")
    assert shared.get(path("empty:2")).headers["X-Cache-TTL"] == "-1"


def test_ttls(shared, shared_redis):
    for query, least, most in (("?ttl=60", 59000, 60000), ("?ttl=-1", -1, -1),
                               ("?ttl=315360000", 315359000000, 315360000000),
                               ("", 3599000, 3600000)):
        put(shared, "ttl:1", b"x", query)
        assert least <= shared_redis("PTTL", "ttl:1") <= most, query
    shared_redis("SET", "ttl:2", "x", "PX", 1500)
    assert shared.get(path("ttl:2")).headers["X-Cache-TTL"] == "2"


@pytest.mark.parametrize("ttl", ["0", "-2", "-60", "315360001", "99999999999999999999", "1.5", "",
                                 "1h", "%2B1", "01"])
def test_ttls_that_are_none_are_refused_by_name(shared, shared_redis, ttl):
    refused(put(shared, "ttl:bad", b"x", "?ttl=" + ttl), 400, "bad_parameter", "ttl", "315360000")
    assert shared_redis("EXISTS", "ttl:bad") == 0


def test_nx(shared, shared_redis):
    assert put(shared, "nx:1", b"first", "?nx=true").status == 201
    refused(put(shared, "nx:1", b"second", "?nx=true"), 412, "precondition_failed")
    assert shared_redis("GET", "nx:1") == b"first"
    assert put(shared, "nx:1", b"third", "?nx=false").status == 204
    refused(put(shared, "nx:1", b"x", "?nx=1"), 400, "bad_parameter", "nx")


def test_a_put_ends_the_key_s_lease(shared, shared_redis):
    shared_redis("SET", beside("lease", "lease:1"), "token")
    shared_redis("SET", "lease:1", "x")
    put(shared, "lease:1", b"", "?nx=true")
    assert shared_redis("EXISTS", beside("lease", "lease:1")) == 1
    put(shared, "lease:1", b"")
    assert shared_redis("EXISTS", beside("lease", "lease:1")) == 0


def test_deleting_is_logged_as_an_invalidation(shared, shared_redis):
    shared.request("DELETE", path("logged:1"))
    [[_, fields]] = shared_redis("XREVRANGE", "cw:inval", "+", "-", "COUNT", 1)
    assert fields[2:] == [b"b", b"anonymous", b"k", b"logged:1"]


# ETags ----------------------------------------------------------------------------------------

def test_etags_are_of_the_bytes(shared):
    put(shared, "etag:1", b"one")
    put(shared, "etag:2", b"one")
    tag = shared.get(path("etag:1")).headers["ETag"]
    assert tag[0] == tag[-1] == '"' and len(tag) == 34
    assert shared.get(path("etag:2")).headers["ETag"] == tag
    put(shared, "etag:2", b"two")
    assert shared.get(path("etag:2")).headers["ETag"] != tag


@pytest.mark.parametrize("known", ["{}", "W/{}", "*", '"x", {}', ' "y" ,W/{} , "z"'])
def test_if_none_match(shared, known):
    put(shared, "etag:3", b"value")
    tag = shared.get(path("etag:3")).headers["ETag"]
    reply = shared.get(path("etag:3"), headers={"If-None-Match": known.format(tag)})
    assert (reply.status, reply.body, reply.headers["ETag"]) == (304, b"", tag)
    assert "X-Cache-TTL" in reply.headers
    reply = shared.get(path("etag:3"), headers={"If-None-Match": '"x", W/"y", value, '})
    assert (reply.status, reply.body) == (200, b"value")


def test_the_etag_of_a_big_value_is_of_all_its_bytes(shared):
    value = bytearray(1024 * 1024)
    put(shared, "etag:big", bytes(value))
    first = shared.get(path("etag:big")).headers["ETag"]
    value[700000] = 1
    put(shared, "etag:big", bytes(value))
    reply = shared.get(path("etag:big"))
    assert reply.headers["ETag"] != first and reply.body == value


# Keys that are hard to write ------------------------------------------------------------------

HARD = [b"a/b", b"a%2Fb", b"..", b".", b"a\0b", b"\r\nX: y", b"+ +", b"\xff\xfe", b"k" * 1024, b"\0",
        "schlüssel".encode(), b"?a=1#b", b"%", b"a\\b"]


@pytest.mark.parametrize("key", HARD, ids=range(len(HARD)))
def test_any_bytes_make_a_key(shared, shared_redis, key):
    with Wire(shared) as wire:
        wire.send(request("PUT " + path(key), "Content-Length: 1", body=b"1"))
        assert wire.answer().status == 201
        assert shared_redis("GET", key) == b"1"
        wire.send(request("GET " + path(key)))
        assert wire.answer().body == b"1"
        text = base64url(key)
        wire.send(request(f"PUT {KEYS}{text}?key_encoding=base64url", "Content-Length: 1", body=b"2"))
        assert wire.answer().status == 204
        assert shared_redis("GET", key) == b"2"
        wire.send(request(f"DELETE {KEYS}{text}?key_encoding=base64url"))
        assert wire.answer().headers["X-Cache-Deleted"] == "1"


def random_bytes(source, most):
    """Any bytes, and often those that have a meaning somewhere."""
    n = source.choice([1, 2, 3, source.randint(1, 40), source.randint(1, most)])
    if source.random() < 0.3:
        return bytes(source.choice(b"/%.+?#&=\\\0\r\n {}*[]:\"'\xff") for _ in range(n))
    return source.randbytes(n)


@pytest.mark.soak
def test_random_keys_and_values_come_back(shared):
    source = random.Random(20261124)
    total, at_once = rounds(5000, 100000), 100
    for _ in range(0, total, at_once):
        pairs = {}
        while len(pairs) < at_once:
            key = random_bytes(source, 1024)
            if not key.startswith((b"cw:", b"session:", b"sess:", b"lock:")):
                pairs[key] = b"" if source.random() < 0.05 else random_bytes(source, 3000)
        with Wire(shared) as wire:
            wire.send(b"".join(request("PUT " + path(key), f"Content-Length: {len(value)}", body=value)
                               for key, value in pairs.items()))
            for key in pairs:
                assert wire.answer().status in (201, 204), key
            wire.send(b"".join(
                request("GET " + path(key)) if source.random() < 0.5 else
                request(f"GET {KEYS}{base64url(key)}?key_encoding=base64url") for key in pairs))
            for key, value in pairs.items():
                answer = wire.answer()
                assert (answer.status, answer.body) == (200, value), key
        names = [base64url(key) for key in pairs]
        entries = shared.post(f"{CACHE}/mget?key_encoding=base64url", {"keys": names}).json["entries"]
        for name, entry, value in zip(names, entries, pairs.values()):
            got = entry["value"].encode() if entry["encoding"] == "utf-8" else base64.b64decode(entry["value"])
            assert (entry["key"], got) == (name, value)
        reply = shared.post(f"{CACHE}/mdelete?key_encoding=base64url", {"keys": names})
        assert reply.json == {"deleted": at_once}


def test_keys_that_are_none(shared):
    refused(shared.get(path("k" * 1025)), 400, "bad_key", "1024")
    refused(shared.get(KEYS + "a+b?key_encoding=base64url"), 400, "bad_key", "base64url")
    refused(shared.get(KEYS + "YQ==?key_encoding=base64url"), 400, "bad_key")
    refused(shared.get(KEYS + "a?key_encoding=base64"), 400, "bad_parameter", "key_encoding")
    refused(shared.get(KEYS), 404, "not_found")
    refused(shared.get(KEYS + "a/b"), 404, "not_found")


# Limits and types -----------------------------------------------------------------------------

def test_values_over_the_limit(start, redis):
    daemon = start(open_config(redis, "cache: {max_value_bytes: 10KiB}"))
    assert put(daemon, "big:1", b"x" * 10240).status == 201
    assert daemon.get(path("big:1")).body == b"x" * 10240
    refused(put(daemon, "big:1", b"x" * 10241), 413, "too_large", "10240")
    redis("SET", "big:2", "x" * 10241)
    refused(daemon.get(path("big:2")), 413, "too_large", "10240", "max_value_bytes")
    redis("SET", "big:3", "x" * 30_000_000)
    refused(daemon.get(path("big:3")), 413, "too_large")
    assert daemon.rss() < 30_000_000 or SANITIZED


def test_a_value_may_be_larger_than_other_bodies(start, redis):
    daemon = start(open_config(redis, "cache: {max_value_bytes: 3MiB}"))
    value = bytes(range(256)) * 12288
    assert put(daemon, "big:1", value).status == 201
    assert daemon.get(path("big:1")).body == value


@pytest.mark.parametrize("make", [("RPUSH", "x"), ("SADD", "x"), ("HSET", "f", "x"),
                                  ("ZADD", 1, "x")])
def test_other_types_are_told(shared, shared_redis, make):
    shared_redis("DEL", "type:1")
    shared_redis(make[0], "type:1", *make[1:])
    refused(shared.get(path("type:1")), 409, "wrong_type", "not a string")
    assert put(shared, "type:1", b"x").status == 204
    assert shared.get(path("type:1")).body == b"x"


def test_redis_without_memory(start, redis):
    daemon = start(open_config(redis))
    put(daemon, "oom:1", b"old")
    put(daemon, "oom:empty", b"")
    redis("CONFIG", "SET", "maxmemory", 1)
    assert "raise maxmemory" in refused(put(daemon, "oom:1", b"new"), 507, "redis_oom")["detail"]
    refused(put(daemon, "oom:2", b"new", "?nx=true"), 507, "redis_oom")
    assert redis("EXISTS", "oom:2") == 0
    assert daemon.get(path("oom:1")).body == b"old"
    reply = daemon.get(path("oom:empty"))
    assert (reply.status, reply.body) == (200, b""), reply
    entries = daemon.post(CACHE + "/mget", {"keys": ["oom:empty", "oom:1", "oom:absent"]}).json["entries"]
    assert [entry and entry["value"] for entry in entries] == ["", "old", None], entries
    redis("CONFIG", "SET", "maxmemory", 0)
    assert put(daemon, "oom:1", b"new").status == 204


def test_redis_away(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    redis.kill()
    for method in "GET", "PUT", "DELETE":
        reply = daemon.request(method, path("away:1"))
        assert reply.status in (502, 503), reply
    redis.start()
    daemon.wait_redis()
    assert put(daemon, "away:1", b"x").status == 201


def test_big_values_are_counted(start, redis):
    daemon = start(open_config(redis))
    put(daemon, "warn:1", b"x" * 262144)
    put(daemon, "warn:2", b"x" * 262145)
    daemon.get(path("warn:2"))
    daemon.get(path("warn:2"))
    assert daemon.metric('cachewarden_big_values_total{what="stored"}') == 1
    assert daemon.metric('cachewarden_big_values_total{what="read"}') == 2


def test_stats_count_what_passed(start, redis):
    daemon = start(open_config(redis))
    put(daemon, "s:1", b"x")
    for key in "s:1", "s:1", "s:1", "s:2":
        daemon.get(path(key))
    daemon.request("DELETE", path("s:1"))
    until(lambda: daemon.stats()["cache"]["invalidated_keys"], "the last is counted")
    assert daemon.stats()["cache"] == {
        "gets": 4, "hits": 3, "misses": 1, "hit_rate": 0.75, "sets": 1,
        "invalidated_keys": 1, "loads": 0, "stale_served": 0}


# Who may --------------------------------------------------------------------------------------

def tokens():
    rows = [("admin", "admin", ""), ("reader", "keys", ""), ("writer", "keys, write", ""),
            ("shop", "keys, write", "key_prefixes: [\"shop:\"]")]
    return "auth: {tokens: [" + ", ".join(
        "{name: %s, sha256: %s, scopes: [%s]%s}" % (
            name, hashlib.sha256(name.encode()).hexdigest(), scopes, more and ", " + more)
        for name, scopes, more in rows) + "]}"


@pytest.fixture(scope="module")
def guarded(shared_folder, shared_redis):
    config = open_config(shared_redis).replace(
        "auth: {anonymous: [read, metrics, keys, write, invalidate, warm, operate]}", tokens())
    daemon = Daemon(os.path.join(shared_folder, "guarded"), config)
    yield daemon
    failure = daemon.close()
    assert not failure, failure


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("key, token, status, code", [
    ("cw:inval", "admin", 403, "key_reserved"),
    ("cw:x", "writer", 403, "key_reserved"),
    ("session:x", "admin", 403, "key_reserved"),
    ("sess:x", "writer", 403, "key_protected"),
    ("horizon:x", "writer", 403, "key_protected"),
    ("other:x", "shop", 403, "key_outside_prefixes"),
])
def test_keys_that_a_caller_may_not_touch(guarded, method, key, token, status, code):
    reply = guarded.request(method, path(key), token=token,
                            body=b"x" if method == "PUT" else None)
    assert reply.status == status
    if method != "HEAD":
        assert reply.json["code"] == code


def test_scopes(guarded):
    assert put(guarded, "scope:1", b"x", token="writer").status in (201, 204)
    assert guarded.get(path("scope:1"), token="reader").status == 200
    refused(put(guarded, "scope:1", b"x", token="reader"), 403, "forbidden")
    refused(guarded.get(path("scope:1")), 401, "unauthorized")
    assert put(guarded, "shop:1", b"x", token="shop").status in (201, 204)
    assert put(guarded, "sess:1", b"x", token="admin").status in (201, 204)
    assert guarded.request("DELETE", path("sess:1"), token="admin").status == 204
