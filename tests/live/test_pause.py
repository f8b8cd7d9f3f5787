# SPDX-License-Identifier: MIT
"""Warming and invalidation that operators hold back, on all daemons of a Redis."""

import json

import pytest

import topology
from clustered import ClusteredRedis
from conftest import open_config
from harness import API, DEADLINE, RedisError, until
from proxy import Proxy
from topology import TOPOLOGY

JOB = """
warm:
  jobs:
    - {name: rows, schedule: {every: 1s}, source: {type: command, argv: [printf, '{"id": 1}\\n'], format: jsonl},
       key: "rows:{id}"}
"""


def pause(daemon, body):
    reply = daemon.post(API + "/pause", body)
    assert reply.status == 200, reply
    return reply.json["paused"]


def paused(daemon):
    return daemon.get(API + "/pause").json["paused"]


def resume(daemon, body=None):
    reply = daemon.post(API + "/resume", body if body is not None else {})
    assert reply.status == 200, reply
    return reply.json["paused"]


def refused(reply):
    assert reply.status == 503 and reply.json["code"] == "paused" and reply.headers["Retry-After"]
    return reply.json["detail"]


def test_paused_invalidation_is_refused_and_resumed(start, redis):
    daemon, other = (start(open_config(redis)) for _ in range(2))
    redis("SET", "a", "1")
    state = pause(daemon, {"what": ["invalidation"], "for": 60, "note": "deploy 812"})
    assert state["warming"] is None and state["invalidation"]["by"] == "anonymous"
    detail = refused(daemon.invalidate({"keys": ["a"]}))
    assert "by anonymous (deploy 812)" in detail and state["invalidation"]["until"] in detail
    assert daemon.invalidate({"keys": ["a"], "dry_run": True}).json["matched"] == 1
    assert daemon.metric('cachewarden_paused{what="invalidation"}') == 1
    # The other daemon follows, and ends it for both.
    until(lambda: paused(other) == {"warming": None, "invalidation": state["invalidation"]},
          "the other daemon to follow")
    refused(other.invalidate({"patterns": ["*x"]}))
    refused(other.request("DELETE", "/api/v1/cache/keys/a?cascade=true"))
    refused(other.post("/api/v1/cache/mdelete", {"keys": ["a"], "cascade": True}))
    assert redis("EXISTS", "a") == 1
    assert daemon.request("DELETE", "/api/v1/cache/keys/a").status == 204
    assert resume(other) == {"warming": None, "invalidation": None}
    assert other.invalidate({"keys": ["a"]}).status == 200
    until(lambda: daemon.invalidate({"keys": ["a"]}).status == 200, "the first daemon to follow")
    assert daemon.metric('cachewarden_paused{what="invalidation"}') == 0
    daemon.wait_for("invalidation is paused until")
    daemon.wait_for("invalidation is not paused any more")


def test_paused_warming_starts_no_run(start, redis):
    daemon = start(open_config(redis) + JOB)
    daemon.wait_redis()
    assert pause(daemon, {"what": ["warming"]})["warming"]["note"] is None
    refused(daemon.warm({"wait": 10}))
    assert daemon.stats()["warming"]["paused"] is True
    daemon.wait_for("warm job rows missed its run: warming is paused until")
    missed = daemon.get(API + "/warm").json["jobs"][0]["last_missed"]
    assert missed["error"]["code"] == "paused" and missed["count"] >= 1, missed
    details = daemon.health().json["components"]["warming"]["details"]
    assert (details["failing_jobs"], details["missed_jobs"]) == (0, 0), details
    redis("DEL", "rows:1")
    assert daemon.invalidate({"keys": ["a"]}).status == 200
    assert resume(daemon, {"what": ["warming"]})["warming"] is None
    until(lambda: redis("EXISTS", "rows:1"), "the next run")


def test_what_would_run_while_warming_is_paused_is_not_shown_as_the_next_run(start, redis):
    daemons = [start(open_config(redis) + JOB.replace("every: 1s", "every: 10m")
                     + JOB.partition("jobs:")[2].replace("rows", "jittered").replace("every: 1s", "every: 10m, jitter: 5m")
                     + JOB.partition("jobs:")[2].replace("rows", "asked").replace("schedule: {every: 1s}, ", ""))
               for _ in range(2)]
    daemons[1].wait_redis()
    jobs = lambda daemon: {job["name"]: job["next_run"] for job in daemon.get(API + "/warm").json["jobs"]}
    health = lambda daemon: daemon.health().json["components"]["warming"]
    before = jobs(daemons[0])
    assert before["asked"] is None and daemons[0].get(API + "/warm").json["paused"] is None
    assert health(daemons[0])["details"]["paused"] is None
    state = pause(daemons[0], {"what": ["warming"], "for": 3600, "note": "deploy 812"})["warming"]
    for daemon in daemons:
        until(lambda: daemon.get(API + "/warm").json["paused"] == state, "the pause")
        until(lambda: health(daemon)["details"]["paused"] == state, "the pause in health")
        assert health(daemon)["status"] == "UP"
        after = jobs(daemon)
        assert after["asked"] is None
        assert all(after[name] >= state["until"] > before[name] for name in ("rows", "jittered")), after
        assert {job["name"]: job["next_run"] for job in daemon.stats()["warming"]["jobs"]} == after
    resume(daemons[0])
    for daemon in daemons:
        until(lambda: daemon.get(API + "/warm").json["paused"] is None, "the end")
        assert jobs(daemon)["rows"] < state["until"]


