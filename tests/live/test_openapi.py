# SPDX-License-Identifier: MIT
"""docs/openapi.yaml: served as it is, valid by the schema of OpenAPI itself, and true: each of its
operations is called, and what was sent and answered is compared with its schemas."""

import copy
import hashlib
import os
import re

import jsonschema
import pytest
import yaml

from client import ROOT
from harness import API, open_config, until

CACHE = "/api/v1/cache"
TOKEN = "all of it"
OFFICIAL = "/usr/share/openapi-specification/schemas/v3.0/schema.yaml"
METHODS = ("get", "put", "post", "patch", "delete")
JOBS = """
stats: {interval: 100ms, namespaces: {every: 300ms}}
cache: {namespaces: [{prefix: "user:", ttl: 1h, stale_for: 10m}]}
entities: {user: {field: user_id, keys: {profile: "user:profile:{id}"}, tags: ["user-{id}"]}}
dependencies: [{when: "user:profile:{id}", invalidate: ["user:groups:{id}"]}]
warm:
  jobs:
    - {name: rows, source: {type: command, argv: [printf, '{"id": 1}\\n'], format: jsonl}, key: "rows:{id}",
       schedule: {every: 1h}}
    - {name: slow, suspend: true, source: {type: command, argv: [sleep, "600"]}, key: "slow:{id}"}
loaders: {row: {key: "row:{id}", params: [id], source: {type: command, argv: [printf, '{"id": 1}\\n']}}}
"""


def text():
    with open(os.path.join(ROOT, "docs", "openapi.yaml"), encoding="utf-8") as file:
        return file.read()


DOCUMENT = yaml.safe_load(text())


def test_it_is_served_to_all_as_it_is(start, redis):
    daemon = start(re.sub(r"anonymous: \[.*?\]", "anonymous: []", open_config(redis)))
    reply = daemon.get("/openapi.yaml")
    assert reply.status == 200 and reply.body.decode() == text()
    assert reply.headers["Content-Type"] == "application/yaml"


# The document itself ----------------------------------------------------------------------------


