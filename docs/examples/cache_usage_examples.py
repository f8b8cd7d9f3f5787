#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How a Python application uses cachewarden: over HTTP, with nothing but the standard library.

    CACHEWARDEN_URL=http://127.0.0.1:8480 python3 cache_usage_examples.py

The first half is what an application would copy: a client, key generation, two decorators. The
second half are examples; run as a program, it shows them one by one. With CACHEWARDEN_TOKEN a
token is sent. The configuration that goes with it: shop.yaml, and a warm job `products`.
"""

import functools
import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

CACHE = "/api/v1/cache"
ADMIN = "/api/v1/admin/cache"


# What an application would copy ---------------------------------------------------------------


class Unavailable(Exception):
    """The daemon or its Redis is away: go on without a cache."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Cache:
    """The routes that applications call."""

    def __init__(self, url=None, token=None, timeout=5.0):
        self.url = (url or os.environ.get("CACHEWARDEN_URL", "http://127.0.0.1:8480")).rstrip("/")
        self.token = token or os.environ.get("CACHEWARDEN_TOKEN")
        self.timeout = timeout

    def call(self, method, path, body=None, headers=None, timeout=None):
        """One request. Problems (RFC 9457) are answers, too; what is away raises Unavailable."""
        headers = dict(headers or {})
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout or self.timeout) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as answer:
            if answer.code in (502, 503, 504):
                raise Unavailable(answer.read().decode(errors="replace")) from answer
            return Answer(answer.code, answer.headers, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(str(error)) from error

    def checked(self, method, path, body=None, **more):
        """The same, where anything but success is a mistake of ours."""
        answer = self.call(method, path, body, **more)
        if answer.status >= 400:
            raise ValueError(answer.json["detail"])
        return answer

    @staticmethod
    def path(key):
        """A key may be a str or any bytes."""
        return CACHE + "/keys/" + urllib.parse.quote(key, safe="")

    def get(self, key):
        """The value's bytes, or None."""
        answer = self.call("GET", self.path(key))
        return answer.body if answer.status == 200 else None

    def set(self, key, value, ttl=None, tags=()):
        headers = {"Surrogate-Key": " ".join(tags)} if tags else {}
        query = "" if ttl is None else f"?ttl={ttl}"
        self.checked("PUT", self.path(key) + query, value, headers=headers)

    def delete(self, key):
        answer = self.checked("DELETE", self.path(key))
        return answer.headers["X-Cache-Deleted"] == "1"

    def ttl(self, key):
        return self.checked("GET", self.path(key) + "/ttl").json["ttl"]

    def expire(self, key, ttl):
        self.checked("POST", self.path(key) + "/expire", {"ttl": ttl})

    def mget(self, keys):
        """Texts, or None, in order."""
        entries = self.checked("POST", CACHE + "/mget", {"keys": keys}).json["entries"]
        return [entry and entry.get("value") for entry in entries]

    def mset(self, values, ttl):
        entries = [{"key": key, "value": value, "ttl": ttl} for key, value in values.items()]
        return self.checked("POST", CACHE + "/mset", {"entries": entries}).json["stored"]

    def invalidate(self, **what):
        """patterns=[...], keys=[...], tags=[...], entities={...}, dry_run=True, ...: the answer."""
        return self.checked("POST", ADMIN + "/invalidate", what, timeout=30).json

    def warm(self, *jobs, wait=30):
        body = {"cache_names": list(jobs), "wait": wait}
        return self.checked("POST", ADMIN + "/warm", body, timeout=wait + 5).json["state"]


def make_key(prefix, *args, **params):
    """The key of these parts, as POST /key and cw_key_make() have it (docs/keys.json)."""

    def text(value):
        return "".join(chr(byte) if chr(byte).isalnum() and byte < 128 or byte in b"._-"
                       else f"%{byte:02X}" for byte in value.encode())

    def part(value):
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        if isinstance(value, int):
            return str(value)
        if isinstance(value, str):
            return text(value)
        raise TypeError(f"{value!r} is no str, int, bool or None")

    if not prefix or len(args) + len(params) > 64:
        raise ValueError("a key needs a prefix, and at most 64 parts")
    parts = [part(value) for value in args]
    parts += [text(name) + "=" + part(params[name]) for name in sorted(params, key=str.encode)]
    key = ":".join([prefix] + parts)
    if len(key.encode()) <= 200:
        return key
    behind = ":".join(parts)
    key = f"{prefix}:#{hashlib.sha256(behind.encode()).hexdigest()[:32]}"
    if len(key.encode()) > 200:
        raise ValueError("the prefix leaves no room")
    return key


def cached(cache, prefix, ttl=None, tags=(), load_seconds=30):
    """Caches a function's results as JSON, by its arguments: of all who miss at once, one computes.

    What is computed while the key, a tag or a pattern over it is invalidated is not stored. Where
    the cache is away, the function is simply called.
    """

    def store(key, value, lease):
        headers = {"X-Cache-Lease": lease}
        if tags:
            headers["Surrogate-Key"] = " ".join(tags)
        query = "" if ttl is None else f"?ttl={ttl}"
        # 409: the lease was lost to an invalidation. The caller has his value all the same.
        cache.call("PUT", cache.path(key) + query, json.dumps(value).encode(), headers)

    def load(function, args, params, key, lease):
        value = function(*args, **params)
        try:
            store(key, value, lease)
        except Unavailable:
            pass
        return value

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **params):
            key = make_key(prefix, *args, **params)
            deadline = time.monotonic() + load_seconds
            try:
                while time.monotonic() < deadline:
                    answer = cache.call("GET", cache.path(key) + f"?lease={load_seconds}")
                    if answer.status == 200:
                        return json.loads(answer.body)
                    lease = answer.headers["X-Cache-Lease"]
                    if lease:
                        return load(function, args, params, key, lease)
                    if answer.status != 404:
                        break
                    time.sleep(0.05)  # somebody else is computing it
            except Unavailable:
                pass
            return function(*args, **params)

        wrapper.key = functools.partial(make_key, prefix)
        return wrapper

    return decorate


