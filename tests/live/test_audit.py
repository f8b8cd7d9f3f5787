# SPDX-License-Identifier: MIT
"""The audit log: who changed what, what is refused if it cannot be recorded, and its pages."""

import json
import os
import resource
import signal
import subprocess
import threading

import pytest

from conftest import open_config
from harness import API, DEADLINE, Daemon, until
from test_auth import config, row, secret

AUDIT = API + "/audit"
JOB = """
warm:
  jobs:
    - {name: rows, source: {type: command, argv: [printf, '{"id": 1}\\n'], format: jsonl}, key: "rows:{id}"}
    - {name: often, schedule: {every: 1s}, source: {type: command, argv: [printf, '{"id": 1}\\n'], format: jsonl}, key: "rows:{id}"}
"""


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Log:
    def __init__(self, folder):
        self.path = os.path.join(folder, "audit.jsonl")

    def config(self, required="flush", more=""):
        return f'audit: {{path: "{self.path}", required: {required}{more}}}\n'

    @property
    def lines(self):
        return read(self.path)

    def of(self, **members):
        return [line for line in self.lines if members.items() <= line.items()]

    def wait(self, count=1, **members):
        """The lines with these members, once there are so many."""
        until(lambda: len(self.of(**members)) >= count, f"{count} lines {members}")
        return self.of(**members)


@pytest.fixture
def log(folder):
    return Log(folder)


def boss(start, redis, text, rows=(), **options):
    """A daemon with a token for everything; it waits for Redis."""
    daemon = start(config(redis, [row("boss", ["admin"]), row("reader", ["read"]), *rows], text), **options)
    until(lambda: daemon.get("/readyz?redis=true").status == 200, "redis")
    return daemon


