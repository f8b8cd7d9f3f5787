/* SPDX-License-Identifier: MIT */
/*
 * Figures by namespace: a background fiber takes a sample of the keys every
 * stats.namespaces.every, and keeps the last one. Nothing is ever asked of Redis by a reader.
 *
 *	timer -> namespace_run -> struct namespace_sample -> GET namespaces, stats, /metrics
 *
 * The first sample begins 10 s after the start, or a tenth of `every` if that is less. A sample is
 * spread over a third of `every`. While the first one is being taken, it is already shown.
 */
#ifndef CW_WATCH_NAMESPACE_SAMPLER_H
#define CW_WATCH_NAMESPACE_SAMPLER_H

#include "watch/client_lookups.h"
#include "watch/estimate.h"
#include "watch/namespace_run.h"

/* How many namespaces have metrics of their own, those with the most keys; others are "other". */
enum { NAMESPACE_METRICS = 50 };

struct namespace_sampler;

/* Begins. All are borrowed. */
struct namespace_sampler *namespace_sampler_new(
	struct cache *cache, const struct sampler *sampler, const struct client_lookups *clients);
/*
 * The last complete sample, or the first one while it is being taken; NULL if there is none.
 * Borrowed until the next park.
 */
const struct namespace_sample *namespace_sampler_latest(const struct namespace_sampler *s);
/*
 * The rows of the last complete sample, those with the most keys first; at most NAMESPACE_METRICS
 * of them, and `rest` is what the others have. Borrowed as the sample.
 */
size_t namespace_sampler_largest(const struct namespace_sampler *s,
	const struct namespace_rank **ret, struct namespace_sums *rest);
/* Why the last attempt failed; OK = it did not. */
const struct fault *namespace_sampler_fault(const struct namespace_sampler *s);
/* Milliseconds since the last complete sample was taken; -1 = there is none. */
int64_t namespace_sampler_age_ms(const struct namespace_sampler *s);
/* May be NULL. Parks. */
void namespace_sampler_free(struct namespace_sampler *s);

/* Keys and bytes of a part of a sample, for all keys. */
struct estimate namespace_sample_share(
	const struct namespace_sample *sample, const struct namespace_sums *sums);
struct estimate namespace_sample_keys(
	const struct namespace_sample *sample, const struct namespace_sums *sums);
struct estimate namespace_sample_bytes(
	const struct namespace_sample *sample, const struct namespace_sums *sums);

#endif
