/* SPDX-License-Identifier: MIT */
/* The URL of Redis; see address.h. */
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "conf/address.h"
#include "text/percent.h"

enum {
	max_hosts = 100,
	redis_port = 6379,
	sentinel_port = 26379,
	max_name_bytes = 128,
	max_sentinels = 64
};

static struct slice after(struct slice text, size_t n)
{
	return slice_skip(text, n);
}

/* NULL if a %XX is invalid or stands for NUL. */
static char *decode(struct reader *r, struct slice text)
{
	char *out = arena_dup(r->arena, text);

	if (!percent_decode(out, &text.n, 0) || memchr(out, '\0', text.n))
		return NULL;
	out[text.n] = '\0';
	return out;
}

/* user:password, each percent-encoded. */
static const char *take_user(struct reader *r, struct slice text, struct conf_redis *ret)
{
	const char *colon = memchr(text.p, ':', text.n);
	size_t n = colon ? (size_t)(colon - text.p) : text.n;
	char *user = decode(r, slice_of(text.p, n));
	char *password = colon ? decode(r, after(text, n + 1)) : NULL;

	if (!user || (colon && !password))
		return "has a % in its user or password that is not followed by two hexadecimal "
		       "digits: write % as %25";
	if (*user)
		ret->username = user;
	if (password && *password) {
		ret->password = password;
		ret->password_file = NULL;
		ret->password_argv = NULL;
		ret->password_argc = 0;
	}
	return NULL;
}

static const char *take_database(struct slice text, struct conf_redis *ret)
{
	uint64_t number;

	if (!slice_uint64(text, &number) || number > INT_MAX)
		return "has a database that is not a number such as 0";
	ret->database = (unsigned)number;
	return NULL;
}

/* Removes ?db=n from *rest. */
static const char *take_query(struct slice *rest, struct conf_redis *ret)
{
	const char *mark = memchr(rest->p, '?', rest->n);
	struct slice query;

	if (!mark)
		return NULL;
	query = after(*rest, (size_t)(mark - rest->p) + 1);
	rest->n = (size_t)(mark - rest->p);
	if (!slice_starts(query, SLICE("db=")))
		return "accepts only ?db=N after the path";
	return take_database(after(query, 3), ret);
}

static bool host_is_sane(struct slice host)
{
	return host.n > 0 && host.n <= 253 &&
	       strspn(host.p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "0123456789-_.:") >= host.n;
}

/* HOST or HOST:PORT; ret->port has the port that is meant without one. */
static const char *take_host(struct reader *r, struct slice text, struct conf_address *ret)
{
	const char *end = text.n && text.p[0] == '[' ? memchr(text.p, ']', text.n) : NULL;
	struct slice host, port;
	uint64_t number = ret->port;

	if (end) {
		host = slice_of(text.p + 1, (size_t)(end - text.p) - 1);
		port = after(text, host.n + 2);
	} else {
		const char *colon = memchr(text.p, ':', text.n);

		host = slice_of(text.p, colon ? (size_t)(colon - text.p) : text.n);
		port = after(text, host.n);
	}
	if (!host_is_sane(host) || (end && !address_is_numeric(host)))
		return "has no valid host, such as redis://localhost:6379/0";
	if (port.n && (port.p[0] != ':' || !slice_uint64(after(port, 1), &number) || number == 0 ||
			      number > UINT16_MAX))
		return "has a port that is not between 1 and 65535";
	ret->host = arena_dup(r->arena, host);
	ret->port = (uint16_t)number;
	return NULL;
}

static const char *take_tcp(struct reader *r, struct slice rest, struct conf_redis *ret)
{
	const char *slash, *wrong = take_query(&rest, ret);
	struct slice database;

	if (wrong)
		return wrong;
	slash = memchr(rest.p, '/', rest.n);
	if (slash) {
		database = after(rest, (size_t)(slash - rest.p) + 1);
		rest.n = (size_t)(slash - rest.p);
		wrong = database.n ? take_database(database, ret) : NULL;
	}
	ret->kind = REDIS_URL_TCP;
	struct conf_address address = {.port = redis_port};

	if (!wrong)
		wrong = take_host(r, rest, &address);
	ret->host = address.host;
	ret->port = address.port;
	return wrong;
}

/* HOST[:PORT],HOST[:PORT],... */
static const char *take_hosts(
	struct reader *r, struct slice text, uint16_t port, struct conf_redis *ret)
{
	size_t count = 1;

