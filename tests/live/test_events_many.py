# SPDX-License-Identifier: MIT
"""A thousand listeners: what they cost, and what they see while Redis is restarted again and again."""

import re
import resource
import selectors
import socket
import time

from conftest import open_config
from events import EVENTS
from harness import API, DEADLINE, SANITIZED, rounds, until

LISTENERS = 200 if SANITIZED else 1000


class Crowd:
    """Listeners on one thread, which reads what has come whenever it is asked."""

    def __init__(self, daemon, count):
        self.selector, self.seen, self.rest = selectors.DefaultSelector(), {}, {}
        for _ in range(count):
            connection = daemon.connect()
            connection.sendall(f"GET {EVENTS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ)
            self.seen[connection], self.rest[connection] = [], b""

    def look(self, seconds):
        for key, _ in self.selector.select(seconds):
            connection = key.fileobj
            try:
                data = connection.recv(1 << 16)
            except BlockingIOError:
                continue
            assert data, "the daemon has ended a stream"
            data = self.rest[connection] + data
            whole, _, self.rest[connection] = data.rpartition(b"\n")
            self.seen[connection] += re.findall(rb'^event: (\w+)\r?\ndata: [^\n]*"(?:state|reason)":"(\w+)"',
                                                whole + b"\n", re.M)

    def wait(self, condition, what):
        end = time.monotonic() + 5 * DEADLINE
        while not all(condition(seen) for seen in self.seen.values()):
            assert time.monotonic() < end, what
            self.look(0.1)

    def close(self):
        for connection in self.seen:
            connection.close()


def test_a_thousand_listeners_miss_nothing(start, redis):
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files[1], 8192), files[1]))
    daemon = start(open_config(redis, "limits: {per_ip: 5000}\n"))
    daemon.wait_redis()
    before = daemon.rss()
    crowd = Crowd(daemon, LISTENERS)
    until(lambda: daemon.metric("cachewarden_event_listeners") == LISTENERS, "the listeners")
    sent = 0

    def reload():
        nonlocal sent
        assert daemon.post(API + "/reload", {}).status == 200
        sent += 1
        crowd.look(0)

    for _ in range(20):
        reload()
    crowd.wait(lambda seen: seen.count((b"config", b"loaded")) == sent, "the first events")
    for _ in range(rounds(3, 20)):
        redis.kill()
        for _ in range(5):
            reload()
        daemon.wait_redis("down")
        reload()
        redis.start()
        reload()
        daemon.wait_redis()
        reload()
    # Each has all events, and was told that others' may be missing.
    crowd.wait(lambda seen: seen.count((b"config", b"loaded")) == sent, f"{sent} events")
    crowd.wait(lambda seen: (b"gap", b"log_lost") in seen, "the gap")
    grown = daemon.rss() - before
    print(f"{LISTENERS} listeners, {sent} events: {grown / 2**20:.1f} MiB")
    if not SANITIZED:
        assert grown <= 64 * 2**20, grown
    crowd.close()
    until(lambda: daemon.metric("cachewarden_event_listeners") == 0, "the end", 3 * DEADLINE)


def test_one_that_reads_is_not_held_up_by_those_that_do_not(start, redis):
    daemon = start(open_config(redis, "limits: {per_ip: 5000, reply_deadline: 10m}\n"))
    daemon.wait_redis()
    stopped = []
    for _ in range(50):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(daemon.address)
        connection = daemon.wrap(connection)
        connection.sendall(f"GET {EVENTS}?detail=true HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        stopped.append(connection)
    until(lambda: daemon.metric("cachewarden_event_listeners") == 50, "the listeners")
    crowd = Crowd(daemon, 1)
    before = daemon.rss()
    for _ in range(100):
        assert daemon.invalidate({"keys": [f"{i:0300}" for i in range(155)]}).status == 200
        crowd.look(0)
    crowd.wait(lambda seen: seen.count((b"invalidation", b"completed")) == 100, "all events")
    if not SANITIZED:
        assert daemon.rss() - before <= 32 * 2**20
    crowd.close()
    for connection in stopped:
        connection.close()
