# SPDX-License-Identifier: MIT
"""Events of all daemons on one Redis: the stream, its pages, replay, gaps, and who sees which names."""

import json
import re
import signal

import pytest

from conftest import open_config
from events import EVENTS, Listener, page
from harness import API, DEADLINE, until
from origin import Origin
from test_auth import config, row, secret

ID = re.compile(r"[0-9a-f]{16}:\d+-\d+")
JOB = """
warm:
  jobs:
    - {name: rows, source: {type: command, argv: [printf, '{"id": 1}\\n{"id": 2}\\n'], format: jsonl}, key: "rows:{id}"}
    - {name: slow, source: {type: command, argv: [sh, -c, 'for i in 1 2 3 4 5 6; do echo "{\\"id\\": $i}"; sleep 0.3; done'],
       format: jsonl}, key: "slow:{id}"}
"""


def pause(daemon, paused):
    reply = daemon.post(API + ("/pause" if paused else "/resume"), {"what": ["warming"]})
    assert reply.status == 200, reply


def make(daemon, count):
    """Publishes so many events."""
    for i in range(count):
        pause(daemon, i % 2 == 0)


def test_each_kind_of_event_is_shown(start, redis):
    daemon = start(open_config(redis, JOB))
    daemon.wait_redis()
    with Listener(daemon) as listener:
        assert listener.reply.headers["Content-Type"] == "text/event-stream"
        until(lambda: daemon.metric("cachewarden_event_listeners") == 1, "the listener to be counted")
        redis("SET", "a", "1")
        reply = daemon.invalidate({"keys": ["a"], "tags": ["t"], "note": "deploy\n812"})
        seen = listener.wait("invalidation")
        assert ID.fullmatch(seen.id)
        assert seen.data["operation_id"] == reply.json["operation_id"]
        assert seen.data["note"] == "deploy\n812" and seen.data["by"] == "anonymous"
        assert seen.data["name"] == "test" and seen.data["time"].endswith("Z")
        assert seen.data["invalidated"] == 1 and seen.data["complete"] is True
        assert seen.data["kinds"] == ["key", "tag"]
        assert "keys" not in seen.data and "a" not in seen.data.values()
        assert daemon.invalidate({"keys": ["a"], "dry_run": True}).status == 200
        daemon.warm({"cache_names": ["rows"], "wait": 10})
        listener.until(lambda: any(e.data["state"] == "completed" for e in listener.of("warm")), "the run's end")
        run = listener.of("warm")
        assert run[0].data["state"] == "queued" and run[-1].data["stored"] == 2
        assert run[-1].data["job"] == "rows" and run[-1].data["progress"]["done"] == 2
        pause(daemon, True)
        assert listener.wait("pause").data["paused"] is True
        pause(daemon, False)
        assert listener.wait("pause", 2).data == {**listener.of("pause")[1].data, "paused": False, "until": None}
        assert daemon.post(API + "/reload", {}).status == 200
        assert listener.wait("config").data["state"] == "loaded"
        daemon.configure("nonsense: 1\n")
        assert daemon.post(API + "/reload", {}).status == 422
        assert listener.wait("config", 2).data["state"] == "refused"
        assert len(listener.of("invalidation")) == 1
        past = page(daemon)
        assert [item["id"] for item in past["items"]] == listener.ids[::-1] and past["next"] is None
        assert past["items"][0] == {"id": listener.ids[-1], "event": "config", "data": listener.events[-1].data}
    until(lambda: daemon.metric("cachewarden_event_listeners") == 0, "the listener to be forgotten")
    assert daemon.metric('cachewarden_events_total{event="config"}') == 2


def test_a_run_shows_its_progress(start, redis):
    daemon = start(open_config(redis, JOB))
    daemon.wait_redis()
    with Listener(daemon) as listener:
        daemon.warm({"cache_names": ["slow"], "wait": 0})
        listener.until(lambda: any(e.data["state"] == "running" and e.data["progress"]["done"] for e in listener.events),
                       "its progress")


