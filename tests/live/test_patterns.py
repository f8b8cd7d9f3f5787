# SPDX-License-Identifier: MIT
"""Patterns as Redis reads them, what they may not take, and who may take how much."""

import pytest

from harness import API, answers_until, open_config
from invalidating import PASSES, begin, config, ended, ok, put, redis, refused, selector, token_row

__all__ = ["redis"]

CATCH_ALLS = ["*", "**", "***", "?*", "*?", "??*", "*?*?*", "[^x]*", "*[^x]", "[a-z]*", "*[^q]*",
              "[^\\x]*", "*[a-", "[!-~]*"]
NARROW = ["a*", "*a", "*:*", "[a]*", "\\**", "*\\*", "?", "??", "[^x]", "*[q]*", "a", "[]*"]

STRANGE = [b"a", b"b", b"ab", b"abc", b"a*b", b"a?b", b"a[b", b"a]b", b"a\\b", b"a-b", b"a^b", b"^",
           b"-", b"]", b"[", b"\\", b"*", b"?", b" ", b"a b", b"a\tb", b"a\nb", b"a\r\nb", b'"', b"'",
           b"{a}", b"a:b:c", b"user:1", b"user:12", b"user:123", b"user:", b"user", "ключ".encode(),
           "user:é".encode(), b"\xff", b"user:\xff\xfe", b"\x00", b"user:\x00:z", b"\x01\x7f\x80",
           b"A", b"aB", b"Z", b"0", b"9", b"a" * 300]

PATTERNS = ["a*", "*a", "*b", "*b*", "a?b", "?b", "???", "?", "a[*]b", "a\\*b", "a\\?b*", "[ab]",
            "[a-c]", "[c-a]", "[^a]", "[^a-z]", "[^a-z]*:*", "a[b", "a[b-", "a[]b", "a[^]b", "[\\]]",
            "[\\-]", "[-]", "[a-]", "[a-", "[a-c", "[^a-c", "?[a-c", "[a-c]b", "[", "[^", "[]", "[^]", "\\", "a\\", "\\*", "\\a*",
            "user:*", "user:?", "user:[0-9]", "user:[0-9]*", "user:1*3", "user:*:*", "*:*:*", "* *",
            "a\t*", "a\n*", "a\r\n*", "*\"*", "*'*", "{a}*", "{*}", "ключ*", "*ч*", "user:é*",
            "*\u007f*", "a**b", "a***", "*aaaa*", "a" * 299 + "*", "A*", "[A-Z]*B",
            "user:\\[*", "*[*]*", "*\\\\*", "*]", "*^*"]


@pytest.fixture
def strict(start, redis):
    """A daemon whose callers need tokens: w invalidates, f may flush, a is admin."""
    tokens = (token_row("w", "read, invalidate") + token_row("f", "read, invalidate, flush") +
              token_row("a", "admin"))
    return start(config(redis, anonymous="metrics", tokens=tokens))


def test_a_pattern_takes_what_redis_takes(daemon, redis):
    """Alone it is matched by the server, beside another one by the daemon."""
    put(redis, *STRANGE)
    for pattern in PATTERNS:
        expected = [key for key in redis("KEYS", pattern) if not key.startswith(b"cw:")]
        for patterns in ([pattern], [pattern, "q?q*q"]):
            body = ok(daemon.invalidate({"patterns": patterns, "dry_run": True}))
            counts = selector(body, pattern)
            assert (counts["matched"], body["matched"]) == (len(expected),) * 2, (patterns, expected)
            assert body["invalidated"] == 0 and len(body["sample"]) == min(len(expected), 20)
    assert redis.keys() == sorted(STRANGE)


@pytest.mark.parametrize("patterns, filters", [
    (["a:*"], "a:*"), (["*:a"], "*:a"), (["a*b*"], "a*b*"), (["a*b*c*"], "a*"), (["*a*b*c*"], None),
    (["a:*", "a:b*"], "a:*"), (["a:b*", "a:c*"], "a:*"), (["a:bc*", "a:bd*", "a:b?"], "a:b*"),
    (["a:*", "b:*"], None), (["[a]:*", "a:*"], None), (["a\\*b*", "a\\*c*"], "a*"),
    (["k[1]*", "k?"], "k*")])
