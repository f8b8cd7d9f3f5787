# SPDX-License-Identifier: MIT
"""HTTP by the byte: framing, the gate's refusals, pipelining, what every answer carries."""

import re

import pytest

from conftest import open_config
from harness import API
from keys import beside
from wire import (Wire, ask, check_library_refusal, check_problem, library_is_strict, post,
                  request)

SECURITY = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}

ROUTES = [
    ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", API + "/stats"),
    ("GET", API + "/health"), ("POST", API + "/invalidate"), ("GET", API + "/warm"),
    ("POST", API + "/warm"), ("GET", API + "/operations"), ("GET", API + "/operations/1"),
    ("DELETE", API + "/operations/1"), ("GET", API + "/dependencies"), ("GET", API + "/dependencies/a"),
    ("PUT", API + "/dependencies/a"), ("POST", API + "/dependencies/a"),
    ("DELETE", API + "/dependencies/a"), ("GET", API + "/explain/a"), ("GET", API + "/config"),
    ("POST", API + "/reload"),
]

# What is refused, by the raw request: (status, code).
REFUSED = {
    "unknown method": (request("BREW /livez"), 501, "unknown_method"),
    "lower-case method": (request("get /livez"), 501, "unknown_method"),
    "TRACE": (request("TRACE /livez"), 501, "unknown_method"),
    "CONNECT": (request("CONNECT localhost:80"), 501, "unknown_method"),
    "WebDAV": (request("PROPFIND /"), 501, "unknown_method"),
    "long method": (request("A" * 1000 + " /livez"), 501, "unknown_method"),
    "method that is no token": (request("G(T /livez"), 501, "unknown_method"),
    "%00 in a path": (request("GET /livez%00"), 404, "not_found"),
    "%00 in a query": (request(f"GET {API}/operations?by=a%00"), 400, "bad_request"),
    "NUL in a path": (request(b"GET /livez\0x HTTP/1.1\r\n"), 400, "bad_request"),
    "bad escape": (request("GET /a%zz"), 400, "bad_request"),
    "half an escape": (request("GET /a%4"), 400, "bad_request"),
    "an escape's sign alone": (request("GET /a%"), 400, "bad_request"),
    "escape with a sign": (request("GET /a%+1"), 400, "bad_request"),
    "control byte in a path": (request("GET /a\x01"), 400, "bad_request"),
    "raw byte above ASCII": (request("GET /a\xe9"), 400, "bad_request"),
    "fragment": (request("GET /livez#x"), 400, "bad_request"),
    "space in a path": (request("GET /a b"), 400, "bad_request"),
    "two spaces": (request("GET  /livez"), 400, "bad_request"),
    "absolute-form of another": (request("GET http://evil.test" + API + "/stats"), 421, "misdirected"),
    "absolute-form without a host": (request("GET http:///livez"), 400, "bad_request"),
    "absolute-form with a user": (request("GET http://u@localhost/livez"), 400, "bad_request"),
    "absolute-form of ftp": (request("GET ftp://localhost/livez"), 400, "bad_request"),
    "asterisk-form": (request("GET *"), 400, "bad_request"),
    "no slash": (request("GET livez"), 400, "bad_request"),
    "query alone": (request("GET ?a=b"), 400, "bad_request"),
    "dot segments are names": (request("GET /x/../livez"), 404, "not_found"),
    "encoded slash does not split": (request("GET /api%2Fv1"), 404, "not_found"),
    "doubled slash": (request("GET //livez"), 404, "not_found"),
    "slash behind": (request("GET /livez/"), 404, "not_found"),
    "many segments": (request("GET " + "/a" * 40), 404, "not_found"),
    "unknown route": (request("GET /nowhere"), 404, "not_found"),
    "route in capitals": (request("GET /LIVEZ"), 404, "not_found"),
    "unknown route with a body": (post("/nowhere", "{}"), 404, "not_found"),
    "empty id": (request(f"GET {API}/operations/"), 404, "not_found"),
    "unknown operation": (request(f"GET {API}/operations/none"), 404, "unknown_operation"),
    "parameter not known": (request("GET /livez?a=1"), 400, "bad_parameter"),
    "parameter twice": (request("GET /readyz?redis=true&redis=true"), 400, "bad_parameter"),
    "33 parameters": (request("GET /livez?" + "&".join(f"p{i}=1" for i in range(33))), 400,
                      "bad_parameter"),
    "parameter of a wrong type": (request("GET /readyz?redis=maybe"), 400, "bad_parameter"),
    "limit 0": (request(f"GET {API}/operations?limit=0"), 400, "bad_parameter"),
    "limit 1001": (request(f"GET {API}/operations?limit=1001"), 400, "bad_parameter"),
    "limit of words": (request(f"GET {API}/operations?limit=ten"), 400, "bad_parameter"),
    "limit beyond 64 bits": (request(f"GET {API}/operations?limit=99999999999999999999"), 400,
                             "bad_parameter"),
    "since that is no time": (request(f"GET {API}/operations?since=soon"), 400, "bad_parameter"),
    "state empty": (request(f"GET {API}/operations?state="), 400, "bad_parameter"),
    "two Hosts": (request("GET /livez", "Host: localhost"), 400, "bad_request"),
    "two Content-Types": (post(API + "/warm", "{}", "Content-Type: text/plain"), 400,
                          "bad_request"),
    "two Authorizations": (request("GET /livez", "Authorization: a", "Authorization: b"), 400,
                           "bad_request"),
    "two Cookies": (request("GET /livez", "Cookie: a=b", "Cookie: c=d"), 400, "bad_request"),
    "two Content-Lengths": (post(API + "/warm", "{}", "Content-Length: 2"), 400, "bad_request"),
    "folded header": (request("GET /livez", b"X-A: one\r\n two\r\n"), 400, "bad_request"),
    "header name with a space": (request("GET /livez", "X A: b"), 400, "bad_request"),
    "space before the colon": (request("GET /livez", "X-A : b"), 400, "bad_request"),
    "header name empty": (request("GET /livez", ": b"), 400, "bad_request"),
    "header name not ASCII": (request("GET /livez", "X-\xe9: b"), 400, "bad_request"),
    "control byte in a value": (request("GET /livez", "X-A: \x1b[31m"), 400, "bad_request"),
    "DEL in a value": (request("GET /livez", "X-A: \x7f"), 400, "bad_request"),
    "NUL in a value": (request("GET /livez", b"X-A: a\0b\r\n"), 400, "bad_request"),
    "bare LF": (request("GET /livez", b"X-A: a\n"), 400, "bad_request"),
    "65 headers": (request("GET /livez", *["X-A: b"] * 64), 431, "headers_too_large"),
    "9 KiB of headers": (request("GET /livez", "X-A: " + "b" * 9216), 431, "headers_too_large"),
    "5 KiB of URI": (request("GET /" + "a" * 5120), 414, "uri_too_long"),
    "a body with GET": (request("GET /livez", "Content-Length: 1", body="x"), 400, "bad_request"),
    "a body with DELETE": (request("DELETE /api/v1/cache/keys/1", "Content-Length: 1", body="x"),
                           400, "bad_body"),
    "no body's end": (request(f"POST {API}/warm", "Transfer-Encoding: chunked"), 411,
                      "length_required"),
    "body of 2 MiB": (request(f"POST {API}/warm", "Content-Type: application/json",
                              "Content-Length: 2097152"), 413, "too_large"),
    "an unknown expectation": (post(API + "/warm", "{}", "Expect: a-pony"), 417,
                               "expectation_failed"),
    "form body": (post(API + "/invalidate", "keys=a",
                       content_type="application/x-www-form-urlencoded"), 415, "unsupported_type"),
    "form's type without a body": (post(API + "/warm", "", content_type="text/plain"), 415,
                                   "unsupported_type"),
}


