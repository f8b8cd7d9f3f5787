# SPDX-License-Identifier: MIT
"""Clients that are slow, many, silent or gone: absolute deadlines, bounds, and nothing left over."""

import random
import resource
import signal
import socket
import ssl
import statistics
import threading
import time

import pytest

from conftest import open_config
from harness import API, SANITIZED, Daemon, until
from wire import Wire, ask, check_problem, post, request

# Generous towards a busy machine, yet far below "never".
LATE = 10


@pytest.fixture(scope="module")
def quick(shared_folder, shared_redis):
    """Deadlines short enough to be waited for."""
    one = Daemon(shared_folder + "/quick", open_config(shared_redis, """
limits: {header_deadline: 300ms, body_deadline: 500ms, reply_deadline: 500ms, per_ip: 1000}
"""))
    yield one
    failure = one.close()
    assert not failure, failure


def drip(wire, data, seconds=0.04):
    """A byte at a time until the server has closed; seconds since the connect."""
    wire.socket.setblocking(False)
    for byte in data:
        if not wire.send(bytes([byte])):
            break
        try:
            if not wire.socket.recv(65536):
                break
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except (ConnectionResetError, ssl.SSLError):
            break
        time.sleep(seconds)
    else:
        raise AssertionError("the server did not close")
    return time.monotonic() - wire.began


LONG = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 2000


def test_a_head_that_drips_is_closed_at_its_absolute_deadline(quick):
    with Wire(quick) as wire:
        assert 0.1 < drip(wire, LONG) < LATE


def test_a_connection_that_says_nothing_is_closed_too(quick):
    with Wire(quick) as wire:
        assert 0.1 < wire.wait_closed() < LATE


def test_the_second_head_has_a_deadline_of_its_own(quick):
    with Wire(quick) as wire:
        wire.send(request("GET /livez"))
        assert wire.answer().status == 200
        time.sleep(0.5)
        # Idle is no head: it may last.
        wire.send(request("GET /livez"))
        assert wire.answer().status == 200
        wire.began = time.monotonic()
        assert 0.1 < drip(wire, LONG) < LATE


def test_a_body_that_drips_is_closed_at_its_absolute_deadline(quick):
    with Wire(quick) as wire:
        wire.send(request(f"POST {API}/invalidate", "Content-Type: application/json",
                          "Content-Length: 5000"))
        wire.began = time.monotonic()
        assert 0.2 < drip(wire, b"{" + b" " * 4000) < LATE


def test_a_body_that_never_comes_is_closed(quick):
    with Wire(quick) as wire:
        wire.send(request(f"POST {API}/warm", "Content-Type: application/json",
                          "Content-Length: 10", "Expect: 100-continue"))
        assert wire.answer().status == 100
        assert wire.answer() is None


def test_a_reader_that_takes_nothing_is_closed_and_costs_little(quick):
    before, fds = quick.rss(), quick.fds()
    wires = [Wire(quick, receive_buffer=1024) for _ in range(8)]
    for wire in wires:
        wire.socket.settimeout(1)
        try:
            wire.send(request("GET /metrics") * 2000)
        except TimeoutError:
            pass
    until(lambda: quick.fds() <= fds, "the connections to be closed", LATE + 10)
    # The sanitizer keeps freed memory for a while, up to 256 MiB.
    assert quick.rss() - before < (512 if SANITIZED else 32) << 20
    for wire in wires:
        wire.close()


def test_two_hundred_slow_heads_do_not_slow_the_others(quick):
    stop = threading.Event()
    wires = []

    def feed():
        while not stop.is_set():
            for i, wire in enumerate(wires):
                if not wire.send(b"a"):
                    wire.close()
                    wires[i] = slow()
            time.sleep(0.02)

    def slow():
        wire = Wire(quick)
        wire.send(LONG[:60])
        return wire

    wires += [slow() for _ in range(200)]
    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        used = sorted(quick.get("/livez").used for _ in range(100))
    finally:
        stop.set()
        feeder.join()
    for wire in wires:
        wire.close()
    assert statistics.median(used) < 0.05, f"max {used[-1]:.3f} s"


