# SPDX-License-Identifier: MIT
"""A cluster of three primaries that the tests use as they use one server.

A command goes to the node that has the slot of its key; one without a key to every node, and the
answers are put together. A cluster takes two seconds until it accepts writes, so that one that was
not harmed is emptied and used again by the next test.
"""

import os

from cluster import SLOTS, slot_of
from harness import Redis, Resp, free_port, until

# Where the key is that says the slot; other commands have it as their first argument.
KEY_AT = {"EVAL": 3, "EVALSHA": 3, "OBJECT": 2, "MEMORY": 2, "XINFO": 2, "BITOP": 2}
# Of several keys, each of which may be on another node: how many arguments belong to a key.
MANY = {"DEL": 1, "UNLINK": 1, "EXISTS": 1, "TOUCH": 1, "MGET": 1, "MSET": 2}
KEYLESS = {"PING", "INFO", "KEYS", "SCAN", "DBSIZE", "FLUSHALL", "FLUSHDB", "CONFIG", "ACL",
           "CLIENT", "SCRIPT", "SLOWLOG", "LATENCY", "DEBUG", "SAVE", "BGSAVE", "COMMAND", "CLUSTER",
           "WAIT", "TIME", "ROLE"}
MOST_KEPT = 3
HARMS = {"CONFIG SET", "DEBUG", "CLUSTER", "CLIENT PAUSE", "ACL SETUSER"}


