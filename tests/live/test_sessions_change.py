# SPDX-License-Identifier: MIT
"""Sessions whose user, ttl, age or id changes: what each id leads to, and what the users' indexes say."""

import json
import time

import pytest

from harness import API, rounds, until
from interfering import interfere
from test_sessions import (ALL, ONE, config, create, end, get, in_threads, key_of, listed, refused,
                           use, when)
from topology import TOPOLOGY

ROTATE = ONE + "/rotate"
RELOAD = API + "/reload"


@pytest.fixture(scope="module")
def shared_config(shared_redis):
    return config(shared_redis)


@pytest.fixture
def behind(start, proxy):
    """A daemon whose commands the test may hold back."""
    daemon = start(config(proxy, "stats: {interval: 1h}"))
    daemon.wait_redis()
    return daemon


def begin(daemon, **body):
    reply = daemon.post(ALL, body)
    assert reply.status == 201, reply
    return reply.json


def patch(daemon, session, **body):
    reply = use(daemon, "PATCH", session, body)
    assert reply.status == 200, reply
    return reply.json


def rotate(daemon, session, **body):
    reply = use(daemon, "POST", session, body, path=ROTATE)
    assert reply.status == 200, reply
    return reply.json


def peek(daemon, session):
    reply = get(daemon, session, "?touch=false")
    assert reply.status == 200, reply
    return reply.json


def refs(daemon, user):
    return [one["ref"] for one in listed(daemon, user)]


def walk(redis):
    """What Redis holds: {hash: record} of sessions, {hash: hash} of old ids, {user: hashes}."""
    sessions, moved, users = {}, {}, {}
    for key in redis.keys("session:*"):
        record = json.loads(redis("GET", key) or '{"moved": null}')
        name = key.decode()[len("session:"):]
        if "moved" in record:
            moved[name] = record["moved"]
        else:
            sessions[name] = record
    for key in redis("KEYS", "cw:user:*:sessions"):
        user = key.decode()[len("cw:user:"):-len(":sessions")]
        users[user] = {member.decode() for member in redis("ZRANGE", key, 0, -1)}
    return sessions, moved, users


def check_indexes(redis):
    """Each session is in the index of its user and in no other, and nothing else is in one."""
    sessions, _, users = walk(redis)
    expected = {}
    for name, record in sessions.items():
        if record["user_id"] is not None:
            expected.setdefault(record["user_id"], set()).add(name)
    assert users == expected
    return sessions


# The user ---------------------------------------------------------------------------------------

def test_a_session_of_no_user_gets_one_and_loses_it(shared, shared_redis):
    session = begin(shared, data={"cart": [7]})
    assert peek(shared, session)["user_id"] is None and get(shared, session).json["user_id"] is None
    assert not shared_redis("KEYS", "cw:user:*")
    patched = patch(shared, session, user_id=42, data={"name": "x"})
    assert patched["user_id"] == "42" and patched["data"] == {"cart": [7], "name": "x"}
    assert refs(shared, "42") == [session["ref"]]
    assert 1_800_000 < shared_redis("PTTL", "cw:user:42:sessions") < 2_000_000
    assert patch(shared, session, data={"name": None})["user_id"] == "42"
    fresh = rotate(shared, session, user_id="other")
    assert set(fresh) == {"session_id", "ref", "expires"}
    assert (refs(shared, "42"), refs(shared, "other")) == ([], [fresh["ref"]])
    assert peek(shared, fresh)["data"] == {"cart": [7]}
    last = rotate(shared, fresh)
    assert refs(shared, "other") == [last["ref"]] and peek(shared, last)["user_id"] == "other"
    assert patch(shared, last, user_id=None)["user_id"] is None
    check_indexes(shared_redis)
    assert refs(shared, "other") == [] and end(shared, "other") == 0
    assert peek(shared, last)["user_id"] is None
    named = rotate(shared, last, user_id="again")
    nameless = rotate(shared, named, user_id=None)
    assert peek(shared, nameless)["user_id"] is None and refs(shared, "again") == []
    check_indexes(shared_redis)
    assert use(shared, "DELETE", nameless).status == 204
    refused(get(shared, nameless), 404, "unknown_session")