# Of these, a newer libmicrohttpd makes a refusal of its own.
BY_LIBRARY = {"NUL in a path", "space in a path", "two spaces", "folded header",
              "header name with a space", "space before the colon", "header name empty",
              "NUL in a value", "bare LF"} if library_is_strict() else set()


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_a_problem_that_says_what_is_wrong(shared, case):
    raw, status, code = REFUSED[case]
    with Wire(shared) as wire:
        wire.send(raw)
        answer = wire.answer()
        if case in BY_LIBRARY:
            check_library_refusal(answer)
        else:
            check_problem(answer, status, code)
            for name, value in SECURITY.items():
                assert answer.headers[name] == value
        # One answer; refused in the gate it is also the last.
        wire.socket.settimeout(0.05)
        try:
            assert wire.answer() is None
        except TimeoutError:
            pass


@pytest.mark.parametrize("raw", [
    b"\r\n", b"GET\r\n\r\n", b"GET /livez\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    request("GET /livez", version="HTTP/2.0"), request("GET /livez", version="HTTP/0.9"),
    request("GET /livez", version="http/1.1"), request("GET /livez", "no colon"),
    request("GET /livez", "X-A: " + "b" * 20000), request("GET /" + "a" * 20000),
    request("GET /livez", *[f"X-{i}: b" for i in range(2000)]),
    bytes(range(256)) + b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"\x00" * 1000 + b"\r\n\r\n", b"\xff" * 30000, b"A" * 30000, b"\r\n" * 1000,
], ids=lambda raw: f"{len(raw)} bytes")
def test_what_is_no_http_is_refused_or_closed(shared, raw):
    with Wire(shared) as wire:
        wire.send(raw)
        text = wire.everything(patience=0.3)
    assert not text or re.match(rb"HTTP/1\.1 (400|414|431|501|505) ", text), text
    assert shared.get("/livez").status == 200


