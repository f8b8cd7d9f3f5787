# SPDX-License-Identifier: MIT
"""Warm jobs end to end: what a source gives is what Redis holds, and the verdict says so."""

import http.server
import json
import os
import subprocess
import threading
import time

import pytest

from conftest import open_config
from harness import API, rounds, until


def jobs(*rows):
    return "warm:\n  jobs:\n" + "".join(f"    - {json.dumps(row)}\n" for row in rows)


def command(script, **more):
    return {"name": "j", "source": {"type": "command", "argv": ["sh", "-c", script],
                                    "format": "jsonl"}, "key": "x:{id}", **more}


def warm(daemon, **more):
    daemon.wait_redis()
    reply = daemon.warm({"wait": 60, **more})
    assert reply.status == 200, reply
    return reply.json["runs"][0]


def test_every_installed_package_is_a_key(start, redis):
    daemon = start(open_config(redis, jobs({
        "name": "packages", "key": "package:{name}",
        "source": {"type": "command", "format": "jsonl", "argv": [
            "dpkg-query", "-W", "-f", '{"name":"${binary:Package}","version":"${Version}"}\\n']}})))
    run = warm(daemon)
    installed = subprocess.run(["dpkg-query", "-W", "-f", "${binary:Package}\n"], check=True,
                               capture_output=True, text=True).stdout.split()
    assert run["state"] == "completed" and run["result"]["stored"] == len(installed)
    assert redis.keys("package:*") == sorted(f"package:{name}".encode() for name in installed)


def test_csv_with_quotes_and_line_breaks(start, redis, folder):
    path = os.path.join(folder, "rows.csv")
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write('id,name\r\n1,"a ""b"", c"\r\n2,"two\nlines"\r\n3,three,too many\r\n')
    daemon = start(open_config(redis, jobs({
        "name": "j", "key": "c:{id}", "value": "{name}", "ttl": "1h",
        "source": {"type": "file", "path": path, "format": "csv"}})))
    run = warm(daemon)
    assert run["state"] == "partial" and run["result"]["rejected"] == 1
    assert redis("GET", "c:1") == b'a "b", c' and redis("GET", "c:2") == b"two\nlines"
    assert 3590 <= redis("TTL", "c:1") <= 3600


def test_rows_without_the_keys_field_are_counted_and_named(start, redis):
    daemon = start(open_config(redis, jobs(command(
        r"""printf '{"id":1}\n{"no":2}\n{"id":""}\n{"id":9007199254740993}\nnonsense\n'"""))))
    run = warm(daemon)
    assert run["state"] == "partial"
    assert (run["result"]["stored"], run["result"]["rejected"]) == (2, 3)
    assert [error["row"] for error in run["result"]["first_errors"]] == [2, 3, 5]
    assert "id" in run["result"]["first_errors"][0]["detail"]
    # Beyond 2^53 an integer keeps its digits, in the key and in the value.
    assert redis("GET", "x:9007199254740993") == b'{"id":9007199254740993}'


def test_a_run_that_stored_nothing_has_failed(start, redis):
    daemon = start(open_config(redis, jobs(command("true"))))
    run = warm(daemon)
    assert run["state"] == "failed" and "row" in run["error"]
    assert daemon.health().json["components"]["warming"]["status"] == "DEGRADED"
    assert daemon.metric('cachewarden_warm_runs_total{job="j",state="failed"}') == 1
    assert daemon.warm({"wait": 60, "strict": True}).status == 502


def test_a_job_may_be_empty_where_it_says_so(start, redis):
    daemon = start(open_config(redis, jobs(command("true", empty="ok"))))
    assert warm(daemon)["state"] == "completed"


def test_a_failing_command_is_quoted(start, redis):
    daemon = start(open_config(redis, jobs(command("echo it is broken >&2; exit 3"))))
    run = warm(daemon)
    assert run["state"] == "failed"
    assert "3" in run["error"] and "it is broken" in run["error"]


def group_of(mark):
    return subprocess.run(["pgrep", "-f", mark], capture_output=True, text=True,
                          check=False).stdout.split()


