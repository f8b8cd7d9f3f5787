# SPDX-License-Identifier: MIT
"""Requests that two readers could frame differently, each with a second request hidden in it.

    attack = a head with doubtful framing + bytes that hold a whole request of their own (the canary)

However the doubt is resolved, the canary is data or nothing: it must never be carried out. There is
at most one answer, and where the framing itself is doubtful the connection ends.
"""

import re

import pytest

from conftest import open_config
from harness import API, DEADLINE, Daemon, until
from wire import Wire, post, request

KEY = "canary:stays"
INVALIDATE = "POST " + API + "/invalidate"
JSON = "Content-Type: application/json"

CONFIG = """
limits: {header_deadline: 1s, body_deadline: 1s}
warm:
  jobs:
    - {name: canary, source: {type: command, argv: [sleep, "600"]}, key: "x:{id}"}
"""


class Canary:
    """A key that is not to be invalidated and a run that is not to be cancelled."""

    def __init__(self, folder, redis, https):
        self.redis = redis
        self.daemon = Daemon(folder + "/canary", open_config(redis, CONFIG), https=https)
        self.daemon.wait_redis()
        self.location = None
        self.arm()

    def arm(self):
        """Anew where a test has used it up, so that one failure stays one."""
        self.redis("SET", KEY, "1")
        if not self.location or self.state() != "running":
            run = self.daemon.warm({"cache_names": ["canary"]}).json["runs"][0]
            self.location = run["location"]
            until(lambda: self.state() == "running", "the run")
        self.operations = self.count()

    def state(self):
        return self.daemon.get(self.location).json["state"]

    def count(self):
        return len(self.daemon.get(API + "/operations").json["items"])

    def hidden(self, kind):
        """The request that the attack hides."""
        if kind == "DELETE":
            return request("DELETE " + self.location)
        return post(API + "/invalidate", '{"keys": ["%s"]}' % KEY)

    def check(self):
        assert self.redis("EXISTS", KEY) == 1, "the hidden POST was carried out"
        assert self.state() == "running", "the hidden DELETE was carried out"
        assert self.count() == self.operations, "an operation was begun"


@pytest.fixture(scope="module", params=[False, True], ids=["http", "https"])
def canary(request, shared_folder, shared_redis):
    one = Canary(shared_folder, shared_redis, request.param)
    yield one
    failure = one.daemon.close()
    assert not failure, failure


def outer(*headers, line=INVALIDATE, **options):
    """A request around the hidden one: {n} in its headers is the length of all that follows."""
    return lambda hidden, before=b"", after=b"": request(
        line, *[h.replace(b"{n}", b"%d" % len(before + hidden + after)) if isinstance(h, bytes)
                else h.replace("{n}", str(len(before + hidden + after))) for h in headers],
        body=before + hidden + after, **options)


def chunked(*headers, **options):
    """The hidden request follows what a reader of chunks takes for the end of the body."""
    make = outer(JSON, *headers, **options)
    return lambda hidden: make(hidden, before=b"0\r\n\r\n")


def in_chunk(*headers, **options):
    """The hidden request stands in a chunk; a reader of lengths sees it after the first line."""
    make = outer(JSON, *headers, **options)
    return lambda hidden: make(hidden, before=b"%x\r\n" % len(hidden), after=b"\r\n0\r\n\r\n")


CL, TE = "Content-Length: {n}", "Transfer-Encoding: chunked"

