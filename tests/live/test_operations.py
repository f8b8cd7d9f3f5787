# SPDX-License-Identifier: MIT
"""Operations: what runs, what ran, on any daemon of one Redis; waiting, cancelling, listing, queueing."""

import datetime
import json
import signal
import threading
import time
import urllib.parse

import pytest

from harness import until
from interfering import interfere
from invalidating import (OPERATIONS, begin, config, ended, ok, put, redis, refused, selector,
                          token_row)
from proxy import Proxy

__all__ = ["redis"]

TOKENS = (token_row("ann", "read, invalidate") + token_row("bob", "read, invalidate") +
          token_row("ops", "read, operate") + token_row("eye", "read") +
          token_row("inv", "invalidate"))
COUNT = 20000
ASKED = {"patterns": ["gone:*1", "gone:*"], "max_keys": 1000000}


class Slow:
    """A daemon behind a proxy that makes a pass over COUNT keys last until fast()."""

    def __init__(self, start, redis, folder, extra=""):
        self.proxy = Proxy(folder, redis)
        self.daemon = start(config(redis, extra, anonymous="metrics", tokens=TOKENS).replace(
            redis.url, self.proxy.url))
        self.redis = redis
        until(lambda: self.daemon.get("/readyz?redis=true").status == 200, "redis")
        redis.populate(COUNT, "gone")
        self.slow()

    def slow(self):
        self.proxy.mode, self.proxy.seconds = "delay", 0.1

    def fast(self):
        self.proxy.mode = "pass"

    def begin(self, body=None, token="ann"):
        """One that has begun to delete, and is far from its end."""
        before = self.redis.by_daemon("unlink")
        operation = begin(self.daemon, body or ASKED, token=token)
        until(lambda: self.redis.by_daemon("unlink") > before, "the first deletion")
        return operation


@pytest.fixture
def slow(start, redis, folder):
    one = Slow(start, redis, folder)
    yield one
    one.fast()
    one.proxy.close()


def path(operation):
    return f"{OPERATIONS}/{operation}"


def test_wait_0_gives_202_and_where_to_look(slow, redis):
    reply = slow.daemon.invalidate({**ASKED, "wait": 0, "note": "why"}, token="ann")
    body = ok(reply, 202)
    assert reply.headers["Location"] == path(body["operation_id"])
    assert int(reply.headers["Retry-After"]) >= 1
    assert body["state"] in ("queued", "running") and body["kind"] == "invalidate"
    assert (body["by"], body["note"], body["finished"], body["result"]) == ("ann", "why", None, None)
    seen, states = [], []

    def look():
        now = ok(slow.daemon.get(reply.headers["Location"], token="eye"))
        states.append(now["state"])
        if now["progress"]["ratio"] is not None:
            seen.append((now["progress"]["ratio"], now["progress"]["done"]))
            assert now["progress"]["total"] >= now["progress"]["done"]
        return now if len({done for _, done in seen}) > 3 else None

    now = until(look, "some progress")
    assert now["phase"] == "removing" and now["state"] == "running"
    assert now["progress"]["per_second"] > 0 and now["progress"]["eta_seconds"] >= 0
    slow.fast()
    record = ended(slow.daemon, body["operation_id"], token="eye")
    assert seen == sorted(seen) and 0 < seen[-1][0] <= 1
    assert record["state"] == "completed" and record["error"] is None
    assert record["progress"]["ratio"] == 1 and record["progress"]["eta_seconds"] is None
    assert record["started"] <= record["finished"] and record["finished"].endswith("Z")
    result = record["result"]
    assert result["complete"] is True and result["invalidated"] == COUNT and redis.keys() == []
    assert selector(result, "gone:*")["matched"] >= COUNT


def test_a_short_wait_that_is_over_gives_202(slow):
    reply = slow.daemon.invalidate({**ASKED, "wait": 1}, token="ann")
    assert ok(reply, 202)["state"] == "running" and reply.took > 0.9
    slow.fast()
    assert ended(slow.daemon, reply.json["operation_id"], token="eye")["state"] == "completed"


