# SPDX-License-Identifier: MIT
"""What sources answer and what a warm run makes of it: a run has completed only when its source has
really ended."""

import json

import pytest

from conftest import open_config
from origin import Origin

PAGES = {"from": 1, "until": "empty"}


@pytest.fixture
def origin():
    served = Origin(lambda path: 404)
    yield served
    served.close()


def page_of(path):
    return int(path.rpartition("=")[2])


def items(*ids):
    return json.dumps({"items": [{"id": number} for number in ids]}).encode()


def run_job(start, redis, source, **more):
    """The run of one job, and what it says went wrong."""
    job = {"name": "j", "key": "x:{id}", "source": source, **more}
    daemon = start(open_config(redis, f"warm:\n  jobs:\n    - {json.dumps(job)}\n"))
    daemon.wait_redis()
    reply = daemon.warm({"wait": 60})
    assert reply.status == 200, reply
    run = reply.json["runs"][0]
    return run, "; ".join(error["detail"] for error in run["result"]["first_errors"])


def pages(origin, **more):
    return {"type": "http", "base_url": origin.url, "path": "/?page={page}", "rows": "/items",
            "pages": PAGES, **more}


def numbered(redis, *ids):
    return redis.keys("x:*") == sorted(b"x:%d" % number for number in ids)


@pytest.mark.parametrize("last", [
    404, 410, 204, 205, b"", b" \n", b"null", b"{}", b"[]", b'{"items": []}', b'{"items": null}',
    b'{"error": null}', b"\xef\xbb\xbfnull", (200, b"", {"Content-Type": "application/json"})])
def test_pages_end_however_the_source_says_that_there_are_no_more(start, redis, origin, last):
    origin.answer = lambda path: items(page_of(path)) if page_of(path) < 4 else last
    run, said = run_job(start, redis, pages(origin))
    assert (run["state"], said) == ("completed", "") and run["result"]["rows"] == 3
    assert numbered(redis, 1, 2, 3) and origin.total() == 4


@pytest.mark.parametrize("last,said", [
    (500, "answered 500"), (403, "answered 403"), (401, "answered 401"), (302, "answered 302"),
    (202, "202, which is no rows yet"), ((206, items(9)), "206, which is a part"),
    (b'{"items": {}}', "no array"), (b'{"items": "none"}', "no array"), (b'{"items": [{"id": 9}',
    "ends too early"), (b"nul", "ends too early"), (b"<html>", "no")])
def test_any_other_answer_is_not_the_end_of_the_pages(start, redis, origin, last, said):
    origin.answer = lambda path: items(page_of(path)) if page_of(path) < 4 else last
    run, why = run_job(start, redis, pages(origin))
    assert run["state"] == "partial" and said in why, run
    assert {b"x:1", b"x:2", b"x:3"} <= set(redis.keys("x:*"))


@pytest.mark.parametrize("answer,said", [
    (404, "answered 404"), (410, "answered 410"), (204, "gave no rows"), (b"", "gave no rows"),
    (b'{"item": [1]}', 'no rows: there is no array at "/items"'), (b"null", 'no array at "/items"')])
def test_a_job_without_any_rows_says_why(start, redis, origin, answer, said):
    origin.answer = lambda path: answer
    run, _ = run_job(start, redis, pages(origin))
    assert run["state"] == "failed" and said in run["error"], run


def test_each_page_may_begin_with_a_byte_order_mark(start, redis, origin):
    origin.answer = lambda path: b"\xef\xbb\xbf" + (
        items(page_of(path)) if page_of(path) < 4 else items())
    run, said = run_job(start, redis, pages(origin))
    assert (run["state"], said) == ("completed", "") and numbered(redis, 1, 2, 3)


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("answer", [204, 404, 410, b"", b"null", b"{}", b'{"data": null}'])
def test_what_a_source_does_not_have_is_no_value_for_a_lookup(start, redis, origin, answer, many):
    loader = {"params": ["id"], "key": "u:{id}", "many": many, "source": {
        "type": "http", "base_url": origin.url, "path": "/{id}", "rows": "/data"}}
    daemon = start(open_config(redis, "loaders: " + json.dumps({"user": loader})))
    daemon.wait_redis()
    origin.answer = lambda path: b'{"data": [{"n": 7}]}' if path == "/7" else answer
    for number in range(8):  # more than would open the breaker
        reply = daemon.post("/api/v1/cache/results/user", {"params": {"id": number}})
        assert (reply.status, reply.json["code"] if reply.status != 200 else "") == (
            (200, "") if number == 7 else (404, "no_value")), reply
    assert redis.keys("u:*") == [b"u:7"]
