# SPDX-License-Identifier: MIT
"""What a loader makes of parameters and of what its source gives, good and bad."""

import json
import os

import pytest

from harness import open_config, until
from invalidating import token_row
from keys import refused
from reading import RESULTS, begin, command, loaders, result, web_loader


def test_a_template_makes_the_value(start, redis):
    daemon = begin(start, redis, {"c": command("""echo '{"a": {"b": "x y"}}'""", value="<{a/b}>")})
    reply = result(daemon, "c", id="1")
    assert reply.body == b"<x y>" == redis("GET", "c:1")
    assert reply.headers["Content-Type"] == "application/octet-stream"


def test_tags_of_the_parameters(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web, tags=["things", "thing-{id}"])})
    result(daemon, "x", id="7")
    for tag in ("things", "thing-7"):
        assert redis("ZRANGE", "cw:tag:" + tag, 0, -1) == [b"x:7"]


def test_the_namespaces_compression_and_ttl_hold(start, redis, web):
    async def answer(_):
        return 200, json.dumps({"text": "long " * 1000}).encode()

    web.answer = answer
    daemon = begin(start, redis, {"x": web_loader(web)}, "cache:\n  namespaces: "
                   '[{prefix: "x:", ttl: 90s, compress_above: 100}]\n')
    first, second = (result(daemon, "x", id="1") for _ in range(2))
    assert first.body == second.body and second.headers["X-Cache"] == "HIT"
    assert redis("STRLEN", "x:1") < 500 and 80 < redis("TTL", "x:1") <= 90


def test_sources_that_give_nothing_too_much_or_an_error(start, redis, web):
    rows = {
        "none": command("true"), "two": command("echo '{}'; echo '{}'"),
        "fails": command("echo broken >&2; exit 3"), "slow": command("sleep 5", timeout="100ms"),
        "bad": command("echo nonsense"), "void": command("echo '{}'", value="{missing}"),
        "big": command("head -c 300000 /dev/zero | tr '\\0' x | sed 's/.*/{\"v\":\"&\"}/'"),
        "gone": web_loader(web)}
    for name, row in rows.items():
        row["key"] = name + ":{id}"
    daemon = begin(start, redis, rows, "cache: {max_value_bytes: 100KiB}\n")
    refused(result(daemon, "none", id="1"), 404, "no_value", "none")
    refused(result(daemon, "two", id="1"), 502, "source_row", "many")
    refused(result(daemon, "fails", id="1"), 502, "source_failed", "status 3")
    refused(result(daemon, "slow", id="1"), 504, "timeout")
    refused(result(daemon, "bad", id="1"), 502, "source_row")
    refused(result(daemon, "void", id="1"), 502, "source_row", "missing")
    assert result(daemon, "big", id="1").status in (413, 502)
    web.status = 404
    refused(result(daemon, "gone", id="1"), 404, "no_value")
    until(lambda: not redis("KEYS", "cw:lease:*"), "the end of the leases")
    assert redis.keys() == []


def test_integers_are_exact(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    number = "12345678901234567890123"
    assert daemon.post(RESULTS + "x", b'{"params": {"id": %s}}' % number.encode()).status == 200
    assert list(web.loads) == ["/x/" + number] and redis.keys() == [b"x:" + number.encode()]


@pytest.mark.parametrize("value,path", [
    ("a?b=c", "/x/a%3Fb%3Dc"), ("%25", "/x/%2525"), ("a#b", "/x/a%23b"), ("a\r\nX: y", "/x/a%0D%0AX%3A%20y"),
    ("\u00e9", "/x/%C3%A9"), ("...", "/x/..."), ("a@b:80", "/x/a%40b%3A80")])
def test_a_parameter_stays_within_its_segment(start, redis, web, value, path):
    daemon = begin(start, redis, {"x": web_loader(web)})
    assert result(daemon, "x", id=value).status == 200
    assert list(web.loads) == [path]
    assert redis.keys() == [b"x:" + value.encode()]


@pytest.mark.parametrize("value", [".", "..", "../secret", "a/../../b", "a/b", "%2e%2e", "%2Fadmin"])
def test_a_parameter_that_is_another_folder_is_refused(start, redis, web, value):
    daemon = begin(start, redis, {"x": web_loader(web)})
    refused(result(daemon, "x", id=value), 400, "bad_parameter", "id")
    assert not web.loads and redis.keys() == []


@pytest.mark.parametrize("value", ["-rf", "--help", "-"])
def test_a_parameter_that_is_no_plain_argument_is_refused(start, redis, value):
    daemon = begin(start, redis, {"c": command("echo '{}'")})
    refused(result(daemon, "c", id=value), 400, "bad_parameter", "id")
    assert redis.keys() == []


@pytest.mark.parametrize("value", ["$(touch FLAG)", "'; touch FLAG; '", "a b", "*", "{id}"])
def test_a_parameter_is_one_argument_of_a_command(start, redis, folder, value):
    value = value.replace("FLAG", os.path.join(folder, "flag"))
    daemon = begin(start, redis, {"c": {**command(""), "value": "{v}", "source": {
        "type": "command", "format": "jsonl", "argv": [
            "python3", "-c", "import json, sys; print(json.dumps({'v': sys.argv[1:]}))", "{id}"]}}})
    assert result(daemon, "c", id=value).json == [value]
    assert not os.path.exists(os.path.join(folder, "flag"))


def test_the_guard_judges_the_key_that_parameters_come_to(start, redis):
    rows = {"any": {**command("echo '{}'"), "key": "{id}"}}
    tokens = token_row("few", "keys", ', key_prefixes: ["app:"]') + token_row("all", "admin")
    daemon = start(open_config(redis, loaders(**rows) + 'cache: {protected: ["lock:*"]}\n')
                   .replace("auth: {", f"auth: {{tokens: [{tokens}], "))
    daemon.wait_redis()
    for key, code in (("cw:meta", "key_reserved"), ("session:x", "key_reserved"),
                      ("lock:1", "key_protected")):
        refused(result(daemon, "any", id=key), 403, code)
    refused(result(daemon, "any", id="other:1", token="few"), 403, "key_outside_prefixes")
    assert result(daemon, "any", id="app:1", token="few").status == 200
    assert result(daemon, "any", id="lock:1", token="all").status == 200
    assert result(daemon, "any", id="cw:meta", token="all").status == 403
    assert redis.keys() == [b"app:1", b"lock:1"]


def test_another_type_under_the_key(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    redis("RPUSH", "x:1", "a")
    refused(result(daemon, "x", id="1"), 409, "wrong_type")
    assert not web.loads and redis("LRANGE", "x:1", 0, -1) == [b"a"]


def test_redis_out_of_memory_keeps_nobody_from_the_value(start, redis, web):
    daemon = begin(start, redis, {"x": web_loader(web)})
    redis("CONFIG", "SET", "maxmemory", "1")
    reply = result(daemon, "x", id="1")
    assert reply.status == 200 and reply.headers["X-Cache"] == "BYPASS", reply


def test_parameters_that_would_come_to_anothers_key_are_refused(start, redis, web):
    row = web_loader(web, key="p:{a}:{b}", params=["a", "b"], source={"path": "/{a}/{b}"})
    daemon = begin(start, redis, {"p": row})
    assert result(daemon, "p", a="x", b="y:z").json["path"] == "/x/y%3Az"
    refused(result(daemon, "p", a="x:y", b="z"), 400, "bad_parameter", "a", "p:{a}:{b}")
    assert redis.keys() == [b"p:x:y:z"]
