# SPDX-License-Identifier: MIT
"""docs/examples/cachewarden.py: cached(), for functions, methods and asynchronous functions."""

import asyncio
import concurrent.futures
import datetime
import functools
import inspect
import logging
import os
import pickle
import socket
import subprocess
import sys
import threading
import time

import pytest

from client import EXAMPLES, Meeting, client_config, url_of
from harness import DEADLINE
from cachewarden import Cache, CacheError, Refused, Unavailable, cached, make_key

ASYNC = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@pytest.fixture(scope="module")
def shared_config(shared_redis):
    return client_config(shared_redis, "cache: {max_value_bytes: 64KiB}")


@pytest.fixture
def cache(shared, shared_redis):
    shared_redis("FLUSHALL")
    with Cache(url_of(shared)) as it:
        yield it


def either(is_async, function):
    """The function, or an asynchronous one that does the same in a thread."""
    if not is_async:
        return function

    @functools.wraps(function)
    async def asynchronous(*args, **params):
        call = functools.partial(function, *args, **params)
        return await asyncio.get_running_loop().run_in_executor(None, call)

    return asynchronous


def call(function, *args, **params):
    made = function(*args, **params)
    return asyncio.run(made) if inspect.isawaitable(made) else made


def crowd(is_async, function, count, *args):
    """What so many simultaneous calls return or raise; starts them, and gives what collects."""
    if is_async:
        async def gather():
            return await asyncio.gather(*(function(*args) for _ in range(count)),
                                        return_exceptions=True)

        pool = concurrent.futures.ThreadPoolExecutor(1)
        future = pool.submit(asyncio.run, gather())
        return future.result
    pool = concurrent.futures.ThreadPoolExecutor(count)
    futures = [pool.submit(function, *args) for _ in range(count)]
    return lambda: [future.exception(DEADLINE) or future.result() for future in futures]


def leases(redis):
    return redis("KEYS", "cw:lease:*")


# Keys ------------------------------------------------------------------------------------------


def test_a_call_has_one_key_however_it_is_spelt(cache, shared_redis):
    calls = []

    @cached(cache, "r", ttl=60)
    def report(year, currency="EUR", *more, kind="all", **rest):
        calls.append((year, currency, more, kind, rest))
        return len(calls)

    for _ in range(2):
        assert report(1) == report(1, "EUR") == report(year=1) == report(currency="EUR", year=1) \
            == report(1, kind="all") == 1
    assert shared_redis.keys() == [b"r:1:EUR:kind=all"] and len(calls) == 1
    assert report.key(1, "CHF", "x", z=2, kind=None) == "r:1:CHF:x:kind=null:z=2"
    assert report.key(year="a b", currency=True) == "r:a%20b:true:kind=all"
    assert report.key(1) == make_key("r", 1, "EUR", kind="all")


def test_a_method_is_cached_without_self(cache, shared_redis):
    class Shop:
        @cached(cache, "shop:price", ttl=60)
        def price(self, product, *, currency="EUR"):
            return [product, currency]

        @classmethod
        @cached(cache, "shop:name", ttl=60)
        def name(cls, shop):
            return cls.__name__ + str(shop)

        @staticmethod
        @cached(cache, "shop:tax", ttl=60)
        def tax(country):
            return country

    shop = Shop()
    assert shop.price(7) == Shop.price(shop, 7) == Shop().price(product=7) == [7, "EUR"]
    assert shop.price.key(7) == Shop.price.key(7) == "shop:price:7:currency=EUR"
    assert (Shop.name(1), shop.name(1), Shop.tax("de"), shop.tax("de")) == ("Shop1", "Shop1", "de", "de")
    assert Shop.name.key(1) == "shop:name:1" and Shop.tax.key("de") == "shop:tax:de"
    assert shared_redis.keys() == [b"shop:name:1", b"shop:price:7:currency=EUR", b"shop:tax:de"]
    assert shop.price.invalidate(7)["invalidated"] == 1


@pytest.mark.parametrize("argument", [1.5, b"x", [1], {"a": 1}, datetime.date(2024, 1, 1), ...])
def test_an_argument_that_makes_no_key_is_refused_before_the_function_runs(cache, argument):
    calls = []
    function = cached(cache, "f")(calls.append)
    with pytest.raises(TypeError, match="makes a key"):
        function(argument)
    assert calls == []


def test_the_wrapper_is_the_function_to_those_who_look(cache):
    @cached(cache, "f")
    async def asynchronous(a: int) -> str:
        """Its words."""
        return str(a)

    assert inspect.iscoroutinefunction(asynchronous)
    assert asynchronous.__name__ == "asynchronous" and asynchronous.__doc__ == "Its words."
    assert list(inspect.signature(asynchronous).parameters) == ["a"]
    with pytest.raises(TypeError, match="missing a required argument"):
        call(asynchronous)


