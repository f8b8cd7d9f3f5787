/* SPDX-License-Identifier: MIT */
/*
 * Makes an entry (key, value, TTL, tags) from a row of a source. All rows use the same buffers.
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
	uint64_t random; /* the state for ttl_jitter */
	/* Of the last row: */
	struct buf key, value;
	int64_t ttl_ms;			 /* > 0, or -1 = no expiry */
	struct slice tags[ROW_MAX_TAGS]; /* job->tag_count of them, views of tag_bytes */
	struct buf tag_bytes[ROW_MAX_TAGS];
	struct buf scratch;
};

/* `conf` and `job` are borrowed. `seed` is for the jitter. */
void row_maker_init(struct row_maker *maker, const struct conf *conf, const struct conf_job *job,
	uint64_t seed);
void row_maker_release(struct row_maker *maker);
/*
 * ERR_SOURCE_ROW (no value for a template, bad base64, bad TTL, bad tag), ERR_BAD_KEY,
 * ERR_KEY_RESERVED, ERR_KEY_PROTECTED, ERR_TOO_LARGE: the row is refused.
 */
enum error row_make(struct row_maker *maker, const struct source_row *row, struct fault *fault);

/* Appends a template filled from a row; ERR_SOURCE_ROW if the row lacks a value. */
enum error row_fill(const struct template *t, const struct source_row *row, struct buf *out,
	struct fault *fault);

/* How large a row may be whose value is allowed: JSON may spell a value twice as long. */
int64_t row_max_bytes(const struct conf *conf);

/*
 * Parses whole seconds (-1 = no expiry) or a duration into milliseconds, 1 to TTL_MAX_MS, or -1.
 * False if the text is neither.
 */
bool row_ttl_parse(struct slice text, int64_t *ret_ms);

#endif
