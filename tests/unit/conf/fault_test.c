/* SPDX-License-Identifier: MIT */
/* Each kind of fault, with its exact place and sentence. */
#include <stddef.h>

#include "../unit.h"
#include "scratch.h"

struct row {
	const char *text, *faults;
};

static void check(const struct row *rows, size_t count)
{
	struct scratch s;

	scratch_begin(&s);
	for (size_t i = 0; i < count; i++)
		scratch_bad(&s, rows[i].text, rows[i].faults);
	scratch_end(&s);
}

#define CHECK(rows) check(rows, sizeof rows / sizeof *rows)

START_TEST(yaml_beyond_plain_maps_is_refused)
{
	static const struct row rows[] = {
		{"a: b: c\n", "c.yaml:1: this is not YAML: mapping values are not allowed in this "
			      "context\n"},
		{"name: x\nlisten: [\n", "c.yaml:3: this is not YAML: did not find expected node "
					 "content while parsing a flow node\n"},
		{"name: &a x\n", "c.yaml:1: anchors (&a) are not accepted: write the text out\n"},
		{"name: *a\n", "c.yaml:1: aliases (*a) are not accepted: write the text out\n"},
		{"name: !!str x\n",
			"c.yaml:1: tags (tag:yaml.org,2002:str) are not accepted: leave it out\n"},
		{"redis:\n  <<: {url: x}\n",
			"c.yaml:2: << merges are not accepted: write the members out\n"
			"c.yaml:2: redis.<< is not a known key: docs/config.md lists them\n"},
		{"name: x\n---\nname: y\n",
			"c.yaml:2: a second document begins here: a file holds one\n"},
		{"name: x\n\nname: y\n",
			"c.yaml:3: name stands twice: first in line 1; keep one of them\n"},
		{"name: \"x\\0y\"\n", "c.yaml:1: a text must not hold a NUL byte\n"
				      "c.yaml:1: name must be a name of 1 to 64 letters, digits, "
				      "'_', '.' and '-'\n"},
		{"- a\n", "c.yaml:1: must be a map of `name: value`\n"},
		{"a\n", "c.yaml:1: must be a map of `name: value`\n"},
		{"? [a]\n: b\n", "c.yaml:1: a map or list cannot be a name: quote it if it is "
				 "meant as text\n"},
		{"name: \xff\n", "c.yaml:1: this is not YAML: invalid leading UTF-8 octet\n"},
		{"name:\n\tx: y\n", "c.yaml:2: this is not YAML: found character that cannot start "
				    "any token while scanning for the next token\n"},
		{"x: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
			"c.yaml:1: is nested deeper than 32 levels\n"},
	};

	CHECK(rows);
}
END_TEST

START_TEST(names_are_known)
{
	static const struct row rows[] = {
		{"redsi:\n  url: x\n", "c.yaml:1: redsi is not a known key: did you mean redis?\n"},
		{"redis:\n  command_timout: 1s\n", "c.yaml:2: redis.command_timout is not a known "
						   "key: did you mean command_timeout?\n"},
		{"\"redis.url\": managed:\n", "c.yaml:1: this is not YAML: mapping values are not "
					      "allowed in this context\n"},
		{"xyzzy: 1\n", "c.yaml:1: xyzzy is not a known key: docs/config.md lists them\n"},
		{"redis: 5\n", "c.yaml:1: redis must be a map of `name: value`\n"},
		{"redis:\n", "c.yaml:1: redis must be a map of `name: value`\n"},
		{"redis: {url: }\n",
			"c.yaml:1: redis.url has no value: give it one, or leave the key out\n"},
		{"invalidate:\n  pace:\n    max_latncy: 1ms\n",
			"c.yaml:3: invalidate.pace.max_latncy is not a known key: did you mean "
			"max_latency?\n"},
		{"warm: {jobs: [{name: a, source: {type: file, path: /x}, key: \"{a}\", retris: "
		 "1}]}\n",
			"c.yaml:1: warm.jobs[0].retris is not a known key: did you mean "
			"retries?\n"},
	};

	CHECK(rows);
}
END_TEST

