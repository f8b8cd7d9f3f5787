# SPDX-License-Identifier: MIT
"""Readers of Server-Sent Events.

    with Listener(daemon, "?detail=true") as listener:
        listener.wait("invalidation")       # the first event of that kind
"""

import json
import threading

from harness import API, DEADLINE

EVENTS = API + "/events"


class Event:
    def __init__(self, lines):
        fields = dict(line.split(": ", 1) for line in lines)
        self.id, self.event = fields["id"], fields["event"]
        self.data = json.loads(fields["data"])

    def __repr__(self):
        return f"<{self.id} {self.event} {self.data}>"


class Listener:
    """A stream of its own, read by a thread. `token` and `last` (Last-Event-ID) are optional."""

    def __init__(self, daemon, query="", token=None, last=None, cookie=None):
        headers = {"Accept": "text/event-stream"}
        if token:
            headers["Authorization"] = "Bearer " + token
        if last:
            headers["Last-Event-ID"] = last
        if cookie:
            headers["Cookie"] = cookie
        self.events, self.comments, self.ended = [], 0, False
        self.changed = threading.Condition()
        self.client = daemon.client()
        self.client.request("GET", EVENTS + query, headers=headers)
        self.reply = self.client.getresponse()
        assert self.reply.status == 200, self.reply.read()
        self.socket = self.client.sock
        assert self._lines() == ["retry: 2000"]
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _lines(self):
        """Up to the next empty line; None at the end."""
        lines = []
        while True:
            line = self.reply.readline().decode()
            if not line.endswith("\n"):
                return None
            if line == "\n":
                return lines
            lines.append(line[:-1])

    def _read(self):
        try:
            while (lines := self._lines()) is not None:
                with self.changed:
                    if lines[0].startswith(":"):
                        self.comments += 1
                    else:
                        self.events.append(Event(lines))
                    self.changed.notify_all()
        except (OSError, ValueError):
            pass
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def until(self, condition, what, seconds=DEADLINE):
        with self.changed:
            ok = self.changed.wait_for(condition, seconds)
        assert ok, f"waited in vain for {what}: {self.events}"

    def wait(self, event, count=1):
        """The count-th event of a kind."""
        self.until(lambda: len(self.of(event)) >= count, f"{count} x {event}")
        return self.of(event)[count - 1]

    def of(self, event):
        return [one for one in self.events if one.event == event]

    @property
    def ids(self):
        return [one.id for one in self.events]

    def wait_id(self, wanted):
        """All events up to the one with this id."""
        self.until(lambda: wanted in self.ids, wanted)
        return self.ids[:self.ids.index(wanted) + 1]

    def wait_end(self):
        self.until(lambda: self.ended, "the end")

    def close(self):
        try:
            self.socket.shutdown(2)
        except OSError:
            pass
        self.thread.join(DEADLINE)
        self.client.close()


def page(daemon, query=""):
    reply = daemon.get(EVENTS + query, headers={"Accept": "application/json"})
    assert reply.status == 200, reply
    return reply.json
