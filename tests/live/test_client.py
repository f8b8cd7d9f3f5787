# SPDX-License-Identifier: MIT
"""docs/examples/cachewarden.py: values, keys, errors and connections."""

import ast
import json
import os
import socket
import threading

import pytest

from client import EXAMPLES, ROOT, Origin, cachewarden, client_config, url_of
from harness import API
from cachewarden import Cache, Incomplete, Refused, Unavailable, Unreadable, make_key


@pytest.fixture(scope="module")
def shared_config(shared_redis):
    return client_config(shared_redis)


@pytest.fixture
def cache(shared, shared_redis):
    shared_redis("FLUSHALL")
    with Cache(url_of(shared)) as it:
        yield it


def test_it_is_python_3_9():
    with open(os.path.join(EXAMPLES, "cachewarden.py"), encoding="utf-8") as file:
        ast.parse(file.read(), feature_version=(3, 9))


# Keys ------------------------------------------------------------------------------------------


def test_keys_are_those_of_the_vectors():
    with open(os.path.join(ROOT, "docs/keys.json"), encoding="utf-8") as file:
        vectors = json.load(file)["vectors"]
    for vector in vectors:
        made = make_key(vector["prefix"], *vector.get("args", []), **vector.get("params", {}))
        assert made == vector["key"], vector


@pytest.mark.parametrize("prefix, args, error", [
    ("", [], ValueError), (None, [], ValueError), (b"a", [], ValueError), ("a" * 201, [], ValueError),
    ("a" * 170, ["x" * 40], ValueError), ("a", [1.0], TypeError), ("a", [b"x"], TypeError),
    ("a", [[1]], TypeError), ("a", [object()], TypeError), ("a", ["x"] * 65, ValueError),
    ("a", ["\ud800"], ValueError)])
def test_what_makes_no_key_is_refused(prefix, args, error):
    with pytest.raises(error):
        make_key(prefix, *args)


@pytest.mark.parametrize("key", ["a", "a/b", ".", "..", "ü*", "a?b#c", "%2F", b"\xff\x00", "x" * 1024])
def test_a_key_is_any_bytes(cache, shared_redis, key):
    cache.set(key, "v", 60)
    raw = key.encode() if isinstance(key, str) else key
    assert shared_redis("GET", raw) == b"v"
    assert cache.get(key) == b"v" and cache.ttl(key) == 60
    assert cache.expire(key, 120) and cache.ttl(key) == 120
    assert cache.mget([key]) == ["v"]
    assert cache.delete(key) and not cache.delete(key)
    assert not cache.expire(key, 60) and cache.ttl(key) == -2


@pytest.mark.parametrize("key, error", [("", ValueError), ("x" * 1025, ValueError), (7, TypeError),
                                        (None, TypeError)])
def test_what_is_no_key_is_refused(cache, key, error):
    for call in (cache.get, cache.delete, cache.ttl, lambda k: cache.set(k, "v"),
                 lambda k: cache.mget([k]), lambda k: cache.mset({k: "v"})):
        with pytest.raises(error):
            call(key)


# Values ----------------------------------------------------------------------------------------

VALUES = [b"", b"text", b"/wA=", b"\xff\x00", "ü".encode(), b"a\nb", b"\x01", bytes(range(256))]


def test_bytes_text_and_absence_stay_apart(cache, shared_redis):
    for value in VALUES:
        cache.set("v", value, 60)
        assert cache.get("v") == value == shared_redis("GET", "v")
        shown = cache.mget(["v", "none"])
        assert shown[1] is None
        assert shown[0] in (value, value.decode("latin-1"), value.decode("utf-8", "replace"))
        assert (shown[0] if isinstance(shown[0], bytes) else shown[0].encode()) == value
    assert cache.get("none") is None
    for stored, read in (("text", b"text"), ("ü", "ü".encode()), (bytearray(b"x"), b"x"),
                         (memoryview(b"y"), b"y")):
        cache.set("v", stored)
        assert cache.get("v") == read
        assert cache.mset({"v": stored}) == 1 and cache.get("v") == read


def test_none_is_absence(cache):
    cache.mset({"a": "1", "b": "2"})
    cache.set("a", None)
    assert cache.mget(["a", "b"]) == [None, "2"]
    assert cache.mset({"a": "3", "b": None}) == 1
    assert cache.mget(["a", "b"]) == ["3", None]


@pytest.mark.parametrize("value", [1, 1.5, True, {"a": 1}, ["a"], object()])
def test_what_is_no_value_is_refused(cache, value):
    with pytest.raises(TypeError):
        cache.set("v", value)
    with pytest.raises(TypeError):
        cache.mset({"v": value})
    assert cache.get("v") is None