def test_what_ends_in_time_is_answered_at_once(start, redis):
    daemon = start(config(redis))
    put(redis, "a")
    reply = daemon.invalidate({"patterns": ["a*"], "wait": 300})
    assert ok(reply)["state"] == "completed"
    for wrong in (-1, 301, 1.5, "1"):
        refused(daemon.invalidate({"keys": ["a"], "wait": wrong}), 400, "bad_body",
                pointer="/wait")
    refused(daemon.invalidate({"keys": ["a"], "note": "n" * 201}), 400, "bad_body",
            pointer="/note")
    assert ok(daemon.invalidate({"keys": ["a"], "note": "n" * 200}))["state"] == "completed"


@pytest.mark.parametrize("who", ["ann", "ops"])
def test_cancelled_by_its_starter_or_by_operate(slow, redis, who):
    operation = slow.begin()
    for other in ("bob", "eye", "inv"):
        refused(slow.daemon.request("DELETE", path(operation), token=other), 403, "forbidden",
                "operate")
    assert ok(slow.daemon.get(path(operation), token="eye"))["state"] == "running"
    body = ok(slow.daemon.request("DELETE", path(operation), token=who), 202)
    assert body["operation_id"] == operation
    slow.fast()
    record = ended(slow.daemon, operation, token="eye")
    assert record["state"] == "cancelled" and record["result"]["complete"] is False
    assert record["result"]["reason"] == "cancelled"
    # What is claimed is what has gone.
    assert len(redis.keys("gone:*")) == COUNT - record["result"]["invalidated"]
    assert 0 < record["result"]["invalidated"] < COUNT
    for token in ("ann", "ops"):
        refused(slow.daemon.request("DELETE", path(operation), token=token), 409, "conflict",
                "cancelled")


def test_who_waits_for_a_cancelled_one_is_answered(slow):
    replies = []
    thread = threading.Thread(target=lambda: replies.append(slow.daemon.invalidate(
        {**ASKED, "wait": 60, "strict": True}, token="ann", timeout=60)))
    thread.start()
    until(lambda: slow.redis.by_daemon("unlink") > 0, "the first deletion")
    operation = ok(slow.daemon.get(OPERATIONS, token="eye"))["items"][0]["operation_id"]
    ok(slow.daemon.request("DELETE", path(operation), token="ann"), 202)
    thread.join()
    assert replies[0].status == 502 and replies[0].json["state"] == "cancelled", replies[0]
    assert replies[0].json["reason"] == "cancelled" and replies[0].json["operation_id"] == operation


def test_cancelling_one_leaves_its_neighbour_in_the_pass(slow, redis):
    first = begin(slow.daemon, ASKED, token="ann")
    second = begin(slow.daemon, ASKED, token="bob")
    until(lambda: redis.by_daemon("unlink") > 0, "the first deletion")
    ok(slow.daemon.request("DELETE", path(first), token="ann"), 202)
    slow.fast()
    assert ended(slow.daemon, first, token="eye")["state"] == "cancelled"
    record = ended(slow.daemon, second, token="eye")
    assert record["state"] == "completed" and record["result"]["complete"] is True
    assert redis.keys() == []


def test_a_queued_one_is_cancelled_before_it_does_anything(start, redis, folder):
    one = Slow(start, redis, folder, "invalidate: {concurrency: 1}")
    put(redis, "other:1", "other:2")
    running = one.begin()
    queued = begin(one.daemon, {"patterns": ["other:*"]}, token="bob")
    until(lambda: ok(one.daemon.get(path(queued), token="eye"))["phase"] == "queued", "the queue")
    ok(one.daemon.request("DELETE", path(queued), token="bob"), 202)
    record = ended(one.daemon, queued, token="eye")
    assert record["state"] == "cancelled" and record["result"]["invalidated"] == 0
    one.fast()
    assert ended(one.daemon, running, token="eye")["state"] == "completed"
    assert redis.keys() == [b"other:1", b"other:2"]
    one.proxy.close()


