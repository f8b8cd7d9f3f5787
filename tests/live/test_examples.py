# SPDX-License-Identifier: MIT
"""The programs of docs/examples do what they say: each ends with what it prints."""

import glob
import os
import re
import shutil
import subprocess
import sys

import pytest

from client import EXAMPLES, url_of
from test_library import BY_URL, program

pytestmark = BY_URL

NAMES = sorted(os.path.basename(path)[:-2] for path in glob.glob(EXAMPLES + "/*.c"))


def expected(name):
    """The comment that ends the program."""
    with open(os.path.join(EXAMPLES, name + ".c"), encoding="utf-8") as file:
        comment = re.search(r"/\*\n((?: \*.*\n)+) \*/\n\Z", file.read()).group(1)
    return re.sub(r"^ \* ?", "", comment, flags=re.M)


def copy_of(name, folder):
    """A file of the examples that belongs to one user, as a configuration must."""
    os.makedirs(folder, exist_ok=True)
    path = shutil.copy(os.path.join(EXAMPLES, name), folder)
    os.chmod(path, 0o600)
    return path


@pytest.fixture
def shop_daemon(redis, start, folder):
    """shop.yaml as it stands, but for the addresses."""
    with open(copy_of("shop.yaml", folder), encoding="utf-8") as file:
        config = file.read()
    copy_of("products.jsonl", os.path.join(folder, "d0"))
    daemon = start(config, env={"REDIS_URL": redis.url, "CACHEWARDEN_LISTEN": "127.0.0.1:0"})
    daemon.wait_redis()
    return daemon


@pytest.mark.parametrize("name", [name for name in NAMES if name != "warming"])
def test_an_example_prints_what_it_says(name, redis, folder):
    needs_file = name in ("entity_invalidation", "key_generation")
    arguments = [copy_of("shop.yaml", folder)] if needs_file else []
    assert program(name, *arguments, env={"REDIS_URL": redis.url}, timeout=60) == expected(name)


def test_the_example_of_warming_prints_what_it_says(redis, shop_daemon):
    env = {"REDIS_URL": redis.url, "CACHEWARDEN_URL": url_of(shop_daemon)}
    assert program("warming", env=env, timeout=60) == expected("warming")


# Python ---------------------------------------------------------------------------------------

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
  computing 2024
after the invalidation: {'year': 2024, 'sales': 6072, 'currency': 'EUR'}
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
-- methods_and_tasks
  counting 7
[700, 700, 700, 700, 700] shop:stock:7
  counting 7
sold 700
-- fallback
from the database
the cache is away
"""


def test_the_python_examples_print_what_they_say(shop_daemon):
    path = os.path.join(EXAMPLES, "cache_usage_examples.py")
    done = subprocess.run([sys.executable, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60,
                          env={**os.environ, "CACHEWARDEN_URL": url_of(shop_daemon)})
    assert done.returncode == 0, done.stderr
    # A warning of the client's log: the last example has no daemon.
    assert re.fullmatch(r"fallback.*runs without the cache: .*\n", done.stderr), done.stderr
    assert done.stdout == SHOWN
