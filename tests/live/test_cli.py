# SPDX-License-Identifier: MIT
"""cachewarden, the command line, in pipes: every command over TCP and a Unix socket, exit statuses,
JSON, hostile names, tokens, what it says where nothing works."""

import datetime
import hashlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse

import pytest

from certificates import Authority
from cli import PROGRAM, environment, run, where
from client import ROOT
from harness import API, DEADLINE, SANITIZED, Daemon, free_port, open_config, together, until

TOKEN = "cw_tests"
HOSTILE = b"evil\x1b[31m\xff\nname"
CONFIG = """
stats: {namespaces: {every: 1s}}
cache: {prune_every: 1s, namespaces: [{prefix: "user:", ttl: 1h, stale_for: 10m}]}
entities: {user: {field: user_id, keys: {profile: "user:profile:{id}"}, tags: ["user-{id}"]}}
dependencies: [{when: "user:profile:{id}", invalidate: ["user:groups:{id}"]}]
warm:
  jobs:
    - {name: rows, source: {type: command, argv: [printf, '{"id": 1}\\n'], format: jsonl}, key: "rows:{id}", schedule: {every: 1h}}
    - {name: broken, suspend: true, retries: {attempts: 1}, source: {type: command, argv: ["false"]}, key: "broken:{id}"}
    - {name: slow, suspend: true, source: {type: command, argv: [sleep, "600"]}, key: "slow:{id}"}
loaders: {row: {key: "row:{id}", params: [id], source: {type: command, argv: [printf, '{"id": 1}\\n']}}}
"""


def config(redis, folder):
    sha = hashlib.sha256(TOKEN.encode()).hexdigest()
    audit = f'audit: {{path: "{folder}/audit.jsonl"}}\n'
    return open_config(redis, CONFIG + audit).replace("auth: {", f"auth: {{tokens: [{{name: all, sha256: {sha}, scopes: [admin]}}], ") \
        .replace('["127.0.0.1:0"]', f'["127.0.0.1:0", {{unix: "{folder}/admin.sock"}}]')


@pytest.fixture(scope="module")
def daemon(shared_folder, shared_redis):
    one = Daemon(shared_folder + "/cli", config(shared_redis, shared_folder), https=False)
    one.wait_redis()
    until(lambda: one.stats()["sample_age_ms"] is not None, "the first sample")
    yield one
    failure = one.close()
    assert not failure, failure


@pytest.fixture(params=["tcp", "unix"])
def cw(request, daemon):
    """cw("stats", ...) -> the completed process, over each kind of address."""
    def call(*args, token=False, **more):
        env = {**(more.pop("env", None) or {}), **({"CACHEWARDEN_TOKEN": TOKEN} if token else {})}
        return run(*where(daemon, request.param == "unix"), *args, env=env, **more)

    call.name = request.param
    return call


# Each command -----------------------------------------------------------------------------------


def test_stats_health_doctor_and_alerts(cw, daemon):
    out = cw("stats").stdout
    assert re.search(r"^redis +up, \d", out, re.M) and "hit rate" in out and "cachewardend 0." in out
    assert json.loads(cw("stats", "--json").stdout)["redis"]["status"] == "up"
    assert json.loads(cw("--json", "stats").stdout)["name"] == "test"
    assert re.search(r"^redis +UP", cw("health").stdout, re.M)
    assert json.loads(cw("health", "--json").stdout)["status"] == "UP"
    assert "everything works" in cw("doctor", token=True).stdout
    assert json.loads(cw("doctor", "--json", token=True).stdout)["ok"] is True
    assert re.search(r"^RedisDown +\w+ +critical", cw("alerts").stdout, re.M)
    assert "0.1.0" in cw("--version").stdout


def test_keys(cw, shared_redis):
    value = b"\x00bytes\xff\n"
    assert "it is new" in cw("keys", "set", "k:1", stdin=value, text=False).stderr.decode()
    assert cw("keys", "get", "k:1", text=False).stdout == value
    assert "replaced" in cw("keys", "set", "k:1", "text", "--ttl", "1h30m", "--tag", "red wine", "--tag=white").stderr
    assert cw("keys", "ttl", "k:1").stdout == "5400\n"
    assert shared_redis("ZSCORE", "cw:tag:red wine", "k:1")
    assert cw("keys", "expire", "k:1", "100").stdout == "100\n"
    assert cw("keys", "expire", "k:1", "-1").stdout == "-1\n"
    assert json.loads(cw("keys", "ttl", "k:1", "--json").stdout) == {"ttl": -1}
    assert cw("keys", "list", "k:*").stdout == "k:1\n"
    assert json.loads(cw("keys", "list", "k:*", "--json").stdout) == \
        {"items": [{"key": "k:1", "key_encoding": "utf-8"}], "complete": True}
    cw("keys", "set", "k:2", "x", "--ttl", "1h")
    assert cw("keys", "list", "k:*", "--no-ttl").stdout == "k:1\n"
    assert "no such keys; protected keys are not listed" in cw("keys", "list", "none:*").stderr
    assert "2 deleted of 3" in cw("keys", "del", "k:1", "k:2", "k:3").stderr
    assert json.loads(cw("keys", "get", "k:1", "--json", expect=1).stdout)["code"] == "no_value"
    missing = cw("keys", "get", "k:1", expect=1)
    assert missing.stdout == "" and "(no_value)" in missing.stderr
    assert cw("keys", "ttl", "k:1").stdout == "-2\n"
    assert json.loads(cw("keys", "expire", "k:1", "9", "--json", expect=1).stdout)["code"] == "no_value"


@pytest.mark.parametrize("name", [HOSTILE, b".", b"..", b"a/b c%2F?&#", "\u202egnp.exe".encode(), "\U0001f600".encode()])
def test_names_of_any_bytes(cw, shared_redis, name):
    argument = name.decode(errors="surrogateescape")
    cw("keys", "set", argument, "v")
    assert shared_redis("GET", name) == b"v"
    shown = cw("keys", "list", "*").stdout
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", shown) and len(shown.splitlines()) >= 1
    if name == HOSTILE:
        assert "evil\\x1b[31m\\xff\\x0aname" in shown.splitlines()
    assert cw("keys", "get", argument).stdout == "v"
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", cw("explain", argument).stdout)
    assert "1 deleted" in cw("keys", "del", argument).stderr
    assert shared_redis("EXISTS", name) == 0


def test_lists_go_over_all_pages(cw, shared_redis):
    shared_redis.fill(2500, key="page:{}")
    names = cw("keys", "list", "page:*", "--limit", "0").stdout.splitlines()
    assert len(names) == len(set(names)) == 2500
    some = cw("keys", "list", "page:*", "--limit", "30")
    assert len(some.stdout.splitlines()) == 30 and "--limit 0" in some.stderr
    listed = json.loads(cw("keys", "list", "page:*", "--limit", "0", "--json").stdout)
    assert len(listed["items"]) == 2500 and listed["complete"]
    assert json.loads(cw("keys", "list", "none:*", "--limit", "0", "--json").stdout) == {"items": [], "complete": True}
    # Its reader goes away.
    command = [PROGRAM, *cw("--version").args[1:3], "keys", "list", "page:*", "--limit", "0"]
    done = subprocess.run(["bash", "-c", '"$@" | head -2; echo "${PIPESTATUS[0]}"', "x", *command],
                          env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] in ("0", "141") and done.stderr == ""
    cw("invalidate", "page:*", "--yes")


# Its last line on standard error is the most memory that the program had, in KiB. A process inherits
# the figure of the one that it was forked from, so that one must be small.
MEASURE = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


def test_a_list_of_100000_keys_needs_no_memory(daemon, shared_redis):
    shared_redis.fill(100000, key="list:{}", batch=10000)
    done = subprocess.run([sys.executable, "-c", MEASURE, PROGRAM, *where(daemon), "keys", "list", "list:*", "--limit", "0"],
                          env=environment(), capture_output=True, check=True, timeout=DEADLINE)
    names, used = done.stdout.split(), int(done.stderr.split()[-1])
    assert len(names) == len(set(names)) == 100000
    assert SANITIZED or 1024 < used < 64 * 1024, used
    run(*where(daemon), "invalidate", "list:*", "--yes", "--max-keys", "200000")


