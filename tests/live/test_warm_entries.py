# SPDX-License-Identifier: MIT
"""What warm runs store: tags, namespaces' stale_for and compression, nothing that was purged."""

import json
import os
import signal
import time

import pytest

from conftest import open_config
from harness import API, DEADLINE, answers_until, until
from proxy import Proxy
from test_warm import command, jobs, warm
from topology import TOPOLOGY

ROWS = "; ".join(f"""echo '{{"id":{i},"shop":"{"ab"[i % 2]}"}}'""" for i in range(10))


def namespaces(*rows):
    return "cache:\n  namespaces:\n" + "".join(f"    - {json.dumps(row)}\n" for row in rows)


def test_tags_reach_what_was_warmed(start, redis):
    daemon = start(open_config(redis, jobs(
        command(ROWS, tags=["all", "shop-{shop}"], ttl="1h"))))
    before = time.time()
    assert warm(daemon)["result"]["stored"] == 10
    assert sorted(redis("ZRANGE", "cw:tag:all", 0, -1)) == redis.keys("x:*")
    assert redis("ZCARD", "cw:tag:shop-a") == redis("ZCARD", "cw:tag:shop-b") == 5
    score = float(redis("ZSCORE", "cw:tag:all", "x:3")) / 1000
    assert before + 3595 <= score <= time.time() + 3605
    assert daemon.invalidate({"tags": ["shop-b"]}).json["invalidated"] == 5
    assert redis.keys("x:*") == [f"x:{i}".encode() for i in range(0, 10, 2)]


def test_every_window_stores_tags(start, redis):
    rows = "i=0; while [ $i -lt 500 ]; do echo \"{\\\"id\\\":$i}\"; i=$((i+1)); done"
    daemon = start(open_config(redis, jobs(
        *[command(rows, name=f"w{window}", key="w%d:{id}" % window, window=window,
                  tags=["t1", "t2", "w%d" % window]) for window in (1, 3, 4, 7, 256)])))
    daemon.wait_redis()
    runs = daemon.warm({"wait": 60}).json["runs"]
    assert [run["result"]["stored"] for run in runs] == [500] * 5
    assert redis("ZCARD", "cw:tag:t1") == redis("ZCARD", "cw:tag:t2") == 2500
    assert redis("ZCARD", "cw:tag:w4") == 500


def test_a_row_whose_tag_cannot_be_one_is_refused(start, redis):
    daemon = start(open_config(redis, jobs(
        command("""echo '{"id":1,"shop":"a\\u0001b"}'; echo '{"id":2}'; echo '{"id":3,"shop":"c"}'""",
                tags=["shop-{shop}"]))))
    run = warm(daemon)
    assert run["state"] == "partial" and run["result"]["stored"] == 1
    assert redis.keys("x:*") == [b"x:3"] and redis("KEYS", "cw:tag:*") == [b"cw:tag:shop-c"]


def test_a_tag_whose_set_is_something_else_leaves_nothing_behind(start, redis):
    redis("SET", "cw:tag:all", "something")
    daemon = start(open_config(redis, jobs(command(ROWS, tags=["other", "all"]))))
    run = warm(daemon)
    assert run["state"] == "failed" and "cw:tag:NAME" in json.dumps(run["result"])
    assert redis.keys("x:*") == []


def test_namespaces_hold_for_warm_runs(start, redis):
    config = namespaces({"prefix": "x:", "ttl": "1h", "stale_for": "10m", "compress_above": 100},
                        {"prefix": "x:3", "ttl": "1h"})
    rows = """for i in 1 2 3; do printf '{"id":%d,"v":"' $i; head -c 5000 /dev/zero | tr '\\0' a; echo '"}'; done"""
    daemon = start(open_config(redis, config + jobs(
        command(rows, value="{v}"),
        command("""echo '{"id":9,"v":"short","ttl":-1}'""", name="forever", value="{v}",
                ttl="{ttl}"))))
    daemon.wait_redis()
    assert [run["state"] for run in daemon.warm({"wait": 60}).json["runs"]] == ["completed"] * 2
    assert redis("STRLEN", "x:1") < 200 and redis("STRLEN", "x:3") == 5000
    assert 4190 <= redis("TTL", "x:1") <= 4200 and 3590 <= redis("TTL", "x:3") <= 3600
    assert redis("GET", "x:9") == b"short" and redis("TTL", "x:9") == -1
    reply = daemon.get("/api/v1/cache/keys/x%3A1")
    assert reply.body == b"a" * 5000 and 3590 <= int(reply.headers["X-Cache-TTL"]) <= 3600


def test_big_values_are_compressed_beside_the_loop(start, redis):
    config = namespaces({"prefix": "x:", "ttl": "1h", "compress_above": 1})
    rows = """for i in 1 2 3; do printf '{"id":%d,"v":"' $i; head -c 400000 /dev/zero | tr '\\0' a; echo '"}'; done"""
    daemon = start(open_config(redis, config + jobs(command(rows, value="{v}", tags=["t"]))))
    run = warm(daemon)
    assert run["result"]["stored"] == 3 and run["result"]["bytes"] == 1200000
    assert redis("STRLEN", "x:2") < 4000
    assert daemon.get("/api/v1/cache/keys/x%3A2").body == b"a" * 400000


