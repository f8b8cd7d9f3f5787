# SPDX-License-Identifier: MIT
"""Commands that the server denies: by its ACL, by rename-command, or as a proxy in its own words."""

import os
import pathlib
import re
import time

import pytest

from faults import honest
from features import Features, features_config, least_user, names_of
from harness import API, until, with_members
from proxy import Proxy
from topology import TOPOLOGY
from test_redis_kinds import CACHE, config

# Every command that src/redis/commands.h has a row for, but those that a handshake needs.
ROOT = pathlib.Path(__file__).parents[2]
TABLE = re.findall(r"^\tX\(([A-Z]+), (?:READS|WRITES|ANYWHERE)",
                   (ROOT / "src/redis/commands.h").read_text(encoding="utf-8"), re.M)


def user(redis, *rules):
    redis("ACL", "SETUSER", "cw", "reset", "on", ">pass", "~*", "&*", "+@all", *rules)


def as_user(redis):
    return with_members(config(redis.url), redis, "username: cw, password: pass")


def warnings(daemon):
    return daemon.health().json["components"]["redis"]["details"]["warnings"]


def lacks(daemon, command):
    return [text for text in warnings(daemon)
            if re.match(rf"(Redis|the server) at \S+ (denies|does not know) {command}\b", text)]


@pytest.fixture
def without(start, redis):
    """without("EVAL") -> a daemon whose user may do all but that."""
    def make(*commands):
        user(redis, *("-" + command for command in commands))
        daemon = start(as_user(redis))
        for command in commands:
            until(lambda c=command: lacks(daemon, c), "a warning about " + command)
        return daemon

    return make


@pytest.mark.parametrize("how", ["acl", "renamed"])
def test_each_denied_command_is_named_with_what_is_off_and_logged_once(start, redis, tuned, how):
    if how == "acl":
        user(redis, *("-" + command.lower() for command in TABLE))
        daemon = start(as_user(redis))
    else:
        options = [("--rename-command", name, "") for name in TABLE if name not in ("PING", "INFO")]
        server = tuned(*(part for option in options for part in option))
        daemon = start(config(server.url))
    # Without MULTI there is no look at all commands at once; each is found when it is refused.
    until(lambda: lacks(daemon, "MULTI"), "the warning")
    assert daemon.health().json["status"] == "DEGRADED"
    for text in warnings(daemon):
        assert "do not work: " in text or "maxmemory" in text or "cw:meta" in text, text
    until(lambda: "denies MULTI" in daemon.log or "know MULTI" in daemon.log, "the log")
    assert len(re.findall(r"(denies|know) MULTI", daemon.log)) == 1
    assert daemon.get("/livez").status == 200


@pytest.mark.parametrize("command", [c for c in TABLE if c not in ("MULTI", "DISCARD")])
def test_a_denied_command_is_known_before_it_is_used(start, redis, command):
    user(redis, "-" + command.lower())
    daemon = start(features_config(redis.url, "username: cw, password: pass"))
    found = until(lambda: lacks(daemon, command), "a warning about " + command)
    assert len(found) == 1 and "do not work: " in found[0], found
    assert daemon.health().json["status"] == "DEGRADED"
    daemon.wait_for(f" denies {command} ")
    # What is off is what the warning names, and it says so; all else works.
    features = Features(daemon)
    features.all()
    off = found[0].split("do not work: ")[1].split(", ")
    for what, reply in features.replies:
        assert reply.status in (200, 201, 202, 204, 404, 409, 412, 502), (what, reply)
    for what, reply in features.refusals():
        assert f" denies {command} " in reply.json["detail"], (what, reply)
        assert any(name.startswith(names_of(what)) for name in off), (what, off)
    assert len(re.findall(f"warning Redis at .* denies {command} ", daemon.log)) == 1, daemon.log


def test_that_commands_are_allowed_again_is_noticed(start, redis):
    user(redis, "-xadd", "-info", "-eval")
    daemon = start(as_user(redis))
    until(lambda: lacks(daemon, "XADD") and lacks(daemon, "INFO"), "the warnings")
    user(redis, "-xadd")
    until(lambda: not lacks(daemon, "INFO"), "the end of a warning")
    assert lacks(daemon, "XADD")
    user(redis)
    daemon.wait_for("redis allows all commands again")
    assert daemon.health().json["status"] == "UP"
    assert daemon.invalidate({"patterns": ["a*"]}).json["complete"]


def test_client_is_a_courtesy(start, redis, tuned):
    user(redis, "-client")
    renamed = tuned("--rename-command", "CLIENT", "")
    for text in (as_user(redis), config(renamed.url)):
        daemon = start(text)
        daemon.wait_redis()
        assert daemon.health().json["status"] == "UP"
        assert daemon.request("PUT", CACHE + "/keys/a?ttl=60", b"v").status in (201, 204)
        assert daemon.stats()["breaker"]["failures"] == 0


