# SPDX-License-Identifier: MIT
"""What a user meets first: make install and uninstall, make run, make help."""

import os
import re
import socket
import subprocess

from harness import BINARY, DEADLINE

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.relpath(os.path.dirname(BINARY), TREE)


def make(*args):
    """What is built already is taken as it is."""
    return subprocess.run(["make", "-s", "-C", TREE, "-o", "all", f"BUILD={BUILD}", *args],
                          check=True, capture_output=True, text=True, timeout=300).stdout


def files(folder):
    return sorted(os.path.relpath(os.path.join(path, name), folder)
                  for path, _, names in os.walk(folder) for name in names)


def test_uninstall_removes_what_install_placed(folder):
    root, where = os.path.join(folder, "a b"), ("PREFIX=/opt/cw", "LDCONFIG=false")
    make("install", f"DESTDIR={root}", *where)
    placed = files(root)
    headers = [path for path in placed if path.startswith("opt/cw/include/cachewarden/")]
    assert "opt/cw/include/cachewarden/cachewarden.h" in headers
    assert sorted(set(placed) - set(headers)) == [
        "etc/cachewarden/cachewarden.yaml", "opt/cw/bin/cachewarden", "opt/cw/bin/cachewardend",
        "opt/cw/lib/libcachewarden.a", "opt/cw/lib/libcachewarden.so",
        "opt/cw/lib/libcachewarden.so.0", "opt/cw/lib/libcachewarden.so.0.1.0",
        "opt/cw/lib/pkgconfig/libcachewarden.pc", "opt/cw/lib/systemd/system/cachewardend.service",
        "opt/cw/lib/systemd/system/cachewardend.socket",
        "opt/cw/lib/systemd/system/cachewardend@.service",
        "opt/cw/lib/sysusers.d/cachewarden.conf", "opt/cw/lib/tmpfiles.d/cachewarden.conf",
        "opt/cw/share/bash-completion/completions/cachewarden",
        "opt/cw/share/fish/vendor_completions.d/cachewarden.fish", "opt/cw/share/man/man1/cachewarden.1",
        "opt/cw/share/man/man3/libcachewarden.3", "opt/cw/share/man/man5/cachewarden.yaml.5",
        "opt/cw/share/man/man8/cachewardend.8", "opt/cw/share/zsh/site-functions/_cachewarden"]
    said = make("uninstall", f"DESTDIR={root}", *where)
    assert files(root) == ["etc/cachewarden/cachewarden.yaml"]
    assert said == f"kept {root}/etc/cachewarden/cachewarden.yaml\n"
    # Once more is no fault.
    make("uninstall", f"DESTDIR={root}", *where)


def test_the_linkers_cache_is_renewed_by_root_and_only_without_destdir(folder):
    said = os.path.join(folder, "said")
    where = (f"PREFIX={folder}/usr", f"SYSCONFDIR={folder}/etc", f"LDCONFIG=echo >>{said} renewed")
    make("install", f"DESTDIR={folder}/root", *where)
    assert not os.path.exists(said)
    make("install", *where)
    make("uninstall", *where)
    if os.geteuid() == 0:
        with open(said, encoding="ascii") as file:
            assert file.read() == "renewed\n" * 2
    else:
        assert not os.path.exists(said)


def test_a_taken_port_says_what_to_do(folder):
    config = os.path.join(folder, "demo.yaml")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with open(config, "w", encoding="utf-8") as file:
            file.write('listen: ["127.0.0.1:%d"]\n'
                       'redis: {url: "redis://127.0.0.1:1"}\n' % taken.getsockname()[1])
        done = subprocess.run(["sh", os.path.join(TREE, "tests/run.sh"), BINARY, config],
                              capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 75 and "the address is in use" in done.stderr, done
    assert "CACHEWARDEN_LISTEN=127.0.0.1:8481 make run" in done.stderr


def test_help_names_every_target():
    with open(os.path.join(TREE, "Makefile"), encoding="utf-8") as file:
        targets = re.search(r"^\.PHONY: (.*)$", file.read(), re.M)[1].split()
    said = set(re.findall(r"^  make ([\w-]+)", make("help"), re.M))
    # `make` alone is all.
    assert set(targets) - said == {"all", "library", "help"}


def test_make_run_needs_no_package_of_lint_and_tests():
    def listed(group):
        return set(subprocess.run(["sh", os.path.join(TREE, "tests/deps.sh"), "--list", group],
                                  check=True, capture_output=True, text=True).stdout.split())

    assert {"gcc", "redis-server", "libuv1-dev"} <= listed("run")
    assert not listed("run") & {"clang-tidy", "cppcheck", "valgrind", "python3-pytest", "check"}
    assert "python3-pytest-xdist" in listed("test") and "clang-tidy" in listed("lint")