def test_what_cannot_be_read_is_not_absent(cache, shared_redis):
    shared_redis("LPUSH", "list", "1")
    shared_redis("SET", "big", "x" * (2 << 20))
    frame = bytes.fromhex("502a4d18040000006377303128b52ffd0000")
    shared_redis("SET", "damaged", frame)
    for key, code in (("list", "wrong_type"), ("big", "too_large"), ("damaged", "corrupt_value")):
        assert cache.get(key) == Unreadable(code)
        assert cache.mget([key, "none"]) == [Unreadable(code), None]


def test_many_keys_are_read_and_written_by_parts(cache):
    big = {f"big:{i}": "x" * 400_000 for i in range(50)}  # more than an answer or a body holds
    assert cache.mset(big, 60) == 50
    assert cache.mget(list(big)) == list(big.values())
    many = {f"many:{i}": str(i) for i in range(2500)}
    assert cache.mset(many, 60) == 2500
    assert cache.mget(list(many)) == list(many.values())
    assert cache.mdelete([*many, "none"]) == 2500
    assert cache.mget([]) == [] and cache.mset({}) == 0 and cache.mdelete([]) == 0


def test_a_value_over_the_limit_is_refused_however_large_it_is(cache):
    for size in (2 << 20, 60 << 20):  # the daemon answers before it has read the latter
        with pytest.raises(Refused) as raised:
            cache.set("v", "x" * size)
        assert raised.value.status == 413
    assert cache.get("v") is None


@pytest.mark.parametrize("ttl", [0, -2, 0.5, 60.0, "60", True, 315360001])
def test_a_ttl_is_whole_seconds(cache, ttl):
    for call in (lambda: cache.set("v", "x", ttl), lambda: cache.mset({"v": "x"}, ttl),
                 lambda: cache.set("v", None, ttl), lambda: cache.expire("v", ttl)):
        with pytest.raises((TypeError, ValueError)):
            call()


TAGS = ["plain", "a:b/c", "a b", "a,b", "ü", "日本 東京", "100%", "%41", "😀", "\"'<>\\", "x" * 256,
        "é" * 128]


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: ascii(tag)[:12])
def test_tags_are_of_any_script(cache, tag):
    cache.set("by:put", "v", 60, tags=[tag, "other"])
    cache.mset({"by:mset": "v"}, 60, tags=[tag])
    cache.set("else", "v", 60, tags=["other"])
    assert cache.invalidate(tags=[tag])["invalidated"] == 2
    assert cache.mget(["by:put", "by:mset", "else"]) == [None, None, "v"]


@pytest.mark.parametrize("tags", ["red", b"red", [""], ["x" * 257], ["ü" * 129], ["a\nb"], ["\x7f"],
                                  [1], [None], ["t"] * 101])
def test_what_is_no_tag_is_refused(cache, tags):
    for call in (lambda: cache.set("v", "x", 60, tags), lambda: cache.mset({"v": "x"}, 60, tags)):
        with pytest.raises((TypeError, ValueError)):
            call()


# Operations ------------------------------------------------------------------------------------


def test_an_invalidation_that_is_not_complete_is_raised(cache):
    cache.mset({f"p:{i}": "x" for i in range(10)}, 60)
    assert cache.invalidate(patterns=["p:*"], dry_run=True, max_keys=3)["matched"] >= 3
    with pytest.raises(Incomplete, match="max_keys") as raised:
        cache.invalidate(patterns=["p:*"], max_keys=3)
    assert raised.value.problem["invalidated"] == 3
    assert cache.invalidate(patterns=["p:*"])["invalidated"] == 7


def test_a_mistake_in_a_request_is_refused_with_its_code(cache):
    with pytest.raises(Refused, match="nonsense is not a member") as raised:
        cache.invalidate(nonsense=["a"])
    assert (raised.value.code, raised.value.status) == ("bad_body", 400)
    assert raised.value.problem["errors"][0]["pointer"] == "/nonsense"
    with pytest.raises(Refused) as raised:
        cache.get("cw:meta")
    assert raised.value.code == "key_reserved"


# Tokens, addresses, what is away ---------------------------------------------------------------


def test_a_token_that_is_wrong_is_never_a_miss(shared):
    cache = Cache(url_of(shared), token="wrong")
    for call in (lambda: cache.get("a"), lambda: cache.mget(["a"]), lambda: cache.set("a", "b")):
        with pytest.raises(Refused) as raised:
            call()
        assert raised.value.status == 401


