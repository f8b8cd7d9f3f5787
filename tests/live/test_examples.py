# SPDX-License-Identifier: MIT
"""The programs of docs/examples do what they say: each ends with what it prints."""

import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time

import pytest

from conftest import open_config
from test_library import ROOT, program

EXAMPLES = os.path.join(ROOT, "docs", "examples")
NAMES = sorted(os.path.basename(path)[:-2] for path in glob.glob(EXAMPLES + "/*.c"))
PRODUCTS = """
warm:
  jobs:
    - name: products
      source: {type: file, path: products.jsonl, format: jsonl}
      key: "product:{id}"
"""


def expected(name):
    """The comment that ends the program."""
    with open(os.path.join(EXAMPLES, name + ".c"), encoding="utf-8") as file:
        comment = re.search(r"/\*\n((?: \*.*\n)+) \*/\n\Z", file.read()).group(1)
    return re.sub(r"^ \* ?", "", comment, flags=re.M)


@pytest.fixture
def shop(folder):
    """The examples' configuration, as a file that nobody else may write to."""
    path = shutil.copy(os.path.join(EXAMPLES, "shop.yaml"), folder)
    os.chmod(path, 0o600)
    return path


def write_products(daemon_folder):
    os.makedirs(daemon_folder)
    with open(os.path.join(daemon_folder, "products.jsonl"), "w", encoding="utf-8") as file:
        file.write('{"id":1,"name":"Chair"}\n{"id":2,"name":"Table"}\n')


@pytest.mark.parametrize("name", NAMES)
def test_an_example_prints_what_it_says(name, redis, shop, start, folder):
    env = {"REDIS_URL": redis.url}
    if name == "warming":
        write_products(os.path.join(folder, "d0"))
        daemon = start(open_config(redis, PRODUCTS))
        daemon.wait_redis()
        env["CACHEWARDEN_URL"] = "http://%s:%d" % daemon.address
    arguments = [shop] if name in ("entity_invalidation", "key_generation") else []
    assert program(name, *arguments, env=env, timeout=60) == expected(name)


# Python ---------------------------------------------------------------------------------------

sys.path.insert(0, EXAMPLES)
import cache_usage_examples as python  # noqa: E402  (its folder is none of the tests')

SHOWN = """\
-- basic_operations
get: hello
ttl: 120
deleted: True False
stored: 2
mget: ['1', None, '2']
bytes: b'\\x00any byte\\xff'
-- cached_function
  computing 2024
first: {'year': 2024, 'sales': 6072, 'currency': 'EUR'}
again: {'year': 2024, 'sales': 6072, 'currency': 'EUR'}
  computing 2024
another: {'year': 2024, 'sales': 6072, 'currency': 'CHF'}
key: report:2024:currency=CHF
-- invalidating_function
price: 100
price: 90
refused: a price is more than nothing
price: 90
-- key_generation
user:42:orders:all=true:page=2
search:a%3Ab%20%2A%20c
-- pattern_invalidation
would go: 2
gone: 2 complete: True
-- entity_and_dependency_invalidation
gone: 3
left: ['user:profile:43']
-- endpoint_caching
  handling /products
{'path': '/products', 'query': {'page': 1, 'sort': 'name'}}
{'path': '/products', 'query': {'page': 1, 'sort': 'name'}}
204
  handling /products
{'path': '/products', 'query': {'page': 1, 'sort': 'name'}}
-- sessions
user 42 {'cart': [7]}
the old id: 404
ended: 1
-- warming
before: None
warm run: completed
after: Chair
-- dashboard
sales 1, stock 1, visitors 1, news 1
sales 1, stock 2, visitors 1, news 1
-- fallback
from the database
the cache is away
"""


@pytest.fixture
def shop_daemon(redis, start, folder):
    write_products(os.path.join(folder, "d0"))
    with open(os.path.join(EXAMPLES, "shop.yaml"), encoding="utf-8") as file:
        config = open_config(redis, file.read() + PRODUCTS)
    daemon = start(config.replace("warm, operate]", "warm, operate, sessions]"))
    daemon.wait_redis()
    return daemon


def url_of(daemon):
    return "http://%s:%d" % daemon.address


def test_the_python_examples_print_what_they_say(shop_daemon):
    path = os.path.join(EXAMPLES, "cache_usage_examples.py")
    done = subprocess.run([sys.executable, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60,
                          env={**os.environ, "CACHEWARDEN_URL": url_of(shop_daemon)})
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout == SHOWN


def test_a_cached_python_function_is_computed_once_and_without_redis_too(shop_daemon, redis):
    calls = []

    @python.cached(python.Cache(url_of(shop_daemon)), "slow")
    def slow(number):
        calls.append(number)
        time.sleep(0.3)
        return number * 2

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(slow, [21] * 8)) == [42] * 8
    assert calls == [21]
    redis.kill()
    assert slow(21) == 42 and calls == [21, 21]


def test_python_makes_the_keys_of_the_vectors():
    with open(os.path.join(ROOT, "docs/keys.json"), encoding="utf-8") as file:
        vectors = json.load(file)["vectors"]
    for vector in vectors:
        made = python.make_key(vector["prefix"], *vector.get("args", []), **vector.get("params", {}))
        assert made == vector["key"], vector
