# SPDX-License-Identifier: MIT
"""400,000 of 1,000,000 keys go, by what a user does today and by ours, while a neighbour reads."""

import json
import os
import selectors
import time

import peers
from data import GOING, PROFILE, KeySpace
from harness import API
from report import median

USERS = 50  # concurrent requests of one user each
BURSTS = 10  # of them in each round, where they take milliseconds

CONFIG = """
cache:
  default_protected: false
entities:
  user: {field: user_id, patterns: ["user:*:of:{id}"]}
  member: {field: member_id, keys: {card: "member:card:{id}", cart: "member:cart:{id}"}}
"""


def cpu_seconds(server):
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Case:
    """One way to remove the same keys, and what each round of it gave."""

    def __init__(self, name, remove):
        self.name, self.remove = name, remove
        self.seconds, self.p50, self.p99, self.max = [], [], [], []
        self.growth, self.redis_cpu, self.our_cpu = [], [], []

    def round(self, world):
        world.refill()
        before, = world.daemon.status("VmRSS")
        world.daemon.reset_peak()
        cpu = cpu_seconds(world.redis), cpu_seconds(world.daemon)
        with peers.Neighbour(world.neighbour, world.redis, world.space.neighbours) as neighbour:
            self.seconds.append(self.remove(world))
        self.redis_cpu.append(cpu_seconds(world.redis) - cpu[0])
        self.our_cpu.append(cpu_seconds(world.daemon) - cpu[1])
        self.growth.append((world.daemon.status("VmHWM")[0] - before) / 1024)
        world.expect(world.space.staying, self.name)
        self.p50.append(neighbour.felt["p50_ms"])
        self.p99.append(neighbour.felt["p99_ms"])
        self.max.append(neighbour.felt["max_ms"])

    def show(self, report):
        report.figure(self.name, self.seconds, "s")
        report.figure("    processor time of redis-server", self.redis_cpu, "s")
        report.figure("    processor time of cachewardend", self.our_cpu, "s")
        report.figure("    neighbour's GET p50", self.p50, "ms")
        report.figure("    neighbour's GET p99", self.p99, "ms")
        report.figure("    neighbour's GET max", self.max, "ms")


class World:
    def __init__(self, redis, daemon, space, neighbour):
        self.redis, self.daemon, self.space, self.neighbour = redis, daemon, space, neighbour

    def keys(self):
        """How many there are, less our bookkeeping, at one instant."""
        return self.redis("EVAL", """
            local own, cursor = 0, '0'
            repeat
                local page = redis.call('SCAN', cursor, 'MATCH', 'cw:*', 'COUNT', 10000)
                cursor, own = page[1], own + #page[2]
            until cursor == '0'
            return redis.call('DBSIZE') - own""", 0)

    def refill(self):
        self.redis.pipe(self.space.refill)
        self.expect(self.space.count, "the refill")

    def expect(self, count, what):
        there = self.keys()
        if there != count:
            raise RuntimeError(f"after {what} there are {there} keys, not {count}")


def by_names(world):
    return peers.timed(f"redis-cli -s {world.redis.path} < {world.space.unlink_lines} > /dev/null")


def by_names_pipelined(world):
    return world.redis.pipe(world.space.unlink)


def by_xargs(world):
    cli = f"redis-cli -s {world.redis.path}"
    return peers.timed(f"{cli} --scan --pattern '{PROFILE}*' | xargs -L 1000 {cli} unlink")


# The least that any SCAN costs Redis: no reply leaves it, no other client is served meanwhile.
SCRIPT = """
local cursor, n = '0', 0
repeat
    local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 500)
    cursor = page[1]
    if #page[2] > 0 then n = n + redis.call('UNLINK', unpack(page[2])) end
until cursor == '0'
return n"""


def by_script(world):
    began = time.monotonic()
    removed = world.redis("EVAL", SCRIPT, 0, PROFILE + "*")
    if removed != world.space.going:
        raise RuntimeError(f"the script removed {removed}")
    return time.monotonic() - began


def by_ours(patterns, max_latency_ms):
    def remove(world):
        reply = world.daemon.invalidate({
            "patterns": patterns, "max_keys": 1_000_000, "wait": 300,
            "pace": {"max_latency_ms": max_latency_ms}})
        if reply.status != 200 or not reply.json["complete"]:
            raise RuntimeError(f"invalidate: {reply}")
        if reply.json["invalidated"] != world.space.going:
            raise RuntimeError(f"invalidated {reply.json['invalidated']}, not {world.space.going}")
        return reply.took
    return remove


