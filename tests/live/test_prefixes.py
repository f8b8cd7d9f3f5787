# SPDX-License-Identifier: MIT
"""Tokens with key_prefixes: they start no work on others' keys, and no answer tells of others."""

import hashlib
import json

import pytest

from harness import API, Daemon, Redis, until
from wire import check_problem

SECRET = "theirs"  # in every name, note, tag and parameter that the token must not see
JOB = "{name: %s, key: '%s', source: {type: file, path: '%s', format: jsonl}}"


def token(name, scopes, extra=""):
    sha = hashlib.sha256(name.encode()).hexdigest()
    return f"    - {{name: {name}, sha256: {sha}, scopes: [{', '.join(scopes)}]{extra}}}"


@pytest.fixture(scope="module")
def daemon(shared_folder):
    redis = Redis(shared_folder, name="prefixes")
    rows = shared_folder + "/rows.jsonl"
    with open(rows, "w", encoding="ascii") as file:
        file.write('{"id": 1}\n{"id": "two"}\n{"id": ""}\n')
    scopes = ["read", "invalidate", "warm", "keys", "write", "operate", "metrics"]
    one = Daemon(shared_folder + "/prefixes", "\n".join([
        'listen: ["127.0.0.1:0"]', f'redis: {{url: "{redis.url}"}}', "auth:", "  tokens:",
        token("all", ["admin"]), token("mine", scopes, ', key_prefixes: ["mine:"]'),
        "warm:", "  jobs:", "    - " + JOB % ("mine", "mine:{id}", rows),
        "    - " + JOB % ("theirs-job", "theirs:{id}", rows),
        "    - " + JOB % ("open", "{id}", rows), "    - " + JOB % ("shorter", "min{id}", rows),
        "    - " + JOB % ("braces", "{{mine:{id}", rows),
        "loaders:", "  mine: {key: 'mine:l:{id}', params: [id], source: {type: file, path: '%s', format: jsonl}}" % rows,
        "  theirs: {key: 'theirs:l:{secret_theirs}', params: [secret_theirs], source: {type: command, argv: ['false'], format: jsonl}}",
    ]) + "\n")
    until(lambda: one.get("/readyz?redis=true").status == 200, "redis")
    yield one
    failure = one.close()
    redis.close()
    assert not failure, failure


def by(daemon, name, method, path, body=None):
    return daemon.request(method, path, body, token=name)


@pytest.mark.parametrize("name", ["theirs-job", "open", "shorter", "braces"])
def test_a_job_of_other_keys_is_refused(daemon, name):
    for names in ([name], ["mine", name]):
        answer = by(daemon, "mine", "POST", API + "/warm", {"cache_names": names, "wait": 20})
        check_problem(answer, 403, "key_outside_prefixes")
    assert by(daemon, "all", "GET", API + "/operations?kind=warm&by=mine").json["items"] == []


def test_without_names_its_own_jobs_start(daemon):
    answer = by(daemon, "mine", "POST", API + "/warm", {"wait": 20})
    assert answer.status == 200 and [run["job"] for run in answer.json["runs"]] == ["mine"]
    # Its own run tells it all.
    operation = by(daemon, "mine", "GET", API + "/operations/" + answer.json["runs"][0]["operation_id"])
    assert operation.json["job"] == "mine" and operation.json["result"]["stored"] == 2


@pytest.fixture(scope="module")
def deeds(daemon):
    """What another does, with a secret in each place where one can stand; its operations' ids."""
    ids = []
    put = daemon.request("PUT", "/api/v1/cache/keys/mine:k", b"v", token="all",
                         headers={"Content-Type": "text/plain", "Surrogate-Key": "shared"})
    assert put.status == 201
    for body in ({"keys": ["theirs:1"]}, {"patterns": ["theirs:*", "*theirs*", "m*heirs"]},
                 {"tags": ["tag-theirs"]}, {"user_id": "theirs"}, {"dependents_of": ["theirs:x"]},
                 {"tags": ["theirs", "shared"], "dry_run": True}):
        answer = by(daemon, "all", "POST", API + "/invalidate", {**body, "note": "note theirs"})
        if answer.status == 400 and "user_id" in body:
            continue
        assert answer.status == 200, answer
        ids.append(answer.json["operation_id"])
    warm = by(daemon, "all", "POST", API + "/warm",
              {"cache_names": ["theirs-job", "mine"], "wait": 20, "note": "note theirs"})
    assert warm.status == 200
    ids += [run["operation_id"] for run in warm.json["runs"]]
    failed = by(daemon, "all", "POST", "/api/v1/cache/results/theirs",
                {"params": {"secret_theirs": "theirs"}})
    assert failed.status == 502
    return ids


def test_no_answer_tells_of_others(daemon, deeds):
    paths = [API + path for path in (
        "/operations", "/operations?limit=1000&by=all", "/warm", "/stats", "/loaders", "/health",
        "/dependencies", "/explain/mine:k", "/dependencies/mine:k?transitive=true", "/tags/shared")]
    paths += [API + "/operations/" + one for one in deeds]
    for path in paths:
        answer = by(daemon, "mine", "GET", path)
        assert answer.status == 200, (path, answer)
        assert SECRET not in answer.body.decode(), (path, answer.body)
    for one in deeds:
        answer = by(daemon, "mine", "DELETE", API + "/operations/" + one)
        assert SECRET not in answer.body.decode(), answer.body
    draft = daemon.request("GET", API + "/health", token="mine",
                           headers={"Accept": "application/health+json"})
    assert draft.status == 200 and SECRET not in draft.body.decode()


def test_another_is_told_all(daemon, deeds):
    text = by(daemon, "all", "GET", API + "/operations").body.decode()
    for what in ("note theirs", '"theirs:*"', '"tag-theirs"', '"theirs-job"'):
        assert what in text
    assert SECRET in by(daemon, "all", "GET", API + "/loaders").body.decode()
    names = [job["name"] for job in by(daemon, "all", "GET", API + "/warm").json["jobs"]]
    assert len(names) == 5
    assert [job["name"] for job in by(daemon, "mine", "GET", API + "/warm").json["jobs"]] == ["mine"]
    assert [one["name"] for one in by(daemon, "mine", "GET", API + "/loaders").json["loaders"]] == ["mine"]


def test_a_cancelled_one_is_told_without_its_note(daemon, folder, start):
    """DELETE's 202 of a run that another has begun."""
    redis = Redis(folder, name="r2")
    try:
        one = start("\n".join([
            'listen: ["127.0.0.1:0"]', f'redis: {{url: "{redis.url}"}}', "auth:", "  tokens:",
            token("all", ["admin"]), token("mine", ["operate", "read"], ', key_prefixes: ["mine:"]'),
            "warm:", "  jobs: [{name: theirs, key: 'x:{id}', source: {type: command, argv: [sleep, '60'], format: jsonl}}]"]) + "\n")
        until(lambda: one.get("/readyz?redis=true").status == 200, "redis")
        run = by(one, "all", "POST", API + "/warm", {"note": "note theirs"}).json["runs"][0]
        answer = by(one, "mine", "DELETE", API + "/operations/" + run["operation_id"])
        assert answer.status == 202 and SECRET not in json.dumps(answer.json), answer
        joined = by(one, "all", "GET", API + "/operations/" + run["operation_id"])
        assert joined.json["note"] == "note theirs"
    finally:
        redis.close()
