# SPDX-License-Identifier: MIT
"""No warm run leaves an older row over what was written after that row was read."""

import json
import threading

import pytest

from conftest import open_config
from harness import DEADLINE, until
from keys import CACHE, path, put, wrote
from topology import TOPOLOGY

LIST = wrote("w:1")
LOADER = """
loaders:
  l: {key: "w:{id}", params: [id], source: {type: http, base_url: "%s", path: "/load/{id}"}, ttl: 600s}
"""


class Gate:
    """A source that answers `rows` once it is opened, and loads at once."""

    def __init__(self, web, rows):
        self.asked = threading.Event()
        self.opened = threading.Event()
        self.rows = rows
        web.answer = self.answer
        self.web = web

    async def answer(self, where):
        if where.startswith("/load/"):
            return 200, b'{"v": "NEW"}'
        self.asked.set()
        await self.web.loop.run_in_executor(None, self.opened.wait, DEADLINE)
        return 200, "\n".join(json.dumps(row) for row in self.rows).encode()


def job(web, **more):
    return "warm: {jobs: [" + json.dumps(
        {"name": "j", "key": "w:{id}", "ttl": "600s", "source": {
            "type": "http", "base_url": web.url, "path": "/rows", "format": "jsonl"}, **more}) + "]}\n"


def begin(daemon, gate):
    gate.asked.clear()
    gate.opened.clear()
    where = daemon.warm({}).json["runs"][0]["location"]
    assert gate.asked.wait(DEADLINE)
    return where


def finish(daemon, gate, where):
    gate.opened.set()
    until(lambda: daemon.get(where).json["state"] not in ("queued", "running"), "the run's end")
    return daemon.get(where).json


def write_put(daemon):
    assert put(daemon, "w:1", b"NEW", "?ttl=600").status in (201, 204)


def write_mset(daemon):
    assert daemon.post(CACHE + "/mset", {"entries": [{"key": "w:1", "value": "NEW"}]}).status == 200


def write_lease(daemon):
    token = daemon.get(path("w:1", "?lease=10")).headers["X-Cache-Lease"]
    assert put(daemon, "w:1", b"NEW", headers={"X-Cache-Lease": token}).status in (201, 204)


def write_result(daemon):
    reply = daemon.post(CACHE + "/results/l", {"params": {"id": "1"}})
    assert b"NEW" in reply.body, reply


def write_again(daemon):
    daemon.invalidate({"keys": ["w:1"]})
    write_put(daemon)


def write_if_match(daemon):
    write_put(daemon)
    tag = daemon.get(path("w:1")).headers["ETag"]
    assert put(daemon, "w:1", b"NEW", headers={"If-Match": tag}).status == 204


@pytest.mark.parametrize("mode", ["replace", "refresh", "missing"])
@pytest.mark.parametrize("write", [write_put, write_mset, write_lease, write_result, write_again,
                                   write_if_match])
def test_what_was_written_meanwhile_stays(start, redis, web, mode, write):
    config = open_config(redis, job(web, mode=mode) + LOADER % web.url)
    daemon, other = start(config), start(config)
    gate = Gate(web, [{"id": 1, "v": "old"}, {"id": 2, "v": "old"}])
    if mode == "refresh":
        redis("SET", "w:2", "older")
    where = begin(daemon, gate)
    write(other)
    result = finish(daemon, gate, where)["result"]
    assert b"NEW" in redis("GET", "w:1")
    assert (result["stored"], result["skipped"]) == (1, 1), result
    assert json.loads(redis("GET", "w:2")) == {"id": 2, "v": "old"}


def test_the_next_run_stores_what_was_written_before_it(start, redis, web):
    daemon = start(open_config(redis, job(web)))
    gate = Gate(web, [{"id": 1, "v": "row"}])
    for _ in range(2):
        write_put(daemon)
        assert finish(daemon, gate, begin(daemon, gate))["result"]["stored"] == 1
        assert redis("GET", "w:1") != b"NEW"


