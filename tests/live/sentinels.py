# SPDX-License-Identifier: MIT
"""Three sentinels, and what they watch."""

import os
import subprocess
import threading

from harness import DEADLINE, Redis, Resp, free_port


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

    names = 0

    def __init__(self, folder, *options, sentinels, **more):
        self.port = free_port()
        self.sentinels = sentinels
        WatchedRedis.names += 1
        self.master = f"main{WatchedRedis.names}"
        super().__init__(folder, "--port", str(self.port), *options, **more)
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
