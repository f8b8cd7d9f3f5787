# SPDX-License-Identifier: MIT
"""Redis absent, killed, stopped, restarted, full, loading, busy, refusing: each request gets one
honest answer within its deadline, service is back within a second, nothing is left behind."""

import os
import shutil
import signal
import threading
import time

import pytest

import topology
from clustered import ClusteredRedis
from faults import NOISE_SECONDS, Still, Traffic, at_once, back, fault_config, honest, \
    livez_at_once
from harness import API, RedisError, Resp, free_port, until
from keys import CACHE, KEYS, put

DEADLINE_SECONDS = 2 * 0.5 + 1 + NOISE_SECONDS  # of a request, with fault_config's timeouts


def job(folder, rows, name="rows", extra="", value=20):
    path = os.path.join(folder, name + ".jsonl")
    with open(path, "w", encoding="utf-8") as file:
        for i in range(rows):
            file.write('{"id": "%d", "v": "%s"}\n' % (i, "x" * value))
    return f"""
warm:
  jobs:
    - {{name: {name}, source: {{type: file, path: "{path}", format: jsonl}},
       key: "{name}:{{id}}", retries: {{attempts: 1}}{extra}}}
"""


# Gone and back ------------------------------------------------------------------------------


def test_absent_at_start_is_said_and_the_return_is_seen_at_once(start, redis):
    redis.kill()
    daemon = start(fault_config(redis.url))
    # Before a sentinel has answered, it is the name that they know it by.
    names = [*redis.names, getattr(redis, "master", redis.name)]
    for body in {"keys": ["a"]}, {"patterns": ["a*"]}, {"keys": ["a"], "dry_run": True}:
        reply = honest(daemon.invalidate(body), "redis_unavailable")
        assert any(name in reply.json["detail"] for name in names), reply
        assert reply.took < DEADLINE_SECONDS
    assert daemon.get("/readyz").status == 200
    health = daemon.health()
    assert health.status == 503 and health.json["status"] == "DOWN"
    error = health.json["components"]["redis"]["details"]["error"]
    assert any(name in error for name in redis.names), error
    redis.start()
    back(daemon)
    Still(daemon).check()
    assert daemon.health().json["status"] == "UP"


def test_killed_in_the_middle_of_traffic_and_back(start, redis):
    daemon = start(fault_config(redis.url))
    still = Still(daemon)
    traffic = Traffic(daemon, limit=DEADLINE_SECONDS)
    for _ in range(3):
        time.sleep(0.2)
        redis.kill()
        until(lambda: daemon.stats()["redis"]["status"] == "down", "down to be seen")
        time.sleep(0.3)
        redis.start()
        back(daemon)
    statuses = {reply.status for reply in traffic.finish()}
    assert 200 in statuses and statuses <= {200, 502, 503, 504}, statuses
    still.check()