def test_a_host_is_needed_and_one_that_is_no_host_is_refused(shared):
    hostless = ask(shared, request(f"GET {API}/stats", host=None))
    if library_is_strict():
        check_library_refusal(hostless)
    else:
        check_problem(hostless, 400, "bad_request")
    for host in ("", " ", "local host", "localhost:port", "localhost:123456", "a@localhost",
                 "[::1", "[::1]x", "http://localhost", "localhost/x", "\xe9.test"):
        answer = ask(shared, request(f"GET {API}/stats", host=host))
        assert answer.status in (400, 421), host


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES}))
def test_a_method_that_does_not_go_is_405_and_allow_names_those_that_do(shared, path, method):
    takes = {m for m, p in ROUTES if p == path}
    takes |= {"HEAD"} if "GET" in takes else set()
    answer = ask_head(shared, request(f"{method} {path}"), method)
    if method in takes:
        assert answer.status not in (405, 501), answer
    else:
        assert answer.status == 405, answer
        assert set(answer.headers["allow"].split(", ")) == takes
        if method != "HEAD":
            check_problem(answer, 405, "method_not_allowed")


def ask_head(daemon, raw, method):
    with Wire(daemon) as wire:
        wire.send(raw)
        return wire.answer(method)


@pytest.mark.parametrize("path", sorted({path for method, path in ROUTES if method == "GET"}))
def test_head_is_get_without_the_body(shared, path):
    with Wire(shared) as wire:
        wire.send(request("GET " + path) + request("HEAD " + path) + request("GET /livez"))
        get, head, livez = wire.answer(), None, None
        if get.status < 400 or "connection" not in get.headers:
            head, livez = wire.answer("HEAD"), wire.answer()
            assert livez.body == b"ok\n"
        else:
            head = ask_head(shared, request("HEAD " + path), "HEAD")
    assert head.status == get.status
    for name in ("content-type", *SECURITY):
        assert head.headers[name] == get.headers[name]
    assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize("method,path", ROUTES)
def test_every_route_carries_the_security_headers_and_an_id(shared, method, path):
    answer = ask(shared, request(f"{method} {path}"))
    for name, value in SECURITY.items():
        assert answer.headers[name] == value
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])
    assert "access-control-allow-origin" not in answer.headers
    assert "server" not in answer.headers


