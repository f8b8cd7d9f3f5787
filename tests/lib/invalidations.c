/* SPDX-License-Identifier: MIT */
/* invalidations URL CONFIG: every selector, what is refused, and a change that fails. */
#include "check.h"

static struct cw_cache *cache;

static void put(const char *key)
{
	OK(cw_set(cache, cw_str(key), cw_str("x"), NULL, &error));
}

static bool there(const char *key)
{
	bool ret;

	OK(cw_exists(cache, cw_str(key), &ret, &error));
	return ret;
}

static struct cw_invalidated gone(const struct cw_invalidation *what, uint64_t keys)
{
	struct cw_invalidated ret;

	OK(cw_invalidate(cache, what, &ret, &error));
	CHECK(ret.complete && !*ret.reason && ret.matched == keys);
	CHECK(ret.invalidated == (what->dry_run ? 0 : keys));
	return ret;
}

static void by_key_and_rule(void)
{
	const struct cw_bytes profile = cw_str("user:profile:7");
	const struct cw_invalidation what = {.keys = cw_list(&profile, 1)};
	const struct cw_invalidation alone = {.keys = cw_list(&profile, 1), .no_cascade = true};
	const struct cw_invalidation others = {.dependents_of = cw_list(&profile, 1)};

	put("user:profile:7");
	put("user:page:7");
	gone(&what, 2);
	CHECK(!there("user:profile:7") && !there("user:page:7"));
	put("user:profile:7");
	put("user:page:7");
	gone(&alone, 1);
	CHECK(there("user:page:7"));
	put("user:profile:7");
	gone(&others, 1);
	CHECK(there("user:profile:7") && !there("user:page:7"));
}

static void by_what_was_stored(void)
{
	const struct cw_bytes row = cw_str("d:row"), pages[] = {cw_str("d:page"), cw_str("d:mail")},
			      own = cw_str("cw:x");
	const struct cw_invalidation what = {.keys = cw_list(&row, 1)};
	struct cw_dependency change = {.key = row, .add = cw_list(pages, 2)};
	struct cw_names names;
	size_t count;

	OK(cw_depend(cache, &change, &count, &error));
	CHECK(count == 2);
	put("d:row");
	put("d:page");
	put("d:mail");
	gone(&what, 3);
	change = (struct cw_dependency){.key = row, .remove = cw_list(pages, 1)};
	OK(cw_depend(cache, &change, &count, &error));
	OK(cw_dependents(cache, row, &names, &error));
	CHECK(count == 1 && names.count == 1 && strcmp(names.items[0].data, "d:mail") == 0);
	cw_names_release(&names);
	OK(cw_dependents_delete(cache, row, &error));
	OK(cw_dependents_delete(cache, row, &error));
	OK(cw_dependents(cache, row, &names, &error));
	CHECK(names.count == 0);
	cw_names_release(&names);
	change = (struct cw_dependency){.key = row};
	FAILS(cw_depend(cache, &change, NULL, &error), CW_BAD_ARGUMENT);
	change.add = cw_list(&own, 1);
	FAILS(cw_depend(cache, &change, NULL, &error), CW_FORBIDDEN);
	change = (struct cw_dependency){.key = row, .add = cw_list(pages, 2), .ttl = -2};
	FAILS(cw_depend(cache, &change, NULL, &error), CW_BAD_ARGUMENT);
}

static void by_pattern(void)
{
	const struct cw_bytes globs[] = {cw_str("p:*"), cw_str("q:?")};
	struct cw_invalidation what = {.patterns = cw_list(globs, 2), .dry_run = true};

	put("p:1");
	put("p:2");
	put("q:1");
	put("q:10");
	CHECK(*gone(&what, 3).confirm);
	CHECK(there("p:1"));
	what.dry_run = false;
	gone(&what, 3);
	CHECK(!there("p:2") && there("q:10"));
	gone(&what, 0);
}

static void by_tag(void)
{
	const struct cw_bytes tags[] = {cw_str("red"), cw_str("round")},
			      late[] = {cw_str("t:3"), cw_str("t:9")};
	const struct cw_store how = {.tags = cw_list(tags, 2)};
	const struct cw_invalidation what = {.tags = cw_list(&tags[1], 1)};
	const struct cw_bytes bad = cw_str("two\nlines");
	size_t tagged;

	OK(cw_set(cache, cw_str("t:1"), cw_str("x"), &how, &error));
	put("t:3");
	put("t:4");
	OK(cw_tag(cache, cw_list(tags, 2), cw_list(late, 2), &tagged, &error));
	CHECK(tagged == 1);
	gone(&what, 2);
	CHECK(!there("t:1") && !there("t:3") && there("t:4"));
	FAILS(cw_tag(cache, cw_list(&bad, 1), cw_list(late, 2), &tagged, &error), CW_BAD_ARGUMENT);
	FAILS(cw_tag(cache, cw_list(tags, 0), cw_list(late, 2), &tagged, &error), CW_BAD_ARGUMENT);
}

/* As many of a kind as one call takes, and one more. */
static void at_most(void)
{
	struct cw_bytes names[1001];
	struct cw_invalidation keys = {.keys = {names, 1000}}, globs = {.patterns = {names, 1000}},
			       tags = {.tags = {names, 100}},
			       roots = {.dependents_of = {names, 1000}};

	for (int i = 0; i < 1001; i++)
		names[i] = cw_str("at:most");
	gone(&keys, 0);
	gone(&globs, 0);
	gone(&tags, 0);
	gone(&roots, 0);
	keys.keys.count = globs.patterns.count = roots.dependents_of.count = 1001;
	tags.tags.count = 101;
	FAILS(cw_invalidate(cache, &keys, NULL, &error), CW_BAD_ARGUMENT);
	FAILS(cw_invalidate(cache, &globs, NULL, &error), CW_BAD_ARGUMENT);
	FAILS(cw_invalidate(cache, &tags, NULL, &error), CW_BAD_ARGUMENT);
	FAILS(cw_invalidate(cache, &roots, NULL, &error), CW_BAD_ARGUMENT);
}