@pytest.mark.parametrize("how", ["PATCH", "rotate"])
def test_the_oldest_of_the_new_user_end(start, redis, how):
    daemon = start(config(redis, "sessions: {max_per_user: 2}"))
    for user in "u", None:
        sessions = [create(daemon, "u") for _ in range(2)]
        came = begin(daemon, user_id=user and "x")
        if how == "PATCH":
            patch(daemon, came, user_id="u")
        else:
            came = rotate(daemon, came, user_id="u")
        assert [get(daemon, one).status for one in sessions + [came]] == [404, 200, 200]
        check_indexes(redis)
        # It is of this user already: nothing ends.
        patch(daemon, came, user_id="u", ttl=100)
        assert len(listed(daemon, "u")) == 2
        end(daemon, "u")


def test_sessions_of_no_user_are_not_counted(start, redis):
    daemon = start(config(redis, "sessions: {max_per_user: 1}"))
    sessions = [begin(daemon) for _ in range(5)]
    assert [get(daemon, one).status for one in sessions] == [200] * 5
    assert not redis("KEYS", "cw:user:*")


@pytest.mark.parametrize("trouble", ["foreign index", "no memory", "too large"])
@pytest.mark.parametrize("how", ["PATCH", "rotate"])
def test_a_change_that_fails_changes_nothing(start, redis, trouble, how):
    daemon = start(config(redis))
    session = create(daemon, "a", {"n": 1}, ttl=100)
    if trouble == "foreign index":
        redis("SET", "cw:user:b:sessions", "x")
    body, expected = {"user_id": "b", "ttl": 500}, (409, "wrong_type")
    if trouble == "no memory":
        redis("CONFIG", "SET", "maxmemory", 1)
        expected = 507, "redis_oom"
    elif trouble == "too large" and how == "PATCH":
        body, expected = {**body, "data": {"x": "x" * 70000}}, (413, "too_large")
    elif trouble == "too large":
        body, expected = {**body, "user_id": "b" * 513}, (400, "bad_body")
    before = redis("GET", key_of(session))
    if how == "PATCH":
        refused(use(daemon, "PATCH", session, body), *expected)
    else:
        refused(use(daemon, "POST", session, {**body, "grace": 5}, path=ROTATE), *expected)
    redis("CONFIG", "SET", "maxmemory", 0)
    assert redis("GET", key_of(session)) == before and len(redis.keys("session:*")) == 1
    assert redis("KEYS", "cw:user:*") and refs(daemon, "a") == [session["ref"]]


# How long it lives ------------------------------------------------------------------------------

def test_another_ttl(shared, shared_redis):
    index = "cw:user:ttl:sessions"
    session, other = create(shared, "ttl", ttl=100), create(shared, "ttl", ttl=200)
    for step, seconds in enumerate([5000, 50, 9000, 20]):
        if step % 2:
            session = rotate(shared, session, ttl=seconds)
            seen = peek(shared, session)
            assert session["expires"] == seen["expires"]
        else:
            seen = patch(shared, session, ttl=seconds)
        assert when(seen["expires"]) - when(seen["last_seen"]) == pytest.approx(seconds)
        assert seconds - 2 < shared_redis("PTTL", key_of(session)) / 1000 <= seconds
        score = float(shared_redis("ZSCORE", index, key_of(session)[8:]))
        assert abs(score / 1000 - when(seen["expires"])) < 1
        assert shared_redis("PTTL", index) > seconds * 1000 + 55_000
        # Those that expire last come first.
        assert refs(shared, "ttl")[seconds < 200] == session["ref"]
        # It is the session's own from now on.
        shared_redis("PEXPIRE", key_of(session), 10_000)
        assert get(shared, session).status == 200
        assert shared_redis("PTTL", key_of(session)) > (seconds - 2) * 1000
    assert get(shared, other).status == 200


