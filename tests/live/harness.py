# SPDX-License-Identifier: MIT
"""What the tests drive: Redis, the daemon, HTTP clients."""

import http.client
import json
import mmap
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

# What a developer's shell may have set for a daemon is not for the tests.
for _name in ("CACHEWARDEN_LISTEN", "CACHEWARDEN_LOG_LEVEL", "REDIS_CACHE_TTL", "REDIS_URL",
              "STATE_DIRECTORY"):
    os.environ.pop(_name, None)
BINARY = os.environ["CACHEWARDEN_BIN"]
API = "/api/v1/admin/cache"
DEADLINE = 20  # seconds: how long any event may take before the test fails


def _sanitized():
    """Under ThreadSanitizer there is only the library."""
    path = BINARY if os.path.exists(BINARY) else os.path.dirname(BINARY) + "/libcachewarden.so"
    with open(path, "rb") as file, \
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as binary:
        return binary.find(b"libasan.so") >= 0


# Memory and speed are other ones under AddressSanitizer.
SANITIZED = _sanitized()
SOAK = bool(os.environ.get("CACHEWARDEN_SOAK"))
# Every daemon serves HTTPS, unless its configuration says what `tls` is.
HTTPS = bool(os.environ.get("CACHEWARDEN_HTTPS"))


def rounds(usual, soak):
    """How often a test that looks for rare interleavings goes round: `make soak` takes its time."""
    return soak if SOAK else usual


def until(condition, what, seconds=DEADLINE):
    """Polls a condition that has no event to wait for; returns its first true value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "waited in vain for: " + what
        time.sleep(0.01)


def together(case, rows):
    """case(*row) of all rows at a time: for tests of many cases that mostly wait. The first failure is
    raised with its row."""
    with ThreadPoolExecutor(len(rows)) as pool:
        running = [pool.submit(case, *row) for row in rows]
    for row, one in zip(rows, running):
        failure = one.exception()
        if failure:
            raise AssertionError(f"with {row!r}: {failure}") from failure


def open_config(redis, extra=""):
    """The usual case: everything allowed without a token on loopback."""
    return f"""
name: test
listen: ["127.0.0.1:0"]
auth: {{anonymous: [read, metrics, keys, write, invalidate, warm, operate]}}
redis: {{url: "{redis.url}"}}
{extra}
"""


def answers_until(daemon, ended, what):
    """Asks /livez until ended(): the daemon may not work for most of that time before it answers, as
    if the loop stood still."""
    began, most = daemon.cpu(), 0.0

    def look():
        nonlocal most
        most = max(most, daemon.get("/livez").used)
        return ended()

    # AddressSanitizer makes such work many times slower.
    until(look, what, 10 * DEADLINE if SANITIZED else DEADLINE)
    assert most < max(0.3, (daemon.cpu() - began) / 3), most


def free_port():
    """A TCP port that nothing uses. It is not one that the kernel gives to connections, which could
    take it before its user does; and a cluster's node uses the one 10000 above it, too."""
    while True:
        port = random.SystemRandom().randrange(10000, 20000)
        try:
            for number in (port, port + 10000):
                with socket.socket() as taken:
                    taken.bind(("127.0.0.1", number))
            return port
        except OSError:
            continue


# By redis.url: what else the daemon's `redis` must have to use it.
SETTINGS = {}


def with_settings(config):
    """The configuration with the settings that its redis.url needs; what it has itself stays."""
    for url, settings in list(SETTINGS.items()):
        found = re.search(r'^( *)(.*)url: "?%s"?' % re.escape(url), config, re.M)
        # The section is the rest of a line, or the lines that are indented like this one.
        rest = found and re.match(r'.*(\n%s .*)*' % found[1] if "{" not in found[2] else ".*", config[found.end():])
        if found and settings.split(":")[0] + ":" not in found[2] + rest[0]:
            between = ", " if "{" in found[2] else "\n" + found[1]
            config = config[:found.end()] + between + settings + config[found.end():]
    return config


def with_members(config, redis, members):
    """The configuration with more members of `redis`."""
    assert f'"{redis.url}"' in config, config
    return config.replace(f'"{redis.url}"', f'"{redis.url}", {members}')


