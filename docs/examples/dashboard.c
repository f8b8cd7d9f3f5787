/* SPDX-License-Identifier: MIT */
/*
 * A dashboard made of four cached parts, each with its own TTL and tag. The page is cached, too;
 * its loader reads the parts with the same handle.
 */
#include "example.h"

struct part {
	const char *name;
	int64_t ttl;
	int loads;
};

static struct part parts[] = {
	{"sales", 60, 0}, {"stock", 300, 0}, {"visitors", 10, 0}, {"news", 3600, 0}};

enum { part_count = sizeof parts / sizeof *parts };

struct page {
	struct cw_cache *cache;
};

static bool load_part(void *context, struct cw_output *output)
{
	struct part *part = context;

	cw_output_printf(output, "%d", ++part->loads);
	return true;
}

/* Reads each part from the cache, or loads it. */
static bool load_page(void *context, struct cw_output *output)
{
	const struct page *page = context;

	for (int i = 0; i < part_count; i++) {
		const struct cw_bytes tags[] = {cw_str(parts[i].name)};
		const struct cw_load how = {.load = load_part,
			.context = &parts[i],
			.ttl = parts[i].ttl,
			.tags = cw_list(tags, 1)};
		struct cw_value value;
		struct cw_key key;

		must(CW_KEY(&key, &error, "dashboard", cw_text(parts[i].name)));
		must(cw_result(page->cache, cw_key_bytes(&key), &how, &value, &error));
		cw_output_printf(output, "%s%s %s", i ? ", " : "", parts[i].name, value.data);
		cw_value_release(&value);
	}
	return true;
}

/* The page has the tags of all its parts, and is invalidated with each of them. */
static void show_page(struct cw_cache *cache)
{
	struct page page = {cache};
	struct cw_bytes tags[part_count];
	struct cw_load how = {.load = load_page, .context = &page, .ttl = 10};
	struct cw_value value;

	for (int i = 0; i < part_count; i++)
		tags[i] = cw_str(parts[i].name);
	how.tags = cw_list(tags, part_count);
	must(cw_result(cache, cw_str("dashboard"), &how, &value, &error));
	show("page", &value);
}

int main(void)
{
	struct cw_cache *cache = open_cache(NULL);
	const struct cw_bytes stock = cw_str("stock");
	const struct cw_invalidation what = {.tags = cw_list(&stock, 1)};

	show_page(cache);
	show_page(cache);
	must(cw_invalidate(cache, &what, NULL, &error));
	show_page(cache);
	cw_close(cache);
	return 0;
}
/*
 * page: sales 1, stock 1, visitors 1, news 1 (miss)
 * page: sales 1, stock 1, visitors 1, news 1 (hit)
 * page: sales 1, stock 2, visitors 1, news 1 (miss)
 */
