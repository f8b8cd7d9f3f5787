# SPDX-License-Identifier: MIT
"""The programs of docs/examples do what they say: each ends with what it prints."""

import glob
import os
import re
import shutil

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
