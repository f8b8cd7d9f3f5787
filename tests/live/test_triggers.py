# SPDX-License-Identifier: MIT
"""Runs that follow an invalidation, a run of another job, or the loss of all keys."""

import hashlib
import json
import os
import threading

import pytest

import topology
from clustered import ClusteredRedis
from conftest import open_config
from harness import API, Redis, until
from origin import Origin
from sentinels import Sentinels, WatchedRedis

KEYS = "/api/v1/cache/keys/"


@pytest.fixture
def web():
    """Ten rows, which count how often they were read."""
    origin = Origin(lambda path: b"\n".join(b'{"id": %d}' % i for i in range(10)))
    yield origin
    origin.close()


def job(web, name, prefix, **more):
    return {"name": name, "key": prefix + "{id}",
            "source": {"type": "http", "base_url": web.url, "path": "/" + name, "format": "jsonl"}, **more}


def config(redis, *jobs, extra=""):
    return open_config(redis, "warm:\n  jobs:\n" + "".join(f"    - {json.dumps(j)}\n" for j in jobs) + extra)


def runs(daemon, **query):
    items = daemon.get(API + "/operations?kind=warm&limit=1000").json["items"]
    return [item for item in items if all(item[k] == v for k, v in query.items())]


def ended(daemon, **query):
    return [run for run in runs(daemon, **query) if run["state"] not in ("queued", "running")]


def ids(reply):
    assert reply.status == 200, reply
    return [(run["job"], run["operation_id"]) for run in reply.json["rewarm"]]


@pytest.mark.parametrize("how", ["pattern", "key", "tag", "delete", "soft"])
def test_what_is_invalidated_is_warmed_again(start, redis, web, how):
    daemon = start(config(redis, job(web, "p", "p:", on=[{"invalidated": "p:*"}], tags=["ps"]),
                          extra="cache: {namespaces: [{prefix: \"p:\", ttl: 1h, stale_for: 1h}]}\n"))
    daemon.wait_redis()
    assert daemon.warm({"wait": 60}).json["state"] == "completed"
    assert daemon.invalidate({"keys": ["other"], "patterns": ["q:*"]}).status == 200
    if how == "delete":
        assert daemon.request("DELETE", KEYS + "p:1").status == 204
    else:
        body = {"pattern": {"patterns": ["*:1"]}, "key": {"keys": ["p:1"]}, "tag": {"tags": ["ps"]},
                "soft": {"keys": ["p:1"], "soft": True}}[how]
        assert daemon.invalidate(body).status == 200
    until(lambda: ended(daemon, note="on: invalidated"), "a run by the trigger")
    assert redis("EXISTS", "p:1") == 1
    assert web.calls["/p"] == 2 and len(runs(daemon)) == 2