@pytest.mark.parametrize("by", ["body", "configuration"])
def test_max_age_bounds_the_whole_life(start, redis, by):
    daemon = start(config(redis, "sessions: {ttl: 100s, max_age: %ds}"
                          % (150 if by == "configuration" else 1000)))
    session = begin(daemon, user_id="age", **({"max_age": 150} if by == "body" else {}))
    born = when(peek(daemon, session)["created"])
    assert when(session["expires"]) == pytest.approx(born + 100)
    # As if it had been begun 100 s ago: what is left is less than its ttl.
    text = redis("GET", key_of(session)).decode()
    created = json.loads(text)["created"]
    redis("SET", key_of(session), text.replace(str(created), str(created - 100_000_000)), "PX", 9000)
    end_of_it = pytest.approx(born + 50)

    def left():
        return redis("PTTL", key_of(session)) / 1000

    assert when(get(daemon, session).json["expires"]) == end_of_it and 40 < left() <= 50
    assert when(listed(daemon, "age")[0]["expires"]) == end_of_it
    assert when(patch(daemon, session, ttl=1000)["expires"]) == end_of_it and 40 < left() <= 50
    session = rotate(daemon, session, ttl=2000, user_id="other")
    assert when(session["expires"]) == end_of_it and 40 < left() <= 50
    score = float(redis("ZSCORE", "cw:user:other:sessions", key_of(session)[8:]))
    assert abs(score / 1000 - born - 50) < 1
    assert when(patch(daemon, session, ttl=10)["expires"]) < born + 50
    # Past it, whatever Redis's clock says.
    text = redis("GET", key_of(session)).decode()
    past = text.replace(str(json.loads(text)["created"]), str(created - 151_000_000))
    redis("SET", key_of(session), past, "PX", 9000)
    for method, path, body in (("GET", ONE, None), ("GET", ONE + "?touch=false", None),
                               ("PATCH", ONE, {"ttl": 60}), ("POST", ROTATE, None)):
        refused(use(daemon, method, session, body, path=path), 404, "unknown_session")


def test_it_ends_at_its_age_however_often_it_is_used(shared):
    session = begin(shared, max_age=1, ttl=3600)
    until(lambda: get(shared, session).status == 404, "its end")


def test_a_max_age_of_its_own(start, redis):
    daemon = start(config(redis, "sessions: {ttl: 2h, max_age: 1h}"))
    for more, seconds in (({}, 3600), ({"max_age": 60}, 60), ({"max_age": 7000}, 7000),
                          ({"ttl": 30}, 30), ({"max_age": 8000}, 7200)):
        session = begin(daemon, **more)
        seen = peek(daemon, session)
        assert when(seen["expires"]) - when(seen["created"]) == pytest.approx(seconds), more
        assert seen["expires"] == session["expires"]
        assert seconds - 2 < redis("PTTL", key_of(session)) / 1000 <= seconds
    # A reload is for those that are begun from now on.
    daemon.configure(config(redis, "sessions: {ttl: 2h}"))
    assert daemon.post(RELOAD).status == 200
    fresh = begin(daemon)
    assert when(fresh["expires"]) - when(peek(daemon, fresh)["created"]) == pytest.approx(7200)
    first = begin(daemon, max_age=60)
    assert when(get(daemon, first).json["expires"]) <= when(peek(daemon, first)["created"]) + 60


# The old id, for a while ------------------------------------------------------------------------