# Misuse ----------------------------------------------------------------------------------------


@ASYNC
@pytest.mark.parametrize("options", [
    {"ttl": 0}, {"ttl": 0.5}, {"ttl": 60.0}, {"ttl": True}, {"ttl": -5}, {"ttl": "60"},
    {"tags": "red"}, {"tags": ["x" * 257]}, {"tags": [""]}, {"tags": ["a\nb"]}, {"tags": [1]},
    {"tags": ["{other}"]}, {"tags": ["{1}"]}, {"tags": ["{}"]}, {"tags": ["{a!r}"]},
    {"tags": ["{a"]}, {"tags": ["t"] * 101}, {"load_seconds": 0.5}, {"load_seconds": 0},
    {"load_seconds": 301}, {"condition": 1}, {"serializer": ...}, {"prefix": ""},
    {"prefix": None}, {"prefix": "p" * 201}, {"cache": None}, {"cache": "http://localhost"}],
    ids=str)
def test_what_is_said_wrong_is_raised_by_each_call_before_the_function_runs(
        cache, is_async, options):
    calls = []
    given = {"cache": cache, "prefix": "f", **options}
    function = cached(given.pop("cache"), given.pop("prefix"), **given)(
        either(is_async, lambda a: calls.append(a)))
    for _ in range(2):
        with pytest.raises((TypeError, ValueError)):
            call(function, 1)
    assert calls == []


def generator():
    yield 1


async def asynchronous_generator():
    yield 1


@pytest.mark.parametrize("thing", [None, "text", 1, generator, asynchronous_generator,
                                   staticmethod(len), classmethod(len), property(len), dict],
                         ids=lambda thing: type(thing).__name__)
def test_what_is_no_function_is_refused_at_once(cache, thing):
    with pytest.raises((TypeError, ValueError)):
        cached(cache, "f")(thing)


@ASYNC
@pytest.mark.parametrize("value", [datetime.date(2024, 1, 1), {1, 2}, float("nan"), b"bytes",
                                   ..., "\ud800"], ids=ascii)
def test_a_result_that_is_no_json_is_raised_and_leaves_no_lease(
        cache, shared_redis, is_async, value):
    function = cached(cache, "f", load_seconds=60)(either(is_async, lambda: value))
    for _ in range(2):
        with pytest.raises((TypeError, ValueError)):
            call(function)
        assert leases(shared_redis) == []


@ASYNC
def test_a_result_that_is_refused_is_raised_and_leaves_no_lease(cache, shared_redis, is_async):
    function = cached(cache, "f", load_seconds=60)(either(is_async, lambda: "x" * 70_000))
    for _ in range(2):
        with pytest.raises(Refused) as raised:
            call(function)
        assert raised.value.status == 413 and leases(shared_redis) == []


def test_a_token_that_may_not_is_raised_before_the_function_runs(shared):
    calls = []
    function = cached(Cache(url_of(shared), token="wrong"), "f")(lambda: calls.append(1))
    with pytest.raises(Refused):
        function()
    assert calls == []


@ASYNC
def test_a_key_of_another_program_is_raised(cache, shared_redis, is_async):
    shared_redis("LPUSH", "f", "1")
    with pytest.raises(Refused) as raised:
        call(cached(cache, "f")(either(is_async, lambda: 1)))
    assert raised.value.code == "wrong_type"


# Results ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("value, read", [
    ({1: (1, 2)}, {"1": [1, 2]}), (None, None), ("ü", "ü"), (2 ** 70, 2 ** 70), ([], []), (False, False)])
def test_a_miss_gives_what_a_hit_gives(cache, value, read):
    function = cached(cache, "f")(lambda: value)
    first, second = function(), function()
    assert first == second == read and type(first) is type(second)
    if isinstance(first, (dict, list)):
        assert first is not second


def test_another_serializer(cache, shared_redis):
    value = {1: (datetime.date(2024, 1, 1), b"x")}
    function = cached(cache, "f", serializer=pickle)(lambda: value)
    assert function() == function() == value
    assert pickle.loads(shared_redis("GET", "f")) == value


def test_a_condition_says_what_is_kept(cache, shared_redis):
    results = iter([None, None, 1, 2])
    function = cached(cache, "f", load_seconds=60, condition=lambda result: result is not None)(
        lambda: next(results))
    assert [function() for _ in range(4)] == [None, None, 1, 1]
    assert leases(shared_redis) == []