def test_a_storm_of_purges_starts_one_run(start, redis, web):
    daemon = start(config(redis, job(web, "p", "p:"), job(web, "q", "q:", suspend=True)))
    daemon.wait_redis()
    seen = set()

    def purge(i):
        seen.update(ids(daemon.invalidate({"keys": [f"p:{i}"], "rewarm": ["p", "q"]})))

    threads = [threading.Thread(target=purge, args=[i]) for i in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(name for name, _ in seen) == ["p", "q"]
    until(lambda: len(ended(daemon)) == 2, "both runs")
    for name, operation in seen:
        run = daemon.get(f"{API}/operations/{operation}").json
        assert (run["state"], run["job"], run["result"]["stored"]) == ("completed", name, 10)
        assert run["note"].startswith("rewarm: ")
    assert len(runs(daemon)) == 2 and web.total() == 2


def test_a_run_that_had_begun_is_followed_by_another(start, redis, web):
    go = threading.Event()
    rows = web.answer
    web.answer = lambda path: rows(path) if go.wait(30) else 500
    daemon = start(config(redis, job(web, "p", "p:")))
    daemon.wait_redis()
    first = daemon.warm({}).json["runs"][0]["operation_id"]
    until(lambda: web.calls["/p"] == 1, "the first run to read")
    (_, second), = ids(daemon.invalidate({"keys": ["p:1"], "rewarm": ["p"]}))
    (_, again), = ids(daemon.invalidate({"keys": ["p:2"], "rewarm": ["p"]}))
    assert second == again != first
    assert daemon.get(f"{API}/operations/{second}").json["state"] == "queued"
    go.set()
    until(lambda: len(ended(daemon)) == 2, "both runs")
    assert daemon.get(f"{API}/operations/{first}").json["result"]["invalidated_meanwhile"] == 2
    assert web.calls["/p"] == 2 and len(redis.keys("p:*")) == 10


def test_rewarm_is_checked_before_anything_is_done(start, redis, web):
    daemon = start(config(redis, job(web, "p", "p:")))
    daemon.wait_redis()
    redis("SET", "p:1", "x")
    reply = daemon.invalidate({"keys": ["p:1"], "rewarm": ["p", "nobody"]})
    assert (reply.status, reply.json["code"]) == (404, "unknown_job") and "nobody" in reply.json["detail"]
    assert daemon.invalidate({"keys": ["p:1"], "rewarm": []}).status == 400
    assert redis("EXISTS", "p:1") == 1
    assert ids(daemon.invalidate({"keys": ["p:1"], "dry_run": True, "rewarm": ["p"]})) == []
    assert daemon.post(API + "/pause", {"what": ["warming"]}).status == 200
    reply = daemon.invalidate({"keys": ["p:1"], "rewarm": ["p"]})
    assert reply.json["invalidated"] == 1
    assert reply.json["rewarm"][0]["operation_id"] is None and "paused" in reply.json["rewarm"][0]["error"]
    assert not runs(daemon)


def test_rewarm_needs_the_scope_and_the_prefixes_of_the_job(start, redis, web):
    tokens = "".join(f"    - {{name: {name}, sha256: {hashlib.sha256(name.encode()).hexdigest()}, {rest}}}\n"
                     for name, rest in [("one", "scopes: [invalidate]"),
                                        ("two", 'scopes: [invalidate, warm], key_prefixes: ["q:"]')])
    daemon = start(config(redis, job(web, "p", "p:"), job(web, "q", "q:")).replace(
        "auth: {anonymous: [read, metrics, keys, write, invalidate, warm, operate]}",
        "auth:\n  anonymous: [read]\n  tokens:\n" + tokens))
    daemon.wait_redis()
    redis("SET", "q:1", "x")
    for token, names, code in (("one", ["q"], "forbidden"), ("two", ["p"], "key_outside_prefixes")):
        reply = daemon.invalidate({"keys": ["q:1"], "rewarm": names}, token=token)
        assert (reply.status, reply.json["code"]) == (403, code)
    assert redis("EXISTS", "q:1") == 1
    assert ids(daemon.invalidate({"keys": ["q:1"], "rewarm": ["q", "q"]}, token="two"))[0][0] == "q"


def test_a_job_comes_after_another(start, redis, web):
    daemon = start(config(redis, job(web, "a", "a:"), job(web, "b", "b:", after=["a"], suspend=False),
                          job(web, "c", "c:", after=["a", "b"]), job(web, "d", "d:", after=["a"], suspend=True)))
    daemon.wait_redis()
    assert daemon.warm({"cache_names": ["a"], "wait": 60}).json["state"] == "completed"
    until(lambda: len(ended(daemon, job="b")) == 1 and len(ended(daemon, job="c")) >= 1, "the runs that follow")
    assert ended(daemon, job="b")[0]["note"] == "after: a"
    assert not runs(daemon, job="d")
    # A run that failed is followed by none.
    web.answer = lambda path: 500
    assert daemon.warm({"cache_names": ["a"], "wait": 60}).json["state"] == "failed"
    assert len(runs(daemon, job="b")) == 1


def test_a_triggered_run_can_be_cancelled_while_it_waits(start, redis, web):
    daemon = start(config(redis, job(web, "p", "p:")))
    daemon.wait_redis()
    (_, operation), = ids(daemon.invalidate({"keys": ["p:1"], "rewarm": ["p"]}))
    assert daemon.request("DELETE", f"{API}/operations/{operation}").status == 202
    until(lambda: ended(daemon), "its end")
    assert ended(daemon)[0]["state"] == "cancelled" and web.total() == 0
    (_, next_one), = ids(daemon.invalidate({"keys": ["p:1"], "rewarm": ["p"]}))
    assert next_one != operation
    until(lambda: len(ended(daemon)) == 2, "the next one")
    assert web.total() == 1


# Keys that are lost ---------------------------------------------------------------------------


class Behind:
    """One server of those that the daemon uses, which may come back without its keys, or with them."""

    def __init__(self, kind, folder, *options):
        self.all = self.one = None
        if kind == "cluster":
            self.all = ClusteredRedis(folder, *options, name="lost", kept_folder=topology.shared_folder())
            self.all.nodes.harmed = True
            self.one = self.all.nodes.all[1]
        elif kind == "sentinel":
            self.sentinels = Sentinels(folder)
            self.all = self.one = WatchedRedis(folder, *options, sentinels=self.sentinels)
        else:
            self.all = self.one = Redis(folder, *options)

    def restart(self):
        self.one.kill()
        self.one.start()

    def close(self):
        self.all.close()
        if hasattr(self, "sentinels"):
            self.sentinels.close()


@pytest.fixture
def behind(folder):
    made = []

    def make(*args):
        made.append(Behind(args[0], folder, *args[1:]))
        return made[-1]

    yield make
    for one in made:
        one.close()


KINDS = ["server", "sentinel", "cluster"]
OFTEN = "stats: {interval: 100ms}\n"


def rows(web, count=300):
    web.answer = lambda path: b"\n".join(b'{"id": %d}' % i for i in range(count))


@pytest.mark.parametrize("kind", KINDS)
def test_a_primary_that_comes_back_without_its_keys_is_seen(start, behind, web, kind):
    rows(web)
    servers = behind(kind)
    daemon = start(config(servers.all, job(web, "f", "f:", on=["redis_flushed"]), extra=OFTEN))
    daemon.wait_redis()
    assert daemon.warm({"wait": 60}).json["state"] == "completed"
    until(lambda: daemon.stats()["redis"]["keys"]["total"] >= 300, "the sample")
    servers.restart()
    until(lambda: len(servers.all.keys("f:*")) == 300, "what was lost to be stored again")
    until(lambda: len(ended(daemon)) == 2, "the run")
    assert all(run["state"] == "completed" for run in runs(daemon)), runs(daemon)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_lost_under_a_run_is_stored_by_the_next_one(start, behind, web, folder, kind):
    """What it has stored before, on one of several servers."""
    go, script = folder + "/go", "for i in $(seq {}); do echo '{{\"id\": '$i'}}'; done"
    source = {"type": "command", "format": "jsonl", "argv": [
        "sh", "-c", script.format("300") + f"; [ -e {go} ] || {{ mkfifo {go}; cat {go}; }}; " + script.format("301 320")]}
    servers = behind(kind)
    daemon = start(config(servers.all, {"name": "f", "key": "f:{id}", "source": source, "on": ["redis_flushed"],
                                        "retries": {"attempts": 3, "backoff": "1s"}}, extra=OFTEN))
    daemon.wait_redis()
    run = daemon.warm({}).json["runs"][0]["location"]
    until(lambda: daemon.get(run).json.get("so_far", {}).get("stored") == 300, "the first rows")
    until(lambda: daemon.stats()["redis"]["keys"]["total"] >= 300, "the sample")
    servers.restart()
    until(lambda: len(runs(daemon)) == 2, "another run to be begun")
    with open(go, "w", encoding="ascii"):
        pass
    until(lambda: len(servers.all.keys("f:*")) == 320 and len(ended(daemon)) == 2, "all of the keys")
    assert runs(daemon)[0]["state"] == "completed", runs(daemon)


@pytest.mark.parametrize("kind", KINDS)
def test_a_primary_that_loads_its_data_has_lost_nothing(start, behind, web, kind):
    rows(web)
    servers = behind(kind, "--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024")
    daemon = start(config(servers.all, job(web, "f", "f:", on=["redis_flushed"]), extra=OFTEN))
    daemon.wait_redis()
    assert daemon.warm({"wait": 60}).json["state"] == "completed"
    until(lambda: daemon.stats()["redis"]["keys"]["total"] >= 300, "the sample")
    servers.one("SAVE")
    servers.one.kill()
    servers.one.start(wait=False)
    until(lambda: os.path.exists(servers.one.path), "its socket")
    until(lambda: b"loading:1" in servers.one.each("INFO", "persistence")[0], "it to load")
    until(lambda: daemon.health().json["components"]["redis"]["status"] != "UP", "the loss")
    until(lambda: daemon.health().json["components"]["redis"]["status"] == "UP", "it to be back")
    samples = daemon.metric("cachewarden_redis_latency_seconds_count")
    until(lambda: daemon.metric("cachewarden_redis_latency_seconds_count") > samples + 2 * servers.all.primaries, "samples")
    assert len(servers.all.keys("f:*")) == 300 and len(runs(daemon)) == 1
