# SPDX-License-Identifier: MIT
"""POST /invalidate from selectors to verdict: keys, entities, rules, confirmation, trouble."""

import json
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import API, Resp, until
from invalidating import (PASSES, CountingRedis, begin, config, ended, ok, put, redis, refused,
                          selector, token_row)
from proxy import Proxy

__all__ = ["redis"]

ENTITIES = """
entities:
  user: {field: user_id, keys: {profile: "user:profile:{id}", groups: "user:groups:{id}"}}
  firm: {field: firm_id, keys: ["firm:{id}"], patterns: ["*:of-firm:{id}:*"]}
  order: {field: order_no, keys: ["order:{id}"]}
dependencies:
  - {when: "user:profile:{id}", invalidate: ["user:subs:{id}", "user:menu:{id}"]}
  - {when: "user:subs:{id}", invalidate: ["subs:page:{id}"], patterns: ["subs:list:{id}:*"]}
  - {when: "ring:a:{x}", invalidate: ["ring:b:{x}"]}
  - {when: "ring:b:{x}", invalidate: ["ring:c:{x}"]}
  - {when: "ring:c:{x}", invalidate: ["ring:a:{x}"]}
  - {when: "self:{x}", invalidate: ["self:{x}"]}
"""
BIG = 9007199254740993  # 2^53 + 1
LARGEST = "123456789012345678901234567890"


@pytest.fixture
def shop(start, redis):
    return start(config(redis, ENTITIES))


@pytest.fixture
def few(start, redis):
    """Asks back above 10 keys, never takes more than 50 at once."""
    return start(config(redis, "invalidate: {confirm_above: 10, max_keys: 50}" + ENTITIES,
                        tokens=token_row("p", "invalidate", ', key_prefixes: ["n:"]')))


def crowd(daemon, bodies, workers=50):
    """Sends all at once; the answers in order."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda body: daemon.invalidate(body, timeout=60), bodies))


def test_keys_by_name(shop, redis):
    put(redis, "a:1", "a:2", "other")
    body = ok(shop.invalidate({"keys": ["a:1", "a:2", "absent", "a:1"], "note": "deploy 812"}))
    assert body["complete"] is True and body["reason"] is None and body["state"] == "completed"
    assert (body["matched"], body["invalidated"], body["softened"], body["passes"]) == (2, 2, 0, 0)
    assert [(s["kind"], s["value"], s["matched"], s["invalidated"], s["method"])
            for s in body["selectors"]] == [("key", "a:1", 1, 1, "unlink"),
                                            ("key", "a:2", 1, 1, "unlink"),
                                            ("key", "absent", 0, 0, "unlink")]
    assert body["sample"] == ["a:1", "a:2"] and body["confirm"] is None
    assert body["dry_run"] is False and body["rewarm"] == [] and body["duration_ms"] >= 0
    assert redis.keys() == [b"other"] and redis.by_daemon("scan") <= 0
    record = ok(shop.get(f"{API}/operations/{body['operation_id']}"))
    assert record["note"] == "deploy 812" and record["kind"] == "invalidate"


def test_several_selectors_count_a_key_each_and_remove_it_once(shop, redis):
    put(redis, "p:1", "p:2", "q")
    body = ok(shop.invalidate({"keys": ["p:1"], "patterns": ["p:*", "p:[12]", "q"]}))
    assert body["invalidated"] == body["matched"] == 3 and redis.keys() == []
    assert selector(body, "p:1")["matched"] == 1 and selector(body, "q")["matched"] == 1
    assert selector(body, "p:*")["matched"] in (1, 2)  # p:1 may have gone by its name


def test_each_key_that_is_removed_is_counted_whatever_selected_it(start, tuned):
    redis = tuned()
    daemon = start(config(redis, """
