#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How a Python application uses cachewarden, by the client in cachewarden.py beside this file.

    CACHEWARDEN_URL=http://127.0.0.1:8480 python3 cache_usage_examples.py

Run as a program, it shows the examples one by one. With CACHEWARDEN_TOKEN a token is sent. The
configuration that goes with it: shop.yaml, and a warm job `products`.
"""

import asyncio
import json
import os
import sys

# The client lies in this folder; an application has a copy among its own modules.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cachewarden import Cache, Unavailable, cached, invalidating, make_key  # noqa: E402

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
    def report(year, *, currency="EUR"):
        print("  computing", year)
        return {"year": year, "sales": year * 3, "currency": currency}

    print("first:", report(2024))
    print("again:", report(2024))
    print("another:", report(2024, currency="CHF"))
    print("key:", report.key(2024, currency="CHF"))
    report.invalidate(2024)
    print("after the invalidation:", report(year=2024))


def invalidating_function(cache):
    prices = {7: 100}

    @cached(cache, "product:price", tags=["prices"])
    def price(product):
        return prices[product]

    @invalidating(cache, keys=["product:price:{product}"])
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
    body = {"data": {"cart": []}, "max_age": 86400}
    cookie = cache.call("POST", "/api/v1/sessions", body).json["session_id"]
    visitor = {"X-Session-Id": cookie}
    cache.call("PATCH", "/api/v1/session", {"data": {"cart": [7]}}, visitor)
    login = {"user_id": 42, "ttl": 1800}
    cookie = cache.call("POST", "/api/v1/session/rotate", login, visitor).json["session_id"]
    session = cache.call("GET", "/api/v1/session", headers={"X-Session-Id": cookie}).json
    print("user", session["user_id"], session["data"])
    print("the old id:", cache.call("GET", "/api/v1/session", headers=visitor, accept=[404]).status)
    print("ended:", cache.call("DELETE", "/api/v1/users/42/sessions").json["ended"])


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


def methods_and_tasks(cache):
    """Methods are cached without their self; asynchronous functions are awaited as before."""

    class Shop:
        @cached(cache, "shop:stock", ttl=60, tags=["shop-{shop}"])
        async def stock(self, shop):
            print("  counting", shop)
            return shop * 100

        @invalidating(cache, tags=["shop-{shop}"])
        async def sell(self, shop):
            return "sold"

    async def day():
        shop = Shop()
        print(await asyncio.gather(*(shop.stock(7) for _ in range(5))), shop.stock.key(7))
        print(await shop.sell(7), await shop.stock(7))

    asyncio.run(day())


EXAMPLES = [basic_operations, cached_function, invalidating_function, key_generation,
            pattern_invalidation, entity_and_dependency_invalidation, endpoint_caching, sessions,
            warming, dashboard, methods_and_tasks, fallback]

if __name__ == "__main__":
    for example in EXAMPLES:
        print("--", example.__name__)
        example(Cache())
