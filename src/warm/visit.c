/* SPDX-License-Identifier: MIT */
/* Requests for rows, a fiber each; see visit.h. */
#include "warm/visit.h"

#include "base/arena.h"
#include "base/loop.h"
#include "base/mem.h"

enum { visit_ms = 60000, max_tries = 5 };

struct visits {
	struct visits_spec spec;
	struct fiber_group group;
	struct fiber_cond room;
	int64_t hold_until; /* Retry-After */
	struct fault fault; /* the error that ends the attempt, or OK */
};

/* On the heap, because curl looks into the call. */
struct visit {
	struct visits *visits;
	struct arena texts;
	struct source_param *params;
	struct source_call call;
	uint64_t row;
};

struct visits *visits_new(const struct visits_spec *spec)
{
	struct visits *visits = mem_new(struct visits);

	visits->spec = *spec;
	fiber_group_init(&visits->group, "visits", spec->loop);
	return visits;
}

void visits_end(struct visits *visits)
{
	if (!visits)
		return;
	fiber_group_stop(&visits->group);
	mem_free(visits);
}

static void free_visit(struct visit *visit)
{
	arena_release(&visit->texts);
	mem_free(visit);
}

/* Waits while the service wants no requests. Parks. */
static enum error await_service(const struct visits *visits)
{
	int64_t now;
	enum error error = OK;

	while (!error && (now = clock_mono_ms()) < visits->hold_until) {
		int64_t until = visits->hold_until < visits->spec.deadline ? visits->hold_until
									   : visits->spec.deadline;
		error = until > now ? fiber_sleep(until - now) : ERR_TIMEOUT;
	}
	return error;
}

/* One request and its verdict; true: it has to be tried again. Parks. */
static bool try_once(struct visit *visit, bool last)
{
	struct visits *visits = visit->visits;
	struct run_counts *counts = visits->spec.counts;
	struct source_visited visited;
	struct fault fault;
	int64_t latest = clock_deadline(visit_ms);

	visit->call.deadline = latest < visits->spec.deadline ? latest : visits->spec.deadline;
	if (!source_visit(visits->spec.sources, &visit->call, &visited, &fault)) {
		counts->visited++;
		return false;
	}
	if (visited.after_ms) {
		int64_t until = clock_deadline(visited.after_ms);

		visits->hold_until = until > visits->hold_until ? until : visits->hold_until;
		if (!last && until < visits->spec.deadline)
			return true;
	}
	fault_disclose(&fault);
	run_counts_reject(counts, visit->row, &fault);
	if (visited.refused && !visits->fault.error)
		visits->fault = fault;
	return false;
}

static void visit_fiber(void *argument)
{
	struct visit *visit = argument;
	struct visits *visits = visit->visits;
	struct fault fault;
	bool again = true;

	for (unsigned i = 1; again; i++) {
		enum error error = await_service(visits);

		if (error) {
			fault_set(
				&fault, error, "the service was not visited before the run ended");
			run_counts_reject(visits->spec.counts, visit->row, &fault);
			break;
		}
		again = try_once(visit, i == max_tries);
	}
	fiber_cond_signal(&visits->room);
	free_visit(visit);
}

/* The parameters of the address, from the row. */
static enum error fill_params(
	struct visit *visit, const struct source_row *row, struct fault *fault)
{
	const struct template *path = visit->call.conf->url_path;
	size_t count = template_names(path);
	struct buf value = {0};
	enum error error = OK;

	visit->params = arena_alloc(&visit->texts, count * sizeof *visit->params);
	for (size_t i = 0; i < count && !error; i++) {
		struct slice name = template_name(path, i);

		buf_clear(&value);
		if (!source_row_get(row, name, &value) && !source_row_lacks(row, name, fault))
			error = fault_set(fault, ERR_SOURCE_ROW, "the row has no %.*s",
				(int)(name.n < 100 ? name.n : 100), name.p);
		else if (fault->error)
			error = ERR_SOURCE_ROW;
		visit->params[i] = (struct source_param){
			.name = name, .value = arena_slice(&visit->texts, buf_slice(&value))};
	}
	buf_release(&value);
	visit->call.params = visit->params;
	visit->call.param_count = count;
	return error;
}

/* Parks. */
static enum error await_room(struct visits *visits, struct fault *fault)
{
	enum error error = await_service(visits);

	while (!error && !visits->fault.error &&
		(int64_t)visits->group.count >= visits->spec.job->window)
		error = fiber_cond_wait(&visits->room, "room for a visit", visits->spec.deadline);
	if (error)
		return fault_set(fault, error, "the visits did not end in time");
	if (visits->fault.error)
		*fault = visits->fault;
	return visits->fault.error;
}

enum error visits_add(struct visits *visits, const struct source_row *row, struct fault *fault)
{
	struct fault refused = {0};
	struct visit *visit = mem_new(struct visit);

	visit->visits = visits;
	visit->row = row->number;
	visit->call = (struct source_call){
		.conf = &visits->spec.job->visit, .max_row_bytes = 1, .visit = true};
	/* The row is gone after a park. */
	if (fill_params(visit, row, &refused)) {
		run_counts_reject(visits->spec.counts, row->number, &refused);
		free_visit(visit);
		return OK;
	}
	enum error error = await_room(visits, fault);
	if (error) {
		run_counts_reject(visits->spec.counts, visit->row, fault);
		free_visit(visit);
		return error;
	}
	fiber_set_id(fiber_spawn(&visits->group, "visit", visit_fiber, visit), fiber_id());
	return OK;
}

enum error visits_flush(struct visits *visits, struct fault *fault)
{
	enum error error = fiber_group_join(&visits->group, visits->spec.deadline);

	if (error)
		return fault_set(fault, error, "the visits did not end in time");
	if (visits->fault.error)
		*fault = visits->fault;
	return visits->fault.error;
}