def strip(value):
    """The document with its schemas left empty, which are JSON Schema 2020-12 in 3.1 and something
    else in 3.0; the rest has the same form in both."""
    if isinstance(value, list):
        return [strip(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: {} if key == "schema" else strip(each) for key, each in value.items()}


def test_its_structure_is_that_of_openapi():
    """The schema of 3.0, the newest that Debian 12 has: what is new in 3.1 is taken out before."""
    with open(OFFICIAL, encoding="utf-8") as file:
        official = yaml.safe_load(file)
    document = strip(copy.deepcopy(DOCUMENT))
    document["openapi"] = "3.0.3"
    del document["info"]["summary"], document["info"]["license"]["identifier"]
    document["components"]["schemas"] = {}
    jsonschema.Draft4Validator.check_schema(official)
    problems = list(jsonschema.Draft4Validator(official).iter_errors(document))
    assert not problems, problems[:3]
    document["paths"]["/livez"]["get"]["responses"] = {}
    assert list(jsonschema.Draft4Validator(official).iter_errors(document))


def schemas(value):
    if isinstance(value, list):
        for each in value:
            yield from schemas(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "schema":
                yield each
            else:
                yield from schemas(each)


def resolve(value):
    while isinstance(value, dict) and "$ref" in value:
        target = DOCUMENT
        for step in value["$ref"][2:].split("/"):
            target = target[step]
        value = target
    return value


def test_its_schemas_are_valid_and_all_references_lead_somewhere():
    for schema in [*schemas(DOCUMENT["paths"]), *schemas(DOCUMENT["components"]),
                   *DOCUMENT["components"]["schemas"].values()]:
        jsonschema.Draft202012Validator.check_schema(schema)
    references = set(re.findall(r'\$ref: "(#/[^"]*)"', text()))
    for reference in references:
        resolve({"$ref": reference})
    named = {f"#/components/{kind}/{name}" for kind, all_of in DOCUMENT["components"].items()
             for name in all_of if kind != "securitySchemes"}
    assert references == named


def test_operation_ids_are_unique_and_path_parameters_complete():
    ids = [item[method]["operationId"] for item in DOCUMENT["paths"].values() for method in item if method in METHODS]
    assert len(ids) == len(set(ids))
    for path, item in DOCUMENT["paths"].items():
        for method in item.keys() & set(METHODS):
            found = [resolve(each) for each in item.get("parameters", []) + item[method].get("parameters", [])]
            assert sorted(each["name"] for each in found if each["in"] == "path") == \
                sorted(re.findall(r"\{(\w+)\}", path)), path


# Requests and answers ---------------------------------------------------------------------------


def closed(schema):
    """Objects whose members are listed have no others."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(each) for key, each in schema.items()}
    if "properties" in schema and "additionalProperties" not in schema and "allOf" not in schema:
        found["unevaluatedProperties"] = False
    return found


def check(value, schema, strict, what):
    # A schema that others are made of must stay open.
    parts = {name: closed(each) if strict and name not in ("Alert", "KeyShare", "KeySample", "ServerAnswers") else each
             for name, each in DOCUMENT["components"]["schemas"].items()}
    whole = {"allOf": [closed(schema) if strict else schema], "components": {"schemas": parts}}
    problems = list(jsonschema.Draft202012Validator(whole).iter_errors(value))
    assert not problems, f"{what}: {problems[0].message} at {list(problems[0].absolute_path)}"


class Caller:
    def __init__(self, daemon):
        self.daemon, self.called = daemon, set()

    def __call__(self, name, body=None, headers=None, query="", status=None, **names):
        """Calls an operation by METHOD and path, and compares the body and the answer."""
        method, path = name.split(" ")
        operation = DOCUMENT["paths"][path][method.lower()]
        if isinstance(body, dict):
            content = resolve(operation["requestBody"])["content"]
            check(body, content.get("application/json", {}).get("schema", {}), False, "the body of " + name)
        reply = self.daemon.request(method, path.format(**names) + query, body, headers, TOKEN)
        assert reply.status == status if status else reply.status < 300, (name, reply)
        answers = operation["responses"]
        assert reply.status < 300 or "default" in answers or str(reply.status) in answers, name
        answer = resolve(answers.get(str(reply.status)) or answers["default"])
        kind = reply.headers.get("Content-Type", "").split(";")[0]
        content = answer.get("content", {})
        if reply.body:
            assert kind in content or "*/*" in content, (name, kind)
            schema = content.get(kind, content.get("*/*"))["schema"]
            check(reply.json if "json" in kind else reply.body.decode(), schema, True, name)
        else:
            assert not content, (name, reply)
        self.called.add(name)
        return reply


@pytest.fixture
def call(start, redis, folder):
    tokens = f"tokens: [{{name: all, sha256: {hashlib.sha256(TOKEN.encode()).hexdigest()}, scopes: [admin]}}], "
    audit = f'audit: {{path: "{folder}/audit.jsonl"}}\n'
    daemon = start(open_config(redis, JOBS + audit).replace("auth: {", "auth: {" + tokens))
    daemon.wait_redis()
    return Caller(daemon)


def see(call):
    for path in ("/livez", "/metrics", "/openapi.yaml", API + "/stats", API + "/health", API + "/alerts", API + "/debug",
                 API + "/doctor", API + "/config", API + "/protected", API + "/loaders", API + "/warm", API + "/pause", API + "/tags",
                 API + "/dependencies", API + "/clients", API + "/slowlog", API + "/latency"):
        call("GET " + path)
    call(f"GET {API}/audit")
    call(f"GET {API}/events", headers={"Accept": "application/json"})
    call("GET /")
    call("GET /ui/{file}", file="app.js")
    call("GET /ui/{file}", file="none", status=404)
    call("GET /readyz", query="?redis=true")
    call.daemon.request("PUT", CACHE + "/keys/counter", b"1", token=TOKEN)
    until(lambda: (found := call(f"GET {API}/namespaces").json)["state"] == "complete"
          and found["unmatched"]["names"], "a sample of the keys")
    call(f"GET {API}/stats", query="?history=1m&step=10s&namespaces=true")


def cache(call):
    key = CACHE + "/keys/{key}"
    assert call("PUT " + key, b"one", key="user:profile:1", query="?ttl=60").status == 201
    call("PUT " + key, b"one", {"Surrogate-Key": "red"}, key="user:profile:1")
    call("GET " + key, key="user:profile:1")
    call("GET " + key, key="nowhere", status=404)
    call("PUT " + key, b"one", key="user:profile:1", query="?ttl=0", status=400)
    lease = call("GET " + key, key="nowhere", query="?lease=10", status=404).headers["X-Cache-Lease"]
    call(f"DELETE {key}/lease", headers={"X-Cache-Lease": lease}, key="nowhere")
    call(f"GET {key}/ttl", key="user:profile:1")
    call(f"POST {key}/expire", {"ttl": 100}, key="user:profile:1")
    call(f"GET {CACHE}/keys", query="?match=user:*&only=persistent")
    call(f"POST {CACHE}/mset", {"entries": [{"key": "b", "value": "x", "ttl": 60, "tags": ["red"]}]})
    call(f"POST {CACHE}/mget", {"keys": ["b", "none"]})
    call(f"POST {CACHE}/mdelete", {"keys": ["none"]})
    call(f"POST {CACHE}/key", {"entity": "user", "name": "profile", "id": 7})
    call(f"POST {CACHE}/results/{{loader}}", {"params": {"id": 1}}, loader="row")
    call(f"POST {CACHE}/results/{{loader}}", {"params": {}}, loader="row", status=400)
    call(f"POST {API}/tags", {"tags": ["red"], "keys": ["b"]})
    call(f"GET {API}/tags/{{tag}}", tag="red")
    dependencies = API + "/dependencies/{key}"
    call("PUT " + dependencies, {"dependents": ["menu"]}, key="user:profile:1")
    call("POST " + dependencies, {"add": ["page"], "remove": ["menu"], "ttl": -1, "note": "n"}, key="user:profile:1")
    call("GET " + dependencies, key="user:profile:1", query="?transitive=true")
    call(f"GET {API}/dependencies")
    call(f"GET {API}/explain/{{key}}", key="user:profile:1")
    call("DELETE " + dependencies, key="user:profile:1")
    call("DELETE " + key, key="b")


def operate(call):
    preview = call(f"POST {API}/invalidate", {"patterns": ["user:*"], "entities": {"user": [1, "2"]}, "dry_run": True}).json
    call(f"POST {API}/invalidate", {"patterns": ["user:*"], "entities": {"user": [1, "2"]}, "confirm": preview["confirm"],
                                    "pace": {"max_latency_ms": 1}, "note": "because", "wait": 20})
    call(f"POST {API}/invalidate", {"keys": ["a"], "spread": 60, "rewarm": ["rows"]})
    call(f"POST {API}/expire", {"patterns": ["user:*"], "ttl": 60, "only": "longer", "jitter": 0.1, "max_keys": 10})
    call(f"POST {API}/invalidate", {"keys": ["a"], "unknown": 1}, status=400)
    call(f"POST {API}/expire", {"patterns": ["user:*"], "ttl": 3600, "only": "all", "jitter": 0.1, "wait": 20})
    assert call(f"POST {API}/warm", {"cache_names": ["rows"], "wait": 20}).status == 200
    run = call(f"POST {API}/warm", {"cache_names": ["slow"], "note": "try"}).json["runs"][0]
    call(f"GET {API}/operations/{{id}}", id=run["operation_id"])
    call(f"DELETE {API}/operations/{{id}}", {"note": "enough"}, id=run["operation_id"])
    call(f"GET {API}/operations", query="?limit=10&since=1h")
    call(f"GET {API}/warm")
    call(f"POST {API}/pause", {"what": ["warming"], "for": 60, "note": "later"})
    call(f"POST {API}/resume", {"what": ["warming"]})
    call(f"POST {API}/reload", {"note": "again"})
    call("POST /api/v1/login", {"token": TOKEN})
    call("GET /api/v1/login")
    call("DELETE /api/v1/login")


def sessions(call):
    one = call("POST /api/v1/sessions", {"user_id": 42, "data": {"a": 1}, "ttl": 600, "max_age": 6000}).json
    head = {"X-Session-Id": one["session_id"]}
    call("GET /api/v1/session", headers=head, query="?touch=false")
    call("PATCH /api/v1/session", {"data": {"a": None}, "user_id": "42", "ttl": 700}, head)
    new = call("POST /api/v1/session/rotate", {"grace": 0}, head).json
    user = "/api/v1/users/{user_id}/sessions"
    call("GET " + user, user_id="42")
    call(f"DELETE {user}/{{ref}}", user_id="42", ref=new["ref"])
    call("DELETE " + user, user_id="42", query="?except=" + new["ref"])
    call("DELETE /api/v1/session", headers={"X-Session-Id": new["session_id"]})


def test_every_operation_answers_as_described(call):
    for part in (see, cache, operate, sessions):
        part(call)
    missing = {f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item
               if method in METHODS} - call.called
    assert not missing, "operations that are not called here: " + ", ".join(sorted(missing))
