# SPDX-License-Identifier: MIT
"""Sessions over HTTP: what they keep, who finds them, and what an id never gets into."""

import datetime
import hashlib
import json
import re
import threading
import urllib.parse

import pytest

from conftest import open_config
from harness import API, rounds, until
from keys import every

ONE, ALL = "/api/v1/session", "/api/v1/sessions"
SCOPES = "[read, metrics, keys, write, invalidate, warm, operate, sessions]"


def config(redis, extra="", scopes=SCOPES):
    return open_config(redis, extra).replace(
        "[read, metrics, keys, write, invalidate, warm, operate]", scopes)


@pytest.fixture(scope="module")
def shared_config(shared_redis):
    return config(shared_redis)


def create(daemon, user="42", data=None, **more):
    reply = daemon.post(ALL, {"user_id": user, "data": data or {}, **more})
    assert reply.status == 201, reply
    return reply.json


def use(daemon, method, session, body=None, path=ONE, **kw):
    name = session if isinstance(session, str) else session["session_id"]
    return daemon.request(method, path, body=body, headers={"X-Session-Id": name}, **kw)


def get(daemon, session, query="", **kw):
    return use(daemon, "GET", session, path=ONE + query, **kw)


def listed(daemon, user="42"):
    reply = daemon.get(f"/api/v1/users/{urllib.parse.quote(str(user), safe='')}/sessions")
    assert reply.status == 200, reply
    return reply.json["sessions"]


def end(daemon, user, rest=""):
    reply = daemon.request("DELETE", f"/api/v1/users/{user}/sessions{rest}")
    assert reply.status == 200, reply
    return reply.json["ended"]


def when(text):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text), text
    return datetime.datetime.fromisoformat(text[:-1]).timestamp()


def key_of(session):
    return "session:" + hashlib.sha256(session["session_id"].encode()).hexdigest()


def refused(reply, status, code, *words):
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["code"] == code, reply
    for word in words:
        assert word in reply.json["detail"], reply


# One session ------------------------------------------------------------------------------------

def test_the_life_of_one(shared, shared_redis):
    session = create(shared, "life", {"cart": [1, 2]}, ttl=100)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", session["session_id"])
    assert session["ref"] == key_of(session)[8:24]
    assert set(session) == {"session_id", "ref", "expires"}
    assert 98_000 < shared_redis("PTTL", key_of(session)) <= 100_000
    seen = get(shared, session, "?touch=false").json
    assert set(seen) == {"ref", "user_id", "data", "created", "last_seen", "expires"}
    assert seen["user_id"] == "life" and seen["data"] == {"cart": [1, 2]}
    assert seen["created"] == seen["last_seen"] and seen["expires"] == session["expires"]
    assert when(seen["expires"]) - when(seen["last_seen"]) == pytest.approx(100)
    patched = use(shared, "PATCH", session, {"data": {"cart": None, "theme": {"dark": True}}})
    assert patched.status == 200 and patched.json["data"] == {"theme": {"dark": True}}
    assert use(shared, "DELETE", session).status == 204
    refused(get(shared, session), 404, "unknown_session")
    assert use(shared, "DELETE", session).status == 204
    assert shared_redis("EXISTS", key_of(session), "cw:user:life:sessions") == 0


@pytest.mark.soak
def test_one_moment_began_it(shared):
    for i in range(rounds(300, 10_000)):
        session = create(shared, f"moment{i}", ttl=60)
        seen = get(shared, session, "?touch=false").json
        assert seen["created"] == seen["last_seen"] and seen["expires"] == session["expires"], i


def test_the_default_ttl(start, redis):
    daemon = start(config(redis, "sessions: {ttl: 90s}"))
    session = create(daemon)
    assert 88_000 < redis("PTTL", key_of(session)) <= 90_000


