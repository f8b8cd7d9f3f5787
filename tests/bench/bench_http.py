# SPDX-License-Identifier: MIT
"""Requests a second over 64 connections: stats, health and metrics from memory, and a Redis GET."""

import contextlib

import peers
from harness import API

SECONDS = 3


def one_size(daemon):
    """How many bytes nginx has to answer with so that both send the same."""
    return {"/stats": len(daemon.get(API + "/stats").body),
            "/health": len(daemon.get(API + "/health").body)}


class Pair:
    """The same load on ours and on a peer, in turn."""

    def __init__(self, name, ours, theirs):
        self.name = name
        self.loads = {"ours": ours, "theirs": theirs}
        self.results = {"ours": [], "theirs": []}

    def round(self, number):
        for who in sorted(self.loads, reverse=bool(number % 2)):
            self.results[who].append(peers.wrk(seconds=SECONDS, **self.loads[who]))

    def column(self, who, what):
        return [result[what] for result in self.results[who]]

    def show(self, report, peer, at_least):
        for who, label in (("theirs", peer), ("ours", "ours")):
            report.figure(f"{self.name}: {label}", self.column(who, "rate"), "req/s")
            report.figure("    p99", self.column(who, "p99_ms"), "ms")
        report.ratio(f"{self.name}: ours : {peer}", self.column("ours", "rate"),
                     self.column("theirs", "rate"), at_least=at_least)


def run(bench):
    token = ["Authorization: Bearer " + peers.TOKEN]
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(peers.BenchRedis(bench.folder))
        daemon = stack.enter_context(peers.Ours(bench.folder, redis))
        daemon.wait_redis()
        redis("SET", "hello", "x" * 107)
        nginx = stack.enter_context(peers.nginx(bench.folder, one_size(daemon)))
        webdis = stack.enter_context(peers.webdis(bench.folder, redis))
        exporter = stack.enter_context(peers.exporter(redis))
        stats = Pair("stats", {"url": daemon.url(API + "/stats"), "headers": token},
                     {"url": nginx.url("/stats")})
        health = Pair("health", {"url": daemon.url(API + "/health"), "headers": token},
                      {"url": nginx.url("/health")})
        metrics = Pair("metrics", {"url": daemon.url("/metrics"), "headers": token},
                       {"url": exporter.url("/metrics")})
        # An operation nobody knows: a token check, a fiber, one GET in Redis, 404.
        ground = Pair("Redis round trip",
                      {"url": daemon.url(API + "/operations/00000000000000000000000000000000"),
                       "headers": token, "expect": 404},
                      {"url": webdis.url("/GET/hello")})
        for number in range(bench.rounds):
            for pair in (stats, health, metrics, ground):
                pair.round(number)
    stats.show(bench.report, "nginx return 200", 0.5)
    health.show(bench.report, "nginx return 200", 0.5)
    metrics.show(bench.report, "redis_exporter", 50)
    ground.show(bench.report, "webdis, 2 threads", 1.1)
