# SPDX-License-Identifier: MIT
"""What the manual prints runs as it is printed; only addresses and paths are the test's own."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap

import pytest

from client import EXAMPLES, ROOT, url_of
from harness import API, BINARY, DEADLINE, free_port
from test_examples import copy_of, shop_daemon
from test_library import BUILD, BY_URL, PLAIN, output
from test_lifecycle import server_pids

__all__ = ["shop_daemon"]  # a fixture


def page(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def blocks(name, language):
    return re.findall(r"^```%s\n(.*?)^```" % language, page(name), re.M | re.S)


def write(path, text, mode=0o600):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


class Shell:
    """A folder with the programs that a page calls, in which its blocks run one after the other."""

    def __init__(self, folder, redis):
        self.folder, self.port = folder, free_port()
        os.makedirs(folder + "/bin")
        self.program("cachewardend", f'exec {shlex.quote(BINARY)} "$@"')
        self.program("cachewarden", f'exec {shlex.quote(os.path.dirname(BINARY) + "/cachewarden")} "$@"')
        self.program("redis-cli", f'exec {shutil.which("redis-cli")} -s {redis.path} "$@"')
        self.redis = redis

    def program(self, name, text):
        write(f"{self.folder}/bin/{name}", "#!/bin/sh\n" + text + "\n", 0o700)

    def here(self, text):
        return text.replace(":8480", f":{self.port}") \
            .replace("redis://localhost:6379/0", self.redis.url)

    def run(self, script, **env):
        """Its output. What it leaves running in the background ends with it."""
        script = "set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n" + self.here(script)
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, timeout=120, check=False,
            env={**os.environ, **env, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"})
        assert done.returncode == 0, done
        return done.stdout


@pytest.fixture
def shell(folder, redis):
    return Shell(folder + "/page", redis)


# The quick start -------------------------------------------------------------------------------


@pytest.mark.topology("server", "sentinel", why="the pages use one server, without TLS")
def test_the_quick_start_runs_as_printed(shell, redis):
    # The last two install a service: tests/package.sh and tests/systemd/units.py.
    parts = blocks("docs/quick-start.md", "sh")[:-2]
    # The default port may be another program's here.
    config = parts[2].replace("cat >cachewarden.yaml <<END\n",
                              'cat >cachewarden.yaml <<END\nlisten: ["127.0.0.1:8480"]\n')
    assert config != parts[2]
    said = shell.run("\n".join([*parts[:2], config, *parts[3:]]))
    assert "cachewarden.yaml: ok\n" in said
    assert "tokens: 1, expired: 0" in said and f"listening on http://127.0.0.1:{shell.port}" in said
    assert re.search(r"^products +completed +2 ", said, re.M)
    assert '{"id":"1","name":"Chair","price":"49.90"}' in said
    assert "2 keys removed" in said and '"invalidated_keys": 2' in said
    assert b"user cachewarden on" in b"\n".join(redis("ACL", "LIST"))
    assert redis.keys() == []


@pytest.mark.topology("server", "sentinel", why="the pages use one server, without TLS")
def test_the_user_of_the_quick_start_is_denied_no_command(shell, redis, start):
    first = blocks("docs/quick-start.md", "sh")[0]
    shell.run(first)
    redis("ACL", "LOG", "RESET")
    daemon = start(textwrap.dedent(f"""
        listen: ["127.0.0.1:0"]
        auth: {{anonymous: [read, keys, write, invalidate, warm, sessions]}}
        redis: {{url: "{redis.url}", username: cachewarden,
                 password_file: "{shell.folder}/quick-start/redis-password"}}
        """))
    daemon.wait_redis()
    key = "/api/v1/cache/keys/a"
    assert daemon.request("PUT", key + "?ttl=60", body=b"x", headers={"Surrogate-Key": "t"}).status == 201
    assert daemon.get(key).body == b"x"
    lease = daemon.get("/api/v1/cache/keys/b?lease=10").headers["X-Cache-Lease"]
    assert daemon.request("PUT", "/api/v1/cache/keys/b", body=b"y",
                          headers={"X-Cache-Lease": lease}).status == 201
    assert daemon.invalidate({"tags": ["t"], "patterns": ["b*"]}).json["invalidated"] == 2
    assert daemon.post("/api/v1/sessions", {"user_id": "1"}).status == 201
    assert redis("ACL", "LOG") == []


# README and the tour ---------------------------------------------------------------------------


def shape(text):
    """What does not differ from one machine to the next: lines of text and the names of members."""
    try:
        value = json.loads(text)
    except ValueError:
        return re.sub(r"[0-9]+", "0", text)
    if isinstance(value, dict):
        return {name: shape(json.dumps(inner)) for name, inner in value.items()}
    return [shape(json.dumps(inner)) for inner in value[:1]] if isinstance(value, list) else "value"


def dialogue(text):
    """[(command, what is printed after it), ...]"""
    turns = []
    for line in text.splitlines():
        if line.startswith("$ "):
            turns.append((line[2:], []))
        else:
            turns[-1][1].append(line)
    return turns


@pytest.mark.parametrize("name", ["README.md", "docs/tour.md"])
def test_what_the_demonstration_prints_has_this_form(start, folder, shell, name):
    config = page("conf/demo.yaml").replace("127.0.0.1:8480", "127.0.0.1:0") \
        .replace("path: countries.csv", f"path: {ROOT}/conf/countries.csv") \
        .replace('url: "managed:"', f'url: "managed:"\n  managed: {{directory: "{folder}/managed"}}')
    daemon = start(config)
    for job in ("packages", "countries"):
        daemon.wait_for(f"warm run of {job} completed")
    shell.port = daemon.address[1]
    (server,) = server_pids(folder + "/managed")
    turns = [turn for block in blocks(name, "console") for turn in dialogue(block)]
    script = "\nprintf '\\n--\\n'\n".join(re.sub(r"\$\(pgrep .*?\)", str(server), command) for command, _ in turns)
    said = shell.run(script).split("\n--\n")
    for (command, printed), answer in zip(turns, said, strict=True):
        expected = [shape(line) for line in printed]
        assert [shape(line) for line in answer.strip("\n").splitlines()] == expected, command


# The configuration -----------------------------------------------------------------------------


def check(path, **env):
    done = subprocess.run([BINARY, "--config", path, "--check-config"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          env={**os.environ, **env})
    return done.returncode, done.stdout


def test_the_examples_of_the_configuration_are_accepted(folder):
    full, included = blocks("docs/config.md", "yaml")
    os.mkdir(folder + "/conf.d", 0o700)
    write(folder + "/conf.d/shop.yaml", included)
    for name, text in (("tokens.yaml", "[]\n"), ("redis-password", "x\n"), ("shop-password", "x\n"), ("hook-secret", "x\n"), ("rates.csv", ""),
                       ("conf.d/shops.jsonl", "")):
        write(f"{folder}/{name}", text)
    path = write(folder + "/cachewarden.yaml", full)
    # Without a line before it: nothing is even warned about.
    assert check(path, API_TOKEN="x") == (0, path + ": ok\n")
    write(path, re.sub(r"^  # tls:.*\n(  #   .*\n)+", lambda tls: re.sub("^  # ", "  ", tls[0], flags=re.M),
                       full.replace("url: redis:", "url: rediss:"), flags=re.M))
    status, said = check(path, API_TOKEN="x")
    assert status == 0 and "redis.tls.ca" in said  # a warning: the file is not there


def test_the_full_example_has_every_key():
    full = blocks("docs/config.md", "yaml")[0]
    keys = re.findall(r"^\| `([^`]+)` \|", page("docs/config.md"), re.M)
    assert len(keys) > 100
    assert [key for key in keys if not re.search(rf"\b{key.split('.')[-1].removesuffix('[]')}\b", full)] == []


def test_the_recipes_for_warming_are_accepted(folder):
    recipes = blocks("docs/warming.md", "yaml")
    assert len(recipes) >= 5
    for name in ("shop-password", "api-token", "tariffs.csv"):
        write(f"{folder}/{name}", "x\n")
    for recipe in recipes:
        code, said = check(write(folder + "/cachewarden.yaml", recipe))
        assert code == 0 and said.endswith(": ok\n"), said


def test_the_tokens_of_the_page_on_security_are_accepted(folder, shell):
    (make,), (config,) = blocks("docs/security.md", "sh")[:1], blocks("docs/security.md", "yaml")
    digest = json.loads(shell.run(make.rstrip("\n") + " --json"))["row"]["sha256"]
    path = write(folder + "/cachewarden.yaml", config.replace("<SHA-256 of the token>", digest, 1)
                 .replace("<SHA-256 of the token>", digest[::-1]))
    assert check(path) == (0, path + ": ok\n")


# Operating -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["docs/monitoring.md", "docs/troubleshooting.md"])
def test_the_requests_of_the_pages_for_operators_find_what_they_look_for(start, redis, shell, name):
    digest = hashlib.sha256(b"operator").hexdigest()
    daemon = start(f"""
