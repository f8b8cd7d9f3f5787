/* SPDX-License-Identifier: MIT */
/* Each kind of fault in what keys mean together, with the exact place and sentence. */
#include "../unit.h"
#include "scratch.h"

static const struct scratch_fault callers[] = {
	{"auth: {anonymous: [flush]}\n", "c.yaml:1: auth.anonymous must not contain flush or "
					 "admin: use a token for these\n"},
	{"auth: {anonymous: [admin]}\n", "c.yaml:1: auth.anonymous must not contain flush or "
					 "admin: use a token for these\n"},
	{"listen: [10.0.0.1:1]\ninsecure_http: true\nauth:\n  anonymous: [metrics, read]\n",
		"c.yaml:4: auth.anonymous may contain more than metrics only if every listen "
		"address is a loopback address or a Unix socket\n"},
	{"auth: {tokens: [{name: a}]}\n",
		"c.yaml:1: auth.tokens[0].scopes is missing: list what the token may do, such as "
		"[read]\n"},
	{"auth: {tokens: [{name: a, scopes: [read]}]}\n",
		"c.yaml:1: auth.tokens[0] has no sha256: give the SHA-256 of the whole token, 64 "
		"hexadecimal digits (or client_certificate, that of a client's certificate)\n"},
	{"auth: {tokens: [{name: a, client_certificate: "
	 "\"9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B\", scopes: [read]}]}\n",
		"c.yaml:1: auth.tokens[0].client_certificate must be the 64 hexadecimal digits of "
		"the certificate's SHA-256, without colons\n"},
	{"auth:\n  tokens:\n"
	 "    - name: a\n"
	 "      client_certificate: "
	 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
	 "      scopes: [read]\n",
		"c.yaml:4: auth.tokens[0].client_certificate needs tls.client_ca: without it, "
		"clients show no certificate\n"},
	{"auth:\n  tokens:\n"
	 "    - name: a\n"
	 "      sha256: "
	 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
	 "      client_certificate: "
	 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a09\n"
	 "      scopes: [read]\n",
		"c.yaml:3: auth.tokens[0] has both sha256 and client_certificate: make two "
		"entries, which may have the same name\n"},
	{"tls: {certificate: /dev/null}\n", "c.yaml:1: tls.certificate needs tls.key beside it\n"},
	{"tls: {key: /dev/null}\n", "c.yaml:1: tls.key needs tls.certificate beside it\n"},
	{"tls: {client_ca: /dev/null}\n",
		"c.yaml:1: tls.client_ca needs tls.certificate and tls.key beside it\n"},
	{"tls: {certificate: /dev/null, key: /dev/null}\n",
		"c.yaml:1: tls.certificate names /dev/null, which is not a regular file\n"},
	{"auth: {tokens: [{name: a, sha256: abc, scopes: []}]}\n",
		"c.yaml:1: auth.tokens[0].sha256 must be the 64 hexadecimal digits of the token's "
		"SHA-256\nc.yaml:1: auth.tokens[0].scopes must not be empty\n"},
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
		"c.yaml:4: auth.tokens[1].sha256 is also that of the token a\n"},
};

TEST_CALL(contradictory_rules_of_access_are_refused, SCRATCH_FAULTS(callers))