def test_use_slides_the_expiry(shared, shared_redis):
    session = create(shared, "slide", ttl=100)
    shared_redis("PEXPIRE", key_of(session), 50_000)
    before = get(shared, session, "?touch=false").json
    assert shared_redis("PTTL", key_of(session)) <= 50_000
    until(lambda: get(shared, session).json["expires"] > before["expires"], "a later expiry")
    assert shared_redis("PTTL", key_of(session)) > 98_000
    after = get(shared, session, "?touch=false").json
    assert after["last_seen"] > before["last_seen"] and after["created"] == before["created"]
    for method, body, path in (("PATCH", {"data": {}}, ONE), ("POST", None, ONE + "/rotate")):
        shared_redis("PEXPIRE", key_of(session), 50_000)
        reply = use(shared, method, session, body, path=path)
        assert reply.status == 200
        session = {**session, **reply.json}
        assert shared_redis("PTTL", key_of(session)) > 98_000
    refused(get(shared, session, "?touch=maybe"), 400, "bad_parameter", "touch")


def test_it_expires(shared, shared_redis):
    session = create(shared, "short", ttl=1)
    until(lambda: get(shared, session, "?touch=false").status == 404, "its end")
    refused(use(shared, "PATCH", session, {"data": {}}), 404, "unknown_session")
    assert listed(shared, "short") == []
    assert shared_redis("ZCARD", "cw:user:short:sessions") == 0


def test_data_stays_as_it_was_spelt(shared):
    text = ('{"big":9007199254740993,"huge":123456789012345678901234567890,"e":[],"o":{},'
            '"f":1.50,"x":1E2,"u":"\\u00fc"}')
    body = ('{"user_id":9007199254740993,"data":%s}' % text).encode()
    session = shared.post(ALL, body).json
    reply = get(shared, session)
    assert text.encode() in reply.body
    assert reply.json["user_id"] == "9007199254740993"
    reply = use(shared, "PATCH", session, b'{"data":{"n":18446744073709551617,"f":null}}')
    expected = text.replace('"f":1.50,', "")[:-1] + ',"n":18446744073709551617}'
    assert expected.encode() in reply.body
    assert expected.encode() in get(shared, session).body
    assert len(listed(shared, 9007199254740993)) == 1


@pytest.mark.parametrize("user", ["a:b", "ü", "a/b", "a%b", "*", "x:sessions", "n\n"])
def test_any_user_id(shared, user):
    session = create(shared, user)
    assert get(shared, session).json["user_id"] == user
    assert [one["ref"] for one in listed(shared, user)] == [session["ref"]]
    assert end(shared, urllib.parse.quote(user, safe="")) == 1


# Bad input --------------------------------------------------------------------------------------

@pytest.mark.parametrize("body, words", [
    (b'{"user_id":""}', "/user_id"), (b'{"max_age":0}', "/max_age"),
    (b'{"max_age":315360001}', "/max_age"), (b'{"max_age":"1h"}', "/max_age"),
    (b'{"grace":5}', "/grace"),
    (b'{"user_id":1.5}', "/user_id"), (b'{"user_id":["x"]}', "/user_id"),
    (b'{"user_id":"x","data":[]}', "/data"), (b'{"user_id":"x","data":"x"}', "/data"),
    (b'{"user_id":"x","ttl":0}', "/ttl"), (b'{"user_id":"x","ttl":-1}', "/ttl"),
    (b'{"user_id":"x","ttl":-2}', "/ttl"), (b'{"user_id":"x","ttl":1.5}', "/ttl"),
    (b'{"user_id":"x","ttl":315360001}', "/ttl"), (b'{"user_id":"x","ttl":"60"}', "/ttl"),
    (b'{"user_id":"x","note":"x"}', "/note"), (b'{"user_id":"x","data":{"a":1,"a":2}}', "twice"),
    (b'[]', "object"), (b'{"user_id":', "ends"),
])
def test_bad_creates(shared, shared_redis, body, words):
    def stored():
        return set(shared_redis("KEYS", "session:*") + shared_redis("KEYS", "cw:user:*"))

    before = stored()
    reply = shared.post(ALL, body)
    assert reply.status == 400 and words in reply.json["detail"], reply
    assert stored() <= before


