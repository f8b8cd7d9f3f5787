# SPDX-License-Identifier: MIT
"""Uses every feature that needs Redis once, for tests of what Redis may do to any of them."""

import json
import pathlib
import re
import urllib.parse

from harness import API
from topology import TOPOLOGY

CACHE = "/api/v1/cache"
FEATURES = """
cache:
  prune_every: 100ms
  namespaces: [{prefix: "page:", ttl: 1h, stale_for: 10m}]
entities: {user: {field: user_id, keys: ["user:{id}"], tags: ["user-{id}"]}}
dependencies: [{when: "a:{id}", invalidate: ["b:{id}"]}]
loaders:
  one:
    {params: [id], key: "one:{id}", tags: [ones],
     source: {type: command, argv: [echo, '{"id": 1}'], format: json}}
warm:
  jobs:
    - {name: rows, suspend: true, key: "rows:{id}", tags: [rows],
       source: {type: command, argv: [seq, -f, '{"id": %g}', "3"], format: jsonl}}
    - {name: slow, suspend: true, key: "slow:{id}", source: {type: command, argv: [cat, FIFO], format: jsonl}}
"""


# What health calls the features that a request uses: one of them is off where it is refused.
NAMES = (
    (r"(PUT|DELETE) .*/keys/c%3A", ("conditional writes", "storing keys", "deleting keys")),
    (r"GET .*/keys/c%3A", ("reading keys",)),
    (r".* .*/keys/l%3A", ("leases", "storing keys", "deleting keys")),
    (r"PUT .*/keys/|POST .*/mset", ("storing keys",)),
    (r"GET .*/keys/|POST .*/mget", ("reading keys",)),
    (r"GET .*/keys", ("listing keys",)),
    (r"POST .*/expire", ("changing TTLs",)),
    (r"DELETE .*/keys/|POST .*/mdelete", ("deleting keys", "invalidation")),
    (r"POST .*/tags|GET .*/tags/", ("tags",)),
    (r"GET .*/tags", ("the list of tags",)),
    (r".* .*/dependencies", ("stored dependencies",)),
    (r"POST .*/invalidate", ("invalidation", "invalidation by pattern", "tags", "soft invalidation")),
    (r"GET .*/explain", ("explain",)),
    (r".* .*/warm", ("warm runs",)),
    (r".* .*/sessions?", ("sessions",)),
)


def names_of(what):
    """The names of the features that the request `what` uses."""
    return next(names for shape, names in NAMES if re.match(shape, what))


def features_config(url, redis="", fifo="/nonexistent"):
    """Everything allowed on loopback; `redis` is more of that section, `fifo` the rows of "slow"."""
    return f"""
name: test
listen: ["127.0.0.1:0"]
auth: {{anonymous: [read, metrics, keys, write, invalidate, warm, operate, sessions]}}
redis: {{url: "{url}"{redis and ", " + redis}}}
{FEATURES.replace("FIFO", fifo)}
"""


def least_user(redis):
    """Makes the user of the manual's ACL line; returns what the section `redis` needs for it, and
    the commands that the line allows, in lower case."""
    manual = pathlib.Path(__file__).parents[2] / "docs/security.md"
    line = re.search(r"^    (ACL SETUSER cachewarden .*)$", manual.read_text(encoding="utf-8"), re.M)
    words = line.group(1).split()
    if TOPOLOGY == "cluster":
        words += re.search(r"also needs `([^`]+)`", manual.read_text(encoding="utf-8")).group(1).split()
    redis(*words)
    return "username: cachewarden, password: PASSWORD", [w[1:] for w in words if w[0] == "+"]


def name(key):
    return urllib.parse.quote(key, safe="")