@pytest.mark.parametrize("token", ["", " ", "a b", "secret\n", "geheimnüs"])
def test_what_cannot_be_a_token_is_refused_at_once(token):
    with pytest.raises(ValueError):
        Cache("http://localhost:1", token=token)


@pytest.mark.parametrize("url", ["localhost:8480", "ftp://a", "http://", "http://u:p@a", "http://a?b",
                                 "http://a:port"])
def test_what_is_no_address_is_refused_at_once(url):
    with pytest.raises(ValueError):
        Cache(url)


def test_token_and_address_come_from_the_environment(monkeypatch, shared):
    monkeypatch.setenv("CACHEWARDEN_URL", url_of(shared) + "/")
    monkeypatch.setenv("CACHEWARDEN_TOKEN", "wrong")
    with pytest.raises(Refused, match="token"):
        Cache().get("a")
    monkeypatch.setenv("CACHEWARDEN_TOKEN", "")
    assert Cache().get("a") is None


def test_a_unix_socket_is_an_address(start, redis, folder):
    start(client_config(redis).replace('"127.0.0.1:0"', f'"127.0.0.1:0", "unix:{folder}/s"'))
    with Cache(f"unix:{folder}/s") as cache:
        cache.set("a", "b")
        assert cache.get("a") == b"b"
    with pytest.raises(Unavailable):
        Cache(f"unix:{folder}/none").get("a")


def test_redis_away_is_unavailable_and_says_so(start, redis):
    cache = Cache(url_of(start(client_config(redis))))
    redis.kill()
    with pytest.raises(Unavailable) as raised:
        cache.get("a")
    assert raised.value.status in (502, 503)  # the first may have been sent already
    with pytest.raises(Unavailable):
        cache.invalidate(keys=["a"])


def test_no_daemon_is_unavailable(folder):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = "http://127.0.0.1:%d" % server.getsockname()[1]
        with pytest.raises(Unavailable, match="timed out"):
            Cache(url, timeout=0.2).get("a")
    with pytest.raises(Unavailable, match="refused"):
        Cache(url).get("a")


@pytest.mark.parametrize("status, body, kind", [
    (502, b"<html>bad gateway</html>", Unavailable), (503, b"", Unavailable),
    (500, b'{"code": "internal", "detail": "d"}', Unavailable),
    (429, b'{"code": "too_many_requests", "detail": "d"}', Unavailable),
    (502, b'{"code": "source_failed", "detail": "d"}', Refused),
    (404, b"no such page", Refused), (302, b"", Refused), (400, b'["a"]', Refused),
    (403, b'{"code": 7}', Refused)])
def test_answers_of_others_are_never_taken_for_a_miss(status, body, kind):
    with Origin(lambda handler, _: handler.say(status, body)) as origin:
        with pytest.raises(kind) as raised:
            Cache(origin.url).get("a")
        assert raised.value.status == status


# Connections -----------------------------------------------------------------------------------


def test_a_connection_is_kept_and_one_that_has_ended_is_replaced():
    def answer(handler, count):
        handler.say(200, b"%d" % count)
        handler.close_connection = count == 3  # without saying so

    with Origin(answer) as origin, Cache(origin.url) as cache:
        for count in range(1, 4):
            assert cache.get("a") == b"%d" % count
        assert origin.connections == 1
        assert cache.get("a") == b"4" and origin.connections == 2


def test_a_request_that_may_have_been_done_is_sent_again_only_if_that_does_no_harm():
    def answer(handler, count):
        if count % 2:
            handler.say(200, b"{}")
        else:
            handler.close_connection = True  # read, and then nothing

    with Origin(answer) as origin, Cache(origin.url) as cache:
        assert cache.call("GET", "/a").status == 200
        assert cache.call("PUT", "/b", b"x").status == 200  # the kept connection ended: again
        assert [request[1] for request in origin.requests] == ["/a", "/b", "/b"]
        with pytest.raises(Unavailable):
            cache.call("POST", "/c", {})
        assert [request[1] for request in origin.requests] == ["/a", "/b", "/b", "/c"]


def test_threads_share_a_cache(cache):
    failures = []

    def work(number):
        for i in range(40):
            cache.set(f"t:{number}", f"{number}:{i}")
            if cache.get(f"t:{number}") != f"{number}:{i}".encode():
                failures.append((number, i))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_child_has_connections_of_its_own(cache):
    cache.set("a", "parent")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if not cache._connections.idle and cache.get("a") == b"parent" else 2
            cache.set("a", "child")
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert cache.get("a") == b"child"


def test_nothing_of_the_module_is_named_by_accident():
    assert {name for name in cachewarden.__all__ if not hasattr(cachewarden, name)} == set()
    assert API == cachewarden.ADMIN
