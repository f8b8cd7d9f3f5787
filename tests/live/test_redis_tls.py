# SPDX-License-Identifier: MIT
"""Redis behind TLS: everything works over it, what cannot be trusted is refused and named."""

import os
import signal
import socket
import threading

import pytest

from certificates import Authority, TlsRedis
from harness import open_config, rounds, until
from keys import KEYS
from load import Load

BIG = 1_000_000


@pytest.fixture(scope="module")
def authority(shared_folder):
    return Authority(shared_folder)


@pytest.fixture(scope="module")
def good(authority):
    return authority.issue("localhost", "127.0.0.1")


@pytest.fixture
def serve(folder):
    """serve(authority, certificate, ...) -> TlsRedis"""
    servers = []

    def make(*args, **more):
        servers.append(TlsRedis(folder, *args, name=f"tls{len(servers)}", **more))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def config(url, extra="", **tls):
    members = ", ".join(f'{name}: "{value}"' for name, value in tls.items())
    return open_config(type("At", (), {"url": url}), extra).replace(
        f'url: "{url}"', f'url: "{url}", tls: {{{members}}}')


def why_down(daemon):
    """What health says of Redis, once it says that it is down and why."""
    def found():
        redis = daemon.health().json["components"]["redis"]
        detail = str(redis["details"])
        return detail if redis["status"] == "DOWN" and "TLS" in detail else None

    return until(found, "health to name what is wrong with TLS")


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_all_kinds_of_work_go_over_it(serve, start, authority, good, version):
    redis = serve(authority, good, "--tls-protocols", version)
    daemon = start(config(redis.url, ca=authority.certificate))
    daemon.wait_redis()
    redis.fill(3000)
    value = os.urandom(BIG)
    put = daemon.request("PUT", KEYS + "big?ttl=60", body=value,
                         headers={"Content-Type": "application/octet-stream", "Cache-Tag": "t"})
    assert put.status in (200, 201, 204), put
    assert daemon.get(KEYS + "big").body == value
    gone = daemon.invalidate({"patterns": ["key:*"]}).json
    assert (gone["complete"], gone["matched"]) == (True, 3000)
    assert daemon.invalidate({"tags": ["t"]}).json["matched"] == 1
    assert redis.keys() == []
    listed = redis("CLIENT", "LIST").decode()
    assert listed.count("name=cachewarden ") == 3 and "laddr=127.0.0.1:%d " % redis.port in listed


def test_a_client_certificate_is_shown(serve, start, authority, good, folder):
    redis = serve(authority, good, clients="yes")
    certificate, key = authority.issue("cachewarden")
    daemon = start(config(redis.url, ca=authority.certificate, certificate=certificate, key=key))
    daemon.wait_redis()
    assert daemon.get(KEYS + "absent").status == 404


def test_the_name_may_differ_from_the_host(serve, start, authority):
    redis = serve(authority, authority.issue("redis.internal"))
    wrong = start(config(redis.url, ca=authority.certificate))
    assert "another name" in why_down(wrong)
    named = start(config(redis.url, ca=authority.certificate, server_name="redis.internal"))
    named.wait_redis()
    unnamed = start(config(redis.url, ca=authority.certificate, verify="ca"))
    unnamed.wait_redis()


def test_an_address_is_a_name_too(serve, start, authority, good):
    redis = serve(authority, good)
    daemon = start(config(redis.url.replace("localhost", "127.0.0.1"), ca=authority.certificate))
    daemon.wait_redis()


def test_without_verification_it_is_said(serve, start, folder, authority):
    redis = serve(authority, authority.issue("elsewhere", days=-1))
    daemon = start(config(redis.url, verify="none"))
    daemon.wait_redis()
    assert "redis.tls.verify is none" in daemon.log
    warnings = daemon.health().json["components"]["config"]["details"]["warnings"]
    assert any("redis.tls.verify is none" in text for text in warnings), warnings


class Relay:
    """Passes connections on to a port; notes how large the first answer on each was."""

    def __init__(self, port):
        self.to, self.answers = port, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.to))
            threading.Thread(target=self._pass, args=(near, far), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, self.answers), daemon=True).start()

    @staticmethod
    def _pass(source, target, sizes=None):
        first = True
        try:
            while data := source.recv(65536):
                if first and sizes is not None:
                    sizes.append(len(data))
                first = False
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            one.close()


