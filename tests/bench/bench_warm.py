# SPDX-License-Identifier: MIT
"""A million JSON lines from a file into Redis, beside redis-cli --pipe with the finished SETs."""

import peers
from data import TTL, Rows


def sample(rows):
    with open(rows.lines, encoding="utf-8") as file:
        for _, line in zip(range(100), file):
            yield rows.KEY + line[7:43]


def expect_all(redis, rows, what):
    """Bookkeeping under cw: comes on top of the rows."""
    count = redis("DBSIZE")
    if not rows.count <= count <= rows.count + 20:
        raise RuntimeError(f"{what} stored {count} keys of {rows.count}")
    if 0 in redis.pipeline([("EXISTS", key) for key in sample(rows)]):
        raise RuntimeError(f"{what} did not store the keys of the file")
    if not TTL - 120 <= redis("TTL", next(sample(rows))) <= TTL:
        raise RuntimeError(f"{what} did not set the TTL")


def pipe(redis, rows):
    redis("FLUSHALL", "SYNC")
    seconds = redis.pipe(rows.sets)
    expect_all(redis, rows, "redis-cli --pipe")
    return rows.count / seconds


def warm(redis, daemon, rows):
    redis("FLUSHALL", "SYNC")
    reply = daemon.warm({"cache_names": ["rows"], "wait": 300})
    if reply.status != 200 or reply.json["state"] != "completed":
        raise RuntimeError(f"warm: {reply}")
    expect_all(redis, rows, "warm")
    return rows.count / reply.took


def run(bench):
    rows = Rows(bench.folder, bench.keys)
    job = f"""
warm:
  jobs:
    - name: rows
      source: {{type: file, path: "{rows.lines}", format: jsonl}}
      key: "{rows.KEY}{{id}}"
      ttl: {TTL}s
"""
    theirs, ours, peak = [], [], []
    with peers.BenchRedis(bench.folder) as redis, peers.Ours(bench.folder, redis, job) as daemon:
        daemon.wait_redis()
        pipe(redis, rows)  # so that no round pays for the first touch of memory
        for _ in range(bench.rounds):
            theirs.append(pipe(redis, rows))
            before, = daemon.status("VmRSS")
            daemon.reset_peak()
            ours.append(warm(redis, daemon, rows))
            peak.append((daemon.status("VmHWM")[0] - before) / 1024)
    bench.report.figure("redis-cli --pipe from a ready file", theirs, "keys/s")
    bench.report.figure("warm from JSON lines", ours, "keys/s")
    bench.report.figure("RSS growth while warming", peak, "MiB")
    bench.report.ratio("warm : redis-cli --pipe", ours, theirs, at_least=0.6)
