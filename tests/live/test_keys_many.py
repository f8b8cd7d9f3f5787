# SPDX-License-Identifier: MIT
"""Keys over HTTP: times, listing, many at once, tags, compression, generated names."""

import base64
import json
import os

import pytest

from conftest import open_config
from harness import SANITIZED, Daemon, until
from keys import CACHE, KEYS, base64url, beside, every, path, put, refused
from topology import TOPOLOGY

NAMESPACES = """
cache:
  namespaces:
    - {prefix: "soft:", ttl: 60s, stale_for: 30s}
    - {prefix: "zip:", ttl: 60s, compress_above: 100}
    - {prefix: "zipsoft:", ttl: 60s, stale_for: 30s, compress_above: 100}
"""


@pytest.fixture(scope="module")
def spaces(shared_folder, shared_redis):
    daemon = Daemon(os.path.join(shared_folder, "spaces"), open_config(shared_redis, NAMESPACES))
    yield daemon
    failure = daemon.close()
    assert not failure, failure


def listed(daemon, query, **kw):
    """All pages: the keys and how many pages there were."""
    keys, cursor, pages = [], "", 0
    while cursor is not None:
        reply = daemon.get(f"{CACHE}/keys?{query}&cursor={cursor}", **kw)
        assert reply.status == 200, reply
        keys += [item["key"] for item in reply.json["items"]]
        cursor = reply.json["next"]
        pages += 1
    return sorted(keys), pages


# Times ----------------------------------------------------------------------------------------

def test_ttl(shared, shared_redis):
    shared_redis("SET", "ttl:1", "x", "PX", 41500)
    assert shared.get(path("ttl:1", what="/ttl")).json == {"ttl": 42}
    shared_redis("SET", "ttl:1", "x")
    assert shared.get(path("ttl:1", what="/ttl")).json == {"ttl": -1}
    assert shared.get(path("ttl:absent", what="/ttl")).json == {"ttl": -2}
    shared_redis("RPUSH", "ttl:list", "x")
    assert shared.get(path("ttl:list", what="/ttl")).json == {"ttl": -1}
    refused(shared.get(path("cw:inval", what="/ttl")), 403, "key_reserved")


def test_expire(shared, shared_redis):
    shared_redis("SET", "ex:1", "x")
    url = path("ex:1", what="/expire")
    assert shared.post(url, {"ttl": 60}).json == {"ttl": 60}
    assert 59000 < shared_redis("PTTL", "ex:1") <= 60000
    for _ in range(2):
        assert shared.post(url, {"ttl": -1}).json == {"ttl": -1}
        assert shared_redis("PTTL", "ex:1") == -1
    for ttl in 60, -1:
        refused(shared.post(path("ex:absent", what="/expire"), {"ttl": ttl}), 404, "no_value")
    refused(shared.post(path("session:1", what="/expire"), {"ttl": 1}), 403, "key_reserved")


@pytest.mark.parametrize("body", [{"ttl": 0}, {"ttl": -2}, {"ttl": 315360001}, {"ttl": 1.5},
                                  {"ttl": "60"}, {"ttl": True}, {"ttl": [1]}, {"ttl": None}, {}, None,
                                  {"ttl": 99999999999999999999}])
def test_expire_takes_seconds_alone(shared, shared_redis, body):
    shared_redis("SET", "ex:2", "x")
    body = refused(shared.post(path("ex:2", what="/expire"), body), 400, "bad_body", "/ttl")
    assert body["errors"][0]["pointer"] == "/ttl"
    assert shared_redis("PTTL", "ex:2") == -1


def test_expire_names_what_it_does_not_know(shared):
    refused(shared.post(path("ex:3", what="/expire"), {"ttl": 1, "x": 1}), 400, "bad_body", "/x")
    refused(shared.post(path("ex:3", what="/expire"), []), 400, "bad_body", "object")


# Soft expiry ----------------------------------------------------------------------------------

