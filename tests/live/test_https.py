# SPDX-License-Identifier: MIT
"""HTTPS: what HTTP serves over TLS, and what is refused of certificates and clients."""

import hashlib
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import time
import warnings

import pytest

from certificates import Authority, free_port
from harness import API, DEADLINE, open_config, rounds, until
from keys import path
from load import Load
from proxy import Proxy
from wire import Wire, ask, request

BIG = 1 << 20


@pytest.fixture(scope="module")
def authority(shared_folder):
    return Authority(shared_folder)


@pytest.fixture(scope="module")
def good(authority):
    return authority.issue("localhost", "127.0.0.1", days=30)


def config(redis, certificate, extra="", **more):
    members = {"certificate": certificate[0], "key": certificate[1], **more}
    text = ", ".join(f'{name}: "{value}"' for name, value in members.items())
    return open_config(redis, f"tls: {{{text}}}\n{extra}")


def trusting(authority, version=None, show=None):
    """What a client uses that trusts the authority, and may show a certificate."""
    context = ssl.create_default_context(cafile=authority.certificate)
    if version:
        context.minimum_version = context.maximum_version = version
    if show:
        context.load_cert_chain(*show)
    return context


@pytest.fixture
def serve(start, redis, authority, good):
    """serve(extra lines, member=...) -> a daemon with HTTPS."""
    def make(extra="", certificate=good, **more):
        daemon = start(config(redis, certificate, extra, **more), https=False)
        daemon.tls = trusting(authority)
        return daemon

    return make


def put_in_place(certificate, folder):
    """Copies a pair to where the configuration looks for it."""
    names = os.path.join(folder, "tls.crt"), os.path.join(folder, "tls.key")
    for source, name in zip(certificate, names):
        shutil.copy(source, name + ".new")
        os.chmod(name + ".new", 0o600)
        os.rename(name + ".new", name)
    return names


def reload(daemon, words="configuration reloaded"):
    count = daemon.log.count(words)
    daemon.send(signal.SIGHUP)
    daemon.wait_for(words, count=count + 1)


def shown(daemon):
    """The DER of the certificate that a new connection is shown."""
    with daemon.connect() as connection:
        return connection.getpeercert(binary_form=True)


def der(certificate):
    with open(certificate[0], encoding="ascii") as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


# The protocol ----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_are_spoken(serve, authority, version):
    daemon = serve()
    daemon.tls = trusting(authority, version)
    assert daemon.addresses[0].startswith("https://127.0.0.1:")
    assert "listening on https://127.0.0.1:" in daemon.log
    answer = daemon.get("/livez")
    assert answer.status == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert daemon.get(API + "/stats").json["redis"]
    value = os.urandom(BIG - 1)
    put = daemon.request("PUT", path("big"), body=value,
                         headers={"Content-Type": "application/octet-stream"})
    assert put.status in (200, 201, 204), put
    assert daemon.get(path("big")).body == value


def test_older_versions_are_refused(serve, authority):
    daemon = serve()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        daemon.tls = trusting(authority, ssl.TLSVersion.TLSv1_1)
    daemon.tls.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        daemon.get("/livez")
    daemon.tls = trusting(authority)
    assert daemon.get("/livez").status == 200


def test_a_connection_is_kept_and_requests_may_be_pipelined(serve):
    daemon = serve()
    with Wire(daemon) as wire:
        for _ in range(100):
            wire.send(request("GET /livez"))
            assert wire.answer().status == 200
        wire.send(b"".join(request("GET /livez", f"X-Request-Id: r{i}") for i in range(200)))
        for i in range(200):
            assert wire.answer().headers["x-request-id"] == f"r{i}"


def test_plain_http_stays_on_a_unix_socket(serve, folder, redis, good):
    sock = os.path.join(folder, "plain.sock")
    text = config(redis, good).replace('"127.0.0.1:0"', '"127.0.0.1:0", "unix:%s"' % sock)
    daemon = serve()
    daemon.configure(text)
    reload(daemon)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect(sock)
        client.sendall(request("GET /livez"))
        answer = client.recv(65536)
    assert b" 200 " in answer and b"Strict-Transport" not in answer
    assert daemon.get("/livez").status == 200