def test_a_grace(shared, shared_redis):
    session = create(shared, "grace", {"a": 1}, ttl=200)
    fresh = rotate(shared, session, grace=60)
    assert 55_000 < shared_redis("PTTL", key_of(session)) <= 60_000
    assert peek(shared, session) == peek(shared, fresh)
    assert peek(shared, session)["ref"] == fresh["ref"] and refs(shared, "grace") == [fresh["ref"]]
    for name in session, fresh:
        shared_redis("PEXPIRE", key_of(fresh), 50_000)
        assert get(shared, name).status == 200
        assert shared_redis("PTTL", key_of(fresh)) > 198_000
    # Use of the old id does not prolong it.
    shared_redis("PEXPIRE", key_of(session), 40_000)
    assert patch(shared, session, data={"b": 2})["data"] == {"a": 1, "b": 2}
    assert patch(shared, session, user_id="new", ttl=300)["user_id"] == "new"
    assert shared_redis("PTTL", key_of(session)) <= 40_000
    assert refs(shared, "grace") == [] and refs(shared, "new") == [fresh["ref"]]
    check_indexes(shared_redis)
    # It gets no id that would outlive the grace.
    for body in None, {"grace": 5}, {"user_id": "x"}:
        refused(use(shared, "POST", session, body, path=ROTATE), 409, "conflict", "new one")
    assert refs(shared, "new") == [fresh["ref"]]
    shared_redis("PEXPIRE", key_of(session), 1)
    until(lambda: get(shared, session).status == 404, "the end of the grace")
    refused(use(shared, "PATCH", session, {"data": {}}), 404, "unknown_session")
    refused(use(shared, "POST", session, path=ROTATE), 404, "unknown_session")
    assert peek(shared, fresh)["data"] == {"a": 1, "b": 2}


def test_a_grace_is_seconds_up_to_60(shared, shared_redis):
    session = create(shared, "bound")
    for bad in 61, -1, 1.5, "5", 2**40:
        refused(use(shared, "POST", session, {"grace": bad}, path=ROTATE), 400, "bad_body", "/grace")
    fresh = rotate(shared, session, grace=0)
    refused(get(shared, session), 404, "unknown_session")
    last = rotate(shared, fresh, grace=1)
    assert 0 < shared_redis("PTTL", key_of(fresh)) <= 1000
    until(lambda: get(shared, fresh).status == 404, "the end of the grace")
    assert get(shared, last).status == 200 and not shared_redis("EXISTS", key_of(fresh))


def test_ids_of_several_rotations(shared, shared_redis):
    names = [create(shared, "chain")]
    for _ in range(17):
        names.append(rotate(shared, names[-1], grace=60))
    assert [get(shared, one).status for one in names] == [404] + [200] * 17
    assert peek(shared, names[1])["ref"] == names[-1]["ref"]
    # Who rotates without a grace ends all that led there.
    last = rotate(shared, names[-1])
    assert [get(shared, one).status for one in names] == [404] * 18
    assert get(shared, last).status == 200
    # A circle, which is none of ours.
    shared_redis("SET", key_of(names[0]), '{"moved":"%s"}' % key_of(names[0])[8:])
    refused(get(shared, names[0]), 404, "unknown_session")
    for foreign in '{"moved":"x"}', '{"moved":"%s"}' % ("z" * 65), '{"moved":"%s"} ' % ("0" * 64):
        shared_redis("SET", key_of(names[0]), foreign)
        refused(get(shared, names[0]), 502, "corrupt_value")
    assert use(shared, "DELETE", names[0]).status == 204


@pytest.mark.parametrize("how", ["user", "ref", "new id", "old id"])
def test_a_session_that_ends_ends_for_its_old_id(shared, shared_redis, how):
    session = create(shared, "over")
    fresh = rotate(shared, session, grace=60)
    if how == "user":
        assert end(shared, "over") == 1
    elif how == "ref":
        assert end(shared, "over", "/" + fresh["ref"]) == 1
    else:
        assert use(shared, "DELETE", fresh if how == "new id" else session).status == 204
    for name in session, fresh:
        refused(get(shared, name), 404, "unknown_session")
    check_indexes(shared_redis)


# What was stored before, and by what clock ------------------------------------------------------

