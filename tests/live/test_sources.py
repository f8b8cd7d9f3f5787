# SPDX-License-Identifier: MIT
"""What sources answer and what a warm run makes of it: a run has completed only when its source has
really ended."""

import gzip
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import zlib

import pytest

from certificates import Authority
from conftest import open_config
from harness import API, answers_until, until
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


def linked(origin, next_, **more):
    """A source whose pages name the next one."""
    return {"type": "http", "base_url": origin.url, "path": "/items?n=1", "rows": "/items",
            "headers": {"Authorization": "Bearer s3cret"}, "pages": {"next": next_, **more}}


def test_pages_follow_a_pointer_to_an_address_or_a_cursor(start, redis, origin):
    after = {"/items?n=1": "/items?n=2", "/items?n=2": origin.url + "/items?n=3", "/items?n=3": None,
             "/items?n=1&after=c%2f1": 17, "/items?n=1&after=17": ""}

    def answer(path):
        page = json.loads(items(len(origin.calls)))
        return json.dumps({**page, "meta": {"next": after[path.replace("%2F", "%2f")]}}).encode()

    origin.answer = answer
    run, said = run_job(start, redis, linked(origin, "/meta/next"))
    assert (run["state"], said) == ("completed", "") and numbered(redis, 1, 2, 3)
    origin.calls.clear()
    redis("FLUSHALL")
    after["/items?n=1"] = "c/1"
    run, said = run_job(start, redis, linked(origin, "/meta/next", parameter="after"))
    assert (run["state"], said) == ("completed", "") and numbered(redis, 1, 2, 3)
    assert [path.lower() for path in origin.calls] == [
        "/items?n=1", "/items?n=1&after=c%2f1", "/items?n=1&after=17"]


def test_pages_follow_the_header_link(start, redis, origin):
    def answer(path):
        number = int(path[-1])
        link = '</items?n=9>; rel="last"' + (f', <?n={number + 1}>; rel="next"' if number < 3 else "")
        return 200, items(*([] if number == 2 else [number])), {"Link": link}

    origin.answer = answer
    run, said = run_job(start, redis, linked(origin, "link"))
    # An empty page does not end them.
    assert (run["state"], said) == ("completed", "") and numbered(redis, 1, 3)


@pytest.mark.parametrize("next_,said", [
    ("http://127.0.0.1:1/items", "is on another server, which must not get the headers"),
    ("https://elsewhere.example/", "another server"), ("/items?n=1", "the same rows as the page before"),
    ("/gone", "/gone answered 404"), ("http://[", "cannot be read"), ({}, "neither a text nor a number")])
def test_a_next_page_that_leads_away_in_circles_or_nowhere_ends_the_run(
        start, redis, origin, next_, said):
    origin.answer = lambda path: 404 if path == "/gone" else json.dumps(
        {"items": [{"id": 1}], "next": next_}).encode()
    run, why = run_job(start, redis, linked(origin, "/next"))
    assert run["state"] == "partial" and said in why and "s3cret" not in why, run
    assert numbered(redis, 1)


def test_the_number_of_linked_pages_is_bounded(start, redis, origin):
    origin.answer = lambda path: json.dumps(
        {"items": [], "next": f"/items?n={int(path[9:]) + 1}"}).encode()
    run, why = run_job(start, redis, linked(origin, "/next", max=20))
    assert run["state"] == "failed" and "more than 20 pages" in why, run
    assert origin.total() == 21


@pytest.mark.parametrize("last,said", [
    (500, "answered 500"), (403, "answered 403"), (401, "answered 401"), (302, "answered 302"),
    (202, "202, which has no rows yet"), ((206, items(9)), "206, which is only a part"),
    (b'{"items": {}}', "no array"), (b'{"items": "none"}', "no array"), (b'{"items": [{"id": 9}',
    "ends too early"), (b"nul", "ends too early"), (b"<html>", "an HTML page")])
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


def command(*argv, **more):
    return {"type": "command", "argv": list(argv), "format": "jsonl", **more}


def test_rows_that_a_process_writes_after_the_commands_exit_count(start, redis):
    script = 'for i in 1 2 3 4 5; do echo "{\\"id\\":$i}"; done > >(' \
             'while read -r line; do sleep 0.3; echo "$line"; done)'
    run, said = run_job(start, redis, command("bash", "-c", script))
    assert (run["state"], said) == ("completed", "") and numbered(redis, 1, 2, 3, 4, 5)


def test_an_output_that_stays_open_is_not_taken_for_its_end(start, redis):
    run, said = run_job(start, redis, command("sh", "-c", "sleep 60 & echo '{\"id\":1}'"),
                        timeout="3s")
    assert run["state"] == "partial" and "its timeout" in said
    assert "still has its output open" in said