static const struct scratch_fault entities[] = {
	{"entities:\n  u: {field: a}\n", "c.yaml:2: entities.u must have keys, patterns or tags\n"},
	{"entities:\n  u: {keys: [\"u:{uid}\"]}\n",
		"c.yaml:2: entities.u u:{uid} must contain {id} and no other placeholder\n"},
	{"entities:\n  u: {keys: [\"u\"]}\n",
		"c.yaml:2: entities.u u must contain {id} and no other placeholder\n"},
	{"entities:\n  u: {keys: [\"u:{id}\"], patterns: [\"*:{id}:{x}\"]}\n",
		"c.yaml:2: entities.u *:{id}:{x} must contain {id} and no other placeholder\n"},
	{"entities:\n  u: {keys: [\"u:{id\"]}\n",
		"c.yaml:2: entities.u.keys[0] has a lone '{'; write {{ for a brace, {name} "
		"for a value\n"},
	{"entities:\n  u: {keys: [\"u:{id}\"], field: patterns}\n",
		"c.yaml:2: entities.u.field is patterns, which has another meaning in the body of "
		"/invalidate or /expire\n"},
	{"entities:\n  u: {keys: [\"u:{id}\"], field: spread}\n  v: {keys: [\"u:{id}\"], field: "
	 "jitter}\n",
		"c.yaml:2: entities.u.field is spread, which has another meaning in the body of "
		"/invalidate or /expire\n"
		"c.yaml:3: entities.v.field is jitter, which has another meaning in the body of "
		"/invalidate or /expire\n"},
	{"entities:\n  u: {keys: [\"u:{id}\"], field: f}\n  v: {keys: [\"v:{id}\"], field: "
	 "f}\n",
		"c.yaml:3: entities.v.field is f, which entities.u already uses\n"},
	{"dependencies:\n  - {when: \"a:{id}\"}\n",
		"c.yaml:2: dependencies[0] must have invalidate or patterns: what is invalidated "
		"with the key\n"},
	{"dependencies:\n  - {invalidate: [\"a\"]}\n",
		"c.yaml:2: dependencies[0].when is missing: give the key that it is for, such as "
		"\"user:profile:{id}\"\n"},
	{"dependencies:\n  - {when: \"a:{id}\", invalidate: [\"b:{name}\"]}\n",
		"c.yaml:2: dependencies[0] has b:{name} with {name}, which is not in `when`\n"},
	{"cache:\n  namespaces:\n    - {prefix: a, ttl: 1h}\n    - {prefix: a, ttl: 2h}\n",
		"c.yaml:4: cache.namespaces has prefix a twice: first at c.yaml:3\n"},
	{"cache:\n  namespaces:\n    - {prefix: a}\n",
		"c.yaml:3: cache.namespaces[0].ttl is missing: give the lifetime of its keys, such "
		"as 30m\n"},
};

TEST_CALL(entities_and_dependencies_need_sound_templates, SCRATCH_FAULTS(entities))

#define JOB(rest) "warm:\n  jobs:\n    - name: j\n      key: \"{a}\"\n      " rest "\n"