def test_the_callers_request_id_comes_back_where_it_is_a_token(shared):
    for given in ("a", "deploy-812.retry_1", "A" * 64, "!#$%&'*+-.^_`|~"):
        assert ask(shared, request("GET /livez", "X-Request-Id: " + given)) \
            .headers["x-request-id"] == given
    for given in ("", "A" * 65, "a b", "a,b", "a/b", '"a"', "a\xe9"):
        answer = ask(shared, request("GET /livez", "X-Request-Id: " + given))
        assert answer.status == 200
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"]), given
    answer = ask(shared, request("GET /nowhere", "X-Request-Id: mine"))
    assert check_problem(answer, 404, "not_found")["request_id"] == "mine"
    answer = ask(shared, request("GET /livez", "X-Request-Id: a", "X-Request-Id: b"))
    check_problem(answer, 400, "bad_request")
    ids = {shared.get("/livez").headers["X-Request-Id"] for _ in range(50)}
    assert len(ids) == 50


def test_a_hundred_pipelined_requests_are_answered_in_order(shared):
    paths = ["/livez", API + "/warm", API + "/operations/{i}", API + "/dependencies/k{i}",
             API + "/stats"]
    raw = b"".join(request("GET " + paths[i % 5].format(i=i), f"X-Request-Id: id-{i}")
                   for i in range(100))
    with Wire(shared) as wire:
        wire.send(raw)
        answers = [wire.answer() for _ in range(100)]
        wire.send(request("GET /livez", "Connection: close"))
        assert wire.answer().body == b"ok\n"
        assert wire.answer() is None
    for i, answer in enumerate(answers):
        assert answer.headers["x-request-id"] == f"id-{i}"
        assert answer.status == (404 if i % 5 == 2 else 200), answer
        if i % 5 == 3:
            assert answer.json["key"] == f"k{i}"


def test_pipelined_posts_keep_their_bodies(shared, shared_redis):
    for i in range(50):
        shared_redis("SET", f"pipe:{i}", "1")
    with Wire(shared) as wire:
        wire.send(b"".join(post(API + "/invalidate", '{"keys": ["pipe:%d"]}' % i)
                           for i in range(50)))
        for i in range(50):
            answer = wire.answer()
            assert answer.status == 200 and answer.json["sample"] == [f"pipe:{i}"]
    assert shared_redis.keys("pipe:*") == []


def test_a_request_may_come_a_byte_at_a_time(shared):
    with Wire(shared) as wire:
        for byte in post(API + "/invalidate", '{"keys": ["none"]}'):
            wire.send(bytes([byte]))
        assert wire.answer().json["matched"] == 0


def test_http_1_0_is_answered_and_closed(shared):
    with Wire(shared) as wire:
        wire.send(request("GET /livez", version="HTTP/1.0"))
        assert wire.answer().status == 200
        assert wire.answer() is None


def test_http_1_0_needs_no_host(shared):
    for path in ("/livez", "/readyz", API + "/stats"):
        with Wire(shared) as wire:
            wire.send(request("GET " + path, host=None, version="HTTP/1.0"))
            assert wire.answer().status == 200
            assert wire.answer() is None
    assert ask(shared, request("GET /livez", host=None)).status == 400
    assert ask(shared, request(f"GET {API}/stats", host="evil.test", version="HTTP/1.0")).status == 421


@pytest.mark.parametrize("target, host, status", [
    ("http://localhost/livez", "localhost", 200), ("http://localhost:8480/livez", "localhost", 200),
    ("HTTP://LOCALHOST" + API + "/stats", "localhost", 200),
    ("http://127.0.0.1" + API + "/stats", "127.0.0.1", 200),
    ("http://[::1]:1" + API + "/stats", "localhost", 200),
    # The target's host counts, not Host (RFC 9112, 3.2.2).
    ("http://localhost" + API + "/stats", "evil.test", 200),
    ("http://evil.test" + API + "/stats", "localhost", 421), ("http://localhost", "localhost", 200),
    ("http://localhost?a=b", "localhost", 400), ("http://localhost/nothing", "localhost", 404)])
def test_absolute_form_is_taken_where_its_host_is_allowed(shared, target, host, status):
    assert ask(shared, request("GET " + target, host=host)).status == status


