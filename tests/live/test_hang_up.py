# SPDX-License-Identifier: MIT
"""Clients that leave before their answer: nothing of theirs stays, and the work for them ends well."""

import fcntl
import os
import signal
import socket
import struct
import termios
import time

import pytest

from conftest import open_config
from harness import HTTPS, end_sending, rounds, until
from keys import beside
from proxy import Proxy
from wire import Wire, post, request

KEY = "/api/v1/cache/keys/gone"
ROUTE = "/api/v1/cache/keys/{key}"
AT_ONCE = struct.pack("ii", 1, 0)


@pytest.fixture
def slow(folder, redis):
    """Between daemon and Redis: each reply comes long after the daemon has begun to wait for it."""
    return Proxy(folder, redis)


@pytest.fixture
def daemon(folder, start, redis, slow):
    text = open_config(redis).replace(redis.url, slow.url)
    daemon = start(text.replace(
        '["127.0.0.1:0"]', '["127.0.0.1:0", {unix: "%s"}]' % os.path.join(folder, "h.sock"))
        + "limits: {per_ip: 4096}\n")
    daemon.wait_redis()
    return daemon


def unread(client):
    return struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, b"\0" * 4))[0]


def leave(daemon, folder, transport, data):
    """Sends and hangs up; "unix" once all was read, "reset" and "end" at once."""
    if transport == "unix":
        client = socket.socket(socket.AF_UNIX)
        client.connect(os.path.join(folder, "h.sock"))
    else:
        client = daemon.connect()
    with client:
        client.sendall(data)
        while transport == "unix" and unread(client):
            pass
        if transport == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)


def counted(daemon):
    """Answers of the route by their code."""
    codes = {}
    for line in daemon.get("/metrics").body.decode().splitlines():
        if line.startswith('cachewarden_http_requests_total{route="%s"' % ROUTE):
            code = line.split('code="')[1].split('"')[0]
            codes[code] = int(float(line.rsplit(" ", 1)[1]))
    return codes


@pytest.mark.soak
@pytest.mark.parametrize("transport", ["unix", "reset", "end"])
def test_while_the_answer_is_awaited(daemon, folder, redis, slow, transport):
    redis("SET", "gone", "x" * 1000)
    tag = daemon.get(KEY).headers["ETag"]
    assert counted(daemon) == {"200": 1}
    slow.mode, slow.seconds = "delay", 0.02
    base, bursts = daemon.fds(), rounds(1, 25)
    one = request("GET " + KEY, "If-None-Match: " + tag, "X-Request-Id: " + "r" * 64)
    for _ in range(bursts):
        for _ in range(200):
            leave(daemon, folder, transport, one)
        until(lambda: daemon.fds() <= base, "no connection")
        until(lambda: daemon.metric("cachewarden_http_connections") <= 1, "no handler")
    # Of those that were reset before they were read nothing is known; metrics may be 10 ms old.
    if transport != "reset":
        until(lambda: sum(counted(daemon).values()) == bursts * 200 + 1, "an account of all")
    if transport == "unix":
        assert counted(daemon)["499"] > 0
    assert set(counted(daemon)) <= {"200", "304", "499"}
    slow.mode = "pass"
    assert daemon.get(KEY).body == b"x" * 1000
    assert daemon.get(KEY, headers={"If-None-Match": tag}).status == 304


def test_the_end_waits_for_work_without_a_client(daemon, folder, redis, slow):
    """SIGTERM while a handler runs whose client has left: it is done, and the exit is clean."""
    slow.mode, slow.seconds = "delay", 0.3
    body = b"v" * 10
    put = request("PUT " + KEY, f"Content-Length: {len(body)}", "Content-Type: text/plain", body=body)
    while not counted(daemon).get("499"):
        leave(daemon, folder, "unix", put)
    assert daemon.stop() == 0
    assert redis("GET", "gone") == body


def test_no_more_handlers_than_connections(folder, start, redis, slow):
    """Whoever hangs up under handlers that wait has no more of them than connections."""
    daemon = start(open_config(redis).replace(redis.url, slow.url).replace(
        "redis: {", "redis: {command_timeout: 30s, ").replace(
        '["127.0.0.1:0"]', '["127.0.0.1:0", {unix: "%s"}]' % os.path.join(folder, "h.sock"))
        + "limits: {connections: 12}\n")
    daemon.wait_redis()
    base, slow.mode = daemon.fds(), "swallow"
    redis("CONFIG", "RESETSTAT")
    for _ in range(300):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.path.join(folder, "h.sock"))
            client.sendall(request("GET " + KEY))
            end = time.monotonic() + 0.01
            while unread(client) and time.monotonic() < end:
                pass
    asked = redis("INFO", "commandstats").split(b"cmdstat_getrange:calls=")[1].split(b",")[0]
    assert 1 <= int(asked) <= 12
    slow.mode = "pass"
    slow.drop()
    until(lambda: daemon.fds() <= base, "no connection")
    assert daemon.get(KEY).status in (404, 503)


