# SPDX-License-Identifier: MIT
"""A sentinel that says what a test wants."""

import threading

from fake_server import FakeServer
from harness import Resp

HANG = object()  # no answer at all


class FakeSentinel(FakeServer):
    """`address` is (host, port) of the primary that it names, None for none, HANG, or bytes that are
    sent as they are; `epoch` is the configuration's. All may be changed at any time."""

    def __init__(self, address, epoch=1, master="main"):
        self.address, self.epoch, self.master = address, epoch, master
        self.questions = 0
        self.subscribed = set()
        super().__init__()

    def serve(self, client):
        commands = Resp.of(client)
        try:
            while True:
                words = [word.decode().upper() for word in commands.read()]
                answer = self._answer(words)
                if answer is HANG:
                    threading.Event().wait()
                if words[0] == "SUBSCRIBE":
                    with self.lock:
                        self.subscribed.add(client)
                client.sendall(answer)
        finally:
            with self.lock:
                self.subscribed.discard(client)

    @staticmethod
    def _bulk(text):
        return b"$%d\r\n%s\r\n" % (len(text), text.encode())

    def _array(self, *texts):
        return b"*%d\r\n" % len(texts) + b"".join(map(self._bulk, texts))

    def _answer(self, words):
        if words[0] == "PING":
            return b"+PONG\r\n"
        if words[0] == "INFO":
            return self._bulk("redis_mode:sentinel\r\n")
        if words[0] in ("MULTI", "DISCARD", "EXEC"):
            return b"-ERR unknown command '%s'\r\n" % words[0].encode()
        if words[0] == "SUBSCRIBE":
            return b"*3\r\n" + self._bulk("subscribe") + self._bulk("+switch-master") + b":1\r\n"
        if words[:2] == ["SENTINEL", "GET-MASTER-ADDR-BY-NAME"]:
            self.questions += 1
            return self._address()
        if words[:2] == ["SENTINEL", "MASTER"]:
            return self._array("name", self.master, "config-epoch", str(self.epoch))
        return b"+OK\r\n"

    def _address(self):
        if self.address is HANG or isinstance(self.address, bytes):
            return self.address
        return b"*-1\r\n" if self.address is None else self._array(*map(str, self.address))

    def announce(self, old, new):
        """The message of a failover, to all that have subscribed."""
        text = f"{self.master} {old[0]} {old[1]} {new[0]} {new[1]}"
        with self.lock:
            for client in self.subscribed:
                client.sendall(self._array("message", "+switch-master", text))
