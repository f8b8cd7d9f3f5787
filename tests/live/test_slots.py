# SPDX-License-Identifier: MIT
"""What only a cluster brings: tags, indexes, leases and the log are on other servers than the value.

The order of the steps makes each crash between them harmless, and a primary that is away, or that
takes over, never leaves what nothing would find.
"""

import hashlib
import json
import signal
import threading

import pytest

import topology
from cluster import Cluster, slot_of
from clustered import ClusteredRedis
from harness import DEADLINE, open_config, until
from keys import CACHE, beside, path, put
from proxy import Proxy
from test_sessions import config, create, get, listed, use
from test_sessions_change import ROTATE


@pytest.fixture
def redis(folder):
    """Three primaries without replicas, behind a proxy once one is asked for."""
    server = ClusteredRedis(folder, name="slots", kept_folder=topology.shared_folder())
    yield server
    server.close()


@pytest.fixture
def proxy(folder, redis):
    proxy = Proxy(folder, redis)
    yield proxy
    proxy.close()


@pytest.fixture
def daemon(start, redis):
    daemon = start(config(redis))
    daemon.wait_redis()
    return daemon


@pytest.fixture
def replicated(folder):
    servers = Cluster(folder, 3, replicas=1)
    yield servers
    servers.close()


def names(redis):
    return [key.decode() for key in redis.keys("session:*")]


def key_of(session):
    return "session:" + hashlib.sha256(session["session_id"].encode()).hexdigest()


def elsewhere(redis, name, *others):
    """A key on another server than all of these."""
    taken = [redis.node(other) for other in others]
    return next(key for key in (f"{name}:{i}" for i in range(1000)) if redis.node(key) not in taken)


# Tags before values --------------------------------------------------------------------------------


def test_a_value_whose_tag_cannot_be_written_is_not_stored(daemon, redis):
    key = elsewhere(redis, "v", "cw:tag:red")
    fine = elsewhere(redis, "w", "cw:tag:red")
    redis("SET", fine, "before")
    redis.node("cw:tag:red").kill()
    headers = {"Surrogate-Key": "red"}
    until(lambda: put(daemon, key, b"x", headers=headers).status == 503, "the server is missed")
    assert redis.node(key)("EXISTS", key) == 0
    # Other slots are served: neither tag nor note needs the server that is away.
    assert put(daemon, fine, b"x").status == 204
    assert daemon.get(path(fine)).body == b"x"
    reply = daemon.post(CACHE + "/mset", {"entries": [
        {"key": key, "value": "x", "tags": ["red"]}, {"key": fine, "value": "y"}]})
    assert reply.status == 503, reply
    assert redis.node(key)("EXISTS", key) == 0 and redis.node(fine)("GET", fine) == b"y"


def test_a_set_of_a_tag_that_is_none_keeps_the_value_out(daemon, redis):
    key = elsewhere(redis, "v", "cw:tag:red")
    redis("SET", "cw:tag:red", "no set")
    assert put(daemon, key, b"x", headers={"Surrogate-Key": "blue red"}).status >= 400
    assert redis("EXISTS", key) == 0


# Sessions and their users' indexes -----------------------------------------------------------------

STORE = b"'{\"last_seen\":' .. ARGV[1]"
REDIRECT = b"if v == ARGV[2] then"


def held(daemon, proxy, needle, ask):
    """The daemon dies with the command on its way."""
    proxy.hold(needle)
    asked = threading.Thread(target=lambda: ignore(ask), daemon=True)
    asked.start()
    assert proxy.held.wait(DEADLINE), needle
    daemon.expect_exit = -signal.SIGKILL
    daemon.stop(signal.SIGKILL)
    proxy.drop()
    proxy.release()
    asked.join(DEADLINE)


def ignore(ask):
    try:
        ask()
    except OSError:
        pass


def user(daemon, name):
    return [session["ref"] for session in listed(daemon, name)]


@pytest.fixture
def two(start, redis, proxy):
    """The first of them is going to die."""
    both = start(config(redis)), start(config(redis))
    for daemon in both:
        daemon.wait_redis()
    return both


def test_a_crash_before_the_session_leaves_an_entry_that_readers_remove(two, redis, proxy):
    dying, daemon = two
    held(dying, proxy, STORE, lambda: create(dying, "u"))
    assert redis("ZCARD", "cw:user:u:sessions") == 1 and names(redis) == []
    assert user(daemon, "u") == []
    assert redis("ZCARD", "cw:user:u:sessions") == 0


def test_a_crash_before_the_entry_goes_leaves_no_session(two, redis, proxy):
    dying, daemon = two
    session = create(dying, "u")
    held(dying, proxy, b"$4\r\nZREM\r\n", lambda: use(dying, "DELETE", session))
    assert names(redis) == [] and redis("ZCARD", "cw:user:u:sessions") == 1
    assert get(daemon, session).status == 404
    assert user(daemon, "u") == [] and redis("ZCARD", "cw:user:u:sessions") == 0


def test_a_crash_before_the_old_id_is_redirected_leaves_it_valid(two, redis, proxy):
    dying, daemon = two
    session = create(dying, "u", {"n": 1})
    held(dying, proxy, REDIRECT, lambda: use(dying, "POST", session, {}, path=ROTATE))
    assert get(daemon, session).json["data"] == {"n": 1}
    [fresh] = set(names(redis)) - {key_of(session)}
    # Nobody knows its id: it ends by itself.
    assert 0 < redis("PTTL", fresh) <= 30000


