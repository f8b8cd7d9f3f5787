# SPDX-License-Identifier: MIT
"""Logins of browsers: a cookie in place of a token, and what pages of other sites cannot do with it."""

import re

import pytest

from certificates import Authority
from events import Listener
from harness import API, Daemon, until
from test_auth import config, row, secret
from test_https import config as https_config, trusting
from wire import ask, check_problem, post, request

LOGIN = "/api/v1/login"
ROWS = [row("reader", ["read"]), row("boss", ["admin"]), row("old", ["read"], expires="2020-01-01"),
        row("app", ["read", "keys", "invalidate"], key_prefixes='["app:"]')]


@pytest.fixture(scope="module")
def daemon(shared_folder, shared_redis):
    one = Daemon(shared_folder + "/login", config(shared_redis, ROWS), https=False)
    one.wait_for("listening on ")
    until(lambda: one.get("/readyz?redis=true").status == 200, "redis")
    yield one
    failure = one.close()
    assert not failure, failure
    assert "c0ffee" not in one.log


class Browser:
    """Keeps the cookie and the CSRF value of a login, and sends what a page of ours would."""

    def __init__(self, daemon, name, source=None):
        self.daemon, self.source, self.cookie, self.csrf = daemon, source, None, None
        self.origin = "http%s://localhost" % ("s" if daemon.tls else "")
        self.answer = ask(daemon, post(LOGIN, '{"token": "%s"}' % secret(name), "Origin: " + self.origin),
                          source=source)
        if self.answer.status == 200:
            self.cookie = self.answer.headers["set-cookie"].partition(";")[0]
            self.csrf = self.answer.json["csrf"]

    def headers(self, **more):
        fields = {"Cookie": self.cookie, "Origin": self.origin, "X-CSRF-Token": self.csrf}
        fields.update({name.replace("_", "-"): value for name, value in more.items()})
        return [f"{name}: {value}" for name, value in fields.items() if value is not None]

    def get(self, path, **more):
        return ask(self.daemon, request("GET " + path, *self.headers(**more)), source=self.source)

    def post(self, path, body="{}", **more):
        return ask(self.daemon, post(path, body, *self.headers(**more)), source=self.source)

    def delete(self, path, **more):
        return ask(self.daemon, request("DELETE " + path, *self.headers(**more)), source=self.source)


def test_a_token_is_exchanged_for_a_cookie(daemon):
    browser = Browser(daemon, "reader")
    assert re.fullmatch(r"cw=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict",
                        browser.answer.headers["set-cookie"])
    body = browser.answer.json
    assert body["name"] == "reader" and body["scopes"] == ["read"]
    assert re.fullmatch("[0-9a-f]{32}", body["csrf"]) and body["expires"] > "2026"
    assert browser.get(API + "/stats").status == 200
    assert browser.get(LOGIN).json == body


def test_a_read_needs_the_cookie_alone(daemon):
    browser = Browser(daemon, "reader")
    assert browser.get(API + "/stats", X_CSRF_Token=None, Origin=None).status == 200
    assert browser.get(API + "/stats", Cookie="other=1; " + browser.cookie + "; cw=planted").status == 200
    for cookie in ("cw=" + "0" * 64, "cw=", "x" + browser.cookie, browser.cookie[:-1], "cw"):
        check_problem(browser.get(API + "/stats", Cookie=cookie), 401, "unauthorized")


@pytest.mark.parametrize("fields", [
    {"Origin": None}, {"Origin": "http://evil.test"}, {"Origin": "null"}, {"X_CSRF_Token": None},
    {"X_CSRF_Token": ""}, {"X_CSRF_Token": "0" * 32}, {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
])
def test_a_change_needs_our_origin_and_the_csrf_value(daemon, fields):
    browser = Browser(daemon, "boss")
    assert browser.post(API + "/invalidate", '{"keys": ["app:none"]}').status == 200
    body = check_problem(browser.post(API + "/invalidate", '{"keys": ["app:none"]}', **fields), 403, "forbidden")
    assert "Origin" in body["detail"] or "X-CSRF-Token" in body["detail"]
    check_problem(browser.delete(LOGIN, **fields), 403, "forbidden")
    # A GET that takes a lease changes something, too.
    taken = browser.get("/api/v1/cache/keys/app:none?lease=1", **fields)
    check_problem(taken, 403, "forbidden")
    assert browser.get(LOGIN).status == 200


def test_the_csrf_value_of_another_login_is_refused(daemon):
    one, other = Browser(daemon, "boss"), Browser(daemon, "boss")
    assert one.csrf != other.csrf
    check_problem(one.post(API + "/resume", X_CSRF_Token=other.csrf), 403, "forbidden")


def test_a_page_of_another_site_cannot_log_in(daemon):
    raw = post(LOGIN, '{"token": "%s"}' % secret("reader"), "Origin: http://evil.test")
    answer = ask(daemon, raw)
    check_problem(answer, 403, "forbidden")
    assert "set-cookie" not in answer.headers


def test_scopes_and_prefixes_hold_for_a_login(daemon):
    browser = Browser(daemon, "app")
    check_problem(browser.post(API + "/resume"), 403, "forbidden")
    check_problem(browser.post(API + "/invalidate", '{"keys": ["other:1"]}'), 403, "key_outside_prefixes")
    assert browser.post(API + "/invalidate", '{"keys": ["app:1"]}').json["complete"]


def test_where_a_bearer_is_sent_the_cookie_is_ignored(daemon):
    browser = Browser(daemon, "boss")
    token = "Bearer " + secret("reader")
    check_problem(browser.get(API + "/config", Authorization=token), 403, "forbidden")
    body = browser.get(LOGIN, Authorization=token).json
    assert body["name"] == "reader" and body["csrf"] is None and body["expires"] is None
    check_problem(browser.get(API + "/stats", Authorization="Bearer wrong"), 401, "unauthorized")


def test_a_logout_ends_the_login_and_its_cookie(daemon):
    browser = Browser(daemon, "reader")
    answer = browser.delete(LOGIN)
    assert answer.status == 204 and "cw=; " in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]
    check_problem(browser.get(API + "/stats"), 401, "unauthorized")
    check_problem(browser.get(LOGIN), 401, "unauthorized")
    check_problem(browser.delete(LOGIN), 401, "unauthorized")


