/* SPDX-License-Identifier: MIT */
/* Asks Redis when the keys of a sample were used last; see usefulness.h. */
#include "warm/usefulness.h"

#include "base/mem.h"

enum {
	min_age_ms = 5000, /* Redis's clock of accesses has a resolution of a second or two */
	resolution_ms = 2000,
	new_frequency = 5, /* of a key that was not read */
	hour_ms = 3600 * 1000,
	day_ms = 24 * hour_ms,
};

struct usefulness {
	struct jobs *jobs;
	struct fiber_group group;
	struct fiber *fiber;
	bool sampled; /* a sample: when the next one is due may have changed */
};

static int64_t due_at_ms(const struct job *job)
{
	int64_t ttl_ms = key_sample_min_ttl(&job->sample);
	int64_t after = ttl_ms < 0 ? hour_ms : ttl_ms / 5 * 4;

	return job->sampled_at_ms + (after < day_ms ? after : day_ms);
}

/* OBJECT of each key of the sample; the replies are in `batch`. Parks. */
static enum error ask(
	const struct job *job, struct cache *cache, const char *what, struct redis_batch *batch)
{
	redis_batch_clear(batch);
	for (size_t i = 0; i < job->sample.count; i++)
		REDIS_ADD(batch, SLICE("OBJECT"), slice_str(what), key_sample_key(&job->sample, i));
	return cache_run(cache, REDIS_COMMANDS, batch, NULL);
}

static bool is_refused(const struct redis_batch *batch)
{
	const struct redis_value *reply = redis_batch_reply(batch, 0);

	return reply && reply->type == REDIS_ERROR;
}

static void count(struct job *job, const struct redis_batch *batch, int64_t age_ms)
{
	struct job_use *use = &job->use;

	use->sampled = use->read = 0;
	for (size_t i = 0; i < job->sample.count; i++) {
		const struct redis_value *reply = redis_batch_reply(batch, i);

		if (!reply || reply->type != REDIS_INTEGER)
			continue;
		use->sampled++;
		use->read += use->by_frequency ? reply->integer > new_frequency
					       : reply->integer < (age_ms - resolution_ms) / 1000;
	}
	use->wall_ms = clock_wall_ms();
}

void usefulness_measure(struct usefulness *usefulness, struct job *job)
{
	struct cache *cache = usefulness->jobs->cache;
	int64_t age_ms = clock_mono_ms() - job->sampled_at_ms;
	struct redis_batch *batch;

	if (job->sample.count == 0 || job->measured || age_ms < min_age_ms)
		return;
	job->measured = true;
	batch = redis_batch_new();
	enum error error = ask(job, cache, "IDLETIME", batch);
	bool by_frequency = !error && is_refused(batch);

	if (by_frequency)
		error = ask(job, cache, "FREQ", batch);
	if (!error && !is_refused(batch)) {
		job->use.by_frequency = by_frequency;
		count(job, batch, age_ms);
		job_used(usefulness->jobs, job);
	}
	redis_batch_free(batch);
}

/* The job whose sample is due first, or NULL. */
static struct job *next_due(const struct usefulness *usefulness)
{
	const struct jobs *jobs = usefulness->jobs;
	struct job *next = NULL;

	for (size_t i = 0; i < jobs->count; i++) {
		struct job *job = jobs->items[i];

		if (job->sample.count && !job->measured &&
			(!next || due_at_ms(job) < due_at_ms(next)))
			next = job;
	}
	return next;
}

static void watch(void *argument)
{
	struct usefulness *usefulness = argument;
	enum error error = OK;

	while (error != ERR_CANCELLED) {
		struct job *job = next_due(usefulness);
		int64_t due = job ? due_at_ms(job) : DEADLINE_NONE;

		if (job && due <= clock_mono_ms()) {
			usefulness_measure(usefulness, job);
			job->measured = true;
			continue;
		}
		usefulness->sampled = false;
		do
			error = fiber_park("a sample of stored keys", due);
		while (!error && !usefulness->sampled);
	}
	usefulness->fiber = NULL;
}

struct usefulness *usefulness_new(struct jobs *jobs)
{
	struct usefulness *usefulness = mem_new(struct usefulness);

	usefulness->jobs = jobs;
	fiber_group_init(&usefulness->group, "usefulness", jobs->cache->loop);
	usefulness->fiber = fiber_spawn(&usefulness->group, "usefulness", watch, usefulness);
	return usefulness;
}

void usefulness_stop(struct usefulness *usefulness)
{
	fiber_group_stop(&usefulness->group);
}

void usefulness_free(struct usefulness *usefulness)
{
	mem_free(usefulness);
}

void usefulness_take(struct usefulness *usefulness, struct job *job, struct key_sample *sample)
{
	key_sample_release(&job->sample);
	job->sample = *sample;
	*sample = (struct key_sample){0};
	job->sampled_at_ms = clock_mono_ms();
	job->measured = false;
	usefulness->sampled = true;
	if (usefulness->fiber)
		fiber_wake(usefulness->fiber);
}
