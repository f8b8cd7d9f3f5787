/* SPDX-License-Identifier: MIT */
/* Schedules, durations, sizes and times: what is written from a value is read as that value. */
#include "base/timestamp.h"
#include "fuzz.h"
#include "text/cron.h"
#include "text/quantity.h"

static void check_cron(struct slice text, int64_t after_s)
{
	static struct zone *paris;
	const char *why;
	struct cron cron;

	if (cron_parse(text, &cron))
		return;
	if (!paris)
		paris = zone_load("Europe/Paris", &why);
	int64_t next = cron_next(&cron, paris, after_s);
	FUZZ_CHECK(next == -1 || next > after_s);
}

static void check_duration(struct slice text)
{
	struct buf out = {0};
	int64_t ms, again;

	if (quantity_parse_duration(text, &ms) == NULL) {
		quantity_format_duration(ms, &out);
		FUZZ_CHECK(quantity_parse_duration(buf_slice(&out), &again) == NULL && again == ms);
	}
	buf_clear(&out);
	if (quantity_parse_size(text, &ms) == NULL) {
		quantity_format_size(ms, &out);
		FUZZ_CHECK(quantity_parse_size(buf_slice(&out), &again) == NULL && again == ms);
	}
	buf_release(&out);
}

static void check_time(struct slice text)
{
	struct buf out = {0};
	int64_t wall_ms, again;

	if (timestamp_parse(text, &wall_ms) == NULL) {
		timestamp_format(wall_ms, &out);
		FUZZ_CHECK(timestamp_parse(buf_slice(&out), &again) == NULL && again == wall_ms);
	}
	buf_release(&out);
}

void fuzz_one(struct slice input)
{
	int64_t after = 0;

	for (int i = 0; i < 4; i++)
		after = after << 8 | fuzz_byte(&input);
	check_cron(input, after);
	check_duration(input);
	check_time(input);
}
