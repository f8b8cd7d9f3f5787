/* SPDX-License-Identifier: MIT */
/* results URL CONFIG: read-through as one program sees it, and leases by hand. */
#include "check.h"

#include <time.h>

static struct cw_cache *cache;
static int loads;

static bool load(void *context, struct cw_output *output)
{
	loads++;
	cw_output_printf(output, "%s %d", (const char *)context, loads);
	return true;
}

static bool fail(void *context, struct cw_output *output)
{
	(void)context;
	loads++;
	cw_output_add(output, "half", 4);
	return false;
}

static const struct cw_load loading = {.load = load, .context = "load", .ttl = 60};

static void expect(
	const char *key, const struct cw_load *how, enum cw_origin origin, const char *text)
{
	struct cw_value value;

	OK(cw_result(cache, cw_str(key), how, &value, &error));
	CHECK(value.origin == origin && value_is(&value, text));
	cw_value_release(&value);
}

static void once(void)
{
	int64_t ttl;

	expect("r:1", &loading, CW_MISS, "load 1");
	expect("r:1", &loading, CW_HIT, "load 1");
	OK(cw_ttl(cache, cw_str("r:1"), &ttl, &error));
	CHECK(ttl == 60 && loads == 1);
}

/* A page of two parts, each cached by itself. */
static bool page(void *context, struct cw_output *output)
{
	struct cw_value part;

	(void)context;
	OK(cw_result(cache, cw_str("r:1"), &loading, &part, &error));
	cw_output_add(output, part.data, part.size);
	cw_value_release(&part);
	OK(cw_result(cache, cw_str("r:part"), &loading, &part, &error));
	cw_output_printf(output, ", %s", part.data);
	cw_value_release(&part);
	return true;
}

static bool snake(void *context, struct cw_output *output)
{
	struct cw_load how = {.load = snake};
	struct cw_value value;

	(void)output;
	FAILS(cw_result(cache, cw_str(context), &how, &value, &error), CW_BAD_ARGUMENT);
	CHECK(!value.data);
	return false;
}

/* A loader that asks for what is being loaded two levels up would wait for itself. */
static bool inner(void *context, struct cw_output *output)
{
	struct cw_value value;

	(void)context, (void)output;
	FAILS(cw_result(cache, cw_str("r:outer"), &loading, &value, &error), CW_BAD_ARGUMENT);
	return false;
}

static bool outer(void *context, struct cw_output *output)
{
	const struct cw_load how = {.load = inner};
	struct cw_value value;

	(void)context, (void)output;
	FAILS(cw_result(cache, cw_str("r:inner"), &how, &value, &error), CW_CALLBACK_FAILED);
	return false;
}

static void nested(void)
{
	struct cw_load how = {.load = page};
	struct cw_value value;

	expect("r:page", &how, CW_MISS, "load 1, load 2");
	expect("r:page", &how, CW_HIT, "load 1, load 2");
	how = (struct cw_load){.load = snake, .context = "r:snake"};
	FAILS(cw_result(cache, cw_str("r:snake"), &how, &value, &error), CW_CALLBACK_FAILED);
	how = (struct cw_load){.load = outer};
	FAILS(cw_result(cache, cw_str("r:outer"), &how, &value, &error), CW_CALLBACK_FAILED);
}

static void failing(void)
{
	struct cw_load how = {.load = fail};
	struct cw_value value;
	bool there;

	FAILS(cw_result(cache, cw_str("r:f"), &how, &value, &error), CW_CALLBACK_FAILED);
	OK(cw_exists(cache, cw_str("r:f"), &there, &error));
	CHECK(!there && !value.data);
	/* And the lease was given back: the next one loads at once. */
	expect("r:f", &loading, CW_MISS, "load 4");
	how.ttl = -2;
	FAILS(cw_result(cache, cw_str("r:f"), &how, &value, &error), CW_BAD_ARGUMENT);
	FAILS(cw_result(cache, cw_str("cw:x"), &loading, &value, &error), CW_FORBIDDEN);
}

/* The configuration gives s:* a stale_for. */
static void stale(void)
{
	const struct timespec over = {.tv_sec = 1, .tv_nsec = 200000000};
	struct cw_load how = {.load = load, .context = "s", .ttl = 1};
	const struct cw_load failing_load = {.load = fail};

	loads = 0;
	expect("s:1", &how, CW_MISS, "s 1");
	nanosleep(&over, NULL);
	expect("s:1", &failing_load, CW_STALE, "s 1");
	expect("s:1", &how, CW_MISS, "s 3");
}