def test_redis_filters_by_what_all_patterns_begin_with(start, redis, proxy, patterns, filters):
    put(redis, *STRANGE)
    daemon = start(open_config(proxy))
    match = b"MATCH\r\n" + (b"$%d\r\n%s\r\n" % (len(filters), filters.encode()) if filters else b"")
    proxy.count(match)
    ok(daemon.invalidate({"patterns": patterns, "dry_run": True}))
    assert (proxy.sent > 0) == bool(filters), patterns


@pytest.mark.parametrize("pattern", ["a*", "user:[0-9]*", "*b", "user:?:z", "a\\*b"])
def test_just_what_matches_goes(daemon, redis, pattern):
    put(redis, *STRANGE)
    expected = set(redis("KEYS", pattern))
    body = ok(daemon.invalidate({"patterns": [pattern]}))
    assert body["complete"] is True and body["invalidated"] == body["matched"] == len(expected)
    assert set(redis.keys()) == set(STRANGE) - expected


def test_keys_of_any_bytes_go_and_are_shown_safely(daemon, redis):
    keys = [b"odd:" + tail for tail in (b"a b", b'"quoted"', b"'", "é☃".encode(), b"\xff\xfe",
                                        b"\x00", b"\r\nSET x 1", b"\x1b[31m", b"\xed\xa0\x80")]
    put(redis, "even", *keys)
    body = ok(daemon.invalidate({"patterns": ["odd:*"]}))
    assert body["invalidated"] == len(keys) == len(body["sample"])
    assert {"odd:a b", 'odd:"quoted"', "odd:é☃", "odd:\r\nSET x 1"} <= set(body["sample"])
    assert redis.keys() == [b"even"]
    # What is no text shows replacement characters, and the record of the operation is sound.
    assert any("\ufffd" in name for name in body["sample"])
    record = ok(daemon.get(f"{API}/operations/{body['operation_id']}"))
    assert record["result"]["invalidated"] == len(keys)
    assert len(record["result"]["sample"]) == len(keys)


def test_catch_alls_need_the_scope_flush(strict, redis):
    put(redis, "a", "b:c", "session:1", "queues:x")
    for pattern in CATCH_ALLS:
        for more in ({}, {"dry_run": True}, {"max_keys": 5}):
            body = {"patterns": ["b:*", pattern], **more}
            refused(strict.invalidate(body, token="w"), 403, "forbidden", pattern, "flush",
                    pointer="/patterns/1")
    assert redis.keys() == [b"a", b"b:c", b"queues:x", b"session:1"]
    assert strict.metric(PASSES) in (None, 0)


def test_narrow_patterns_need_no_flush(strict):
    for pattern in NARROW:
        ok(strict.invalidate({"patterns": [pattern], "dry_run": True}, token="w"))


def test_a_flush_leaves_protected_and_own_keys(strict, redis):
    spared = [b"session:1", b"sess:2", b"spring:session:3", b"PHPREDIS_SESSION:4", b"x:queues:5",
              b"horizon:6", b"bull:7", b"celery-8", b"_kombu.9", b"unacked10", b"lock:11"]
    put(redis, "cw:meta:of:ours", *spared)
    redis.populate(3000, "plain")
    for token in ("f", "a"):
        body = ok(strict.invalidate({"patterns": ["*"]}, token=token))
        assert body["complete"] is True and body["invalidated"] == (3000 if token == "f" else 0)
        # Our own records stand beside the key under cw: and the spared ones.
        assert body["protected_skipped"] > len(spared)
        assert redis.keys() == sorted(spared) and redis("EXISTS", "cw:meta:of:ours") == 1


@pytest.mark.parametrize("pattern, code", [
    ("", "bad_body"), ("a" * 512 + "*", "bad_pattern"), ("*a" * 17, "bad_pattern"), (7, "bad_body"),
    (["a*"], "bad_body"), (True, "bad_body")])
def test_bad_patterns_are_named(daemon, redis, pattern, code):
    put(redis, "b:1")
    reply = daemon.invalidate({"patterns": ["b:*", pattern]})
    refused(reply, 400, code, pointer="/patterns/1")
    assert redis.keys() == [b"b:1"]


def test_the_limits_of_a_pattern_are_inside(daemon, redis):
    put(redis, "b" * 600)
    for pattern in ("b" * 511 + "*", "*b" * 16, "b" + "*" * 400):
        assert ok(daemon.invalidate({"patterns": [pattern], "dry_run": True}))["matched"] == 1


def test_patterns_are_a_list(daemon):
    for wrong in ([], "", "a*", {}, 1):
        refused(daemon.invalidate({"patterns": wrong}), 400, "bad_body", pointer="/patterns")
    refused(daemon.invalidate({"patterns": None}), 400, "bad_body", "selects nothing")