class Features:
    """Each method uses one feature, most by several requests; `replies` are what was answered."""

    def __init__(self, daemon):
        self.daemon, self.replies = daemon, []

    def ask(self, method, path, body=None, headers=None):
        reply = self.daemon.request(method, path, body, headers=headers)
        self.replies.append((method + " " + path, reply))
        return reply

    def put(self, key, query="?ttl=60", **headers):
        return self.ask("PUT", f"{CACHE}/keys/{name(key)}{query}", b"value", headers)

    def keys(self):
        self.put("k:1", **{"Surrogate-Key": "t1 t2"})
        self.put("k:2", "?ttl=-1")
        for path in ("/keys/k%3A1", "/keys/k%3A1/ttl", "/keys?match=k:*", "/keys"):
            self.ask("GET", CACHE + path)
        for ttl in 100, -1:
            self.ask("POST", CACHE + "/keys/k%3A1/expire", {"ttl": ttl})
        entries = [{"key": f"k:{i}", "value": "v", "ttl": 60, "tags": ["t1"]} for i in range(3, 6)]
        self.ask("POST", CACHE + "/mset", {"entries": entries})
        self.ask("POST", CACHE + "/mget", {"keys": ["k:1", "k:3", "k:4"]})
        self.ask("POST", CACHE + "/mdelete", {"keys": ["k:3", "k:4"]})
        self.ask("POST", CACHE + "/mdelete", {"keys": ["a:1"], "cascade": True})
        self.ask("DELETE", CACHE + "/keys/k%3A5")
        self.ask("DELETE", CACHE + "/keys/a%3A2?cascade=true")

    def conditions(self):
        self.ask("DELETE", CACHE + "/keys/c%3A1")
        self.put("c:1", **{"If-None-Match": "*"})
        etag = self.ask("GET", CACHE + "/keys/c%3A1").headers["ETag"] or '"none"'
        self.put("c:1", **{"If-Match": etag})
        self.put("c:2", "?ttl=60&nx=true")
        self.ask("DELETE", CACHE + "/keys/c%3A1", headers={"If-Match": etag})

    def leases(self):
        for key in "l:1", "l:2":
            path = f"{CACHE}/keys/{name(key)}"
            self.ask("DELETE", path)
            lease = self.ask("GET", path + "?lease=10").headers["X-Cache-Lease"] or "0" * 32
            if key == "l:1":
                self.put(key, **{"X-Cache-Lease": lease, "Surrogate-Key": "t1"})
            else:
                self.ask("DELETE", path + "/lease", headers={"X-Cache-Lease": lease})

    def results(self):
        for _ in range(2):
            self.ask("POST", CACHE + "/results/one", {"params": {"id": "1"}})
        self.ask("GET", API + "/loaders")

    def tags(self):
        self.put("g:1")
        self.ask("POST", API + "/tags", {"tags": ["t3"], "keys": ["g:1", "g:absent"]})
        self.ask("GET", API + "/tags")
        self.ask("GET", API + "/tags/t3")

    def dependencies(self):
        path = API + "/dependencies/"
        self.ask("PUT", path + "d%3A1", {"dependents": ["d:2", "d:3"]})
        self.ask("POST", path + "d%3A1", {"add": ["d:4"], "remove": ["d:2"], "ttl": 60})
        self.ask("GET", path + "d%3A1")
        self.ask("GET", API + "/dependencies")
        self.put("d:3")
        self.ask("POST", API + "/invalidate", {"dependents_of": ["d:1"]})
        self.ask("DELETE", path + "d%3A1")

    def invalidate(self):
        for more in ({"keys": ["k:1"]}, {"patterns": ["k:*"]}, {"tags": ["t1", "t2"]},
                     {"entities": {"user": 1}}, {"keys": ["page:1"], "soft": True},
                     {"patterns": ["page:*"], "soft": True}, {"tags": ["t2"], "soft": True},
                     {"patterns": ["k:*"], "dry_run": True}, {"patterns": ["k:*"], "verify": True},
                     {"keys": ["a:1", "k:2"], "patterns": ["x:*"], "tags": ["t3"]}):
            self.put("k:1", **{"Surrogate-Key": "t1"})
            self.put("page:1", **{"Surrogate-Key": "t2"})
            self.put("page:2")
            self.ask("POST", API + "/invalidate", more)

    def explain(self):
        self.put("k:1", **{"Surrogate-Key": "t1"})
        return self.ask("GET", API + "/explain/k%3A1")

    def warm(self):
        for _ in range(2):
            self.ask("POST", API + "/warm", {"cache_names": ["rows"], "wait": 20})
        self.ask("GET", API + "/warm")

    def warm_and_write(self, rows, meanwhile):
        """A key is written while a run goes on that has its row; `rows` is the run's file. The run
        lasts until meanwhile() returns."""
        begun = self.ask("POST", API + "/warm", {"cache_names": ["slow"]})
        with open(rows, "w", encoding="ascii") as file:
            file.write(json.dumps({"id": 1}) + "\n")
            file.flush()
            self.put("slow:1")
            meanwhile()
            file.write("".join(json.dumps({"id": i}) + "\n" for i in range(1, 4)))
        return begun.json["runs"][0]["location"]

    def operations(self):
        listed = self.ask("GET", API + "/operations")
        items = listed.json.get("items") or [{"operation_id": "0" * 26}]
        self.ask("GET", API + "/operations/" + items[0]["operation_id"])

    def sessions(self):
        made = self.ask("POST", "/api/v1/sessions", {"user_id": "1", "data": {"a": 1}})
        one = {"X-Session-Id": made.json.get("session_id") or "0" * 43}
        self.ask("GET", "/api/v1/session", headers=one)
        self.ask("PATCH", "/api/v1/session", {"data": {"b": 2}}, headers=one)
        turned = self.ask("POST", "/api/v1/session/rotate", headers=one)
        one = {"X-Session-Id": turned.json.get("session_id") or "0" * 43}
        self.ask("POST", "/api/v1/sessions", {"user_id": "1", "data": {}})
        self.ask("GET", "/api/v1/users/1/sessions")
        self.ask("DELETE", "/api/v1/session", headers=one)
        self.ask("DELETE", "/api/v1/users/1/sessions")

    def figures(self):
        for path in "/stats", "/health":
            self.ask("GET", API + path)
        self.ask("GET", "/metrics")

    def refusals(self):
        """The replies that a denied command is the reason of."""
        return [(what, reply) for what, reply in self.replies
                if reply.body[:1] == b"{" and reply.json.get("code") == "redis_noperm"]

    def all(self):
        for use in (self.keys, self.conditions, self.leases, self.results, self.tags,
                    self.dependencies, self.explain, self.invalidate, self.warm, self.operations,
                    self.sessions, self.figures):
            use()
        return self.replies
