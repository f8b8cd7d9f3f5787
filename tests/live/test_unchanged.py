# SPDX-License-Identifier: MIT
"""A source that has not changed costs one request; how many of the keys that a job stored were read."""

import json
import time

import pytest

from conftest import open_config
from harness import API, until
from origin import Origin

TTL = "1h"


class Tagged:
    """Rows with an ETag, which a request may name."""

    def __init__(self):
        self.rows = list(range(200))
        self.asked = []
        self.origin = Origin(self.answer)
        self.origin.look = lambda handler: self.asked.append(handler.headers.get("If-None-Match"))

    @property
    def etag(self):
        return f'"{hash(tuple(self.rows)) & 0xffffffff:x}"'

    def answer(self, path):
        if self.asked[-1] == self.etag:
            return 304, b"", {"Content-Length": None, "ETag": self.etag}
        return 200, "".join(f'{{"id": {i}, "v": "{i}"}}\n' for i in self.rows).encode(), {"ETag": self.etag}


@pytest.fixture
def source():
    tagged = Tagged()
    yield tagged
    tagged.origin.close()


def job(source, **more):
    return {"name": "j", "key": "x:{id}", "ttl": TTL, "source": {
        "type": "http", "base_url": source.origin.url, "path": "/rows", "format": "jsonl"}, **more}


def config(redis, *jobs):
    return open_config(redis, "warm:\n  jobs:\n" + "".join(f"    - {json.dumps(j)}\n" for j in jobs))


def run(daemon):
    reply = daemon.warm({"wait": 60})
    assert reply.status == 200 and reply.json["state"] == "completed", reply
    return reply.json["runs"][0]["result"]


@pytest.mark.parametrize("mode", ["replace", "swap"])
def test_an_unchanged_source_is_a_completed_run(start, redis, source, mode):
    daemon = start(config(redis, job(source, mode=mode)))
    daemon.wait_redis()
    assert run(daemon)["stored"] == 200
    for _ in range(2):
        result = run(daemon)
        assert result["unchanged"] is True and (result["rows"], result["stored"]) == (0, 0)
    assert source.asked == [None, source.etag, source.etag]
    assert len(redis.keys("x:*")) == 200
    assert daemon.get(API + "/warm").json["jobs"][0]["last_run"]["result"]["unchanged"] is True
    source.rows = source.rows[:150]
    result = run(daemon)
    assert result["stored"] == 150 and "unchanged" not in result
    assert len(redis.keys("x:*")) == (150 if mode == "swap" else 200)
    if mode == "swap":  # what it has removed was logged as invalidated
        assert run(daemon)["stored"] == 150
    assert run(daemon)["unchanged"] is True


def flush(daemon, redis):
    redis("FLUSHALL")


def expire_soon(daemon, redis):
    for key in redis.keys("x:*"):
        redis("EXPIRE", key, 1700)


def delete(daemon, redis):
    assert daemon.request("DELETE", "/api/v1/cache/keys/x:7").status == 204


def purge(daemon, redis):
    assert daemon.invalidate({"patterns": ["*:7"]}).json["invalidated"] == 1


def reload(daemon, redis):
    assert daemon.post(API + "/reload").status == 200


@pytest.mark.parametrize("loss", [flush, expire_soon, delete, purge, reload])
def test_what_was_lost_is_read_again(start, redis, source, loss):
    daemon = start(config(redis, job(source)))
    daemon.wait_redis()
    run(daemon)
    loss(daemon, redis)
    assert run(daemon)["stored"] == 200
    assert source.asked == [None, None] and len(redis.keys("x:*")) == 200


def test_another_invalidation_and_another_daemon(start, redis, source):
    daemon, other = (start(config(redis, job(source))) for _ in range(2))
    daemon.wait_redis()
    other.wait_redis()
    run(daemon)
    assert daemon.invalidate({"patterns": ["y:*"], "keys": ["z"]}).status == 200
    assert run(daemon)["unchanged"] is True
    # What another daemon has stored since is not what this one knows.
    assert run(other)["stored"] == 200
    assert run(daemon)["stored"] == 200
    assert run(daemon)["unchanged"] is True


def test_a_rewarm_reads_everything(start, redis, source):
    daemon = start(config(redis, job(source)))
    daemon.wait_redis()
    run(daemon)
    rewarm, = daemon.invalidate({"keys": ["y"], "rewarm": ["j"]}).json["rewarm"]
    until(lambda: daemon.get(f"{API}/operations/{rewarm['operation_id']}").json["result"], "its end")
    ended = daemon.get(f"{API}/operations/{rewarm['operation_id']}").json["result"]
    assert ended["stored"] == 200 and source.asked == [None, None]


@pytest.mark.parametrize("more", [{"mode": "missing"}, {"mode": "refresh"}])
def test_modes_that_depend_on_redis_read_everything(start, redis, source, more):
    for i in range(200):
        redis("SET", f"x:{i}", "old")
    daemon = start(config(redis, job(source, **more)))
    daemon.wait_redis()
    run(daemon)
    run(daemon)
    assert source.asked == [None, None]


def sampled_now(daemon):
    """Redis's figures of a sample that was taken after the call."""
    began = time.monotonic()

    def sample():
        asked, stats = time.monotonic(), daemon.stats()
        return stats["sample_age_ms"] is not None and asked - stats["sample_age_ms"] / 1000 > began and stats["redis"]

    return until(sample, "a sample")


@pytest.mark.parametrize("policy,method", [("noeviction", "idletime"), ("allkeys-lfu", "freq")])
def test_how_many_keys_were_read(start, tuned, source, policy, method):
    redis = tuned("--maxmemory-policy", policy, "--maxmemory", "100mb", "--lfu-log-factor", "0",
                  "--lfu-decay-time", "0")
    source.rows = list(range(40))
    daemon = start(config(redis, job(source, value="a{v}"), {**job(source, key="n:{id}", value="{v}"), "name": "n"}))
    other = start(config(redis, job(source), {**job(source), "name": "n"}))
    daemon.wait_redis()
    other.wait_redis()
    run(daemon)
    began = time.monotonic()
    jobs = {j["name"]: j for j in daemon.get(API + "/warm").json["jobs"]}
    assert jobs["j"]["usefulness"] is None
    # Redis's clock of accesses has a resolution of a second, and two more are no proof of a read.
    until(lambda: time.monotonic() - began > 4.6, "some time")
    for i in range(10):
        assert redis("GET", f"x:{i}") == b"a%d" % i
    until(lambda: time.monotonic() - began > 7, "some more time")
    before = sampled_now(daemon)["hits"]
    run(daemon)
    # One OBJECT of each key, or two with an LFU policy; the other daemon has a few lookups of its own.
    assert sampled_now(daemon)["hits"] - before < 30
    use = {j["name"]: j["usefulness"] for j in daemon.get(API + "/warm").json["jobs"]}
    assert {**use["j"], "time": 0} == {"time": 0, "sampled": 40, "read": 10, "ratio": 0.25, "method": method}
    # Integers that keys may share say nothing.
    assert use["n"] is None
    until(lambda: daemon.metric('cachewarden_warm_read_ratio{job="j"}') == 0.25, "the metric")
    until(lambda: other.get(API + "/warm").json["jobs"][0]["usefulness"] == use["j"], "the other daemon")
