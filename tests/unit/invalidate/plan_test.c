/* SPDX-License-Identifier: MIT */
#include "invalidate/plan.h"

#include <stdio.h>
#include <string.h>

#include "../cache/config.h"
#include "../unit.h"
#include "cache/dependency.h"

static const char yaml[] =
	"entities:\n"
	"  user: {field: user_id, keys: {profile: \"user:profile:{id}\", s: \"session:{id}\"},\n"
	"         patterns: [\"list:*:{id}:*\"]}\n"
	"dependencies:\n"
	"  - {when: \"user:profile:{id}\", invalidate: [\"user:groups:{id}\", "
	"\"user:subs:{id}\"]}\n"
	"  - {when: \"user:groups:{id}\", invalidate: [\"menu:{id}\"], patterns: "
	"[\"page:{id}:*\"]}\n"
	"  - {when: \"menu:{id}\", invalidate: [\"user:profile:{id}\", \"lock:{id}\"]}\n"
	"  - {when: \"grow:{id}\", invalidate: [\"grow:{id}x\"]}\n"
	"  - {when: \"celery{id}\", invalidate: [\"held:{id}\"]}\n"
	"  - {when: \"held:{id}\", invalidate: [\"celery{id}\"]}\n"
	"  - {when: \"wide:{id}\", patterns: [\"wide-{id}\"]}\n";

static struct conf *conf;
static struct invalidation *asked;
static struct plan *plan;
static struct fault fault;

static void setup_as(const struct identity *who)
{
	conf = config_of(yaml);
	asked = invalidation_new(conf, who);
	plan = NULL;
	fault = (struct fault){0};
}

static void setup(void)
{
	setup_as(&config_reader);
}

static void teardown(void)
{
	plan_free(plan);
	invalidation_free(asked);
	conf_unref(conf);
}

static enum error make(void)
{
	enum error error = plan_new(asked, &plan, &fault);

	return error ? error : plan_cascade(plan, NULL, &fault);
}

static bool has_pattern(const char *glob)
{
	for (size_t i = 0; i < plan->pattern_count; i++)
		if (slice_is(plan->patterns[i].glob, glob))
			return true;
	return false;
}

static const struct plan_selector *selector(enum selector_kind kind, const char *value)
{
	for (size_t i = 0; i < plan->selector_count; i++)
		if (plan->selectors[i].kind == kind && slice_is(plan->selectors[i].value, value))
			return &plan->selectors[i];
	return NULL;
}

START_TEST(a_literal_pattern_is_a_key)
{
	setup();
	invalidation_add_pattern(asked, SLICE("a\\*b"));
	ck_assert_int_eq(make(), OK);
	ck_assert_uint_eq(plan->pattern_count, 0);
	ck_assert(plan_has(plan, SLICE("a*b")));
	/* Shown as it was written. */
	ck_assert(!selector(SELECTOR_PATTERN, "a\\*b")->scanned);
	teardown();
}
END_TEST

START_TEST(entities_give_keys_and_escaped_patterns)
{
	setup();
	asked->no_cascade = true;
	invalidation_add_id(asked, conf_entity(conf, SLICE("user")), SLICE("*"));
	ck_assert_int_eq(make(), OK);
	ck_assert(plan_has(plan, SLICE("user:profile:*")));
	ck_assert(has_pattern("list:*:\\*:*"));
	ck_assert(selector(SELECTOR_ENTITY, "user:*")->scanned);
	/* session:* is nobody's; it was derived, so that it is only left out. */
	ck_assert_uint_eq(plan->protected_skipped, 1);
	ck_assert_uint_eq(plan->key_count, 1);
	teardown();
}
END_TEST

START_TEST(rules_are_followed_transitively_and_cycles_end)
{
	setup();
	invalidation_add_key(asked, SLICE("user:profile:7"));
	ck_assert_int_eq(make(), OK);
	ck_assert_uint_eq(plan->key_count, 4);
	ck_assert(plan_has(plan, SLICE("user:groups:7")));
	ck_assert(plan_has(plan, SLICE("user:subs:7")));
	ck_assert(plan_has(plan, SLICE("menu:7")));
	ck_assert(has_pattern("page:7:*"));
	ck_assert_uint_eq(plan->protected_skipped, 1);
	ck_assert_ptr_nonnull(selector(SELECTOR_DEPENDENCY, "user:profile:{id}"));
	ck_assert(selector(SELECTOR_DEPENDENCY, "user:groups:{id}")->scanned);
	ck_assert(!plan->too_many_dependents);
	teardown();
}
END_TEST

