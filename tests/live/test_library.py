# SPDX-License-Identifier: MIT
"""libcachewarden as a C program meets it: its names, its header, its build files, its behaviour."""

import glob
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import BINARY, DEADLINE, rounds, until

BUILD = os.path.dirname(BINARY)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED, STATIC = (os.path.join(BUILD, "libcachewarden" + end) for end in (".so", ".a"))

# The programs are given a URL, which cannot say which authority to trust.
BY_URL = pytest.mark.topology("server", "sentinel", "cluster", why="a URL names no authority")


def output(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120, **options)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


# valgrind, and programs built elsewhere, want a library without sanitizers.
PLAIN = not re.search("lib(asan|tsan)", output("readelf", "-d", SHARED))


def errors_of(text):
    """Without what AddressSanitizer says to every program that has fibers."""
    return re.sub(r"^==\d+==WARNING: ASan doesn't fully support makecontext.*\n", "", text,
                  flags=re.M)


def program(name, *args, env=None, before=(), code=0, timeout=DEADLINE):
    """Runs a program of build/programs; returns what it printed. It must not say anything else."""
    done = subprocess.run([*before, os.path.join(BUILD, "programs", name), *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, env={**os.environ, **(env or {})})
    assert (done.returncode, errors_of(done.stderr)) == (code, ""), done
    return done.stdout


# What the files of the library are ------------------------------------------------------------


def names(path, *options):
    listing = output("nm", "--defined-only", *options, path)
    return {line.split()[-1].partition("@")[0] for line in listing.splitlines() if " " in line}


def declared():
    found = set()
    for header in glob.glob(os.path.join(ROOT, "include/cachewarden/*.h")):
        with open(header, encoding="utf-8") as file:
            found |= set(re.findall(r"^CW_API [^;(]*?\b\*?(cw_\w+)\(", file.read(), re.M))
    return found


# In a sanitized archive the sanitizer's own names are global, too.
@pytest.mark.parametrize("path, options", [(SHARED, ["-D"]), (STATIC, ["-g"])][:1 + PLAIN])
def test_the_library_defines_what_its_header_declares_and_no_other_name(path, options):
    assert names(path, *options) == declared()


def test_the_shared_library_has_its_soname_and_needs_nothing_of_the_daemon():
    dynamic = output("readelf", "-d", SHARED)
    assert "[libcachewarden.so.0]" in dynamic
    for library in ("curl", "microhttpd", "systemd", "pq."):
        assert "lib" + library not in dynamic


@pytest.mark.parametrize("command", [
    ["gcc", "-std=c11", "-x", "c"], ["gcc", "-std=c17", "-x", "c"],
    ["g++", "-std=c++11", "-x", "c++"], ["g++", "-std=c++20", "-x", "c++"]])
def test_the_header_is_c_and_cpp_without_a_warning(command):
    text = "#include <cachewarden/cachewarden.h>\nint main() { return cw_str(\"a\").size != 1; }\n"
    output(*command, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only",
           "-I" + os.path.join(ROOT, "include"), "-", input=text)


@BY_URL
def installed_library_is_found_by_pkg_config(folder, redis):
    built = os.path.relpath(BUILD, ROOT)
    output("make", "-s", "-o", "all", "install", "DESTDIR=" + folder, "PREFIX=/usr",
           "BUILD=" + built, cwd=ROOT)
    env = {**os.environ, "PKG_CONFIG_PATH": folder + "/usr/lib/pkgconfig",
           "PKG_CONFIG_SYSROOT_DIR": folder}
    source = os.path.join(ROOT, "tests/lib/ping.c")
    for static in ([], ["--static"]):
        flags = output("pkg-config", "--cflags", "--libs", *static, "libcachewarden",
                       env=env).split()
        flags = [flag.replace(folder + folder, folder) for flag in flags]
        if static:
            flags = [flag.replace("-lcachewarden", "-l:libcachewarden.a") for flag in flags]
        target = os.path.join(folder, "ping")
        output("gcc", "-o", target, source, *flags)
        said = output(target, redis.url, env={**os.environ, "LD_LIBRARY_PATH": folder + "/usr/lib"})
        assert said == "ok \n"


if PLAIN:
    test_an_installed_library_is_found_by_pkg_config = installed_library_is_found_by_pkg_config


# The handle -----------------------------------------------------------------------------------


@BY_URL
def test_ping_says_ok_and_what_is_wrong(redis, folder):
    assert program("ping", redis.url) == "ok \n"
    assert program("ping", "", env={"REDIS_URL": redis.url}) == "ok \n"
    assert "redis_unavailable Redis at unix:" in program("ping", f"unix://{folder}/none", code=15)
    assert "is not a URL such as redis://" in program("ping", "http://localhost", code=2)
    assert "managed:" in program("ping", "managed:", code=2)


@BY_URL
def test_a_configuration_file_of_the_daemon_serves_the_library_too(redis, folder):
    path = os.path.join(folder, "c.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""
listen: ["127.0.0.1:80"]
auth: {{tokens_file: nobody-may-read-this}}
redis: {{url: "{redis.url}"}}
""")
    os.chmod(path, 0o600)
    assert program("ping", "", path) == "ok \n"
    with open(path, "a", encoding="utf-8") as file:
        file.write("nonsense: 1\n")
    assert "c.yaml:5: nonsense" in program("ping", "", path, code=2)


@BY_URL
def test_a_newer_layout_of_our_keys_is_refused(redis):
    redis("HSET", "cw:meta", "layout", "99")
    assert "Use the newer" in program("ping", redis.url, code=7)


# Calls ----------------------------------------------------------------------------------------

CONFIG = """
entities:
  user: {keys: ["user:profile:{id}"], patterns: ["user:list:{id}:*"]}
dependencies:
  - {when: "user:profile:{id}", invalidate: ["user:page:{id}"]}
invalidate: {confirm_above: 10, max_keys: 100000}
cache: {namespaces: [{prefix: "s:", ttl: 1h, stale_for: 1h}]}
"""
VALGRIND = ["valgrind", "-q", "--leak-check=full", "--errors-for-leak-kinds=all",
            "--error-exitcode=99"] if PLAIN else []


@pytest.fixture
def config(folder):
    path = os.path.join(folder, "c.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CONFIG)
    os.chmod(path, 0o600)
    return path


@BY_URL
def test_values_and_random_bytes_under_random_keys(redis):
    redis("RPUSH", "a-list", "x")
    program("values", redis.url, str(rounds(1000, 100000)), timeout=600)
    redis("FLUSHALL")
    redis("RPUSH", "a-list", "x")
    program("values", redis.url, "20", before=VALGRIND, timeout=120)


@BY_URL
def test_invalidation_by_every_selector(redis, config):
    redis.fill(30000, key="slow:{}")
    program("invalidations", redis.url, config)
    redis("FLUSHALL")
    redis.fill(2000, key="slow:{}")
    program("invalidations", redis.url, config, before=VALGRIND, timeout=120)


@BY_URL
def test_four_threads_with_a_handle_each(redis):
    program("threads", redis.url, "200", timeout=120)


@BY_URL
def test_results_and_leases(redis, config):
    program("results", redis.url, config)
    redis("FLUSHALL")
    program("results", redis.url, config, before=VALGRIND, timeout=120)


class Reader:
    """The program `reading`, one key a line."""

    def __init__(self, url, before=()):
        self.process = subprocess.Popen(
            [*before, os.path.join(BUILD, "programs", "reading"), url], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)

    def say(self, line):
        self.process.stdin.write(line + "\n")

    def hear(self):
        return self.process.stdout.readline().strip()

    def __call__(self, key):
        self.say(key)
        origin, value, took = self.hear().split()
        assert int(took) < 5000
        return origin, value

    def end(self):
        _, said = self.process.communicate(timeout=60)
        assert (self.process.returncode, errors_of(said)) == (0, "")


@BY_URL
def test_a_result_with_redis_and_without_it_under_valgrind(redis):
    reader = Reader(redis.url, VALGRIND)
    assert reader("a") == ("MISS", "value-1")
    assert reader("a") == ("HIT", "value-1")
    redis.kill()
    assert [reader("a") for _ in range(8)] == [("BYPASS", f"value-{i}") for i in range(2, 10)]
    redis.start()
    # The breaker lets calls through again within a second or so of the handle's own time.
    until(lambda: reader("b")[0] == "HIT", "a hit once Redis is back")
    # It goes away in the middle of a load, and comes back in the middle of another.
    reader.say("w1")
    assert reader.hear() == "loading"
    redis.kill()
    reader.say("go on")
    assert reader.hear().split()[0] == "MISS"
    reader.say("w2")
    assert reader.hear() == "loading"
    redis.start()
    reader.say("go on")
    assert reader.hear().split()[0] == "BYPASS"
    reader.end()


@BY_URL
def test_a_hanging_redis_is_waited_for_once(redis):
    reader = Reader(redis.url)
    redis.send(signal.SIGSTOP)
    began = time.monotonic()
    assert reader("a") == ("BYPASS", "value-1")
    waited = time.monotonic() - began
    began = time.monotonic()
    assert [reader(key)[0] for key in "bcdefghij"] == ["BYPASS"] * 9
    # If each waited for itself, it would be nine times as long.
    assert time.monotonic() - began < 5 * waited
    redis.send(signal.SIGCONT)
    until(lambda: reader("z")[0] == "HIT", "a hit once Redis goes on")
    reader.end()


@BY_URL
def test_closing_a_handle_does_not_wait_for_a_hanging_redis(redis):
    closing = subprocess.Popen([os.path.join(BUILD, "programs/closing"), redis.url], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert closing.stdout.readline() == "open\n"
    redis.send(signal.SIGSTOP)
    said, _ = closing.communicate("\n", timeout=60)
    code, took = said.split()
    # The commands' own timeout is 5 s.
    assert (closing.returncode, code) == (0, "timeout") and int(took) < 3000
    redis.send(signal.SIGCONT)


def test_a_program_begins_without_redis(redis):
    redis.kill()
    reader = Reader(redis.url, VALGRIND)
    assert reader("a") == ("BYPASS", "value-1")
    reader.end()


def part_arguments(value, name=None):
    if isinstance(value, bool):
        kind, text = "b", str(int(value))
    elif value is None:
        kind, text = "n", ""
    elif isinstance(value, str):
        kind, text = "t", value
    elif isinstance(value, int) and -2 ** 63 <= value < 2 ** 63:
        kind, text = "i", str(value)
    else:
        kind, text = "d", str(value)
    return [kind, "-" if name is None else "=" + name, text]


def test_keys_are_made_as_the_vectors_say():
    with open(os.path.join(ROOT, "docs/keys.json"), encoding="utf-8") as file:
        vectors = json.load(file, parse_int=lambda text: 0.0 if text == "-0" else int(text))
    for vector in vectors["vectors"] + vectors["refused"]:
        parts = [part_arguments(value) for value in vector.get("args", [])]
        parts += [part_arguments(*reversed(item)) for item in vector.get("params", {}).items()]
        said = program("keys", vector["prefix"], *sum(parts, []))
        assert said == vector.get("key", vector.get("error")), vector


# A guest in somebody else's process -----------------------------------------------------------


@BY_URL
def test_signals_are_the_programs_own(redis):
    program("guest", redis.url, "signals", timeout=60)


def test_a_broken_pipe_raises_no_signal(folder):
    path = os.path.join(folder, "deaf.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def be_deaf():
            try:
                while True:
                    kept.append(listener.accept()[0])
                    kept[-1].shutdown(socket.SHUT_RD)
            except OSError:
                pass

        kept = []
        thread = threading.Thread(target=be_deaf)
        thread.start()
        try:
            assert "redis_unavailable" in program("ping", "unix://" + path, code=15)
            assert kept
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


# A limit on the address space is none that a sanitizer could live with.
@BY_URL
def out_of_memory_asks_the_hook(redis):
    program("guest", redis.url, "memory")
    program("guest", redis.url, "abort", code=-signal.SIGABRT)


if PLAIN:
    test_out_of_memory_asks_the_hook = out_of_memory_asks_the_hook


@BY_URL
def test_sessions(redis):
    program("visits", redis.url)
    program("visits", redis.url, before=VALGRIND, timeout=120)
