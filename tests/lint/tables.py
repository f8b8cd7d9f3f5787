# SPDX-License-Identifier: MIT
"""Holds the manual against the tables: each error, metric and route is documented, and nothing is
documented that is not there, neither in docs/api.md nor in docs/openapi.yaml; and the table of Redis's commands against those that are sent. The
configuration's keys are held against docs/config.md, with their defaults, by
tests/unit/conf/manual_test.c, which has the table itself."""

import re

import yaml

from tree import end, fault, files, read, without_comments


def joined(text):
    """C text with string literals that stand side by side put together."""
    literal = r'"(?:\\.|[^"\\])*"'
    return re.sub(rf"{literal}(?:\s+{literal})+", lambda match: '"' + "".join(
        part[1:-1] for part in re.findall(literal, match.group())) + '"', text)


def compare(page, what, table, manual):
    """Both map a name to its facts."""
    for name in sorted(table.keys() - manual.keys()):
        fault(page, 0, f"{what} {name} is missing")
    for name in sorted(manual.keys() - table.keys()):
        fault(page, 0, f"{what} {name} does not exist")
    for name in sorted(table.keys() & manual.keys()):
        if table[name] != manual[name]:
            fault(page, 0, f"{what} {name} is {table[name]}, not {manual[name]}")


def rows(page, *shapes):
    """The cells of a page's table rows whose first cells have these shapes."""
    for line in read(page).split("\n"):
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        found = [re.fullmatch(shape, cell) for shape, cell in zip(shapes, cells)]
        if line.startswith("|") and len(found) == len(shapes) and all(found):
            yield [match.group(1) for match in found]


def errors():
    text = joined(read("src/base/error.h"))
    table = dict(re.findall(r'X\(\w+, "(\w+)", (\d+), ', text))
    compare("docs/errors.md", "the error", table,
            dict(rows("docs/errors.md", r"`(\w+)`", r"(\d+)")))


def metrics():
    page = "docs/monitoring.md"
    table = {name: (kind.lower(), labels) for kind, name, labels in re.findall(
        r'X\(\w+, (COUNTER|GAUGE|HISTOGRAM), "(\w+)", "([\w,]*)", ', joined(read("src/base/metric.h")))}
    manual = {name: (kind, labels.replace("`", "").replace(" ", "")) for name, kind, labels in rows(
        page, r"`(\w+)`", r"(counter|gauge|histogram)", r"((?:`\w+`(?:, )?)*)")}
    compare(page, "the metric", table, manual)
    for name in re.findall(r"\bcachewarden_(\w+)", read(page)):
        if name not in table and re.sub("_(bucket|sum|count)$", "", name) not in table:
            fault(page, 0, f"the metric cachewarden_{name} does not exist")
    shown = set(re.findall(r'head\(out, "(redis_\w+)"', without_comments(read("src/api/metrics.c"))))
    shown |= set(re.findall(r'X\(\w+, "(redis_\w+)", ', read("src/base/metric_redis.h")))
    section = re.search(r"^Figures of Redis.*?(?=^#|\Z)", read(page), re.M | re.S)
    named = set(re.findall(r"`(redis_\w+)`", section.group())) if section else set()
    compare(page, "the metric", dict.fromkeys(shown), dict.fromkeys(named))


def variants(path):
    """/operations[/{id}] stands for both."""
    match = re.fullmatch(r"(.*)\[(.*)\](.*)", path)
    return [match[1] + match[3], match[1] + match[2] + match[3]] if match else [path]


def routes():
    page, source = "docs/api.md", without_comments(read("src/api/routes.c"))
    for name, text in re.findall(r'^#define (\w+)\s+("[^"]*")$', source, re.M):
        source = re.sub(rf"\b{name}\b", text, source)
    table = set(re.findall(r'\{"([A-Z]+)", "(/[^"]*)",', joined(source)))
    if not table:
        fault("src/api/routes.c", 0, "no route was found: has the table's form changed?")
    methods = r"(?:GET|POST|PUT|PATCH|DELETE)"
    manual = set()
    for heading in re.findall(r"^##+ (.*)$", read(page), re.M):
        for names, path in re.findall(rf"({methods}(?:, {methods})*) (/[^\s,]*)", heading):
            manual |= {(m, p) for m in names.split(", ") for p in variants(path)}
    for method, path in sorted(table - manual):
        fault(page, 0, f"no heading has the route {method} {path}")
    for method, path in sorted(manual):
        if path not in {known for _, known in table}:
            fault(page, 0, f"the route {method} {path} does not exist")


def described(operation, shared, components):
    """An operation of docs/openapi.yaml as the table of routes says it: scope, query, body, help."""
    parameters = [components["parameters"][each["$ref"].split("/")[-1]] if "$ref" in each else each
                  for each in operation.get("parameters", []) + shared]
    query = " ".join(sorted(each["name"] for each in parameters if each["in"] == "query"))
    security = operation.get("security", [])
    scope = "open" if not security else "".join(security[0].get("token", "?")) or "none"
    return scope, query, "requestBody" in operation, operation["summary"]