def test_a_stale_value_is_served_and_says_so(spaces, shared_redis):
    before = spaces.stats()["cache"]["stale_served"]
    put(spaces, "soft:1", b"x")
    assert 89000 < shared_redis("PTTL", "soft:1") <= 90000
    reply = spaces.get(path("soft:1"))
    assert (reply.headers["X-Cache"], reply.headers["X-Cache-TTL"]) == ("HIT", "60")
    shared_redis("PEXPIRE", "soft:1", 29000)
    reply = spaces.get(path("soft:1"))
    assert (reply.status, reply.body) == (200, b"x")
    assert (reply.headers["X-Cache"], reply.headers["X-Cache-TTL"]) == ("STALE", "0")
    assert spaces.get(path("soft:1", what="/ttl")).json == {"ttl": 0}
    entries = spaces.post(CACHE + "/mget", {"keys": ["soft:1"]}).json["entries"]
    assert entries[0]["ttl"] == 0
    refused(spaces.post(path("soft:1", what="/expire"), {"ttl": 10}), 404, "no_value")
    put(spaces, "soft:1", b"x")
    spaces.post(path("soft:1", what="/expire"), {"ttl": 10})
    assert 39000 < shared_redis("PTTL", "soft:1") <= 40000
    until(lambda: spaces.stats()["cache"]["stale_served"] == before + 2, "both are counted")


# Compression ----------------------------------------------------------------------------------

TEXT = b"the same again and again, " * 100


def test_what_is_compressed_reads_as_it_was(spaces, shared_redis):
    put(spaces, "zip:1", TEXT)
    stored = shared_redis("GET", "zip:1")
    assert stored.startswith(b"\x50\x2a\x4d\x18\4\0\0\0cw01\x28\xb5\x2f\xfd") and len(stored) < 200
    reply = spaces.get(path("zip:1"))
    assert reply.body == TEXT and "Content-Encoding" not in reply.headers
    assert reply.headers["Vary"] == "Accept-Encoding"
    head = spaces.request("HEAD", path("zip:1"))
    assert head.headers["Content-Length"] == str(len(TEXT))
    many = spaces.post(CACHE + "/mget", {"keys": ["zip:1"]}).json["entries"][0]
    assert many["value"] == TEXT.decode()
    put(spaces, "zip:1", b"short")
    assert shared_redis("GET", "zip:1") == b"short"
    assert "Vary" not in spaces.get(path("zip:1")).headers


@pytest.mark.parametrize("accepted", ["zstd", "gzip, zstd;q=0.5", "br;q=1, zstd ; q=1.0"])
def test_the_frame_may_be_passed_through(spaces, shared_redis, accepted):
    put(spaces, "zip:2", TEXT)
    plain = spaces.get(path("zip:2"))
    reply = spaces.get(path("zip:2"), headers={"Accept-Encoding": accepted})
    assert reply.headers["Content-Encoding"] == "zstd"
    assert reply.headers["Vary"] == "Accept-Encoding"
    assert reply.body == shared_redis("GET", "zip:2")[12:]
    assert reply.headers["ETag"] != plain.headers["ETag"]
    again = spaces.get(path("zip:2"), headers={"Accept-Encoding": accepted,
                                              "If-None-Match": reply.headers["ETag"]})
    assert again.status == 304
    other = spaces.get(path("zip:2"), headers={"If-None-Match": reply.headers["ETag"]})
    assert (other.status, other.body) == (200, TEXT)


