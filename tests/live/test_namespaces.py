# SPDX-License-Identifier: MIT
"""Figures by namespace: what the sample of the keys says of a real Redis, and what it must not say."""

import hashlib
import json
import random
import threading

import pytest

from cluster import SLOTS, slot_of
from conftest import open_config
from harness import API, SOAK, until

TOKEN = "cw_" + "n" * 43


def sampling(every="300ms", **more):
    more = "".join(f", {name}: {json.dumps(value)}" for name, value in more.items())
    return f"stats: {{interval: 100ms, namespaces: {{every: {every}{more}}}}}\n"


def namespaces(daemon, query="", **kw):
    reply = daemon.get(API + "/namespaces" + query, **kw)
    assert reply.status == 200, reply
    return reply.json


def complete(daemon, enough=lambda answer: True, query="", **kw):
    """The figures of a complete sample that began after this call, once they are `enough`."""
    before = namespaces(daemon, query, **kw)
    known = before["sample"] and before["sample"]["ended"]

    def look():
        answer = namespaces(daemon, query, **kw)
        return (answer["state"] == "complete" and answer["sample"]["ended"] != known
                and enough(answer) and answer)

    return until(look, "a sample")


def by_name(answer):
    return {item["namespace"]: item for item in answer["items"]}


def test_a_small_database_is_looked_at_completely(start, redis):
    redis.fill(40, key="user:{}", ttl=1800)
    redis.fill(20, key="user:{}:cart", ttl=0)
    redis.fill(10, key="product:{}", ttl=30)
    for key in "counter", "other":
        redis("SET", key, "1")
    daemon = start(open_config(redis, sampling() + """
cache: {namespaces: [{prefix: "product:", ttl: 1h}, {prefix: "empty:", ttl: 1h}]}
"""))
    answer = complete(daemon, lambda a: a["sample"]["keys"] >= 72)
    items = by_name(answer)
    assert answer["sample"]["method"] == "scan"
    keys = {name: item["keys"] for name, item in items.items() if item["kind"] != "own"}
    assert keys == {name: {"value": n, "low": n, "high": n} for name, n in {
        "user:*": 40, "user:*:cart": 20, "product:": 10, "empty:": 0}.items()}
    assert items["product:"]["kind"] == "configured" and items["user:*"]["kind"] == "detected"
    assert items["user:*"]["ttl"]["up_to_1h"] == items["user:*:cart"]["ttl"]["none"] == 1
    assert items["product:"]["ttl"]["up_to_1m"] == 1
    used = sum(redis("MEMORY", "USAGE", f"user:{i}") for i in range(40))
    assert items["user:*"]["bytes"] == {"value": used, "low": used, "high": used}
    assert items["user:*"]["mean_bytes"] == pytest.approx(used / 40, abs=0.1)
    assert items["user:*"]["idle"] == 0 and items["empty:"]["mean_bytes"] is None
    assert answer["unmatched"]["sampled"] == 2
    assert {name["key"] for name in answer["unmatched"]["names"]} == {"counter", "other"}
    assert answer["all"]["keys"]["value"] == answer["sample"]["of"] == answer["sample"]["keys"]
    assert sum(node["keys"] for node in answer["nodes"]) == answer["sample"]["of"]
    assert [node["name"] for node in answer["nodes"]] == redis.names
    assert answer["hot"] == {"method": None, "keys": []}
    assert (answer["slots"] is None) == (redis.primaries == 1)
    explained = daemon.get(API + "/explain/user:1:cart").json["counted_in"]
    assert explained == {"namespace": "user:*:cart", "kind": "detected"}
    series = "cachewarden_namespace_keys{namespace=\"user:*\"}"
    until(lambda: daemon.metric(series) == 40, "the metric")
    assert daemon.metric('redis_key_group_count{db="db0",key_group="user:*:cart"}') == 20
    assert daemon.metric('redis_key_group_count{db="db0",key_group="unclassified"}') == 2
    assert daemon.metric('cachewarden_namespace_bytes{namespace="user:*"}') == used
    assert daemon.metric("cachewarden_namespaces_sampled_keys") == answer["sample"]["keys"]
    assert daemon.metric("cachewarden_namespaces_age_seconds") >= 0