def test_absolute_form_writes_as_origin_form_does(shared):
    body = '{"keys": ["none"]}'
    with Wire(shared) as wire:
        for origin, status in (("http://localhost", 200), ("http://evil.test", 403)):
            wire.send(request(f"POST http://localhost{API}/invalidate", f"Origin: {origin}",
                              "Content-Type: application/json", f"Content-Length: {len(body)}",
                              host="elsewhere.test", body=body))
            assert wire.answer().status == status


def test_100_continue_comes_only_for_what_will_be_taken(shared):
    path = API + "/invalidate"
    head = ("Content-Type: application/json", "Content-Length: 18")
    with Wire(shared) as wire:
        wire.send(request("POST " + path, *head, "Expect: 100-Continue"))
        assert wire.answer().status == 100
        wire.send(b'{"keys": ["none"]}')
        assert wire.answer().status == 200
    refused = {
        "POST /nowhere": 404, "PUT " + path: 405, "POST " + path + "?a=1": 400,
    }
    for line, status in refused.items():
        assert ask(shared, request(line, *head, "Expect: 100-continue")).status == status
    wrong = request("POST " + path, *head, "Expect: 100-continue", "Authorization: Bearer wrong")
    assert ask(shared, wrong).status == 401
    form = request("POST " + path, "Content-Type: text/plain", head[1], "Expect: 100-continue")
    assert ask(shared, form).status == 415
    large = request("POST " + path, head[0], "Content-Length: 1073741824", "Expect: 100-continue")
    assert ask(shared, large).status == 413


