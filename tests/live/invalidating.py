# SPDX-License-Identifier: MIT
"""What the tests of invalidation share: a Redis that knows what it was sent, configurations, tokens.

Import `redis` from here: it shadows the usual fixture, and proves after each test that the daemon
never sent one of the commands that stop a server or empty it.
"""

import collections
import hashlib
import signal

import pytest

from harness import API, RedisError, until
from topology import TOPOLOGY, TopologyRedis

# The sample of namespaces asks for random keys.
NEVER = ("keys", "flushdb", "flushall", "swapdb", "eval", "evalsha", "fcall", "script|load", "del",
         "monitor", "wait")
PASSES = "cachewarden_invalidate_passes_total"
OPERATIONS = API + "/operations"
EVERYTHING = "read, metrics, keys, write, invalidate, warm, operate"


class CountingRedis(TopologyRedis):
    """Counts what the tests themselves send, so that the rest is known to be the daemon's."""

    def __init__(self, folder, *options, name="redis"):
        self.sent = collections.Counter()
        super().__init__(folder, "--enable-debug-command", "yes", *options, name=name)

    def __call__(self, *args):
        self.sent[str(args[0]).lower()] += self.times(args)
        return super().__call__(*args)

    def pipeline(self, commands):
        self.sent.update(str(command[0]).lower() for command in commands)
        return super().pipeline(commands)

    def populate(self, count, prefix):
        """prefix:0 to prefix:<count - 1>, at once."""
        if TOPOLOGY == "cluster":  # DEBUG POPULATE does not ask whether a slot is the node's
            self.fill(count, key=prefix + ":{}", ttl=-1)
        else:
            self("DEBUG", "POPULATE", count, prefix, 20)

    def calls(self):
        """How often each command was called, by INFO commandstats."""
        counts = collections.Counter()
        for text in self.each("INFO", "commandstats"):
            for line in text.decode().splitlines():
                if line.startswith("cmdstat_"):
                    name, figures = line[len("cmdstat_"):].split(":", 1)
                    counts[name] += int(figures.split(",")[0].split("=")[1])
        return counts

    def by_daemon(self, name):
        return self.calls().get(name, 0) - self.sent[name]

    def check(self):
        if self.process.poll() is not None:
            return
        self.send(signal.SIGCONT)
        try:
            calls = self.calls()
        except (OSError, RedisError):
            return
        # Where servers fail over, a script reads the log together with the server's id. A sample of
        # namespaces, which begins after 10 s, has one that tests OBJECT.
        scripts = TOPOLOGY in ("sentinel", "cluster") or any(name.startswith("object") for name in calls)
        never = set(NEVER) - ({"eval"} if scripts else set())
        wrong = {name: calls[name] for name in never if calls.get(name, 0) > self.sent[name]}
        assert not wrong, f"the daemon sent {wrong}"


@pytest.fixture
def redis(folder):
    server = CountingRedis(folder)
    yield server
    try:
        server.check()
    finally:
        server.close()


def config(redis, extra="", anonymous=EVERYTHING, tokens=""):
    return f"""
name: test
listen: ["127.0.0.1:0"]
auth:
  anonymous: [{anonymous}]
  tokens: [{tokens}]
redis: {{url: "{redis.url}"}}
{extra}
"""


def token_row(name, scopes, more=""):
    """A row for config(tokens=...); the token's text is its name."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{{name: {name}, sha256: {digest}, scopes: [{scopes}]{more}}}, "


def put(redis, *keys):
    redis.pipeline([("SET", key, "v") for key in keys])


def ok(reply, status=200):
    assert reply.status == status, reply
    return reply.json


def refused(reply, status, code, *words, pointer=None):
    """A problem of the contract's form, whose text has all the words."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    body = reply.json
    assert body["code"] == code and body["status"] == status, body
    for word in words:
        assert word in body["detail"], (word, body)
    if pointer:
        assert [e["pointer"] for e in body["errors"]] == [pointer], body
    return body


def selector(body, value):
    return next(s for s in body["selectors"] if s["value"] == value)


def ended(daemon, operation_id, token=None):
    """Waits for the operation's end; returns its body."""
    def look():
        body = ok(daemon.get(f"{OPERATIONS}/{operation_id}", token=token))
        return body if body["state"] not in ("queued", "running") else None

    return until(look, "the end of operation " + operation_id, 60)


def begin(daemon, body, **kw):
    """Starts without waiting; returns the operation's id."""
    reply = daemon.invalidate({**body, "wait": 0}, **kw)
    assert reply.status == 202, reply
    return reply.json["operation_id"]