@pytest.mark.parametrize("body, words", [
    (b"", "/data"), (b"{}", "/data"), (b'{"data":null}', "/data"), (b'{"data":[]}', "/data"),
    (b'{"data":"x"}', "/data"), (b'{"data":1}', "/data"), (b'[]', "object"), (b'{"da', "ends"),
    (b'{"data":{},"ttl":0}', "/ttl"), (b'{"data":{},"ttl":"5"}', "/ttl"),
    (b'{"ttl":null}', "/data"), (b'{"data":{},"user_id":""}', "/user_id"),
    (b'{"data":{},"user_id":1.5}', "/user_id"), (b'{"data":{},"max_age":60}', "/max_age"),
    (b'{"data":{},"grace":5}', "/grace"), (b'{"data":{"a":1,"\\u0061":1}}', "twice"),
])
def test_bad_patches(shared, body, words):
    session = create(shared, "patch", {"a": 1})
    reply = use(shared, "PATCH", session, body)
    assert reply.status == 400 and words in reply.json["detail"], reply
    assert get(shared, session).json["data"] == {"a": 1}


def test_the_bound_of_user_ids(shared):
    assert create(shared, "ü" * 256)
    refused(shared.post(ALL, {"user_id": "ü" * 256 + "x"}), 400, "bad_body", "/user_id")


def test_the_bound_of_data(shared):
    most = {"a": "x" * (65536 - 8)}
    body = {"user_id": "big", "data": most}
    text = json.dumps(body, separators=(",", ":")).encode()
    session = shared.post(ALL, text).json
    assert get(shared, session).json["data"] == most
    refused(shared.post(ALL, text.replace(b"xx", b"xxx", 1)), 413, "too_large", "65536")
    refused(use(shared, "PATCH", session, {"data": {"b": 1}}), 413, "too_large", "65536")
    refused(use(shared, "PATCH", session, {"data": {"b": "x" * 70000}}), 413, "too_large")
    assert get(shared, session).json["data"] == most
    assert use(shared, "PATCH", session, {"data": {"a": None, "b": 1}}).json["data"] == {"b": 1}


def test_ids_that_are_none(shared, shared_redis):
    session = create(shared, "forged")
    name = session["session_id"]
    answers = set()
    for bad in ("A" * 43, name[:-1], name + "A", name.swapcase(), key_of(session)[8:], session["ref"],
                "", "x", "*", "x" * 2000):
        for method, path, body in (("GET", ONE, None), ("PATCH", ONE, {"data": {}}),
                                   ("POST", ONE + "/rotate", None)):
            reply = use(shared, method, bad, body, path=path)
            refused(reply, 404, "unknown_session")
            answers.add(json.dumps({**reply.json, "request_id": ""}))
    assert len(answers) == 1
    refused(shared.get(ONE), 400, "bad_request", "X-Session-Id")
    twice = shared.raw(b"GET /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Session-Id: a\r\n"
                       b"X-Session-Id: b\r\nConnection: close\r\n\r\n")
    assert b" 400 " in twice.split(b"\r\n")[0]
    # What somebody else stored there.
    shared_redis("SET", key_of(session), "x" * 100)
    refused(get(shared, session), 502, "corrupt_value")
    for ttl in (0, 10 * 365 * 86400 * 1000 + 1, 2**63 - 1):
        shared_redis("SET", key_of(session),
                     '{"last_seen":1732445118123,"created":1732445118123000,'
                     f'"ttl":{ttl},"user_id":"forged","data":{{}}}}')
        refused(get(shared, session), 502, "corrupt_value")
        assert listed(shared, "forged") == []
    shared_redis("DEL", key_of(session))
    shared_redis("RPUSH", key_of(session), "x")
    refused(get(shared, session), 409, "wrong_type")
    shared_redis("DEL", key_of(session))


@pytest.mark.parametrize("method, path, allow", [
    ("POST", ONE, "GET, HEAD, PATCH, DELETE"), ("GET", ALL, "POST"), ("PATCH", ALL, "POST"),
    ("PATCH", "/api/v1/users/1/sessions", "GET, HEAD, DELETE"),
    ("GET", "/api/v1/users/1/sessions/x", "DELETE"), ("GET", ONE + "/rotate", "POST"),
])
def test_methods(shared, method, path, allow):
    reply = shared.request(method, path)
    assert reply.status == 405 and reply.headers["Allow"] == allow


