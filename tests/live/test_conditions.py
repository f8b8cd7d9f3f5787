# SPDX-License-Identifier: MIT
"""Conditions on writes, headers that are lists, headers that are given twice, DELETE with dependents."""

import threading

import pytest

from conftest import open_config
from harness import API
from keys import CACHE, path, put, refused

RULES = """
dependencies: [{when: "a:{id}", invalidate: ["b:{id}"]}]
cache: {namespaces: [{prefix: "zip:", ttl: 60s, compress_above: 100}]}
"""


@pytest.fixture
def warden(start, redis):
    return start(open_config(redis, RULES))


def lines(daemon, method, target, headers, body=b""):
    """Status and answer of a request whose headers may repeat."""
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers)
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    answer = daemon.raw(head.encode() + body)
    return int(answer.split(b" ", 2)[1]), answer


def etag(daemon, key, **headers):
    return daemon.get(path(key), headers=headers).headers["ETag"]


# Conditions ---------------------------------------------------------------------------------------


def test_put_if_match(warden, redis):
    put(warden, "k", b"one")
    first = etag(warden, "k")
    assert put(warden, "k", b"two", headers={"If-Match": f'"other", {first}'}).status == 204
    refused(put(warden, "k", b"three", headers={"If-Match": first}), 412, "precondition_failed")
    refused(put(warden, "k", b"three", headers={"If-Match": "W/" + etag(warden, "k")}), 412,
            "precondition_failed")
    refused(put(warden, "absent", b"x", headers={"If-Match": first}), 412, "precondition_failed")
    assert redis("GET", "k") == b"two" and redis("EXISTS", "absent") == 0


def test_if_match_takes_the_etag_of_either_coding(warden, redis):
    value = b"again and again, " * 100
    for accepted in "zstd", "identity":
        put(warden, "zip:1", value)
        tag = etag(warden, "zip:1", **{"Accept-Encoding": accepted})
        assert put(warden, "zip:1", b"new", headers={"If-Match": tag}).status == 204
        assert redis("GET", "zip:1") == b"new"


def test_stars(warden, redis):
    refused(put(warden, "k", b"x", headers={"If-Match": "*"}), 412, "precondition_failed")
    assert put(warden, "k", b"x", headers={"If-None-Match": "*"}).status == 201
    refused(put(warden, "k", b"y", headers={"If-None-Match": "*"}), 412, "precondition_failed")
    assert put(warden, "k", b"z", headers={"If-Match": "*"}).status == 204
    assert redis("GET", "k") == b"z"


def test_delete_if_match(warden, redis):
    put(warden, "k", b"one")
    first = etag(warden, "k")
    put(warden, "k", b"two")
    refused(warden.request("DELETE", path("k"), headers={"If-Match": first}), 412,
            "precondition_failed")
    assert redis("GET", "k") == b"two"
    reply = warden.request("DELETE", path("k"), headers={"If-Match": etag(warden, "k")})
    assert (reply.status, reply.headers["X-Cache-Deleted"]) == (204, "1")
    for condition in first, "*":
        refused(warden.request("DELETE", path("k"), headers={"If-Match": condition}), 412,
                "precondition_failed")
    put(warden, "k", b"three")
    assert warden.request("DELETE", path("k"), headers={"If-Match": "*"}).status == 204
    assert redis("EXISTS", "k") == 0


