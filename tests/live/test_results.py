# SPDX-License-Identifier: MIT
"""Read-through: one load per key over all daemons, stale values, and every refusal."""

import json
import signal
import threading

import pytest

from conftest import open_config
from harness import API, until
from keys import beside, refused
from origin import Origin

RESULTS = "/api/v1/cache/results"


@pytest.fixture
def origin():
    server = Origin(lambda path: json.dumps({"path": path}).encode())
    yield server
    server.close()


def loaders(origin, more=""):
    return f"""
cache:
  namespaces: [{{prefix: "soft:", ttl: 1s, stale_for: 1h}}]
sources:
  api: {{type: http, base_url: "{origin.url}"}}
loaders:
  user: {{key: "user:{{id}}", params: [id], source: {{use: api, path: "/users/{{id}}"}}, tags: ["u-{{id}}"], timeout: 2s}}
  soft: {{key: "soft:{{id}}", params: [id], source: {{use: api, path: "/soft/{{id}}"}}, timeout: 2s}}
  pair: {{key: "pair:{{a}}:{{b}}", params: [a, b], source: {{use: api, path: "/pair/{{a}}/{{b}}?x={{a}}"}}}}
  list: {{key: "list", source: {{use: api, path: "/list"}}, many: true}}
  part: {{key: "part:{{id}}", params: [id], source: {{use: api, path: "/deep/{{id}}", rows: "/data"}}, value: "{{name}}"}}
  echo: {{key: "echo:{{text}}", params: [text], source: {{type: command, argv: [sh, -c, 'printf "{{\\"n\\":\\"%s\\"}}" "$1"', sh, "{{text}}"]}}}}
  sets: {{key: "lock:{{id}}", params: [id], source: {{use: api, path: "/{{id}}"}}}}
{more}"""


@pytest.fixture
def daemon(start, redis, origin):
    started = start(open_config(redis, loaders(origin)))
    started.wait_redis()
    return started


def load(daemon, loader, **params):
    return daemon.post(f"{RESULTS}/{loader}", {"params": params})


def loaded(daemon, loader, state, **params):
    reply = load(daemon, loader, **params)
    assert reply.status == 200, reply
    assert reply.headers["X-Cache"] == state
    return reply


def test_a_miss_loads_and_the_next_hits(daemon, redis, origin):
    reply = loaded(daemon, "user", "MISS", id="42")
    assert reply.json == {"path": "/users/42"}
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["X-Cache-TTL"] == "3600" and reply.headers["Age"] == "0"
    reply = loaded(daemon, "user", "HIT", id=42)
    assert reply.json == {"path": "/users/42"} and int(reply.headers["X-Cache-TTL"]) > 3590
    assert redis("GET", "user:42") == b'{"path": "/users/42"}'
    assert 3590 < redis("TTL", "user:42") <= 3600
    assert redis("ZRANGE", "cw:tag:u-42", 0, -1) == [b"user:42"]
    assert redis("EXISTS", beside("lease", "user:42")) == 0
    assert origin.total() == 1
    daemon.invalidate({"keys": ["user:42"]})
    loaded(daemon, "user", "MISS", id="42")
    stats = daemon.stats()["cache"]
    assert stats["loads"] == 2
    series = 'cachewarden_results_total{loader="user",result="%s"}'
    assert daemon.metric(series % "miss") == 2 and daemon.metric(series % "hit") == 1


def test_values_come_as_the_source_spells_them(daemon, origin):
    origin.answer = lambda path: b'{"id": 9007199254740993, "none": [], "e": 1e400}'
    for state in ("MISS", "HIT"):
        assert loaded(daemon, "user", state, id="1").body == \
            b'{"id": 9007199254740993, "none": [], "e": 1e400}'
    origin.answer = lambda path: b'[{"id": 9007199254740993}, [], 2]'
    assert loaded(daemon, "list", "MISS").body == b'[{"id": 9007199254740993},[],2]'
    origin.answer = lambda path: b"[]"
    daemon.invalidate({"keys": ["list"]})
    for state in ("MISS", "HIT"):
        assert loaded(daemon, "list", state).body == b"[]"


def test_one_row_by_pointer_and_template(daemon, origin):
    origin.answer = lambda path: b'{"data": {"name": "Ada"}, "more": [1]}'
    reply = loaded(daemon, "part", "MISS", id="1")
    assert reply.body == b"Ada" and reply.headers["Content-Type"] == "application/octet-stream"
    origin.answer = lambda path: b'{"data": [{"name": "Bob"}]}'
    assert loaded(daemon, "part", "MISS", id="2").body == b"Bob"


