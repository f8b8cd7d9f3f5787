# SPDX-License-Identifier: MIT
"""Servers that say of themselves that they are nodes of a cluster, and answer as a test wants."""

from fake_server import FakeServer

INFO = b"redis_version:7.0.15\r\nredis_mode:cluster\r\nrole:master\r\nrun_id:%s\r\n" % (b"f" * 40)


def bulk(text):
    text = text if isinstance(text, bytes) else text.encode()
    return b"$%d\r\n%s\r\n" % (len(text), text)


def array(*items):
    return b"*%d\r\n" % len(items) + b"".join(items)


def number(value):
    return b":%d\r\n" % value


def slots(*ranges):
    """CLUSTER SLOTS: (first, last, host, port), ..."""
    return array(*(array(number(first), number(last),
                         array(bulk(host) if host is not None else b"$-1\r\n", number(port), bulk("i" * 40)))
                   for first, last, host, port in ranges))


class FakeNode(FakeServer):
    """`map` is the reply to CLUSTER SLOTS, `reply(words)` the bytes for other commands or None."""

    def __init__(self, reply=None):
        super().__init__()
        self.map = slots((0, 16383, "127.0.0.1", self.port))
        self.state = b"cluster_state:ok\r\n"
        self.reply = reply or (lambda words: None)
        self.asked = []  # the commands of the daemon itself
        self.mapped = lambda: None  # called for each CLUSTER SLOTS

    def serve(self, connection):
        file = connection.makefile("rb")
        multi = False
        while line := file.readline():
            words = []
            for _ in range(int(line[1:])):
                size = int(file.readline()[1:])
                words.append(file.read(size + 2)[:-2])
            name = words[0].upper().decode()
            if name in ("MULTI", "EXEC", "DISCARD"):
                answer = b"-ERR EXEC without MULTI\r\n" if name == "EXEC" and not multi else b"+OK\r\n"
                multi = name == "MULTI"
            else:
                answer = b"+QUEUED\r\n" if multi else self._answer(name, words)
            connection.sendall(answer)

    def _answer(self, name, words):
        if name == "CLUSTER" and words[1].upper() == b"SLOTS":
            self.mapped()
            return self.map
        if name == "CLUSTER" and words[1].upper() == b"INFO":
            return bulk(self.state)
        if name == "PING":
            return b"+PONG\r\n"
        if name == "INFO":
            return bulk(INFO)
        if name in ("CLIENT", "AUTH", "ASKING"):
            return b"+OK\r\n"
        self.asked.append(words)
        return self.reply(words) or b"-ERR not for this test\r\n"
