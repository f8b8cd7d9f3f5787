# SPDX-License-Identifier: MIT
"""What the tests of faults share: honest answers, traffic, and how soon service is back."""

import re
import signal
import threading
import time

from harness import until

# Service must be back within a second of Redis's return: so many requests in vain, 10 ms apart. They
# are counted, for on a busy machine they wait for a processor as the daemon does.
BACK_REQUESTS = 100
# A request's own deadline is twice the command timeout and a second (cw_deadline). The rest is for a
# busy machine: this finds what is answered late by another deadline or not at all.
NOISE_SECONDS = 8.0


def fault_config(url, redis="", extra=""):
    """Everything allowed on loopback, short timeouts; `redis` is more of that section."""
    return f"""
name: test
listen: ["127.0.0.1:0"]
auth: {{anonymous: [read, metrics, keys, write, invalidate, warm, operate]}}
redis: {{url: "{url}", command_timeout: 500ms, connect_timeout: 500ms{redis and ", " + redis}}}
{extra}
"""


def honest(reply, *codes):
    """An answer that either did the work or says in the agreed form why not; with `codes` one of
    those. Returns it."""
    if reply.status == 200 and not codes:
        body = reply.json
        assert body["complete"] or body["reason"], reply
        return reply
    body = reply.json
    assert reply.status in (502, 503, 504, 507), reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert body["status"] == reply.status
    assert body["request_id"] == reply.headers["X-Request-Id"]
    assert body["detail"] and body["title"], reply
    assert (reply.headers["Retry-After"] is not None) == (reply.status == 503), reply
    assert not codes or body["code"] in codes, reply
    return reply


def back(daemon):
    """Waits until an invalidation works again; how many did not before is judged."""
    vain = 0

    def works():
        nonlocal vain
        vain += 1
        return daemon.invalidate({"keys": ["probe"]}).status == 200

    until(works, "service to be back")
    assert vain < BACK_REQUESTS, vain


def at_once(ask, count=9):
    """Asks so often and returns the last reply. Each would take at least the command timeout of
    fault_config() if it waited for Redis, so one that is quick shows that none does."""
    replies = [ask() for _ in range(count)]
    assert min(reply.took for reply in replies) < 0.25, replies
    return replies[-1]


def livez_at_once(daemon):
    assert at_once(lambda: daemon.get("/livez")).status == 200


class Traffic:
    """Clients that invalidate without pause; each of their requests must have one honest answer."""

    BODIES = ({"keys": ["traffic:a"]}, {"patterns": ["traffic:*"]},
              {"keys": ["traffic:b", "traffic:c"], "patterns": ["traffic:d*"]})

    def __init__(self, daemon, clients=3, pause=0.005, limit=None):
        self.daemon, self.pause, self.limit = daemon, pause, limit
        self.replies, self.faults = [], []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(clients)]
        for thread in self.threads:
            thread.start()

    def _ask(self, i):
        while not self.stopping.is_set():
            try:
                reply = self.daemon.invalidate(self.BODIES[i % len(self.BODIES)])
                honest(reply)
                assert self.limit is None or reply.took < self.limit, reply.took
                self.replies.append(reply)
            except Exception as error:  # judged by whoever ends the traffic
                self.faults.append(repr(error))
                return
            self.stopping.wait(self.pause)

    def finish(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        assert self.faults == []
        return self.replies


class Still:
    """What a fault must leave as it was: the process, /livez, the descriptors."""

    def __init__(self, daemon):
        daemon.wait_redis()
        self.daemon, self.pid = daemon, daemon.process.pid
        # Redis is up with the first connection, and others have pauses of their own.
        until(self._connected, "all connections to Redis")
        self.fds = max(self._fds() for _ in range(3))

    def _connected(self):
        """By what SIGUSR1 has in the log of this moment."""
        seen = len(self.daemon.lines)
        self.daemon.send(signal.SIGUSR1)
        until(lambda: any("debug: engine " in line for line in self.daemon.lines[seen:]), "SIGUSR1")
        states = re.findall(r'debug: redis .*"state":"(\w+)"', "\n".join(self.daemon.lines[seen:]))
        return states and set(states) == {"ready"}

    def _fds(self):
        time.sleep(0.05)
        return self.daemon.fds()

    def check(self):
        assert self.daemon.process.poll() is None, self.daemon.log
        assert self.daemon.process.pid == self.pid
        assert self.daemon.get("/livez").status == 200
        until(lambda: self.daemon.fds() <= self.fds, "descriptors to be closed")
