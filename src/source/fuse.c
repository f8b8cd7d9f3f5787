/* SPDX-License-Identifier: MIT */
/* The breaker of each source; see fuse.h. Only names that have failed are kept. */
#include "source/fuse.h"

#include <stdio.h>
#include <uthash.h>

#include "base/mem.h"

enum { failures_max = 5, open_ms = 5000 };

struct fuse {
	char *name;
	unsigned failures; /* in a row */
	int64_t open_until;
	bool trying; /* the one try after open_until is under way */
	char why[256];
	UT_hash_handle hh;
};

static struct fuse *find(const struct fuse *fuses, const char *name)
{
	struct fuse *fuse;

	HASH_FIND_STR(fuses, name, fuse);
	return fuse;
}

enum error fuse_enter(struct fuse *fuses, const char *name, struct fault *fault)
{
	struct fuse *fuse = find(fuses, name);

	if (!fuse || fuse->failures < failures_max)
		return OK;
	int64_t left = fuse->open_until - clock_mono_ms();
	if (left <= 0 && !fuse->trying) {
		fuse->trying = true;
		return OK;
	}
	return fault_set(fault, ERR_SOURCE_FAILED,
		"failed %u times in a row and is left alone for %lld ms more; the last time: %s",
		fuse->failures, (long long)(left > 0 ? left : 0), fuse->why);
}

bool fuse_is_open(const struct fuse *fuses, const char *name)
{
	const struct fuse *fuse = find(fuses, name);

	return fuse && fuse->failures >= failures_max &&
	       (fuse->trying || fuse->open_until > clock_mono_ms());
}

static void fuse_free(struct fuse **fuses, struct fuse *fuse)
{
	HASH_DEL(*fuses, fuse);
	mem_free(fuse->name);
	mem_free(fuse);
}

void fuse_succeeded(struct fuse **fuses, const char *name)
{
	struct fuse *fuse = find(*fuses, name);

	if (fuse)
		fuse_free(fuses, fuse);
}

void fuse_failed(struct fuse **fuses, const char *name, const char *why)
{
	struct fuse *fuse = find(*fuses, name);

	if (!fuse) {
		fuse = mem_new(struct fuse);
		fuse->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, *fuses, fuse->name, strlen(fuse->name), fuse);
	}
	fuse->failures++;
	fuse->trying = false;
	fuse->open_until = clock_deadline(open_ms);
	snprintf(fuse->why, sizeof fuse->why, "%s", why);
}

void fuse_left(struct fuse *fuses, const char *name)
{
	struct fuse *fuse = find(fuses, name);

	if (fuse)
		fuse->trying = false;
}

void fuse_free_all(struct fuse **fuses)
{
	while (*fuses)
		fuse_free(fuses, *fuses);
}