def test_ended_and_unknown_ones(start, redis):
    daemon = start(config(redis))
    put(redis, "a")
    done = ok(daemon.invalidate({"keys": ["a"]}))["operation_id"]
    refused(daemon.request("DELETE", path(done)), 409, "conflict", "completed")
    for wrong in ("0" * 20, "x", "f" * 20, "..", done.upper(), done + "0", "%FF" * 20):
        for method in ("GET", "DELETE"):
            reply = daemon.request(method, path(wrong))
            assert reply.status == 404 or (wrong == ".." and reply.status in (400, 405)), reply
            assert reply.json["code"] == "unknown_operation" or wrong == "..", reply
    refused(daemon.post(path(done), {}), 405, "method_not_allowed")
    head = daemon.request("HEAD", path(done))
    assert head.status == 200 and head.body == b""


def test_the_record_stays_seven_days(start, redis):
    daemon = start(config(redis))
    operation = ok(daemon.invalidate({"keys": ["a"], "note": "n"}))["operation_id"]
    until(lambda: b'"completed"' in (redis("GET", "cw:op:" + operation) or b""), "the record")
    assert 604000 < redis("TTL", "cw:op:" + operation) <= 604800
    assert redis("ZRANGE", "cw:ops", 0, -1) == [operation.encode()]


def test_any_daemon_of_one_redis_answers(slow, start, redis):
    other = start(config(redis, anonymous="metrics", tokens=TOKENS))
    operation = slow.begin()
    body = until(lambda: next((item for item in ok(other.get(OPERATIONS, token="eye"))["items"]
                               if item["operation_id"] == operation), None), "the record")
    assert body["state"] in ("queued", "running") and body["by"] == "ann"
    refused(other.request("DELETE", path(operation), token="bob"), 403, "forbidden")
    ok(other.request("DELETE", path(operation), token="ann"), 202)
    until(lambda: ok(slow.daemon.get(path(operation), token="eye"))["state"] == "cancelled",
          "the cancellation from elsewhere")
    slow.fast()
    until(lambda: ok(other.get(path(operation), token="eye"))["state"] == "cancelled", "the record")
    assert "instance" not in ok(other.get(path(operation), token="eye"))
    refused(other.request("DELETE", path(operation), token="ann"), 409, "conflict")


def test_a_killed_daemons_operation_is_interrupted(slow, start, redis):
    other = start(config(redis))
    operation = slow.begin()
    until(lambda: other.get(path(operation)).status == 200, "the record")
    slow.daemon.expect_exit = -signal.SIGKILL
    slow.daemon.stop(signal.SIGKILL)
    # Its sign of life would end by itself within 10 s.
    for key in redis("KEYS", "cw:daemon:*"):
        redis("UNLINK", key)
    assert ok(other.get(path(operation)))["state"] == "interrupted"
    item = ok(other.get(OPERATIONS + "?kind=invalidate"))["items"][0]
    assert (item["operation_id"], item["state"]) == (operation, "interrupted")
    refused(other.request("DELETE", path(operation)), 409, "conflict", "interrupted")


def ids(daemon, query="", **kw):
    return [item["operation_id"]
            for item in ok(daemon.get(OPERATIONS + ("?" + query if query else ""), **kw))["items"]]


