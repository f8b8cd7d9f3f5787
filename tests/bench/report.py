# SPDX-License-Identifier: MIT
"""Figures, ratios and budgets: printed as they come, kept for the JSON file.

A ratio is that of the medians over the rounds. Its spread is the least and the greatest ratio of
figures that were taken in the same round: what ran side by side is compared, not what ran an hour
apart.
"""

import json
import os
import platform
import statistics
import subprocess
import time


def median(values):
    return statistics.median(values)


def text(value):
    """Four digits that matter, no exponent."""
    if value == 0 or value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def version_of(*argv):
    """The first line of what a program says of itself."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else None


def machine():
    model = None
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": model,
        "kernel": platform.release(),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") >> 20,
        "load_before": os.getloadavg()[0],
    }


class Report:
    def __init__(self):
        self.began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.machine = machine()
        self.sections = {}
        self.current = None

    def section(self, name):
        self.current = self.sections.setdefault(name, {"figures": [], "budgets": []})
        print(f"\n{name}", flush=True)

    def figure(self, name, values, unit):
        """What was measured, one value a round."""
        self.current["figures"].append({
            "name": name, "unit": unit, "values": values, "median": median(values)})
        print(f"  {name:<56} {text(median(values)):>9} {unit:<7}"
              f" ({text(min(values))} .. {text(max(values))})", flush=True)

    def ratio(self, name, of, to, at_most=None, at_least=None):
        """`of` in units of `to`, both one value a round, against a budget if there is one."""
        rounds = [a / b for a, b in zip(of, to)]
        self._budget(name, median(of) / median(to), rounds, "x", at_most, at_least)

    def limit(self, name, values, unit, at_most=None, at_least=None):
        """A figure with a budget of its own."""
        self._budget(name, median(values), values, unit, at_most, at_least)

    def _budget(self, name, value, rounds, unit, at_most, at_least):
        met = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
        self.current["budgets"].append({
            "name": name, "unit": unit, "value": value, "rounds": rounds,
            "at_most": at_most, "at_least": at_least, "met": met})
        bound = ""
        if at_most is not None:
            bound = f"  budget <= {text(at_most)}: {'met' if met else 'MISSED'}"
        elif at_least is not None:
            bound = f"  budget >= {text(at_least)}: {'met' if met else 'MISSED'}"
        print(f"  {name:<56} {text(value):>9} {unit:<7}"
              f" ({text(min(rounds))} .. {text(max(rounds))}){bound}", flush=True)

    def missed(self):
        return [f"{section}: {budget['name']}" for section, body in self.sections.items()
                for budget in body["budgets"] if not budget["met"]]

    def save(self, path, rounds):
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        versions = {
            "redis": version_of("redis-server", "--version"),
            "nginx": version_of("nginx", "-v"),
            "webdis": version_of("dpkg-query", "-W", "-f", "${Version}", "webdis"),
            "redis_exporter": version_of("dpkg-query", "-W", "-f", "${Version}",
                                         "prometheus-redis-exporter"),
            "wrk": version_of("dpkg-query", "-W", "-f", "${Version}", "wrk"),
        }
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump({"began": self.began, "rounds": rounds, "machine": self.machine,
                       "versions": versions, "sections": self.sections}, file, indent=1)
            file.write("\n")
        os.rename(path + ".new", path)