def test_a_parameter_stays_in_its_segment_and_argument(daemon, origin):
    loaded(daemon, "pair", "MISS", a="x..y", b="?q=1&r#f %41")
    assert list(origin.calls) == ["/pair/x..y/%3Fq%3D1%26r%23f%20%2541?x=x..y"]
    for bad in ("..", ".", "a/b", "%2e%2e"):
        reply = load(daemon, "user", id=bad)
        assert (reply.status, reply.json["code"]) == (400, "bad_parameter")
    assert origin.total() == 1
    assert loaded(daemon, "echo", "MISS", text="$(id); 'x' *").json == {"n": "$(id); 'x' *"}
    for bad, code in (("-rf", "bad_parameter"), ("--", "bad_parameter"), ("a\0b", "bad_json")):
        reply = load(daemon, "echo", text=bad)
        assert (reply.status, reply.json["code"]) == (400, code)


@pytest.mark.parametrize("loader,body,status,code,said", [
    ("nobody", {}, 404, "unknown_loader", "nobody"),
    ("user", {}, 400, "bad_body", "id"),
    ("user", {"params": {}}, 400, "bad_body", "id"),
    ("user", {"params": {"id": "1", "page": "2"}}, 400, "bad_body", "/params/page"),
    ("user", {"params": {"id": ["1"]}}, 400, "bad_body", "/params/id"),
    ("user", {"params": {"id": 1.5}}, 400, "bad_body", "/params/id"),
    ("user", {"params": {"id": ""}}, 400, "bad_body", "/params/id"),
    ("user", {"params": {"id": None}}, 400, "bad_body", "/params/id"),
    ("user", {"params": {"id": "x" * 1025}}, 400, "bad_body", "/params/id"),
    ("user", {"params": {"id": "x" * 1024}}, 400, "bad_key", "1024"),
    ("user", {"params": "42"}, 400, "bad_body", "/params"),
    ("user", {"parameters": {"id": "1"}}, 400, "bad_body", "parameters"),
    ("user", '{"params": {"id": "1", "id": "2"}}', 400, "bad_json", "id"),
    ("sets", {"params": {"id": "1"}}, 403, "key_protected", "lock:1"),
])
def test_bad_calls_are_named(daemon, origin, loader, body, status, code, said):
    reply = daemon.post(f"{RESULTS}/{loader}", body,
                        headers={"Content-Type": "application/json"})
    assert (reply.status, reply.json["code"]) == (status, code), reply
    assert said in reply.body.decode()
    assert origin.total() == 0


STDIN = """
loaders:
  whole: {key: "w:{a}:{b}", params: [a, b], source: {type: command, argv: [cat]}}
  rest: {key: "r:{a}:{b}", params: [a, b], source: {type: command, argv: [sh, -c, 'read -r x; printf "[%s,\\"%s\\"]" "$x" "$1" | sed "s/.*/{\\"both\\":&}/"', sh, "{a}"]}}
  none: {key: "n:{a}", params: [a], source: {type: command, argv: [sh, -c, 'printf "{\\"n\\":%d}" $(cat | wc -c)', "{a}"]}}
"""


def test_a_command_reads_what_no_argument_names(start, redis):
    daemon = start(open_config(redis, STDIN))
    daemon.wait_redis()
    odd = "-x '\"$(id)\n\u00e9"
    reply = loaded(daemon, "whole", "MISS", a=odd, b=9007199254740993)
    assert reply.json == {"a": odd, "b": "9007199254740993"}
    assert loaded(daemon, "rest", "MISS", a="1", b=odd).json == {"both": [{"b": odd}, "1"]}
    # Longer than what it is made of, for each byte is escaped.
    assert loaded(daemon, "whole", "MISS", a="1", b="\x01" * 900).json["b"] == "\x01" * 900
    assert loaded(daemon, "none", "MISS", a="1").json == {"n": 0}


def test_what_the_source_does_not_have_is_404(daemon, redis, origin):
    for said in (404, 410, 204, b"[]", b"", b" ", b"null", b"[null]"):
        origin.answer = lambda path: said
        reply = load(daemon, "user", id="1")
        assert (reply.status, reply.json["code"]) == (404, "no_value")
        assert not redis("EXISTS", "user:1") and not redis("EXISTS", beside("lease", "user:1"))
    # That is no failure of the source.
    origin.answer = lambda path: 404
    for _ in range(10):
        assert load(daemon, "user", id="1").status == 404
    origin.answer = lambda path: b'{"a": 1}'
    loaded(daemon, "user", "MISS", id="1")


