/* SPDX-License-Identifier: MIT */
/* Fills a job's templates from a row, and checks the result; see row.h. */
#include "warm/row.h"

#include "base/base64.h"
#include "base/random.h"
#include "cache/tag.h"
#include "text/quantity.h"

/* For the guard: jobs may not write protected keys. */
static const struct identity scheduler = {.name = "scheduler", .scopes = SCOPE_WARM};

enum { row_slack_bytes = 65536 };

void row_maker_init(
	struct row_maker *maker, const struct conf *conf, const struct conf_job *job, uint64_t seed)
{
	*maker = (struct row_maker){.conf = conf, .job = job, .random = seed};
	guard_init(&maker->guard, conf, &scheduler);
}

void row_maker_release(struct row_maker *maker)
{
	buf_release(&maker->key);
	buf_release(&maker->value);
	for (size_t i = 0; i < ROW_MAX_TAGS; i++)
		buf_release(&maker->tag_bytes[i]);
	buf_release(&maker->scratch);
}

static bool lookup(void *context, struct slice name, struct buf *out)
{
	const struct source_row *row = context;

	return source_row_get(row, name, out);
}

static enum error fill(const struct template *t, enum template_escape escape,
	const struct source_row *row, struct buf *out, struct fault *fault)
{
	union {
		const struct source_row *row;
		void *context;
	} as = {.row = row};

	enum error error = template_fill(t, escape, lookup, as.context, out, fault);

	for (size_t i = 0; error && i < template_names(t); i++)
		if (source_row_lacks(row, template_name(t, i), fault))
			break;
	return error;
}

enum error row_fill(const struct template *t, const struct source_row *row, struct buf *out,
	struct fault *fault)
{
	return fill(t, TEMPLATE_TEXT, row, out, fault);
}

static enum error make_key(
	struct row_maker *maker, const struct source_row *row, struct fault *fault)
{
	enum error error;

	buf_clear(&maker->key);
	error = fill(maker->job->key, TEMPLATE_LITERAL, row, &maker->key, fault);
	if (!error)
		error = guard_check_key(buf_slice(&maker->key), fault);
	if (!error)
		error = guard_exact(&maker->guard, buf_slice(&maker->key), fault);
	return error;
}

static enum error decode_value(struct row_maker *maker, struct fault *fault)
{
	struct buf swap = maker->value;

	buf_clear(&maker->scratch);
	if (!base64_decode(buf_slice(&maker->value), false, &maker->scratch))
		return fault_set(fault, ERR_SOURCE_ROW, "the value is not base64 (RFC 4648)");
	maker->value = maker->scratch;
	maker->scratch = swap;
	return OK;
}

static enum error make_value(
	struct row_maker *maker, const struct source_row *row, struct fault *fault)
{
	enum error error = OK;

	buf_clear(&maker->value);
	if (maker->job->value)
		error = row_fill(maker->job->value, row, &maker->value, fault);
	else
		source_row_json(row, &maker->value);
	if (!error && maker->job->value_base64)
		error = decode_value(maker, fault);
	if (error)
		return error;
	if ((int64_t)maker->value.n > maker->conf->max_value_bytes)
		return fault_set(fault, ERR_TOO_LARGE,
			"the value has %zu bytes, more than cache.max_value_bytes (%lld)",
			maker->value.n, (long long)maker->conf->max_value_bytes);
	return OK;
}

int64_t row_max_bytes(const struct conf *conf)
{
	return 2 * conf->max_value_bytes + row_slack_bytes;
}

bool row_ttl_parse(struct slice text, int64_t *ret_ms)
{
	int64_t seconds;

	if (slice_int64(text, &seconds)) {
		if (seconds == -1) {
			*ret_ms = -1;
			return true;
		}
		if (seconds > TTL_MAX_MS / 1000)
			return false;
		*ret_ms = seconds * 1000;
	} else if (quantity_parse_duration(text, ret_ms)) {
		return false;
	}
	return *ret_ms > 0 && *ret_ms <= TTL_MAX_MS;
}

static int64_t with_jitter(struct row_maker *maker, int64_t ttl_ms)
{
	double part = maker->job->ttl_jitter;

	if (ttl_ms < 0 || part <= 0)
		return ttl_ms;
	ttl_ms += (int64_t)((double)ttl_ms * part * (2 * random_unit(&maker->random) - 1));
	return ttl_ms > 0 ? ttl_ms : 1;
}

static enum error make_ttl(
	struct row_maker *maker, const struct source_row *row, struct fault *fault)
{
	const struct conf_job *job = maker->job;
	int64_t ttl_ms = job->ttl_ms;
	enum error error;

	if (job->ttl) {
		buf_clear(&maker->scratch);
		error = row_fill(job->ttl, row, &maker->scratch, fault);
		if (error)
			return error;
		if (!row_ttl_parse(buf_slice(&maker->scratch), &ttl_ms))
			return fault_set(fault, ERR_SOURCE_ROW,
				"the TTL \"%.64s\" is neither whole seconds (-1 = no expiry) nor a "
				"duration such as 30m, of at most 3650 days (10 years)",
				maker->scratch.p);
	} else if (ttl_ms < 0) {
		ttl_ms = conf_ttl_ms(maker->conf, buf_slice(&maker->key));
	}
	maker->ttl_ms = with_jitter(maker, ttl_ms);
	return OK;
}

static enum error make_tags(
	struct row_maker *maker, const struct source_row *row, struct fault *fault)
{
	enum error error = OK;

	for (size_t i = 0; i < maker->job->tag_count && !error; i++) {
		struct buf *bytes = &maker->tag_bytes[i];

		buf_clear(bytes);
		error = fill(maker->job->tags[i], TEMPLATE_LITERAL, row, bytes, fault);
		if (!error && tag_check(buf_slice(bytes), fault)) {
			error = ERR_SOURCE_ROW;
			if (fault)
				fault->error = error;
		}
		maker->tags[i] = buf_slice(bytes);
	}
	return error;
}

enum error row_make(struct row_maker *maker, const struct source_row *row, struct fault *fault)
{
	enum error error = make_key(maker, row, fault);

	if (!error)
		error = make_value(maker, row, fault);
	if (!error)
		error = make_ttl(maker, row, fault);
	if (!error)
		error = make_tags(maker, row, fault);
	return error;
}
