# SPDX-License-Identifier: MIT
"""Who may do what: tokens, scopes, prefixes, anonymous callers, wrong tokens, hosts, secrets."""

import hashlib
import json
import os
import re
import time

import pytest

from conftest import open_config
from harness import API, Daemon, until
from wire import Wire, ask, check_problem, post, request

SCOPES = ["read", "metrics", "keys", "write", "invalidate", "flush", "warm", "sessions", "operate",
          "audit", "admin"]

CACHE = "/api/v1/cache"

# The contract: route -> the scope that it takes besides admin. None: open to all. "own": whoever
# began the operation, or operate; what it says of an unknown one is 404 to any token. Or any caller
# with a token, of its own login.
ROUTES = {
    ("GET", "/livez"): None,
    ("GET", "/readyz"): None,
    ("GET", "/metrics"): "metrics",
    ("GET", "/openapi.yaml"): None,
    ("GET", "/"): None,
    ("GET", "/ui/{file}"): None,
    ("POST", "/api/v1/login"): None,
    ("GET", "/api/v1/login"): "own",
    ("DELETE", "/api/v1/login"): "own",
    ("GET", API + "/stats"): "read",
    ("GET", API + "/health"): None,
    ("POST", API + "/invalidate"): "invalidate",
    ("POST", API + "/expire"): "invalidate",
    ("GET", API + "/warm"): "read",
    ("POST", API + "/warm"): "warm",
    ("GET", API + "/operations"): "read",
    ("GET", API + "/operations/{id}"): "read",
    ("DELETE", API + "/operations/{id}"): "own",
    ("GET", API + "/dependencies"): "read",
    ("GET", API + "/dependencies/{key}"): "read",
    ("GET", API + "/tags"): "read",
    ("POST", API + "/tags"): "write",
    ("GET", API + "/tags/{tag}"): "read",
    ("GET", API + "/loaders"): "read",
    ("PUT", API + "/dependencies/{key}"): "invalidate",
    ("POST", API + "/dependencies/{key}"): "invalidate",
    ("DELETE", API + "/dependencies/{key}"): "invalidate",
    ("GET", API + "/namespaces"): "read",
    ("GET", API + "/clients"): "read",
    ("GET", API + "/slowlog"): "read",
    ("GET", API + "/latency"): "read",
    ("GET", API + "/explain/{key}"): "keys",
    ("GET", API + "/config"): "admin",
    ("GET", API + "/alerts"): "read",
    ("GET", API + "/events"): "read",
    ("GET", API + "/audit"): "audit",
    ("GET", API + "/pause"): "read",
    ("GET", API + "/protected"): "admin",
    ("POST", API + "/pause"): "operate",
    ("POST", API + "/resume"): "operate",
    ("GET", API + "/debug"): "admin",
    ("GET", API + "/doctor"): "admin",
    ("POST", API + "/reload"): "operate",
    ("GET", CACHE + "/keys"): "keys",
    ("GET", CACHE + "/keys/{key}"): "keys",
    ("PUT", CACHE + "/keys/{key}"): "write",
    ("DELETE", CACHE + "/keys/{key}"): "write",
    ("GET", CACHE + "/keys/{key}/ttl"): "keys",
    ("POST", CACHE + "/keys/{key}/expire"): "write",
    ("DELETE", CACHE + "/keys/{key}/lease"): "keys",
    ("POST", CACHE + "/mget"): "keys",
    ("POST", CACHE + "/mset"): "write",
    ("POST", CACHE + "/mdelete"): "write",
    ("POST", CACHE + "/key"): "keys",
    ("POST", CACHE + "/results/{loader}"): "keys",
    ("POST", "/api/v1/sessions"): "sessions",
    ("GET", "/api/v1/session"): "sessions",
    ("PATCH", "/api/v1/session"): "sessions",
    ("DELETE", "/api/v1/session"): "sessions",
    ("POST", "/api/v1/session/rotate"): "sessions",
    ("GET", "/api/v1/users/{user_id}/sessions"): "sessions",
    ("DELETE", "/api/v1/users/{user_id}/sessions"): "sessions",
    ("DELETE", "/api/v1/users/{user_id}/sessions/{ref}"): "sessions",
}


def row(name, scopes, **more):
    digest = hashlib.sha256(secret(name).encode()).hexdigest()
    rest = "".join(f", {key}: {value}" for key, value in more.items())
    return f'    - {{name: {name}, sha256: {digest}, scopes: [{", ".join(scopes)}]{rest}}}'