START_TEST(later_keys_say_so)
{
	static const struct row rows[] = {
		{"tls: {certificate: a, key: b}\n",
			"c.yaml:1: tls is not supported by this version: leave it out\n"},
		{"redis: {url: \"rediss://h/0\"}\n",
			"c.yaml:1: redis.url rediss:// is not supported by this version\n"},
		{"redis: {url: \"redis+sentinel://h/n/0\"}\n",
			"c.yaml:1: redis.url redis+sentinel:// is not supported by this version\n"},
		{"redis: {url: \"redis+cluster://h\"}\n",
			"c.yaml:1: redis.url redis+cluster:// is not supported by this version\n"},
		{"cache: {warn_value_bytes: 1MiB}\n", "c.yaml:1: cache.warn_value_bytes is not "
						      "supported by this version: leave it out\n"},
		{"cache:\n  namespaces:\n    - {prefix: a, ttl: 1h, stale_for: 0s}\n",
			"c.yaml:3: cache.namespaces[0].stale_for is not supported by this version: "
			"leave it out\n"},
		{"cache:\n  namespaces:\n    - {prefix: a, ttl: 1h, compress_above: 0}\n",
			"c.yaml:3: cache.namespaces[0].compress_above is not supported by this "
			"version: leave it out\n"},
		{"sessions: {ttl: 30m}\n",
			"c.yaml:1: sessions is not supported by this version: leave it out\n"},
		{"entities: {u: {keys: [\"u:{id}\"], tags: [\"u-{id}\"]}}\n",
			"c.yaml:1: entities.u.tags is not supported by this version: leave it "
			"out\n"},
		{"sources:\n  shop: {type: postgres}\n",
			"c.yaml:2: sources.shop.type postgres is not supported by this version\n"},
		{"sources:\n  shop: {type: postgres, dsn: x, pool: 4}\n",
			"c.yaml:2: sources.shop.type postgres is not supported by this version\n"
			"c.yaml:2: sources.shop.dsn is not supported by this version: leave it "
			"out\n"
			"c.yaml:2: sources.shop.pool is not supported by this version: leave it "
			"out\n"},
		{"warm: {jobs: [{name: a, source: {type: file, path: /x}, key: \"{a}\", tags: [b], "
		 "mode: swap, after: [c], on: [{invalidated: \"p:*\"}]}]}\n",
			"c.yaml:1: warm.jobs[0].on[0] invalidated is not supported by this "
			"version\n"
			"c.yaml:1: warm.jobs[0].after is not supported by this version: leave it "
			"out\n"
			"c.yaml:1: warm.jobs[0].tags is not supported by this version: leave it "
			"out\n"
			"c.yaml:1: warm.jobs[0].mode swap is not supported by this version\n"},
		{"loaders: {a: {key: b}}\n",
			"c.yaml:1: loaders is not supported by this version: leave it out\n"},
		{"stats: {history: 24h, namespaces: {every: 10m}}\n",
			"c.yaml:1: stats.history is not supported by this version: leave it out\n"
			"c.yaml:1: stats.namespaces is not supported by this version: leave it "
			"out\n"},
		{"alerts: []\ndefault_alerts: false\nnotify: []\naudit: {required: none}\n",
			"c.yaml:1: alerts is not supported by this version: leave it out\n"
			"c.yaml:2: default_alerts is not supported by this version: leave it out\n"
			"c.yaml:3: notify is not supported by this version: leave it out\n"
			"c.yaml:4: audit is not supported by this version: leave it out\n"},
	};

	CHECK(rows);
}
END_TEST