class Redis:
    """A redis-server on a Unix socket, spoken to over a connection of our own."""

    def __init__(self, folder, *options, name="redis", settings=None):
        self.path = os.path.join(folder, name + ".sock")
        self.folder = folder
        self.options = options
        if settings:
            SETTINGS[self.url] = settings
        self.process = None
        self.connection = None
        self.start()

    @property
    def name(self):
        """What the daemon calls it."""
        return "unix:" + self.path

    @property
    def url(self):
        return f"unix://{self.path}?db=0"

    def start(self, *more, wait=True):
        """Returns once it is ready. Without `wait` at once."""
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly",
             "no", "--daemonize", "no", "--dir", self.folder, *self.options, *more],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout if wait else ():
            if "eady to accept connections" in line:
                break
        else:
            assert not wait, "redis-server did not start"
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.connection = None

    def __call__(self, *args):
        """One command; strings come back as bytes, errors are raised."""
        if self.connection is None:
            self.connection = Resp(self.path)
        return self.connection.call(*args)

    primaries = 1

    @staticmethod
    def times(_args):
        """How often a server is sent a command: there is only one server."""
        return 1

    @property
    def names(self):
        """Of each primary."""
        return [self.name]

    def dial(self, _key):
        """A connection of its own to the server that has the key."""
        return Resp(self.path)

    @staticmethod
    def one_each(key):
        """Keys that begin with this text, one for each primary."""
        return [key]

    def each(self, *args):
        """The answer of each server, over connections that serve only this one command."""
        connection = Resp(self.path)
        try:
            return [connection.call(*args)]
        finally:
            connection.close()

    def calls(self, name):
        """How often a command was called, by INFO commandstats."""
        found = re.search(rb"^cmdstat_%s:calls=(\d+)" % name.encode(),
                          self("INFO", "commandstats"), re.M)
        return int(found[1]) if found else 0

    def pipeline(self, commands):
        if self.connection is None:
            self.connection = Resp(self.path)
        return self.connection.pipeline(commands)

    def fill(self, count, key="key:{}", value="value-{}", ttl=3600, batch=1000):
        for begin in range(0, count, batch):
            self.pipeline([("SET", key.format(i), value.format(i),
                            *(("EX", ttl) if ttl > 0 else ()))
                           for i in range(begin, min(begin + batch, count))])

    def keys(self, pattern="*"):
        """For assertions on small databases only; cachewarden itself never sends KEYS."""
        return sorted(key for key in self("KEYS", pattern) if not key.startswith(b"cw:"))

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE)
        self.connection = None
        if os.path.exists(self.path):
            os.unlink(self.path)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(DEADLINE)
        self.process.stdout.close()


class RedisError(Exception):
    pass


class Resp:
    """The least RESP2 client that the tests need."""

    def __init__(self, address):
        """The path of a Unix socket, or (host, port)."""
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(address)
        self.file = self.socket.makefile("rb")

    @classmethod
    def of(cls, connection):
        """What reads from a connection that is there."""
        resp = cls.__new__(cls)
        resp.socket, resp.file = connection, connection.makefile("rb")
        return resp

    def close(self):
        self.file.close()
        self.socket.close()

    @staticmethod
    def encode(args):
        parts = [a if isinstance(a, bytes) else str(a).encode() for a in args]
        return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)

    def read(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        return None if rest == b"-1" else [self.read() for _ in range(int(rest))]

    def pipeline(self, commands):
        self.socket.sendall(b"".join(map(self.encode, commands)))
        return [self.read() for _ in commands]

    def call(self, *args):
        reply = self.pipeline([args])[0]
        if isinstance(reply, RedisError):
            raise reply
        return reply


class Reply:
    """`took` is in seconds; `used` are those in which the daemon had a processor meanwhile: how long
    its loop can have stood still, however busy the machine is."""

    def __init__(self, status, headers, body, took, used=0.0):
        self.status, self.headers, self.body = status, headers, body
        self.took, self.used = took, used

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:2000]!r}>"


class Https:
    """A certificate for a daemon, the lines of its configuration, and what its clients trust."""

    def __init__(self, folder):
        from certificates import Authority

        authority = Authority(folder)
        certificate, key = authority.issue("localhost", "127.0.0.1", days=30)
        self.lines = f'tls: {{certificate: "{certificate}", key: "{key}"}}\n'
        self.context = ssl.create_default_context(cafile=authority.certificate)


def end_sending(connection):
    """Ends our half of a TCP connection, without a word in TLS."""
    socket.socket.shutdown(connection, socket.SHUT_WR)


