# SPDX-License-Identifier: MIT
"""Tags: purges by tag, soft purges, the pruner, and the routes that show them."""

import datetime
import time
import urllib.parse

import pytest

from harness import API, until
from invalidating import (CountingRedis, begin, config, ended, ok, put, refused, selector,
                          token_row)

TAGS = API + "/tags"
SHOP = """
cache: {namespaces: [{prefix: "page:", ttl: 1h, stale_for: 10m}, {prefix: "plain:", ttl: 1h}]}
invalidate: {confirm_above: 10, max_keys: 1000000}
entities:
  user: {field: user_id, keys: ["user:{id}"], tags: ["user-{id}", "of:{id}"]}
"""
PREFIXED = token_row("p", "read, invalidate, write, keys", ', key_prefixes: ["n:"]')


@pytest.fixture
def redis(folder):
    server = CountingRedis(folder)
    yield server
    server.close()


@pytest.fixture
def shop(start, redis):
    return start(config(redis, SHOP, tokens=PREFIXED))


def tag(redis, name, *keys, value="v", px=3600000):
    """As the manual tells other clients: ZADD, then SET."""
    score = int(time.time() * 1000) + px
    redis.pipeline([command for key in keys for command in (
        ("ZADD", "cw:tag:" + name, score, key), ("SET", key, value, "PX", px))])


def members(redis, name):
    return set(redis("ZRANGE", "cw:tag:" + name, 0, -1))


# Purges ------------------------------------------------------------------------------------------


def test_a_tag_purges_its_keys_and_keeps_its_members(shop, redis):
    tag(redis, "products", "plain:1", "plain:2", "user:1")
    redis("ZADD", "cw:tag:products", "+inf", "absent")
    put(redis, "other")
    body = ok(shop.invalidate({"tags": ["products"]}))
    assert (body["matched"], body["invalidated"], body["softened"], body["complete"],
            body["passes"]) == (3, 3, 0, True, 0)
    assert body["selectors"] == [{"kind": "tag", "value": "products", "matched": 3,
                                  "invalidated": 3, "method": "tag"}]
    assert sorted(body["sample"]) == ["plain:1", "plain:2", "user:1"]
    assert redis.keys() == [b"other"]
    assert members(redis, "products") == {b"plain:1", b"plain:2", b"user:1", b"absent"}
    assert ok(shop.invalidate({"tags": ["products", "nobody"]}))["matched"] == 0


def test_tags_of_a_put_and_of_mset(shop, redis):
    assert shop.request("PUT", "/api/v1/cache/keys/plain:1", body=b"x",
                        headers={"Surrogate-Key": "a b"}).status == 201
    assert shop.post("/api/v1/cache/mset", {"entries": [
        {"key": "plain:2", "value": "x", "tags": ["b"]}]}).json == {"stored": 1}
    assert members(redis, "a") == {b"plain:1"} and members(redis, "b") == {b"plain:1", b"plain:2"}
    assert ok(shop.invalidate({"tags": ["b", "a"]}))["invalidated"] == 2
    assert redis.keys() == []


def test_entities_have_tags(shop, redis):
    tag(redis, "user-7", "cart:7", "wish:7")
    tag(redis, "of:7", "list:users")
    put(redis, "user:7", "user:8")
    body = ok(shop.invalidate({"user_id": 7}))
    assert body["invalidated"] == 4 and redis.keys() == [b"user:8"]
    only = selector(body, "user:7")
    assert (only["kind"], only["method"], only["matched"]) == ("entity", "tag", 4)


def test_headers_name_tags(shop, redis):
    for header, text in (("Surrogate-Key", "a  b"), ("Cache-Tag", "a,b"), ("Cache-Tag", "a, b ,")):
        tag(redis, "a", "plain:1")
        tag(redis, "b", "plain:2")
        body = ok(shop.request("POST", API + "/invalidate", headers={header: text}))
        assert body["invalidated"] == 2, (header, text, body)
    tag(redis, "a", "page:1")
    body = ok(shop.request("POST", API + "/invalidate",
                           headers={"Surrogate-Key": "a", "Fastly-Soft-Purge": "1"}))
    assert (body["softened"], body["invalidated"]) == (1, 0)
    assert redis.keys() == [b"page:1"]