def test_what_cannot_be_a_value_says_so(start, redis, origin):
    daemon = start(open_config(redis, loaders(origin).replace(
        "cache:\n", "cache:\n  max_value_bytes: 1KiB\n")))
    for body, status, code, said in (
            (b'[{"a": 1}, {"a": 2}]', 502, "source_row", "many"),
            (b'{"a": "' + b"x" * 1100 + b'"}', 413, "too_large", "1024"),
            (b'{"a": ', 502, "source_failed", "early"),
            (b"", 404, "no_value", "nothing")):
        origin.answer = lambda path: body
        reply = load(daemon, "user", id="1")
        assert (reply.status, reply.json["code"]) == (status, code), reply
        assert said in reply.json["detail"]
    assert not redis("EXISTS", "user:1")


@pytest.mark.parametrize("said", [400, 401, 403, 404, 409, 422, 301, 204, b"null", b"{", b'"x"', 429, 503])
def test_one_bad_key_hurts_no_other(daemon, origin, said):
    origin.answer = lambda path: said if path == "/users/bad" else b'{"a": 1}'
    for _ in range(8):
        assert load(daemon, "user", id="bad").status in (404, 502)
    for i in range(3):
        loaded(daemon, "user", "MISS", id=i)
    assert origin.calls["/users/bad"] == 8


@pytest.mark.parametrize("said", [400, 403, 404, 409, 422, 204, b"null", b"{"])
def test_answers_about_many_keys_are_no_failures_of_the_source(daemon, origin, said):
    origin.answer = lambda path: said if path.startswith("/users/bad") else b'{"a": 1}'
    for i in range(12):
        assert load(daemon, "user", id=f"bad{i}").status in (404, 502)
    loaded(daemon, "user", "MISS", id="good")
    assert breaker(daemon, "user")["breaker"] == "closed"


def breaker(daemon, name):
    return next(item for item in daemon.get(API + "/loaders").json["loaders"] if item["name"] == name)


def test_a_breaker_of_its_own_measure_recovers_beside_a_bad_key(start, redis, origin):
    daemon = start(open_config(redis, loaders(origin).replace(
        f'base_url: "{origin.url}"', f'base_url: "{origin.url}", breaker: {{failures: 2, open_for: 300ms}}')))
    daemon.wait_redis()
    assert daemon.metric('cachewarden_source_breaker_open{source="api"}') == 0
    origin.answer = lambda path: 503
    for i in "12":
        refused(load(daemon, "user", id=i), 502, "source_failed", "503")
    refused(load(daemon, "soft", id="3"), 502, "source_failed", "is not asked", "2 different keys", "503")
    row = breaker(daemon, "soft")
    assert (row["breaker"], row["breaker_failures"]) == ("open", 2) and "503" in row["breaker_reason"]
    until(lambda: daemon.metric('cachewarden_source_breaker_open{source="api"}') == 1, "the metric")
    until(lambda: breaker(daemon, "user")["breaker"] == "half_open", "the time to try")
    origin.answer = lambda path: 503 if path == "/users/1" else b'{"a": 1}'
    refused(load(daemon, "user", id="1"), 502, "source_failed", "503")
    refused(load(daemon, "user", id="1"), 502, "source_failed", "is not asked")
    loaded(daemon, "user", "MISS", id="good")
    row = breaker(daemon, "user")
    assert (row["breaker"], row["breaker_failures"], row["breaker_reason"]) == ("closed", 0, None)


def test_a_failing_source_is_left_alone_for_a_while(daemon, origin):
    origin.answer = lambda path: 500
    for i in range(8):
        reply = load(daemon, "user", id=i)
        assert (reply.status, reply.json["code"]) == (502, "source_failed")
    assert origin.total() == 5 and "is not asked" in reply.json["detail"]
    loader = next(item for item in daemon.get(API + "/loaders").json["loaders"]
                  if item["name"] == "user")
    assert loader["breaker"] == "open" and loader["errors"] == 8 and loader["loads"] == 0
    assert loader["last_error"]["code"] == "source_failed"
    assert loader["params"] == ["id"] and loader["key"] == "user:{id}"


def test_a_source_that_takes_too_long_is_504(start, redis):
    stop = threading.Event()
    origin = Origin(lambda path: stop.wait(20) and b"{}")
    try:
        daemon = start(open_config(redis, loaders(origin).replace("timeout: 2s", "timeout: 200ms")))
        reply = load(daemon, "user", id="1")
        assert (reply.status, reply.json["code"]) == (504, "timeout")
        assert not redis("EXISTS", beside("lease", "user:1"))
    finally:
        stop.set()
        origin.close()


def make_stale(redis, key, value):
    """In the namespace `soft:`, what has at most an hour left is stale."""
    redis("SET", key, value, "PX", 1800 * 1000)