def test_without_multi_nothing_is_stored_and_nothing_is_said_to_be(without, redis):
    daemon = without("MULTI")
    entries = [{"key": f"k{i}", "value": "v", "ttl": 60} for i in range(2)]
    for method, path, body in (("POST", CACHE + "/mset", {"entries": entries}),
                               ("PUT", CACHE + "/keys/k0?ttl=60", b"v")):
        reply = daemon.request(method, path, body)
        assert (reply.status, reply.json["code"]) == (502, "redis_noperm"), reply
        assert "MULTI" in reply.json["detail"] and "storing keys" in reply.json["detail"]
    assert redis.keys("k*") == []


def test_what_was_stored_while_multi_was_being_taken_away_is_counted(start, redis):
    user(redis)
    daemon = start(as_user(redis))
    daemon.wait_redis()
    user(redis, "-multi")
    entries = [{"key": f"k{i}", "value": "v", "ttl": 60} for i in range(2)]
    reply = daemon.post(CACHE + "/mset", {"entries": entries})
    assert (reply.status, reply.json["code"]) == (502, "redis_noperm"), reply
    assert reply.json["stored"] == len(redis.keys("k*"))


def test_without_eval_results_are_loaded_at_once_and_not_stored(without, redis):
    daemon = without("EVAL")
    for _ in range(2):
        reply = daemon.post(CACHE + "/results/one", {"params": {"id": "1"}})
        assert (reply.status, reply.headers["X-Cache"]) == (200, "BYPASS"), reply
    assert redis("KEYS", "cw:lease:*") == [] and redis("EXISTS", "one:1") == 0


@pytest.mark.parametrize("command,what", [
    ("EVAL", "lease"), ("XREVRANGE", "lease"), ("PEXPIRE", "lease"),
    ("EVAL", "warm"), ("XRANGE", "warm"), ("SET", "warm"), ("PEXPIRE", "warm"),
    ("EVAL", "session"), ("ZADD", "session"),
    ("XADD", "keys"), ("SRANDMEMBER", "keys"), ("INFO", "patterns"), ("DBSIZE", "patterns"),
    ("SCAN", "patterns"), ("ZSCAN", "tags"), ("INFO", "tags"), ("EVAL", "soft"),
])
def test_a_feature_says_at_once_what_it_lacks(without, redis, command, what):
    daemon = without(command)
    redis("SET", "a", "1")
    asks = {
        "lease": lambda: daemon.get(CACHE + "/keys/absent?lease=10"),
        "warm": lambda: daemon.warm({"cache_names": ["rows"], "wait": 20}),
        "session": lambda: daemon.post("/api/v1/sessions", {"user_id": "1", "data": {}}),
        "keys": lambda: daemon.invalidate({"keys": ["a"]}),
        "patterns": lambda: daemon.invalidate({"patterns": ["a*"]}),
        "tags": lambda: daemon.invalidate({"tags": ["t"]}),
        "soft": lambda: daemon.invalidate({"keys": ["a"], "soft": True}),
    }
    for _ in range(2):
        began = time.monotonic()
        reply = honest(asks[what](), "redis_noperm")
        assert time.monotonic() - began < 2
        assert f"denies {command} " in reply.json["detail"], reply
        assert reply.json.get("matched") is None and not reply.json.get("complete")
    # Nothing was begun: no lock, no lease, no entry of the log, no removed key.
    assert redis("EXISTS", "a") == 1
    usual = (b"cw:meta", b"cw:op", b"cw:daemon", b"cw:prefixes", b"cw:prune", b"cw:tags",
             b"cw:events")
    left = [key for key in redis("KEYS", "cw:*") if not key.startswith(usual)]
    assert left == [], left
    # What does without the command works.
    assert daemon.get(CACHE + "/keys/a").status == 200


def test_unlink_alone_is_replaced_by_del(without, redis):
    daemon = without("UNLINK")
    redis("MSET", "a:1", "v", "a:2", "v", "b", "v")
    assert daemon.invalidate({"patterns": ["a:*"]}).json["invalidated"] == 2
    assert daemon.invalidate({"keys": ["b"]}).json["invalidated"] == 1
    redis("SET", "b", "v")
    assert daemon.request("DELETE", CACHE + "/keys/b").headers["X-Cache-Deleted"] == "1"


def test_own_keys_that_are_denied_are_said(start, redis):
    redis("ACL", "SETUSER", "cw", "reset", "on", ">pass", "~app:*", "&*", "+@all")
    daemon = start(as_user(redis))
    until(lambda: any("cw:none" in text for text in warnings(daemon)), "the warning")
    assert daemon.health().json["status"] == "DEGRADED"
    # The daemon works all the same: its layout is not known, which is said.
    until(lambda: any("cw:meta" in text for text in warnings(daemon)), "the layout")
    until(lambda: "redis is up" in daemon.log, "the start")


