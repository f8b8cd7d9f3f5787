/* SPDX-License-Identifier: MIT */
/*
 * guest URL signals|memory|abort: the library and its host process. `signals`:
 * a blocked signal stays blocked, others interrupt nothing. `memory`: the hook makes room, and the
 * call goes on. `abort`: it cannot.
 */
#define _GNU_SOURCE
#include "check.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

enum { reserve_bytes = 64 << 20, slack_bytes = 1 << 20, value_bytes = 1000000 };

static volatile sig_atomic_t blocked, ticks;

static void on_blocked(int number)
{
	(void)number;
	blocked++;
}

static void on_tick(int number)
{
	(void)number;
	ticks++;
}

static void work(struct cw_cache *cache, int rounds)
{
	const struct cw_bytes glob = cw_str("none:*");
	const struct cw_invalidation what = {.patterns = cw_list(&glob, 1)};
	struct cw_value value;

	for (int i = 0; i < rounds; i++) {
		OK(cw_set(cache, cw_str("g"), cw_str("x"), NULL, &error));
		OK(cw_get(cache, cw_str("g"), &value, &error));
		cw_value_release(&value);
	}
	OK(cw_invalidate(cache, &what, NULL, &error));
}

/* Signal by signal: the kernel writes 8 of the 128 bytes of a sigset_t, the rest is what was there.
 */
static bool same_signals(const sigset_t *a, const sigset_t *b)
{
	for (int number = 1; number <= SIGRTMAX; number++)
		if (sigismember(a, number) != sigismember(b, number))
			return false;
	return true;
}

static void signals(struct cw_cache *cache)
{
	const struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	sigset_t set, before, after;

	signal(SIGUSR1, on_blocked);
	signal(SIGALRM, on_tick);
	work(cache, 10);
	/* Blocked only now: the library's fibers have run without. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	sigprocmask(SIG_SETMASK, NULL, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	while (ticks < 20)
		work(cache, 100);
	setitimer(ITIMER_REAL, &never, NULL);
	sigprocmask(SIG_SETMASK, NULL, &after);
	CHECK(blocked == 0 && same_signals(&before, &after));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	CHECK(blocked == 1);
}

static char *reserve;
static int asked;

/* Gives the reserve back, once. */
static bool make_room(void *context, size_t size)
{
	CHECK(context == &reserve && size > 0);
	asked++;
	if (!reserve)
		return false;
	munmap(reserve, reserve_bytes);
	reserve = NULL;
	return true;
}

static void limit_memory(void)
{
	unsigned long pages = 0;
	struct rlimit limit;
	FILE *file = fopen("/proc/self/statm", "r");

	CHECK(file && fscanf(file, "%lu", &pages) == 1);
	fclose(file);
	limit.rlim_cur = limit.rlim_max = pages * (rlim_t)sysconf(_SC_PAGESIZE) + slack_bytes;
	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static void memory(struct cw_cache *cache, bool room)
{
	char *bytes = calloc(1, value_bytes);
	struct cw_value values[4];
	struct cw_bytes keys[4];
	static const char *const names[] = {"m1", "m2", "m3", "m4"};

	for (int i = 0; i < 4; i++) {
		keys[i] = cw_str(names[i]);
		OK(cw_set(cache, keys[i], cw_bytes(bytes, value_bytes), NULL, &error));
	}
	if (room)
		reserve = mmap(NULL, reserve_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(reserve != MAP_FAILED);
	limit_memory();
	OK(cw_mget(cache, cw_list(keys, 4), values, &error));
	CHECK(asked == 1);
	for (int i = 0; i < 4; i++) {
		CHECK(values[i].size == value_bytes);
		cw_value_release(&values[i]);
	}
	free(bytes);
}

int main(int argc, char **argv)
{
	struct cw_options options = {0};

	CHECK(argc == 3);
	options.url = argv[1];
	options.out_of_memory = make_room;
	options.context = &reserve;
	struct cw_cache *cache = cw_open(&options, &error);
	CHECK(cache);
	if (strcmp(argv[2], "signals") == 0)
		signals(cache);
	else
		memory(cache, strcmp(argv[2], "memory") == 0);
	cw_close(cache);
	return 0;
}
