# SPDX-License-Identifier: MIT
"""The log of the running daemon: which requests it shows, and what a program reads in its lines."""

import hashlib
import json
import re

from harness import API, open_config, until

KEYS = "/api/v1/cache/keys/"
LOADER = """
loaders:
  none: {params: [id], key: "none:{id}", source: {type: command, argv: ["true"]}}
"""


def records(daemon):
    return [json.loads(line) for line in daemon.lines]


def test_json_lines_have_the_parts_of_a_request(start, redis):
    digest = hashlib.sha256(b"cw_t").hexdigest()
    daemon = start(open_config(redis, "log: {format: json, access: all}\n").replace(
        "operate]", f"operate], tokens: [{{name: dash, sha256: {digest}, scopes: [read]}}]"),
        wait=False)
    daemon.wait_for("listening on ")
    with open(daemon.ready_path, encoding="utf-8") as file:
        daemon.addresses = file.read().split()
    daemon.get(API + "/stats", token="cw_t", headers={"X-Request-Id": "abc-1"})
    daemon.get(KEYS + "a%22b")
    daemon.get("/nowhere")
    daemon.wait_for("(no route)")
    found = [r for r in records(daemon) if "method" in r]
    assert [(r["method"], r["path"], r["status"], r["token"]) for r in found] == [
        ("GET", API + "/stats", 200, "dash"), ("GET", KEYS + "{key}", 404, None),
        ("GET", None, 404, None)]
    assert found[0]["request_id"] == "abc-1"
    for record in found:
        assert record["level"] == "info" and record["message"].startswith("http: GET ")
        assert isinstance(record["duration_ms"], float) and record["duration_ms"] >= 0
        assert record["request_id"]


def test_what_is_not_there_is_no_error(start, redis):
    daemon = start(open_config(redis, LOADER))
    daemon.wait_redis()
    assert daemon.get(KEYS + "absent").status == 404
    assert daemon.request("HEAD", KEYS + "absent").status == 404
    assert daemon.post(KEYS + "absent/expire", {"ttl": 60}).status == 404
    assert daemon.get(KEYS + "absent?lease=1").status == 404
    assert daemon.post("/api/v1/cache/results/none", {"params": {"id": "1"}}).status == 404
    assert daemon.get("/nowhere").status == 404
    daemon.wait_for("http: GET (no route) 404")
    assert len([line for line in daemon.lines if " http: " in line]) == 1, daemon.log


def test_lines_that_were_left_out_show_one_of_them(start, redis):
    daemon = start(open_config(redis))
    for _ in range(30):
        daemon.get("/nowhere")
    line = daemon.wait_for("more lines like this were left out: ")
    assert re.search(r"left out: http: GET \(no route\) 404 [0-9.]+ ms", line), line
    assert "%" not in line


def test_no_line_shows_a_format_or_ends_with_an_escaped_line_end(start, redis):
    daemon = start(open_config(redis))
    daemon.configure("nam: x\nlog: {level: loud}\n")
    daemon.post(API + "/reload")
    daemon.wait_for("configuration refused")
    daemon.configure(open_config(redis))
    daemon.post(API + "/reload")
    until(lambda: "configuration reloaded" in daemon.log, "the reload")
    assert daemon.stop() == 0
    for line in daemon.lines:
        assert not re.search(r"%[-.*0-9]*(l?l?[dux]|s|z[du])", line), line
        assert not line.endswith("\\u000a"), line