def test_tags_hold_arguments(cache):
    @cached(cache, "p", tags=["all", "user-{user}", "{1}"])
    def page(user, name, *, size=1):
        return [user, name, size]

    page(1, "home")
    page(2, "home")
    page(1, "ü, 東京")
    assert cache.invalidate(tags=["ü, 東京"], dry_run=True)["matched"] == 1
    assert cache.invalidate(tags=["user-1"], dry_run=True)["matched"] == 2
    assert cache.invalidate(tags=["home"], dry_run=True)["matched"] == 2
    assert cache.invalidate(tags=["all"])["invalidated"] == 3


def test_what_is_stored_and_cannot_be_read_is_computed_anew(cache, shared_redis, caplog):
    function = cached(cache, "f")(lambda: "new")
    for damage in (b"{", bytes.fromhex("502a4d18040000006377303128b52ffd0000")):
        shared_redis("SET", "f", damage)
        assert function() == "new" and shared_redis("GET", "f") == b'"new"'
    assert "computed anew" in caplog.text


@ASYNC
def test_f_invalidate_removes_the_result_of_these_arguments(cache, is_async):
    calls = []

    def load(a):
        calls.append(a)
        return a

    function = cached(cache, "f")(either(is_async, load))
    for argument in (1, 2, 1, 2):
        call(function, argument)
    assert call(function.invalidate, 1)["invalidated"] == 1
    call(function, 1), call(function, 2)
    assert calls == [1, 2, 1]


# Crowds ----------------------------------------------------------------------------------------


@ASYNC
def test_of_all_who_miss_one_computes(cache, is_async):
    meeting, calls = Meeting(), []

    def load(a):
        calls.append(a)
        meeting.stop()
        return {"a": a}

    results = crowd(is_async, cached(cache, "f")(either(is_async, load)), 8, 7)
    meeting.wait()
    meeting.let_go()
    results = results()
    assert results == [{"a": 7}] * 8 and calls == [7]
    assert len({id(result) for result in results}) == 8


class Flights(dict):
    """Counts the calls that have found a load to wait for."""

    def __init__(self):
        super().__init__()
        self.found = threading.Semaphore(0)

    def get(self, key, default=None):
        flight = super().get(key, default)
        if flight is not None:
            self.found.release()
        return flight


@ASYNC
def test_waiters_of_a_failing_function_get_its_error(cache, shared_redis, is_async):
    meeting, calls = Meeting(), []
    flights = cache._flights = Flights()

    def load():
        calls.append(1)
        meeting.stop()
        raise KeyError("db")

    results = crowd(is_async, cached(cache, "f", load_seconds=60)(either(is_async, load)), 8)
    for _ in range(7):
        assert flights.found.acquire(timeout=DEADLINE)
    meeting.let_go()
    assert [repr(result) for result in results()] == ["KeyError('db')"] * 8 and calls == [1]
    assert leases(shared_redis) == []


@ASYNC
def test_an_error_of_the_function_is_its_own_whatever_its_kind(cache, shared_redis, is_async):
    for error in (Unavailable("another service"), CacheError("x"), Refused("y"), SystemExit(3)):
        calls = []

        def load():
            calls.append(1)
            raise error

        with pytest.raises(type(error)) as raised:
            call(cached(cache, "f", load_seconds=60)(either(is_async, load)))
        assert raised.value is error and calls == [1] and leases(shared_redis) == []


@ASYNC
@pytest.mark.parametrize("what", [{"tags": ["t"]}, {"keys": ["f"]}, {"patterns": ["f*"]}], ids=str)
def test_a_call_after_an_invalidation_never_gets_what_was_loaded_before(
        cache, shared_redis, is_async, what):
    meeting, calls = Meeting(), []
    flights = cache._flights = Flights()

    def load():
        calls.append(1)
        if len(calls) == 1:
            meeting.stop()
            return "old"
        return "new"

    function = cached(cache, "f", tags=["t"])(either(is_async, load))
    before = crowd(is_async, function, 1)
    meeting.wait()
    cache.invalidate(**what)
    after = crowd(is_async, function, 3)
    # All wait for the load that is under way, or one has a lease of its own already.
    waiting = 0
    while waiting < 3 and len(calls) == 1:
        waiting += flights.found.acquire(timeout=0.01)
    meeting.let_go()
    assert before() == ["old"] and after() == ["new"] * 3
    assert call(function) == "new" and calls == [1, 1] and shared_redis("GET", "f") == b'"new"'


def test_a_result_that_is_not_to_be_kept_is_computed_by_each(cache, shared_redis):
    meeting, calls = Meeting(), []
    flights = cache._flights = Flights()

    def load():
        calls.append(1)
        meeting.stop()
        return None

    results = crowd(False, cached(cache, "f", load_seconds=60, condition=bool)(load), 4)
    for _ in range(3):
        assert flights.found.acquire(timeout=DEADLINE)
    meeting.let_go()
    assert results() == [None] * 4 and len(calls) == 4 and leases(shared_redis) == []