def test_globs_that_explode_elsewhere_end_here(daemon, redis):
    """Long keys of one letter against many stars: the loop stays free, the counts are right."""
    put(redis, *[b"a" * (20000 + i) for i in range(20)], b"a" * 20000 + b"b")
    patterns = ["a" + "*a" * 14 + "*b", "*a?" * 15 + "*b", "*[ab]a" * 15 + "b"]
    running = [begin(daemon, {"patterns": patterns, "dry_run": True}),
               *(begin(daemon, {"patterns": [p], "dry_run": True}) for p in patterns)]
    for _ in range(20):
        assert daemon.get("/livez").used < 2
    for number, operation in enumerate(running):
        result = ended(daemon, operation)["result"]
        assert result["complete"] is True and result["matched"] == 1, (number, result)


def test_a_literal_pattern_costs_no_pass(daemon, redis):
    put(redis, "one", "a*b", "axb", " ")
    before = daemon.metric(PASSES) or 0
    for pattern in ("one", "a\\*b", " ", "absent"):
        body = ok(daemon.invalidate({"patterns": [pattern]}))
        there = pattern != "absent"
        assert body["invalidated"] == there and body["passes"] == 0
        assert selector(body, pattern)["method"] == "unlink"
    assert (daemon.metric(PASSES) or 0) == before
    assert redis.keys() == [b"axb"] and redis.by_daemon("scan") <= 0


def test_whoever_names_a_reserved_or_protected_key_is_told_so(strict, redis):
    table = {"cw:inval": "key_reserved", "cw:": "key_reserved", "session:1": "key_reserved",
             "sess:1": "key_protected", "a:queues:x": "key_protected", "lock:q": "key_protected"}
    put(redis, "free", *(key for key in table if key != "cw:inval"))
    before = redis.keys()
    for key, code in table.items():
        for body, pointer in (({"keys": ["free", key]}, "/keys/1"),
                              ({"patterns": ["free", key]}, "/patterns/1"),
                              ({"keys": ["free"], "patterns": [key[:-1] + "\\" + key[-1]]},
                               "/patterns/0")):
            for more in ({}, {"dry_run": True}):
                refused(strict.invalidate({**body, **more}, token="f"), 403, code, f"'{key}'",
                        pointer=pointer)
    assert redis.keys() == before
    # Scope admin may name protected keys, not reserved ones.
    for key, code in table.items():
        reply = strict.invalidate({"keys": [key]}, token="a")
        if code == "key_reserved":
            refused(reply, 403, code, key)
        else:
            assert ok(reply)["invalidated"] == 1
    assert redis.keys() == [b"free", b"session:1"] and redis("EXISTS", "cw:") == 1


def test_patterns_that_can_only_match_reserved_keys(strict):
    for pattern in ("cw:*", "cw:op:*", "session:*", "session:?", "cw:inva[l]"):
        for token in ("f", "a"):
            refused(strict.invalidate({"patterns": [pattern]}, token=token), 403, "key_reserved",
                    pattern, pointer="/patterns/0")


def test_found_protected_keys_are_skipped_and_counted(strict, redis):
    """Also for admin: a pattern is not the exact name."""
    put(redis, "sess:1", "sess:2", "sess", "my:queues:1", "my:other")
    for token in ("w", "a"):
        body = ok(strict.invalidate({"patterns": ["sess*", "my:*"]}, token=token))
        assert body["protected_skipped"] == 3 and body["complete"] is True
        assert body["invalidated"] == (2 if token == "w" else 0)
    assert redis.keys() == [b"my:queues:1", b"sess:1", b"sess:2"]


RULES = """
entities:
  user: {field: user_id, keys: ["user:{id}", "session:{id}", "cw:x:{id}", "lock:{id}"]}
dependencies:
  - {when: "user:{id}", invalidate: ["sess:{id}", "cw:y:{id}", "child:{id}"]}
"""


