# SPDX-License-Identifier: MIT
"""docs/examples/cachewarden.py: invalidating(), for functions, methods and asynchronous functions."""


import pytest

from client import client_config, url_of
from test_client_cached import ASYNC, call, either
from cachewarden import Cache, CacheError, Incomplete, Refused, Unavailable, cached, invalidating

SHOP = """
invalidate: {max_keys: 5}
entities: {user: {field: user_id, keys: ["user:profile:{id}"]}}
dependencies: [{when: "user:profile:{id}", invalidate: ["page:{id}"]}]
"""
SPELLINGS = ["x", "a b", "Zürich", "a:b", "*", "%41", "", True, None, 7, -1, 2 ** 70, "x" * 250, "ü" * 90]


@pytest.fixture(scope="module")
def shared_config(shared_redis):
    return client_config(shared_redis, SHOP)


@pytest.fixture
def cache(shared, shared_redis):
    shared_redis("FLUSHALL")
    with Cache(url_of(shared)) as it:
        yield it


@pytest.mark.parametrize("argument", SPELLINGS, ids=lambda value: ascii(value)[:12])
def test_its_keys_are_those_of_cached(cache, argument):
    @cached(cache, "a:city", ttl=60)
    def city(name, *, kind="all"):
        return 1

    @invalidating(cache, keys=["a:city:{0}:kind={1}", "a:city:{name}:kind={kind}"])
    def change(name, kind):
        pass

    for spelt in (lambda: change(argument, "all"), lambda: change(kind="all", name=argument)):
        city(argument)
        city("other")
        spelt()
        assert cache.get(city.key(argument)) is None
        assert cache.get(city.key("other")) == b"1"


@ASYNC
def test_functions_give_their_result_and_invalidate_after_it(cache, is_async):
    cache.mset({"k:1": "x", "k:2": "x"})
    seen = []

    def change(number):
        seen.append(cache.get(f"k:{number}"))
        return number * 2

    assert call(invalidating(cache, keys=("k:{0}",))(either(is_async, change)), 1) == 2
    assert seen == [b"x"] and cache.mget(["k:1", "k:2"]) == [None, "x"]


@ASYNC
def test_a_function_that_raises_invalidates_nothing(cache, is_async):
    cache.set("k", "x")

    def change():
        raise KeyError("db")

    with pytest.raises(KeyError):
        call(invalidating(cache, keys=["k"])(either(is_async, change)))
    assert cache.get("k") == b"x"


def test_a_condition_says_whether_anything_has_changed(cache):
    change = invalidating(cache, keys=["k"], condition=bool)(lambda changed: changed)
    for changed, left in ((False, b"x"), (True, None)):
        cache.set("k", "x")
        assert change(changed) is changed and cache.get("k") == left


def test_methods_count_their_arguments_without_self(cache):
    class Shop:
        number = 7

        @invalidating(cache, keys=["price:{0}", "shop:{self.number}"], tags=["shop-{self.number}"])
        def change(self, product):
            return product

        @classmethod
        @invalidating(cache, keys=["price:{product}"])
        def drop(cls, product):
            return cls

    cache.mset({"price:1": "x", "price:2": "x", "shop:7": "x"})
    cache.set("tagged", "x", tags=["shop-7"])
    assert Shop().change(1) == 1 and Shop.drop(product=2) is Shop
    assert cache.mget(["price:1", "price:2", "shop:7", "tagged"]) == [None] * 4


def test_all_kinds_of_selectors_hold_arguments(cache):
    keys = ["user:profile:4 2", "page:4 2", "d:1", "dep:1", "s:1:a", "tagged", "made:1", "made:2"]
    cache.mset(dict.fromkeys(keys, "x"))
    cache.mset({"tagged": "x"}, tags=["käse, 1"])
    cache.call("PUT", "/api/v1/admin/cache/dependencies/d%3A1", {"dependents": ["dep:1"]})

    @invalidating(cache, user_id="{user}", entities={"user": ["{user}", "9"]}, tags=["käse, {number}"],
                  patterns=["s:{number}:*"], dependents_of=["d:{number}"],
                  keys=[lambda user, number: [f"made:{number}", "made:2"]], note="user {user}")
    def change(user, number):
        pass

    with pytest.raises(Incomplete):  # max_keys: 5
        change("4 2", number=1)
    change("4 2", number=1)
    assert cache.mget(keys) == [None, None, "x", None, None, None, None, None]


@pytest.mark.parametrize("identity", ["*", "?", "[a-z]", "\\", "a*b"])
def test_an_argument_in_a_pattern_is_literal(cache, identity):
    cache.mset({"s:a:1": "x", "s:b:1": "x"})
    invalidating(cache, patterns=["s:{0}:*"])(lambda identity: None)(identity)
    assert cache.mget(["s:a:1", "s:b:1"]) == ["x", "x"]


@ASYNC
@pytest.mark.parametrize("what, argument", [
    ({}, 1), ({"keys": "k:{0}"}, 1), ({"tags": "t"}, 1), ({"patterns": "p*"}, 1), ({"keys": ["k:{1}"]}, 1),
    ({"keys": ["k:{other}"]}, 1), ({"keys": ["k:{}"]}, 1), ({"keys": ["k:{0:>9}"]}, 1),
    ({"keys": ["k:{0!r}"]}, 1), ({"keys": ["k:{0"]}, 1), ({"keys": ["k:{0.x}"]}, 1), ({"keys": [7]}, 1),
    ({"keys": ["k:{0}"]}, 1.5), ({"keys": ["k:{0}"]}, b"x"), ({"keys": [""]}, 1),
    ({"tags": ["{0}"]}, ""), ({"tags": ["{0}"]}, None), ({"tags": ["{0}"]}, "a\n"), ({"tags": ["{0}"]}, True),
    ({"user_id": "{0}"}, ""), ({"user_id": "{0}"}, None), ({"entities": {"user": ["{0}"]}}, "")], ids=str)
def test_what_is_wrong_is_raised_before_the_function_runs(cache, is_async, what, argument):
    calls = []
    function = invalidating(cache, **what)(either(is_async, lambda a: calls.append(a)))
    with pytest.raises((TypeError, ValueError)):
        call(function, argument)
    assert calls == []


@ASYNC
def test_what_is_not_complete_is_raised_with_the_result(cache, is_async):
    cache.mset({f"p:{i}": "x" for i in range(10)})
    function = invalidating(cache, patterns=["p:*"])(either(is_async, lambda: "done"))
    with pytest.raises(Incomplete, match="max_keys") as raised:
        call(function)
    assert raised.value.result == "done" and raised.value.problem["invalidated"] == 5
    assert call(function) == "done"


@ASYNC
def test_what_is_refused_is_raised_with_the_result(cache, is_async):
    function = invalidating(cache, nonsense=["{0}"])(either(is_async, lambda a: [a]))
    with pytest.raises(Refused, match="nonsense") as raised:
        call(function, 1)
    assert raised.value.result == [1]


@ASYNC
def test_a_cache_that_is_away_is_raised_with_the_result(is_async):
    function = invalidating(Cache("http://127.0.0.1:1"), keys=["k"])(either(is_async, lambda: "done"))
    with pytest.raises(Unavailable) as raised:
        call(function)
    assert raised.value.result == "done" and isinstance(raised.value, CacheError)
