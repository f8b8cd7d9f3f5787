# SPDX-License-Identifier: MIT
"""Read-through when many ask at once, and when somebody goes away in the middle of it."""

import asyncio
import collections
import signal
import threading

from conftest import open_config
from harness import API, until
from keys import beside, put, refused
from reading import MANY, RESULTS, Client, begin, loaders, result, web_loader


class Gate:
    """Holds a web's answers back until it is opened, and tells that one was asked for."""

    def __init__(self, web):
        self.web, self.asked, self.open = web, threading.Event(), asyncio.Event()
        web.answer = self.answer

    async def answer(self, path):
        self.asked.set()
        await self.open.wait()
        return await self.web.row(path)

    def release(self):
        self.web.loop.call_soon_threadsafe(self.open.set)


class Later:
    """A request in a thread of its own."""

    def __init__(self, *args, **kw):
        self.thread = threading.Thread(target=self.run, args=args, kwargs=kw)
        self.thread.start()

    def run(self, *args, **kw):
        self.answer = result(*args, **kw)

    def reply(self):
        self.thread.join()
        return self.answer


def test_who_wait_in_vain_for_a_value_that_is_not_there_are_told_together(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    web.delay, web.status = 0.3, 404
    replies = web.flood([(daemon, "POST", RESULTS + "x", {"params": {"id": "1"}})] * 100)
    for reply in replies:
        refused(reply, 404, "no_value")
    assert web.loads["/x/1"] <= 2


def test_who_wait_for_a_source_that_fails_are_told_together(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    web.delay, web.status = 0.3, 500
    replies = web.flood([(daemon, "POST", RESULTS + "x", {"params": {"id": "1"}})] * 100)
    for reply in replies:
        refused(reply, 502, "source_failed", "500")
    assert web.loads["/x/1"] <= 2


def test_a_crowd_without_redis_is_one_load(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    redis.kill()
    daemon.wait_redis("down")
    web.delay = 0.5
    replies = web.flood([(daemon, "POST", RESULTS + "x", {"params": {"id": "1"}})] * 100)
    assert {(reply.status, reply.headers["X-Cache"]) for reply in replies} == {(200, "BYPASS")}
    assert {reply.json["load"] for reply in replies} == {1} and web.loads["/x/1"] == 1
    assert result(daemon, "x", id="1").json["load"] == 2


def test_a_holder_that_died_is_replaced_when_its_lease_ends(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    redis("SET", beside("lease", "x:1"), "0" * 32 + " 0-0", "PX", 700)
    reply = result(daemon, "x", id="1")
    assert reply.status == 200 and reply.headers["X-Cache"] == "MISS" and reply.took > 0.5
    assert redis("EXISTS", beside("lease", "x:1")) == 0


def test_who_waits_too_long_is_told_so(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web, timeout="200ms")})
    redis("SET", beside("lease", "x:1"), "0" * 32 + " 0-0", "PX", 60000)
    refused(result(daemon, "x", id="1"), 504, "timeout")
    assert not web.loads


def test_a_load_that_was_invalidated_is_answered_and_not_kept(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    gate = Gate(web)
    load = Later(daemon, "x", id="1")
    assert gate.asked.wait(10)
    assert daemon.invalidate({"keys": ["x:1"]}).status == 200
    gate.release()
    reply = load.reply()
    assert reply.status == 200 and reply.headers["X-Cache"] == "MISS"
    assert "X-Cache-TTL" not in reply.headers and redis("EXISTS", "x:1") == 0
    assert result(daemon, "x", id="1").json["load"] == 2 and redis("EXISTS", "x:1") == 1


def test_a_write_during_the_load_stays(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    gate = Gate(web)
    load = Later(daemon, "x", id="1")
    assert gate.asked.wait(10)
    assert put(daemon, "x:1", b"newer").status == 201
    gate.release()
    assert load.reply().json["load"] == 1
    assert redis("GET", "x:1") == b"newer"
    assert result(daemon, "x", id="1").body == b"newer"


def test_who_wait_while_redis_hangs_load_by_themselves(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web, timeout="15s")})
    gate = Gate(web)
    first = Later(daemon, "x", id="1")
    assert gate.asked.wait(10)
    others = [Later(daemon, "x", id="1") for _ in range(20)]
    until(lambda: redis.calls("set") == 21, "each to have asked for the lease")
    polls = redis.calls("exists")
    until(lambda: redis.calls("exists") > polls + 1, "polls by one for all of them")
    redis.send(signal.SIGSTOP)
    until(lambda: web.loads["/x/1"] == 2, "the load of those who waited")
    gate.release()
    redis.send(signal.SIGCONT)
    assert first.reply().status == 200
    replies = [other.reply() for other in others]
    assert [reply.status for reply in replies] == [200] * 20
    assert [reply.headers["X-Cache"] for reply in replies] == ["BYPASS"] * 20
    assert web.loads["/x/1"] == 2


def test_a_caller_that_hangs_up_does_not_stop_the_load(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    gate = Gate(web)
    body = b'{"params": {"id": "1"}}'
    with daemon.connect() as connection:
        connection.sendall(b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json"
                           b"\r\nContent-Length: %d\r\n\r\n%s" %
                           ((RESULTS + "x").encode(), len(body), body))
        assert gate.asked.wait(10)
    gate.release()
    until(lambda: redis("EXISTS", "x:1"), "the value")


def test_one_loader_runs_so_many_loads_and_the_rest_wait(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    now, most = set(), []

    async def answer(path):
        now.add(path)
        most.append(len(now))
        await asyncio.sleep(0.05)
        now.discard(path)
        return await web.row(path)

    web.answer = answer
    replies = web.flood([(daemon, "POST", RESULTS + "x", {"params": {"id": str(i)}})
                         for i in range(200)])
    assert {reply.status for reply in replies} == {200}
    assert sum(web.loads.values()) == 200 and 1 < max(most) <= 64


def test_nobody_waits_where_a_value_is_asked_for_all_the_time(start, redis, web):
    """Without the early refresh, each end of the TTL would make somebody wait."""
    daemon = begin(start, redis, {"x": web_loader(web, ttl="2s")})
    web.delay = 0.2
    caches = collections.Counter()

    async def ask(client, end):
        while client.loop_time() < end:
            reply = await client.request("POST", RESULTS + "x", {"params": {"id": "1"}})
            caches[reply.headers["X-Cache"]] += 1
            await asyncio.sleep(0.005)

    async def ask_all():
        clients = [Client(daemon) for _ in range(8)]
        await clients[0].request("POST", RESULTS + "x", {"params": {"id": "1"}})
        await asyncio.gather(*(ask(client, client.loop_time() + 7) for client in clients))
        for client in clients:
            client.close()

    web.run(ask_all())
    assert list(caches) == ["HIT"], caches
    # Without a pause between two loads there would be 35; on a busy machine they begin earlier.
    assert 3 <= web.loads["/x/1"] <= 25


def test_a_load_under_way_is_answered_when_the_daemon_stops(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    gate = Gate(web)
    load = Later(daemon, "x", id="1")
    assert gate.asked.wait(10)
    daemon.send(signal.SIGTERM)
    daemon.wait_refused()
    gate.release()
    assert load.reply().status == 200 and redis("EXISTS", "x:1") == 1
    daemon.process.wait(20)
    assert redis("EXISTS", beside("lease", "x:1")) == 0


def test_a_load_keeps_its_loader_when_that_is_taken_away(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    gate = Gate(web)
    load = Later(daemon, "x", id="1")
    assert gate.asked.wait(10)
    daemon.configure(open_config(redis, MANY + loaders(y=web_loader(web, key="y:{id}"))))
    assert daemon.post(API + "/reload").status == 200
    refused(result(daemon, "x", id="1"), 404, "unknown_loader")
    gate.release()
    assert load.reply().status == 200 and redis("EXISTS", "x:1") == 1
    assert result(daemon, "y", id="1").status == 200
    assert [row["name"] for row in daemon.get(API + "/loaders").json["loaders"]] == ["y"]