def test_what_the_last_release_stored(shared, shared_redis):
    session = create(shared, "old", {"a": 1}, ttl=100)
    now = int(time.time() * 1000)
    shared_redis("SET", key_of(session), '{"last_seen":%d,"created":%d,"ttl":100000,"user_id":"old",'
                 '"data":{"n":9007199254740993}}' % (now, now * 1000), "PX", 100_000)
    assert get(shared, session).json["data"] == {"n": 9007199254740993}
    assert refs(shared, "old") == [session["ref"]]
    assert patch(shared, session, data={"b": []})["user_id"] == "old"
    fresh = rotate(shared, session, user_id="newer", ttl=200, grace=5)
    assert peek(shared, fresh)["data"] == {"n": 9007199254740993, "b": []}
    check_indexes(shared_redis)


@pytest.mark.parametrize("seen", ["0000000012345", "0000000000000", "0999999999999", "9999999999999"])
def test_what_was_used_under_a_wrong_clock_can_be_read(shared, shared_redis, seen):
    session = create(shared, "clock", {"a": 1})
    shared_redis("SETRANGE", key_of(session), 13, seen)
    shared_redis("ZADD", "cw:user:clock:sessions", int(seen), key_of(session)[8:])
    before = peek(shared, session)
    assert before["data"] == {"a": 1} and before["user_id"] == "clock"
    assert refs(shared, "clock") == [session["ref"]]
    # A session begun now does not take the other one for forgotten.
    other = create(shared, "clock")
    assert sorted(refs(shared, "clock")) == sorted([session["ref"], other["ref"]])
    assert patch(shared, session, data={"b": 1})["data"] == {"a": 1, "b": 1}
    shared_redis("SETRANGE", key_of(session), 13, seen)
    assert get(shared, session).json["data"] == {"a": 1, "b": 1}
    # Its use sets all of it right.
    assert abs(when(peek(shared, session)["last_seen"]) - time.time()) < 60
    score = float(shared_redis("ZSCORE", "cw:user:clock:sessions", key_of(session)[8:]))
    assert abs(score / 1000 - when(peek(shared, session)["expires"])) < 1
    assert end(shared, "clock") == 2


# Between two round trips ------------------------------------------------------------------------

TOUCH, CHANGE = b"'SETRANGE', KEYS[1]", b"local enters"
# Over slots a rotation stores the new session first; then the old one must be as it was read.
ROTATION = b"if v == ARGV[2] then" if TOPOLOGY == "cluster" else CHANGE


@pytest.mark.parametrize("act", ["user", "no user", "ttl", "rotate", "grace", "end"])
@pytest.mark.parametrize("what", ["use", "patch", "rotate", "delete"])
def test_a_session_that_changes_before_its_script(behind, proxy, start, redis, what, act):
    other = start(config(redis))
    session = create(other, "a", {"n": 1}, ttl=100)
    fresh = {}

    def change():
        if act in ("rotate", "grace"):
            fresh.update(rotate(other, session, user_id="b", grace=60 if act == "grace" else 0))
        elif act == "end":
            # Over slots a session that is being rotated is there under both ids for a moment.
            assert end(other, "a") == (2 if TOPOLOGY == "cluster" and what == "rotate" else 1)
        else:
            patch(other, session, **{"user": {"user_id": "b"}, "no user": {"user_id": None},
                                     "ttl": {"ttl": 5000}}[act])

    asks = {"use": (lambda: get(behind, session), TOUCH),
            "patch": (lambda: use(behind, "PATCH", session, {"data": {"m": 2}}), CHANGE),
            "rotate": (lambda: use(behind, "POST", session, path=ROTATE), ROTATION),
            "delete": (lambda: use(behind, "DELETE", session), b"local head = redis.call('GETRANGE'")}
    ask, needle = asks[what]
    reply = interfere(proxy, needle, ask, change)
    sessions = check_indexes(redis)
    if what == "delete":
        assert reply.status == 204 and len(sessions) == (act == "rotate")
        return
    if act == "end" or act == "rotate":
        refused(reply, 404, "unknown_session")
    elif what == "rotate" and act == "grace":
        refused(reply, 409, "conflict")
    else:
        assert reply.status == 200, reply
    assert len(sessions) == (act != "end")
    if act == "ttl":
        found = sessions[key_of(reply.json if what == "rotate" else session)[8:]]
        assert found["ttl"] == 5_000_000
        assert redis("PTTL", redis.keys("session:*")[0]) > 4_900_000
    if reply.status == 200 and what == "patch":
        assert reply.json["data"] == {"n": 1, "m": 2}
        assert reply.json["user_id"] == {"user": "b", "grace": "b", "no user": None, "ttl": "a"}[act]


