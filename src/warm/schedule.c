/* SPDX-License-Identifier: MIT */
/* Nominal times, jitter and clock changes; see schedule.h. */
#include "warm/schedule.h"

#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "text/cron.h"
#include "text/quantity.h"

enum {
	patience_ms = 60 * 1000,
	min_receipt_ms = 2 * 60 * 1000,
	max_receipt_ms = 4 * 3600 * 1000,
	receipt_periods = 10,
};

struct schedule {
	char *job;
	bool periodic;
	int64_t every_ms;
	char *cron_text, *zone_name;
	struct cron cron;
	struct zone *zone;
	int64_t jitter_ms, starting_deadline_ms;
};

static enum error parse_cron(
	struct schedule *s, const struct conf_schedule *conf, struct fault *fault)
{
	const char *why = cron_parse(slice_str(conf->cron), &s->cron);

	s->cron_text = mem_strdup(conf->cron);
	s->zone_name = mem_strdup(conf->time_zone ? conf->time_zone : "UTC");
	if (why)
		return fault_set(fault, ERR_BAD_CONFIG, "warm.jobs \"%s\": schedule.cron \"%s\" %s",
			s->job, conf->cron, why);
	s->zone = zone_load(s->zone_name, &why);
	if (!s->zone)
		return fault_set(fault, ERR_BAD_CONFIG,
			"warm.jobs \"%s\": schedule.time_zone \"%s\" %s", s->job, s->zone_name,
			why);
	return OK;
}

enum error schedule_new(const struct conf_job *job, struct schedule **ret, struct fault *fault)
{
	struct schedule *s;
	enum error error = OK;

	*ret = NULL;
	if (job->schedule.kind == SCHEDULE_NONE)
		return OK;
	s = mem_new(struct schedule);
	s->job = mem_strdup(job->name);
	s->jitter_ms = job->schedule.jitter_ms;
	s->starting_deadline_ms = job->schedule.starting_deadline_ms;
	s->periodic = job->schedule.kind == SCHEDULE_EVERY;
	if (s->periodic)
		s->every_ms = job->schedule.every_ms;
	else
		error = parse_cron(s, &job->schedule, fault);
	if (error)
		schedule_free(s);
	else
		*ret = s;
	return error;
}

void schedule_free(struct schedule *s)
{
	if (!s)
		return;
	zone_free(s->zone);
	mem_free(s->cron_text);
	mem_free(s->zone_name);
	mem_free(s->job);
	mem_free(s);
}

bool schedule_equal(const struct schedule *a, const struct schedule *b)
{
	if (!a || !b)
		return a == b;
	if (a->periodic != b->periodic || a->jitter_ms != b->jitter_ms)
		return false;
	if (a->periodic)
		return a->every_ms == b->every_ms;
	return !strcmp(a->cron_text, b->cron_text) && !strcmp(a->zone_name, b->zone_name);
}

int64_t schedule_next(const struct schedule *s, int64_t after_wall_ms)
{
	int64_t next_s;

	if (s->periodic)
		return cron_every_next(s->every_ms, after_wall_ms);
	next_s = cron_next(&s->cron, s->zone, after_wall_ms / 1000);
	return next_s < 0 ? -1 : next_s * 1000;
}

int64_t schedule_start_time(const struct schedule *s, int64_t nominal_wall_ms)
{
	uint8_t digest[SHA256_BYTES];
	struct buf text = {0};
	uint64_t random;

	if (s->jitter_ms <= 0)
		return nominal_wall_ms;
	buf_printf(&text, "%s:%lld", s->job, (long long)nominal_wall_ms);
	crypto_sha256(buf_slice(&text), digest);
	buf_release(&text);
	memcpy(&random, digest, sizeof random);
	return nominal_wall_ms + (int64_t)(random % (uint64_t)(s->jitter_ms + 1));
}

int64_t schedule_start_from(const struct schedule *s, int64_t from_wall_ms)
{
	int64_t nominal = schedule_next(s, from_wall_ms - s->jitter_ms - 1);

	while (nominal >= 0 && schedule_start_time(s, nominal) < from_wall_ms)
		nominal = schedule_next(s, nominal);
	return nominal < 0 ? -1 : schedule_start_time(s, nominal);
}

bool schedule_has_deadline(const struct schedule *s)
{
	return s->starting_deadline_ms >= 0;
}

