# SPDX-License-Identifier: MIT
"""Three sentinels, and what they watch."""

import os
import select
import subprocess
import threading
import time

from harness import DEADLINE, Redis, Resp, free_port, until


class Sentinel:
    """One process, spoken to over its TCP port."""

    def __init__(self, folder, name, *lines):
        self.port = free_port()
        self.path = os.path.join(folder, name + ".conf")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("\n".join([f"port {self.port}", "bind 127.0.0.1", f"dir {folder}",
                                  "sentinel deny-scripts-reconfig yes", *lines]) + "\n")
        self.start()

    def start(self):
        self.process = subprocess.Popen(["redis-server", self.path, "--sentinel"],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if "Sentinel ID is" in line:
                break
        else:
            assert False, "the sentinel did not start"
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.connection = None

    def __call__(self, *args):
        if self.connection is None:
            self.connection = Resp(("127.0.0.1", self.port))
        return self.connection.call(*args)

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait(DEADLINE)
        self.connection = None

    def close(self):
        self.process.kill()
        self.process.wait(DEADLINE)
        self.process.stdout.close()


class Sentinels:
    """As many as there are in production: two of three agree."""

    def __init__(self, folder, *lines, count=3):
        self.all = [Sentinel(folder, f"sentinel{i}", *lines) for i in range(count)]
        self.quorum = count // 2 + 1

    def __iter__(self):
        return iter(self.all)

    @property
    def hosts(self):
        return ",".join(f"127.0.0.1:{one.port}" for one in self.all)

    def watch(self, name, port, *settings):
        for one in self.all:
            one("SENTINEL", "MONITOR", name, "127.0.0.1", port, self.quorum)
            for i in range(0, len(settings), 2):
                one("SENTINEL", "SET", name, *settings[i:i + 2])

    def forget(self, name):
        for one in self.all:
            one("SENTINEL", "REMOVE", name)

    def close(self):
        for one in self.all:
            one.close()


class WatchedRedis(Redis):
    """A primary behind sentinels: the daemon is to ask them, the test itself uses its socket."""

    count = 0

    def __init__(self, folder, *options, sentinels, **more):
        self.port = int(options[options.index("--port") + 1]) if "--port" in options else free_port()
        self.sentinels = sentinels
        WatchedRedis.count += 1
        self.master = f"main{WatchedRedis.count}"
        super().__init__(folder, *options, "--port", str(self.port), **more)
        sentinels.watch(self.master, self.port)

    @property
    def name(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"redis+sentinel://{self.sentinels.hosts}/{self.master}/0"

    def close(self):
        self.sentinels.forget(self.master)
        super().close()


class _Guarded(Redis):
    """Sentinels close all connections to a server whose role they change."""

    def __init__(self, folder, *options, **more):
        self.port = free_port()
        super().__init__(folder, "--port", str(self.port), "--repl-diskless-sync-delay", "0", *options,
                         **more)

    @property
    def name(self):
        return f"127.0.0.1:{self.port}"

    def __call__(self, *args):
        try:
            return super().__call__(*args)
        except ConnectionError:
            self.connection = None
            return super().__call__(*args)


class Guarded:
    """A primary and its replica, which three sentinels watch closely: a failover takes a second."""

    master = "guarded"
    quick = ("down-after-milliseconds", 300, "failover-timeout", 1500)

    def __init__(self, folder, *options):
        self.servers = [_Guarded(folder, *options, name=f"guarded{i}") for i in range(2)]
        self.sentinels = Sentinels(folder)
        self.follow(self.servers[1], self.servers[0])
        # A sentinel that does not hear of a failover for four of its periods of publishing undoes it.
        for one in self.sentinels:
            one("SENTINEL", "DEBUG", "info-period", 200, "publish-period", 1000, "ask-period", 100,
                "ping-period", 100)
        self.sentinels.watch(self.master, self.servers[0].port, *self.quick)
        self.settle()

    @property
    def url(self):
        return f"redis+sentinel://{self.sentinels.hosts}/{self.master}/0"

    def named_by(self, sentinel):
        """The server that a sentinel says is the primary."""
        port = int(sentinel("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.master)[1])
        return next(server for server in self.servers if server.port == port)

    @property
    def primary(self):
        return self.named_by(next(iter(self.sentinels)))

    def other(self, server):
        return self.servers[1 - self.servers.index(server)]

    @staticmethod
    def follow(replica, primary):
        replica("REPLICAOF", "127.0.0.1", primary.port)

        def follows():
            info = replica("INFO", "replication")
            return b"master_link_status:up" in info and b"master_port:%d" % primary.port in info

        until(follows, "the replica has its primary's keys")

    def settle(self):
        """Until a failover is possible: the sentinels know each other and a good replica."""
        def ready(one):
            fields = one("SENTINEL", "MASTER", self.master)
            fields = dict(zip(fields[::2], fields[1::2]))
            replicas = one("SENTINEL", "REPLICAS", self.master)
            return fields[b"flags"] == b"master" and int(fields[b"num-other-sentinels"]) == 2 and any(
                row[row.index(b"flags") + 1] == b"slave"
                and row[row.index(b"master-link-status") + 1] == b"ok"
                and row[row.index(b"slave-repl-offset") + 1] != b"0" for row in replicas)

        for one in self.sentinels:
            until(lambda s=one: ready(s), "the sentinel knows all")
        until(lambda: len({self.named_by(one) for one in self.sentinels}) == 1, "they agree")

    def failover(self):
        """As an operator orders it."""
        next(iter(self.sentinels))("SENTINEL", "FAILOVER", self.master)

    def rejoin(self, server):
        """What was the primary becomes the replica of the one that is now."""
        if server.process.poll() is not None:
            server.start()
        self.follow(server, self.primary)
        self.settle()

    def close(self):
        self.sentinels.close()
        for server in self.servers:
            server.close()


class Announced(threading.Thread):
    """When the first sentinel announces a failover."""

    def __init__(self, guarded):
        super().__init__(daemon=True)
        self.at = None
        self.connections = [Resp(("127.0.0.1", one.port)) for one in guarded.sentinels]
        for connection in self.connections:
            connection.call("SUBSCRIBE", "+switch-master")
        self.start()

    def run(self):
        select.select([connection.socket for connection in self.connections], [], [], 3 * DEADLINE)
        self.at = time.monotonic()

    def wait(self):
        self.join(4 * DEADLINE)
        for connection in self.connections:
            connection.close()
        return self.at