def test_of_many_that_saw_the_same_value_one_wins(warden, redis):
    put(warden, "k", b"start")
    seen, wins = etag(warden, "k"), []

    def race(number):
        reply = put(warden, "k", b"%d" % number, headers={"If-Match": seen})
        assert reply.status in (204, 412), reply
        if reply.status == 204:
            wins.append(b"%d" % number)

    threads = [threading.Thread(target=race, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1 and redis("GET", "k") == wins[0]


def test_tags_go_with_a_value_that_is_stored_under_a_condition(warden, redis):
    put(warden, "k", b"one")
    headers = {"If-Match": etag(warden, "k"), "Surrogate-Key": "shop"}
    assert put(warden, "k", b"two", headers=headers).status == 204
    assert redis("ZRANGE", "cw:tag:shop", 0, -1) == [b"k"]
    headers["Surrogate-Key"] = "other"
    refused(put(warden, "k", b"three", headers=headers), 412, "precondition_failed")
    assert redis("EXISTS", "cw:tag:other") == 0


@pytest.mark.parametrize("method, target, headers", [
    ("PUT", path("k"), [("If-None-Match", '"etag"')]),
    ("PUT", path("k"), [("If-Unmodified-Since", "Tue, 24 Nov 2026 00:00:00 GMT")]),
    ("PUT", path("k"), [("If-Match", "*"), ("If-None-Match", "*")]),
    ("PUT", path("k"), [("If-Match", "*"), ("X-Cache-Lease", "0" * 32)]),
    ("PUT", path("k", "?nx=true"), [("If-Match", "*")]),
    ("DELETE", path("k"), [("If-None-Match", "*")]),
    ("DELETE", path("k", "?cascade=true"), [("If-Match", "*")]),
    ("POST", path("k", what="/expire"), [("If-Match", "*")]),
    ("POST", API + "/invalidate", [("If-Match", "*"), ("Surrogate-Key", "a")]),
    ("POST", CACHE + "/mset", [("If-None-Match", "*")]),
    ("DELETE", "/api/v1/session", [("If-Modified-Since", "x")]),
    ("POST", API + "/warm", [("If-Range", '"x"')])])
def test_what_cannot_be_honoured_is_refused(warden, redis, method, target, headers):
    redis("SET", "k", "kept")
    status, answer = lines(warden, method, target, headers)
    assert status == 400, answer
    assert redis("GET", "k") == b"kept"


# Headers ------------------------------------------------------------------------------------------


def test_lists_are_read_from_all_their_lines(warden, redis):
    status, answer = lines(warden, "PUT", path("k"), [
        ("Surrogate-Key", "one two"), ("cache-tag", "three, four"), ("surrogate-key", "five")], b"x")
    assert status == 201, answer
    tags = sorted(key for key in redis("KEYS", "cw:tag:*"))
    assert tags == [b"cw:tag:" + tag for tag in (b"five", b"four", b"one", b"three", b"two")]
    for header in "Surrogate-Key", "Cache-Tag":
        put(warden, "x", b"x", headers={"Surrogate-Key": "one"})
        put(warden, "y", b"x", headers={"Surrogate-Key": "two"})
        status, _ = lines(warden, "POST", API + "/invalidate", [(header, "one"), (header, "two")])
        assert status == 200 and redis("EXISTS", "x", "y", "k") == 0


def test_percent_encoded_tags(warden, redis):
    put(warden, "k", b"x", headers={"Cache-Tag": "red%20shoes, a%2Cb, caf%C3%A9, 100%25"})
    assert sorted(redis("KEYS", "cw:tag:*")) == sorted(
        "cw:tag:".encode() + tag.encode() for tag in ("red shoes", "a,b", "café", "100%"))
    assert warden.request("POST", API + "/invalidate",
                          headers={"Surrogate-Key": "caf%c3%a9"}).json["invalidated"] == 1


@pytest.mark.parametrize("tag", ["%", "%4", "%zz", "a%00", "%ff", "a%0a", "x" * 257])
def test_tags_that_are_refused(warden, redis, tag):
    for header in "Surrogate-Key", "Cache-Tag":
        refused(put(warden, "k", b"x", headers={header: tag}), 400, "bad_request", header)
        refused(warden.request("POST", API + "/invalidate", headers={header: tag}), 400,
                "bad_request", header)
    assert redis.keys() == []


@pytest.mark.parametrize("method, target, name, value", [
    ("PUT", path("k"), "X-Cache-Lease", "0" * 32),
    ("POST", API + "/invalidate", "Fastly-Soft-Purge", "1"),
    ("GET", "/api/v1/session", "X-Session-Id", "x"),
    ("GET", path("k"), "X-Request-Id", "x"),
    ("PUT", path("k"), "Content-Type", "text/plain"),
    ("PUT", path("k"), "Origin", "http://localhost")])
def test_what_is_no_list_is_refused_when_given_twice(warden, method, target, name, value):
    status, answer = lines(warden, method, target, [(name, value), (name.lower(), value)])
    assert status == 400 and b"given twice" in answer, answer


def test_other_lists_have_many_lines_too(warden):
    put(warden, "k", b"x")
    tag = etag(warden, "k")
    assert lines(warden, "GET", path("k"), [("If-None-Match", '"a"'), ("If-None-Match", tag)])[0] == 304
    _, answer = lines(warden, "GET", API + "/health", [
        ("Accept", "text/plain"), ("Accept", "application/health+json")])
    assert b"application/health+json" in answer


# Dependents ---------------------------------------------------------------------------------------


def test_delete_follows_dependencies_where_it_is_asked_to(warden, redis):
    def fill():
        redis.pipeline([("SET", key, "x") for key in ("a:1", "b:1", "c:1", "a:2", "b:2")])
    warden.request("PUT", API + "/dependencies/b%3A1", {"dependents": ["c:1"]})
    fill()
    warden.request("DELETE", path("a:1"))
    assert redis.keys("?:*") == [b"a:2", b"b:1", b"b:2", b"c:1"]
    fill()
    reply = warden.request("DELETE", path("a:1", "?cascade=true"))
    assert (reply.status, reply.headers["X-Cache-Deleted"]) == (204, "3")
    assert redis.keys("?:*") == [b"a:2", b"b:2"]
    fill()
    assert warden.post(CACHE + "/mdelete", {"keys": ["a:1", "a:2"]}).json == {"deleted": 2}
    assert redis.keys("?:*") == [b"b:1", b"b:2", b"c:1"]
    fill()
    assert warden.post(CACHE + "/mdelete", {"keys": ["a:1", "a:2"], "cascade": True}).json == {
        "deleted": 5}
    assert redis.keys("?:*") == []


def test_cascade_keeps_the_guard(warden, redis):
    refused(warden.request("DELETE", path("cw:inval", "?cascade=true")), 403, "key_reserved")
    refused(warden.request("DELETE", path("k", "?cascade=yes")), 400, "bad_parameter", "cascade")
    refused(warden.post(CACHE + "/mget", {"keys": ["k"], "cascade": True}), 400, "bad_body")
