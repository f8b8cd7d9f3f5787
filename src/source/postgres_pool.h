/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: the connections of each PostgreSQL source; at most conf_source.pool of
 * a source, used ones and idle ones. After a reload with another dsn the source has another pool.
 */
#ifndef CW_SOURCE_POSTGRES_POOL_H
#define CW_SOURCE_POSTGRES_POOL_H

#include "source/postgres_conn.h"

struct postgres_pools;
struct postgres_pool;

/* One use of a connection. Zeroed = none. */
struct postgres_use {
	struct postgres_pool *pool;
	struct postgres_conn *conn;
	bool reused; /* the server may have closed it unnoticed */
	uint64_t login;
};

struct postgres_pools *postgres_pool_all_new(uv_loop_t *uv);
/* No connection may be in use. NULL does nothing. */
void postgres_pool_all_free(struct postgres_pools *pools);
/*
 * An idle connection or a new one; then postgres_pool_give() must follow. Errors as
 * postgres_conn_open(), and ERR_TIMEOUT if all connections stay in use. Parks.
 */
enum error postgres_pool_take(struct postgres_pools *pools, const struct conf_source *conf,
	int64_t deadline, struct postgres_use *ret, struct fault *fault);
/* `keep`: its query is over. Else it is closed. Does nothing to a zeroed use; zeroes it. */
void postgres_pool_give(struct postgres_pools *pools, struct postgres_use *use, bool keep);

#endif
