# SPDX-License-Identifier: MIT
"""Connections, slow commands and latencies, as all primaries tell them."""

import hashlib

import pytest

from conftest import open_config
from harness import API, until

TOKEN = "cw_" + "s" * 43


def ask(daemon, what, query="", **kw):
    reply = daemon.get(f"{API}/{what}{query}", **kw)
    assert reply.status == 200, reply
    return reply.json


def group(daemon, name):
    return next((item for item in ask(daemon, "clients", "?limit=1000")["items"]
                 if item["name"] == name), None)


def test_connections_are_added_up_by_name(daemon, redis):
    daemon.wait_redis()
    connections = [redis.dial("a") for _ in range(5)]
    for connection in connections:
        connection.call("CLIENT", "SETNAME", "shop")
    connections[0].call("MULTI")
    connections[1].call("SUBSCRIBE", "news")
    found = until(lambda: (g := group(daemon, "shop")) and g["connections"] == 5
                  and g["subscribed"] == 1 and g, "the connections")
    assert found["in_transaction"] == 1 and found["user"] == "default"
    assert found["memory_bytes"] > 5000 and found["output_bytes"] == 0
    assert 0 <= found["idle_seconds"] <= found["age_seconds"] < 3600
    answer = ask(daemon, "clients")
    assert answer["connections"] == sum(item["connections"] for item in answer["items"])
    assert answer["groups"] == len(answer["items"])
    assert [(node["name"], node["reason"]) for node in answer["nodes"]] == [
        (name, None) for name in redis.names]
    assert group(daemon, "cachewarden")["connections"] >= 2 * redis.primaries
    assert len(ask(daemon, "clients", "?limit=1")["items"]) == 1
    assert daemon.get(API + "/clients?limit=0").status == 400
    for connection in connections:
        connection.close()
    until(lambda: group(daemon, "shop") is None, "the end of the connections")


def test_many_ask_at_most_once_a_second(daemon, redis):
    daemon.wait_redis()
    for what in "clients", "slowlog", "latency":
        ask(daemon, what)
    commands = r"client\|list", r"slowlog\|get", r"latency\|histogram"
    before = {what: redis.calls(what) for what in commands}
    ages = [ask(daemon, what)["age_ms"] for what in ("clients", "slowlog", "latency") * 30]
    after = {what: redis.calls(what) for what in before}
    # A slow machine takes some seconds for the 90 requests.
    assert all(after[what] - before[what] < 15 * redis.primaries for what in before)
    assert all(age >= 0 for age in ages)


def test_slow_commands_show_their_key_alone(start, tuned):
    redis = tuned("--slowlog-log-slower-than", "0")
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    token = f'{{name: t, sha256: {digest}, scopes: [read], key_prefixes: ["mine:"]}}'
    daemon = start(open_config(redis).replace("anonymous:", f"tokens: [{token}], anonymous:"))
    client = redis.dial("user:1")
    client.call("CLIENT", "SETNAME", "shop")
    client.call("SET", "user:1", "a secret value")
    other = redis.dial(b"bin:\xff")
    other.call("SET", b"bin:\xff", "a secret value")
    third = redis.dial("session:" + "0" * 64)
    third.call("GET", "session:" + "0" * 64)
    client.call("CONFIG", "SET", "slowlog-max-len", "500")

    def found():
        items = ask(daemon, "slowlog", "?limit=1000")["items"]
        sets = [item for item in items if item["command"] == "SET"]
        return len(sets) >= 2 and any(item["command"] == "CONFIG" for item in items) and items

    items = until(found, "the commands")
    keys = {item["key"]: item for item in items if item["command"] == "SET"}
    assert keys["user:1"]["arguments"] == 2 and keys["user:1"]["client_name"] == "shop"
    assert keys["user:1"]["duration_ms"] >= 0 and keys["user:1"]["node"] in redis.names
    assert keys["YmluOv8"]["key_encoding"] == "base64url"
    assert next(item for item in items if item["command"] == "CONFIG")["key"] is None
    gets = [item for item in items if item["command"] == "GET" and item["arguments"] == 1]
    assert gets and gets[0]["key"] is None
    assert "secret" not in daemon.get(API + "/slowlog?limit=1000").body.decode()
    assert [item["time"] for item in items] == sorted((i["time"] for i in items), reverse=True)
    assert all(item["key"] is None for item in ask(daemon, "slowlog", token=TOKEN)["items"])
    for connection in client, other, third:
        connection.close()


def test_latencies_are_told_by_command(daemon, redis):
    daemon.wait_redis()
    for i in range(50):
        redis("SET", f"a:{i}", "v")
        redis("HSET", f"h:{i}", "f", "v")

    def found():
        items = {item["command"]: item for item in ask(daemon, "latency")["items"]}
        return items.get("set", {"calls": 0})["calls"] >= 50 and "hset" in items and items

    items = until(found, "the calls")
    one = items["set"]
    assert 0 < one["p50_ms"] <= one["p99_ms"] <= one["p999_ms"] <= one["max_ms"]
    until(lambda: {i["command"]: i for i in ask(daemon, "latency")["items"]}["set"]["mean_ms"],
          "the mean")
    calls = [item["calls"] for item in ask(daemon, "latency")["items"]]
    assert calls == sorted(calls, reverse=True)


@pytest.mark.topology("server", "tls", "sentinel", why="denies commands on one server")
def test_a_denied_command_is_named(daemon, redis):
    daemon.wait_redis()
    redis("ACL", "SETUSER", "default", "-client|list", "-slowlog", "-latency")
    for what in "clients", "slowlog", "latency":
        reply = until(lambda w=what: (r := daemon.get(f"{API}/{w}")).status != 200 and r, "a refusal")
        assert reply.status in (502, 503) and "NOPERM" in reply.json["detail"], reply


def test_without_redis_they_fail_at_once(daemon, redis):
    daemon.wait_redis()
    redis.kill()
    daemon.wait_redis("down")
    for what in "clients", "slowlog", "latency":
        reply = until(lambda w=what: (r := daemon.get(f"{API}/{w}")).status != 200 and r, "a refusal")
        assert reply.status == 503 and reply.headers["Retry-After"], reply