	for (size_t i = 0; i < text.n; i++)
		count += text.p[i] == ',';
	if (count > max_hosts)
		return "names more than 100 servers: some of them are enough";
	ret->seeds = arena_alloc(r->arena, count * sizeof *ret->seeds);
	ret->seed_count = count;
	for (size_t i = 0; i < count; i++) {
		const char *comma = memchr(text.p, ',', text.n);
		struct slice host = slice_of(text.p, comma ? (size_t)(comma - text.p) : text.n);

		ret->seeds[i].port = port;
		const char *wrong = take_host(r, host, &ret->seeds[i]);

		if (wrong)
			return wrong;
		text = after(text, host.n + (comma != NULL));
	}
	return NULL;
}

/* A cluster has one database. */
static const char *take_cluster(struct reader *r, struct slice rest, struct conf_redis *ret)
{
	const char *slash, *wrong = take_query(&rest, ret);

	if (wrong)
		return wrong;
	slash = memchr(rest.p, '/', rest.n);
	if (slash) {
		struct slice database = after(rest, (size_t)(slash - rest.p) + 1);

		rest.n = (size_t)(slash - rest.p);
		wrong = database.n ? take_database(database, ret) : NULL;
	}
	if (!wrong && ret->database)
		return "names a database: a Redis Cluster has database 0 only";
	ret->kind = REDIS_URL_CLUSTER;
	return wrong ? wrong : take_hosts(r, rest, redis_port, ret);
}

/* As Redis allows it. */
static bool name_is_sane(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n > 0 && n <= max_name_bytes &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789-_.") == n;
}

/* HOST[:PORT],.../NAME[/DATABASE] */
static const char *take_sentinels(struct reader *r, struct slice rest, struct conf_redis *ret)
{
	const char *slash, *wrong = take_query(&rest, ret);

	if (wrong)
		return wrong;
	slash = memchr(rest.p, '/', rest.n);
	struct slice hosts = slice_of(rest.p, slash ? (size_t)(slash - rest.p) : rest.n);
	struct slice name = after(rest, hosts.n + (slash != NULL));

	slash = name.n ? memchr(name.p, '/', name.n) : NULL;
	if (slash) {
		struct slice database = after(name, (size_t)(slash - name.p) + 1);

		name.n = (size_t)(slash - name.p);
		wrong = database.n ? take_database(database, ret) : NULL;
	}
	ret->kind = REDIS_URL_SENTINEL;
	ret->master = name.n ? decode(r, name) : NULL;
	if (!wrong && !name_is_sane(ret->master))
		return "has no name of a primary after the sentinels, such as "
		       "redis+sentinel://sentinel1:26379,sentinel2:26379/mymaster/0";
	if (!wrong)
		wrong = take_hosts(r, hosts, sentinel_port, ret);
	if (!wrong && ret->seed_count > max_sentinels)
		return "names more than 64 sentinels";
	return wrong;
}

static const char *take_unix(struct reader *r, struct slice rest, struct conf_redis *ret)
{
	const char *wrong = take_query(&rest, ret);
	char *path;

	if (wrong)
		return wrong;
	path = decode(r, rest);
	if (!path || path[0] != '/' || path[1] == '\0')
		return "has no absolute path, such as unix:///run/redis/redis.sock";
	if (strlen(path) > UNIX_PATH_MAX_BYTES)
		return "has a path longer than 107 bytes, the limit of a Unix socket's path";
	ret->kind = REDIS_URL_UNIX;
	ret->path = path;
	return NULL;
}

/* The text before the last @ of the authority; *rest is the text after it. */
static const char *split_user(struct slice *rest, struct slice *ret_user)
{
	const char *slash = memchr(rest->p, '/', rest->n);
	size_t authority = slash ? (size_t)(slash - rest->p) : rest->n;
	const char *at = memrchr(rest->p, '@', authority);

	*ret_user = slice_of(rest->p, 0);
	if (at) {
		*ret_user = slice_of(rest->p, (size_t)(at - rest->p));
		*rest = after(*rest, ret_user->n + 1);
	}
	return at;
}

/* Whether there is an @ after the first slash only. */
static bool hides_user(struct slice rest)
{
	const char *slash = memchr(rest.p, '/', rest.n);

	return slash && memchr(slash, '@', rest.n - (size_t)(slash - rest.p)) &&
	       !memchr(rest.p, '@', (size_t)(slash - rest.p));
}

