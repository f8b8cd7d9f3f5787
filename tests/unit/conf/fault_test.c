/* SPDX-License-Identifier: MIT */
/* Each kind of fault in what a single key says, with the exact place and sentence. */
#include "../unit.h"
#include "scratch.h"

static const struct scratch_fault yaml[] = {
	{"a: b: c\n", "c.yaml:1: invalid YAML: mapping values are not allowed in this context\n"},
	{"name: x\nlisten: [\n", "c.yaml:3: invalid YAML: did not find expected node content while "
				 "parsing a flow node\n"},
	{"name: &a x\n", "c.yaml:1: anchors (&a) are not accepted: write the text out\n"},
	{"name: *a\n", "c.yaml:1: aliases (*a) are not accepted: write the text out\n"},
	{"name: !!str x\n", "c.yaml:1: tags (tag:yaml.org,2002:str) are not accepted: remove it\n"},
	{"redis:\n  <<: {url: x}\n",
		"c.yaml:2: << merges are not accepted: write the members out\n"
		"c.yaml:2: redis.<< is not a known key: docs/config.md lists them\n"},
	{"name: x\n---\nname: y\n",
		"c.yaml:2: a second document begins here: a file must contain only one\n"},
	{"name: x\n\nname: y\n", "c.yaml:3: name is given twice: first on line 1; remove one\n"},
	{"name: \"x\\0y\"\n", "c.yaml:1: text must not contain a NUL byte\nc.yaml:1: name must be "
			      "a name of 1 to 64 letters, digits, '_', '.' and '-'\n"},
	{"- a\n", "c.yaml:1: must be a map of `name: value`\n"},
	{"a\n", "c.yaml:1: must be a map of `name: value`\n"},
	{"? [a]\n: b\n", "c.yaml:1: a map or list cannot be a name: quote it if it is "
			 "meant as text\n"},
	{"name: \xff\n", "c.yaml:1: invalid YAML: invalid leading UTF-8 octet\n"},
	{"name:\n\tx: y\n", "c.yaml:2: is indented with a tab: YAML requires spaces\n"},
	{"a:\n  b: 1\n  \tc: 2\n", "c.yaml:3: is indented with a tab: YAML requires spaces\n"},
	{"\tname: x\n", "c.yaml:1: is indented with a tab: YAML requires spaces\n"},
	{"name: `x`\n", "c.yaml:1: invalid YAML: found character that cannot start any token while "
			"scanning for the next token\n"},
	{"\xff\xfen", "c.yaml:1: is UTF-16: save the file as UTF-8\n"},
	{"\xfe\xff", "c.yaml:1: is UTF-16: save the file as UTF-8\n"},
	{"\xef\xbb\xbfname: x\nnam: y\n", "c.yaml:2: nam is not a known key: did you mean name?\n"},
	{"x: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
		"c.yaml:1: is nested deeper than 32 levels\n"},
};

TEST_CALL(yaml_beyond_plain_maps_is_refused, SCRATCH_FAULTS(yaml))

static const struct scratch_fault names[] = {
	{"redsi:\n  url: x\n", "c.yaml:1: redsi is not a known key: did you mean redis?\n"},
	{"redis:\n  command_timout: 1s\n", "c.yaml:2: redis.command_timout is not a known "
					   "key: did you mean command_timeout?\n"},
	{"\"redis.url\": x\n",
		"c.yaml:1: redis.url is not a known key: docs/config.md lists them\n"},
	{"xyzzy: 1\n", "c.yaml:1: xyzzy is not a known key: docs/config.md lists them\n"},
	{"redis: 5\n", "c.yaml:1: redis must be a map of `name: value`\n"},
	{"redis:\n", "c.yaml:1: redis is empty: add members, or remove it\n"},
	{"warm:\n  jobs:\n    -\n", "c.yaml:3: warm.jobs[0] is empty: add members, or remove it\n"},
	{"invalidate:\n  pace: ~\n",
		"c.yaml:2: invalidate.pace is empty: add members, or remove it\n"},
	{"loaders:\n  l:\n", "c.yaml:2: loaders.l is empty: add members, or remove it\n"},
	{"redis: {url: }\n", "c.yaml:1: redis.url has no value: set one, or remove the key\n"},
	{"invalidate:\n  pace:\n    max_latncy: 1ms\n",
		"c.yaml:3: invalidate.pace.max_latncy is not a known key: did you mean "
		"max_latency?\n"},
	{"warm: {jobs: [{name: a, source: {type: file, path: /x}, key: \"{a}\", retris: "
	 "1}]}\n",
		"c.yaml:1: warm.jobs[0].retris is not a known key: did you mean "
		"retries?\n"},
};