static const struct scratch_fault jobs[] = {
	{"warm: {jobs: [{name: j, key: \"cw:{a}\", source: {type: file, path: /x}}]}\n",
		"c.yaml:1: warm.jobs[0].key begins with cw:, which is reserved for cachewarden's "
		"own keys (redis.own_prefix)\n"},
	{JOB("source: {type: file, path: /x}\n      schedule:\n        time_zone: Europe/Pariss\n"
	     "        cron: \"61 * * * *\""),
		"c.yaml:8: warm.jobs[0].schedule.cron \"61 * * * *\" has a minute outside 0-59\n"
		"c.yaml:7: warm.jobs[0].schedule.time_zone \"Europe/Pariss\" is not a known time "
		"zone, such as Europe/Paris\n"},
	{JOB("source: {type: file, path: /x}\n      schedule: {cron: CRON_TZ=UTC 0 3 * * *}"),
		"c.yaml:6: warm.jobs[0].schedule.cron \"CRON_TZ=UTC 0 3 * * *\" begins with a time "
		"zone: write it as time_zone beside cron\n"},
	{"warm: {jobs: [{}]}\n", "c.yaml:1: warm.jobs[0].name is missing: give the job a "
				 "name\nc.yaml:1: warm.jobs[0].source is missing: define where its "
				 "rows come from\n"},
	{JOB("source: {path: /x}"),
		"c.yaml:5: warm.jobs[0].source must have a type: file, command, http or "
		"postgres\n"},
	{JOB("source: {type: file}"),
		"c.yaml:5: warm.jobs[0].source must have path: the file to read\n"},
	{JOB("source: {type: file, path: /x, argv: [a]}"),
		"c.yaml:5: warm.jobs[0].source has argv, which cannot be used with type file\n"},
	{JOB("source: {type: command}"),
		"c.yaml:5: warm.jobs[0].source must have argv: the program and its arguments, such "
		"as [cat, /srv/a.jsonl]\n"},
	{JOB("source: {type: command, argv: []}"),
		"c.yaml:5: warm.jobs[0].source.argv must not be empty\n"},
	{JOB("source: {type: http, path: /x}"),
		"c.yaml:5: warm.jobs[0].source must have base_url, such as https://api.internal\n"},
	{JOB("source: {type: http, base_url: \"ftp://x\", path: /x}"),
		"c.yaml:5: warm.jobs[0].source has a base_url that does not begin with "
		"http:// or https://\n"},
	{JOB("source: {type: http, base_url: \"http://u:p@x\", path: /x}"),
		"c.yaml:5: warm.jobs[0].source has credentials in its base_url: use headers "
		"instead\n"},
	{JOB("source: {type: http, base_url: \"http://x\"}"),
		"c.yaml:5: warm.jobs[0].source must have path, such as /items\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: \"/{page}\"}"),
		"c.yaml:5: warm.jobs[0].source has {page} in its path, but no pages: "
		"{from: 1, until: empty}\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: /a, pages: {from: 1}}"),
		"c.yaml:5: warm.jobs[0].source has pages, but no {page} in its path\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: \"/{id}\"}"),
		"c.yaml:5: warm.jobs[0].source has a path with a placeholder other than {page}\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: \"/{page}\", pages: "
	     "{until: 5}}"),
		"c.yaml:5: warm.jobs[0].source.pages has an until other than empty (the first page "
		"without rows)\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: /a, headers: {\"a b\": "
	     "c}}"),
		"c.yaml:5: warm.jobs[0].source.headers.a b is not the name of a header\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: \"/{page}\", pages: {max: 0}}"),
		"c.yaml:5: warm.jobs[0].source.pages has a max that is not a whole number from 1 "
		"to "
		"1000000000\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: \"/{page}\", pages: {size: 5}}"),
		"c.yaml:5: warm.jobs[0].source.pages has size: only from, until, next, parameter "
		"and max are known\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: \"/{page}\", pages: {next: "
	     "link}}"),
		"c.yaml:5: warm.jobs[0].source has {page} in its path, but pages with next\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: /a, pages: {next: meta}}"),
		"c.yaml:5: warm.jobs[0].source.pages has a next that is neither link nor a JSON "
		"pointer such as /meta/next\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: /a, pages: {next: /n}}"),
		"c.yaml:5: warm.jobs[0].source has pages with a next pointer, which needs format "
		"json and rows, such as /items\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: /a, pages: {next: link, from: "
	     "1}}"),
		"c.yaml:5: warm.jobs[0].source.pages has next, and from or until, which belong to "
		"numbered pages\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: /a, pages: {next: link, "
	     "parameter: "
	     "a}}"),
		"c.yaml:5: warm.jobs[0].source.pages has a parameter, but no next that is a JSON "
		"pointer\n"},
	{JOB("source: {type: http, base_url: \"http://x\", path: /a, pages: {next: /n, parameter: "
	     "\"a&b\"}}"),
		"c.yaml:5: warm.jobs[0].source.pages has a parameter that is not the name of one, "
		"such as cursor\n"},
	{JOB("source: {type: file, path: /x, format: csv, delimiter: \"a\"}"),
		"c.yaml:5: warm.jobs[0].source.delimiter must be one of \",\", \";\", \"\\t\", "
		"\"|\", "
		"\":\", \"^\" and \"~\"\n"},
	{JOB("source: {type: file, path: /x, delimiter: \";\"}"),
		"c.yaml:5: warm.jobs[0].source has a delimiter, which can be used with format csv "
		"only\n"},
	{JOB("source: {type: command, argv: [\"{x}\", a]}"),
		"c.yaml:5: warm.jobs[0].source.argv[0] is a placeholder: callers could choose the "
		"program to run\n"},
	{JOB("source: {type: file, path: /x, rows: /items}"),
		"c.yaml:5: warm.jobs[0].source has rows, which can be used with format json "
		"only\n"},
	{"warm:\n  jobs:\n    - {name: j, source: {type: file, path: /x}}\n",
		"c.yaml:3: warm.jobs[0] must have a key: give the template of a row's key, such as "
		"\"rate:{code}\"\n"},
	{JOB("source: {type: file, path: /x}\n      visit: {type: http, base_url: \"http://x\", "
	     "path: "
	     "/a}"),
		"c.yaml:3: warm.jobs[0] has visit, which belongs to mode visit\n"},
	{JOB("source: {type: file, path: /x}\n      mode: visit"),
		"c.yaml:3: warm.jobs[0] must have visit, such as {use: api, path: "
		"\"/products/{id}\"}\n"},
	{JOB("source: {type: file, path: /x}\n      mode: visit\n      visit: {type: http, "
	     "base_url: "
	     "\"http://x\", path: /a}"),
		"c.yaml:3: warm.jobs[0] has key, but mode visit, which stores nothing\n"},
	{JOB("source: {type: file, path: /x}\n      visit: {type: file, path: /a}"),
		"c.yaml:6: warm.jobs[0].visit is not of type http\n"},
	{JOB("source: {use: nothing}"),
		"c.yaml:5: warm.jobs[0].source uses nothing, which is not in sources\n"},
	{JOB("source: {use: s, type: file}"), "c.yaml:5: warm.jobs[0].source has use and type: the "
					      "type is that of the shared source\n"},
	{"sources: {s: {type: http, base_url: \"http://x\"}}\n" JOB(
		 "source: {use: s, path: /a, ca: /b}"),
		"c.yaml:6: warm.jobs[0].source has use and ca: a job or loader may add path, rows, "
		"format, delimiter, pages, query and count to a shared source\n"},
	{JOB("source: {type: postgres, query: SELECT}"),
		"c.yaml:5: warm.jobs[0].source must have dsn, such as \"host=db dbname=shop "
		"user=cachewarden\"\n"},
	{JOB("source: {type: postgres, dsn: x}"),
		"c.yaml:5: warm.jobs[0].source must have query, such as SELECT id, name FROM "
		"product\n"},
	{JOB("source: {type: postgres, dsn: x, query: SELECT $1}"),
		"c.yaml:5: warm.jobs[0].source has $1 or the like in its query, which only a "
		"loader's query may have\n"},
	{JOB("source: {type: postgres, dsn: x, query: a, format: csv}"),
		"c.yaml:5: warm.jobs[0].source has format, which cannot be used with type "
		"postgres\n"},
	{JOB("source: {type: file, path: /x, query: a}"),
		"c.yaml:5: warm.jobs[0].source has query, which cannot be used with type file\n"},
	{"sources: {s: {type: postgres, dsn: x, password: a, password_file: c.yaml}}\n",
		"c.yaml:1: sources.s has password and password_file: remove one of them\n"},
	{"sources: {s: {type: file, use: t}}\n",
		"c.yaml:1: sources.s has use, which only the source of a job or loader may have\n"},
	{JOB("source: {type: file, path: /x}\n      schedule: {jitter: 1s}"),
		"c.yaml:3: warm.jobs[0] must have a schedule with either cron or every\n"},
	{JOB("source: {type: file, path: /x}\n      schedule: {every: 1m, cron: \"* * * * "
	     "*\"}"),
		"c.yaml:3: warm.jobs[0] must have a schedule with either cron or every\n"},
	{JOB("source: {type: file, path: /x}\n      schedule: {every: 1m, time_zone: UTC}"),
		"c.yaml:3: warm.jobs[0] has a schedule with every and time_zone: every counts from "
		"the epoch\n"},
	{JOB("source: {type: file, path: /x}\n      value: a\n      value_base64: b"),
		"c.yaml:3: warm.jobs[0] has value and value_base64: remove one of them\n"},
	{JOB("source: {type: file, path: /x}\n      mode: fast\n      ttl_jitter: 95%"),
		"c.yaml:7: warm.jobs[0].ttl_jitter must be between 0% and 90%, such as "
		"10%\n"
		"c.yaml:6: warm.jobs[0].mode must be one of: replace, missing, refresh, swap, "
		"visit\n"},
	{JOB("source: {type: file, path: /x}\n      on: [boot]\n      ttl: soon"),
		"c.yaml:6: warm.jobs[0].on[0] must be startup, redis_flushed or {invalidated: "
		"PATTERN}\n"
		"c.yaml:7: warm.jobs[0].ttl is not a duration such as 250ms, 1h30m or "
		"7d\n"},
	{JOB("source: {type: file, path: /x}\n    - name: j\n      key: b\n      source: "
	     "{type: file, path: /y}"),
		"c.yaml:6: warm.jobs has name j twice: first at c.yaml:3\n"},
};

