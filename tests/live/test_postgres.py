# SPDX-License-Identifier: MIT
"""PostgreSQL as a source: what its rows become, and what a run makes of its errors."""

import json
import os

import pytest

from conftest import open_config
from harness import API, SANITIZED, rounds, until

RESULTS = "/api/v1/cache/results"


def shop(postgres, **more):
    return {"type": "postgres", "dsn": postgres.dsn, **more}


def config(redis, source, jobs=(), loaders=None):
    return open_config(redis, "\n".join([
        "sources: " + json.dumps({"shop": source}),
        "warm: " + json.dumps({"jobs": list(jobs)}),
        "loaders: " + json.dumps(loaders or {})]))


def job(query, **more):
    return {"name": "j", "key": "x:{id}", "source": {"use": "shop", "query": query}, **more}


def run_job(daemon):
    reply = daemon.warm({"wait": 60})
    assert reply.status == 200, reply
    run = reply.json["runs"][0]
    return run, "; ".join(error["detail"] for error in run["result"]["first_errors"])


def ran(start, redis, postgres, query, **more):
    """The run of one job with this query, and what it says went wrong."""
    daemon = start(config(redis, shop(postgres), [job(query, **more)]))
    daemon.wait_redis()
    return run_job(daemon)


def test_each_row_is_an_entry_and_types_are_kept(start, redis, postgres):
    postgres.sql("""
        SET timezone = 'UTC';
        CREATE DOMAIN price AS numeric;
        CREATE TABLE t AS SELECT
            7::int8 AS id, 1::int2 AS small, 123456789012345678901234567890.10::numeric AS big,
            0.1::float8 AS double, 1e20::float4 AS real, 'NaN'::float8 AS nan, 2.50::price AS price,
            true AS yes, false AS no, NULL::text AS none, 'a "b" \\ é ☃'::text AS text,
            '{"b": [1, 2.50], "a": null}'::jsonb AS doc, ' [1,  2] '::json AS raw,
            '2026-12-01 05:12:58.123'::timestamp AS local, '2026-12-01 05:12:58+00'::timestamptz AS at,
            'infinity'::timestamptz AS never, '2026-12-01'::date AS day, '\\x00ff10'::bytea AS bytes,
            '{1,2}'::int[] AS list, '0b0e3fd0-6c5e-4b8d-9f3e-000000000000'::uuid AS uuid;
        ALTER DATABASE %s SET timezone = 'UTC'""" % postgres.name)
    run, said = ran(start, redis, postgres, "SELECT * FROM t")
    assert (run["state"], said) == ("completed", "")
    assert redis("GET", "x:7").decode() == (
        '{"id":7,"small":1,"big":123456789012345678901234567890.10,"double":0.1,"real":1e+20,'
        '"nan":"NaN","price":2.50,"yes":true,"no":false,"none":null,"text":"a \\"b\\" \\\\ é ☃",'
        '"doc":{"a": null, "b": [1, 2.50]},"raw":[1,  2],"local":"2026-12-01T05:12:58.123",'
        '"at":"2026-12-01T05:12:58+00:00","never":"infinity","day":"2026-12-01","bytes":"AP8Q",'
        '"list":"{1,2}","uuid":"0b0e3fd0-6c5e-4b8d-9f3e-000000000000"}')


@pytest.mark.parametrize("value,stored", [
    ("{doc}", b'{"a": {"b": "deep"}, "n": null, "s": "text"}'), ("{doc/a}", b'{"b": "deep"}'),
    ("{doc/a/b}", b"deep"), ("{doc/s}", b"text"), ("{word}", b"bare"), ("{yes}-{n}", b"true-1.50"),
    ("{at}", b"2026-12-01T05:00:00"), ("{a/b}", b"with a slash"), ("{empty}", b"")])
def test_templates_take_columns_and_members_of_json_columns(start, redis, postgres, value, stored):
    run, said = ran(start, redis, postgres, """
        SELECT 1 AS id, '{"a": {"b": "deep"}, "s": "text", "n": null}'::jsonb AS doc, true AS yes,
               1.50 AS n, timestamp '2026-12-01 05:00' AS at, 'with a slash' AS "a/b", '' AS empty,
               '"bare"'::jsonb AS word""", value=value)
    assert (run["state"], said) == ("completed", "") and redis("GET", "x:1") == stored


def test_a_bytea_column_is_stored_as_its_bytes_by_value_base64(start, redis, postgres):
    run, said = ran(start, redis, postgres, "SELECT 1 AS id, '\\x00ff80'::bytea AS image",
                    value_base64="{image}")
    assert (run["state"], said) == ("completed", "") and redis("GET", "x:1") == b"\0\xff\x80"


@pytest.mark.parametrize("value,said", [
    ("{nothing}", 'no column "nothing"; the query has: id, doc, none'), ("{doc/x}", "doc/x"),
    ("{none}", "none"), ("{doc/n}", "doc/n"), ("{none/a}", "none/a")])