/* Whatever it returns, there is no such value. */
static bool nothing(void *context, struct cw_output *output)
{
	loads++;
	cw_output_absent(output);
	return context != NULL;
}

static void absent(const char *key, const struct cw_load *how)
{
	struct cw_value value;

	FAILS(cw_result(cache, cw_str(key), how, &value, &error), CW_NOT_FOUND);
	CHECK(!value.data);
}

/* The absence of a value is remembered for as long as the caller says, and no longer than a write
 * or an invalidation of the key. */
static void remembered_absence(void)
{
	const struct cw_bytes key = cw_str("a:1"), tag = cw_str("absent"), glob = cw_str("a:*");
	const struct cw_invalidation by_tag = {.tags = cw_list(&tag, 1)},
				     by_pattern = {.patterns = cw_list(&glob, 1)};
	struct cw_load how = {.load = nothing};

	loads = 0;
	absent("a:0", &how);
	absent("a:0", &how);
	CHECK(loads == 2);
	how = (struct cw_load){
		.load = nothing, .context = &loads, .tags = cw_list(&tag, 1), .absent_for = 60};
	absent("a:1", &how);
	absent("a:1", &how);
	CHECK(loads == 3);
	OK(cw_invalidate(cache, &by_tag, NULL, &error));
	absent("a:1", &how);
	CHECK(loads == 4);
	OK(cw_invalidate(cache, &by_pattern, NULL, &error));
	absent("a:1", &how);
	CHECK(loads == 5);
	OK(cw_set(cache, key, cw_str("there"), NULL, &error));
	expect("a:1", &how, CW_HIT, "there");
	OK(cw_delete(cache, key, NULL, &error));
	absent("a:1", &how);
	CHECK(loads == 6);
	how.absent_for = -1;
	FAILS(cw_result(cache, cw_str("a:2"), &how, &(struct cw_value){0}, &error),
		CW_BAD_ARGUMENT);
}

static bool overtaken(void *context, struct cw_output *output)
{
	const struct cw_bytes glob = cw_str("o:*");
	const struct cw_invalidation what = {.patterns = cw_list(&glob, 1)};

	OK(cw_invalidate(cache, &what, NULL, &error));
	return load(context, output);
}

static void invalidated_meanwhile(void)
{
	const struct cw_load how = {.load = overtaken, .context = "o"};
	bool there;

	loads = 0;
	expect("o:1", &how, CW_MISS, "o 1");
	OK(cw_exists(cache, cw_str("o:1"), &there, &error));
	CHECK(!there);
}

static void leases(void)
{
	const struct cw_entry entry = {.key = cw_str("l:1"), .value = cw_str("x")};
	struct cw_lease lease, other;
	bool kept;

	OK(cw_lease_take(cache, cw_str("l:1"), 10000, &lease, &error));
	FAILS(cw_lease_take(cache, cw_str("l:1"), 10000, &other, &error), CW_CONFLICT);
	FAILS(cw_lease_store(cache, &other, &entry, &kept, &error), CW_LEASE_LOST);
	OK(cw_lease_store(cache, &lease, &entry, &kept, &error));
	CHECK(kept);
	FAILS(cw_lease_store(cache, &lease, &entry, &kept, &error), CW_LEASE_LOST);
	OK(cw_lease_take(cache, cw_str("l:1"), 10000, &lease, &error));
	OK(cw_delete(cache, cw_str("l:1"), NULL, &error));
	OK(cw_lease_store(cache, &lease, &entry, &kept, &error));
	CHECK(!kept);
	OK(cw_lease_take(cache, cw_str("l:1"), 10000, &lease, &error));
	OK(cw_lease_release(cache, &lease, cw_str("l:1"), &error));
	OK(cw_lease_take(cache, cw_str("l:1"), 10000, &lease, &error));
	FAILS(cw_lease_take(cache, cw_str("l:1"), 0, &lease, &error), CW_BAD_ARGUMENT);
	FAILS(cw_lease_take(cache, cw_str("l:1"), 300001, &lease, &error), CW_BAD_ARGUMENT);
	OK(cw_lease_take(cache, cw_str("l:2"), 300000, &lease, &error));
	OK(cw_lease_take(cache, cw_str("l:3"), 1, &lease, &error));
}

int main(int argc, char **argv)
{
	CHECK(argc == 3);
	cache = open_cache(argv[1], argv[2]);
	once();
	nested();
	failing();
	stale();
	remembered_absence();
	invalidated_meanwhile();
	leases();
	cw_close(cache);
	return 0;
}
