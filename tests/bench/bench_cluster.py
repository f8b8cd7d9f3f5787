# SPDX-License-Identifier: MIT
"""What the removal of a key costs on one server and on clusters of 3 and 6 primaries, by a pattern."""

import binascii
import os

import peers
from bench_invalidate import CONFIG, by_ours, cpu_seconds
from clustered import Nodes
from data import PROFILE, KeySpace

SLOTS = 16384


class Servers:
    """The primaries of one topology with the daemon that uses them, and what each round of it gave."""

    def __init__(self, folder, primaries, space):
        self.space = space
        self.name = f"{primaries} primaries" if primaries > 1 else "one server"
        self.folder = os.path.join(folder, f"of{primaries}")
        os.makedirs(self.folder)
        self.nodes = Nodes(self.folder, name="n", count=primaries) if primaries > 1 else None
        self.all = self.nodes.all if self.nodes else [peers.BenchRedis(self.folder)]
        self.fills = self._split(primaries)
        if self.nodes:
            self.nodes.wait()
        self.daemon = peers.Ours(self.folder, self, CONFIG)
        self.daemon.wait_redis()
        self.rate, self.servers_us, self.daemon_us, self.both_us = [], [], [], []

    @property
    def url(self):
        if not self.nodes:
            return self.all[0].url
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.all)

    def _split(self, primaries):
        """The commands that fill each server, which redis-cli --pipe does not send elsewhere."""
        paths = [os.path.join(self.folder, f"fill{i}.resp") for i in range(primaries)]
        files = [open(path, "wb") for path in paths]
        ends = self.nodes.ends if self.nodes else [SLOTS]
        for name, command in self.space.sets():
            slot = binascii.crc_hqx(name, 0) % SLOTS  # CRC-16/XMODEM, as Redis Cluster's
            files[next(i for i, end in enumerate(ends) if slot < end)].write(command)
        for file in files:
            file.close()
        return paths

    def round(self):
        for server, path in zip(self.all, self.fills):
            with open(path, "rb") as file:
                peers.timed(["redis-cli", "-s", server.path, "--pipe"], stdin=file)
        servers = sum(map(cpu_seconds, self.all))
        daemon = cpu_seconds(self.daemon)
        seconds = by_ours([PROFILE + "*"], 0)(self)
        self.rate.append(self.space.going / seconds)
        self.servers_us.append((sum(map(cpu_seconds, self.all)) - servers) / self.space.going * 1e6)
        self.daemon_us.append((cpu_seconds(self.daemon) - daemon) / self.space.going * 1e6)
        self.both_us.append(self.servers_us[-1] + self.daemon_us[-1])
        for server in self.all:
            server("FLUSHALL")

    def show(self, report):
        report.figure(f"by pattern, {self.name}", self.rate, "keys/s")
        report.figure("    processor time of the servers, a key", self.servers_us, "us")
        report.figure("    processor time of cachewardend, a key", self.daemon_us, "us")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.daemon.close()
        for server in self.all:
            server.close()


def run(bench):
    space = KeySpace(bench.folder, bench.keys)
    with Servers(bench.folder, 1, space) as one, Servers(bench.folder, 3, space) as three, \
            Servers(bench.folder, 6, space) as six:
        for _ in range(bench.rounds):
            for servers in (one, three, six):
                servers.round()
        for servers in (one, three, six):
            servers.show(bench.report)
        for servers in (three, six):
            bench.report.ratio(f"processor time of a key, {servers.name} : one server", servers.both_us, one.both_us,
                               at_most=1.25)