def test_a_command_that_ignores_sigterm_is_ended_with_its_group(start, redis):
    mark = f"cw-mark-{os.getpid()}"
    stubborn = "trap \"\" TERM; while :; do sleep 1; done"
    daemon = start(open_config(redis, jobs(command(
        f"sh -c '{stubborn}' {mark} & exec sh -c '{stubborn}' {mark}", timeout="1s"))))
    run = warm(daemon)
    assert run["state"] == "failed" and run["result"]["stored"] == 0
    until(lambda: not group_of(mark), "the group to end")


def test_a_row_of_200_mb_is_refused_and_costs_no_memory(start, redis):
    daemon = start(open_config(redis, jobs(command(
        "printf '{\"id\":1,\"v\":\"'; head -c 200000000 /dev/zero | tr '\\0' x; "
        "printf '\"}\\n{\"id\":2}\\n'"))))
    daemon.wait_redis()
    before = daemon.rss()
    run = warm(daemon)
    assert run["state"] == "partial" and run["result"]["stored"] == 1
    assert redis("EXISTS", "x:1") == 0 and redis("EXISTS", "x:2") == 1
    # The sanitizer's allocator keeps more, but nothing like the row.
    assert daemon.rss() - before < 64 << 20


class Api(http.server.BaseHTTPRequestHandler):
    """/items?page=N: two rows on pages 1 to 3; /500; /redirect; /drip never ends."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, _, query = self.path.partition("?page=")
        if path == "/500":
            return self.answer(500, b"out of order")
        if path == "/redirect":
            return self.answer(302, b"", ("Location", "/items"))
        if path == "/drip":
            return self.drip()
        page = int(query or 1)
        rows = [{"id": page * 10 + i} for i in range(2)] if page <= 3 else []
        return self.answer(200, json.dumps({"items": rows}).encode())

    def answer(self, status, body, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip(self):
        self.send_response(200)
        self.end_headers()
        try:
            while not self.server.closing.wait(0.05):
                self.wfile.write(b" ")
        except OSError:
            pass
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def api():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    server.closing = threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


def http_job(api, path, **more):
    return {"name": "j", "key": "h:{id}", "timeout": "2s", **more,
            "source": {"type": "http", "base_url": api, "path": path, "format": "json",
                       "rows": "/items", **more.pop("source", {})}}


def test_http_pages_until_one_is_empty(start, redis, api):
    daemon = start(open_config(redis, jobs(http_job(
        api, "/items?page={page}", source={"pages": {"from": 1, "until": "empty"}}))))
    assert warm(daemon)["result"]["stored"] == 6
    assert redis.keys() == sorted(b"h:%d" % (page * 10 + i) for page in (1, 2, 3) for i in (0, 1))


@pytest.mark.parametrize("path,said", [("/500", "500"), ("/redirect", "302"), ("/drip", "")])
def test_an_http_source_that_fails_says_how(start, redis, api, path, said):
    run = warm(start(open_config(redis, jobs(http_job(api, path)))))
    assert run["state"] == "failed" and said in run["error"], run


def test_retries_come_after_a_pause_and_count(start, redis, folder):
    flag = os.path.join(folder, "flag")
    daemon = start(open_config(redis, jobs(command(
        f"if [ -e {flag} ]; then echo '{{\"id\":1}}'; else touch {flag}; exit 1; fi",
        retries={"attempts": 3, "backoff": "100ms"}))))
    run = warm(daemon)
    assert run["state"] == "completed" and run["result"]["attempts"] == 2


@pytest.mark.parametrize("names", [{}, {"cache_names": ["a", "b", "c"]}])
def test_an_error_names_the_runs_that_were_begun_before_it(start, redis, names):
    daemon = start(open_config(redis, jobs(*(
        command(f"""echo '{{"id":"{name}"}}'; sleep 60""", name=name) for name in "abc"))))
    daemon.wait_redis()
    redis("LPUSH", "cw:run:b", "not a lock")
    reply = daemon.warm({**names, "wait": 30})
    assert reply.status == 409 and reply.json["code"] == "wrong_type", reply
    assert "'b' was not started" in reply.json["detail"], reply
    [run] = reply.json["runs"]
    assert run["job"] == "a" and daemon.get(run["location"]).json["state"] in ("queued", "running")
    assert not redis("EXISTS", "cw:run:c")
    redis("DEL", "cw:run:b")
    again = daemon.warm({}).json["runs"]
    assert [(r["job"], r.get("already_running", False)) for r in again] == [("a", True), ("b", False), ("c", False)]
    assert again[0]["operation_id"] == run["operation_id"]
    for run in again:
        assert daemon.request("DELETE", run["location"]).status == 202
    until(lambda: all(daemon.get(run["location"]).json["state"] == "cancelled" for run in again), "their ends")
    until(lambda: not redis("EXISTS", "cw:run:a"), "the end of its lock")
    redis("LPUSH", "cw:run:a", "not a lock")
    first = daemon.warm(names)
    assert first.status == 409 and "runs" not in first.json, first


def test_a_job_that_runs_already_is_that_run_on_either_daemon(start, redis):
    config = open_config(redis, jobs(command("sleep 60")))
    first, second = start(config), start(config)
    first.wait_redis()
    second.wait_redis()
    run = first.warm().json["runs"][0]
    until(lambda: first.get(run["location"]).json["state"] == "running", "the run")
    for daemon in (first, second):
        again = daemon.warm().json["runs"][0]
        assert again["operation_id"] == run["operation_id"] and again["already_running"] is True
    # On whichever daemon it is asked for, the cancel reaches the one that runs it.
    assert second.request("DELETE", run["location"]).status == 202
    until(lambda: second.get(run["location"]).json["state"] == "cancelled", "the cancel")


def test_the_last_run_is_the_last_whatever_the_clock_was_before(start, redis):
    """A machine whose clock was years ahead, until it was set right."""
    redis("SET", "cw:job:j", json.dumps({
        "last_success": "2090-01-01T00:00:00.000Z",
        "last_run": {"operation_id": "0" * 20, "kind": "warm", "job": "j", "state": "failed",
                     "started": "2090-01-01T00:00:00.000Z", "finished": "2090-01-01T00:00:00.000Z"}}))
    config = open_config(redis, jobs(command("echo '{\"id\":1}'")))
    daemons = [start(config), start(config)]

    def job(daemon):
        return daemon.get(API + "/warm").json["jobs"][0]

    for daemon in daemons:
        until(lambda: (job(daemon)["last_run"] or {}).get("state") == "failed", "the record")
    run = warm(daemons[0])
    for daemon in daemons:
        until(lambda: job(daemon)["last_run"]["operation_id"] == run["operation_id"], "the run")
        assert job(daemon)["last_run"]["state"] == "completed"
        assert job(daemon)["last_success"] == job(daemon)["last_run"]["finished"]
        assert daemon.metric("cachewarden_warm_failing_jobs") == 0


@pytest.mark.parametrize("script,state,said", [
    ("echo '{\"id\":1}'; echo no such table >&2; exit 3", "partial", "no such table"),
    ("echo no such host >&2; exit 3", "failed", "no such host"),
    ("printf '{\"id\":1}\\n{}\\n{}\\n'", "partial", 'job "j" rejected 2 of 3 rows; first: '),
    ("printf '{\"id\":1}\\n{\"id\":2}\\n{}\\n'", "partial", None)])
def test_a_job_whose_source_fails_is_failing_and_its_error_says_why(start, redis, script, state, said):
    """A few bad rows are another matter: the last case."""
    config = open_config(redis, jobs(command(script)))
    daemons = [start(config), start(config)]
    daemons[1].wait_redis()
    run = warm(daemons[0])
    assert run["state"] == state and (said in run["error"] if said else "error" not in run), run
    for daemon in daemons:
        error = daemon.get(run["location"]).json["error"]
        assert said in error["detail"] if said else error is None, error
        until(lambda: daemon.get(API + "/warm").json["jobs"][0]["last_run"], "the record")
        assert daemon.get(API + "/warm").json["jobs"][0]["last_run"]["error"] == error
        health = daemon.health().json["components"]["warming"]
        assert (health["status"], health["details"]["failing_jobs"]) == (("DEGRADED", 1) if said else ("UP", 0))
        assert not said or health["details"]["first"] == "j" and health["details"]["first_error"] == error["detail"]
        until(lambda: daemon.metric("cachewarden_warm_failing_jobs") == (1 if said else 0), "the metric")


def test_two_daemons_run_each_fire_once(start, redis):
    config = open_config(redis, jobs(command(
        "echo '{\"id\":1}'", schedule={"every": "1s"})))
    daemons = [start(config), start(config)]
    receipts = lambda: redis("KEYS", "cw:fire:j:*")
    until(lambda: len(receipts()) >= rounds(5, 20), "fires")
    runs = sum(daemon.metric('cachewarden_warm_runs_total{job="j",state="completed"}') or 0
               for daemon in daemons)
    fires = receipts()
    # One may have begun and not ended when it was counted.
    assert len(fires) - 1 <= runs <= len(fires), fires
    # Both have the same seconds.
    assert all(key.endswith(b".000Z") for key in fires), fires


def test_modes_and_base64(start, redis):
    redis("SET", "x:1", "old")
    daemon = start(open_config(redis, jobs(
        command(r"""printf '{"id":1}\n{"id":2}\n'""", mode="missing"),
        command(r"""printf '{"id":3,"v":"AAEC/w=="}\n'""", name="b",
                value_base64="{v}"))))
    daemon.wait_redis()
    runs = {run["job"]: run for run in daemon.warm({"wait": 30}).json["runs"]}
    assert (runs["j"]["result"]["stored"], runs["j"]["result"]["skipped"]) == (1, 1)
    assert redis("GET", "x:1") == b"old" and redis("GET", "x:3") == b"\0\1\2\xff"


def test_a_protected_or_own_key_is_never_stored(start, redis):
    daemon = start(open_config(redis, jobs(
        {"name": "j", "key": "{id}", "source": {"type": "command", "format": "jsonl", "argv": [
            "printf", r'{"id":"lock:1"}\n{"id":"cw:op:x"}\n{"id":"session:1"}\n{"id":"ok"}\n']}})))
    run = warm(daemon)
    assert (run["result"]["stored"], run["result"]["rejected"]) == (1, 3)
    assert redis.keys() == [b"ok"]


def test_the_list_of_jobs_has_their_schedule_and_last_run(start, redis):
    daemon = start(open_config(redis, jobs(
        command("echo '{\"id\":1}'", schedule={"cron": "0 3 * * *", "time_zone": "Europe/Paris"}),
        command("true", name="off", suspend=True))))
    warm(daemon, cache_names=["j"])
    listed = {job["name"]: job for job in daemon.get(API + "/warm").json["jobs"]}
    assert listed["j"]["next_run"] and listed["j"]["last_run"]["state"] == "completed"
    assert listed["off"]["suspended"] is True and listed["off"]["next_run"] is None


def tagged(script, **more):
    return command(script, tags=["things", "shop-{shop}"], ttl="10m", **more)


def test_rows_are_reached_by_their_tags(start, redis):
    daemon = start(open_config(redis, jobs(tagged(
        r"""printf '{"id":1,"shop":7}\n{"id":2,"shop":8}\n{"id":3}\n{"id":4,"shop":"a\\tb"}\n'"""))))
    run = warm(daemon)
    assert (run["result"]["stored"], run["result"]["rejected"]) == (2, 2)
    assert [error["row"] for error in run["result"]["first_errors"]] == [3, 4]
    assert redis.keys("x:*") == [b"x:1", b"x:2"]
    assert redis("ZRANGE", "cw:tag:things", 0, -1) == [b"x:1", b"x:2"]
    assert redis("ZRANGE", "cw:tag:shop-7", 0, -1) == [b"x:1"]
    left = float(redis("ZSCORE", "cw:tag:shop-7", "x:1")) / 1000 - time.time()
    assert 580 < left <= 600


def test_what_its_tag_cannot_reach_does_not_stay(start, redis):
    redis("SET", "cw:tag:shop-8", "no sorted set")
    daemon = start(open_config(redis, jobs(tagged(
        r"""printf '{"id":1,"shop":7}\n{"id":2,"shop":8}\n'"""))))
    run = warm(daemon)
    assert run["state"] in ("partial", "failed") and run["result"]["rejected"] == 1
    assert redis.keys("x:*") == [b"x:1"]


def test_a_run_obeys_the_namespace(start, redis):
    daemon = start(open_config(redis, """