@pytest.mark.parametrize("body", [{}, {"user_id": "b"}, {"grace": 60, "user_id": None}])
def test_a_rotation_whose_answer_is_lost_is_done_once(behind, proxy, redis, body):
    session = create(behind, "a", {"n": 1})
    proxy.arm_behind(b"*3\r\n")
    fresh = rotate(behind, session, **body)
    assert proxy.cuts == 1
    sessions = check_indexes(redis)
    assert set(sessions) == {key_of(fresh)[8:]} and sessions[key_of(fresh)[8:]]["data"] == {"n": 1}
    assert get(behind, session).status == (200 if "grace" in body else 404)


# Many at once -----------------------------------------------------------------------------------

def test_the_indexes_are_right_after_everything_at_once(start, redis):
    """Two daemons use, patch, rotate and rename the same sessions and end those of their users."""
    served = [start(config(redis, "sessions: {max_per_user: 4}")) for _ in range(2)]
    names = [[begin(served[0], user_id=f"u{i % 3}")] for i in range(6)]
    users = ["u0", "u1", "u2", None]

    def play(number):
        daemon = served[number % 2]
        for i in range(rounds(60, 2000)):
            chain = names[(number + i) % len(names)]
            session, step = chain[-1], (number * 7 + i) % 6
            if step == 0:
                reply = use(daemon, "POST", session, {"user_id": users[i % 4], "grace": i % 3},
                            path=ROTATE)
                if reply.status == 200:
                    chain.append(reply.json)
            elif step in (1, 2):
                reply = use(daemon, "PATCH", session, {"user_id": users[i % 4], "data": {"n": i}})
            elif step == 3 and i % 5 == 0:
                end(daemon, users[i % 3])
                reply = daemon.post(ALL, {"user_id": users[i % 4], "max_age": 600})
                chain.append(reply.json)
            else:
                reply = get(daemon, chain[max(0, len(chain) - 1 - step % 2)])
            assert reply.status in (200, 201, 404, 409), reply

    in_threads([lambda n=n: play(n) for n in range(8)])
    sessions = check_indexes(redis)
    for user in users[:3]:
        assert len(listed(served[0], user)) == sum(
            1 for one in sessions.values() if one["user_id"] == user) <= 4


@pytest.mark.parametrize("grace", [0, 60])
def test_of_rotations_at_once_one_wins(start, redis, grace):
    served = [start(config(redis)) for _ in range(2)]
    for i in range(10):
        session = create(served[0], "turn", {"n": i})
        answers = []
        in_threads([lambda n=n: answers.append(
            use(served[n % 2], "POST", session, {"grace": grace}, path=ROTATE)) for n in range(6)])
        won = [one for one in answers if one.status == 200]
        assert len(won) == 1, answers
        for reply in answers:
            if reply is not won[0]:
                refused(reply, *((409, "conflict") if grace else (404, "unknown_session")))
        assert peek(served[0], won[0].json)["data"] == {"n": i}
        assert refs(served[0], "turn") == [won[0].json["ref"]]
        end(served[0], "turn")


def test_patches_and_rotations_at_once_lose_nothing(start, redis):
    served = [start(config(redis)) for _ in range(2)]
    chain = [create(served[0], "both")]

    def turn():
        for _ in range(16):
            chain.append(rotate(served[0], chain[-1], grace=60))

    def write(number):
        for i in range(20):
            patch(served[number % 2], chain[-1], data={f"m{number}_{i}": i})

    in_threads([turn] + [lambda n=n: write(n) for n in range(4)])
    assert len(peek(served[0], chain[-1])["data"]) == 80
    check_indexes(redis)