def test_list_filters(start, redis):
    daemon = start(config(redis, tokens=TOKENS, extra="invalidate: {confirm_above: 1}"))
    assert ok(daemon.get(OPERATIONS)) == {"items": [], "next": None}
    put(redis, "a", "p:1", "p:2")
    ann = ok(daemon.invalidate({"keys": ["a"]}, token="ann"))["operation_id"]
    bob = ok(daemon.invalidate({"keys": ["a"]}, token="bob"))["operation_id"]
    failed = refused(daemon.invalidate({"patterns": ["p:*"]}, token="bob"), 409,
                     "confirmation_required")["operation_id"]
    anyone = ok(daemon.invalidate({"keys": ["a"]}))["operation_id"]
    every = [anyone, failed, bob, ann]
    assert ids(daemon) == sorted(every, reverse=True)
    assert ids(daemon, "by=ann") == [ann] and set(ids(daemon, "by=bob")) == {bob, failed}
    assert ids(daemon, "by=bob&state=failed") == [failed] == ids(daemon, "state=failed")
    assert set(ids(daemon, "kind=invalidate")) == set(every) and ids(daemon, "kind=warm") == []
    assert ids(daemon, "by=nobody") == [] == ids(daemon, "state=running")
    assert set(ids(daemon, "since=1h")) == set(every) and ids(daemon, "until=1h") == []
    started = ok(daemon.get(path(bob)))["started"]
    assert bob in ids(daemon, "since=" + started) and bob in ids(daemon, "until=" + started)
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    later = tomorrow.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert ids(daemon, "since=" + later) == [] and len(ids(daemon, "until=" + later)) == 4
    record = ok(daemon.get(path(failed)))
    assert record["error"]["code"] == "confirmation_required"
    assert record["result"]["reason"] == "confirmation_required"


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=", "since=soon",
                                   "until=", "cursor=zz", "by=", "state=", "kind=",
                                   "state=bogus",
                                   "page=2", "since=2026-13-01", "limit=1&limit=2"])
def test_bad_list_parameters_are_named(start, redis, query):
    daemon = start(config(redis))
    problem = refused(daemon.get(f"{OPERATIONS}?{query}"), 400, "bad_parameter")
    assert query.split("=")[0] in problem["detail"]


def test_pages_by_cursor(start, redis):
    """Two daemons' operations, every one once and newest first, while new ones begin."""
    one, two = start(config(redis)), start(config(redis))
    made = [ok((one, two)[i % 2].invalidate({"keys": ["a"]}))["operation_id"] for i in range(45)]
    until(lambda: redis("ZCARD", "cw:ops") == 45, "the records")
    until(lambda: len(ids(one, "state=completed")) == len(ids(two, "state=completed")) == 45,
          "all to have ended")
    for daemon, limit in ((one, 7), (two, 9), (one, 45), (two, 1000)):
        seen, cursor, pages = [], None, 0
        while True:
            query = f"limit={limit}" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else "")
            body = ok(daemon.get(f"{OPERATIONS}?{query}"))
            assert len(body["items"]) <= limit
            seen += [item["operation_id"] for item in body["items"]]
            cursor, pages = body["next"], pages + 1
            if cursor is None:
                break
            ok(two.invalidate({"keys": ["a"]}))
        assert [i for i in seen if i in made] == sorted(made, reverse=True)
        assert len(set(seen)) == len(seen) and seen == sorted(seen, reverse=True)
        assert pages <= len(seen) // limit + 2


def test_operations_that_begin_between_two_pages_list_none_twice(start, redis, folder):
    """Those of another daemon: a new one moves what was the end of a page into the next one."""
    proxy = Proxy(folder, redis)
    daemon = start(config(redis).replace(redis.url, proxy.url))
    record = ok(daemon.get(path(ok(daemon.invalidate({"keys": ["a"]}))["operation_id"])))
    until(lambda: redis("ZCARD", "cw:ops") == 1, "the record")
    now = int(time.time() * 1000)

    def add(numbers):
        made = [f"{now + i:012x}{i:08x}" for i in numbers]
        for at, i in zip(numbers, made):
            redis("SET", "cw:op:" + i, json.dumps({**record, "operation_id": i}), "EX", 600)
            redis("ZADD", "cw:ops", now + at, i)
        return made

    made = add(range(1, 251))
    body = ok(interfere(proxy, b"MGET", lambda: daemon.get(f"{OPERATIONS}?limit=1000"),
                        lambda: add(range(251, 258))))
    seen = [item["operation_id"] for item in body["items"]]
    assert seen == sorted([*made, record["operation_id"]], reverse=True) and body["next"] is None
    proxy.close()