START_TEST(a_key_counts_for_each_selector_that_claims_it)
{
	setup();
	invalidation_add_key(asked, SLICE("user:groups:7"));
	invalidation_add_key(asked, SLICE("user:profile:7"));
	ck_assert_int_eq(make(), OK);
	ck_assert_uint_eq(plan->key_count, 4);
	for (size_t i = 0; i < plan->key_count; i++)
		plan_count(plan, &plan->keys[i], false);
	ck_assert_uint_eq(selector(SELECTOR_KEY, "user:groups:7")->matched, 1);
	ck_assert_uint_eq(selector(SELECTOR_DEPENDENCY, "user:profile:{id}")->matched, 2);
	teardown();
}
END_TEST

START_TEST(naming_a_key_twice_counts_once)
{
	setup();
	invalidation_add_key(asked, SLICE("a"));
	invalidation_add_key(asked, SLICE("a"));
	ck_assert_int_eq(make(), OK);
	ck_assert_uint_eq(plan->key_count, 1);
	plan_count(plan, &plan->keys[0], false);
	ck_assert_uint_eq(selector(SELECTOR_KEY, "a")->matched, 1);
	teardown();
}
END_TEST

START_TEST(without_cascade_rules_are_not_followed)
{
	setup();
	asked->no_cascade = true;
	invalidation_add_key(asked, SLICE("user:profile:7"));
	ck_assert_int_eq(make(), OK);
	ck_assert_uint_eq(plan->key_count, 1);
	teardown();
}
END_TEST

START_TEST(dependents_of_selects_all_but_the_key_itself)
{
	setup();
	asked->no_cascade = true;
	invalidation_add_dependents_of(asked, SLICE("user:groups:7"));
	ck_assert_int_eq(make(), OK);
	ck_assert(plan_has(plan, SLICE("menu:7")));
	ck_assert(plan_has(plan, SLICE("user:profile:7")));
	/* The rules lead back to it, so that it depends on itself. */
	ck_assert(plan_has(plan, SLICE("user:groups:7")));
	ck_assert(selector(SELECTOR_DEPENDENTS_OF, "user:groups:7")->scanned);
	ck_assert_ptr_null(selector(SELECTOR_DEPENDENCY, "menu:{id}"));
	teardown();
	setup();
	invalidation_add_dependents_of(asked, SLICE("grow:1"));
	ck_assert_int_eq(make(), OK);
	ck_assert(!plan_has(plan, SLICE("grow:1")));
	ck_assert(plan_has(plan, SLICE("grow:1x")));
	teardown();
}
END_TEST

/* To name a key as the root of dependents_of is not to name it for removal. */
START_TEST(a_protected_root_stays_where_the_rules_lead_back_to_it)
{
	setup();
	invalidation_add_dependents_of(asked, SLICE("celery7"));
	ck_assert_int_eq(make(), OK);
	ck_assert(plan_has(plan, SLICE("held:7")));
	ck_assert(!plan_has(plan, SLICE("celery7")));
	ck_assert_uint_eq(plan->protected_skipped, 1);
	teardown();
}
END_TEST

START_TEST(endless_rules_stop_at_the_limit)
{
	setup();
	invalidation_add_key(asked, SLICE("grow:1"));
	ck_assert_int_eq(make(), OK);
	ck_assert(plan->too_many_dependents);
	ck_assert_uint_eq(plan->dependents, PLAN_MAX_DEPENDENTS);
	ck_assert_uint_eq(plan->key_count, PLAN_MAX_DEPENDENTS + 1);
	teardown();
}
END_TEST

START_TEST(a_rules_pattern_without_glob_is_a_key)
{
	setup();
	invalidation_add_key(asked, SLICE("wide:*"));
	ck_assert_int_eq(make(), OK);
	ck_assert_uint_eq(plan->pattern_count, 0);
	ck_assert(plan_has(plan, SLICE("wide-*")));
	teardown();
}
END_TEST

static void refused(enum error expected, const char *pointer)
{
	ck_assert_int_eq(make(), expected);
	ck_assert_str_eq(fault.pointer, pointer);
	ck_assert_ptr_null(plan);
	teardown();
}

