# SPDX-License-Identifier: MIT
"""Fixtures: a real redis-server, the real daemon, a fault proxy between them.

Everything listens on Unix sockets or free ports in a temporary folder of its own, so that parallel
runs do not meet. Nothing here sleeps where it can wait for an event.
"""

import os
import shutil
import tempfile

import pytest

from harness import Daemon, Redis, open_config
from proxy import Proxy
from reading import Web


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: goes round many more times in `make soak`")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """A test that fails shows the logs of the daemons that live then."""
    report = (yield).get_result()
    if report.failed:
        report.sections += [("log of " + daemon.folder, daemon.log) for daemon in Daemon.alive]


@pytest.fixture
def folder():
    """Short, because a Unix socket's path may have 107 bytes only."""
    path = tempfile.mkdtemp(prefix="cw-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def redis(folder):
    server = Redis(folder)
    yield server
    server.close()


@pytest.fixture
def tuned(folder):
    """tuned("--option", "value") -> a redis-server of its own."""
    servers = []

    def make(*options, **more):
        servers.append(Redis(folder, *options, name=f"tuned{len(servers)}", **more))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def start(folder):
    """start("yaml text", ...) -> Daemon, stopped and checked when the test ends."""
    daemons = []

    def make(config, **options):
        name = "d%d" % len(daemons)
        daemon = Daemon(os.path.join(folder, name), config, **options)
        daemons.append(daemon)
        return daemon

    yield make
    failures = [text for text in (daemon.close() for daemon in daemons) if text]
    assert not failures, "\n".join(failures)


@pytest.fixture
def proxy(folder, redis):
    """In front of redis; it passes everything until the test says otherwise."""
    proxy = Proxy(folder, redis.path)
    yield proxy
    proxy.close()


@pytest.fixture
def daemon(start, redis):
    """The usual case: one daemon, everything allowed without a token on loopback."""
    return start(open_config(redis))


@pytest.fixture
def web():
    """A source over HTTP whose answers the test decides."""
    server = Web()
    yield server
    server.close()


@pytest.fixture(scope="module")
def shared_folder():
    path = tempfile.mkdtemp(prefix="cw-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def shared_redis(shared_folder):
    """For the tests of one file that leave nothing behind which another would mind."""
    server = Redis(shared_folder)
    yield server
    server.close()


@pytest.fixture(scope="module")
def shared_config(shared_redis):
    """What a file may define for its own `shared`."""
    return open_config(shared_redis)


@pytest.fixture(scope="module")
def shared(shared_folder, shared_config):
    """The usual daemon, one for the tests of a file; judged when the last of them has ended."""
    daemon = Daemon(os.path.join(shared_folder, "d"), shared_config)
    yield daemon
    failure = daemon.close()
    assert not failure, failure
