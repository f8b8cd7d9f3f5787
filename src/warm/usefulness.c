/* SPDX-License-Identifier: MIT */
/* Asks Redis when the keys of a sample were used last; see usefulness.h. */
#include "warm/usefulness.h"

#include "base/mem.h"
#include "cache/object_lookups.h"

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

/* A key of the sample, and the server that has it. */
struct used_key {
	struct slice key;	 /* owned */
	struct redis_node *node; /* a reference */
	enum object_lookups object;
};

/* The sample, as it was when it began to be measured. */
struct used_sample {
	struct cache *cache;
	struct used_key keys[KEY_SAMPLE_MAX];
	size_t count;
	struct redis_batch *batch;
};

static struct used_sample *begin_measure(struct cache *cache, const struct key_sample *sample)
{
	struct used_sample *u = mem_new(struct used_sample);

	u->cache = cache;
	u->batch = redis_batch_new();
	for (; u->count < sample->count; u->count++) {
		struct slice key = key_sample_key(sample, u->count);

		u->keys[u->count] = (struct used_key){.key = slice_of(slice_dup(key), key.n),
			.node = redis_node_ref(store_node(cache->store, key))};
	}
	return u;
}

static void release_key(struct used_key *key)
{
	mem_free((char *)key->key.p);
	redis_node_unref(key->node);
}

static void end_measure(struct used_sample *u)
{
	for (size_t i = 0; i < u->count; i++)
		release_key(&u->keys[i]);
	redis_batch_free(u->batch);
	mem_free(u);
}

/* Leaves out the keys of servers that do not tell whether OBJECT counts as a lookup. Parks. */
static void test_servers(struct used_sample *u)
{
	size_t kept = 0;

	for (size_t i = 0; i < u->count; i++) {
		struct used_key *key = &u->keys[i];
		size_t same = 0;

		while (u->keys[same].node != key->node)
			same++;
		key->object = same < i ? u->keys[same].object
				       : object_lookups_test(u->cache, key->node, key->key);
	}
	for (size_t i = 0; i < u->count; i++)
		if (u->keys[i].object == OBJECT_UNKNOWN)
			release_key(&u->keys[i]);
		else
			u->keys[kept++] = u->keys[i];
	u->count = kept;
}

/* OBJECT of each key; the replies are in the batch. Parks. */
static enum error ask(struct used_sample *u, const char *what)
{
	redis_batch_clear(u->batch);
	for (size_t i = 0; i < u->count; i++)
		REDIS_ADD(u->batch, SLICE("OBJECT"), slice_str(what), u->keys[i].key);
	enum error error = cache_run(u->cache, REDIS_COMMANDS, u->batch, NULL);

	for (size_t i = 0; i < u->count; i++)
		object_lookups_take(
			u->keys[i].node, u->keys[i].object, redis_batch_reply(u->batch, i));
	return error;
}

static bool is_refused(const struct redis_batch *batch)
{
	const struct redis_value *reply = redis_batch_reply(batch, 0);

	return reply && reply->type == REDIS_ERROR;
}

static void count(struct job *job, const struct used_sample *u, int64_t age_ms)
{
	struct job_use *use = &job->use;

	use->sampled = use->read = 0;
	for (size_t i = 0; i < u->count; i++) {
		const struct redis_value *reply = redis_batch_reply(u->batch, i);

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
	int64_t sampled_at_ms = job->sampled_at_ms;

	if (job->sample.count == 0 || job->measured || clock_mono_ms() - sampled_at_ms < min_age_ms)
		return;
	job->measured = true;
	struct used_sample *u = begin_measure(usefulness->jobs->cache, &job->sample);

	test_servers(u);
	int64_t age_ms = clock_mono_ms() - sampled_at_ms;
	enum error error = u->count ? ask(u, "IDLETIME") : OK;
	bool by_frequency = u->count && !error && is_refused(u->batch);

	if (by_frequency)
		error = ask(u, "FREQ");
	if (u->count && !error && !is_refused(u->batch)) {
		job->use.by_frequency = by_frequency;
		count(job, u, age_ms);
		job_used(usefulness->jobs, job);
	}
	end_measure(u);
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
