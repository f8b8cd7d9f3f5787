# SPDX-License-Identifier: MIT
"""GET /doctor and cachewardend --doctor: what is wrong, and how to fix it."""

import hashlib
import json
import os
import re
import subprocess

import pytest

from certificates import Authority, TlsRedis
from harness import API, BINARY, DEADLINE, free_port, with_settings
from topology import TOPOLOGY
from test_redis_denied import TABLE, user

TOKEN = "ops"
SHA256 = hashlib.sha256(TOKEN.encode()).hexdigest()


def config(url, redis="", more=""):
    return f"""
listen: ["127.0.0.1:0"]
auth: {{anonymous: [read]}}
redis: {{url: "{url}", memory_limit: 1GiB{redis and ", " + redis}}}
{more}
"""


@pytest.fixture
def examine(folder):
    """examine(config) -> (exit code, report)"""
    def run(text):
        path = os.path.join(folder, "doctor.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(with_settings(text))
        os.chmod(path, 0o600)
        done = subprocess.run([BINARY, "--config", path, "--doctor"], capture_output=True, text=True,
                              timeout=DEADLINE, check=False)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


def errors(report):
    return [f for f in report["findings"] if f["severity"] == "error"]


AS_CW = "username: cw, password: pass"
JOBS = """
warm: {jobs: [{name: j, suspend: true, key: "j:{id}", source: {type: file, path: /nonexistent}}]}
"""


def test_where_nothing_is_wrong_it_says_what_it_saw(redis, examine):
    code, report = examine(config(redis.url))
    assert (code, report["ok"], report["findings"]) == (0, True, [])
    server = report["server"]
    assert server["name"] in redis.names and server["version"].startswith("Redis ")
    mode = "cluster" if TOPOLOGY == "cluster" else "standalone"
    assert (server["mode"], server["role"]) == (mode, "master")
    assert 0 < server["latency_ms"] < 1000
    assert sorted(one["name"] for one in report["servers"]) == sorted(redis.names)
    assert redis("DBSIZE") == 0


def test_each_command_that_the_user_lacks_is_named_alone(redis, examine):
    # Without these there is no look at the others.
    for command in (c for c in TABLE if c not in ("MULTI", "DISCARD")):
        user(redis, "-" + command.lower())
        code, report = examine(config(redis.url, AS_CW, JOBS))
        found = errors(report)
        assert code == 1 and not report["ok"], command
        assert [(f["code"], f["subject"]) for f in found] == [("command_denied", command)], command
        assert found[0]["feature"] and f"may not run {command}" in found[0]["detail"]
        redis(*found[0]["fix"].split())
        assert examine(config(redis.url, AS_CW, JOBS))[0] == 0, command


def test_warm_commands_are_not_missed_where_there_is_no_job(redis, examine):
    user(redis, "-llen")
    assert examine(config(redis.url, AS_CW, JOBS))[0] == 1
    code, report = examine(config(redis.url, AS_CW))
    assert code == 0 and "+llen" not in report["acl"] and "+get " in report["acl"]


def test_its_acl_line_is_enough(redis, examine):
    redis("ACL", "SETUSER", "cw", "reset", "on", ">pass")
    _, report = examine(config(redis.url, AS_CW, JOBS))
    line = report["acl"]
    assert line.startswith("ACL SETUSER cw on >PASSWORD ~* +ping ")
    redis("ACL", "SETUSER", "cw", "reset")
    redis(*line.replace("PASSWORD", "pass").split())
    redis("ACL", "LOG", "RESET")
    assert errors(examine(config(redis.url, AS_CW, JOBS))[1]) == []
    assert redis("ACL", "LOG") == []


def test_own_keys_that_are_denied_are_named(redis, examine):
    user(redis, "resetkeys", "~app:*")
    code, report = examine(config(redis.url, AS_CW))
    assert code == 1 and [f["code"] for f in errors(report)] == ["keys_denied"]
    assert errors(report)[0]["subject"].startswith("cw:")


@pytest.mark.topology("server", "tls", "sentinel", why="makes single servers of each kind")
def test_what_keeps_redis_away_is_named(redis, tuned, folder, examine):
    authority = Authority(folder)
    tls = TlsRedis(folder, authority, authority.issue("localhost"), name="tls")
    replica = tuned("--replicaof", "127.0.0.1", "1")
    node = tuned("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--port", str(free_port()))
    user(redis)
    for url, more, code, words in (
            (f"unix://{folder}/nothing.sock", "", "redis_unavailable", "cannot be reached"),
            (redis.url, "username: cw, password: wrong", "redis_auth", "WRONGPASS"),
            (replica.url, "", "not_primary", "replica"),
            (node.url, "", "cluster_node", "cluster"),
            (tls.url, "", "redis_unavailable", "trusted authority")):
        exit_code, report = examine(config(url, more))
        first = report["findings"][0]
        assert (exit_code, first["severity"], first["code"]) == (1, "error", code), report
        assert words in first["detail"] and first["fix"], report
    tls.close()


def test_warnings_and_hints_do_not_fail(tuned, examine):
    server = tuned("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    code, report = examine(f"""
listen: ["127.0.0.1:0"]
redis: {{url: "{server.url}"}}
cache: {{protected: ["x*"]}}
warm: {{jobs: [{{name: j, key: "j", source: {{type: file, path: /nonexistent}}}}]}}
""")
    codes = {f["code"]: f["severity"] for f in report["findings"]}
    assert (code, report["ok"]) == (0, True)
    assert codes == {"memory_policy": "hint", "no_token": "warning", "configuration": "hint"}


COMMAND = re.compile(r"CONFIG SET [a-z-]+ [a-z0-9-]+")


@pytest.mark.topology("server", "tls", "sentinel", why="each server of a cluster has a finding")
@pytest.mark.parametrize("options,persistent,policy", [
    ((), True, "allkeys-lru"), (("--maxmemory-policy", "allkeys-lfu"), True, "allkeys-lfu"),
    (("--maxmemory-policy", "volatile-ttl"), True, "allkeys-lru"), ((), False, "volatile-lru"),
    (("--maxmemory-policy", "allkeys-lfu"), False, "volatile-lfu"),
    (("--maxmemory-policy", "volatile-ttl"), False, "volatile-ttl")])
def test_the_commands_that_limit_memory_are_whole_and_fit_the_machine(tuned, examine, options, persistent, policy):
    server = tuned("--save", "", *options)
    server.fill(30 if persistent else 10, ttl=-1)
    server.fill(10 if persistent else 30, key="e:{}")
    text = config(server.url).replace("memory_limit: 1GiB", "breaker: {failures: 5}")
    report = examine(text)[1]
    assert [f["code"] for f in report["findings"]] == ["memory_unlimited"], report
    fix = report["findings"][0]["fix"]
    commands = COMMAND.findall(fix)
    assert len(commands) == (1 if options[1:] == (policy,) else 2) and "CONFIG REWRITE" in fix, fix
    assert ("30 of 40 keys do not expire" in fix) == persistent, fix
    for command in commands:
        assert server(*command.split()) == b"OK", command
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert abs(int(server("CONFIG", "GET", "maxmemory")[1]) - machine / 2) <= 1 << 20
    assert f"half of the machine's {machine >> 20}mb" in fix
    assert server("CONFIG", "GET", "maxmemory-policy")[1] == policy.encode()
    assert examine(text)[1]["findings"] == []


@pytest.mark.topology("server", "tls", "sentinel", why="each server of a cluster has a finding")
def test_a_policy_that_evicts_own_keys_or_refuses_writes_is_replaced(tuned, examine):
    server = tuned("--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
    server.fill(1500, value="x" * 1000 + "{}")
    for expected in ("warning", "hint"):
        finding, = examine(config(server.url))[1]["findings"]
        assert (finding["code"], finding["severity"]) == ("memory_policy", expected), finding
        command, *raise_ = COMMAND.findall(finding["fix"])
        assert command == "CONFIG SET maxmemory-policy volatile-lru" and "do not expire" not in finding["fix"]
        assert bool(raise_) == (expected == "warning")
        assert server(*command.split()) == b"OK"
        assert examine(config(server.url))[1]["findings"] == []
        server("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")


@pytest.mark.topology("server", "tls", "sentinel", why="each server of a cluster has a finding")
def test_a_policy_that_cannot_evict_most_keys_is_replaced(tuned, examine):
    server = tuned("--maxmemory", "50mb", "--maxmemory-policy", "volatile-lfu")
    server.fill(30, ttl=-1)
    server.fill(10, key="e:{}")
    finding, = examine(config(server.url))[1]["findings"]
    assert (finding["code"], finding["severity"]) == ("memory_policy", "hint") and "cannot evict most keys" in finding["detail"]
    assert COMMAND.findall(finding["fix"]) == ["CONFIG SET maxmemory-policy allkeys-lfu"]
    server("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    assert examine(config(server.url))[1]["findings"] == []


def test_a_refused_reload_and_a_failing_job_are_findings(start, redis):
    rows = "warm: {jobs: [{name: gone, key: 'j:{id}', source: {type: file, path: /nonexistent, format: csv}}]}\n"
    text = config(redis.url).replace("auth: {anonymous: [read]}", f"""
auth: {{anonymous: [read], tokens: [{{name: ops, sha256: {SHA256}, scopes: [admin]}}]}}""") + rows
    daemon = start(text)
    daemon.wait_redis()
    own = lambda: {f["code"]: f for f in daemon.get(API + "/doctor", token=TOKEN).json["findings"]
                   if f["code"] in ("reload_refused", "job_failing")}
    assert own() == {}
    assert daemon.post(API + "/warm", {"wait": 10}, token=TOKEN).json["state"] == "failed"
    failing = own()["job_failing"]
    assert failing["severity"] == "error" and failing["subject"] == "gone" and "/nonexistent" in failing["detail"], failing
    assert daemon.get(API + "/doctor", token=TOKEN).json["ok"] is False
    daemon.configure(text + "nonsense: 1\n")
    assert daemon.post(API + "/reload", {}, token=TOKEN).status == 422
    refused = own()["reload_refused"]
    assert refused["severity"] == "warning" and "nonsense" in refused["detail"] and refused["fix"], refused


def test_the_running_daemon_gives_the_same(start, redis, examine):
    text = config(redis.url, AS_CW)
    user(redis, "-zscan")
    daemon = start(text.replace("auth: {anonymous: [read]}", f"""
auth: {{anonymous: [read], tokens: [{{name: ops, sha256: {SHA256}, scopes: [admin]}}]}}"""))
    daemon.wait_redis()
    assert daemon.get(API + "/doctor").status == 401
    served = daemon.get(API + "/doctor", token=TOKEN).json
    _, printed = examine(text)
    for report in (served, printed):
        for server in (report["server"], *report["servers"]):
            server.pop("latency_ms")
    assert served == printed