def test_templates_and_rules_reach_no_protected_key(start, redis):
    daemon = start(config(redis, RULES, anonymous="metrics", tokens=token_row("a", "admin")))
    spared = ["session:7", "cw:x:7", "lock:7", "sess:7", "cw:y:7"]
    for body in ({"user_id": 7}, {"entities": {"user": ["7"]}}):
        put(redis, "user:7", "child:7", *spared)
        reply = ok(daemon.invalidate(body, token="a"))
        assert reply["invalidated"] == reply["matched"] == 2
        assert reply["protected_skipped"] == len(spared) and reply["complete"] is True
        assert redis("EXISTS", *spared) == len(spared)
    put(redis, "user:7", "child:7")
    reply = ok(daemon.invalidate({"dependents_of": ["user:7"]}, token="a"))
    assert reply["invalidated"] == 1 and reply["protected_skipped"] == 2
    assert redis("EXISTS", "user:7", *spared) == len(spared) + 1
    # Named together with the entity, the exact name may go for admin.
    put(redis, "child:7")
    reply = ok(daemon.invalidate({"user_id": 7, "keys": ["lock:7"]}, token="a"))
    assert reply["invalidated"] == 3 and redis("EXISTS", "lock:7") == 0


def test_protection_is_configured(start, redis):
    extra = """
redis: {url: "%s", own_prefix: "own:"}
cache: {default_protected: false, protected: ["keep:*", "*:keep"]}
""" % redis.url
    text = config(redis, tokens=token_row("f", "read, invalidate, flush"))
    daemon = start(text.replace(f'redis: {{url: "{redis.url}"}}\n', extra))
    put(redis, "own:1", "cw:1", "keep:1", "a:keep", "sess:1", "session:1", "lock:1")
    refused(daemon.invalidate({"keys": ["own:1"]}), 403, "key_reserved")
    refused(daemon.invalidate({"keys": ["a:keep"]}), 403, "key_protected")
    refused(daemon.invalidate({"keys": ["session:1"]}), 403, "key_reserved")
    assert ok(daemon.invalidate({"keys": ["cw:1"]}))["invalidated"] == 1
    body = ok(daemon.invalidate({"patterns": ["*"]}, token="f"))
    assert body["invalidated"] == 2
    assert redis("EXISTS", "own:1", "keep:1", "a:keep", "session:1") == 4


@pytest.fixture
def bounded(start, redis):
    """Token p may touch a: and b\\*: only; r reads with the same bounds; w has none."""
    bounds = ', key_prefixes: ["a:", "b*:"]'
    extra = """
entities:
  user: {field: user_id, keys: ["a:user:{id}", "c:user:{id}"], patterns: ["*:of:{id}"]}
dependencies:
  - {when: "a:root:{id}", invalidate: ["a:leaf:{id}", "c:leaf:{id}"]}
"""
    tokens = (token_row("p", "read, invalidate, flush", bounds) +
              token_row("w", "read, invalidate, flush") +
              token_row("m", "read, invalidate", ", max_keys: 3"))
    return start(config(redis, extra, anonymous="metrics", tokens=tokens))


def test_exact_keys_outside_the_prefixes_refuse_all(bounded, redis):
    put(redis, "a:1", "c:1", "b*:1", "b1:1")
    for body, name, pointer in (({"keys": ["a:1", "c:1"]}, "c:1", "/keys/1"),
                                ({"keys": ["a:1"], "patterns": ["c:1"]}, "c:1", "/patterns/0"),
                                ({"keys": ["b1:1"]}, "b1:1", "/keys/0"),
                                ({"keys": ["a"]}, "'a'", "/keys/0")):
        refused(bounded.invalidate(body, token="p"), 403, "key_outside_prefixes", name,
                pointer=pointer)
    assert redis.keys() == [b"a:1", b"b*:1", b"b1:1", b"c:1"]
    assert ok(bounded.invalidate({"keys": ["a:1", "b*:1"]}, token="p"))["invalidated"] == 2


def test_patterns_begin_literally_with_a_prefix(bounded, redis):
    put(redis, "a:1", "b*:1", "bx:1", "c:1")
    for pattern in ("*", "a*", "?:1", "[a]:*", "c:*", "b*:*", "*a:*", "b\\*"):
        refused(bounded.invalidate({"patterns": [pattern]}, token="p"), 403,
                "key_outside_prefixes", pattern.replace("b\\*", "b*"), pointer="/patterns/0")
    assert len(redis.keys()) == 4
    assert ok(bounded.invalidate({"patterns": ["a:*", "b\\*:*"]}, token="p"))["invalidated"] == 2
    assert redis.keys() == [b"bx:1", b"c:1"]