# Where two readers could disagree: one answer that refuses, or none, and the end of the connection.
DOUBTFUL = {
    # Both lengths, in any order and spelling.
    "cl-te": chunked(CL, TE),
    "te-cl": chunked(TE, CL),
    "te-cl-zero": in_chunk(TE, "Content-Length: 0"),
    "te-cl-first-line": in_chunk(TE, "Content-Length: 4"),
    "te-alone": chunked(TE),
    "te-alone-in-chunk": in_chunk(TE),
    "te-capitals": chunked("TRANSFER-ENCODING: CHUNKED", CL),
    "te-unknown": chunked("Transfer-Encoding: xchunked", CL),
    "te-gzip-chunked": chunked("Transfer-Encoding: gzip, chunked", CL),
    "te-chunked-identity": chunked("Transfer-Encoding: chunked, identity", CL),
    "te-identity": chunked("Transfer-Encoding: identity", CL),
    "te-twice": chunked(TE, "Transfer-Encoding: identity", CL),
    "te-empty": chunked("Transfer-Encoding:", CL),
    "te-quoted": chunked('Transfer-Encoding: "chunked"', CL),
    "te-parameter": chunked("Transfer-Encoding: chunked;q=1", CL),
    "te-trailing-comma": chunked("Transfer-Encoding: chunked,", CL),
    "te-tab": chunked("Transfer-Encoding:\tchunked", CL),
    "te-vertical-tab": chunked(b"Transfer-Encoding: \x0bchunked\r\n", CL),
    "te-nul-behind": chunked(b"Transfer-Encoding: chunked\x00\r\n", CL),
    "te-space-before-colon": chunked("Transfer-Encoding : chunked", CL),
    "te-tab-before-colon": chunked("Transfer-Encoding\t: chunked", CL),
    "te-nul-in-name": chunked(b"Transfer\x00-Encoding: chunked\r\n", CL),
    "te-bare-lf": chunked(b"X-A: b\nTransfer-Encoding: chunked\r\n", CL),
    "te-bare-cr": chunked(b"X-A: b\rTransfer-Encoding: chunked\r\n", CL),
    "te-folded-value": chunked(b"Transfer-Encoding:\r\n chunked\r\n", CL),
    "te-folded-away": chunked(b"X-A: b\r\n Transfer-Encoding: chunked\r\n", CL),
    "te-folded-first": lambda hidden: request(
        INVALIDATE, b" Transfer-Encoding: chunked\r\n", "Host: localhost", JSON,
        f"Content-Length: {len(hidden) + 5}", host=None, body=b"0\r\n\r\n" + hidden),
    "te-in-http-1.0": chunked(TE, CL, version="HTTP/1.0"),
    "te-on-get": chunked(TE, line="GET /livez"),
    "te-on-head": chunked(TE, line="HEAD /livez"),
    "te-on-delete": chunked(TE, line="DELETE " + API + "/operations/0"),
    "te-on-options": chunked(TE, line="OPTIONS /livez"),
    # The length itself.
    "cl-zero-then-n": outer(JSON, "Content-Length: 0", CL),
    "cl-n-then-zero": outer(JSON, CL, "Content-Length: 0"),
    "cl-twice-the-same": outer(JSON, CL, CL),
    "cl-in-other-case": outer(JSON, "Content-Length: 0", "content-LENGTH: {n}"),
    "cl-list": outer(JSON, "Content-Length: {n}, {n}"),
    "cl-list-of-two": outer(JSON, "Content-Length: 0, {n}"),
    "cl-plus": outer(JSON, "Content-Length: +0"),
    "cl-minus": outer(JSON, "Content-Length: -1"),
    "cl-minus-zero": outer(JSON, "Content-Length: -0"),
    "cl-hex": outer(JSON, "Content-Length: 0x0"),
    "cl-two-numbers": outer(JSON, "Content-Length: 0 {n}"),
    "cl-fraction": outer(JSON, "Content-Length: 0.0"),
    "cl-exponent": outer(JSON, "Content-Length: 0e1"),
    "cl-underscore": outer(JSON, "Content-Length: 0_0"),
    "cl-semicolon": outer(JSON, "Content-Length: 0;{n}"),
    "cl-other-digits": outer(JSON, "Content-Length: \u0660".encode() + b"\r\n"),
    "cl-empty": outer(JSON, "Content-Length:"),
    "cl-2^64": outer(JSON, "Content-Length: 18446744073709551616"),
    "cl-2^64-wraps": outer(JSON, "Content-Length: 18446744073709551620"),
    "cl-2^63": outer(JSON, "Content-Length: 9223372036854775808"),
    "cl-2^32": outer(JSON, "Content-Length: 4294967296"),
    "cl-space-before-colon": outer(JSON, "Content-Length : {n}"),
    "cl-no-colon": outer(JSON, "Content-Length {n}"),
    "cl-nul-in-value": outer(JSON, b"Content-Length: 0\x00{n}\r\n"),
    "cl-vertical-tab": outer(JSON, b"Content-Length: \x0b0\r\n"),
    "cl-folded-value": outer(JSON, b"Content-Length:\r\n {n}\r\n"),
    "cl-folded-behind": outer(JSON, b"Content-Length: 0\r\n {n}\r\n"),
    "cl-folded-n-then-zero": outer(JSON, b"Content-Length: {n}\r\n 0\r\n"),
    "cl-folded-blank": outer(JSON, b"Content-Length: {n}\r\n \r\n"),
    "cl-folded-tab": outer(JSON, b"Content-Length: {n}\r\n\t\r\n"),
    "cl-folded-away": outer(JSON, b"X-A: b\r\n Content-Length: {n}\r\n"),
    "cl-bare-cr": outer(JSON, b"X-A: b\rContent-Length: {n}\r\n", "Content-Length: 0"),
    "cl-on-get": outer(CL, line="GET /livez"),
    "cl-on-head": outer(CL, line="HEAD /livez"),
    "cl-on-delete": outer(CL, line="DELETE " + API + "/operations/0"),
    "cl-on-options": outer(CL, line="OPTIONS /livez"),
    # Refused for another reason, with the hidden request where the body would be.
    "too-large": outer(JSON, "Content-Length: 2097152"),
    "form": outer("Content-Type: text/plain", CL),
    "no-route": outer(JSON, CL, line="POST /nowhere"),
    "no-method": outer(JSON, CL, line="PUT " + API + "/warm"),
    "no-such-method": outer(JSON, CL, line="BREW /livez"),
    "expectation": outer(JSON, CL, "Expect: 200-ok"),
    "expectation-twice": outer(JSON, CL, "Expect: 100-continue", "Expect: 100-continue"),
    "token": outer(JSON, CL, "Authorization: Bearer wrong"),
    "parameter": outer(JSON, CL, line=INVALIDATE + "?no=1"),
    "two-hosts": outer(JSON, "Host: localhost", CL),
    "no-host": outer(JSON, CL, host=None),
    "other-host": outer(JSON, CL, host="evil.test"),
    "name-empty": outer(JSON, ": x", CL),
    "name-empty-first": outer(": x", JSON, CL),
    "name-empty-ends-the-head": lambda hidden: request(
        "GET /livez", b": x\r\n" + hidden),
    "name-empty-after-a-header": lambda hidden: request(
        "GET /livez", "X-A: b", b":\r\n" + hidden),
    "nul-ends-the-head": lambda hidden: request("GET /livez", "X-A: b", b"\x00\r\n" + hidden),
    "nul-and-text-end-the-head": lambda hidden: request(
        "GET /livez", "X-A: b", b"\x00Content-Length: 2\r\n" + hidden),
    "lf-ends-the-head": lambda hidden: request("GET /livez", "X-A: b", b"\n" + hidden),
    "lf-everywhere": lambda hidden: b"GET /livez HTTP/1.1\nHost: localhost\n\n" + hidden,
    "lf-after-the-request-line": lambda hidden: b"GET /livez HTTP/1.1\nHost: h\r\n\r\n" + hidden,
    "nul-in-the-target": lambda hidden: request(b"GET /livez\x00/x HTTP/1.1\r\n", body=hidden),
    "two-spaces-no-body": lambda hidden: request(b"GET  /livez HTTP/1.1\r\n", body=hidden),
    "absolute-form": outer(JSON, CL, line="POST http://localhost" + API + "/invalidate"),
    "authority-form": outer(line="CONNECT localhost:80"),
    "two-spaces": outer(JSON, CL, line=b"POST  /nowhere HTTP/1.1\r\n"),
    "version-twice": outer(line=b"GET /livez HTTP/1.1 HTTP/1.1\r\n"),
    "version-of-2": outer(line=b"GET /livez HTTP/2.0\r\n"),
    "version-long": outer(line=b"GET /livez HTTP/1.11\r\n"),
    "65-headers": outer(*["X-A: b"] * 64),
}