def secret(name):
    return f"cw_{name}_CANARY-c0ffee"


def config(redis, rows, extra="", anonymous=""):
    return open_config(redis, extra).replace(
        "auth: {anonymous: [read, metrics, keys, write, invalidate, warm, operate]}",
        f"auth:\n  anonymous: [{anonymous}]\n  tokens:\n" + "\n".join(rows))


ROWS = [row(scope, [scope]) for scope in SCOPES] + [
    row("expired", ["admin"], expires="2020-01-01"),
    row("later", ["read"], expires="2999-01-01"),
    row("rotated", ["read"], expires="2020-01-01"),
    row("app", ["read", "invalidate", "flush"], key_prefixes='["app:", "more:"]'),
    row("few", ["invalidate"], max_keys=5),
    row("slow", ["read"], requests_per_second=1),
]
EXTRA = """
entities:
  user: {field: user_id, keys: {profile: "app:user:{id}", secret: "other:user:{id}"}}
dependencies:
  - {when: "app:user:{id}", invalidate: ["other:of:{id}"], patterns: []}
warm:
  jobs:
    - {name: slow, suspend: true, source: {type: command, argv: [sleep, "600"]}, key: "x:{id}"}
"""


@pytest.fixture(scope="module")
def daemon(shared_folder, shared_redis):
    one = Daemon(shared_folder + "/auth", config(shared_redis, ROWS, EXTRA))
    one.wait_for("listening on ")
    until(lambda: one.get("/readyz?redis=true").status == 200, "redis")
    yield one
    failure = one.close()
    assert not failure, failure
    for name in SCOPES + ["expired", "app", "few", "slow", "wrong"]:
        assert secret(name) not in one.log and "c0ffee" not in one.log


def filled(path, key):
    """The route with names that nothing has."""
    return re.sub(r"\{\w+\}", "none", path.replace("{key}", key))


def call(daemon, method, path, token=None, source=None, headers=(), body=None):
    """From an address of its own where wrong tokens are meant to be counted apart."""
    lines = [*headers]
    if path.endswith("/events"):
        lines.append("Accept: application/json")  # the stream has no end
    if token:
        lines.append("Authorization: Bearer " + secret(token))
    path = filled(path, "app:k")
    if method in ("POST", "PUT", "PATCH") and body is None:
        body = '{"keys": ["app:none"]}' if path.endswith("invalidate") else "{}"
    raw = request(f"{method} {path}", *lines) if body is None else \
        post(path, body, *lines).replace(b"POST ", method.encode() + b" ", 1)
    return ask(daemon, raw, source=source)


def test_the_table_of_routes_is_the_contracts():
    """A new route must say here what it takes."""
    path = os.path.join(os.path.dirname(__file__), "../../src/api/routes.c")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    macros = dict(re.findall(r'#define (\w+) "([^"]+)"', text))
    found = {(method, macros.get(macro, "") + rest): (scope.lower(), flags) for
             method, macro, rest, scope, flags in
             re.findall(r'\{"([A-Z]+)", (?:(\w+) )?"([^"]+)", SCOPE_(\w+), ([^,]+),', text)}
    assert set(found) == set(ROUTES)
    for route, wanted in ROUTES.items():
        scope, flags = found[route]
        if wanted is None:
            assert "ROUTE_OPEN" in flags
        elif wanted == "own":
            assert scope == "none" and "ROUTE_OPEN" not in flags
        else:
            assert scope == wanted and "ROUTE_OPEN" not in flags


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("method,path", ROUTES)
def test_each_scope_opens_its_routes_and_no_other(daemon, method, path, scope):
    wanted = ROUTES[method, path]
    answer = call(daemon, method, path, scope)
    if wanted in (None, "own", scope) or scope == "admin":
        # Past the scopes: what the empty body or the unknown name deserves.
        assert answer.status in (200, 201, 202, 204, 400, 404), answer
        return
    body = check_problem(answer, 403, "forbidden")
    assert wanted in body["detail"] and scope in body["detail"]
    assert answer.headers["www-authenticate"] == \
        f'Bearer realm="cachewarden", error="insufficient_scope", scope="{wanted}"'


