# SPDX-License-Identifier: MIT
"""Alerts against a Redis that is made to show what they are about, and the webhooks that are told."""

import hashlib
import hmac
import json
import os
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from conftest import open_config
from harness import API, DEADLINE, SOAK, Resp, free_port, until
from origin import Origin

FAST = "stats: {interval: 100ms}\n"
JOB = """
warm:
  jobs:
    - {name: rows, source: {type: file, path: %s, format: jsonl}, key: "rows:{id}"}
"""


def alert(daemon, name):
    items = daemon.get(API + "/alerts").json["items"]
    return next(item for item in items if item["alert"] == name)


def wait_for(daemon, name, state, seconds=DEADLINE):
    until(lambda: alert(daemon, name)["state"] == state, f"{name} {state}", seconds)


def firing(daemon):
    return {item["alert"] for item in daemon.stats()["alerts"] if item["state"] == "firing"}


def fires_and_resolves(daemon, name, begin, end, seconds=DEADLINE):
    """While the rule fires, it is in stats, health and metrics."""
    critical = name == "RedisDown"
    series = 'cachewarden_alert_firing{alert="%s",severity="%s"}' % (
        name, "critical" if critical else "warning")
    assert alert(daemon, name)["state"] == "inactive" and daemon.metric(series) == 0
    begin()
    wait_for(daemon, name, "firing")
    assert name in firing(daemon) and daemon.metric(series) == 1
    health = daemon.get(API + "/health").json["components"]["alerts"]
    assert health["details"]["firing"] >= 1
    assert (health["status"] == "DEGRADED") == critical == (health["details"]["critical"] == 1)
    end()
    wait_for(daemon, name, "resolved", seconds)
    assert name not in firing(daemon) and daemon.metric(series) == 0


def soon(*names):
    """The built-in rules of these names with a shorter `for`."""
    rules = {
        "CacheMemoryHigh": "metric: redis_memory_used_ratio, above: 0.8",
        "CacheHitRateLow": "metric: redis_hit_ratio, below: 0.7, min_lookups: 1000",
        "RedisDown": "metric: redis_up, below: 1, severity: critical",
        "RedisConnectionFailures": "metric: redis_connection_failures_per_second, above: 0",
        "RedisLatencyHigh": "metric: redis_latency_p99_seconds, above: 0.01",
        "CacheWarmFailing": "metric: warm_failing_jobs, above: 0",
    }
    return "alerts:\n" + "".join(
        "  - {alert: %s, %s, for: 300ms}\n" % (name, rules[name]) for name in names)


# The built-in rules --------------------------------------------------------------------------


def test_the_six_rules_are_there_with_their_limits(shared):
    items = shared.get(API + "/alerts").json["items"]
    assert [(i["alert"], i["metric"], i["fires"], i["threshold"], i["for_seconds"], i["severity"])
            for i in items] == [
        ("CacheMemoryHigh", "redis_memory_used_ratio", "above", 0.8, 60, "warning"),
        ("CacheHitRateLow", "redis_hit_ratio", "below", 0.7, 300, "warning"),
        ("RedisDown", "redis_up", "below", 1, 10, "critical"),
        ("RedisConnectionFailures", "redis_connection_failures_per_second", "above", 0, 60, "warning"),
        ("RedisLatencyHigh", "redis_latency_p99_seconds", "above", 0.01, 60, "warning"),
        ("CacheWarmFailing", "warm_failing_jobs", "above", 0, 0, "warning"),
    ]


def test_memory_above_the_limit(start, tuned):
    redis = tuned("--maxmemory", "8mb")
    daemon = start(open_config(redis) + FAST + soon("CacheMemoryHigh"))
    daemon.wait_redis()
    fires_and_resolves(daemon, "CacheMemoryHigh",
                       lambda: [redis("SETRANGE", key, str(6 << 20), "x") for key in redis.one_each("big")],
                       lambda: redis("DEL", *redis.one_each("big")))


def test_without_a_limit_the_memory_rule_is_silent_and_says_why(shared):
    shared.wait_redis()
    until(lambda: "maxmemory" in (alert(shared, "CacheMemoryHigh")["reason"] or ""), "the reason")
    seen = alert(shared, "CacheMemoryHigh")
    assert seen["state"] == "inactive" and seen["value"] is None


