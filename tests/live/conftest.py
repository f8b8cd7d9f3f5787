# SPDX-License-Identifier: MIT
"""Fixtures: a real Redis, the real daemon, a fault proxy between them.

Everything listens on Unix sockets or free ports in a temporary folder of its own, so that parallel
runs do not meet. Nothing here sleeps where it can wait for an event.
"""

import itertools
import os
import resource
import shutil
import tempfile

import pytest

import topology
from database import Cluster
from harness import SANITIZED, Daemon, open_config
from proxy import Proxy
from reading import Web
from topology import TOPOLOGY, TopologyRedis


def pytest_configure(config):
    # A thousand clients: a user may have a soft limit of 1,024 descriptors.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    config.addinivalue_line("markers", "soak: goes round many more times in `make soak`")
    config.addinivalue_line("markers", "topology(name, ..., why): makes sense on these only")
    config.addinivalue_line("markers", "release(why): not once more under the sanitizers")


def pytest_collection_modifyitems(config, items):
    """Leaves out what makes no sense on this run's topology or build."""
    senseless = [item for item in items
                 if any(TOPOLOGY not in mark.args for mark in item.iter_markers("topology"))
                 or (SANITIZED and item.get_closest_marker("release"))]
    if senseless:
        config.hook.pytest_deselected(items=senseless)
        items[:] = [item for item in items if item not in senseless]


def pytest_unconfigure():
    topology.close()


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
    server = TopologyRedis(folder)
    yield server
    server.close()


@pytest.fixture
def tuned(folder):
    """tuned("--option", "value") -> a redis-server of its own."""
    servers = []

    def make(*options, **more):
        servers.append(TopologyRedis(folder, *options, name=f"tuned{len(servers)}", **more))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def start(folder):
    """start("yaml text", ...) -> Daemon, stopped and checked when the test ends."""
    daemons, numbers = [], itertools.count()

    def make(config, **options):
        daemon = Daemon(os.path.join(folder, f"d{next(numbers)}"), config, **options)
        daemons.append(daemon)
        return daemon

    yield make
    failures = [text for text in (daemon.close() for daemon in daemons) if text]
    assert not failures, "\n".join(failures)


@pytest.fixture
def proxy(folder, redis):
    """In front of redis; it passes everything until the test says otherwise."""
    proxy = Proxy(folder, redis)
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


@pytest.fixture(scope="session")
def postgres_cluster():
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def postgres(postgres_cluster):
    """A database of the test's own."""
    database = postgres_cluster.database()
    yield database
    database.close()


@pytest.fixture(scope="module")
def shared_folder():
    path = tempfile.mkdtemp(prefix="cw-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def shared_redis(shared_folder):
    """For the tests of one file that leave nothing behind which another would mind."""
    server = TopologyRedis(shared_folder)
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