def test_an_unfinished_request_does_nothing_when_its_time_is_up(quick, shared_redis):
    shared_redis("SET", "unfinished", "1")
    raw = post(API + "/invalidate", '{"keys": ["unfinished"]}')
    wires = []
    for n in (1, 5, 26, 60):
        wires.append(Wire(quick))
        wires[-1].send(raw[:-n])
    for wire in wires:
        wire.wait_closed()
        wire.close()
    assert shared_redis("EXISTS", "unfinished") == 1


# Numbers ---------------------------------------------------------------------------------------


def test_connections_of_one_address_are_bounded(start, redis, folder):
    path = folder + "/admin.sock"
    text = open_config(redis, "limits: {per_ip: 5}")
    daemon = start(text.replace('["127.0.0.1:0"]', '["127.0.0.1:0", {unix: "%s"}]' % path))
    held = [Wire(daemon) for _ in range(5)]
    for wire in held:
        wire.send(request("GET /livez"))
        assert wire.answer().status == 200
    with Wire(daemon) as sixth:
        sixth.send(request("GET /livez"))
        assert sixth.answer() is None
    assert ask(daemon, request("GET /livez"), source="127.0.0.2").status == 200
    # Who comes over the Unix socket is many, behind one name.
    clients = [socket.socket(socket.AF_UNIX) for _ in range(8)]
    for client in clients:
        client.connect(path)
        client.sendall(request("GET /livez"))
        assert b" 200 " in client.recv(65536)
    for client in clients:
        client.close()
    held.pop().close()

    def again():
        return ask(daemon, request("GET /livez"))

    until(again, "room after one has left")
    for wire in held:
        wire.close()


def test_a_new_connection_takes_the_place_of_the_longest_idle(start, redis):
    daemon = start(open_config(redis, "limits: {connections: 6}"))
    idle = []
    for _ in range(6):
        idle.append(Wire(daemon))
        idle[-1].send(request("GET /livez"))
        assert idle[-1].answer().status == 200
    with Wire(daemon) as one:
        one.send(request("GET /livez"))
        assert one.answer().status == 200
    assert idle[0].answer() is None
    idle[5].send(request("GET /livez"))
    assert idle[5].answer().status == 200
    for wire in idle:
        wire.close()


def test_where_nobody_is_idle_a_new_connection_waits_for_a_place(start, redis):
    daemon = start(open_config(redis, "limits: {connections: 4, header_deadline: 500ms}"))
    busy = [Wire(daemon) for _ in range(4)]
    for wire in busy:
        wire.send(b"GET /li")
    for _ in range(5):
        assert ask(daemon, request("GET /livez", "Connection: close")).status == 200
    for wire in busy:
        wire.close()


def test_requests_of_one_address_are_bounded(start, redis):
    daemon = start(open_config(redis, "limits: {requests_per_second: 2}"))
    answers = [ask(daemon, request(f"GET {API}/stats")) for _ in range(12)]
    assert [a.status for a in answers[:4]] == [200] * 4
    refused = [a for a in answers if a.status == 429]
    assert refused
    check_problem(refused[0], 429, "too_many_requests")
    assert int(refused[0].headers["retry-after"]) >= 1
    assert ask(daemon, request(f"GET {API}/stats"), source="127.0.0.2").status == 200


def test_a_connection_serves_ten_thousand_requests_and_then_closes(shared):
    with Wire(shared) as wire:
        one = request("GET /livez")
        for _ in range(100):
            wire.send(one * 100)
            answers = [wire.answer() for _ in range(100)]
            assert all(a.body == b"ok\n" for a in answers)
        assert answers[-1].headers["connection"].lower() == "close"
        assert "connection" not in answers[-2].headers
        assert wire.answer() is None


# Silence ---------------------------------------------------------------------------------------


