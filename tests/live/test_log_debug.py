# SPDX-License-Identifier: MIT
"""log.level: debug: a request's whole way, by its id, and the states of what works for it."""

import json
import re

import pytest

from harness import API, open_config, until
from keys import path

LOG = "log: {level: debug, format: %s}\n"
SECRET = "s3cret-value"


@pytest.fixture
def daemon(start, redis):
    return begin(start, open_config(redis, LOG % "json"))


def begin(start, config, **options):
    """With lines of JSON the harness cannot read the addresses from the log."""
    daemon = start(config, wait=False, **options)
    daemon.wait_for("listening on ")
    with open(daemon.ready_path, encoding="utf-8") as file:
        daemon.addresses = file.read().split()
    daemon.wait_redis()
    return daemon


def of(daemon, name):
    """The messages of one id, in order."""
    lines = [json.loads(line) for line in daemon.lines]
    return [line["message"] for line in lines if line.get("id") == name]


def in_order(messages, *parts):
    """Each part stands in a message behind that of the part before."""
    at = iter(messages)
    for part in parts:
        assert any(part in message for message in at), (part, messages)


def ask(daemon, method, where, name, **kw):
    headers = dict(kw.pop("headers", {}), **{"X-Request-Id": name})
    reply = daemon.request(method, where, headers=headers, **kw)
    until(lambda: any("http: answered" in m for m in of(daemon, name)), "the end of " + name)
    return reply


def test_a_request_with_a_lease_is_followed_by_its_id(daemon):
    key = "shop:" + "k" * 100
    got = ask(daemon, "GET", path(key, "?lease=10"), "took-1")
    lease = got.headers["X-Cache-Lease"]
    second = ask(daemon, "GET", path(key, "?lease=10"), "took-2")
    assert "X-Cache-Lease" not in second.headers
    stored = ask(daemon, "PUT", path(key), "stored-1", body=SECRET.encode(),
                 headers={"X-Cache-Lease": lease})
    assert (got.status, second.status, stored.status) == (404, 404, 201)
    in_order(of(daemon, "took-1"), "http: GET /api/v1/cache/keys/{key} begins",
             'lease of "shop:' + "k" * 43 + '": taken', "http: answered: 404")
    in_order(of(daemon, "took-2"), "begins", "another load holds it", "http: answered: 404")
    in_order(of(daemon, "stored-1"), "begins, 12 bytes", ": stored", "http: answered: 201")
    lost = ask(daemon, "PUT", path(key), "lost-1", body=b"x", headers={"X-Cache-Lease": lease})
    assert lost.status == 409
    in_order(of(daemon, "lost-1"), "begins", "lost, nothing was stored", "answered: 409")
    token = ask(daemon, "GET", path("other", "?lease=10"), "took-3").headers["X-Cache-Lease"]
    ask(daemon, "DELETE", path("other", what="/lease"), "back-1",
        headers={"X-Cache-Lease": token})
    in_order(of(daemon, "back-1"), "begins", 'lease of "other": given back', "answered: 204")
    for unwanted in (SECRET, lease, token, key):
        assert unwanted not in daemon.log


def test_an_invalidation_is_followed_from_its_request_to_its_pass(daemon, redis):
    redis.fill(50)
    reply = ask(daemon, "POST", API + "/invalidate", "asks-1", body={"patterns": ["key:*"]})
    assert reply.json["invalidated"] == 50
    requested = of(daemon, "asks-1")
    in_order(requested, "http: POST " + API + "/invalidate begins", "starts the operation ",
             "http: answered: 200")
    operation = re.search(r"starts the operation (\w+): invalidate", "\n".join(requested))[1]
    assert operation == reply.json["operation_id"]
    until(lambda: "operation: completed, was running" in of(daemon, operation), "its end")
    in_order(of(daemon, operation), "operation: running, was queued",
             "cw:inval: 0 keys, 1 patterns, 0 tags: noted", "waits for a pass with 1 patterns",
             "pass-1 serves it", "its pass has ended after 1 scans: 50 matched, 50 invalidated",
             "operation: completed, was running")
    in_order(of(daemon, "pass-1"), "begins for 1 requests", "scans ", "ends: ok")