def test_more_keys_are_sampled_at_random(start, redis):
    redis.fill(3000, key="a:{}", ttl=0)
    redis.fill(1000, key="b:{}", value="x" * 1000, ttl=1800)
    daemon = start(open_config(redis, sampling(sample=1000)))
    answer = complete(daemon)
    items, sample = by_name(answer), answer["sample"]
    assert sample["method"] == "randomkey" and sample["keys"] >= 1000
    # Five standard deviations: one sample of two million is further off.
    assert abs(items["a:*"]["share"]["value"] - 0.75) < 0.07
    assert items["a:*"]["share"]["low"] < items["a:*"]["share"]["value"] < items["a:*"]["share"]["high"]
    assert abs(items["b:*"]["keys"]["value"] - 1000) < 280
    real = redis("MEMORY", "USAGE", "b:1")
    assert items["b:*"]["mean_bytes"] == pytest.approx(real, rel=0.05)
    assert items["a:*"]["ttl"]["none"] == items["b:*"]["ttl"]["up_to_1h"] == 1
    sampled = {node["name"]: node["sampled"] for node in answer["nodes"]}
    assert set(sampled) == set(redis.names) and sum(sampled.values()) == sample["keys"]
    assert all(n > 0.5 * sample["keys"] / redis.primaries for n in sampled.values())


@pytest.mark.topology("cluster", why="slots")
def test_the_largest_slots_of_a_cluster(start, redis):
    redis.fill(50, key="{{same}}:{}")
    redis.fill(200, key="a:{}")
    slot = slot_of(b"same")
    daemon = start(open_config(redis, sampling()))
    answer = complete(daemon, lambda a: a["slots"]["largest"][:1]
                      and a["slots"]["largest"][0]["slot"] == slot
                      and a["sample"]["keys"] >= 250)
    largest = answer["slots"]["largest"]
    if answer["slots"]["method"] == "sample":
        assert largest[0]["keys"]["value"] == 50 and answer["slots"]["busiest"] == []
        assert largest[0]["cpu_ms"] is None
    assert len(largest) <= 20 and all(one["node"] in redis.names for one in largest)


@pytest.mark.parametrize("full", [False, True], ids=["room", "full"])
@pytest.mark.parametrize("denied", ["", "-eval"], ids=["all", "no scripts"])
def test_the_sample_is_in_nobodys_hit_rate(start, redis, full, denied):
    redis.fill(300, key="a:{}")
    redis.fill(10, key="b:{}")
    if denied:
        redis("ACL", "SETUSER", "default", denied)
    if full:
        redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
        redis("CONFIG", "SET", "maxmemory", 1)
    daemon = start(open_config(redis, sampling(sample=100)))
    complete(daemon)
    complete(daemon)
    stats = until(lambda: (s := daemon.stats()["redis"]) and s["hits"] is not None and s, "stats")
    # Redis has counted some hundred lookups of ours.
    found = sum(int(line.split(b":")[1]) for line in redis("INFO", "stats").split(b"\r\n")
                if line.startswith(b"keyspace_hits"))
    assert found > 100
    assert stats["hits"] < 20, (stats["hits"], found)