def test_an_alert_and_the_breaker_are_events(start, redis):
    daemon = start(open_config(redis, "alerts: [{alert: RedisDown, metric: redis_up, below: 1, for: 0s, severity: critical}]\n"
                               "stats: {interval: 100ms}\n"))
    daemon.wait_redis()
    with Listener(daemon) as listener:
        redis.kill()
        listener.until(lambda: any(e.data["alert"] == "RedisDown" and e.data["state"] == "firing"
                                   for e in listener.of("alert")), "the alert")
        assert listener.wait("breaker").data["state"] == "open"
        assert listener.of("breaker")[0].data["of"] == "redis"
        redis.start()
        listener.until(lambda: any(e.data["alert"] == "RedisDown" and e.data["state"] == "resolved"
                                   for e in listener.of("alert")), "its end")
        listener.until(lambda: listener.of("breaker")[-1].data["state"] == "closed", "the breaker to close")
        assert len(set(listener.ids)) == len(listener.ids)


@pytest.mark.topology("server", "tls", why="a breaker for each server of a cluster")
def test_the_breaker_of_a_source_is_an_event(start, redis):
    web = Origin(lambda path: 500)
    daemon = start(open_config(redis, f"""
sources:
  api: {{type: http, base_url: "{web.url}", breaker: {{failures: 1, open_for: 100ms}}}}
loaders:
  one: {{key: "one:{{id}}", params: [id], source: {{use: api, path: "/{{id}}"}}}}
"""))
    daemon.wait_redis()
    with Listener(daemon) as listener:
        assert daemon.post("/api/v1/cache/results/one", {"params": {"id": "1"}}).status == 502
        assert listener.wait("breaker").data == {**listener.of("breaker")[0].data,
                                                 "of": "source", "subject": "api", "state": "open", "failures": 1}
    web.close()


