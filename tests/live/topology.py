# SPDX-License-Identifier: MIT
"""What `redis` is: `make live TOPOLOGY=server|tls|sentinel|cluster`.

    server    one redis-server on a Unix socket
    tls       one redis-server behind TLS
    sentinel  one redis-server that three sentinels watch
    cluster   three primaries, each with a third of the slots

The daemon uses `redis.url`; the test itself always has a connection without TLS to each server.
What takes time to start (certificates, sentinels, a cluster) is shared by the tests of a process.
"""

import os
import shutil
import tempfile

from certificates import Authority, TlsRedis
from clustered import ClusteredRedis
from harness import Redis
from sentinels import Sentinels, WatchedRedis

TOPOLOGY = os.environ.get("CACHEWARDEN_TOPOLOGY") or "server"

_shared = {}  # by the tests of this process


def shared_folder():
    """Of what the tests of this process share."""
    if "folder" not in _shared:
        _shared["folder"] = tempfile.mkdtemp(prefix="cw-")
    return _shared["folder"]


class _TlsRedis(TlsRedis):
    def __init__(self, folder, *options, **more):
        if "authority" not in _shared:
            _shared["authority"] = Authority(shared_folder(), "topology")
            _shared["certificate"] = _shared["authority"].issue("localhost")
        authority = _shared["authority"]
        super().__init__(folder, authority, _shared["certificate"], *options,
                         settings=f'tls: {{ca: "{authority.certificate}"}}', **more)


class _WatchedRedis(WatchedRedis):
    def __init__(self, folder, *options, **more):
        if "sentinels" not in _shared:
            _shared["sentinels"] = Sentinels(shared_folder())
        super().__init__(folder, *options, sentinels=_shared["sentinels"], **more)


class _ClusteredRedis(ClusteredRedis):
    def __init__(self, folder, *options, **more):
        super().__init__(folder, *options, kept_folder=shared_folder(), **more)


_CLASSES = {"server": Redis, "tls": _TlsRedis, "sentinel": _WatchedRedis, "cluster": _ClusteredRedis}
assert TOPOLOGY in _CLASSES, f"TOPOLOGY={TOPOLOGY} is none of {', '.join(_CLASSES)}"
# As class Redis.
TopologyRedis = _CLASSES[TOPOLOGY]


def close():
    """Ends what was shared."""
    ClusteredRedis.close_kept()
    if "sentinels" in _shared:
        _shared["sentinels"].close()
    if "folder" in _shared:
        shutil.rmtree(_shared["folder"], ignore_errors=True)
    _shared.clear()