def test_a_pause_begins_while_redis_has_no_memory(start, redis):
    text = open_config(redis, JOB)
    daemon, other = start(text), start(text)
    daemon.wait_redis()
    other.wait_redis()
    servers = redis.nodes.all if TOPOLOGY == "cluster" else [redis]
    for server in servers:
        server("CONFIG", "SET", "maxmemory-policy", "noeviction")
        server("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(RedisError, match="OOM"):
        redis("SET", "a", "1")
    state = pause(daemon, {"what": ["warming"], "for": 600, "note": "full"})
    assert state["warming"]["note"] == "full" and 0 < redis("PTTL", "cw:paused:warming") <= 600_000
    refused(daemon.warm({}))
    until(lambda: paused(other) == state, "the other daemon to follow")
    assert resume(daemon)["warming"] is None
    for server in servers:
        server("CONFIG", "SET", "maxmemory", 0)


def test_a_pause_ends_by_itself(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    pause(daemon, {"what": ["warming", "invalidation"], "for": 1})
    ttl = redis("PTTL", "cw:paused:warming")
    assert 0 < ttl <= 1000 and redis("PTTL", "cw:paused:invalidation") <= 1000
    until(lambda: paused(daemon) == {"warming": None, "invalidation": None}, "the end")
    assert daemon.invalidate({"keys": ["a"]}).status == 200


def test_a_pause_survives_a_restart_and_an_outage(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    pause(daemon, {"what": ["invalidation"], "for": 60})
    assert daemon.close() is None
    daemon = start(open_config(redis))
    until(lambda: paused(daemon)["invalidation"], "the pause")
    redis.kill()
    daemon.wait_redis("down")
    refused(daemon.invalidate({"keys": ["a"]}))
    assert daemon.post(API + "/resume", {}).status == 503
    redis.start()  # empty: its pauses are gone with its data
    until(lambda: paused(daemon)["invalidation"] is None, "the end")


@pytest.fixture
def cluster(folder):
    servers = ClusteredRedis(folder, name="paused", kept_folder=topology.shared_folder())
    yield servers
    servers.close()


def test_what_a_slower_server_delays_does_not_undo_a_pause_or_its_end(start, folder, cluster):
    """The daemon looks at both kinds at once; with this prefix each is on a server of its own."""
    look = b"own:paused:invalidation"
    assert cluster.node("own:paused:warming") != cluster.node(look.decode())
    proxy = Proxy(folder, cluster)
    daemon = start(open_config(cluster).replace(f'"{cluster.url}"', f'"{proxy.url}", own_prefix: "own:"'))
    daemon.wait_redis()

    def during_a_look(act):
        """Until the look is over: there is another one."""
        proxy.hold(look)
        assert proxy.held.wait(DEADLINE), "no look"
        state = act()
        proxy.count(look)
        proxy.release()
        until(lambda: proxy.sent > 1, "the look after it")
        return state

    state = during_a_look(lambda: pause(daemon, {"what": ["warming"], "for": 600}))
    assert "warming is not paused any more" not in daemon.log
    assert paused(daemon) == state and state["warming"]
    assert during_a_look(lambda: resume(daemon, {"what": ["warming"]}))["warming"] is None
    assert daemon.log.count("warming is paused until") == daemon.log.count("warming is not paused any more") == 1
    assert paused(daemon)["warming"] is None
    proxy.close()


@pytest.mark.parametrize("body, pointer", [
    ({}, "/what"), ({"what": []}, "/what"), ({"what": ["keys"]}, "/what"), ({"what": "warming"}, "/what"),
    ({"what": ["warming"], "for": 0}, "/for"), ({"what": ["warming"], "for": 604801}, "/for"),
    ({"what": ["warming"], "for": "1h"}, "/for"), ({"what": ["warming"], "note": "x" * 201}, "/note"),
    ({"what": ["warming", "warming", "warming"]}, "/what"), ({"what": ["warming"], "until": 1}, "/until"),
])
def test_wrong_bodies_are_refused(shared, body, pointer):
    reply = shared.post(API + "/pause", body)
    assert reply.status == 400 and reply.json["errors"][0]["pointer"] == pointer, reply
    if body and pointer != "/for":
        assert shared.post(API + "/resume", body).status == 400


@pytest.mark.parametrize("value", [
    "", "nonsense", "[]", "{}", json.dumps({"by": "x", "since": "2026-01-01", "until": "9999-01-01"}),
    json.dumps({"by": 1, "since": "2026-01-01", "until": "2026-01-02"}), "\x00\xff", '{"by": "x"',
])
def test_a_damaged_record_pauses_nothing(start, redis, value):
    redis("SET", "cw:paused:invalidation", value)
    daemon = start(open_config(redis))
    daemon.wait_redis()
    # Its first look is behind it.
    until(lambda: daemon.metric('cachewarden_paused{what="invalidation"}') == 0, "a look")
    assert paused(daemon)["invalidation"] is None
    assert daemon.invalidate({"keys": ["a"]}).status == 200