TEST_CALL(jobs_that_do_not_fit_their_source_are_refused, SCRATCH_FAULTS(jobs))

#define TWO(first, second) \
	"warm:\n  jobs:\n    - {name: a, key: \"{x}\", source: {type: file, path: " \
	"/dev/null}, " first \
	"}\n    - {name: b, key: \"{x}\", source: {type: file, path: /dev/null}, " second "}\n"

static const struct scratch_fault triggers[] = {
	{TWO("on: [{invalidated: \"\"}]", "on: [{invalidated: a, x: b}]"),
		"c.yaml:3: warm.jobs[0].on[0] is not an acceptable pattern: the pattern is empty; "
		"\"user:*\" for example takes all keys below user:\n"
		"c.yaml:4: warm.jobs[1].on[0] must be startup, redis_flushed or {invalidated: "
		"PATTERN}\n"},
	{TWO("after: [c]", "after: [b]"),
		"c.yaml:3: warm.jobs[0].after names c, which is not a job\nc.yaml:4: "
		"warm.jobs[1].after belongs to a circle of jobs, or comes after one: their runs "
		"would never end\n"},
	{TWO("after: [b]", "after: [a]"),
		"c.yaml:3: warm.jobs[0].after belongs to a circle of jobs, or comes after one: "
		"their runs would never end\nc.yaml:4: warm.jobs[1].after belongs to a circle of "
		"jobs, or comes after one: their runs would never end\n"},
};

TEST_CALL(triggers_that_never_end_are_refused, SCRATCH_FAULTS(triggers))