static void softly(void)
{
	const struct cw_bytes key = cw_str("s:1");
	const struct cw_invalidation what = {.keys = cw_list(&key, 1), .soft = true};
	struct cw_invalidated ret;
	struct cw_value value;

	put("s:1");
	OK(cw_invalidate(cache, &what, &ret, &error));
	CHECK(ret.softened == 1 && ret.invalidated == 0);
	OK(cw_get(cache, key, &value, &error));
	CHECK(value.origin == CW_STALE && value.ttl == 0 && value_is(&value, "x"));
	cw_value_release(&value);
}

static void by_entity(void)
{
	const struct cw_bytes ids[] = {cw_str("1"), cw_str("a*")};
	struct cw_entity user = {"user", {ids, 2}};
	const struct cw_invalidation what = {.entities = &user, .entity_count = 1};

	put("user:profile:1");
	put("user:list:1:x");
	put("user:list:a*:x");
	put("user:list:abc:x");
	gone(&what, 3);
	CHECK(there("user:list:abc:x"));
	user.name = "nobody";
	FAILS(cw_invalidate(cache, &what, NULL, &error), CW_NOT_FOUND);
	user.name = "user";
	user.ids.count = 0;
	FAILS(cw_invalidate(cache, &what, NULL, &error), CW_BAD_ARGUMENT);
}

static void confirmed(void)
{
	const struct cw_bytes glob = cw_str("big:*");
	struct cw_invalidation what = {.patterns = cw_list(&glob, 1)};
	struct cw_invalidated ret;
	char key[16];

	for (int i = 0; i < 12; i++) {
		snprintf(key, sizeof key, "big:%d", i);
		put(key);
	}
	FAILS(cw_invalidate(cache, &what, &ret, &error), CW_CONFIRMATION_REQUIRED);
	CHECK(ret.matched == 11 && *ret.confirm && !ret.complete && there("big:0"));
	what.max_keys = 5;
	FAILS(cw_invalidate(cache, &what, &ret, &error), CW_INCOMPLETE);
	CHECK(strcmp(ret.reason, "max_keys") == 0 && ret.invalidated == 5);
	what.max_keys = 0;
	what.confirm = ret.confirm;
	gone(&what, 7);
}

/* The test has stored slow:* in numbers that a pass does not get through in the time given. */
static void timed_out(void)
{
	const struct cw_bytes glob = cw_str("slow:*");
	struct cw_invalidation what = {
		.patterns = cw_list(&glob, 1), .max_keys = 50000, .timeout_ms = 1};
	struct cw_invalidated before, after;

	FAILS(cw_invalidate(cache, &what, NULL, &error), CW_TIMEOUT);
	what.dry_run = true;
	what.timeout_ms = 0;
	OK(cw_invalidate(cache, &what, &before, &error));
	OK(cw_invalidate(cache, &what, &after, &error));
	/* It has ended with the call: the calls that follow do not go on with it. */
	CHECK(before.matched > 0 && after.matched == before.matched);
}

static void refused(void)
{
	const struct cw_bytes keys[] = {cw_str("a"), cw_str("cw:meta")}, all = cw_str("*"),
			      bad = cw_str("x*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a");
	struct cw_invalidation what = {.keys = cw_list(keys, 2)};

	put("a");
	FAILS(cw_invalidate(cache, &what, NULL, &error), CW_FORBIDDEN);
	CHECK(there("a"));
	what = (struct cw_invalidation){0};
	FAILS(cw_invalidate(cache, &what, NULL, &error), CW_BAD_ARGUMENT);
	what.patterns = cw_list(&all, 1);
	FAILS(cw_invalidate(cache, &what, NULL, &error), CW_FORBIDDEN);
	what.patterns = cw_list(&bad, 1);
	FAILS(cw_invalidate(cache, &what, NULL, &error), CW_BAD_ARGUMENT);
}

struct update {
	bool works;
	struct cw_invalidation *what;
	struct cw_bytes key;
};

/* Calls the library itself, and says only then what is to go. */
static bool change(void *context)
{
	struct update *update = context;

	put("made-by-the-change");
	update->key = cw_str("row:1");
	update->what->keys = cw_list(&update->key, 1);
	return update->works;
}

static void changes(void)
{
	struct cw_invalidation what = {0};
	struct update update = {.what = &what};

	put("row:1");
	FAILS(cw_invalidating(cache, change, &update, &what, &error), CW_CALLBACK_FAILED);
	CHECK(there("row:1"));
	update.works = true;
	OK(cw_invalidating(cache, change, &update, &what, &error));
	CHECK(!there("row:1") && there("made-by-the-change"));
}

int main(int argc, char **argv)
{
	CHECK(argc == 3);
	cache = open_cache(argv[1], argv[2]);
	by_key_and_rule();
	by_what_was_stored();
	by_pattern();
	by_tag();
	at_most();
	softly();
	by_entity();
	confirmed();
	timed_out();
	refused();
	changes();
	cw_close(cache);
	return 0;
}
