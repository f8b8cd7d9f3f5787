/* SPDX-License-Identifier: MIT */
/* The checks before a conditional request; see unchanged.h. */
#include "warm/unchanged.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cache/entry.h"

bool unchanged_possible(const struct conf_job *conf)
{
	return conf->source.type == SOURCE_HTTP && !conf->source.paged &&
	       (conf->mode == MODE_REPLACE || conf->mode == MODE_SWAP);
}

/* Whether the job's record in Redis is that of the remembered run. Parks. */
static bool ran_last(struct cache *cache, const struct job *job)
{
	struct redis_value *reply = NULL;
	struct buf key = {0};
	bool same = false;

	cache_own_key(cache, "job:", slice_str(job->name), &key);
	if (store_command(cache->store, buf_slice(&key), &reply, NULL, SLICE("GET"),
		    buf_slice(&key)) == OK)
		same = reply->type == REDIS_STRING &&
		       memmem(reply->text.p, reply->text.n, job->etag_run, strlen(job->etag_run));
	redis_value_free(reply);
	buf_release(&key);
	return same;
}

/* Whether nothing was invalidated since that may be the job's. Parks. */
static bool nothing_invalidated(
	struct cache *cache, const struct conf_job *conf, const struct job *job)
{
	struct inval_since *since = inval_log_since(cache, &job->etag_place);
	bool none = since && (inval_since_empty(since) ||
				     !inval_since_touches(since, template_beginning(conf->key),
					     conf->tag_count > 0));

	inval_since_free(since);
	return none;
}

/* Parks. */
static bool all_alive(struct cache *cache, const struct job *job)
{
	const struct key_sample *sample = &job->sample;
	struct redis_batch *batch = redis_batch_new();
	bool alive = sample->count > 0;

	for (size_t i = 0; i < sample->count; i++)
		REDIS_ADD(batch, SLICE("PTTL"), key_sample_key(sample, i));
	if (alive)
		alive = cache_run_all(cache, REDIS_COMMANDS, batch, NULL) == OK;
	for (size_t i = 0; i < sample->count && alive; i++) {
		int64_t left = entry_shown_ttl(cache->conf, key_sample_key(sample, i),
			redis_batch_reply(batch, i)->integer, -2);

		alive = left == -1 ||
			(sample->ttls_ms[i] >= 0 && left > 0 && left >= sample->ttls_ms[i] / 2);
	}
	redis_batch_free(batch);
	return alive;
}

const char *unchanged_tag(struct cache *cache, const struct conf_job *conf, const struct job *job)
{
	if (!job->etag || !unchanged_possible(conf) || !ran_last(cache, job) ||
		!nothing_invalidated(cache, conf, job) || !all_alive(cache, job))
		return NULL;
	return job->etag;
}

void unchanged_place(struct cache *cache, struct inval_place *ret)
{
	if (inval_log_last(cache, ret, NULL))
		*ret = (struct inval_place){0};
}

void unchanged_remember(struct job *job, const char *etag, const char *operation_id,
	const struct inval_place *place)
{
	char *copy = etag && *place->id ? mem_strdup(etag) : NULL;

	mem_free(job->etag);
	job->etag = copy;
	job->etag_place = *place;
	snprintf(job->etag_run, sizeof job->etag_run, "%s", operation_id);
}
