# SPDX-License-Identifier: MIT
"""A Redis Cluster of our own: redis-servers on loopback, in a temporary folder.

The daemon uses their TCP ports; the test speaks to each server through its Unix socket.
"""

import binascii
import os
import signal
import subprocess
import threading
import time

from harness import DEADLINE, SETTINGS, RedisError, Resp, free_port, until

SLOTS = 16384


def slot_of(key):
    """As the specification of Redis Cluster says."""
    key = key if isinstance(key, bytes) else str(key).encode()
    begin = key.find(b"{")
    end = key.find(b"}", begin + 1) if begin >= 0 else -1
    return binascii.crc_hqx(key[begin + 1:end] if end > begin + 1 else key, 0) % SLOTS


class Node:
    """One server of a cluster."""

    def __init__(self, folder, number, *options, tls=None):
        self.folder = os.path.join(folder, f"node{number}")
        os.makedirs(self.folder, exist_ok=True)
        self.path = os.path.join(self.folder, "s")
        self.port = free_port()
        self.listens = ("--port", str(self.port))
        if tls:
            authority, certificate = tls
            # Nothing goes without TLS, neither between the servers.
            self.listens = ("--port", "0", "--tls-port", str(self.port), "--tls-cluster", "yes",
                            "--tls-replication", "yes", "--tls-ca-cert-file", authority.certificate,
                            "--tls-cert-file", certificate[0], "--tls-key-file", certificate[1],
                            "--tls-auth-clients", "optional")
        self.options = options
        self.id = None
        self.process = self.connection = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", *self.listens, "--bind", "127.0.0.1", "--unixsocket", self.path,
             "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
             "--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0",
             "--cluster-allow-replica-migration", "no", "--cluster-require-full-coverage", "no",
             "--repl-diskless-sync-delay", "0", "--save", "", "--appendonly", "no", "--daemonize", "no",
             "--dir", self.folder, *self.options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if "eady to accept connections" in line:
                break
        else:
            raise AssertionError("redis-server did not start as a cluster's node")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.connection = None
        self.id = self("CLUSTER", "MYID").decode()

    @property
    def name(self):
        """What the daemon calls it."""
        return f"127.0.0.1:{self.port}"

    @property
    def alive(self):
        return self.process.poll() is None

    def __call__(self, *args):
        if self.connection is None:
            self.connection = Resp(self.path)
        return self.connection.call(*args)

    def pipeline(self, commands):
        if self.connection is None:
            self.connection = Resp(self.path)
        return self.connection.pipeline(commands)

    def info(self, name):
        for line in self("INFO").decode().split("\r\n"):
            if line.startswith(name + ":"):
                return line[len(name) + 1:]
        return None

    def calls(self, name):
        """How often a command was called."""
        for line in self("INFO", "commandstats").decode().split("\r\n"):
            if line.startswith(f"cmdstat_{name.lower()}:calls="):
                return int(line.split("calls=")[1].split(",")[0])
        return 0

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.send(signal.SIGKILL)
        self.process.wait(DEADLINE)
        self.process.stdout.close()
        self.connection = None
        if os.path.exists(self.path):
            os.unlink(self.path)

    def close(self):
        if self.alive:
            self.send(signal.SIGCONT)
            self.process.kill()
            self.process.wait(DEADLINE)
            self.process.stdout.close()