START_TEST(values_fit_their_types)
{
	static const struct row rows[] = {
		{"name: \"a b\"\n", "c.yaml:1: name must be a name of 1 to 64 letters, digits, "
				    "'_', '.' and '-'\n"},
		{"name: [a]\n", "c.yaml:1: name must be one value, not a list or map\n"},
		{"insecure_http: yes\n", "c.yaml:1: insecure_http must be true or false\n"},
		{"redis:\n  connect_timeout: 5\n", "c.yaml:2: redis.connect_timeout is a duration "
						   "without its unit (ms, s, m, h, d or w)\n"},
		{"redis:\n  connect_timeout: 1ms\n",
			"c.yaml:2: redis.connect_timeout must be between 10ms and 1m\n"},
		{"redis: {breaker: {failures: 0}}\n",
			"c.yaml:1: redis.breaker.failures must be between 1 and 1000\n"},
		{"redis: {breaker: {failures: many}}\n",
			"c.yaml:1: redis.breaker.failures is not a whole number\n"},
		{"redis: {memory_limit: 5x}\n",
			"c.yaml:1: redis.memory_limit is not a size such as 512, 64KiB or 1MiB\n"},
		{"cache: {max_value_bytes: 1GiB}\n",
			"c.yaml:1: cache.max_value_bytes must be between 1 and 512MiB\n"},
		{"redis: {managed: {policy: fifo}}\n",
			"c.yaml:1: redis.managed.policy must be one of: noeviction, allkeys-lru, "
			"allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, volatile-random, "
			"volatile-ttl\n"},
		{"log: {level: loud}\n",
			"c.yaml:1: log.level must be one of: debug, info, warning, error\n"},
		{"allowed_hosts: localhost\n",
			"c.yaml:1: allowed_hosts must be a list, such as [a, b]\n"},
		{"allowed_hosts: [\"a:80\"]\n", "c.yaml:1: allowed_hosts[0] must be a host's name "
						"without port, such as cache.example.com\n"},
		{"cache: {protected: [\"\"]}\n",
			"c.yaml:1: cache.protected[0] must not be empty\n"},
		{"cache: {protected: [\"****a*b*c*d*e*f*g*h*i*j*k*l*m*n*o*p*q*\"]}\n",
			"c.yaml:1: cache.protected[0] is not an acceptable pattern: the pattern "
			"has 18 stars; at most 16 are accepted, split it into several patterns\n"},
		{"auth: {anonymous: [reed]}\n",
			"c.yaml:1: auth.anonymous[0] is not a scope: read, metrics, keys, write, "
			"invalidate, flush, warm, sessions, operate, audit or admin\n"},
		{"entities: []\n", "c.yaml:1: entities must be a map of `name: {...}`\n"},
		{"dependencies: {}\n", "c.yaml:1: dependencies must be a list of maps\n"},
		{"dependencies:\n  - a\n",
			"c.yaml:2: dependencies[0] must be a map of `name: value`\n"},
	};

	CHECK(rows);
}
END_TEST

