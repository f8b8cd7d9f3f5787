# SPDX-License-Identifier: MIT
"""A million JSON lines from a file, and a million rows from PostgreSQL, into Redis, beside redis-cli --pipe
with the finished SETs and beside a pipeline of redis-py that reads the same; and what a neighbour feels of a paced run."""

import os
import sys
import time

import peers
from data import TTL, Rows

from database import Cluster

HERE = os.path.dirname(os.path.abspath(__file__))
QUERY = "SELECT id, body FROM customer"


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


def python(redis, rows, *source):
    redis("FLUSHALL", "SYNC")
    seconds = peers.timed([sys.executable, HERE + "/redis_py.py", redis.path, rows.KEY, str(TTL), *source])
    expect_all(redis, rows, "redis-py")
    return rows.count / seconds


def warm(redis, daemon, rows, job):
    redis("FLUSHALL", "SYNC")
    reply = daemon.warm({"cache_names": [job], "wait": 300})
    if reply.status != 200 or reply.json["state"] != "completed":
        raise RuntimeError(f"warm: {reply}")
    expect_all(redis, rows, "warm")
    return rows.count / reply.took


def fill(database, rows):
    database.sql("CREATE TABLE line (body jsonb)")
    database.sql(f"\\copy line FROM '{rows.lines}' WITH (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')")
    database.sql("CREATE TABLE customer AS SELECT body->>'id' AS id, body FROM line")
    database.sql("VACUUM ANALYZE customer")
    count = int(database.one("SELECT count(*) FROM customer"))
    if count != rows.count:
        raise RuntimeError(f"{count} rows of {rows.count} are in the table")


def measure(bench, redis, daemon, rows, database):
    found = {name: [] for name in ("pipe", "lines", "rows", "lines_py", "rows_py", "peak")}
    pipe(redis, rows)  # so that no round pays for the first touch of memory
    for _ in range(bench.rounds):
        found["pipe"].append(pipe(redis, rows))
        before, = daemon.status("VmRSS")
        daemon.reset_peak()
        found["lines"].append(warm(redis, daemon, rows, "lines"))
        found["rows"].append(warm(redis, daemon, rows, "rows"))
        found["peak"].append((daemon.status("VmHWM")[0] - before) / 1024)
        found["lines_py"].append(python(redis, rows, "lines", rows.lines))
        found["rows_py"].append(python(redis, rows, "postgres", database.dsn, QUERY.replace(
            "body", "body::text")))
    return found


def write_neighbours(path, rows):
    with open(rows.lines, encoding="utf-8") as file, open(path, "w", encoding="ascii") as out:
        out.writelines(f"{rows.KEY}{line[7:43]}\n" for _, line in zip(range(50_000), file))


def feel(bench, redis, daemon, rows):
    """GETs of another client, alternating: nothing else running, and a run with pace.max_latency 1 ms."""
    path = os.path.join(bench.folder, "neighbours")
    found = {"quiet": [], "paced": [], "rate": []}
    write_neighbours(path, rows)
    for _ in range(bench.rounds):
        with peers.Neighbour(bench.neighbour, redis, path) as quiet:
            time.sleep(2)
        with peers.Neighbour(bench.neighbour, redis, path) as paced:
            found["rate"].append(warm(redis, daemon, rows, "paced"))
        found["quiet"].append(quiet.felt["p99_ms"])
        found["paced"].append(paced.felt["p99_ms"])
    return found


def run(bench):
    rows = Rows(bench.folder, bench.keys)
    cluster = Cluster()
    database = cluster.database()
    jobs = f"""
warm:
  jobs:
    - name: lines
      source: {{type: file, path: "{rows.lines}", format: jsonl}}
      key: "{rows.KEY}{{id}}"
      ttl: {TTL}s
    - name: rows
      source: {{type: postgres, dsn: "{database.dsn}", query: "{QUERY}"}}
      key: "{rows.KEY}{{id}}"
      value: "{{body}}"
      ttl: {TTL}s
    - name: paced
      source: {{type: file, path: "{rows.lines}", format: jsonl}}
      key: "{rows.KEY}{{id}}"
      ttl: {TTL}s
      pace: {{max_latency: 1ms}}
"""
    try:
        fill(database, rows)
        with peers.BenchRedis(bench.folder) as redis, peers.Ours(bench.folder, redis, jobs) as daemon:
            daemon.wait_redis()
            found = measure(bench, redis, daemon, rows, database)
            felt = feel(bench, redis, daemon, rows)
    finally:
        database.close()
        cluster.close()
    report = bench.report
    report.figure("redis-cli --pipe from a ready file", found["pipe"], "keys/s")
    report.figure("warm from JSON lines", found["lines"], "keys/s")
    report.figure("warm from PostgreSQL", found["rows"], "keys/s")
    report.figure("redis-py from JSON lines", found["lines_py"], "keys/s")
    report.figure("redis-py from PostgreSQL", found["rows_py"], "keys/s")
    report.figure("RSS growth while warming", found["peak"], "MiB")
    report.ratio("warm : redis-cli --pipe", found["lines"], found["pipe"], at_least=0.85)
    report.ratio("warm from PostgreSQL : redis-cli --pipe", found["rows"], found["pipe"], at_least=0.6)
    report.ratio("warm : redis-py", found["lines"], found["lines_py"], at_least=1.5)
    report.ratio("warm from PostgreSQL : redis-py", found["rows"], found["rows_py"], at_least=1.5)
    report.figure("warm from JSON lines, max_latency 1 ms", felt["rate"], "keys/s")
    report.figure("neighbour's GET p99, nothing else running", felt["quiet"], "ms")
    report.limit("neighbour's GET p99 under a run with max_latency 1 ms", felt["paced"], "ms", at_most=1.5)