listen: ["127.0.0.1:0"]
auth: {{tokens: [{{name: operator, sha256: {digest}, scopes: [admin]}}]}}
redis: {{url: "{redis.url}"}}
""")
    daemon.wait_for("redis is up")
    redis("SET", "product:42", "x")
    lines = [line for block in blocks(name, "sh") for line in block.split("\n") if line.startswith("curl ")]
    assert len(lines) >= 2
    shell.program("curl", f'exec {shutil.which("curl")} --fail-with-body --oauth2-bearer operator "$@"')
    for line in lines:
        shell.run("set -o pipefail\n" + line.replace("http://localhost:8480", url_of(daemon)),
                  CW=url_of(daemon) + API, TOKEN="operator", ADMIN="operator")


# From Python -----------------------------------------------------------------------------------


@BY_URL
def test_the_python_of_from_python_runs_as_printed(shop_daemon, monkeypatch):
    monkeypatch.setenv("CACHEWARDEN_URL", url_of(shop_daemon))
    names = {}
    for block in blocks("docs/from-python.md", "python"):
        exec(compile(block, "from-python.md", "exec"), names)  # pylint: disable=exec-used
    assert names["report"](2024, currency="CHF") == {"year": 2024, "currency": "CHF"}
    assert names["cache"].get("report:2024:currency=CHF") is not None
    assert names["correct"](2024, "CHF", 7) == 7
    assert names["cache"].get("report:2024:currency=CHF") is None


@BY_URL
def test_the_commands_of_from_python_run_as_printed(shell, redis):
    for name in ("shop.yaml", "products.jsonl"):
        copy_of(name, shell.folder + "/docs/examples")
    for name in ("cachewarden.py", "cache_usage_examples.py"):
        os.symlink(os.path.join(EXAMPLES, name), f"{shell.folder}/docs/examples/{name}")
    shell.program("python3", f"until [ -e {shell.folder}/ready ]; do sleep 0.05; done\n"
                             f'exec {sys.executable} "$@"')
    shell.program("cachewardend", f'exec {shlex.quote(BINARY)} --ready-file {shell.folder}/ready "$@"')
    (block,) = blocks("docs/from-python.md", "sh")
    said = shell.run(block, REDIS_URL=redis.url, CACHEWARDEN_LISTEN=f"127.0.0.1:{shell.port}")
    assert "-- fallback\nfrom the database\nthe cache is away\n" in said


# The library -----------------------------------------------------------------------------------


def library_runs_as_printed(folder, redis):
    built = os.path.relpath(BUILD, ROOT)
    output("make", "-s", "-o", "all", "install", "DESTDIR=" + folder, "PREFIX=/usr",
           "BUILD=" + built, cwd=ROOT)
    shell = Shell(folder + "/page", redis)
    # The installation is in a folder, which pkg-config puts before paths that have it already.
    shell.program("pkg-config", f'{shutil.which("pkg-config")} "$@" | sed "s|{folder}{folder}|{folder}|g"')
    command = re.search(r"^    (cc program\.c .*)$", page("docs/library.md"), re.M).group(1)
    programs = blocks("docs/library.md", "c")
    said = []
    for program in programs:
        write(shell.folder + "/program.c", program)
        said.append(shell.run(command + " -Wall -Wextra -Werror\n./a.out", REDIS_URL=redis.url,
                              PKG_CONFIG_PATH=folder + "/usr/lib/pkgconfig",
                              PKG_CONFIG_SYSROOT_DIR=folder, LD_LIBRARY_PATH=folder + "/usr/lib"))
    assert said == ["", '{"id":42}\n', ""]


if PLAIN:
    test_the_programs_of_the_library_page_run_as_printed = library_runs_as_printed


# Tests of applications, tags ------------------------------------------------------------------


def test_the_page_for_test_suites_runs_as_printed(shell):
    run = shell.folder + "/run"
    os.mkdir(run, 0o700)
    (config,), (program,) = blocks("docs/testing.md", "yaml"), blocks("docs/testing.md", "python")
    write(shell.folder + "/test-cachewarden.yaml", config.replace("/tmp/my-test-run", run))
    write(shell.folder + "/program.py", program.replace("/tmp/my-test-run", run))
    copy_of("products.jsonl", shell.folder + "/fixtures")
    shell.run(f"{sys.executable} program.py")
    assert not os.path.exists(run + "/ready")


@pytest.mark.topology("server", "sentinel", why="the pages use one server, without TLS")
def test_other_clients_store_tags_as_printed(shell, shop_daemon, redis):
    purge, store = blocks("docs/tags.md", "sh")
    shell.run(store)
    assert redis("GET", "product:1") == b'{"name": "tea"}' and redis("TTL", "product:1") > 3500
    said = shell.run(purge.replace("http://127.0.0.1:8480", url_of(shop_daemon)))
    assert '"complete":true' in said and redis.keys() == []


# Kubernetes ------------------------------------------------------------------------------------


def kubernetes(folder, redis, port):
    """The files of the page's manifests in a folder; returns the paths of both configurations."""
    found = re.findall(r"^  (\S+\.yaml): \|\n((?:    .*\n)+)", page("docs/kubernetes.md"), re.M)
    tokens = [text for name, text in found if name == "tokens.yaml"]
    configs = [text for name, text in found if name == "cachewarden.yaml"]
    assert len(tokens) == 1 and len(configs) == 2
    write(folder + "/tokens.yaml", textwrap.dedent(tokens[0]), 0o440)
    write(folder + "/redis-password", "secret\n", 0o440)
    paths = []
    for number, text in enumerate(configs):
        text = textwrap.dedent(text).replace("/etc/cachewarden-secrets", folder) \
            .replace(":8480", f":{port}").replace("redis://redis.shop.svc:6379/0", redis.url) \
            .replace("http://shop-api.shop.svc", "http://127.0.0.1:1")
        paths.append(write(f"{folder}/config{number}.yaml", text, 0o644))
    return paths