@pytest.mark.parametrize("method,path", ROUTES)
def test_without_a_token_only_what_is_open_answers(daemon, method, path):
    answer = call(daemon, method, path)
    if ROUTES[method, path] is None:
        assert answer.status in (200, 400, 404)  # as the empty body or the unknown name deserves
        return
    check_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith('Bearer realm="cachewarden"')
    assert "error=" not in answer.headers["www-authenticate"]


@pytest.mark.parametrize("method,path", ROUTES)
def test_head_needs_what_get_needs(daemon, method, path):
    if method != "GET":
        return
    with Wire(daemon) as wire:
        wire.send(request("HEAD " + filled(path, "k")))
        status = wire.answer("HEAD").status
    assert status in ((200, 404) if ROUTES[method, path] is None else (401,))


def test_health_without_the_scope_is_its_status_alone(daemon):
    assert list(daemon.health().json) == ["status"]
    assert list(call(daemon, "GET", API + "/health", "warm").json) == ["status"]
    draft = call(daemon, "GET", API + "/health", None, headers=["Accept: application/health+json"])
    assert list(draft.json) == ["status"]
    assert "components" in call(daemon, "GET", API + "/health", "read").json


def test_probes_mind_no_token_but_health_does(daemon):
    assert call(daemon, "GET", "/livez", "wrong").status == 200
    assert call(daemon, "GET", "/readyz", "wrong").status == 200
    check_problem(call(daemon, "GET", API + "/health", "wrong", "127.0.1.9"), 401, "unauthorized")


@pytest.mark.parametrize("value,source", [
    ("Bearer " + secret("wrong"), 1), ("Bearer " + secret("read") + "x", 1),
    ("Bearer " + secret("read")[:-1], 1), ("Bearer " + secret("read").lower(), 1),
    ("Bearer " + hashlib.sha256(secret("read").encode()).hexdigest(), 1),
    ("Bearer", 2), ("Bearer ", 2), ("Basic " + secret("read"), 2), (secret("read"), 2),
    ("Bearer " + "x" * 600, 2), ("Bearer\t" + secret("read"), 2), ("", 2),
    ("Bearer " + secret("read") + "," + secret("admin"), 3), ("Bearer " + secret("expired"), 3),
    ("Bearer " + secret("rotated"), 3),
])
def test_what_is_no_valid_token_is_refused_without_echo(daemon, value, source):
    answer = ask(daemon, request(f"GET {API}/stats", "Authorization: " + value),
                 source=f"127.0.2.{source}")
    check_problem(answer, 401, "unauthorized")
    challenge = answer.headers["www-authenticate"]
    assert 'error="invalid_token"' in challenge and "error_description=" in challenge
    assert "c0ffee" not in json.dumps(dict(answer.headers)) + answer.body.decode()


def test_the_scheme_is_known_in_any_case_and_a_later_expiry_passes(daemon):
    for scheme in ("bearer", "BEARER"):
        raw = request(f"GET {API}/stats", f"Authorization: {scheme} " + secret("later"))
        assert ask(daemon, raw).status == 200


def test_a_token_in_the_address_is_refused_and_not_logged(daemon):
    for path in ("/livez", API + "/stats", API + "/health"):
        answer = ask(daemon, request(f"GET {path}?access_token={secret('read')}"))
        assert "Authorization: Bearer" in check_problem(answer, 400, "bad_request")["detail"]
        assert "c0ffee" not in answer.body.decode()


def test_eleven_wrong_tokens_are_too_many_and_valid_ones_pass(daemon):
    statuses = [call(daemon, "GET", API + "/stats", "wrong", "127.0.3.1").status
                for _ in range(30)]
    assert statuses[:10] == [401] * 10
    assert 429 in statuses[10:]
    answer = call(daemon, "GET", API + "/stats", "wrong", "127.0.3.1")
    if answer.status == 429:
        check_problem(answer, 429, "too_many_requests")
        assert 1 <= int(answer.headers["retry-after"]) <= 6
        assert "www-authenticate" not in answer.headers
    assert call(daemon, "GET", API + "/stats", "read", "127.0.3.1").status == 200
    assert call(daemon, "GET", API + "/stats", "wrong", "127.0.3.2").status == 401


def test_a_tokens_rate_is_its_own(daemon):
    statuses = [call(daemon, "GET", API + "/stats", "slow").status for _ in range(10)]
    assert statuses[:2] == [200, 200] and 429 in statuses
    answers = [call(daemon, "GET", API + "/stats", "slow") for _ in range(3)]
    limited = [answer for answer in answers if answer.status == 429]
    assert limited and int(limited[0].headers["retry-after"]) >= 1
    assert call(daemon, "GET", API + "/stats", "read").status == 200


