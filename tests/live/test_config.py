# SPDX-License-Identifier: MIT
"""What the daemon says about its configuration: by --check-config, at the start and by a reload."""

import os
import re
import socket
import subprocess

import pytest

from harness import API, BINARY, open_config

TOKEN = "- {name: t, sha256: " + "ab" * 32 + ", scopes: [read]}\n"


def write(folder, name, text, mode=0o600):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def run(*args):
    return subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=20, check=False)


JOB = """warm:
  jobs:
    - name: {name}
      schedule: {{cron: "{cron}", time_zone: {zone}}}
      source: {{type: file, path: /dev/null}}
      key: "{name}:{{id}}"
"""

# Two faults each, in files of their own: where they stand, in order.
FAULTS = {
    "cron and time zone": (
        "", {"conf.d/a.yaml": JOB.format(name="a", cron="61 * * * *", zone="UTC"),
             "conf.d/b.yml": JOB.format(name="b", cron="0 3 * * *", zone="Europe/Pariss")},
        ["conf.d/a.yaml:4", "conf.d/b.yml:4"]),
    "tokens_file": (
        "auth:\n  tokens_file: t.yaml\n", {"t.yaml": TOKEN + TOKEN.replace("ab" * 32, "xy")},
        ["t.yaml:2"]),
    "no tokens_file": (
        "auth:\n  anonymous: []\n  tokens_file: t.yaml\n", {}, ["c.yaml:3"]),
    "the same token twice": (
        "auth:\n  tokens_file: t.yaml\n", {"t.yaml": TOKEN + TOKEN}, ["t.yaml:2"]),
    "include": (
        "include:\n  - conf.d/*.yaml\n  - none.yaml\n", {"conf.d/a.yaml": "nam: a\n"},
        ["conf.d/a.yaml:1", "c.yaml:3"]),
    "listen": (
        "listen:\n  - 127.0.0.1:0\n  - 0.0.0.0:0\n", {},
        ["c.yaml:3"]),
}


@pytest.mark.parametrize("case", FAULTS, ids=lambda name: name.replace(" ", "_"))
def test_a_fault_has_its_line_at_the_start_in_a_check_and_in_a_reload(start, folder, redis, case):
    text, files, places = FAULTS[case]
    daemon = start(open_config(redis))
    for name, content in files.items():
        write(daemon.folder, name, content)
    path = write(daemon.folder, "c.yaml", text)
    for command in (["--check-config"], []):
        done = run("--config", path, *command)
        assert done.returncode == 78, done
        assert [line.split(": ")[0] for line in done.stderr.splitlines()] == \
            [os.path.join(daemon.folder, place) for place in places], done.stderr
    daemon.configure(text)
    reply = daemon.post(API + "/reload")
    assert reply.status == 422
    places = [os.path.join(daemon.folder, place.replace("c.yaml", "cachewarden.yaml"))
              for place in places]
    assert [error["detail"].split(": ")[0] for error in reply.json["errors"]] == places
    daemon.wait_for("configuration refused, the previous one stays in force: " + places[0] + ": ")
    assert "\\u000a" not in daemon.log
    component = daemon.health().json["components"]["config"]
    assert component["status"] == "DEGRADED"
    assert daemon.metric("cachewarden_config_last_reload_successful") == 0


def test_an_address_that_cannot_be_bound_has_its_line(start, redis):
    daemon = start(open_config(redis))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        bad = open_config(redis).replace(
            'listen: ["127.0.0.1:0"]', f"listen:\n  - 127.0.0.1:0\n  - 127.0.0.1:{port}")
        daemon.configure(bad)
        errors = daemon.post(API + "/reload").json["errors"]
        assert len(errors) == 1
        assert errors[0]["detail"].startswith(f"{daemon.config_path}:5: listen: 127.0.0.1:{port}: ")
        second = start(bad, wait=False)
        second.expect_exit = 75
        assert second.process.wait(20) == 75
        second.reader.join(20)
        assert f"{second.config_path}:5: listen: 127.0.0.1:{port}: " in second.log


def test_more_than_twenty_faults_are_counted(start, folder, redis):
    text = "".join(f"unknown{i}: x\n" for i in range(25))
    done = run("--config", write(folder, "c.yaml", text), "--check-config")
    lines = done.stderr.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "and 5 more"
    daemon = start(open_config(redis))
    daemon.configure(text)
    errors = daemon.post(API + "/reload").json["errors"]
    assert errors[-1]["detail"] == "and 5 more"
    daemon.wait_for("; and 5 more")


WARNED = """
auth:
  tokens:
    - {name: t, sha256: %s, scopes: [read], expires: 2020-01-01}
sources:
  api: {type: http, base_url: "http://127.0.0.1:1", ca: none.pem}
warm:
  jobs:
    - {name: a, key: a, source: {type: file, path: none.csv}}
    - {name: b, key: "b:{id}", source: {type: command, argv: [no-such-program]}}
""" % ("ab" * 32)


def test_what_is_hardly_meant_is_accepted_and_said(start, folder, redis):
    path = write(folder, "c.yaml", WARNED)
    done = run("--config", path, "--check-config")
    assert (done.returncode, done.stdout) == (0, f"{path}: ok\n")
    assert [re.match(r"(.*?:\d+): (\S+) ", line).groups() for line in done.stderr.splitlines()] == [
        (f"{path}:4", "auth.tokens[0].expires"), (f"{path}:6", "sources.api.ca"),
        (f"{path}:9", "warm.jobs[0].source.path"), (f"{path}:9", "warm.jobs[0].key"),
        (f"{path}:10", "warm.jobs[1].source.argv")]
    text = 'listen: ["127.0.0.1:0"]\nredis: {url: "%s"}\n' % redis.url + WARNED
    daemon = start(text)
    daemon.wait_for("warning configuration: ")
    daemon.configure(text.replace("name: t,", "name: u,"))
    daemon.send(1)
    daemon.wait_for("warning configuration: ", count=2)


def test_byte_order_marks_and_windows_line_ends_are_understood(folder):
    path = write(folder, "c.yaml", "\ufeffname: a\r\nlog: {level: debug}\r\n")
    write(folder, "conf.d/x.yml", "\ufeffcache:\r\n  protected: [\"x:*\"]\r\n")
    done = run("--config", path, "--print-config")
    assert done.returncode == 0, done.stderr
    assert "name: a\n" in done.stdout and "x:*" in done.stdout
