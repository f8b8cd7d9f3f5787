/* SPDX-License-Identifier: MIT */
/* The breaker of each source; see fuse.h. Only names that have failed are kept. */
#include "source/fuse.h"

#include <stdio.h>
#include <uthash.h>

#include "base/mem.h"

/* One key that is tried while the breaker is half-open. */
struct
try {
	uint64_t key;
	int64_t again_ms; /* it has failed: not before */
	bool running;
};

struct fuse {
	char *name;
	uint64_t failed[FUSE_MAX_FAILURES]; /* keys, since the last success */
	unsigned failures;
	bool open; /* or half-open, after open_until */
	int64_t open_until;
	struct try tries[FUSE_TRIES];
	unsigned try_count;
	char why[256];
	UT_hash_handle hh;
};

static struct fuse *find(const struct fuse *fuses, const char *name)
{
	struct fuse *fuse;

	HASH_FIND_STR(fuses, name, fuse);
	return fuse;
}

static void fuse_free(struct fuse **fuses, struct fuse *fuse)
{
	HASH_DEL(*fuses, fuse);
	mem_free(fuse->name);
	mem_free(fuse);
}

static struct try *find_try(struct fuse *fuse, uint64_t key)
{
	for (unsigned i = 0; i < fuse->try_count; i++)
		if (fuse->tries[i].key == key)
			return &fuse->tries[i];
	return NULL;
}

static void end_try(struct fuse *fuse, struct try *try)
{
	*try = fuse->tries[--fuse->try_count];
}

static enum error refuse(const struct fuse *fuse, int64_t again_ms, struct fault *fault)
{
	int64_t left = again_ms - clock_mono_ms();

	return fault_set(fault, ERR_SOURCE_FAILED,
		"failed for %u different keys and is left alone for %lld ms more; the last time: "
		"%s",
		fuse->failures, (long long)(left > 0 ? left : 0), fuse->why);
}

/* Half-open: whether this key may be one of the few that are tried. */
static enum error begin_try(struct fuse *fuse, uint64_t key, struct fault *fault)
{
	struct try *try = find_try(fuse, key);

	if (try && (try->running || clock_mono_ms() < try->again_ms))
		return refuse(fuse, try->again_ms, fault);
	if (!try && fuse->try_count == FUSE_TRIES)
		return refuse(fuse, 0, fault);
	if (!try)
		try = &fuse->tries[fuse->try_count++];
	*try = (struct try){.key = key, .running = true};
	return OK;
}

enum error fuse_enter(struct fuse *fuses, struct fuse_use use, struct fault *fault)
{
	struct fuse *fuse = find(fuses, use.conf->name);

	if (!fuse || !fuse->open)
		return OK;
	if (clock_mono_ms() < fuse->open_until)
		return refuse(fuse, fuse->open_until, fault);
	return begin_try(fuse, use.key, fault);
}

void fuse_succeeded(struct fuse **fuses, struct fuse_use use)
{
	struct fuse *fuse = find(*fuses, use.conf->name);

	if (fuse)
		fuse_free(fuses, fuse);
}

void fuse_answered(struct fuse **fuses, struct fuse_use use)
{
	struct fuse *fuse = find(*fuses, use.conf->name);

	if (fuse && fuse->open)
		fuse_free(fuses, fuse);
}

static void count_failure(struct fuse *fuse, uint64_t key, unsigned most)
{
	for (unsigned i = 0; i < fuse->failures; i++)
		if (fuse->failed[i] == key)
			return;
	if (fuse->failures < most)
		fuse->failed[fuse->failures++] = key;
}

static void open_for(struct fuse *fuse, int64_t ms)
{
	fuse->open = true;
	fuse->open_until = clock_deadline(ms);
	fuse->try_count = 0;
}

static unsigned failed_tries(const struct fuse *fuse)
{
	unsigned count = 0;

	for (unsigned i = 0; i < fuse->try_count; i++)
		count += !fuse->tries[i].running;
	return count;
}

static void fail_open(struct fuse *fuse, struct fuse_use use)
{
	struct try *try = find_try(fuse, use.key);

	/* It began before the breaker opened. */
	if (!try || !try->running)
		return;
	try->running = false;
	try->again_ms = clock_deadline(use.conf->breaker_open_ms);
	if (failed_tries(fuse) == FUSE_TRIES)
		open_for(fuse, use.conf->breaker_open_ms);
}

void fuse_failed(struct fuse **fuses, struct fuse_use use, const char *why)
{
	struct fuse *fuse = find(*fuses, use.conf->name);
	unsigned most = (unsigned)use.conf->breaker_failures;

	if (!fuse) {
		fuse = mem_new(struct fuse);
		fuse->name = mem_strdup(use.conf->name);
		HASH_ADD_KEYPTR(hh, *fuses, fuse->name, strlen(fuse->name), fuse);
	}
	snprintf(fuse->why, sizeof fuse->why, "%s", why);
	if (fuse->open) {
		fail_open(fuse, use);
		return;
	}
	count_failure(fuse, use.key, most);
	if (fuse->failures >= most)
		open_for(fuse, use.conf->breaker_open_ms);
}

void fuse_left(struct fuse *fuses, struct fuse_use use)
{
	struct fuse *fuse = find(fuses, use.conf->name);
	struct try *try = fuse ? find_try(fuse, use.key) : NULL;

	if (try && try->running)
		end_try(fuse, try);
}

struct source_breaker fuse_state(const struct fuse *fuses, const char *name)
{
	const struct fuse *fuse = find(fuses, name);
	struct source_breaker state = {.state = "closed", .why = ""};

	if (!fuse)
		return state;
	state.failures = fuse->failures;
	state.why = fuse->why;
	if (fuse->open)
		state.state = clock_mono_ms() < fuse->open_until ? "open" : "half_open";
	state.open = fuse->open;
	return state;
}

void fuse_free_all(struct fuse **fuses)
{
	while (*fuses)
		fuse_free(fuses, *fuses);
}