def test_invalidate(cw, shared_redis):
    def fill():
        shared_redis.fill(120, key="shop:{}")
        for key in ("user:profile:7", "user:groups:7", "menu:1"):
            shared_redis("SET", key, "x")

    fill()
    refused = cw("invalidate", "shop:*", expect=2)
    assert "--yes" in refused.stderr and "nothing was done" in refused.stderr and not refused.stdout
    preview = cw("invalidate", "shop:*", "--dry-run").stdout
    # SCAN may give a name twice while Redis's table of keys shrinks.
    assert re.search(r"^pattern +shop:\* +12\d$", preview, re.M) and re.search(r"^12\d keys match\.", preview, re.M)
    assert "sample: shop:" in preview
    assert len(shared_redis.keys("shop:*")) == 120
    done = cw("invalidate", "shop:*", "--entity", "user=7", "--key", "menu:1", "--yes", "--note", "because").stdout
    assert "123 keys removed" in done and re.search(r"^pattern +shop:\* +12\d +120$", done, re.M)
    assert shared_redis.keys("shop:*") == shared_redis.keys("user:*") == shared_redis.keys("menu:*") == []
    fill()
    result = json.loads(cw("invalidate", "shop:*", "--yes", "--json", "--max-keys", "50", expect=1).stdout)
    assert result["complete"] is False and result["reason"] == "max_keys"
    cw("invalidate", "--key", "user:profile:7", "--no-cascade", "--yes")
    assert shared_redis.keys("user:*") == [b"user:groups:7"]
    assert json.loads(cw("invalidate", "shop:*", "--dry-run", "--json").stdout)["dry_run"] is True
    later = cw("invalidate", "shop:*", "--yes", "--spread", "1h", "--max-latency", "0", "--wait", "60").stdout
    assert "70 made to end later" in later and re.search(r"^pattern +shop:\* +7\d +0 +70$", later, re.M)
    assert "--spread" in cw("invalidate", "a*", "--soft", "--spread", "1h", "--yes", expect=2).stderr
    assert "nothing is selected" in cw("invalidate", "--yes", expect=2).stderr
    assert "NAME=ID" in cw("invalidate", "--entity", "user", "--yes", expect=2).stderr
    assert "contradict" in cw("invalidate", "a*", "--yes", "--dry-run", expect=2).stderr
    assert "(forbidden)" in cw("invalidate", "*", "--yes", expect=1).stderr
    assert "UTF-8" in cw("invalidate", "--key", HOSTILE.decode(errors="surrogateescape"), "--yes", expect=2).stderr
    cw("invalidate", "shop:*", "user:*", "menu:*", "--yes")


def test_a_soft_purge_says_what_became_stale(start, redis):
    daemon = start(open_config(redis, CONFIG), https=False)
    daemon.wait_redis()
    address = where(daemon)
    redis.fill(50, key="user:{}", ttl=3600)
    redis("SET", "user:short", "x", "EX", "300")
    redis("SET", "user:never", "x")
    hint = re.search(r"^hint +(.*)$", run(*address, "explain", "user:short").stdout, re.M)[1]
    assert "a TTL of less than 10m" in hint and "must add" in hint
    assert "another client, or keys expire" in run(*address, "explain", "user:never").stdout
    assert "hint" not in run(*address, "explain", "user:1").stdout
    out = run(*address, "invalidate", "user:*", "other:*", "--soft", "--yes").stdout
    assert re.search(r"^SELECTED BY +VALUE +MATCHED +REMOVED +MADE STALE$", out, re.M), out
    assert re.search(r"^pattern +user:\* +52 +0 +51$", out, re.M) and re.search(r"^pattern +other:\* +0 +0 +0$", out, re.M), out
    assert "0 keys removed, 51 made stale in" in out and "1 other key was stale before, or had gone." in out and "WARNING" not in out
    redis("FLUSHDB")  # a key that has a mark already needs no memory for another
    redis.fill(50, key="user:{}", ttl=3600)
    redis("CONFIG", "SET", "maxmemory", "1")
    done = run(*address, "invalidate", "user:*", "--soft", "--yes", expect=1)
    redis("CONFIG", "SET", "maxmemory", "0")
    out = done.stdout
    assert "refused the entry in the log of invalidations" in done.stderr and "then repeat it, which writes" in done.stderr
    removed = int(re.search(r"^WARNING: (\d+) keys were REMOVED instead of made stale", out, re.M)[1])
    assert f"{removed} keys removed, " in out and removed == 50 - len(redis.keys("user:*")) and removed >= 48
    text = until(lambda: (found := run(*address, "events").stdout) and "REDIS WAS FULL" in found and found, "the event")
    assert f"REDIS WAS FULL: {removed} keys were removed instead of made stale, by anonymous" in text
    assert f"{removed} keys were REMOVED by it instead" in run(*address, "explain", "user:1").stdout


def test_protected_keys_are_told(start, redis):
    daemon = start(open_config(redis, 'cache: {protected: ["p:keep*"]}\n'), https=False)
    daemon.wait_redis()
    redis("MSET", "p:keep", "x", "p:1", "x", "p:2", "x")
    assert "2 keys match; 1 other is protected.\n" in run(*where(daemon), "invalidate", "p:*", "--dry-run").stdout
    redis("SET", "p:keep2", "x")
    out = run(*where(daemon), "invalidate", "p:*", "--yes").stdout
    assert re.search(r"^2 keys removed in \S+\.\n2 other keys are protected\.$", out, re.M), out


def test_tags_and_ids_of_one_entity_are_one_list(cw, shared_redis):
    cw("keys", "set", "t:1", "x", "--tag", "red")
    cw("keys", "set", "t:2", "x", "--tag", "blue")
    for user in (1, 2):
        shared_redis("SET", f"user:profile:{user}", "x")
    shared_redis("SET", "dependent", "x")
    cw("deps", "t:9", "--add", "dependent")
    out = json.loads(cw("invalidate", "--tag", "red", "--tag", "blue", "--entity", "user=1", "--entity", "user=2",
                        "--dependents-of", "t:9", "--yes", "--json").stdout)
    assert out["complete"] and shared_redis.keys("t:*") == shared_redis.keys("user:*") == shared_redis.keys("dependent") == []


def test_lists_tell_what_is_stale(start, redis):
    daemon = start(open_config(redis, CONFIG), https=False)
    daemon.wait_redis()
    address = where(daemon)
    for key in ("user:1", "user:2", HOSTILE.decode(errors="surrogateescape")):
        run(*address, "keys", "set", key, "x", "--tag", "list", "--ttl", "-1" if key == "user:2" else "1h")
    run(*address, "invalidate", "--key", "user:1", "--soft", "--yes")
    lines = sorted(run(*address, "keys", "list", "--left").stdout.splitlines())
    assert [line.split()[0] for line in lines] == ["1h", "no", "stale"] and lines[2] == "stale      user:1", lines
    assert lines[0] == "1h         evil\\x1b[31m\\xff\\x0aname"
    table = run(*address, "tags", "list", "--left").stdout
    assert re.search(r"^KEY +STORED +EXPIRY AS TAGGED +LEFT$", table, re.M) and re.search(r"^user:1 +yes +in \S+ +stale$", table, re.M), table
    assert "LEFT" not in run(*address, "tags", "list").stdout
    assert "with --json" in run(*address, "keys", "list", "--left", "--json", expect=2).stderr
    assert "keys of one tag" in run(*address, "tags", "--left", expect=2).stderr


