# SPDX-License-Identifier: MIT
"""Mode swap: what a complete run no longer has is invalidated, and nothing else; mode refresh by TTL."""

import json
import os
import random
import signal

import pytest

from conftest import open_config
from harness import API, rounds, until
from test_warm import jobs


def write(folder, ids, name="rows"):
    path = os.path.join(folder, name)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.writelines(i if isinstance(i, str) else f'{{"id": {i}}}\n' for i in ids)
    os.rename(path + ".new", path)


def swap(folder, **more):
    return {"name": "j", "key": "x:{id}", "mode": "swap",
            "source": {"type": "file", "path": os.path.join(folder, "rows"), "format": "jsonl"}, **more}


def run(daemon):
    reply = daemon.warm({"wait": 60})
    assert reply.status == 200, reply
    ended = reply.json["runs"][0]
    return ended["state"], ended["result"]


def ids(redis):
    return sorted(int(key[2:]) for key in redis.keys("x:*"))


def test_what_a_complete_run_no_longer_has_is_invalidated(start, redis, folder):
    write(folder, range(2000))
    redis("SET", "x:9999", "of another")
    daemon = start(open_config(redis, jobs(swap(folder, tags=["t"]))))
    daemon.wait_redis()
    state, result = run(daemon)
    assert (state, result["stored"], result["removed"]) == ("completed", 2000, 0)
    write(folder, range(700, 2100))
    state, result = run(daemon)
    assert (state, result["stored"], result["removed"]) == ("completed", 1400, 700)
    assert ids(redis) == [*range(700, 2100), 9999]
    assert redis("ZCARD", "cw:swap:j") == 1400 and redis("TTL", "cw:swap:j") > 86400 * 29
    assert redis("XLEN", "cw:inval") >= 1
    # A key that has expired meanwhile is not there to be removed.
    redis("DEL", "x:700")
    write(folder, range(702, 2100))
    assert run(daemon)[1]["removed"] == 1


@pytest.mark.parametrize("rows,state", [(["nonsense\n", *range(5)], "partial"), ([], "failed")])
def test_a_run_that_is_not_complete_removes_nothing(start, redis, folder, rows, state):
    write(folder, range(10))
    daemon = start(open_config(redis, jobs(swap(folder))))
    daemon.wait_redis()
    run(daemon)
    write(folder, rows)
    assert run(daemon)[0] == state
    assert ids(redis) == list(range(10))
    write(folder, range(3, 12))
    assert run(daemon)[1]["removed"] == 3
    assert ids(redis) == list(range(3, 12))


def test_an_empty_source_that_may_be_empty_removes_all(start, redis, folder):
    write(folder, range(10))
    daemon = start(open_config(redis, jobs(swap(folder, empty="ok"))))
    daemon.wait_redis()
    run(daemon)
    write(folder, [])
    assert run(daemon)[1]["removed"] == 10 and ids(redis) == []


def test_rows_that_were_skipped_are_not_removed(start, redis, folder):
    """A row that another has written meanwhile is still in the source."""
    go = os.path.join(folder, "go")
    write(folder, range(10))
    source = {"type": "command", "argv": ["sh", "-c", f"while [ ! -e {go} ]; do sleep 0.02; done; cat {folder}/rows"]}
    daemon = start(open_config(redis, jobs(swap(folder, source=source))))
    daemon.wait_redis()
    open(go, "w", encoding="utf-8").close()
    run(daemon)
    os.unlink(go)
    begun = daemon.warm({}).json["runs"][0]
    until(lambda: daemon.get(begun["location"]).json["phase"] == "storing", "the run to read")
    assert daemon.request("PUT", "/api/v1/cache/keys/x:3", b"newer").status in (201, 204)
    open(go, "w", encoding="utf-8").close()
    until(lambda: daemon.get(begun["location"]).json["finished"], "its end")
    result = daemon.get(begun["location"]).json["result"]
    assert (result["skipped"], result["stored"], result["removed"]) == (1, 9, 0)
    assert redis("GET", "x:3") == b"newer" and redis("ZCARD", "cw:swap:j") == 10


