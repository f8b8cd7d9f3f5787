/* SPDX-License-Identifier: MIT */
/* A visitor's session: the first request, the login, and the logout on all devices. */
#include "example.h"

int main(void)
{
	struct cw_cache *cache = open_cache(NULL);
	const struct cw_session_new visit = {.data = cw_str("{\"cart\":[]}"), .max_age = 86400};
	const struct cw_session_new elsewhere = {.user_id = cw_str("42")};
	const struct cw_session_change login = {
		.set_user = true, .user_id = cw_str("42"), .ttl = 1800};
	struct cw_session_id cookie, phone;
	struct cw_session session;
	struct cw_session_list list;
	struct cw_session_end others = {0};
	size_t ended;

	/* The id goes into a cookie, never into a log: log session.ref instead. */
	must(cw_session_create(cache, &visit, &cookie, &error));
	must(cw_session_create(cache, &elsewhere, &phone, &error));
	/* Members are merged, even if two requests do so concurrently. */
	must(cw_session_patch(
		cache, cookie.text, cw_str("{\"cart\":[7,9007199254740993]}"), NULL, &error));

	/* A login gives the session a new id; the old one becomes invalid. */
	const struct cw_session_id before = cookie;
	must(cw_session_rotate_with(cache, before.text, &login, &cookie, &error));
	must(cw_session_get(cache, cookie.text, &session, &error));
	printf("user %s: %s\n", session.user_id, session.data);
	cw_session_release(&session);
	if (cw_session_get(cache, before.text, &session, &error) == CW_NOT_FOUND)
		puts("the old id is not valid any more");

	must(cw_session_list(cache, cw_str("42"), &list, &error));
	printf("sessions: %zu\n", list.count);
	cw_session_list_release(&list);
	/* "Log out everywhere else". */
	must(cw_session_peek(cache, cookie.text, &session, &error));
	others.except = session.ref;
	must(cw_session_end(cache, cw_str("42"), &others, &ended, &error));
	printf("ended: %zu\n", ended);
	cw_session_release(&session);
	must(cw_session_delete(cache, cookie.text, &error));
	cw_close(cache);
	return 0;
}
/*
 * user 42: {"cart":[7,9007199254740993]}
 * the old id is not valid any more
 * sessions: 2
 * ended: 1
 */
