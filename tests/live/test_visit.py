# SPDX-License-Identifier: MIT
"""Mode visit: a run requests an address for each row, stores nothing, and judges by the status."""

import json
import threading
import time

import pytest

from conftest import open_config
from harness import API, until
from origin import Origin


@pytest.fixture
def service():
    served = Origin(lambda path: (200, b"a page"))
    yield served
    served.close()


def config(redis, service, folder, rows, visit=None, **more):
    path = folder + "/rows.jsonl"
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    job = {"name": "j", "mode": "visit", "source": {"type": "file", "path": path},
           "visit": {"use": "site", "path": "/p/{id}", **(visit or {})}, **more}
    source = {"type": "http", "base_url": service.url, "headers": {"X-Warm": "1"}}
    return open_config(redis, "sources: " + json.dumps({"site": source}) +
                       "\nwarm: " + json.dumps({"jobs": [job]}))


def run_job(daemon):
    run = daemon.warm({"wait": 60}).json["runs"][0]
    return run, "; ".join(error["detail"] for error in run["result"]["first_errors"])


def visited(start, redis, service, folder, rows, **more):
    daemon = start(config(redis, service, folder, rows, **more))
    daemon.wait_redis()
    return run_job(daemon)


def numbers(count):
    return [{"id": number} for number in range(count)]


def test_each_row_is_requested_and_nothing_is_stored(start, redis, service, folder):
    seen = []
    service.look = lambda handler: seen.append(handler.headers["X-Warm"])
    rows = [*numbers(100), {"id": "a b/é?"}]
    run, said = visited(start, redis, service, folder, rows[:-1] + [{"id": "a b?"}])
    assert (run["state"], said) == ("completed", ""), run
    assert run["result"]["visited"] == run["result"]["rows"] == 101
    assert run["result"]["stored"] == 0 and redis.keys() == []
    assert dict(service.calls) == {**{f"/p/{n}": 1 for n in range(100)}, "/p/a%20b%3F": 1}
    assert set(seen) == {"1"}


@pytest.mark.parametrize("answer,good", [
    (200, True), (201, True), (202, True), (204, True), (206, True), ((200, b"x" * 300000), True),
    ((200, b"x", {"Content-Encoding": "br"}), True), (301, False), (400, False), (404, False),
    (410, False), (500, False)])
def test_the_status_decides(start, redis, service, folder, answer, good):
    service.answer = lambda path: answer if path == "/p/1" else 200
    run, said = visited(start, redis, service, folder, numbers(3))
    assert run["state"] == ("completed" if good else "partial"), run
    assert run["result"]["visited"] == (3 if good else 2)
    assert good or f"/p/1 answered {answer}" in said


def test_a_row_without_what_the_path_needs_is_rejected(start, redis, service, folder):
    run, said = visited(start, redis, service, folder,
                        [{"id": 1}, {"x": 2}, {"id": None}, {"id": ""}, {"id": ".."}])
    assert run["state"] == "partial" and run["result"]["visited"] == 1, run
    assert run["result"]["rejected"] == 4 and "the row has no id" in said
    assert list(service.calls) == ["/p/1"]


def test_no_success_is_a_failure(start, redis, service, folder):
    service.answer = lambda path: 404
    run, _ = visited(start, redis, service, folder, numbers(3))
    assert run["state"] == "failed" and "no visit succeeded" in run["error"], run


def test_the_window_bounds_the_requests_under_way(start, redis, service, folder):
    now, most, lock, gate = 0, 0, threading.Lock(), threading.Event()

    def answer(_):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        gate.wait(20)
        with lock:
            now -= 1
        return 200

    service.answer = answer
    daemon = start(config(redis, service, folder, numbers(40), window=3))
    daemon.wait_redis()
    path = daemon.warm({}).json["runs"][0]["location"]
    until(lambda: service.total() >= 3, "three visits")
    for _ in range(100):  # turns of the loop in which a fourth could begin
        daemon.get("/livez")
    gate.set()
    run = until(lambda: (now := daemon.get(path).json)["state"] not in ("queued", "running") and now,
                "the run to end")
    assert run["state"] == "completed" and run["result"]["visited"] == 40 and most == 3


