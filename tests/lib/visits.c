/* SPDX-License-Identifier: MIT */
/* visits URL: from login to the last logout. */
#include "check.h"

static struct cw_cache *cache;

static struct cw_session get(const char *id)
{
	struct cw_session session;

	OK(cw_session_get(cache, id, &session, &error));
	return session;
}

static void one(void)
{
	const struct cw_session_new what = {.user_id = cw_str("42"),
		.data = cw_str("{\"n\":9007199254740993,\"l\":[]}"),
		.ttl = 60};
	struct cw_session_id id, next;
	struct cw_session session;

	OK(cw_session_create(cache, &what, &id, &error));
	CHECK(strlen(id.text) == 43);
	session = get(id.text);
	CHECK(strcmp(session.data, "{\"n\":9007199254740993,\"l\":[]}") == 0);
	CHECK(strlen(session.data) == session.data_size && strcmp(session.user_id, "42") == 0);
	CHECK(strlen(session.ref) == 16 && session.expires_ms - session.last_seen_ms == 60000);
	cw_session_release(&session);
	OK(cw_session_patch(cache, id.text, cw_str("{\"l\":null,\"m\":1}"), NULL, &error));
	OK(cw_session_rotate(cache, id.text, &next, &error));
	FAILS(cw_session_get(cache, id.text, &session, &error), CW_NOT_FOUND);
	OK(cw_session_patch(cache, next.text, cw_str("{\"m\":2}"), &session, &error));
	CHECK(strcmp(session.data, "{\"n\":9007199254740993,\"m\":2}") == 0);
	cw_session_release(&session);
	OK(cw_session_peek(cache, next.text, &session, &error));
	cw_session_release(&session);
	OK(cw_session_delete(cache, next.text, &error));
	OK(cw_session_delete(cache, next.text, &error));
	FAILS(cw_session_peek(cache, next.text, &session, &error), CW_NOT_FOUND);
}

static void of_a_user(void)
{
	const struct cw_session_new what = {.user_id = cw_str("7")};
	struct cw_session_id ids[3];
	struct cw_session_list list;
	struct cw_session_end which = {0};
	struct cw_session session;
	size_t ended;

	for (int i = 0; i < 3; i++)
		OK(cw_session_create(cache, &what, &ids[i], &error));
	session = get(ids[0].text);
	CHECK(strcmp(session.data, "{}") == 0);
	OK(cw_session_list(cache, cw_str("7"), &list, &error));
	CHECK(list.count == 3 && strcmp(list.items[0].user_id, "7") == 0 && !list.items[0].data);
	cw_session_list_release(&list);
	which.ref = "";
	FAILS(cw_session_end(cache, cw_str("7"), &which, &ended, &error), CW_BAD_ARGUMENT);
	CHECK(ended == 0);
	which.ref = NULL;
	which.except = session.ref;
	OK(cw_session_end(cache, cw_str("7"), &which, &ended, &error));
	CHECK(ended == 2);
	which.except = NULL;
	which.ref = session.ref;
	OK(cw_session_end(cache, cw_str("7"), &which, &ended, &error));
	CHECK(ended == 1);
	OK(cw_session_end(cache, cw_str("7"), NULL, &ended, &error));
	CHECK(ended == 0);
	cw_session_release(&session);
	OK(cw_session_list(cache, cw_str("7"), &list, &error));
	CHECK(list.count == 0);
	cw_session_list_release(&list);
}

static void refused(void)
{
	struct cw_session_new what = {.user_id = cw_str("1"), .data = cw_str("[]")};
	struct cw_session_id id, none;
	struct cw_session session;

	FAILS(cw_session_create(cache, &what, &id, &error), CW_BAD_ARGUMENT);
	what.data = cw_str("{");
	FAILS(cw_session_create(cache, &what, &id, &error), CW_BAD_ARGUMENT);
	what.data = cw_str("{}");
	what.ttl = CW_TTL_NONE;
	FAILS(cw_session_create(cache, &what, &id, &error), CW_BAD_ARGUMENT);
	what.ttl = 0;
	what.max_age = -1;
	FAILS(cw_session_create(cache, &what, &id, &error), CW_BAD_ARGUMENT);
	CHECK(!id.text[0]);
	what.max_age = 0;
	FAILS(cw_session_get(cache, "no such id", &session, &error), CW_NOT_FOUND);
	FAILS(cw_session_get(cache, "", &session, &error), CW_NOT_FOUND);
	OK(cw_session_create(cache, &what, &id, &error));
	FAILS(cw_session_patch(cache, id.text, cw_str("7"), NULL, &error), CW_BAD_ARGUMENT);
	FAILS(cw_session_patch(cache, id.text, cw_str(""), NULL, &error), CW_BAD_ARGUMENT);
	FAILS(cw_session_change(cache, id.text, &(struct cw_session_change){.ttl = CW_TTL_NONE},
		      NULL, &error),
		CW_BAD_ARGUMENT);
	for (int grace = -1; grace <= 61; grace += 62) {
		const struct cw_session_change far = {.grace = grace};

		FAILS(cw_session_rotate_with(cache, id.text, &far, &none, &error), CW_BAD_ARGUMENT);
	}
}

static void count_of(const char *user, size_t expected)
{
	struct cw_session_list list;

	OK(cw_session_list(cache, cw_str(user), &list, &error));
	CHECK(list.count == expected);
	cw_session_list_release(&list);
}

/* A visitor without a name logs in, is remembered, and logs out. */
static void login(void)
{
	const struct cw_session_new what = {.max_age = 3600};
	struct cw_session_change change = {.set_user = true,
		.user_id = cw_str("9"),
		.ttl = 7200,
		.patch = cw_str("{\"n\":1}"),
		.grace = 60};
	struct cw_session_id id, next, again;
	struct cw_session session;

	OK(cw_session_create(cache, &what, &id, &error));
	session = get(id.text);
	CHECK(!session.user_id && session.expires_ms - session.last_seen_ms == 1800000);
	cw_session_release(&session);
	OK(cw_session_rotate_with(cache, id.text, &change, &next, &error));
	count_of("9", 1);
	/* Through the old id, too, for a minute. */
	for (int i = 0; i < 2; i++) {
		session = get(i ? id.text : next.text);
		CHECK(strcmp(session.user_id, "9") == 0 && strcmp(session.data, "{\"n\":1}") == 0);
		CHECK(session.expires_ms == session.created_ms + 3600000);
		cw_session_release(&session);
	}
	again = id;
	FAILS(cw_session_rotate(cache, again.text, &again, &error), CW_CONFLICT);
	CHECK(!again.text[0]);
	change = (struct cw_session_change){.set_user = true};
	OK(cw_session_change(cache, next.text, &change, &session, &error));
	CHECK(!session.user_id && strcmp(session.data, "{\"n\":1}") == 0);
	cw_session_release(&session);
	count_of("9", 0);
	again = next;
	OK(cw_session_rotate(cache, again.text, &again, &error));
	FAILS(cw_session_peek(cache, next.text, &session, &error), CW_NOT_FOUND);
	OK(cw_session_delete(cache, again.text, &error));
	FAILS(cw_session_peek(cache, again.text, &session, &error), CW_NOT_FOUND);
}

int main(int argc, char **argv)
{
	CHECK(argc == 2);
	cache = open_cache(argv[1], NULL);
	one();
	of_a_user();
	refused();
	login();
	cw_close(cache);
	return 0;
}