def test_head(shared):
    reply = use(shared, "HEAD", create(shared, "head"))
    assert reply.status == 200 and reply.body == b"" and int(reply.headers["Content-Length"]) > 50


def test_who_may(start, redis):
    def token(name, scopes, more=""):
        digest = hashlib.sha256(name.encode()).hexdigest()
        return f"{{name: {name}, sha256: {digest}, scopes: [{scopes}]{more}}}"
    daemon = start(config(redis, scopes="[read]").replace(
        "anonymous: [read]", "tokens: [" + ", ".join([
            token("keys", "keys"), token("app", "sessions"),
            token("shop", "sessions", ', key_prefixes: ["shop:"]'),
            token("both", "sessions", ', key_prefixes: ["shop:", "session:"]')]) + "]"))
    body = {"user_id": "1"}
    refused(daemon.post(ALL, body), 401, "unauthorized")
    refused(daemon.post(ALL, body, token="keys"), 403, "forbidden")
    refused(daemon.post(ALL, body, token="shop"), 403, "key_outside_prefixes", "session:")
    assert daemon.post(ALL, body, token="both").status == 201
    session = daemon.post(ALL, body, token="app").json
    refused(get(daemon, session, token="shop"), 403, "key_outside_prefixes")
    refused(daemon.request("DELETE", "/api/v1/users/1/sessions", token="shop"), 403,
            "key_outside_prefixes")
    assert get(daemon, session, token="app").status == 200


# Many at once -----------------------------------------------------------------------------------

def in_threads(jobs):
    failures = []

    def run(job):
        try:
            job()
        except BaseException as error:  # noqa: told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]


@pytest.mark.soak
@pytest.mark.parametrize("daemons", [1, 2])
def test_patches_at_once_lose_nothing(start, redis, daemons):
    """Each thread reads one member's count from the answer and writes the next."""
    times = rounds(100, 2000)
    served = [start(config(redis)) for _ in range(daemons)]
    session = create(served[0], "patches")

    def patch(daemon, name):
        for i in range(times):
            reply = use(daemon, "PATCH", session, {"data": {name: i + 1, f"{name}_{i % 7}": i}})
            assert reply.status == 200, reply
            assert reply.json["data"][name] == i + 1

    in_threads([lambda n=n: patch(served[n % daemons], f"m{n}") for n in range(8)])
    data = get(served[-1], session).json["data"]
    assert {data[f"m{n}"] for n in range(8)} == {times}
    assert len(data) == 8 + 8 * 7


def test_use_is_no_conflict_for_patches(start, redis):
    daemon = start(config(redis))
    session = create(daemon, "both")
    done = threading.Event()

    def read():
        while not done.is_set():
            assert get(daemon, session).status == 200

    def patch():
        try:
            for i in range(100):
                assert use(daemon, "PATCH", session, {"data": {"n": i}}).status == 200
        finally:
            done.set()

    in_threads([read, read, patch])
    assert get(daemon, session).json["data"] == {"n": 99}


def test_a_rotation_keeps_what_is_patched_meanwhile(start, redis):
    daemon, other = start(config(redis)), start(config(redis))
    for i in range(30):
        session = create(daemon, "rotate")
        answers = {}

        def rotate():
            answers["rotate"] = use(daemon, "POST", session, path=ONE + "/rotate")

        def patch():
            answers["patch"] = use(other, "PATCH", session, {"data": {"n": i}})

        in_threads([rotate, patch])
        assert answers["rotate"].status == 200
        data = get(daemon, answers["rotate"].json["session_id"]).json["data"]
        assert answers["patch"].status == (200 if data else 404)