@pytest.mark.parametrize("headers, body", [
    ({"Surrogate-Key": "a"}, {"keys": ["x"]}), ({"Cache-Tag": "a"}, {"tags": ["a"]}),
    ({"Surrogate-Key": "a,b"}, None), ({"Surrogate-Key": "x" * 257}, None),
    ({"Fastly-Soft-Purge": "yes"}, {"keys": ["x"]})])
def test_headers_that_are_refused(shop, redis, headers, body):
    put(redis, "x")
    refused(shop.invalidate(body, headers=headers), 400, "bad_request", list(headers)[0])
    assert redis.keys() == [b"x"]


@pytest.mark.parametrize("tags, pointer", [
    ("a", "/tags"), ([], "/tags"), ([["a"]], "/tags/0"), (["a", ["b"]], "/tags/1"), ([1], "/tags/0"),
    ([""], "/tags/0"), (["a\tb"], "/tags/0"), (["é" * 129], "/tags/0"), (["x" * 257], "/tags/0"),
    (["\n"], "/tags/0"), ({"a": 1}, "/tags"), (["t"] * 1001, "/tags"), ([None], "/tags/0")])
def test_what_is_no_tag_is_refused(shop, redis, tags, pointer):
    tag(redis, "a", "plain:1")
    refused(shop.invalidate({"tags": tags}), 400, "bad_body", pointer=pointer)
    refused(shop.post(TAGS, {"tags": tags, "keys": ["plain:1"]}), 400, "bad_body", pointer=pointer)
    assert redis.keys() == [b"plain:1"]


def test_a_set_that_is_none_is_told(shop, redis):
    redis("SET", "cw:tag:odd", "text")
    refused(shop.invalidate({"tags": ["odd"]}), 409, "wrong_type")


def test_a_tag_without_members_hides_no_other(shop, redis):
    tag(redis, "few", "plain:1", "plain:2")
    body = ok(shop.invalidate({"tags": ["none", "few", "neither"]}))
    assert (body["matched"], body["invalidated"]) == (2, 2) and redis.keys() == []
    # Together they are too many, each alone is not.
    tag(redis, "six", *(f"plain:{i}" for i in range(6)))
    tag(redis, "more", *(f"plain:{i}" for i in range(6, 12)))
    problem = refused(shop.invalidate({"tags": ["six", "more"]}), 409, "confirmation_required")
    assert problem["matched_at_least"] == 11 and len(redis.keys()) == 12


@pytest.mark.parametrize("denied", range(3))
def test_a_key_that_redis_does_not_show_is_not_counted_as_absent(start, redis, denied):
    keys = [f"m:{i}" for i in range(3)]
    tag(redis, "t", *keys)
    redis("ACL", "SETUSER", "default", "resetkeys", "~cw:*",
          *(f"~{key}" for i, key in enumerate(keys) if i != denied))
    refused(start(config(redis, SHOP)).invalidate({"tags": ["t"], "dry_run": True}), 502,
            "redis_noperm")


def test_a_dry_run_counts_each_key_once(shop, redis):
    tag(redis, "a", "plain:1", "plain:2", "m:1")
    tag(redis, "b", "plain:2", "plain:3")
    redis("ZADD", "cw:tag:b", 1, "absent")
    body = ok(shop.invalidate({"tags": ["a", "b"], "keys": ["plain:1"], "patterns": ["m:*"],
                               "dry_run": True}))
    assert body["matched"] == 4 and body["invalidated"] == 0 and len(redis.keys()) == 4
    assert selector(body, "a")["matched"] == 3 and selector(body, "b")["matched"] == 2
    assert body["confirm"]
    again = ok(shop.invalidate({"tags": ["b", "a"], "keys": ["plain:1"], "patterns": ["m:*"],
                                "confirm": body["confirm"]}))
    assert again["matched"] == again["invalidated"] == 4 and redis.keys() == []