cache:
  namespaces: [{prefix: "x:", ttl: 5m, stale_for: 20m, compress_above: 100}]
""" + jobs(command("""printf '{"id":1,"text":"%0500d"}\\n{"id":2}\\n' 0"""))))
    assert warm(daemon)["result"]["stored"] == 2
    assert 1490 <= redis("TTL", "x:1") <= 1500
    assert redis("STRLEN", "x:1") < 200 and redis("STRLEN", "x:2") == 8
    reply = daemon.get("/api/v1/cache/keys/x:1")
    assert reply.body == b'{"id":1,"text":"' + b"0" * 500 + b'"}'
    assert reply.headers["X-Cache-TTL"] in ("299", "300")


def test_bad_rows_are_shown_while_the_run_goes_on(start, redis):
    rows = "; ".join(f"echo '{{\"no\":{i}}}'" for i in range(12))
    daemon, other = (start(open_config(redis, jobs(command(f"{rows}; echo '{{\"id\":1}}'; exec sleep 600"))))
                     for _ in range(2))
    daemon.wait_redis()
    other.wait_redis()
    run = daemon.warm({"wait": 0}).json["runs"][0]
    for at in (daemon, other):
        until(lambda at=at: at.get(run["location"]).json.get("so_far", {}).get("stored") == 1, "what it has met")
        so_far = at.get(run["location"]).json["so_far"]
        assert so_far["rejected"] == 12 and [error["row"] for error in so_far["first_errors"]] == list(range(1, 11))
        assert at.get(run["location"]).json["result"] is None
    assert daemon.request("DELETE", run["location"]).status == 202
    until(lambda: daemon.get(run["location"]).json["finished"], "its end")
    assert "so_far" not in daemon.get(run["location"]).json


def test_a_row_is_stored_though_its_source_then_hangs(start, redis):
    daemon = start(open_config(redis, jobs(command("echo '{\"id\":1}'; exec sleep 600"))))
    daemon.wait_redis()
    run = daemon.warm({"wait": 0}).json["runs"][0]
    until(lambda: redis("EXISTS", "x:1"), "the only row to be stored")
    until(lambda: daemon.get(run["location"]).json["progress"]["done"] == 1, "progress")
    assert daemon.request("DELETE", run["location"]).status == 202


def test_a_paced_run_stores_all(start, redis):
    daemon = start(open_config(redis, jobs(command(
        "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo \"{\\\"id\\\":$i}\"; done", pace={"max_latency": "2ms"}))))
    run = warm(daemon)
    assert run["state"] == "completed" and run["result"]["stored"] == 3000
    # It measures what other clients feel.
    assert redis.calls("ping") > 5 and len(redis.keys("x:*")) == 3000


MISSED = """
warm:
  jobs:
    - {name: rows, schedule: {every: 1s}, source: {type: command, argv: [printf, '{"id": 1}\\n'], format: jsonl}, key: "rows:{id}"}
