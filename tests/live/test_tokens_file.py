# SPDX-License-Identifier: MIT
"""auth.tokens_file: read again when its writing has ended, however it is written; else the old list stays."""

import hashlib
import os
import signal

import pytest

from harness import API, rounds, until


def row(token):
    return "- {name: t, sha256: %s, scopes: [read]}\n" % hashlib.sha256(token.encode()).hexdigest()


def put(path, text, mode=0o600):
    with open(path, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)


class Place:
    """A tokens file in a folder of its own, and a way to write it."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "tokens")
        os.makedirs(self.folder)
        self.path = os.path.join(self.folder, "t.yaml")
        self.count = 0

    def begin(self, text):
        put(self.path, text)

    def write(self, text):
        raise NotImplementedError


class InPlace(Place):
    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)


class InPieces(Place):
    def write(self, text):
        fd = os.open(self.path, os.O_WRONLY | os.O_TRUNC)
        for i in range(0, len(text), 40):
            os.write(fd, text[i:i + 40].encode())
        os.close(fd)


class Renamed(Place):
    def write(self, text):
        put(self.path + ".new", text)
        os.rename(self.path + ".new", self.path)


class RemovedFirst(Place):
    def write(self, text):
        os.unlink(self.path)
        put(self.path, text)


class LinkedElsewhere(Place):
    """The path is a link; what it leads to is replaced in another folder."""

    def begin(self, text):
        os.makedirs(os.path.join(self.folder, "vault"))
        self.real = os.path.join(self.folder, "vault", "real.yaml")
        put(self.real, text)
        os.symlink(self.real, self.path)

    def write(self, text):
        put(self.real + ".new", text)
        os.rename(self.real + ".new", self.real)


class WrittenElsewhere(LinkedElsewhere):
    def write(self, text):
        with open(self.real, "w", encoding="utf-8") as file:
            file.write(text)


class FolderExchanged(Place):
    """As Kubernetes mounts a Secret: t.yaml -> ..data/t.yaml, ..data -> a folder of each version."""

    def version(self, text):
        self.count += 1
        name = f"..{self.count}"
        os.makedirs(os.path.join(self.folder, name))
        put(os.path.join(self.folder, name, "t.yaml"), text)
        os.symlink(name, os.path.join(self.folder, "..data_tmp"))
        os.rename(os.path.join(self.folder, "..data_tmp"), os.path.join(self.folder, "..data"))

    def begin(self, text):
        self.version(text)
        os.symlink("..data/t.yaml", self.path)

    def write(self, text):
        self.version(text)


KINDS = [InPlace, InPieces, Renamed, RemovedFirst, LinkedElsewhere, WrittenElsewhere,
         FolderExchanged]


def begin(start, redis, place, text, more=""):
    place.begin(text)
    return start(f'listen: ["127.0.0.1:0"]\nauth: {{tokens_file: {place.path}}}\n'
                 f'redis: {{url: "{redis.url}"}}\n' + more)


def status(daemon, token):
    """200 or 401: too many invalid tokens of one address are answered 429."""
    code = daemon.get(API + "/stats", token=token).status
    return 401 if code == 429 else code


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_write_of_any_kind_is_missed(start, redis, folder, kind):
    place = kind(folder)
    daemon = begin(start, redis, place, row("cw_0"))
    for i in range(1, rounds(6, 970)):
        place.write(row(f"cw_{i}"))
        until(lambda i=i: status(daemon, f"cw_{i}") == 200, f"write {i}")
        assert status(daemon, f"cw_{i - 1}") == 401


def test_the_last_of_many_quick_writes_counts(start, redis, folder):
    place = InPlace(folder)
    daemon = begin(start, redis, place, row("cw_0"))
    for i in range(1, 200):
        place.write(row(f"cw_{i:03}"))
    until(lambda: status(daemon, "cw_199") == 200, "the last write")


def test_a_slow_writer_is_waited_for(start, redis, folder):
    place = InPlace(folder)
    daemon = begin(start, redis, place, row("cw_old"))
    fd = os.open(place.path, os.O_WRONLY | os.O_TRUNC)
    # Each piece is a whole list, which must not be taken for the list.
    os.write(fd, row("cw_first").encode())
    for _ in range(100):
        assert status(daemon, "cw_old") == 200
    os.write(fd, row("cw_second").encode())
    os.close(fd)
    until(lambda: status(daemon, "cw_second") == 200, "the end of the writing")
    assert status(daemon, "cw_first") == 200
    assert status(daemon, "cw_old") == 401
    until(lambda: daemon.log.count("configuration reloaded") == 1, "one line in the log")


BAD = {"truncated": "", "a comment only": "# soon\n", "torn": row("cw_new")[:30],
       "no list": "name: t\n", "a wrong scope": row("cw_new").replace("read", "reed")}


@pytest.mark.parametrize("case", BAD, ids=lambda name: name.replace(" ", "_"))
def test_the_old_list_stays_until_the_new_one_is_good(start, redis, folder, case):
    place = InPlace(folder)
    daemon = begin(start, redis, place, row("cw_old"))
    place.write(BAD[case])
    line = daemon.wait_for("configuration refused, the previous one stays in force: " + place.path + ":")
    assert "\\u000a" not in line
    assert status(daemon, "cw_old") == 200
    config = daemon.get(API + "/health", token="cw_old").json["components"]["config"]
    assert config["status"] == "DEGRADED"
    assert place.path in str(config["details"])
    place.write(row("cw_new"))
    until(lambda: status(daemon, "cw_new") == 200, "the new list")
    assert daemon.get(API + "/health", token="cw_new").json["components"]["config"]["status"] == "UP"


def test_a_file_that_is_gone_leaves_the_list(start, redis, folder):
    place = InPlace(folder)
    daemon = begin(start, redis, place, row("cw_old"))
    os.unlink(place.path)
    daemon.wait_for("cachewarden.yaml:2: auth.tokens_file names " + place.path)
    assert status(daemon, "cw_old") == 200
    put(place.path, row("cw_new"))
    until(lambda: status(daemon, "cw_new") == 200, "the file's return")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_same_content_is_no_reload(start, redis, folder, kind):
    place = kind(folder)
    daemon = begin(start, redis, place, row("cw_0"), "log: {level: debug}\n")

    def touch(text):
        del text
        os.utime(place.path)

    for again in touch, place.write:
        read = daemon.log.count("same content as before")
        again(row("cw_0"))
        until(lambda read=read: daemon.log.count("same content as before") > read, "a look at it")
    assert status(daemon, "cw_0") == 200
    assert "configuration reloaded" not in daemon.log
    place.write(row("cw_1"))
    until(lambda: status(daemon, "cw_1") == 200, "another list")
    until(lambda: daemon.log.count("configuration reloaded") == 1, "its line in the log")
    # Who asks for a reload gets one.
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: daemon.log.count("configuration reloaded") == 2, "the reload")


def test_the_old_content_ends_a_refusal(start, redis, folder):
    place = InPlace(folder)
    daemon = begin(start, redis, place, row("cw_old"))
    place.write(BAD["torn"])
    daemon.wait_for("configuration refused, the previous one stays in force")
    place.write(row("cw_old"))
    daemon.wait_for("configuration reloaded")
    assert daemon.get(API + "/health", token="cw_old").json["components"]["config"]["status"] == "UP"
