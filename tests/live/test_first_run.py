# SPDX-License-Identifier: MIT
"""The daemon as it is met first: no configuration file, no token, an address in use."""

import os
import re
import signal
import socket
import subprocess

import pytest

from conftest import open_config
from harness import API, BINARY, DEADLINE, until

DEFAULT_FILE = "/etc/cachewarden/cachewarden.yaml"


def first_lines(daemon):
    """What the log says up to the first address, without times."""
    daemon.wait_for("listening on ")
    lines = [line.split(" ", 1)[1] for line in daemon.lines]
    return lines[:1 + next(i for i, line in enumerate(lines) if "listening on" in line)]


def start_bare(redis, *args):
    """The daemon without --config; where this machine has the default file, that holds."""
    env = {**os.environ, "REDIS_URL": redis.url, "CACHEWARDEN_LISTEN": "127.0.0.1:0"}
    return subprocess.Popen([BINARY, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=env)


def test_without_a_configuration_file_the_defaults_hold(redis):
    printed, _ = start_bare(redis, "--print-config").communicate(timeout=DEADLINE)
    checked, _ = start_bare(redis, "--check-config").communicate(timeout=DEADLINE)
    if os.path.lexists(DEFAULT_FILE):
        assert checked == f"{DEFAULT_FILE}: ok\n"
        return
    assert checked == "no configuration file, using the defaults: ok\n"
    assert "default_ttl: 1h" in printed and redis.url in printed
    daemon = start_bare(redis)
    try:
        lines = []
        while not lines or "listening on" not in lines[-1]:
            lines.append(daemon.stderr.readline())
            assert lines[-1], lines
        assert "no configuration file: using the defaults" in lines[0]
        assert f"auth.tokens in {DEFAULT_FILE}" in "".join(lines)
        port = int(lines[-1].rsplit(":", 1)[1])
        # It takes no file that was not there for a reason to end at a reload.
        daemon.send_signal(signal.SIGHUP)
        line = daemon.stderr.readline()
        while "configuration" not in line:
            assert line
            line = daemon.stderr.readline()
        assert "configuration reloaded" in line
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as connection:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    finally:
        daemon.send_signal(signal.SIGTERM)
        _, rest = daemon.communicate(timeout=40)
    assert daemon.returncode == 0, rest


def test_a_file_that_is_named_must_be_there(folder):
    done = subprocess.run([BINARY, "--config", folder + "/none.yaml"], capture_output=True,
                          text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 78
    assert done.stderr == f"{folder}/none.yaml: cannot be read: No such file or directory\n"


def test_the_first_lines_say_what_runs_where(start, redis):
    daemon = start(open_config(redis), args=())
    version = subprocess.run([BINARY, "--version"], capture_output=True, text=True,
                             check=True).stdout.strip()
    host, port = daemon.address
    assert first_lines(daemon) == [
        f"info {version}, configuration {daemon.config_path}",
        f"info redis: {redis.url}",
        "info tokens: 0, expired: 0; scopes without a token: "
        "read, metrics, keys, write, invalidate, warm, operate",
        f"info listening on http://{host}:{port}"]


def test_the_first_lines_hold_no_password(start, redis):
    daemon = start('listen: ["127.0.0.1:0"]\nredis: {url: "redis://u:hunter2@127.0.0.1:1/0"}\n')
    assert "info redis: redis://u:<redacted>@127.0.0.1:1/0" in first_lines(daemon)
    assert "hunter2" not in daemon.log


SHA = "0" * 63
TOKENS = """
  tokens:
    - {{name: a, sha256: {sha}1, scopes: [read]{first}}}
    - {{name: b, sha256: {sha}2, scopes: [read], expires: 2020-01-01}}
"""


@pytest.mark.parametrize("auth, counts, warned", [
    ("  anonymous: []", "tokens: 0, expired: 0; scopes without a token: none", True),
    ("  anonymous: [metrics]", "tokens: 0, expired: 0; scopes without a token: metrics", False),
    (TOKENS.format(sha=SHA, first=""), "tokens: 2, expired: 1; scopes without a token: none",
     False),
    (TOKENS.format(sha=SHA, first=", expires: 2021-01-01"),
     "tokens: 2, expired: 2; scopes without a token: none", True)])
def test_no_valid_token_is_a_warning_that_says_what_to_do(start, redis, auth, counts, warned):
    daemon = start(f'listen: ["127.0.0.1:0"]\nredis: {{url: "{redis.url}"}}\nauth:\n{auth}\n')
    lines = first_lines(daemon)
    assert "info " + counts in lines
    warnings = [line for line in lines if line.startswith("warning no token is valid")]
    assert len(warnings) == warned
    assert all(f"auth.tokens in {daemon.config_path}" in line for line in warnings)
    assert (daemon.get(API + "/stats").status == 401) or not warned


def test_a_reload_that_takes_the_last_token_away_is_warned_of(start, redis):
    daemon = start(open_config(redis))
    daemon.configure(re.sub(r"anonymous: \[.*\]", "anonymous: []", open_config(redis)))
    daemon.send(signal.SIGHUP)
    daemon.wait_for("no token is valid")


# What is in use now and will be free later ----------------------------------------------------


def ends_with_75(daemon, *words):
    daemon.expect_exit = 75
    assert daemon.process.wait(DEADLINE) == 75
    daemon.reader.join(DEADLINE)
    for word in words:
        assert word in daemon.log


def test_a_tcp_address_in_use_ends_with_75_and_says_what_to_do(start, redis):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        daemon = start(open_config(redis).replace("127.0.0.1:0", f"127.0.0.1:{port}"), wait=False)
        ends_with_75(daemon, f"listen: 127.0.0.1:{port}: the address is in use by another process",
                     f"ss -ltnp sport = :{port}")


def test_a_unix_address_in_use_ends_with_75_and_says_what_to_do(start, redis, folder):
    path = folder + "/taken.sock"
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(path)
        taken.listen()
        daemon = start(open_config(redis).replace("127.0.0.1:0", f"unix:{path}"), wait=False)
        ends_with_75(daemon, f"listen: {path}: the address is in use by another process",
                     "ss -lxp")


def test_the_folder_of_another_managed_server_ends_with_75(start, folder):
    config = ('listen: ["127.0.0.1:0"]\n'
              f'redis: {{url: "managed:", managed: {{directory: "{folder}/managed"}}}}\n')
    start(config)
    ends_with_75(start(config, wait=False), f"{folder}/managed is in use by another cachewarden")


@pytest.mark.parametrize("address", ["192.0.2.1:1", "127.0.0.1:99999"])
def test_an_address_that_cannot_be_had_ends_with_78(start, redis, address):
    daemon = start(open_config(redis).replace("127.0.0.1:0", address), wait=False)
    daemon.expect_exit = 78
    assert daemon.process.wait(DEADLINE) == 78


def test_a_reload_to_an_address_in_use_changes_nothing(start, redis):
    daemon = start(open_config(redis))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        daemon.configure(open_config(redis).replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        refused = daemon.post(API + "/reload")
        assert refused.status == 422 and "in use" in refused.json["errors"][0]["detail"]
    until(lambda: daemon.post(API + "/reload").status == 200, "the address to be free")
