# SPDX-License-Identifier: MIT
"""Faults of a connection to Redis that only TLS can have: in its handshake, in and between its records.
The tests of other faults run over TLS by `make live TOPOLOGY=tls`."""

import pytest

from certificates import TlsRedis, authority_and_certificate
from faults import NOISE_SECONDS, Still, back, fault_config, honest
from harness import API, until
from proxy import Proxy

DEADLINE_SECONDS = 2 * 0.5 + 1 + NOISE_SECONDS
# The sampler's own commands would be cut in the place of those that the test means.
QUIET = "stats: {interval: 1h}"


@pytest.fixture(scope="module")
def server(shared_folder):
    redis = TlsRedis(shared_folder, *authority_and_certificate(shared_folder), name="tls")
    yield redis
    redis.close()


@pytest.fixture
def proxy(folder, server):
    proxy = Proxy(folder, server)
    yield proxy
    proxy.close()


def renew(daemon):
    """All connections once more, without the backoff."""
    assert daemon.post(API + "/reload").status == 200


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "reset"])
def test_a_handshake_cut_anywhere_is_made_again(start, proxy, reset):
    daemon = start(fault_config(proxy.url, extra=QUIET))
    still = Still(daemon)
    proxy.greeted = 0
    proxy.drop()
    renew(daemon)
    back(daemon)
    # The last one, of a resumed session, ends behind what the server sends before the daemon answers.
    for n in (0, 1, 4, 5, 6, 50, 91, 92, 127, 128, 129, 200, proxy.greeted):
        cuts = proxy.cuts
        proxy.arm_greeting(n, reset)
        proxy.drop()
        renew(daemon)
        until(lambda c=cuts: proxy.cuts > c, f"a handshake cut at {n}")
        back(daemon)
    still.check()


def why(daemon, *words):
    """What health says, once it says all of these words."""
    def found():
        detail = daemon.health().json["components"]["redis"]["details"].get("error") or ""
        return detail if all(word in detail for word in words) else None

    return until(found, f"health to say {words}")


NO_HANDSHAKES = {
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "redis": b"-ERR unknown command '\x16\x03'\r\n",
    "alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "odd alert": b"\x15\x03\x03\x00\x02\x02\xff",
    "long record": b"\x16\x03\x03\xff\xff" + b"x" * 70000,
    "empty records": b"\x16\x03\x03\x00\x00" * 5000,
    "data": b"\x17\x03\x03\x00\x05hello",
    "zeros": b"\0" * 300,
}


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "reset"])
def test_what_is_no_handshake_is_named(start, proxy, reset):
    daemon = start(fault_config(proxy.url, extra=QUIET))
    still = Still(daemon)
    before = daemon.rss()
    for name, text in NO_HANDSHAKES.items():
        proxy.arm(None, reset)
        proxy.garbage, proxy.mode = text, "garbage"
        proxy.drop()
        renew(daemon)
        reply = honest(daemon.invalidate({"keys": ["a"]}))
        assert reply.status != 200 and reply.took < DEADLINE_SECONDS, (name, reply)
        if not reset:
            why(daemon, f"localhost:{proxy.port}", "by TLS")
        proxy.mode = "pass"
        renew(daemon)
        back(daemon)
    assert daemon.rss() - before < 64 << 20
    still.check()


def test_a_handshake_without_an_answer_has_a_deadline(start, proxy):
    daemon = start(fault_config(proxy.url, extra=QUIET))
    still = Still(daemon)
    proxy.mode = "swallow"
    proxy.drop()
    renew(daemon)
    why(daemon, "does not answer the TLS handshake")
    honest(daemon.invalidate({"keys": ["a"]}), "redis_unavailable")
    proxy.mode = "pass"
    renew(daemon)
    back(daemon)
    still.check()


def test_bytes_that_come_one_by_one_are_records(start, server, proxy):
    proxy.mode, proxy.seconds = "drip", 0.00001
    daemon = start(fault_config(proxy.url, extra=QUIET).replace("500ms", "10s"))
    daemon.wait_redis()
    server.fill(30, key="drip:{}")
    reply = daemon.invalidate({"patterns": ["drip:*"]})
    assert reply.status == 200 and reply.json["complete"] and reply.json["invalidated"] == 30, reply


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "reset"])
def test_a_cut_in_the_middle_of_a_record_is_a_lost_reply(start, server, proxy, reset):
    """Whole replies before it count, and a deletion whose reply was lost is asked for again."""
    daemon = start(fault_config(proxy.url, extra=QUIET))
    still = Still(daemon)
    for n in 0, 1, 3, 4, 30:
        server("SET", "record", "1")
        cuts = proxy.cuts
        proxy.arm(n, reset)
        reply = honest(daemon.invalidate({"keys": ["record"]}))
        assert reply.took < DEADLINE_SECONDS, (n, reply)
        if reply.status == 200 and reply.json["complete"]:
            assert server("EXISTS", "record") == 0, (n, reply)
        assert proxy.cuts == cuts + 1, n
        renew(daemon)
        back(daemon)
    still.check()


NO_RECORDS = {
    "plain": b"+OK\r\n",
    "damaged": b"\x17\x03\x03\x00\x20" + b"x" * 32,
    "alert": b"\x15\x03\x03\x00\x02\x01\x00",
    "handshake": b"\x16\x03\x03\x00\x04\x00\x00\x00\x00",
}


def test_what_is_no_record_ends_the_connection_and_nothing_else(start, server, proxy):
    daemon = start(fault_config(proxy.url, extra=QUIET))
    still = Still(daemon)
    for name, text in NO_RECORDS.items():
        server("SET", "damaged", "1")
        proxy.garbage, proxy.mode = text, "garbage"
        reply = honest(daemon.invalidate({"keys": ["damaged"]}))
        assert reply.status != 200 and reply.took < DEADLINE_SECONDS, (name, reply)
        proxy.mode = "pass"
        renew(daemon)
        back(daemon)
    still.check()
