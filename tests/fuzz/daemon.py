#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fuzzed HTTP requests against a daemon: daemon.py BINARY [REQUESTS|SECONDSs [SEED]].

Starts a redis-server and the daemon (best the one of the sanitizers), sends requests made from the
route table with bytes, numbers, lengths and lines changed at random, and wants three things: no
answer with status 500, no report of a sanitizer, and a daemon that serves and ends cleanly. The
same seed sends the same requests; without one it is made from the time.
"""

import os
import random
import re
import shutil
import socket
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "live"))

CLIENTS = 16  # at once; what they send does not depend on it
# Requests of one connection. Mostly one: a malformed one closes its connection, and those that
# follow it have no answer.
BATCHES = [1] * 40 + [4, 16]
VALUES = ["", "0", "1", "-1", "10", "18446744073709551616", "true", "null", "*", "a*", "%00", "%zz",
          "../x", "%2e%2e%2f", "{id}", "\u00e9", "x" * 300, "9e999", "[", "base64url", "2027-01-01"]
KEYS = ["k:1", "k:2", "user:42", "session:x", "cw:inval", "a%2Fb", "%ff", "k%00", "t:1"]
# What the routes whose path has these words take; each is also sent to all others.
BODIES = {
    "/invalidate": ['{"keys": ["k:1"]}', '{"patterns": ["k:*"], "dry_run": true}', '{"tags": ["t"], "soft": true}',
                    '{"entities": [{"entity": "user", "ids": ["1", 2]}]}', '{"keys": ["k:1"], "wait": 0}'],
    "/warm": ['{"cache_names": ["j"], "wait": 0}', '{}'],
    "/tags": ['{"keys": ["k:1"], "tags": ["t"]}'],
    "/dependencies": ['{"dependents": ["k:2"]}', '{"add": ["k:2"], "remove": ["k:3"]}', '{"note": "n"}'],
    "/mset": ['{"entries": [{"key": "k:1", "value": "v", "ttl": 10, "tags": ["t"]}]}'],
    "/mget": ['{"keys": ["k:1", "k:2"]}'],
    "/mdelete": ['{"keys": ["k:1"], "cascade": true}'],
    "/expire": ['{"ttl": 60}'],
    "/results": ['{"params": {"id": "1"}}'],
    "/key": ['{"prefix": "p", "args": [1, null, {"a": []}]}'],
    "session": ['{"user_id": "1", "data": {}}', '{"data": {"a": null}}', '{"ttl": 60, "grace": 1}'],
}
JSONS = ['{}', '[]', 'null', '"x"', '1'] + [body for bodies in BODIES.values() for body in bodies]
HEADERS = ["X-Cache-Lease: x", "Surrogate-Key: a b", "Cache-Tag: a, b", "If-None-Match: *",
           "X-Session-Id: " + "a" * 43, "Accept-Encoding: zstd", "Origin: null", "Expect: 100-continue",
           "Accept: application/health+json", "Cookie: a=b", "Content-Encoding: gzip", "Range: bytes=0-1",
           "Fastly-Soft-Purge: 1", "X-Request-Id: r", "Transfer-Encoding: chunked", "Connection: close",
           "If-Match: \"x\"", "Sec-Fetch-Site: cross-site", "Authorization: Bearer wrong"]


def routes():
    """(method, path) of the table, {names} in it."""
    source = os.path.join(HERE, "..", "..", "src", "api", "routes.c")
    with open(source, encoding="utf-8") as file:
        text = file.read()
    for name, value in re.findall(r'#define (\w+) "(/[^"]+)"', text):
        text = text.replace(f"{name} \"", f'"{value}')
    return re.findall(r'\{"(GET|PUT|POST|DELETE|PATCH)", "([^"]+)"', text)


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.routes = routes()
        assert len(self.routes) > 30, "no routes found"

    def target(self, path):
        pick = self.random
        path = re.sub(r"\{(\w+)\}", lambda _: pick.choice(KEYS + VALUES), path)
        names = ["ttl", "nx", "lease", "limit", "cursor", "match", "key_encoding", "transitive", "wait",
                 "state", "since", "redis", "touch", "cascade", "x"]
        query = [pick.choice(names) + "=" + pick.choice(VALUES) for _ in range(pick.choice([0, 0, 0, 0, 1, 2]))]
        return path + ("?" + "&".join(query) if query else "")

    def mutate(self, data):
        """Some bytes changed, dropped, doubled or cut."""
        pick, data = self.random, bytearray(data)
        for _ in range(pick.choice([0, 0, 0, 0, 0, 1, 1, 2, 5, 20])):
            if not data:
                break
            at, how = pick.randrange(len(data)), pick.randrange(5)
            if how == 0:
                data[at] = pick.randrange(256)
            elif how == 1:
                del data[at:at + pick.randrange(1, 8)]
            elif how == 2:
                data[at:at] = data[max(0, at - pick.randrange(1, 40)):at]
            elif how == 3:
                data[at:at] = pick.choice(VALUES).encode()
            else:
                data[at] ^= 1 << pick.randrange(8)
        return bytes(data)

    def request(self):
        pick = self.random
        method, path = pick.choice(self.routes)
        if pick.random() < 0.05:
            method = pick.choice(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "get", ""])
        body = b""
        if method in ("PUT", "POST", "PATCH", "DELETE") and pick.random() < 0.9:
            fit = [text for word, texts in BODIES.items() if word in path for text in texts]
            body = self.mutate(pick.choice(fit if fit and pick.random() < 0.7 else JSONS).encode())
        lines = [f"{method} {self.target(path)} HTTP/1.1", "Host: localhost"]
        lines += [pick.choice(HEADERS) for _ in range(pick.choice([0, 0, 0, 0, 1, 3]))]
        if body or pick.random() < 0.2:
            length = len(body) if pick.random() < 0.95 else pick.choice(VALUES)
            lines += [f"Content-Length: {length}", "Content-Type: application/json"]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        return (self.mutate(head) if pick.random() < 0.3 else head) + body


LAST = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def talk(address, batch):
    """Sends some requests on one connection and reads to the end; None where there is no daemon."""
    answer = b""
    try:
        with socket.create_connection(address, timeout=60) as client:
            client.sendall(b"".join(batch) + LAST)
            # A stream of events has no end.
            while b"text/event-stream" not in answer and (part := client.recv(1 << 16)):
                answer += part
    except ConnectionRefusedError:
        return None
    except ConnectionError:
        pass
    return answer


def configuration(redis):
    """All routes are open, and each has something to work with."""
    from conftest import open_config

    return open_config(redis, """