TEST_CALL(unknown_names_are_refused, SCRATCH_FAULTS(names))

static const struct scratch_fault values[] = {
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
	{"allowed_hosts: localhost\n", "c.yaml:1: allowed_hosts must be a list, such as [a, b]\n"},
	{"allowed_hosts: [\"a:80\"]\n", "c.yaml:1: allowed_hosts[0] must be a host name without "
					"port, such as cache.example.com\n"},
	{"cache: {protected: [\"\"]}\n", "c.yaml:1: cache.protected[0] must not be empty\n"},
	{"cache: {protected: [\"****a*b*c*d*e*f*g*h*i*j*k*l*m*n*o*p*q*\"]}\n",
		"c.yaml:1: cache.protected[0] is not an acceptable pattern: the pattern "
		"has 18 stars; at most 16 are accepted, split it into several patterns\n"},
	{"auth: {anonymous: [reed]}\n",
		"c.yaml:1: auth.anonymous[0] must be one of: read, metrics, keys, write, "
		"invalidate, flush, warm, sessions, operate, audit, admin\n"},
	{"entities: []\n", "c.yaml:1: entities must be a map of `name: {...}`\n"},
	{"dependencies: {}\n", "c.yaml:1: dependencies must be a list of maps\n"},
	{"dependencies:\n  - a\n", "c.yaml:2: dependencies[0] must be a map of `name: value`\n"},
};

TEST_CALL(values_that_do_not_fit_their_type_are_refused, SCRATCH_FAULTS(values))

