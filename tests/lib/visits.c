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
	struct cw_session_id id;
	struct cw_session session;

	FAILS(cw_session_create(cache, &what, &id, &error), CW_BAD_ARGUMENT);
	what.data = cw_str("{");
	FAILS(cw_session_create(cache, &what, &id, &error), CW_BAD_ARGUMENT);
	what.data = cw_str("{}");
	what.ttl = CW_TTL_NONE;
	FAILS(cw_session_create(cache, &what, &id, &error), CW_BAD_ARGUMENT);
	what.ttl = 0;
	what.user_id = cw_str("");
	FAILS(cw_session_create(cache, &what, &id, &error), CW_BAD_ARGUMENT);
	FAILS(cw_session_get(cache, "no such id", &session, &error), CW_NOT_FOUND);
	FAILS(cw_session_get(cache, "", &session, &error), CW_NOT_FOUND);
	what.user_id = cw_str("1");
	OK(cw_session_create(cache, &what, &id, &error));
	FAILS(cw_session_patch(cache, id.text, cw_str("7"), NULL, &error), CW_BAD_ARGUMENT);
}

int main(int argc, char **argv)
{
	CHECK(argc == 2);
	cache = open_cache(argv[1], NULL);
	one();
	of_a_user();
	refused();
	cw_close(cache);
	return 0;
}