@pytest.mark.parametrize("host,status", [
    ("localhost", 200), ("LocalHost", 200), ("localhost:1", 200), ("127.0.0.1", 200),
    ("127.0.0.1:8480", 200), ("[::1]", 200), ("[::1]:8480", 200), ("10.1.2.3", 200),
    ("evil.test", 421), ("localhost.evil.test", 421), ("evil.test:8480", 421),
    ("localhost.", 421), ("127.0.0.1.evil.test", 421), ("0x7f.1", 421), ("2130706433", 421),
    ("127.1", 421), ("xn--localhost", 421), ("local", 421), ("127.0.0.1.", 421),
])
def test_a_host_name_must_be_on_the_list(daemon, host, status):
    for line, expected in ((f"GET {API}/stats", 200), ("GET /metrics", 200), ("GET /nowhere", 404),
                           (f"GET {API}/health", 200), (f"PUT {API}/stats", 405)):
        raw = request(line, "Authorization: Bearer " + secret("admin"), host=host)
        answer = ask(daemon, raw)
        assert answer.status == (expected if status == 200 else 421), (line, answer)
        if status == 421:
            check_problem(answer, 421, "misdirected")
    assert ask(daemon, request("GET /livez", host=host)).status == 200
    assert ask(daemon, request("GET /readyz", host=host)).status == 200


def test_allowed_hosts_are_allowed(start, redis):
    daemon = start(open_config(redis, 'allowed_hosts: [cache.internal]'))
    assert ask(daemon, request(f"GET {API}/stats", host="Cache.Internal:80")).status == 200
    assert ask(daemon, request(f"GET {API}/stats", host="x.cache.internal")).status == 421


# Prefixes --------------------------------------------------------------------------------------


@pytest.fixture
def keys(shared_redis):
    names = [f"{prefix}{i}" for prefix in ("app:", "more:", "other:", "apple:") for i in range(3)]
    names += ["app:user:7", "other:user:7", "other:of:7"]
    for name in names:
        shared_redis("SET", name, "1")
    # Other tests of this file leave sessions behind.
    yield lambda: [key for key in shared_redis.keys() if not key.startswith(b"session:")]
    shared_redis("DEL", *names)


@pytest.mark.parametrize("body,code", [
    ({"keys": ["other:1"]}, "key_outside_prefixes"),
    ({"keys": ["app:1", "other:1"]}, "key_outside_prefixes"),
    ({"keys": ["ap"]}, "key_outside_prefixes"), ({"keys": ["apple:1"]}, "key_outside_prefixes"),
    ({"keys": ["APP:1"]}, "key_outside_prefixes"),
    ({"patterns": ["*"]}, "key_outside_prefixes"), ({"patterns": ["a*"]}, "key_outside_prefixes"),
    ({"patterns": ["app?*"]}, "key_outside_prefixes"),
    ({"patterns": ["[a]pp:*"]}, "key_outside_prefixes"),
    ({"patterns": ["other:*"]}, "key_outside_prefixes"),
    ({"patterns": ["app:*", "other:*"]}, "key_outside_prefixes"),
    ({"keys": ["cw:meta"]}, "key_reserved"),
])
def test_a_token_of_prefixes_is_refused_outside_them(daemon, keys, body, code):
    before = keys()
    answer = call(daemon, "POST", API + "/invalidate", "app", body=json.dumps(body))
    assert answer.status == 403 and answer.json["code"] in (code, "key_outside_prefixes"), answer
    assert keys() == before
    answer = call(daemon, "POST", API + "/invalidate", "app",
                  body=json.dumps({**body, "dry_run": True}))
    assert answer.status == 403, answer


def test_a_token_of_prefixes_does_its_own_and_shows_no_other_names(daemon, keys):
    answer = call(daemon, "POST", API + "/invalidate", "app",
                  body='{"patterns": ["app:*", "more:1"], "user_id": "7"}')
    assert answer.status == 200, answer
    assert keys() == sorted([b"apple:0", b"apple:1", b"apple:2", b"more:0", b"more:2", b"other:0",
                             b"other:1", b"other:2", b"other:user:7", b"other:of:7"])
    assert answer.json["protected_skipped"] == 2
    assert "other:" not in answer.body.decode()


