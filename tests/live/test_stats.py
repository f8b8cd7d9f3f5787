# SPDX-License-Identifier: MIT
"""Stats, health and /metrics against what a real Redis does: rates from deltas, our own lookups
subtracted, flushes seen, unknown told from zero."""

import re
import signal
import time

import pytest

from conftest import open_config
from harness import API, free_port, until
from topology import TOPOLOGY

FAST = "stats: {interval: 100ms}\n"


def figures(daemon):
    return daemon.stats()["redis"]


def next_sample(daemon):
    """Two samples on: one that began after this call has ended."""
    def beats():
        return daemon.metric("cachewarden_redis_latency_seconds_count") or 0

    seen = beats()
    until(lambda: beats() >= seen + 2, "two samples")


# Rates --------------------------------------------------------------------------------------


def look_up_ourselves(daemon):
    """What makes the daemon look keys up: hits, misses, a lock, the log, operations."""
    for _ in range(10):
        reply = daemon.invalidate({"keys": ["there:1", "absent:1", "absent:2"], "dry_run": True})
        assert reply.json["matched"] == 1, reply
    assert daemon.invalidate({"patterns": ["gone:*"]}).status == 200
    assert daemon.warm({"wait": 10}).json["state"] == "completed"
    assert daemon.get(API + "/operations").status == 200
    # A write asks within its transaction whether the key is there.
    for status in (201, 204):
        assert daemon.request("PUT", "/api/v1/cache/keys/own:1", body=b"x").status == status
    assert daemon.request("DELETE", "/api/v1/cache/keys/own:1").status == 204
    # A store under a lease asks for the lease and for what the log says since.
    for selector in ({}, {"keys": ["gone"]}, {"patterns": ["gone:*"]}, {"keys": ["own:2"]}):
        lease = daemon.get("/api/v1/cache/keys/own:2?lease=10").headers["X-Cache-Lease"]
        if selector:
            assert daemon.invalidate(selector).status == 200
        reply = daemon.request("PUT", "/api/v1/cache/keys/own:2", body=b"x", headers={"X-Cache-Lease": lease})
        assert reply.status == (409 if "own:2" in str(selector) else 201), reply
        assert daemon.request("DELETE", "/api/v1/cache/keys/own:2").status == 204


JOB = """
warm:
  jobs:
    - {name: rows, source: {type: command, argv: [printf, '{"id": 1}\\n'], format: jsonl},
       key: "rows:{id}"}
"""


def test_hits_and_misses_are_the_applications_alone(start, redis):
    redis("SET", "there:1", "1")
    daemon = start(open_config(redis, FAST + JOB))
    daemon.wait_redis()
    next_sample(daemon)
    before = figures(daemon)
    look_up_ourselves(daemon)
    next_sample(daemon)
    now = figures(daemon)
    assert (now["hits"], now["misses"]) == (before["hits"], before["misses"])
    assert now["hit_rate"] is None
    assert daemon.metric("cachewarden_redis_hit_ratio") is None
    for _ in range(30):
        redis("GET", "there:1")
    for _ in range(10):
        redis("GET", "nowhere")
    look_up_ourselves(daemon)
    next_sample(daemon)
    now = figures(daemon)
    assert (now["hits"] - before["hits"], now["misses"] - before["misses"]) == (30, 10)
    assert now["hit_rate"] == 0.75
    assert daemon.metric("cachewarden_redis_hit_ratio") == 0.75
    assert now["hit_rate_window_seconds"] == 300
    # /metrics shows the server's own counters, as an exporter would.
    assert daemon.metric("redis_keyspace_hits_total") >= now["hits"] + 20


def test_lookups_before_the_window_do_not_count(start, redis):
    redis("SET", "there:1", "1")
    for _ in range(500):
        redis("GET", "nowhere")
    daemon = start(open_config(redis, FAST))
    daemon.wait_redis()
    next_sample(daemon)
    assert figures(daemon)["misses"] >= 500
    assert figures(daemon)["hit_rate"] is None
    redis("GET", "there:1")
    next_sample(daemon)
    assert figures(daemon)["hit_rate"] == 1


