/* SPDX-License-Identifier: MIT */
/* THE table of routes. docs/api.md is held against it by `make lint`. */
#include "api/handlers.h"

#define ADMIN "/api/v1/admin/cache"
#define CACHE "/api/v1/cache"

/* clang-format off */
const struct route routes[] = {
	{"GET", "/livez", SCOPE_NONE, ROUTE_INLINE | ROUTE_OPEN | ROUTE_ANY_HOST, api_livez, "",
		"Whether the process is alive."},
	{"GET", "/readyz", SCOPE_NONE, ROUTE_INLINE | ROUTE_OPEN | ROUTE_ANY_HOST, api_readyz, "redis",
		"Whether it serves; with ?redis=true also whether Redis is usable."},
	{"GET", "/metrics", SCOPE_METRICS, ROUTE_INLINE, api_metrics, "",
		"Prometheus text."},
	{"GET", ADMIN "/stats", SCOPE_READ, ROUTE_INLINE, api_stats, "history step namespaces",
		"What the last sample says of Redis, the cache, warming and this process."},
	{"GET", ADMIN "/health", SCOPE_READ, ROUTE_INLINE | ROUTE_OPEN, api_health, "",
		"UP, DEGRADED or DOWN, and why."},
	{"POST", ADMIN "/invalidate", SCOPE_INVALIDATE, ROUTE_JSON, api_invalidate, "",
		"Removes keys by name, pattern, entity and dependency."},
	{"GET", ADMIN "/warm", SCOPE_READ, ROUTE_INLINE, api_warm_list, "",
		"The warm jobs with their last and next runs."},
	{"POST", ADMIN "/warm", SCOPE_WARM, ROUTE_JSON, api_warm_start, "",
		"Starts warm jobs."},
	{"GET", ADMIN "/operations", SCOPE_READ, 0, api_operations_list,
		"since until by state kind limit cursor",
		"Operations of all daemons on this Redis, newest first."},
	{"GET", ADMIN "/operations/{id}", SCOPE_READ, 0, api_operations_get, "",
		"One operation."},
	{"DELETE", ADMIN "/operations/{id}", SCOPE_NONE, 0, api_operations_cancel, "",
		"Cancels an operation: whoever began it, or scope operate."},
	{"GET", ADMIN "/dependencies/{key}", SCOPE_READ, ROUTE_INLINE, api_dependencies_get, "transitive",
		"The dependency rules that match a key, and what would go with it."},
	{"GET", ADMIN "/config", SCOPE_ADMIN, ROUTE_INLINE, api_config, "",
		"The configuration in force, secrets redacted."},
	{"POST", ADMIN "/reload", SCOPE_OPERATE, ROUTE_JSON, api_reload, "",
		"Reads the configuration again, all or nothing."},
	{"GET", CACHE "/keys/{key}", SCOPE_KEYS, 0, api_key_get, "key_encoding",
		"A value's bytes."},
	{"PUT", CACHE "/keys/{key}", SCOPE_WRITE, ROUTE_BYTES, api_key_put, "ttl nx key_encoding",
		"Stores a value."},
	{"DELETE", CACHE "/keys/{key}", SCOPE_WRITE, 0, api_key_delete, "key_encoding",
		"Deletes a value."},
	{NULL, NULL, SCOPE_NONE, 0, NULL, NULL, NULL},
};
/* clang-format on */