def test_stopped_is_answered_in_time_then_at_once_and_no_reply_meets_another_request(start, redis):
    for i in range(200):
        redis("SET", f"there:{i}", "1")
    daemon = start(fault_config(redis.url))
    still = Still(daemon)
    redis.send(signal.SIGSTOP)
    answers = []
    threads = [threading.Thread(target=lambda i=i: answers.append(
        daemon.invalidate({"keys": [f"absent:{i}"]}))) for i in range(8)]
    for thread in threads:
        thread.start()
    livez_at_once(daemon)
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    for reply in answers:
        honest(reply, "timeout", "redis_unknown_outcome", "redis_unavailable")
        assert reply.took < DEADLINE_SECONDS
    until(lambda: daemon.stats()["breaker"]["state"] != "closed", "the breaker to open")
    at_once(lambda: honest(daemon.invalidate({"keys": ["there:0"]}), "redis_unavailable"))
    livez_at_once(daemon)
    redis.send(signal.SIGCONT)
    back(daemon)
    # Late replies would give a key the answer of another.
    wrong = []

    def ask(i):
        name = f"there:{i}" if i % 2 else f"absent:{i}"
        reply = daemon.invalidate({"keys": [name]})
        if reply.status != 200 or reply.json["invalidated"] != i % 2:
            wrong.append((name, reply))

    threads = [threading.Thread(target=lambda n=n: [ask(i) for i in range(n, 200, 8)])
               for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    still.check()


def test_stopped_then_killed_with_data_unread(start, redis):
    """The kernel reports this as a reset, in the middle of commands."""
    daemon = start(fault_config(redis.url))
    still = Still(daemon)
    redis.send(signal.SIGSTOP)
    traffic = Traffic(daemon, limit=DEADLINE_SECONDS)
    time.sleep(0.2)
    redis.kill()
    time.sleep(0.3)
    redis.start()
    back(daemon)
    traffic.finish()
    still.check()


@pytest.mark.topology("server", "sentinel", why="has URLs of its own")
def test_stopped_for_a_while_over_tcp_and_back(start, tuned):
    redis = tuned("--port", str(free_port()))
    daemon = start(fault_config(f"redis://127.0.0.1:{redis.options[1]}/0"))
    still = Still(daemon)
    for _ in range(3):
        redis.send(signal.SIGSTOP)
        until(lambda: honest(daemon.invalidate({"keys": ["a"]})).status != 200, "the stop")
        until(lambda: daemon.stats()["redis"]["status"] == "down", "down")
        redis.send(signal.SIGCONT)
        back(daemon)
    still.check()


# Full ---------------------------------------------------------------------------------------


def fill_up(redis):
    i = 0
    with pytest.raises(RedisError, match="OOM"):
        while True:
            redis("SET", f"fill:{i}", "x" * 4000)
            i += 1
    return i


def test_full_invalidates_all_the_same_and_warming_says_why_not(start, tuned, folder):
    redis = tuned("--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
    daemon = start(fault_config(redis.url, extra=job(folder, 3000, value=4000, extra=", timeout: 8s")))
    still = Still(daemon)
    count = fill_up(redis)
    health = until(lambda: (h := daemon.health().json)["status"] == "DEGRADED" and h, "DEGRADED")
    assert any("noeviction" in w
               for w in health["components"]["redis"]["details"]["warnings"]), health
    reply = daemon.invalidate({"keys": ["fill:0"]})
    assert reply.status == 200 and reply.json["invalidated"] == 1, reply
    # A single small key may not make room for the log.
    assert reply.json["complete"] or reply.json["reason"] == "redis_oom", reply
    reply = daemon.invalidate({"patterns": ["fill:*"]})
    assert reply.status == 200 and reply.json["complete"], reply
    assert reply.json["invalidated"] == count - 1
    assert redis.keys() == []
    # More rows than memory: some are stored, the verdict counts them and quotes Redis.
    reply = daemon.warm({"cache_names": ["rows"], "wait": 30, "strict": True})
    run = daemon.get(reply.json["runs"][0]["location"]).json
    stored = len(redis.keys("rows:*"))
    assert run["state"] in ("partial", "failed"), run
    assert "OOM" in str(run), run
    assert 0 < stored < 3000 and run["result"]["stored"] == stored, (stored, run)
    redis("CONFIG", "SET", "maxmemory", "0")
    reply = daemon.warm({"cache_names": ["rows"], "wait": 30})
    assert reply.json["state"] == "completed", reply
    still.check()


# Answers that are no answers ----------------------------------------------------------------


@pytest.mark.topology("server", "tls", "sentinel", why="one server of three is loading: the others work")
def test_loading_is_said_with_its_progress_and_ends_by_itself(start, tuned):
    redis = tuned("--enable-debug-command", "yes")
    redis("DEBUG", "POPULATE", "20000", "key", "100")
    redis("SAVE")
    daemon = start(fault_config(redis.url))
    still = Still(daemon)
    redis.kill()
    redis.start("--key-load-delay", "150", "--loading-process-events-interval-bytes", "2048",
                wait=False)
    daemon.wait_redis("loading")
    health = until(lambda: (h := daemon.health()).json["components"]["redis"]["details"].get(
        "loaded_ratio") and h, "progress")
    assert health.status == 200 and health.json["status"] == "DEGRADED"
    assert health.json["components"]["redis"]["details"]["state"] == "loading"
    assert daemon.get("/readyz?redis=true").status == 503
    for body in {"keys": ["key:1"]}, {"patterns": ["key:1*"]}:
        honest(daemon.invalidate(body), "redis_loading")
    assert daemon.metric("redis_up") == 0
    probe = Resp(redis.path)
    until(lambda: b"\nloading:0" in probe.call("INFO", "persistence"), "Redis to have loaded")
    back(daemon)
    reply = daemon.invalidate({"keys": ["key:1"]})
    assert reply.json["invalidated"] == 1
    still.check()


@pytest.mark.topology("server", "tls", "sentinel", why="one server of three is busy: the others work")
def test_busy_with_a_script_is_said_and_over_when_it_is_killed(start, tuned):
    redis = tuned("--busy-reply-threshold", "50")
    daemon = start(fault_config(redis.url))
    still = Still(daemon)
    script = Resp(redis.path)
    looping = threading.Thread(
        target=lambda: script.pipeline([("EVAL", "while true do end", "0")]))
    looping.start()
    daemon.wait_redis("busy")
    health = daemon.health()
    assert health.status == 200 and health.json["status"] == "DEGRADED"
    for body in {"keys": ["a"]}, {"patterns": ["a*"]}:
        honest(daemon.invalidate(body), "redis_busy")
    livez_at_once(daemon)
    Resp(redis.path).call("SCRIPT", "KILL")
    back(daemon)
    looping.join()
    still.check()


@pytest.mark.topology("server", "tls", "sentinel", why="a cluster allows no REPLICAOF")
def test_a_replica_refuses_writes_and_is_asked_again(start, redis, folder):
    daemon = start(fault_config(redis.url, extra=job(folder, 10)))
    still = Still(daemon)
    redis("SET", "a", "1")
    redis("REPLICAOF", "127.0.0.1", "1")
    reply = honest(daemon.invalidate({"keys": ["a"]}), "not_primary")
    assert "is a replica" in reply.json["detail"]
    assert redis("EXISTS", "a") == 1
    reply = daemon.warm({"cache_names": ["rows"], "wait": 10, "strict": True})
    assert "is a replica" in honest(reply, "not_primary").json["detail"]
    redis("REPLICAOF", "NO", "ONE")
    back(daemon)
    assert daemon.invalidate({"keys": ["a"]}).json["invalidated"] == 1
    still.check()


@pytest.mark.topology("server", "tls", "sentinel", why="a cluster allows no REPLICAOF")
def test_a_replica_cut_off_its_primary_is_down(start, tuned):
    redis = tuned("--replica-serve-stale-data", "no")
    daemon = start(fault_config(redis.url))
    still = Still(daemon)
    redis("REPLICAOF", "127.0.0.1", "1")
    honest(daemon.invalidate({"keys": ["a"]}), "not_primary", "redis_unavailable")
    reply = honest(daemon.get("/api/v1/cache/keys/a"), "redis_unavailable")
    assert "MASTERDOWN" in reply.json["detail"]
    daemon.wait_redis("down")
    assert daemon.health().status == 503
    redis("REPLICAOF", "NO", "ONE")
    back(daemon)
    daemon.wait_redis("up")
    still.check()


def test_too_few_replicas_refuse_writes(start, tuned):
    redis = tuned("--min-replicas-to-write", "1")
    daemon = start(fault_config(redis.url))
    still = Still(daemon)
    for body in {"keys": ["a"]}, {"patterns": ["a*"]}:
        assert "NOREPLICAS" in honest(daemon.invalidate(body), "redis_readonly").json["detail"]
    redis("CONFIG", "SET", "min-replicas-to-write", "0")
    back(daemon)
    still.check()


@pytest.mark.topology("server", "tls", "sentinel", why="gives the server a folder")
def test_a_failed_snapshot_refuses_writes(start, tuned, folder):
    where = os.path.join(folder, "data")
    os.mkdir(where)
    redis = tuned("--dir", where, "--save", "3600", "1")
    daemon = start(fault_config(redis.url))
    still = Still(daemon)
    shutil.rmtree(where)
    redis("BGSAVE")
    until(lambda: b"rdb_last_bgsave_status:err" in redis("INFO", "persistence"), "it to fail")
    reply = honest(daemon.invalidate({"keys": ["a"]}), "redis_readonly")
    assert "MISCONF" in reply.json["detail"]
    redis("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
    back(daemon)
    still.check()


# Who may come in ----------------------------------------------------------------------------


def secret(folder, text):
    path = os.path.join(folder, "password")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    os.chmod(path, 0o600)
    return path


def attempts(redis):
    info = redis("INFO", "stats").decode()
    return int(info.split("total_connections_received:")[1].split()[0])


@pytest.mark.topology("server", "tls", why="counts connections, of which sentinels have some")
def test_a_changed_password_is_said_not_hammered_and_taken_by_reload(start, redis, folder):
    redis("CONFIG", "SET", "requirepass", "one")
    config = fault_config(redis.url, f'password_file: "{secret(folder, "one")}"')
    daemon = start(config)
    still = Still(daemon)
    redis("AUTH", "one")
    redis("CONFIG", "SET", "requirepass", "two")
    redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    until(lambda: daemon.invalidate({"keys": ["a"]}).json.get("code") == "redis_auth", "refusal")
    before = attempts(redis)
    time.sleep(2)
    # Two connections, each at most once in five seconds.
    assert attempts(redis) - before <= 2
    health = daemon.health()
    assert health.status == 503
    error = health.json["components"]["redis"]["details"]["error"]
    assert "WRONGPASS" in error and "one" not in error.split(), error
    at_once(lambda: honest(daemon.invalidate({"patterns": ["a*"]}), "redis_auth"))
    secret(folder, "two")
    assert daemon.post(API + "/reload").status == 200
    back(daemon)
    still.check()
    assert "two" not in daemon.log


def test_a_user_without_scan_lacks_patterns_only_and_a_deleted_user_all(start, redis, folder):
    redis("ACL", "SETUSER", "cw", "on", ">pass", "~*", "&*", "+@all", "-scan")
    redis("SET", "a", "1")
    daemon = start(fault_config(
        redis.url, f'username: cw, password_file: "{secret(folder, "pass")}"'))
    still = Still(daemon)
    reply = honest(daemon.invalidate({"patterns": ["a*"]}), "redis_noperm")
    assert "scan" in reply.json["detail"].lower()
    assert daemon.invalidate({"keys": ["a"]}).json["invalidated"] == 1
    redis("ACL", "DELUSER", "cw")
    until(lambda: daemon.invalidate({"keys": ["a"]}).json.get("code") == "redis_auth", "refusal")
    redis("ACL", "SETUSER", "cw", "on", ">pass", "~*", "&*", "+@all")
    assert daemon.post(API + "/reload").status == 200
    back(daemon)
    assert daemon.invalidate({"patterns": ["a*"]}).status == 200
    still.check()


@pytest.mark.topology("server", "sentinel", why="behind TLS Redis does not say why it closes")
def test_no_room_for_another_client_is_said_and_not_hammered(start, redis):
    redis("CONFIG", "SET", "maxclients", "1")
    daemon = start(fault_config(redis.url))
    honest(daemon.invalidate({"keys": ["a"]}), "redis_unavailable")
    before = attempts(redis)
    began = time.monotonic()
    # Whether Redis hangs up before or after our first command is written: its reason is shown.
    errors = set()
    while time.monotonic() < began + 2:
        errors.add(daemon.health().json["components"]["redis"]["details"]["error"])
        time.sleep(0.01)
    assert all("max number of clients" in error for error in errors), errors
    # Two connections that wait 250 ms in the mean between attempts.
    assert attempts(redis) - before <= 20 * (time.monotonic() - began)
    redis("CONFIG", "SET", "maxclients", "100")
    back(daemon)
    Still(daemon).check()


@pytest.mark.topology("server", why="sentinels are clients, too; behind TLS Redis does not say why it closes")
def test_where_only_one_connection_is_let_in_keys_are_served_by_it(start, redis):
    redis("CONFIG", "SET", "maxclients", "2")
    daemon = start(fault_config(redis.url, extra="stats: {interval: 1h}"))
    daemon.wait_redis()
    # The other connection's attempts fail again and again meanwhile; that is no reason to refuse.
    until(lambda: daemon.metric("cachewarden_redis_connection_failures_total") >= 10, "attempts")
    assert daemon.stats()["breaker"]["state"] == "closed"
    assert daemon.stats()["breaker"]["failures"] == 0
    reply = daemon.invalidate({"keys": ["a"]})
    assert reply.status == 200, reply
    reply = honest(daemon.invalidate({"patterns": ["a*"]}), "redis_unavailable")
    assert "max number of clients" in reply.json["detail"], reply


class Reader(threading.Thread):
    """Reads a key again and again, and some with it; keeps the answers that were none."""

    def __init__(self, daemon, key):
        super().__init__(daemon=True)
        self.daemon_, self.key, self.count, self.wrong, self.stopping = daemon, key, 0, [], False
        self.start()

    def run(self):
        while not self.stopping:
            one = self.daemon_.get(KEYS + self.key)
            many = self.daemon_.post(CACHE + "/mget", {"keys": [self.key] * 40})
            self.wrong += [reply for reply in (one, many) if reply.status != 200]
            self.count += 1

    def more(self):
        count = self.count
        until(lambda: self.count > count + 5, "more reads")

    def stop(self):
        self.stopping = True
        self.join(20)
        return self.wrong

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


@pytest.fixture
def cluster(folder):
    servers = ClusteredRedis(folder, name="held", kept_folder=topology.shared_folder())
    yield servers
    servers.close()


@pytest.mark.parametrize("kind", ["redis", "cluster"])
def test_reads_go_on_while_writes_are_held_back(start, request, kind):
    """As a primary does during a failover. In a cluster one of three."""
    redis = request.getfixturevalue(kind)
    daemon = start(fault_config(redis.url))
    still = Still(daemon)
    server = getattr(redis, "node", lambda key: redis)("held:1")

    def store():
        return put(daemon, "held:1", b"v")

    def warnings():
        return " ".join(daemon.health().json["components"]["redis"]["details"]["warnings"])

    assert store().status == 201
    server("CLIENT", "PAUSE", 600000, "WRITE")
    try:
        with Reader(daemon, "held:1") as reader:
            for _ in range(3):
                assert honest(store()).took < DEADLINE_SECONDS
            until(lambda: "holds writes back (CLIENT PAUSE" in warnings(), "the reason in health")
            assert daemon.health().json["status"] == "DEGRADED" and daemon.health().status == 200
            reader.more()
        assert not reader.wrong
        assert daemon.stats()["redis"]["status"] == "up" and daemon.stats()["breaker"]["state"] == "closed"
        # Connections that are made meanwhile read, too.
        server("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        until(lambda: daemon.get(KEYS + "held:1").status == 200, "a new connection")
        with Reader(daemon, "held:1") as reader:
            until(lambda: "holds writes back" in warnings(), "the reason in health")
            honest(store(), "redis_unavailable", "timeout")
            reader.more()
        assert not reader.wrong
    finally:
        server("CLIENT", "UNPAUSE")
    until(lambda: store().status == 204, "writes again")
    until(lambda: not warnings().count("holds writes"), "health")
    daemon.wait_for("redis takes writes again")
    still.check()


@pytest.mark.topology("server", "sentinel", why="has URLs of its own")
@pytest.mark.parametrize("over", ["tcp", "unix"])
def test_user_password_and_database_other_than_0(start, tuned, folder, over):
    redis = tuned("--port", str(free_port()))
    redis("ACL", "SETUSER", "cw", "on", ">p:@/ss", "~*", "&*", "+@all")
    redis("ACL", "SETUSER", "default", "resetpass", ">other")
    redis("AUTH", "other")
    for database in 0, 5:
        redis("SELECT", str(database))
        redis.fill(10, key="k:{}")
    if over == "tcp":
        config = fault_config(f"redis://cw:p%3A%40%2Fss@127.0.0.1:{redis.options[1]}/5")
    else:
        config = fault_config(f"unix://{redis.path}?db=5",
                              f'username: cw, password_file: "{secret(folder, "p:@/ss")}"')
    daemon = start(config + job(folder, 7))
    still = Still(daemon)
    until(lambda: (daemon.stats()["redis"]["keys"]["total"] or 0) >= 10, "the sample")
    assert daemon.invalidate({"patterns": ["k:*"]}).json["invalidated"] == 10
    assert daemon.warm({"cache_names": ["rows"], "wait": 10}).json["state"] == "completed"
    redis("SELECT", "0")
    assert len(redis.keys("k:*")) == 10 and redis.keys("rows:*") == []
    redis("SELECT", "5")
    assert redis.keys("k:*") == [] and len(redis.keys("rows:*")) == 7
    # A connection that comes back is in the same database, as the same user.
    redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    back(daemon)
    assert daemon.invalidate({"patterns": ["rows:*"]}).json["invalidated"] == 7
    still.check()


# Behind our back ----------------------------------------------------------------------------


def test_a_flush_behind_our_back_warms_once(start, redis, folder):
    daemon = start(fault_config(redis.url, extra="stats: {interval: 100ms}\n" +
                                job(folder, 20, extra=", on: [redis_flushed]")))
    still = Still(daemon)
    redis.fill(100)
    until(lambda: daemon.stats()["redis"]["keys"]["total"] >= 100, "the sample")
    redis("FLUSHALL")
    until(lambda: len(redis.keys("rows:*")) == 20, "the run")
    time.sleep(1)
    runs = daemon.get(API + "/operations?kind=warm").json["items"]
    assert [run["state"] for run in runs] == ["completed"], runs
    assert daemon.stats()["redis"]["keys"]["total"] < 100
    still.check()
