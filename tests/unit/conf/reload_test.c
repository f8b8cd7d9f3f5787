/* SPDX-License-Identifier: MIT */
#include "conf/reload.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "scratch.h"

/* Writes down what is asked of it, and refuses where it is told to. */
struct member {
	char letter;
	bool refuses;
	struct buf *story;
};

static enum error member_prepare(void *context, struct conf *next, struct fault *fault)
{
	const struct member *member = context;

	buf_printf(member->story, "p%c(%s) ", member->letter, next->name);
	if (member->refuses)
		return fault_set(fault, ERR_BAD_CONFIG, "listen: 127.0.0.1:1 is taken");
	return OK;
}

static void member_commit(void *context, struct conf *next)
{
	const struct member *member = context;

	buf_printf(member->story, "c%c(%s) ", member->letter, next->name);
}

static void member_abandon(void *context)
{
	const struct member *member = context;

	buf_printf(member->story, "a%c ", member->letter);
}

struct fixture {
	struct scratch s;
	struct buf story, faults;
	struct member members[3];
	struct reload *reload;
};

static void begin(struct fixture *f, const char *text)
{
	*f = (struct fixture){0};
	scratch_begin(&f->s);
	scratch_good(&f->s, text);
	f->reload = reload_new(f->s.path.p, conf_ref(f->s.conf), NULL);
	for (size_t i = 0; i < 3; i++) {
		f->members[i] = (struct member){(char)('1' + i), false, &f->story};
		reload_join(
			f->reload, (struct reload_member){"member", member_prepare, member_commit,
					   i == 1 ? NULL : member_abandon, &f->members[i]});
	}
	reload_join(f->reload, (struct reload_member){0});
}

static void end(struct fixture *f)
{
	reload_free(f->reload);
	buf_release(&f->story);
	buf_release(&f->faults);
	scratch_end(&f->s);
}

/* Puts `text` in place of the file and reloads. */
static enum error reload_with(struct fixture *f, const char *text)
{
	buf_clear(&f->story);
	buf_clear(&f->faults);
	buf_str(&f->story, "");
	buf_str(&f->faults, "");
	scratch_write(&f->s, "c.yaml", text);
	return reload_now(f->reload, &f->faults);
}

START_TEST(all_parts_prepare_before_any_commits)
{
	struct fixture f;

	begin(&f, "name: a\n");
	ck_assert(reload_succeeded(f.reload));
	ck_assert_str_eq(reload_faults(f.reload), "");
	ck_assert_int_eq(reload_with(&f, "name: b\n"), OK);
	ck_assert_str_eq(f.story.p, "p1(b) p2(b) p3(b) c1(b) c2(b) c3(b) ");
	ck_assert_str_eq(reload_current(f.reload)->name, "b");
	/* Who held the old one still has it. */
	ck_assert_str_eq(f.s.conf->name, "a");
	end(&f);
}
END_TEST

START_TEST(one_refusal_undoes_those_before)
{
	struct fixture f;

	begin(&f, "name: a\n");
	f.members[2].refuses = true;
	ck_assert_int_eq(reload_with(&f, "name: b\n"), ERR_BAD_CONFIG);
	ck_assert_str_eq(f.story.p, "p1(b) p2(b) p3(b) a1 ");
	ck_assert_str_eq(reload_current(f.reload)->name, "a");
	ck_assert(!reload_succeeded(f.reload));
	ck_assert_ptr_nonnull(strstr(f.faults.p, "listen: 127.0.0.1:1 is taken\n"));
	ck_assert_str_eq(reload_faults(f.reload), f.faults.p);
	f.members[2].refuses = false;
	ck_assert_int_eq(reload_with(&f, "name: b\n"), OK);
	ck_assert(reload_succeeded(f.reload));
	ck_assert_str_eq(reload_faults(f.reload), "");
	end(&f);
}
END_TEST

START_TEST(a_broken_file_reaches_no_part)
{
	struct fixture f;

	begin(&f, "name: a\n");
	ck_assert_int_eq(reload_with(&f, "nam: b\n"), ERR_BAD_CONFIG);
	ck_assert_str_eq(f.story.p, "");
	ck_assert_ptr_nonnull(strstr(f.faults.p, "c.yaml:1: nam is not a known key"));
	ck_assert_str_eq(reload_current(f.reload)->name, "a");
	end(&f);
}
END_TEST

START_TEST(keys_that_need_a_restart_refuse_the_file)
{
	static const struct {
		const char *text, *fault;
	} rows[] = {
		{"redis: {url: \"redis://u:p@other\"}\n", "c.yaml:1: redis.url has changed"},
		{"redis: {url: \"redis://u:p@h/1\"}\n", "c.yaml:1: redis.url has changed"},
		{"redis:\n  url: \"redis://u:p@h\"\n  managed: {maxmemory: 1GiB}\n",
			"c.yaml:3: redis.managed.maxmemory has changed"},
		{"redis: {url: \"redis://u:p@h\", managed: {policy: noeviction}}\n",
			"c.yaml:1: redis.managed.policy has changed"},
		{"redis: {url: \"redis://u:p@h\", managed: {directory: /x}}\n",
			"c.yaml:1: redis.managed.directory has changed"},
		{"redis: {url: \"redis://u:p@h\"}\nlimits: {connections: 5}\n",
			"c.yaml:2: limits.connections has changed"},
		{"redis: {url: \"redis://u:p@h\"}\nlisten: [systemd]\n",
			"c.yaml:2: listen has changed"},
	};
	struct fixture f;

	begin(&f, "redis: {url: \"redis://u:p@h\"}\n");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		ck_assert_int_eq(reload_with(&f, rows[i].text), ERR_BAD_CONFIG);
		ck_assert_str_eq(f.story.p, "");
		ck_assert_msg(strstr(f.faults.p, rows[i].fault), "%s", f.faults.p);
	}
	end(&f);
	begin(&f, "redis: {url: \"redis+sentinel://a:1,b:2/m\"}\n");
	static const char *const others[] = {"a:1,b:3/m", "a:1/m", "a:1,c:2/m", "a:1,b:2/n"};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		char text[80];

		snprintf(text, sizeof text, "redis: {url: \"redis+sentinel://%s\"}\n", others[i]);
		ck_assert_int_eq(reload_with(&f, text), ERR_BAD_CONFIG);
		ck_assert_msg(strstr(f.faults.p, "redis.url has changed"), "%s", f.faults.p);
	}
	end(&f);
	begin(&f, "redis: {url: \"redis://u:p@h\"}\n");
	/* Credentials, other addresses, and the same said in other words are fine. */
	ck_assert_int_eq(
		reload_with(&f, "redis: {url: \"redis://x:y@h:6379/0\"}\nlimits: {connections: "
				"10240}\nlisten: [127.0.0.1:0]\n"),
		OK);
	end(&f);
}
END_TEST

TEST_SUITE("reload", all_parts_prepare_before_any_commits, one_refusal_undoes_those_before,
	a_broken_file_reaches_no_part, keys_that_need_a_restart_refuse_the_file)
