# SPDX-License-Identifier: MIT
"""What one writes without cachewarden: rows of a source into Redis by a pipeline of redis-py.

    redis_py.py SOCKET PREFIX TTL lines PATH
    redis_py.py SOCKET PREFIX TTL postgres DSN QUERY
"""

import json
import sys

import redis

AT_ONCE = 1000


def lines(path):
    with open(path, "rb") as file:
        for line in file:
            yield json.loads(line)["id"], line[:-1]


def postgres(dsn, query):
    import psycopg2  # pylint: disable=import-outside-toplevel

    with psycopg2.connect(dsn) as connection, connection.cursor("rows") as cursor:
        cursor.itersize = 10 * AT_ONCE
        cursor.execute(query)
        yield from cursor


def main():
    socket, prefix, ttl, kind, *source = sys.argv[1:]
    pipe = redis.Redis(unix_socket_path=socket).pipeline(transaction=False)
    rows = lines(*source) if kind == "lines" else postgres(*source)
    for number, (name, value) in enumerate(rows, 1):
        pipe.set(prefix + name, value, ex=int(ttl))
        if number % AT_ONCE == 0:
            pipe.execute()
    pipe.execute()


main()
