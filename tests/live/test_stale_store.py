# SPDX-License-Identifier: MIT
"""No stale store: whatever was read from a source before an invalidation of its key, pattern or tag
does not stay in Redis, however load and invalidation interleave."""

import asyncio
import json

import pytest

from conftest import open_config
from harness import API, rounds
from reading import MANY, RESULTS, Rounds, loaders, web_loader

SELECTORS = {"key": lambda number: {"keys": [f"x:{number}"]},
             # A pattern of its own for each, so that no other round's invalidation helps.
             "pattern": lambda number: {"patterns": [f"x:{number}"], "max_keys": 10},
             "tag": lambda number: {"tags": [f"t-{number}"]}}


def begin(start, redis, extra):
    daemons = [start(open_config(redis, extra + MANY + "invalidate: {queue: 1000}\n")) for _ in range(2)]
    for daemon in daemons:
        daemon.wait_redis()
    return daemons


def judge(race, redis, count):
    """What is there is new."""
    older, held = race.older(redis, count)
    assert not older, (len(older), older[:10])
    # Invalidations that came after the load has ended, or before it began, leave no work for the
    # log; if all did, the test would have looked at nothing.
    assert held < count
    return held


@pytest.mark.soak
@pytest.mark.parametrize("kind", sorted(SELECTORS))
def test_read_through_against_invalidation(start, redis, web, kind):
    daemons = begin(start, redis, loaders(x=web_loader(web, tags=["t-{id}"])))
    race = Rounds(web)

    async def answer(path):
        return 200, json.dumps({"version": await race.load(int(path.rsplit("/", 1)[1]))}).encode()

    async def one_load(client, number):
        reply = await client.request("POST", RESULTS + "x", {"params": {"id": number}})
        assert reply.status == 200, reply

    web.answer = answer
    count = rounds(300, 10000)
    race.run(range(count), one_load, SELECTORS[kind], daemons)
    judge(race, redis, count)


@pytest.mark.soak
@pytest.mark.parametrize("kind", sorted(SELECTORS))
def test_leases_over_http_against_invalidation(start, redis, web, kind):
    daemons = begin(start, redis, "")
    race = Rounds(web)

    async def one_load(client, number):
        path = f"/api/v1/cache/keys/x:{number}"
        reply = await client.request("GET", path + "?lease=10")
        assert reply.status == 404 and reply.headers["X-Cache-Lease"], reply
        body = json.dumps({"version": await race.load(number)}).encode()
        reply = await client.request("PUT", path + "?ttl=600", body, {
            "X-Cache-Lease": reply.headers["X-Cache-Lease"], "Surrogate-Key": f"t-{number}"})
        assert reply.status in (201, 204, 409), reply

    count = rounds(300, 10000)
    race.run(range(count), one_load, SELECTORS[kind], daemons)
    judge(race, redis, count)


@pytest.mark.soak
@pytest.mark.parametrize("kind", sorted(SELECTORS))
def test_warm_runs_against_invalidation(start, redis, web, kind):
    rows, seconds = 250, 0.6
    job = {"name": "j", "key": "x:{id}", "tags": ["t-{id}"], "window": 20,
           "source": {"type": "http", "base_url": web.url, "path": "/rows", "format": "jsonl"}}
    daemons = begin(start, redis, f"warm:\n  jobs:\n    - {json.dumps(job)}\n")
    race = Rounds(web, seconds)
    first = 0

    async def lines():
        """All rows are read at once, as by a query, and come one by one."""
        versions = [race.begin(first + i) for i in range(rows)]
        for i, version in enumerate(versions):
            await asyncio.sleep(seconds / rows)
            yield b'{"id":%d,"version":%d}\n' % (first + i, version)

    async def answer(_):
        return 200, lines()

    async def run_job(client, number):
        """The first round of many begins the run."""
        if number == first:
            reply = await client.request("POST", API + "/warm", {"wait": 60})
            assert reply.json["state"] in ("completed", "partial"), reply

    web.answer = answer
    for first in range(0, rounds(500, 10000), rows):
        race.run(range(first, first + rows), run_job, SELECTORS[kind], daemons, rows)
    judge(race, redis, first + rows)
