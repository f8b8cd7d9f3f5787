/* SPDX-License-Identifier: MIT */
/* A function that changes data and, if it succeeds, invalidates the cached values of it. */
#include "example.h"

/* Stands for a database. */
static int price = 100;

static bool load_price(void *context, struct cw_output *output)
{
	(void)context;
	cw_output_printf(output, "%d", price);
	return true;
}

static void show_price(struct cw_cache *cache)
{
	const struct cw_bytes tags[] = {cw_str("prices")};
	const struct cw_load how = {.load = load_price, .tags = cw_list(tags, 1), .ttl = 600};
	struct cw_value value;

	must(cw_result(cache, cw_str("product:7:price"), &how, &value, &error));
	show("price", &value);
}

static bool change_price(void *context)
{
	const int *asked = context;

	if (*asked <= 0)
		return false; /* nothing was changed, so nothing is invalidated */
	price = *asked;
	return true;
}

int main(void)
{
	struct cw_cache *cache = open_cache(NULL);
	const struct cw_bytes tags[] = {cw_str("prices")};
	const struct cw_invalidation prices = {.tags = cw_list(tags, 1)};
	int better = 90, wrong = -1;

	show_price(cache);
	show_price(cache);
	must(cw_invalidating(cache, change_price, &better, &prices, &error));
	show_price(cache);
	if (cw_invalidating(cache, change_price, &wrong, &prices, &error) == CW_CALLBACK_FAILED)
		printf("refused: %s\n", error.message);
	show_price(cache);
	cw_close(cache);
	return 0;
}
/*
 * price: 100 (miss)
 * price: 100 (hit)
 * price: 90 (miss)
 * refused: the change function returned false, so nothing was invalidated
 * price: 90 (hit)
 */