def test_a_long_list_of_selectors_is_cut_in_the_record(start, redis):
    daemon = start(config(redis))
    keys = [f"k:{i}" for i in range(1000)]
    put(redis, *keys)
    body = ok(daemon.invalidate({"keys": keys}))
    assert body["invalidated"] == 1000 and len(body["selectors"]) == 1000
    result = ok(daemon.get(path(body["operation_id"])))["result"]
    assert len(result["selectors"]) == 100 and result["selectors_omitted"] == 900
    assert result["invalidated"] == 1000 and len(result["sample"]) == 20


def test_a_full_queue_refuses_and_loses_nothing(start, redis, folder):
    one = Slow(start, redis, folder, "invalidate: {queue: 3, concurrency: 1}")
    put(redis, *(f"q:{i}" for i in range(5)), "exact")
    running = one.begin()
    waiting = [begin(one.daemon, {"patterns": [f"q:[{i}]*"]}, token="bob") for i in range(3)]
    reply = one.daemon.invalidate({"patterns": ["q:[34]"]}, token="bob")
    refused(reply, 429, "too_many_operations", "invalidate.queue", "3")
    assert int(reply.headers["Retry-After"]) >= 1
    # What needs no pass is not held up.
    assert ok(one.daemon.invalidate({"keys": ["exact"]}, token="bob"))["invalidated"] == 1
    assert one.daemon.metric('cachewarden_operations{kind="invalidate",state="queued"}') == 3
    one.fast()
    assert ended(one.daemon, running, token="eye")["result"]["complete"] is True
    for operation in waiting:
        assert ended(one.daemon, operation, token="eye")["result"]["invalidated"] == 1
    assert redis.keys() == [b"q:3", b"q:4"]
    assert ok(one.daemon.invalidate({"patterns": ["q:[34]"]}, token="bob"))["invalidated"] == 2
    one.proxy.close()


def test_with_redis_down_what_is_known_here_is_shown(start, redis):
    daemon = start(config(redis))
    put(redis, "a")
    operation = ok(daemon.invalidate({"keys": ["a"]}))["operation_id"]
    redis.kill()
    assert ok(daemon.get(path(operation)))["state"] == "completed"
    assert operation in ids(daemon)
    reply = daemon.get(path("0" * 20))
    assert reply.status in (502, 503) and reply.json["code"].startswith("redis_"), reply
    # And what ended meanwhile is recorded once Redis is back.
    lost = daemon.invalidate({"keys": ["a"]}).json["operation_id"]
    redis.sent.clear()
    redis.start()
    daemon.wait_redis()
    until(lambda: redis("EXISTS", "cw:op:" + lost), "the late record")
    assert b'"failed"' in redis("GET", "cw:op:" + lost)
    assert redis("ZSCORE", "cw:ops", lost) is not None


def test_figures(start, redis):
    daemon = start(config(redis))
    put(redis, "a", "b:1", "b:2")
    ok(daemon.invalidate({"keys": ["a"], "patterns": ["b:*"]}))
    ok(daemon.invalidate({"patterns": ["b:*"], "max_keys": 1}))
    put(redis, "b:1", "b:2")
    ok(daemon.invalidate({"patterns": ["b:*"], "max_keys": 1}))
    ok(daemon.invalidate({"patterns": ["b:*"], "dry_run": True}))
    name = 'cachewarden_invalidations_total{kind="%s",complete="%s"}'
    assert daemon.metric(name % ("key", "true")) == 1
    assert daemon.metric(name % ("pattern", "true")) == 2
    assert daemon.metric(name % ("pattern", "false")) == 1
    assert daemon.metric("cachewarden_invalidated_keys_total") == 4
    for state in ("queued", "running"):
        assert daemon.metric(f'cachewarden_operations{{kind="invalidate",state="{state}"}}') == 0