def test_more_than_confirm_above_is_asked_back(shop, redis):
    keys = [f"plain:{i}" for i in range(30)]
    tag(redis, "many", *keys)
    problem = refused(shop.invalidate({"tags": ["many"]}), 409, "confirmation_required")
    assert problem["matched_at_least"] == 11 and problem["matched"] is None
    assert len(redis.keys()) == 30
    refused(shop.invalidate({"tags": ["other"], "confirm": problem["confirm"]}), 409,
            "confirmation_required")
    body = ok(shop.invalidate({"tags": ["many"], "max_keys": 12}))
    assert (body["invalidated"], body["complete"], body["reason"]) == (12, False, "max_keys")
    assert len(redis.keys()) == 18
    assert ok(shop.invalidate({"tags": ["many"], "max_keys": 18}))["complete"] is True
    # Members without keys do not count.
    tag(redis, "many", *keys[:10])
    assert ok(shop.invalidate({"tags": ["many"]}))["invalidated"] == 10


def test_tags_and_patterns_share_the_limit(shop, redis):
    tag(redis, "few", *(f"plain:{i}" for i in range(6)))
    put(redis, *(f"m:{i}" for i in range(6)))
    refused(shop.invalidate({"tags": ["few"], "patterns": ["m:*"]}), 409, "confirmation_required")
    assert len(redis.keys()) == 12
    redis("DEL", "m:0", "m:1")
    assert ok(shop.invalidate({"tags": ["few"], "patterns": ["m:*"]}))["invalidated"] == 10


def test_who_may_not_touch_a_key_does_not_by_tag(start, redis):
    shop = start(config(redis, 'cache: {protected: ["keep:*"]}', tokens=PREFIXED))
    tag(redis, "t", "n:1", "n:2", "plain:1", "keep:1")
    redis("ZADD", "cw:tag:t", 1, "cw:meta", 1, "session:x")
    redis("SET", "session:x", "1")
    body = ok(shop.invalidate({"tags": ["t"]}, token="p"))
    assert (body["invalidated"], body["protected_skipped"]) == (2, 4)
    assert sorted(body["sample"]) == ["n:1", "n:2"]
    body = ok(shop.invalidate({"tags": ["t"]}))
    assert (body["invalidated"], body["protected_skipped"]) == (1, 3)
    assert redis.keys() == [b"keep:1", b"session:x"] and redis("EXISTS", "cw:meta")


def test_dependents_of_a_key_outside_are_refused(shop):
    refused(shop.invalidate({"dependents_of": ["plain:1"]}, token="p"), 403,
            "key_outside_prefixes", pointer="/dependents_of/0")
    assert ok(shop.invalidate({"dependents_of": ["n:1"]}, token="p"))["matched"] == 0


def test_a_purge_is_logged_before_it_begins(shop, redis):
    tag(redis, "t", "plain:1")
    ok(shop.invalidate({"tags": ["t"], "soft": True}))
    entry = redis("XREVRANGE", "cw:inval", "+", "-", "COUNT", 1)[0][1]
    assert dict(zip(entry[::2], entry[1::2]))[b"t"] == b"t"


def test_verify_finds_what_came_meanwhile(shop, redis):
    tag(redis, "t", "plain:1", "page:1")
    body = ok(shop.invalidate({"tags": ["t"], "verify": True}))
    assert body["invalidated"] == body["matched"] == 2 and body["complete"] is True
    tag(redis, "t", "plain:1", "page:1")
    body = ok(shop.invalidate({"tags": ["t"], "keys": ["page:1"], "patterns": ["p*:1"], "soft": True,
                               "verify": True}))
    assert (body["matched"], body["invalidated"], body["softened"]) == (2, 1, 1)
    assert body["complete"] is True


# Soft purges -------------------------------------------------------------------------------------