@pytest.mark.parametrize("part", [
    b"PUT /api/v1/cache/keys/gone HTTP/1.1\r\nHost: lo",
    b"PUT /api/v1/cache/keys/gone HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n",
    b"PUT /api/v1/cache/keys/gone HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf"],
    ids=["head", "whole head", "body"])
def test_in_the_middle_of_a_request(daemon, folder, redis, part):
    """Long before the deadlines of head and body, which are 5 s and 15 s."""
    base = daemon.fds()
    for transport in ("unix", "end", "reset"):
        for _ in range(100):
            leave(daemon, folder, transport, part)
    until(lambda: daemon.fds() <= base, "no connection", 4)
    assert redis("EXISTS", "gone") == 0


# Requests that only wait -----------------------------------------------------------------------

JOB = '{name: slow, key: "slow:{id}", source: {type: command, argv: [sleep, "60"], format: jsonl}}'
LOADER = ('{key: "loaded:{id}", params: [id], timeout: 50s,'
          ' source: {type: command, argv: [sleep, "60"], format: jsonl}}')
WAITS = {"warm": ("/api/v1/admin/cache/warm", '{"cache_names": ["slow"], "wait": 60}'),
         "invalidate": ("/api/v1/admin/cache/invalidate", '{"patterns": ["x:*"], "wait": 60}'),
         "load": ("/api/v1/cache/results/slow", '{"params": {"id": "1"}}'),
         "lease": ("/api/v1/cache/results/slow", '{"params": {"id": "leased"}}')}


@pytest.fixture
def patient(request, folder, start, redis):
    """Its warm runs and loads take a minute, and so does each command while Redis stands still."""
    daemon = start(open_config(redis, f"""
warm: {{jobs: [{JOB}]}}
loaders: {{slow: {LOADER}}}
""").replace("redis: {", "redis: {command_timeout: 1m, ").replace(
        '["127.0.0.1:0"]', '["127.0.0.1:0", {unix: "%s"}]' % os.path.join(folder, "h.sock")),
        https=getattr(request, "param", HTTPS))
    daemon.wait_redis()
    redis("SET", beside("lease", "loaded:leased"), "another", "PX", 60000)
    return daemon


def connections(daemon):
    """As the daemon counts them; None where it has refused one more of this address."""
    try:
        return daemon.metric("cachewarden_http_connections")
    except ConnectionError:
        return None


@pytest.mark.parametrize("patient", [False, True], ids=["http", "https"], indirect=True)
@pytest.mark.parametrize("kind", WAITS)
def test_those_who_only_waited_leave_their_places(patient, folder, redis, kind):
    """More of one address than it may have connections: it is served again, and the work goes on."""
    path, body = WAITS[kind]
    ask = request("POST " + path, "Content-Type: application/json", f"Content-Length: {len(body)}",
                  body=body)
    stopped = kind == "invalidate"
    if stopped:
        redis.send(signal.SIGSTOP)
    try:
        waiting = []
        for _ in range(200):
            waiting.append(patient.connect())
            waiting[-1].sendall(ask)
        until(lambda: connections(patient) >= 200, "all of them wait")
        for client in waiting:
            client.close()
        for _ in range(100):
            leave(patient, folder, "end", ask)
        until(lambda: (connections(patient) or 1000) <= 3, "their places are free")
        if kind == "warm":
            assert patient.stats()["warming"]["running"] == 1
    finally:
        if stopped:
            redis.send(signal.SIGCONT)
    if stopped:
        listed = "/api/v1/admin/cache/operations?limit=1000&kind=invalidate"
        until(lambda: all(one["state"] == "completed" for one in patient.get(listed).json["items"]),
              "the invalidations end by themselves")
        assert len(patient.get(listed).json["items"]) >= 64


def test_a_client_that_ends_its_side_hears_how_it_stands(patient):
    """It cannot be told from one that has hung up: its wait ends with 202, not with a reset."""
    path, body = WAITS["warm"]
    with Wire(patient) as wire:
        wire.send(post(path, body))
        until(lambda: patient.stats()["warming"]["running"] == 1, "the run")
        end_sending(wire.socket)
        answer = wire.answer()
    assert answer.status == 202 and answer.json["runs"][0]["state"] == "running", answer


def test_what_a_refusal_leaves_to_do_keeps_the_place_of_its_connection(daemon, redis, slow):
    """A PUT that the gate refuses ends its lease: until that is done its place is taken."""
    lease = daemon.get(KEY + "?lease=60").headers["X-Cache-Lease"]
    put = request("PUT " + KEY + "?odd=1", "X-Cache-Lease: " + lease, "Content-Length: 1", body=b"v")
    slow.hold(b"'DEL', KEYS[1]")
    for _ in range(2):
        with Wire(daemon) as wire:
            wire.send(put)
            assert wire.answer("PUT").status == 400
            wire.wait_closed()
    assert slow.held.wait(20)
    assert daemon.metric("cachewarden_http_connections") >= 3
    slow.release()
    until(lambda: daemon.metric("cachewarden_http_connections") <= 1, "the places are free")
    assert redis("EXISTS", beside("lease", "gone")) == 0
