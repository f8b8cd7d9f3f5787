# SPDX-License-Identifier: MIT
"""/livez, /readyz and the shape of stats and health."""

from conftest import open_config
from harness import until


def test_livez_and_readyz_say_one_word(daemon):
    assert daemon.get("/livez").body == b"ok\n"
    daemon.wait_redis()
    assert daemon.get("/readyz?redis=true").status == 200


def test_readyz_with_redis_needs_redis(start, redis):
    redis.kill()
    daemon = start(open_config(redis))
    assert daemon.get("/readyz").status == 200
    reply = daemon.get("/readyz?redis=true")
    assert (reply.status, reply.body) == (503, b"redis\n")
    redis.start()
    daemon.wait_redis(seconds=3)
    assert daemon.get("/readyz?redis=true").status == 200


STATS = {
    "time": str, "name": str, "sample_age_ms": int,
    "redis": {
        "status": str, "version": str, "mode": str, "role": str, "uptime_seconds": int,
        "hits": int, "misses": int, "hit_rate": (float, int, type(None)),
        "hit_rate_window_seconds": int,
        "memory": {"used_bytes": int, "max_bytes": int, "used_ratio": type(None),
                   "fragmentation_ratio": (float, int), "policy": str},
        "clients": {"connected": int, "blocked": int, "max": int, "rejected": int},
        "commands": {"total": int, "per_second": (float, int, type(None))},
        "latency_ms": {"p50": (float, int), "p99": (float, int), "max": (float, int)},
        "keys": {"total": int, "expiring": int,
                 "expired_per_second": (float, int, type(None)),
                 "evicted_per_second": (float, int, type(None))},
        "nodes": list,
    },
    "cache": {"gets": int, "hits": int, "misses": int, "hit_rate": type(None), "sets": int,
              "invalidated_keys": int, "loads": int, "stale_served": int},
    "warming": {"running": int, "paused": bool, "jobs": list},
    "breaker": {"state": str, "since": str, "failures": int},
    "alerts": list,
    "process": {"version": str, "uptime_seconds": int, "rss_bytes": int, "open_fds": int,
                "loop_lag_ms": {"p99": (float, int)}},
}


def check_shape(value, shape, where=""):
    if not isinstance(shape, dict):
        assert isinstance(value, shape), (where, value)
        return
    assert set(value) == set(shape), where
    for name, inner in shape.items():
        check_shape(value[name], inner, where + "/" + name)


def test_stats_has_every_member_of_the_contract(daemon, redis):
    redis.fill(10)
    until(lambda: daemon.stats()["sample_age_ms"] is not None, "a sample")
    check_shape(daemon.stats(), STATS)


def test_stats_of_an_unreachable_redis_says_null_not_zero(start, redis):
    redis.kill()
    stats = start(open_config(redis)).stats()
    assert stats["redis"]["status"] == "down"
    assert stats["redis"]["keys"]["total"] is None
    assert stats["redis"]["version"] is None
    assert stats["sample_age_ms"] is None