SELECTORS = [{"keys": ["page:1", "plain:1", "absent"]}, {"tags": ["t"]}, {"patterns": ["p*:1"]},
             {"keys": ["page:1"], "patterns": ["pl*:1"]}]


@pytest.mark.parametrize("select", SELECTORS)
def test_a_soft_purge_makes_stale_where_there_is_a_stale_for(shop, redis, select):
    tag(redis, "t", "page:1", "plain:1", px=4200000)
    body = ok(shop.invalidate({**select, "soft": True}))
    assert (body["matched"], body["softened"], body["invalidated"]) == (2, 1, 1), body
    assert redis.keys() == [b"page:1"] and 0 < redis("PTTL", "page:1") <= 600000
    reply = shop.get("/api/v1/cache/keys/page:1")
    assert reply.status == 200 and reply.headers["X-Cache"] == "STALE"
    left = redis("PTTL", "page:1")
    body = ok(shop.invalidate({**select, "soft": True}))
    assert (body["matched"], body["softened"], body["invalidated"]) == (1, 0, 0)
    assert redis("PTTL", "page:1") <= left
    body = ok(shop.invalidate(select))
    assert body["invalidated"] == 1 and redis.keys() == []


@pytest.mark.parametrize("select", SELECTORS[:3])
def test_what_never_expires_is_softened_and_what_is_shorter_stays(shop, redis, select):
    redis("ZADD", "cw:tag:t", "+inf", "page:1")
    redis("SET", "page:1", "v")
    assert ok(shop.invalidate({**select, "soft": True}))["softened"] == 1
    assert 0 < redis("PTTL", "page:1") <= 600000
    redis("PEXPIRE", "page:1", 5000)
    assert ok(shop.invalidate({**select, "soft": True}))["softened"] == 0
    assert 0 < redis("PTTL", "page:1") <= 5000


def test_soft_confirmations_count_as_hard_ones(shop, redis):
    put(redis, *(f"page:{i}" for i in range(20)))
    refused(shop.invalidate({"patterns": ["page:*"], "soft": True}), 409, "confirmation_required")
    body = ok(shop.invalidate({"patterns": ["page:*"], "soft": True, "max_keys": 20}))
    assert (body["softened"], body["complete"]) == (20, True)
    body = ok(shop.invalidate({"patterns": ["page:?"], "soft": True}))
    assert (body["matched"], body["softened"], body["invalidated"]) == (10, 0, 0)


def test_soft_and_hard_share_a_pass(shop, redis):
    for _ in range(10):
        put(redis, *(f"page:{i}" for i in range(100)))
        ids = [begin(shop, {"patterns": [pattern], "soft": soft, "max_keys": 1000})
               for pattern, soft in (("page:*", True), ("page:1*", False), ("page:?2", True))]
        results = [ended(shop, i)["result"] for i in ids]
        assert all(r["complete"] for r in results), results
        assert results[1]["invalidated"] == 11
        left = redis.keys()
        assert len(left) == 89 and all(0 < redis("PTTL", key) <= 600000 for key in left)
        assert results[0]["softened"] + results[0]["invalidated"] >= 80


# The pruner --------------------------------------------------------------------------------------


QUICK = "cache: {prune_every: 100ms}"


def walks(redis):
    """When the last walk ended."""
    return int(redis("HGET", "cw:tags:{0}:walk", "ended") or 0)


def after_walks(redis, count):
    """Waits until so many walks have begun and ended from here on."""
    for _ in range(count + 1):
        last = walks(redis)
        until(lambda: walks(redis) > last, "the pruner's walk", 30)