def test_what_is_read_through_the_daemon_is_counted_exactly(start, redis):
    redis.fill(10, key="user:{}")
    daemon = start(open_config(redis, sampling() + "cache: {namespaces: [{prefix: \"p:\", ttl: 1h}]}\n"))
    redis("SET", "alone", "1")
    keys = "/api/v1/cache/keys/"
    for i in range(15):
        assert daemon.get(f"{keys}user:{i}").status == (200 if i < 10 else 404)
    for key in "p:1", "p:2", "alone", "nowhere:1", "nothing":
        daemon.get(keys + key)
    daemon.post("/api/v1/cache/mget", {"keys": ["user:1", "user:99", "p:1"]})
    answer = complete(daemon, lambda a: "nowhere:*" in by_name(a))
    items = by_name(answer)
    assert items["user:*"]["daemon"] == {"hits": 11, "misses": 6, "hit_rate": 0.6471}
    assert items["p:"]["daemon"] == {"hits": 0, "misses": 3, "hit_rate": 0}
    assert answer["unmatched"]["daemon"] == {"hits": 1, "misses": 1, "hit_rate": 0.5}
    # No key of its namespace exists.
    assert items["nowhere:*"]["daemon"] == {"hits": 0, "misses": 1, "hit_rate": 0}
    assert items["nowhere:*"]["keys"]["value"] == 0
    assert answer["overflow"]["daemon"] == {"hits": 0, "misses": 0, "hit_rate": None}
    series = "cachewarden_namespace_lookups_total{namespace=\"%s\",result=\"%s\"}"
    until(lambda: daemon.metric(series % ("user:*", "miss")) == 6, "the metric")
    assert daemon.metric(series % ("user:*", "hit")) == 11


def test_pages_order_and_stats(start, redis):
    redis.fill(5, key="many:{}", value="{}")
    redis.fill(2, key="large:{}", value="x" * 10000)
    redis.fill(1, key="one:{}")
    daemon = start(open_config(redis, sampling()))
    complete(daemon, lambda a: a["sample"]["keys"] >= 8)
    names = [item["namespace"] for item in namespaces(daemon)["items"] if item["kind"] != "own"]
    assert names == ["many:*", "large:*", "one:*"]
    assert namespaces(daemon, "?sort=bytes")["items"][0]["namespace"] == "large:*"
    first = namespaces(daemon, "?limit=1")
    second = namespaces(daemon, f"?limit=1&cursor={first['next']}")
    assert len(first["items"]) == len(second["items"]) == 1
    assert first["items"] != second["items"]
    assert namespaces(daemon, "?limit=1&cursor=999")["next"] is None
    stats = daemon.get(API + "/stats?namespaces=true&history=1m").json
    assert {"state", "sample", "items", "biggest"} <= set(stats["namespaces"]) and stats["history"]
    assert "namespaces" not in daemon.get(API + "/stats?namespaces=false").json
    for query in "sort=size", "limit=0", "limit=1001", "cursor=x", "what=1":
        reply = daemon.get(f"{API}/namespaces?{query}")
        assert reply.status == 400 and query.split("=")[0] in reply.json["detail"], reply


def test_the_biggest_and_the_hottest_are_named(start, tuned):
    redis = tuned("--maxmemory", "200mb", "--maxmemory-policy", "allkeys-lfu")
    redis.fill(50, key="small:{}")
    redis("SET", "blob:1", b"x" * 3_000_000)
    redis("SET", b"blob:\xff\x00\"\n", b"x" * 2_000_000)
    for _ in range(3000):
        redis("GET", "small:7")
    daemon = start(open_config(redis, sampling()))
    answer = complete(daemon, lambda a: a["hot"]["method"] == "lfu")
    assert [name["key"] for name in answer["biggest"][:2]] == ["blob:1", "YmxvYjr_ACIK"]
    assert [name["key_encoding"] for name in answer["biggest"][:2]] == ["utf-8", "base64url"]
    assert answer["big_values"]["sampled"] == answer["big_values"]["keys"]["value"] == 2
    assert answer["hot"]["keys"][0]["key"] == "small:7"
    assert answer["hot"]["keys"][0]["frequency"] > answer["hot"]["keys"][1]["frequency"]
    assert all(item["idle"] is None for item in answer["items"])


