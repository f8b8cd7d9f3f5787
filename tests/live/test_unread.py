# SPDX-License-Identifier: MIT
"""Answers that are not read: what they take in memory is bounded, and others are served meanwhile."""

import json
import threading

import pytest

from conftest import open_config
from harness import BINARY, HTTPS, until
from keys import path
from wire import Wire, ask, check_problem, post, request

MIB = 1 << 20
MGET = "/api/v1/cache/mget"
CLIENTS = 55
BIG = [f"big:{i}" for i in range(15)]


@pytest.fixture
def daemon(request, folder, start, redis):
    """Values of about 1 MiB, and one of 6 MiB that a loader has, too: no kernel buffer takes that."""
    for name in BIG:
        redis("SET", name, "x" * (MIB - 100))
    redis("SET", "huge", "h" * 6 * MIB)
    redis("SET", "small", "s" * 100)
    source = folder + "/huge.json"
    with open(source, "w", encoding="ascii") as file:
        json.dump([{"text": "h" * 6 * MIB}], file)
    daemon = start(open_config(redis, f"""
cache: {{max_value_bytes: 8MiB}}
loaders: {{huge: {{key: "loaded:{{id}}", params: [id], source: {{type: file, path: "{source}", format: json}}}}}}
"""), https=getattr(request, "param", HTTPS))
    daemon.wait_redis()
    return daemon


def unread(daemon, raw, count=CLIENTS):
    """Clients that ask and do not read; the little that their kernel buffers take stays there."""
    clients = [Wire(daemon, receive_buffer=4096) for _ in range(count)]
    for client in clients:
        client.send(raw)
    return clients


def answered(client):
    """The status of an answer that nothing was read of; None where there is none yet."""
    client.socket.settimeout(0.01)
    while len(client.data) < 12:
        try:
            part = client.socket.recv(12 - len(client.data))
        except TimeoutError:
            return None
        assert part, "closed instead"
        client.data += part
    return int(client.data[9:12])


def statuses(clients):
    until(lambda: all(answered(client) for client in clients), "an answer to each")
    return [answered(client) for client in clients]


def close(clients):
    for client in clients:
        client.close()


def mget(names):
    return post(MGET, json.dumps({"keys": names}))


@pytest.mark.parametrize("daemon", [False, True], ids=["http", "https"], indirect=True)
def test_many_unread_answers_of_mget_are_bounded(daemon, redis):
    """Each of 15 MiB: without a bound they are 825 MiB and more."""
    before, sent = daemon.rss(), int(info(redis, "total_net_output_bytes"))
    clients = unread(daemon, mget(BIG))
    codes = statuses(clients)
    assert codes.count(200) >= 1 and set(codes) == {200, 503}, codes
    if "asan" not in BINARY:
        assert daemon.rss() - before < 128 * MIB
    # Refused before their values are fetched: no more than two answers and their beginnings.
    assert int(info(redis, "total_net_output_bytes")) - sent < 60 * MIB
    check_problem(ask(daemon, mget(BIG)), 503, "overloaded")
    # What is small is served, and so is what changes something.
    assert ask(daemon, mget(["small", "none"])).status == 200
    assert daemon.get(path("small")).body == b"s" * 100
    assert daemon.health().status == 200
    close(clients)
    until(lambda: ask(daemon, mget(BIG)).status == 200, "the room is given back")


def info(redis, name):
    return redis("INFO", "stats").split(name.encode() + b":")[1].split(b"\r")[0]


@pytest.mark.parametrize("what", ["key", "results"])
def test_so_are_those_of_other_routes(daemon, what):
    """Of 6 MiB each two fit into the share of one address, which is 16 MiB."""
    raw = {"key": request("GET " + path("huge")),
           "results": post("/api/v1/cache/results/huge", '{"params": {"id": "1"}}')}[what]
    assert ask(daemon, raw).status == 200
    before = daemon.rss()
    clients = unread(daemon, raw)
    codes = statuses(clients)
    assert codes.count(200) == 2 and codes.count(503) == CLIENTS - 2, set(codes)
    if "asan" not in BINARY:
        assert daemon.rss() - before < 64 * MIB
    close(clients)
    until(lambda: ask(daemon, raw).status == 200, "the room is given back")