static char *redacted(struct reader *r, const char *scheme, struct slice user, struct slice rest)
{
	const char *colon = user.n ? memchr(user.p, ':', user.n) : NULL;
	struct buf out = {0};
	char *copy;

	buf_str(&out, scheme);
	buf_append(&out, user.p, colon ? (size_t)(colon - user.p) : user.n);
	if (colon)
		buf_str(&out, ":<redacted>");
	if (user.n)
		buf_char(&out, '@');
	buf_add(&out, rest);
	copy = arena_dup(r->arena, buf_slice(&out));
	buf_release(&out);
	return copy;
}

/* The schemes, how what follows is read, and whether it is behind TLS. */
static const struct scheme {
	const char *text;
	const char *(*take)(struct reader *r, struct slice rest, struct conf_redis *ret);
	bool tls;
} schemes[] = {
	{"redis://", take_tcp, false},
	{"rediss://", take_tcp, true},
	{"redis+sentinel://", take_sentinels, false},
	{"rediss+sentinel://", take_sentinels, true},
	{"redis+cluster://", take_cluster, false},
	{"rediss+cluster://", take_cluster, true},
	{"unix://", take_unix, false},
};

static const struct scheme *scheme_of(struct slice url)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (slice_starts(url, slice_str(schemes[i].text)))
			return &schemes[i];
	return NULL;
}

/*
 * redis://[user:password@]host[:port][/db], redis+cluster://[user:password@]host[:port],...,
 * redis+sentinel://[user:password@]host[:port],.../name[/db]; the same with rediss for TLS;
 * unix:///path[?db=n] or managed:. As type->set.
 */
static const char *address_redis(struct reader *r, struct slice url, struct conf_redis *ret)
{
	const struct scheme *scheme = scheme_of(url);
	const char *wrong = NULL;
	struct slice user, rest;

	if (slice_is(url, "managed:")) {
		ret->kind = REDIS_URL_MANAGED;
		ret->url_redacted = arena_dup(r->arena, url);
		return NULL;
	}
	if (!scheme)
		return "is not a URL such as redis://localhost:6379/0, "
		       "rediss://redis.internal:6379/0, redis+cluster://node1:6379,node2:6379, "
		       "redis+sentinel://sentinel1:26379,sentinel2:26379/mymaster/0, "
		       "unix:///path?db=0 or managed:";
	ret->tls = scheme->tls;
	rest = after(url, strlen(scheme->text));
	/* An @ after the host can only belong to a password with a slash. */
	if (rest.n && rest.p[0] != '/' && hides_user(rest))
		return "has a / in its user or password: write it as %2F";
	if (split_user(&rest, &user))
		wrong = take_user(r, user, ret);
	ret->url_redacted = redacted(r, scheme->text, user, rest);
	return wrong ? wrong : scheme->take(r, rest, ret);
}

static const char *set_redis_url(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_redis *redis = (struct conf_redis *)(void *)((char *)object + key->offset);
	const char *wrong;

	if (node->kind != NODE_SCALAR)
		return "must be a URL such as redis://localhost:6379/0";
	wrong = address_redis(r, node->text, redis);
	if (!wrong)
		node->raw = slice_str(redis->url_redacted);
	return wrong;
}
const struct type type_redis_url = {.set = set_redis_url};

/* The path, and what is in the file now, of the members of conf_redis at these places. */
static const char *take_password_file(
	struct reader *r, struct node *node, struct conf_redis *redis, size_t file, size_t password)
{
	const struct key path = {.offset = file};
	const char *wrong = type_path.set(r, &path, node, redis);
	char *base = (char *)redis;
	const char *name;

	if (wrong)
		return wrong;
	memcpy(&name, base + file, sizeof name);
	return reader_secret(r, slice_str(name), (char **)(void *)(base + password));
}

static const char *set_password_file(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_redis *redis = (struct conf_redis *)(void *)((char *)object + key->offset);

	return take_password_file(r, node, redis, offsetof(struct conf_redis, password_file),
		offsetof(struct conf_redis, password));
}
const struct type type_password_file = {.set = set_password_file};

static const char *set_sentinel_password_file(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_redis *redis = (struct conf_redis *)(void *)((char *)object + key->offset);

	return take_password_file(r, node, redis,
		offsetof(struct conf_redis, sentinel.password_file),
		offsetof(struct conf_redis, sentinel.password));
}
const struct type type_sentinel_password_file = {.set = set_sentinel_password_file};