def test_livez_is_prompt_with_1000_idle_connections_and_redis_stopped(start, redis):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    daemon = start(open_config(redis, "limits: {per_ip: 2000}"))
    daemon.wait_redis()
    baseline = daemon.fds()
    idle = []
    for i in range(1000):
        wire = Wire(daemon)
        # Half of them have asked before, half have said nothing yet.
        if i % 2:
            wire.send(request("GET /livez"))
            assert wire.answer().status == 200
        idle.append(wire)
    redis.send(signal.SIGSTOP)
    try:
        waiting = [Wire(daemon) for _ in range(20)]
        for wire in waiting:
            wire.send(post(API + "/invalidate", '{"keys": ["a"]}'))
        took = {"/livez": [], API + "/stats": [], API + "/health": []}
        for _ in range(60):
            for path, times in took.items():
                began = time.monotonic()
                assert ask(daemon, request("GET " + path)).status in (200, 503)
                times.append(time.monotonic() - began)
        # None of them waits for Redis, or all would.
        for path, times in took.items():
            assert min(times) < 0.3, (path, times)
        # Who waits for Redis gets one honest answer within the command's deadline.
        for wire in waiting:
            answer = wire.answer()
            assert answer.status in (202, 502, 503, 504), answer
            wire.close()
    finally:
        redis.send(signal.SIGCONT)
    for wire in idle:
        wire.close()
    until(lambda: daemon.fds() <= baseline + 2, "the descriptors to come back")


# Gone ------------------------------------------------------------------------------------------


def test_a_thousand_resets_at_random_moments_leave_nothing(shared_folder, shared_redis):
    daemon = Daemon(shared_folder + "/resets", open_config(shared_redis, """
limits: {header_deadline: 2s, body_deadline: 2s, reply_deadline: 2s}
"""))
    try:
        daemon.wait_redis()
        shared_redis.fill(2000, key="reset:{}")
        daemon.get("/metrics")
        baseline = daemon.fds()
        seed = random.randrange(1 << 32)
        print("seed", seed)
        chance = random.Random(seed)
        whole = [request("GET /metrics"), request(f"GET {API}/stats") * 20,
                 request(f"GET {API}/operations"), post(API + "/warm", "{}"),
                 post(API + "/invalidate", '{"patterns": ["none:*"], "wait": 5}'),
                 post(API + "/invalidate", '{"patterns": ["reset:1*"], "dry_run": true}'),
                 request(f"DELETE {API}/operations/1"), request("GET /nowhere")]
        for _ in range(1000):
            wire = Wire(daemon)
            raw = chance.choice(whole)
            if chance.random() < 0.5:
                raw = raw[:chance.randrange(len(raw))]
            wire.send(raw)
            if chance.random() < 0.7:
                time.sleep(chance.random() * 0.003)
            if chance.random() < 0.2:
                wire.close()
            else:
                wire.reset()
        until(lambda: daemon.fds() <= baseline, "the descriptors to come back")
        until(lambda: daemon.metric("cachewarden_http_connections") <= 1, "the connections to end")
        assert daemon.get("/livez").status == 200
        assert len(shared_redis.keys("reset:*")) == 2000
        # Nobody waits any more, and what was begun has ended.
        until(lambda: all(item["state"] not in ("queued", "running") for item in
                          daemon.get(API + "/operations?limit=1000").json["items"]),
              "the operations to end")
    finally:
        failure = daemon.close()
    assert not failure, failure


def test_a_client_that_hangs_up_stops_nothing(shared, shared_redis):
    shared.wait_redis()
    shared_redis.fill(20000, key="hang:{}")

    def operation():
        items = shared.get(API + "/operations").json["items"]
        return next((item for item in items if item["note"] == "hangs up"), None)

    with Wire(shared) as wire:
        wire.send(post(API + "/invalidate", '{"patterns": ["hang:*"], "note": "hangs up"}'))
        # Not sooner: a reset takes away what the daemon has not read yet.
        until(operation, "the operation")
        wire.reset()
    until(lambda: operation()["state"] == "completed", "the work to be done all the same")
    assert shared_redis.keys("hang:*") == []
    assert operation()["result"]["invalidated"] == 20000