START_TEST(addresses_are_judged)
{
	static const struct row rows[] = {
		{"listen: []\n",
			"c.yaml:1: listen must be a list of addresses, such as [127.0.0.1:8480]\n"},
		{"listen: 127.0.0.1:8480\n",
			"c.yaml:1: listen must be a list of addresses, such as [127.0.0.1:8480]\n"},
		{"listen: [localhost:8480]\n",
			"c.yaml:1: listen[0] is not an address such as 127.0.0.1:8480, [::1]:8480 "
			"or 0.0.0.0:8480 (names are not looked up)\n"},
		{"listen: [\":8480\"]\n",
			"c.yaml:1: listen[0] is not an address such as 127.0.0.1:8480, [::1]:8480 "
			"or 0.0.0.0:8480 (names are not looked up)\n"},
		{"listen: [\"::1:8480\"]\n",
			"c.yaml:1: listen[0] is not an address such as 127.0.0.1:8480, [::1]:8480 "
			"or 0.0.0.0:8480 (names are not looked up)\n"},
		{"listen: [127.0.0.1:65536]\n", "c.yaml:1: listen[0] has no port between 0 and "
						"65535 (0 picks a free one)\n"},
		{"listen: [127.0.0.1:8480, 127.0.0.1:8480]\n",
			"c.yaml:1: listen[1] stands twice in the list\n"},
		{"listen: [{unix: relative}]\n",
			"c.yaml:1: listen[0] must be an absolute path for its Unix socket\n"},
		{"listen: [{unix: /a, mode: \"0999\"}]\n",
			"c.yaml:1: listen[0] has a mode that is not octal such as \"0660\"\n"},
		{"listen: [{unix: /a, mod: \"0660\"}]\n",
			"c.yaml:1: listen[0] must be an address or a map such as {unix: "
			"/run/cachewarden/admin.sock, mode: \"0660\"}\n"},
		{"listen:\n  - 127.0.0.1:1\n  - 0.0.0.0:8480\n",
			"c.yaml:1: listen has 0.0.0.0:8480, which other machines may reach without "
			"TLS: use a loopback address, or say insecure_http: true\n"},
		{"listen: [\"[::]:8480\"]\n",
			"c.yaml:1: listen has [::]:8480, which other machines may reach without "
			"TLS: use a loopback address, or say insecure_http: true\n"},
		{"redis: {url: \"http://x\"}\n",
			"c.yaml:1: redis.url is not a URL such as redis://localhost:6379/0, "
			"unix:///path?db=0 or managed:\n"},
		{"redis: {url: \"redis://h:99999\"}\n",
			"c.yaml:1: redis.url has a port that is not between 1 and 65535\n"},
		{"redis: {url: \"redis://h/one\"}\n",
			"c.yaml:1: redis.url has a database that is not a number such as 0\n"},
		{"redis: {url: \"redis:///0\"}\n",
			"c.yaml:1: redis.url has no host such as redis://localhost:6379/0\n"},
		{"redis: {url: \"redis://u%zz@h\"}\n",
			"c.yaml:1: redis.url has a broken %XX in its user or password\n"},
		{"redis: {url: \"redis://h/0?x=1\"}\n",
			"c.yaml:1: redis.url knows only ?db=N behind the path\n"},
		{"redis: {url: \"unix://relative\"}\n", "c.yaml:1: redis.url has no absolute path "
							"such as unix:///run/redis/redis.sock\n"},
	};

	CHECK(rows);
}
END_TEST

START_TEST(who_may_come_in)
{
	static const struct row rows[] = {
		{"auth: {anonymous: [flush]}\n", "c.yaml:1: auth.anonymous must not hold flush or "
						 "admin: make a token for that\n"},
		{"auth: {anonymous: [admin]}\n", "c.yaml:1: auth.anonymous must not hold flush or "
						 "admin: make a token for that\n"},
		{"listen: [10.0.0.1:1]\ninsecure_http: true\nauth:\n  anonymous: [metrics, read]\n",
			"c.yaml:4: auth.anonymous may hold more than metrics only where every "
			"listen address is a loopback address or a Unix socket\n"},
		{"auth: {tokens: [{name: a}]}\n",
			"c.yaml:1: auth.tokens[0].sha256 is missing: give the SHA-256 of the whole "
			"token, 64 hexadecimal digits\n"
			"c.yaml:1: auth.tokens[0].scopes is missing: say what the token may do, "
			"such as [read]\n"},
		{"auth: {tokens: [{name: a, sha256: abc, scopes: []}]}\n",
			"c.yaml:1: auth.tokens[0].sha256 must be the 64 hexadecimal digits of the "
			"token's SHA-256\n"
			"c.yaml:1: auth.tokens[0].scopes must name at least one scope\n"},
		{"auth:\n  tokens:\n"
		 "    - {name: a, sha256: "
		 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, scopes: "
		 "[read]}\n"
		 "    - {name: b, sha256: "
		 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, scopes: "
		 "[read], expires: soon}\n",
			"c.yaml:4: auth.tokens[1].expires is not a time such as "
			"2026-11-24T05:45:18Z or a date such as 2026-11-24\n"},
		{"auth:\n  tokens:\n"
		 "    - {name: a, sha256: "
		 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, scopes: "
		 "[read]}\n"
		 "    - {name: b, sha256: "
		 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, scopes: "
		 "[read]}\n",
			"c.yaml:2: auth.tokens a and b have the same sha256\n"},
	};

	CHECK(rows);
}
END_TEST