def test_a_later_session_is_resumed(serve, start, authority, good):
    redis = serve(authority, good)
    relay = Relay(redis.port)
    daemon = start(config(f"rediss://localhost:{relay.port}", ca=authority.certificate))
    daemon.wait_redis()
    until(lambda: len(relay.answers) == 3, "its connections")
    redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    until(lambda: len(relay.answers) == 6, "all connections once more")
    # No certificates are sent the second time.
    assert max(relay.answers[3:]) < min(relay.answers[:3]) - 200, relay.answers
    relay.listener.close()


def hold_silent(listener, held):
    while True:
        try:
            held.append(listener.accept()[0])
        except OSError:
            return


def test_what_cannot_be_trusted_is_named(serve, start, folder, authority, good):
    other = Authority(folder, "other")
    stranger = other.issue("cachewarden")
    asks = serve(authority, good, clients="yes")
    usual = {"ca": authority.certificate}
    for redis, tls, words in (
            (serve(authority, good), {"ca": other.certificate}, "trusted authority"),
            (serve(authority, good), {}, "trusted authority"),
            (serve(authority, authority.issue("elsewhere")), usual, "another name"),
            (serve(authority, authority.issue("localhost", days=-1)), usual, "expired"),
            (asks, usual, "client certificate"),
            (asks, {**usual, "certificate": stranger[0], "key": stranger[1]},
             "does not accept our client certificate")):
        daemon = start(config(redis.url, **tls))
        assert words in why_down(daemon), words
        assert daemon.get(KEYS + "a").status == 503
        assert daemon.get("/livez").status == 200
        assert daemon.get("/readyz?redis=true").status == 503
        assert daemon.close() is None


def test_files_that_are_of_no_use_are_named_and_may_come_later(serve, start, folder, authority, good):
    redis = serve(authority, good)
    ca = os.path.join(folder, "ca.crt")
    daemon = start(config(redis.url, ca=ca))
    assert ca in why_down(daemon) and "cannot be read now" in daemon.log
    with open(ca, "w", encoding="ascii") as file:
        file.write("not a certificate\n")
    until(lambda: "has no certificate" in why_down(daemon), "the other reason")
    with open(authority.certificate, encoding="ascii") as file:
        right = file.read()
    with open(ca, "w", encoding="ascii") as file:
        file.write(right)
    daemon.wait_redis()
    certificate, key = authority.issue("one")[0], authority.issue("two")[1]
    daemon.configure(config(redis.url, ca=ca, certificate=certificate, key=key))
    daemon.send(signal.SIGHUP)
    daemon.wait_for("configuration refused")
    assert f"the key {key} is not that of the certificate {certificate}" in daemon.log
    assert daemon.get(KEYS + "absent").status == 404


def test_a_server_without_tls_is_named(tuned, start, folder, authority):
    listener = socket.create_server(("127.0.0.1", 0))
    held = []
    threading.Thread(target=hold_silent, args=(listener, held), daemon=True).start()
    silent = start(config(f"rediss://127.0.0.1:{listener.getsockname()[1]}", ca=authority.certificate))
    assert "does it speak TLS on this port?" in why_down(silent)
    assert silent.get("/livez").status == 200
    listener.close()
    for connection in held:
        connection.close()


def ids(redis):
    """Of the daemon's connections."""
    return {line.split()[0] for line in redis("CLIENT", "LIST").decode().splitlines()
            if "name=cachewarden " in line}


def test_certificates_are_exchanged_without_a_lost_command(serve, start, folder, authority, good):
    redis = serve(authority, good)
    bundle = os.path.join(folder, "bundle.crt")

    def trust(*authorities):
        with open(bundle + ".new", "w", encoding="ascii") as file:
            for one in authorities:
                with open(one.certificate, encoding="ascii") as part:
                    file.write(part.read())
        os.rename(bundle + ".new", bundle)

    trust(authority)
    daemon = start(config(redis.url, ca=bundle))
    daemon.wait_redis()
    newest = authority
    with Load(daemon, KEYS + "absent", status=404) as load:
        for i in range(rounds(5, 100)):
            newest = Authority(folder, f"authority{i}")
            trust(newest)
            redis.show(newest.issue("localhost"))
            daemon.send(signal.SIGHUP)
            daemon.wait_for("configuration reloaded", count=i + 1)
            load.more()
    assert load.failures == []
    # New connections are under the newest ones.
    before = ids(redis)
    redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    until(lambda: len(ids(redis) - before) == 3, "all connections once more")
    until(lambda: daemon.get(KEYS + "absent").status == 404, "service over them")