def test_a_low_hit_rate_of_enough_lookups(start, redis):
    daemon = start(open_config(redis) + FAST + soon("CacheHitRateLow"))
    redis("SET", "k", "v")
    until(lambda: alert(daemon, "CacheHitRateLow")["reason"].startswith("there were no lookups"),
          "two samples")
    for _ in range(9):
        redis("MGET", *["absent"] * 100)
    until(lambda: "fewer lookups" in alert(daemon, "CacheHitRateLow")["reason"], "900 lookups")
    fires_and_resolves(daemon, "CacheHitRateLow", lambda: redis("MGET", *["absent"] * 1000),
                       lambda: [redis("MGET", *["k"] * 1000) for _ in range(10)])


def test_redis_down(start, redis):
    daemon = start(open_config(redis) + FAST + soon("RedisDown"))
    daemon.wait_redis()
    until(lambda: alert(daemon, "RedisDown")["value"] == 1, "a sample")
    fires_and_resolves(daemon, "RedisDown", redis.kill, redis.start)


def test_connection_failures(start, redis):
    daemon = start(open_config(redis) + FAST + soon("RedisConnectionFailures"))
    daemon.wait_redis()

    def fail():
        redis.kill()
        daemon.wait_redis("down")
        redis.start()

    # The rate is that of the last minute.
    if SOAK:
        fires_and_resolves(daemon, "RedisConnectionFailures", fail, lambda: None, 90)
    else:
        fail()
        wait_for(daemon, "RedisConnectionFailures", "firing")


def test_latency(start, tuned):
    redis = tuned("--enable-debug-command", "yes")
    # Not the built-in threshold: a busy machine has single round trips of 10 ms.
    daemon = start(open_config(redis) + FAST +
                   soon("RedisLatencyHigh").replace("above: 0.01", "above: 0.3"))
    until(lambda: alert(daemon, "RedisLatencyHigh")["value"], "a sample")
    # One slow round trip is the 99th percentile until a hundred others have come.
    fires_and_resolves(daemon, "RedisLatencyHigh",
                       lambda: redis("DEBUG", "SLEEP", "1"),
                       lambda: None, 60)


def test_a_failing_job(start, redis, folder):
    rows = os.path.join(folder, "rows.jsonl")
    daemon = start(open_config(redis) + FAST + JOB % rows)

    def succeed():
        with open(rows, "w") as file:
            file.write('{"id": 1}\n')
        assert daemon.warm({"wait": 10}).json["state"] == "completed"

    fires_and_resolves(daemon, "CacheWarmFailing",
                       lambda: daemon.warm({"wait": 10}), succeed)


# Rules of the file ---------------------------------------------------------------------------


def test_pending_ends_where_the_condition_does_not_last(start, redis):
    rule = "alerts: [{alert: Keys, metric: redis_blocked_clients, above: 0, for: 1h}]\n"
    daemon = start(open_config(redis) + FAST + rule)
    with Blocked(redis):
        wait_for(daemon, "Keys", "pending")
        assert daemon.stats()["alerts"][0]["state"] == "pending"
    wait_for(daemon, "Keys", "inactive")


def test_own_rules_extend_the_built_in_ones_or_replace_them(start, redis):
    config = open_config(redis) + FAST
    rules = "alerts: [{alert: RedisDown, metric: redis_up, below: 1, for: 5s}, {alert: Mine, metric: open_fds, above: 1}]\n"
    daemon = start(config + rules.replace("open_fds", "process_open_fds"))
    names = [item["alert"] for item in daemon.get(API + "/alerts").json["items"]]
    assert len(names) == 7 and names.count("RedisDown") == 1
    assert alert(daemon, "RedisDown")["for_seconds"] == 5
    wait_for(daemon, "Mine", "firing")
    daemon.configure(config + "default_alerts: false\n")
    assert daemon.post(API + "/reload", {}).status == 200
    assert daemon.get(API + "/alerts").json["items"] == []
    assert daemon.metric('cachewarden_alert_firing{alert="Mine",severity="warning"}') is None


def test_a_reload_keeps_the_states_of_unchanged_rules(start, redis):
    config = open_config(redis) + FAST
    rule = "alerts: [{alert: Mine, metric: process_open_fds, above: 1, for: %s}]\n"
    daemon = start(config + rule % "0s")
    wait_for(daemon, "Mine", "firing")
    since = alert(daemon, "Mine")["since"]
    assert daemon.post(API + "/reload", {}).status == 200
    assert alert(daemon, "Mine")["since"] == since and alert(daemon, "Mine")["state"] == "firing"
    daemon.configure(config + rule % "1h")
    assert daemon.post(API + "/reload", {}).status == 200
    wait_for(daemon, "Mine", "pending")


