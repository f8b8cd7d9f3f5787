# SPDX-License-Identifier: MIT
"""Passwords of Redis that change while the daemon runs."""

import os

import pytest

from harness import open_config, rounds, until, with_members
from keys import KEYS
from load import Load


@pytest.fixture
def secret(folder):
    """secret("text") writes the file that holds the password, as a rotation does."""
    path = os.path.join(folder, "password")

    def write(text, mode=0o600):
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)

    write.path = path
    return write


def config(redis, secret, more=""):
    return with_members(
        open_config(redis), redis, f"username: cw, password_file: {secret.path}{more}")


def reason(daemon):
    return str(daemon.health().json["components"]["redis"]["details"].get("error"))


def test_rotations_lose_no_request(start, redis, secret):
    redis("ACL", "SETUSER", "cw", "on", ">p0", "~*", "+@all")
    secret("p0\n")
    daemon = start(config(redis, secret))
    daemon.wait_redis()
    with Load(daemon, KEYS + "absent", status=404) as load:
        for i in range(rounds(20, 1000)):
            redis("ACL", "SETUSER", "cw", f">p{i + 1}")
            secret(f"p{i + 1}\n")
            redis("ACL", "SETUSER", "cw", f"<p{i}")
            load.more(9)
    assert load.failures == []
    # New connections have the newest one.
    before = redis.calls("auth")
    redis("CLIENT", "KILL", "USER", "cw")
    until(lambda: redis.calls("auth") >= before + 2, "both connections once more")
    until(lambda: daemon.get(KEYS + "absent").status == 404, "service over them")


def test_a_wrong_password_is_read_again_until_it_is_right(start, redis, secret):
    redis("ACL", "SETUSER", "cw", "on", ">right", "~*", "+@all")
    secret("wrong")
    daemon = start(config(redis, secret))
    until(lambda: "WRONGPASS" in reason(daemon), "the refusal in health")
    secret("right")
    daemon.wait_redis()


@pytest.mark.parametrize("spoil,words", [
    (lambda secret: secret(""), "is empty"),
    (lambda secret: secret("right", 0o644), "is readable by others"),
    (lambda secret: os.unlink(secret.path), "No such file"),
])
def test_a_file_that_cannot_be_read_is_named(start, redis, secret, spoil, words):
    redis("ACL", "SETUSER", "cw", "on", ">right", "~*", "+@all")
    secret("right")
    daemon = start(config(redis, secret))
    daemon.wait_redis()
    spoil(secret)
    redis("CLIENT", "KILL", "USER", "cw")
    until(lambda: words in reason(daemon), "the reason in health")
    assert secret.path in reason(daemon) and daemon.get("/livez").status == 200
    secret("right")
    daemon.wait_redis()


def test_auth_is_sent_again_on_open_connections(start, redis, secret):
    redis("ACL", "SETUSER", "cw", "on", ">p0", "~*", "+@all")
    secret("p0")
    daemon = start(config(redis, secret, ", refresh_every: 50ms"))
    daemon.wait_redis()
    ids = {line.split()[0] for line in redis("CLIENT", "LIST").decode().splitlines() if "user=cw" in line}
    before = redis.calls("auth")
    until(lambda: redis.calls("auth") >= before + 6, "AUTH on both connections")
    # A refused one changes nothing for the connection.
    secret("wrong")
    before = redis.calls("auth")
    until(lambda: redis.calls("auth") >= before + 4, "refused ones")
    assert daemon.get(KEYS + "absent").status == 404
    assert ids == {line.split()[0] for line in redis("CLIENT", "LIST").decode().splitlines()
                   if "user=cw" in line}
    assert daemon.stats()["redis"]["status"] == "up"