def post(address, body):
    body = json.dumps(body).encode()
    return (f"POST {API}/invalidate HTTP/1.1\r\nHost: {address[0]}\r\n"
            f"Authorization: Bearer {peers.TOKEN}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def is_whole(data):
    head, found, body = data.partition(b"\r\n\r\n")
    at = head.lower().find(b"content-length:")
    return bool(found) and len(body) >= int(head[at + 15:].split(b"\r\n", 1)[0])


def answer_of(data):
    head, _, body = data.partition(b"\r\n\r\n")
    if b" 200 " not in head[:16]:
        raise RuntimeError(f"invalidate: {data!r}")
    return json.loads(body)


class Asker:
    """One request on a connection of its own."""

    def __init__(self, daemon, body):
        self.connection = daemon.connect(peers.PATIENCE)
        self.request = post(daemon.address, body)
        self.data = b""
        self.began = self.took_ms = None

    def send(self):
        self.began = time.monotonic()
        self.connection.sendall(self.request)

    def read(self):
        """Whether the answer is whole. What it says is looked at later, not while others wait."""
        part = self.connection.recv(65536)
        now = time.monotonic()
        self.data += part
        if is_whole(self.data):
            self.took_ms = (now - self.began) * 1000
        elif not part:
            raise RuntimeError("the daemon hung up")
        return self.took_ms is not None


def burst(daemon, bodies):
    """Sends all at once, each on a connection of its own -> [(milliseconds, answer)]."""
    askers = [Asker(daemon, body) for body in bodies]
    end = time.monotonic() + peers.PATIENCE
    with selectors.DefaultSelector() as loop:
        for asker in askers:
            loop.register(asker.connection, selectors.EVENT_READ, asker)
        for asker in askers:
            asker.send()
        while loop.get_map():
            if time.monotonic() > end:
                raise RuntimeError("no answer to a burst of invalidations")
            for key, _ in loop.select(1):
                if key.data.read():
                    loop.unregister(key.fileobj)
    for asker in askers:
        asker.connection.close()
    return [(asker.took_ms, answer_of(asker.data)) for asker in askers]


def passes_of(daemon):
    return daemon.metric("cachewarden_invalidate_passes_total") or 0


def users(world, field, names):
    """One burst; each user has two keys -> (milliseconds of each, passes it took)."""
    for name in names:
        world.redis.pipeline([("SET", name.format(i), "x") for i in range(USERS)])
    before = passes_of(world.daemon)
    results = burst(world.daemon, [{field: i, "wait": 300} for i in range(USERS)])
    passes = passes_of(world.daemon) - before
    for _, answer in results:
        if not answer["complete"] or answer["invalidated"] != len(names):
            raise RuntimeError(f"invalidate of {field}: {answer}")
    return [took for took, _ in results], passes


def run_users(bench, world):
    slowest, passes, quick, quick_passes = [], [], [], []
    for _ in range(bench.rounds):
        took, walked = users(world, "user_id", ["user:cart:of:{}", "user:card:of:{}"])
        slowest.append(max(took))
        passes.append(walked)
        # So short a thing is at the mercy of whatever else runs on the machine.
        bursts = [users(world, "member_id", ["member:card:{}", "member:cart:{}"])
                  for _ in range(BURSTS)]
        quick.append(median([max(took) for took, _ in bursts]))
        quick_passes.append(sum(walked for _, walked in bursts))
    report = bench.report
    report.figure(f"{USERS} users at once, patterns: slowest", slowest, "ms")
    report.limit(f"{USERS} users at once, patterns: passes", passes, "", at_most=3)
    report.limit(f"{USERS} users at once, keys only: slowest", quick, "ms", at_most=5)
    report.limit(f"{USERS} users at once, keys only: passes", quick_passes, "", at_most=0)


def judge(report, names, pipelined, script, xargs, unpaced, ten, paced):
    report.ratio("unpaced : UNLINK of known keys", unpaced.seconds, names.seconds, at_most=1.3)
    report.ratio("unpaced : the same, pipelined", unpaced.seconds, pipelined.seconds)
    report.ratio("unpaced : script inside Redis", unpaced.seconds, script.seconds)
    report.ratio("scan | xargs : unpaced", xargs.seconds, unpaced.seconds, at_least=3.5)
    report.ratio("ten patterns : one", ten.seconds, unpaced.seconds, at_most=1.5)
    report.ratio("paced, neighbour's p99 : under scan | xargs", paced.p99, xargs.p99, at_most=0.5)
    report.ratio("scan | xargs : paced", xargs.seconds, paced.seconds, at_least=2)
    for case in (unpaced, ten, paced):
        report.limit(f"RSS growth, {case.name}", case.growth, "MiB", at_most=8)


def run(bench):
    space = KeySpace(bench.folder, bench.keys)
    names = Case("UNLINK of known keys, 500 a command", by_names)
    pipelined = Case("the same, pipelined", by_names_pipelined)
    xargs = Case("redis-cli --scan | xargs redis-cli unlink", by_xargs)
    script = Case("SCAN and UNLINK by a script inside Redis", by_script)
    unpaced = Case("ours, one pattern, unpaced", by_ours([PROFILE + "*"], 0))
    ten = Case("ours, ten patterns, unpaced", by_ours([prefix + "*" for prefix in GOING], 0))
    paced = Case("ours, one pattern, max_latency 1 ms", by_ours([PROFILE + "*"], 1))
    cases = [names, pipelined, script, xargs, unpaced, ten, paced]
    with peers.BenchRedis(bench.folder) as redis, peers.Ours(bench.folder, redis, CONFIG) as daemon:
        world = World(redis, daemon, space, bench.neighbour)
        daemon.wait_redis()
        redis.pipe(space.fill)
        for number in range(bench.rounds):
            for i in range(len(cases)):  # each round begins with another case
                cases[(number + i) % len(cases)].round(world)
        world.refill()
        quiet = peers.Neighbour(bench.neighbour, redis, space.neighbours)
        with quiet:
            time.sleep(2)
        for case in cases:
            case.show(bench.report)
        bench.report.figure("neighbour's GET p99, nothing else running", [quiet.felt["p99_ms"]],
                            "ms")
        judge(bench.report, *cases)
        run_users(bench, world)