def test_rotate(shared, shared_redis):
    session = create(shared, "turn", {"a": 1}, ttl=200)
    other = use(shared, "POST", session, path=ONE + "/rotate")
    assert other.status == 200 and set(other.json) == {"session_id", "ref", "expires"}
    assert other.json["session_id"] != session["session_id"]
    refused(get(shared, session), 404, "unknown_session")
    refused(use(shared, "POST", session, path=ONE + "/rotate"), 404, "unknown_session")
    now = get(shared, other.json).json
    assert now["data"] == {"a": 1} and now["ref"] == other.json["ref"]
    assert [one["ref"] for one in listed(shared, "turn")] == [other.json["ref"]]
    assert shared_redis("ZCARD", "cw:user:turn:sessions") == 1
    refused(use(shared, "POST", other.json, {"x": 1}, path=ONE + "/rotate"), 400, "bad_body")


# Of one user ------------------------------------------------------------------------------------

def test_list_and_end(shared, shared_redis):
    sessions = [create(shared, "many", ttl=100 + i) for i in range(5)]
    refs = [one["ref"] for one in sessions]
    found = listed(shared, "many")
    assert [one["ref"] for one in found] == refs[::-1]
    assert set(found[0]) == {"ref", "created", "last_seen", "expires"}
    assert end(shared, "many", "/" + refs[0]) == 1
    assert end(shared, "many", "/" + refs[0]) == 0
    assert end(shared, "many", "/" + "0" * 16) == 0
    assert end(shared, "other", "/" + refs[1]) == 0
    assert end(shared, "many", "?except=" + refs[1]) == 3
    assert [one["ref"] for one in listed(shared, "many")] == [refs[1]]
    assert get(shared, sessions[1]).status == 200
    assert end(shared, "many") == 1 and end(shared, "many") == 0
    assert listed(shared, "many") == []
    for bad in sessions[1]["session_id"], refs[1].upper()[:-1] + "X", "zz":
        reply = shared.request("DELETE", f"/api/v1/users/many/sessions/{bad}")
        refused(reply, 400, "bad_parameter", "ref")
        assert bad not in reply.json["detail"]
        reply = shared.request("DELETE", f"/api/v1/users/many/sessions?except={bad}")
        refused(reply, 400, "bad_parameter", "except")
        assert bad not in reply.body.decode()
    refused(shared.request("DELETE", "/api/v1/users/many/sessions?except="), 400, "bad_parameter")


def test_the_index_is_cleaned_as_it_is_read(shared, shared_redis):
    sessions = [create(shared, "clean") for _ in range(3)]
    index = "cw:user:clean:sessions"
    shared_redis("DEL", key_of(sessions[1]))
    shared_redis("ZADD", index, 1, "x", 2, "f" * 64, 9e15, "e" * 64)
    assert {one["ref"] for one in listed(shared, "clean")} == {
        sessions[0]["ref"], sessions[2]["ref"]}
    assert shared_redis("ZCARD", index) == 2
    # It goes with the last of them, and comes back when one is used.
    assert 1_800_000 < shared_redis("PTTL", index) < 2_000_000
    shared_redis("DEL", index)
    assert listed(shared, "clean") == []
    until(lambda: get(shared, sessions[0]).status == 200 and len(listed(shared, "clean")) == 1,
          "the index mended")


def test_more_sessions_than_a_page(shared, shared_redis):
    sessions = [create(shared, "pages") for _ in range(1)]
    shared_redis.pipeline([("ZADD", "cw:user:pages:sessions", i, f"{i:064x}") for i in range(2500)])
    assert len(listed(shared, "pages")) == 1
    assert end(shared, "pages", "?except=" + "0" * 16) >= 1
    assert get(shared, sessions[0]).status == 404


@pytest.mark.parametrize("daemons", [1, 2])
def test_max_per_user(start, redis, daemons):
    served = [start(config(redis, "sessions: {max_per_user: 3}")) for _ in range(daemons)]
    sessions = []

    def make(n):
        for i in range(125):
            sessions.append(create(served[n % daemons], "crowd", ttl=1000 - i))

    in_threads([lambda n=n: make(n) for n in range(8)])
    assert len(sessions) == 1000 and len(redis.keys("session:*")) == 3
    assert redis("ZCARD", "cw:user:crowd:sessions") == 3
    assert len(listed(served[0], "crowd")) == 3


