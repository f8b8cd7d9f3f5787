# SPDX-License-Identifier: MIT
"""What was softly purged stays stale: for every reader, after every reload, until it is written."""

import pytest

from conftest import open_config
from harness import until
from keys import CACHE, beside, path, put, refused

SOFT = 'cache: {namespaces: [{prefix: "st:", ttl: 10s, stale_for: 60s}]}\n'
LESS = 'cache: {namespaces: [{prefix: "st:", ttl: 10s, stale_for: 5s}]}\n'
NONE = 'cache: {namespaces: [{prefix: "st:", ttl: 60s}]}\n'


@pytest.fixture
def warden(start, redis):
    return start(open_config(redis, SOFT))


def purge(daemon, *keys):
    body = daemon.invalidate({"keys": list(keys), "soft": True}).json
    assert (body["complete"], body["softened"]) == (True, len(keys)), body


def seen(daemon, key):
    return daemon.get(path(key)).headers["X-Cache"]


def reload(daemon, redis, extra):
    daemon.configure(open_config(redis, extra))
    assert daemon.post("/api/v1/admin/cache/reload", {}).status == 200


@pytest.mark.parametrize("extra", [LESS, NONE, ""])
def test_a_reload_makes_nothing_fresh(warden, redis, extra):
    put(warden, "st:1", b"old")
    purge(warden, "st:1")
    reload(warden, redis, extra)
    assert seen(warden, "st:1") == "STALE"
    assert warden.get(path("st:1", what="/ttl")).json == {"ttl": 0}
    assert warden.post(CACHE + "/mget", {"keys": ["st:1"]}).json["entries"][0]["ttl"] == 0
    assert warden.get("/api/v1/admin/cache/explain/st%3A1").json["stale"] is True


@pytest.mark.parametrize("extra", [LESS, NONE, ""])
def test_another_daemon_makes_nothing_fresh(warden, redis, start, extra):
    other = start(open_config(redis, extra))
    put(warden, "st:1", b"old")
    purge(warden, "st:1")
    assert seen(other, "st:1") == "STALE"
    refused(other.post(path("st:1", what="/expire"), {"ttl": 30}), 404, "no_value")
    assert seen(other, "st:1") == "STALE" and seen(warden, "st:1") == "STALE"
    # What is written is fresh, though it ends at the same time as the mark would.
    assert put(other, "st:1", b"new", "?ttl=60").status == 204
    assert seen(other, "st:1") == "HIT"


def test_expire_makes_nothing_fresh(warden, redis):
    put(warden, "st:1", b"old")
    purge(warden, "st:1")
    for ttl in 30, 3600, -1:
        refused(warden.post(path("st:1", what="/expire"), {"ttl": ttl}), 404, "no_value", "stale")
    assert 0 < redis("PTTL", "st:1") <= 60000 and seen(warden, "st:1") == "STALE"
    # Stale by its time alone.
    redis("SET", "st:2", "old", "PX", 50000)
    refused(warden.post(path("st:2", what="/expire"), {"ttl": 30}), 404, "no_value")
    assert redis("PTTL", "st:2") <= 50000


def test_what_is_stale_already_is_marked_too(warden, redis, start):
    redis("SET", "st:1", "old", "PX", 50000)
    assert warden.invalidate({"keys": ["st:1"], "soft": True}).json["matched"] == 1
    assert seen(start(open_config(redis, NONE)), "st:1") == "STALE"


@pytest.mark.parametrize("selector", [{"patterns": ["st:*"]}, {"tags": ["t"]}, {"keys": ["st:1"]}])
def test_every_way_of_a_soft_purge_marks(warden, redis, start, selector):
    other = start(open_config(redis, NONE))
    put(warden, "st:1", b"old", headers={"Surrogate-Key": "t"})
    assert warden.invalidate({**selector, "soft": True}).json["softened"] == 1
    assert seen(other, "st:1") == "STALE"


def test_what_other_clients_write_is_judged_by_its_time(warden, redis, start):
    other = start(open_config(redis, NONE))
    put(warden, "st:1", b"old")
    purge(warden, "st:1")
    redis("SET", "st:1", "new", "PX", 30000)
    assert seen(other, "st:1") == "HIT"
    # Less time than the namespace's stale_for is stale, whoever stored it.
    assert seen(warden, "st:1") == "STALE"


def test_all_writes_end_the_mark(warden, redis, start):
    other = start(open_config(redis, NONE))

    def lease():
        token = other.get(path("st:1", "?lease=10")).headers["X-Cache-Lease"]
        assert put(other, "st:1", b"new", "?ttl=60", headers={"X-Cache-Lease": token}).status == 204

    def mset():
        other.post(CACHE + "/mset", {"entries": [{"key": "st:1", "value": "new", "ttl": 60}]})

    for write in lease, mset:
        put(warden, "st:1", b"old")
        purge(warden, "st:1")
        write()
        assert seen(other, "st:1") == "HIT"
        assert redis("EXISTS", beside("soft", "st:1")) == 0


