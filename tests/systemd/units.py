# SPDX-License-Identifier: MIT
"""The units under a systemd that boot.sh has booted: pytest runs this file in there, as root.

Everything that it installs and changes is gone with that systemd.
"""

import fcntl
import http.client
import http.server
import json
import os
import pwd
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

TREE = "/run/tree"
CONFIG = "/etc/cachewarden/cachewarden.yaml"
API = "/api/v1/admin/cache"
OPEN = "auth: {anonymous: [read, metrics, keys, write, invalidate, warm, operate]}\n"
DEADLINE = 30


def run(*argv, check=True):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=90, check=False)
    assert not check or done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{journal()}"
    return done


def journal():
    return subprocess.run(["journalctl", "--no-pager", "-n", "40", "-u", "cachewardend*"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False).stdout


def show(name, unit="cachewardend"):
    return run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()


def until(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for: {what}\n{journal()}"
        time.sleep(0.02)


def ask(method, path, body=None, port=8480, unix=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    if unix:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(DEADLINE)
        connection.sock.connect(unix)
    connection.request(method, path, body=None if body is None else json.dumps(body),
                       headers={"Content-Type": "application/json"} if body is not None else {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, json.loads(data) if data.startswith(b"{") else data.decode()


def configure(text, path=CONFIG):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    shutil.chown(path, "root", "cachewarden")
    os.chmod(path, 0o640)


def servers():
    """Process ids of redis-servers."""
    found = subprocess.run(["pgrep", "-x", "redis-server"], stdout=subprocess.PIPE, text=True,
                           check=False)
    return found.stdout.split()


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def loopback_up():
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x49))  # SIOCSIFFLAGS


class Rows(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'[{"id": 1}, {"id": 2}, {"id": 3}]'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="session", autouse=True)
def installed():
    """As `make install` and the lines that it prints."""
    loopback_up()
    shutil.copy(os.environ["CACHEWARDEN_BIN"], "/usr/local/bin/cachewardend")
    shutil.copy(os.path.dirname(os.environ["CACHEWARDEN_BIN"]) + "/cachewarden", "/usr/local/bin")
    shutil.rmtree("/etc/cachewarden", ignore_errors=True)
    run("sh", TREE + "/systemd/install.sh", "", "/usr/local", "/etc",
        "/usr/local/lib/systemd/system")
    run("systemd-sysusers", "cachewarden.conf")
    run("systemd-tmpfiles", "--create", "cachewarden.conf")
    for name in ("cachewardend", "cachewardend-shop"):
        with open("/etc/default/" + name, "w", encoding="ascii") as file:
            # Leak detection traces the process, which the sandbox rightly forbids.
            file.write("ASAN_OPTIONS=detect_leaks=0\nSHOP=from-the-environment\n")
    run("systemctl", "daemon-reload")


@pytest.fixture(autouse=True)
def stopped():
    yield
    run("systemctl", "stop", "cachewardend.socket", "cachewardend", "cachewardend@shop")
    run("systemctl", "reset-failed")
    assert servers() == []


def test_installing_as_the_quick_start_prints_it_ends_with_an_answer(installed):
    with open(TREE + "/docs/quick-start.md", encoding="utf-8") as file:
        section = file.read().partition("## Install as a service")[2].partition("## ")[0]
    block = section.partition("```sh\n")[2].partition("```")[0]
    # What `installed` has done, and what there is no network for.
    script = re.sub(r"^(sh tests/deps\.sh run|make && sudo make install) .*\n", "", block, flags=re.M)
    assert "make" not in script.replace("makes", "") and script.count("\n") == block.count("\n") - 2
    done = run("bash", "-c", 'set -eu\nsudo() { "$@"; }\n' + script)
    assert re.search("^redis +(down|up),", done.stdout, re.M), done.stdout
    assert ask("GET", API + "/stats")[0] == 401
    os.unlink("/etc/cachewarden/conf.d/tokens.yaml")


def test_the_shipped_configuration_starts(installed):
    assert (os.stat("/etc/cachewarden").st_mode & 0o777) == 0o750
    assert (os.stat(CONFIG).st_mode & 0o777) == 0o640
    run("systemctl", "start", "cachewardend")
    user = pwd.getpwnam("cachewarden")
    folder = os.stat("/run/cachewarden")
    assert (folder.st_uid, folder.st_mode & 0o777) == (user.pw_uid, 0o750)
    assert (os.stat("/run/cachewarden/admin.sock").st_mode & 0o777) == 0o660
    # There is no Redis here: it serves all the same, and says so.
    assert ask("GET", "/readyz", unix="/run/cachewarden/admin.sock") == (200, "ok\n")
    assert ask("GET", API + "/health") == (503, {"status": "DOWN"})
    # Its own user, nothing to gain, system calls filtered.
    process = status_of(show("MainPID"))
    assert process["Uid"].split() == [str(user.pw_uid)] * 4
    assert {process[n] for n in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (process["NoNewPrivs"], process["Seccomp"]) == ("1", "2")
    assert show("StatusText") == "serving"


def test_sources_and_a_managed_redis_work_in_the_sandbox(installed):
    rows = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rows)
    threading.Thread(target=rows.serve_forever, daemon=True).start()
    os.makedirs("/srv", exist_ok=True)
    with open("/srv/rates.csv", "w", encoding="ascii") as file:
        file.write("code,rate\nEUR,1\nUSD,2\n")
    configure(OPEN + f"""
name: "${{env:SHOP}}"
redis: {{url: "managed:"}}
warm:
  jobs:
    - name: packages
      source: {{type: command, argv: [dpkg-query, -W, -f, '{{"name":"${{binary:Package}}"}}\\n']}}
      key: "package:{{name}}"
    - name: rates
      source: {{type: file, path: /srv/rates.csv, format: csv}}
      key: "rate:{{code}}"
    - name: items
      source: {{type: http, base_url: "http://127.0.0.1:{rows.server_port}", path: /}}
      key: "item:{{id}}"
    - name: writes
      source: {{type: command, argv: [sh, -c, "echo x >/etc/x || echo x >/var/x || echo x >/usr/x"]}}
      key: "x:{{x}}"
""")
    run("systemctl", "start", "cachewardend")
    until(lambda: ask("GET", API + "/stats")[1]["redis"]["status"] == "up", "the managed Redis")
    names = ["packages", "rates", "items"]
    status, answer = ask("POST", API + "/warm", {"cache_names": names, "wait": 30})
    assert (status, answer["state"]) == (200, "completed"), f"{answer}\n{journal()}"
    assert len(answer["runs"]) == 3
    packages = run("dpkg-query", "-W", "-f", "x").stdout
    stats = ask("GET", API + "/stats")[1]
    assert stats["name"] == "from-the-environment"
    assert stats["cache"]["sets"] == len(packages) + 2 + 3
    # What it runs is confined as it is.
    _, answer = ask("POST", API + "/warm", {"cache_names": ["writes"], "wait": 30})
    assert answer["state"] == "failed"
    assert not any(os.path.exists(path) for path in ("/etc/x", "/var/x", "/usr/x"))
    child = status_of(servers()[0])
    assert child["Uid"].split()[0] == str(pwd.getpwnam("cachewarden").pw_uid)
    # Ended with kill -9, it comes back, with a new Redis and without the old one.
    old = servers()
    run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", "cachewardend")
    until(lambda: show("NRestarts") == "1" and show("ActiveState") == "active", "a restart")
    until(lambda: ask("GET", API + "/stats")[1]["redis"]["status"] == "up", "a new Redis")
    assert len(servers()) == 1 and servers() != old
    rows.shutdown()


def test_reload_takes_a_good_file_and_refuses_a_bad_one(installed):
    configure(OPEN + "name: first\n")
    run("systemctl", "start", "cachewardend")
    pid = show("MainPID")
    configure(OPEN + "name: second\n")
    run("systemctl", "reload", "cachewardend")
    until(lambda: ask("GET", API + "/stats")[1]["name"] == "second", "the new configuration")
    configure(OPEN + "name: third\nnonsense: 1\n")
    assert run("systemctl", "reload", "cachewardend", check=False).returncode != 0
    until(lambda: f"{CONFIG}:3: nonsense" in journal(), "the fault in the journal")
    assert ask("GET", API + "/stats")[1]["name"] == "second"
    assert (show("ActiveState"), show("MainPID")) == ("active", pid)


def test_a_wrong_configuration_is_not_tried_again(installed):
    configure("nonsense: 1\n")
    assert run("systemctl", "start", "cachewardend", check=False).returncode != 0
    assert (show("ExecMainStatus"), show("NRestarts")) == ("78", "0")
    assert show("ActiveState") == "failed"


def test_an_address_in_use_is_tried_again_until_it_is_free(installed):
    configure(OPEN)
    with socket.create_server(("127.0.0.1", 8480)):
        run("systemctl", "start", "--no-block", "cachewardend")
        # More often than systemd's own limit, five starts in ten seconds, would allow.
        until(lambda: int(show("NRestarts")) > 6, "seven restarts")
        until(lambda: "in use by another process" in journal(), "the reason in the journal")
    until(lambda: show("ActiveState") == "active", "the address")
    assert ask("GET", "/livez")[0] == 200


def test_a_stuck_loop_is_ended_and_started_again(installed):
    os.makedirs("/run/systemd/system/cachewardend.service.d", exist_ok=True)
    drop_in = "/run/systemd/system/cachewardend.service.d/watchdog.conf"
    with open(drop_in, "w", encoding="ascii") as file:
        file.write("[Service]\nWatchdogSec=1\n")
    run("systemctl", "daemon-reload")
    configure(OPEN)
    run("systemctl", "start", "cachewardend")
    time.sleep(3)
    assert show("NRestarts") == "0"
    run("systemctl", "kill", "--signal=STOP", "--kill-whom=main", "cachewardend")
    until(lambda: show("NRestarts") == "1" and show("ActiveState") == "active", "a restart")
    assert ask("GET", "/livez")[0] == 200
    os.unlink(drop_in)
    run("systemctl", "daemon-reload")


def test_stop_is_clean(installed):
    configure(OPEN + 'redis: {url: "managed:"}\n')
    run("systemctl", "start", "cachewardend")
    run("systemctl", "stop", "cachewardend")
    assert (show("Result"), show("ExecMainStatus")) == ("success", "0")
    assert servers() == []


def test_an_instance_has_its_own_configuration_and_folder(installed):
    configure(OPEN + "name: main\n")
    configure(OPEN + "name: shop\nlisten: ['127.0.0.1:8481', {unix: /run/cachewarden/shop/a.sock}]\n",
              "/etc/cachewarden/shop.yaml")
    run("systemctl", "start", "cachewardend", "cachewardend@shop")
    assert ask("GET", API + "/stats")[1]["name"] == "main"
    assert ask("GET", API + "/stats", port=8481)[1]["name"] == "shop"
    run("systemctl", "reload", "cachewardend@shop")
    # One stops, the other keeps its socket.
    run("systemctl", "stop", "cachewardend")
    assert ask("GET", API + "/stats", unix="/run/cachewarden/shop/a.sock")[1]["name"] == "shop"


def test_the_socket_unit_starts_it_and_outlives_it(installed):
    configure(OPEN + "listen: [systemd]\n")
    run("systemctl", "start", "cachewardend.socket")
    assert show("ActiveState") == "inactive"
    path = os.stat("/run/cachewarden/admin.sock")
    user = pwd.getpwnam("cachewarden")
    assert (path.st_uid, path.st_gid, path.st_mode & 0o777) == (user.pw_uid, user.pw_gid, 0o660)
    assert ask("GET", "/readyz") == (200, "ok\n")
    assert ask("GET", "/readyz", unix="/run/cachewarden/admin.sock") == (200, "ok\n")
    first = show("MainPID")
    # A restart refuses nobody: who comes meanwhile waits for the next daemon.
    answers = []

    def knock():
        while len(answers) < 2000 and show("MainPID") == first:
            answers.append(ask("GET", "/livez")[0])

    knocking = threading.Thread(target=knock)
    knocking.start()
    run("systemctl", "restart", "cachewardend")
    knocking.join()
    assert set(answers) <= {200}
    assert show("MainPID") != first
    run("systemctl", "stop", "cachewardend")
    assert ask("GET", "/readyz", unix="/run/cachewarden/admin.sock") == (200, "ok\n")
    run("systemctl", "reload", "cachewardend")
    assert ask("GET", "/readyz") == (200, "ok\n")