cache: {namespaces: [{prefix: "s:", ttl: 1h, stale_for: 10m}]}
entities: {user: {field: user_id, keys: ["user:{id}"]}}
dependencies: [{when: "a:{id}", invalidate: ["b:{id}"]}]
"""))
    total = 0
    for select, removed in [({"keys": ["k:1", "k:2", "absent"]}, 2), ({"patterns": ["p:*"]}, 3),
                            ({"tags": ["t"]}, 2), ({"user_id": 7}, 1), ({"keys": ["a:1"]}, 2),
                            ({"dependents_of": ["a:1"]}, 1),
                            ({"tags": ["t"], "soft": True}, 2), ({"keys": ["k:1"], "soft": True}, 1),
                            ({"patterns": ["[ps]:*"], "soft": True}, 3),
                            ({"patterns": ["p:*"], "max_keys": 2}, 2),
                            ({"tags": ["t", "other"], "keys": ["t:1", "k:1"]}, 3),
                            ({"patterns": ["p:*"], "dry_run": True}, 0)]:
        put(redis, "k:1", "k:2", "p:1", "p:2", "p:3", "t:1", "t:2", "user:7", "a:1", "b:1")
        redis("SET", "s:1", "v", "PX", 4000000)
        redis("ZADD", "cw:tag:t", 1, "t:1", 1, "t:2")
        body = ok(daemon.invalidate(select))
        total += removed
        assert body["invalidated"] == removed, (select, body)
        # Both are made anew after a few milliseconds.
        until(lambda: daemon.metric("cachewarden_invalidated_keys_total") == total, str(select))
        until(lambda: daemon.stats()["cache"]["invalidated_keys"] == total, str(select))


@pytest.mark.parametrize("ids", ["42", 42, ["42"], [42], ["42", 42]])
def test_an_entity_by_field(shop, redis, ids):
    put(redis, "user:profile:42", "user:groups:42", "user:profile:4", "user:profile:421")
    body = ok(shop.invalidate({"user_id": ids, "cascade": False}))
    assert body["invalidated"] == 2 and body["passes"] == 0
    assert selector(body, "user:42")["kind"] == "entity"
    assert redis.keys() == [b"user:profile:4", b"user:profile:421"]


def test_entities_by_name_and_fields_together(shop, redis):
    put(redis, "user:profile:1", "user:groups:2", "firm:7", "x:of-firm:7:y", "x:of-firm:70:y",
        "order:a-1", "user:profile:3")
    body = ok(shop.invalidate({"entities": {"user": ["1", 2]}, "firm_id": 7, "order_no": "a-1"}))
    assert body["invalidated"] == 5 and redis.keys() == [b"user:profile:3", b"x:of-firm:70:y"]
    firm = selector(body, "firm:7")
    assert (firm["matched"], firm["invalidated"], firm["method"]) == (2, 2, "scan")
    assert selector(body, "user:1")["method"] == "unlink"


@pytest.mark.parametrize("number", [BIG, BIG - 1, -BIG, 2**64, int(LARGEST), 0])
def test_ids_are_exact_whatever_their_size(shop, redis, number):
    near = [number - 1, number + 1]
    put(redis, f"user:profile:{number}", *(f"user:profile:{n}" for n in near))
    body = ok(shop.invalidate({"user_id": number}))
    assert body["invalidated"] == 1 and body["selectors"][0]["value"] == f"user:{number}"
    assert redis("EXISTS", *(f"user:profile:{n}" for n in near)) == 2
    put(redis, f"user:profile:{number}")
    assert ok(shop.invalidate({"entities": {"user": [number]}}))["invalidated"] == 1


def test_what_is_no_id_is_refused(shop, redis):
    put(redis, "user:profile:1", "user:profile:true", "user:profile:1.5")
    for wrong in (1.5, True, {}, "", [], [""], [[1]], [None], ["1"] * 1001, "1" * 1100, ["1", "2" * 1100]):
        for body, at in (({"user_id": wrong}, "/user_id"),
                         ({"entities": {"user": wrong}}, "/entities/user")):
            problem = refused(shop.invalidate(body), 400, "bad_body")
            assert problem["errors"][0]["pointer"].startswith(("/user_id", at)), (wrong, problem)
    refused(shop.invalidate({"entities": {"nobody": ["1"]}}), 400, "bad_body", "nobody",
            pointer="/entities/nobody")
    refused(shop.invalidate({"nobody_id": "1"}), 400, "bad_body", pointer="/nobody_id")
    refused(shop.invalidate({"entities": {}}), 400, "bad_body")
    assert len(redis.keys()) == 3


@pytest.mark.parametrize("body", [{}, {"user_id": None}, {"dry_run": True}, {"keys": []},
                                  {"keys": [""]}, {"dependents_of": []}, None])
def test_something_must_be_selected(shop, redis, body):
    put(redis, "a")
    refused(shop.invalidate(body), 400, "bad_body")
    assert redis.keys() == [b"a"]


@pytest.mark.parametrize("odd", ["*", "?", "[a-z]", "\\", "a*b", "^", "{id}", "}", "a b", "1:2", "ü"])
def test_ids_are_literal(shop, redis, odd):
    """{"user_id": "*"} is the user whose id is an asterisk, in keys, rules and patterns."""
    put(redis, "user:profile:x", "user:subs:x", "subs:list:x:1", "k:of-firm:x:1", "firm:x",
        f"user:profile:{odd}", f"user:subs:{odd}", f"subs:list:{odd}:1", f"k:of-firm:{odd}:1")
    body = ok(shop.invalidate({"user_id": odd, "firm_id": [odd]}))
    # The rule's {id} takes no colon.
    assert body["invalidated"] == (2 if ":" in odd else 4), body
    assert redis("EXISTS", "user:profile:x", "user:subs:x", "subs:list:x:1", "k:of-firm:x:1",
                 "firm:x") == 5


def test_rules_are_followed_transitively(shop, redis):
    gone = ["user:profile:1", "user:subs:1", "user:menu:1", "subs:page:1", "subs:list:1:a",
            "subs:list:1:b"]
    kept = ["user:subs:2", "subs:page:2", "subs:list:11:a", "subs:page:"]
    put(redis, *gone, *kept)
    body = ok(shop.invalidate({"user_id": 1}))
    assert body["invalidated"] == len(gone) and body["complete"] is True
    assert redis.keys() == sorted(key.encode() for key in kept)
    rule = selector(body, "user:profile:{id}")
    assert (rule["kind"], rule["matched"], rule["invalidated"]) == ("dependency", 2, 2)
    assert selector(body, "user:subs:{id}")["invalidated"] == 3


def test_rules_follow_what_is_absent_too(shop, redis):
    put(redis, "subs:list:3:z")
    assert ok(shop.invalidate({"keys": ["user:profile:3"]}))["invalidated"] == 1
    assert redis.keys() == []


def test_cascade_false_takes_only_what_is_named(shop, redis):
    put(redis, "user:profile:1", "user:groups:1", "user:subs:1")
    assert ok(shop.invalidate({"user_id": 1, "cascade": False}))["invalidated"] == 2
    assert redis.keys() == [b"user:subs:1"]
    put(redis, "user:profile:1")
    assert ok(shop.invalidate({"keys": ["user:profile:1"], "cascade": False}))["invalidated"] == 1
    assert redis.keys() == [b"user:subs:1"]


def test_patterns_do_not_cascade(shop, redis):
    put(redis, "user:profile:1", "user:subs:1")
    assert ok(shop.invalidate({"patterns": ["user:profile:*"]}))["invalidated"] == 1
    assert redis.keys() == [b"user:subs:1"]


def test_cycles_end(shop, redis):
    ring = [f"ring:{name}:1" for name in "abc"]
    for body, left in (({"keys": ["ring:b:1"]}, []), ({"dependents_of": ["ring:c:1"]}, None),
                       ({"keys": ["self:1"]}, ring)):
        put(redis, *ring, "self:1")
        answer = ok(shop.invalidate(body))
        assert answer["complete"] is True and answer["passes"] == 0
        if "dependents_of" in body:
            # All that depend on it, itself among them by way of the ring.
            assert answer["invalidated"] in (2, 3)
        else:
            assert answer["invalidated"] == (3 if left == [] else 1)


def test_dependents_of_leaves_the_key_itself(shop, redis):
    put(redis, "user:profile:1", "user:subs:1", "subs:list:1:a")
    body = ok(shop.invalidate({"dependents_of": ["user:profile:1"]}))
    assert body["invalidated"] == 2 and redis.keys() == [b"user:profile:1"]
    root = selector(body, "user:profile:1")
    assert (root["kind"], root["invalidated"]) == ("dependents_of", 2)


def test_dependents_are_capped_and_the_answer_says_so(start, redis):
    rules = "\n".join(f'  - {{when: "root:{{x}}", invalidate: [{names}]}}' for names in (
        ", ".join(f'"leaf:{i}:{j}:{{x}}"' for j in range(50)) for i in range(20)))
    daemon = start(config(redis, "dependencies:\n" + rules))
    roots = [f"root:{i}" for i in range(11)]
    put(redis, *roots, "leaf:0:0:0")
    body = ok(daemon.invalidate({"keys": roots}))
    assert (body["complete"], body["reason"]) == (False, "too_many_dependents")
    assert body["invalidated"] == 12 and body["state"] == "partial" and redis.keys() == []
    assert daemon.invalidate({"keys": roots, "strict": True}).status == 502


def test_a_dry_run_deletes_nothing(few, redis):
    put(redis, *(f"n:{i}" for i in range(40)), "user:profile:1", "user:subs:1")
    asked = {"patterns": ["n:*"], "user_id": 1, "keys": ["n:0", "absent"], "dry_run": True}
    body = ok(few.invalidate(asked))
    assert body["dry_run"] is True and body["complete"] is True
    assert (body["matched"], body["invalidated"]) == (42, 0)
    assert len(body["sample"]) == 20 == len(set(body["sample"]))
    assert set(body["sample"]) <= {key.decode() for key in redis.keys()}
    assert body["confirm"] and len(redis.keys()) == 42 and not redis("EXISTS", "cw:inval")
    assert redis.by_daemon("unlink") <= 0


def test_many_keys_need_a_confirmation(few, redis):
    put(redis, *(f"n:{i}" for i in range(30)))
    asked = {"patterns": ["n:*"]}
    body = refused(few.invalidate(asked), 409, "confirmation_required", "10")
    assert body["matched_at_least"] == 11 and body["confirm"] and body["matched"] is None
    assert body["invalidated"] == 0 and body["complete"] is False
    assert len(redis.keys()) == 30 and redis.by_daemon("unlink") <= 0
    # The same selectors, written differently, with the token.
    done = ok(few.invalidate({"patterns": ["n:*", "n:*"], "confirm": body["confirm"]}))
    assert (done["invalidated"], done["complete"]) == (30, True) and redis.keys() == []


def test_so_many_keys_go_without_a_confirmation(few, redis):
    put(redis, *(f"n:{i}" for i in range(10)), "m:1")
    body = ok(few.invalidate({"patterns": ["n:*"], "keys": ["absent"]}))
    assert (body["matched"], body["invalidated"]) == (10, 10) and redis.keys() == [b"m:1"]


def test_exact_keys_need_it_too(few, redis):
    keys = [f"n:{i}" for i in range(11)]
    put(redis, *keys)
    body = refused(few.invalidate({"keys": keys}), 409, "confirmation_required")
    assert body["matched_at_least"] == 11 and len(redis.keys()) == 11
    assert ok(few.invalidate({"keys": keys[:10] + ["absent"]}))["invalidated"] == 10
    put(redis, *keys)
    refused(few.invalidate({"keys": keys[:6], "patterns": ["n:*"]}), 409, "confirmation_required")
    assert len(redis.keys()) == 11
    assert ok(few.invalidate({"keys": keys, "max_keys": 11}))["invalidated"] == 11


def test_a_confirmation_of_a_dry_run(few, redis):
    put(redis, *(f"n:{i}" for i in range(30)))
    token = ok(few.invalidate({"patterns": ["n:*"], "dry_run": True}))["confirm"]
    assert ok(few.invalidate({"patterns": ["n:*"], "confirm": token}))["invalidated"] == 30


def test_a_confirmation_belongs_to_its_selectors(few, redis):
    put(redis, *(f"n:{i}" for i in range(30)), *(f"m:{i}" for i in range(30)), "user:profile:1")
    token = ok(few.invalidate({"patterns": ["n:*"], "dry_run": True}))["confirm"]
    others = [{"patterns": ["m:*"]}, {"patterns": ["n:*", "m:*"]}, {"patterns": ["n:*"],
              "user_id": 1}, {"patterns": ["n:*"], "cascade": False}, {"keys": ["n:1"]},
              {"dependents_of": ["n:*"]}]
    for other in others:
        refused(few.invalidate({**other, "confirm": token}), 409, "confirmation_required",
                pointer="/confirm")
    wrong = [token[:-1], token + "0", "f" * 32, "x", token.upper() if token.upper() != token
             else "0" * 32]
    for text in wrong:
        body = refused(few.invalidate({"patterns": ["n:*"], "confirm": text}), 409,
                       "confirmation_required", "dry run", pointer="/confirm")
        assert (body["matched_at_least"], body["invalidated"]) == (30, 0)
    refused(few.invalidate({"patterns": ["n:*"], "confirm": ""}), 400, "bad_body")
    assert ok(few.invalidate({"patterns": ["n:*"], "confirm": "x", "dry_run": True}))["confirm"]
    assert len(redis.keys()) == 61 and redis.by_daemon("unlink") <= 0
    assert ok(few.invalidate({"patterns": ["n:*"], "confirm": body["confirm"]}))["invalidated"] == 30


def test_a_confirmation_is_of_one_process(start, redis):
    text = config(redis, "invalidate: {confirm_above: 1}")
    one, two = start(text), start(text)
    put(redis, "n:1", "n:2")
    token = ok(one.invalidate({"patterns": ["n:*"], "dry_run": True}))["confirm"]
    body = refused(two.invalidate({"patterns": ["n:*"], "confirm": token}), 409,
                   "confirmation_required")
    assert len(redis.keys()) == 2
    # Whoever asked the other one can go on from its answer.
    assert ok(two.invalidate({"patterns": ["n:*"], "confirm": body["confirm"]}))["invalidated"] == 2


def test_a_confirmation_does_not_lift_max_keys(few, redis):
    put(redis, *(f"n:{i}" for i in range(80)))
    token = ok(few.invalidate({"patterns": ["n:*"], "dry_run": True}))["confirm"]
    body = ok(few.invalidate({"patterns": ["n:*"], "confirm": token}))
    assert (body["invalidated"], body["complete"], body["reason"]) == (50, False, "max_keys")
    assert body["state"] == "completed" and len(redis.keys()) == 30


def test_max_keys_stops(few, redis):
    put(redis, *(f"n:{i}" for i in range(40)))
    for asked, left in (({"patterns": ["n:*"], "max_keys": 7}, 33),
                        ({"patterns": ["n:*", "n:1*"], "max_keys": 20}, 13),
                        ({"keys": [f"n:{i}" for i in range(40)], "max_keys": 3}, 10)):
        body = ok(few.invalidate(asked))
        assert body["complete"] is False and body["reason"] == "max_keys"
        assert body["invalidated"] == asked["max_keys"] and len(redis.keys()) == left
    reply = few.invalidate({"patterns": ["n:*"], "max_keys": 1, "strict": True})
    assert reply.status == 502 and reply.json["reason"] == "max_keys", reply
    assert reply.json["invalidated"] == 1 and len(redis.keys()) == 9
    body = ok(few.invalidate({"patterns": ["n:*"], "max_keys": 9, "strict": True}))
    assert body["complete"] is True and redis.keys() == []


def test_max_keys_above_the_configuration(few, redis):
    put(redis, "n:1")
    refused(few.invalidate({"keys": ["n:1"], "max_keys": 51}), 400, "bad_body", "50",
            pointer="/max_keys")
    for wrong in (0, -1, 1.5, "9", True, 2**64):
        refused(few.invalidate({"keys": ["n:1"], "max_keys": wrong}), 400, "bad_body",
                pointer="/max_keys")
    assert redis.keys() == [b"n:1"]


def test_a_409_counts_only_what_the_caller_may_touch(few, redis):
    put(redis, *(f"n:{i}" for i in range(11)), "secret:1")
    body = refused(few.invalidate({"patterns": ["n:*"]}, token="p"), 409, "confirmation_required")
    assert body["matched_at_least"] == 11
    assert all(name.startswith("n:") for name in body["sample"])


def test_confirming_beside_others_in_one_pass(few, redis):
    """Who must ask back deletes nothing, while his neighbours in the pass delete theirs."""
    put(redis, *(f"n:{i}" for i in range(30)), *(f"m:{i}" for i in range(9)))
    big, small, dry = crowd(few, [{"patterns": ["n:*"]}, {"patterns": ["m:*"]},
                                  {"patterns": ["[mn]:*"], "dry_run": True}])
    refused(big, 409, "confirmation_required")
    assert ok(small)["invalidated"] == 9 and ok(dry)["matched"] in range(30, 40)
    assert len(redis.keys()) == 30


def test_verify_looks_again(shop, redis):
    put(redis, *(f"v:{i}" for i in range(50)), "other")
    body = ok(shop.invalidate({"patterns": ["v:*"], "keys": ["v:1"], "verify": True}))
    assert body["complete"] is True and body["invalidated"] == 50 and body["passes"] == 2
    assert redis.keys() == [b"other"]


@pytest.mark.topology("server", "tls", "sentinel", why="the second client knows one server")
def test_verify_says_when_keys_come_back(shop, redis):
    """A writer stores them again as fast as they go: honest, and it ends."""
    stop = threading.Event()

    def write():
        writer = CountingWriter(redis)
        while not stop.is_set():
            writer.put([f"v:{i}" for i in range(200)])

    redis.populate(30000, "filler")
    thread = threading.Thread(target=write)
    thread.start()
    try:
        until(lambda: redis("EXISTS", "v:199"), "the writer")
        body = ok(shop.invalidate({"patterns": ["v:*"], "verify": True, "max_keys": 1000000}))
    finally:
        stop.set()
        thread.join()
    assert (body["complete"], body["reason"]) == (False, "still_matching")
    assert body["state"] == "partial" and body["passes"] >= 3 and body["invalidated"] >= 200


class CountingWriter:
    """A second client of the same Redis."""

    def __init__(self, server):
        self.connection = Resp(server.path)

    def put(self, keys):
        self.connection.pipeline([("SET", key, "v") for key in keys])

    def drop(self, keys):
        self.connection.pipeline([("UNLINK", *keys)])


def test_fifty_users_share_their_passes(start, redis):
    daemon = start(config(redis, """
