/* SPDX-License-Identifier: MIT */
/*
 * From a source's row to what is stored: key, value, TTL, tags. Each row uses the same buffers.
 *
 *	row -> template key -> guard -> value (template, or the row as JSON) -> size -> TTL -> tags
 */
#ifndef CW_WARM_ROW_H
#define CW_WARM_ROW_H

#include "cache/guard.h"
#include "source/source.h"

enum { ROW_MAX_TAGS = 16 };

struct row_maker {
	const struct conf *conf;
	const struct conf_job *job;
	struct guard guard;
	uint64_t random; /* of ttl_jitter */
	/* The last row's: */
	struct buf key, value;
	int64_t ttl_ms;			 /* > 0, or -1 = no expiry */
	struct slice tags[ROW_MAX_TAGS]; /* job->tag_count of them, views of tag_bytes */
	struct buf tag_bytes[ROW_MAX_TAGS];
	struct buf scratch;
};

/* `conf` and `job` are borrowed. `seed` decides about the jitter. */
void row_maker_init(struct row_maker *maker, const struct conf *conf, const struct conf_job *job,
	uint64_t seed);
void row_maker_release(struct row_maker *maker);
/*
 * ERR_SOURCE_ROW (no value for a template, bad base64, bad TTL, bad tag), ERR_BAD_KEY,
 * ERR_KEY_RESERVED, ERR_KEY_PROTECTED, ERR_TOO_LARGE: the row is refused, and the fault says why.
 */
enum error row_make(struct row_maker *maker, const struct source_row *row, struct fault *fault);

/* Appends a template filled from a row; ERR_SOURCE_ROW where the row lacks a value. */
enum error row_fill(const struct template *t, const struct source_row *row, struct buf *out,
	struct fault *fault);

/* How large a row of the source may be that becomes a value: JSON may spell it twice as long. */
int64_t row_max_bytes(const struct conf *conf);

/*
 * Whole seconds (-1 = no expiry) or a duration -> milliseconds, 1 to TTL_MAX_MS, or -1; false where
 * it is none.
 */
bool row_ttl_parse(struct slice text, int64_t *ret_ms);

#endif