static const struct scratch_fault loaders[] = {
	{"loaders:\n  l: {key: a}\n",
		"c.yaml:2: loaders.l.source is missing: define where the value comes from\n"},
	{"loaders:\n  l: {params: [a], key: \"k:{b}\", source: {type: file, path: /x}}\n",
		"c.yaml:2: loaders.l has the parameter a, which is not in its key: different calls "
		"would share a value\n"},
	{"loaders:\n  l: {params: [a, b], key: \"k:{a}{b}\", source: {type: file, path: /x}}\n",
		"c.yaml:2: loaders.l has a key in which {a} is directly followed by a placeholder: "
		"different calls would share a value\n"},
	{"loaders:\n  l: {key: \"k:{b}\", source: {type: file, path: /x}}\n",
		"c.yaml:2: loaders.l has k:{b} with {b}, which is not in params\n"},
	{"loaders:\n  l: {key: k, source: {type: http, base_url: \"http://x\", path: "
	 "\"/{page}\"}}\n",
		"c.yaml:2: loaders.l has /{page} with {page}, which is not in params\n"},
	{"loaders:\n  l: {key: \"k:{a}\", params: [a], source: {type: postgres, dsn: x, query: "
	 "\"SELECT $1, $2\"}}\n",
		"c.yaml:2: loaders.l has $2 in its query, but only 1 params\n"},
	{"loaders:\n  l: {key: \"k:{a}:{b}\", params: [a, b], source: {type: postgres, dsn: x, "
	 "query: SELECT $2}}\n",
		"c.yaml:2: loaders.l has $2 in its query, but no $1: they are the params in their "
		"order\n"},
	{"loaders:\n  l: {key: k, tags: [\"t-{x}\"], source: {type: file, path: /x}}\n",
		"c.yaml:2: loaders.l has t-{x} with {x}, which is not in params\n"},
	{"loaders:\n  l: {key: k, many: true, value: \"{a}\", source: {type: file, path: /x}}\n",
		"c.yaml:2: loaders.l has many and value: many stores all rows as they are\n"},
	{"loaders:\n  l: {key: \"cw:{a}\", params: [a], source: {type: file, path: /x}}\n",
		"c.yaml:2: loaders.l.key begins with cw:, which is reserved for cachewarden's own "
		"keys (redis.own_prefix)\n"},
	{"loaders:\n  l: {key: \"{a}\", params: [a], stale_for: 1m, source: {type: file, path: "
	 "/x}}\n",
		"c.yaml:2: loaders.l.stale_for cannot be used with a key that begins with a "
		"placeholder: set stale_for in its namespace instead\n"},
	{"cache: {namespaces: [{prefix: \"k:\", ttl: 1m, stale_for: 2m}]}\nloaders:\n  l: {key: "
	 "\"k:{a}\", params: [a], stale_for: 1m, source: {type: file, path: /x}}\n",
		"c.yaml:3: loaders.l.stale_for differs from that of the namespace k:: set it in "
		"one place\n"},
};

TEST_CALL(loaders_that_do_not_fit_their_source_are_refused, SCRATCH_FAULTS(loaders))

static void namespaces_of_loader(struct scratch *s)
{
	const struct conf_namespace *namespace = conf_namespace(s->conf, SLICE("k:1"));

	ck_assert(slice_is(namespace->prefix, "k:"));
	ck_assert_int_eq(namespace->stale_for_ms, 60000);
	ck_assert_int_eq(namespace->ttl_ms, 120000);
	ck_assert(slice_is(conf_namespace(s->conf, SLICE("kk"))->prefix, "k"));
	ck_assert_int_eq(conf_loader(s->conf, SLICE("l"))->ttl_ms, -1);
	ck_assert_ptr_null(conf_loader(s->conf, SLICE("m")));
}

START_TEST(a_loaders_stale_for_becomes_that_of_its_key_prefix)
{
	struct scratch s;

	scratch_begin(&s);
	scratch_good(&s, "cache: {namespaces: [{prefix: k, ttl: 2m}]}\nloaders:\n  l: {key: "
			 "\"k:{a}\", params: "
			 "[a], stale_for: 1m, source: {type: file, path: /x}}\n");
	namespaces_of_loader(&s);
	scratch_end(&s);
}
END_TEST

TEST_SUITE("conf_rules", contradictory_rules_of_access_are_refused,
	entities_and_dependencies_need_sound_templates,
	jobs_that_do_not_fit_their_source_are_refused, triggers_that_never_end_are_refused,
	loaders_that_do_not_fit_their_source_are_refused,
	a_loaders_stale_for_becomes_that_of_its_key_prefix)