def test_other_machines_may_be_served_with_tls_only(start, redis, authority, good):
    text = config(redis, good).replace("127.0.0.1:0", "0.0.0.0:0").replace(
        "[read, metrics, keys, write, invalidate, warm, operate]", "[metrics]")
    daemon = start(text + "insecure_http: true\n", https=False)
    daemon.tls = trusting(authority)
    assert daemon.metric("cachewarden_insecure_http") == 0
    daemon.configure(re.sub("^tls:.*$", "", text, flags=re.M))
    reload(daemon, "configuration refused")
    assert "which other machines can reach without TLS: use a loopback address, or set tls" in daemon.log
    assert "insecure_http" not in daemon.log.replace("insecure_http: true", "")
    daemon.configure(re.sub("^tls:.*$", "", text, flags=re.M) + "insecure_http: true\n")
    reload(daemon)
    daemon.wait_for("insecure_http is on: tokens and values may cross the network in clear text; set tls")


# Certificates of the daemon --------------------------------------------------------------------


def test_certificates_are_exchanged_without_a_failed_request(serve, authority, folder):
    daemon = serve(certificate=put_in_place(authority.issue("localhost", days=30), folder))
    daemon.wait_redis()
    with Load(daemon, "/livez") as load, Wire(daemon) as kept:
        for _ in range(rounds(10, 100)):
            newest = authority.issue("localhost", days=30)
            put_in_place(newest, folder)
            reload(daemon)
            assert shown(daemon) == der(newest)
            load.more()
            kept.send(request("GET /livez"))
            assert kept.answer().status == 200
    assert load.failures == []


def test_files_that_cannot_be_used_refuse_the_reload(serve, authority, folder, good):
    pair = put_in_place(good, folder)
    daemon = serve(certificate=pair)
    other = authority.issue("localhost")
    line = daemon.config_path + ":"
    encrypted = os.path.join(folder, "encrypted.key")
    authority.encrypt(good[1], encrypted)

    def refused(name, source, words):
        """With the file exchanged; puts it back."""
        os.rename(name, name + ".old")
        if source:
            shutil.copy(source, name)
            os.chmod(name, 0o600)
        reload(daemon, "configuration refused")
        text = daemon.health().json["components"]["config"]["details"]["last_reload"]
        assert line in text and words in text, text
        os.rename(name + ".old", name)
        assert shown(daemon) == der(good)

    refused(pair[1], other[1], "tls.key names %s, which is not the key of the certificate" % pair[1])
    refused(pair[0], other[0], "is not the key of the certificate")
    refused(pair[0], good[1], "tls.certificate names %s, which has no certificate" % pair[0])
    refused(pair[1], good[0], "tls.key names %s, which has no private key" % pair[1])
    refused(pair[1], encrypted, "is encrypted: a key without a passphrase is needed")
    refused(pair[1], None, "tls.key names %s, which cannot be read: No such file" % pair[1])
    os.chmod(pair[1], 0o644)
    reload(daemon, "configuration refused")
    assert "is readable by others (mode 0644): run chmod o-r " + pair[1] in daemon.log
    os.chmod(pair[1], 0o640)
    reload(daemon)
    assert daemon.get("/livez").status == 200


@pytest.mark.parametrize("days", [-1, 3, 30])
def test_when_a_certificate_expires_is_known_before(serve, authority, days):
    certificate = authority.issue("localhost", days=days)
    daemon = serve(certificate=certificate)
    daemon.tls.check_hostname, daemon.tls.verify_mode = False, ssl.CERT_NONE
    daemon.wait_redis()
    config = daemon.health().json["components"]["config"]
    text = str(config["details"]["warnings"])
    left = daemon.metric('cachewarden_tls_certificate_expiry_timestamp_seconds{of="https"}') - time.time()
    if days < 0:
        assert left < 0 and config["status"] == "DEGRADED" and "tls.certificate has expired" in text
        assert "tls.certificate expired at 2021-01-01T" in daemon.log
    elif days == 3:
        assert config["status"] == "DEGRADED" and "tls.certificate expires in 2 days" in text
        assert 2 * 86400 < left <= 3 * 86400
    else:
        assert config["status"] == "UP" and left > 29 * 86400 and "expires" not in text + daemon.log