def test_a_row_without_what_a_template_names_is_rejected(start, redis, postgres, value, said):
    run, why = ran(start, redis, postgres,
                   "SELECT 1 AS id, '{\"n\": null}'::jsonb AS doc, NULL AS none", value=value)
    assert run["state"] == "failed" and said in why, run
    assert run["result"]["rejected"] == 1


@pytest.mark.parametrize("query,said", [
    ("SELECT id\nFORM product", "the query failed at line 2, column 6 with SQLSTATE 42601; "
     'PostgreSQL said: syntax error at or near "product"'),
    ("SELECT 'é☃' AS a,\n 'é☃' || nothing", "at line 2, column 10 with SQLSTATE 42703"),
    ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
    ("SELECT 1 AS id; SELECT 2 AS id", "cannot insert multiple commands"),
    ("SELECT 1 AS id, 2 AS id", 'two columns named "id": rename one of them with AS'),
    ("SELECT 1 AS id, 2 AS id WHERE false", 'two columns named "id"'),
    ("SELECT", "the query has no columns"), (" ", "the query is empty"),
    ("SET timezone TO 'UTC'", "the query returns no rows: it must be a SELECT"),
    ("COPY (SELECT 1) TO STDOUT", "the query copies"), ("COPY pg_am FROM STDIN", "read-only"),
    ("DELETE FROM pg_am RETURNING oid AS id", "cannot execute DELETE in a read-only transaction"),
    ("SELECT 1 AS id WHERE false", "gave no rows"), ("SELECT 1/0 AS id", "division by zero"),
])
def test_what_is_wrong_with_a_query_is_told(start, redis, postgres, query, said):
    run, why = ran(start, redis, postgres, query)
    assert run["state"] == "failed" and said in why + run["error"], run


def test_an_error_after_good_rows_makes_the_run_partial(start, redis, postgres):
    run, why = ran(start, redis, postgres, "SELECT g AS id, 1 / (3000 - g) FROM generate_series(1, 5000) g")
    assert run["state"] == "partial" and "division by zero" in why, run
    assert run["result"]["rows"] == run["result"]["stored"] == 2999


def test_a_job_may_have_a_source_of_its_own(start, redis, postgres):
    own = {"name": "j", "key": "x:{id}", "source": shop(postgres, query="SELECT 1 AS id")}
    daemon = start(open_config(redis, "warm: " + json.dumps({"jobs": [own]})))
    daemon.wait_redis()
    run, _ = run_job(daemon)
    assert run["state"] == "completed" and redis("GET", "x:1") == b'{"id":1}'


def test_a_loader_binds_its_parameters_in_their_order(start, redis, postgres):
    postgres.sql("CREATE TABLE users AS SELECT 42 AS id, 'x' AS region, 'O''Brien' AS name")
    daemon = start(config(redis, shop(postgres), loaders={
        "user": {"params": ["id", "region"], "key": "u:{region}:{id}", "source": {
            "use": "shop", "query": "SELECT name FROM users WHERE id = $1 AND region = $2"}},
        "all": {"params": ["id"], "key": "a:{id}", "many": True, "source": {
            "use": "shop", "query": "SELECT g AS n, $1 AS id FROM generate_series(1, 3) g"}}}))
    daemon.wait_redis()

    def load(name, **params):
        reply = daemon.post(f"{RESULTS}/{name}", {"params": params})
        return reply.status, reply.json

    assert load("user", id=42, region="x") == (200, {"name": "O'Brien"})
    assert redis("GET", "u:x:42") == b'{"name":"O\'Brien"}'
    assert load("user", id=42, region="y")[1]["code"] == "no_value"
    assert load("user", id=42, region="x' OR true --")[1]["code"] == "no_value"
    assert load("all", id="a")[1] == [{"n": n, "id": "a"} for n in (1, 2, 3)]
    assert postgres.sessions() == 1  # kept for the next load


def test_the_password_comes_from_a_file_that_is_read_again(start, redis, postgres, folder):
    path = folder + "/password"

    def write(text):
        with open(path, "w", encoding="ascii") as file:
            os.chmod(path, 0o600)
            file.write(text + "\n")

    write("not-the-right-one")
    postgres.sql("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'right'")
    source = {**shop(postgres), "dsn": postgres.dsn_tcp("reader"), "password_file": path}
    daemon = start(config(redis, source, [job("SELECT 1 AS id")]))
    daemon.wait_redis()
    run, why = run_job(daemon)
    assert run["state"] == "failed" and "password authentication failed" in why
    assert "not-the-right-one" not in daemon.log
    write("right")
    assert run_job(daemon)[0]["state"] == "completed"