def test_of_two_rows_with_one_key_the_last_stays_beside_writes(start, redis, web):
    rows = [{"id": i % 300, "v": i} for i in range(30000)]
    daemon = start(open_config(redis, job(web)))
    gate = Gate(web, rows)
    where = begin(daemon, gate)
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            put(daemon, f"other:{number % 50}", b"x")
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    result = finish(daemon, gate, where)["result"]
    stop.set()
    thread.join()
    assert result["rejected"] == 0 and result["rows"] == 30000, result
    for number in range(300):
        assert json.loads(redis("GET", f"w:{number}"))["v"] == 29700 + number


def test_writes_beside_a_run_are_never_lost(start, redis, web):
    """Each key is written once, at any moment of the run: the newer value is there at the end."""
    count = 20000
    daemon = start(open_config(redis, job(web, window=64)))
    gate = Gate(web, [{"id": i, "v": "old"} for i in range(count)])
    where = begin(daemon, gate)
    gate.opened.set()
    written = []
    for number in range(0, count, 7):
        daemon.post(CACHE + "/mset", {"entries": [{"key": f"w:{number}", "value": "NEW"}]})
        written.append(number)
        if daemon.get(where).json["state"] not in ("queued", "running"):
            break
    result = finish(daemon, gate, where)["result"]
    assert result["rejected"] == 0, result
    values = redis("MGET", *(f"w:{number}" for number in written))
    if TOPOLOGY == "cluster":  # what the run replaced in that moment was removed: absent, never older
        assert values.count(None) < len(values) / 10, values
        values = [value for value in values if value is not None]
    assert set(values) == {b"NEW"}


def lose(redis, how):
    if how == "gone":
        redis("DEL", LIST)
    elif how == "another":
        redis("DEL", LIST)
        redis("RPUSH", LIST, "f" * 32)
    else:
        redis("DEL", LIST)
        redis("SET", LIST, "x")


@pytest.mark.parametrize("how", ["gone", "another", "no list"])
@pytest.mark.parametrize("mode", ["replace", "refresh"])
def test_without_the_list_nothing_is_replaced(start, redis, web, mode, how):
    daemon = start(open_config(redis, job(web, mode=mode)))
    gate = Gate(web, [{"id": 1, "v": "old"}, {"id": 2, "v": "old"}])
    where = begin(daemon, gate)
    lose(redis, how)
    redis("SET", "w:1", "NEW")
    ended = finish(daemon, gate, where)
    assert redis("GET", "w:1") == b"NEW"
    if mode == "replace":
        assert json.loads(redis("GET", "w:2")) == {"id": 2, "v": "old"}
        assert ended["result"]["stored"] == 1, ended


def test_a_refused_tag_is_told_in_the_second_way_too(start, redis, web):
    daemon = start(open_config(redis, job(web, tags=["t-{id}"])))
    gate = Gate(web, [{"id": 1}, {"id": 2}])
    where = begin(daemon, gate)
    put(daemon, "w:3", b"NEW")
    redis("SET", "cw:tag:t-1", "no set")
    result = finish(daemon, gate, where)["result"]
    assert "cw:tag:" in str(result["first_errors"]), result
    assert redis("EXISTS", "w:1") == 0


def test_there_is_a_list_only_while_a_run_is_under_way(start, redis, web):
    daemon = start(open_config(redis, job(web)))
    write_put(daemon)
    assert redis("EXISTS", LIST) == 0
    gate = Gate(web, [{"id": 1, "v": "row"}])
    where = begin(daemon, gate)
    assert 0 < redis("PTTL", LIST) <= 60000
    # It is held while the run lasts.
    redis("PEXPIRE", LIST, 20000)
    until(lambda: redis("PTTL", LIST) > 30000, "it is renewed")
    finish(daemon, gate, where)