static const struct scratch_fault addresses[] = {
	{"listen: []\n", "c.yaml:1: listen must not be empty\n"},
	{"listen: 127.0.0.1:8480\n",
		"c.yaml:1: listen must be a list of addresses, such as [127.0.0.1:8480]\n"},
	{"listen: [localhost:8480]\n",
		"c.yaml:1: listen[0] is not an address such as 127.0.0.1:8480, [::1]:8480 or "
		"0.0.0.0:8480 (host names are not resolved)\n"},
	{"listen: [\":8480\"]\n", "c.yaml:1: listen[0] is not an address such as 127.0.0.1:8480, "
				  "[::1]:8480 or 0.0.0.0:8480 (host names are not resolved)\n"},
	{"listen: [\"::1:8480\"]\n",
		"c.yaml:1: listen[0] is not an address such as 127.0.0.1:8480, [::1]:8480 or "
		"0.0.0.0:8480 (host names are not resolved)\n"},
	{"listen: [127.0.0.1:65536]\n",
		"c.yaml:1: listen[0] has no port between 0 and 65535 (0 selects a free one)\n"},
	{"listen: [127.0.0.1:8480, 127.0.0.1:8480]\n", "c.yaml:1: listen[1] is given twice\n"},
	{"listen: [{unix: relative}]\n",
		"c.yaml:1: listen[0] must have an absolute path for the Unix socket\n"},
	{"listen: [{unix: /a, mode: \"0999\"}]\n",
		"c.yaml:1: listen[0] has a mode that is not octal, such as \"0660\"\n"},
	{"listen: [{unix: /a, mod: \"0660\"}]\n",
		"c.yaml:1: listen[0] must be an address or a map such as {unix: "
		"/run/cachewarden/admin.sock, mode: \"0660\"}\n"},
	{"listen:\n  - 127.0.0.1:1\n  - 0.0.0.0:8480\n",
		"c.yaml:3: listen[1] is 0.0.0.0:8480, which other machines can reach without TLS: "
		"use a loopback address, or set tls, or insecure_http: true\n"},
	{"listen: [\"[::]:8480\"]\n",
		"c.yaml:1: listen[0] is [::]:8480, which other machines can reach without TLS: use "
		"a loopback address, or set tls, or insecure_http: true\n"},
	{"redis: {url: \"redis://h\", tls: {verify: none}}\n",
		"c.yaml:1: redis.tls.verify is given, but redis.url does not begin with "
		"rediss\n"},
	{"redis: {url: \"redis+sentinel://h/n\", tls: {verify: none}}\n",
		"c.yaml:1: redis.tls.verify is given, but redis.url does not begin with "
		"rediss\n"},
	{"redis: {url: \"redis+sentinel://a,b/\"}\n",
		"c.yaml:1: redis.url has no name of a primary after the sentinels, such as "
		"redis+sentinel://sentinel1:26379,sentinel2:26379/mymaster/0\n"},
	{"redis: {url: \"redis+sentinel://a,b\"}\n",
		"c.yaml:1: redis.url has no name of a primary after the sentinels, such as "
		"redis+sentinel://sentinel1:26379,sentinel2:26379/mymaster/0\n"},
	{"redis: {url: \"redis+sentinel://a/two%20words/0\"}\n",
		"c.yaml:1: redis.url has no name of a primary after the sentinels, such as "
		"redis+sentinel://sentinel1:26379,sentinel2:26379/mymaster/0\n"},
	{"redis: {url: \"redis+sentinel://a,,b/m\"}\n",
		"c.yaml:1: redis.url has no valid host, such as redis://localhost:6379/0\n"},
	{"redis: {url: \"redis+sentinel://a:0,b/m\"}\n",
		"c.yaml:1: redis.url has a port that is not between 1 and 65535\n"},
	{"redis: {url: \"redis+sentinel://a/m/x\"}\n",
		"c.yaml:1: redis.url has a database that is not a number such as 0\n"},
	{"redis: {url: \"redis+cluster://a\", own_prefix: \"cw{1}:\"}\n",
		"c.yaml:1: redis.own_prefix contains {, which decides about the slots of a "
		"cluster's keys: choose another prefix\n"},
	{"redis: {sentinel: {tls: true}}\n",
		"c.yaml:1: redis.sentinel.tls is given, but redis.url names no sentinels "
		"(redis+sentinel://)\n"},
	{"redis: {url: \"rediss://h\", tls: {key: /k}}\n",
		"c.yaml:1: redis.tls.key needs redis.tls.certificate beside it\n"},
	{"redis: {url: \"rediss://h\", tls: {certificate: /c}}\n",
		"c.yaml:1: redis.tls.certificate needs redis.tls.key beside it\n"},
	{"redis: {url: \"rediss://h\", tls: {verify: maybe}}\n",
		"c.yaml:1: redis.tls.verify must be one of: full, ca, none\n"},
	{"redis: {url: \"http://x\"}\n",
		"c.yaml:1: redis.url is not a URL such as redis://localhost:6379/0, "
		"rediss://redis.internal:6379/0, "
		"redis+cluster://node1:6379,node2:6379, "
		"redis+sentinel://sentinel1:26379,sentinel2:26379/mymaster/0, "
		"unix:///path?db=0 or managed:\n"},
	{"redis: {url: \"redis://h:99999\"}\n",
		"c.yaml:1: redis.url has a port that is not between 1 and 65535\n"},
	{"redis: {url: \"redis://h/one\"}\n",
		"c.yaml:1: redis.url has a database that is not a number such as 0\n"},
	{"redis: {url: \"redis:///0\"}\n",
		"c.yaml:1: redis.url has no valid host, such as redis://localhost:6379/0\n"},
	{"redis: {url: \"redis://u%zz@h\"}\n",
		"c.yaml:1: redis.url has a % in its user or password that is not followed by two "
		"hexadecimal digits: write % as %25\n"},
	{"redis: {url: \"redis://u:p/w@h:1/0\"}\n",
		"c.yaml:1: redis.url has a / in its user or password: write it as %2F\n"},
	{"redis: {url: \"redis://:p/w@h\"}\n",
		"c.yaml:1: redis.url has a / in its user or password: write it as %2F\n"},
	{"redis: {url: \"unix://u:p/w@/run/r.sock\"}\n",
		"c.yaml:1: redis.url has a / in its user or password: write it as %2F\n"},
	{"redis: {url: \"redis://h/0?x=1\"}\n",
		"c.yaml:1: redis.url accepts only ?db=N after the path\n"},
	{"redis: {url: \"unix://relative\"}\n",
		"c.yaml:1: redis.url has no absolute path, such as unix:///run/redis/redis.sock\n"},
};

TEST_CALL(wrong_addresses_are_refused, SCRATCH_FAULTS(addresses))

TEST_SUITE("conf_faults", yaml_beyond_plain_maps_is_refused, unknown_names_are_refused,
	values_that_do_not_fit_their_type_are_refused, wrong_addresses_are_refused)
