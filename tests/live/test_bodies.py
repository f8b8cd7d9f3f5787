# SPDX-License-Identifier: MIT
"""Bad bodies, by every route that takes one: refused naming what is wrong and where, nothing done."""

import json

import pytest

from conftest import open_config
from harness import API, SANITIZED, Daemon, end_sending, until
from wire import (Wire, ask, check_library_refusal, check_problem, library_is_strict, post,
                  request)

POSTS = [API + "/invalidate", API + "/warm", API + "/reload"]

CONFIG = """
limits: {body_deadline: 1s}
warm:
  jobs:
    - {name: one, source: {type: command, argv: [echo, '{"id":1}'], format: jsonl}, key: "w:{id}"}
entities:
  user: {field: user_id, keys: {profile: "user:profile:{id}"}, patterns: ["user:{id}:*"]}
  firm: {field: firm_id, keys: {areas: "firm:{id}"}}
"""


@pytest.fixture(scope="module")
def daemon(shared_folder, shared_redis):
    one = Daemon(shared_folder + "/bodies", open_config(shared_redis, CONFIG))
    one.wait_redis()
    yield one
    failure = one.close()
    assert not failure, failure


@pytest.fixture(autouse=True)
def nothing_is_done(daemon, shared_redis):
    """Every test here must leave this key where it is, and the process alive."""
    shared_redis("SET", "stays", "1")
    yield
    assert shared_redis("EXISTS", "stays") == 1
    assert daemon.get("/livez").body == b"ok\n"


def send(daemon, path, body, status=400, code=None):
    answer = ask(daemon, post(path, body))
    assert answer is not None and answer.status == status, answer
    return check_problem(answer, status, code or answer.json["code"])


BAD_JSON = {
    "words": "keys=stays", "open": "{", "no value": '{"keys"', "no comma": '{"a" 1}',
    "trailing comma": '{"keys": ["stays"],}', "comma in list": '{"keys": ["stays",]}',
    "two values": '{} {}', "trailing bytes": '{"keys": ["stays"]} x', "comment": "{/* */}",
    "single quotes": "{'keys': ['stays']}", "bare name": '{keys: ["stays"]}',
    "byte order mark": b"\xef\xbb\xbf{}", "UTF-16": '{"keys": ["stays"]}'.encode("utf-16"),
    "NUL": b'{"keys": ["stays"]}\0', "NUL in a string": b'{"keys": ["sta\0ys"]}',
    "\\u0000": r'{"keys": ["stays\u0000x"]}', "\\u0000 in a name": r'{"keys\u0000": ["stays"]}',
    "control byte": b'{"keys": ["st\nays"]}', "invalid UTF-8": b'{"keys": ["stays", "\xff"]}',
    "overlong UTF-8": b'{"keys": ["stays", "\xc0\xaf"]}',
    "surrogate in UTF-8": b'{"keys": ["stays", "\xed\xa0\x80"]}',
    "cut UTF-8": b'{"keys": ["stays", "\xe2\x82"]}', "lone surrogate": r'{"keys": ["\ud800"]}',
    "surrogates swapped": r'{"keys": ["\udc00\ud800"]}', "bad escape": r'{"keys": ["\x41"]}',
    "short escape": r'{"keys": ["\u12"]}', "open string": '{"keys": ["stays',
    "leading zero": '{"wait": 01}', "plus": '{"wait": +1}', "dot behind": '{"wait": 1.}',
    "dot before": '{"wait": .5}', "hex": '{"wait": 0x1}', "NaN": '{"wait": NaN}',
    "Infinity": '{"wait": -Infinity}', "capitals": '{"strict": True}', "minus": '{"wait": -}',
    "deep": "[" * 1000000, "deep objects": '{"a":' * 100000, "deep and closed": "[" * 40 + "]" * 40,
    "duplicate": '{"note": "a", "note": "b"}', "blank": "   ",
    "duplicate by escape": r'{"note": "a", "not\u0065": "b"}',
    "257 members": "{" + ",".join(f'"m{i}": 1' for i in range(257)) + "}",
    "200,000 values": '{"keys": [' + ",".join(["1"] * 200000) + "]}",
}


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("case", BAD_JSON)
def test_what_is_no_json_is_refused_and_the_place_named(daemon, path, case):
    body = send(daemon, path, BAD_JSON[case], 400, "bad_json")
    assert "line" in body["detail"] or "limit" in body["detail"] or "more than" in body["detail"] \
        or "deep" in body["detail"], body


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("text", ["[]", "[{}]", '"keys"', "1", "null", "true", "1e999"])
def test_a_body_that_is_no_object_is_refused(daemon, path, text):
    send(daemon, path, text, 400, "bad_body")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("name,pointer", [
    ("nonsense", "/nonsense"), ("Keys", "/Keys"), ("keys ", "/keys "), ("", "/"),
    ("a/b", "/a~1b"), ("a~b", "/a~0b"), ("\u00e9", "/\u00e9"), ("x\ny", "/x\ny"),
])
def test_an_unknown_member_is_named(daemon, path, name, pointer):
    body = send(daemon, path, json.dumps({name: 1}), 400, "bad_body")
    assert body["errors"][0]["pointer"] == pointer
    assert "takes:" in body["detail"]


