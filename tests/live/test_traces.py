# SPDX-License-Identifier: MIT
"""A request's trace: in the log, in operations, and carried on to HTTP sources."""

import re

import pytest

from conftest import open_config
from harness import API
from origin import Origin

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


@pytest.fixture
def origin():
    origin = Origin(lambda path: b'[{"id": 1}]')
    origin.parents = []
    origin.look = lambda handler: origin.parents.append(handler.headers.get("traceparent"))
    yield origin
    origin.close()


@pytest.fixture
def daemon(start, redis, origin):
    return start(open_config(redis) + f"""
sources: {{api: {{type: http, base_url: "{origin.url}", format: json}}}}
loaders: {{item: {{key: "item:{{id}}", params: [id], source: {{use: api, path: "/items/{{id}}"}}}}}}
warm: {{jobs: [{{name: j, source: {{use: api, path: "/all"}}, key: "k:{{id}}"}}]}}
log: {{format: json, access: all}}
""")


def carried_on(parents):
    """They belong to the trace, each with a span of its own."""
    assert parents and len(set(parents)) == len(parents)
    for parent in parents:
        found = re.fullmatch(rf"00-{TRACE}-([0-9a-f]{{16}})-01", parent)
        assert found and found[1] != SPAN
    return True


def test_a_load_carries_the_trace_of_its_request_on(daemon, origin):
    for item in (1, 2):
        reply = daemon.post("/api/v1/cache/results/item", {"params": {"id": str(item)}}, headers=PARENT)
        assert reply.status == 200, reply
    assert carried_on(origin.parents)
    assert f'"trace_id":"{TRACE}"' in daemon.wait_for('"path":"/api/v1/cache/results/{loader}"')


def test_an_operation_shows_the_trace_that_began_it(daemon, origin):
    run = daemon.post(API + "/warm", {"wait": 10}, headers=PARENT).json["runs"][0]
    assert daemon.get(API + "/operations/" + run["operation_id"]).json["trace_id"] == TRACE
    assert carried_on(origin.parents)
    done = daemon.post(API + "/invalidate", {"patterns": ["k:*"]}, headers=PARENT).json
    assert daemon.get(API + "/operations/" + done["operation_id"]).json["trace_id"] == TRACE
    # As another daemon reads it, too.
    listed = daemon.get(API + "/operations").json["items"]
    assert [item["trace_id"] for item in listed] == [TRACE, TRACE]


@pytest.mark.parametrize("header", [None, "", "nonsense", f"00-{TRACE}-{SPAN}-01-x", f"ff-{TRACE}-{SPAN}-01"])
def test_without_a_valid_header_there_is_no_trace(daemon, origin, header):
    headers = {} if header is None else {"traceparent": header}
    run = daemon.post(API + "/warm", {"wait": 10}, headers=headers).json["runs"][0]
    assert daemon.get(API + "/operations/" + run["operation_id"]).json["trace_id"] is None
    assert origin.parents == [None] and "trace_id" not in daemon.log


def test_two_of_them_are_refused(daemon):
    line = f"traceparent: {PARENT['traceparent']}\r\n"
    answer = daemon.raw(f"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{line}{line}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ") and b"traceparent" in answer