START_TEST(entities_and_rules_name_what_they_use)
{
	static const struct row rows[] = {
		{"entities:\n  u: {field: a}\n",
			"c.yaml:2: entities.u needs keys or patterns that are about it\n"},
		{"entities:\n  u: {keys: [\"u:{uid}\"]}\n",
			"c.yaml:2: entities.u u:{uid} must hold {id} and no other name\n"},
		{"entities:\n  u: {keys: [\"u\"]}\n",
			"c.yaml:2: entities.u u must hold {id} and no other name\n"},
		{"entities:\n  u: {keys: [\"u:{id}\"], patterns: [\"*:{id}:{x}\"]}\n",
			"c.yaml:2: entities.u *:{id}:{x} must hold {id} and no other name\n"},
		{"entities:\n  u: {keys: [\"u:{id\"]}\n",
			"c.yaml:2: entities.u.keys[0] has a lone '{'; write {{ for a brace, {name} "
			"for a value\n"},
		{"entities:\n  u: {keys: [\"u:{id}\"], field: patterns}\n",
			"c.yaml:1: entities u has the field patterns, which means something else "
			"in an invalidation\n"},
		{"entities:\n  u: {keys: [\"u:{id}\"], field: f}\n  v: {keys: [\"v:{id}\"], field: "
		 "f}\n",
			"c.yaml:1: entities u and v have the same field, f\n"},
		{"dependencies:\n  - {when: \"a:{id}\"}\n",
			"c.yaml:2: dependencies[0] needs invalidate or patterns: what goes with "
			"the key\n"},
		{"dependencies:\n  - {invalidate: [\"a\"]}\n",
			"c.yaml:2: dependencies[0].when is missing: say which key it is about, "
			"such as \"user:profile:{id}\"\n"},
		{"dependencies:\n  - {when: \"a:{id}\", invalidate: [\"b:{name}\"]}\n",
			"c.yaml:2: dependencies[0] has b:{name} with {name}, which `when` does not "
			"have\n"},
		{"cache:\n  namespaces:\n    - {prefix: a, ttl: 1h}\n    - {prefix: a, ttl: 2h}\n",
			"c.yaml:4: cache.namespaces has prefix a twice: first at c.yaml:3\n"},
		{"cache:\n  namespaces:\n    - {prefix: a}\n",
			"c.yaml:3: cache.namespaces[0].ttl is missing: say how long its keys live, "
			"such as 30m\n"},
	};

	CHECK(rows);
}
END_TEST

#define JOB(rest) "warm:\n  jobs:\n    - name: j\n      key: \"{a}\"\n      " rest "\n"