def test_hostile_names_are_shown_safely(start, redis):
    hostile = [b"<script>alert()</script>:1", b'q"uo\\te:1', b"new\nline:2", b"nul\0:3",
               b"\xff\xfe:4", b"\xe2\x80\xae:5", b"w" * 500 + b":1", b"x" * 2000, b":" * 300]
    for key in hostile:
        redis("SET", key, "v")
    daemon = start(open_config(redis, sampling()))
    answer = complete(daemon, lambda a: a["sample"]["keys"] >= 8)
    names = set(by_name(answer))
    assert {"<script>alert()</script>:*", 'q"uo\\te:*', "*:*"} <= names
    assert all(len(name) <= 128 for name in names)
    # A control byte makes an id of a segment, so that it is in no name.
    assert not any(ord(c) < 32 for name in names for c in name)
    text = daemon.get("/metrics").body.decode()
    assert 'namespace="q\\"uo\\\\te:*"' in text
    for line in text.splitlines():
        assert line.startswith("#") or float(line.rsplit(" ", 1)[1]) is not None


def test_names_are_those_that_the_caller_may_see(start, redis):
    redis.fill(10, key="mine:{}")
    redis.fill(10, key="theirs:{}")
    redis("SET", "session:" + "0" * 64, "x" * 5000)
    redis("SET", "alone", "x" * 6000)
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    token = f'{{name: t, sha256: {digest}, scopes: [read], key_prefixes: ["mine:"]}}'
    daemon = start(open_config(redis, sampling()).replace(
        "anonymous:", f"tokens: [{token}], anonymous:"))
    everyone = complete(daemon, lambda a: a["sample"]["keys"] >= 22)
    assert {"mine:*", "theirs:*", "session:*"} <= set(by_name(everyone))
    shown = [name["key"] for name in everyone["biggest"]]
    assert shown[0] == "alone" and not any(key.startswith(("session:", "cw:")) for key in shown)
    one = namespaces(daemon, token=TOKEN)
    assert set(by_name(one)) == {"mine:*"}
    assert all(name["key"].startswith("mine:") for name in one["biggest"])
    assert one["unmatched"]["names"] == []


def test_it_can_be_off_and_a_reload_turns_it_on(start, redis):
    redis.fill(10, key="a:{}")
    config = open_config(redis, sampling("0s"))
    daemon = start(config)
    assert namespaces(daemon)["state"] == "off" and namespaces(daemon)["items"] == []
    daemon.configure(config.replace("every: 0s", "every: 300ms, separator: \"/\""))
    assert daemon.post(API + "/reload").status == 200
    assert complete(daemon)["unmatched"]["sampled"] >= 10
    daemon.configure(config)
    assert daemon.post(API + "/reload").status == 200
    until(lambda: namespaces(daemon)["sample"] is None, "the figures to go")
    assert daemon.metric("cachewarden_namespaces_sampled_keys") is None


def test_an_outage_keeps_the_last_figures_and_says_why(start, redis):
    redis.fill(10, key="a:{}")
    daemon = start(open_config(redis, sampling()))
    complete(daemon, lambda a: "a:*" in by_name(a))
    redis.kill()
    daemon.wait_redis("down")
    answer = until(lambda: (a := namespaces(daemon)) and a["reason"] and a, "the reason")
    assert by_name(answer)["a:*"]["keys"]["value"] == 10
    redis.start()
    assert complete(daemon)["reason"] is None


@pytest.mark.topology("server", "tls", "sentinel", why="sets up an ACL user on one server")
def test_what_the_acl_denies_is_null(start, redis):
    redis.fill(300, key="a:{}")
    redis("ACL", "SETUSER", "default", "-memory", "-object")
    daemon = start(open_config(redis, sampling(sample=100)))
    answer = complete(daemon)
    item = by_name(answer)["a:*"]
    assert item["keys"]["value"] == pytest.approx(300, rel=0.1)
    assert item["bytes"] == {"value": None, "low": None, "high": None} and item["idle"] is None
    assert item["ttl"]["up_to_1h"] == 1
    redis("ACL", "SETUSER", "default", "-randomkey")
    until(lambda: "randomkey" in (namespaces(daemon)["reason"] or "").lower(), "the reason")


