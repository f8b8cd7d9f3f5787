# SPDX-License-Identifier: MIT
"""What the tests of the keys' routes share."""

import base64
import functools
import urllib.parse

from clustered import SLOTS, slot_of
from topology import TOPOLOGY

CACHE = "/api/v1/cache"
KEYS = CACHE + "/keys/"


@functools.cache
def _numbers():
    """The smallest number of each slot."""
    numbers, number = {}, 0
    while len(numbers) < SLOTS:
        numbers.setdefault(slot_of(str(number)), number)
        number += 1
    return numbers


def beside(name, key, cluster=TOPOLOGY == "cluster"):
    """A key of cachewarden's own that is in the slot of a user's key: cw:NAME:{t}:KEY."""
    return f"cw:{name}:{{{_numbers()[slot_of(key)] if cluster else 0}}}:{key}"


def wrote(key):
    """The list that notes the writes of a key while a warm run is under way."""
    if TOPOLOGY != "cluster":
        return "cw:wrote"
    share = SLOTS // 16
    return f"cw:wrote:{{{_numbers()[slot_of(key) // share * share + share // 2]}}}"


def path(key, query="", what=""):
    key = key if isinstance(key, bytes) else key.encode()
    return KEYS + urllib.parse.quote(key, safe="") + what + query


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def every(daemon, query, **kw):
    """The items of all pages of the list of keys."""
    items, cursor = [], ""
    while cursor is not None:
        reply = daemon.get(f"{CACHE}/keys?{query}&cursor={cursor}", **kw)
        assert reply.status == 200, reply
        items += reply.json["items"]
        cursor = reply.json["next"]
    return items


def put(daemon, key, value, query="", **kw):
    return daemon.request("PUT", path(key, query), body=value, **kw)


def refused(reply, status, code, *words):
    """A problem with this code whose detail has these words; returns its body."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["code"] == code, reply
    for word in words:
        assert word in reply.json["detail"], reply
    return reply.json