START_TEST(jobs_and_sources_fit_together)
{
	static const struct row rows[] = {
		{"warm: {jobs: [{}]}\n",
			"c.yaml:1: warm.jobs[0].name is missing: give the job a name\n"
			"c.yaml:1: warm.jobs[0].source is missing: say where its rows come from\n"
			"c.yaml:1: warm.jobs[0].key is missing: say how a row's key is made, such "
			"as \"rate:{code}\"\n"},
		{JOB("source: {path: /x}"),
			"c.yaml:5: warm.jobs[0].source has no type: file, command or http\n"},
		{JOB("source: {type: file}"),
			"c.yaml:5: warm.jobs[0].source needs path: the file to read\n"},
		{JOB("source: {type: file, path: /x, argv: [a]}"),
			"c.yaml:5: warm.jobs[0].source has argv, which does not go with type "
			"file\n"},
		{JOB("source: {type: command}"),
			"c.yaml:5: warm.jobs[0].source needs argv: the program and its arguments, "
			"such as [cat, /srv/a.jsonl]\n"},
		{JOB("source: {type: command, argv: []}"),
			"c.yaml:5: warm.jobs[0].source.argv must be a list: the program and its "
			"arguments\n"},
		{JOB("source: {type: http, path: /x}"), "c.yaml:5: warm.jobs[0].source needs "
							"base_url, such as https://api.internal\n"},
		{JOB("source: {type: http, base_url: \"ftp://x\", path: /x}"),
			"c.yaml:5: warm.jobs[0].source has a base_url that does not begin with "
			"http:// or https://\n"},
		{JOB("source: {type: http, base_url: \"http://u:p@x\", path: /x}"),
			"c.yaml:5: warm.jobs[0].source has credentials in its base_url: put them "
			"into headers\n"},
		{JOB("source: {type: http, base_url: \"http://x\"}"),
			"c.yaml:5: warm.jobs[0].source needs path, such as /items\n"},
		{JOB("source: {type: http, base_url: \"http://x\", path: \"/{page}\"}"),
			"c.yaml:5: warm.jobs[0].source has {page} in its path, but no pages: "
			"{from: 1, until: empty}\n"},
		{JOB("source: {type: http, base_url: \"http://x\", path: /a, pages: {from: 1}}"),
			"c.yaml:5: warm.jobs[0].source has pages, but no {page} in its path\n"},
		{JOB("source: {type: http, base_url: \"http://x\", path: \"/{id}\"}"),
			"c.yaml:5: warm.jobs[0].source has a path with another name than {page}\n"},
		{JOB("source: {type: http, base_url: \"http://x\", path: \"/{page}\", pages: "
		     "{until: 5}}"),
			"c.yaml:5: warm.jobs[0].source.pages has an until that is not: empty (the "
			"first page without rows)\n"},
		{JOB("source: {type: http, base_url: \"http://x\", path: /a, headers: {\"a b\": "
		     "c}}"),
			"c.yaml:5: warm.jobs[0].source.headers.a b is not a header's name\n"},
		{JOB("source: {type: file, path: /x, rows: /items}"),
			"c.yaml:5: warm.jobs[0].source has rows, which go with format json only\n"},
		{JOB("source: {use: nothing}"),
			"c.yaml:5: warm.jobs[0].source uses nothing, which is not among sources\n"},
		{JOB("source: {use: s, type: file}"), "c.yaml:5: warm.jobs[0].source has use and "
						      "type: a shared source brings its type\n"},
		{"sources: {s: {type: http, base_url: \"http://x\"}}\n" JOB(
			 "source: {use: s, path: /a, ca: /b}"),
			"c.yaml:6: warm.jobs[0].source has use and ca: a job may add path, rows, "
			"format and pages to a shared source\n"},
		{"sources: {s: {type: file, use: t}}\n",
			"c.yaml:1: sources.s has use, which stands in a job's source only\n"},
		{JOB("source: {type: file, path: /x}\n      schedule: {jitter: 1s}"),
			"c.yaml:3: warm.jobs[0] needs a schedule with either cron or every\n"},
		{JOB("source: {type: file, path: /x}\n      schedule: {every: 1m, cron: \"* * * * "
		     "*\"}"),
			"c.yaml:3: warm.jobs[0] needs a schedule with either cron or every\n"},
		{JOB("source: {type: file, path: /x}\n      schedule: {every: 1m, time_zone: UTC}"),
			"c.yaml:3: warm.jobs[0] has a schedule with every and time_zone: it counts "
			"from the epoch\n"},
		{JOB("source: {type: file, path: /x}\n      value: a\n      value_base64: b"),
			"c.yaml:3: warm.jobs[0] has value and value_base64: keep one of them\n"},
		{JOB("source: {type: file, path: /x}\n      mode: fast\n      ttl_jitter: 95%"),
			"c.yaml:7: warm.jobs[0].ttl_jitter must be between 0% and 90%, such as "
			"10%\n"
			"c.yaml:6: warm.jobs[0].mode must be one of: replace, missing, refresh\n"},
		{JOB("source: {type: file, path: /x}\n      on: [boot]\n      ttl: soon"),
			"c.yaml:6: warm.jobs[0].on[0] must be startup or redis_flushed\n"
			"c.yaml:7: warm.jobs[0].ttl is not a duration such as 250ms, 1h30m or "
			"7d\n"},
		{JOB("source: {type: file, path: /x}\n    - name: j\n      key: b\n      source: "
		     "{type: file, path: /y}"),
			"c.yaml:6: warm.jobs has name j twice: first at c.yaml:3\n"},
	};

	CHECK(rows);
}
END_TEST

TEST_SUITE("conf_faults", yaml_beyond_plain_maps_is_refused, names_are_known, later_keys_say_so,
	values_fit_their_types, addresses_are_judged, who_may_come_in,
	entities_and_rules_name_what_they_use, jobs_and_sources_fit_together)