# Hit rates of clients ------------------------------------------------------------------------


class Reader(threading.Thread):
    """Looks keys up over connections of its own, as a client does that does not know the daemon."""

    # By namespace: how many of a hundred lookups are hits, and how many lookups of a round it has.
    RATES = {"ha": (97, 40), "hb": (80, 30), "hc": (50, 20), "hd": (10, 10)}

    def __init__(self, redis):
        super().__init__(daemon=True)
        self.ending = threading.Event()
        self.redis = redis
        self.counts = {name: [0, 0] for name in self.RATES}
        for name, (percent, _) in self.RATES.items():
            for i in range(percent):
                redis("SET", f"{name}:{i}", "v")
        self.start()

    def run(self):
        random_ = random.Random(7)
        connections = {}
        while not self.ending.is_set():
            by_node = {}
            for name, (_, weight) in self.RATES.items():
                for _ in range(weight):
                    key = f"{name}:{random_.randrange(100)}"
                    by_node.setdefault(slot_of(key.encode()) * self.redis.primaries // SLOTS, []).append(("GET", key))
            for node, commands in by_node.items():
                if node not in connections:
                    connections[node] = self.redis.dial(commands[0][1])
                connections[node].pipeline(commands)

    def close(self):
        self.ending.set()
        self.join()


@pytest.fixture
def reader(redis):
    one = Reader(redis)
    yield one
    one.close()


def clients(daemon):
    return {name: item["clients"] for name, item in by_name(namespaces(daemon)).items()}


def test_hit_rates_of_clients_are_right_within_a_point(start, redis, reader):
    redis.each("CONFIG", "SET", "notify-keyspace-events", "Em")
    daemon = start(open_config(redis, sampling(misses=True, monitor="2s")))

    def seen():
        answer = namespaces(daemon)
        return (answer["state"] == "complete" and answer["clients"]["windows"] >= 1
                and all(f"{name}:*" in by_name(answer) for name in Reader.RATES) and answer)

    answer = until(seen, "a window", 60)
    assert answer["clients"]["method"] == "key-miss events and MONITOR"
    assert answer["clients"]["reason"] is None
    for name, (percent, weight) in Reader.RATES.items():
        figures = by_name(answer)[f"{name}:*"]["clients"]
        # A share of so many lookups is this uncertain by itself.
        noise = 4 * (percent / 100 * (1 - percent / 100) / figures["lookups"]) ** 0.5
        assert figures["lookups"] > 300, figures
        assert abs(figures["hit_rate"] - percent / 100) < 0.01 + noise, (name, figures)
        assert figures["misses"] > 0
    assert answer["hot"]["method"] == "monitor"
    assert all(entry["key"].startswith("h") for entry in answer["hot"]["keys"])


def test_what_the_daemon_looks_up_is_not_the_clients(start, redis):
    redis.each("CONFIG", "SET", "notify-keyspace-events", "Em")
    redis.fill(10, key="a:{}")
    daemon = start(open_config(redis, sampling(misses=True, monitor="1s")))
    stop = threading.Event()

    def read():
        while not stop.is_set():
            daemon.post("/api/v1/cache/mget", {"keys": [f"a:{i}" for i in range(20)]})

    thread = threading.Thread(target=read)
    thread.start()
    try:
        until(lambda: namespaces(daemon)["clients"]["windows"] >= 1, "a window", 60)
    finally:
        stop.set()
        thread.join()
    figures = until(lambda: by_name(complete(daemon)).get("a:*"), "the namespace")
    assert figures["daemon"]["misses"] > 20
    # A few are under way when a window ends.
    assert figures["clients"]["lookups"] <= 100 and figures["clients"]["misses"] <= 100


def test_misses_need_events(start, redis):
    redis.each("CONFIG", "SET", "notify-keyspace-events", "KEA")
    redis.fill(3, key="a:{}")
    config = open_config(redis, sampling(misses=True))
    daemon = start(config)
    answer = until(lambda: (a := namespaces(daemon))["clients"]["reason"] and a, "the reason")
    assert "notify-keyspace-events" in answer["clients"]["reason"]
    assert answer["clients"]["method"] == "key-miss events"
    redis.each("CONFIG", "SET", "notify-keyspace-events", "KEAm")
    assert daemon.post(API + "/reload").status == 200
    until(lambda: namespaces(daemon)["clients"]["reason"] is None, "no reason")

    def missed():
        redis("GET", "a:99")
        return by_name(namespaces(daemon)).get("a:*", {"clients": {"misses": 0}})["clients"]["misses"]

    until(missed, "a miss")
    # Without MONITOR nothing says how many lookups there were.
    assert by_name(namespaces(daemon))["a:*"]["clients"]["hit_rate"] is None
    daemon.configure(config.replace("misses: true", "misses: false"))
    assert daemon.post(API + "/reload").status == 200
    until(lambda: b"keymiss" not in b"".join(redis.each("PUBSUB", "CHANNELS")[0]), "no subscription")
    assert namespaces(daemon)["clients"]["method"] is None
    assert by_name(namespaces(daemon))["a:*"]["clients"] == {
        "hit_rate": None, "lookups": None, "misses": None}


@pytest.mark.topology("server", "tls", "sentinel", why="denies a command on one server")
def test_what_clients_look_up_needs_permission(start, redis):
    redis.fill(3, key="a:{}")
    redis("ACL", "SETUSER", "default", "-monitor")
    daemon = start(open_config(redis, sampling(monitor="1s")))
    answer = until(lambda: (a := namespaces(daemon))["clients"]["reason"] and a, "the reason")
    assert "monitor" in answer["clients"]["reason"].lower() and answer["clients"]["windows"] == 0
    assert by_name(complete(daemon))["a:*"]["clients"]["hit_rate"] is None
    assert daemon.health().json["status"] == "UP"


def test_events_are_heard_again_after_a_restart_of_redis(start, tuned):
    redis = tuned("--notify-keyspace-events", "Em")
    redis.fill(3, key="a:{}")
    daemon = start(open_config(redis, sampling(misses=True)))

    def missed():
        redis("GET", "a:99")
        return by_name(namespaces(daemon)).get("a:*", {"clients": {"misses": 0}})["clients"]["misses"]

    until(missed, "a miss")
    redis.kill()
    daemon.wait_redis("down")
    redis.start()
    redis.fill(3, key="a:{}")
    daemon.wait_redis()
    until(lambda: "a:*" in by_name(namespaces(daemon)), "a sample")
    before = missed()
    until(lambda: missed() > before, "a miss after the restart")


@pytest.mark.soak
def test_a_million_keys_of_20_prefixes(start, tuned):
    """Shares within two points, intervals that hold the truth. `make soak` takes the full size."""
    redis = tuned()
    total = 1_000_000 if SOAK else 20_000
    weights = [n + 1 for n in range(20)]
    names = ["ns" + chr(ord("a") + n) for n in range(20)]
    truth = {}
    for name, weight in zip(names, weights):
        count = total * weight // sum(weights)
        redis.fill(count, key=name + ":{}", ttl=0)
        truth[name + ":*"] = count
    whole = sum(truth.values())
    daemon = start(open_config(redis, sampling("1s", sample=20_000 if SOAK else 4000)))
    held = 0
    rounds = 20 if SOAK else 2
    for _ in range(rounds):
        items = by_name(complete(daemon))
        for name, count in truth.items():
            share = items[name]["share"]
            assert abs(share["value"] - count / whole) < 0.02 or not SOAK
            held += share["low"] <= count / whole <= share["high"]
    # 95 of 100 on average: four standard deviations below for the number of rounds.
    assert held >= rounds * 20 * (0.9 if SOAK else 0.7), held