def test_a_load_and_a_warm_run_are_followed(start, redis):
    daemon = begin(start, open_config(redis, LOG % "json" + """
sources:
  echo: {type: command, argv: [sh, -c, 'echo "{\\"id\\":\\"$1\\"}"', sh, "{id}"]}
  broken: {type: command, argv: ["/bin/not-there"], breaker: {failures: 1, open_for: 1h}}
loaders:
  good: {params: [id], key: "good:{id}", source: {use: echo}}
  bad: {params: [id], key: "bad:{id}", source: {use: broken}}
warm:
  jobs:
    - {name: once, key: "once:{id}", schedule: {every: 1h},
       source: {type: command, argv: [echo, '{"id": 1}']}}
    - {name: asleep, suspend: true, key: "asleep:{id}", schedule: {every: 1h},
       source: {type: command, argv: [echo, '{"id": 1}']}}
"""))
    load = {"params": {"id": "7"}}
    assert ask(daemon, "POST", "/api/v1/cache/results/good", "load-1", body=load).status == 200
    in_order(of(daemon, "load-1"), "begins", 'lease of "good:7": taken', "load of good begins",
             "load of good ends: ok", 'lease of "good:7": stored', "result of good: miss",
             "http: answered: 200")
    assert ask(daemon, "POST", "/api/v1/cache/results/bad", "load-2", body=load).status == 502
    in_order(of(daemon, "load-2"), "load of bad begins",
             "source broken: the breaker is open, was closed", "load of bad failed",
             "result of bad: error", "http: answered: 502")
    warmed = ask(daemon, "POST", API + "/warm", "warm-1", body={"cache_names": ["once"], "wait": 20})
    operation = warmed.json["runs"][0]["operation_id"]
    in_order(of(daemon, "warm-1"), "starts the operation " + operation + ": warm once",
             "warm job once: began the operation " + operation, "http: answered: 200")
    in_order(of(daemon, operation), "operation: running", "warm run of once: attempt 1",
             "attempt 1 ends: ok", "operation: completed")
    in_order(of(daemon, None), "warm job once: next run at 20")
    assert re.search(r"warm job asleep: next run at [0-9T:.-]+Z, but it is suspended", daemon.log)


def test_states_of_connections_and_reloads_are_told(start, redis):
    config = open_config(redis, LOG % "text")
    daemon = start(config)
    daemon.wait_redis()
    for state in ("connecting", "handshake", "ready"):
        daemon.wait_for(": connection for commands: " + state)
    daemon.wait_for(f" debug redis {redis.name}: up, was down")
    redis.kill()
    daemon.wait_for(": connection for commands failed: ")
    daemon.wait_for(": down, was up")
    daemon.wait_for(": the breaker is open, ")
    redis.start()
    daemon.wait_for(": the breaker is closed, ")
    assert daemon.post(API + "/reload", headers={"X-Request-Id": "reload-1"}).status == 200
    for part in ("warm is prepared", "http is prepared", "warm is in force", "http is in force",
                 "engine is in force"):
        daemon.wait_for(" debug [reload-1] reload: " + part)


def test_debug_lines_are_not_limited_and_info_has_none(start, redis):
    daemon = start(open_config(redis, LOG % "text"))
    for at in range(30):
        daemon.get(path("absent"), headers={"X-Request-Id": f"many-{at}"})
    for at in range(30):
        daemon.wait_for(f" debug [many-{at}] http: answered: 404")
    daemon.configure(open_config(redis))
    assert daemon.post(API + "/reload").status == 200
    daemon.wait_for("configuration reloaded")
    before = len(daemon.lines)
    daemon.get(path("absent"))
    daemon.get("/nowhere")
    daemon.wait_for("http: GET (no route) 404")
    assert not any(" debug " in line for line in daemon.lines[before:])