def test_protected_keys_and_paused_invalidation(start, redis, folder):
    write(folder, range(10))
    config = open_config(redis, jobs(swap(folder)))
    daemon = start(config)
    daemon.wait_redis()
    run(daemon)
    write(folder, range(5, 10))
    assert daemon.post(API + "/pause", {"what": ["invalidation"]}).status == 200
    state, result = run(daemon)
    assert (state, result["removed"]) == ("partial", 0) and "paused" in result["first_errors"][0]["detail"]
    assert daemon.post(API + "/resume", {}).status == 200
    daemon.configure(config + 'cache: {protected: ["x:1"]}\n')
    assert daemon.post(API + "/reload").status == 200
    assert run(daemon)[1]["removed"] == 4
    assert ids(redis) == [1, *range(5, 10)] and redis("ZCARD", "cw:swap:j") == 5


def test_a_set_that_is_something_else_is_named(start, redis, folder):
    write(folder, range(10))
    redis("SET", "cw:swap:j", "text")
    daemon = start(open_config(redis, jobs(swap(folder))))
    daemon.wait_redis()
    state, result = run(daemon)
    assert state == "failed" and "cw:swap:j" in result["first_errors"][0]["detail"]


@pytest.mark.soak
def test_a_killed_daemon_never_loses_a_key_of_the_last_complete_run(start, redis, folder):
    """kill -9 at random, while rows are stored or others are removed."""
    chance = random.Random(11)
    config = open_config(redis, jobs(swap(folder, window=16)))
    write(folder, range(3000))
    daemon = start(config)
    daemon.wait_redis()
    assert run(daemon)[0] == "completed"
    complete = set(range(3000))
    for _ in range(rounds(3, 40)):
        first = chance.randrange(3000)
        now = set(range(first, first + 3000))
        write(folder, sorted(now))
        begun = daemon.warm({}).json["runs"][0]["operation_id"]
        phase, share = chance.choice(["storing", "removing"]), chance.random()
        until(lambda: past(daemon, begun, phase, share), "the moment")
        daemon.expect_exit = -signal.SIGKILL
        daemon.stop(signal.SIGKILL)
        daemon = start(config)
        daemon.wait_redis()
        there = set(ids(redis))
        record = daemon.get(f"{API}/operations/{begun}").json
        if record["state"] == "completed":
            complete = now
            assert there == now
        # Rows that the killed run has stored may be there already, those that it removed may be away: only
        # if it had read all of its source, so that it is complete but for its end.
        assert now <= there or complete <= there, record
        redis("DEL", "cw:run:j")
        assert run(daemon)[0] == "completed"
        complete = now
        assert set(ids(redis)) == now


def past(daemon, operation, phase, share):
    record = daemon.get(f"{API}/operations/{operation}").json
    if record["finished"] or record["phase"] == "removing":
        return True
    return phase == record["phase"] == "storing" and record["progress"]["done"] >= 3000 * share


def test_refresh_below_stores_only_what_will_expire_soon(start, redis, folder):
    space = "cache: {namespaces: [{prefix: \"x:2\", ttl: 1h, stale_for: 1h}]}\n"
    write(folder, [1, 9, 3, 4, 21, 22, 23])
    for key, ttl in ((1, 50), (9, 500), (21, 3650), (22, 4200), (23, 100)):
        redis("SET", f"x:{key}", "old", "EX", ttl)
    redis("SET", "x:3", "old")
    job = {**swap(folder), "mode": "refresh", "refresh_below": "100s", "ttl": "1h", "tags": ["t"]}
    daemon = start(open_config(redis, jobs(job) + space))
    daemon.wait_redis()
    state, result = run(daemon)
    assert (state, result["stored"], result["skipped"]) == ("completed", 3, 4)
    new = {key.decode() for key in redis.keys("x:*") if redis("GET", key) != b"old"}
    assert new == {"x:1", "x:21", "x:23"} and redis("ZCARD", "cw:tag:t") == 3
    assert redis("TTL", "x:1") > 3500 and "removed" not in result
    assert json.loads(redis("GET", "x:1")) == {"id": 1}
