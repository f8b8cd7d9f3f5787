# SPDX-License-Identifier: MIT
"""The dashboard: a user who logs in, watches, warms, invalidates, looks at keys, and logs out."""

import glob
import gzip
import http.client
import json
import os
import re
import shutil
import tempfile

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from harness import API, until
from page import Page, new_browser
from test_auth import config, row, secret
from wire import ask, check_problem, request

pytestmark = pytest.mark.release(why="the browser works, while the daemon answers what other tests ask for, too")

ROWS = [row("boss", ["admin"]), row("watcher", ["read"]), row("nobody", ["metrics"])]
EXTRA = """
stats: {namespaces: {every: 1s}}
audit: {path: "%s/audit.jsonl"}
cache: {prune_every: 1s, namespaces: [{prefix: "user:", ttl: 1h}]}
dependencies:
  - {when: "user:{id}", invalidate: ["menu:{id}"], patterns: []}
warm:
  jobs:
    - {name: people, suspend: true, key: "person:{id}", source: {type: command,
       argv: [sh, -c, "seq 1 5000 | sed 's/.*/{\\"id\\": &}/'; head -n 1 %s; echo '{\\"id\\": 0}'"]}}
"""
VIEWS = ["overview", "warming", "invalidate", "keys", "tags", "namespaces", "redis", "operations", "events", "audit", "loaders", "sessions", "system"]
HOSTILE = "user:<img src=x onerror=document.title='broken'>\u202eevil"


@pytest.fixture(scope="module")
def browser():
    folder = tempfile.mkdtemp(prefix="cw-")
    one = new_browser(folder)
    yield one
    one.quit()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def daemon(start, redis, folder):
    return start(config(redis, ROWS, EXTRA % (folder, folder + "/gate")), https=False)


@pytest.fixture
def page(browser, daemon):
    one = Page(browser, daemon)
    yield one
    # Refused requests are the page's own business; what is left is a fault of ours.
    known = ("status of 400", "status of 401", "status of 403", "status of 404", "status of 409", "status of 503", "net::ERR")
    assert [text for text in one.complaints() if not any(each in text for each in known)] == []


def test_login_views_and_logout(page):
    page.open()
    page.type("Token", secret("wrong"))
    page.press("Log in")
    page.see("the token is not known")
    page.log_in(secret("watcher"))
    page.see("watcher")
    # What a token may not do is not shown.
    nav = page.element("//nav").text.split("\n")
    assert nav == ["Overview", "Warming", "Tags", "Namespaces", "Redis", "Operations", "Events", "Loaders", "System"]
    page.open("warming")
    page.see("people")
    assert "Run now" not in page.text
    page.press("Log out")
    page.see("Log in")
    page.open("overview")
    page.see("Token")
    assert page.browser.get_cookies() == []


def test_a_token_without_a_view_is_told_so(page):
    page.open()
    page.type("Token", secret("nobody"))
    page.press("Log in")
    page.see("none of the scopes")


def test_figures_move_while_the_cache_works(page, redis):
    page.log_in(secret("boss"))
    until(lambda: page.figure("Redis") == "up", "Redis up on the page")
    redis.fill(2000, "user:{}")
    until(lambda: int(page.figure("Keys").replace(",", "")) >= 2000, "the keys on the page")
    until(lambda: len(page.browser.find_elements(By.CSS_SELECTOR, ".canvas canvas")) >= 12, "charts")
    # Charts are as wide as their place, also after it has changed.
    for width in ("phone", "wide"):
        page.resize(width)
        until(lambda: page.browser.execute_script("""
            return [...document.querySelectorAll(".canvas")].every((place) =>
              Math.abs(place.querySelector("canvas").clientWidth - place.clientWidth) <= 1);"""), "charts of that width")
    # The address keeps what was chosen.
    page.browser.find_element(By.CSS_SELECTOR, "select").send_keys("24 hours")
    until(lambda: "span=24h" in page.browser.current_url, "the span in the address")


def test_redis_goes_and_comes_back(page, redis):
    page.log_in(secret("boss"))
    page.see("UP")
    redis.kill()
    page.see("DOWN")
    until(lambda: page.figure("Redis") == "down", "Redis down on the page")
    redis.start()
    page.see("UP")
    until(lambda: page.figure("Redis") == "up", "Redis up on the page")


def test_a_job_runs_to_its_end_with_a_bar(page, folder, daemon):
    os.mkfifo(folder + "/gate")
    page.log_in(secret("boss"))
    page.open("warming")
    page.press("Run now: people")
    page.element("//progress")
    page.see("storing: ")
    with open(folder + "/gate", "w", encoding="utf-8") as gate:
        gate.write("\n")
    page.see("completed")
    page.see("5,001 stored")
    page.press("completed")
    page.see("people")
    assert "#/operations?id=" in page.browser.current_url