def test_a_function_that_is_slower_than_it_said_is_not_kept_and_warned_of(cache, caplog):
    def load():
        time.sleep(1.2)
        return 1

    assert cached(cache, "f", load_seconds=1)(load)() == 1
    assert "longer than its load_seconds" in caplog.text and cache.get("f") is None


@ASYNC
def test_a_function_that_asks_for_its_own_result_is_told(cache, is_async):
    if is_async:
        @cached(cache, "f")
        async def load(a):
            return await load(a)
    else:
        @cached(cache, "f")
        def load(a):
            return load(a)
    with pytest.raises(RuntimeError, match="that it is computing"):
        call(load, 1)


def test_cached_functions_call_each_other(cache):
    @cached(cache, "fib")
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    assert fib(20) == 6765


PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[1])
from cachewarden import Cache, cached

@cached(Cache(sys.argv[2]), "f")
def load():
    print("computing", flush=True)
    time.sleep(1)
    return 7

sys.stdin.readline()
print("result", load())
"""


def test_of_all_processes_one_computes(cache):
    programs = [subprocess.Popen([sys.executable, "-c", PROGRAM, EXAMPLES, cache.url], text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)]
    for program in programs:
        program.stdin.write("\n")
        program.stdin.flush()
    output = "".join(program.communicate(timeout=60)[0] for program in programs)
    assert output.count("computing") == 1 and output.count("result 7") == 4


# Cancelled tasks -------------------------------------------------------------------------------


def test_a_cancelled_task_gives_its_lease_back_and_another_computes(cache, shared_redis):
    calls = []

    @cached(cache, "f", load_seconds=60)
    async def load():
        calls.append(1)
        if len(calls) == 1:
            await asyncio.sleep(DEADLINE)
        return len(calls)

    async def scene():
        first = asyncio.create_task(load())
        while not calls:
            await asyncio.sleep(0.01)
        second = asyncio.create_task(load())
        third = asyncio.create_task(load())
        await asyncio.sleep(0.1)
        third.cancel()  # one that waits: it cancels no other
        first.cancel()
        return await asyncio.gather(first, second, third, return_exceptions=True)

    first, second, third = asyncio.run(scene())
    assert isinstance(first, asyncio.CancelledError) and isinstance(third, asyncio.CancelledError)
    assert second == 2 and calls == [1, 1] and leases(shared_redis) == []


def test_a_task_that_is_cancelled_at_any_moment_leaves_no_lease(cache, shared_redis):
    @cached(cache, "f", load_seconds=60, condition=lambda _: False)
    async def load(i):
        await asyncio.sleep(0.001)
        return i

    async def scene():
        for i in range(60):
            task = asyncio.create_task(load(i))
            await asyncio.sleep(i * 0.0002)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass

    asyncio.run(scene())
    assert leases(shared_redis) == []


# Without the cache -----------------------------------------------------------------------------


@ASYNC
def test_without_redis_the_function_is_called_and_the_log_warns(start, redis, is_async, caplog):
    calls = []

    def load(a):
        calls.append(a)
        return (a,)

    function = cached(Cache(url_of(start(client_config(redis)))), "f")(either(is_async, load))
    assert call(function, 1) == [1] and calls == [1]
    redis.kill()
    for _ in range(5):
        assert call(function, 1) == [1]
    assert calls == [1] * 6
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING and r.name == "cachewarden"]
    assert len(warnings) == 1 and "runs without the cache" in warnings[0].getMessage()
    with pytest.raises(TypeError):  # misuse is one, there as well
        call(cached(Cache("http://127.0.0.1:1"), "f")(either(is_async, lambda: ...)))


def test_a_daemon_that_hangs_is_not_waited_for_by_each_call():
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        function = cached(Cache("http://127.0.0.1:%d" % server.getsockname()[1], timeout=0.5), "f")(
            lambda: 1)
        began = time.monotonic()
        for _ in range(100):
            assert function() == 1
        assert time.monotonic() - began < 20  # 50 s, if each call waited


def test_redis_that_goes_during_the_load_costs_the_result_nothing(start, redis, caplog):
    def load():
        redis.kill()
        return 1

    assert cached(Cache(url_of(start(client_config(redis)))), "f")(load)() == 1
    assert "is not kept" in caplog.text


def test_a_child_does_not_wait_for_a_load_of_its_parent(cache):
    meeting = Meeting()
    function = cached(cache, "f", load_seconds=1)(lambda: meeting.stop() or 1)
    results = crowd(False, function, 1)
    meeting.wait()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            meeting.let_go()
            status = 0 if function() == 1 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    meeting.let_go()
    assert results() == [1]