class Client(http.client.HTTPConnection):
    """Of a daemon with TLS."""

    def __init__(self, daemon, timeout):
        super().__init__(*daemon.address, timeout=timeout)
        self.daemon = daemon

    def connect(self):
        self.sock = self.daemon.connect(self.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Daemon:
    """cachewardend with its configuration in a folder of its own."""

    alive = []  # not closed yet: a test that fails shows their logs

    def __init__(self, folder, config, wait=True, env=None, args=(), before=(), https=HTTPS):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.https = Https(folder) if https and not re.search("^tls:", config, re.M) else None
        self.tls = self.https.context if self.https else None  # the ssl.SSLContext of its clients
        self.config_path = os.path.join(folder, "cachewarden.yaml")
        self.ready_path = os.path.join(folder, "ready")
        self.configure(config)
        self.lines = []
        self.changed = threading.Condition()
        self.expect_exit = 0
        self.process = subprocess.Popen(
            [*before, BINARY, "--config", self.config_path, "--ready-file", self.ready_path, *args],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace",
            env={**os.environ, **(env or {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.addresses = []
        Daemon.alive.append(self)
        if wait:
            self.wait_for("listening on ")
            # Written before the line is logged.
            with open(self.ready_path, encoding="utf-8") as file:
                self.addresses = file.read().split()

    def configure(self, config):
        with open(self.config_path + ".new", "w", encoding="utf-8") as file:
            file.write(with_settings(config) + ("\n" + self.https.lines if self.https else ""))
        os.chmod(self.config_path + ".new", 0o600)
        os.rename(self.config_path + ".new", self.config_path)

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.lines.append("<end>")
            self.changed.notify_all()

    @property
    def log(self):
        return "\n".join(self.lines)

    def wait_for(self, text, seconds=DEADLINE, count=1):
        """Waits for a log line with `text`, the count-th; returns it."""
        def found():
            hits = [line for line in self.lines if text in line]
            return hits[count - 1] if len(hits) >= count else None

        with self.changed:
            ok = self.changed.wait_for(
                lambda: found() or (self.lines and self.lines[-1] == "<end>"), seconds)
        assert ok and found(), f"no log line {text!r} in:\n{self.log}"
        return found()

    # HTTP -----------------------------------------------------------------------------------

    @property
    def address(self):
        """(host, port) of the first TCP listener."""
        text = next(a for a in self.addresses if a.startswith("http"))
        host, port = text.split("://")[1].rsplit(":", 1)
        return host.strip("[]"), int(port)

    def wrap(self, connection):
        """A connected socket as the daemon's clients use it: with TLS where `tls` is set."""
        if self.tls is None:
            return connection
        # To end without a goodbye is the server's right where it does not answer.
        return self.tls.wrap_socket(connection, server_hostname="localhost",
                                    suppress_ragged_eofs=True)

    def connect(self, timeout=DEADLINE):
        return self.wrap(socket.create_connection(self.address, timeout=timeout))

    def client(self, timeout=DEADLINE):
        """An http.client connection."""
        if self.tls is not None:
            return Client(self, timeout)
        return http.client.HTTPConnection(*self.address, timeout=timeout)

    def wait_refused(self):
        """Waits until it takes no connections any more."""
        def refused():
            try:
                self.connect().close()
            except ConnectionRefusedError:
                return True
            except ConnectionResetError:
                pass  # the listener was closed before this connection was accepted
            return False

        until(refused, "connections to be refused")

    def raw(self, data, timeout=DEADLINE):
        """Sends bytes as they are and reads until the server closes."""
        with self.connect(timeout) as connection:
            connection.sendall(data)
            answer = b""
            while True:
                try:
                    part = connection.recv(65536)
                except (ConnectionResetError, ssl.SSLEOFError):
                    return answer
                if not part:
                    return answer
                answer += part

    def request(self, method, path, body=None, headers=None, token=None, timeout=DEADLINE):
        connection = self.client(timeout)
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = "Bearer " + token
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        began, used = time.monotonic(), self.cpu()
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            data = answer.read()
            return Reply(answer.status, answer.headers, data, time.monotonic() - began,
                         self.cpu() - used)
        finally:
            connection.close()

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.request("POST", path, body=body, **kw)

    def invalidate(self, body, **kw):
        return self.post(API + "/invalidate", body, **kw)

    def warm(self, body=None, **kw):
        return self.post(API + "/warm", body, **kw)

    def stats(self):
        return self.get(API + "/stats").json

    def health(self):
        return self.get(API + "/health")

    def metric(self, name):
        """The value of one series, as its whole text before the blank; None where absent."""
        for line in self.get("/metrics").body.decode().splitlines():
            if line.rsplit(" ", 1)[0] == name:
                return float(line.rsplit(" ", 1)[1])
        return None

    def wait_redis(self, status="up", seconds=DEADLINE):
        until(lambda: self.stats()["redis"]["status"] == status, "redis " + status, seconds)

    # The process ----------------------------------------------------------------------------

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu(self):
        """The processor time that it has used, in seconds; 0 once it has ended."""
        try:
            # The clock that clock_getcpuclockid(3) names.
            return time.clock_gettime((~self.process.pid << 3) | 2)
        except OSError:
            return 0.0

    def rss(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def send(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=40):
        self.send(number)
        return self.process.wait(seconds)

    def close(self):
        """Ends it; returns what was wrong with how it lived or ended, or None."""
        if self in Daemon.alive:
            Daemon.alive.remove(self)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.reader.join(DEADLINE)
            return "the daemon did not end within 40 s of SIGTERM:\n" + self.log
        self.reader.join(DEADLINE)
        self.process.stderr.close()
        for mark in ("AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion"):
            if mark in self.log:
                return f"{mark} in the log:\n{self.log}"
        if self.expect_exit is not None and code != self.expect_exit:
            return f"exit code {code}, expected {self.expect_exit}:\n{self.log}"
        return None
