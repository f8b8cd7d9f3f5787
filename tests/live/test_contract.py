# SPDX-License-Identifier: MIT
"""What docs/api.md says of all routes at once, where no single resource is the place to test it."""

import hashlib

import pytest

from conftest import open_config
from features import least_user
from harness import API, Daemon, until

CACHE = "/api/v1/cache"
SLOW = """
warm:
  jobs:
    - {name: slow, suspend: true, source: {type: command, argv: [sh, -c, 'sleep 1; echo "{\\"id\\": 1}"']}, key: "slow:{id}"}
    - {name: broken, suspend: true, source: {type: file, path: /nowhere/rows}, key: "b:{id}"}
"""


def rows(*tokens):
    return "\n".join(f"    - {{name: {name}, sha256: {hashlib.sha256(name.encode()).hexdigest()}, "
                     f"scopes: [{scopes}]}}" for name, scopes in tokens)


@pytest.fixture(scope="module", params=["any command", "the manual's ACL line"])
def daemon(request, shared_folder, shared_redis):
    user = least_user(shared_redis)[0] if "ACL" in request.param else "username: default"
    # The jobs that failed under the first one are not those of the second.
    shared_redis("FLUSHDB")
    shared_redis("ACL", "LOG", "RESET")
    config = f"""
listen: ["127.0.0.1:0"]
auth:
  tokens:
{rows(("boss", "admin"), ("clerk", "read, invalidate, warm, write, keys"))}
redis: {{url: "{shared_redis.url}", {user}}}
{SLOW}
"""
    one = Daemon(f"{shared_folder}/contract{len(request.param)}", config)
    until(lambda: one.get("/readyz?redis=true").status == 200, "redis")
    yield one
    failure = one.close()
    assert not failure, failure
    assert shared_redis("ACL", "LOG") == []


def boss(daemon, method, path, body=None, **more):
    return daemon.request(method, path, body, token="boss", **more)


def begin_operation(daemon):
    reply = boss(daemon, "POST", API + "/warm", {"cache_names": ["slow"]})
    return reply.json["runs"][0]["location"]


def test_every_202_says_when_to_come_again(daemon):
    location = begin_operation(daemon)
    reply = boss(daemon, "DELETE", location)
    assert (reply.status, reply.headers["Retry-After"]) == (202, "1")
    until(lambda: boss(daemon, "GET", location).json["finished"], "the end")


def test_every_503_says_when_to_come_again(start, redis):
    redis.kill()
    daemon = start(open_config(redis))
    for path, headers in (("/readyz?redis=true", {}), (API + "/health", {}),
                          (API + "/health", {"Accept": "application/health+json"}),
                          (CACHE + "/keys/k", {})):
        reply = daemon.get(path, headers=headers)
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1"), (path, reply)


@pytest.mark.parametrize("method,path,body,status", [
    ("DELETE", API + "/dependencies/k", {}, 204),
    ("DELETE", API + "/operations/none", {}, 404),
    ("PUT", API + "/dependencies/k", {"dependents": ["d"]}, 200),
    ("POST", API + "/dependencies/k", {"add": ["d"]}, 200),
    ("POST", API + "/tags", {"tags": ["t"], "keys": ["k"]}, 200),
    ("POST", API + "/invalidate", {"keys": ["k"]}, 200),
    ("POST", API + "/reload", {}, 200),
])
def test_note_is_taken_by_what_changes_something(daemon, method, path, body, status):
    for note in ("why", "", None, "x" * 200):
        assert boss(daemon, method, path, {**body, "note": note}).status == status
    for more in ({"note": "x" * 201}, {"note": 1}, {"other": 1}):
        reply = boss(daemon, method, path, {**body, **more})
        assert (reply.status, reply.json["code"]) == (400, "bad_body"), (more, reply)
        assert reply.json["errors"][0]["pointer"] == "/" + next(iter(more))
    assert boss(daemon, method, path, b"{", headers={}).json["code"] == "bad_json"


@pytest.mark.parametrize("path,body", [
    (API + "/invalidate", {}), (API + "/invalidate", {"keys": None}), (API + "/invalidate", b"{"),
    (API + "/invalidate", b"[]"), (API + "/tags", {}), (CACHE + "/key", {}),
    (API + "/dependencies/k", {}),
])
def test_a_body_that_is_wrong_as_a_whole_has_the_empty_pointer(daemon, path, body):
    reply = boss(daemon, "POST", path, body)
    assert reply.status == 400, reply
    assert reply.json["errors"] == [{"pointer": "", "detail": reply.json["detail"]}]