@pytest.mark.parametrize("each", [8192, 1000, 200, 100])
def test_8_kib_of_other_programs_cookies_are_left_alone(shared, each):
    cookies = "; ".join(f"c{i:03}=" + "v" * (each - 7) for i in range(8192 // each + 1))[:8192]
    headers = ("User-Agent: " + "M" * 200, "Accept: text/html,application/xhtml+xml",
               "Cookie: " + cookies)
    with Wire(shared) as wire:
        for path in ("/livez", API + "/stats", API + "/stats"):
            wire.send(request("GET " + path, *headers))
            assert wire.answer().status == 200


def test_more_cookies_than_that_are_refused_once(shared):
    with Wire(shared) as wire:
        wire.send(request("GET /livez", "Cookie: a=" + "v" * 8200))
        answer = wire.answer()
        assert (answer.status, answer.json["code"]) == (431, "headers_too_large")
        assert "cookies" in answer.json["detail"]
        assert wire.answer() is None


def test_exactly_64_headers_and_a_target_of_4_kib_pass(shared):
    assert ask(shared, request("GET /livez", *["X-A: b"] * 63)).status == 200
    key = "k" * (4096 - len(API + "/dependencies/"))
    answer = ask(shared, request(f"GET {API}/dependencies/{key}"))
    assert answer.status in (200, 400) and answer.status != 414, answer


def test_a_key_in_a_path_is_decoded_once(shared):
    for raw, key in (("a%2Fb", "a/b"), ("a%252Fb", "a%2Fb"), ("a+b", "a+b"), ("..", ".."),
                     ("%0d%0aX: y".replace(" ", "%20"), "\r\nX: y"), ("%C3%A9", "\xe9")):
        answer = ask(shared, request(f"GET {API}/dependencies/{raw}"))
        assert answer.status == 200 and answer.json["key"] == key, raw


def test_metrics_are_prometheus_text(shared):
    shared.get("/nowhere")
    shared.invalidate({"patterns": ["none:*"]})
    reply = shared.get("/metrics")
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.body.endswith(b"\n")
    name = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
    label = rf'{name}="(?:[^"\\\n]|\\[\\"n])*"'
    sample = re.compile(rf"({name})((?:\{{{label}(?:,{label})*\}})?) "
                        r"([+-]?Inf|NaN|-?[0-9.]+(?:e[+-]?[0-9]+)?)")
    types, series, buckets = {}, set(), {}
    for line in reply.body.decode().splitlines():
        if line.startswith("# HELP "):
            assert re.fullmatch(rf"# HELP {name} \S.*", line), line
        elif line.startswith("# TYPE "):
            match = re.fullmatch(rf"# TYPE ({name}) (counter|gauge|histogram)", line)
            assert match and match.group(1) not in types, line
            types[match.group(1)] = match.group(2)
        else:
            match = sample.fullmatch(line)
            assert match, line
            family = re.sub("_(bucket|sum|count)$", "", match.group(1))
            kind = types.get(match.group(1)) or types.get(family)
            assert kind, "no TYPE before " + line
            assert match.group(1, 2) not in series, "twice: " + line
            series.add(match.group(1, 2))
            if kind == "counter":
                assert match.group(1).endswith("_total") or match.group(1).startswith("redis_")
                assert float(match.group(3)) >= 0
            if match.group(1).endswith("_bucket"):
                rest = re.sub('le="[^"]*",?', "", match.group(2))
                before = buckets.get((family, rest), 0)
                assert float(match.group(3)) >= before, "buckets must not fall: " + line
                buckets[family, rest] = float(match.group(3))
    assert {"cachewarden_http_requests_total", "cachewarden_build_info"} <= set(types)
    assert "histogram" in types.values()
    text = reply.body.decode()
    assert 'cachewarden_http_requests_total{route="none",code="404"}' in text


def test_options_gives_no_cors(shared):
    answer = ask(shared, request(f"OPTIONS {API}/invalidate", "Origin: http://evil.test",
                                 "Access-Control-Request-Method: POST"))
    check_problem(answer, 405, "method_not_allowed")
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("origin,status", [
    ("http://evil.test", 403), ("null", 403), ("https://localhost.evil.test", 403),
    ("http://localhost:1", 403), ("http://localhost", 200),
])
def test_a_page_of_another_site_changes_nothing_without_a_token(shared, origin, status):
    raw = post(API + "/invalidate", '{"keys": ["none"]}', "Origin: " + origin)
    assert ask(shared, raw).status == status
    raw = post(API + "/invalidate", '{"keys": ["none"]}', "Sec-Fetch-Site: cross-site")
    assert ask(shared, raw).status == 403


LEASED = "/api/v1/cache/keys/origin?lease=10"


@pytest.mark.parametrize("line", ["Origin: http://evil.test", "Origin: null",
                                  "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"])
def test_nor_does_it_by_a_get_that_takes_a_lease(shared, shared_redis, line):
    check_problem(ask(shared, request("GET " + LEASED, line)), 403, "forbidden")
    assert shared_redis("EXISTS", beside("lease", "origin")) == 0
    assert ask(shared, request("GET " + LEASED.split("?")[0], line)).status == 404


@pytest.mark.parametrize("line", ["Origin: http://localhost", "Sec-Fetch-Site: same-origin",
                                  "Sec-Fetch-Site: none", "X-None: 1"])
def test_a_page_of_its_own_takes_a_lease(shared, shared_redis, line):
    answer = ask(shared, request("GET " + LEASED, line))
    assert answer.status == 404 and "x-cache-lease" in answer.headers
    shared_redis("DEL", beside("lease", "origin"))


def test_nor_does_it_slide_a_session(start, redis):
    daemon = start(open_config(redis).replace("operate]", "operate, sessions]"))
    session = daemon.post("/api/v1/sessions", {"user_id": "1", "data": {}}).json["session_id"]
    for path, status in (("/api/v1/session", 403), ("/api/v1/session?touch=false", 200)):
        raw = request("GET " + path, "X-Session-Id: " + session, "Sec-Fetch-Site: cross-site")
        assert ask(daemon, raw).status == status, path


def test_a_token_takes_a_lease_wherever_its_page_is(start, redis):
    sha = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    daemon = start(open_config(redis).replace(
        "auth: {", "auth: {tokens: [{name: t, sha256: %s, scopes: [keys]}], " % sha))
    answer = ask(daemon, request("GET " + LEASED, "Authorization: Bearer test",
                                 "Origin: http://elsewhere.test"))
    assert answer.status == 404 and "x-cache-lease" in answer.headers