def test_the_oldest_ends(start, redis):
    """The one begun first, whenever it was used and whatever its ttl."""
    daemon = start(config(redis, "sessions: {max_per_user: 2}"))
    for _ in range(10):
        sessions = [create(daemon, "old", ttl=1000), create(daemon, "old", ttl=10)]
        assert get(daemon, sessions[0]).status == 200
        sessions.append(create(daemon, "old", ttl=5))
        assert [get(daemon, one).status for one in sessions] == [404, 200, 200]
    create(daemon, "another")
    assert get(daemon, sessions[1]).status == 200


# What an id never gets into ---------------------------------------------------------------------

def everything_in(redis):
    found, cursor = [], "0"
    while True:
        cursor, keys = redis("SCAN", cursor, "COUNT", 1000)
        for key in keys:
            found.append(key)
            kind = redis("TYPE", key)
            found.append({b"string": lambda k: redis("GET", k),
                          b"zset": lambda k: redis("ZRANGE", k, 0, -1),
                          b"hash": lambda k: redis("HGETALL", k),
                          b"stream": lambda k: redis("XRANGE", k, "-", "+"),
                          b"set": lambda k: redis("SMEMBERS", k)}[kind](key))
        if cursor == b"0":
            return repr(found)


def test_an_id_is_nowhere(start, redis):
    daemon = start(config(redis, "log: {level: debug, access: all}"))
    redis("CONFIG", "SET", "slowlog-log-slower-than", 0)
    redis("CONFIG", "SET", "slowlog-max-len", 10000)
    session = create(daemon, "secret", {"a": 1})
    ids = [session["session_id"]]
    for _ in range(3):
        get(daemon, ids[-1])
        use(daemon, "PATCH", ids[-1], {"data": {"b": 1}})
        use(daemon, "PATCH", ids[-1], {"data": 1})
        use(daemon, "PATCH", ids[-1], {"user_id": "secret", "ttl": 100})
        ids.append(use(daemon, "POST", ids[-1], {"grace": 60}, path=ONE + "/rotate").json["session_id"])
        get(daemon, ids[-2])
        use(daemon, "POST", ids[-2], path=ONE + "/rotate")
    listed(daemon, "secret")
    faults = [get(daemon, one).body.decode() for one in ids[:-1]]
    daemon.invalidate({"patterns": ["s*"], "dry_run": True})
    places = {"redis": everything_in(redis), "log": daemon.log, "faults": "".join(faults),
              "metrics": daemon.get("/metrics").body.decode(), "slowlog": repr(redis("SLOWLOG", "GET", -1)),
              "stats": repr(daemon.stats()), "operations": daemon.get(API + "/operations").body.decode()}
    assert "/api/v1/session 200" in places["log"] and key_of({"session_id": ids[-1]}) in places["redis"]
    assert "session:" in places["slowlog"]
    for name, text in places.items():
        for one in ids:
            assert one not in text, name
            assert one.encode().hex() not in text, name


def test_no_other_route_reaches_them(start, redis):
    digest = hashlib.sha256(b"root").hexdigest()
    daemon = start(config(redis, "cache: {default_protected: false}").replace(
        "auth: {", "auth: {tokens: [{name: root, sha256: %s, scopes: [admin]}], " % digest))
    session = create(daemon, "safe")
    key, index = key_of(session), "cw:user:safe:sessions"
    for name in key, index:
        path = "/api/v1/cache/keys/" + urllib.parse.quote(name, safe="")
        for method in "GET", "PUT", "DELETE":
            refused(daemon.request(method, path, body=b"x" if method == "PUT" else None,
                                   token="root"), 403,
                    "key_reserved")
        refused(daemon.invalidate({"keys": [name]}, token="root"), 403, "key_reserved")
        refused(daemon.get(path + "/ttl", token="root"), 403, "key_reserved")
        for rest, body in (("keys/" + path.rsplit("/", 1)[1] + "/expire", {"ttl": 1}),
                           ("mget", {"keys": [name]}), ("mdelete", {"keys": [name]}),
                           ("mset", {"entries": [{"key": name, "value": "x"}]})):
            refused(daemon.post("/api/v1/cache/" + rest, body, token="root"), 403, "key_reserved")
    for pattern in "session:*", "session:" + key[8] + "*", "cw:user:*":
        refused(daemon.invalidate({"patterns": [pattern]}, token="root"), 403, "key_reserved")
    redis("SET", "x", "y")
    names = every(daemon, "limit=1000", token="root")
    assert names == [{"key": "x", "key_encoding": "utf-8"}]
    for pattern in "*", "s*", "?ession:*", "[s]ession:*":
        for dry in True, False:
            reply = daemon.invalidate({"patterns": [pattern], "dry_run": dry}, token="root")
            assert reply.status == 200, reply
            assert "session:" not in reply.body.decode().replace(pattern, ""), reply
    assert get(daemon, session).status == 200 and redis("EXISTS", "x") == 0