def test_a_crash_after_the_redirection_leaves_the_session_to_its_new_id(two, redis, proxy):
    dying, daemon = two
    session = create(dying, "u", {"n": 1})
    held(dying, proxy, b"PEXPIRE\r\n$72\r\nsession:",
         lambda: use(dying, "POST", session, {"grace": 20}, path=ROTATE))
    assert get(daemon, session).json["data"] == {"n": 1}
    [fresh] = set(names(redis)) - {key_of(session)}
    # Its use has given it its whole time.
    assert redis("PTTL", fresh) > 100000 and len(user(daemon, "u")) == 1


def test_a_session_that_is_being_stored_keeps_its_entry(two, redis, proxy):
    """A list meets the entry before the session, and removes it."""
    slow, daemon = two
    made = []
    proxy.hold(STORE)
    thread = threading.Thread(target=lambda: made.append(create(slow, "u")))
    thread.start()
    assert proxy.held.wait(DEADLINE)
    assert user(daemon, "u") == [] and redis("ZCARD", "cw:user:u:sessions") == 0
    proxy.release()
    thread.join(DEADLINE)
    assert user(daemon, "u") == [made[0]["ref"]]


def test_each_session_is_in_its_list_whoever_reads_meanwhile(start, redis):
    daemons = [start(config(redis)) for _ in range(2)]
    for daemon in daemons:
        daemon.wait_redis()
    made, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            listed(daemons[1], "u")

    def make():
        for _ in range(100):
            made.append(create(daemons[0], "u")["ref"])

    readers = [threading.Thread(target=read) for _ in range(2)]
    makers = [threading.Thread(target=make) for _ in range(3)]
    for thread in readers + makers:
        thread.start()
    for thread in makers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert sorted(user(daemons[0], "u")) == sorted(made) and len(made) == 300


def test_an_entry_never_ends_another_users_session(daemon, redis):
    """A change of the user that was cut may leave the session in both indexes."""
    session = create(daemon, "new")
    redis("ZADD", "cw:user:old:sessions", 9e15, key_of(session)[len("session:"):])
    assert daemon.request("DELETE", "/api/v1/users/old/sessions").status < 300
    assert get(daemon, session).status == 200
    assert redis("EXISTS", "cw:user:old:sessions") == 0 and user(daemon, "new") == [session["ref"]]


# The log's primary fails over ----------------------------------------------------------------------


def on_other(cluster, name, *others):
    """A key on another primary than all of these."""
    taken = [cluster.owner(slot_of(other)) for other in others]
    return next(key for key in (f"{name}:{i}" for i in range(1000))
                if cluster.owner(slot_of(key)) not in taken)


def fail_over(cluster, how, key):
    primary = cluster.owner(slot_of(key))
    if how == "failover":
        cluster.failover(primary)
    else:
        primary.kill()
    cluster.await_owner(slot_of(key), primary)
    cluster.settle()


@pytest.mark.parametrize("how", ["failover", "kill"])
def test_what_was_loaded_before_the_log_failed_over_is_not_kept(start, replicated, how):
    daemon = start(open_config(replicated))
    daemon.wait_redis()
    key = on_other(replicated, "v", "cw:inval")

    def load(act):
        asked = daemon.get(path(key, "?lease=60"))
        act()
        token = asked.headers["X-Cache-Lease"]
        return put(daemon, key, b"loaded", headers={"X-Cache-Lease": token}) if token else asked

    assert load(lambda: None).status == 201
    assert daemon.request("DELETE", path(key)).status == 204
    reply = load(lambda: fail_over(replicated, how, "cw:inval"))
    assert reply.status == 409 and reply.json["code"] == "lease_lost", reply
    assert replicated("EXISTS", key) == 0
    assert replicated("EXISTS", beside("lease", key, cluster=True)) == 0
    until(lambda: load(lambda: None).status == 201, "later loads are kept")


@pytest.mark.parametrize("how", ["failover", "kill"])
def test_what_a_run_read_before_the_log_failed_over_does_not_stay(start, replicated, web, how):
    asked, opened, count = threading.Event(), threading.Event(), [0]

    async def answer(_):
        count[0] += 1
        value = "old" if count[0] == 1 else "new"
        asked.set()
        await web.loop.run_in_executor(None, opened.wait, DEADLINE)
        return 200, "\n".join(json.dumps({"id": i, "v": value}) for i in range(30)).encode()

    web.answer = answer
    job = {"name": "j", "key": "w:{id}", "ttl": "600s", "source": {
        "type": "http", "base_url": web.url, "path": "/rows", "format": "jsonl"}}
    daemon = start(open_config(replicated, "warm: {jobs: [%s]}" % json.dumps(job)))
    daemon.wait_redis()
    where = daemon.warm({}).json["runs"][0]["location"]
    assert asked.wait(DEADLINE)
    fail_over(replicated, how, "cw:inval")
    opened.set()
    until(lambda: daemon.get(where).json["state"] not in ("queued", "running"), "the run's end")
    values = [replicated("GET", f"w:{i}") for i in range(30)]
    assert not any(b"old" in value for value in values if value), (count, values)
    if daemon.get(where).json["state"] == "completed":
        assert count[0] > 1 and all(values)
