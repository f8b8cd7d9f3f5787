/* SPDX-License-Identifier: MIT */
/*
 * What loaders noted of keys that a run stores: a key that is stored is not absent, and is not
 * after it has expired.
 */
#include "base/mem.h"
#include "cache/lease.h"
#include "warm/window_internal.h"

bool window_may_be_absent(const struct conf *conf, const struct conf_job *job)
{
	for (size_t i = 0; i < conf->loader_count; i++) {
		struct slice a = template_beginning(conf->loaders[i].key);
		struct slice b = template_beginning(job->key);

		if (conf->loaders[i].absent_ms > 0 && (slice_starts(a, b) || slice_starts(b, a)))
			return true;
	}
	return false;
}

void window_forget_absent(
	const struct window *w, const struct half *half, struct redis_batch *batch)
{
	struct slice *argv = mem_array(1 + half->count, sizeof *argv);
	size_t *ends = mem_array(half->count, sizeof *ends);
	struct buf names = {0};

	for (size_t i = 0; i < half->count; i++) {
		lease_failed_key(w->cache, window_key(half, i), &names);
		ends[i] = names.n;
	}
	argv[0] = SLICE("UNLINK");
	for (size_t i = 0, begin = 0; i < half->count; begin = ends[i++])
		argv[1 + i] = slice_of(names.p + begin, ends[i] - begin);
	redis_batch_add(batch, 1 + half->count, argv);
	buf_release(&names);
	mem_free(argv);
	mem_free(ends);
}