# Read in one way only, in which the hidden request is a body or comes after the end.
CLEAR = {
    "body": outer(JSON, CL),
    "body-with-zeros": outer(JSON, "Content-Length: 000{n}"),
    "body-of-an-almost-te": chunked("Transfer_Encoding: chunked", CL),
    "body-of-a-te-in-a-value": chunked("X-A: Transfer-Encoding: chunked", CL),
    "body-with-connection": outer(JSON, "Connection: Content-Length", CL),
    "body-with-te": outer(JSON, "TE: chunked", CL),
    "body-with-trailer": outer(JSON, "Trailer: Content-Length", CL),
    "body-with-upgrade": outer(JSON, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                               "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", CL),
    "body-with-override": outer(JSON, "X-HTTP-Method-Override: DELETE", CL),
    "after-close": outer("Connection: close", line="GET /livez"),
    "after-http-1.0": outer(line="GET /livez", version="HTTP/1.0"),
}


def attack(canary, make, kind, clear=False):
    canary.arm()
    raw = make(canary.hidden(kind))
    with Wire(canary.daemon) as wire:
        wire.send(raw)
        # What is not refused is answered; what would be carried in comes right behind.
        text = wire.everything(patience=0.05 if clear else 0.3, first=DEADLINE if clear else None)
    canary.check()
    # libmicrohttpd 0.9.75 refuses a malformed length with its status line and headers twice, so
    # answers are counted by a header that only ours have.
    assert text.count(b"X-Request-Id: ") <= 1, text
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 ([2-5]\d\d) ", text, re.M)]


@pytest.mark.parametrize("kind", ["DELETE", "POST"])
@pytest.mark.parametrize("case", DOUBTFUL)
def test_a_request_of_doubtful_framing_carries_nothing_in(canary, case, kind):
    statuses = attack(canary, DOUBTFUL[case], kind)
    assert all(status >= 400 for status in statuses), statuses


@pytest.mark.parametrize("kind", ["DELETE", "POST"])
@pytest.mark.parametrize("case", CLEAR)
def test_a_body_or_what_follows_the_end_is_no_request(canary, case, kind):
    assert len(attack(canary, CLEAR[case], kind, clear=True)) == 1


def test_the_hidden_requests_would_work(canary):
    """Else the tests above would prove nothing."""
    canary.arm()
    with Wire(canary.daemon) as wire:
        wire.send(request("GET /livez") + canary.hidden("DELETE") + canary.hidden("POST"))
        assert [wire.answer().status for _ in range(3)] == [200, 202, 200]
    assert canary.redis("EXISTS", KEY) == 0
    until(lambda: canary.state() == "cancelled", "the run's end")
