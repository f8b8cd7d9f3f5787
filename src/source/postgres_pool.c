/* SPDX-License-Identifier: MIT */
/* Connections that are kept for the next query; see postgres_pool.h. */
#include "source/postgres_pool.h"

#include <uthash.h>

#include "base/mem.h"
#include "source/transport.h"

enum { max_idle_ms = 60000, look_ms = 10000 };

struct idle {
	struct idle *next;
	struct postgres_conn *conn;
	uint64_t login;
	int64_t since_ms;
};

struct postgres_pool {
	struct buf key; /* the source's identity and its dsn */
	struct semaphore turns;
	int64_t limit;
	struct idle *idle; /* the last one used is the first */
	UT_hash_handle hh;
};

struct postgres_pools {
	struct postgres_steps *steps;
	struct postgres_pool *pools;
	uv_timer_t timer;
};

struct postgres_pools *postgres_pool_all_new(uv_loop_t *uv)
{
	struct postgres_pools *pools = mem_new(struct postgres_pools);

	pools->steps = postgres_conn_steps_new(uv);
	uv_timer_init(uv, &pools->timer);
	pools->timer.data = pools;
	return pools;
}

static struct postgres_pool *find(struct postgres_pools *pools, const struct conf_source *conf)
{
	struct postgres_pool *pool;
	struct buf key = {0};

	sources_identify(conf, &key);
	buf_char(&key, '\0');
	buf_str(&key, conf->dsn);
	HASH_FIND(hh, pools->pools, key.p, key.n, pool);
	if (pool) {
		buf_release(&key);
		return pool;
	}
	pool = mem_new(struct postgres_pool);
	pool->key = key;
	HASH_ADD_KEYPTR(hh, pools->pools, pool->key.p, pool->key.n, pool);
	return pool;
}

static void drop(struct postgres_pools *pools, struct postgres_pool *pool)
{
	HASH_DEL(pools->pools, pool);
	buf_release(&pool->key);
	mem_free(pool);
}

/* Reloads may name ever other databases. */
static void drop_unused(struct postgres_pools *pools, struct postgres_pool *pool)
{
	if (!pool->idle && !pool->turns.active && !pool->turns.first)
		drop(pools, pool);
}

/* Takes the first one of the list. */
static struct idle take_idle(struct idle **at)
{
	struct idle *idle = *at, taken = *idle;

	*at = idle->next;
	mem_free(idle);
	return taken;
}

static void close_idle(struct idle **at)
{
	postgres_conn_close(take_idle(at).conn);
}

static void close_all(struct postgres_pools *pools)
{
	struct postgres_pool *pool, *next;

	HASH_ITER(hh, pools->pools, pool, next)
	{
		while (pool->idle)
			close_idle(&pool->idle);
		drop(pools, pool);
	}
}

static void timer_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}

void postgres_pool_all_free(struct postgres_pools *pools)
{
	if (!pools)
		return;
	close_all(pools);
	postgres_conn_steps_unref(pools->steps);
	uv_close((uv_handle_t *)&pools->timer, timer_closed);
}

/* Closes what nobody has used for long. */
static void look(uv_timer_t *timer)
{
	struct postgres_pools *pools = timer->data;
	struct postgres_pool *pool, *next;
	int64_t now = clock_mono_ms();
	bool left = false;

	HASH_ITER(hh, pools->pools, pool, next)
	{
		struct idle **at = &pool->idle;

		while (*at && now - (*at)->since_ms < max_idle_ms)
			at = &(*at)->next;
		while (*at)
			close_idle(at);
		left = left || pool->idle;
		drop_unused(pools, pool);
	}
	if (!left)
		uv_timer_stop(timer);
}

/* Whether a connection that was made with other settings can serve. */
static uint64_t login_of(const struct conf_source *conf)
{
	uint64_t login = FNV_BEGIN64;
	char room[SLICE_INT_ROOM];

	transport_hash(&login, slice_str(conf->password));
	transport_hash(&login, slice_str(conf->password_file));
	transport_hash(&login, slice_of_int(room, conf->statement_timeout_ms));
	return login;
}

/* An idle connection that can be used; NULL: there is none. */
static struct postgres_conn *find_idle(struct postgres_pool *pool, uint64_t login)
{
	while (pool->idle) {
		struct idle idle = take_idle(&pool->idle);

		if (idle.login == login && postgres_conn_usable(idle.conn))
			return idle.conn;
		postgres_conn_close(idle.conn);
	}
	return NULL;
}

enum error postgres_pool_take(struct postgres_pools *pools, const struct conf_source *conf,
	int64_t deadline, struct postgres_use *ret, struct fault *fault)
{
	struct postgres_pool *pool = find(pools, conf);
	struct postgres_use use = {.pool = pool, .login = login_of(conf)};
	enum error error;

	pool->limit = conf->pool;
	error = semaphore_acquire(&pool->turns, pool->limit, deadline);
	if (error == ERR_TIMEOUT)
		fault_set(fault, ERR_TIMEOUT,
			"all %lld connections of its pool are in use by other runs and loads",
			(long long)pool->limit);
	else if (error)
		transport_waited(error, "connect", fault);
	if (error)
		goto out;
	use.conn = find_idle(pool, use.login);
	use.reused = use.conn != NULL;
	if (!use.conn)
		error = postgres_conn_open(pools->steps, conf, deadline, &use.conn, fault);
	if (error)
		semaphore_release(&pool->turns, pool->limit);
	else
		*ret = use;
out:
	if (error)
		drop_unused(pools, pool);
	return error;
}

void postgres_pool_give(struct postgres_pools *pools, struct postgres_use *use, bool keep)
{
	struct postgres_pool *pool = use->pool;

	if (!pool)
		return;
	if (keep && !postgres_conn_swollen(use->conn)) {
		struct idle *idle = mem_new(struct idle);

		*idle = (struct idle){.next = pool->idle,
			.conn = use->conn,
			.login = use->login,
			.since_ms = clock_mono_ms()};
		pool->idle = idle;
		if (!uv_is_active((uv_handle_t *)&pools->timer))
			uv_timer_start(&pools->timer, look, look_ms, look_ms);
	} else {
		postgres_conn_close(use->conn);
	}
	semaphore_release(&pool->turns, pool->limit);
	drop_unused(pools, pool);
	*use = (struct postgres_use){0};
}