def test_tls_comes_and_goes_by_a_reload(start, redis, authority, good):
    """On the same port, without a failed request."""
    port = f"127.0.0.1:{free_port()}"
    secure = config(redis, good).replace("127.0.0.1:0", port)
    plain = open_config(redis).replace("127.0.0.1:0", port)
    daemon = start(plain, https=False)
    for text, tls in ((secure, trusting(authority)), (plain, None)) * rounds(2, 50):
        daemon.configure(text)
        with Wire(daemon) as begun:
            begun.send(b"GET /livez HTTP/1.1\r\n")
            reload(daemon)
            begun.send(b"Host: localhost\r\n\r\n")
            assert begun.answer().status == 200
        daemon.tls = tls
        assert daemon.get("/livez").status == 200
    assert daemon.fds() < 100


# Certificates of clients -----------------------------------------------------------------------


def opened(daemon):
    """The status of a request on a new connection, or the name of what refused it."""
    try:
        return daemon.get(API + "/stats").status
    except ssl.SSLError as error:
        return error.reason
    except (ConnectionError, http.client.RemoteDisconnected):
        return "closed"


def test_a_client_must_show_a_certificate_of_the_authority(serve, start, authority, good, folder, redis):
    clients, strangers = Authority(folder, "clients"), Authority(folder, "strangers")
    right = clients.issue("ops")
    daemon = serve(client_ca=clients.certificate)
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        for show, expected, words in (
                (right, 200, None),
                (None, "CERTIFICATE_REQUIRED", "shows no certificate"),
                (strangers.issue("ops"), "UNKNOWN_CA", "not signed by an authority"),
                (clients.issue("ops", days=-1), "CERTIFICATE_EXPIRED", "has expired"),
                (clients.issue("ops", use="tls_www_server"), "UNSUPPORTED_CERTIFICATE",
                 "not one for clients")):
            daemon.tls = trusting(authority, version, show)
            found = opened(daemon)
            assert str(expected) in str(found), (version, show, found)
            if words:
                until(lambda: words in daemon.log, words)
    daemon.tls = trusting(authority, show=right)
    # Another authority by a reload: at once for new connections.
    daemon.configure(config(redis, good, client_ca=strangers.certificate))
    reload(daemon)
    assert "UNKNOWN_CA" in str(opened(daemon))


def test_a_certificate_may_be_a_token(start, redis, authority, good, folder):
    clients = Authority(folder, "clients")
    ops, other = clients.issue("ops"), clients.issue("other")
    token = hashlib.sha256(b"secret").hexdigest()

    def text(rows):
        return config(redis, good, client_ca=clients.certificate).replace(
            "auth: {anonymous: [read, metrics, keys, write, invalidate, warm, operate]}",
            f"auth: {{tokens: [{rows}]}}").replace("listen:", "log: {access: all}\nlisten:")

    reader = f"{{name: reader, sha256: {token}, scopes: [read]}}"
    row = f"{{name: ops, client_certificate: {hashlib.sha256(der(ops)).hexdigest()}, scopes: [read, invalidate]}}"
    daemon = start(text(reader + ", " + row), https=False)
    daemon.tls = trusting(authority, show=ops)
    daemon.wait_redis()
    assert daemon.invalidate({"keys": ["a"]}).status == 200
    daemon.wait_for("by ops")
    assert daemon.post(API + "/warm", {"cache_names": ["a"]}).status == 403
    # A token counts instead, a wrong one, too.
    assert daemon.invalidate({"keys": ["a"]}, token="secret").status == 403
    assert daemon.invalidate({"keys": ["a"]}, token="wrong").status == 401
    # A browser shows the certificate by itself.
    assert daemon.invalidate({"keys": ["a"]}, headers={"Origin": "https://evil.test"}).status == 403
    assert daemon.invalidate({"keys": ["a"]}, headers={"Origin": "https://127.0.0.1:%d" % daemon.address[1]}).status == 200
    daemon.tls = trusting(authority, show=other)
    answer = daemon.get(API + "/stats")
    assert answer.status == 401 and hashlib.sha256(der(other)).hexdigest() in answer.json["detail"]
    assert daemon.get(API + "/stats", token="secret").status == 200
    # Without its entry a connection that is open has no scope any more.
    daemon.tls = trusting(authority, show=ops)
    with Wire(daemon) as wire:
        wire.send(request("GET " + API + "/stats"))
        assert wire.answer().status == 200
        daemon.configure(text(reader))
        reload(daemon)
        wire.send(request("GET " + API + "/stats"))
        assert wire.answer().status == 401