@pytest.mark.parametrize("body,pointer", [
    ({"prefix": "k", "args": ["a", 1.5]}, "/args/1"), ({"prefix": "k", "params": {"n": -0.0}}, "/params/n"),
    ({"prefix": "k" * 200, "args": ["a"]}, "/prefix"), ({"prefix": "k", "args": [1] * 65}, "/args/64"),
])
def test_what_makes_no_key_is_pointed_at(daemon, body, pointer):
    reply = boss(daemon, "POST", CACHE + "/key", body)
    assert (reply.status, reply.json["code"]) == (400, "bad_key")
    assert reply.json["errors"][0]["pointer"] == pointer


def test_an_empty_list_that_selects_nothing_is_none(daemon, shared_redis):
    entry = {"key": "plain", "value": "v", "tags": []}
    assert boss(daemon, "POST", CACHE + "/mset", {"entries": [entry]}).json == {"stored": 1}
    assert shared_redis("GET", "plain") == b"v"
    path = API + "/dependencies/parent"
    assert boss(daemon, "POST", path, {"add": ["a", "b"], "remove": []}).status == 200
    reply = boss(daemon, "POST", path, {"add": [], "remove": ["b"]})
    assert reply.json["stored"]["dependents"] == ["a"]
    assert boss(daemon, "DELETE", path).status == 204


def test_an_empty_cursor_is_the_first_page(daemon):
    for path in (API + "/operations", API + "/tags", API + "/dependencies", CACHE + "/keys"):
        assert boss(daemon, "GET", path + "?cursor=").json["items"] == \
            boss(daemon, "GET", path).json["items"]


def test_a_403_names_the_scope_that_is_missing(daemon):
    def challenge(method, path, body=None):
        reply = daemon.request(method, path, body, token="clerk")
        assert reply.status == 403, reply
        return reply.headers["WWW-Authenticate"]

    location = begin_operation(daemon)
    assert 'scope="flush"' in challenge("POST", API + "/invalidate", {"patterns": ["*"]})
    assert 'scope="operate"' in challenge("DELETE", location)
    assert 'error="insufficient_scope", scope="admin"' in challenge("GET", API + "/config")
    assert boss(daemon, "DELETE", location).status == 202
    until(lambda: boss(daemon, "GET", location).json["finished"], "the end")


def test_health_without_a_token_is_one_word_in_either_language(daemon):
    draft = {"Accept": "application/health+json"}
    assert daemon.get(API + "/health").json == {"status": "UP"}
    reply = daemon.get(API + "/health", headers=draft)
    assert reply.json == {"status": "pass"}
    assert reply.headers["Content-Type"] == "application/health+json"
    whole = boss(daemon, "GET", API + "/health").json["components"]
    same = boss(daemon, "GET", API + "/health", headers=draft).json["checks"]
    assert {name: check[0]["details"] for name, check in same.items()} == \
        {name: component["details"] for name, component in whole.items()}


def test_warm_waits_for_a_run_of_another_daemon(start, redis):
    first, second = start(open_config(redis, SLOW)), start(open_config(redis, SLOW))
    first.wait_redis()
    second.wait_redis()
    run = first.warm({"cache_names": ["slow"]}).json["runs"][0]
    reply = second.warm({"cache_names": ["slow"], "wait": 20})
    assert (reply.status, reply.json["state"]) == (200, "completed"), reply
    elsewhere = reply.json["runs"][0]
    assert elsewhere["operation_id"] == run["operation_id"] and elsewhere["already_running"]
    assert elsewhere["result"]["stored"] == 1
    # No longer than it was told.
    run = first.warm({"cache_names": ["slow"]}).json["runs"][0]
    first.request("DELETE", run["location"])
    reply = second.warm({"cache_names": ["slow"], "wait": 300})
    assert reply.status == 200, reply


@pytest.mark.parametrize("job,state", [("slow", "completed"), ("broken", "failed")])
def test_last_run_is_the_operation_as_it_ended(daemon, job, state):
    run = boss(daemon, "POST", API + "/warm", {"cache_names": [job], "wait": 20}).json["runs"][0]
    operation = boss(daemon, "GET", run["location"]).json
    rows = boss(daemon, "GET", API + "/warm").json["jobs"]
    last = next(row["last_run"] for row in rows if row["name"] == job)
    for body in (operation, last):
        body.pop("finished")  # within a millisecond of each other
        body["progress"].pop("per_second")
    assert last == operation
    assert (last["state"], last["phase"]) == (state, "ended")
    if state == "completed":
        assert (last["progress"]["done"], last["progress"]["ratio"]) == (1, 1)


def test_counters_without_labels_are_there_from_the_start(daemon):
    text = boss(daemon, "GET", "/metrics").body.decode()
    for name in ("redis_connection_failures_total", "invalidated_keys_total",
                 "invalidate_passes_total", "tag_members_pruned_total", "log_dropped_total"):
        assert f"\ncachewarden_{name} " in text, name
