# SPDX-License-Identifier: MIT
"""GET /explain/{key}: what is said of a key is what Redis and the configuration have of it."""

import threading
import time

import pytest

from conftest import open_config
from harness import API, answers_until, until
from test_auth import config, row, secret

CONFIG = """
cache:
  prune_every: 200ms
  protected: ["keep:*"]
  namespaces:
    - {prefix: "user:", ttl: 1h, stale_for: 10m, compress_above: 100}
entities:
  user: {field: user_id, keys: {profile: "user:profile:{id}"}, tags: ["user-{id}"]}
  odd: {field: odd_id, keys: ["user:{id}:7"]}
dependencies:
  - {when: "user:profile:{id}", invalidate: ["menu:{id}"]}
"""


@pytest.fixture(name="daemon")
def explained(start, redis):
    daemon = start(open_config(redis, CONFIG))
    daemon.wait_redis()
    return daemon


def explain(daemon, key):
    reply = daemon.get(API + "/explain/" + key.replace(":", "%3A"))
    assert reply.status == 200, reply
    return reply.json


def put(daemon, key, value, **headers):
    reply = daemon.request("PUT", "/api/v1/cache/keys/" + key.replace(":", "%3A"), value,
                           headers={"Content-Type": "application/octet-stream", **headers})
    assert reply.status in (201, 204), reply


def test_all_that_is_known_of_a_value(daemon, redis):
    put(daemon, "user:profile:7", b"a" * 5000, **{"Surrogate-Key": "user-7 all"})
    reply = daemon.request("PUT", API + "/dependencies/user%3Aprofile%3A7", {"dependents": ["x"]})
    assert reply.status == 200
    until(lambda: "all" in explain(daemon, "user:profile:7")["tags"], "the walk over tags", 20)
    body = explain(daemon, "user:profile:7")
    assert sorted(body["tags"]) == ["all", "user-7"] and body["tags_checked"] >= 2
    assert (body["exists"], body["type"], body["compressed"], body["stale"]) == \
        (True, "string", True, False)
    assert 3590 <= body["ttl"] <= 3600 and body["bytes"] == redis("STRLEN", "user:profile:7") < 200
    assert body["memory_bytes"] >= body["bytes"]
    assert body["namespace"] == {"prefix": "user:", "ttl": 3600, "stale_for": 600,
                                 "compress_above": 100}
    assert body["entities"] == [
        {"entity": "user", "id": "7", "key": "user:profile:{id}"},
        {"entity": "odd", "id": "profile", "key": "user:{id}:7"}]
    assert sorted(body["dependents"]) == ["menu:7", "x"]
    assert body["protected"] is False and body["last_invalidation"] is None


def test_a_stale_value_and_one_of_another_type(daemon, redis):
    redis("SET", "user:1", "x", "EX", "300")
    redis("RPUSH", "list", "a")
    body = explain(daemon, "user:1")
    assert (body["stale"], body["ttl"], body["compressed"]) == (True, 0, False)
    body = explain(daemon, "list")
    assert (body["type"], body["bytes"], body["ttl"], body["namespace"]) == ("list", None, -1, None)
    assert body["memory_bytes"] > 0 and body["compressed"] is False


def test_what_is_absent(daemon):
    body = explain(daemon, "nothing")
    assert (body["exists"], body["type"], body["ttl"], body["bytes"], body["memory_bytes"]) == \
        (False, None, -2, None, None)
    assert body["tags"] == body["entities"] == body["dependents"] == []
    assert body["stale"] is False