def test_retry_after_stops_all_visits_and_the_row_is_tried_again(start, redis, service, folder):
    refused = []

    def answer(path):
        if path == "/p/5" and len(refused) < 2:
            refused.append((service.total(), time.monotonic()))
            return 429, b"", {"Retry-After": "1"}
        if path == "/p/5":
            refused.append((service.total(), time.monotonic()))
        return 200

    service.answer = answer
    run, said = visited(start, redis, service, folder, numbers(50), window=1)
    assert (run["state"], said) == ("completed", "") and run["result"]["visited"] == 50
    # The second try was the next request, and so was the third.
    assert [count for count, _ in refused] == [6, 7, 8] and service.calls["/p/5"] == 3
    times = [when for _, when in refused]
    assert times[1] - times[0] > 0.9 and times[2] - times[1] > 0.9


def test_a_service_that_is_down_is_left_alone(start, redis, service, folder):
    service.answer = lambda path: 503
    run, said = visited(start, redis, service, folder, numbers(1000), window=1)
    assert run["state"] == "failed" and "is not asked for another" in said, run
    # The rows behind them were not even read.
    assert service.total() == 5 and run["result"]["rows"] < 100


def test_a_run_that_is_cancelled_ends_its_visits(start, redis, service, folder):
    gate = threading.Event()
    service.answer = lambda path: gate.wait(20) and 200
    daemon = start(config(redis, service, folder, numbers(100)))
    daemon.wait_redis()
    path = daemon.warm({}).json["runs"][0]["location"]
    until(lambda: service.total() == 8, "eight visits")
    assert daemon.request("DELETE", path).status in (200, 202)
    run = until(lambda: (now := daemon.get(path).json)["state"] not in ("queued", "running") and now,
                "the run to end")
    gate.set()
    assert run["state"] == "cancelled" and run["result"]["visited"] == 0, run
    result = run["result"]
    assert result["rows"] == result["rejected"] and service.total() == 8
    assert daemon.get(API + "/stats").status == 200


@pytest.mark.parametrize("dead", ["loader", "visit", "shared"])
def test_sources_with_equal_names_have_breakers_of_their_own(start, redis, service, folder, dead):
    """One of `sources`, a loader's, and both of a job: one fails, the others are asked as before."""
    service.answer = lambda path: 503 if path.startswith("/" + dead) else (200, b"{}")

    def at(name):
        return {**shared["x"], "path": f"/{name}/{{id}}"}

    shared = {"x": {"type": "http", "base_url": service.url, "breaker": {"open_for": "1m"}}}

    more = {"x": {"params": ["id"], "key": "own:{id}", "source": at("loader")},
            "y": {"params": ["id"], "key": "of:{id}", "source": {"use": "x", "path": "/shared/{id}"}}}
    text = config(redis, service, folder, numbers(8), name="x", visit=at("visit"))
    text = text.replace('"use": "site", ', "").replace("sources: {", "sources: {" + json.dumps(shared)[1:-1] + ", ")
    daemon = start(text + "\nloaders: " + json.dumps(more))
    daemon.wait_redis()
    metric = 'cachewarden_source_breaker_open{source="x"}'
    assert daemon.metric(metric) == 0

    def ask(ids):
        """What each has said that went wrong."""
        said = {"loader": "", "shared": ""}
        for number in ids:
            for name, loader in (("loader", "x"), ("shared", "y")):
                reply = daemon.post(f"/api/v1/cache/results/{loader}", {"params": {"id": number}})
                said[name] += "" if reply.status == 200 else reply.json["detail"]
        said["visit"] = run_job(daemon)[1]
        return said

    for said in (ask(range(6)), ask(range(6, 12))):
        assert all((said[name] != "") == (name == dead) for name in said), said
    assert "different keys" in said[dead], said
    until(lambda: daemon.metric(metric) == 1, "the metric")
    rows = {row["name"]: row["breaker"] for row in daemon.get(API + "/loaders").json["loaders"]}
    assert (rows["x"] != "closed", rows["y"] != "closed") == (dead == "loader", dead == "shared"), rows