class Nodes:
    """The servers of a cluster, each with the same share of the slots."""

    def __init__(self, folder, *options, name, count=3):
        ports = set()
        while len(ports) < count:
            ports.add(free_port())
        ports = sorted(ports)
        ids = [os.urandom(20).hex() for _ in ports]
        self.ends = [SLOTS * (i + 1) // count for i in range(count)]
        rows = [f"{ids[i]} 127.0.0.1:{ports[i]}@{ports[i] + 10000} %smaster - 0 0 {i + 1} connected "
                f"{self.ends[i - 1] if i else 0}-{self.ends[i] - 1}" for i in range(count)]
        self.all = []
        for i, port in enumerate(ports):
            # A folder of its own, so that none loads what another has saved.
            own = os.path.join(folder, f"{name}{i}")
            os.makedirs(own, exist_ok=True)
            with open(os.path.join(own, "nodes.conf"), "w", encoding="ascii") as text:
                for j, row in enumerate(rows):
                    text.write(row % ("myself," if i == j else "") + "\n")
                text.write(f"vars currentEpoch {count} lastVoteEpoch 0\n")
            self.all.append(Redis(
                own, "--port", str(port), "--cluster-enabled", "yes", "--cluster-config-file",
                "nodes.conf", "--cluster-node-timeout", "1000", *options, name="s"))
            self.all[-1].port = port
        self.harmed = False

    def wait(self):
        for node in self.all:
            until(lambda n=node: b"cluster_state:ok" in n("CLUSTER", "INFO"), "the cluster")

    def empty(self):
        """As it was at first."""
        for node in self.all:
            node.connection = None
            for command in (("FLUSHALL",), ("CONFIG", "RESETSTAT"), ("ACL", "LOG", "RESET"),
                            ("SLOWLOG", "RESET"), ("SCRIPT", "FLUSH")):
                node(*command)
            for user in node("ACL", "USERS"):
                if user != b"default":
                    node("ACL", "DELUSER", user)

    @property
    def unharmed(self):
        return not self.harmed and all(node.process.poll() is None for node in self.all)

    @property
    def paths(self):
        return [node.path for node in self.all]

    def announce(self, ports):
        """Clients are sent to these ports from now on, by every node."""
        for node, port in zip(self.all, ports):
            node("CONFIG", "SET", "cluster-announce-port", port)
        until(lambda: all({main[1] for _, _, main, *_ in node("CLUSTER", "SLOTS")} == set(ports)
                          for node in self.all), "the ports are known")

    def close(self):
        for node in self.all:
            node.close()


class ClusteredRedis:
    """See class Redis, whose methods it has."""

    primaries = 3
    kept = {}  # by their options: clusters that wait for the next test
    count = 0

    def __init__(self, folder, *options, name="redis", kept_folder):
        cls = ClusteredRedis
        self.folder, self.options = folder, options
        self.shares = not any("/" in option for option in options)
        self.nodes = cls.kept.pop(options, None)
        if self.nodes:
            self.nodes.empty()
        else:
            cls.count += 1
            self.nodes = Nodes(kept_folder if self.shares else folder, *options,
                               name=f"{name}{cls.count}-")
            self.nodes.wait()

    @property
    def name(self):
        return f"127.0.0.1:{self.nodes.all[0].port}"

    @property
    def path(self):
        """For a proxy in front of them."""
        return self.nodes

    @property
    def url(self):
        return "redis+cluster://" + ",".join(f"127.0.0.1:{n.port}" for n in self.nodes.all)

    @property
    def process(self):
        return self.nodes.all[0].process

    def node(self, key):
        """The server that has the key."""
        slot = slot_of(key)
        return next(n for n, end in zip(self.nodes.all, self.nodes.ends) if slot < end)

    @staticmethod
    def _words(args):
        return [a.decode("latin-1") if isinstance(a, bytes) else str(a) for a in args[:2]]

    def times(self, args):
        """How often a server is sent it."""
        name = self._words(args)[0].upper()
        if name in KEYLESS:
            return 1 if name == "SCAN" else len(self.nodes.all)
        return (len(args) - 1) // MANY.get(name, len(args) - 1)

    def __call__(self, *args):
        words = [word.upper() for word in self._words(args)]
        if words[0] in HARMS or " ".join(words) in HARMS:
            self.nodes.harmed = True
        if words[0] == "SCAN":
            return self._scan(*args)
        if words[0] in KEYLESS or (words[0] == "EVAL" and str(args[2]) == "0"):
            return self._joined(words, [node(*args) for node in self.nodes.all])
        if words[0] in MANY:
            return self._many(words[0], *args)
        return self.node(args[KEY_AT.get(words[0], 1)])(*args)

    @staticmethod
    def _joined(words, replies):
        """One answer for those of all nodes."""
        if isinstance(replies[0], list) and words[0] != "ROLE" and words[:2] != ["CONFIG", "GET"] \
                and words[:2] != ["ACL", "USERS"]:
            return sum(replies, [])
        if isinstance(replies[0], int):
            return sum(replies)
        if words[0] in ("INFO", "CLIENT") and isinstance(replies[0], bytes):
            return b"\r\n".join(replies)
        return replies[0]

    def _many(self, name, *args):
        step = MANY[name]
        parts = [args[i:i + step] for i in range(1, len(args), step)]
        replies = [self.node(part[0])(args[0], *part) for part in parts]
        if name == "MGET":
            return sum(replies, [])
        return replies[0] if name == "MSET" else sum(replies)

    def _scan(self, command, cursor, *more):
        """A cursor here is node + 3 * the node's own cursor, once the first page was given."""
        count = len(self.nodes.all)
        at, own = int(cursor) % count, int(cursor) // count
        following, keys = self.nodes.all[at](command, own, *more)
        if int(following):
            return [b"%d" % (at + count * int(following)), keys]
        return [b"%d" % ((at + 1) % count), keys]

    def pipeline(self, commands):
        """In order for each node; transactions and the like are not for pipelines over nodes."""
        by_node = {}
        for i, command in enumerate(commands):
            name = self._words(command)[0].upper()
            assert name not in KEYLESS and name not in ("MULTI", "EXEC", "WATCH"), command
            by_node.setdefault(self.node(command[KEY_AT.get(name, 1)]), []).append(i)
        replies = [None] * len(commands)
        for node, places in by_node.items():
            answers = node.pipeline([commands[i] for i in places])
            for i, reply in zip(places, answers):
                replies[i] = reply
        return replies

    @property
    def names(self):
        return [f"127.0.0.1:{node.port}" for node in self.nodes.all]

    def dial(self, key):
        return Resp(self.node(key).path)

    def one_each(self, key):
        keys = {}
        for i in range(SLOTS):
            keys.setdefault(self.node(f"{key}{i}"), f"{key}{i}")
            if len(keys) == len(self.nodes.all):
                break
        return list(keys.values())

    def each(self, *args):
        return [reply for node in self.nodes.all for reply in node.each(*args)]

    def calls(self, name):
        return sum(node.calls(name) for node in self.nodes.all)

    fill, keys = Redis.fill, Redis.keys

    def start(self, *more, wait=True):
        self.nodes.harmed = True
        for node in self.nodes.all:
            node.start(*more, wait=wait)
        if wait:
            self.nodes.wait()

    def send(self, number):
        self.nodes.harmed = True
        for node in self.nodes.all:
            node.send(number)

    def kill(self):
        self.nodes.harmed = True
        for node in self.nodes.all:
            node.kill()

    def close(self):
        kept = ClusteredRedis.kept
        if not self.shares or not self.nodes.unharmed or self.options in kept:
            self.nodes.close()
            return
        kept[self.options] = self.nodes
        if len(kept) > MOST_KEPT:
            kept.pop(next(iter(kept))).close()

    @classmethod
    def close_kept(cls):
        while cls.kept:
            cls.kept.popitem()[1].close()