def test_the_pruner_forgets_what_is_gone(start, redis):
    daemon = start(config(redis, QUICK))
    tag(redis, "t", "live:1", "gone:1")
    redis("ZADD", "cw:tag:t", "+inf", "live:2", "+inf", "gone:2", 1.5, "gone:3")
    redis("ZADD", "cw:tag:empty", 5, "gone:4")
    put(redis, "live:2")
    redis("DEL", "gone:1")
    until(lambda: members(redis, "t") == {b"live:1", b"live:2"}, "the members to go")
    until(lambda: redis("EXISTS", "cw:tag:empty") == 0, "the empty set to go")
    # Later walks leave the rest alone.
    after_walks(redis, 3)
    assert members(redis, "t") == {b"live:1", b"live:2"}
    assert redis("ZSCORE", "cw:tag:t", "live:2") == b"inf"
    assert daemon.metric("cachewarden_tag_members_pruned_total") == 4
    assert daemon.metric("cachewarden_tag_members") == 2
    assert daemon.metric("cachewarden_tag_stale_ratio") == 0
    assert ok(daemon.invalidate({"tags": ["t"]}))["invalidated"] == 2


def test_a_member_is_marked_before_it_goes_and_a_writer_takes_the_mark_away(start, redis):
    start(config(redis, "cache: {prune_every: 1s}"))
    redis("ZADD", "cw:tag:t", "+inf", "a", "+inf", "b")

    def marks():
        return {m: float(redis("ZSCORE", "cw:tag:t", m) or "nan") for m in ("a", "b")}

    until(lambda: all(score < 0 for score in marks().values()), "the marks")
    now = time.time() * 1000
    assert all(now - 5000 < -score <= now for score in marks().values())
    tag(redis, "t", "a")
    until(lambda: redis("ZSCORE", "cw:tag:t", "b") is None, "the other to go")
    assert redis("ZSCORE", "cw:tag:t", "a") is not None


def test_one_daemon_prunes_at_a_time(start, redis):
    daemons = [start(config(redis, "cache: {prune_every: 200ms}")) for _ in range(3)]
    tag(redis, "t", "a")
    after_walks(redis, 2)
    began, before = time.monotonic(), redis.calls()["hset"]
    after_walks(redis, 3)
    count = redis.calls()["hset"] - before
    assert count <= (time.monotonic() - began) / 0.2 + 2
    assert sum(d.metric("cachewarden_tag_members") is not None for d in daemons) <= 2


def test_a_reload_brings_the_next_walk_forward(start, redis):
    daemon = start(config(redis, "cache: {prune_every: 1h}"))
    redis("ZADD", "cw:tag:t", 1, "gone")
    daemon.configure(config(redis, QUICK))
    assert daemon.post(API + "/reload").status == 200
    until(lambda: redis("EXISTS", "cw:tag:t") == 0, "the member to go")


def test_a_dead_daemons_lock_ends(start, redis):
    redis("SET", "cw:prune", "somebody", "PX", 1500)
    start(config(redis, QUICK))
    tag(redis, "t", "a")
    until(lambda: walks(redis), "a walk")
    assert redis("ZCARD", "cw:tag:t") == 1


def test_odd_sets_do_not_stop_the_pruner(start, redis):
    redis("SET", "cw:tag:odd", "text")
    redis("ZADD", "cw:tag:" + "x" * 2000, 1, "gone")
    redis.pipeline([("ZADD", b"cw:tag:\xff\n \n7", 1, b"\xff\x00")])
    daemon = start(config(redis, QUICK))
    tag(redis, "t", "a")
    after_walks(redis, 4)
    assert sorted(redis("KEYS", "cw:tag:*")) == [b"cw:tag:odd", b"cw:tag:t"]
    assert ok(daemon.get(TAGS))["items"] == [{"tag": "t", "members": 1, "stale": 0}]


def test_a_reload_in_the_middle_of_a_walk_hides_no_set(start, redis):
    redis.pipeline([("ZADD", f"cw:tag:t{i}", "inf", "there") for i in range(100)])
    redis("SET", "there", "x")
    daemon = start(config(redis, QUICK))
    for _ in range(5):
        before = walks(redis)
        while walks(redis) == before:
            assert daemon.post(API + "/reload").status == 200
        assert int(redis("HGET", "cw:tags:{0}:walk", "members")) == 100


