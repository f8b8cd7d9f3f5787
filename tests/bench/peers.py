# SPDX-License-Identifier: MIT
"""The programs that ours is measured beside, and those that measure.

All listen on loopback or on Unix sockets in a folder of the run's own; each is a context manager
that ends its process.
"""

import hashlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))

from harness import Daemon, Redis  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 300  # seconds: what takes longer has failed
TOKEN = "cw_" + secrets.token_hex(20)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A child with an address; ready when it takes a connection."""

    def __init__(self, argv, port):
        self.port = port
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.close()
                    raise RuntimeError(f"{argv[0]} did not start") from None
                time.sleep(0.01)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def nginx(folder, bodies):
    """One worker that answers each path of `bodies` with so many bytes of JSON from memory."""
    port = free_port()
    places = "".join(
        f"location = {path} {{ default_type application/json;"
        f" return 200 '{{\"filler\":\"{'x' * (size - 13)}\"}}'; }}\n"
        for path, size in bodies.items())
    temp = "".join(f"{kind}_temp_path {folder}/{kind};\n"
                   for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
{temp}
access_log off;
keepalive_requests 1000000000;
server {{
listen 127.0.0.1:{port} backlog=1024;
{places}
}}
}}
""")
    return Server(["nginx", "-p", folder, "-e", f"{folder}/nginx.log", "-c", path], port)


def webdis(folder, redis, threads=2):
    port = free_port()
    path = os.path.join(folder, "webdis.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"redis_host": redis.path, "redis_port": 6379, "http_host": "127.0.0.1",
                   "http_port": port, "threads": threads, "daemonize": False, "database": 0,
                   "verbosity": 0, "logfile": os.path.join(folder, "webdis.log")}, file)
    return Server(["webdis", path], port)


def exporter(redis):
    port = free_port()
    return Server(["prometheus-redis-exporter", "-redis.addr", "unix://" + redis.path,
                   "-web.listen-address", f"127.0.0.1:{port}"], port)


class Ours(Daemon):
    """cachewardend, with a token for everything; ended and judged on leaving."""

    def __init__(self, folder, redis, extra="", name="cachewardend", redis_more="", **options):
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        super().__init__(os.path.join(folder, name), f"""
name: bench
listen: ["127.0.0.1:0"]
auth:
  tokens:
    - name: bench
      sha256: {digest}
      scopes: [read, metrics, keys, write, invalidate, warm, operate]
redis: {{url: "{redis.url}"{redis_more and ", " + redis_more}}}
log: {{access: "off"}}
{extra}
""", **options)

    def url(self, path):
        return "http%s://%s:%d%s" % ("s" if self.tls else "", *self.address, path)

    def request(self, method, path, body=None, headers=None, token=TOKEN, timeout=PATIENCE):
        return super().request(method, path, body, headers, token, timeout)

    def status(self, *names):
        """Lines of /proc/PID/status as numbers, e.g. VmRSS in KiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            found = dict(line.split(":", 1) for line in file)
        return [int(found[name].split()[0]) for name in names]

    def reset_peak(self):
        with open(f"/proc/{self.process.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        wrong = self.close()
        if wrong and kind is None:
            raise RuntimeError(wrong)
        if wrong:
            print(wrong, file=sys.stderr)


class BenchRedis(Redis):
    """A redis-server without persistence on a Unix socket, filled by redis-cli --pipe."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def pipe(self, path):
        """Sends a file of commands as fast as redis-cli can; returns the seconds it took."""
        with open(path, "rb") as file:
            return timed(["redis-cli", "-s", self.path, "--pipe"], stdin=file)


def timed(argv, stdin=subprocess.DEVNULL):
    """Runs a command (a string: by the shell) to its end; returns the seconds it took."""
    began = time.monotonic()
    with subprocess.Popen(argv, shell=isinstance(argv, str), stdin=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise RuntimeError(f"{argv} failed: {output[-500:]!r}")
    return time.monotonic() - began


def build_neighbour(folder):
    path = os.path.join(folder, "neighbour")
    subprocess.run([*os.environ.get("CC", "cc").split(), "-std=c17", "-D_GNU_SOURCE", "-O2", "-o",
                    path, os.path.join(HERE, "neighbour.c")], check=True)
    return path


class Neighbour:
    """Somebody else's GETs while a block runs; `felt` afterwards: p50_ms, p99_ms, max_ms."""

    PERIOD_US = 500

    def __init__(self, program, redis, keys):
        self.argv = [program, redis.path, keys, str(self.PERIOD_US)]
        self.felt = None

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            self.process.kill()
            self.process.wait()
            raise RuntimeError("the neighbour did not start")
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        output, _ = self.process.communicate(timeout=20)
        if kind is None:
            self.felt = json.loads(output)


def wrk(url, seconds, connections=64, headers=(), expect=200):
    """wrk with one thread -> {"rate": requests a second, "p99_ms": ...}."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in headers:
        argv += ["-H", header]
    text = subprocess.run([*argv, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=seconds + 60, check=True).stdout
    if "Socket errors" in text or ("Non-2xx" in text) != (expect >= 300):
        raise RuntimeError(f"{url} did not always answer {expect}:\n{text}")
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", text).groups()
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
            "p99_ms": float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]}
