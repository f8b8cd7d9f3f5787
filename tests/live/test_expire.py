# SPDX-License-Identifier: MIT
"""TTLs in bulk: what is invalidated ends little by little, and POST /expire changes other TTLs."""

import concurrent.futures

import pytest

from conftest import open_config
from harness import API, until

SPACES = "cache: {namespaces: [{prefix: \"s:\", ttl: 1h, stale_for: 1h}]}\n"


@pytest.fixture
def daemon(start, redis):
    daemon = start(open_config(redis, SPACES))
    daemon.wait_redis()
    return daemon


def expire(daemon, body, status=200):
    reply = daemon.post(API + "/expire", body)
    assert reply.status == status, reply
    return reply.json


def put(redis, *names, ttl=None):
    for name in names:
        redis("SET", name, "v", *(["EX", str(ttl)] if ttl else []))


def ttl(redis, name):
    return redis("TTL", name)


@pytest.mark.parametrize("body", [{"keys": ["a:1", "a:2", "none"]}, {"patterns": ["a:*"]}, {"tags": ["t"]},
                                  {"patterns": ["a:*"], "keys": ["a:1"], "tags": ["t"]},
                                  {"patterns": ["a:*", "b:*"], "max_keys": 100}])
def test_what_is_spread_ends_within_the_time_and_never_later(daemon, redis, body):
    put(redis, "a:1", "b:x" if "b:*" in body.get("patterns", []) else "c")
    put(redis, "a:2", ttl=10)
    redis("ZADD", "cw:tag:t", "inf", "a:1", "inf", "a:2")
    said = daemon.invalidate({**body, "spread": 1000}).json
    assert said["complete"] and said["invalidated"] == 0
    count = 3 if "max_keys" in body else 2
    assert said["matched"] == count and 1 <= said["softened"] <= count
    assert 0 <= ttl(redis, "a:1") <= 1000
    assert 0 < ttl(redis, "a:2") <= 10
    # It is logged, so that no load that began earlier stores its value.
    assert redis("XLEN", "cw:inval") >= 1


def test_spread_keys_end(daemon, redis):
    put(redis, *(f"a:{i}" for i in range(500)))
    said = daemon.invalidate({"patterns": ["a:*"], "spread": 1}).json
    assert (said["matched"], said["softened"]) == (500, 500)
    assert len({redis("PTTL", f"a:{i}") for i in range(500)}) > 20
    until(lambda: not redis.keys("a:*"), "all of them to end")


def test_a_spread_value_of_a_namespace_is_fresh_until_then(daemon, redis):
    put(redis, "s:1", ttl=7200)
    put(redis, "s:2", ttl=1000)  # stale already
    assert daemon.invalidate({"patterns": ["s:*"], "spread": 600}).json["softened"] == 1
    assert 3600 <= ttl(redis, "s:1") <= 4200 and 990 <= ttl(redis, "s:2") <= 1000
    until(lambda: daemon.get("/api/v1/cache/keys/s:1").status == 200, "the value")


def test_spread_is_refused_beside_soft(daemon, redis):
    for body in ({"soft": True, "spread": 5}, {"spread": 0}, {"spread": -1}, {"spread": "5"}, {"spread": 604801}):
        assert daemon.invalidate({"keys": ["a"], **body}).status == 400
    assert daemon.invalidate({"keys": ["a"], "spread": None}).status == 200


@pytest.mark.parametrize("only,changed", [("persistent", {"a:none", "s:none"}),
                                          ("longer", {"a:none", "a:long", "s:none", "s:long"}),
                                          ("all", {"a:none", "a:long", "a:short", "s:none", "s:long", "s:short"})])
@pytest.mark.parametrize("how", ["pattern", "key", "tag"])
def test_only_what_is_named_changes(daemon, redis, only, changed, how):
    put(redis, "a:none", "s:none", "b")
    put(redis, "a:short", ttl=10)
    put(redis, "a:long", ttl=100000)
    put(redis, "s:short", ttl=3610)
    put(redis, "s:long", ttl=100000)
    put(redis, "s:stale", ttl=100)
    names = [key.decode() for key in redis.keys("[as]:*")]
    redis("ZADD", "cw:tag:t", *(word for name in names for word in ("inf", name)))
    before = {name: ttl(redis, name) for name in [*names, "b"]}
    body = {"pattern": {"patterns": ["[as]:*"]}, "key": {"keys": names}, "tag": {"tags": ["t"]}}[how]
    # A dry run says how many it would be, and changes none.
    dry = expire(daemon, {**body, "ttl": 500, "only": only, "dry_run": True})
    assert dry["complete"] and (dry["matched"], dry["changed"], dry["would_change"]) == (7, 0, len(changed)), dry
    assert sum(s["would_change"] for s in dry["selectors"]) == len(changed) and set(dry["sample"]) == changed
    assert all(before[name] - 10 <= ttl(redis, name) <= before[name] for name in before)
    said = expire(daemon, {**body, "ttl": 500, "only": only})
    assert said["complete"] and (said["matched"], said["changed"]) == (7, len(changed))
    assert "would_change" not in said
    assert sum(s["changed"] for s in said["selectors"]) == len(changed)
    assert "invalidated" not in said and "rewarm" not in said
    for name in [*names, "b"]:
        if name in changed:
            assert 490 <= ttl(redis, name) - (3600 if name[0] == "s" else 0) <= 500, name
        else:
            assert before[name] - 10 <= ttl(redis, name) <= before[name], name
    assert redis("EXISTS", "cw:inval") == 0 or redis("XLEN", "cw:inval") == 0


