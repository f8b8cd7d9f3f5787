# SPDX-License-Identifier: MIT
"""A server, or a proxy before it, whose numbers cannot be: they are refused or null, never believed."""

import re

import pytest

from faults import back
from features import CACHE, Features, features_config
from harness import API, until
from proxy import Proxy

pytestmark = pytest.mark.topology("server", "tls", "sentinel", why="the proxy stands before one server")

MOST = 2 ** 53
# Numbers that fit into 64 bits, then such that no reader can take.
EXTREMES = [2 ** 63 - 1, -2 ** 63, 2 ** 63 - 1000, 2 ** 53 + 1, -1, -3, 2 ** 31]
OVERLONG = [2 ** 63, -2 ** 63 - 1, 10 ** 19 - 1, 10 ** 40]


class Numbers(Proxy):
    """Replaces numbers in replies by `number`, while it is set: integers by themselves and in arrays,
    and those in the text of INFO; with `cursors` the cursor of a page, too."""

    number, info, cursors = None, True, False

    def _serve(self, client, server):
        self.pending = {**getattr(self, "pending", {}), client: b""}
        super()._serve(client, server)

    def _back(self, client, data):
        data = self.pending[client] + data
        at = 0
        while (end := self._end(data, at)) is not None:
            value = data[at:end]
            if self.number is not None:
                value = self._changed(value)
            client.sendall(value)
            at = end
        self.pending[client] = data[at:]
        return True

    @staticmethod
    def _end(data, at):
        """Where the reply that begins at `at` ends; None where it is not here yet."""
        left = 1
        while left:
            line = data.find(b"\r\n", at)
            if line < 0:
                return None
            kind, number = data[at:at + 1], data[at + 1:line]
            at, left = line + 2, left - 1
            if kind == b"$" and int(number) >= 0:
                at += int(number) + 2
            if kind == b"*":
                left += max(int(number), 0)
        return at if at <= len(data) else None

    def _changed(self, value):
        number = b"%d" % self.number
        if value[:1] == b"$" and b"# " in value[:20]:
            if not self.info:
                return value
            text = re.sub(rb"([:=])\d+(?=[\r,])", rb"\g<1>" + number, value.split(b"\r\n", 1)[1][:-2])
            return b"$%d\r\n%s\r\n" % (len(text), text)
        if self.cursors and value.startswith(b"*2\r\n$"):
            return re.sub(rb"^\*2\r\n\$\d+\r\n\d+", b"*2\r\n$%d\r\n%s" % (len(number), number), value)
        # Not within texts: arrays of integers and of integers and texts without line ends.
        return re.sub(rb"(?m)^:-?\d+(?=\r$)", b":" + number, value)


@pytest.fixture
def proxied(start, redis, folder):
    proxy = Numbers(folder, redis.path)
    proxy.daemon = start(features_config(proxy.url, "breaker: {failures: 1000}"))
    proxy.daemon.wait_redis()
    yield proxy
    proxy.close()


def numbers_in(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in numbers_in(item)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def judge(features):
    for what, reply in features.replies:
        if what.startswith("GET " + API + "/health"):
            continue
        assert reply.status < 500 or reply.json["code"] in (
            "redis_protocol", "redis_error", "redis_unavailable", "redis_unknown_outcome",
            "corrupt_value", "timeout"), (what, reply)
        if reply.headers["Content-Type"] == "application/json":
            assert all(abs(number) <= MOST for number in numbers_in(reply.json)), (what, reply)


@pytest.mark.parametrize("number", EXTREMES)
def test_numbers_that_cannot_be_are_no_results(proxied, redis, number):
    features = Features(proxied.daemon)
    features.all()
    proxied.number = number
    features.replies.clear()
    features.all()
    judge(features)
    proxied.number = None
    back(proxied.daemon)
    until(lambda: proxied.daemon.health().json["components"]["redis"]["details"]["state"] == "up",
          "the end")


@pytest.mark.parametrize("number", OVERLONG)
def test_numbers_that_do_not_fit_end_the_connection(proxied, redis, number):
    redis("SET", "k", "v", "EX", 60)
    proxied.number, proxied.info = number, False
    features = Features(proxied.daemon)
    features.ask("GET", CACHE + "/keys/k/ttl")
    features.ask("POST", API + "/invalidate", {"keys": ["k"]})
    judge(features)
    assert [reply.status for _, reply in features.replies] == [502, 502], features.replies
    proxied.number = None
    back(proxied.daemon)


@pytest.mark.parametrize("number", [2 ** 63 - 1, 2 ** 64 - 1, 2 ** 64, 10 ** 30, -1])
def test_cursors_that_cannot_be_end_a_walk(proxied, redis, number):
    redis("MSET", *(part for i in range(50) for part in (f"k:{i}", "v")))
    proxied.number, proxied.cursors, proxied.info = number, True, False
    for path in "/keys?match=k:*", "/keys":
        assert proxied.daemon.get(CACHE + path).status in (200, 502)
    reply = proxied.daemon.invalidate({"patterns": ["k:*"], "wait": 1})
    assert reply.status != 200 or not reply.json["complete"], reply
    proxied.number = None


@pytest.mark.topology("server", "tls", "sentinel", why="figures of a cluster are sums")
@pytest.mark.parametrize("number", EXTREMES)
def test_figures_that_cannot_be_are_null(proxied, number):
    proxied.number = number
    stats = lambda: proxied.daemon.stats()["redis"]
    redis_numbers = lambda: (stats()["memory"]["used_bytes"], stats()["clients"]["connected"],
                             stats()["uptime_seconds"], stats()["commands"]["total"])
    expected = number if 0 <= number <= MOST else None
    until(lambda: redis_numbers() == (expected,) * 4, "the sample")
    for text in proxied.daemon.get("/metrics").body.decode().splitlines():
        if text.startswith("redis_") and "_info" not in text:
            assert 0 <= float(text.rsplit(" ", 1)[1]) <= MOST, text


@pytest.mark.parametrize("number", [2 ** 63 - 1, -2 ** 63, -3])
def test_counts_are_refused_and_times_are_cut(proxied, redis, number):
    redis("SET", "k", "v", "EX", 60)
    proxied.number, proxied.info = number, False
    reply = proxied.daemon.get(CACHE + "/keys/k/ttl")
    if number > 0:
        # A server may hold a key for so long.
        assert reply.status == 200 and 0 <= reply.json["ttl"] <= MOST, reply
    else:
        assert (reply.status, reply.json["code"]) == (502, "redis_protocol"), reply
        assert "cannot be its result" in reply.json["detail"]
    for ask in ({"keys": ["k"]}, {"patterns": ["k"]}):
        reply = proxied.daemon.invalidate(ask)
        assert not reply.json.get("complete") and not reply.json.get("matched"), reply
    proxied.number = None
    assert proxied.daemon.get(API + "/explain/k").status == 200