def test_an_invalidation_is_previewed_confirmed_and_judged(page, redis):
    redis.fill(300, "user:{}")
    redis("SET", "other", "1")
    page.log_in(secret("boss"))
    page.open("invalidate")
    page.type("Patterns", "user:*")
    page.type("Note", "deploy 812")
    page.press("Preview")
    page.see("Dry run: 300 keys match.")
    assert redis("DBSIZE") >= 301
    page.press("Invalidate …")
    # No is the first choice, and Escape is no.
    page.browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert len(redis.keys("user:*")) == 300
    page.press("Invalidate …")
    page.press("Invalidate")
    page.see("300 of 300 keys that matched were removed. Complete")
    assert redis.keys("user:*") == [] and redis("GET", "other") == b"1"
    page.open("operations")
    page.see("deploy 812")


def test_a_faulty_selector_is_said(page):
    page.log_in(secret("boss"))
    page.open("invalidate")
    page.press("Preview")
    page.see("the body selects nothing")


def test_a_key_is_found_explained_and_deleted(page, redis):
    redis("SET", HOSTILE, "<b>value</b>", "EX", 600)
    redis("SET", b"user:\xff", "x")
    page.log_in(secret("boss"))
    page.open("keys")
    page.type("Pattern", "user:*")
    page.press("Search")
    page.see("base64url")
    page.press(HOSTILE.replace("\u202e", "\\u202e"))
    page.see("Last invalidation")
    page.element("//summary[normalize-space()='Value']").click()
    page.see("<b>value</b>")
    page.type("New TTL, in seconds", "100")
    page.press("Set TTL")
    until(lambda: redis("TTL", HOSTILE) <= 100, "the TTL")
    page.press("Delete …")
    page.press("Delete")
    page.see("not stored")
    assert redis("EXISTS", HOSTILE) == 0
    assert "broken" not in page.browser.title
    assert page.browser.find_elements(By.CSS_SELECTOR, "main img") == []


def test_an_address_shows_the_same_to_others(page, redis):
    redis("SET", "user:7", "x")
    page.log_in(secret("boss"))
    page.open("keys?key=user%3A7")
    page.see("Last invalidation")
    page.press("menu:7")
    page.see("not stored")
    page.open("tags?key=user%3A7")
    page.see("Invalidated with user:7")
    page.see("menu:7")


def test_namespaces_are_shown_and_lead_to_their_keys(page, redis):
    redis.fill(300, "user:{}")
    redis.fill(100, "order:{}:lines")
    page.log_in(secret("boss"))
    page.open("namespaces")
    page.see("keys were looked at")
    page.see("\t300\t")
    page.see("order:*:lines")
    page.press("user:")
    until(lambda: "match=user%3A*" in page.browser.current_url, "the pattern")
    page.see("Keys: ")


