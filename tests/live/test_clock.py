# SPDX-License-Identifier: MIT
"""A daemon whose wall clock is set: by libfaketime, which leaves the monotonic clock as it is."""

import datetime
import glob
import json
import os
import subprocess
import time

import pytest

from conftest import open_config
from harness import API, SANITIZED, until

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)

pytestmark = pytest.mark.topology("server", why="nothing here depends on the kind of Redis")


class Clock:
    """The daemon's, which goes on from what it was set to."""

    def __init__(self, folder):
        assert LIBRARY, "install faketime (make deps)"
        # A sanitizer's library must be the first one.
        asan = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
        before = os.path.realpath(asan.stdout.strip()) + " " if SANITIZED else ""
        self.path = os.path.join(folder, "clock")
        self.env = {"LD_PRELOAD": before + LIBRARY, "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.daemon = None

    def set(self, text):
        """In UTC."""
        to = datetime.datetime.fromisoformat(text + "+00:00").timestamp()
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(f"{to - time.time():+.3f}\n")
        os.rename(self.path + ".new", self.path)
        if self.daemon:
            # libfaketime is no setting of the clock, which would wake the scheduler: a reload does.
            assert self.daemon.post(API + "/reload").status == 200

    def now(self):
        return self.daemon.stats()["time"]


@pytest.fixture
def clock(folder):
    return Clock(folder)


def job(name, cron, zone="UTC"):
    return {"name": name, "schedule": {"cron": cron, "time_zone": zone}, "key": name + ":{id}",
            "source": {"type": "command", "argv": ["echo", '{"id":1}'], "format": "jsonl"}}


def config(redis, *jobs):
    text = "warm:\n  jobs:\n" + "".join(f"    - {json.dumps(j)}\n" for j in jobs)
    return open_config(redis, text).replace("warm, operate]", "warm, operate, sessions]")


def ran(daemon, name):
    items = daemon.get(API + "/operations?kind=warm&limit=1000").json["items"]
    return len([item for item in items if item["job"] == name and item["state"] == "completed"])


def begin(start, clock, redis, at, *jobs):
    clock.set(at)
    clock.daemon = start(config(redis, *jobs, job("minutes", "* * * * *")), env=clock.env)
    clock.daemon.wait_redis()
    assert clock.now()[:16] == at[:16].replace(" ", "T")
    return clock.daemon


def reaches(clock, text):
    until(lambda: clock.now() >= text, text)


def test_jumps_of_an_hour_and_three(start, redis, clock):
    """Jobs at fixed times run once: what a jump has skipped after it, and nothing twice."""
    daemon = begin(start, clock, redis, "2026-01-10 00:59:57",
                   job("one", "0 1 * * *"), job("half", "30 1 * * *"), job("four", "0 4 * * *"), job("ten", "0 10 * * *"))
    until(lambda: ran(daemon, "one") == 1, "the run at one")
    clock.set("2026-01-10 02:00:05")
    until(lambda: ran(daemon, "half") == 1, "the run that the jump has skipped")
    clock.set("2026-01-10 01:29:58")
    reaches(clock, "2026-01-10T01:30:01")
    clock.set("2026-01-10 00:59:58")
    reaches(clock, "2026-01-10T01:00:01")
    clock.set("2026-01-10 04:00:00")
    until(lambda: ran(daemon, "four") == 1, "the run that three hours have skipped")
    # Farther than that everything is counted from the new time.
    clock.set("2026-01-10 15:00:05")
    until(lambda: "ten missed its run" in daemon.log or
          daemon.get(API + "/warm").json["jobs"][3]["next_run"] == "2026-01-11T10:00:00.000Z", "the next day")
    assert [ran(daemon, name) for name in ("one", "half", "four", "ten")] == [1, 1, 1, 0]
    clock.set("2026-01-10 15:00:58")
    count = ran(daemon, "minutes")
    until(lambda: ran(daemon, "minutes") > count, "each real minute")


def test_summer_time_begins_and_ends(start, redis, clock):
    zone = "Europe/Paris"
    daemon = begin(start, clock, redis, "2026-03-29 00:59:57",
                   job("night", "30 2 * * *", zone), job("hourly", "0 * * * *", zone))
    # There is no 02:30 in this night: it runs when the clocks are put forward.
    until(lambda: ran(daemon, "night") == 1, "the run of the night")
    until(lambda: ran(daemon, "hourly") == 1, "the run of the hour")
    # And in autumn there are two.
    clock.set("2026-10-25 00:29:57")
    until(lambda: ran(daemon, "night") == 2, "the first 02:30")
    clock.set("2026-10-25 01:29:58")
    reaches(clock, "2026-10-25T01:30:01")
    clock.set("2026-10-25 01:59:58")
    reaches(clock, "2026-10-25T02:00:01")
    assert ran(daemon, "night") == 2


def test_what_lives_for_a_time_does_not_mind(start, redis, clock):
    """Redis's clock decides about leases, sessions and values, the monotonic one about pauses."""
    daemon = begin(start, clock, redis, "2026-01-10 12:00:00")
    keys, session = "/api/v1/cache/keys/", "/api/v1/session"
    assert daemon.request("PUT", keys + "a?ttl=600", b"v").status == 201
    found = daemon.get(keys + "b?lease=60")
    token = found.headers["X-Cache-Lease"]
    made = daemon.post("/api/v1/sessions", {"user_id": "1"})
    held = {"X-Session-Id": made.json["session_id"]}
    assert daemon.post(API + "/pause", {"what": ["warming"], "for": 7200}).status == 200
    history = "?history=5m&step=10s"
    for to in ("2026-01-10 13:00:00", "2026-01-10 11:00:00", "2026-01-10 14:00:00", "2026-01-10 12:00:30"):
        clock.set(to)
        assert clock.now()[:16] == to.replace(" ", "T")[:16]
        assert daemon.get(keys + "a").status == 200 and 500 < daemon.get(keys + "a/ttl").json["ttl"] <= 600
        assert daemon.get(session, headers=held).status == 200
        assert daemon.get(API + "/stats" + history).status == 200
        assert daemon.health().status == 200
    assert daemon.get(API + "/pause").json["paused"]["warming"]
    reply = daemon.request("PUT", keys + "b", b"v", headers={"X-Cache-Lease": token, "Content-Type": "text/plain"})
    assert reply.status == 201, reply
