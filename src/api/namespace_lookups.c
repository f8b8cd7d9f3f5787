/* SPDX-License-Identifier: MIT */
/* Hit rates by namespace; see namespace_lookups.h. */
#include "api/namespace_lookups.h"

#include "text/json.h"

void namespace_lookups_init(struct namespace_lookups *lookups, const struct app *app,
	const struct namespace_sample *sample)
{
	lookups->view = client_lookups_view(app->client_lookups);
	lookup_sums_init(&lookups->daemon, sample, app->engine.cache.lookups);
	lookup_sums_init(&lookups->missed, sample, lookups->view.missed);
	lookup_sums_init(&lookups->in_windows, sample, lookups->view.in_windows);
}

void namespace_lookups_release(struct namespace_lookups *lookups)
{
	lookup_sums_release(&lookups->daemon);
	lookup_sums_release(&lookups->missed);
	lookup_sums_release(&lookups->in_windows);
}

static void add_daemon(cJSON *item, const struct lookup_sum *sum)
{
	double lookups = sum->hits + sum->misses;
	cJSON *daemon = cJSON_AddObjectToObject(item, "daemon");

	json_add_uint(daemon, "hits", (uint64_t)sum->hits);
	json_add_uint(daemon, "misses", (uint64_t)sum->misses);
	json_add_known(daemon, "hit_rate", lookups > 0 ? sum->hits / lookups : -1, 4);
}

/* Our own are taken back a moment after they came, so that a figure may be below 0 by a few. */
static double at_least(double value, double least)
{
	return value > least ? value : least;
}

static void add_clients(cJSON *item, const struct client_lookups_view *view,
	const struct lookup_sum *missed, const struct lookup_sum *in_windows)
{
	bool misses = view->misses, monitor = view->monitor && view->windows;
	double hits = at_least(in_windows->hits, 0);
	double lookups = hits + at_least(in_windows->misses, 0);
	cJSON *clients = cJSON_AddObjectToObject(item, "clients");

	json_add_known(
		clients, "hit_rate", misses && monitor && lookups >= 1 ? hits / lookups : -1, 4);
	json_add_known(clients, "lookups", monitor ? lookups : -1, 0);
	json_add_known(clients, "misses", misses ? at_least(missed->misses, 0) : -1, 0);
}

void namespace_lookups_add_row(const struct namespace_lookups *lookups, cJSON *item, size_t i)
{
	add_daemon(item, &lookups->daemon.rows[i]);
	add_clients(item, &lookups->view, &lookups->missed.rows[i], &lookups->in_windows.rows[i]);
}

void namespace_lookups_add_unmatched(const struct namespace_lookups *lookups, cJSON *item)
{
	add_daemon(item, &lookups->daemon.unmatched);
	add_clients(
		item, &lookups->view, &lookups->missed.unmatched, &lookups->in_windows.unmatched);
}

void namespace_lookups_add_rest(const struct namespace_lookups *lookups, cJSON *item)
{
	add_daemon(item, &lookups->daemon.rest);
	add_clients(item, &lookups->view, &lookups->missed.rest, &lookups->in_windows.rest);
}

void namespace_lookups_add_method(const struct client_lookups_view *view, cJSON *object)
{
	const char *method = view->misses && view->monitor ? "key-miss events and MONITOR"
			     : view->misses		   ? "key-miss events"
			     : view->monitor		   ? "MONITOR"
							   : NULL;
	cJSON *clients = cJSON_AddObjectToObject(object, "clients");

	json_add_text(clients, "method", method);
	json_add_uint(clients, "windows", view->windows);
	json_add_text(clients, "reason", method ? view->reason : NULL);
}