def test_expire(cw, shared_redis):
    shared_redis.fill(30, key="e:{}", ttl=-1)
    assert "--ttl is missing" in cw("expire", "e:*", "--yes", expect=2).stderr
    assert cw("expire", "e:*", "--ttl", "1h", expect=2).stdout == ""
    assert "30 keys match, 30 TTLs would change." in cw("expire", "e:*", "--ttl", "1h", "--dry-run").stdout
    assert shared_redis("TTL", "e:1") == -1
    assert "30 TTLs changed" in cw("expire", "e:*", "--ttl", "1h", "--jitter", "0.1", "--yes").stdout
    assert 3000 < shared_redis("TTL", "e:1") <= 3960
    assert "30 keys match, 0 TTLs would change." in cw("expire", "e:*", "--ttl", "1h", "--dry-run").stdout
    done = cw("expire", "e:*", "--ttl", "1h", "--yes")
    assert "0 TTLs changed" in done.stdout and "--only longer changes those with a longer TTL" in done.stderr
    assert "--only longer" not in cw("expire", "e:*", "--ttl", "10", "--only", "longer", "--dry-run").stderr
    assert "30 TTLs changed" in cw("expire", "e:*", "--ttl", "10", "--only", "all", "--yes").stdout
    assert "0 to 1" in cw("expire", "e:*", "--ttl", "1h", "--jitter", "2", "--yes", expect=2).stderr


def test_warm_jobs_and_operations(cw):
    done = cw("warm", "rows", "--note", "by hand")
    assert re.search(r"^rows +completed +1 +0 ", done.stdout, re.M)
    assert re.search(r"^rows +every 1h +completed", cw("jobs").stdout, re.M)
    failed = cw("warm", "rows", "broken", expect=1)
    assert re.search(r"^broken +failed", failed.stdout, re.M) and re.search(r"^rows +completed", failed.stdout, re.M)
    assert [run["state"] for run in json.loads(cw("warm", "rows", "--json").stdout)["runs"]] == ["completed"]
    assert "(unknown_job)" in cw("warm", "nope", expect=1).stderr
    begun = cw("warm", "slow", "--no-wait", "--json").stdout
    operation = json.loads(begun)["runs"][0]["operation_id"]
    assert re.search(rf"^{operation} +warm slow +running", cw("ops").stdout, re.M)
    assert re.search(r"^state +running$", cw("ops", operation).stdout, re.M)
    assert "is being cancelled" in cw("ops", "cancel", operation, "--note", "enough").stderr
    until(lambda: json.loads(cw("ops", operation, "--json").stdout)["state"] == "cancelled", "its end")
    out = cw("ops", "--kind", "warm", "--state", "failed", "--since", "1h", "--limit", "5").stdout
    assert "broken" in out and "slow" not in out
    assert "(unknown_operation)" in cw("ops", "nothing", expect=1).stderr
    assert "by its id alone" in cw("ops", operation, "--state", "failed", expect=2).stderr


def test_one_job_with_its_runs(cw):
    for _ in range(2):
        cw("warm", "broken", expect=1)
    cw("warm", "rows", "--note", "by hand")
    out = cw("jobs", "broken").stdout
    assert re.search(r"^schedule +.*suspended$", out, re.M) and re.search(r"^success +none$", out, re.M), out
    assert re.search(r"^last run +failed, .* by anonymous, operation \S+\nrows +0 read", out, re.M), out
    assert re.search(r"^error +source broken: false exited with status 1", out, re.M), out
    runs = re.findall(r"^[0-9a-f]{20} .* failed +0 +\S+ +anonymous +(.*)$", out, re.M)
    assert len(runs) >= 2 and "exited with status 1" in runs[0] and runs[1] == "the same", out
    rows = cw("jobs", "rows").stdout
    assert re.search(r"^rows +1 read, 1 stored, 0 skipped, 0 rejected$", rows, re.M) and "broken" not in rows
    assert json.loads(cw("jobs", "rows", "--json").stdout)["name"] == "rows"


@pytest.mark.parametrize("args,code", [
    (("jobs", "rwos"), "unknown_job"), (("warm", "rwos"), "unknown_job"), (("warm", "rwos", "--no-wait"), "unknown_job"),
    (("audit",), "unauthorized"), (("keys", "list", "p" * 600), "bad_pattern"), (("ops", "nothing"), "unknown_operation"),
    (("invalidate", "--key", "cw:x", "--yes"), "key_reserved"), (("keys", "get", "none"), "no_value")])
def test_with_json_errors_are_json_too(daemon, args, code):
    done = run(*where(daemon), *args, "--json", expect=1)
    error = json.loads(done.stdout)
    assert error["code"] == code and error["status"] >= 400 and error["title"] and error["detail"] and error["type"] == "about:blank"
    assert f"({code})" in done.stderr


def test_events_that_are_refused_are_json_too(start, redis, folder):
    daemon = start(config(redis, folder), https=False)
    done = run(*where(daemon), "events", "--follow", "--json", env={"CACHEWARDEN_TOKEN": "cw_wrong"}, expect=1)
    assert json.loads(done.stdout)["code"] == "unauthorized"


def test_what_a_limited_token_does_not_see_is_not_denied(start, redis, folder):
    limited = "cw_limited"
    sha = hashlib.sha256(limited.encode()).hexdigest()
    text = config(redis, folder).replace("tokens: [", f'tokens: [{{name: limited, sha256: {sha}, scopes: [read, keys], key_prefixes: ["other:"]}}, ')
    daemon = start(text, https=False)
    daemon.wait_redis()
    address, env = where(daemon), {"CACHEWARDEN_TOKEN": limited}
    run(*address, "keys", "set", "seen", "x", "--tag", "red", env={"CACHEWARDEN_TOKEN": TOKEN})
    assert run(*address, "jobs", env=env).stderr == \
        "No warm job is visible: the configuration has none, or the token's key_prefixes leave them out.\n"
    assert run(*address, "tags", "red", "--limit", "2", env=env).stderr.startswith(
        "No key of this tag is visible: it has none, or the token's key_prefixes leave them out.\n")
    until(lambda: run(*address, "namespaces", "--keys", "biggest", env={"CACHEWARDEN_TOKEN": TOKEN}).stdout, "a sample")
    assert run(*address, "namespaces", "--keys", "biggest", env=env).stderr.startswith(
        "No key of the sample is visible: it has none, or the token's key_prefixes leave them out.\n")


def test_names_that_are_not_known_are_answered_with_those_that_are(cw, daemon):
    done = cw("jobs", "rwos", expect=1)
    assert "there is no warm job 'rwos' (unknown_job)\nDid you mean rows? The jobs are " in done.stderr and "broken" in done.stderr
    assert "Did you mean slow? The jobs are " in cw("warm", "slwo", expect=1).stderr
    done = cw("warm", "nothing-like-it", "rows", expect=1)
    assert "Did you mean" not in done.stderr and "The jobs are " in done.stderr
    # The configuration is for the scope admin; without it the refusal stays alone.
    assert "Did you mean user? The entities are user." in cw("invalidate", "--entity", "usr=42", "--yes", token=True, expect=1).stderr
    assert cw("invalidate", "--entity", "usr=42", "--yes", expect=1).stderr.count("\n") == 1
    cw("keys", "set", "tagged", "x", "--tag", "orange")
    until(lambda: "Did you mean orange? The tags are " in cw("tags", "ornage").stderr, "the walk of the pruner")
    cw("keys", "del", "tagged")


def test_tags_dependencies_sessions_and_loaders(cw, daemon):
    cw("keys", "set", "d:1", "x", "--tag", "green")
    assert re.search(r"^d:1 +yes +in ", cw("tags", "green").stdout, re.M)
    until(lambda: re.search(r"^green +1 +0$", cw("tags").stdout, re.M), "the walk of the pruner")
    assert re.search(r"^user:groups:5 +rule$", cw("deps", "user:profile:5").stdout, re.M)
    assert re.search(r"^menu +stored$", cw("deps", "user:profile:5", "--add", "menu", "--note", "n").stdout, re.M)
    assert re.search(r"^user:profile:5 +1 ", cw("deps").stdout, re.M)
    assert "menu" in cw("deps", "user:profile:5", "--transitive").stdout
    assert "menu" not in cw("deps", "user:profile:5", "--remove", "menu").stdout
    assert "only looks" in cw("deps", "a", "--transitive", "--add", "b", expect=2).stderr
    text = cw("explain", "d:1").stdout
    assert re.search(r"^tags +green$", text, re.M) and re.search(r"^stored +string of 1 B", text, re.M)
    for _ in range(2):
        assert daemon.post("/api/v1/sessions", {"user_id": cw.name}, token=TOKEN).status == 201
    refs = re.findall(r"^([0-9a-f]{16}) ", cw("sessions", cw.name, token=True).stdout, re.M)
    assert len(refs) == 2
    assert "1 session ended" in cw("sessions", cw.name, refs[0], "--end", token=True).stderr
    assert "1 session ended" in cw("sessions", cw.name, "--end", token=True).stderr
    assert re.search(r"^row +id +row +closed", cw("loaders").stdout, re.M)
    cw("keys", "del", "d:1")