@pytest.mark.parametrize("how", ["restart", "resetstat"])
def test_counters_that_begin_anew_are_counted_anew(start, redis, how):
    """What we asked before is in none of the new counters, so it must not be subtracted."""
    redis("SET", "there:1", "1")
    daemon = start(open_config(redis, FAST + JOB))
    daemon.wait_redis()
    for _ in range(10):
        look_up_ourselves(daemon)
    next_sample(daemon)
    if how == "restart":
        redis.kill()
        daemon.wait_redis("down")
        redis.start()
        daemon.wait_redis()
        redis("SET", "there:1", "1")
    else:
        redis("CONFIG", "RESETSTAT")
    next_sample(daemon)
    for _ in range(8):
        redis("GET", "there:1")
    for _ in range(2):
        redis("GET", "nowhere")
    next_sample(daemon)
    now = figures(daemon)
    assert now["hit_rate"] == 0.8, now
    assert 8 <= now["hits"] <= 12 and 2 <= now["misses"] <= 12, now


def test_rates_are_per_second(start, redis):
    daemon = start(open_config(redis, FAST))
    daemon.wait_redis()
    next_sample(daemon)
    began, total = time.monotonic(), figures(daemon)["commands"]["total"]
    redis.pipeline([("SET", f"k:{i}", "1", "PX", "1") for i in range(2000)])
    time.sleep(0.05)
    redis.pipeline([("GET", f"k:{i}") for i in range(2000)])
    next_sample(daemon)
    now = figures(daemon)
    assert now["commands"]["total"] - total >= 4000
    # At most over the ten seconds of the window, at least over what the test took.
    least = 4000 / max(10.5, time.monotonic() - began + 5)
    assert now["commands"]["per_second"] > least, now
    assert now["keys"]["expired_per_second"] > least / 4, now
    assert now["keys"]["evicted_per_second"] == 0
    latency = now["latency_ms"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["max"], latency


def test_evictions_are_seen(start, redis):
    redis("CONFIG", "SET", "maxmemory", "3mb", "maxmemory-policy", "allkeys-lru")
    daemon = start(open_config(redis, FAST))
    daemon.wait_redis()
    next_sample(daemon)
    redis.pipeline([("SET", f"k:{i}", "x" * 1000) for i in range(4000)])
    next_sample(daemon)
    now = figures(daemon)
    assert now["keys"]["evicted_per_second"] > 0
    assert now["memory"]["max_bytes"] == redis.primaries * (3 << 20)
    assert now["memory"]["policy"] == "allkeys-lru"
    assert 0.5 < now["memory"]["used_ratio"] < 1.2
    ratio = daemon.metric("cachewarden_redis_memory_used_ratio")
    assert abs(ratio - now["memory"]["used_ratio"]) < 0.5


# Flushes ------------------------------------------------------------------------------------


FLUSHED = JOB.replace('key: "rows:{id}"', 'key: "rows:{id}", on: [redis_flushed]')


def runs(daemon):
    return len(daemon.get(API + "/operations?kind=warm").json["items"])


def test_deleting_is_no_flush(start, redis):
    daemon = start(open_config(redis, FAST + FLUSHED))
    daemon.wait_redis()
    redis.fill(100)
    next_sample(daemon)
    redis.pipeline([("DEL", f"key:{i}") for i in range(100)])
    next_sample(daemon)
    redis.fill(100)
    next_sample(daemon)
    # Another database's flush is not ours; a cluster has only one.
    if TOPOLOGY != "cluster":
        redis.pipeline([("SELECT", "3"), ("SET", "x", "1"), ("FLUSHDB",), ("SELECT", "0")])
    next_sample(daemon)
    assert runs(daemon) == 0


@pytest.mark.parametrize("how", ["FLUSHALL", "FLUSHDB", "restart"])
def test_a_flush_and_an_empty_restart_are_seen_once(start, redis, how):
    daemon = start(open_config(redis, FAST + FLUSHED))
    daemon.wait_redis()
    redis.fill(100)
    next_sample(daemon)
    if how == "restart":
        redis.kill()
        daemon.wait_redis("down")
        redis.start()
    else:
        redis(how)
    until(lambda: redis("EXISTS", "rows:1"), "the run")
    next_sample(daemon)
    next_sample(daemon)
    until(lambda: daemon.stats()["warming"]["running"] == 0, "it to end")
    assert runs(daemon) == 1


# Metrics ------------------------------------------------------------------------------------

GAUGES = {
    "redis_up", "redis_instance_info", "redis_uptime_in_seconds", "redis_connected_clients",
    "redis_blocked_clients", "redis_config_maxclients", "redis_connected_slaves",
    "redis_memory_used_bytes", "redis_memory_used_rss_bytes", "redis_memory_used_peak_bytes",
    "redis_memory_max_bytes", "redis_config_maxmemory", "redis_total_system_memory_bytes",
    "redis_mem_fragmentation_ratio", "redis_db_keys", "redis_db_keys_expiring",
    "redis_db_avg_ttl_seconds",
}
COUNTERS = {
    "redis_connections_received_total", "redis_rejected_connections_total",
    "redis_commands_processed_total", "redis_keyspace_hits_total", "redis_keyspace_misses_total",
    "redis_expired_keys_total", "redis_evicted_keys_total", "redis_net_input_bytes_total",
    "redis_net_output_bytes_total", "redis_commands_total",
    "redis_commands_duration_seconds_total",
}


def types(daemon):
    text = daemon.get("/metrics").body.decode()
    return dict(re.findall(r"^# TYPE (redis_\S+) (\S+)$", text, re.M))


def test_redis_metrics_have_the_names_that_dashboards_ask_for(start, redis):
    redis.fill(10)
    daemon = start(open_config(redis, FAST))
    daemon.wait_redis()
    next_sample(daemon)
    assert types(daemon) == {**dict.fromkeys(GAUGES, "gauge"), **dict.fromkeys(COUNTERS, "counter")}
    reply = daemon.get("/metrics")
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = reply.body.decode()
    assert daemon.metric('redis_db_keys{db="db0"}') >= 10
    assert daemon.metric('redis_db_keys_expiring{db="db0"}') >= 10
    assert daemon.metric('redis_commands_total{cmd="set"}') >= 10
    assert daemon.metric('redis_commands_duration_seconds_total{cmd="set"}') > 0
    assert daemon.metric("redis_memory_max_bytes") == 0
    assert daemon.metric("redis_up") == 1
    info = re.search(r"^redis_instance_info\{(.*)\} 1$", text, re.M)[1]
    # Valkey has a version of its own beside the one that it is compatible with.
    assert set(re.findall(r"(\w+)=\"", info)) - {"valkey_version"} == {
        "role", "redis_version", "redis_build_id", "redis_mode", "os", "maxmemory_policy",
        "tcp_port", "run_id", "process_id", "master_replid"}
    # Each series once, each with a number.
    series = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    assert len({name for name, _ in series}) == len(series)
    for _, value in series:
        float(value)


def test_a_redis_that_is_gone_has_no_figures(start, redis):
    daemon = start(open_config(redis, FAST))
    daemon.wait_redis()
    next_sample(daemon)
    assert daemon.metric('cachewarden_redis_up{role="master"}') == 1
    redis.kill()
    daemon.wait_redis("down")
    until(lambda: types(daemon) == {"redis_up": "gauge"}, "the figures to go")
    assert daemon.metric("redis_up") == 0
    until(lambda: daemon.metric('cachewarden_redis_up{role="master"}') == 0, "role")
    age = daemon.stats()["sample_age_ms"]
    until(lambda: daemon.stats()["sample_age_ms"] > age, "the sample to age")


def test_redis_metrics_can_be_switched_off(start, redis):
    daemon = start(open_config(redis, "stats: {interval: 100ms, redis_metrics: false}\n"))
    until(lambda: daemon.metric('cachewarden_redis_up{role="master"}') == 1, "a sample")
    assert types(daemon) == {}


def test_nothing_is_shown_for_what_was_never_known(start, redis):
    redis.kill()
    config = open_config(redis, FAST).replace(
        f'url: "{redis.url}"', f'url: "{redis.url}", memory_limit: 1GiB')
    daemon = start(config)
    until(lambda: daemon.metric('cachewarden_redis_up{role="unknown"}') == 0, "a sample")
    assert daemon.metric("cachewarden_redis_memory_used_ratio") is None
    assert daemon.metric("cachewarden_redis_hit_ratio") is None

    def leaves(value):
        if isinstance(value, dict):
            return [leaf for inner in value.values() for leaf in leaves(inner)]
        return [value]

    redis_stats = daemon.stats()["redis"]
    for member in "memory", "clients", "commands", "latency_ms", "keys":
        assert set(leaves(redis_stats[member])) == {None}, redis_stats[member]
    for member in "version", "mode", "role", "uptime_seconds", "hits", "misses", "hit_rate":
        assert redis_stats[member] is None, member


# Health -------------------------------------------------------------------------------------


def redis_health(daemon):
    return daemon.health().json["components"]["redis"]


def test_health_has_its_words_and_warnings(start, redis):
    daemon = start(open_config(redis, FAST))
    daemon.wait_redis()
    next_sample(daemon)
    health = daemon.health().json
    assert health["status"] == "UP" and health["name"] == "test"
    assert set(health["components"]) == {"redis", "warming", "alerts", "config"}
    assert any("maxmemory is 0" in text
               for text in health["components"]["redis"]["details"]["warnings"])
    redis("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
    warnings = until(lambda: [text for text in redis_health(daemon)["details"]["warnings"]
                              if "cw:" in text], "the policy's warning")
    assert len(warnings) == 1
    redis("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    until(lambda: redis_health(daemon)["details"]["warnings"] == [], "no warning")
    assert redis_health(daemon)["status"] == "UP"
    redis.fill(2000, value="x" * 100)
    redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    used = int(redis("INFO", "memory").decode().split("used_memory:")[1].split()[0])
    redis("CONFIG", "SET", "maxmemory", str(int(used / 0.9)))
    health = until(lambda: (h := daemon.health()).json["status"] == "DEGRADED" and h, "DEGRADED")
    assert health.status == 200
    assert "noeviction" in health.json["components"]["redis"]["details"]["warnings"][0]
    redis.kill()
    daemon.wait_redis("down")
    health = until(lambda: (h := daemon.health()).status == 503 and h, "DOWN")
    assert health.json["status"] == health.json["components"]["redis"]["status"] == "DOWN"
    assert min(daemon.health().took for _ in range(9)) < 0.5


@pytest.mark.topology("server", "tls", "sentinel", why="of several servers, each has a limit")
def test_health_says_what_a_full_memory_means(start, redis):
    daemon = start(open_config(redis, FAST))
    daemon.wait_redis()
    said = lambda words: until(lambda: [text for text in redis_health(daemon)["details"]["warnings"] if words in text], words)
    redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis("CONFIG", "SET", "maxmemory", 1)
    said("of maxmemory and the policy is noeviction: writes are refused")
    assert redis_health(daemon)["status"] == "DEGRADED"
    assert "writes are refused" in redis_health(daemon)["details"]["summary"]
    redis("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    said("no key expires, so that volatile-lru can evict none: writes are refused")
    redis("CONFIG", "SET", "maxmemory", 0)
    redis("SET", "expiring", "x", "EX", 1000)
    redis("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    used = int(next(line.split(b":")[1] for line in redis("INFO", "memory").split(b"\r\n") if line.startswith(b"used_memory:")))
    redis("CONFIG", "SET", "maxmemory", used // 2)
    said("the policy is allkeys-lru: Redis evicts keys")
    until(lambda: redis_health(daemon)["status"] == "UP", "what was refused before is no longer")


def test_each_component_of_health_is_told_in_words(start, redis):
    daemon = start(open_config(redis, FAST))
    daemon.wait_redis()
    next_sample(daemon)
    words = lambda: {name: each["details"]["summary"] for name, each in daemon.health().json["components"].items()}
    assert words() == {"redis": "maxmemory is 0: Redis's memory has no limit", "warming": "no job is configured",
                       "alerts": "no alert fires", "config": "the configuration is in force as it was read"}
    redis.kill()
    until(lambda: redis.name in words()["redis"] or "cannot be reached" in words()["redis"], "the reason")
    redis.start()


def test_memory_limit_stands_in_where_redis_has_none(start, redis):
    config = open_config(redis, FAST).replace(
        f'url: "{redis.url}"', f'url: "{redis.url}", memory_limit: 100MiB')
    daemon = start(config)
    daemon.wait_redis()
    next_sample(daemon)
    memory = figures(daemon)["memory"]
    assert memory["max_bytes"] == 0
    assert abs(memory["used_ratio"] - memory["used_bytes"] / (100 << 20)) < 0.0001
    assert abs(daemon.metric("cachewarden_redis_memory_used_ratio") - memory["used_ratio"]) < 0.05
    assert redis_health(daemon)["details"]["warnings"] == []
    redis("CONFIG", "SET", "maxmemory", "200mb")
    until(lambda: figures(daemon)["memory"]["max_bytes"] == redis.primaries * (200 << 20),
          "Redis's own limit")
    memory = figures(daemon)["memory"]
    assert abs(memory["used_ratio"] - memory["used_bytes"] / memory["max_bytes"]) < 0.0001


def test_health_in_the_words_of_the_draft(start, redis):
    daemon = start(open_config(redis, FAST))
    daemon.wait_redis()
    accept = {"Accept": "application/health+json"}
    reply = daemon.get(API + "/health", headers=accept)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/health+json"
    body = reply.json
    assert body["status"] == "pass"
    check = body["checks"]["redis"][0]
    assert check["status"] == "pass" and check["componentType"] == "datastore"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", check["time"])
    daemon.configure("nonsense: 1\n")
    assert daemon.post(API + "/reload").status == 422
    body = until(lambda: (r := daemon.get(API + "/health", headers=accept)).json["status"] ==
                 "warn" and r, "warn")
    assert body.status == 200 and body.json["checks"]["config"][0]["status"] == "warn"
    redis.kill()
    daemon.wait_redis("down")
    reply = until(lambda: (r := daemon.get(API + "/health", headers=accept)).status == 503 and r,
                  "fail")
    assert reply.json["status"] == "fail"
    assert reply.json["checks"]["redis"][0]["status"] == "fail"
    for other in {"Accept": "*/*"}, {"Accept": "application/json"}, {}:
        plain = daemon.get(API + "/health", headers=other)
        assert plain.headers["Content-Type"] == "application/json"
        assert plain.json["status"] == "DOWN"


def test_without_a_token_health_says_its_word_only(start, redis):
    daemon = start(open_config(redis, FAST).replace(
        "anonymous: [read, metrics, keys, write, invalidate, warm, operate]",
        "anonymous: [metrics]"))
    until(lambda: daemon.health().json == {"status": "UP"}, "UP")
    redis.kill()
    reply = until(lambda: (r := daemon.health()).status == 503 and r, "DOWN")
    assert reply.json == {"status": "DOWN"}


@pytest.mark.topology("server", why="a replica of one server")
def test_replicas_are_shown_with_what_they_have_not_confirmed(start, tuned):
    port = free_port()
    primary = tuned("--port", str(port), "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0")
    replica = tuned("--port", str(free_port()), "--replicaof", "127.0.0.1", str(port))
    until(lambda: b"master_link_status:up" in replica("INFO", "replication"), "the replica is in sync")
    daemon = start(open_config(primary, FAST))
    shown = until(lambda: (n := daemon.stats()["redis"]["nodes"]) and len(n) == 2 and n[1]["status"] == "up" and n,
                  "both servers")
    number = replica("CONFIG", "GET", "port")[1].decode()
    assert (shown[0]["role"], shown[0]["slots"], shown[0]["lag_bytes"]) == ("master", None, None)
    assert (shown[1]["name"], shown[1]["role"]) == (f"127.0.0.1:{number}", "slave")
    until(lambda: daemon.stats()["redis"]["nodes"][1]["lag_bytes"] == 0, "all is confirmed")
    # A replica that hangs confirms nothing more.
    replica.process.send_signal(signal.SIGSTOP)
    primary("SET", "a", "x" * 10000)
    until(lambda: daemon.stats()["redis"]["nodes"][1]["lag_bytes"] >= 10000, "the lag")
    replica.process.send_signal(signal.SIGCONT)
    until(lambda: daemon.stats()["redis"]["nodes"][1]["lag_bytes"] == 0, "all is confirmed again")