def test_a_dry_run_counts_a_key_of_several_selectors_once(daemon, redis):
    put(redis, "a:1", "a:2", "b:1")
    put(redis, "a:3", ttl=9)
    redis("ZADD", "cw:tag:t", "inf", "a:1", "inf", "b:1")
    redis("ZADD", "cw:tag:u", "inf", "b:1")
    body = {"patterns": ["a:*"], "keys": ["a:2", "a:none"], "tags": ["t", "u"], "ttl": 60}
    dry = expire(daemon, {**body, "dry_run": True})
    assert (dry["matched"], dry["would_change"]) == (4, 3), dry
    assert expire(daemon, body)["changed"] == 3
    assert expire(daemon, {**body, "dry_run": True})["would_change"] == 0
    # The sample finds the few among many, and is no longer than others.
    put(redis, *(f"d:{i}" for i in range(300)), ttl=1000)
    put(redis, *(f"d:x{i}" for i in range(3)))
    assert set(expire(daemon, {"patterns": ["d:*"], "ttl": 60, "dry_run": True})["sample"]) == {"d:x0", "d:x1", "d:x2"}
    dry = expire(daemon, {"patterns": ["d:*"], "ttl": 60, "only": "all", "dry_run": True})
    assert (len(set(dry["sample"])), dry["would_change"]) == (20, 303)
    # Nothing to take away from what never expires.
    put(redis, "c")
    dry = expire(daemon, {"patterns": ["*c"], "ttl": -1, "only": "all", "dry_run": True})
    assert (dry["matched"], dry["would_change"]) == (1, 0)


def test_jitter_and_no_expiry(daemon, redis):
    put(redis, *(f"a:{i}" for i in range(300)))
    assert expire(daemon, {"patterns": ["a:*"], "ttl": 1000, "jitter": 0.5})["changed"] == 300
    ttls = [ttl(redis, f"a:{i}") for i in range(300)]
    assert min(ttls) < 750 and max(ttls) > 1250 and 490 <= min(ttls) and max(ttls) <= 1500
    assert expire(daemon, {"patterns": ["a:*"], "ttl": -1, "only": "all"})["changed"] == 300
    assert {ttl(redis, f"a:{i}") for i in range(300)} == {-1}


def test_the_rails_are_those_of_invalidation(start, redis):
    daemon = start(open_config(redis, "invalidate: {confirm_above: 5, max_keys: 100}\n"))
    daemon.wait_redis()
    put(redis, *(f"a:{i}" for i in range(10)))
    said = expire(daemon, {"patterns": ["a:*"], "ttl": 5000}, 409)
    assert said["code"] == "confirmation_required" and ttl(redis, "a:1") == -1
    # A confirmation of another action does not count.
    other = daemon.invalidate({"patterns": ["a:*"], "dry_run": True}).json["confirm"]
    assert expire(daemon, {"patterns": ["a:*"], "ttl": 5000, "confirm": other}, 409)
    dry = expire(daemon, {"patterns": ["a:*"], "ttl": 5000, "dry_run": True})
    assert (dry["matched"], dry["changed"], dry["would_change"]) == (10, 0, 10) and ttl(redis, "a:1") == -1
    assert expire(daemon, {"patterns": ["a:*"], "ttl": 5000, "confirm": dry["confirm"]})["changed"] == 10
    said = expire(daemon, {"patterns": ["a:*"], "ttl": 50, "only": "longer", "max_keys": 3})
    assert (said["complete"], said["reason"], said["changed"]) == (False, "max_keys", 3)
    assert expire(daemon, {"keys": ["lock:1"], "ttl": 5}, 403)["code"] == "key_protected"
    assert expire(daemon, {"patterns": ["*"], "ttl": 5}, 403)["code"] == "forbidden"
    for wrong in ({}, {"ttl": 0}, {"ttl": -2}, {"ttl": -1}, {"ttl": 5, "only": "some"}, {"ttl": 5, "jitter": 2},
                  {"ttl": 5, "soft": True}, {"ttl": 5, "rewarm": ["x"]}, {"ttl": 5, "cascade": True}):
        assert expire(daemon, {"keys": ["a:1"], **wrong}, 400)["code"] == "bad_body"
    assert expire(daemon, {"ttl": 5}, 400)["code"] == "bad_body"
    operations = daemon.get(API + "/operations?kind=expire").json["items"]
    assert operations and operations[0]["result"]["reason"] == "max_keys"
    assert daemon.post(API + "/pause", {"what": ["invalidation"]}).status == 200
    assert expire(daemon, {"keys": ["a:1"], "ttl": 5}, 503)["code"] == "paused"


def test_members_of_one_pass_each_have_their_own(daemon, redis):
    """Patterns that wait together share a pass: one removes, one spreads, one changes."""
    put(redis, *(f"a:{i}" for i in range(400)))
    asked = [("/invalidate", {"patterns": ["a:1*"]}), ("/invalidate", {"patterns": ["a:2*"], "spread": 1000}),
             ("/expire", {"patterns": ["a:3*"], "ttl": 77})]
    with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
        answers = [reply.json for reply in pool.map(lambda ask: daemon.post(API + ask[0], ask[1]), asked)]
    assert [answer["matched"] for answer in answers] == [111, 111, 111]
    assert (answers[0]["invalidated"], answers[1]["softened"], answers[2]["changed"]) == (111, 111, 111)
    assert not redis.keys("a:1*") and all(70 <= ttl(redis, key) <= 77 for key in redis.keys("a:3*"))
    assert ttl(redis, "a:0") == ttl(redis, "a:4") == -1