entities:
  user: {field: user_id, keys: ["user:{id}"], patterns: ["*:of:{id}", "of:{id}:*"]}
"""))
    redis.populate(200000, "filler")
    expected = {}
    for user in range(50):
        keys = [f"user:{user}", *(f"{i}:of:{user}" for i in range(1 + user % 4)),
                *(f"of:{user}:{i}" for i in range(user % 3))]
        put(redis, *keys)
        expected[user] = len(keys)
    before = daemon.metric(PASSES) or 0
    answers = crowd(daemon, [{"user_id": user, "wait": 60} for user in expected])
    assert daemon.metric(PASSES) - before <= 3
    for user, answer in zip(expected, answers):
        body = ok(answer)
        assert body["invalidated"] == body["matched"] == expected[user], body
        assert body["complete"] is True and body["passes"] == 1
        assert selector(body, f"user:{user}")["invalidated"] == expected[user]
    assert redis("EXISTS", *(f"filler:{i}" for i in range(0, 200000, 97))) == 2062
    assert redis.keys("*of:*") == []


def test_fifty_users_of_keys_only_make_no_pass(shop, redis):
    redis.populate(50000, "filler")
    for user in range(50):
        put(redis, f"user:profile:{user}", f"user:groups:{user}")
    answers = crowd(shop, [{"user_id": user, "cascade": False} for user in range(50)])
    assert all(ok(answer)["invalidated"] == 2 and answer.json["passes"] == 0 for answer in answers)
    assert (shop.metric(PASSES) or 0) == 0 and redis.by_daemon("scan") <= 0


@pytest.mark.topology("server", "tls", "sentinel", why="the second client knows one server")
def test_a_writer_of_other_keys_loses_none(start, redis):
    """What matched throughout is gone; what never matched is there as its writer left it."""
    daemon = start(config(redis))
    redis.populate(50000, "gone")
    redis.populate(50000, "kept")
    stop, alive, rounds = threading.Event(), set(), [0]

    def write():
        writer = CountingWriter(redis)
        while not stop.is_set() or rounds[0] < 2:
            n = rounds[0]
            fresh = {f"w:{n}:{i}" for i in range(500)}
            writer.put(fresh)
            alive.update(fresh)
            old = {f"w:{n - 1}:{i}" for i in range(0, 500, 2)} if n else set()
            if old:
                writer.drop(old)
                alive.difference_update(old)
            # Enough to make the table grow and shrink under the cursor.
            rounds[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        until(lambda: rounds[0] > 1, "the writer")
        fast = {"wait": 60, "pace": {"max_latency_ms": 0}}
        answers = crowd(daemon, [{"patterns": ["gone:*"], **fast},
                                 {"patterns": ["gone:*1", "nothing:*"], **fast}], 2)
        seen = rounds[0]
    finally:
        stop.set()
        thread.join()
    bodies = [ok(answer) for answer in answers]
    assert all(body["complete"] for body in bodies) and seen > 2
    assert bodies[0]["matched"] >= 50000 or bodies[0]["matched"] + bodies[1]["invalidated"] >= 50000
    assert redis.keys("gone:*") == []
    assert redis("DBSIZE") >= 50000 + len(alive)
    assert {key.decode() for key in redis.keys("w:*")} == alive
    assert len(redis.keys("kept:*")) == 50000


def test_counts_are_exact_without_neighbours(start, redis):
    daemon = start(config(redis))
    redis.populate(30000, "gone")
    put(redis, "other")
    body = ok(daemon.invalidate({"patterns": ["gone:*"], "wait": 60}))
    assert body["invalidated"] == 30000 and body["matched"] >= 30000 and body["complete"] is True
    assert redis.keys() == [b"other"]
    assert daemon.metric("cachewarden_invalidated_keys_total") == 30000
    assert daemon.stats()["cache"]["invalidated_keys"] == 30000


def test_a_client_that_hangs_up_stops_nothing(start, redis):
    daemon = start(config(redis))
    redis.populate(60000, "gone")
    body = json.dumps({"patterns": ["gone:*"], "wait": 60, "pace": {"max_latency_ms": 1}}).encode()
    with daemon.connect() as connection:
        connection.sendall(b"POST " + API.encode() + b"/invalidate HTTP/1.1\r\nHost: localhost\r\n"
                           b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                           % (len(body), body))
        until(lambda: redis.by_daemon("xadd") > 0, "the log entry")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    items = ok(daemon.get(API + "/operations"))["items"]
    assert len(items) == 1
    record = ended(daemon, items[0]["operation_id"])
    assert record["state"] == "completed" and record["result"]["invalidated"] == 60000
    assert redis.keys() == []


def test_the_log_comes_before_the_first_deletion(start, redis, folder):
    """With slow replies: as long as the XADD is unanswered, nothing has been removed."""
    proxy = Proxy(folder, redis)
    daemon = start(config(redis, ENTITIES).replace(redis.url, proxy.url))
    daemon.wait_redis()
    put(redis, "user:profile:1", "user:subs:1", "subs:list:1:x", "exact", "pat:1")
    proxy.mode, proxy.seconds = "delay", 0.2
    operation = begin(daemon, {"user_id": 1, "keys": ["exact"], "patterns": ["pat:*"]})
    until(lambda: redis("XLEN", "cw:inval"), "the log entry")
    assert redis.by_daemon("unlink") <= 0 and len(redis.keys()) == 5
    assert ended(daemon, operation)["result"]["invalidated"] == 5
    proxy.mode = "pass"
    fields = redis("XRANGE", "cw:inval", "-", "+")[0][1]
    pairs = list(zip(fields[::2], fields[1::2]))
    assert pairs[0] == (b"o", operation.encode())
    assert {value for field, value in pairs if field == b"k"} >= {
        b"user:profile:1", b"user:groups:1", b"user:subs:1", b"user:menu:1", b"subs:page:1", b"exact"}
    assert {value for field, value in pairs if field == b"p"} == {b"pat:*", b"subs:list:1:*"}
    proxy.close()


def test_nothing_goes_that_was_not_logged(start, redis):
    """cw:inval is not a stream: XADD fails, so nothing may be deleted."""
    daemon = start(config(redis))
    put(redis, "a", "cw:inval", "p:1")
    for body in ({"keys": ["a"]}, {"patterns": ["p:*"]}):
        reply = daemon.invalidate(body)
        refused(reply, 409, "wrong_type", "WRONGTYPE")
        assert reply.json["complete"] is False and reply.json["invalidated"] == 0
    assert redis.keys() == [b"a", b"p:1"]


def test_a_full_redis_is_invalidated_all_the_same(start, folder):
    server = CountingRedis(folder, "--maxmemory-policy", "noeviction", name="full")
    try:
        daemon = start(config(server))
        server.populate(20000, "gone")
        put(server, "one", "two")
        daemon.wait_redis()
        server("CONFIG", "SET", "maxmemory", "1mb")
        assert "OOM" in str(server.pipeline([("SET", "x", "1")])[0])
        body = ok(daemon.invalidate({"keys": ["one"]}))
        assert body["invalidated"] == 1, body
        body = ok(daemon.invalidate({"patterns": ["gone:*"], "max_keys": 100000, "wait": 60}))
        assert body["invalidated"] == 20000, body
        assert body["complete"] is True or body["reason"] == "redis_oom"
        server("CONFIG", "SET", "maxmemory", "0")
        body = ok(daemon.invalidate({"keys": ["two"]}))
        assert body["complete"] is True and server.keys() == []
        server.check()
    finally:
        server.close()


def slow_pass(start, server, folder, count=20000):
    """A pass over `count` keys that is under way, through a proxy that makes it last."""
    proxy = Proxy(folder, server)
    daemon = start(config(server).replace(server.url, proxy.url))
    daemon.wait_redis()
    server.populate(count, "gone")
    proxy.mode, proxy.seconds = "delay", 0.05
    operation = begin(daemon, {"patterns": ["gone:*1", "gone:*"], "max_keys": 1000000})
    until(lambda: server.by_daemon("unlink") > 0, "the first deletion")
    return proxy, daemon, operation


@pytest.mark.topology("server", "tls", "sentinel",
                      why="a cluster's slots are scanned again: test_cluster_passes.py")
@pytest.mark.parametrize("command", [("FLUSHALL",), ("FLUSHDB",), ("SWAPDB", "0", "1")])
def test_a_flush_or_swap_meanwhile_is_told(start, redis, folder, command):
    proxy, daemon, operation = slow_pass(start, redis, folder)
    redis(*command)
    proxy.mode = "pass"
    record = ended(daemon, operation)
    assert record["state"] == "partial" and record["result"]["complete"] is False, record
    assert record["result"]["reason"] == "topology_changed"
    proxy.close()


@pytest.mark.parametrize("again", [True, False])
def test_redis_dies_meanwhile(start, redis, folder, again):
    """Back at once: an honest new start over what is there. Gone: redis_down, and soon."""
    proxy, daemon, operation = slow_pass(start, redis, folder)
    redis.kill()
    proxy.drop()
    proxy.mode = "pass"
    if again:
        redis.sent.clear()
        redis.start()
        redis.populate(1000, "gone")
        redis.populate(1000, "kept")
    record = ended(daemon, operation)
    result = record["result"]
    if again and result["complete"]:
        # A cluster's servers come one by one, and are scanned at once: what is put there later stays.
        assert result["passes"] >= 2 and (redis.keys("gone:*") == [] or redis.primaries > 1)
    else:
        # What was removed without an answer is not claimed: maybe nothing.
        assert record["state"] == ("partial" if result["invalidated"] else "failed"), record
        assert result["reason"] in ("topology_changed", "redis_down"), record
    if not again:
        assert result["complete"] is False
        reply = daemon.invalidate({"keys": ["a"]})
        refused(reply, 503, "redis_unavailable")
        redis.sent.clear()
        redis.start()
        daemon.wait_redis()
    put(redis, "kept:x", "after")
    assert ok(daemon.invalidate({"keys": ["after"]}))["complete"] is True
    assert redis("EXISTS", "kept:x") == 1
    proxy.close()


def test_a_lost_connection_begins_the_pass_anew(start, redis, folder):
    proxy, daemon, operation = slow_pass(start, redis, folder)
    put(redis, "kept")
    proxy.mode = "pass"
    proxy.drop()
    record = ended(daemon, operation)
    assert record["state"] == "completed", record
    assert record["result"]["complete"] is True and redis.keys() == [b"kept"]
    assert record["result"]["passes"] in (1, 2)  # 1: it was over before the cut
    proxy.close()


@pytest.mark.topology("server", "tls", "sentinel",
                      why="a cluster's slots are scanned again: test_cluster_passes.py")
def test_strict_answers_502_with_the_same_body(start, redis, folder):
    proxy = Proxy(folder, redis)
    daemon = start(config(redis).replace(redis.url, proxy.url))
    daemon.wait_redis()
    redis.populate(20000, "gone")
    proxy.mode, proxy.seconds = "delay", 0.05
    replies = []
    asked = {"patterns": ["gone:*1", "gone:*"], "max_keys": 1000000, "strict": True, "wait": 60}
    thread = threading.Thread(target=lambda: replies.append(daemon.invalidate(asked, timeout=60)))
    thread.start()
    until(lambda: redis.by_daemon("unlink") > 0, "the first deletion")
    redis("FLUSHALL")
    proxy.mode = "pass"
    thread.join()
    assert replies[0].status == 502, replies[0]
    body = replies[0].json
    assert body["complete"] is False and body["reason"] == "topology_changed"
    assert body["state"] == "partial" and body["selectors"][0]["value"] == "gone:*1"
    proxy.close()


def test_redis_down_from_the_start(start, redis):
    daemon = start(config(redis))
    daemon.wait_redis()
    redis.kill()
    for body in ({"keys": ["a"]}, {"patterns": ["a*"]}, {"patterns": ["a*"], "dry_run": True}):
        reply = daemon.invalidate(body)
        assert reply.status in (502, 503, 504), reply
        assert reply.json["complete"] is False and reply.json["reason"] == "redis_down"
        assert reply.json["operation_id"]
    redis.sent.clear()
    redis.start()
    daemon.wait_redis()
    put(redis, "a")
    assert ok(daemon.invalidate({"keys": ["a"]}))["invalidated"] == 1


def test_memory_does_not_grow_with_the_keys(start, redis):
    """8 MiB. Under ASan freed memory would lie in quarantine first: it has none here."""
    options = [os.environ.get("ASAN_OPTIONS", ""), "quarantine_size_mb=0",
               "thread_local_quarantine_size_kb=0"]
    daemon = start(config(redis), env={"ASAN_OPTIONS": ":".join(filter(None, options))})
    redis.populate(300000, "gone:with:a:longer:name")
    daemon.wait_redis()
    before, peak = daemon.rss(), 0
    operation = begin(daemon, {"patterns": ["gone:*"], "max_keys": 500000,
                               "pace": {"max_latency_ms": 0}})
    end = time.monotonic() + 60
    while ok(daemon.get(f"{API}/operations/{operation}"))["state"] in ("queued", "running"):
        peak = max(peak, daemon.rss())
        assert time.monotonic() < end
        time.sleep(0.02)
    record = ended(daemon, operation)
    assert record["result"]["invalidated"] == 300000 and redis.keys() == []
    assert peak - before < 8 * 1024 * 1024


def test_passes_are_paced_or_not(shop, redis):
    redis.populate(5000, "a")
    for pace in (0, 0.5, 50):
        body = ok(shop.invalidate({"patterns": ["a:1*"], "dry_run": True,
                                   "pace": {"max_latency_ms": pace}}))
        assert body["matched"] == 1111
    for wrong in ({"max_latency_ms": -1}, {"max_latency_ms": "1"}, {"speed": 1}, 5):
        refused(shop.invalidate({"patterns": ["a:*"], "pace": wrong}), 400, "bad_body")
    assert redis("DBSIZE") >= 5000