def test_the_last_invalidation_is_named(daemon, redis):
    put(daemon, "user:profile:8", b"x", **{"Surrogate-Key": "user-8"})
    for asked, kind, value in (({"keys": ["user:profile:8"]}, "key", "user:profile:8"),
                               ({"patterns": ["user:*:8"]}, "pattern", "user:*:8"),
                               ({"tags": ["user-8"]}, "tag", "user-8")):
        began = time.time()
        mode = {"key": {}, "pattern": {"soft": True}, "tag": {"spread": 60}}[kind]
        done = daemon.invalidate({**asked, **mode, "note": "because of " + kind}).json
        for i in range(3):
            daemon.invalidate({"keys": [f"other:{i}"]})
        last = explain(daemon, "user:profile:8")["last_invalidation"]
        assert (last["kind"], last["value"], last["operation_id"]) == \
            (kind, value, done["operation_id"])
        assert (last["mode"], last["by"], last["note"]) == \
            ({"key": "hard", "pattern": "soft", "tag": "spread"}[kind], "anonymous", "because of " + kind)
        seen = time.mktime(time.strptime(last["time"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        assert began - 2 <= seen <= time.time() + 1
    # A DELETE is no operation.
    daemon.request("DELETE", "/api/v1/cache/keys/user%3Aprofile%3A8")
    last = explain(daemon, "user:profile:8")["last_invalidation"]
    assert (last["kind"], last["operation_id"]) == ("key", None)
    assert (last["mode"], last["by"], last["note"]) == ("hard", "anonymous", None)
    daemon.invalidate({"tags": ["user-8"]})
    # Beyond the pages that are read backwards it is not looked for.
    redis.pipeline([("XADD", "cw:inval", "*", "o", "x", "k", f"k:{i}") for i in range(250)])
    assert explain(daemon, "user:profile:8")["last_invalidation"]["kind"] == "tag"
    redis.pipeline([("XADD", "cw:inval", "*", "o", "x", "k", f"k:{i}") for i in range(900)])
    assert explain(daemon, "user:profile:8")["last_invalidation"] is None
    # An older version, or another program, has not said who it was.
    redis("XADD", "cw:inval", "*", "o", "0" * 20, "p", "user:*")
    last = explain(daemon, "user:profile:8")["last_invalidation"]
    assert (last["kind"], last["mode"], last["by"], last["note"]) == ("pattern", None, None, None)


def test_a_later_purge_that_could_not_be_logged_is_told(daemon, redis):
    for key in "a", "b", "c":
        redis("SET", key, "x")
    logged = daemon.invalidate({"keys": ["a"]}).json["operation_id"]
    last = explain(daemon, "a")
    assert (last["last_invalidation"]["operation_id"], last["last_invalidation"]["logged"]) == (logged, True)
    assert last["unlogged"] is None
    redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis("CONFIG", "SET", "maxmemory", 1)
    body = daemon.invalidate({"keys": ["a", "b"], "note": "full"}).json
    assert (body["complete"], body["reason"]) == (False, "redis_oom"), body
    for key, kind in ("a", "key"), ("b", "key"):
        last = explain(daemon, key)["last_invalidation"]
        assert (last["operation_id"], last["logged"], last["kind"], last["value"]) == \
            (body["operation_id"], False, kind, key), last
        assert (last["mode"], last["by"], last["note"]) == ("hard", "anonymous", "full")
    assert explain(daemon, "c")["last_invalidation"] is None
    pattern = daemon.invalidate({"patterns": ["c*"], "max_keys": 10}).json
    assert pattern["reason"] == "redis_oom"
    last = explain(daemon, "c")["last_invalidation"]
    assert (last["operation_id"], last["kind"], last["value"], last["logged"]) == \
        (pattern["operation_id"], "pattern", "c*", False)
    # A DELETE is no operation; it answers 507 and has deleted.
    daemon.request("DELETE", "/api/v1/cache/keys/d")
    last = explain(daemon, "d")["last_invalidation"]
    assert (last["operation_id"], last["logged"]) == (None, False)
    # More than is remembered: that there was one is still said.
    for i in range(65):
        daemon.invalidate({"keys": [f"k:{i}"]})
    body = explain(daemon, "c")
    assert body["last_invalidation"] is None and body["unlogged"], body
    assert explain(daemon, "k:64")["unlogged"] is None
    # A later one that is logged comes first again.
    redis("CONFIG", "SET", "maxmemory", 0)
    daemon.invalidate({"keys": ["k:64", "c"]})
    assert explain(daemon, "k:64")["last_invalidation"]["logged"] is True
    assert explain(daemon, "c")["unlogged"] is None


def test_odd_sets_and_what_may_not_be_asked(daemon, redis):
    redis("SET", "cw:tag:user-9", "no set")
    redis("SET", "cw:dep:user:profile:9", "no set")
    body = explain(daemon, "user:profile:9")
    assert body["tags"] == [] and body["dependents"] is None
    for key, code, why in (("cw:meta", "key_reserved", "is reserved for cachewarden's own use"), ("session:x", "key_reserved", "is reserved for sessions"),
                           ("keep:1", "key_protected", "by the pattern 'keep:*' of cache.protected"),
                           ("lock:1", "key_protected", "by the pattern 'lock:*' of cache.default_protected")):
        reply = daemon.get(API + "/explain/" + key)
        assert reply.status == 403 and reply.json["code"] == code and why in reply.json["detail"], reply


def test_an_admin_sees_what_is_protected_and_why(start, redis):
    daemon = start(config(redis, [row("boss", ["admin"])], CONFIG))
    token = secret("boss")
    until(lambda: daemon.get("/readyz?redis=true").status == 200, "redis")
    protected_by = lambda key: daemon.get(API + "/explain/" + key, token=token).json["protected_by"]
    assert protected_by("keep:1") == {"pattern": "keep:*", "from": "cache.protected"}
    assert protected_by("lock:1") == {"pattern": "lock:*", "from": "cache.default_protected"}
    assert protected_by("a") is None
    body = daemon.get(API + "/protected", token=token).json
    assert {"pattern": "keep:*", "from": "cache.protected"} == body["items"][-1]
    assert {"pattern": "lock:*", "from": "cache.default_protected"} in body["items"]
    assert body["reserved"] == [{"prefix": "cw:", "for": "cachewarden"}, {"prefix": "session:", "for": "sessions"}]


def test_a_log_of_costly_patterns_leaves_the_loop_to_others(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    patterns = ["*[a]*[a]*[a]*" + "?" * (i % 200) + "[" + "bcdef"[i // 200] + "]*"
                for i in range(300)]
    named = [word for pattern in patterns for word in ("p", pattern)]
    redis.pipeline([("XADD", "cw:inval", "*", "o", "x", *named)] * 100)
    answer = []
    thread = threading.Thread(
        target=lambda: answer.append(daemon.get(API + "/explain/k:" + "a" * 500)))
    thread.start()
    answers_until(daemon, lambda: not thread.is_alive(), "the answer")
    assert answer[0].status == 200 and answer[0].json["last_invalidation"] is None