def test_a_stale_value_is_served_while_one_loads(daemon, redis, origin):
    make_stale(redis, "soft:1", "old")
    gate = threading.Event()
    origin.answer = lambda path: gate.wait(20) and b'{"new": 1}'
    for _ in range(20):
        reply = loaded(daemon, "soft", "STALE", id="1")
        assert reply.body == b"old" and reply.headers["X-Cache-TTL"] == "0"
    gate.set()
    until(lambda: redis("GET", "soft:1") == b'{"new": 1}', "the newer value")
    assert loaded(daemon, "soft", "HIT", id="1").body == b'{"new": 1}'
    assert origin.total() == 1
    assert daemon.stats()["cache"]["stale_served"] == 20


def test_what_the_source_lost_is_not_served_stale(daemon, redis, origin):
    make_stale(redis, "soft:1", "old")
    origin.answer = lambda path: 404
    loaded(daemon, "soft", "STALE", id="1")
    until(lambda: not redis("EXISTS", "soft:1"), "the end of the stale value")
    assert load(daemon, "soft", id="1").status == 404


def test_without_redis_all_is_loaded_and_nothing_stored(daemon, redis, origin):
    redis.kill()
    daemon.wait_redis("down")
    for _ in range(3):
        assert loaded(daemon, "user", "BYPASS", id="1").json == {"path": "/users/1"}
    origin.answer = lambda path: 500
    assert load(daemon, "user", id="1").status == 502
    assert origin.total() == 4
    redis.start()
    daemon.wait_redis()


def ask_all(daemons, loader, param, count):
    """`count` requests at once, spread over the daemons -> [(status, X-Cache, body)]."""
    body = json.dumps({"params": {"id": param}}).encode()
    head = (f"POST {RESULTS}/{loader} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    connections = []
    for i in range(count):
        connection = daemons[i % len(daemons)].connect(timeout=30)
        connections.append(connection)
    for connection in connections:
        connection.sendall(head + body)
    answers = []
    for connection in connections:
        with connection, connection.makefile("rb") as file:
            data = file.read()
        top, _, rest = data.partition(b"\r\n\r\n")
        state = [line[9:] for line in top.split(b"\r\n") if line.startswith(b"X-Cache: ")]
        answers.append((int(data[9:12]), state[0].decode() if state else None, rest))
    return answers


MANY = "limits: {per_ip: 4096}\n"


def test_a_stampede_over_two_daemons_is_one_load(start, redis, origin):
    config = open_config(redis, loaders(origin, MANY))
    daemons = [start(config), start(config)]
    for daemon in daemons:
        daemon.wait_redis()
    slow = threading.Event()
    origin.answer = lambda path: (slow.wait(0.3), b'{"a": 1}')[1]
    answers = ask_all(daemons, "user", "7", 1000)
    assert [status for status, _, _ in answers] == [200] * 1000
    assert {body for _, _, body in answers} == {b'{"a": 1}'}
    assert origin.calls["/users/7"] == 1
    assert sum(state == "MISS" for _, state, _ in answers) == 1


def test_a_dead_source_and_a_stale_value_serve_a_thousand(start, redis, origin):
    config = open_config(redis, loaders(origin, MANY))
    daemons = [start(config), start(config)]
    for daemon in daemons:
        daemon.wait_redis()
    make_stale(redis, "soft:7", "old")
    origin.answer = lambda path: 500
    answers = ask_all(daemons, "soft", "7", 1000)
    assert {answer for answer in answers} == {(200, "STALE", b"old")}


def test_a_loader_that_dies_is_followed_by_another(start, redis, origin):
    config = open_config(redis, loaders(origin).replace("timeout: 2s", "timeout: 1s"))
    one, two = start(config), start(config)
    one.wait_redis()
    two.wait_redis()
    gate = threading.Event()
    origin.answer = lambda path: gate.wait(20) and b'{"a": 1}'
    first = threading.Thread(target=lambda: pytest.raises(OSError, load, one, "user", id="1"))
    first.start()
    until(lambda: origin.total() == 1, "the first load")
    one.expect_exit = -signal.SIGKILL
    one.send(signal.SIGKILL)
    first.join()
    gate.set()
    # Its lease lasts for the timeout and 2 s more; nobody is told that it died.
    until(lambda: not redis("EXISTS", beside("lease", "user:1")), "the end of the dead one's lease")
    loaded(two, "user", "MISS", id="1")
    assert origin.total() == 2


def test_reloads_change_loaders_and_keep_what_is_known(daemon, redis, origin):
    loaded(daemon, "user", "MISS", id="1")
    daemon.configure(open_config(redis, loaders(origin).replace("/users/", "/people/")))
    assert daemon.post(API + "/reload").status == 200
    assert loaded(daemon, "user", "HIT", id="1").json == {"path": "/users/1"}
    assert loaded(daemon, "user", "MISS", id="2").json == {"path": "/people/2"}
    loader = daemon.get(API + "/loaders").json["loaders"][0]
    assert loader["name"] == "user" and loader["loads"] == 2
    assert loader["average_load_ms"] > 0