/* From a nominal time to the next. */
static int64_t period(const struct schedule *s, int64_t nominal_wall_ms)
{
	int64_t next = schedule_next(s, nominal_wall_ms);

	return next < 0 ? INT64_MAX : next - nominal_wall_ms;
}

int64_t schedule_patience_ms(const struct schedule *s, int64_t nominal_wall_ms)
{
	int64_t next = period(s, nominal_wall_ms);

	if (schedule_has_deadline(s))
		return s->starting_deadline_ms;
	return next < patience_ms ? next : patience_ms;
}

int64_t schedule_receipt_ms(const struct schedule *s, int64_t nominal_wall_ms)
{
	int64_t periods = period(s, nominal_wall_ms);
	int64_t least = min_receipt_ms + s->jitter_ms;

	periods = periods > max_receipt_ms ? max_receipt_ms : periods * receipt_periods;
	if (schedule_has_deadline(s))
		least += s->starting_deadline_ms;
	if (periods > max_receipt_ms)
		periods = max_receipt_ms;
	return periods > least ? periods : least;
}

void schedule_text(const struct conf_schedule *conf, struct buf *out)
{
	if (conf->kind == SCHEDULE_EVERY) {
		buf_str(out, "every ");
		quantity_format_duration(conf->every_ms, out);
	} else if (conf->kind == SCHEDULE_CRON) {
		buf_str(out, conf->cron);
		if (conf->time_zone && strcmp(conf->time_zone, "UTC") != 0)
			buf_printf(out, " %s", conf->time_zone);
	}
}

/* The clock was set by `jump_ms`. */
static void adjust(
	const struct schedule *s, int64_t *next_wall_ms, int64_t now_wall_ms, int64_t jump_ms)
{
	bool fixed = !s->periodic && !s->cron.every_real_minute;
	bool far = jump_ms > SCHEDULE_REBASE_MS || jump_ms < -SCHEDULE_REBASE_MS;

	if (far || (jump_ms < 0 && !fixed))
		*next_wall_ms = schedule_next(s, now_wall_ms);
}

/* The newest nominal time that is due; `nominal` is due. */
static int64_t newest(const struct schedule *s, int64_t nominal, int64_t now_wall_ms)
{
	int64_t next;

	/* Nothing older is run, so the loop need not visit it. */
	if (now_wall_ms - nominal > SCHEDULE_REBASE_MS + s->jitter_ms) {
		next = schedule_next(s, now_wall_ms - SCHEDULE_REBASE_MS - s->jitter_ms);
		if (next >= 0 && schedule_start_time(s, next) <= now_wall_ms)
			nominal = next;
	}
	if (s->periodic && s->jitter_ms == 0)
		return now_wall_ms - now_wall_ms % s->every_ms;
	while ((next = schedule_next(s, nominal)) >= 0 &&
		schedule_start_time(s, next) <= now_wall_ms)
		nominal = next;
	return nominal;
}

enum schedule_verdict schedule_look(const struct schedule *s, int64_t *next_wall_ms,
	int64_t now_wall_ms, int64_t jump_ms, int64_t *ret_nominal_wall_ms)
{
	adjust(s, next_wall_ms, now_wall_ms, jump_ms);
	if (*next_wall_ms < 0 || schedule_start_time(s, *next_wall_ms) > now_wall_ms)
		return SCHEDULE_LATER;
	int64_t nominal = newest(s, *next_wall_ms, now_wall_ms);
	int64_t late = now_wall_ms - schedule_start_time(s, nominal);

	*ret_nominal_wall_ms = nominal;
	*next_wall_ms = schedule_next(s, nominal);
	if (late > SCHEDULE_REBASE_MS ||
		(schedule_has_deadline(s) && late > s->starting_deadline_ms))
		return SCHEDULE_MISSED;
	return SCHEDULE_DUE;
}

enum error schedules_load(const struct conf *conf, struct schedules *ret, struct fault *fault)
{
	enum error error = OK;

	*ret = (struct schedules){mem_array(conf->job_count, sizeof *ret->items), conf->job_count};
	for (size_t i = 0; i < conf->job_count && !error; i++)
		error = schedule_new(&conf->jobs[i], &ret->items[i], fault);
	if (error)
		schedules_release(ret);
	return error;
}

void schedules_release(struct schedules *schedules)
{
	for (size_t i = 0; i < schedules->count; i++)
		schedule_free(schedules->items[i]);
	mem_free(schedules->items);
	*schedules = (struct schedules){0};
}
