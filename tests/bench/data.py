# SPDX-License-Identifier: MIT
"""A million keys as a shop has them, as files that redis-cli --pipe takes.

Each name has 52 bytes, each value 107. The kind `user:profile:` has 40 % of the keys, in ten
groups, `user:profile:00:` to `user:profile:09:`, of 4 % each, so that one pattern or ten can take
the same keys. The same seed gives the same keys.
"""

import os
import random
import uuid

TTL = 3600
VALUE_BYTES = 107
UNLINK_BATCH = 500
PROFILE = "user:profile:"
GOING = [f"{PROFILE}{group:02}:" for group in range(10)]
STAYING = ["user:groups:all:", "product:card:fr:", "firm:coverage:a:", "temp:basket:web:"]


def resp(*args):
    return b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in args)


def names(prefixes, count):
    """`count` names: the prefixes, all of 16 bytes, in turn, each with a uuid."""
    source = random.Random(prefixes[0])
    for i in range(count):
        text = uuid.UUID(int=source.getrandbits(128), version=4)
        yield f"{prefixes[i % len(prefixes)]}{text}".encode()


def value_of(number):
    text = '{"id":%d,"name":"customer %d","plan":"standard","note":"' % (number, number)
    return (text + "." * (VALUE_BYTES - 2 - len(text)) + '"}').encode()


class KeySpace:
    """
    `count` keys; the 40 % of them that go are in files of their own.

    Nothing is in the order of anything else: who knows names from elsewhere does not know where
    Redis keeps them, and UNLINK in the order of creation takes half the time.
    """

    def __init__(self, folder, count):
        self.count = count
        self.going = count * 4 // 10
        self.staying = count - self.going
        self.fill = os.path.join(folder, "fill.resp")
        self.refill = os.path.join(folder, "refill.resp")
        self.unlink = os.path.join(folder, "unlink.resp")
        self.unlink_lines = os.path.join(folder, "unlink.txt")
        self.neighbours = os.path.join(folder, "neighbours.txt")
        going, staying = list(names(GOING, self.going)), list(names(STAYING, self.staying))
        everything = going + staying
        self.all = list(everything)
        order = random.Random("order")
        order.shuffle(everything)
        self._write_sets(self.fill, everything)
        order.shuffle(going)
        self._write_sets(self.refill, going)
        order.shuffle(going)
        with open(self.unlink, "wb") as file, open(self.unlink_lines, "wb") as lines:
            for i in range(0, len(going), UNLINK_BATCH):
                command = [b"UNLINK", *going[i:i + UNLINK_BATCH]]
                file.write(resp(*command))
                lines.write(b" ".join(command) + b"\n")
        with open(self.neighbours, "wb") as file:
            file.writelines(name + b"\n" for name in staying[::100])

    def sets(self):
        """(name, the command that stores it) of every key."""
        return self._sets(self.all)

    @staticmethod
    def _sets(keys):
        for i, name in enumerate(keys):
            yield name, resp(b"SET", name, value_of(i), b"EX", b"%d" % TTL)

    def _write_sets(self, path, keys):
        with open(path, "wb") as file:
            file.writelines(command for _, command in self._sets(keys))


class Rows:
    """`count` JSON lines of VALUE_BYTES bytes, and the same as SETs with a TTL."""

    KEY = GOING[0]

    def __init__(self, folder, count):
        self.count = count
        self.lines = os.path.join(folder, "rows.jsonl")
        self.sets = os.path.join(folder, "sets.resp")
        source = random.Random("rows")
        with open(self.lines, "wb") as lines, open(self.sets, "wb") as sets:
            for i in range(count):
                id_text = str(uuid.UUID(int=source.getrandbits(128), version=4))
                row = '{"id":"%s","name":"customer %d","note":"' % (id_text, i)
                row = (row + "." * (VALUE_BYTES - 2 - len(row)) + '"}').encode()
                lines.write(row + b"\n")
                sets.write(resp(b"SET", (self.KEY + id_text).encode(), row, b"EX", b"%d" % TTL))
