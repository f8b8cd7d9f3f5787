# SPDX-License-Identifier: MIT
"""What the daemon costs while nobody asks, or while many are connected and silent."""

import os
import resource
import signal
import socket
import time

import peers
from harness import API

IDLE_SECONDS = 10
STARTS = 10
CONNECTIONS = 10_000
PER_SOURCE = 500
PROBES = 2_000

WIDE = f"limits: {{connections: {CONNECTIONS + 240}, per_ip: {PER_SOURCE * 2}}}"


def memory(daemon):
    """(RSS, anonymous part of it) in MiB."""
    rss, anonymous = daemon.status("VmRSS", "RssAnon")
    return rss / 1024, anonymous / 1024


def wakeups(daemon):
    """How often its threads went to sleep by themselves, so far."""
    total = 0
    tasks = f"/proc/{daemon.process.pid}/task"
    for task in os.listdir(tasks):
        with open(f"{tasks}/{task}/status", encoding="ascii") as file:
            total += next(int(line.split(":")[1]) for line in file
                          if line.startswith("voluntary_ctxt_switches"))
    return total


def wakeups_per_second(daemon):
    before, began = wakeups(daemon), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return (wakeups(daemon) - before) / (time.monotonic() - began)


def run_quiet(bench, redis):
    rss, anonymous, sampling, bare = [], [], [], []
    for number in range(bench.rounds):
        with peers.Ours(bench.folder, redis, name=f"quiet{number}") as daemon, \
                peers.Ours(bench.folder, redis, "stats: {interval: 1h}",
                           name=f"bare{number}") as still:
            daemon.wait_redis()
            time.sleep(6)  # whatever the start and the questions have left
            before = wakeups(still), time.monotonic()
            sampling.append(wakeups_per_second(daemon))
            bare.append((wakeups(still) - before[0]) / (time.monotonic() - before[1]))
            now = memory(daemon)
            rss.append(now[0])
            anonymous.append(now[1])
    report = bench.report
    report.limit("idle: RSS", rss, "MiB", at_most=16)
    report.limit("idle: anonymous part", anonymous, "MiB", at_most=6)
    report.figure("idle: wake-ups, sampling every second", sampling, "/s")
    report.limit("idle: wake-ups, not sampling", bare, "/s", at_most=0)


def start_ms(daemon_class, bench, redis, number):
    """From exec to READY=1 in the way of systemd."""
    path = os.path.join(bench.folder, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(20)
        began = time.monotonic()
        with daemon_class(bench.folder, redis, name=f"start{number}", wait=False,
                          env={"NOTIFY_SOCKET": path}) as daemon:
            while b"READY=1" not in notify.recv(4096):
                pass
            took = (time.monotonic() - began) * 1000
            daemon.wait_for("listening on ")
    os.unlink(path)
    return took


class Crowd:
    """Keep-alive connections that asked once and are silent since, from several addresses."""

    def __init__(self, daemon, count):
        self.connections = []
        host, port = daemon.address
        request = f"GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        for i in range(count):
            connection = socket.socket()
            self.connections.append(connection)
            connection.settimeout(20)
            connection.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            connection.bind((f"127.0.0.{2 + i // PER_SOURCE}", 0))
            connection.connect((host, port))
            connection.sendall(request)
            if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("no 200 on connection %d" % i)

    def still_open(self):
        count = 0
        for connection in self.connections:
            connection.setblocking(False)
            try:
                count += bool(connection.recv(1))
            except BlockingIOError:
                count += 1
            except ConnectionError:
                pass
        return count

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()


def probe(daemon, path, count, pause=0.0):
    """Milliseconds of each GET, one after the other, every second one on a new connection."""
    took = []
    request = f"GET {path} HTTP/1.1\r\nHost: {daemon.address[0]}\r\n\r\n".encode()
    with daemon.connect() as kept:
        for i in range(count):
            began = time.monotonic()
            connection = daemon.connect() if i % 2 else kept
            connection.sendall(request)
            if not connection.recv(65536).startswith(b"HTTP/1.1 "):
                raise RuntimeError("no answer to " + path)
            took.append((time.monotonic() - began) * 1000)
            if i % 2:
                connection.close()
            time.sleep(pause)
    return took


def p99(values):
    return sorted(values)[len(values) * 99 // 100]


def run_crowd(bench, redis):
    rss, livez, worst = [], [], []
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500
    count = min(CONNECTIONS, room)
    for number in range(bench.rounds):
        with peers.Ours(bench.folder, redis, WIDE, name=f"crowd{number}") as daemon:
            daemon.wait_redis()
            with Crowd(daemon, count) as crowd:
                took = probe(daemon, "/livez", PROBES)
                rss.append(memory(daemon)[0])
                if crowd.still_open() != count:
                    raise RuntimeError(f"{crowd.still_open()} of {count} connections are left")
            livez.append(p99(took))
            worst.append(max(took))
    name = f"{count:,} idle connections"
    bench.report.limit(f"{name}: RSS", rss, "MiB", at_most=256)
    bench.report.limit(f"{name}: /livez p99", livez, "ms", at_most=50)
    bench.report.figure(f"{name}: /livez max", worst, "ms")


def run_stopped(bench, redis):
    livez, health = [], []
    with peers.Ours(bench.folder, redis, WIDE, name="stopped") as daemon:
        daemon.wait_redis()
        for _ in range(bench.rounds):
            with Crowd(daemon, 1000) as crowd:
                redis.process.send_signal(signal.SIGSTOP)
                try:
                    # Long enough for commands to time out and the breaker to open.
                    livez.append(max(probe(daemon, "/livez", 1000, 0.002)))
                    health.append(max(probe(daemon, API + "/health", 500, 0.002)))
                finally:
                    redis.process.send_signal(signal.SIGCONT)
                if crowd.still_open() != 1000:
                    raise RuntimeError("idle connections were cut")
            daemon.wait_redis()
    name = "Redis stopped, 1,000 idle connections"
    bench.report.limit(f"{name}: /livez max", livez, "ms", at_most=50)
    bench.report.limit(f"{name}: health max", health, "ms", at_most=50)


def run(bench):
    with peers.BenchRedis(bench.folder) as redis:
        run_quiet(bench, redis)
        starts = [start_ms(peers.Ours, bench, redis, i) for i in range(STARTS)]
        bench.report.limit("start to READY", starts, "ms", at_most=50)
        run_crowd(bench, redis)
        run_stopped(bench, redis)
