/* SPDX-License-Identifier: MIT */
/* Invalidation by pattern: a dry run, the deletion, and the refusal of a catch-all pattern. */
#include "example.h"

int main(void)
{
	struct cw_cache *cache = open_cache(NULL);
	const struct cw_bytes globs[] = {cw_str("search:*"), cw_str("user:?:list")};
	struct cw_invalidation what = {.patterns = cw_list(globs, 2), .dry_run = true};
	const char *names[] = {"search:a", "search:b", "user:1:list", "user:10:list"};
	struct cw_invalidated result;
	bool there;

	for (int i = 0; i < 4; i++)
		must(cw_set(cache, cw_str(names[i]), cw_str("x"), NULL, &error));
	must(cw_invalidate(cache, &what, &result, &error));
	printf("would be deleted: %d\n", (int)result.matched);
	what.dry_run = false;
	what.note = "a deploy"; /* shown in the record of the operation */
	must(cw_invalidate(cache, &what, &result, &error));
	printf("deleted: %d, complete: %d\n", (int)result.invalidated, result.complete);
	must(cw_exists(cache, cw_str("user:10:list"), &there, &error));
	printf("user:10:list is there: %d\n", there);

	const struct cw_bytes everything = cw_str("*");
	what.patterns = cw_list(&everything, 1);
	if (cw_invalidate(cache, &what, &result, &error) == CW_FORBIDDEN)
		printf("everything: %s\n", error.code);
	cw_close(cache);
	return 0;
}
/*
 * would be deleted: 3
 * deleted: 3, complete: 1
 * user:10:list is there: 1
 * everything: forbidden
 */