SELECTORS = [{"keys": ["st:1", "st:2"]}, {"tags": ["shop"]}, {"patterns": ["st:*"], "max_keys": 10}]


@pytest.mark.parametrize("selector", SELECTORS, ids=["keys", "tags", "patterns"])
def test_without_memory_for_the_mark_the_value_goes_and_that_is_said(warden, redis, selector):
    admin = "/api/v1/admin/cache"
    for key in "st:1", "st:2", "other":
        put(warden, key, b"old", headers={"Surrogate-Key": "shop"})
    ordinary = warden.invalidate({"keys": ["other"], "soft": True}).json
    assert ordinary["invalidated"] == 1 and "removed_instead" not in ordinary and "warning" not in ordinary
    redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis("CONFIG", "SET", "maxmemory", "1")
    body = warden.invalidate({**selector, "soft": True}).json
    assert (body["softened"], body["invalidated"], body["removed_instead"]) == (0, 2, 2), body
    assert "2 keys were removed instead of made stale" in body["warning"] and "maxmemory" in body["warning"]
    if "tags" not in selector:  # those of the key are known after the pruner's next walk
        last = warden.get(admin + "/explain/st%3A1").json
        assert last["exists"] is False and last["last_invalidation"]["removed_instead"] == 2, last
    redis("CONFIG", "SET", "maxmemory", "0")
    assert redis("EXISTS", "st:1", "st:2") == 0
    operation = warden.get(f"{admin}/operations/{body['operation_id']}").json
    assert operation["result"]["removed_instead"] == 2 and operation["result"]["warning"] == body["warning"]

    def event():
        items = warden.get(admin + "/events", headers={"Accept": "application/json"}).json["items"]
        return next((item for item in items if item["data"].get("removed_instead") == 2), None)

    assert until(event, "the event")["data"]["operation_id"] == body["operation_id"]


def test_without_memory_what_is_stale_already_stays(warden, redis, start):
    other = start(open_config(redis, NONE))
    put(warden, "st:1", b"old")
    purge(warden, "st:1")
    redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis("CONFIG", "SET", "maxmemory", "1")
    body = warden.invalidate({"keys": ["st:1"], "soft": True}).json
    redis("CONFIG", "SET", "maxmemory", "0")
    assert (body["matched"], body["softened"], body["invalidated"]) == (1, 0, 0), body
    assert seen(other, "st:1") == "STALE"


MANY = 3000
MANY_SELECTORS = {"keys": {"keys": [f"st:{i}" for i in range(1000)]}, "tags": {"tags": ["shop"]},
                  "patterns": {"patterns": ["st:*"]}}


@pytest.mark.parametrize("kind", MANY_SELECTORS)
def test_at_maxmemory_no_key_counts_twice(warden, redis, kind):
    """Removed keys make room for marks, so some are softened, and the second round meets these again."""
    admin = "/api/v1/admin/cache"
    count = 1000 if kind == "keys" else MANY
    redis("EVAL", "for i = 0, ARGV[1] - 1 do redis.call('SET', 'st:' .. i, 'x', 'EX', 3000) end", "0", str(count))
    for first in range(0, count, 1000):
        keys = [f"st:{i}" for i in range(first, first + 1000)]
        assert warden.post(admin + "/tags", {"tags": ["shop"], "keys": keys}).status == 200
    memory = redis("INFO", "memory").decode().split("used_memory:")[1].split()[0]
    redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis("CONFIG", "SET", "maxmemory", memory)
    ask = {**MANY_SELECTORS[kind], "soft": True, "verify": True, "max_keys": 2 * MANY}
    body = warden.invalidate(ask).json
    redis("CONFIG", "SET", "maxmemory", "0")
    left = redis("EVAL", "return #redis.call('KEYS', 'st:*')", "0")
    figures = body["matched"], body["invalidated"], body["softened"], body["removed_instead"]
    assert figures == (count, count - left, left, count - left), body
    of_selectors = [sum(row[what] for row in body["selectors"]) for what in ("matched", "invalidated")]
    assert of_selectors == [count, count - left], of_selectors


def test_own_prefix_needs_a_restart(warden, redis, start):
    put(warden, "k", b"x", headers={"Surrogate-Key": "shop"})
    moved = open_config(redis, SOFT).replace(f'"{redis.url}"', f'"{redis.url}", own_prefix: "app:"')
    warden.configure(moved)
    reply = warden.post("/api/v1/admin/cache/reload", {})
    assert reply.status == 422 and "redis.own_prefix has changed" in str(reply.json), reply
    assert warden.invalidate({"tags": ["shop"]}).json["matched"] == 1
    warden.stop()
    again = start(moved)
    again.wait_for('own keys with the prefix "cw:"')
    redis("DEL", "cw:meta")
    again.stop()
    start(moved).wait_for("redis is up")
    until(lambda: redis("SMEMBERS", "cw:prefixes") == [b"app:"], "what is gone is forgotten")