warm: {jobs: [{name: j, key: "k:{id}", source: {type: command, argv: [echo, '{"id": 1}'], format: jsonl}}]}
loaders: {l: {key: "t:{id}", params: [id], source: {type: command, argv: [echo, '{"id": 1}'], format: jsonl}}}
entities: {user: {field: user_id, keys: {a: "user:{id}"}}}
limits: {header_deadline: 100ms, body_deadline: 100ms, per_ip: 1000}
log: {access: "off"}
""").replace("operate]", "operate, sessions]")


def fuzz(daemon, more, seed):
    """While more(requests sent); returns what was sent, how often each status came, and the first
    batch that went wrong."""
    maker, sent, statuses = Maker(seed), 0, {}
    with ThreadPoolExecutor(CLIENTS) as pool:
        while more(sent):
            batches = [[maker.request() for _ in range(maker.random.choice(BATCHES))]
                       for _ in range(CLIENTS)]
            sent += sum(map(len, batches))
            answers = list(pool.map(lambda batch: talk(daemon.address, batch), batches))
            for batch, answer in zip(batches, answers):
                if answer is None or b"HTTP/1.1 500 " in answer:
                    return sent, statuses, batch
                # Not that of the request that ends the connection.
                for status in re.findall(rb"HTTP/1\.[01] ([2-5]\d\d) ", answer)[:len(batch)]:
                    statuses[status] = statuses.get(status, 0) + 1
    return sent, statuses, []


def bound(text):
    """more() of fuzz(), from `1000` (requests) or `60s`."""
    if text.endswith("s"):
        end = time.monotonic() + int(text[:-1])
        return lambda _: time.monotonic() < end
    return lambda sent: sent < int(text)


def main(binary, most="100000", seed=None):
    seed = int(seed) if seed else time.time_ns() % 1000000
    os.environ["CACHEWARDEN_BIN"] = os.path.abspath(binary)
    from harness import Daemon, Redis

    folder = tempfile.mkdtemp(prefix="cw-")
    redis = Redis(folder)
    daemon = Daemon(os.path.join(folder, "d"), configuration(redis))
    try:
        sent, statuses, bad = fuzz(daemon, bound(most), seed)
    finally:
        report = daemon.close()
        redis.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{sent} requests, seed {seed}, {sum(statuses.values())} answered:",
          " ".join(f"{status.decode()} {n}" for status, n in sorted(statuses.items())))
    for one in bad:
        print(repr(one))
    if report:
        print(report)
    return 1 if bad or report else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
