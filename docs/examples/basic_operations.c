/* SPDX-License-Identifier: MIT */
/* Storing, reading, TTLs and deletion; then several keys in one call. */
#include "example.h"

int main(void)
{
	struct cw_cache *cache = open_cache(NULL);
	const struct cw_bytes key = cw_str("example:greeting");
	const struct cw_store minute = {.ttl = 60};
	struct cw_value value, values[3];
	int64_t ttl;
	bool there;

	must(cw_set(cache, key, cw_str("hello"), &minute, &error));
	must(cw_get(cache, key, &value, &error));
	show("get", &value);
	must(cw_expire(cache, key, 120, &error));
	must(cw_ttl(cache, key, &ttl, &error));
	printf("ttl: %d\n", (int)ttl);
	must(cw_delete(cache, key, NULL, &error));
	must(cw_exists(cache, key, &there, &error));
	printf("there: %d\n", there);
	if (cw_get(cache, key, &value, &error) == CW_NOT_FOUND)
		printf("get: %s\n", error.message);

	/* Several keys take one round trip. */
	const struct cw_entry entries[] = {
		{.key = cw_str("example:one"), .value = cw_str("1"), .how = {.ttl = 60}},
		{.key = cw_str("example:two"), .value = cw_str("2"), .how = {.ttl = 60}},
	};
	const struct cw_bytes keys[] = {entries[0].key, cw_str("example:none"), entries[1].key};
	size_t count;

	must(cw_mset(cache, entries, 2, &count, &error));
	printf("stored: %zu\n", count);
	must(cw_mget(cache, cw_list(keys, 3), values, &error));
	for (int i = 0; i < 3; i++) {
		printf("%s = %s\n", keys[i].data, values[i].data ? values[i].data : "nothing");
		cw_value_release(&values[i]);
	}
	must(cw_mdelete(cache, cw_list(keys, 3), &count, &error));
	printf("deleted: %zu\n", count);
	cw_close(cache);
	return 0;
}
/*
 * get: hello (hit)
 * ttl: 120
 * there: 0
 * get: there is no value under this key
 * stored: 2
 * example:one = 1
 * example:none = nothing
 * example:two = 2
 * deleted: 2
 */