def test_each_change_has_an_intent_and_an_outcome(start, redis, log):
    daemon = boss(start, redis, log.config())
    token = secret("boss")
    redis("SET", "a", "1")
    body = '{"keys": ["a",\n\t"b \\" c"],\r\n "note": "deploy\\n812"}'
    reply = daemon.post(API + "/invalidate", body, token=token,
                        headers={"Content-Type": "application/json", "X-Request-Id": "mine",
                                 "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
    assert reply.status == 200, reply
    end = log.wait(request_id="mine", state="completed")[0]
    intent = log.of(request_id="mine", state="intent")[0]
    assert intent["request"] == {"keys": ["a", "b \" c"], "note": "deploy\n812"}
    assert intent["by"] == end["by"] == "boss" and intent["note"] == end["note"] == "deploy\n812"
    assert intent["route"] == API + "/invalidate" and intent["method"] == "POST" and intent["address"] == "127.0.0.1"
    assert end["status"] == 200 and end["code"] is None and end["duration_ms"] > 0
    assert intent["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    done = log.of(operation_id=reply.json["operation_id"])[0]
    assert done["cause"] == "mine" and done["state"] == "completed" and done["invalidated"] == 1
    assert done["kind"] == "invalidate" and done["note"] == "deploy\n812"
    lines = log.lines
    assert lines.index(intent) < lines.index(done) < lines.index(end)
    # A reading request leaves no line.
    daemon.stats(), daemon.get(API + "/operations", token=token)
    assert len(log.lines) == 3
    assert daemon.post(API + "/invalidate", {"keys": []}, token=token).status == 400
    assert log.wait(state="refused")[0]["code"] == "bad_body"


def test_names_of_any_bytes_and_no_secrets(start, redis, log):
    daemon = boss(start, redis, log.config())
    token = secret("boss")
    assert daemon.request("PUT", "/api/v1/cache/keys/a%0A%22%FF?ttl=60", b"VALUE-canary", token=token).status == 201
    assert daemon.request("DELETE", "/api/v1/cache/keys/%C3%A4%0Ab", token=token).status == 204
    assert log.wait(method="PUT", state="completed")[0]["names"] == {"key": {"base64url": "YQoi_w"}}
    assert log.of(method="PUT")[0]["query"] == {"ttl": "60"}
    assert log.wait(method="DELETE", state="completed")[0]["names"] == {"key": "ä\nb"}
    reply = daemon.post("/api/v1/sessions", {"user_id": "u", "data": {"x": "DATA-canary"}}, token=token)
    assert reply.status == 201
    assert daemon.post("/api/v1/login", {"token": token}).status == 200
    log.wait(route="/api/v1/login", state="completed")
    with open(log.path, encoding="utf-8") as file:
        text = file.read()
    for hidden in ("canary", reply.json["session_id"], token):
        assert hidden not in text


def test_refused_logins_and_refused_changes(start, redis, log):
    daemon = boss(start, redis, log.config())
    assert daemon.get(API + "/stats", token="wrong").status == 401
    line = log.wait(code="unauthorized")[0]
    assert line["by"] is None and line["state"] == "refused" and line["route"] == API + "/stats"
    assert line["address"] == "127.0.0.1" and line["status"] == 401
    assert daemon.post(API + "/invalidate", {"keys": ["a"]}, token=secret("reader")).status == 403
    assert log.wait(code="forbidden")[0]["by"] == "reader"
    assert daemon.post("/api/v1/login", {"token": "wrong"}).status == 401
    assert log.wait(route="/api/v1/login", state="refused")[0]["status"] == 401
    count = len(log.lines)
    # Neither callers without a token nor readers that ask for too much.
    assert daemon.get(API + "/stats").status == 401
    assert daemon.get(API + "/config", token=secret("reader")).status == 403
    assert daemon.request("PUT", "/api/v1/cache/keys/a", b"x", token=secret("boss")).status == 201
    log.wait(method="PUT", state="completed")
    assert len(log.lines) == count + 2


def test_what_the_daemon_does_by_itself(start, redis, log):
    daemon = boss(start, redis, log.config() + JOB)
    end = log.wait(kind="warm", state="completed")[0]
    assert log.of(operation_id=end["operation_id"])[0]["state"] == "intent"
    assert end["by"] == "scheduler" and end["job"] == "often" and end["stored"] == 1 and end["cause"] is None
    assert daemon.post(API + "/warm", {"cache_names": ["rows"], "wait": 10}, token=secret("boss")).status == 200
    run = log.wait(job="rows")
    assert [line["state"] for line in run] == ["completed"] and run[0]["cause"]


def test_cache_writes_can_be_left_out(start, redis, log):
    daemon = boss(start, redis, log.config(more=", cache_writes: false"))
    assert daemon.request("PUT", "/api/v1/cache/keys/a", b"x", token=secret("boss")).status == 201
    assert daemon.invalidate({"keys": ["a"]}, token=secret("boss")).status == 200
    log.wait(3)
    assert {line.get("route") for line in log.lines} == {API + "/invalidate", None}


def test_a_killed_daemon_leaves_the_intent(start, redis, proxy, log):
    daemon = start(open_config(proxy, log.config()))
    daemon.wait_redis()
    proxy.hold(b"XADD")

    def ask():
        try:
            daemon.invalidate({"keys": ["a"], "note": "never ended"})
        except OSError:
            pass
    caller = threading.Thread(target=ask)
    caller.start()
    assert proxy.held.wait(DEADLINE)
    daemon.process.send_signal(signal.SIGKILL)
    daemon.expect_exit = -signal.SIGKILL
    daemon.process.wait()
    caller.join()
    assert [line["state"] for line in log.of(note="never ended")] == ["intent"]
    # The next one goes on in the same file, behind what may be half a line.
    with open(log.path, "a", encoding="utf-8") as file:
        file.write('{"time":"half')
    proxy.release()
    again = start(open_config(redis, log.config()).replace("operate]", "operate, audit]"))
    again.wait_redis()
    assert again.invalidate({"keys": ["a"]}).status == 200
    until(lambda: len(again.get(AUDIT).json["items"]) == 4, "whole lines")
    with open(log.path, encoding="utf-8") as file:
        assert file.read().split("\n")[1] == '{"time":"half'


FULL = "/dev/full"


@pytest.mark.parametrize("required, sweep, change", [("none", 200, 200), ("flush", 503, 200), ("all", 503, 503)])
def test_a_full_disk_refuses_what_is_required_and_nothing_else(start, redis, required, sweep, change):
    daemon = boss(start, redis, f'audit: {{path: {FULL}, required: {required}}}\n')
    token = secret("boss")
    redis("SET", "a", "1")
    reply = daemon.invalidate({"patterns": ["*"]}, token=token)
    assert reply.status == sweep, reply
    assert redis("EXISTS", "a") == (0 if sweep == 200 else 1)
    if sweep == 503:
        assert reply.json["code"] == "audit_unavailable" and "No space left" in reply.json["detail"]
        assert reply.headers["Retry-After"]
    assert daemon.invalidate({"keys": ["a"]}, token=token).status == change
    assert daemon.request("PUT", "/api/v1/cache/keys/b", b"x", token=token).status in (201, 503)
    assert redis("EXISTS", "b") == (1 if change == 200 else 0)
    # What changes nothing goes on.
    assert daemon.invalidate({"patterns": ["*"], "dry_run": True}, token=token).status == 200
    assert daemon.get("/api/v1/cache/keys/a", token=token).status in (200, 404)
    assert daemon.get(API + "/stats", token=token).status == 200
    daemon.wait_for("audit: /dev/full No space left")
    reply = daemon.get("/metrics", token=token).body.decode()
    assert "cachewarden_audit_failing 1" in reply
    health = daemon.get(API + "/health", token=token).json
    assert health["status"] == "DEGRADED"
    assert "audit.path" in health["components"]["config"]["details"]["warnings"][0]


def test_keys_that_a_soft_purge_removed_are_counted(start, redis, log):
    daemon = boss(start, redis, log.config() + 'cache: {namespaces: [{prefix: "st:", ttl: 10s, stale_for: 60s}]}\n')
    token = secret("boss")
    redis("SET", "st:1", "x", "EX", 60)
    redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis("CONFIG", "SET", "maxmemory", 1)
    id = daemon.invalidate({"keys": ["st:1"], "soft": True}, token=token).json["operation_id"]
    redis("CONFIG", "SET", "maxmemory", 0)
    line = log.wait(operation_id=id)[0]
    assert (line["softened"], line["invalidated"], line["removed_instead"]) == (0, 1, 1)
    change = daemon.get(AUDIT + "?view=changes", token=token).json["items"][0]
    assert change["operations"][0]["removed_instead"] == 1


def test_a_disk_that_has_room_again(start, redis, log):
    """A limit of the file's size stands in for a disk: it can be lifted while the daemon runs."""
    daemon = boss(start, redis, log.config("all"))
    token = secret("boss")
    assert daemon.invalidate({"keys": ["a"], "note": "first"}, token=token).status == 200
    log.wait(3)
    room = os.path.getsize(log.path) + 100  # half a line
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    reply = daemon.invalidate({"keys": ["a"], "note": "second"}, token=token)
    assert reply.status == 503 and "File too large" in reply.json["detail"], reply
    assert daemon.invalidate({"keys": ["a"], "note": "third"}, token=token).status == 503
    assert os.path.getsize(log.path) == room
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    until(lambda: daemon.invalidate({"keys": ["a"], "note": "fourth"}, token=token).status == 200, "room")
    daemon.wait_for("is written again")
    # Nothing is lost: neither what was refused, nor half a line.
    states = [[line["state"] for line in log.of(note=note)][:2] for note in ("first", "second", "third")]
    assert states == [["intent", "completed"], ["intent", "failed"], ["intent", "failed"]]
    assert "cachewarden_audit_dropped_total 0" in daemon.get("/metrics", token=token).body.decode()


def test_what_does_not_fit_into_memory_is_counted(start, redis):
    daemon = boss(start, redis, f"audit: {{path: {FULL}, required: none}}\n")
    token = secret("boss")
    body = {"keys": ["k" * 1000], "dry_run": True, "note": "n"}

    def dropped():
        for _ in range(100):
            daemon.invalidate(body, token=token)
        text = daemon.get("/metrics", token=token).body.decode()
        return "cachewarden_audit_dropped_total 0" not in text

    until(dropped, "a line to be dropped")


def test_a_rotated_file_is_left(start, redis, log):
    daemon = boss(start, redis, log.config())
    token = secret("boss")
    assert daemon.invalidate({"keys": ["a"], "note": "one"}, token=token).status == 200
    log.wait(3)
    os.rename(log.path, log.path + ".1")
    assert daemon.invalidate({"keys": ["a"], "note": "two"}, token=token).status == 200
    until(lambda: len(read(log.path + ".1")) == 6, "the old file")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("configuration reloaded", count=1)
    assert daemon.invalidate({"keys": ["a"], "note": "three"}, token=token).status == 200
    log.wait(2, note="three")
    assert not log.of(note="two")
    assert os.stat(log.path).st_mode & 0o777 == 0o640 & ~umask()


def umask():
    before = os.umask(0)
    os.umask(before)
    return before


def test_a_path_that_cannot_be_used(start, redis, log, folder):
    missing = os.path.join(folder, "nowhere", "audit.jsonl")
    daemon = boss(start, redis, f'audit: {{path: "{missing}"}}\n')
    token = secret("boss")
    daemon.wait_for(f"audit: {missing} No such file or directory")
    assert daemon.invalidate({"patterns": ["*"]}, token=token).status == 503
    assert daemon.invalidate({"keys": ["a"]}, token=token).status == 200
    os.mkdir(os.path.dirname(missing))
    until(lambda: daemon.invalidate({"patterns": ["*"]}, token=token).status == 200, "the file")
    # A reload to a path that cannot be used is refused as a whole.
    daemon.configure(config(redis, [row("boss", ["admin"])], f'audit: {{path: "{folder}"}}\n'))
    reply = daemon.post(API + "/reload", {}, token=token)
    assert reply.status == 422 and "audit.path: " in reply.json["errors"][0]["detail"], reply
    daemon.configure(config(redis, [row("boss", ["admin"])], log.config()))
    assert daemon.post(API + "/reload", {}, token=token).status == 200
    assert daemon.invalidate({"keys": ["a"], "note": "here"}, token=token).status == 200
    log.wait(2, note="here")
    daemon.configure(config(redis, [row("boss", ["admin"])], 'audit: {path: ""}\n'))
    assert daemon.post(API + "/reload", {}, token=token).status == 200
    # What was under way is still written.
    until(lambda: daemon.get(AUDIT, token=token).status == 404, "the end of the audit log")


def test_the_service_managers_folder(start, redis, log, folder):
    daemon = start(open_config(redis), env={"LOGS_DIRECTORY": folder + ":/other"})
    daemon.wait_redis()
    assert daemon.invalidate({"keys": ["a"]}).status == 200
    log.wait(3)


def test_standard_output(folder, redis):
    path = os.path.join(folder, "cachewarden.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(open_config(redis, 'audit: {path: "-"}\n'))
    os.chmod(path, 0o600)
    ready = os.path.join(folder, "ready")
    with subprocess.Popen([os.environ["CACHEWARDEN_BIN"], "--config", path, "--ready-file", ready],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        until(lambda: os.path.exists(ready), "the daemon")
        daemon = Daemon.__new__(Daemon)
        daemon.process, daemon.tls = process, None
        with open(ready, encoding="utf-8") as file:
            daemon.addresses = file.read().split()
        assert daemon.request("PUT", "/api/v1/cache/keys/a", b"x").status in (201, 503)
        assert json.loads(process.stdout.readline())["state"] == "intent"
        process.terminate()


def pages(daemon, query, token):
    items, cursor = [], ""
    while True:
        reply = daemon.get(AUDIT + query + cursor, token=token)
        assert reply.status == 200, reply
        items += reply.json["items"]
        if not reply.json["next"]:
            return items
        cursor = "&cursor=" + reply.json["next"]


def test_pages(start, redis, log):
    daemon = boss(start, redis, log.config(), [row("auditor", ["audit"]),
                                               row("bound", ["audit"], key_prefixes='["a"]')])
    token = secret("auditor")
    for i in range(40):
        assert daemon.invalidate({"keys": ["k" * 1000], "note": str(i)}, token=secret("boss")).status == 200
    assert daemon.get(API + "/stats", token="wrong").status == 401
    whole = log.wait(1, code="unauthorized") and log.lines[::-1]
    assert len(whole) == 121
    assert pages(daemon, "?limit=7", token) == whole
    assert pages(daemon, "?limit=1000", token) == whole
    assert pages(daemon, "?by=boss&limit=50", token) == whole[1:]
    assert pages(daemon, "?state=intent&limit=9", token) == [line for line in whole if line["state"] == "intent"]
    assert pages(daemon, "?since=1h&limit=100", token) == whole
    assert pages(daemon, "?until=1h&limit=100", token) == [] == pages(daemon, "?by=nobody&limit=1", token)
    middle = whole[60]["time"]
    assert pages(daemon, f"?since={middle}&limit=100", token) == [line for line in whole if line["time"] >= middle]
    for query in ("?cursor=x", "?cursor=1-", "?limit=0", "?since=x", "?state=", "?event=x"):
        assert daemon.get(AUDIT + query, token=token).status == 400, query
    assert daemon.get(AUDIT + "?cursor=1-5", token=token).json["detail"].startswith("the audit log was rotated")
    assert daemon.get(AUDIT, token=secret("reader")).status == 403
    assert daemon.get(AUDIT, token=secret("bound")).status == 403


def changes(daemon, query="", token=None):
    return pages(daemon, "?view=changes" + query, token or secret("boss"))


def test_one_item_for_each_change(start, redis, log):
    daemon = boss(start, redis, log.config() + JOB.replace("every: 1s", "every: 10h"))
    token = secret("boss")
    redis("SET", "a", "1")
    ask = lambda path, body, status: daemon.post(API + path, body, token=token).status == status
    assert ask("/invalidate", {"keys": ["a"], "note": "812", "rewarm": ["rows"]}, 200)
    until(lambda: log.of(job="rows"), "the run that it began")
    assert ask("/warm", {"cache_names": ["often"], "wait": 0}, 202)
    log.wait(job="often")
    assert ask("/invalidate", {"keys": []}, 400)
    assert ask("/pause", {"what": ["warming"], "for": 5}, 200)
    assert daemon.request("PUT", "/api/v1/cache/keys/a%20b", b"x", token=token).status == 201
    assert daemon.post(API + "/pause", {"what": ["warming"]}, token=secret("reader")).status == 403
    assert daemon.get(API + "/stats", token="wrong").status == 401
    log.wait(code="unauthorized"), log.wait(method="PUT", state="completed")
    whole = changes(daemon)
    assert [(one["kind"], one["state"], one["by"], one["status"]) for one in whole] == [
        ("login", "refused", None, 401), ("pause", "refused", "reader", 403), ("keys", "completed", "boss", 201),
        ("pause", "completed", "boss", 200), ("invalidate", "refused", "boss", 400), ("warm", "completed", "boss", 202),
        ("invalidate", "completed", "boss", 200)], whole
    login, _, put, pause, bad, run, purge = whole
    assert purge["request"] == {"keys": ["a"], "note": "812", "rewarm": ["rows"]} and purge["note"] == "812"
    assert [(one["kind"], one["state"]) for one in purge["operations"]] == [("invalidate", "completed"), ("warm", "completed")]
    assert purge["operations"][0]["invalidated"] == 1 and purge["operations"][1]["job"] == "rows"
    assert purge["time"] <= purge["ended"] and purge["method"] == "POST" and purge["address"] == "127.0.0.1"
    assert [one["job"] for one in run["operations"]] == ["often"] and run["operations"][0]["stored"] == 1
    assert put["names"] == {"key": "a b"} and put["operations"] == [] and bad["code"] == "bad_body"
    assert pause["request"] == {"what": ["warming"], "for": 5} and login["route"] == API + "/stats"
    assert len({tuple(one) for one in whole}) == 1  # all have the same members
    # Pages of any size, and filters.
    for limit in (1, 2, 5):
        assert changes(daemon, f"&limit={limit}") == whole
    assert changes(daemon, "&kind=invalidate") == [bad, purge] and changes(daemon, "&kind=keys") == [put]
    assert changes(daemon, "&state=refused&by=boss") == [bad]
    assert changes(daemon, "&since=" + pause["time"]) == [one for one in whole if one["time"] >= pause["time"]]
    assert changes(daemon, "&until=" + run["time"]) == [one for one in whole if one["time"] <= run["time"]]
    lines = log.lines[::-1]
    assert pages(daemon, "?view=lines", token) == lines == pages(daemon, "", token)
    assert {line["operation_id"] for line in pages(daemon, "?kind=warm", token) if "kind" in line} == {
        purge["operations"][1]["operation_id"], run["operations"][0]["operation_id"]}
    assert all(line["route"] == API + "/warm" for line in pages(daemon, "?kind=warm", token) if "kind" not in line)
    for query in ("?view=x", "?view=", "?kind="):
        assert daemon.get(AUDIT + query, token=token).status == 400, query


def test_what_was_purged_and_paused_is_told_and_dry_runs_are_left_out(start, redis, log):
    entity = 'entities: {user: {field: user_id, keys: ["user:{id}"]}}\n'
    daemon = boss(start, redis, log.config() + JOB.replace("every: 1s", "every: 10h") + entity)
    token = secret("boss")
    ask = lambda path, body, **more: daemon.post(API + path, body, token=token, **more).json
    long = "x" * 200
    purge = ask("/invalidate", {"keys": [f"k:{i}" for i in range(20)], "patterns": [long + "*"], "max_keys": 100})
    dry = ask("/invalidate", {"patterns": ["d:*"], "user_id": 42, "entities": {"user": ["7"]}, "dry_run": True})
    tags = ask("/invalidate", "", headers={"Surrogate-Key": "shop"})
    ask("/pause", {"what": ["warming", "invalidation"], "for": 90})
    ask("/resume", {"what": ["warming", "invalidation"]})
    ask("/warm", {"cache_names": ["rows"], "wait": 10})
    daemon.request("DELETE", "/api/v1/cache/keys/a%20b", token=token)
    log.wait(method="DELETE", state="completed")
    whole = changes(daemon)
    assert [(one["kind"], one["target"], one["dry_run"]) for one in whole] == [
        ("keys", "key a b", False), ("warm", "job rows", False), ("resume", "warming, invalidation", False),
        ("pause", "warming, invalidation, for 1m30s", False), ("invalidate", "tag shop", False),
        ("invalidate", "pattern d:*, user 7, user 42", True),
        ("invalidate", ", ".join(f"key k:{i}" for i in range(8)) + " and 13 more", False)], whole
    done = whole[6]["operations"][0]
    assert done["selectors"] == [{"kind": "key", "value": f"k:{i}"} for i in range(10)] and done["selectors_omitted"] == 11
    assert whole[4]["operations"][0]["selectors"] == [{"kind": "tag", "value": "shop"}]
    assert log.of(operation_id=tags["operation_id"])[0]["target"] == "tag shop"
    # Dry runs: of changes, of lines and of operations.
    assert changes(daemon, "&dry_run=false") == [one for one in whole if not one["dry_run"]]
    assert changes(daemon, "&dry_run=true&limit=1") == [whole[5]]
    lines = pages(daemon, "?dry_run=true", token)
    assert [line["state"] for line in lines] == ["completed", "completed", "intent"] and len(log.lines) == len(
        pages(daemon, "?dry_run=false", token)) + 3
    ids = lambda query: [one["operation_id"] for one in daemon.get(API + "/operations" + query, token=token).json["items"]]
    assert ids("?dry_run=true") == [dry["operation_id"]]
    assert ids("?dry_run=false&kind=invalidate") == [tags["operation_id"], purge["operation_id"]]
    assert daemon.get(f"{API}/operations/{dry['operation_id']}", token=token).json["dry_run"] is True
    for path in "/audit", "/operations":
        reply = daemon.get(API + path + "?dry_run=no", token=token)
        assert reply.status == 400 and "dry_run must be true or false" in reply.json["detail"]


def test_a_change_of_the_daemon_itself_and_one_that_has_no_end(start, redis, log):
    daemon = boss(start, redis, log.config() + JOB)
    log.wait(kind="warm", state="completed")
    own = until(lambda: [one for one in changes(daemon, "&by=scheduler") if one["state"] == "completed"], "a run")[0]
    assert (own["kind"], own["route"], own["status"], own["request"]) == ("warm", None, None, None)
    assert [(one["job"], one["stored"]) for one in own["operations"]] == [("often", 1)] and own["duration_ms"] > 0
    with open(log.path, "a", encoding="utf-8") as file:
        line = {"time": "2099-01-01T00:00:00.000Z", "name": "x", "state": "intent", "by": "gone", "method": "POST",
                "route": API + "/reload", "request_id": "never"}
        file.write(json.dumps(line, separators=(",", ":")) + "\n")
    lost, = changes(daemon, "&by=gone")
    assert (lost["state"], lost["ended"], lost["kind"], lost["operations"]) == ("intent", None, "reload", [])


def test_changes_over_pages_are_whole_and_none_is_missed(start, redis, log):
    """Requests that overlap, so that each page ends between an intent and its outcome."""
    time = lambda i: f"2026-01-01T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}.000Z"
    line = lambda i, id, state, **more: {"time": time(i), "name": "x", "state": state, "by": "y", **more, "request_id": f"r{id}"}
    lines, count, width = [], 300, 7
    for i in range(count + 2 * width):
        if i < count:
            lines.append(line(i, i, "intent", method="POST", route=API + "/invalidate", request={"keys": [str(i)]}))
        if width <= i < count + width:
            lines.append({**line(i, i, "completed", operation_id=f"o{i - width}", kind="invalidate", cause=f"r{i - width}",
                                 invalidated=i - width), "request_id": None})
        if i >= 2 * width:
            lines.append(line(i, i - 2 * width, "completed", method="POST", route=API + "/invalidate", status=200, code=None))
    with open(log.path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(one, separators=(",", ":")) + "\n" for one in lines)
    daemon = boss(start, redis, log.config())
    for limit in (1000, 10, 3):
        got = changes(daemon, f"&limit={limit}")
        assert [one["request"]["keys"] for one in got] == [[str(i)] for i in reversed(range(count))], limit
        assert all([op["invalidated"] for op in one["operations"]] == [int(one["request"]["keys"][0])] for one in got)
        assert all(one["status"] == 200 and one["state"] == "completed" for one in got)
    # What began before the file was rotated is shown with what is known.
    with open(log.path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(one, separators=(",", ":")) + "\n" for one in lines[width + 1:])
    got = changes(daemon, "&limit=1000")
    assert len(got) == count and [one["status"] for one in got] == [200] * count
    assert sorted(one["time"] for one in got) == sorted({**{f"r{i}": time(i) for i in range(width + 1, count)}, **{
        f"r{i}": time(i + 2 * width) for i in range(width + 1)}}.values())


def test_pages_of_a_file_with_anything_in_it(start, redis, log):
    good = [json.dumps({"time": f"2026-01-01T00:00:{i:02}.000Z", "state": "intent", "by": "x"}, separators=(",", ":"))
            for i in range(5)]
    with open(log.path, "wb") as file:
        file.write(b"\xff\x00garbage\n\n" + good[0].encode() + b"\n" + b"x" * 300000 + b"\n" + good[1].encode() + b"\n")
        file.write(b'{"time":"2026-01-01T00:00:09.000Z","by":"\xff","state":"intent"}\n')
        file.write(good[2].encode() + b"\n" + b"\n" * 262144 + good[3].encode() + b"\n" + good[4].encode()[:-5])
    daemon = boss(start, redis, log.config())
    items = pages(daemon, "?limit=2", secret("boss"))
    assert items == [json.loads(one) for one in good[3::-1]]


def test_pages_of_a_long_file(start, redis, log):
    """Lines that end in one piece of what is read at once, and begin in another."""
    lines = [{"time": f"2026-01-01T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}.000Z", "state": "intent", "by": "x" * (500 + i % 97)}
             for i in range(4000)]
    with open(log.path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    assert os.path.getsize(log.path) > 8 * 262144  # a page has more than one piece
    daemon = boss(start, redis, log.config())
    assert pages(daemon, "?limit=1000", secret("boss")) == lines[::-1]
    assert pages(daemon, "?until=2026-01-01T00:30:00Z&limit=777", secret("boss")) == lines[1800::-1]


def test_a_large_body_is_read_once_for_both_lines(start, redis, log):
    """By the daemon's processor time, beside that of the same request without a log, where it is checked once."""
    entities = "entities: " + json.dumps({f"e{i}": {"field": f"f{i}", "keys": [f"e{i}:{{id}}"]} for i in range(300)})
    body = {"keys": ["a"], "note": "why", "f299": [7, 8], "x": [12345678] * 60000}

    def used(daemon):
        before = daemon.cpu()
        for _ in range(8):
            assert daemon.post(API + "/invalidate", body, token=secret("boss")).status == 400
        return daemon.cpu() - before

    on, off = (boss(start, redis, text + entities) for text in (log.config() + "\n", ""))
    assert used(on) < 8 * used(off)
    lines = log.wait(8, state="refused") + log.of(state="intent")
    assert {(line["target"], line["note"]) for line in lines} == {("key a, e299 7, e299 8", "why")} and len(lines) == 16


def test_members_are_known_however_their_names_are_written(start, redis, log):
    daemon = boss(start, redis, log.config() + 'entities: {user: {field: user_id, keys: ["user:{id}"]}}\n')
    body = '{"\\u006bey\\u0073": ["a"], "us\\u0065r_id": 42, "not\\u0065": "why", "dry_ru\\u006e": true}'
    assert daemon.post(API + "/invalidate", body, token=secret("boss")).status == 200
    lines = log.wait(state="completed", method="POST") + log.of(state="intent")
    assert [(line["target"], line["note"], line["dry_run"]) for line in lines] == [("key a, user 42", "why", True)] * 2