def invalidating(cache, **what):
    """Invalidates after the function, and only if it raised nothing.

    Texts may hold the function's arguments by position: keys=["user:profile:{0}"].
    """

    def fill(value, args):
        if isinstance(value, str):
            return value.format(*args)
        if isinstance(value, list):
            return [fill(one, args) for one in value]
        if isinstance(value, dict):
            return {name: fill(one, args) for name, one in value.items()}
        return value

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **params):
            result = function(*args, **params)
            cache.invalidate(**fill(what, args))
            return result

        return wrapper

    return decorate


# Examples -------------------------------------------------------------------------------------


def basic_operations(cache):
    cache.set("py:greeting", b"hello", ttl=60)
    print("get:", cache.get("py:greeting").decode())
    cache.expire("py:greeting", 120)
    print("ttl:", cache.ttl("py:greeting"))
    print("deleted:", cache.delete("py:greeting"), cache.delete("py:greeting"))
    print("stored:", cache.mset({"py:one": "1", "py:two": "2"}, ttl=60))
    print("mget:", cache.mget(["py:one", "py:none", "py:two"]))
    cache.set(b"py:\xff\x00", b"\x00any byte\xff", ttl=60)
    print("bytes:", cache.get(b"py:\xff\x00"))


def cached_function(cache):
    @cached(cache, "report", ttl=3600, tags=["reports"])
    def report(year, currency="EUR"):
        print("  computing", year)
        return {"year": year, "sales": year * 3, "currency": currency}

    print("first:", report(2024))
    print("again:", report(2024))
    print("another:", report(2024, currency="CHF"))
    print("key:", report.key(2024, currency="CHF"))


