# SPDX-License-Identifier: MIT
"""What systemd and the daemon say to each other, and the units of systemd/.

Where this machine lets root boot a systemd of its own (tests/systemd/boot.sh), the units are run for
real, tests/systemd/units.py; elsewhere what they do is held against what can be had without.
"""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from conftest import open_config
from harness import API, BINARY, DEADLINE, SANITIZED, free_port, until

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BOOT = os.path.join(TREE, "tests", "systemd", "boot.sh")
UNITS = ("cachewardend.service", "cachewardend@.service", "cachewardend.socket")


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.env = {"NOTIFY_SOCKET": self.path}

    def next(self, seconds=DEADLINE):
        """The next message as a dictionary; None where none came in time."""
        self.socket.settimeout(seconds)
        try:
            text = self.socket.recv(4096).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in text.split("\n") if line)

    def until(self, key):
        """The next message that has `key`; watchdog messages may come between."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            message = self.next()
            if message and key in message:
                return message
            assert message and "WATCHDOG" in message, message
        raise AssertionError("no message with " + key)

    def drain(self):
        while self.next(0.001):
            pass


@pytest.fixture
def manager(folder):
    it = Manager(folder)
    yield it
    it.socket.close()


def test_the_daemon_says_what_it_does(start, redis, manager):
    daemon = start(open_config(redis), env=manager.env)
    ready = manager.next()
    assert ready == {"READY": "1", "STATUS": "serving"}
    assert daemon.get("/readyz").status == 200
    before = time.monotonic_ns() // 1000
    daemon.send(signal.SIGHUP)
    reloading = manager.next()
    assert reloading["RELOADING"] == "1"
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert manager.next()["READY"] == "1"
    # A refused file ends the reload, too.
    daemon.configure("nonsense: 1\n")
    daemon.send(signal.SIGHUP)
    assert manager.next()["RELOADING"] == "1"
    assert manager.next()["READY"] == "1"
    daemon.send(signal.SIGTERM)
    assert manager.next()["STOPPING"] == "1"
    assert daemon.process.wait(DEADLINE) == 0


def test_ready_comes_without_redis_and_not_before_the_addresses(start, folder, manager):
    daemon = start(f'listen: ["127.0.0.1:0"]\nredis: {{url: "unix://{folder}/none.sock"}}\n',
                   env=manager.env, wait=False)
    assert manager.next()["READY"] == "1"
    assert os.path.exists(daemon.ready_path)
    daemon.wait_for("listening on ")


def test_a_daemon_that_cannot_start_is_never_ready(start, folder, manager):
    taken = socket.create_server(("127.0.0.1", 0))
    daemon = start(f'listen: ["127.0.0.1:{taken.getsockname()[1]}"]\n', env=manager.env, wait=False)
    daemon.expect_exit = None
    assert daemon.process.wait(DEADLINE) != 0
    while message := manager.next(0.2):
        assert "READY" not in message
    taken.close()


def test_the_watchdog_is_tied_to_the_loop_and_not_to_redis(start, redis, manager):
    daemon = start(open_config(redis), env={**manager.env, "WATCHDOG_USEC": "400000"})
    assert "READY" in manager.until("READY")
    assert manager.next(DEADLINE) == {"WATCHDOG": "1"}
    redis.send(signal.SIGSTOP)
    manager.drain()
    began = time.monotonic()
    for _ in range(5):
        assert manager.next(DEADLINE) == {"WATCHDOG": "1"}
    assert time.monotonic() - began > 0.5  # each half of the time, no storm
    redis.send(signal.SIGCONT)
    # A process that does not run says nothing.
    daemon.send(signal.SIGSTOP)
    manager.drain()
    assert manager.next(1) is None
    daemon.send(signal.SIGCONT)
    assert manager.next() == {"WATCHDOG": "1"}


class Activated:
    """The daemon behind systemd-socket-activate, which starts it at the first connection."""

    def __init__(self, folder, config, *addresses):
        self.config_path = os.path.join(folder, "activated.yaml")
        self.log_path = os.path.join(folder, "activated.log")
        self.configure(config)
        listens = [part for address in addresses for part in ("--listen", address)]
        passed = [f"--setenv={name}" for name in os.environ if name.endswith("SAN_OPTIONS")]
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["systemd-socket-activate", *passed, *listens, BINARY, "--config",
                 self.config_path], stdout=log, stderr=log)
        until(lambda: self.log.count("Listening on") == len(addresses), "systemd-socket-activate")

    @property
    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def configure(self, config):
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(config)
        os.chmod(self.config_path, 0o600)

    def get(self, path, port=None, unix=None, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", port or 1, timeout=DEADLINE)
        if unix:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(DEADLINE)
            connection.sock.connect(unix)
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def test_passed_sockets_are_served(folder, redis):
    port, path = free_port(), os.path.join(folder, "passed.sock")
    config = open_config(redis).replace('["127.0.0.1:0"]', "[systemd]")
    daemon = Activated(folder, config, f"127.0.0.1:{port}", path)
    try:
        assert daemon.get("/readyz", port=port) == (200, b"ok\n"), daemon.log
        assert daemon.get("/readyz", unix=path) == (200, b"ok\n")
        assert f"listening on http://127.0.0.1:{port}" in daemon.log
        assert f"listening on unix:{path}" in daemon.log
        # A reload keeps them; to do without them, or with others too, needs a restart.
        assert daemon.get(API + "/reload", port=port, method="POST")[0] == 200
        daemon.configure(open_config(redis))
        status, body = daemon.get(API + "/reload", port=port, method="POST")
        assert status == 422 and b"listen has changed" in body
        assert daemon.get("/readyz", unix=path) == (200, b"ok\n")
    finally:
        code = daemon.close()
    assert code == 0, daemon.log
    assert os.path.exists(path)  # it is systemd's


def test_passed_sockets_are_judged_as_any_other_address(folder, redis):
    port = free_port()
    config = open_config(redis).replace('["127.0.0.1:0"]', "[systemd]")
    daemon = Activated(folder, config, f"0.0.0.0:{port}")
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        assert daemon.process.wait(DEADLINE) == 78
        assert "insecure_http" in daemon.log or "anonymous" in daemon.log
    finally:
        daemon.close()


def test_no_passed_socket_is_a_clear_fault(start, redis):
    daemon = start(open_config(redis).replace('["127.0.0.1:0"]', "[systemd]"), wait=False)
    daemon.expect_exit = 78
    assert daemon.process.wait(DEADLINE) == 78
    daemon.wait_for("cachewardend.socket")


@pytest.fixture
def installed(folder):
    """The units as `make install` puts them, for the binary under test."""
    prefix = os.path.join(folder, "usr")
    os.makedirs(prefix + "/bin")
    os.symlink(BINARY, prefix + "/bin/cachewardend")
    units = os.path.join(folder, "lib/systemd/system")
    subprocess.run(["sh", TREE + "/systemd/install.sh", "", prefix, folder + "/etc", units],
                   check=True, stdout=subprocess.DEVNULL)
    return units


def test_the_units_are_sound_and_the_sandbox_is_tight(installed):
    paths = [os.path.join(installed, name) for name in UNITS]
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ours = [line for line in verified.stdout.splitlines() if "cachewardend" in line]
    assert verified.returncode == 0 and not ours, verified.stdout
    for path in paths[:2]:
        # The threshold is in tenths: 1.1, where 10 is a service without any bounds.
        judged = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=11", path],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert judged.returncode == 0, judged.stdout


def test_a_second_install_keeps_the_configuration(folder, installed):
    config = os.path.join(folder, "etc/cachewarden/cachewarden.yaml")
    assert os.stat(config).st_mode & 0o777 == 0o640
    with open(config, "a", encoding="utf-8") as file:
        file.write("# mine\n")
    subprocess.run(["sh", TREE + "/systemd/install.sh", "", folder + "/usr", folder + "/etc",
                    installed], check=True, stdout=subprocess.DEVNULL)
    with open(config, encoding="utf-8") as file:
        assert file.read().endswith("# mine\n")
    with open(os.path.join(installed, "cachewardend.service"), encoding="utf-8") as file:
        text = file.read()
    starts = re.findall(r"^Exec\w+=(\S*cachewardend) --config (\S+)", text, re.M)
    assert starts == [(folder + "/usr/bin/cachewardend", config)] * 2


def test_make_install_places_all_of_it(folder):
    root = os.path.join(folder, "root")
    build = os.path.relpath(os.path.dirname(BINARY), TREE)
    mode = "asan" if SANITIZED else "release"
    subprocess.run(["make", "-C", TREE, "install", f"DESTDIR={root}", "PREFIX=/usr",
                    f"BUILD={build}", f"MODE={mode}"], check=True, capture_output=True, timeout=300)
    assert os.access(root + "/usr/bin/cachewardend", os.X_OK)
    for name in UNITS:
        assert os.path.exists(f"{root}/usr/lib/systemd/system/{name}")
    for folder_name in ("sysusers.d", "tmpfiles.d"):
        assert os.path.exists(f"{root}/usr/lib/{folder_name}/cachewarden.conf")
    shipped = root + "/etc/cachewarden/cachewarden.yaml"
    done = subprocess.run([BINARY, "--config", shipped, "--check-config"], capture_output=True,
                          text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stdout) == (0, f"{shipped}: ok\n"), done.stderr


def boot(folder, *program):
    """Runs a program in a systemd of its own; its status and output, or None where that is not
    possible here."""
    place = os.path.join(folder, "boot")
    os.makedirs(place, exist_ok=True)
    done = subprocess.run(["bash", BOOT, place, *program], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
    output = os.path.join(folder, "output")
    if not os.path.exists(output):
        return None
    with open(output, encoding="utf-8", errors="replace") as file:
        text = file.read()
    os.unlink(output)
    return done.returncode, text


def test_the_units_work(folder, start):
    if os.geteuid() == 0 and boot(folder, "/bin/echo", "booted") == (0, "booted\n"):
        for program in (BINARY, os.path.join(os.path.dirname(BINARY), "cachewarden")):
            shutil.copy(program, folder)
        status, text = boot(
            folder, "/usr/bin/env", "CACHEWARDEN_BIN=/run/shared/cachewardend", "HOME=/root",
            "/usr/bin/python3", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
            "/run/tree/tests/systemd/units.py")
        assert status == 0, text
        return
    # Without: at least as much as a program may take away from itself.
    config = """
listen: ["127.0.0.1:0"]
auth: {anonymous: [read, warm]}
redis: {url: "managed:"}
warm:
  jobs:
    - name: packages
      source: {type: command, argv: [dpkg-query, -W, -f, '{"name":"${binary:Package}"}\\n']}
      key: "package:{name}"
"""
    daemon = start(config, before=("setpriv", "--no-new-privs", "--inh-caps=-all"))
    daemon.wait_redis()
    assert daemon.warm({"wait": 30}).json["state"] == "completed"