@pytest.mark.parametrize("rule, words", [
    ("{alert: A, metric: nonsense, above: 1}", "metric is not the name of a gauge"),
    ("{alert: A, metric: redis_up_per_second, above: 1}", "metric is not the name of a gauge"),
    ("{alert: A, metric: redis_latency_seconds, above: 1}", "metric is not the name of a gauge"),
    ("{alert: A, metric: redis_latency_p0_seconds, above: 1}", "metric is not the name of a gauge"),
    ("{alert: A, metric: redis_latency_px_seconds, above: 1}", "metric is not the name of a gauge"),
    ("{alert: A, metric: _p99_seconds, above: 1}", "metric is not the name of a gauge"),
    ("{alert: A, metric: redis_latency_p99999_seconds, above: 1}", "metric is not the name of a gauge"),
    ("{alert: A, metric: [redis_up], above: 1}", "metric is not the name of a gauge"),
    ("{alert: A, metric: invalidated_keys_total, above: 1}", "metric is not the name of a gauge"),
    ("{alert: A, metric: redis_up, above: NaN}", "above is not a number such as 0.8"),
    ("{alert: A, metric: redis_up, above: inf}", "above is not a number such as 0.8"),
    ("{alert: A, metric: redis_up, above: 0x1}", "above is not a number such as 0.8"),
    ("{alert: A, metric: redis_up, above: 1e999}", "above is not a number such as 0.8"),
    ("{alert: A, metric: redis_up, above: ''}", "above is not a number such as 0.8"),
    ("{alert: A, metric: redis_up}", "must have either above or below"),
    ("{alert: A, metric: redis_up, above: 1, below: 2}", "must have either above or below"),
    ("{alert: A, metric: redis_up, above: 1, min_lookups: 5}", "min_lookups"),
    ("{alert: A, metric: redis_up, above: 1, severity: page}", "must be one of: warning, critical"),
    ("{alert: A, metric: redis_up, above: 1}, {alert: A, metric: redis_up, below: 1}", "alert A twice"),
    ("{metric: redis_up, above: 1}", "give the alert a name"),
])
def test_a_wrong_rule_is_refused_with_its_line(check_config, rule, words):
    assert words in check_config(f"alerts: [{rule}]\n")


@pytest.mark.parametrize("row, words", [
    ("{webhook: 'ftp://h/x'}", "is not an address such as"),
    ("{webhook: 'https://'}", "is not an address such as"),
    ("{webhook: 'https:///x'}", "is not an address such as"),
    ("{webhook: 'http://h/a b'}", "is not an address such as"),
    ("{webhook: 'https://u:p@h/'}", "has credentials in its address"),
    ("{webhook: 'https://h/', secret_file: /none}", "names /none, which cannot be read"),
    ("{webhook: 'https://h/', severities: []}", "must not be empty"),
    ("{webhook: 'https://h/', severities: [info]}", "must be warning or critical"),
    ("{}", "give the address"),
])
def test_a_wrong_webhook_is_refused_with_its_line(check_config, row, words):
    assert words in check_config(f"notify: [{row}]\n")


