# SPDX-License-Identifier: MIT
"""What a source does not have is remembered, and forgotten; a load that failed is told everywhere."""

import threading
import time

import pytest

from conftest import open_config
from keys import path, put, refused
from origin import Origin
from proxy import Proxy

RESULTS = "/api/v1/cache/results/user"


@pytest.fixture
def origin():
    server = Origin(lambda path: 404)
    yield server
    server.close()


def config(redis, origin):
    return open_config(redis, f"""
loaders:
  user: {{key: "user:{{id}}", params: [id], tags: ["of {{id}}"], timeout: 4s, absent_for: 1h,
         source: {{type: http, base_url: "{origin.url}", path: "/{{id}}"}}}}
""")


def absent(daemon, state):
    reply = daemon.post(RESULTS, {"params": {"id": "1"}})
    refused(reply, 404, "no_value")
    assert reply.headers["X-Cache"] == state


FORGET = {
    "delete": lambda daemon: daemon.request("DELETE", path("user:1")),
    "key": lambda daemon: daemon.invalidate({"keys": ["user:1"]}),
    "pattern": lambda daemon: daemon.invalidate({"patterns": ["us*:1"]}),
    "tag": lambda daemon: daemon.invalidate({"tags": ["of 1"]}),
    "soft": lambda daemon: daemon.invalidate({"tags": ["of 1"], "soft": True}),
}


@pytest.mark.parametrize("how", FORGET)
def test_what_is_not_there_is_remembered_until_it_is_invalidated(start, redis, origin, how):
    daemon, other = (start(config(redis, origin)) for _ in range(2))
    absent(daemon, "MISS")
    for which in (daemon, other):
        absent(which, "HIT")
        assert which.invalidate({"keys": ["user:2"], "tags": ["of 2"], "patterns": ["x:*"]}).status == 200
        absent(which, "HIT")
    assert origin.total() == 1
    assert FORGET[how](other).status in (200, 204)
    absent(daemon, "MISS")
    assert origin.total() == 2


def test_a_write_forgets_that_there_was_nothing(start, redis, origin):
    daemon = start(config(redis, origin))
    absent(daemon, "MISS")
    put(daemon, "user:1", b"x")
    assert redis("DEL", "user:1") == 1
    absent(daemon, "MISS")


def test_an_invalidation_during_the_load_leaves_nothing_remembered(start, redis, origin):
    daemon = start(config(redis, origin))
    asked, go = threading.Event(), threading.Event()

    def answer(_):
        asked.set()
        go.wait(10)
        return 404

    origin.answer = answer
    thread = threading.Thread(target=absent, args=(daemon, "MISS"))
    thread.start()
    assert asked.wait(10)
    assert daemon.invalidate({"tags": ["of 1"]}).status == 200
    go.set()
    thread.join()
    absent(daemon, "MISS")
    assert origin.total() == 2


def test_a_failed_load_is_told_on_every_daemon(start, redis, origin):
    daemons = [start(config(redis, origin)) for _ in range(3)]
    go = threading.Event()

    def answer(_):
        go.wait(10)
        return 503

    origin.answer = answer
    replies = []
    threads = [threading.Thread(target=lambda daemon=daemon: replies.append(
        daemon.post(RESULTS, {"params": {"id": "1"}}))) for daemon in daemons for _ in range(3)]
    for thread in threads:
        thread.start()
    while not origin.total():
        time.sleep(0.01)
    time.sleep(0.3)  # the others wait for the lease by then
    go.set()
    for thread in threads:
        thread.join()
    for reply in replies:
        refused(reply, 502, "source_failed", "503")
    assert len(replies) == 9 and origin.total() == 1


def test_a_lease_that_can_store_nothing_is_over(start, redis, origin):
    daemon = start(config(redis, origin))
    for number, body in enumerate(({"keys": ["l:0"]}, {"patterns": ["l:*"]})):
        first = daemon.get(path(f"l:{number}", "?lease=60")).headers["X-Cache-Lease"]
        assert "X-Cache-Lease" not in daemon.get(path(f"l:{number}", "?lease=60")).headers
        assert daemon.invalidate(body).status == 200
        second = daemon.get(path(f"l:{number}", "?lease=60")).headers["X-Cache-Lease"]
        refused(put(daemon, f"l:{number}", b"old", headers={"X-Cache-Lease": first}), 409, "lease_lost")
        assert put(daemon, f"l:{number}", b"new", headers={"X-Cache-Lease": second}).status == 201


def warming(config, key):
    return config + f"""
warm:
  jobs:
    - {{name: rows, key: "{key}", format: jsonl, source: {{type: command, format: jsonl,
       argv: [printf, '{{"id": 1, "name": "x"}}\\n']}}}}
""".replace("format: jsonl, source", "source")


@pytest.mark.parametrize("key, state", [
    ("user:{id}", "MISS"), ("us{name}er:{id}", "HIT"), ("users:{id}", "HIT")])
def test_a_warm_run_forgets_that_there_was_nothing_of_what_it_stores(start, redis, origin, key, state):
    daemon = start(warming(config(redis, origin), key))
    absent(daemon, "MISS")
    assert daemon.warm({"wait": 20}).json["state"] == "completed"
    # As if it had expired.
    redis("DEL", "user:1")
    absent(daemon, state)


@pytest.mark.parametrize("key, commands", [("user:{id}", 1), ("{id}", 1), ("other:{id}", 0)])
def test_a_warm_run_looks_for_what_was_not_there_only_where_a_loader_may_have_looked(
        start, redis, origin, folder, key, commands):
    proxy = Proxy(folder, redis)
    daemon = start(warming(config(redis, origin), key).replace(redis.url, proxy.url))
    daemon.wait_redis()
    proxy.count(b"cw:failed:{")
    assert daemon.warm({"wait": 20}).json["state"] == "completed"
    assert proxy.sent == commands
    proxy.close()