def test_what_redis_says_of_commands_and_clients(page, redis):
    redis("CONFIG", "SET", "slowlog-log-slower-than", "0")
    redis("HGETALL", "user:7")
    redis("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    page.log_in(secret("boss"))
    page.open("redis")
    page.see("HGETALL\tuser:7")
    page.see("hgetall\t")
    page.see("cachewarden")
    page.press("user:7")
    page.see("Last invalidation")


def test_events_appear_as_they_happen_and_the_audit_log_has_them(page, daemon, redis):
    page.log_in(secret("boss"))
    page.open("events")
    page.see("Live:")
    redis.fill(3, "user:{}")
    daemon.invalidate({"patterns": ["user:*"], "note": "deploy 813"}, token=secret("boss"))
    page.see("deploy 813")
    page.see("3 of 3 keys that matched were removed.")
    page.browser.find_element(By.CSS_SELECTOR, "select").send_keys("pause")
    page.see_no("deploy 813")
    daemon.post(API + "/pause", {"what": ["warming"], "note": "migration"}, token=secret("boss"))
    page.see("migration")
    page.open("audit")
    page.see("POST /api/v1/admin/cache/invalidate")
    page.see("deploy 813")
    page.see("3 invalidated")
    until(lambda: page.text.count("deploy 813") == 1, "one row for one change")


def test_pausing_and_resuming(page, daemon):
    page.log_in(secret("boss"))
    page.open("system")
    page.press("Pause warming")
    page.see("paused by boss")
    page.press("Resume warming")
    page.see_no("paused by boss")
    page.press("Examine")
    page.see("The least ACL line")


def test_the_daemon_restarts_under_an_open_page(page, daemon, start, redis):
    page.log_in(secret("boss"))
    page.see("Hit rate")  # without the view's script the page would be loaded again
    port = daemon.address[1]
    daemon.stop()
    page.see("The daemon does not answer.")
    start(re.sub(r"(?m)^listen: .*", f"listen: [127.0.0.1:{port}]", config(redis, ROWS)), https=False)
    # Logins are in memory only: the page asks for the token again.
    page.see("The login has ended.")
    page.type("Token", secret("boss"))
    page.press("Log in")
    page.see("Hit rate")


def test_the_keyboard_alone_suffices(page, redis):
    redis.fill(5, "user:{}")
    keys = page.browser.switch_to
    page.open()
    page.see("Log in")
    keys.active_element.send_keys(secret("boss") + Keys.ENTER)
    page.see("Log out")

    def focus(words):
        for _ in range(60):
            keys.active_element.send_keys(Keys.TAB)
            if keys.active_element.text == words or keys.active_element.get_attribute("name") == words:
                return keys.active_element
        raise AssertionError(f"no tab leads to {words!r}")

    focus("Invalidate").send_keys(Keys.ENTER)
    until(lambda: keys.active_element.text == "Invalidate" and keys.active_element.tag_name == "h1", "the heading's focus")
    focus("patterns").send_keys("user:*")
    focus("Preview").send_keys(Keys.ENTER)
    page.see("5 keys match.")
    until(lambda: keys.active_element.text == "Invalidate …", "the focus")
    keys.active_element.send_keys(Keys.ENTER)
    until(lambda: keys.active_element.text == "Cancel", "the dialog")
    focus("Invalidate").send_keys(Keys.ENTER)
    page.see("5 of 5 keys")


def test_each_view_in_light_dark_and_on_a_phone(page, redis):
    redis.fill(50, "user:{}")
    page.log_in(secret("boss"))
    for view in VIEWS:
        page.open(view)
        page.see(view.capitalize())
        page.settle()
        for width, dark in (("wide", False), ("wide", True), ("phone", False)):
            page.resize(width, dark)
            page.picture(f"{view}-{'dark' if dark else width}")
            # Nothing is wider than the window: only tables scroll, by themselves.
            assert page.browser.execute_script(
                "return document.documentElement.scrollWidth <= window.innerWidth"), (view, width)


def fetch(daemon, path, **headers):
    connection = http.client.HTTPConnection(*daemon.address)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_the_files_are_small_cached_and_strict(daemon):
    answer, packed = fetch(daemon, "/", Accept_Encoding="gzip, br")
    assert answer.getheader("Content-Encoding") == "gzip"
    plain = fetch(daemon, "/")[1].decode()
    assert gzip.decompress(packed).decode() == plain and plain.startswith("<!doctype html>")
    policy = answer.getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert fetch(daemon, "/", If_None_Match=answer.getheader("ETag"))[0].status == 304
    assert "<script>" not in plain and "style=" not in plain and "onclick" not in plain
    # The first view with all that it loads.
    loaded, wanted = {}, ["/"] + re.findall(r'(?:src|href)="(/ui/[^"]+)"', plain) + ["/ui/overview.js"]
    while wanted:
        path = wanted.pop()
        if path not in loaded:
            reply, loaded[path] = fetch(daemon, path, Accept_Encoding="gzip")
            assert reply.status == 200, path
            if path.endswith(".js") and "dygraph" not in path:
                wanted += re.findall(r'from "(/ui/[^"]+)"', gzip.decompress(loaded[path]).decode())
    assert len(loaded) >= 9 and sum(map(len, loaded.values())) < 100000


@pytest.mark.parametrize("name", ["none.js", "..%2fapi.js", "", "index.html%00", "API.js"])
def test_other_files_are_not_there(daemon, name):
    check_problem(ask(daemon, request("GET /ui/" + name)), 404, "not_found")


def test_the_page_is_for_its_hosts_alone(daemon):
    assert ask(daemon, request("GET /", host="evil.test")).status == 421


def test_no_script_makes_elements_of_text():
    """Sinks that parse HTML or run text are in none of our scripts."""
    folder = os.path.join(os.path.dirname(__file__), "../../src/ui")
    scripts = glob.glob(folder + "/*.js")
    assert len(scripts) > 10
    for path in scripts:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function",
                     "DOMParser", "srcdoc", "createContextualFragment"):
            assert sink not in text, (path, sink)


def test_the_health_of_a_caller_without_a_token_is_its_status(page):
    page.open()
    page.see("Log in")
    assert "components" not in json.loads(fetch(page.daemon, API + "/health")[1])


# What has content only once something was asked for.
ASKED = {"keys": "?match=*&key=user:1", "tags": "?key=user:1", "sessions": "?user=1", "invalidate": "?patterns=user:*"}
RUN_AXE = """
const done = arguments[0];
axe.run(document, {resultTypes: ["violations"]}).then(({violations}) =>
  done(violations.map(({id, nodes}) => [id, nodes[0].html.slice(0, 200), nodes[0].failureSummary])));
"""


def every_view_is_accessible(page, redis, dark):
    with open(os.environ["CACHEWARDEN_AXE"], encoding="utf-8") as file:
        axe = file.read()
    redis.fill(50, "user:{}")
    page.log_in(secret("boss"))
    page.resize("wide", dark)
    found = {}
    for view in VIEWS:
        page.open(view + ASKED.get(view, ""))
        page.settle()
        # The page's policy lets no script in but its own; those of the debugger it does not concern.
        page.browser.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
        found[view] = page.browser.execute_async_script(RUN_AXE)
    assert {view: faults for view, faults in found.items() if faults} == {}


if "CACHEWARDEN_AXE" in os.environ:  # of `make axe`
    test_every_view_is_accessible = pytest.mark.parametrize("dark", [False, True])(every_view_is_accessible)