def test_an_unknown_members_long_name_is_cut_between_characters(daemon):
    body = send(daemon, POSTS[0], json.dumps({"\u20ac" * 400: 1}), 400, "bad_body")
    assert "\ufffd" not in json.dumps(body, ensure_ascii=False)
    assert body["errors"][0]["pointer"].startswith("/\u20ac")


WRONG = {
    API + "/invalidate": {
        "/keys": ["stays", 1, {}, True, []], "/keys/0": [[1], [None], [{}], [""], [[]]],
        "/patterns": ["stays", {}, []], "/patterns/0": [[1], [""]],
        "/keys/1": [["none", 1], ["none", ""]],
        "/dependents_of": ["stays", []], "/user_id": [{}, True, "", 1.5, 1e999, [], "1e3"],
        "/user_id/0": [[{}], [""], [1.5], [None], [[1]]],
        "/entities": [[], "user", 1], "/entities/user": [{}, True, ""],
        "/entities/nobody": ["1"], "/entities/user/1": [["1", ""]],
        "/cascade": ["true", 1, []], "/dry_run": ["true", 0], "/verify": ["yes"],
        "/strict": [1], "/max_keys": [0, -1, "1", 1.5, 1e999, 9223372036854775808],
        "/wait": [-1, 301, "10", 1.5, True], "/confirm": [1, "", "x" * 257],
        "/pace": [1, [], "fast"], "/pace/max_latency_ms": [-1, "1", 10001, 1e999],
        "/pace/nonsense": [1], "/note": [1, "x" * 201],
    },
    API + "/warm": {
        "/cache_names": ["one", {}, [], 1], "/cache_names/0": [[1], [""], [None]],
        "/wait": [-1, 301, "1", 0.5], "/strict": ["no"], "/note": [[], "x" * 201],
    },
    API + "/reload": {"/note": [1, {}, "x" * 201]},
}
# What a JSON text cannot be made of by json.dumps().
LITERAL = {1e999: "1e999", "1e3": "1e3"}


def body_for(pointer, value):
    """The object in which `value` is wrong at `pointer`; a list there holds the bad element."""
    names = [name for name in pointer[1:].split("/") if not name.isdigit()]
    text = LITERAL.get(value, None) if isinstance(value, (float, str)) else None
    text = text or json.dumps(value)
    for name in reversed(names):
        text = json.dumps({name: 0}).replace("0", text, 1) if name != "0" else text
    return text


@pytest.mark.parametrize("path,pointer,value", [
    (path, pointer, value) for path, table in WRONG.items()
    for pointer, values in table.items() for value in values])
def test_a_member_of_a_wrong_type_or_range_is_pointed_at(daemon, path, pointer, value):
    text = body_for(pointer, value)
    body = send(daemon, path, text, 400, "bad_body")
    assert body["errors"][0]["pointer"] == pointer, (text, body)


def test_nothing_selected_is_refused(daemon):
    for text in ("", "{}", '{"keys": null}', '{"dry_run": true}', '{"entities": {}}',
                 '{"user_id": null, "note": "x"}', '{"wait": 1}'):
        send(daemon, API + "/invalidate", text, 400, "bad_body")


def test_null_means_left_out(daemon):
    everything = {name: None for name in (
        "patterns", "user_id", "firm_id", "entities", "dependents_of", "cascade", "dry_run",
        "verify", "max_keys", "confirm", "wait", "strict", "pace", "note", "soft", "tags",
        "rewarm")}
    assert daemon.invalidate({**everything, "keys": ["none"]}).json["complete"] is True
    assert daemon.warm({"cache_names": ["one"], "wait": None, "strict": None,
                        "note": None}).status == 202
    assert daemon.post(API + "/reload", {"note": None}).status == 200


def test_an_unknown_job_is_named_and_nothing_starts(daemon, shared_redis):
    # A test before this one may have started a run without waiting for it.
    until(lambda: not any(daemon.get(f"{API}/operations?kind=warm&state={state}").json["items"]
                          for state in ("queued", "running")), "earlier runs to end")
    shared_redis("DEL", "w:1")
    for name in ("nobody", "ONE", "one ", "x" * 300, "*", "one\n"):
        body = send(daemon, API + "/warm", json.dumps({"cache_names": ["one", name]}), 404,
                    "unknown_job")
        assert name.strip()[:60] in body["detail"]
    assert shared_redis("EXISTS", "w:1") == 0


def test_ids_beyond_2_to_the_53_are_exact(daemon, shared_redis):
    ids = [2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 10**30 + 1, -2**63]
    for one in ids:
        for near in (one - 1, one, one + 1):
            shared_redis("SET", f"firm:{near}", "1")
        assert daemon.invalidate({"firm_id": one}).json["invalidated"] == 1
        assert shared_redis.keys(f"firm:{one}") == []
        assert len(shared_redis.keys("firm:*")) == 2
        shared_redis("DEL", f"firm:{one - 1}", f"firm:{one + 1}")
    for one in ids:
        shared_redis("SET", f"firm:{one}", "1")
    reply = daemon.invalidate({"entities": {"firm": ids + [str(ids[0])]}})
    assert reply.json["invalidated"] == len(ids), reply
    assert shared_redis.keys("firm:*") == []