def test_found_keys_outside_are_skipped_and_never_shown(bounded, redis):
    mine = [b"a:user:5", b"a:of:5", b"b*:of:5", b"a:root:5", b"a:leaf:5"]
    theirs = [b"c:user:5", b"c:of:5", b"secret:of:5", b"c:leaf:5"]
    put(redis, *mine, *theirs)
    for dry in (True, False):
        body = ok(bounded.invalidate(
            {"user_id": 5, "keys": ["a:root:5"], "dry_run": dry}, token="p"))
        assert body["matched"] == len(mine) and body["invalidated"] == (0 if dry else len(mine))
        assert body["protected_skipped"] == len(theirs), body
        assert sorted(body["sample"]) == sorted(key.decode() for key in mine)
        text = str(body)
        assert "secret" not in text and "c:" not in text
    assert redis.keys() == sorted(theirs)


def test_dependents_of_shows_nothing_outside(bounded, redis):
    put(redis, "a:leaf:1", "c:leaf:1")
    body = ok(bounded.invalidate({"dependents_of": ["a:root:1"]}, token="p"))
    assert (body["invalidated"], body["protected_skipped"]) == (1, 1)
    assert body["sample"] == ["a:leaf:1"] and redis.keys() == [b"c:leaf:1"]


def test_operations_of_others_show_no_names_outside(bounded, redis):
    put(redis, "secret:of:9", "a:of:9", "secret:k")
    body = ok(bounded.invalidate(
        {"user_id": 9, "keys": ["secret:k"], "patterns": ["secret:*", "a:*"]}, token="w"))
    assert set(body["sample"]) == {"secret:of:9", "a:of:9", "secret:k"}
    for path in ("/" + body["operation_id"], "", "?kind=invalidate"):
        reply = bounded.get(f"{API}/operations{path}", token="p")
        assert "secret" not in reply.body.decode() and "a:of:9" in reply.body.decode(), reply
        assert "secret" in bounded.get(f"{API}/operations{path}", token="w").body.decode()


def test_a_token_bounds_the_number_of_keys(bounded, redis):
    refused(bounded.invalidate({"patterns": ["n:*"], "max_keys": 4}, token="m"), 403, "forbidden",
            "at most 3", pointer="/max_keys")
    put(redis, *(f"n:{i}" for i in range(10)))
    body = ok(bounded.invalidate({"patterns": ["n:*"]}, token="m"))
    assert (body["invalidated"], body["complete"], body["reason"]) == (3, False, "max_keys")
    assert len(redis.keys()) == 7
    body = ok(bounded.invalidate({"keys": [f"n:{i}" for i in range(10)]}, token="m"))
    assert (body["invalidated"], body["complete"], body["reason"]) == (3, False, "max_keys")
    assert len(redis.keys()) == 4


def test_a_warm_job_stores_no_reserved_or_protected_key(start, redis, folder):
    with open(folder + "/rows.csv", "w", encoding="ascii") as file:
        file.write("key\nfree:1\ncw:inval\nsession:1\nlock:1\nfree:2\n")
    extra = """
warm:
  jobs:
    - {name: rows, source: {type: file, path: %s/rows.csv, format: csv}, key: "{key}", retries: {attempts: 1}}
""" % folder
    daemon = start(config(redis, extra))
    # The lock of a run is kept and freed by a script.
    redis.sent.update({"eval": 10, "del": 10})
    run = ok(daemon.warm({"cache_names": ["rows"], "wait": 30}))["runs"][0]
    result = ended(daemon, run["operation_id"])["result"]
    assert run["state"] == "partial" and redis.keys() == [b"free:1", b"free:2"]
    assert result["reasons"] == {"key_reserved": 2, "key_protected": 1}, result
    # A run writes to the log of invalidations itself, never to what a row names.
    assert redis("TYPE", "cw:inval") in (b"none", b"stream")


def test_a_thousand_costly_patterns_beside_a_tag_leave_the_loop_to_others(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    for i in range(30):
        redis("SET", f"k{i}:" + "a" * 500, "1")
        redis("ZADD", "cw:tag:t", "+inf", f"k{i}:" + "a" * 500)
    patterns = ["*[a]*[a]*[a]*" + "?" * (i % 200) + "[" + "bcdef"[i // 200] + "]*"
                for i in range(1000)]
    began = daemon.invalidate({"patterns": patterns, "tags": ["t"], "dry_run": True, "wait": 0})
    assert began.status == 202, began
    where = began.headers["Location"]
    answers_until(daemon, lambda: daemon.get(where).json["state"] == "completed", "the dry run")
    assert daemon.get(where).json["result"]["matched"] == 30
