# SPDX-License-Identifier: MIT
"""Acting between two round trips of the daemon: a proxy holds its command back meanwhile."""

import socket
import threading

from harness import DEADLINE
from topology import TOPOLOGY


class Asked(threading.Thread):
    """A request that goes on while the test does other things."""

    def __init__(self, ask):
        super().__init__()
        self.ask, self.reply = ask, None
        self.start()

    def run(self):
        self.reply = self.ask()

    def answer(self):
        self.join(DEADLINE)
        assert self.reply is not None, "no answer"
        return self.reply


class Watched:
    """What happens to one key from now on, as Redis tells it."""

    def __init__(self, redis, key):
        self.redis, self.channel = redis, f"__keyspace@0__:{key}"
        redis("CONFIG", "SET", "notify-keyspace-events", "KA")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        node = redis.node(key) if TOPOLOGY == "cluster" else redis
        self.socket.connect(node.path)
        self.socket.sendall(f"SUBSCRIBE {self.channel}\r\n".encode())
        self._read(b":1\r\n")

    def _read(self, end):
        data = b""
        while end not in data:
            more = self.socket.recv(65536)
            assert more, "the connection has ended"
            data += more
        return data

    def events(self):
        """Their names since the beginning, in order."""
        self.redis("PUBLISH", self.channel, "that-is-all")
        with self.socket:
            return self._read(b"that-is-all\r\n").split(b"\r\n")[6:-2:7]


def interfere(proxy, needle, ask, act, skip=0):
    """Asks; when the command with `needle` is on its way, acts; the answer."""
    proxy.hold(needle, skip)
    asked = Asked(ask)
    assert proxy.held.wait(DEADLINE), f"{needle!r} was not sent"
    act()
    proxy.release()
    return asked.answer()