def test_hit_rates_stay_the_applications(start, redis):
    # Not multiples of each other: samples come at any time of a walk, and mostly between two.
    daemon = start(config(redis, "cache: {prune_every: 270ms}\nstats: {interval: 100ms}"))

    def sampled(began):
        stats = daemon.stats()
        then = datetime.datetime.fromisoformat(stats["time"].replace("Z", "+00:00")).timestamp()
        return stats["redis"] if then - stats["sample_age_ms"] / 1000 > began else None

    def figures():
        began = time.time()
        stats = until(lambda: sampled(began), "a sample")
        return stats["hits"] - redis.sent["hget"], stats["misses"]

    after_walks(redis, 1)
    for i in range(50):
        redis("ZADD", "cw:tag:t", 1, f"gone:{i}", 1, f"gone:{i + 50}")
        put(redis, f"live:{i}")
        redis("ZADD", "cw:tag:u", 1, f"live:{i}")
    before = figures()
    for _ in range(3):
        ok(daemon.invalidate({"tags": ["t", "u", "none"], "dry_run": True}))
        after_walks(redis, 1)
        ok(daemon.get(TAGS)), ok(daemon.get(TAGS + "/t")), ok(daemon.get(TAGS + "/none"))
    # A sample in the middle of a walk is a page ahead or behind.
    until(lambda: figures() == before, "the same figures as before")


# The routes --------------------------------------------------------------------------------------


def test_the_list_of_tags_is_the_last_walks(start, redis):
    daemon = start(config(redis, QUICK))
    for i in range(25):
        tag(redis, f"t{i:02}", *(f"k:{n}" for n in range(i + 1)))
    after_walks(redis, 1)
    seen, cursor = [], ""
    while cursor is not None:
        body = ok(daemon.get(f"{TAGS}?limit=10&cursor={cursor}"))
        assert len(body["items"]) <= 10 and body["walk"]["tags"] == 25
        assert 0 <= body["walk"]["age_ms"] < 30000 and body["walk"]["truncated"] is False
        seen, cursor = seen + body["items"], body["next"]
    assert seen == [{"tag": f"t{i:02}", "members": i + 1, "stale": 0} for i in range(25)]
    refused(daemon.get(f"{TAGS}?cursor=!"), 400, "bad_parameter", "cursor")
    refused(daemon.get(f"{TAGS}?limit=0"), 400, "bad_parameter", "limit")


def test_before_the_first_walk_nothing_is_known(shop):
    assert ok(shop.get(TAGS)) == {"items": [], "next": None, "walk": None}


def test_a_tags_members_come_by_page(shop, redis):
    assert ok(shop.get(TAGS + "/nobody")) == {"tag": "nobody", "members": 0, "items": [],
                                              "next": None}
    tag(redis, "t", *(f"plain:{i}" for i in range(1000)))
    redis("ZADD", "cw:tag:t", "+inf", "absent", "-5", "marked", 1, "cw:meta", 1, b"\xff")
    items, cursor = [], ""
    while cursor is not None:
        body = ok(shop.get(f"{TAGS}/t?limit=100" + (f"&cursor={cursor}" if cursor else "")))
        assert len(body["items"]) < 300 and body["members"] == 1004
        items, cursor = items + body["items"], body["next"]
    by_key = {item["key"]: item for item in items}
    assert len(by_key) == 1003 and "cw:meta" not in by_key
    assert by_key["plain:7"]["exists"] is True and by_key["plain:7"]["expires"] > "2020"
    assert by_key["absent"] == {"key": "absent", "key_encoding": "utf-8", "exists": False,
                                "expires": None}
    assert by_key["marked"]["expires"] is None
    assert by_key["_w"]["key_encoding"] == "base64url"
    odd = urllib.parse.quote("a b/ü", safe="")
    redis("ZADD", "cw:tag:a b/ü", 1, "x")
    assert ok(shop.get(f"{TAGS}/{odd}"))["members"] == 1
    refused(shop.get(f"{TAGS}/t?cursor=x"), 400, "bad_parameter", "cursor")
    redis("SET", "cw:tag:s", "text")
    refused(shop.get(f"{TAGS}/s"), 409, "wrong_type")