def test_events_of_the_past(cw, daemon):
    cw("invalidate", "none:*", "--yes", "--note", "two words")
    out = until(lambda: (text := cw("events", "--event", "invalidation", "--since", "1m").stdout)
                and "(two words)" in text and text, "the event")
    line = out.splitlines()[-1]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\S+Z invalidation by pattern: completed, 0 matched, 0 removed in [\d.]+m?s, "
                        r"by anonymous \(two words\), operation \S+, on test", line), line
    cw("warm", "broken", expect=1)
    event = until(lambda: re.search(r"^.* warm broken: failed, .*$", cw("events", "--event", "warm").stdout, re.M), "the run")[0]
    assert ": source broken: false exited with status 1" in event and ", by anonymous, operation" in event and "{" not in event
    cw("pause", "warming", "--for", "1h", "--note", "moved")
    cw("resume")
    pauses = until(lambda: re.findall(r"^.* pause (.*), on test$", cw("events", "--event", "pause").stdout, re.M)[-2:], "the pauses")
    assert re.fullmatch(r"warming is paused until \S+Z, by anonymous \(moved\)", pauses[0]) and pauses[1] == "warming runs again, by anonymous"
    cw("invalidate", "none:*", "--yes")
    first, second = (json.loads(cw("events", "--event", "invalidation", "--limit", n, "--json").stdout)["items"] for n in "12")
    assert len(first) == 1 and second[0] == first[0]
    assert "older ones" in cw("events", "--limit", "1").stderr
    assert "older ones" not in cw("events", "--limit", "1000").stderr
    assert "no such events" in cw("events", "--by", "nobody").stderr
    assert "none:*" in cw("events", "--event", "invalidation", "--detail", "--limit", "1").stdout
    assert "what is to come" in cw("events", "-f", "--since", "1h", expect=2).stderr


def test_the_audit_log(cw, daemon):
    assert daemon.get(API + "/stats", token="cw_wrong").status == 401
    cw("keys", "set", "audited:1", "x", token=True)
    cw("invalidate", "audited:*", "--yes", "--note", "for the record", token=True)
    out = cw("audit", "--limit", "0", token=True).stdout
    by = cw.name == "tcp" and r"all +127\.0\.0\.1 +" or r"all +\S+ +"
    assert re.search(rf"Z +{by}PUT cache/keys/audited:1 +completed ", out, re.M), out
    assert re.search(rf"Z +{by}invalidate pattern audited:\* +1 removed +for the record$", out, re.M), out
    assert re.search(r" invalidate pattern audited:\* +dry run: 1 match ", out) and " intent" not in out
    kinds = cw("audit", "--kind", "keys", token=True).stdout
    assert "audited:1" in kinds and "invalidate" not in kinds
    lines = cw("audit", "--lines", "--limit", "0", token=True).stdout
    assert re.search(rf"Z +{by}invalidate pattern audited:\* +intent +for the record$", lines, re.M), lines
    assert re.search(r"Z +all +- +invalidate pattern audited:\* +1 removed +for the record$", lines, re.M)
    assert re.search(r" invalidate pattern audited:\* +intent: dry run ", lines), lines
    cw("warm", "rows", "broken", token=True, expect=1)
    out = cw("audit", "--kind", "warm", "--limit", "1", token=True).stdout
    assert re.search(r" +failed: (rows 1 stored; broken 0 stored|broken 0 stored; rows 1 stored) ", out), out
    cw("pause", "warming", "--for", "259200", token=True)
    cw("resume", token=True)
    assert " pause warming, for 3d " in cw("audit", "--kind", "pause", "--limit", "1", token=True).stdout
    assert re.search(r" +refused: unauthorized ", cw("audit", "--state", "refused", token=True).stdout)
    assert cw("audit", "--by", "nobody", "--since", "1h", token=True).stdout == ""
    assert len(json.loads(cw("audit", "--limit", "3", "--json", token=True).stdout)["items"]) == 3
    assert "(unauthorized)" in cw("audit", expect=1).stderr