def invalidating_function(cache):
    prices = {7: 100}

    @cached(cache, "product:price", tags=["prices"])
    def price(product):
        return prices[product]

    @invalidating(cache, keys=["product:price:{0}"])
    def change_price(product, value):
        if value <= 0:
            raise ValueError("a price is more than nothing")
        prices[product] = value

    print("price:", price(7))
    change_price(7, 90)
    print("price:", price(7))
    try:
        change_price(7, -1)
    except ValueError as error:
        print("refused:", error)
    print("price:", price(7))


def key_generation(_cache):
    print(make_key("user", 42, "orders", page=2, all=True))
    print(make_key("search", "a:b * c"))


def pattern_invalidation(cache):
    cache.mset({"search:a": "1", "search:b": "2", "other": "3"}, ttl=60)
    print("would go:", cache.invalidate(patterns=["search:*"], dry_run=True)["matched"])
    result = cache.invalidate(patterns=["search:*"])
    print("gone:", result["invalidated"], "complete:", result["complete"])


def entity_and_dependency_invalidation(cache):
    names = ["user:profile:42", "user:subscriptions:42", "page:home:42", "user:profile:43"]
    cache.mset(dict.fromkeys(names, "x"), ttl=60)
    # Everything about user 42, and the page that a rule of the configuration says goes with it.
    print("gone:", cache.invalidate(user_id="42")["invalidated"])
    print("left:", [name for name in names if cache.get(name)])


def endpoint_caching(cache):
    """A handler of your web framework; its answers go with the path's tag."""

    @cached(cache, "endpoint", ttl=60, tags=["/products"])
    def get(path, **query):
        print("  handling", path)
        return {"path": path, "query": query}

    @invalidating(cache, tags=["{0}"])
    def post(path):
        return 204

    print(get("/products", page=1, sort="name"))
    print(get("/products", sort="name", page=1))
    print(post("/products"))
    print(get("/products", page=1, sort="name"))


def sessions(cache):
    body = {"user_id": "42", "data": {"cart": []}, "ttl": 1800}
    cookie = cache.checked("POST", "/api/v1/sessions", body).json["session_id"]
    me = {"X-Session-Id": cookie}
    cache.checked("PATCH", "/api/v1/session", {"data": {"cart": [7]}}, headers=me)
    session = cache.checked("GET", "/api/v1/session", headers=me).json
    print("user", session["user_id"], session["data"])
    cache.checked("POST", "/api/v1/session/rotate", headers=me)
    print("the old id:", cache.call("GET", "/api/v1/session", headers=me).status)
    print("ended:", cache.checked("DELETE", "/api/v1/users/42/sessions").json["ended"])


def warming(cache):
    print("before:", cache.get("product:1"))
    print("warm run:", cache.warm("products"))
    print("after:", json.loads(cache.get("product:1"))["name"])


def dashboard(cache):
    """Four parts, each cached for as long as it stays true."""
    loads = []

    def part(name, ttl):
        @cached(cache, "dashboard:" + name, ttl=ttl, tags=[name])
        def load():
            loads.append(name)
            return f"{name} {loads.count(name)}"

        return load

    parts = [part("sales", 60), part("stock", 300), part("visitors", 10), part("news", 3600)]
    print(", ".join(load() for load in parts))
    cache.invalidate(tags=["stock"])
    print(", ".join(load() for load in parts))


def fallback(_cache):
    nowhere = Cache("http://127.0.0.1:1")

    @cached(nowhere, "fallback")
    def load():
        return "from the database"

    print(load())
    try:
        nowhere.get("fallback")
    except Unavailable:
        print("the cache is away")


EXAMPLES = [basic_operations, cached_function, invalidating_function, key_generation,
            pattern_invalidation, entity_and_dependency_invalidation, endpoint_caching, sessions,
            warming, dashboard, fallback]

if __name__ == "__main__":
    for example in EXAMPLES:
        print("--", example.__name__)
        example(Cache())
