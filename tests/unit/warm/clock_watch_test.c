/* SPDX-License-Identifier: MIT */
#include "warm/clock_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../unit.h"

static struct loop *loop;
static int told;

static void tell(void *context)
{
	ck_assert_ptr_eq(context, &told);
	if (++told == 2)
		loop_stop(loop);
}

/* The watch's timer: the only one of this process. */
static int find_timer(void)
{
	char link[64], to[64];
	int found = -1;

	for (int fd = 0; fd < 256; fd++) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, to, sizeof to - 1);

		if (n > 0 && (to[n] = '\0', strstr(to, "timerfd")))
			found = fd;
	}
	return found;
}

static void fire(void)
{
	const struct itimerspec soon = {.it_value.tv_nsec = 1};

	ck_assert_int_eq(timerfd_settime(find_timer(), 0, &soon, NULL), 0);
}

static void fire_again(uv_timer_t *timer)
{
	if (told == 1) {
		uv_timer_stop(timer);
		fire();
	}
}

/* A test cannot set the clock. Setting it makes the timer readable, as an expiry does. */
START_TEST(each_change_of_the_clock_is_reported)
{
	uv_timer_t timer;

	loop = loop_new();
	struct clock_watch *watch = clock_watch_new(loop, tell, &told);
	ck_assert_ptr_nonnull(watch);
	uv_timer_init(loop_uv(loop), &timer);
	uv_timer_start(&timer, fire_again, 1, 1);
	fire();
	loop_run(loop);
	ck_assert_int_eq(told, 2);
	clock_watch_free(watch);
	uv_close((uv_handle_t *)&timer, NULL);
	loop_free(loop);
	ck_assert_int_eq(find_timer(), -1);
}
END_TEST

START_TEST(without_a_descriptor_there_is_no_watch)
{
	struct rlimit limit;

	loop = loop_new();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	const struct rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_ptr_null(clock_watch_new(loop, tell, &told));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	clock_watch_free(NULL);
	loop_free(loop);
}
END_TEST

TEST_SUITE(
	"clock_watch", each_change_of_the_clock_is_reported, without_a_descriptor_there_is_no_watch)
