# SPDX-License-Identifier: MIT
"""Passwords of Redis that change while the daemon runs."""

import os
import signal
import subprocess
import time

import pytest

from harness import API, BINARY, DEADLINE, open_config, rounds, together, until, with_members, with_settings
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
    until(lambda: redis.calls("auth") >= before + 3, "all connections once more")
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
    until(lambda: redis.calls("auth") >= before + 6, "AUTH on all connections")
    # A refused one changes nothing for the connection.
    secret("wrong")
    before = redis.calls("auth")
    until(lambda: redis.calls("auth") >= before + 4, "refused ones")
    assert daemon.get(KEYS + "absent").status == 404
    assert ids == {line.split()[0] for line in redis("CLIENT", "LIST").decode().splitlines()
                   if "user=cw" in line}
    assert daemon.stats()["redis"]["status"] == "up"


# redis.password_command ------------------------------------------------------------------------


class Command:
    """command("shell text") writes the program; it notes each of its runs in a file beside it."""

    def __init__(self, folder, name="token"):
        self.path = os.path.join(folder, name)

    def __call__(self, text, mode=0o755):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\necho run "$@" >>{self.path}.runs\n{text}\n')
        os.chmod(self.path + ".new", mode)
        os.rename(self.path + ".new", self.path)

    def runs(self):
        try:
            with open(self.path + ".runs", encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []


@pytest.fixture
def command(folder):
    return Command(folder)


def commanded(redis, command, more=""):
    return open_config(redis).replace(
        f'url: "{redis.url}"',
        f'url: "{redis.url}", username: cw, password_command: [{command.path}, --for, redis]{more}')


def user(redis, password, *gone):
    redis("ACL", "SETUSER", "cw", "on", ">" + password, *gone, "~*", "+@all")


def test_rotations_by_a_command_lose_no_request(start, redis, secret, command):
    """Connections are cut as an expired token does it: after the new one is in force."""
    user(redis, "p0")
    secret("p0\n")
    command(f"cat {secret.path}")
    daemon = start(commanded(redis, command, ", refresh_every: 50ms"))
    daemon.wait_redis()
    with Load(daemon, KEYS + "absent", status=404) as load:
        for i in range(rounds(50, 1000)):
            user(redis, f"p{i + 1}")
            secret(f"p{i + 1}\n")
            user(redis, f"p{i + 1}", f"<p{i}")
            load.more(9)
    assert load.failures == []
    before = redis.calls("auth")
    redis("CLIENT", "KILL", "USER", "cw")
    until(lambda: redis.calls("auth") >= before + 3, "all connections once more")
    until(lambda: daemon.get(KEYS + "absent").status == 404, "service over them")
    assert set(command.runs()) == {"run --for redis"}


def test_a_refused_password_is_replaced_as_soon_as_there_is_another(start, redis, secret, command):
    user(redis, "right")
    secret("wrong")
    command(f"cat {secret.path}")
    began = time.monotonic()
    daemon = start(commanded(redis, command))
    until(lambda: "WRONGPASS" in reason(daemon), "the refusal in health")
    until(lambda: len(command.runs()) >= 4, "further runs")
    # What was refused is not sent again by any of three connections, save every 5 s and more.
    most = 3 * (1 + int(time.monotonic() - began) // 5)
    refused = [dict(zip(entry[::2], entry[1::2])) for entry in redis("ACL", "LOG")]
    assert sum(entry[b"count"] for entry in refused if entry[b"reason"] == b"auth") <= most * redis.primaries
    secret("right")
    daemon.wait_redis()


OF_NO_USE = [
    ("exit 3", "exited with status 3"),
    ("echo no token for you >&2; echo more >&2; exit 1", "exited with status 1 and said: no token for you"),
    ("kill -9 $$", "was ended by signal 9"),
    ("true", "has printed no password"),
    ("echo", "has printed no password"),
    ("echo right; echo right", "has printed more than one line"),
    ("printf 'a\\0b'", "has printed a NUL byte"),
    ("head -c 100000 /dev/zero | tr '\\0' x", "has printed more than 4096 bytes"),
    ("exec sleep 600", "has not ended within 5 s"),
    ("trap '' TERM; while :; do sleep 0.1; done", "has not ended within 5 s"),
    ("sleep 600 & exit 0", "still has its output open after 5 s"),
]


def test_a_command_of_no_use_is_named_and_may_recover(start, redis, folder):
    user(redis, "right")

    def case(number, text, words):
        command = Command(folder, f"token{number}")
        command(text)
        daemon = start(commanded(redis, command))
        until(lambda: words in reason(daemon), "the reason in health")
        assert command.path in reason(daemon)
        assert "echo more" not in text or not reason(daemon).endswith("more")
        # A cluster is said to be down as soon as no server has told the slots.
        assert words in daemon.wait_for("redis is down: ") or redis.primaries > 1
        assert daemon.get("/livez").status == 200
        answer = daemon.get(KEYS + "a")
        assert answer.status == 502 and "said" not in answer.json["detail"]
        # Not in a busy loop: three connections, at 0, 1, 3, 7 s and so on.
        began, count = time.monotonic(), len(command.runs())
        if "after 5 s" not in words and "within 5 s" not in words:
            until(lambda: len(command.runs()) > count, "another run")
        assert len(command.runs()) <= 4 + 2 * (time.monotonic() - began + DEADLINE)
        command("printf right")
        daemon.wait_redis()
        assert "right" not in daemon.log.replace("/right", "")

    together(case, [(number, *row) for number, row in enumerate(OF_NO_USE)])


@pytest.mark.parametrize("spoil,words", [
    (lambda command: os.unlink(command.path), "no such file or directory"),
    (lambda command: os.chmod(command.path, 0o644), "permission denied"),
])
def test_a_program_that_cannot_be_run_is_named(start, redis, command, spoil, words):
    user(redis, "right")
    command("echo right")
    spoil(command)
    daemon = start(commanded(redis, command))
    assert f"redis.password_command names the program {command.path}, which does not exist or cannot be" in daemon.log
    until(lambda: "cannot run " + command.path in reason(daemon), "the reason in health")
    assert words in reason(daemon)
    report = daemon.get(API + "/doctor", token=None)
    assert report.status in (200, 401, 403)
    command("echo right")
    daemon.wait_redis()


def test_one_run_serves_all_connections_of_a_moment(start, redis, command, folder):
    user(redis, "right")
    gate = os.path.join(folder, "gate")
    os.mkfifo(gate)
    command(f"cat {gate} >/dev/null; echo right")
    daemon = start(commanded(redis, command))
    until(lambda: len(command.runs()) == 1, "the run")
    until(lambda: redis("CLIENT", "LIST").count(b"id=") >= 4, "all connections")
    # Nothing else waits for it.
    assert daemon.get("/livez").status == 200 and len(command.runs()) == 1
    with open(gate, "w", encoding="ascii") as file:
        file.write("go")
    daemon.wait_redis()
    assert len(command.runs()) == 1


def test_the_end_does_not_wait_for_a_command(start, redis, command):
    user(redis, "right")
    command("exec sleep 600")
    daemon = start(commanded(redis, command))
    until(command.runs, "the run")
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 5


def test_a_reload_exchanges_the_command(start, redis, command):
    user(redis, "right")
    command("exec sleep 600")
    daemon = start(commanded(redis, command))
    until(command.runs, "the run")
    daemon.configure(open_config(redis).replace(
        f'url: "{redis.url}"', f'url: "{redis.url}", username: cw, password_command: [echo, right]'))
    daemon.send(signal.SIGHUP)
    daemon.wait_redis()
    shown = daemon.get(API + "/config")
    assert shown.status == 401


def test_doctor_names_the_command(redis, command, folder):
    command("echo no token >&2; exit 4")
    path = os.path.join(folder, "doctor.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(with_settings(commanded(redis, command)))
    os.chmod(path, 0o600)
    done = subprocess.run([BINARY, "--doctor", "--config", path], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 1 and "exited with status 4 and said: no token" in done.stdout, done
    assert "redis.password_command" in done.stdout
    command("exec sleep 600")
    done = subprocess.run([BINARY, "--doctor", "--config", path], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 1 and "has not ended within 5 s" in done.stdout, done