def test_a_logout_ends_the_streams_of_the_login(daemon):
    browser, other = Browser(daemon, "reader"), Browser(daemon, "reader")
    with Listener(daemon, cookie=browser.cookie) as ours, Listener(daemon, cookie=other.cookie) as theirs:
        assert browser.delete(LOGIN).status == 204
        ours.wait_end()
        assert not theirs.ended


def test_another_login_of_the_same_browser_ends_the_first(daemon):
    browser = Browser(daemon, "boss")
    first = browser.cookie
    answer = browser.post(LOGIN, '{"token": "%s"}' % secret("reader"), X_CSRF_Token=None)
    assert answer.json["name"] == "reader" and answer.headers["set-cookie"].partition(";")[0] != first
    check_problem(browser.get(API + "/stats"), 401, "unauthorized")


def test_a_token_that_is_removed_ends_its_logins(start, redis):
    daemon = start(config(redis, ROWS), https=False)
    reader, boss = Browser(daemon, "reader"), Browser(daemon, "boss")
    daemon.configure(config(redis, ROWS[1:]))
    assert boss.post(API + "/reload").status == 200
    check_problem(reader.get(API + "/stats"), 401, "unauthorized")
    assert boss.get(API + "/stats").status == 200


def test_wrong_tokens_are_limited_as_elsewhere(daemon):
    for _ in range(10):
        body = check_problem(Browser(daemon, "wrong", "127.0.3.1").answer, 401, "unauthorized")
        assert "c0ffee" not in str(body)
    check_problem(Browser(daemon, "wrong", "127.0.3.1").answer, 429, "too_many_requests")
    check_problem(Browser(daemon, "old", "127.0.3.2").answer, 401, "unauthorized")
    # An old cookie is no attempt at a token: open pages go on asking with it.
    for _ in range(30):
        answer = ask(daemon, request(f"GET {API}/stats", "Cookie: cw=" + "0" * 64), source="127.0.3.3")
        check_problem(answer, 401, "unauthorized")


@pytest.mark.parametrize("body", ["{}", '{"token": ""}', '{"token": 5}', '{"token": null}',
                                  '{"token": "%s"}' % ("x" * 600), '{"tok": "x"}', "[]", "{"])
def test_a_body_without_a_token_is_refused(daemon, body):
    answer = ask(daemon, post(LOGIN, body, "Origin: http://localhost"), source="127.0.3.4")
    assert answer.status == 400 and "set-cookie" not in answer.headers


def test_the_hundred_and_first_login_ends_the_longest_unused(daemon):
    first, second = Browser(daemon, "reader"), Browser(daemon, "reader")
    for _ in range(99):
        last = Browser(daemon, "reader")
        assert first.get(LOGIN).status == 200
    check_problem(second.get(LOGIN), 401, "unauthorized")
    assert last.get(LOGIN).status == 200


def test_over_tls_the_cookie_is_bound_to_the_host(start, redis, shared_folder):
    authority = Authority(shared_folder)
    text = https_config(redis, authority.issue("localhost", "127.0.0.1", days=30))
    anonymous = "auth: {anonymous: [read, metrics, keys, write, invalidate, warm, operate]}"
    daemon = start(text.replace(anonymous, "auth:\n  anonymous: []\n  tokens:\n" + "\n".join(ROWS)),
                   https=False)
    daemon.tls = trusting(authority)
    browser = Browser(daemon, "reader")
    assert re.fullmatch(r"__Host-cw=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict; Secure",
                        browser.answer.headers["set-cookie"])
    assert browser.get(LOGIN).status == 200
    plain = browser.cookie.removeprefix("__Host-")
    check_problem(browser.get(LOGIN, Cookie=plain), 401, "unauthorized")
