/* SPDX-License-Identifier: MIT */
/*
 * Invalidation by entity and by dependency: everything cached for user 42, and what depends on it.
 *
 *	user 42 -> user:profile:42, user:subscriptions:42, search:user:42:*   (entity)
 *	           user:profile:42 -> page:home:42                            (rule)
 *	                              page:home:42 -> mail:42                 (stored dependency)
 */
#include "example.h"

static void fill(struct cw_cache *cache)
{
	const struct cw_bytes mail = cw_str("mail:42");
	const struct cw_dependency change = {
		.key = cw_str("page:home:42"), .add = cw_list(&mail, 1), .ttl = 3600};
	const char *names[] = {"user:profile:42", "user:subscriptions:42", "search:user:42:shoes",
		"page:home:42", "mail:42", "user:profile:43"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		must(cw_set(cache, cw_str(names[i]), cw_str("x"), NULL, &error));
	must(cw_depend(cache, &change, NULL, &error));
}

static void invalidate(struct cw_cache *cache, const char *what, const struct cw_invalidation *by)
{
	struct cw_invalidated result;

	fill(cache);
	must(cw_invalidate(cache, by, &result, &error));
	printf("%s: %d keys\n", what, (int)result.invalidated);
}

int main(int argc, char **argv)
{
	struct cw_cache *cache = open_cache(argc > 1 ? argv[1] : "shop.yaml");
	const struct cw_bytes ids[] = {cw_str("42")}, profile = cw_str("user:profile:42");
	const struct cw_entity user = {"user", {ids, 1}};
	struct cw_invalidation by_entity = {.entities = &user, .entity_count = 1};
	const struct cw_invalidation by_key = {.keys = cw_list(&profile, 1)};
	const struct cw_invalidation others = {.dependents_of = cw_list(&profile, 1)};

	invalidate(cache, "the user", &by_entity);
	invalidate(cache, "the profile", &by_key);
	invalidate(cache, "what depends on it", &others);
	by_entity.no_cascade = true;
	invalidate(cache, "the user alone", &by_entity);
	cw_close(cache);
	return 0;
}
/*
 * the user: 5 keys
 * the profile: 3 keys
 * what depends on it: 2 keys
 * the user alone: 3 keys
 */
