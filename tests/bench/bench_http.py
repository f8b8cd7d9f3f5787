# SPDX-License-Identifier: MIT
"""Requests a second over 64 connections: stats, health and metrics from memory, GET of a key, and
stats over HTTPS; how long many keys take beside one."""

import contextlib
import http.client
import json
import statistics
import time

import peers
from certificates import Authority, TlsRedis
from harness import API
from keys import CACHE, KEYS

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


class Many:
    """How long one caller waits for one key, and for fifty in one request."""

    KEYS = 50
    TIMES = 2000

    def __init__(self, daemon, redis):
        self.daemon = daemon
        names = [f"many:{i}" for i in range(self.KEYS)]
        redis.pipeline([("SET", name, "x" * 107) for name in names])
        headers = {"Authorization": "Bearer " + peers.TOKEN}
        self.one = ("GET", KEYS + "many:0", None, headers)
        self.many = ("POST", CACHE + "/mget", json.dumps({"keys": names}),
                     {**headers, "Content-Type": "application/json"})
        self.took = {"one": [], "many": []}

    def round(self):
        connection = http.client.HTTPConnection(*self.daemon.address)
        times = {"one": [], "many": []}
        for _ in range(self.TIMES):
            for who, call in ("one", self.one), ("many", self.many):
                began = time.perf_counter()
                connection.request(*call)
                answer = connection.getresponse()
                body = answer.read()
                times[who].append(time.perf_counter() - began)
                assert answer.status == 200, body
        connection.close()
        for who, all_times in times.items():
            self.took[who].append(statistics.median(all_times) * 1e6)

    def show(self, report):
        report.figure("GET of a key, one caller", self.took["one"], "us")
        report.figure("mget of 50 keys, one caller", self.took["many"], "us")
        report.ratio("mget of 50 : GET of one", self.took["many"], self.took["one"], at_most=3)


def run(bench):
    token = ["Authorization: Bearer " + peers.TOKEN]
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(peers.BenchRedis(bench.folder))
        daemon = stack.enter_context(peers.Ours(bench.folder, redis))
        daemon.wait_redis()
        redis("SET", "hello", "x" * 107)
        secure = stack.enter_context(peers.Ours(bench.folder, redis, name="https", https=True))
        secure.wait_redis()
        authority = Authority(bench.folder)
        sealed = stack.enter_context(
            contextlib.closing(TlsRedis(bench.folder, authority, authority.issue("localhost"), name="tls")))
        sealed("SET", "hello", "x" * 107)
        over_tls = stack.enter_context(peers.Ours(bench.folder, sealed, name="tls",
                                                  redis_more=f'tls: {{ca: "{authority.certificate}"}}'))
        over_tls.wait_redis()
        nginx = stack.enter_context(peers.nginx(bench.folder, one_size(daemon)))
        webdis = stack.enter_context(peers.webdis(bench.folder, redis))
        exporter = stack.enter_context(peers.exporter(redis))
        stats = Pair("stats", {"url": daemon.url(API + "/stats"), "headers": token},
                     {"url": nginx.url("/stats")})
        health = Pair("health", {"url": daemon.url(API + "/health"), "headers": token},
                      {"url": nginx.url("/health")})
        metrics = Pair("metrics", {"url": daemon.url("/metrics"), "headers": token},
                       {"url": exporter.url("/metrics")})
        key = Pair("GET of a key", {"url": daemon.url(KEYS + "hello"), "headers": token},
                   {"url": webdis.url("/GET/hello")})
        key_tls = Pair("GET of a key, TLS to Redis", {"url": over_tls.url(KEYS + "hello"), "headers": token},
                       {"url": daemon.url(KEYS + "hello"), "headers": token})
        https = Pair("stats over HTTPS", {"url": secure.url(API + "/stats"), "headers": token},
                     {"url": daemon.url(API + "/stats"), "headers": token})
        many = Many(daemon, redis)
        for number in range(bench.rounds):
            for pair in (stats, health, metrics, key, key_tls, https):
                pair.round(number)
            many.round()
    stats.show(bench.report, "nginx return 200", 0.5)
    health.show(bench.report, "nginx return 200", 0.5)
    metrics.show(bench.report, "redis_exporter", 50)
    key.show(bench.report, "webdis, 2 threads", 1.1)
    key_tls.show(bench.report, "no TLS", 0.7)
    https.show(bench.report, "plain HTTP", 0.45)
    many.show(bench.report)