# Clients that do harm --------------------------------------------------------------------------


def silent_until_closed(sock):
    """Reads until the server ends the connection; seconds, and what came."""
    began, data = time.monotonic(), b""
    try:
        while part := sock.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return time.monotonic() - began, data


def test_plain_http_on_a_port_of_tls_is_closed(serve):
    daemon = serve()
    for data in (request("GET /livez"), b"\x16\x03\x01\xff\xff" + b"x" * 70000, b"\x80\x2e\x01\x00\x02",
                 b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", os.urandom(20000)):
        with socket.create_connection(daemon.address, DEADLINE) as sock:
            try:
                sock.sendall(data)
            except OSError:
                continue
            took, answer = silent_until_closed(sock)
            # Deadlines are 5 s; the third is the beginning of a greeting of SSL 2 that never ends.
            assert took < 7 and b"HTTP" not in answer, (data[:20], answer)
    assert daemon.get("/livez").status == 200


def hello(authority):
    """The bytes of a client's first message."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = trusting(authority).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("part", ["nothing", "half", "all"])
def test_a_handshake_that_never_ends_is_closed_and_costs_little(serve, authority, part):
    daemon = serve("limits: {header_deadline: 2s, per_ip: 300}\n")
    data = hello(authority)
    data = {"nothing": b"", "half": data[:100], "all": data}[part]
    daemon.get("/livez")
    socks = []
    for _ in range(100):
        socks.append(socket.create_connection(daemon.address, DEADLINE))
        socks[-1].sendall(data)
    until(lambda: daemon.metric("cachewarden_http_connections") > 100, "all of them")
    used = daemon.cpu()
    took = max(silent_until_closed(sock)[0] for sock in socks)
    assert took < 5
    # A loop that turns without a pause takes 2 s.
    assert daemon.cpu() - used < 1.2
    for sock in socks:
        sock.close()
    # Those that asked for the figure may be counted, too, until their end is noticed.
    until(lambda: daemon.metric("cachewarden_http_connections") < 10, "their places")


def test_unfinished_handshakes_count_for_their_address(serve, authority):
    daemon = serve("limits: {per_ip: 5}\n")
    held = [socket.create_connection(daemon.address, DEADLINE) for _ in range(5)]
    for sock in held:
        sock.sendall(hello(authority)[:50])
    assert ask(daemon, request("GET /livez")) is None
    assert ask(daemon, request("GET /livez"), source="127.0.0.2").status == 200
    for sock in held:
        sock.close()
    until(lambda: ask(daemon, request("GET /livez")), "room after they have left")


def test_a_refusal_is_read_by_who_still_sends(serve):
    """413 before the body: the answer is not lost, and the connection ends soon."""
    daemon = serve()
    with Wire(daemon) as wire:
        wire.send(request("POST " + API + "/invalidate", "Content-Type: application/json",
                          "Content-Length: 30000000"))
        for _ in range(20):
            if not wire.send(b" " * 65536):
                break
        assert wire.answer().status == 413
        began = time.monotonic()
        assert wire.answer() is None
        assert time.monotonic() - began < 1.5


def test_a_big_answer_passes_beside_one_that_waits(start, folder, redis, authority, good):
    """A waiting request must not slow the records of others to one in each look at it."""
    redis("SET", "big", os.urandom(BIG))
    slow = Proxy(folder, redis)
    daemon = start(config(type("At", (), {"url": slow.url}), good, "cache: {max_value_bytes: 2MiB}"),
                   https=False)
    daemon.tls = trusting(authority)
    daemon.wait_redis()
    with Wire(daemon) as wire:
        for _ in range(20):
            wire.send(request("GET " + path("big")))
            assert len(wire.answer().body) == BIG
    slow.close()