def test_prefixes_bound_what_is_shown(shop, redis):
    tag(redis, "t", "n:1", "plain:1")
    body = ok(shop.get(TAGS + "/t", token="p"))
    assert body["members"] is None and [i["key"] for i in body["items"]] == ["n:1"]
    refused(shop.get(TAGS, token="p"), 403, "forbidden", "key_prefixes")


def test_what_is_stored_can_be_tagged(shop, redis):
    put(redis, "plain:1", "plain:2")
    redis("PEXPIRE", "plain:2", 60000)
    body = {"tags": ["a", "b"], "keys": ["plain:1", "plain:2", "absent"], "note": "import"}
    assert ok(shop.post(TAGS, body)) == {"tagged": 2}
    for name in "ab":
        assert members(redis, name) == {b"plain:1", b"plain:2"}
        assert redis("ZSCORE", "cw:tag:" + name, "plain:1") == b"inf"
        left = float(redis("ZSCORE", "cw:tag:" + name, "plain:2")) - time.time() * 1000
        assert 50000 < left <= 60000
    put(redis, *(f"plain:{i}" for i in range(1000)))
    body = {"tags": [f"m{i}" for i in range(100)], "keys": [f"plain:{i}" for i in range(1000)]}
    assert ok(shop.post(TAGS, body)) == {"tagged": 1000}
    assert redis("ZCARD", "cw:tag:m99") == 1000
    assert ok(shop.post(TAGS + "?key_encoding=base64url",
                        {"tags": ["x"], "keys": ["cGxhaW46MQ"]})) == {"tagged": 1}


@pytest.mark.parametrize("body, code, pointer", [
    ({"tags": ["a"]}, "bad_body", None), ({"keys": ["plain:1"]}, "bad_body", None), ({}, "bad_body", None),
    ({"tags": ["a"], "keys": "plain:1"}, "bad_body", "/keys"),
    ({"tags": ["a"], "keys": [["plain:1"]]}, "bad_body", "/keys/0"),
    ({"tags": ["a"], "keys": [""]}, "bad_body", "/keys/0"),
    ({"tags": ["a"], "keys": ["k" * 1025]}, "bad_key", "/keys/0"),
    ({"tags": ["a"] * 101, "keys": ["k"]}, "bad_body", "/tags"),
    ({"tags": ["a"], "keys": ["k"] * 1001}, "bad_body", "/keys"),
    ({"tags": ["a"], "keys": ["k"], "ttl": 1}, "bad_body", "/ttl")])
def test_tagging_that_is_refused(shop, redis, body, code, pointer):
    put(redis, "plain:1", "k")
    refused(shop.post(TAGS, body), 400, code, pointer=pointer)
    assert redis("KEYS", "cw:tag:*") == []


@pytest.mark.parametrize("tags", [["odd", "x"], ["x", "odd"]])
def test_tagging_by_a_set_that_is_none_is_told(shop, redis, tags):
    put(redis, "plain:1")
    redis("SET", "cw:tag:odd", "text")
    refused(shop.post(TAGS, {"tags": tags, "keys": ["plain:1"]}), 409, "wrong_type")


def test_tagging_touches_what_the_caller_may(shop, redis):
    put(redis, "plain:1", "n:1")
    refused(shop.post(TAGS, {"tags": ["a"], "keys": ["n:1", "plain:1"]}, token="p"), 403,
            "key_outside_prefixes", "plain:1", pointer="/keys/1")
    refused(shop.post(TAGS, {"tags": ["a"], "keys": ["cw:meta"]}), 403, "key_reserved",
            pointer="/keys/0")
    assert redis("KEYS", "cw:tag:*") == []
    assert ok(shop.post(TAGS, {"tags": ["a"], "keys": ["n:1"]}, token="p")) == {"tagged": 1}