# Redis in trouble -------------------------------------------------------------------------------

def test_redis_away(start, redis):
    daemon = start(config(redis))
    session = create(daemon)
    redis.kill()
    calls = [lambda: daemon.post(ALL, {"user_id": "1"}), lambda: get(daemon, session),
             lambda: use(daemon, "PATCH", session, {"data": {}}),
             lambda: use(daemon, "DELETE", session), lambda: use(daemon, "POST", session, path=ONE + "/rotate"),
             lambda: daemon.get("/api/v1/users/42/sessions"),
             lambda: daemon.request("DELETE", "/api/v1/users/42/sessions")]
    daemon.wait_redis("down")
    for call in calls:
        refused(call(), 503, "redis_unavailable")
    redis.start()
    daemon.wait_redis()
    assert create(daemon)


def test_redis_without_memory(start, redis):
    daemon = start(config(redis))
    session = create(daemon, data={"a": 1}, ttl=100)
    redis("PEXPIRE", key_of(session), 50_000)
    redis("CONFIG", "SET", "maxmemory", 1)
    before = redis.keys("session:*")
    refused(daemon.post(ALL, {"user_id": "42"}), 507, "redis_oom")
    refused(use(daemon, "PATCH", session, {"data": {"a": 2}}), 507, "redis_oom")
    refused(use(daemon, "POST", session, path=ONE + "/rotate"), 507, "redis_oom")
    assert redis.keys("session:*") == before != [] and redis("ZCARD", "cw:user:42:sessions") == 1
    assert get(daemon, session).json["data"] == {"a": 1}
    assert redis("PTTL", key_of(session)) > 98_000
    assert len(listed(daemon)) == 1
    assert use(daemon, "DELETE", session).status == 204 and listed(daemon) == []
    redis("CONFIG", "SET", "maxmemory", 0)


def test_a_foreign_index_begins_no_session(start, redis):
    daemon = start(config(redis))
    redis("SET", "cw:user:42:sessions", "x")
    refused(daemon.post(ALL, {"user_id": "42"}), 409, "wrong_type")
    assert redis.keys("session:*") == []


def test_the_hit_rate_is_the_applications(start, redis):
    daemon = start(config(redis, "sessions: {max_per_user: 2}\nstats: {interval: 100ms}"))
    for i in range(5):
        session = create(daemon)
        get(daemon, session)
        use(daemon, "PATCH", session, {"data": {"n": i}})
        fresh = use(daemon, "POST", session, {"grace": 60}, path=ONE + "/rotate").json
        use(daemon, "PATCH", session, {"user_id": f"u{i % 2}", "ttl": 100})
        use(daemon, "PATCH", fresh, {"user_id": None})
        use(daemon, "POST", fresh, {"user_id": "42"}, path=ONE + "/rotate")
        get(daemon, session)
        create(daemon, None)
    listed(daemon)
    use(daemon, "DELETE", session)
    end(daemon, "42")
    redis("GET", "app:1")
    until(lambda: daemon.stats()["redis"]["misses"], "the miss of an application")
    stats = daemon.stats()["redis"]
    assert (stats["hits"], stats["misses"]) == (0, 1)