@pytest.fixture
def check_config(folder):
    def check(text):
        path = os.path.join(folder, "c.yaml")
        with open(path, "w") as file:
            file.write(text)
        done = subprocess.run([os.environ["CACHEWARDEN_BIN"], "--config", path, "--check-config"],
                              capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 78 and f"{path}:1: " in done.stderr, done
        return done.stderr

    return check


# Webhooks ------------------------------------------------------------------------------------


class Receiver:
    """Remembers what it was told; the first answers are `statuses`, all others 200."""

    def __init__(self, port=0):
        self.told, self.signatures, self.statuses = [], [], []
        self.origin = Origin(lambda path: self.statuses.pop(0) if self.statuses else 200, port)
        self.origin.look = self.look
        self.url = self.origin.url + "/hook/s3cret"

    def look(self, handler):
        self.signatures.append((handler.headers.get("X-Cachewarden-Signature"), handler.body))
        self.told.append(json.loads(handler.body))
        assert handler.headers["Content-Type"] == "application/json"

    def states(self):
        return [{a["labels"]["alertname"]: a["status"] for a in body["alerts"]} for body in self.told]


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.origin.close()


BUSY = "alerts: [{alert: Busy, metric: redis_blocked_clients, above: 0, severity: %s}]\ndefault_alerts: false\n"


def told(receiver, count):
    until(lambda: len(receiver.told) >= count, f"{count} requests of the webhook")


class Blocked:
    """While it is there, the alert Busy fires."""

    def __init__(self, redis):
        self.client = redis.dial("none")

    def __enter__(self):
        self.client.socket.sendall(Resp.encode(("BLPOP", "none", "0")))

    def __exit__(self, *_):
        self.client.close()


def test_a_webhook_is_told_of_the_beginning_and_the_end_and_signed(start, redis, receiver, folder):
    secret = os.path.join(folder, "secret")
    with open(secret, "w") as file:
        file.write("k3y\n")
    os.chmod(secret, 0o600)
    daemon = start(open_config(redis) + FAST + BUSY % "critical" +
                   f"notify: [{{webhook: '{receiver.url}', secret_file: {secret}}}]\n")
    daemon.wait_redis()
    with Blocked(redis):
        told(receiver, 1)
    told(receiver, 2)
    first, second = receiver.told
    assert first["version"] == "4" and first["status"] == "firing" and second["status"] == "resolved"
    begun, ended = first["alerts"][0], second["alerts"][0]
    assert begun["labels"] == {"alertname": "Busy", "instance": "test", "job": "cachewarden",
                               "severity": "critical"} == ended["labels"]
    assert begun["annotations"]["summary"] == "Busy: redis_blocked_clients is 1; it fires above 0"
    assert begun["startsAt"] == ended["startsAt"] <= ended["endsAt"]
    assert begun["endsAt"] == "0001-01-01T00:00:00Z" and begun["fingerprint"] == ended["fingerprint"]
    for signature, body in receiver.signatures:
        assert signature == "sha256=" + hmac.new(b"k3y", body, hashlib.sha256).hexdigest()
    # The path of a webhook may be its secret.
    assert "s3cret" not in daemon.log


def test_failures_are_tried_again_and_refusals_are_not(start, redis, receiver):
    receiver.statuses = [500, 503]
    daemon = start(open_config(redis) + FAST + BUSY % "warning" + f"notify: [{{webhook: '{receiver.url}'}}]\n")
    daemon.wait_redis()
    with Blocked(redis):
        told(receiver, 3)
        assert receiver.states() == [{"Busy": "firing"}] * 3
        assert receiver.signatures[0][0] is None
        until(lambda: daemon.metric('cachewarden_notifications_total{result="delivered"}') == 1, "delivery")
        assert daemon.metric('cachewarden_notifications_total{result="failed"}') == 2
        receiver.statuses = [(302, b"", {"Location": receiver.origin.url + "/other"})]
    daemon.wait_for("redirects are not followed")
    receiver.statuses = [404]
    with Blocked(redis):
        daemon.wait_for("was answered with status 404, these alerts are not sent again")
        until(lambda: daemon.metric('cachewarden_notifications_total{result="failed"}') == 4, "the refusals")
    told(receiver, 6)
    assert receiver.states()[3:] == [{"Busy": "resolved"}, {"Busy": "firing"}, {"Busy": "resolved"}]
    assert set(receiver.origin.calls) == {"/hook/s3cret"}


def test_the_last_state_is_told_when_the_receiver_is_back(start, redis):
    port = free_port()
    url = f"http://127.0.0.1:{port}/hook"
    daemon = start(open_config(redis) + FAST + BUSY % "warning" + f"notify: [{{webhook: '{url}'}}]\n")
    daemon.wait_redis()
    with Blocked(redis):
        daemon.wait_for("notify: POST http://127.0.0.1:%d/***" % port)
    wait_for(daemon, "Busy", "resolved")
    with Blocked(redis):
        wait_for(daemon, "Busy", "firing")
        receiver = Receiver(port)
        told(receiver, 1)
        assert receiver.states() == [{"Busy": "firing"}]
    told(receiver, 2)
    assert receiver.states()[1] == {"Busy": "resolved"}
    receiver.origin.close()


def test_a_receiver_that_hangs_holds_nothing_up(start, redis, receiver):
    gate = threading.Event()
    receiver.origin.answer = lambda path: gate.wait(DEADLINE) and 200
    daemon = start(open_config(redis) + FAST + BUSY % "warning" + f"notify: [{{webhook: '{receiver.url}'}}]\n")
    daemon.wait_redis()
    with Blocked(redis):
        told(receiver, 1)
        begin = time.monotonic()
        assert daemon.get("/livez").status == 200 and daemon.stats()["alerts"]
        assert time.monotonic() - begin < 2
    wait_for(daemon, "Busy", "resolved")
    assert daemon.close() is None
    gate.set()


def test_only_the_severities_that_it_wants(start, redis, receiver):
    rules = ("alerts: [{alert: Busy, metric: redis_blocked_clients, above: 0, severity: warning}, "
             "{alert: Worse, metric: redis_blocked_clients, above: 0, severity: critical}]\n"
             "default_alerts: false\n")
    daemon = start(open_config(redis) + FAST + rules +
                   f"notify: [{{webhook: '{receiver.url}', severities: [critical]}}]\n")
    daemon.wait_redis()
    with Blocked(redis):
        told(receiver, 1)
        wait_for(daemon, "Busy", "firing")
    told(receiver, 2)
    assert receiver.states() == [{"Worse": "firing"}, {"Worse": "resolved"}]


def test_a_webhook_that_a_reload_adds_is_told_what_fires(start, redis, receiver):
    config = open_config(redis) + FAST + BUSY % "warning"
    daemon = start(config)
    daemon.wait_redis()
    with Blocked(redis):
        wait_for(daemon, "Busy", "firing")
        daemon.configure(config + f"notify: [{{webhook: '{receiver.url}'}}]\n")
        assert daemon.post(API + "/reload", {}).status == 200
        told(receiver, 1)
        # A rule that is gone has ended.
        daemon.configure(open_config(redis) + FAST + "default_alerts: false\n"
                            f"notify: [{{webhook: '{receiver.url}'}}]\n")
        assert daemon.post(API + "/reload", {}).status == 200
        told(receiver, 2)
        daemon.configure(config)
        assert daemon.post(API + "/reload", {}).status == 200
        wait_for(daemon, "Busy", "firing")
    assert receiver.states() == [{"Busy": "firing"}, {"Busy": "resolved"}]


# The real thing ------------------------------------------------------------------------------


def call(url, body=None):
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        return answer.read()


@pytest.fixture
def alertmanager(folder):
    path = os.path.join(folder, "am.yml")
    with open(path, "w") as file:
        file.write("route: {receiver: none}\nreceivers: [{name: none}]\n")
    port = free_port()
    process = subprocess.Popen(
        [shutil.which("prometheus-alertmanager"), "--config.file", path, "--cluster.listen-address=",
         "--web.listen-address", f"127.0.0.1:{port}", "--storage.path", os.path.join(folder, "am")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def ready():
        try:
            return call(url + "/-/ready")
        except (urllib.error.URLError, ConnectionError):
            return None

    until(ready, "alertmanager")
    yield url
    process.terminate()
    process.wait()


def test_alertmanager_takes_the_alerts_of_the_webhook(start, redis, receiver, alertmanager):
    daemon = start(open_config(redis) + FAST + BUSY % "critical" + f"notify: [{{webhook: '{receiver.url}'}}]\n")
    daemon.wait_redis()

    def seen():
        return [a for a in json.loads(call(alertmanager + "/api/v2/alerts"))
                if a["labels"]["alertname"] == "Busy"]

    with Blocked(redis):
        told(receiver, 1)
        call(alertmanager + "/api/v2/alerts", json.dumps(receiver.told[0]["alerts"]).encode())
        until(seen, "the alert in Alertmanager")
        assert seen()[0]["status"]["state"] in ("active", "unprocessed")
        assert seen()[0]["annotations"]["summary"].startswith("Busy: ")
    told(receiver, 2)
    call(alertmanager + "/api/v2/alerts", json.dumps(receiver.told[1]["alerts"]).encode())
    until(lambda: not seen(), "its end in Alertmanager")


def test_prometheus_rules_are_those_of_the_daemon(shared):
    path = os.path.join(os.path.dirname(__file__), "../../docs/prometheus-rules.yaml")
    done = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    text = open(path).read()
    for item in shared.get(API + "/alerts").json["items"]:
        rule = text.split(f"alert: {item['alert']}\n")[1].split("- alert:")[0]
        sign = ">" if item["fires"] == "above" else "<"
        assert f"{sign} {item['threshold']:g}" in rule and f"severity: {item['severity']}" in rule
        assert f"for: {item['for_seconds']:g}s" in rule
