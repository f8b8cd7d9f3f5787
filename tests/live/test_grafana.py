# SPDX-License-Identifier: MIT
"""docs/grafana.json and /metrics with a real Prometheus: each query of the dashboard finds something,
promtool has nothing to say, and the names that other dashboards of Redis use are there."""

import hashlib
import json
import os
import re
import subprocess
import urllib.parse
import urllib.request

import pytest

from client import ROOT
from harness import API, DEADLINE, free_port, open_config, until

# What the dashboard grafana.com/dashboards/763 asks for, and redis_exporter's mixin beside it.
ELSEWHERE = """redis_uptime_in_seconds redis_connected_clients redis_blocked_clients redis_memory_used_bytes
redis_memory_max_bytes redis_commands_total redis_commands_duration_seconds_total redis_keyspace_hits_total
redis_keyspace_misses_total redis_net_input_bytes_total redis_net_output_bytes_total redis_db_keys redis_db_keys_expiring
redis_expired_keys_total redis_evicted_keys_total redis_up redis_memory_used_rss_bytes redis_connected_slaves
redis_total_system_memory_bytes redis_instance_info""".split()
CONFIG = """
stats: {interval: 100ms, namespaces: {every: 10s}}
audit: {path: "%s/audit.jsonl"}
cache: {warn_value_bytes: 1KiB, prune_every: 1s}
sources: {rows: {type: command, argv: [printf, '{"id": 1}\\n'], format: jsonl}}
warm: {jobs: [{name: rows, source: {use: rows}, key: "rows:{id}"}]}
loaders: {row: {key: "row:{id}", params: [id], source: {type: command, argv: [printf, '{"id": 1}\\n']}}}
alerts: [{alert: Always, metric: build_info, above: 0, for: 0s}]
notify: [{webhook: "http://127.0.0.1:1/"}]
"""


def dashboard():
    with open(os.path.join(ROOT, "docs", "grafana.json"), encoding="utf-8") as file:
        return json.load(file)


def queries():
    found = [(panel["title"], target["expr"]) for panel in dashboard()["panels"]
             for target in panel.get("targets", [])]
    return found + [("annotation " + each["name"], each["expr"]) for each in dashboard()["annotations"]["list"]]


def test_the_dashboard_is_laid_out():
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


@pytest.fixture
def daemon(start, redis, folder):
    token = "{name: t, sha256: %s, scopes: [read], expires: 2999-01-01}" % hashlib.sha256(b"t").hexdigest()
    config = open_config(redis, CONFIG % folder).replace("auth: {", "auth: {tokens: [%s], " % token)
    return start(config.replace(f'"{redis.url}"', f'"{redis.url}", memory_limit: 1GiB'), https=True)


def busy(daemon, redis):
    """All that the dashboard shows has happened."""
    daemon.request("PUT", "/api/v1/cache/keys/big", b"x" * 5000, headers={"Surrogate-Key": "tag"})
    for key in ("big", "nowhere"):
        redis("GET", key)
    assert daemon.warm({"wait": 20}).json["state"] == "completed"
    assert [daemon.get("/api/v1/cache/keys/rows:" + id).status for id in "12"] == [200, 404]
    assert daemon.post("/api/v1/cache/results/row", {"params": {"id": 1}}).status == 200
    assert daemon.invalidate({"patterns": ["none:*"]}).status == 200
    assert daemon.post(API + "/pause", {"what": ["warming"], "for": 60}).status == 200
    assert daemon.post(API + "/reload").status == 200


@pytest.fixture
def prometheus(folder, daemon):
    """Scrapes the daemon often; ask(query) gives the result."""
    path, port = os.path.join(folder, "prometheus.yml"), free_port()
    with open(path, "w", encoding="utf-8") as file:
        file.write("global: {scrape_interval: 500ms, scrape_timeout: 500ms}\nscrape_configs:\n"
                   "  - job_name: cachewarden\n    scheme: https\n    tls_config: {insecure_skip_verify: true}\n"
                   "    static_configs: [{targets: ['%s:%d']}]\n" % daemon.address)
    process = subprocess.Popen(
        ["prometheus", "--config.file", path, "--storage.tsdb.path", os.path.join(folder, "tsdb"),
         "--web.listen-address", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(query):
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it is starting
                return None
            raise AssertionError(f"{query}: {error.read()!r}") from error
        except (urllib.error.URLError, ConnectionError):
            return None

    until(lambda: ask("up == 1"), "a first scrape")
    yield ask
    process.kill()
    process.wait()


# Of these nothing is there on one machine within a short while: no limit of Redis's own.
EMPTY = {"redis_memory_max_bytes{instance=~\".*\"} > 0"}


def test_every_query_finds_something(daemon, redis, prometheus):
    busy(daemon, redis)
    for title, query in queries():
        query = query.replace("$instance", ".*").replace("$__rate_interval", "5m")
        assert "$" not in query, query
        if query in EMPTY:
            assert prometheus(query) == [], title
            continue
        until(lambda: prometheus(query), f"{title}: {query}")


def test_metrics_are_what_promtool_expects(daemon, redis):
    busy(daemon, redis)
    daemon.wait_redis()
    until(lambda: b"redis_commands_total" in daemon.get("/metrics").body, "figures of Redis")
    text = daemon.get("/metrics").body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    names = set(re.findall(r"^(\w+)[{ ]", text.decode(), re.M))
    assert set(ELSEWHERE) <= names, set(ELSEWHERE) - names
