/* SPDX-License-Identifier: MIT */
/* When a job is due. Both texts are judged where they stand, so that a fault has its line. */
#include "conf/reader.h"
#include "text/cron.h"

static const char *set_cron(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	const char *wrong = type_string.set(r, key, node, object);
	struct cron cron;

	if (wrong)
		return wrong;
	wrong = cron_parse(node->text, &cron);
	return wrong ? reader_say(r, "\"%s\" %s", node->text.p, wrong) : NULL;
}
const struct type type_cron = {"cron expression", PRINT_TEXT, set_cron};

static const char *set_zone(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	const char *wrong = type_string.set(r, key, node, object);
	struct zone *zone;

	if (wrong)
		return wrong;
	zone = zone_load(node->text.p, &wrong);
	zone_free(zone);
	return zone ? NULL : reader_say(r, "\"%s\" %s", node->text.p, wrong);
}
const struct type type_zone = {"time zone", PRINT_TEXT, set_zone};