def test_a_token_of_prefixes_sees_no_names_in_what_others_did(daemon, keys):
    done = call(daemon, "POST", API + "/invalidate", "admin",
                body='{"keys": ["other:1"], "patterns": ["other:*"], "note": "by admin"}')
    assert done.json["sample"]
    path = API + "/operations/" + done.json["operation_id"]
    for where in (path, API + "/operations"):
        answer = call(daemon, "GET", where, "app")
        assert answer.status == 200
        assert "other:" not in answer.body.decode(), answer
        assert "by admin" not in answer.body.decode()
    assert "other:" in call(daemon, "GET", path, "read").body.decode()
    own = call(daemon, "POST", API + "/invalidate", "app", body='{"keys": ["app:1"]}').json
    answer = call(daemon, "GET", API + "/operations/" + own["operation_id"], "app")
    assert "app:1" in answer.body.decode()


def test_a_rule_shows_a_token_of_prefixes_no_names_outside(daemon):
    answer = call(daemon, "GET", API + "/dependencies/{key}".replace("{key}", "app:user:7"), "app")
    assert "other:" not in answer.body.decode(), answer
    answer = call(daemon, "GET", API + "/dependencies/other:of:7?transitive=true", "app")
    check_problem(answer, 403, "key_outside_prefixes")
    answer = call(daemon, "GET", API + "/dependencies/app:user:7", "read")
    assert answer.json["dependents"] == ["other:of:7"]


def test_stored_dependents_outside_the_prefixes(daemon, shared_redis):
    where = API + "/dependencies/app:k"
    refused = call(daemon, "PUT", where, "app", body='{"dependents": ["app:1", "other:1"]}')
    check_problem(refused, 403, "key_outside_prefixes")
    refused = call(daemon, "PUT", API + "/dependencies/other:k", "app", body='{"dependents": ["app:1"]}')
    check_problem(refused, 403, "key_outside_prefixes")
    answer = call(daemon, "PUT", where, "invalidate", body='{"dependents": ["app:1", "other:1"]}')
    assert answer.json["stored"]["dependents"] == ["app:1", "other:1"]
    call(daemon, "PUT", API + "/dependencies/other:k", "invalidate", body='{"dependents": ["app:1"]}')
    answer = call(daemon, "GET", where + "?transitive=true", "app")
    assert answer.json["stored"]["dependents"] == answer.json["dependents"] == ["app:1"]
    listed = call(daemon, "GET", API + "/dependencies", "app").json["items"]
    assert [item["key"] for item in listed] == ["app:k"]
    shared_redis("MSET", "app:k", "x", "app:1", "x", "other:1", "x")
    answer = call(daemon, "POST", API + "/invalidate", "app", body='{"keys": ["app:k"]}').json
    assert (answer["invalidated"], answer["protected_skipped"]) == (2, 1)
    assert "other:" not in str(answer) and shared_redis("EXISTS", "other:1") == 1
    shared_redis("DEL", "other:1", "cw:dep:app:k", "cw:dep:other:k")


def test_a_tokens_max_keys_bounds_it(daemon, shared_redis):
    shared_redis.fill(20, key="few:{}")
    answer = call(daemon, "POST", API + "/invalidate", "few", body='{"patterns": ["few:*"]}')
    assert len(shared_redis.keys("few:*")) >= 15, answer
    shared_redis("DEL", *[f"few:{i}" for i in range(20)])


def test_a_catch_all_needs_flush(daemon, shared_redis):
    shared_redis("SET", "catch:1", "1")
    for pattern in ("*", "**", "?*", "*?", "[^x]*", "*[!-~]*"):
        answer = call(daemon, "POST", API + "/invalidate", "invalidate",
                      body=json.dumps({"patterns": [pattern], "dry_run": True}))
        assert check_problem(answer, 403, "forbidden")["detail"].count("flush"), pattern
    answer = call(daemon, "POST", API + "/invalidate", "flush", body='{"patterns": ["*"]}')
    check_problem(answer, 403, "forbidden")
    assert shared_redis("EXISTS", "catch:1") == 1


