# SPDX-License-Identifier: MIT
"""Start, reload, stop, crash."""

import hashlib
import os
import re
import signal
import socket
import subprocess
import threading

from conftest import open_config
from harness import API, BINARY, until
from load import Load


def test_reloads_under_load_fail_no_request(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    good = [open_config(redis, f"stats: {{interval: {i + 1}s}}") for i in range(2)]
    bad = [open_config(redis, "nonsense: 1"), "{", open_config(redis, "stats: {interval: soon}")]
    with Load(daemon, API + "/health") as load:
        for i in range(100):
            daemon.configure(good[i // 2 % 2] if i % 2 == 0 else bad[i // 2 % 3])
            reply = daemon.post(API + "/reload")
            assert reply.status == (200 if i % 2 == 0 else 422), reply
            if i % 2:
                assert reply.json["errors"] and daemon.config_path in reply.json["errors"][0]["detail"]
            load.more()
    assert load.failures == []


def test_sighup_reloads_and_a_broken_file_changes_nothing(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    daemon.configure(open_config(redis).replace("name: test", "name: other"))
    daemon.send(signal.SIGHUP)
    daemon.wait_for("configuration reloaded")
    assert daemon.stats()["name"] == "other"
    daemon.configure("listen: 7\n")
    daemon.send(signal.SIGHUP)
    daemon.wait_for("configuration refused")
    assert daemon.stats()["name"] == "other"
    health = daemon.health().json
    assert health["status"] == "DEGRADED"
    assert daemon.config_path + ":1" in health["components"]["config"]["details"]["last_reload"]
    assert daemon.metric("cachewarden_config_last_reload_successful") == 0


def test_listeners_come_and_go_with_a_reload(start, redis, folder):
    path = os.path.join(folder, "admin.sock")
    daemon = start(open_config(redis))
    both = open_config(redis).replace('["127.0.0.1:0"]', '["127.0.0.1:0", {unix: "%s"}]' % path)
    daemon.configure(both)
    assert daemon.post(API + "/reload").status == 200
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b" 200 " in client.recv(4096)
    client.close()
    daemon.configure(open_config(redis))
    assert daemon.post(API + "/reload").status == 200
    until(lambda: not os.path.exists(path), "the socket to go")
    assert daemon.get("/livez").status == 200


def test_sigterm_under_load_answers_every_accepted_request(start, redis):
    redis.fill(20000)
    daemon = start(open_config(redis))
    answers = []

    def ask(i):
        try:
            answers.append(daemon.invalidate({"patterns": [f"none:{i}:*"], "wait": 30}).status)
        except ConnectionRefusedError:
            answers.append("too late to be accepted")

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    daemon.wait_redis()
    assert daemon.stop() == 0
    for thread in threads:
        thread.join()
    # 200 = it was done, 503 = cancelled by the stop; nothing was left without an answer.
    assert len(answers) == 20 and set(answers) <= {200, 503, "too late to be accepted"}, answers
    assert {200, 503} & set(answers), answers


def test_readyz_is_stopping_while_a_request_is_drained(start, redis):
    daemon = start(open_config(redis))
    daemon.wait_redis()
    with daemon.connect() as connection:
        connection.sendall(b"POST " + API.encode() + b"/warm HTTP/1.1\r\nHost: localhost\r\n"
                           b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{")
        until(lambda: "1" if daemon.metric("cachewarden_http_connections") else None, "connection")
        daemon.send(signal.SIGTERM)
        connection.sendall(b"}")
        assert connection.recv(4096).startswith(b"HTTP/1.1 ")
    assert daemon.process.wait(40) == 0


def managed_config(folder, extra=""):
    return f"""
listen: ["127.0.0.1:0"]
auth: {{anonymous: [read, metrics, keys, write, invalidate, warm]}}
redis: {{url: "managed:", managed: {{directory: "{folder}/managed"}}}}
{extra}
"""


def server_pids(folder):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read()
        except OSError:
            continue
        if b"redis-server" in command and folder.encode() in command:
            found.append(int(pid))
    return found


def test_no_managed_server_survives_kill_9(start, folder):
    daemon = start(managed_config(folder))
    daemon.wait_redis()
    assert len(server_pids(folder)) == 1
    daemon.expect_exit = -signal.SIGKILL
    daemon.stop(signal.SIGKILL)
    until(lambda: not server_pids(folder), "the managed server to end")


def test_a_managed_server_ends_with_its_daemon_and_comes_back_when_killed(start, folder):
    daemon = start(managed_config(folder))
    daemon.wait_redis()
    os.kill(server_pids(folder)[0], signal.SIGKILL)
    daemon.wait_redis("down")
    daemon.wait_redis("up")
    assert daemon.stop() == 0
    assert server_pids(folder) == []


def test_a_managed_server_that_is_starting_is_not_said_to_be_down(start, folder):
    daemon = start(managed_config(folder))
    daemon.wait_for("redis is up")
    assert "redis is down" not in daemon.log
    os.kill(server_pids(folder)[0], signal.SIGKILL)
    daemon.wait_for("redis is down")


def test_a_managed_server_that_cannot_start_is_said_to_be_down(start, folder):
    program = os.path.join(folder, "redis-server")
    with open(program, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nexit 1\n")
    os.chmod(program, 0o755)
    daemon = start(managed_config(folder), env={"PATH": f"{folder}:{os.environ['PATH']}"})
    daemon.wait_for("redis is down")
    assert daemon.get("/livez").status == 200


def test_an_operation_of_a_killed_daemon_shows_interrupted(start, redis):
    redis.fill(1000)
    config = open_config(redis, """
warm:
  jobs:
    - {name: slow, source: {type: command, argv: [sleep, "60"]}, key: "x:{id}"}
""")
    first = start(config)
    first.wait_redis()
    run = first.warm({"cache_names": ["slow"]}).json["runs"][0]
    until(lambda: first.get(run["location"]).json["state"] == "running", "the run")
    until(lambda: redis("EXISTS", "cw:op:" + run["operation_id"]), "its record")
    first.expect_exit = -signal.SIGKILL
    first.stop(signal.SIGKILL)
    second = start(config)
    second.wait_redis()
    until(lambda: second.get(run["location"]).json["state"] == "interrupted", "interrupted")


def run(*args):
    return subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=20,
                          check=False)


def test_check_config_says_ok_or_names_each_line(folder, redis):
    path = os.path.join(folder, "c.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(open_config(redis))
    os.chmod(path, 0o600)
    done = run("--config", path, "--check-config")
    assert (done.returncode, done.stdout) == (0, f"{path}: ok\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write("listen: [nowhere]\nfoo: 1\nstats: {interval: 0s}\n")
    done = run("--config", path, "--check-config")
    assert done.returncode == 78
    assert sorted(line.split(": ")[0] for line in done.stderr.splitlines()) == \
        [f"{path}:{n}" for n in (1, 2, 3)], done.stderr


def test_a_cron_text_that_never_comes_is_refused_by_check_config(folder, redis):
    path = os.path.join(folder, "c.yaml")
    for schedule in ('{cron: "61 * * * *"}', '{cron: "* * * * *", time_zone: Mars/Olympus}'):
        with open(path, "w", encoding="utf-8") as file:
            file.write(open_config(redis, f"""
warm:
  jobs:
    - {{name: j, schedule: {schedule}, source: {{type: file, path: /dev/null}}, key: "x:{{id}}"}}
"""))
        os.chmod(path, 0o600)
        done = run("--config", path, "--check-config")
        assert done.returncode == 78, schedule
        assert "j" in done.stderr


def test_secrets_are_not_printed(folder, redis):
    path = os.path.join(folder, "c.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(open_config(redis).replace("redis: {url: \"" + redis.url + "\"}",
                                              'redis: {url: "redis://u:hunter2@localhost:1/0"}'))
    os.chmod(path, 0o600)
    done = run("--config", path, "--print-config")
    assert done.returncode == 0
    assert "hunter2" not in done.stdout + done.stderr
    assert "<redacted>" in done.stdout


def test_a_newer_layout_of_our_keys_is_refused(start, redis):
    redis("HSET", "cw:meta", "layout", "999")
    daemon = start(open_config(redis), wait=False)
    daemon.expect_exit = 1
    assert daemon.process.wait(20) == 1
    daemon.reader.join(20)
    assert "cw:meta" in daemon.log
    assert redis("HGET", "cw:meta", "layout") == b"999"


def token_row(name, token, scopes="[read]"):
    digest = hashlib.sha256(token.encode()).hexdigest()
    return f"- {{name: {name}, sha256: {digest}, scopes: {scopes}}}\n"


def test_a_changed_tokens_file_is_read_again(start, redis, folder):
    path = os.path.join(folder, "tokens.yaml")

    def write(text):
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path + ".new", 0o600)
        os.rename(path + ".new", path)

    write(token_row("old", "cw_old-token"))
    daemon = start(f"""
listen: ["127.0.0.1:0"]
auth: {{tokens_file: {path}}}
redis: {{url: "{redis.url}"}}
""")
    assert daemon.get(API + "/stats", token="cw_old-token").status == 200
    write(token_row("new", "cw_new-token"))
    daemon.wait_for("configuration reloaded")
    assert daemon.get(API + "/stats", token="cw_new-token").status == 200
    assert daemon.get(API + "/stats", token="cw_old-token").status == 401


def test_the_ready_file_replaces_nothing_but_a_file(start, folder, redis):
    target = os.path.join(folder, "precious")
    with open(target, "w", encoding="utf-8") as file:
        file.write("kept")
    for kind, make in (("link", lambda path: os.symlink(target, path)), ("fifo", os.mkfifo),
                       ("folder", os.mkdir)):
        path = os.path.join(folder, "ready-" + kind)
        make(path)
        daemon = start(open_config(redis), args=["--ready-file", path], wait=False)
        daemon.expect_exit = 78
        assert daemon.process.wait(20) == 78
        daemon.reader.join(20)
        assert f"--ready-file {path} exists and is not a regular file" in daemon.log
        assert "listening on" not in daemon.log
        assert os.path.lexists(path)
        assert os.listdir(path) == [] if kind == "folder" else True
    with open(target, encoding="utf-8") as file:
        assert file.read() == "kept"
    assert not [name for name in os.listdir(folder) if re.match(r"ready-\w+\.", name)]


def test_the_ready_file_of_another_daemon_is_left_alone(start, folder, redis):
    path = os.path.join(folder, "ready")
    with open(path, "w", encoding="utf-8") as file:
        file.write("an earlier start was killed")
    daemon = start(open_config(redis), args=["--ready-file", path], wait=False)
    daemon.wait_for("listening on ")
    with open(path, encoding="utf-8") as file:
        assert file.read().startswith("http://127.0.0.1:")
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write("another's")
    os.rename(path + ".new", path)
    daemon.stop()
    with open(path, encoding="utf-8") as file:
        assert file.read() == "another's"


def test_a_ready_file_that_cannot_be_written_leaves_nothing(start, folder, redis):
    path = os.path.join(folder, "none", "ready")
    daemon = start(open_config(redis), args=["--ready-file", path], wait=False)
    daemon.expect_exit = 78
    assert daemon.process.wait(20) == 78
    daemon.reader.join(20)
    assert f"--ready-file {path} cannot be written: No such file or directory" in daemon.log
