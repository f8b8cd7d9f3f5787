# SPDX-License-Identifier: MIT
"""The history of stats: what it says of a real Redis, over its outages and the daemon's restarts."""

import os
import signal

import pytest

from conftest import open_config
from harness import API, until

FAST = "stats: {interval: 100ms}\n"


def history(daemon, query="history=1m"):
    reply = daemon.get(f"{API}/stats?{query}")
    assert reply.status == 200, reply
    return reply.json["history"]


def series(daemon, name, query="history=1m"):
    return history(daemon, query)["series"][name]


def known(daemon, name):
    return [value for value in series(daemon, name) if value is not None]


def test_the_history_follows_what_redis_does(start, redis):
    daemon = start(open_config(redis) + FAST)
    redis("MSET", *[word for i in range(7) for word in (f"k:{i}", "v")])
    until(lambda: known(daemon, "keys")[-1:] and known(daemon, "keys")[-1] >= 7, "seven keys")

    def all_hit():
        redis("GET", "k:1")
        return [rate for rate in known(daemon, "hit_rate") if rate == 1]

    until(all_hit, "a second of hits alone")
    seen = history(daemon)
    assert seen["step_seconds"] == 1
    assert {len(values) for values in seen["series"].values()} == {60}
    assert max(known(daemon, "used_bytes")) > 500_000 and max(known(daemon, "rss_bytes")) > 1_000_000


def test_an_outage_is_a_gap_in_redis_series_alone(start, redis):
    daemon = start(open_config(redis) + FAST)
    until(lambda: known(daemon, "keys"), "a point before the outage")
    redis.kill()
    daemon.wait_redis("down")
    until(lambda: series(daemon, "keys")[-2:] == [None, None], "a whole second without Redis")
    redis.start()
    until(lambda: series(daemon, "keys")[-1] is not None, "points after the outage")
    keys = series(daemon, "keys")
    first = next(i for i, value in enumerate(keys) if value is not None)
    assert None in keys[first:] and None not in series(daemon, "rss_bytes")[first:]


@pytest.mark.parametrize("query, words", [
    ("history=25h", "from 1s to 86400s"), ("history=0", "whole seconds"),
    ("history=1500ms", "whole seconds"), ("history=x", "is not a duration"),
    ("history=", "is not a duration"), ("history=1h&step=1s", "a multiple of 10s"),
    ("history=24h&step=90s", "a multiple of 60s"), ("history=10s&step=20s", "at most 10s"),
    ("step=10s", "needs history"), ("history=-5s", "is not a duration"),
    ("history=99999999999999999999h", "is too long a duration"),
])
def test_what_is_not_kept_is_refused_with_what_is(shared, query, words):
    reply = shared.get(f"{API}/stats?{query}")
    assert reply.status == 400 and reply.json["code"] == "bad_parameter", reply
    assert words in reply.json["detail"]


def test_history_can_be_switched_off(start, redis):
    daemon = start(open_config(redis) + "stats: {history: 0}\n")
    reply = daemon.get(API + "/stats?history=1m")
    assert reply.status == 400 and "stats.history is 0" in reply.json["detail"]


# Restarts -----------------------------------------------------------------------------------


@pytest.fixture
def state(folder):
    path = os.path.join(folder, "state")
    os.mkdir(path)
    return path


def state_file(state):
    name, = [name for name in os.listdir(state) if name.startswith("history-")]
    return os.path.join(state, name)


def run_a_while(start, redis, state):
    """A daemon that has ended, and how many seconds it has recorded."""
    daemon = start(open_config(redis) + FAST, env={"STATE_DIRECTORY": state})
    until(lambda: len(known(daemon, "keys")) >= 2, "two points")
    points = len(known(daemon, "rss_bytes"))
    assert daemon.close() is None
    return points


def test_the_history_survives_a_restart(start, redis, state):
    points = run_a_while(start, redis, state)
    assert os.stat(state_file(state)).st_mode & 0o777 == 0o600
    daemon = start(open_config(redis), env={"STATE_DIRECTORY": state})
    assert len([v for v in series(daemon, "rss_bytes", "history=15m") if v is not None]) >= points
    # Without the folder nothing is kept.
    other = start(open_config(redis))
    assert len(known(other, "rss_bytes")) < 2


def test_the_history_of_another_redis_is_not_shown(start, redis, tuned, state):
    run_a_while(start, redis, state)
    other = start(open_config(tuned()), env={"STATE_DIRECTORY": state})
    assert len(known(other, "rss_bytes")) < 2


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_file_is_set_aside_and_said(start, redis, state, damage):
    run_a_while(start, redis, state)
    path = state_file(state)
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        if damage == "changed":
            file.seek(size // 2)
            byte = file.read(1)
            file.seek(size // 2)
            file.write(bytes([byte[0] ^ 1]))
        else:
            file.truncate(size // 2 if damage == "cut" else 1)
    daemon = start(open_config(redis), env={"STATE_DIRECTORY": state})
    daemon.wait_for("the history of before this start is not shown")
    assert os.path.exists(path + ".damaged") and len(known(daemon, "keys")) < 2
    assert daemon.close() is None and os.path.getsize(path) == size


def test_a_file_of_another_kind_is_not_read(start, redis, state, folder):
    run_a_while(start, redis, state)
    path = state_file(state)
    target = os.path.join(folder, "target")
    os.rename(path, target)
    os.symlink(target, path)
    daemon = start(open_config(redis), env={"STATE_DIRECTORY": state})
    daemon.wait_for("the history of before this start is not shown")
    before = os.stat(target).st_mtime_ns
    assert daemon.close() is None
    assert os.stat(target).st_mtime_ns == before and not os.path.islink(path)


def test_a_folder_that_cannot_be_written_is_said_once(start, redis, folder):
    daemon = start(open_config(redis), env={"STATE_DIRECTORY": os.path.join(folder, "none")})
    assert daemon.close() is None
    assert daemon.log.count("the history cannot be kept over a restart") == 1


def test_a_killed_daemon_leaves_the_last_file_whole(start, redis, state):
    points = run_a_while(start, redis, state)
    daemon = start(open_config(redis), env={"STATE_DIRECTORY": state})
    daemon.expect_exit = -signal.SIGKILL
    daemon.send(signal.SIGKILL)
    daemon.process.wait()
    after = start(open_config(redis), env={"STATE_DIRECTORY": state})
    assert len([v for v in series(after, "rss_bytes", "history=15m") if v is not None]) >= points
