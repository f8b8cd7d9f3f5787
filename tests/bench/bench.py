# SPDX-License-Identifier: MIT
"""Ours beside its peers, alternating, several rounds in one run: `make bench`.

    bench.py OUT.json [--rounds N] [--keys N] [SECTION ...]

Prints figures, ratios of medians with their spread, and whether each budget is met; writes them to
OUT.json. Exit code 1: a budget was missed. Docs: docs/development/performance.md.
"""

import argparse
import resource
import shutil
import signal
import sys
import tempfile

import bench_cluster
import bench_http
import bench_idle
import bench_invalidate
import bench_warm
import peers
from report import Report

SECTIONS = {
    "invalidate": bench_invalidate.run,
    "warm": bench_warm.run,
    "http": bench_http.run,
    "cluster": bench_cluster.run,
    "idle": bench_idle.run,
}


class Bench:
    """What each section gets: the report, how much to do, a folder of its own."""

    def __init__(self, options, report, folder):
        self.report = report
        self.rounds = options.rounds
        self.keys = options.keys
        self.folder = folder
        self.neighbour = peers.build_neighbour(folder)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", metavar="OUT.json")
    parser.add_argument("sections", nargs="*", metavar="SECTION",
                        help="of " + ", ".join(SECTIONS) + "; all unless given")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keys", type=int, default=1_000_000)
    options = parser.parse_intermixed_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error("no such section: " + ", ".join(sorted(unknown)))
    if options.rounds < 1 or options.keys < 1000 or options.keys % 1000:
        parser.error("at least one round, and thousands of keys")
    return options


def main():
    options = parse()
    missing = [name for name in ("redis-server", "redis-cli", "nginx", "wrk", "webdis",
                                 "prometheus-redis-exporter", "cc") if not shutil.which(name)]
    if missing:
        sys.exit("bench: missing: " + " ".join(missing) + "; apt install redis-server redis-tools "
                 "nginx-light wrk webdis prometheus-redis-exporter gcc")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    report = Report()
    for name in options.sections or SECTIONS:
        folder = tempfile.mkdtemp(prefix="cwb-")
        try:
            report.section(name)
            SECTIONS[name](Bench(options, report, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    report.save(options.out, options.rounds)
    missed = report.missed()
    print(f"\nwritten: {options.out}")
    if missed:
        sys.exit("budgets missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
