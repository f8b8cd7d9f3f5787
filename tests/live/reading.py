# SPDX-License-Identifier: MIT
"""What the tests of read-through share: a source whose answers a test decides, and many clients at
once, all on one asyncio loop in a thread of its own."""

import asyncio
import collections
import json
import random
import threading

from harness import API, DEADLINE, Reply, open_config

RESULTS = "/api/v1/cache/results/"


class Web:
    """`answer` is a coroutine function: path -> (status, body), where the body is bytes or gives them
    piece by piece. Each path's loads are counted."""

    def __init__(self):
        self.loads = collections.Counter()
        self.answer = self.row
        self.delay = 0.0
        self.status = 200
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.server = self.run(asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1024))

    async def row(self, path):
        """The usual answer: {"path": ..., "load": which one it is}."""
        load = self.loads[path]
        await asyncio.sleep(self.delay)
        return self.status, json.dumps({"path": path, "load": load}).encode()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]

    def run(self, coroutine, seconds=DEADLINE):
        """Runs it on the loop; its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds)

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                self.loads[path] += 1
                status, body = await self.answer(path)
                if isinstance(body, bytes):
                    writer.write(b"HTTP/1.1 %d -\r\nContent-Length: %d\r\n\r\n%s" %
                                 (status, len(body), body))
                else:
                    await self.chunks(writer, status, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    @staticmethod
    async def chunks(writer, status, parts):
        writer.write(b"HTTP/1.1 %d -\r\nTransfer-Encoding: chunked\r\n\r\n" % status)
        async for part in parts:
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    def close(self):
        async def end():
            self.server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def flood(self, requests, seconds=60):
        """Sends them all at once, each (daemon, method, path, body) on a connection of its own;
        their replies in order."""
        async def all_of_them():
            clients = [Client(request[0]) for request in requests]
            await asyncio.gather(*(client.connect() for client in clients))
            replies = await asyncio.gather(*(
                client.request(*request[1:]) for client, request in zip(clients, requests)))
            for client in clients:
                client.close()
            return replies

        return self.run(all_of_them(), seconds)


class Client:
    """A connection that is kept."""

    def __init__(self, daemon):
        self.address, self.tls = daemon.address, daemon.tls
        self.reader = self.writer = None

    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection(*self.address, ssl=self.tls)

    async def request(self, method, path, body=None, headers=None):
        if self.writer is None:
            await self.connect()
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        began = self.loop_time()
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
        return await self.read(began)

    async def read(self, began):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        data = await self.reader.readexactly(int(headers.get("Content-Length", 0)))
        return Reply(int(head[0].split(" ")[1]), headers, data, self.loop_time() - began)

    @staticmethod
    def loop_time():
        return asyncio.get_running_loop().time()

    def close(self):
        if self.writer:
            self.writer.close()


MANY = "limits: {per_ip: 4096}\n"


def begin(start, redis, rows, extra=""):
    """A daemon with these loaders that has found its Redis."""
    daemon = start(open_config(redis, MANY + loaders(**rows) + extra))
    daemon.wait_redis()
    return daemon


def loaders(**rows):
    return "loaders:\n" + "".join(f"  {name}: {json.dumps(row)}\n" for name, row in rows.items())


def web_loader(web, **more):
    """A loader of x:{id} from /x/{id}."""
    return {"params": ["id"], "key": "x:{id}", **more,
            "source": {"type": "http", "format": "json", "base_url": web.url, "path": "/x/{id}",
                       **more.pop("source", {})}}


def command(script, **more):
    """A loader of c:{id}: a shell's standard output, with the id as its $1."""
    return {"key": "c:{id}", "params": ["id"], **more,
            "source": {"type": "command", "format": "jsonl",
                       "argv": ["sh", "-c", script, "sh", "{id}"]}}


def result(daemon, loader, seconds=DEADLINE, token=None, **params):
    return daemon.post(RESULTS + loader, {"params": params}, timeout=seconds, token=token)


class Rounds:
    """The race of loads with invalidations: (load begins, invalidate, load ends), many keys at a
    time, and afterwards Redis must not hold anything older than its last invalidation.

    A round's value is its key's version when the load began. The invalidation raises the version
    first, as whoever changes a record does, and comes at a random time of the load or just after.
    """

    def __init__(self, web, load_seconds=0.02):
        self.web = web
        self.load_seconds = load_seconds
        self.version = collections.Counter()
        self.begun = {}

    def begin(self, number):
        """What a source reads now, and gives some time later."""
        self.begun[number].set()
        return self.version[number]

    async def load(self, number):
        version = self.begin(number)
        await asyncio.sleep(random.random() * self.load_seconds)
        return version

    async def invalidate(self, client, number, selector):
        await self.begun[number].wait()
        await asyncio.sleep(random.random() * self.load_seconds * 1.5)
        self.version[number] += 1
        reply = await client.request("POST", API + "/invalidate", selector)
        assert reply.status == 200 and reply.json["complete"], reply

    def run(self, numbers, one_load, selector, daemons, at_once=48):
        """`one_load(client, number)` loads and stores; `selector(number)` names what is
        invalidated meanwhile. Loads and invalidations go to different daemons."""
        async def work(mine, first):
            loader, remover = (Client(daemons[(first + i) % len(daemons)]) for i in (0, 1))
            for number in mine:
                await asyncio.gather(one_load(loader, number),
                                     self.invalidate(remover, number, selector(number)))
            for client in (loader, remover):
                client.close()

        async def all_of_them():
            self.begun = {number: asyncio.Event() for number in numbers}
            await asyncio.gather(*(work(numbers[i::at_once], i) for i in range(at_once)))

        self.web.run(all_of_them(), 1800)

    def older(self, redis, count, key="x:{}"):
        """Which keys hold what was loaded before their invalidation, and how many hold anything."""
        values = redis.pipeline([("GET", key.format(i)) for i in range(count)])
        held = [(i, json.loads(value)["version"]) for i, value in enumerate(values) if value]
        return [i for i, version in held if version < self.version[i]], len(held)