def state_of(pid):
    """R, S, Z ... or "" where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def written(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def test_a_command_ends_with_a_daemon_that_is_killed(start, redis, folder):
    path = os.path.join(folder, "pid")
    job = {"name": "j", "key": "x:{id}", "source": command("sh", "-c", f"echo $$ >{path}; exec sleep 600")}
    daemon = start(open_config(redis, f"warm:\n  jobs:\n    - {json.dumps(job)}\n"))
    daemon.wait_redis()
    daemon.warm()
    until(lambda: written(path), "the command")
    daemon.expect_exit = -signal.SIGKILL
    daemon.process.kill()
    until(lambda: state_of(written(path)) in ("", "Z"), "the command's end")


SUBREAPER = "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1); os.execv(sys.argv[1], sys.argv[1:])"


def test_orphans_are_reaped_where_nobody_else_would(start, redis, folder):
    """As process 1 of a container; a child subreaper inherits orphans in the same way."""
    path = os.path.join(folder, "pid")
    script = f"setsid sh -c 'echo $$ >{path}.new; mv {path}.new {path}; sleep 0.3' >/dev/null 2>&1 & " \
             f"until [ -e {path} ]; do sleep 0.05; done; echo '{{\"id\":1}}'"
    job = {"name": "j", "key": "x:{id}", "source": command("sh", "-c", script)}
    daemon = start(open_config(redis, f"warm:\n  jobs:\n    - {json.dumps(job)}\n"),
                   before=[sys.executable, "-c", SUBREAPER])
    daemon.wait_redis()
    for _ in range(3):
        run = daemon.warm({"wait": 60}).json["runs"][0]
        assert run["state"] == "completed", run
        until(lambda: state_of(written(path)) == "", "the orphan to be reaped")
        os.unlink(path)


@pytest.mark.parametrize("answer,page,rows", [
    (lambda page: items(1, 2), 2, 4),  # it ignores the number
    (lambda page: items(min(page, 3)), 4, 4),  # it repeats its last page
    (lambda page: b'{"page": %d, %s' % (page, items(7)[1:]), 2, 2),  # only the rows are the same
    (lambda page: items(1, 2)[:-2] + b", nope]}", 2, 6)])
def test_a_page_that_repeats_the_one_before_ends_the_run(start, redis, origin, answer, page, rows):
    origin.answer = lambda path: answer(page_of(path))
    run, said = run_job(start, redis, pages(origin))
    assert run["state"] == "partial" and f"page {page} holds the same rows" in said, run
    assert run["result"]["rows"] == rows and origin.total() == page


def test_pages_that_are_alike_now_and_then_are_no_repetition(start, redis, origin):
    answers = {1: items(1), 2: items(2), 3: items(1), 4: items(2, 1), 5: items(1, 2), 6: items()}
    origin.answer = lambda path: answers[page_of(path)]
    run, said = run_job(start, redis, pages(origin))
    assert (run["state"], said) == ("completed", "") and run["result"]["rows"] == 7


def test_the_number_of_pages_is_bounded(start, redis, origin):
    origin.answer = lambda path: items(page_of(path)) if page_of(path) < 4 else items()
    run, said = run_job(start, redis, pages(origin, pages={**PAGES, "max": 3}))
    assert (run["state"], said) == ("completed", "")
    origin.calls.clear()
    run, said = run_job(start, redis, pages(origin, pages={**PAGES, "max": 2}))
    assert run["state"] == "partial" and "more than 2 pages have rows: see pages.max" in said
    assert origin.total() == 3


def test_a_page_of_csv_that_begins_with_a_row_is_an_error(start, redis, origin):
    answers = {1: b"id,name\n1,a\n2,b\n", 2: b"3,c\n"}
    origin.answer = lambda path: answers.get(page_of(path), b"")
    run, said = run_job(start, redis, pages(origin, format="csv", rows=""))
    assert run["state"] == "partial" and 'begins with "3,c" and not with' in said
    answers[2] = b"\xef\xbb\xbfid,name\r\n3,c\r\n"
    run, said = run_job(start, redis, pages(origin, format="csv", rows=""))
    assert (run["state"], said) == ("completed", "") and numbered(redis, 1, 2, 3)


def file_source(folder, text, **more):
    path = os.path.join(folder, "rows")
    with open(path, "wb") as file:
        file.write(text)
    return {"type": "file", "path": path, "format": "csv", **more}


@pytest.mark.parametrize("text,more", [
    (b"id,name,,\r\n1,a,,\r\n2,b,,\r\n", {}), (b"id,name\r1,a\r2,b\r", {}),
    (b"\xef\xbb\xbfid;name\r\n1;a\r\n2;b", {"delimiter": ";"}), (b"id\tname\n1\ta\r2\tb", {"delimiter": "\t"}),
    (b"id\tname\n1\ta\r2\tb", {"delimiter": "\\t"}), (b"sep=;\r\nid;name\r\n1;a\r\n2;b", {"delimiter": ";"})])
def test_csv_as_spreadsheets_write_it(start, redis, folder, text, more):
    run, said = run_job(start, redis, file_source(folder, text, **more), value="{name}")
    assert (run["state"], said) == ("completed", "") and numbered(redis, 1, 2)
    assert redis("GET", "x:1") == b"a"


@pytest.mark.parametrize("text,said", [
    (b"\xef\xbb\xbfid;name\n1;a\n", 'no column "id"; the header has: id;name; to split it, set delimiter: ";"'),
    (b"number,name\n1,a\n", 'no column "id"; the header has: number, name'),
    (b"id,name\n1,a\n2\n3,c,d\n", "row 2 has 1 cells, the header has 2; row 3 has 3 cells"),
    (b"id,id\n1,a\n", 'names the column "id" twice'), (b"<!doctype html><html>", "is an HTML page"),
    (gzip.compress(b"id\n1\n", mtime=0), "is compressed with gzip"), ("id\n1\n".encode("utf-16"), "is UTF-16"),
    ("id\n1\n".encode("utf-16-le"), "is UTF-16"), (b"PK\x03\x04\x14\0", "is a ZIP archive")])
def test_what_is_wrong_with_a_csv_file_is_said(start, redis, folder, text, said):
    run, why = run_job(start, redis, file_source(folder, text))
    assert run["state"] in ("failed", "partial") and said in why.replace("source j: ", ""), why


CODINGS = {
    "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress,
    "Deflate": lambda text: zlib.compress(text, wbits=-15),
    "zstd": lambda text: subprocess.run(["zstd", "-c"], input=text, stdout=subprocess.PIPE,
                                        check=True).stdout, "identity": lambda text: text}


@pytest.mark.parametrize("coding", CODINGS)
def test_answers_are_decoded(start, redis, origin, coding):
    text = json.dumps({"items": [{"id": number, "v": "x" * 50} for number in range(3000)]}).encode()
    origin.answer = lambda path: (200, CODINGS[coding](text if path == "/?page=1" else b"null"),
                                  {"Content-Encoding": coding})
    run, said = run_job(start, redis, pages(origin))
    assert (run["state"], said) == ("completed", "") and run["result"]["stored"] == 3000


@pytest.mark.parametrize("coding,change,said", [
    ("gzip", lambda data: data[:-9], "the gzip data are incomplete"),
    ("zstd", lambda data: data[:-2], "the zstd data are incomplete"),
    ("deflate", lambda data: data[:-5], "the deflate data are incomplete"),
    ("gzip", lambda data: data[:-6] + b"xx" + data[-4:], "the gzip data are damaged"),
    ("gzip", lambda data: data + b"more", "the gzip data are damaged"),
    ("gzip", lambda data: b"[]", "the gzip data are damaged"),
    ("br", lambda data: data, "Content-Encoding: br; supported are gzip, deflate and zstd"),
    ("gzip, gzip", lambda data: data, "Content-Encoding: gzip, gzip;")])
def test_an_answer_that_cannot_be_decoded_is_a_failure(start, redis, origin, coding, change, said):
    data = CODINGS.get(coding, gzip.compress)(items(1))
    origin.answer = lambda path: (200, change(data), {"Content-Encoding": coding})
    run, why = run_job(start, redis, pages(origin))
    assert run["state"] in ("failed", "partial") and said in why, why


def test_a_small_answer_that_becomes_a_huge_one_costs_no_memory(start, redis, origin):
    pack = zlib.compressobj(9, wbits=31)
    bomb = b"".join(pack.compress(b" " * (1 << 20)) for _ in range(150)) + pack.compress(b"null") + pack.flush()
    origin.answer = lambda path: (200, bomb, {"Content-Encoding": "gzip"})
    job = {"name": "j", "key": "x:{id}", "source": pages(origin), "empty": "ok"}
    daemon = start(open_config(redis, f"warm:\n  jobs:\n    - {json.dumps(job)}\n"))
    daemon.wait_redis()
    before = daemon.rss()
    location = daemon.warm().json["runs"][0]["location"]
    answers_until(daemon, lambda: daemon.get(location).json["state"] == "completed", "the run's end")
    assert daemon.rss() - before < 64 << 20


def test_what_asks_for_no_coding_gets_none(start, redis, origin):
    asked = []
    origin.look = lambda handler: asked.append(handler.headers["Accept-Encoding"])
    origin.answer = lambda path: items()
    run_job(start, redis, pages(origin), empty="ok")
    run_job(start, redis, pages(origin, headers={"accept-encoding": "identity"}), empty="ok")
    assert asked == ["gzip, deflate, zstd", "identity"]


def test_the_source_says_when_to_try_again(start, redis, origin):
    times = []

    def answer(path):
        times.append(time.monotonic())
        return (429, b"", {"Retry-After": "1"}) if len(times) < 3 else items(1) if len(times) < 4 else items()

    origin.answer = answer
    run, said = run_job(start, redis, pages(origin), retries={"attempts": 3, "backoff": "10ms"})
    assert (run["state"], said) == ("completed", "") and run["result"]["attempts"] == 3
    # The loop counts whole milliseconds.
    assert times[1] - times[0] >= 0.99 and times[2] - times[1] >= 0.99
    # Beyond the timeout there is no sense in waiting.
    origin.answer = lambda path: (503, b"", {"Retry-After": "Fri, 31 Dec 2099 23:59:59 GMT"})
    run, said = run_job(start, redis, pages(origin), timeout="5s",
                        retries={"attempts": 3, "backoff": "10ms"})
    assert run["state"] == "failed" and run["result"]["attempts"] == 1
    assert "answered 503 with Retry-After: " in said


SECRET = "https://bob:hunter2@s3.example/o?X-Amz-Signature=deadbeef#frag"


def leaks(text):
    return [word for word in ("hunter2", "bob", "deadbeef", "X-Amz", "frag") if word in str(text)]


@pytest.mark.parametrize("location", [
    SECRET, SECRET.replace("https:", ""), "/o?X-Amz-Signature=deadbeef", "https://bob:hunt@er2@h/",
    "https:bob:hunter2", "?X-Amz-Signature=deadbeef", "\\\\bob:hunter2@h\\x", "javascript:bob"])
def test_where_a_redirect_leads_is_told_without_its_secrets(start, redis, origin, location):
    origin.answer = lambda path: (302, b"", {"Location": location})
    job = {"name": "j", "key": "x:{id}", "source": {
        "type": "http", "base_url": origin.url, "path": "/p?X-Amz-Signature=deadbeef"}}
    loader = {"params": ["id"], "key": "u:{id}", "source": {
        "type": "http", "base_url": origin.url, "path": "/{id}?X-Amz-Signature=deadbeef"}}
    daemon = start(open_config(redis, f"warm:\n  jobs:\n    - {json.dumps(job)}\n"
                                      f"loaders: {json.dumps({'user': loader})}\n"))
    daemon.wait_redis()
    run = daemon.warm({"wait": 60}).json["runs"][0]
    reply = daemon.post("/api/v1/cache/results/user", {"params": {"id": "1"}})
    assert "answered 302; redirects are not followed" in run["error"] and "points to " in run["error"]
    assert reply.json["code"] == "source_failed" and "points to" not in str(reply.json)
    until(lambda: "points to" in daemon.log.rpartition("load of user failed")[2], "the log's line")
    for text in (run, reply.json, daemon.get(f"{API}/loaders").json, daemon.log):
        assert not leaks(text), text


def test_what_a_command_says_reaches_operators_and_not_callers(start, redis):
    source = command("sh", "-c", "echo internal detail >&2; exit 3")
    config = "warm:\n  jobs:\n    - " + json.dumps({"name": "j", "key": "x:{id}", "source": source}) \
        + "\nloaders: " + json.dumps({"user": {"key": "u", "source": source}}) + "\n"
    daemon = start(open_config(redis, config))
    daemon.wait_redis()
    run = daemon.warm({"wait": 60}).json["runs"][0]
    assert "exited with status 3 and said: internal detail" in run["error"]
    reply = daemon.post("/api/v1/cache/results/user", {"params": {}})
    assert reply.status == 502 and "exited with status 3" in reply.json["detail"]
    assert "internal detail" not in str(reply.json)
    assert "internal detail" not in str(daemon.get(f"{API}/loaders").json)
    line = daemon.wait_for("load of user failed")
    assert "internal detail" in line


def test_an_empty_text_is_a_value_and_no_key_or_tag(start, redis, folder):
    text = b"id,name,group\n1,,g\n2,b,\n,c,g\n"
    run, _ = run_job(start, redis, file_source(folder, text), value="{name}", tags=["t-{group}"])
    assert (run["result"]["stored"], run["result"]["rejected"]) == (1, 2)
    assert redis("GET", "x:1") == b"" and numbered(redis, 1)
    run, _ = run_job(start, redis, command("printf", '{"id":5,"name":""}\\n{"id":6,"name":null}\\n'),
                     value="{name}")
    assert (run["result"]["stored"], run["result"]["rejected"]) == (1, 1)
    assert redis("GET", "x:5") == b"" and redis("EXISTS", "x:6") == 0


def test_secrets_among_a_commands_arguments_are_not_shown(start, redis, folder):
    secret = "s3cr3t-canary"
    shown = ["--verbose", "--user=cw", "--tokens", "5"]
    argv = ["/bin/true", *shown, f"--password={secret}", "--api-key", secret, f"PGPASSWORD={secret}",
            f"Authorization: Bearer {secret}", f"curl -H 'X-Auth-Token: {secret}' http://h/",
            f"https://bob:{secret}@h/p?access_token={secret}&page=1", f"mysql --password {secret} -e x",
            "--secret=${env:CW_TEST_SECRET}"]
    source = {"type": "http", "base_url": "http://127.0.0.1:1", "path": f"/a?api_key={secret}&n=1"}
    config = open_config(redis, "warm:\n  jobs:\n    - " + json.dumps(
        {"name": "j", "key": "x:{id}", "source": command(*argv), "suspend": True}) + "\n    - "
        + json.dumps({"name": "k", "key": "y:{id}", "source": source, "suspend": True}) + "\n")
    environment = {"CW_TEST_SECRET": "from-the-environment"}
    daemon = start(config, env=environment)
    printed = subprocess.run(
        [os.environ["CACHEWARDEN_BIN"], "--print-config", "--config", daemon.config_path],
        capture_output=True, text=True, check=True, env={**os.environ, **environment}).stdout
    assert secret not in printed and "from-the-environment" not in printed
    assert secret not in daemon.log
    for text in (*shown, "--password=<redacted>", "PGPASSWORD=<redacted>", "page=1", "n=1", "-e x",
                 "Authorization: <redacted>", "${env:CW_TEST_SECRET}"):
        assert text in printed, (text, printed)


def chunked(text):
    half = len(text) // 2
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (text[:half], text[half:])) + b"0\r\n\r\n"


WHOLE = {"jsonl": b'{"id":1}\n{"id":2}\n', "json": b'[{"id":1},{"id":2}]', "csv": b"id,v\n1,a\n2,b\n"}


@pytest.mark.parametrize("text_format", WHOLE)
@pytest.mark.parametrize("framing", ["length", "chunked", "gzip"])
def test_an_answer_that_is_cut_off_is_never_completed(start, redis, origin, text_format, framing):
    text = WHOLE[text_format]
    coded = gzip.compress(text, mtime=0) if framing == "gzip" else text
    body = chunked(coded) if framing != "length" else coded
    headers = {"Connection": "close", "Content-Length": str(len(coded))} if framing == "length" else \
        {"Connection": "close", "Transfer-Encoding": "chunked", "Content-Length": None}
    if framing == "gzip":
        headers["Content-Encoding"] = "gzip"
    source = {"type": "http", "base_url": origin.url, "path": "/", "format": text_format}
    job = {"name": "j", "key": "x:{id}", "source": source, "empty": "ok"}
    daemon = start(open_config(redis, f"warm:\n  jobs:\n    - {json.dumps(job)}\n"))
    daemon.wait_redis()
    for cut in [*range(0, len(body) - 2, 3), len(body)]:
        origin.answer = lambda path: (200, body[:cut], headers)
        state = daemon.warm({"wait": 60}).json["runs"][0]["state"]
        assert (state == "completed") == (cut == len(body)), (cut, state)


def test_an_https_source_is_verified_with_its_own_authority(start, redis, origin, folder):
    authority, other = Authority(folder), Authority(folder, "other")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("localhost", "127.0.0.1"))
    origin.server.socket = context.wrap_socket(origin.server.socket, server_side=True)
    origin.answer = lambda path: items(1)
    source = {"type": "http", "base_url": origin.url.replace("http:", "https:"), "path": "/",
              "rows": "/items"}
    for more in ({}, {"ca": other.certificate}):
        run, said = run_job(start, redis, {**source, **more})
        assert run["state"] == "failed" and "ertificate" in said, run
    run, said = run_job(start, redis, {**source, "ca": authority.certificate})
    assert (run["state"], said) == ("completed", "") and numbered(redis, 1)