def test_what_info_does_not_tell_is_null(start, tuned):
    redis = tuned("--rename-command", "INFO", "")
    daemon = start(config(redis.url))
    daemon.wait_redis()
    stats = daemon.stats()
    node = stats["redis"]["nodes"][0]
    assert (node["used_bytes"], node["keys"], node["role"]) == (None, None, None)
    figures = {name: stats["redis"][name] for name in (
        "version", "mode", "role", "uptime_seconds", "hits", "misses", "hit_rate")}
    assert set(figures.values()) == {None}, figures
    for part in ("memory", "clients", "commands", "latency_ms", "keys"):
        assert set(stats["redis"][part].values()) == {None}, stats["redis"][part]
    assert not any("maxmemory" in text for text in warnings(daemon))


def test_valkeys_own_words_for_watch_within_multi_deny_nothing(start, redis, folder):
    proxy = Proxy(folder, redis)
    proxy.mode = "pass"
    unchanged, said = proxy._back, []

    def back(client, data):
        words = data.replace(b"ERR WATCH inside MULTI is not allowed",
                             b"ERR Command not allowed inside a transaction")
        said.append(b"inside a transaction" in words)
        return unchanged(client, words)

    proxy._back = back
    daemon = start(config(proxy.url))
    daemon.wait_for("redis is up")
    until(lambda: any(said), "the look at WATCH")
    assert not lacks(daemon, "WATCH")
    assert daemon.request("PUT", CACHE + "/keys/a", body=b"x", headers={"If-None-Match": "*"}).status == 201
    proxy.close()


def test_a_proxy_whose_info_tells_little_is_believed_no_more(start, redis, folder):
    proxy = Proxy(folder, redis)
    proxy.mode = "pass"
    rewritten = proxy._back

    def back(client, data):
        if b"# Server" in data:
            text = b"# Server\r\nredis_version:7.0.0\r\nredis_mode:standalone\r\n"
            return rewritten(client, b"$%d\r\n%s\r\n" % (len(text), text)) \
                if data.count(b"# ") > 2 else rewritten(client, data)
        return rewritten(client, data)

    proxy._back = back
    daemon = start(config(proxy.url))
    until(lambda: daemon.stats()["redis"]["version"], "the sample")
    stats = daemon.stats()["redis"]
    assert stats["version"] == "7.0.0"
    assert (stats["keys"]["total"], stats["hits"], stats["memory"]["used_bytes"]) == (None, None, None)
    assert stats["commands"]["per_second"] is None
    proxy.close()


# What a run of all features does not come to: figures of many keys, see test_namespaces.py, and of
# clients, see test_servers.py; on a cluster
# what is for slots that move, and MULTI over the keys of a warm run.
ELSEWHERE = {"randomkey", "object|idletime", "object|freq", "client|list", "slowlog|get", "latency|histogram"}
if TOPOLOGY == "cluster":
    ELSEWHERE |= {"asking", "cluster|getkeysinslot", "cluster|countkeysinslot", "rpop"}


def test_the_manuals_acl_line_is_enough_and_each_of_its_words_is_used(start, redis, folder):
    user_of_line, allowed = least_user(redis)
    rows = os.path.join(folder, "rows")
    os.mkfifo(rows)
    redis("CONFIG", "RESETSTAT")
    redis("ACL", "LOG", "RESET")
    daemon = start(features_config(redis.url, user_of_line, rows))
    daemon.wait_for("redis is up")
    features = Features(daemon)
    for what, reply in features.all():
        # What is absent, or was never granted, is the features' own.
        assert reply.status in (200, 201, 202, 204, 404), (what, reply)
        assert reply.status == 404 or "invalidate" not in what or reply.json["complete"], reply
        assert what != "POST " + API + "/warm" or reply.json["state"] == "completed", reply
    assert features.explain().json["memory_bytes"] > 0
    for route in "clients", "slowlog", "latency":
        assert daemon.get(f"{API}/{route}").status == 200, route
    run = features.warm_and_write(rows, lambda: until(
        lambda: redis.calls("mget") and redis.calls("zremrangebyrank"), "the operation's heartbeat"))
    until(lambda: daemon.get(run).json["finished"], "the run")
    assert daemon.get(run).json["state"] == "completed"
    # For the pruner: the test itself uses no command of the line.
    features.dependencies()
    features.tags()
    daemon.request("PUT", API + "/dependencies/gone", {"dependents": ["b"]})
    redis("EXPIRE", "g:1", 0)
    until(lambda: daemon.get(API + "/tags/t3").status == 404 or
          not daemon.get(API + "/tags/t3").json["items"], "the pruner, of tags")
    until(lambda: not daemon.get(API + "/dependencies").json["items"], "the pruner, of dependencies")
    unused = [word for word in allowed if not redis.calls(re.escape(word)) and word not in ELSEWHERE]
    assert unused == []
    assert redis("ACL", "LOG") == [], redis("ACL", "LOG")
    assert daemon.health().json["status"] == "UP", daemon.health()