def test_a_client_goes_on_where_it_was(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    with Listener(daemon) as all_events:
        make(daemon, 6)
        all_events.wait("pause", 6)
        ids = all_events.ids
    with Listener(daemon, last=ids[2]) as listener:
        listener.wait_id(ids[-1])
        assert listener.ids == ids[3:]
    with Listener(daemon, last=ids[-1]) as listener:
        make(daemon, 1)
        listener.wait("pause")
        assert len(listener.events) == 1


@pytest.mark.parametrize("last", ["0123456789abcdef:1700000000000-0", "nonsense", "1", "-" * 200, "0123456789abcdef:0-0"])
def test_an_id_from_another_life_is_a_gap(start, redis, last):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    make(daemon, 2)
    with Listener(daemon, last=last) as listener:
        listener.wait("pause", 2)
        gap = listener.events[0]
        assert gap.event == "gap" and gap.data["reason"] == "unknown_id" and gap.data["missed"] is None
        # The id of the gap is of no use to another start, which is said as well.
        with Listener(daemon, last=gap.id) as again:
            assert again.wait("gap").data["reason"] == "unknown_id"
    assert daemon.metric("cachewarden_event_gaps_total") == 2


def test_all_daemons_show_the_same_order_also_after_a_restart(start, redis):
    one, other = (start(open_config(redis)) for _ in range(2))
    one.wait_redis(), other.wait_redis()
    with Listener(one) as at_one, Listener(other) as at_other:
        for i in range(10):
            pause(one if i % 2 else other, True)
        at_one.wait("pause", 10), at_other.wait("pause", 10)
        ids = at_one.ids
        assert ids == at_other.ids and len({i.split(":")[0] for i in ids}) == 2
    assert one.close() is None
    again = start(open_config(redis))
    again.wait_redis()
    with Listener(again, last=ids[3]) as listener:
        listener.wait_id(ids[-1])
        assert listener.ids == ids[4:]
    assert [item["id"] for item in page(again)["items"]] == ids[::-1]


def test_own_events_of_an_outage_hide_none_that_others_stored_before_them(start, redis):
    one, other = (start(open_config(redis)) for _ in range(2))
    one.wait_redis(), other.wait_redis()
    with Listener(other) as at_other:
        make(one, 1)
        at_other.wait("pause")
        redis.kill()
        for daemon in one, other:
            daemon.wait_redis("down")
            assert daemon.post(API + "/reload", {}).status == 200
        at_other.wait("config")  # its own
        other.send(signal.SIGSTOP)
        redis.start()
        until(lambda: redis("XLEN", "cw:events") and b"config" in b"".join(
            part for _, fields in redis("XRANGE", "cw:events", "-", "+") for part in fields), "the other's event")
        other.send(signal.SIGCONT)
        at_other.wait("config", 2)


def test_nothing_is_lost_while_redis_is_away(start, redis):
    one, other = (start(open_config(redis)) for _ in range(2))
    one.wait_redis(), other.wait_redis()
    with Listener(one) as at_one, Listener(other) as at_other:
        make(one, 1)
        at_other.wait("pause")
        redis.kill()
        one.wait_redis("down")
        assert one.post(API + "/reload", {}).status == 200
        assert at_one.wait("config").data["state"] == "loaded"
        redis.start()  # without its data
        at_other.wait("config")
        assert at_other.wait("gap").data["reason"] == "log_lost"
        assert at_other.of("config")[0].id == at_one.of("config")[0].id
        one.wait_redis()
        make(one, 1)
        at_one.wait("pause", 2), at_other.wait("pause", 2)
        assert len(set(at_one.ids)) == len(at_one.ids)
        # An event that was shown before it was stored has another place elsewhere.
        with Listener(other, last=at_one.of("config")[0].id) as listener:
            assert listener.wait("gap").data["reason"] == "another_order"


def test_what_is_trimmed_is_a_gap(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    with Listener(daemon) as listener:
        make(daemon, 2)
        listener.wait("pause", 2)
        redis("DEL", "cw:events")
        make(daemon, 2)
        listener.wait("pause", 4)
        assert [e.event for e in listener.events if e.event != "pause"] == ["gap"]
        assert listener.of("gap")[0].data["reason"] == "log_lost"


@pytest.mark.parametrize("fields", [
    ["i", "nonsense"], ["i", "0123456789abcdef:1-0", "e", "in\nvalid", "t", "1", "d", "{}"],
    ["i", "0123456789abcdef:1-0", "e", "pause", "t", "1", "d", '{"a":\n1}'],
    ["i", "0123456789abcdef:1-0", "e", "pause", "t", "1", "d", "[1]"],
    ["i", "0123456789abcdef:1-0", "e", "pause", "t", "x", "d", "{}"],
    ["i", "0123456789abcdef:1-0", "e", "pause", "t", "1", "d", b'{"a":"\xff"}'],
    ["i", "0123456789abcdef:1-0\n", "e", "pause", "t", "1", "d", "{}"],
    ["i", "0123456789abcdef:1-0", "e", "pause", "t", "1", "d", '{"a":"' + "x" * 20000 + '"}'],
    ["x", "y"],
])
def test_what_is_not_an_event_is_left_out(start, redis, fields):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    with Listener(daemon) as listener:
        redis("XADD", "cw:events", "*", *fields)
        redis("XADD", "cw:events", "*", "i", "fedcba9876543210:1-0", "e", "changes", "t", "1", "d", '{"new":1}')
        assert listener.wait("changes").data == {"new": 1}
        make(daemon, 1)
        listener.wait("pause")
        assert len(listener.events) == 2


def test_another_type_under_the_name_of_the_stream(start, redis):
    redis("SET", "cw:events", "x")
    daemon = start(open_config(redis))
    daemon.wait_redis()
    with Listener(daemon) as listener:
        make(daemon, 1)
        listener.wait("pause")
        daemon.wait_for("events are shown by this daemon alone until they can be stored")
        redis("DEL", "cw:events")
        until(lambda: redis("EXISTS", "cw:events"), "the event to be stored")
        make(daemon, 1)
        listener.wait("pause", 2)


def test_names_are_for_those_who_may_see_them(start, redis):
    rows = [row("boss", ["admin"]), row("reader", ["read"]),
            row("app", ["read", "keys", "invalidate"], key_prefixes='["app:"]')]
    daemon = start(config(redis, rows))
    until(lambda: daemon.get("/readyz?redis=true").status == 200, "redis")
    ask = {"keys": ["app:1", "x:1", "ä:\u2028"], "patterns": ["app:x*", "*:y"], "tags": ["t 1"], "note": "why"}

    def detail(token):
        return Listener(daemon, "?detail=true", token=secret(token))

    reply = daemon.get(EVENTS + "?detail=true", token=secret("reader"))
    assert reply.status == 403 and 'scope="keys"' in reply.headers["WWW-Authenticate"]
    with detail("boss") as boss, detail("app") as app, Listener(daemon, token=secret("reader")) as reader:
        assert daemon.invalidate(ask, token=secret("boss")).status == 200
        seen = boss.wait("invalidation").data
        assert seen["keys"] == ["app:1", "x:1", "ä:\u2028"] and seen["patterns"] == ["app:x*", "*:y"]
        assert seen["tags"] == ["t 1"] and seen["truncated"] is False and seen["note"] == "why"
        seen = app.wait("invalidation").data
        assert seen["keys"] == ["app:1"] and seen["patterns"] == ["app:x*"]
        assert seen["tags"] is None and seen["note"] is None
        assert not {"keys", "patterns", "tags"} & set(reader.wait("invalidation").data)
        assert daemon.invalidate({"keys": ["app:2"], "note": "own"}, token=secret("app")).status == 200
        assert app.wait("invalidation", 2).data["note"] == "own"
    items = daemon.get(EVENTS + "?detail=true&event=invalidation", token=secret("app"),
                       headers={"Accept": "application/json"}).json["items"]
    assert items[1]["data"]["keys"] == ["app:1"] and items[0]["data"]["keys"] == ["app:2"]


def test_names_of_any_bytes(start, redis):
    daemon = start(open_config(redis, 'entities: {user: {field: user_id, keys: ["u:{id}"], tags: ["t-{id}"]}}\n'))
    daemon.wait_redis()
    binary = b"\xff\r\ndata: x\n\n\x00"
    redis("SADD", "cw:dep:a", binary)
    redis("SET", binary, "1")
    with Listener(daemon, "?detail=true") as listener:
        assert daemon.invalidate({"keys": ["a"], "user_id": "1\n\n"}).status == 200
        seen = listener.wait("invalidation").data
        assert {"base64url": "_w0KZGF0YTogeAoKAA"} in seen["keys"] and "u:1\n\n" in seen["keys"]
        assert seen["tags"] == ["t-1\n\n"]
        assert len(listener.events) == 1 and not redis("EXISTS", binary)


def test_too_many_names_are_truncated_and_counts_record_none(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    keys = [f"{i:0100}" for i in range(1000)]
    with Listener(daemon, "?detail=true") as listener:
        assert daemon.invalidate({"keys": keys}).status == 200
        seen = listener.wait("invalidation").data
        assert seen["truncated"] is True and 400 < len(seen["keys"]) < 500
        assert seen["keys"] == keys[:len(seen["keys"])]
        daemon.configure(open_config(redis, "events: {invalidations: counts}\n"))
        assert daemon.post(API + "/reload", {}).status == 200
        assert daemon.invalidate({"keys": keys}).status == 200
        seen = listener.wait("invalidation", 2).data
        assert seen["keys"] is seen["patterns"] is seen["tags"] is seen["truncated"] is None
    assert redis("XRANGE", "cw:events", "-", "+")[-1][1][8:] == []


def test_pages_of_the_past(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    make(daemon, 5)
    assert daemon.post(API + "/reload", {}).status == 200
    whole = page(daemon)["items"]
    assert len(whole) == 6
    first = page(daemon, "?limit=4")
    assert first["items"] == whole[:4] and first["next"] == whole[3]["id"]
    assert page(daemon, "?limit=4&cursor=" + first["next"]) == {"items": whole[4:], "next": None}
    assert page(daemon, "?event=config")["items"] == whole[:1]
    assert page(daemon, "?by=anonymous")["items"] == whole[1:] and page(daemon, "?by=x")["items"] == []
    assert page(daemon, "?since=1h")["items"] == whole and page(daemon, "?until=1h")["items"] == []
    for query in ("?cursor=x", "?limit=0", "?limit=1001", "?since=x", "?event=", "?detail=1"):
        assert daemon.get(EVENTS + query, headers={"Accept": "application/json"}).status == 400, query
    assert daemon.get(EVENTS + "?limit=1").json["code"] == "bad_parameter"


def test_streams_are_limited_and_head_opens_none(start, redis):
    daemon = start(open_config(redis, "events: {listeners: 1}\n"))
    daemon.wait_redis()
    with Listener(daemon):
        reply = daemon.get(EVENTS)
        assert reply.status == 503 and reply.json["code"] == "overloaded" and "events.listeners" in reply.json["detail"]
        page(daemon)
    until(lambda: daemon.metric("cachewarden_event_listeners") == 0, "the place to be free")
    reply = daemon.request("HEAD", EVENTS)
    assert reply.status == 200 and reply.headers["Content-Type"] == "text/event-stream"
    assert daemon.metric("cachewarden_event_listeners") == 0


def test_a_reader_that_stops_is_told_what_it_has_missed(start, redis):
    daemon = start(open_config(redis, "limits: {reply_deadline: 10m}\n"))
    daemon.wait_redis()
    keys = [f"{i:0300}" for i in range(155)]  # nearly all that one event may name
    with Listener(daemon) as quick:
        slow = daemon.connect()
        slow.sendall(f"GET {EVENTS}?detail=true HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        until(lambda: daemon.metric("cachewarden_event_listeners") == 2, "both listeners")
        for _ in range(400):  # twice as much as is kept
            assert daemon.invalidate({"keys": keys}).status == 200
        quick.wait("invalidation", 400)
        assert not quick.of("gap")
        data = b""
        while b"event: gap" not in data:
            data = data[-20:] + slow.recv(1 << 16)
        while b"too_slow" not in data:
            data += slow.recv(1 << 16)
        gap = json.loads(re.search(rb"event: gap\r?\ndata: (\{.*?\})\n", data)[1])
        assert gap["missed"] > 50
        slow.close()


def test_a_reader_that_reads_nothing_is_disconnected(start, redis):
    daemon = start(open_config(redis, "limits: {reply_deadline: 1s}\n"))
    daemon.wait_redis()
    keys = [f"{i:0300}" for i in range(155)]
    slow = daemon.connect()
    slow.sendall(f"GET {EVENTS}?detail=true HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    until(lambda: daemon.metric("cachewarden_event_listeners") == 1, "the listener")
    # What the client's kernel takes by itself, and more.
    for _ in range(200):
        assert daemon.invalidate({"keys": keys}).status == 200
    until(lambda: daemon.metric("cachewarden_event_listeners") == 0, "the end")
    slow.close()


def test_a_stream_ends_with_its_callers_rights(start, redis):
    rows = [row("boss", ["admin"]), row("reader", ["read"]), row("gone", ["read"])]
    daemon = start(config(redis, rows))
    until(lambda: daemon.get("/readyz?redis=true").status == 200, "redis")
    with Listener(daemon, token=secret("boss")) as boss, Listener(daemon, token=secret("reader")) as reader, \
            Listener(daemon, token=secret("gone")) as gone:
        daemon.configure(config(redis, [rows[0], row("reader", ["read", "warm"])]))
        assert daemon.post(API + "/reload", {}, token=secret("boss")).status == 200
        reader.wait_end(), gone.wait_end()
        boss.wait("config")
        assert not boss.ended


def test_a_quiet_stream_is_kept_alive(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    with Listener(daemon) as listener:
        listener.until(lambda: listener.comments, "a comment after 15 s", 3 * DEADLINE)
        # It is not the client that must prove that it is there.
        make(daemon, 1)
        listener.wait("pause")


def test_a_listener_that_leaves_gives_its_place_back(start, redis):
    daemon = start(open_config(redis, "events: {listeners: 1}\n"))
    daemon.wait_redis()

    def opened():
        try:
            return Listener(daemon)
        except AssertionError as refused:
            assert "events.listeners" in str(refused)
            return None

    for _ in range(3):
        until(opened, "the place").close()


def test_streams_end_with_the_daemon(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    with Listener(daemon) as listener:
        make(daemon, 1)
        listener.wait("pause")
        assert daemon.close() is None
        listener.wait_end()