@pytest.mark.soak
def test_a_large_result_streams_through_in_little_memory(start, redis, postgres):
    count = rounds(100000, 1000000)
    daemon = start(config(redis, shop(postgres), [job(
        f"SELECT g AS id, repeat('x', 1000) AS body FROM generate_series(1, {count}) g",
        value="{id}", key="x:{id}", timeout="30m")]))
    daemon.wait_redis()
    before = daemon.rss()
    path = daemon.warm({}).json["runs"][0]["location"]
    most = 0

    def look():
        nonlocal most
        most = max(most, daemon.rss())
        operation = daemon.get(path).json
        return operation["state"] not in ("queued", "running") and operation

    run = until(look, "the run to end", 1800)
    assert run["state"] == "completed" and run["result"]["stored"] == count, run
    assert SANITIZED or most - before < 16 << 20, most - before


def test_rows_are_read_only_as_the_run_asks_for_them(start, redis, postgres):
    daemon = start(config(redis, shop(postgres), [job(
        "SELECT g AS id, repeat('x', 10000) AS body FROM generate_series(1, 100000) g",
        rate=100)]))
    daemon.wait_redis()
    path = daemon.warm({}).json["runs"][0]["location"]
    # The server waits until more is read, and sends the gigabyte to nobody.
    until(lambda: postgres.sessions("wait_event = 'ClientWrite'") == 1, "the server to wait")
    assert daemon.request("DELETE", path).status in (200, 202)
    until(lambda: postgres.sessions() == 0, "the query to end")


def running(daemon, path):
    """The progress of a run once some rows were stored."""
    return until(lambda: (now := daemon.get(path).json["progress"])["done"] and now["total"] and now,
                 "progress")


def test_a_count_query_tells_how_far_the_run_is(start, redis, postgres):
    query = job("SELECT g AS id FROM generate_series(1, 100000) g", rate=2000)
    query["source"]["count"] = "SELECT count(*) FROM generate_series(1, 100000)"
    daemon = start(config(redis, shop(postgres), [query]))
    daemon.wait_redis()
    path = daemon.warm({}).json["runs"][0]["location"]
    progress = running(daemon, path)
    assert progress["total"] == 100000 and 0 < progress["ratio"] < 0.9, progress
    assert daemon.request("DELETE", path).status in (200, 202)


def test_a_count_query_that_fails_is_told(start, redis, postgres):
    query = job("SELECT 1 AS id")
    query["source"]["count"] = "SELECT count(*) FROM nowhere"
    daemon = start(config(redis, shop(postgres), [query]))
    daemon.wait_redis()
    run, why = run_job(daemon)
    assert run["state"] == "failed" and "count: the query failed at line 1, column 22" in why and "nowhere" in why, run


def test_a_file_tells_by_its_size_how_far_the_run_is(start, redis, folder):
    with open(folder + "/rows.jsonl", "w", encoding="ascii") as file:
        file.writelines('{"id":%06d}\n' % (number + 100000) for number in range(200000))
    source = {"type": "file", "path": folder + "/rows.jsonl"}
    daemon = start(open_config(redis, "warm: " + json.dumps({"jobs": [
        {"name": "j", "key": "x:{id}", "source": source, "rate": 20000}]})))
    daemon.wait_redis()
    path = daemon.warm({}).json["runs"][0]["location"]
    progress = running(daemon, path)
    assert 100000 < progress["total"] < 300000, progress
    assert daemon.request("DELETE", path).status in (200, 202)


def test_a_reload_with_another_dsn_leaves_the_old_connections(start, redis, postgres):
    loaders = {"user": {"params": ["id"], "key": "u:{id}", "value": "{name}", "source": {
        "use": "shop", "query": "SELECT $1 AS id, current_setting('application_name') AS name"}}}

    def text(name):
        return config(redis, {**shop(postgres), "dsn": f"{postgres.dsn} application_name={name}"},
                      loaders=loaders)

    daemon = start(text("one"))
    daemon.wait_redis()
    for name in ("one", "two"):
        daemon.configure(text(name))
        assert daemon.post(API + "/reload").status == 200
        assert daemon.post(f"{RESULTS}/user", {"params": {"id": name}}).body == name.encode()


def test_sources_with_equal_names_have_pools_of_their_own(start, redis, postgres):
    """Here to one database, so that a connection of the other pool could serve."""
    def own(query):
        return {"type": "postgres", "dsn": postgres.dsn, "pool": 1, "query": query}

    source = own("SELECT 1 AS id")
    daemon = start(config(redis, shop(postgres, pool=1), [
        job("", name="shop", source=source), job("SELECT 2 AS id", name="other")],
        {"shop": {"params": ["id"], "key": "u:{id}", "source": own("SELECT $1 AS id")}}))
    daemon.wait_redis()
    for number in range(2):
        assert daemon.post(RESULTS + "/shop", {"params": {"id": number}}).status == 200
        runs = daemon.warm({"wait": 60}).json["runs"]
        assert [run["state"] for run in runs] == ["completed"] * 2, runs
    assert postgres.sessions() == 3