def test_what_was_purged_while_the_source_ran_is_not_stored(start, redis, folder):
    begun, go = os.path.join(folder, "begun"), os.path.join(folder, "go")
    daemon = start(open_config(redis, jobs(command(
        f"touch {begun}; until [ -e {go} ]; do sleep 0.05; done; {ROWS}", tags=["all", "shop-{shop}"]))))
    daemon.wait_redis()
    run = daemon.warm().json["runs"][0]
    until(lambda: os.path.exists(begun), "the source")
    assert daemon.invalidate({"tags": ["shop-b"]}).json["complete"] is True
    open(go, "w", encoding="utf-8").close()
    until(lambda: daemon.get(run["location"]).json["finished"], "the run")
    result = daemon.get(run["location"]).json["result"]
    assert (result["stored"], result["invalidated_meanwhile"]) == (5, 5)
    assert redis.keys("x:*") == [f"x:{i}".encode() for i in range(0, 10, 2)]


def test_a_run_beside_many_costly_patterns_leaves_the_loop_to_others(start, redis, folder):
    # Two rows at the beginning, for a row waits for the next one before it is sent.
    script = (f"echo '{{\"id\":0}}'; sleep 0.2; echo '{{\"id\":0}}'; "
              f"while [ ! -e {folder}/go ]; do sleep 0.05; done; "
              "for i in $(seq 20); do echo '{\"id\":'$i'}'; done")
    daemon = start(open_config(redis, jobs(command(script, key="k{id}:" + "a" * 500))))
    daemon.wait_redis()
    run = daemon.warm().json["runs"][0]["location"]
    until(lambda: redis.keys("k0:*"), "the first row")
    patterns = ["*[a]*[a]*[a]*" + "?" * (i % 200) + "[" + "bcdef"[i // 200] + "]*"
                for i in range(1000)]
    assert daemon.invalidate({"patterns": patterns, "wait": 60}).json["complete"]
    with open(os.path.join(folder, "go"), "w", encoding="ascii"):
        pass
    answers_until(daemon, lambda: daemon.get(run).json["state"] == "completed", "the run")
    assert daemon.get(run).json["result"]["stored"] == 22


def broken_run(start, redis, folder, **more):
    """Redis takes the rows of a run, its answers are lost, and it stays away for longer than the run
    tries. Returns the daemon and the proxy, which is to be set to "pass"."""
    proxy, go = Proxy(folder, redis), os.path.join(folder, "go")
    rows = f"touch {go}.began; while [ ! -e {go} ]; do sleep 0.01; done; {ROWS}"
    daemon = start(open_config(redis, "").replace(
        f'url: "{redis.url}"', f'url: "{proxy.url}", command_timeout: 500ms')
        + jobs(command(rows, ttl="1h")), **more)
    daemon.wait_redis()
    run, = daemon.warm().json["runs"]
    until(lambda: os.path.exists(go + ".began"), "the command's beginning")
    if TOPOLOGY == "cluster":  # one step after the other: the answers to these are the first to be lost
        proxy.hold(b"SET\r\n$3\r\nx:")
        open(go, "w").close()
        assert proxy.held.wait(DEADLINE)
        proxy.mode = "swallow"
        proxy.release()
    else:
        proxy.mode = "swallow"
        open(go, "w").close()
    until(lambda: daemon.get(f"{API}/operations/{run['operation_id']}").json["state"] == "failed",
          "the run's end")
    assert len(redis.keys("x:*")) == 10
    return daemon, proxy


def test_what_cannot_be_taken_back_is_taken_back_later(start, redis, folder):
    daemon, proxy = broken_run(start, redis, folder)
    proxy.mode = "pass"
    until(lambda: redis.keys("x:*") == [], "the keys to go")
    daemon.wait_for("keys of interrupted warm runs that were removed: 10")
    daemon.wait_redis()
    redis("DEL", "cw:run:j")  # which the run could not give back, and which would end by itself
    assert warm(daemon)["result"]["stored"] == 10
    assert len(redis.keys("x:*")) == 10


@pytest.mark.topology("server", "tls", "sentinel", why="a cluster leads every client to the proxy")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_next_start_takes_back_what_the_last_could_not(start, redis, folder, end):
    state = os.path.join(folder, "state")
    os.mkdir(state)
    env = {"STATE_DIRECTORY": state}
    daemon, proxy = broken_run(start, redis, folder, env=env)
    if end == signal.SIGKILL:
        daemon.expect_exit = -end
        daemon.send(end)
        daemon.process.wait()
    else:
        assert daemon.close() is None
        assert "keys of interrupted warm runs that the next start removes: 10" in daemon.log
    def undo_files():
        return [name for name in os.listdir(state) if name.startswith("undo-")]

    name, = undo_files()
    assert len(redis.keys("x:*")) == 10
    # Another server's keys are not those.
    other = start(open_config(redis), env=env)
    other.wait_redis()
    assert "that were removed" not in other.log and other.close() is None
    assert undo_files() == [name] and len(redis.keys("x:*")) == 10
    proxy.mode = "pass"
    next_daemon = start(open_config(redis).replace(redis.url, proxy.url), env=env)
    next_daemon.wait_for("that are still to be removed: 10")
    next_daemon.wait_for("keys of interrupted warm runs that were removed: 10")
    assert redis.keys("x:*") == [] and undo_files() == []


def test_without_a_state_folder_the_log_says_what_stays(start, redis, folder):
    daemon, _ = broken_run(start, redis, folder)
    assert daemon.close() is None
    assert "that stay for their TTL: 10" in daemon.log
