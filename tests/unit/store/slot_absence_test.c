/* SPDX-License-Identifier: MIT */
#include "store/slot_absence.h"

#include <string.h>

#include "../unit.h"

#define AWAY(flags)	      "a1 127.0.0.1:7000@17000 " flags " - 0 0 1 disconnected 0-5460\n"
#define OTHER		      "b1 127.0.0.1:7001@17001 master - 0 0 2 connected 5461-16383\n"
#define COPY(id, port, flags) id " 127.0.0.1:" port "@1,h.test slave" flags " a1 0 0 1 connected\n"
#define COPY_OF_ANOTHER	      "d9 127.0.0.1:7009@17009 slave b1 0 0 2 connected\n"

static struct peer_view view_of(const char *text)
{
	struct peer_view view;

	slot_absence_peers(slice_str(text), "127.0.0.1", 7000, &view);
	return view;
}

static const struct reading {
	const char *text;
	struct peer_view view;
} readings[] = {
	{OTHER AWAY("master"), {.known = true}},
	{AWAY("master,fail?") OTHER, {.known = true, .suspected = true}},
	{AWAY("master,fail") OTHER COPY_OF_ANOTHER, {.known = true, .failed = true}},
	{COPY("c1", "7005", ",fail") COPY("c2", "7006", "") AWAY("master,fail")
			COPY("c3", "7007", ""),
		{true, false, true, 3, "127.0.0.1:7006"}},
	{AWAY("master,fail") COPY("c1", "7005", ",fail") COPY("c2", "7006", ",fail?"),
		{.known = true, .failed = true, .replicas = 2}},
	{"a1 :7000@17000 myself,master - 0 0 1 connected\n", {.known = true}},
	{"a1 10.0.0.1:7000@17000,127.0.0.1 master - 0 0 1 connected\n", {.known = true}},
	/* About another, or nothing that can be read. */
	{"a1 127.0.0.2:7000@17000 master - 0 0 1 connected\n", {0}},
	{"a1 127.0.0.1:7000@17000 slave b1 0 0 1 connected\n", {0}},
	{OTHER, {0}},
	{"", {0}},
	{"\n\n \n", {0}},
	{"a1 7000 master -\n", {0}},
	{"a1 127.0.0.1:x@17000 master -\n", {0}},
	{"a1 127.0.0.1:7000\n", {0}},
	{"a1", {0}},
};

START_TEST(what_others_say_is_read)
{
	for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
		struct peer_view got = view_of(readings[i].text), want = readings[i].view;

		ck_assert_msg(got.known == want.known && got.suspected == want.suspected &&
				      got.failed == want.failed && got.replicas == want.replicas &&
				      strcmp(got.replica, want.replica) == 0,
			"%s: %d %d %d %u %s", readings[i].text, got.known, got.suspected,
			got.failed, got.replicas, got.replica);
	}
}
END_TEST

START_TEST(a_long_address_is_cut)
{
	char text[600] = AWAY("master,fail") "c1 ";

	memset(text + strlen(text), 'h', 300);
	strcat(text, ":7005@1 slave a1 0 0 1 connected\n");
	struct peer_view view = view_of(text);

	ck_assert_uint_eq(view.replicas, 1);
	ck_assert_uint_eq(strlen(view.replica), 105);
}
END_TEST

#define REFUSED \
	{ \
		.error = ERR_REDIS_UNAVAILABLE, .detail = "connection refused" \
	}

static const struct explanation {
	struct redis_state state;
	enum redis_view view;
	struct peer_view peers;
	const char *why, *fix;
} explanations[] = {
	{{.status = REDIS_IS_LOADING}, VIEW_UNKNOWN, {0}, "loads its data", "loading_eta_seconds"},
	{{.status = REDIS_IS_BUSY}, VIEW_UNKNOWN, {0}, "busy with a script", "SCRIPT KILL"},
	{{.status = REDIS_UP, .kind = SERVER_REPLICA}, VIEW_WORKS, {0}, "become a replica",
		"CLUSTER NODES"},
	{{.status = REDIS_UP}, VIEW_FAILS, {0}, "cluster_state:fail", "bus ports"},
	{{.status = REDIS_UP}, VIEW_UNKNOWN, {0}, "answers again", "twice a second"},
	{{.status = REDIS_DOWN}, VIEW_UNKNOWN, {0}, "has not answered yet", "Start it"},
	{{.status = REDIS_DOWN, .last_error = {.error = ERR_REDIS_AUTH, .detail = "WRONGPASS"}},
		VIEW_UNKNOWN, {.known = true}, "WRONGPASS", "ACL SETUSER"},
	{{.status = REDIS_DOWN, .last_error = REFUSED}, VIEW_UNKNOWN, {0}, "connection refused",
		"TAKEOVER"},
	{{.status = REDIS_DOWN, .last_error = REFUSED}, VIEW_UNKNOWN, {.known = true},
		"connection refused; the other servers reach it", "cluster-announce-ip"},
	{{.status = REDIS_DOWN, .last_error = REFUSED}, VIEW_UNKNOWN,
		{.known = true, .suspected = true}, "(fail?)", "cluster-node-timeout"},
	{{.status = REDIS_DOWN, .last_error = REFUSED}, VIEW_UNKNOWN,
		{.known = true, .failed = true}, "it has no replica", "--cluster fix"},
	{{.status = REDIS_DOWN, .last_error = REFUSED}, VIEW_UNKNOWN,
		{.known = true, .failed = true, .replicas = 2}, "its replicas have failed, too",
		"one of its replicas"},
	{{.status = REDIS_DOWN, .last_error = REFUSED}, VIEW_UNKNOWN, {true, false, true, 1, "h:7"},
		"its replica h:7 has not taken over yet", "redis-cli to h:7"},
};

START_TEST(each_case_says_why_and_what_to_do)
{
	for (size_t i = 0; i < sizeof explanations / sizeof *explanations; i++) {
		const struct explanation *is = &explanations[i];
		struct slot_absence absence = {0};

		slot_absence_explain(&is->state, is->view, &is->peers, &absence);
		ck_assert_msg(strstr(absence.why.p, is->why) && strstr(absence.fix.p, is->fix),
			"%zu: %s / %s", i, absence.why.p, absence.fix.p);
		slot_absence_release(&absence);
	}
}
END_TEST

START_TEST(slots_of_nobody_are_told)
{
	struct slot_absence absence = {0};
	struct buf text = {0};

	buf_str(&absence.ranges, "5-9");
	slot_absence_of_none(&absence);
	slot_absence_tell(&absence, &text);
	ck_assert_str_eq(text.p, "no server (slots 5-9): no server of the cluster has them");
	slot_absence_release(&absence);
	buf_release(&text);
}
END_TEST

TEST_SUITE("slot_absence", what_others_say_is_read, a_long_address_is_cut,
	each_case_says_why_and_what_to_do, slots_of_nobody_are_told)