class Cluster:
    """`primaries` servers with a share of the slots each, and `replicas` of each of them; with
    `tls`, (Authority, certificate), they speak nothing else."""

    def __init__(self, folder, primaries=3, replicas=0, options=(), tls=None):
        self.folder = folder
        self.options = options
        self.tls = tls
        self.nodes, self.made = [], 0
        try:
            first = [self.add() for _ in range(primaries)]
            self._share(first)
            copies = [(self.add(), primary) for primary in first for _ in range(replicas)]
            self._meet()
            for node, primary in copies:
                self.follow(node, primary)
            self.settle()
            if tls:
                SETTINGS[self.url] = f'tls: {{ca: "{tls[0].certificate}"}}'
        except BaseException:
            self.close()
            raise

    def add(self):
        """Another server, which is not a part of the cluster yet."""
        self.nodes.append(Node(self.folder, self.made, *self.options, tls=self.tls))
        self.made += 1
        return self.nodes[-1]

    def _share(self, nodes):
        for i, node in enumerate(nodes):
            begin, end = SLOTS * i // len(nodes), SLOTS * (i + 1) // len(nodes)
            node("CLUSTER", "ADDSLOTS", *range(begin, end))
            node("CLUSTER", "SET-CONFIG-EPOCH", i + 1)

    def _meet(self):
        for node in self.nodes[1:]:
            node("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        until(lambda: all(self._knows(node) for node in self.nodes), "the nodes know each other")

    def _knows(self, node):
        lines = node("CLUSTER", "NODES").decode().split("\n")
        return all(any(other.id in line and "handshake" not in line for line in lines)
                   for other in self.nodes if other.alive)

    def meet(self, node):
        """Makes a server a part of the cluster, without slots."""
        node("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        until(lambda: all(self._knows(other) for other in self.nodes if other.alive), "a node was met")

    def remove(self, node):
        """Ends a server without slots, which is no part of the cluster any more."""
        self.nodes.remove(node)
        for other in self.nodes:
            if other.alive:
                other("CLUSTER", "FORGET", node.id)
        node.kill()

    def follow(self, node, primary):
        node("CLUSTER", "REPLICATE", primary.id)
        until(lambda: node.info("master_link_status") == "up", "the replica has its primary's keys")

    def settle(self):
        """Waits until all servers agree on who has which slots, and serve them."""
        def agree():
            alive = [node for node in self.nodes if node.alive]
            maps = {tuple(self._owners(node)) for node in alive}
            return len(maps) == 1 and all(
                b"cluster_state:ok" in node("CLUSTER", "INFO") for node in alive)

        until(agree, "the cluster agrees")

    @staticmethod
    def _owners(node):
        return sorted((begin, end, main[2]) for begin, end, main, *_ in node("CLUSTER", "SLOTS"))

    @property
    def url(self):
        scheme = "rediss" if self.tls else "redis"
        return f"{scheme}+cluster://" + ",".join(node.name for node in self.nodes[:3])

    @property
    def primaries(self):
        """Those with slots, as the first server that lives sees it."""
        return [node for node in self.nodes if node.alive and self.slots(node)]

    def _view(self):
        return next(node for node in self.nodes if node.alive)("CLUSTER", "SLOTS")

    def slots(self, node):
        return [slot for begin, end, main, *_ in self._view() if main[2].decode() == node.id
                for slot in range(begin, end + 1)]

    def owner(self, slot):
        for begin, end, main, *_ in self._view():
            if begin <= slot <= end:
                return next((node for node in self.nodes if node.id == main[2].decode()), None)
        return None

    def replica_of(self, primary):
        """One that works; CLUSTER SLOTS leaves out those that have nothing to copy yet."""
        for line in primary("CLUSTER", "REPLICAS", primary.id):
            name = line.decode().split(" ")[0]
            for node in self.nodes:
                if node.id == name and node.alive:
                    return node
        return None

    # Commands ---------------------------------------------------------------------------------

    def __call__(self, *args):
        """One command, to the server of its first key; follows redirections."""
        key = args[3] if str(args[0]).upper() == "EVAL" else args[1]
        node = self.owner(slot_of(key))
        for _ in range(20):
            try:
                return node(*args)
            except RedisError as refused:
                kind, *rest = str(refused).split(" ")
                if kind not in ("MOVED", "ASK"):
                    raise
                node = next(n for n in self.nodes if n.port == int(rest[1].rpartition(":")[2]))
                if kind == "ASK":
                    node("ASKING")
        raise AssertionError(f"{args[0]} is redirected in circles")

    def keys(self, pattern="*"):
        """Of all primaries, without our own; for assertions on small databases."""
        return sorted(key for node in self.primaries for key in node("KEYS", pattern)
                      if not key.startswith(b"cw:"))

    def fill(self, count, key="key:{}", value="value-{}", ttl=3600):
        commands = {}
        owners = {slot: node for node in self.primaries for slot in self.slots(node)}
        for i in range(count):
            name = key.format(i)
            commands.setdefault(owners[slot_of(name)], []).append(
                ("SET", name, value.format(i), "EX", ttl))
        for node, batch in commands.items():
            for begin in range(0, len(batch), 1000):
                node.pipeline(batch[begin:begin + 1000])

    # What happens to a cluster ----------------------------------------------------------------

    def begin_move(self, slot, to, source=None):
        """The slot is MIGRATING and IMPORTING; no key has been moved yet."""
        source = source or self.owner(slot)
        to("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)
        return source

    @staticmethod
    def move_keys(source, to, slot):
        while keys := source("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *keys)

    def end_move(self, slot, to):
        # The new owner first: a slot always has one.
        for node in [to] + [n for n in self.nodes if n.alive and n is not to]:
            try:
                node("CLUSTER", "SETSLOT", slot, "NODE", to.id)
            except RedisError as refused:
                if "only with masters" not in str(refused):
                    raise

    def reshard(self, slots, to):
        """Moves each of the slots, with its keys."""
        for slot in slots:
            source = self.owner(slot)
            if source is to:
                continue
            self.begin_move(slot, to, source)
            self.move_keys(source, to, slot)
            self.end_move(slot, to)

    def failover(self, primary):
        """As an operator does it: the replica takes over while both work. Returns the new primary."""
        replica, asked = self.replica_of(primary), []

        def took_over():
            # Redis sometimes takes one back that follows another closely: the replica was the primary
            # for some milliseconds, and the old primary refuses writes until the failover's time is over.
            if replica.info("role") == "master" and primary.info("role") == "slave":
                return True
            # Redis gives a failover up that has not ended after five seconds.
            if not asked or time.monotonic() - asked[-1] > 6:
                asked.append(time.monotonic())
                replica("CLUSTER", "FAILOVER")
            return False

        until(took_over, "the replica is the primary", 3 * DEADLINE)
        return replica

    def await_owner(self, slot, other_than):
        """Waits until another server has the slot; returns it."""
        def other():
            alive = [node for node in self.nodes if node.alive and node is not other_than]
            for node in alive:
                for begin, end, main, *_ in node("CLUSTER", "SLOTS"):
                    if begin <= slot <= end and main[2].decode() != other_than.id:
                        return next(n for n in self.nodes if n.id == main[2].decode())
            return None

        return until(other, "another server has the slot")

    def close(self):
        for node in self.nodes:
            node.close()