START_TEST(one_refused_name_refuses_the_whole_plan)
{
	setup();
	invalidation_add_key(asked, SLICE("a"));
	invalidation_add_key(asked, SLICE("lock:1"));
	refused(ERR_KEY_PROTECTED, "/keys/1");
	setup();
	invalidation_add_pattern(asked, SLICE("a*"));
	invalidation_add_pattern(asked, SLICE("cw:x"));
	refused(ERR_KEY_RESERVED, "/patterns/1");
	setup();
	invalidation_add_pattern(asked, SLICE("session:*"));
	refused(ERR_KEY_RESERVED, "/patterns/0");
	setup();
	invalidation_add_pattern(asked, SLICE("**"));
	refused(ERR_FORBIDDEN, "/patterns/0");
	setup();
	invalidation_add_pattern(asked, SLICE(""));
	refused(ERR_BAD_PATTERN, "/patterns/0");
	setup();
	invalidation_add_key(asked, SLICE(""));
	refused(ERR_BAD_KEY, "/keys/0");
	setup();
	invalidation_add_id(asked, conf_entity(conf, SLICE("user")), SLICE(""));
	refused(ERR_BAD_BODY, "/entities/user/0");
	setup();
	refused(ERR_BAD_BODY, "");
}
END_TEST

START_TEST(the_scope_flush_allows_catch_all_patterns)
{
	setup_as(&config_admin);
	invalidation_add_pattern(asked, SLICE("*"));
	ck_assert_int_eq(make(), OK);
	teardown();
}
END_TEST

static void add_pattern(struct slice name)
{
	char glob[32];

	snprintf(glob, sizeof glob, "%.*s*", (int)name.n, name.p);
	invalidation_add_pattern(asked, slice_str(glob));
}

static void add_key(struct slice name)
{
	invalidation_add_key(asked, name);
}

static void add_dependents_of(struct slice name)
{
	invalidation_add_dependents_of(asked, name);
}

static void add_tag(struct slice name)
{
	invalidation_add_tag(asked, name);
}

static void add_id(struct slice name)
{
	invalidation_add_id(asked, conf_entity(conf, SLICE("user")), name);
}

START_TEST(selectors_are_bounded_as_documented)
{
	static const struct {
		void (*add)(struct slice name);
		int most;
		const char *pointer;
	} cases[] = {{add_key, INVALIDATION_MAX_KEYS, "/keys"},
		{add_dependents_of, INVALIDATION_MAX_KEYS, "/dependents_of"},
		{add_pattern, PLAN_MAX_PATTERNS, "/patterns"}, {add_tag, PLAN_MAX_TAGS, "/tags"},
		{add_id, INVALIDATION_MAX_IDS, ""}};
	char name[32];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		setup();
		for (int j = 0; j < cases[i].most; j++) {
			snprintf(name, sizeof name, "k%d", j);
			cases[i].add(slice_str(name));
		}
		ck_assert_msg(make() == OK, "%zu: %s", i, fault.detail);
		plan_free(plan);
		plan = NULL;
		cases[i].add(SLICE("more"));
		refused(ERR_BAD_BODY, cases[i].pointer);
	}
}
END_TEST

static void expect_names(const struct name_list *list, const char *expected)
{
	struct buf text = {0};

	for (size_t i = 0; i < list->count; i++) {
		buf_add(&text, list->items[i]);
		buf_char(&text, ' ');
	}
	ck_assert_str_eq(text.n ? text.p : "", expected);
	buf_release(&text);
}

static struct dependency_view preview(const char *key, bool transitive)
{
	struct dependency_view view;

	ck_assert_int_eq(
		dependency_preview(NULL, conf, slice_str(key), transitive, &view, &fault), OK);
	return view;
}

START_TEST(the_preview_names_rules_dependents_and_cycles)
{
	setup();
	struct dependency_view view = preview("user:profile:7", false);
	expect_names(&view.dependents, "user:groups:7 user:subs:7 ");
	ck_assert_uint_eq(view.rule_count, 1);
	dependency_view_release(&view);
	view = preview("user:profile:7", true);
	expect_names(&view.dependents, "user:groups:7 user:subs:7 menu:7 lock:7 ");
	expect_names(&view.patterns, "page:7:* ");
	ck_assert_uint_eq(view.cycle_count, 1);
	expect_names(&view.cycles[0], "user:profile:7 user:groups:7 menu:7 user:profile:7 ");
	dependency_view_release(&view);
	view = preview("grow:7", true);
	ck_assert(view.truncated);
	dependency_view_release(&view);
	teardown();
}
END_TEST

TEST_SUITE("plan", a_literal_pattern_is_a_key, entities_give_keys_and_escaped_patterns,
	rules_are_followed_transitively_and_cycles_end,
	a_key_counts_for_each_selector_that_claims_it, naming_a_key_twice_counts_once,
	without_cascade_rules_are_not_followed, dependents_of_selects_all_but_the_key_itself,
	a_protected_root_stays_where_the_rules_lead_back_to_it, endless_rules_stop_at_the_limit,
	a_rules_pattern_without_glob_is_a_key, one_refused_name_refuses_the_whole_plan,
	the_scope_flush_allows_catch_all_patterns, selectors_are_bounded_as_documented,
	the_preview_names_rules_dependents_and_cycles)