ENVIRONMENT = {"POD_NAME": "cachewarden-7f9c-x2x", "SHOP_API_TOKEN": "t"}


def test_the_manifest_for_kubernetes_holds_no_token_that_works(folder, redis):
    standalone, sidecar = kubernetes(folder, redis, 1)
    status, said = check(standalone, **ENVIRONMENT)
    assert status == 78 and "sha256" in said and f"{folder}/tokens.yaml" in said
    assert check(sidecar, **ENVIRONMENT) == (0, sidecar + ": ok\n")
    assert re.findall(r"\b[0-9a-f]{64}\b", page("docs/kubernetes.md")) == []


def test_no_page_prints_the_digest_of_a_token_that_can_be_guessed():
    known = {hashlib.sha256(text.encode()).hexdigest()
             for text in ("", "test", "token", "secret", "password", "cachewarden", "changeme", "admin")}
    for folder, _, names in os.walk(ROOT):
        if folder.startswith((ROOT + "/docs", ROOT + "/conf")) or folder == ROOT:
            for name in names:
                if name.endswith((".md", ".yaml", ".py", ".c")):
                    text = page(os.path.relpath(os.path.join(folder, name), ROOT))
                    assert known.isdisjoint(re.findall(r"[0-9a-f]{64}", text)), name


def test_the_manifest_for_kubernetes_serves_once_it_has_a_token(folder, redis, start):
    redis("CONFIG", "SET", "requirepass", "secret")
    (make_token, call) = blocks("docs/kubernetes.md", "sh")
    port = free_port()
    standalone, _ = kubernetes(folder, redis, port)
    token, sha256 = output("bash", "-c", f'set -eu\n{make_token}echo "$TOKEN"').split()[::-1]
    tokens = write(folder + "/good.yaml", page_of(folder + "/tokens.yaml").replace(
        "<the SHA-256 of your token>", sha256))
    os.replace(tokens, folder + "/tokens.yaml")
    assert check(standalone, **ENVIRONMENT) == (0, standalone + ": ok\n")
    daemon = start(page_of(standalone), env=ENVIRONMENT)
    daemon.wait_for("redis is up")
    done = subprocess.run(["bash", "-c", call.replace("http://cachewarden.shop:8480",
                                                      f"http://127.0.0.1:{port}")],
                          env={**os.environ, "TOKEN": token}, stdout=subprocess.PIPE, text=True,
                          timeout=DEADLINE, check=True)
    assert '"complete":true' in done.stdout
    assert daemon.get(API + "/stats").status == 401


def page_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()