"""


@pytest.mark.topology("server", "tls", why="refuses writes by a setting of the one server")
def test_a_run_that_could_not_be_started_is_shown(start, redis):
    daemon = start(open_config(redis, MISSED))
    job = lambda: daemon.get(API + "/warm").json["jobs"][0]
    details = lambda: daemon.health().json["components"]["warming"]["details"]
    until(lambda: redis("EXISTS", "rows:1"), "a run")
    assert job()["last_missed"] is None and details()["missed_jobs"] == 0
    redis("CONFIG", "SET", "min-replicas-to-write", 1)
    missed = until(lambda: job()["last_missed"], "the missed run")
    assert "NOREPLICAS" in missed["error"]["detail"] and missed["error"]["code"].startswith("redis_"), missed
    assert missed["due"] <= missed["time"] and missed["count"] >= 1
    health = until(lambda: (now := details())["missed_jobs"] and now, "health to say so")
    assert (health["failing_jobs"], health["missed_jobs"], health["first"]) == (1, 1, "rows"), health
    assert "NOREPLICAS" in health["first_error"] and daemon.health().json["status"] == "DEGRADED"
    until(lambda: daemon.metric("cachewarden_warm_failing_jobs") == 1, "the metric")
    events = daemon.get(API + "/events?event=warm", headers={"Accept": "application/json"}).json["items"]
    event = next(event["data"] for event in events if event["data"]["state"] == "missed")
    assert (event["job"], event["operation_id"], event["by"]) == ("rows", None, "scheduler") and event["due"]
    assert "NOREPLICAS" in event["error"]["detail"]
    # The next run is the end of it; that there was one stays.
    redis("CONFIG", "SET", "min-replicas-to-write", 0)
    until(lambda: details()["failing_jobs"] == 0, "the next run")
    assert details()["missed_jobs"] == 0 and job()["last_missed"]["count"] >= missed["count"]