def openapi():
    page = "docs/openapi.yaml"
    document, source = yaml.safe_load(read(page)), without_comments(read("src/api/routes.c"))
    for name, text in re.findall(r'^#define (\w+)\s+("[^"]*")$', source, re.M):
        source = re.sub(rf"\b{name}\b", text, source)
    table = {}
    for method, path, scope, flags, query, text in re.findall(
            r'\{"([A-Z]+)", "(/[^"]*)", SCOPE_(\w+), ([^,]+), \w+,\s*"([^"]*)",\s*"((?:\\.|[^"\\])*)"\}', joined(source)):
        scope = "open" if "ROUTE_OPEN" in flags else scope.lower()
        body = "ROUTE_JSON" in flags or "ROUTE_BYTES" in flags
        table[f"{method} {path}"] = scope, " ".join(sorted(query.split())), body, text
    found = {}
    for path, item in document["paths"].items():
        for method in item.keys() & {"get", "put", "post", "patch", "delete"}:
            found[f"{method.upper()} {path}"] = described(item[method], item.get("parameters", []), document["components"])
    compare(page, "the route", table, found)


# What follows a command, and stands in the source as commands do.
WORDS = {"COUNT", "DESC", "FREQ", "IDLETIME", "LIMIT", "MASTER", "MATCH", "MAXLEN", "NODES", "NX", "ORDERBY", "PX", "SETNAME", "SLOTS", "USAGE",
         "WITHSCORES", "XX"}
# Sent only while a connection is made, or such that nothing depends on the answer.
COURTESIES = {"AUTH", "CLIENT", "CONFIG", "LATENCY", "MEMORY", "MONITOR", "OBJECT", "RANDOMKEY", "ROLE", "SELECT", "SLOWLOG"}
# Sent to sentinels only, whose user is another one.
TO_SENTINELS = {"SENTINEL", "SUBSCRIBE"}
# They read, but Redis counts no hit or miss for them.
NOT_COUNTED = {"DBSIZE", "DISCARD", "EXEC", "MULTI", "SCAN", "TIME", "WATCH"}


def lookups(sent):
    """Each reading command that is sent by itself says how its reply tells hits from misses.
    Scripts answer theirs."""
    untold = set(re.findall(r"^\tX\((\w+), READS, NONE", read("src/redis/commands.h"), re.M))
    for name in sorted((untold & sent) - NOT_COUNTED):
        fault("src/redis/commands.h", 0, f"the command {name} reads: which replies of it are hits?")


def commands():
    """Each command that is sent, by itself or from a script, has a row in the table of commands and
    is in the needs of a feature, and each row is sent; the manual's ACL line allows them all."""
    page, direct, scripted = "src/redis/commands.h", set(), set()
    for path in files(".c", under=("src",)):
        text = without_comments(read(path))
        direct |= set(re.findall(r'SLICE\("([A-Z]+)"\)', text))
        if 'SLICE("CLUSTER")' in text:
            words = re.findall(r'SLICE\("CLUSTER"\),\s*SLICE\("([A-Z]+)"\)|(?<!SLICE\()"([A-Z]+)"', text)
            direct |= {"CLUSTER|" + (one or other) for one, other in words}
        scripted |= set(re.findall(r"redis\.p?call\('([A-Z]+)'", text))
    direct -= {"CLUSTER"}
    table = set(re.findall(r"^\tX\((\w+), (?:READS|WRITES|ANYWHERE|IN_CLUSTER)", read(page), re.M))
    table |= {f"{name}|{word}" for name, word in re.findall(r"^\tX\((\w+), (\w+), IN_CLUSTER", read(page), re.M)}
    compare(page, "the command", dict.fromkeys((direct | scripted) - WORDS - COURTESIES - TO_SENTINELS), dict.fromkeys(table))
    lookups(direct)
    source = "src/redis/capabilities.c"
    text = joined(without_comments(read(source)).replace("\\\n", ""))
    needs = re.findall(r'X\([A-Z_]+, "[^"]*", "([A-Z /|]+)"\)', text)
    compare(source, "among the needs of the features", dict.fromkeys(table), dict.fromkeys(
        command for text in needs for command in re.split("[ /]", text)))
    page = "docs/security.md"
    lines = re.findall(r"^    ACL SETUSER .*$", read(page), re.M)[:1] + re.findall(r"also needs `([^`]+)`", read(page))
    allowed = {word.upper() for line in lines for word in re.findall(r"\+(\S+)", line)}
    compare(page, "in the ACL line", dict.fromkeys(table), dict.fromkeys(
        word for word in allowed if word.split("|")[0] not in COURTESIES))


errors()
metrics()
routes()
openapi()
commands()
end()