def test_lists_operations_and_metrics_are_counted_too(start, redis):
    """An unread answer leaves 6 KiB of the share: larger ones are refused, small ones are not."""
    redis.pipeline([("SET", name, "x" * (MIB - 100)) for name in BIG])
    redis.pipeline([("ZADD", "cw:tag:many", "+inf", f"key:{i}") for i in range(1000)])
    redis.fill(1000)
    size = len(ask(start(open_config(redis)), mget(BIG)).body)
    daemon = start(open_config(redis, f"limits: {{reply_bytes: {(size + 6144) * 4 // 1024}KiB}}"))
    for _ in range(20):
        daemon.invalidate({"keys": ["none"], "note": "n" * 200})
    large = [request("GET " + target) for target in (
        "/api/v1/cache/keys?limit=1000", "/api/v1/admin/cache/tags/many?limit=1000",
        "/api/v1/admin/cache/operations", "/metrics")]
    for raw in large:
        answer = ask(daemon, raw)
        assert answer.status == 200 and len(answer.body) > 6144, raw
    clients = unread(daemon, mget(BIG), 1)
    assert statuses(clients) == [200]
    for raw in large:
        check_problem(ask(daemon, raw), 503, "overloaded")
    assert ask(daemon, request("GET /api/v1/admin/cache/operations?limit=1")).status == 200
    close(clients)
    for raw in large:
        until(lambda: ask(daemon, raw).status == 200, "the room is given back")


def test_an_answer_beyond_the_whole_budget_is_served_alone(start, redis):
    for name in BIG:
        redis("SET", name, "x" * (MIB - 100))
    daemon = start(open_config(redis, "limits: {reply_bytes: 1MiB}"))
    answer = ask(daemon, mget(BIG))
    assert answer.status == 200 and len(answer.json["entries"]) == 15
    clients = unread(daemon, mget(BIG), 2)
    assert sorted(statuses(clients)) == [200, 503]
    close(clients)


def test_of_many_values_those_that_find_room_are_not_fetched_in_vain(start, redis):
    """A thousand values in one answer while an unread one of 12 MiB leaves 4 MiB of the share."""
    for name in BIG:
        redis("SET", name, "x" * (MIB - 100))
    redis.fill(1000, key="many:{}", value="v" * 2000)
    redis.fill(1000, key="more:{}", value="v" * 8000)
    daemon = start(open_config(redis))
    clients = unread(daemon, mget(BIG[:12]), 1)
    assert statuses(clients) == [200]
    fits = ask(daemon, mget([f"many:{i}" for i in range(1000)]))
    assert fits.status == 200 and fits.json["entries"][999]["value"] == "v" * 2000
    check_problem(ask(daemon, mget([f"more:{i}" for i in range(1000)])), 503, "overloaded")
    close(clients)


def test_what_was_compressed_counts_as_it_is_sent(start, redis):
    daemon = start(open_config(redis, """
cache: {namespaces: [{prefix: "z:", ttl: 1h, compress_above: 1KiB}]}
"""))
    for i in range(15):
        assert daemon.request("PUT", path(f"z:{i}"), b"z" * (MIB - 100)).status == 201
    clients = unread(daemon, mget([f"z:{i}" for i in range(15)]), 20)
    codes = statuses(clients)
    assert codes.count(200) == 1 and codes.count(503) == 19, codes
    close(clients)


def test_who_takes_nothing_is_cut_and_who_takes_little_is_not(daemon):
    """Long before limits.reply_deadline, which is 30 s."""
    slow, stalled = unread(daemon, mget(BIG[:7]), 2)
    ended, taken = threading.Event(), []

    def read():
        while True:
            part = slow.socket.recv(20000)
            if not part:
                return
            taken.append(len(part))
            if not ended.is_set():
                ended.wait(0.2)

    reader = threading.Thread(target=read)
    try:
        assert statuses([slow, stalled]) == [200, 200]
        slow.socket.settimeout(20)
        reader.start()
        until(lambda: daemon.metric("cachewarden_http_connections") <= 2, "it is cut")
    finally:
        ended.set()
    stalled.socket.settimeout(20)
    with pytest.raises((ConnectionResetError, AssertionError)):
        stalled.answer()
        stalled.answer()
    slow.send(request("GET /livez", "Connection: close"))
    reader.join(20)
    assert not reader.is_alive() and sum(taken) > 7 * (MIB - 100)
    close([slow, stalled])