@pytest.mark.parametrize("accepted", ["gzip", "zstd;q=0", "zstd; q=0.000", "", "x-zstd", "*"])
def test_only_who_takes_zstd_gets_it(spaces, accepted):
    put(spaces, "zip:3", TEXT)
    reply = spaces.get(path("zip:3"), headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in reply.headers and reply.body == TEXT


def test_a_big_value_is_compressed_beside_the_loop(spaces, shared_redis):
    value = b"".join(b"%d " % i for i in range(150000))
    put(spaces, "zip:big", value)
    assert len(shared_redis("GET", "zip:big")) < len(value) // 2
    assert spaces.get(path("zip:big")).body == value


def test_a_value_that_looks_compressed_reads_as_it_was(spaces, shared_redis):
    for key in "zip:fake", "plain:fake":
        for value in (b"\x50\x2a\x4d\x18\4\0\0\0cw01", b"\x50\x2a\x4d\x18\4\0\0\0cw01" + os.urandom(50)):
            put(spaces, key, value)
            assert shared_redis("GET", key) != value
            assert spaces.get(path(key)).body == value
    reply = spaces.post(CACHE + "/mset", {"entries": [
        {"key": "plain:fake", "value": base64.b64encode(value).decode(), "encoding": "base64"}]})
    assert reply.json == {"stored": 1}
    assert spaces.get(path("plain:fake")).body == value


HEADER = b"\x50\x2a\x4d\x18\4\0\0\0cw01"
FRAME = bytes.fromhex("28b52ffd")


def bomb(size):
    """A frame of a few bytes that says it holds `size` and does: one run of one byte, in blocks."""
    frame = FRAME + bytes([0xe0]) + size.to_bytes(8, "little")
    while size:
        block = min(size, 128 * 1024)
        size -= block
        frame += (block << 3 | 1 << 1 | (not size)).to_bytes(3, "little") + b"x"
    return frame


@pytest.mark.parametrize("stored", [
    HEADER, HEADER + b"x", HEADER + FRAME, HEADER + bomb(1000)[:-1], HEADER + bomb(1000) + b"x",
    HEADER + bomb(10 * 1024 * 1024), HEADER + bomb(1000) + bomb(1000),
    HEADER + FRAME + bytes([0xe0]) + (1000).to_bytes(8, "little") + bomb(2000)[13:],
    HEADER + FRAME + bytes([0x20, 10]) + bomb(2000)[13:],
    HEADER + FRAME + bytes([0x00, 0x58]) + bomb(2000)[13:],  # tells no size
], ids=range(10))
def test_what_cannot_be_decompressed_is_corrupt(shared, shared_redis, stored):
    shared_redis("SET", "corrupt:1", stored)
    refused(shared.get(path("corrupt:1")), 502, "corrupt_value")
    entries = shared.post(CACHE + "/mget", {"keys": ["corrupt:1"]}).json["entries"]
    assert entries == [{"key": "corrupt:1", "error": "corrupt_value"}]
    assert put(shared, "corrupt:1", b"x").status == 204


def test_a_good_frame_of_anybody_s_is_read(shared, shared_redis):
    shared_redis("SET", "frame:1", HEADER + bomb(300000))
    assert shared.get(path("frame:1")).body == b"x" * 300000


def test_a_bomb_costs_no_memory(start, redis):
    daemon = start(open_config(redis))
    redis("SET", "bomb:1", HEADER + bomb(4 << 30))
    daemon.get(path("bomb:1"))
    before = daemon.rss()
    for _ in range(10):
        refused(daemon.get(path("bomb:1")), 502, "corrupt_value", "max_value_bytes")
    assert daemon.rss() - before < (64 if SANITIZED else 4) << 20


# Listing --------------------------------------------------------------------------------------

def test_listing_shows_every_key_that_may_be_touched(start, redis):
    daemon = start(open_config(redis))
    redis.fill(2500, "list:{}")
    for key in "session:1", "sess:1", "cw:tag:x", "lock:1", "other:1":
        redis("SET", key, "x")
    keys, pages = listed(daemon, "limit=100")
    assert sorted(set(keys)) == sorted([f"list:{i}" for i in range(2500)] + ["other:1"])
    assert pages >= 20
    keys, pages = listed(daemon, "match=list:*7&limit=50")
    assert sorted(set(keys)) == sorted(f"list:{i}" for i in range(2500) if i % 10 == 7)
    keys, pages = listed(daemon, "match=other:*")
    assert keys == ["other:1"] and pages < 10
    assert listed(daemon, "match=none:*")[0] == []
    reply = daemon.get(CACHE + "/keys?match=list:*&limit=1")
    # As few as Redis gives in a step, which may be none.
    assert len(reply.json["items"]) < 50


def test_listing_of_keys_without_expiry(start, redis):
    daemon = start(open_config(redis))
    redis.fill(1500, "list:{}", ttl=600)
    for key in "kept:1", "kept:2", "lock:1", "session:1":
        redis("SET", key, "x")
    redis("RPUSH", "kept:list", "x")
    redis("SET", b"kept:\xff", "x")
    raw = base64url(b"kept:\xff")
    keys, pages = listed(daemon, "only=persistent&limit=50")
    # A step looks at more keys than a page has, where few are wanted.
    assert sorted(set(keys)) == sorted(["kept:1", "kept:2", "kept:list", raw]) and pages < 10
    assert sorted(set(listed(daemon, "only=persistent&match=kept:?")[0])) == sorted(["kept:1", "kept:2", raw])
    assert listed(daemon, "only=persistent&match=list:*")[0] == []
    redis.fill(300, "forever:{}", ttl=-1)
    keys, pages = listed(daemon, "only=persistent&match=forever:*&limit=20")
    assert sorted(set(keys)) == sorted(f"forever:{i}" for i in range(300)) and pages > 5


def test_listing_of_keys_that_are_no_text(start, redis):
    daemon = start(open_config(redis))
    redis("SET", b"bin:\xff\0", "x")
    redis("SET", b"text:\0", "x")
    [one] = every(daemon, "match=bin:*")
    assert one == {"key": base64url(b"bin:\xff\0"), "key_encoding": "base64url"}
    assert daemon.get(KEYS + one["key"] + "?key_encoding=base64url").body == b"x"
    [one] = every(daemon, "match=text:*")
    assert one == {"key": "text:\0", "key_encoding": "utf-8"}
    [one] = every(daemon, "match=text:*&key_encoding=base64url")
    assert one == {"key": base64url(b"text:\0"), "key_encoding": "base64url"}


@pytest.mark.parametrize("query, code", [
    ("limit=0", "bad_parameter"), ("limit=1001", "bad_parameter"), ("limit=x", "bad_parameter"),
    ("cursor=x", "bad_parameter"), ("cursor=-1", "bad_parameter"),
    ("cursor=99999999999999999999", "bad_parameter"), ("match=", "bad_pattern"),
    ("match=" + "*a" * 17, "bad_pattern"), ("match=" + "a" * 513, "bad_pattern"),
    ("matsch=a", "bad_parameter"), ("only=longer", "bad_parameter"), ("only=", "bad_parameter"), ("key_encoding=hex", "bad_parameter")])
def test_listings_that_are_refused(shared, query, code):
    refused(shared.get(CACHE + "/keys?" + query), 400, code)


def test_listing_of_reserved_keys_is_refused(shared):
    refused(shared.get(CACHE + "/keys?match=cw:*"), 403, "key_reserved")
    refused(shared.get(CACHE + "/keys?match=session:*"), 403, "key_reserved")


# Many -----------------------------------------------------------------------------------------

def test_mget_keeps_the_order(shared, shared_redis):
    shared_redis("SET", "m:1", "one", "PX", 60000)
    shared_redis("SET", "m:2", b"\xff\0")
    shared_redis("SET", "m:3", "")
    shared_redis("SET", "m:4", 'a"b\\\n\té')
    shared_redis("DEL", "m:list", "m:absent")
    shared_redis("RPUSH", "m:list", "x")
    reply = shared.post(CACHE + "/mget", {"keys": [
        "m:2", "m:absent", "m:1", "m:list", "m:3", "m:4", "m:1"]})
    assert reply.headers["Content-Type"] == "application/json"
    one = {"key": "m:1", "value": "one", "ttl": 60, "encoding": "utf-8"}
    assert reply.json == {"entries": [
        {"key": "m:2", "value": "/wA=", "ttl": -1, "encoding": "base64"}, None, one,
        {"key": "m:list", "error": "wrong_type"},
        {"key": "m:3", "value": "", "ttl": -1, "encoding": "utf-8"},
        {"key": "m:4", "value": 'a"b\\\n\té', "ttl": -1, "encoding": "utf-8"}, one]}


def test_mget_with_binary_names(shared, shared_redis):
    shared_redis("SET", b"\xff/", "x")
    name = base64url(b"\xff/")
    reply = shared.post(CACHE + "/mget?key_encoding=base64url", {"keys": [name]})
    assert reply.json["entries"] == [{"key": name, "value": "x", "ttl": -1, "encoding": "utf-8"}]
    refused(shared.post(CACHE + "/mget?key_encoding=base64url", {"keys": ["YQ", "a b"]}), 400,
            "bad_key", "/keys/1")


@pytest.mark.parametrize("count", [1, 2, 64, 65, 1000])
def test_mget_of_many(shared, shared_redis, count):
    shared_redis.pipeline([("SET", f"n:{i}", "v" * i, "EX", 100) for i in range(count)])
    keys = [f"n:{i}" for i in range(count)]
    entries = shared.post(CACHE + "/mget", {"keys": keys}).json["entries"]
    assert [e["value"] for e in entries] == ["v" * i for i in range(count)]


@pytest.mark.parametrize("count, size, told", [
    (10, 1_000_000, 10),   # all fit, though not into the first step
    (100, 500_000, 33),    # some fit
    (17, 1_048_576, 16)])
def test_mget_is_bounded(shared, shared_redis, count, size, told):
    shared_redis.pipeline([("SET", f"b:{i}", "x" * size) for i in range(count)])
    keys = [f"b:{i}" for i in range(count)]
    entries = shared.post(CACHE + "/mget", {"keys": keys}).json["entries"]
    assert [e["key"] for e in entries] == keys
    good = [e for e in entries if "value" in e]
    assert len(good) == told and all(len(e["value"]) == size for e in good)
    assert all(e["error"] == "reply_too_large" for e in entries if e not in good)
    shared_redis.pipeline([("DEL", key) for key in keys])


def test_mget_bounds_what_was_compressed(spaces, shared_redis):
    put(spaces, "zip:m", b"x" * 1_048_576)
    assert len(shared_redis("GET", "zip:m")) < 1000
    entries = spaces.post(CACHE + "/mget", {"keys": ["zip:m"] * 20}).json["entries"]
    assert ["value" in e for e in entries] == [True] * 16 + [False] * 4
    assert entries[16] == {"key": "zip:m", "error": "reply_too_large"}


def test_mget_of_a_value_over_the_limit(shared, shared_redis):
    shared_redis("SET", "over:1", "x" * 1_048_577)
    shared_redis("SET", "over:2", "x" * 20_000_000)
    shared_redis("SET", "over:3", "x")
    entries = shared.post(CACHE + "/mget", {"keys": ["over:1", "over:2", "over:3"]}).json["entries"]
    assert [e.get("error") for e in entries] == ["too_large", "too_large", None]
    shared_redis("DEL", "over:1", "over:2")


@pytest.mark.parametrize("route", ["/mget", "/mdelete"])
@pytest.mark.parametrize("body, code, word", [
    ({}, "bad_body", "/keys"), (None, "bad_body", "/keys"), ({"keys": []}, "bad_body", "empty"),
    ({"keys": "a"}, "bad_body", "list"), ({"keys": ["a", 1]}, "bad_body", "/keys/1"),
    ({"keys": [""]}, "bad_body", "/keys/0"), ({"keys": ["k" * 1025]}, "bad_key", "1025"),
    ({"keys": ["a"] * 1001}, "bad_body", "1000"), ({"key": ["a"]}, "bad_body", "/key"),
    (["a"], "bad_body", "object")])
def test_lists_of_keys_that_are_none(shared, route, body, code, word):
    refused(shared.post(CACHE + route, body), 400, code, word)


@pytest.mark.parametrize("route", ["/mget", "/mdelete"])
def test_one_key_that_may_not_be_touched_refuses_all(shared, shared_redis, route):
    shared_redis("SET", "may:1", "x")
    for key, code in ("cw:x", "key_reserved"), ("session:1", "key_reserved"), ("sess:1", "key_protected"):
        body = refused(shared.post(CACHE + route, {"keys": ["may:1", key]}), 403, code, key)
        assert body["errors"][0]["pointer"] == "/keys/1"
    assert shared_redis("EXISTS", "may:1") == 1


def test_mdelete(shared, shared_redis):
    shared_redis.pipeline([("SET", f"del:{i}", "x") for i in range(300)])
    keys = [f"del:{i}" for i in range(350)]
    assert shared.post(CACHE + "/mdelete", {"keys": keys}).json == {"deleted": 300}
    assert shared_redis.keys("del:*") == []
    names = [value for _, fields in shared_redis("XREVRANGE", "cw:inval", "+", "-", "COUNT", 1)
             for field, value in zip(fields[::2], fields[1::2]) if field == b"k"]
    assert len(names) == 350


def test_deleting_without_memory_for_the_log(start, redis):
    """The value is where the log is, so that its end makes room."""
    daemon = start(open_config(redis))
    daemon.wait_redis()
    server = redis.node("cw:inval") if TOPOLOGY == "cluster" else redis
    big, other = "oom:{cw:inval}:1", "oom:{cw:inval}:2"
    redis("SET", big, "x" * 1_000_000)
    used = int(dict(line.split(":", 1) for line in server("INFO", "memory").decode().split("\r\n")
                    if ":" in line)["used_memory"])
    server("CONFIG", "SET", "maxmemory", used - 500_000)
    refused(put(daemon, other, b"x"), 507, "redis_oom")
    assert daemon.request("DELETE", path(big)).status == 204
    assert redis("EXISTS", big) == 0
    [[_, fields]] = redis("XREVRANGE", "cw:inval", "+", "-", "COUNT", 1)
    assert big.encode() in fields
    server("CONFIG", "SET", "maxmemory", 0)


# mset -----------------------------------------------------------------------------------------

def test_mset(shared, shared_redis):
    reply = shared.post(CACHE + "/mset", {"entries": [
        {"key": "s:1", "value": "one", "ttl": 60, "tags": ["red", "blue"]},
        {"key": "s:2", "value": "/wA=", "encoding": "base64", "ttl": -1},
        {"key": "s:3", "value": "", "encoding": "utf-8", "ttl": None},
        {"key": "s:4", "value": "[1, 9007199254740993]"}]})
    assert reply.json == {"stored": 4}
    assert [shared_redis("GET", f"s:{i}") for i in range(1, 5)] == [
        b"one", b"\xff\0", b"", b"[1, 9007199254740993]"]
    assert 59000 < shared_redis("PTTL", "s:1") <= 60000
    assert shared_redis("PTTL", "s:2") == -1
    assert 3590000 < shared_redis("PTTL", "s:3") <= 3600000
    assert shared_redis("ZRANGE", "cw:tag:red", 0, -1) == [b"s:1"]
    assert shared_redis("ZSCORE", "cw:tag:blue", "s:1") is not None


@pytest.mark.parametrize("count", [64, 65, 1000])
def test_mset_of_many(shared, shared_redis, count):
    shared_redis.pipeline([("SET", beside("lease", f"ms:{i}"), "x") for i in range(count)])
    reply = shared.post(CACHE + "/mset", {"entries": [
        {"key": f"ms:{i}", "value": "v" * (i % 700)} for i in range(count)]})
    assert reply.json == {"stored": count}
    assert [shared_redis("STRLEN", f"ms:{i}") for i in range(count)] == [i % 700 for i in range(count)]
    assert shared_redis("KEYS", "cw:lease:*") == []
    shared_redis.pipeline([("DEL", f"ms:{i}") for i in range(count)])


BAD_ENTRIES = [
    ({"value": "x"}, "/key", "bad_body"), ({"key": "", "value": "x"}, "/key", "bad_body"),
    ({"key": 1, "value": "x"}, "/key", "bad_body"), ({"key": "k" * 1025, "value": "x"}, "/key", "bad_key"),
    ({"key": "a"}, "/value", "bad_body"), ({"key": "a", "value": None}, "/value", "bad_body"),
    ({"key": "a", "value": 1}, "/value", "bad_body"), ({"key": "a", "value": ["x"]}, "/value", "bad_body"),
    ({"key": "a", "value": {"x": 1}}, "/value", "bad_body"),
    ({"key": "a", "value": "a b", "encoding": "base64"}, "/value", "bad_body"),
    ({"key": "a", "value": "YQ", "encoding": "base64"}, "/value", "bad_body"),
    ({"key": "a", "value": "x", "encoding": "latin-1"}, "/value", "bad_body"),
    ({"key": "a", "value": "x", "ttl": 0}, "/ttl", "bad_body"),
    ({"key": "a", "value": "x", "ttl": -2}, "/ttl", "bad_body"),
    ({"key": "a", "value": "x", "ttl": 315360001}, "/ttl", "bad_body"),
    ({"key": "a", "value": "x", "ttl": "60"}, "/ttl", "bad_body"),
    ({"key": "a", "value": "x", "tags": "red"}, "/tags", "bad_body"),
    ({"key": "a", "value": "x", "tags": [["red"]]}, "/tags/0", "bad_body"),
    ({"key": "a", "value": "x", "tags": ["ok", "two\nlines"]}, "/tags/1", "bad_body"),
    ({"key": "a", "value": "x", "tags": ["t" * 257]}, "/tags/0", "bad_body"),
    ({"key": "a", "value": "x", "tags": ["t"] * 101}, "/tags", "bad_body"),
    ({"key": "a", "value": "x", "nx": True}, "/nx", "bad_body"),
    ({"key": "cw:x", "value": "x"}, "/key", "key_reserved"),
    ({"key": "session:1", "value": "x"}, "/key", "key_reserved"),
    ({"key": "sess:1", "value": "x"}, "/key", "key_protected"),
    ("x", "", "bad_body"), (None, "", "bad_body"), ([], "", "bad_body")]


@pytest.mark.parametrize("entry, pointer, code", BAD_ENTRIES, ids=range(len(BAD_ENTRIES)))
def test_a_bad_entry_stores_nothing(shared, shared_redis, entry, pointer, code):
    reply = shared.post(CACHE + "/mset", {"entries": [{"key": "bad:1", "value": "x"}, entry]})
    body = refused(reply, 403 if code.startswith("key_") else 400, code)
    assert [e["pointer"] for e in body["errors"]] == ["/entries/1" + pointer]
    assert shared_redis("EXISTS", "bad:1") == 0


def test_every_bad_entry_is_told(shared, shared_redis):
    reply = shared.post(CACHE + "/mset", {"entries": [
        {"key": "bad:1", "value": 1}, {"key": "bad:2", "value": "x"}, {"key": "bad:3", "value": "x", "ttl": 0}]})
    body = refused(reply, 400, "bad_body")
    assert [e["pointer"] for e in body["errors"]] == ["/entries/0/value", "/entries/2/ttl"]
    assert reply.body.count(b'"errors"') == 1
    reply = shared.post(CACHE + "/mset", {"entries": [{"key": "bad:1"}] * 1000})
    assert len(reply.json["errors"]) == 20
    assert shared_redis("EXISTS", "bad:2") == 0


@pytest.mark.parametrize("body", [{}, None, {"entries": []}, {"entries": {}}, {"entries": "x"},
                                  {"entries": [{"key": "a", "value": "x"}] * 1001}, {"items": []}])
def test_msets_that_are_none(shared, body):
    refused(shared.post(CACHE + "/mset", body), 400, "bad_body")


def test_an_entry_over_the_limit(start, redis):
    daemon = start(open_config(redis, "cache: {max_value_bytes: 1KiB}"))
    reply = daemon.post(CACHE + "/mset", {"entries": [{"key": "a", "value": "x" * 1025}]})
    body = refused(reply, 413, "too_large")
    assert body["errors"][0]["pointer"] == "/entries/0/value"


def test_mset_without_memory_tells_how_many_were_stored(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    redis("CONFIG", "SET", "maxmemory", 1)
    reply = daemon.post(CACHE + "/mset", {"entries": [{"key": "a", "value": "x"}]})
    assert refused(reply, 507, "redis_oom")["stored"] == 0


# Tags -----------------------------------------------------------------------------------------

def test_put_under_tags(shared, shared_redis):
    put(shared, "tag:1", b"x", "?ttl=100", headers={"Surrogate-Key": " red  green\tblue "})
    for tag in "red", "green", "blue":
        assert float(shared_redis("ZSCORE", "cw:tag:" + tag, "tag:1")) > 1e12
    put(shared, "tag:2", b"x", "?ttl=-1", headers={"Surrogate-Key": "red"})
    assert shared_redis("ZSCORE", "cw:tag:red", "tag:2") == b"inf"


def test_nx_that_stores_nothing_tags_nothing(shared, shared_redis):
    put(shared, "tag:3", b"x")
    reply = put(shared, "tag:3", b"y", "?nx=true", headers={"Surrogate-Key": "never"})
    assert reply.status == 412
    assert shared_redis("EXISTS", "cw:tag:never") == 0


@pytest.mark.parametrize("tags", ["a,b", "t" * 257, " ".join(f"t{i}" for i in range(101))])
def test_tags_that_are_none(shared, shared_redis, tags):
    refused(put(shared, "tag:4", b"x", headers={"Surrogate-Key": tags}), 400, "bad_request",
            "Surrogate-Key")
    assert shared_redis("EXISTS", "tag:4") == 0


@pytest.mark.parametrize("make", [("SET", "x"), ("RPUSH", "x"), ("SADD", "x")])
def test_a_tag_s_set_of_another_type_stores_nothing(shared, shared_redis, make):
    shared_redis("DEL", "cw:tag:odd")
    shared_redis(make[0], "cw:tag:odd", make[1])
    refused(put(shared, "tag:5", b"x", headers={"Surrogate-Key": "fine odd"}), 409, "wrong_type",
            "cw:tag:")
    assert shared_redis("EXISTS", "tag:5") == 0
    reply = shared.post(CACHE + "/mset", {"entries": [
        {"key": "tag:6", "value": "x"}, {"key": "tag:7", "value": "x", "tags": ["odd"]},
        {"key": "tag:8", "value": "x"}]})
    assert refused(reply, 409, "wrong_type")["stored"] == 2
    assert [shared_redis("EXISTS", f"tag:{i}") for i in (6, 7, 8)] == [1, 0, 1]
    shared_redis("DEL", "cw:tag:odd")


# Generated names ------------------------------------------------------------------------------

class Spelt(str):
    """A number as it is spelt: Python makes 0 of -0 and a float of 1e5."""


def vectors():
    with open(os.path.join(os.path.dirname(__file__), "../../docs/keys.json"), encoding="utf-8") as file:
        body = json.load(file, parse_int=Spelt, parse_float=Spelt)
    return body["vectors"], body["refused"]


def spell(value):
    if isinstance(value, Spelt):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(spell, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(json.dumps(k) + ": " + spell(v) for k, v in value.items()) + "}"
    return json.dumps(value)


def asked(row):
    return spell({name: row[name] for name in ("prefix", "args", "params") if name in row}).encode()


@pytest.mark.parametrize("row", vectors()[0], ids=lambda row: row["why"])
def test_the_vectors_hold(shared, row):
    reply = shared.request("POST", CACHE + "/key", body=asked(row))
    assert (reply.status, reply.json) == (200, {"key": row["key"]})


@pytest.mark.parametrize("row", vectors()[1], ids=lambda row: row["why"])
def test_the_vectors_refuse(shared, row):
    refused(shared.request("POST", CACHE + "/key", body=asked(row)), 400, row["error"])


def test_keys_of_entities(start, redis):
    daemon = start(open_config(redis, 'entities: {user: {field: user_id, keys: '
                               '{profile: "user:profile:{id}", all: "u{id}{{}}"}}, '
                               'firm: {field: firm_id, keys: ["firm:{id}"]}}'))
    make = lambda **body: daemon.post(CACHE + "/key", body)
    assert make(entity="user", name="profile", id="42").json == {"key": "user:profile:42"}
    assert make(entity="user", name="profile", id=9007199254740993).json == {
        "key": "user:profile:9007199254740993"}
    assert make(entity="user", name="all", id="*").json == {"key": "u*{}"}
    refused(make(entity="user", name="profil", id="42"), 400, "bad_body", "profile, all")
    refused(make(entity="firm", name="x", id="42"), 400, "bad_body", "none")
    refused(make(entity="shop", name="x", id="42"), 400, "bad_body", "shop")
    refused(make(entity="user", id="42"), 400, "bad_body", "name")
    refused(make(entity="user", name="profile"), 400, "bad_body", "id")
    refused(make(entity="user", name="profile", id=1.5), 400, "bad_body", "/id")
    refused(make(entity="user", name="profile", id="x" * 1020), 400, "bad_key", "1024")


@pytest.mark.parametrize("body, word", [
    ({}, "prefix"), (None, "prefix"), ({"args": [1]}, "prefix"), ({"prefix": ""}, "/prefix"),
    ({"prefix": "a", "entity": "user"}, "either"), ({"name": "a"}, "either"),
    ({"prefix": "a", "args": [[1]]}, "/args/0"), ({"prefix": "a", "params": {"x": {}}}, "/params/x"),
    ({"prefix": "a", "args": {}}, "/args"), ({"prefix": "a", "params": []}, "/params"),
    ({"prefix": "a", "arg": []}, "/arg")])
def test_names_that_cannot_be_made(shared, body, word):
    refused(shared.post(CACHE + "/key", body), 400, "bad_body", word)