@pytest.mark.parametrize("one", ["*", "?", "[a-z]*", "a*b", "\\", "{id}", "%2A", "a:b", "\u00e9"])
def test_an_id_is_literal(daemon, shared_redis, one):
    for name in (one, "42", "ab", "axb"):
        shared_redis("SET", f"user:profile:{name}", "1")
        shared_redis("SET", f"user:{name}:x", "1")
    reply = daemon.invalidate({"user_id": one, "max_keys": 100})
    assert reply.status == 200 and reply.json["invalidated"] == 2, reply
    left = set(shared_redis.keys("user:*"))
    assert len(left) == 6 and f"user:profile:{one}".encode() not in left
    shared_redis("DEL", *left)


def test_a_thousand_names_pass_and_one_more_does_not(daemon):
    for member, name in (("keys", "none:{}"), ("user_id", "{}"), ("dependents_of", "none:{}")):
        names = [name.format(i) for i in range(1001)]
        body = send(daemon, API + "/invalidate", json.dumps({member: names}), 400, "bad_body")
        assert body["errors"][0]["pointer"] == "/" + member
    reply = daemon.invalidate({"keys": [f"none:{i}" for i in range(1000)]})
    assert (reply.status, reply.json["matched"]) == (200, 0)


@pytest.mark.parametrize("path", POSTS)
def test_a_body_over_the_limit_is_refused_before_it_is_read(daemon, path):
    answer = ask(daemon, request("POST " + path, "Content-Type: application/json",
                                 "Content-Length: 1048577"))
    check_problem(answer, 413, "too_large")
    answer = ask(daemon, request("POST " + path, "Content-Type: application/json",
                                 "Content-Length: 9223372036854775807"))
    check_problem(answer, 413, "too_large")
    # The limit itself is read, and judged as JSON.
    send(daemon, path, '{"note": "' + "x" * (1048576 - 12) + '"}', 400, "bad_body")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("kind,status", [
    ("application/x-www-form-urlencoded", 415), ("multipart/form-data; boundary=x", 415),
    ("text/plain", 415), ("text/json", 415), ("application/jsonx", 415), ("", 415),
    ("application", 415), ("application/json, text/plain", 415), ("application/ json", 415),
    ("application/json", 200), ("Application/JSON; charset=utf-8", 200), ("application/x+json", 200),
])
def test_the_body_must_be_declared_json(daemon, path, kind, status):
    text = '{"keys": ["none"]}' if path.endswith("invalidate") else \
        '{"cache_names": ["one"]}' if path.endswith("warm") else "{}"
    answer = ask(daemon, post(path, text, content_type=kind))
    if status == 415:
        detail = check_problem(answer, 415, "unsupported_type")["detail"]
        assert "Content-Type: application/json" in detail and "curl --json" in detail
    else:
        assert answer.status in (200, 202), answer
    untyped = ask(daemon, request("POST " + path, f"Content-Length: {len(text)}", body=text))
    check_problem(untyped, 415, "unsupported_type")


@pytest.mark.parametrize("path", POSTS)
def test_no_body_takes_any_transfer_encoding(daemon, path):
    for value in ("chunked", "identity", "gzip, chunked", ""):
        answer = ask(daemon, request("POST " + path, "Content-Type: application/json",
                                     "Transfer-Encoding: " + value, body="2\r\n{}\r\n0\r\n\r\n"))
        if value != "chunked" and library_is_strict():
            check_library_refusal(answer)
        else:
            check_problem(answer, 411, "length_required")


def test_a_body_cut_short_does_nothing(daemon):
    whole = post(API + "/invalidate", '{"keys": ["stays"]}')
    for n in (1, 2, 10):
        # The client ends its side: what came is no request.
        with Wire(daemon) as wire:
            wire.send(whole[:-n])
            end_sending(wire.socket)
            assert wire.answer() is None


def test_bad_bodies_cost_little(daemon):
    """A megabyte of each: judged in moments, and the memory comes back."""
    worst = [b"[" * 1048576, b'{"keys": [' + b"1," * 500000 + b"1]}", b'"' + b"x" * 1048574 + b'"',
             b'{"keys": ["' + b"\\u0041" * 170000 + b'"]}', b" " * 1048576,
             b'{"wait": ' + b"9" * 1048000 + b"}"]
    for body in worst:
        send(daemon, API + "/invalidate", body)
    before = daemon.rss()
    for _ in range(5):
        for body in worst:
            began = daemon.cpu()
            send(daemon, API + "/invalidate", body)
            assert daemon.cpu() - began < 5
    # The sanitizer keeps freed memory for a while, up to 256 MiB.
    assert daemon.rss() - before < (512 if SANITIZED else 32) << 20