class Following:
    """events --follow in a pipe; its lines as they come."""

    def __init__(self, *args):
        self.process = subprocess.Popen([PROGRAM, *args], env=environment(), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.lines, self.said = [], []
        self.threads = [threading.Thread(target=self._read, args=pair) for pair in (
            (self.process.stdout, self.lines), (self.process.stderr, self.said))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _read(file, lines):
        for line in file:
            lines.append(line.rstrip("\n"))

    def wait(self, text):
        return until(lambda: next((line for line in self.lines if text in line), None), text)

    def close(self):
        self.process.kill()
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait()


@pytest.fixture
def following():
    opened = []

    def make(*args):
        opened.append(Following(*args))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_events_are_followed_over_restarts_of_the_daemon(start, redis, following):
    port = free_port()
    config = open_config(redis).replace("127.0.0.1:0", f"127.0.0.1:{port}")
    daemon = start(config, https=False)
    daemon.wait_redis()
    address = where(daemon)
    one, each = following(*address, "events", "-f"), following(*address, "events", "--follow", "--json", "--event", "invalidation")

    def happens(note):
        # Until both have connected, what happens is of the past for them.
        def seen():
            daemon.invalidate({"patterns": ["none:*"], "note": note})
            return all(any(note in line for line in lines) for lines in (one.lines, each.lines))

        until(seen, note)

    happens("first")
    assert daemon.stop() == 0
    until(lambda: any("trying again" in line for line in one.said), "that it is told")
    daemon = start(config, https=False)
    daemon.wait_redis()
    happens("second")
    assert json.loads(each.wait("second"))["event"] == "invalidation"
    assert daemon.post(API + "/reload").status == 200
    one.wait("config a reload took effect, on ")
    assert not [line for line in each.lines if '"event":"config"' in line]
    assert one.process.poll() is None and sum("trying again" in line for line in one.said) == 1


def test_events_cannot_be_followed(start, redis, folder):
    assert "Is cachewardend running?" in run("--socket", folder + "/none", "events", "-f", expect=3).stderr
    daemon = start(re.sub(r"anonymous: \[.*?\]", "anonymous: [metrics]", open_config(redis)), https=False)
    assert "(unauthorized)" in run(*where(daemon), "events", "-f", expect=1).stderr


@pytest.mark.parametrize("args", [("token", "new", "--name", "a", "--scopes", "read"), ("help",), ("jobs",), ("completion", "zsh")])
def test_a_pipe_that_is_closed_ends_a_command_silently(daemon, args):
    ends = os.pipe()
    os.close(ends[0])
    with os.fdopen(ends[1], "wb") as closed:
        done = subprocess.run([PROGRAM, *where(daemon), *args], env=environment(), stdout=closed, stderr=subprocess.PIPE,
                              text=True, check=False)
    assert done.returncode == -signal.SIGPIPE and done.stderr == ""


def test_events_end_with_their_reader(daemon):
    command = [PROGRAM, *where(daemon), "events", "-f"]
    shell = subprocess.Popen(["bash", "-c", '"$@" | head -1', "x", *command], env=environment(), stdout=subprocess.PIPE, text=True)

    def ended():
        daemon.invalidate({"patterns": ["none:*"]})
        return shell.poll() is not None

    until(ended, "the end of the pipe")
    assert len(shell.stdout.read().splitlines()) == 1
    shell.stdout.close()


def test_what_redis_says(cw, shared_redis, daemon):
    shared_redis("CONFIG", "SET", "slowlog-log-slower-than", "0")
    shared_redis("GET", "slow:1")
    shared_redis("CONFIG", "SET", "slowlog-log-slower-than", "10000")
    assert re.search(r" GET +slow:1 +1 ", cw("slowlog", "--limit", "100").stdout)
    assert re.search(r"^cachewarden\S* .* +\d+ +0 ", cw("clients").stdout, re.M)
    assert re.search(r"^get +\d", cw("latency").stdout, re.M)
    assert json.loads(cw("clients", "--json", "--limit", "1").stdout)["connections"] >= 2
    shared_redis.fill(40, key="many:{}")
    until(lambda: re.search(r"^many:\* +detected +40 ", cw("namespaces").stdout, re.M), "the sample")
    whole = cw("namespaces").stdout
    shares = [float(share) for share in re.findall(r"B +(\d+\.\d) % ", whole)]
    assert "OF MEMORY" in whole and 99 < sum(shares) < 101, whole
    shared_redis("SET", "large", "x" * 100000)
    until(lambda: re.search(r"^large +\d+\.\d KiB$", cw("namespaces", "--keys", "biggest").stdout, re.M), "the biggest key")
    assert re.search("^large ", cw("namespaces", "--keys", "unmatched").stdout, re.M)
    assert "not known" in cw("namespaces", "--keys", "hot").stderr
    assert "up to 20" in cw("namespaces", "--keys", "hot", "--limit", "5", expect=2).stderr
    cw("keys", "del", "large")
    done = cw("namespaces", "--sort", "bytes", "--limit", "1")
    assert re.search(r"keys looked at \((scan|randomkey)\)", done.stderr)
    cw("invalidate", "many:*", "--yes")


def test_a_refused_reload_says_why(start, redis):
    daemon = start(open_config(redis), https=False)
    daemon.wait_redis()
    with open(daemon.config_path, "a", encoding="ascii") as file:
        file.write("limitz: {}\ncache: {ttl: never}\n")
    assert daemon.post(API + "/reload").status == 422
    out = run(*where(daemon), "health", expect=1).stdout
    assert re.search(r"^test +DEGRADED +because of config$", out, re.M), out
    assert re.search(r"^redis +UP +Redis answers within \S+ ms", out, re.M) or "maxmemory" in out, out
    assert re.search(r"^config +DEGRADED +the last reload was refused; .* [(]correct the file, then cachewarden reload[)]$", out, re.M), out
    assert re.search(r"^ +\S+:\d+: .*limitz", out, re.M)
    admin = run(*where(daemon), "doctor", env={"CACHEWARDEN_TOKEN": TOKEN}, expect=1).stderr
    assert "(unauthorized)" in admin or "(forbidden)" in admin


def test_the_doctor_says_what_to_type(start, redis, folder):
    daemon = start(config(redis, folder), https=False)
    daemon.wait_redis()
    address, token = where(daemon), {"CACHEWARDEN_TOKEN": TOKEN}
    with open(daemon.config_path, "a", encoding="ascii") as file:
        file.write("limitz: {}\ncachee: {ttl: never}\n")
    assert daemon.post(API + "/reload", token=TOKEN).status == 422
    out = run(*address, "doctor", env=token).stdout
    assert re.search(r"^warning +the last reload was refused, .*limitz.*\n +\S+:\d+: .*cachee", out, re.M) and "\\x0a" not in out, out
    assert re.search(r"^type +cachewarden config check FILE; cachewarden reload$", out, re.M), out
    assert re.search(r"^verdict +everything works, but see the warnings above$", out, re.M), out
    run(*address, "warm", "broken", expect=1)
    out = run(*address, "doctor", env=token, expect=1).stdout
    assert re.search(r"^error +the last run of the warm job broken failed", out, re.M), out
    assert re.search(r"^type +cachewarden jobs broken; cachewarden warm broken$", out, re.M), out
    run(*address, "pause", "warming", "--for", "10m", "--note", "moved", env=token)
    out = run(*address, "doctor", env=token, expect=1).stdout
    assert re.search(r"^but +warming is paused by all \(moved\), .*; ends in \d+m.*: no run starts before\n"
                     r"type +cachewarden jobs broken; cachewarden resume warming; cachewarden warm broken$", out, re.M), out


def test_pause_resume_and_reload(cw):
    assert re.search(r"^warming +paused +in ", cw("pause", "warming", "--for", "10m", "--note", "n").stdout, re.M)
    assert re.search(r"^warming +paused", cw("pause").stdout, re.M)
    assert "(paused)" in cw("warm", "rows", expect=1).stderr
    assert re.search(r"^warming +runs", cw("resume", "warming").stdout, re.M)
    assert "what shall be paused" in cw("pause", "--for", "1h", expect=2).stderr
    assert "in force" in cw("reload", "--note", "again").stderr


# Without a daemon ---------------------------------------------------------------------------------


def test_a_new_token_is_accepted(start, redis, folder):
    new = json.loads(run("token", "new", "--name", "dash", "--scopes", "read,keys", "--prefix", "a:", "--expires",
                         "2999-01-01", "--json").stdout)
    daemon = start(re.sub("anonymous: .*", f"anonymous: []\n  tokens: [{json.dumps(new['row'])}]",
                          open_config(redis).replace("auth: {", "auth:\n  ").replace("}\nredis", "\nredis")), https=False)
    path = os.path.join(folder, "token")
    with open(path, "w", encoding="ascii") as file:
        file.write(new["token"] + "\n")
    os.chmod(path, 0o600)
    assert "redis" in run(*where(daemon), "--token-file", path, "stats").stdout
    assert "redis" in run(*where(daemon), "stats", env={"CACHEWARDEN_TOKEN_FILE": path}).stdout
    assert "(forbidden)" in run(*where(daemon), "warm", env={"CACHEWARDEN_TOKEN": new["token"]}, expect=1).stderr
    refused = run(*where(daemon), "stats", expect=1)
    assert "--token-file" in refused.stderr and new["token"] not in refused.stderr
    assert json.loads(run(*where(daemon), "stats", "--json", expect=1).stdout)["code"] == "unauthorized"
    for mode, why in ((0o644, "by others"), (0o604, "by others"), (0o660, "by others")):
        os.chmod(path, mode)
        done = run(*where(daemon), "--token-file", path, "stats", expect=2)
        assert why in done.stderr and new["token"] not in done.stderr
    os.chmod(path, 0o640)
    run(*where(daemon), "--token-file", path, "stats")


def test_what_is_piped_of_a_new_token(folder):
    words = ("token", "new", "--name", "a", "--scopes", "read")
    path = os.path.join(folder, "token")
    plain = run(*words)
    assert re.fullmatch(r"cw_\S{43}\n", plain.stdout) and plain.stdout.strip() not in plain.stderr
    assert hashlib.sha256(plain.stdout.strip().encode()).hexdigest() in plain.stderr
    saved = run(*words, "--save", path)
    with open(path, encoding="ascii") as file:
        token = file.read()
    assert os.stat(path).st_mode & 0o777 == 0o600 and re.fullmatch(r"cw_\S{43}\n", token)
    row = json.loads(saved.stdout.removeprefix("- "))
    assert row["sha256"] == hashlib.sha256(token.strip().encode()).hexdigest() and token.strip() not in saved.stderr
    # What is there stays.
    assert "File exists" in run(*words, "--save", path, expect=1).stderr
    assert run(*words, "--save", folder + "/none/token", expect=1).stdout == ""
    told = json.loads(run(*words, "--save", path + "2", "--json").stdout)
    assert told["token_file"] == path + "2" and told["row"]["name"] == "a"
    # The rows are a file of tokens, as they come.
    config = os.path.join(folder, "c.yaml")
    for name, text in (("rows.yaml", saved.stdout), ("c.yaml", f"auth: {{tokens_file: {folder}/rows.yaml}}\n")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(file.name, 0o600)
    run("config", "check", config)


@pytest.mark.parametrize("args,why", [
    (("--name", "a"), "required"), (("--name", "a", "--scopes", "reed"), "not reed"),
    (("--name", "a", "--scopes", "read,"), "must not be empty"), (("--name", "a", "--scopes", "read", "--expires", "soon"), "--expires"),
    (("--name", "a", "--scopes", "read", "--expires", "2001-01-01"), "has passed"),
    (("--name", "a", "--scopes", "read", "--prefix", ""), "--prefix"), (("--name", "a", "--name", "b"), "twice")])
def test_tokens_that_make_no_sense(args, why):
    done = run("token", "new", *args, expect=2)
    assert why in done.stderr and done.stdout == ""


def test_config_check(folder):
    path = os.path.join(folder, "c.yaml")
    for text, code in (("name: a\n", 0), ("nmae: a\n", 1)):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
        done = run("config", "check", path, expect=code)
        assert (f"{path}: ok" in done.stdout) == (code == 0)
        assert json.loads(run("config", "check", path, "--json", expect=code).stdout)["ok"] == (code == 0)
    assert f"{path}:1: nmae" in done.stderr


@pytest.mark.parametrize("args,why", [
    (("nothing",), "there is no command nothing"), (("keys",), "second word"), (("keys", "get"), "an argument is missing"),
    (("stats", "more"), "too many"), (("stats", "--nope"), "there is no option --nope"), (("stats", "--ttl", "1"), "stats has no option --ttl"),
    (("keys", "set", "k", "v", "--ttl"), "needs a value"), (("--json=1", "stats"), "takes no value"),
    (("--url", "a", "--socket", "b", "stats"), "contradict"), (("--url", "ftp://a", "stats"), "http://"),
    (("--url", "http://user:secret@a", "stats"), "--token-file"), (("keys", "set", "k", "v", "--ttl", "soon"), "1h30m"),
    (("keys", "get", ""), "empty"), (("top",), "needs a terminal"), (("completion", "csh"), "csh"),
    (("--token-file", "/nonexistent", "stats"), "cannot be read"), (("--token-file", "/dev/zero", "stats"), "not a regular file"),
    (("warm", "a\udcff"), "the job a\\xff is not UTF-8"), (("warm", "a", "--note", "\udcff"), "the note \\xff is not UTF-8"),
    (("ops", "cancel", "a", "--note", "\udcff"), "not UTF-8"), (("config", "check", ""), "must not be empty"),
    (("stat",), "did you mean stats?"), (("keys", "gett", "k"), "did you mean keys get?"), (("warm", "--notr", "x"), "did you mean --note?"),
    (("jobs", "--stat", "failed"), "there is no option --stat: cachewarden help jobs"), (("ops", "--stat", "failed"), "did you mean --state?"),
    (("keys", "x"), "get, set, ttl"), (("ops", ""), "must not be empty"), (("ops", "cancel", ""), "must not be empty"),
    (("ops", "--limit", "0"), "--limit"), (("sessions", "u", "ref"), "--end"), (("--ca-file", "/nonexistent", "stats"), "/nonexistent"),
    (("--url", "", "stats"), "empty"), (("--socket", "", "stats"), "empty"), (("--token-file", "", "stats"), "empty"),
    (("--url", "http://a:99999", "stats"), "not the address"), (("--url", "http://[::1", "stats"), "not the address"),
    (("events", "--event", "foo"), "--event takes invalidation, warm, alert, breaker, config, pause or gap, not foo"),
    (("ops", "--kind", "foo"), "--kind takes invalidate, expire or warm, not foo"), (("ops", "--state", ""), "--state must not be empty"),
    (("audit", "--state", "done"), "--state takes intent,"), (("expire", "a", "--ttl", "1", "--only", "some"), "persistent, longer or all"),
    (("pause", "warming", "all"), "pause takes warming or invalidation, not all"), (("resume", "warm"), "not warm"),
    (("help", "--roff", "x"), "cachewarden.1"), (("namespaces", "--sort", "size"), "keys or bytes"),
    (("pause", "warming", "--for", "8d"), "--for takes at most 7d, not 8d"), (("pause", "warming", "--for", "0"), "--for takes at least 1s, not 0"),
    (("invalidate", "a", "--yes", "--spread", "700000"), "--spread takes at most 7d, not 700000"),
    (("invalidate", "a", "--yes", "--max-latency", "1m"), "--max-latency takes at most 10s, not 1m"),
    (("invalidate", "a", "--yes", "--max-latency", "fast"), "milliseconds or a duration such as 5ms, not fast"),
    (("invalidate", "a", "--yes", "--wait", "-3"), "--wait must be whole seconds"), (("invalidate", "a", "--yes", "--wait", ""), "--wait must not be empty"),
    (("expire", "a", "--yes", "--ttl", "0"), "--ttl takes at least 1s, or -1 for no expiry, not 0"),
    (("expire", "a", "--yes", "--ttl", "11y"), "--ttl must be whole seconds or a duration such as 1h30m, or -1 for no expiry, not 11y"),
    (("keys", "set", "k", "v", "--ttl", "4000d"), "--ttl takes at most 3650d, or -1"), (("keys", "expire", "k", "0"), "the TTL takes at least 1s"),
    (("ops", "--since", "yesterdy"), "--since is not a moment: yesterdy. It takes"), (("events", "--since", "25:00"), "'yesterday 14:00'"),
    (("audit", "--until", "2026-13-01"), "--until is not a moment"), (("audit", "--since", ""), "--since must not be empty: it takes"),
    (("ops", "--since", "2900-01-01"), "--since 2900-01-01 is yet to come"), (("audit", "--since", "1h", "--until", "2h"), "nothing is between"),
    (("ops", "--since", "tomorrow"), "is yet to come"), (("token", "new", "--name", "a", "--scopes", "read", "--expires", "soon"), "tomorrow 14:00")])
def test_wrong_usage_sends_nothing(args, why):
    env = {} if "--url" in args or "--socket" in args else {"CACHEWARDEN_URL": "http://127.0.0.1:1"}
    done = run(*args, env=env, expect=2)
    assert why in done.stderr and done.stdout == ""


def test_moments_are_those_of_the_terminal(other):
    """In its time zone, which the daemon need not know; -14 hours from UTC is never the daemon's."""
    other.body = b'{"items": [], "next": null}'

    def sent(*args, zone="UTC"):
        run("--url", other.url, *args, env={"TZ": zone})
        return urllib.parse.parse_qs(urllib.parse.urlsplit(other.requests[-1]).query)

    assert sent("ops", "--since", "2026-11-30") == {"limit": ["20"], "since": ["2026-11-30T00:00:00.000Z"]}
    assert sent("ops", "--since", "2026-11-30", zone="XYZ-14")["since"] == ["2026-11-29T10:00:00.000Z"]
    for text in ("2026-11-30 06:30", "2026-11-30T06:30", "2026-11-30T06:30:00"):
        assert sent("audit", "--since", text, zone="XYZ-14")["since"] == ["2026-11-29T16:30:00.000Z"]
    assert sent("events", "--until", "2026-11-30T06:30:00.250Z", zone="XYZ-14")["until"] == ["2026-11-30T06:30:00.250Z"]
    assert sent("events", "--since", "2026-11-30T06:30:00+02:00")["since"] == ["2026-11-30T04:30:00.000Z"]
    before = datetime.datetime.now(datetime.timezone.utc)
    since = datetime.datetime.fromisoformat(sent("ops", "--since", "yesterday", zone="XYZ-14")["since"][0].replace("Z", "+00:00"))
    assert since.hour == 10 and 24 * 3600 <= (before - since).total_seconds() < 49 * 3600
    since = datetime.datetime.fromisoformat(sent("ops", "--since", "14:00")["since"][0].replace("Z", "+00:00"))
    assert since.hour == 14 and 0 <= (before - since).total_seconds() < 25 * 3600
    for begin, end in (("23:00", "23:30"), ("11:00", "11:30"), ("23:30", "0:30")):
        moments = sent("events", "--since", begin, "--until", end)
        since, last = (datetime.datetime.fromisoformat(moments[name][0].replace("Z", "+00:00")) for name in ("since", "until"))
        assert (last - since).total_seconds() in (1800, 3600), moments


def test_alerts_are_counted_by_their_states(other):
    other.body = json.dumps({"alerts": [{"state": state} for state in ("resolved", "firing", "pending", "resolved")]}).encode()
    assert re.search(r"^alerts +1 firing, 1 pending, 2 resolved: cachewarden alerts$", run("--url", other.url, "stats").stdout, re.M)
    other.body = b'{"alerts": []}'
    assert re.search(r"^alerts +none$", run("--url", other.url, "stats").stdout, re.M)


def test_options_end_at_two_dashes(cw, shared_redis):
    cw("keys", "set", "--", "--yes", "-1")
    assert shared_redis("GET", "--yes") == b"-1"
    assert cw("keys", "get", "--", "--yes").stdout == "-1"
    cw("keys", "del", "--", "--yes")


def test_help_describes_every_command():
    text = run("help").stdout
    assert run("--help").stdout == text and run(expect=2).stdout == text
    for name in re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", text.split("Options")[0], re.M):
        described = run("help", *name.split()).stdout
        assert f"Usage: cachewarden {name}" in described and re.search(rf"^Examples:\n(?:.*\n)*?.*{name}", described, re.M), name
        assert f"Usage: cachewarden {name}" in run(*name.split(), "--help").stdout
    assert "there is no command nope" in run("help", "nope", expect=2).stderr


# What does not work --------------------------------------------------------------------------------


def test_no_daemon(folder):
    done = run("--socket", folder + "/none.sock", "stats", expect=3)
    assert "Is cachewardend running?" in done.stderr and folder in done.stderr and done.stdout == ""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        done = run("stats", env={"CACHEWARDEN_URL": "http://127.0.0.1:%d" % taken.getsockname()[1]}, expect=3)
    assert "Connection refused" in done.stderr
    assert "CACHEWARDEN_URL and CACHEWARDEN_SOCKET" in run(
        "stats", env={"CACHEWARDEN_URL": "http://a", "CACHEWARDEN_SOCKET": "b"}, expect=2).stderr


def test_a_socket_that_is_not_for_the_caller(folder):
    path = folder + "/s.sock"
    # Root may use any, unless it is without this capability.
    before = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        os.chmod(path, 0)
        done = subprocess.run([*before, PROGRAM, "--socket", path, "stats"], env=environment(), capture_output=True, text=True,
                              check=False)
    assert done.returncode == 3 and f"you may not use the socket {path}" in done.stderr


class Other(http.server.BaseHTTPRequestHandler):
    """What is not this cachewardend: an answer for each path."""
    status, body, length, requests = 200, b"{}", None, []

    def answer(self):
        type(self).requests.append(self.path)
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(self.length or len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def other():
    kind = type("Another", (Other,), {"requests": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    kind.url = "http://127.0.0.1:%d" % server.server_address[1]
    yield kind
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_answer_that_is_cut(other):
    other.body, other.length = b'{"status": ', 1000
    assert "no whole answer" in run("--url", other.url, "stats", expect=3).stderr
    done = run("--url", other.url, "reload", expect=3)
    assert "not known" in done.stderr and "cachewarden ops" in done.stderr
    # What may have taken effect is not sent again.
    assert other.requests.count(API + "/reload") == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"[]", b'"\xff"', b"null"])
def test_an_answer_of_something_else(other, body):
    other.body = body
    for status in (200, 404, 503):
        other.status = status
        done = run("--url", other.url, "stats", expect=0 if status == 200 and body in (b"[]", b"null") else 1)
        assert "Traceback" not in done.stderr
        if status != 200:
            assert "is that the right address?" in done.stderr


def test_an_older_and_a_newer_daemon(other):
    """Members that are missing are not known, others are left alone; a command may not exist there."""
    other.body = b'{"name": "old", "redis": {"status": "up", "memory": 7}, "news": [1, {"a": null}]}'
    out = run("--url", other.url, "stats").stdout
    assert re.search(r"^name +old, no figures yet: no sample was taken\nredis +up, - - -, since -$", out, re.M), out
    for command in (("jobs",), ("loaders",), ("alerts",), ("tags",), ("deps",), ("ops",), ("explain", "k"), ("pause",),
                    ("sessions", "u"), ("keys", "list"), ("events",), ("audit",), ("namespaces",), ("keys", "list", "--left")):
        run("--url", other.url, *command)
    assert "there is no warm job 'x'" in run("--url", other.url, "jobs", "x", expect=1).stderr
    other.status = 404
    other.body = b'{"title": "There is nothing at this address", "status": 404, "code": "not_found", '
    other.body += b'"detail": "no such path; docs/api.md lists all"}'
    assert "an older daemon may not offer" in run("--url", other.url, "alerts", expect=1).stderr


def test_pages_that_lead_to_themselves_end(other):
    other.body = b'{"items": [{"key": "a", "key_encoding": "utf-8"}], "next": "7"}'
    done = run("--url", other.url, "keys", "list", "--limit", "0", expect=1)
    assert done.stdout == "a\na\n" and "the same page again and again" in done.stderr
    out = run("--url", other.url, "keys", "list", "--limit", "0", "--json", expect=1).stdout
    assert json.loads(out)["complete"] is False


# What the daemon refuses, with the words of the command line that must be said: never a route, a member of a body or
# a query parameter.
REFUSALS = [
    (("invalidate", "x", "--entity", "users=1", "--yes"), r"^cachewarden: --entity users is not an entity"),
    (("invalidate", "a*", "", "--yes"), "^cachewarden: the pattern must not be empty"),
    (("invalidate", "a*", "b" * 600, "--yes"), "^cachewarden: the pattern b{64}[.]{3}: the pattern has 600 bytes"),
    (("invalidate", "--key", "a", "--key", "cw:x", "--yes"), "^cachewarden: 'cw:x' is reserved"),
    (("invalidate", "--tag", "a\nb", "--yes"), "^cachewarden: --tag a.*control"),
    (("invalidate", "a*", "--max-keys", "99999999999", "--yes"), "--max-keys is 99999999999; invalidate.max_keys allows"),
    (("invalidate", "a*", "--note", "n" * 201, "--yes"), "^cachewarden: --note is longer than 200 bytes"),
    (("expire", "a*", "--ttl", "-1", "--yes"), "^cachewarden: --ttl -1 .* needs --only all"),
    (("warm", "nope"), "^cachewarden: there is no warm job 'nope'; nothing was started"),
    (("warm", "rows", "--note", "n" * 201), "--note is longer"),
    (("ops", "nothing"), "there is no operation 'nothing'(?s:.*)cachewarden ops lists them"),
    (("keys", "get", "cw:x"), "'cw:x' is reserved"), (("keys", "get", "none"), "the key does not exist"),
    (("keys", "get", "k" * 2000), "has 2000 bytes"), (("keys", "list", "p" * 600), "the pattern has 600 bytes"),
    (("keys", "del", "a", "session:1"), "'session:1' is reserved"),
    (("deps", "a", "--add", "b", "--remove", "b"), "^cachewarden: a key is in both --add and --remove"),
    (("deps", "a", "--add", "cw:x"), "cw:x"), (("explain", "session:x"), "'session:x' is reserved"),
]


def test_what_is_refused_is_said_in_the_words_of_the_command_line(daemon):
    def case(args, words):
        done = run(*where(daemon), *args, env={"CACHEWARDEN_TOKEN": TOKEN}, expect=1)
        lines = done.stderr.splitlines()
        assert re.search(words, done.stderr, re.M) and done.stdout == "", done.stderr
        assert not re.search(r"\b(GET|POST|PUT|DELETE) |/api/|\bparameter|(^|\s)/\w|Bearer|the body", done.stderr), done.stderr
        # Nothing is said twice, within a line or in another.
        parts = [part for line in lines for part in re.split(r"[:;] ", line.removeprefix("cachewarden: "))]
        assert len(parts) == len(set(parts)), done.stderr

    together(case, REFUSALS)


def test_a_run_whose_daemon_dies_is_followed_to_its_end(start, redis):
    port = free_port()
    config = open_config(redis, CONFIG).replace("127.0.0.1:0", f"127.0.0.1:{port}")
    daemon = start(config, https=False)
    daemon.wait_redis()
    daemon.expect_exit = -signal.SIGKILL
    process = subprocess.Popen([PROGRAM, *where(daemon), "warm", "slow"], env=environment(), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    until(lambda: daemon.stats()["warming"]["running"] == 1, "the run")
    daemon.stop(signal.SIGKILL)
    start(config, https=False).wait_redis()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and re.search(r"^slow +interrupted ", out, re.M), (out, err)


def test_health_that_is_not_up(start, redis):
    daemon = start(open_config(redis), https=False)
    daemon.wait_redis()
    redis.kill()
    daemon.wait_redis("down")
    done = run(*where(daemon), "health", expect=1)
    assert re.search(r"^redis +DOWN", done.stdout, re.M)
    assert json.loads(run(*where(daemon), "health", "--json", expect=1).stdout)["status"] == "DOWN"


def test_failing_jobs_and_pauses_are_told_with_their_reasons(start, redis):
    daemon = start(open_config(redis, CONFIG), https=False)
    daemon.wait_redis()
    address = where(daemon)
    run(*address, "warm", "broken", expect=1)
    run(*address, "pause", "warming", "--for", "10m", "--note", "moved\x1b[1m")
    text = run(*address, "health", expect=1).stdout
    assert re.search(r"^warming +DEGRADED +1 of 3 jobs is failing; warming is paused [(]cachewarden jobs NAME shows its runs[)]\n +broken failed \S+.*: source broken: false exited with status 1$", text, re.M), text
    paused = r"paused by anonymous \(moved\\x1b\[1m\), .*; ends in \d+m"
    assert re.search(paused, text)
    operation = re.search(r"^(\S+) +warm broken", run(*address, "ops").stdout, re.M)[1]
    shown = run(*address, "ops", operation).stdout
    assert re.search(r"^result.duration +[\d.]+m?s$", shown, re.M) and "_ms" not in shown, shown
    assert re.search(r"^result.first_errors +source broken: false exited with status 1", shown, re.M) and "{}" not in shown, shown
    jobs = run(*address, "jobs")
    assert re.search(paused, jobs.stderr) and re.search(r"^broken .* false exited with status 1$", jobs.stdout, re.M)
    run(*address, "resume")
    assert "paused" not in run(*address, "health", expect=1).stdout and run(*address, "jobs").stderr == ""


@pytest.mark.topology("server", "tls", why="refuses writes by a setting of the one server")
def test_runs_that_were_missed_are_told(start, redis):
    jobs = """warm: {jobs: [{name: rows, schedule: {every: 1s}, source: {type: command, argv: [printf, '{"id": 1}\\n'], format: jsonl}, key: "rows:{id}"}]}"""
    daemon = start(open_config(redis, jobs), https=False)
    until(lambda: redis("EXISTS", "rows:1"), "a run")
    address = where(daemon)
    assert "missed" not in run(*address, "jobs").stdout
    redis("CONFIG", "SET", "min-replicas-to-write", 1)
    line = until(lambda: re.search(r"^rows .* missed \S+( ago)?: .*NOREPLICAS.*$", run(*address, "jobs").stdout, re.M), "the missed run")
    assert line
    until(lambda: daemon.health().json["components"]["warming"]["details"]["missed_jobs"], "health")
    assert re.search(r"^ +rows missed \S+( ago)?: .*NOREPLICAS", run(*address, "health", expect=1).stdout, re.M)
    assert re.search(r"^missed +\d+ runs? since the start of the daemon, the last one .*NOREPLICAS", run(*address, "jobs", "rows").stdout, re.M)
    text = run(*address, "events", "--event", "warm").stdout
    assert re.search(r" warm rows: missed, due at \S+Z: .*NOREPLICAS.*, by scheduler", text), text
    redis("CONFIG", "SET", "min-replicas-to-write", 0)
    until(lambda: " missed " not in run(*address, "jobs").stdout, "the next run")


def test_https_and_its_authority(start, redis, folder):
    daemon = start(open_config(redis), https=True)
    assert "--ca-file" in run(*where(daemon), "stats", expect=3).stderr
    certificate = re.search(r'certificate: "([^"]*)"', daemon.https.lines)[1]
    authority = os.path.join(os.path.dirname(certificate), "authority.crt")
    run(*where(daemon), "--ca-file", authority, "stats")
    run(*where(daemon), "stats", env={"CACHEWARDEN_CA_FILE": authority})


def test_a_daemon_that_wants_a_certificate_of_its_clients(start, redis, folder):
    servers, clients, strangers = (Authority(folder, name) for name in ("servers", "clients", "strangers"))
    certificate, key = servers.issue("localhost", "127.0.0.1")
    tls = f"tls: {{certificate: {certificate}, key: {key}, client_ca: {clients.certificate}}}\n"
    daemon = start(tls + open_config(redis), https=False)
    address = (*where(daemon), "--ca-file", servers.certificate)

    def pair(authority):
        paths = authority.issue("ops")
        os.chmod(paths[1], 0o600)
        return paths

    (mine, secret), (other, other_secret) = pair(clients), pair(strangers)
    run(*address, "--cert-file", mine, "--key-file", secret, "stats")
    run(*address, "stats", env={"CACHEWARDEN_CERT_FILE": mine, "CACHEWARDEN_KEY_FILE": secret})
    both = os.path.join(folder, "both.pem")
    with open(both, "w", encoding="ascii") as file:
        for path in (mine, secret):
            with open(path, encoding="ascii") as part:
                file.write(part.read())
    os.chmod(both, 0o600)
    run(*address, "--cert-file", both, "stats")
    for command in (("stats",), ("reload",)):
        assert "wants a certificate of its clients: --cert-file" in run(*address, *command, expect=3).stderr
        done = run(*address, "--cert-file", other, "--key-file", other_secret, *command, expect=3)
        assert "client_ca must have signed the certificate" in done.stderr, done.stderr
    done = run(*address, "--cert-file", mine, "--key-file", other_secret, "stats", expect=3)
    assert f"the certificate {mine} with the key {other_secret} cannot be used" in done.stderr
    assert "needs its certificate" in run(*address, "--key-file", secret, "stats", expect=2).stderr
    assert "/nonexistent cannot be read" in run(*address, "--cert-file", "/nonexistent", "stats", expect=2).stderr
    os.chmod(secret, 0o644)
    assert "by others: chmod 600" in run(*address, "--cert-file", mine, "--key-file", secret, "stats", expect=2).stderr


def test_standard_output_that_cannot_be_written(daemon):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM, *where(daemon), "stats"], env=environment(), stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and "No space left" in done.stderr


# The table ------------------------------------------------------------------------------------------


def test_the_reference_is_the_table():
    with open(os.path.join(ROOT, "docs", "cli.md"), encoding="utf-8") as file:
        text = file.read()
    reference = run("help", "--markdown").stdout
    assert text.endswith("`cachewarden help --markdown`.\n\n" + reference), \
        "print it: build/cachewarden help --markdown"


def test_every_command_is_run_here():
    with open(os.path.join(ROOT, "src", "cli", "command_table.c"), encoding="utf-8") as file:
        names = re.findall(r'\{\.name = "([^"]*)"', file.read())
    assert len(names) > 25
    with open(__file__, encoding="utf-8") as file:
        text = file.read()
    missing = [name for name in names if name not in ("help", "completion", "top", "__complete") and
               not re.search(r'\b(?:cw|run)\([^)]*?"%s"' % '", "'.join(name.split()), text)]
    assert not missing, missing