def test_cancel_is_for_whoever_began_it_or_operate(daemon):
    run = call(daemon, "POST", API + "/warm", "warm", body='{"cache_names": ["slow"]}')
    location = run.json["runs"][0]["location"]
    until(lambda: call(daemon, "GET", location, "read").json["state"] == "running", "the run")
    check_problem(call(daemon, "DELETE", location), 401, "unauthorized")
    for token in ("read", "write", "invalidate", "app"):
        check_problem(call(daemon, "DELETE", location, token), 403, "forbidden")
    assert call(daemon, "DELETE", location, "warm").status == 202
    until(lambda: call(daemon, "GET", location, "read").json["state"] == "cancelled", "its end")


# Reload, secrets -------------------------------------------------------------------------------


def test_a_revoked_token_is_dead_after_the_reload_and_rotation_overlaps(start, redis):
    rows = [row("both", ["read"]), row("both", ["read"]).replace(
        hashlib.sha256(secret("both").encode()).hexdigest(),
        hashlib.sha256(secret("new").encode()).hexdigest()), row("operate", ["operate"])]
    daemon = start(config(redis, rows))
    with Wire(daemon) as kept:
        ask_stats = request(f"GET {API}/stats", "Authorization: Bearer " + secret("both"))
        kept.send(ask_stats)
        assert kept.answer().status == 200
        assert call(daemon, "GET", API + "/stats", "new").status == 200
        daemon.configure(config(redis, rows[1:]))
        assert call(daemon, "POST", API + "/reload", "operate").status == 200
        kept.send(ask_stats)
        assert kept.answer().status == 401
    assert call(daemon, "GET", API + "/stats", "new").status == 200


def test_anonymous_has_what_it_is_given_and_no_more(start, redis):
    daemon = start(config(redis, [row("admin", ["admin"])], anonymous="metrics"))
    assert call(daemon, "GET", "/metrics").status == 200
    check_problem(call(daemon, "GET", API + "/stats"), 401, "unauthorized")
    # A wrong token is not made good by what anonymous callers may do.
    check_problem(call(daemon, "GET", "/metrics", "wrong"), 401, "unauthorized")


def test_secrets_appear_nowhere(start, folder):
    """Token, Redis password: not in the log, whatever its level, and in no answer."""
    from harness import Redis
    server = Redis(folder, "--requirepass", "hunter2-CANARY", name="secret")
    try:
        text = config(server, [row("admin", ["admin"])], """
log: {level: debug, access: all}
""").replace("redis: {url:", "redis: {password_file: %s/password, url:" % folder)
        with open(folder + "/password", "w", encoding="utf-8") as file:
            file.write("hunter2-CANARY\n")
        os.chmod(folder + "/password", 0o600)
        daemon = start(text)
        until(lambda: daemon.get("/readyz?redis=true").status == 200, "redis")
        said = ""
        for method, path in ROUTES:
            for token in ("admin", "wrong", None):
                answer = call(daemon, method, path, token)
                said += json.dumps(dict(answer.headers)) + answer.body.decode()
        ask(daemon, request(f"GET /x?access_token={secret('admin')}"))
        ask(daemon, request(f"GET {API}/stats", "Cookie: cw=" + secret("admin")))
        ask(daemon, post(API + "/invalidate", '{"confirm": "%s", "keys": ["a"]}' % secret("admin"),
                         "Authorization: Bearer " + secret("admin")))
        server.kill()
        until(lambda: daemon.get("/readyz?redis=true").status == 503, "redis down")
        time.sleep(0.1)
        said += call(daemon, "GET", API + "/config", "admin").body.decode()
        for where in (said, daemon.log):
            assert "c0ffee" not in where and "hunter2" not in where
        with open(f"/proc/{daemon.process.pid}/cmdline", "rb") as file:
            assert b"hunter2" not in file.read()
    finally:
        server.close()


def test_the_log_has_one_line_for_one_event_whatever_the_client_sends(start, redis):
    daemon = start(open_config(redis, "log: {access: all, format: json}"))
    for raw in (request("GET /a%0Ab%0D%1b[31m"), request("GET /livez", "X-Request-Id: a%0Ab"),
                post(API + "/warm", '{"cache_names": ["a\\nforged line"]}'),
                post(API + "/invalidate", '{"keys": ["none"], "note": "x\\nforged line"}')):
        ask(daemon, raw)
    assert daemon.stop() == 0
    daemon.reader.join(20)
    # The sanitizer has its own say on fibers when it starts.
    lines = [line for line in daemon.lines if line != "<end>" and not line.startswith("==")]
    for line in lines:
        assert isinstance(json.loads(line), dict), line
    assert sum("http: " in line for line in lines) >= 4
